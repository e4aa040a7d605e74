// SPDX-License-Identifier: GPL-2.0-only
/** The claims on pvsched-v3: all recorded, and refutations go away with what causes them. */
import { describe, expect, it } from 'vitest';
import { claimsOf, recorded } from '../../properties/claims.js';
import type { Property, Verdict } from '../../properties/vocabulary.js';
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { ASK_DEFAULTS, ask } from '../../src/explore/ask.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import type { pvsched_v3 } from '../../src/series/pvsched-v3/adds.js';
import { kernelByName } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const BASE = 'v6.19';
const SERIES = `${BASE}+pvsched-v3`;
const claims = claimsOf('pvsched-v3');
const properties = claims.flatMap((claim) => claim.properties);
const byId = (id: string): Property => properties.find((p) => p.id === id) as Property;

const verdict = (kernel: Kernel, property: Property): Verdict =>
  ask(machineEngine, kernel, property, { ...ASK_DEFAULTS, unshrunk: true }).verdict;

describe('claims on pvsched-v3', () => {
  it('have words, and a recorded verdict on base and series', () => {
    expect(properties.length).toBe(29);
    for (const claim of claims) expect(claim.words.length).toBeLessThanOrEqual(60);
    for (const p of properties)
      expect(Object.keys(recorded[p.id] ?? {}), p.id).toEqual([BASE, SERIES, 'v6.12.117', 'v6.12.117+pvsched-v3']);
  });

  it.each(['B9.4', 'B16.2', 'B19.2', 'B21.1', 'BR11.9'])('%s is as recorded', (id) => {
    expect(verdict(kernelByName(SERIES), byId(id))).toBe(recorded[id]?.[SERIES]);
  });

  it.each(['B9.1', 'B9.2', 'B9.5', 'B10.1', 'B16.1', 'B20.1', 'B21.2', 'B22.1', 'B23.1', 'B23.2', 'BR4.4'])(
    '%s notices its fault',
    (id) => {
      const p = byId(id);
      expect(verdict(overridden(kernelByName(SERIES), 'faulty', p.fault.funcs), p)).toBe('refuted');
    },
  );
});

const series = kernelByName(SERIES).table;

/** A reason of the host does not end at an entry while an interrupt waits behind interrupts that are off, or behind another in service. */
function keepsReasons(this: pvsched_v3, v: kvm_vcpu, mode: number, ready: boolean): number {
  const reasons = v.pvsched?.reasons ?? 0;
  const ret = (series.pvsched_runner_vmentry_locked as AnyFunction).call(this, v, mode, ready) as number;
  if (v.pvsched !== undefined && this.kvm_lapic_find_highest_irr(v) !== -1) v.pvsched.reasons = reasons;
  return ret;
}

const repairs: { id: string; without: string; funcs: Record<string, AnyFunction> }[] = [
  {
    id: 'B20.2',
    without: 'that a reason ends at the next entry, whatever waits',
    funcs: { pvsched_runner_vmentry_locked: keepsReasons },
  },
  {
    id: 'B20.3',
    without: 'tickets for NMIs',
    funcs: { pvsched_interrupt_ready: (v: kvm_vcpu): boolean => v.arch.event_inj >= 0 && v.arch.event_inj < 256 },
  },
];

describe('a refutation goes away with its cause', () => {
  for (const { id, without, funcs } of repairs) {
    it(`${id} without ${without}`, () => {
      expect(recorded[id]?.[SERIES]).toBe('refuted');
      expect(verdict(overridden(kernelByName(SERIES), 'repaired', funcs), byId(id))).toBe('holds');
    });
  }
});
