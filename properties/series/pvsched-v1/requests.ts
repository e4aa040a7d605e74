// SPDX-License-Identifier: GPL-2.0-only
/** B2, B3, B5, B8: when a boost begins and ends. */

import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { APIC_DM_FIXED } from '../../../src/lapic/apicdef.js';
import type { kvm_lapic } from '../../../src/lapic/lapic.js';
import { to_u32, U64_MAX } from '../../../src/lib/types.js';
import { MSR_KVM_PV_SCHED } from '../../../src/series/pvsched-v1/0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import type { pvsched } from '../../../src/series/pvsched-v1/adds.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import { MS, US } from '../../arbitraries.js';
import { always, type Claim, leadsTo, type Monitor, type Property, type Step } from '../../vocabulary.js';
import {
  BOOST,
  guestState,
  inGuest,
  isEnabled,
  isRealTime,
  LIMIT,
  nameOf,
  now,
  sayPolicy,
  shared,
  UNBOOST,
} from './monitors.js';
import { byEvents, cyclictest, guests, pingPong, REALTIME, rawVms, section, softirqs, waker } from './worlds.js';

/** Everything that a guest's kernel may be urgent for. */
const mixed = guests({
  tasks: ({ sleep, work }) => [
    waker('rt', sleep, work, REALTIME),
    { comm: 'off', program: section(work) },
    { comm: 'soft', program: softirqs(work) },
    { comm: 'hog' },
  ],
});

const B2: Property[] = [
  always("the MSR makes a guest's CPU exit only when it asks to be unboosted", {
    of: 'B2.1',
    given: mixed,
    watch: () => ({
      notes: () => null,
      probes: {
        handle_fastpath_set_msr_irqoff: {
          enter(step, args) {
            const v = args[0] as kvm_vcpu;
            const notifies =
              to_u32(v.arch.regs.rcx) === MSR_KVM_PV_SCHED &&
              (step.kernel as vmlinux_x86).kvm_read_edx_eax(v) === U64_MAX;
            const page = notifies ? shared(step.m, v) : null;
            if (page === null) return;
            step.reach();
            if (page.request === UNBOOST) return;
            step.fail(`${nameOf(step.m, v)} makes its host look with request ${page.request} in the page`);
          },
        },
      },
    }),
    fault: {
      says: 'the guest asks to be boosted by an exit',
      funcs: {
        pv_sched_boost_vcpu_lazy(this: pvsched) {
          const gpa = 0x10_0000 + 64 * this.m.cpu;
          const { ops } = this.this_irq_cpu();
          ops.push({ op: 'store', gpa: gpa + 8, byte: 0, value: BOOST });
          ops.push({ op: 'wrmsr', msr: MSR_KVM_PV_SCHED, low: 0xffff_ffff, high: 0xffff_ffff });
        },
      },
    },
  }),
  always('behind the exit that follows a request to be boosted the thread is real-time', {
    of: 'B2.2',
    means: 'an exit that leaves the inner loop of vcpu_enter_guest(), within the limit on sections without preemption',
    given: rawVms({ vcpus: 2 }),
    watch: () => {
      const first = new Map<number, number>();
      return {
        notes: () => [...first],
        probes: {
          kvm_vcpu_do_pv_sched: {
            leave(step, _result, args) {
              const v = args[0] as kvm_vcpu;
              const since = sectionSince(first, step, v);
              const page = shared(step.m, v);
              if (!isEnabled(step, v) || page?.request !== BOOST || since >= LIMIT) return;
              step.reach();
              if (!isRealTime(step.m, v))
                step.fail(`${nameOf(step.m, v)} asks for a boost and is ${sayPolicy(step.m, v)}`);
            },
          },
        },
      };
    },
    fault: { says: 'nothing is asked for', funcs: { kvm_vcpu_needs_boost: () => false } },
  }),
  leadsTo('a request to be boosted is looked at within a tick of the host while the vCPU runs', {
    of: 'B2.3',
    given: cyclictest({ works: [12 * MS], sleeps: [5_300 * US] }),
    watch: () => ({
      notes: () => null,
      after(step) {
        const { event, m } = step;
        if (event.ev !== 'tick') return;
        for (const v of m.vcpu) {
          if (v.cpu !== event.cpu || !inGuest(m, v) || !isEnabled(step, v)) continue;
          if (guestState(m, v)?.plain !== true || shared(m, v)?.request !== BOOST || shared(m, v)?.off === true)
            continue;
          step.reach();
          if (!isRealTime(m, v))
            step.fail(`${nameOf(m, v)} asks for a boost, has come through a tick, and is not real-time`);
        }
      },
    }),
    fault: { says: 'nobody is boosted', funcs: { kvm_vcpu_set_sched: () => 0 } },
  }),
];

/** ns for which the host has seen preemption disabled; -1 while it is not. */
function sectionSince(first: Map<number, number>, step: Step, v: kvm_vcpu): number {
  const page = shared(step.m, v);
  if (page === null) return first.has(v.id) ? now(step.m) - (first.get(v.id) as number) : -1;
  if (!isEnabled(step, v)) return first.has(v.id) ? now(step.m) - (first.get(v.id) as number) : -1;
  if (!page.off) {
    first.delete(v.id);
    return -1;
  }
  const at = first.get(v.id) ?? now(step.m);
  first.set(v.id, at);
  return now(step.m) - at;
}

