// SPDX-License-Identifier: GPL-2.0-only
/** The claims on pvsched-v1: all there, and refutations go away with what causes them. */
import { describe, expect, it } from 'vitest';
import { claimsOf, recorded } from '../../properties/claims.js';
import type { Property, Verdict } from '../../properties/vocabulary.js';
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { ASK_DEFAULTS, ask } from '../../src/explore/ask.js';
import { foresee } from '../../src/explore/asker.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { and, not, type u64 as U64, u64, ZERO } from '../../src/lib/types.js';
import { SCHED_NORMAL } from '../../src/sched/sched.js';
import { pv_sched_of } from '../../src/series/pvsched-v1/0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import type { pvsched } from '../../src/series/pvsched-v1/adds.js';
import { kernelByName } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const BASE = 'v6.12.117';
const SERIES = `${BASE}+pvsched-v1`;
const claims = claimsOf('pvsched-v1');
const properties = claims.flatMap((claim) => claim.properties);
// WHY: one probed table for all; with one for each V8 compiles the kernel as often
foresee(claims);
const byId = (id: string): Property => properties.find((p) => p.id === id) as Property;

function verdict(kernel: Kernel, property: Property, events = 5_000): Verdict {
  const asked = { engine: machineEngine, kernel, property, seed: 1, runs: 150, events, unshrunk: true };
  const found = runRandom(asked);
  if (found.failure !== null) return 'refuted';
  return found.reached === 0 ? 'vacuous' : 'holds';
}

describe('claims on pvsched-v1', () => {
  it('are all there: each has properties, or a reason why no model can answer', () => {
    const numbers = (n: number, letters: string) => [...Array(n).keys()].map((i) => `${letters}${i + 1}`);
    expect(claims.map((claim) => claim.id)).toEqual([...numbers(17, 'B'), ...numbers(11, 'BR')]);
    for (const claim of claims) {
      expect(claim.words.length).toBeLessThanOrEqual(60);
      expect(claim.properties.length === 0).toBe(claim.unanswerable !== undefined);
      for (const [i, p] of claim.properties.entries()) expect(p.id).toBe(`${claim.id}.${i + 1}`);
    }
  });

  it('have a recorded verdict on base and series', () => {
    for (const p of properties) {
      expect(Object.keys(recorded[p.id] ?? {}), p.id).toEqual(
        expect.arrayContaining([BASE, SERIES, 'v6.5', 'v6.5+pvsched-v1']),
      );
    }
  });

  it.each(['B2.1', 'B8.1', 'B17.2', 'BR10.1'])('%s is on v6.5 as recorded', (id) => {
    for (const name of ['v6.5', 'v6.5+pvsched-v1']) {
      const options = { ...ASK_DEFAULTS, unshrunk: true };
      expect(ask(machineEngine, kernelByName(name), byId(id), options).verdict, name).toBe(recorded[id]?.[name]);
    }
  });
});

const series = kernelByName(SERIES).table;

/** The status is what it is made; then the thread is what it should be, whoever believes what. */
function setSchedAlways(this: pvsched, vcpu: kvm_vcpu, boost: boolean): number {
  pv_sched_of(vcpu).boost = boost ? 1 : 2;
  return (series.kvm_vcpu_set_sched as AnyFunction).call(this, vcpu, boost) as number;
}

/** A write of the MSR that takes the boost away itself. */
function unboostsFirst(this: pvsched, vcpu: kvm_vcpu, data: U64): number {
  if (vcpu.pid >= 0) this.sched_setscheduler_pi_nocheck(this.m.task[vcpu.pid], SCHED_NORMAL, 0, false);
  return (series.kvm_set_msr_commonPvSched as AnyFunction).call(this, vcpu, data) as number;
}

