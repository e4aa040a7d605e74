// SPDX-License-Identifier: GPL-2.0-only
/** v6.1: what it lacks is gone, and nothing that is left calls it. */
import { describe, expect, it } from 'vitest';
import { changed, deadline, delayed, eevdf, kvm, server, split } from '../../src/series/linux-v6.1/gone.js';
import { kernelByName, nearestRelease, pin } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';

const v6_1 = kernelByName('v6.1');
const v6_5 = kernelByName('v6.5');

/** Functions of the kernel that a function calls through `this`. */
function calledBy({ table }: Kernel, name: string): string[] {
  const text = String(table[name]).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  return [...text.matchAll(/\bthis\.(\w+)\(/g)].map(([, callee]) => callee);
}

describe('v6.1', () => {
  it('lacks EEVDF, delayed dequeue and the fair server', () => {
    for (const name of [...eevdf, ...delayed, ...server, ...deadline, ...split, ...kvm]) {
      expect(pin.table[name], name).toBeTypeOf('function');
      expect(v6_1.table[name], name).toBeUndefined();
    }
    for (const name of changed) expect(v6_1.table[name], name).not.toBe(pin.table[name]);
    expect(v6_1.sched_feat).toMatchObject({ PLACE_LAG: null, LAST_BUDDY: true });
  });

  it.each([v6_1, v6_5])('calls nothing that $name lacks', (kernel) => {
    const missing = Object.keys(kernel.table).flatMap((name) =>
      calledBy(kernel, name)
        .filter((callee) => callee !== 'tp' && kernel.table[callee] === undefined)
        .map((callee) => `${name}() calls ${callee}()`),
    );
    expect(missing).toEqual([]);
  });

  it('is the nearest release to trees with CFS, and to none with EEVDF', () => {
    for (const version of ['5.18.0', '6.1.192', '6.4.16']) expect(nearestRelease(version).name, version).toBe('v6.1');
    for (const version of ['6.5.0', '6.5.13']) expect(nearestRelease(version).name, version).toBe('v6.5');
    for (const version of ['6.6.0-rc1', '6.6.0', '6.8.2', '6.11.11', '6.12.117', '6.13.2'])
      expect(nearestRelease(version), version).toBe(pin);
  });
});
