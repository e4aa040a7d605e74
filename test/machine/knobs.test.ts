// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { knobFaults } from '../../src/machine/knobs.js';
import { catalogue } from '../../src/scenario/catalogue.js';
import { kernelByName, pin } from '../../src/series/registry.js';

const patched = kernelByName('v6.19-rc1+semantics-aware-v2');

describe('knobs by name', () => {
  it('says every name that no kernel has, with the nearest', () => {
    const scenario = { features: { NEXT_BUDY: true }, knobs: { halt_pol_ns: 0, base_slice_ns: 700_000 } };
    const faults = knobFaults([pin], scenario);
    expect(faults.map((f) => f.place)).toEqual(['features.NEXT_BUDY', 'knobs.halt_pol_ns']);
    expect(faults[0].expected).toContain('NEXT_BUDDY');
    expect(faults[1].expected).toContain('halt_poll_ns');
  });

  it('takes what a series brings, on that series', () => {
    const scenario = { knobs: { vcpu_debooster_enabled: 0 } };
    expect(knobFaults([patched], scenario)).toEqual([]);
    expect(knobFaults([pin], scenario)).toHaveLength(1);
  });

  it('finds nothing in the catalogue', () => {
    for (const scenario of catalogue) expect(knobFaults([pin, patched], scenario)).toEqual([]);
  });
});
