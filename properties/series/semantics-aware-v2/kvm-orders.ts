// SPDX-License-Identifier: GPL-2.0-only
/** A16, A18, AR3, AR15: orders of plain accesses, switches, and what the tracking could do without. */

import type { kvm_lapic_irq, kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { add, gt, u64 } from '../../../src/lib/types.js';
import { apply } from '../../../src/machine/apply.js';
import { cloneMachine } from '../../../src/machine/clone.js';
import { guestEvents } from '../../../src/machine/guest-events.js';
import { getKnob } from '../../../src/machine/knobs.js';
import { settleGuest } from '../../../src/machine/settle.js';
import type { machine } from '../../../src/machine/state.js';
import { findSeries, kernelByName } from '../../../src/series/registry.js';
import type { semantics_aware } from '../../../src/series/semantics-aware-v2/adds.js';
import { rebind } from '../../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import {
  agrees,
  always,
  type Claim,
  type Monitor,
  type Property,
  type Step,
  sometimes,
  stateless,
} from '../../vocabulary.js';
import { BASE, differs, elsewhere, withFunctions } from './fork.js';
import { believed, believes, contextOf, hex, type Ipi, ipiTruth, sayIpi, vcpuName, WINDOW } from './ipi-truth.js';
import { clocksThatDiffer } from './kvm-answers.js';
import { spinWorld, vmWorld } from './kvm-worlds.js';
import { common, nameOf, now, sayYield, type YieldTo, yieldProbes } from './monitors.js';
import { type Attempt, acceptable, boosted, sayCandidate, spinElsewhere, spinProbes, spins } from './spins.js';
import { yielders } from './worlds.js';

const A16: Property[] = [
  always('an answer that comes while its IPI is being delivered ends the wait for it, as any other answer does', {
    of: 'A16.1',
    given: vmWorld({ weights: { advance: 10, tick: 4, ipi: 24, eoi: 18 }, cpus: [2, 3], vcpus: [2, 3] }),
    watch: answeredMeanwhile,
    fault: {
      says: 'an EOI is not looked at',
      funcs: { kvm_clear_ipi_on_eoi() {} },
    },
  }),
  always('no recency check sees a time in the future', {
    of: 'A16.2',
    given: vmWorld({ weights: { advance: 16, tick: 6, ipi: 20, eoi: 10, pause: 14 } }),
    watch: () => {
      let sender: kvm_vcpu | null = null;
      return stateless({
        probes: {
          kvm_vcpu_is_ipi_receiver: {
            enter(_step, args) {
              sender = args[0] as kvm_vcpu;
            },
            leave(step) {
              const context = sender === null ? undefined : contextOf(sender);
              if (context === undefined) return;
              step.reach();
              if (gt(context.ipi_time_ns, step.m.sched_clock))
                step.fail('the age of an IPI is below zero, that is, vast');
            },
          },
        },
      });
    },
    fault: {
      says: 'the time is that of the end of the window',
      funcs: {
        kvm_track_ipi_communication(this: semantics_aware, sender: kvm_vcpu, receiver: kvm_vcpu) {
          const context = contextOf(sender);
          if (context === undefined) return;
          context.last_ipi_receiver = receiver.vcpu_idx;
          context.pending_ipi = true;
          context.ipi_time_ns = add(this.m.sched_clock, u64(WINDOW));
        },
      },
    },
  }),
  clocksThatDiffer,
];

/**
 * Nothing keeps a receiver on another CPU from taking and ending an interrupt as soon as it is accepted, before the
 * sender's CPU goes on: on a copy of the machine it does, and then the sender's CPU notes what it has sent.
 */
function answeredMeanwhile(): Monitor {
  return stateless({
    probes: {
      kvm_apic_set_irq: {
        leave(step, accepted, args) {
          const [receiver, irq] = args as [kvm_vcpu, kvm_lapic_irq];
          if (accepted !== 1 || step.event.ev !== 'ipi') return;
          endsAtOnce(step, receiver, irq.vector);
        },
      },
    },
  });
}