/** Time passes while a guest runs what is not urgent, its own user code. */
function userCode(
  of: (step: Step, v: kvm_vcpu, state: NonNullable<ReturnType<typeof guestState>>) => boolean,
): Monitor {
  return {
    notes: () => null,
    before(step) {
      const { event, m } = step;
      if (event.ev !== 'advance' || event.ns === 0) return;
      for (const v of m.vcpu) {
        const state = guestState(m, v);
        if (state === null || !inGuest(m, v) || !isEnabled(step, v) || !of(step, v, state)) continue;
        step.reach();
        if (!isRealTime(m, v)) continue;
        step.fail(
          `${nameOf(m, v)} runs ${state.curr.comm} of its guest, a fair task in ${state.user ? 'user' : 'kernel'} mode, and is real-time; ` +
            `the page says status ${shared(m, v)?.status}, request ${shared(m, v)?.request}`,
        );
      }
    },
  };
}

const plainUser = (_step: Step, _v: kvm_vcpu, s: NonNullable<ReturnType<typeof guestState>>): boolean =>
  s.plain && s.user && s.fair;

const silent = { says: 'the guest never makes its host look', funcs: { pv_sched_vcpu_update() {} } };

const B3: Property[] = [
  always('a fair task of a guest executes no user instruction while its vCPU is real-time', {
    of: 'B3.1',
    given: mixed,
    watch: () => userCode(plainUser),
    fault: silent,
  }),
  always('a fair task of a guest executes no user instruction behind an NMI while its vCPU is real-time', {
    of: 'B3.2',
    means: 'NMIs come from the other vCPU of its VM',
    given: nmis(),
    watch: () => userCode(plainUser),
    fault: silent,
  }),
  always(
    'a vCPU is not real-time while a fair task of its guest computes in the kernel, preemptible and with nothing pending',
    {
      of: 'B3.3',
      given: guests({
        tasks: ({ sleep, work }) => [
          waker('rt', sleep, work, REALTIME),
          { comm: 'kernel', program: [{ op: 'kernel' }, { op: 'sleep', ns: 700 * US }, { op: 'compute', ns: 2 * MS }] },
        ],
      }),
      watch: () => userCode((_step, _v, s) => s.plain && !s.idle && s.fair && s.preemptCount === 0 && !s.user),
      fault: silent,
    },
  ),
];

/** Two vCPUs whose guest sends NMIs from one to the other, by events amid its programs. */
function nmis(): Property['given'] {
  const world = guests({
    tasks: () => [
      { comm: 'a', cpus: [0] },
      { comm: 'b', cpus: [1] },
    ],
    vcpus: 2,
  });
  return { ...byEvents(world, { icr: 3 }), icrs: [0x4400] };
}

const B5: Property[] = [
  always('behind an exit more than 3 ms after preemption was seen disabled the thread is not real-time', {
    of: 'B5.1',
    given: rawVms({ weights: { advance: 24, store: 14, hlt: 0 } }),
    watch: () => limit((step, v) => `${nameOf(step.m, v)} is real-time behind an exit`, 'hook'),
    fault: { says: 'there is no limit', funcs: { kvm_vcpu_exceeds_preempt_disabled_duration: () => false } },
  }),
  always('a vCPU that has had its 3 ms is not boosted again before preemption is enabled', {
    of: 'B5.2',
    given: rawVms({ weights: { advance: 24, store: 14 } }),
    watch: () => limit((step, v) => `${nameOf(step.m, v)} is boosted again by ${step.event.ev}`, 'any'),
    fault: { says: 'there is no limit', funcs: { kvm_vcpu_exceeds_preempt_disabled_duration: () => false } },
  }),
  always('the limit does not strike an interrupt of a guest that merely slept', {
    of: 'B5.3',
    given: guests({
      tasks: ({ sleep, work }) => [waker('rt', sleep, work, REALTIME)],
      sleeps: [5 * MS, 2 * MS, 10 * MS],
      until: 100,
    }),
    watch: () => ({
      notes: () => null,
      probes: {
        kvm_vcpu_do_pv_sched: {
          leave(step, _result, args) {
            const v = args[0] as kvm_vcpu;
            const state = guestState(step.m, v);
            if (state === null || !isEnabled(step, v)) return;
            const urgent =
              shared(step.m, v)?.request === BOOST && step.m.guest[v.kvm].os?.cpu[v.vcpu_idx].contexts.length !== 0;
            if (!urgent || !state.idle) return;
            step.reach();
            if (!isRealTime(step.m, v))
              step.fail(
                `${nameOf(step.m, v)} handles the interrupt that ended its sleep, asks for a boost, and has it taken away`,
              );
          },
        },
      },
    }),
    fault: { says: 'nobody is boosted', funcs: { kvm_vcpu_needs_boost: () => false } },
  }),
];