const repairs: { id: string; without: string; funcs: Record<string, AnyFunction> }[] = [
  {
    id: 'B1.4',
    without: 'the VMX-preemption timer, which stands still while the vCPU is preempted',
    funcs: { kvm_can_use_hv_timer: () => false },
  },
  { id: 'B8.2', without: 'the VMX-preemption timer', funcs: { kvm_can_use_hv_timer: () => false } },
  {
    id: 'B3.2',
    without: 'that an NMI still counts as an interrupt when its exit is looked at',
    funcs: {
      irqentry_nmi_exit(this: pvsched) {
        (kernelByName(BASE).table.irqentry_nmi_exit as AnyFunction).call(this);
        if (this.pv_sched_enabled() && this.preempt_count() === 0) this.pv_sched_unboost_vcpu();
      },
    },
  },
  { id: 'B5.3', without: 'the limit', funcs: { kvm_vcpu_exceeds_preempt_disabled_duration: () => false } },
  {
    id: 'B6.2',
    without: 'that a write of the MSR changes the status alone',
    funcs: { kvm_set_msr_commonPvSched: unboostsFirst },
  },
  {
    id: 'B11.1',
    without: 'that a write of the MSR changes the status alone',
    funcs: { kvm_set_msr_commonPvSched: unboostsFirst },
  },
  {
    id: 'B12.1',
    without: 'that a write of the MSR changes the status alone',
    funcs: { kvm_set_msr_commonPvSched: unboostsFirst },
  },
  {
    id: 'B12.2',
    without: 'that the two tests are not chained',
    funcs: {
      kvm_set_msr_commonPvSched(this: pvsched, vcpu: kvm_vcpu, data: U64) {
        if (and(data, not(u64(1))) !== ZERO)
          return (series.kvm_set_msr_commonPvSched as AnyFunction).call(this, vcpu, data);
        pv_sched_of(vcpu).msr_val = ZERO;
        return 0;
      },
    },
  },
  {
    id: 'BR4.2',
    without: 'that status and policy differ, and that an address without memory takes the page of before away',
    funcs: {
      kvm_vcpu_set_sched: setSchedAlways,
      kvm_set_msr_commonPvSched(this: pvsched, vcpu: kvm_vcpu, data: U64) {
        const before = { ...pv_sched_of(vcpu).data };
        const r = (series.kvm_set_msr_commonPvSched as AnyFunction).call(this, vcpu, data);
        if (pv_sched_of(vcpu).data.bad) pv_sched_of(vcpu).data = before;
        return r;
      },
    },
  },
  {
    id: 'BR7.1',
    without: 'that each failure is printed',
    funcs: {
      printk(this: pvsched & { said?: boolean }, msg: string) {
        if (this.said === true) return;
        this.said = true;
        (series.printk as AnyFunction).call(this, msg);
      },
    },
  },
];

describe('a refutation goes away with its cause', () => {
  for (const { id, without, funcs } of repairs) {
    it(`${id} without ${without}`, () => {
      expect(recorded[id][SERIES]).toBe('refuted');
      expect(
        verdict(overridden(kernelByName(SERIES), 'repaired', funcs), byId(id), id === 'B1.4' ? 14_000 : 5_000),
      ).toBe('holds');
    });
  }
});

it('BR10.1 holds on v6.5 without the second unboost on the way out of an interrupt to user mode', () => {
  const kernel = kernelByName('v6.5+pvsched-v1');
  const once = overridden(kernel, 'once', {
    irqentry_exitUnboost(this: pvsched) {
      if (!this.this_irq_cpu().user_mode) (series.irqentry_exitUnboost as AnyFunction).call(this);
    },
  });
  const asked = (k: Kernel): Verdict =>
    ask(machineEngine, k, byId('BR10.1'), { ...ASK_DEFAULTS, unshrunk: true }).verdict;
  expect([asked(kernel), asked(once)]).toEqual(['refuted', 'holds']);
});

describe('prefixes', () => {
  it('boost a guest that never wrote the MSR, from patch 4 until patch 6', () => {
    const asked = byId('B14.1');
    for (const n of [4, 5]) expect(verdict(kernelByName(`${SERIES}~${n}`), asked), `patch ${n}`).toBe('refuted');
    for (const n of [3, 6]) expect(verdict(kernelByName(`${SERIES}~${n}`), asked), `patch ${n}`).toBe('holds');
  });
});
