// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/machine/boot.js';
import { getKnob, knobFaults, setKnob } from '../../src/machine/knobs.js';
import { catalogue } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName, pin, pinOf } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';

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

  it('says values that a knob does not take, also in events, and where', () => {
    const knobs = { base_slice_ns: -5, vnmi: 2, halt_poll_ns: 2 ** 32, ipi_window_ns: 2 ** 40 };
    const events = [
      { ev: 'knob', name: 'NEXT_BUDDY', value: 7 } as const,
      { ev: 'knob', name: 'hz', value: 1 } as const,
    ];
    expect(knobFaults([patched], { knobs, events }, 'scenario.').map((f) => [f.code, f.place, f.got])).toEqual([
      ['knob-value', 'scenario.knobs.base_slice_ns', '-5'],
      ['knob-value', 'scenario.knobs.vnmi', '2'],
      ['knob-value', 'scenario.knobs.halt_poll_ns', '4294967296'],
      ['knob-value', 'scenario.events[0]', '7'],
      ['unknown-knob', 'scenario.events[1]', '"hz"'],
    ]);
  });

  it('takes the slice of SCHED_RR in ms, and 0 for its default', () => {
    const m = boot(pin, { cpus: 1, hz: 250, knobs: { sched_rr_timeslice_ms: 9 } });
    expect([m.sched_rr_timeslice, getKnob(m, 'sched_rr_timeslice_ms')]).toEqual([3, 12]);
    setKnob(bind(pin, m), m, 'sched_rr_timeslice_ms', 0);
    expect(getKnob(m, 'sched_rr_timeslice_ms')).toBe(100);
  });

  it('finds nothing in the catalogue', () => {
    for (const scenario of catalogue) {
      const kernels = scenario.arch === undefined ? [pin, patched] : [pinOf(scenario.arch)];
      expect(knobFaults(kernels, scenario)).toEqual([]);
    }
  });

  it('takes no scenario of another architecture, and on arm64 no parameter of x86', () => {
    const guest = catalogue.find((it) => it.arch === 'arm64') as Scenario;
    expect(knobFaults([pin], guest)).toMatchObject([{ code: 'architecture', place: 'arch', got: 'arm64' }]);
    const arm64 = pinOf('arm64');
    expect(knobFaults([arm64], catalogue[0]!)).toMatchObject([{ code: 'architecture', got: 'x86' }]);
    expect(knobFaults([arm64], { knobs: { kvm_wfi_trap_policy: 2 } })).toEqual([]);
    const faults = knobFaults([arm64], { knobs: { kvm_wfi_trap_policy: 3, ple_window: 1 } });
    expect(faults.map(({ code }) => code)).toEqual(['knob-value', 'unknown-knob']);
  });
});