function endsAtOnce(step: Step, { id, cpu }: kvm_vcpu, vector: number): void {
  const sender = step.m.vcpuOfTask[step.m.rq[step.m.cpu].curr];
  if (sender === id || cpu === step.m.cpu || cpu < 0) return;
  if ((step.kernel as semantics_aware).kvm_track_ipi_communication === undefined) return;
  const m = cloneMachine(step.m);
  const k = rebind(step.kernel, m) as semantics_aware;
  if (k.guestOn(cpu) !== id) return;
  settleGuest(k, m, cpu);
  const handlers = m.actor[m.vcpu[id].pid].handlers;
  if (handlers.length !== 1 || handlers[0].vector !== vector) return;
  guestEvents.eoi.perform(k, m, { ev: 'eoi', cpu });
  m.cpu = step.m.cpu;
  k.kvm_track_ipi_communication(m.vcpu[sender], m.vcpu[id]);
  step.reach();
  if (!k.kvm_vcpu_is_ipi_receiver(m.vcpu[sender], m.vcpu[id])) return;
  step.fail(
    `${vcpuName(m, id)} on CPU ${cpu} ends ${hex(vector)} after kvm_apic_set_irq() and before ` +
      `kvm_track_ipi_communication() on CPU ${m.cpu}: answered, and from then on awaited`,
  );
}

const switching = { advance: 12, tick: 4, ipi: 20, eoi: 18, knob: 8, pause: 4 };
const ALL_OFF = { ipi_tracking_enabled: 0, enable_relaxed_boost: 0, vcpu_debooster_enabled: 0 };

/** Every PAUSE exit has the same effect as on the base kernel, from the same state. */
function spinsAsOnBase(): Monitor {
  let there: ReturnType<typeof spinElsewhere> | null = null;
  let here = -1;
  return stateless({
    before(step) {
      here = -1;
      there = step.event.ev === 'pause' ? spinElsewhere(step) : null;
    },
    probes: spinProbes({
      leave(_step, spin) {
        here = boosted(spin.attempts);
      },
    }),
    after(step) {
      if (there === null) return;
      const base = boosted(there.attempts);
      if (base >= 0) step.reach();
      const name = (id: number): string => (id < 0 ? 'nobody' : vcpuName(step.m, id));
      if (here !== base) step.fail(`a PAUSE exit boosts ${name(here)}; with ${BASE} it would boost ${name(base)}`);
      const difference = differs(step.m, there.m);
      if (difference !== null) step.fail(`a PAUSE exit is not what ${BASE} makes of it (there): ${difference}`);
    },
  });
}

/** Functions that patches 5 and 7 to 9 put in place of others. */
function activated(): string[] {
  const patches = findSeries('semantics-aware-v2')?.patches ?? [];
  return [5, 7, 8, 9].flatMap((n) => Object.keys(patches[n - 1]?.funcs ?? {}));
}

/** This kernel, with what patches 5 and 7 to 9 replace as it was. */
function scaffolding(k: vmlinux_x86, m: machine): vmlinux_x86 {
  const { table } = kernelByName(BASE);
  const was = activated().filter((name) => table[name] !== undefined);
  return withFunctions(rebind(k, m), Object.fromEntries(was.map((name) => [name, table[name]])));
}

const noBuddy = { says: 'nobody becomes a buddy', funcs: { set_next_buddy() {} } };