function limit(says: (step: Step, v: kvm_vcpu) => string, where: 'hook' | 'any'): Monitor {
  const first = new Map<number, number>();
  const over = new Set<number>();
  const look = (step: Step, v: kvm_vcpu): void => {
    if (!over.has(v.id)) return;
    step.reach();
    if (isRealTime(step.m, v))
      step.fail(`${says(step, v)}, ${now(step.m) - (first.get(v.id) ?? 0)} ns into its section`);
  };
  return {
    notes: () => [[...first], [...over]],
    after(step) {
      if (where === 'any') for (const v of step.m.vcpu) look(step, v);
    },
    probes: {
      kvm_vcpu_do_pv_sched: {
        leave(step, _result, args) {
          const v = args[0] as kvm_vcpu;
          if (sectionSince(first, step, v) >= LIMIT && isEnabled(step, v)) over.add(v.id);
          else over.delete(v.id);
          if (where === 'hook') look(step, v);
        },
      },
    },
  };
}

const B8: Property[] = [
  always('from an interrupt that is not posted until the guest takes it, the thread is real-time', {
    of: 'B8.1',
    means: 'fixed interrupts, of vCPUs that wrote the MSR',
    given: rawVms({ vcpus: 2 }),
    watch: injected,
    fault: {
      says: 'nobody is boosted by the host',
      funcs: {
        kvm_vcpu_kick_boost(this: pvsched, v: kvm_vcpu) {
          this.kvm_vcpu_kick(v);
        },
      },
    },
  }),
  always('a timer of the guest that is due makes the thread real-time at once, be it running or not', {
    of: 'B8.2',
    given: cyclictest(),
    watch: () => {
      /** vCPUs that wait for their CPU, with their timer set */
      let waits: number[] = [];
      const late = (step: Step, v: kvm_vcpu): number => {
        const armed = guestState(step.m, v)?.os.cpu[v.vcpu_idx].armed ?? -1;
        return armed < 0 ? Number.NEGATIVE_INFINITY : clock(step) - armed;
      };
      const isOff = ({ m }: Step, v: kvm_vcpu): boolean => {
        const p = m.task[v.pid];
        return p !== undefined && m.rq[p.cpu].curr !== p.id;
      };
      return {
        notes: () => waits,
        before(step) {
          waits = step.m.vcpu.filter((v) => isOff(step, v) && isEnabled(step, v) && late(step, v) < 0).map((v) => v.id);
        },
        after(step) {
          for (const v of step.m.vcpu) {
            const by = late(step, v);
            if (waits.includes(v.id) && (by >= 0 || !isOff(step, v))) step.reach();
            if (by < 10 * US || !isOff(step, v) || !isEnabled(step, v) || isRealTime(step.m, v)) continue;
            step.fail(`a timer of ${nameOf(step.m, v)} was due ${by} ns ago; it waits for its CPU and is not boosted`);
          }
        },
      };
    },
    fault: {
      says: 'nobody is boosted by the host',
      funcs: {
        kvm_vcpu_kick_boost(this: pvsched, v: kvm_vcpu) {
          this.kvm_vcpu_kick(v);
        },
      },
    },
  }),
];

const clock = ({ m }: Step): number => now(m) + Number(m.bootClock);

/** Fixed interrupts that were accepted and that the guest has not taken. */
export function injected(): Monitor {
  let open: { v: number; vector: number }[] = [];
  return {
    notes: () => open,
    after(step) {
      const { m } = step;
      open = open.filter(({ v, vector }) => {
        const vcpu = m.vcpu[v];
        const handlers = m.actor[vcpu.pid]?.handlers ?? [];
        return !handlers.some((h) => h.vector === vector) && isEnabled(step, vcpu);
      });
      for (const { v, vector } of open) {
        step.reach();
        if (isRealTime(m, m.vcpu[v])) continue;
        step.fail(`0x${vector.toString(16)} waits for ${nameOf(m, m.vcpu[v])}, which is ${sayPolicy(m, m.vcpu[v])}`);
        return;
      }
    },
    probes: {
      __apic_accept_irq: {
        leave(step, result, args) {
          const [apic, mode, vector] = args as [kvm_lapic, number, number];
          if (result !== 1 || mode !== APIC_DM_FIXED || !isEnabled(step, step.m.vcpu[apic.vcpu])) return;
          open.push({ v: apic.vcpu, vector });
        },
      },
    },
  };
}

export const pingPongWorld = guests({
  tasks: ({ work }) => [...pingPong(work), { comm: 'hog', cpus: [0] }, { comm: 'hog1', cpus: [1] }],
  vcpus: 2,
  host: [
    { comm: 'host', cpus: [0] },
    { comm: 'host1', cpus: [1] },
  ],
  until: 40,
});

export const requests: Claim[] = [
  { id: 'B2', words: 'asking for a boost costs no exit', properties: B2 },
  { id: 'B3', words: 'unboosting is synchronous, the host competes fairly', properties: B3 },
  { id: 'B5', words: 'preemption disabled boosts for 3000 us at most', properties: B5 },
  { id: 'B8', words: 'boosted from the injection until it is handled', properties: B8 },
];
