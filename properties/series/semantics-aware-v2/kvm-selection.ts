// SPDX-License-Identifier: GPL-2.0-only
/** A13, A14: whom kvm_vcpu_on_spin() boosts, in which order, and whom it lets pass. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { ESRCH } from '../../../src/lib/errno.js';
import type { semantics_aware } from '../../../src/series/semantics-aware-v2/adds.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import { always, type Claim, type Monitor, type Property, type Step, sometimes, stateless } from '../../vocabulary.js';
import { believes, type Ipi, vcpuName, WINDOW } from './ipi-truth.js';
import { aloneOnTheirCpus, spinWorld } from './kvm-worlds.js';
import { now } from './monitors.js';
import {
  type Attempt,
  acceptable,
  boosted,
  type Candidate,
  type Spin,
  sayCandidate,
  spinElsewhere,
  spinProbes,
  spins,
} from './spins.js';

/** kvm_vcpu_on_spin() without filters and without a limit. */
function triesEverybody(this: vmlinux_x86, me: kvm_vcpu): void {
  for (const id of this.m.kvm[me.kvm].vcpus) {
    const vcpu = this.m.vcpu[id];
    if (id === me.id || !vcpu.ready || this.kvm_vcpu_yield_to(vcpu) <= 0) continue;
    this.whenBack(this.get_current(), 'kvm_vcpu_on_spinYielded', me.id, vcpu.vcpu_idx);
    return;
  }
  this.kvm_vcpu_on_spinEnd(me);
}

const neverBoosts = { says: 'nobody is boosted', funcs: { kvm_vcpu_yield_to: () => 0 } };
const noFilter = {
  says: 'every vCPU passes the filter for spinners',
  funcs: { kvm_vcpu_eligible_for_directed_yield: () => true },
};

/**
 * Candidates to whom the spinner has recently sent an IPI that is not answered; where the kernel tracks, only those
 * that it knows of.
 */
function confirmed(step: Step, spin: Spin, open: readonly Ipi[]): Candidate[] {
  const waits = (id: number): boolean =>
    open.some((it) => it.from === spin.me && it.to === id && it.how === 'unicast' && now(step.m) - it.at <= WINDOW);
  return spin.candidates.filter((it) => waits(it.id) && believes(step.kernel, step.m, spin.me, it.id) !== false);
}

/** Of those that `first` picks out, one is tried before anybody else. */
function triedFirst(what: string, first: (step: Step, spin: Spin, open: readonly Ipi[]) => Candidate[]): Monitor {
  let wanted: Candidate[] = [];
  return spins((open) => ({
    enter(step, spin) {
      wanted = first(step, spin, open());
    },
    attempt(step, spin, it) {
      if (wanted.length === 0 || spin.attempts.length > 1) return;
      step.reach();
      if (wanted.some(({ id }) => id === it.target)) return;
      const tried = spin.candidates.find(({ id }) => id === it.target);
      step.fail(
        `${vcpuName(step.m, spin.me)} spins and yields to ${tried ? sayCandidate(step.m, tried) : 'a stranger'} before ` +
          `${sayCandidate(step.m, wanted[0])}, ${what}`,
      );
    },
  }));
}