const A18: Property[] = [
  agrees('with the three switches at 0, a PAUSE exit does what it does without the series', {
    of: 'A18.1',
    given: spinWorld({ set: ALL_OFF }),
    watch: spinsAsOnBase,
    fault: { says: 'nobody is boosted', funcs: { kvm_vcpu_yield_to: () => 0 } },
  }),
  always('with ipi_tracking_enabled at 0 nobody is awaited', {
    of: 'A18.2',
    given: vmWorld({ weights: switching, knobs: { ipi_tracking_enabled: [0, 1] } }),
    watch: () =>
      stateless({
        after(step) {
          if (getKnob(step.m, 'ipi_tracking_enabled') !== 0 || believes(step.kernel, step.m, 0, 0) === null) return;
          step.reach();
          const [pair] = believed(step);
          if (pair === undefined) return;
          const [s, r] = pair.map((id) => vcpuName(step.m, id));
          step.fail(`tracking is off, and ${s} is thought to wait for ${r}`);
        },
      }),
    fault: {
      says: 'the switch is not looked at',
      funcs: {
        kvm_vcpu_is_ipi_receiver: (sender: kvm_vcpu, receiver: kvm_vcpu) =>
          contextOf(sender)?.last_ipi_receiver === receiver.vcpu_idx,
      },
    },
  }),
  always('after ipi_tracking_enabled was 0 for a while, nobody is awaited who has answered meanwhile', {
    of: 'A18.3',
    given: vmWorld({ weights: switching, knobs: { ipi_tracking_enabled: [0, 1] } }),
    watch: answeredWhileOff,
    fault: {
      says: 'the switch matters to an EOI only',
      funcs: { kvm_vcpu_clear_ipi_context() {} },
    },
  }),
  always('with enable_relaxed_boost at 0, nobody is boosted whom the strict round would not take', {
    of: 'A18.4',
    given: spinWorld({ set: { enable_relaxed_boost: 0 } }),
    watch: () =>
      spins((open) => ({
        attempt(step, spin, { target }) {
          const it = spin.candidates.find(({ id }) => id === target);
          if (it === undefined) return;
          step.reach();
          if (acceptable({ ...it, refused: false }, spin.kernelMode)) return;
          if (open().some((ipi) => ipi.from === spin.me && ipi.to === target)) return;
          step.fail(`${vcpuName(step.m, spin.me)} tries ${sayCandidate(step.m, it)}, to whom it has sent nothing`);
        },
      })),
    fault: {
      says: 'everybody counts as preempted in the kernel',
      funcs: { kvm_arch_vcpu_preempted_in_kernel: () => true },
    },
  }),
  agrees('patches 1 to 4 and 6 alone, before others use what they bring, change nothing', {
    of: 'A18.5',
    given: vmWorld({
      vcpus: [3, 4],
      weights: { advance: 16, tick: 12, ipi: 12, eoi: 8, pause: 20, cpl: 6, hlt: 5 },
      length: 25,
      events: 2_500,
    }),
    watch: () => {
      let pair: [machine, machine] | null = null;
      return stateless({
        before(step) {
          pair = null;
          if (step.event.ev === 'advance') return;
          const m = cloneMachine(step.m);
          apply(scaffolding(step.kernel, m), step.event);
          pair = [m, elsewhere(step, BASE)];
        },
        after(step) {
          if (pair === null) return;
          step.reach();
          const difference = differs(...pair);
          if (difference !== null) step.fail(`patches 1 to 4 and 6 (here) and ${BASE} (there): ${difference}`);
        },
      });
    },
    fault: noBuddy,
  }),
];

/** Answered while nobody tracked: not awaited when tracking is back. */
function answeredWhileOff(): Monitor {
  let missed: Ipi[] = [];
  const truth = ipiTruth({
    sending(_step, from, ipis) {
      missed = missed.filter((it) => !ipis.some((other) => it.from === from && it.to === other.to));
    },
    ending(step, _receiver, _vector, answered) {
      if (getKnob(step.m, 'ipi_tracking_enabled') === 0) missed.push(...answered);
    },
  });
  const underWay = (it: Ipi): boolean => truth.open.some((other) => other.from === it.from && other.to === it.to);
  return {
    notes: () => ({ missed, open: truth.open }),
    probes: truth.probes,
    after(step) {
      if (getKnob(step.m, 'ipi_tracking_enabled') === 0) return;
      for (const it of missed) {
        if (underWay(it) || now(step.m) - it.at > WINDOW) continue;
        const answer = believes(step.kernel, step.m, it.from, it.to);
        if (answer === null) return;
        step.reach();
        if (!answer) continue;
        step.fail(`${sayIpi(step.m, it)} was answered while tracking was off; now that it is on, it is awaited again`);
      }
    },
  };
}

