// SPDX-License-Identifier: GPL-2.0-only
/** What a Makefile builds in, by the options that are on. */
import { describe, expect, it } from 'vitest';
import { builtIn, isKbuildOnly } from '../../src/native/kbuild.js';

const built = (makefile: string, ...on: readonly string[]) =>
  builtIn(makefile, (name) => (on.includes(name) ? 'y' : undefined));

describe('a Makefile', () => {
  it.each([
    ['obj-y += core.o fair.o', ['core', 'fair']],
    ['obj-y := core.o \\\n\tfair.o # both', ['core', 'fair']],
    ['obj-$(CONFIG_A) += a.o\nobj-$(CONFIG_B) += b.o', ['a']],
    ['obj-m += a.o', []],
    ['obj-y += dir/ a.o\na-y += c.o', ['a']],
    ['ifdef CONFIG_A\nobj-y += a.o\nelse\nobj-y += b.o\nendif', ['a']],
    ['ifndef CONFIG_A\nobj-y += a.o\nelse\nobj-y += b.o\nendif', ['b']],
    ['ifeq ($(CONFIG_A),y)\nobj-y += a.o\nendif', ['a']],
    ['ifneq ($(CONFIG_B),y)\nobj-y += b.o\nendif', ['b']],
    ['ifeq ($(CONFIG_B),y)\nobj-y += b.o\nelse ifdef CONFIG_A\nobj-y += a.o\nelse\nobj-y += c.o\nendif', ['a']],
    ['ifeq ($(ARCH),x86)\nobj-y += x.o\nendif\nobj-y += a.o', ['a']],
    ['ifdef CONFIG_B\nifdef CONFIG_A\nobj-y += a.o\nendif\nendif', []],
  ])('%j with A on builds %j', (makefile, objects) => expect(built(makefile, 'A')).toEqual(objects));

  it('is followed in what it builds, not in how it builds it', () => {
    expect(isKbuildOnly(['+obj-$(CONFIG_A) += a.o', '-obj-y += b.o', '+', '+# said', '+endif'])).toBe(true);
    expect(isKbuildOnly(['+CFLAGS_core.o += -O3'])).toBe(false);
    expect(isKbuildOnly(['+obj-y += dir/'])).toBe(false);
  });
});