const A13: Property[] = [
  always('a confirmed receiver of an IPI of the spinner is tried before anybody else', {
    of: 'A13.1',
    means:
      'confirmed: sent a fixed unicast IPI in the last 50 ms that it has not answered; ready: runnable and not running',
    given: spinWorld(),
    watch: () => triedFirst('to whom it has sent an IPI that is not answered', confirmed),
    fault: {
      says: 'whoever has been sent an IPI is not a candidate',
      funcs: {
        kvm_vcpu_is_good_yield_candidate(this: semantics_aware, me: kvm_vcpu, vcpu: kvm_vcpu) {
          return !this.kvm_vcpu_is_ipi_receiver(me, vcpu);
        },
      },
    },
  }),
  always('a spin that boosts nobody has tried a confirmed receiver of an IPI of the spinner, if one is ready', {
    of: 'A13.2',
    means:
      'confirmed: sent a fixed unicast IPI in the last 50 ms that it has not answered; ready: runnable and not running',
    given: spinWorld(),
    watch: () => notPassedOver(),
    fault: {
      says: 'nobody passes the filter for spinners',
      funcs: { kvm_vcpu_eligible_for_directed_yield: () => false },
    },
  }),
  always(
    'with enable_relaxed_boost at 0, a spin that boosts nobody has tried a confirmed receiver of an IPI of the spinner, if one is ready',
    {
      of: 'A13.3',
      means:
        'confirmed: sent a fixed unicast IPI in the last 50 ms that it has not answered; ready: runnable and not running',
      given: spinWorld({ set: { enable_relaxed_boost: 0 } }),
      watch: () => notPassedOver(),
      fault: {
        says: 'nobody passes the filter for spinners',
        funcs: { kvm_vcpu_eligible_for_directed_yield: () => false },
      },
    },
  ),
  always('with APICv, a vCPU with a pending interrupt is tried before one that was merely preempted in the kernel', {
    of: 'A13.4',
    given: spinWorld({ vm: { apicv: true } }),
    watch: () =>
      triedFirst('who has an interrupt pending', (step, spin, open) =>
        confirmed(step, spin, open).length > 0
          ? []
          : spin.candidates.filter((it) => it.pending && it.preempted && !it.refused),
      ),
    fault: { says: 'whoever is ready is a candidate', funcs: { kvm_vcpu_is_good_yield_candidate: () => true } },
  }),
  sometimes('a spinner boosts the receiver of its IPI where the base boosts somebody else', {
    of: 'A13.5',
    given: spinWorld({ events: 4_000 }),
    watch: () => helpsWhereBaseDoesNot((there, receiver) => there !== receiver && there >= 0),
    fault: neverBoosts,
  }),
  sometimes('a spinner boosts the receiver of its IPI where the base boosts nobody', {
    of: 'A13.6',
    given: spinWorld({ events: 4_000 }),
    watch: () => helpsWhereBaseDoesNot((there) => there < 0),
    fault: neverBoosts,
  }),
];

function notPassedOver(): Monitor {
  let wanted: Candidate[] = [];
  return spins((open) => ({
    enter(step, spin) {
      wanted = confirmed(step, spin, open());
    },
    leave(step, spin) {
      if (wanted.length === 0) return;
      step.reach();
      if (boosted(spin.attempts) >= 0) return;
      if (wanted.some(({ id }) => spin.attempts.some((it) => it.target === id))) return;
      step.fail(
        `${vcpuName(step.m, spin.me)} spins and boosts nobody, and does not even try ${sayCandidate(step.m, wanted[0])}, ` +
          'to whom it has sent an IPI that is not answered',
      );
    },
  }));
}

function helpsWhereBaseDoesNot(wanted: (there: number, receiver: number) => boolean): Monitor {
  let there = -1;
  let receivers: Candidate[] = [];
  let sent: () => readonly Ipi[] = () => [];
  const inner = spins((open) => {
    sent = open;
    return {
      enter(step, spin) {
        receivers = confirmed(step, spin, open());
      },
      leave(step, spin) {
        const target = boosted(spin.attempts);
        const receiver = receivers.find(({ id }) => id === target);
        if (receiver === undefined || !wanted(there, target)) return;
        const other = there < 0 ? 'nobody' : vcpuName(step.m, there);
        step.reach(`${vcpuName(step.m, spin.me)} boosts ${sayCandidate(step.m, receiver)}, the base ${other}`);
      },
    };
  });
  return {
    ...inner,
    before(step) {
      // WHY: a copy of the machine is dear, and where nobody has sent anything there is nothing to be seen
      const { event, m } = step;
      if (event.ev !== 'pause') return;
      const me = m.vcpuOfTask[m.rq[event.cpu].curr];
      if (sent().some((it) => it.from === me)) there = boosted(spinElsewhere(step).attempts);
    },
  };
}

/** Spins of PAUSE events, with what the base would have tried. */
function besideBase(leave: (step: Step, spin: Spin, there: readonly Attempt[]) => void): Monitor {
  let there: readonly Attempt[] = [];
  return stateless({
    before(step) {
      if (step.event.ev === 'pause') there = spinElsewhere(step).attempts;
    },
    probes: spinProbes({
      leave(step, spin) {
        if (step.event.ev === 'pause') leave(step, spin, there);
      },
    }),
  });
}