const AR3: Property[] = [
  sometimes('a spinner yields to the receiver of its IPI on another runqueue', {
    of: 'AR3.1',
    given: spinWorld({ cpus: [2], free: true }),
    watch: () =>
      spins((open) => ({
        attempt(step, spin, { target }) {
          const { m } = step;
          const [mine, other] = [spin.me, target].map((id) => m.task[m.vcpu[id].pid].cpu);
          if (mine === other || !open().some((it) => it.from === spin.me && it.to === target)) return;
          step.reach(`${vcpuName(m, spin.me)} on CPU ${mine}, ${vcpuName(m, target)} on CPU ${other}`);
        },
      })),
    fault: { says: 'nobody is tried', funcs: { kvm_vcpu_on_spin() {} } },
  }),
  agrees('a yield_to() to another runqueue does just what it does without the series', {
    of: 'AR3.2',
    given: yielders(['flat', 'groups'], { tasks: [3, 5], cpus: [2] }),
    watch: acrossAsOnBase,
    fault: { says: 'a yield does nothing', funcs: { yield_to_task_fair: () => true } },
  }),
  always('after a yield_to() to another runqueue, the target runs there as soon as the call is over', {
    of: 'AR3.3',
    given: yielders(['flat', 'groups'], { tasks: [3, 5], cpus: [2] }),
    watch: () => {
      let it: YieldTo | null = null;
      return stateless({
        before() {
          it = null;
        },
        probes: yieldProbes({
          leave(_step, yielded) {
            it = yielded;
          },
        }),
        after(step) {
          if (it === null || it.where !== null) return;
          step.reach();
          const { cpu } = step.m.task[it.target];
          const { curr } = step.m.rq[cpu];
          if (curr === it.target) return;
          step.fail(`${sayYield(step.m, it)} on CPU ${cpu}, where ${nameOf(step.m, curr)} runs on`);
        },
      });
    },
    fault: { says: 'a yield does nothing', funcs: { yield_to_task_fair: () => true } },
  }),
];

function acrossAsOnBase(): Monitor {
  let there: machine | null = null;
  return stateless({
    before(step) {
      there = null;
      const { event, m } = step;
      if (event.ev !== 'yield_to' || common(m, m.rq[event.cpu].curr, event.task) !== null) return;
      there = elsewhere(step, BASE);
    },
    after(step) {
      if (there === null) return;
      step.reach();
      const difference = differs(step.m, there);
      if (difference !== null)
        step.fail(`a yield_to() across runqueues is not what ${BASE} does (there): ${difference}`);
    },
  });
}

const AR15: Property[] = [
  agrees("a spin boosts whom it would boost if receivers were marked without their senders' names", {
    of: 'AR15.1',
    given: spinWorld(),
    watch: withoutSenders,
    fault: {
      says: 'whoever has sent anything waits for everybody',
      funcs: {
        kvm_vcpu_is_ipi_receiver: (sender: kvm_vcpu, receiver: kvm_vcpu) =>
          contextOf(sender)?.pending_ipi === true && receiver.vcpu_idx === 0,
      },
    },
  }),
];

/** The spin on a copy of the machine on which `some sender waits for it` is all that is known of a receiver. */
function withoutSenders(): Monitor {
  let there: readonly Attempt[] | null = null;
  return stateless({
    before(step) {
      const pairs = step.event.ev === 'pause' ? believed(step) : [];
      there = null;
      if (pairs.length === 0) return;
      const marked = (receiver: kvm_vcpu): boolean => pairs.some(([, r]) => r === receiver.id);
      there = spinElsewhere(step, (m) =>
        withFunctions(rebind(step.kernel, m), {
          kvm_vcpu_is_ipi_receiver: (_me: kvm_vcpu, receiver: kvm_vcpu) => marked(receiver),
        }),
      ).attempts;
    },
    probes: spinProbes({
      leave(step, spin) {
        if (there === null) return;
        const [here, other] = [boosted(spin.attempts), boosted(there)];
        step.reach();
        if (here === other) return;
        const name = (id: number): string => (id < 0 ? 'nobody' : vcpuName(step.m, id));
        step.fail(`${vcpuName(step.m, spin.me)} boosts ${name(here)}; without senders it would boost ${name(other)}`);
      },
    }),
  });
}

export const orders: Claim[] = [
  { id: 'A16', words: 'monotonic time: efficient, race-free recency checks', properties: A16 },
  { id: 'A18', words: 'runtime controls; early patches are inert', properties: A18 },
  { id: 'AR3', words: 'why only on one runqueue? IPI pairs are on two', properties: AR3 },
  { id: 'AR15', words: 'a bool per receiver instead of the sender', properties: AR15 },
];
