// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { ask, patched } from '../../properties/lapic/engine.js';
import { lapicProperties } from '../../properties/lapic/index.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';

/** Where a kernel is known to break one; every other property holds on every kernel. */
const REFUTED: Readonly<Record<string, readonly string[]>> = {
  // fixed in June 2026: in 6.12.117, not in v6.19-rc1
  'v6.19-rc1': ['lapic.7'],
};
const KERNELS = ['v6.12.117', 'v6.19-rc1', 'v6.19-rc1+semantics-aware-v2'];

describe.each(lapicProperties.map((p) => [p.id, p] as const))('%s', (id, property) => {
  it.each(KERNELS)(`${property.says}: %s`, (name) => {
    const [release] = name.split('+');
    const expected = REFUTED[release]?.includes(id) === true ? 'refuted' : 'holds';
    const runs = name === KERNELS[0] ? 40 : 12;
    const answer = ask(property, kernelByName(name), { runs, shrink: expected === 'holds' });
    expect(answer.verdict, JSON.stringify(answer.counterexample)).toBe(expected);
  });

  it(`is refuted when ${property.fault.says}`, () => {
    const kernel = patched(linux_6_12, property.fault.funcs);
    expect(ask(property, kernel, { runs: 200, shrink: false }).verdict).toBe('refuted');
  });
});