const pick = (spin: Spin, id: number): Candidate | undefined => spin.candidates.find((it) => it.id === id);

const A14: Property[] = [
  always('a spin boosts somebody wherever the base would, from the same state', {
    of: 'A14.1',
    given: spinWorld({ events: 4_000 }),
    watch: () =>
      besideBase((step, spin, there) => {
        const base = boosted(there);
        if (base < 0) return;
        step.reach();
        if (boosted(spin.attempts) >= 0) return;
        const passed = pick(spin, base);
        step.fail(
          `${vcpuName(step.m, spin.me)} spins and boosts nobody; the base boosts ` +
            `${passed ? sayCandidate(step.m, passed) : vcpuName(step.m, base)}`,
        );
      }),
    fault: neverBoosts,
  }),
  always('a vCPU preempted in user mode is boosted only if every vCPU that the base would take has been tried', {
    of: 'A14.2',
    given: spinWorld(),
    watch: () => {
      let receivers: Candidate[] = [];
      return spins((open) => ({
        enter(step, spin) {
          receivers = confirmed(step, spin, open());
        },
        leave(step, spin) {
          const target = pick(spin, boosted(spin.attempts));
          if (target === undefined || receivers.includes(target)) return;
          step.reach();
          if (!spin.kernelMode || acceptable({ ...target, refused: false }, true)) return;
          const inVain = (id: number): boolean => spin.attempts.some((it) => it.target === id);
          const better = spin.candidates.find((it) => acceptable(it, true) && !inVain(it.id));
          if (better === undefined) return;
          step.fail(
            `${vcpuName(step.m, spin.me)} spins and boosts ${sayCandidate(step.m, target)}, not ` +
              `${sayCandidate(step.m, better)}, whom it never tries`,
          );
        },
      }));
    },
    fault: {
      says: 'everybody counts as preempted in the kernel',
      funcs: { kvm_arch_vcpu_preempted_in_kernel: () => true },
    },
  }),
  always('a spinner that the filter for spinners refuses is not boosted by the same call', {
    of: 'A14.3',
    given: spinWorld(),
    watch: () =>
      spins(() => ({
        attempt(step, spin, it) {
          if (spin.candidates.some((c) => c.refused)) step.reach();
          const target = pick(spin, it.target);
          if (target === undefined || !target.refused) return;
          step.fail(
            `${vcpuName(step.m, spin.me)} spins and yields to ${sayCandidate(step.m, target)}, who is not eligible`,
          );
        },
      })),
    fault: noFilter,
  }),
  always('after three pointless attempts (-ESRCH) nobody else is tried', {
    of: 'A14.4',
    given: aloneOnTheirCpus(),
    watch: () =>
      spins(() => ({
        attempt(step, spin, it) {
          const earlier = spin.attempts.slice(0, -1).filter((a) => a.result === -ESRCH).length;
          if (earlier + Number(it.result === -ESRCH) >= 3) step.reach();
          if (earlier < 3) return;
          step.fail(
            `${vcpuName(step.m, spin.me)} tries ${vcpuName(step.m, it.target)} after ${earlier} pointless attempts`,
          );
        },
      })),
    fault: { says: 'there is no limit', funcs: { kvm_vcpu_on_spin: triesEverybody } },
  }),
  sometimes('the second round boosts a vCPU where the base tries nobody', {
    of: 'A14.5',
    given: spinWorld(),
    watch: () =>
      besideBase((step, spin, there) => {
        const target = pick(spin, boosted(spin.attempts));
        if (there.length > 0 || target === undefined) return;
        if (believes(step.kernel, step.m, spin.me, target.id) === true) return;
        step.reach(`${vcpuName(step.m, spin.me)} boosts ${sayCandidate(step.m, target)}, the base tries nobody`);
      }),
    fault: neverBoosts,
  }),
];

export const selection: Claim[] = [
  { id: 'A13', words: 'confirmed receiver first, then pending interrupt', properties: A13 },
  { id: 'A14', words: 'relaxed round as safety net, heuristics preserved', properties: A14 },
];
