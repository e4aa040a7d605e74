// SPDX-License-Identifier: GPL-2.0-only
/** Directed yield: whom kvm_vcpu_on_spin() asks, in what order, how often; and that it gets somewhere. */

import { KVM_REQ_EVENT, KVM_REQ_NMI, KVM_REQ_SMI, type kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { defined } from '../../src/base/defined.js';
import { s64_diff, s64_toNumber, toNumber } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { NULL, type task_struct } from '../../src/sched/sched.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, leadsTo, type Monitor, type Probe, type Property, type Step } from '../vocabulary.js';
import { pointless, spinning, tickless } from './kvm-worlds.js';

const threadOf = (m: machine, vcpu: kvm_vcpu): task_struct | null => (vcpu.pid === NULL ? null : m.task[vcpu.pid]);

/** Runnable and off its CPU, by its thread. */
function waitsForCpu(m: machine, vcpu: kvm_vcpu): boolean {
  const p = threadOf(m, vcpu);
  return p !== null && p.__state === 0 && m.rq[p.cpu].curr !== p.id;
}

interface Asked {
  me: kvm_vcpu;
  kernelMode: boolean;
  targets: number[];
  results: number[];
}

interface Watch {
  asks?(step: Step, asked: Asked, target: kvm_vcpu): void;
  done?(step: Step, asked: Asked): void;
}

/** Gathers what one kvm_vcpu_on_spin() does. */
function onSpin(watch: Watch): Monitor {
  let asked: Asked | null = null;
  return {
    probes: {
      kvm_vcpu_on_spin: {
        enter(_, args) {
          const me = args[0] as kvm_vcpu;
          asked = { me, kernelMode: args[1] === true, targets: [], results: [] };
        },
        leave(step) {
          if (asked !== null) watch.done?.(step, asked);
          asked = null;
        },
      },
      kvm_vcpu_yield_to: {
        enter(step, args) {
          const target = args[0] as kvm_vcpu;
          if (asked === null) return;
          asked.targets.push(target.id);
          watch.asks?.(step, asked, target);
        },
        leave(_, result) {
          asked?.results.push(result as number);
        },
      },
    },
  };
}

const onlyWaiters = always('a spinning vCPU yields only to other vCPUs of its VM that wait for a CPU', {
  of: 'kvm.1',
  since: 'v3.10',
  given: spinning,
  watch: () =>
    onSpin({
      asks(step, { me }, target) {
        step.reach();
        const { m } = step;
        if (target.id === me.id) step.fail(`vCPU ${me.id} yields to itself`);
        if (target.kvm !== me.kvm) step.fail(`vCPU ${me.id} yields to vCPU ${target.id} of another VM`);
        if (waitsForCpu(m, target) || step.kernel.vcpu_dy_runnable(target)) return;
        const p = threadOf(m, target);
        step.fail(`vCPU ${me.id} yields to vCPU ${target.id}, __state ${p?.__state}, which does not wait for a CPU`);
      },
    }),
  fault: {
    says: 'whoever is not the spinner is asked',
    funcs: {
      kvm_vcpu_on_spin(this: vmlinux_x86, me: kvm_vcpu) {
        for (const id of this.m.kvm[me.kvm].vcpus) {
          if (id === me.id) continue;
          if (this.kvm_vcpu_yield_to(this.m.vcpu[id]) > 0) {
            this.whenBack(this.get_current(), 'kvm_vcpu_on_spinYielded', me.id, id);
            return;
          }
        }
      },
    },
  },
});

const kernelModeOnly = always(
  'a spin in kernel mode boosts nobody who was preempted in user mode with no interrupt waiting',
  {
    of: 'kvm.2',
    since: 'v4.14',
    given: spinning,
    watch: () =>
      onSpin({
        asks(step, { me, kernelMode }, target) {
          if (!kernelMode || !target.preempted) return;
          step.reach();
          if (target.arch.cpl === 0 || step.kernel.kvm_arch_dy_has_pending_interrupt(target)) return;
          step.fail(
            `vCPU ${me.id} spins in the kernel and asks vCPU ${target.id}, preempted at CPL ${target.arch.cpl}`,
          );
        },
      }),
    fault: {
      says: 'kvm_arch_vcpu_preempted_in_kernel() is always true',
      funcs: { kvm_arch_vcpu_preempted_in_kernel: () => true },
    },
  },
);

/**
 * The search goes round from behind the vCPU that was boosted last. A boost counts as soon as the yielder is back, and
 * not before: its own kvm_vcpu_on_spin() notes it.
 */
function roundRobin(): Monitor {
  /** by yielder: index of whom it has yielded to, and is not back */
  const away = new Map<number, number>();
  /** by VM: index of who was boosted last; -1 when two yielders have come back at once */
  const last: number[] = [];
  /** how far behind `last` the search is */
  let reached = -1;
  const note = ({ m }: Step): void => {
    const back = [...away].filter(([me]) => !m.vcpu[me].spin_loop.in_spin_loop);
    for (const [me, idx] of back) {
      away.delete(me);
      last[m.vcpu[me].kvm] = back.length === 1 ? idx : -1;
    }
  };
  const could = ({ m, kernel }: Step, { kernelMode }: Asked, vcpu: kvm_vcpu): boolean =>
    waitsForCpu(m, vcpu) &&
    vcpu.ready &&
    !vcpu.spin_loop.in_spin_loop &&
    (!vcpu.preempted || !kernelMode || vcpu.arch.cpl === 0 || kernel.kvm_arch_dy_has_pending_interrupt(vcpu)) &&
    (vcpu.wait === NULL || kernel.vcpu_dy_runnable(vcpu));
  const monitor = onSpin({
    asks(step, asked, target) {
      const { m } = step;
      const kvm = m.kvm[target.kvm];
      const from = last[kvm.id] ?? 0;
      if (from < 0) return;
      const n = kvm.vcpus.length;
      const distance = (target.vcpu_idx - from - 1 + n) % n;
      if (distance > 0) step.reach();
      const behind = `last boosted was vCPU ${from}`;
      if (distance <= reached) step.fail(`vCPU ${target.id} is asked out of turn; ${behind}`);
      for (let d = reached + 1; d < distance; d++) {
        const vcpu = m.vcpu[kvm.vcpus[(from + 1 + d) % n]];
        if (vcpu.id !== asked.me.id && could(step, asked, vcpu))
          step.fail(`vCPU ${target.id} is asked before vCPU ${vcpu.id}; ${behind}`);
      }
      reached = distance;
    },
    done(_, { me, targets, results }) {
      reached = -1;
      const at = results.indexOf(1);
      if (at >= 0) away.set(me.id, targets[at]);
    },
  });
  const { enter, leave } = monitor.probes?.['kvm_vcpu_on_spin'] ?? {};
  const on_spin: Probe = {
    enter(step, args) {
      note(step);
      enter?.(step, args);
    },
    ...defined({ leave }),
  };
  return {
    notes: () => [last, [...away]],
    after: note,
    probes: { ...monitor.probes, kvm_vcpu_on_spin: on_spin },
  };
}

const inTurn = always('a spin asks for candidates in the order of their index, from behind the one boosted last', {
  of: 'kvm.3',
  since: 'v3.5',
  given: spinning,
  watch: roundRobin,
  fault: {
    says: 'last_boosted_vcpu stays',
    funcs: {
      kvm_vcpu_on_spinYielded(this: vmlinux_x86, meId: number) {
        this.kvm_vcpu_on_spinEnd(this.m.vcpu[meId]);
      },
    },
  },
});

const threeTries = always('a spin ends at the first vCPU that it yields to, or at the third pointless attempt', {
  of: 'kvm.4',
  since: 'v3.9',
  given: pointless,
  watch: () =>
    onSpin({
      done(step, { me, results }) {
        const in_vain = results.filter((r) => r < 0).length;
        if (in_vain > 1) step.reach();
        if (in_vain > 3) step.fail(`vCPU ${me.id} asks ${in_vain} in vain`);
        if (results.some((r, i) => r > 0 && i < results.length - 1)) step.fail(`vCPU ${me.id} goes on after a yield`);
      },
    }),
  fault: {
    says: 'yield_to() that is pointless returns 0',
    funcs: {
      kvm_vcpu_on_spin(this: vmlinux_x86, me: kvm_vcpu) {
        for (const id of this.m.kvm[me.kvm].vcpus) {
          const vcpu = this.m.vcpu[id];
          if (id !== me.id && vcpu.ready && this.kvm_vcpu_yield_to(vcpu) > 0) return;
        }
      },
    },
  },
});

const everyOther = always('a candidate that itself spins is taken every second time it comes up, from the second on', {
  of: 'kvm.5',
  since: 'v3.7',
  given: spinning,
  watch: () => {
    /** by vCPU: how often it was asked for in its present spin */
    const asked: number[] = [];
    return {
      notes: () => asked,
      probes: {
        kvm_vcpu_on_spin: {
          enter(_, args) {
            asked[(args[0] as kvm_vcpu).id] = 0;
          },
        },
        kvm_vcpu_eligible_for_directed_yield: {
          leave(step, result, args) {
            const vcpu = args[0] as kvm_vcpu;
            const n = asked[vcpu.id] ?? 0;
            const p = threadOf(step.m, vcpu);
            const spins = p?.kernel_stack.some(({ fn }) => fn.startsWith('kvm_vcpu_on_spin')) === true;
            if (!spins) {
              if (result !== true) step.fail(`vCPU ${vcpu.id} does not spin and is refused`);
              return;
            }
            step.reach();
            asked[vcpu.id] = n + 1;
            if (result !== (n % 2 === 1))
              step.fail(`vCPU ${vcpu.id} spins, is asked for the ${n + 1}. time: ${result}`);
          },
        },
      },
    };
  },
  fault: {
    says: 'asking does not turn dy_eligible over',
    funcs: {
      kvm_vcpu_eligible_for_directed_yield: (vcpu: kvm_vcpu) =>
        !vcpu.spin_loop.in_spin_loop || vcpu.spin_loop.dy_eligible,
    },
  },
});

/**
 * Without a tick and with every other vCPU of the VM preempted: the spinner has spun for as long as EEVDF may hold it
 * ahead of each of them, lag and slice. Then somebody else has run.
 */
function othersRun(): Monitor {
  let spun = { who: -1, since: 0, pauses: 0 };
  return {
    after(step) {
      const { m, event } = step;
      const who = m.rq[0].curr;
      const now = toNumber(m.sched_clock);
      const all = m.vcpu.every((vcpu) => m.vcpuOfTask[who] === vcpu.id || vcpu.preempted);
      if (who !== spun.who || event.ev === 'tick' || !all) spun = { who, since: now, pauses: 0 };
      if (event.ev !== 'pause') return;
      spun.pauses++;
      const bound = 3 * m.sysctl_sched_base_slice * m.vcpu.length;
      if (spun.pauses > 1) step.reach();
      if (spun.pauses > 4 * m.vcpu.length && now - spun.since > bound)
        step.fail(`${m.task[who].comm} spins for ${now - spun.since} ns, ${spun.pauses} PAUSE exits; nobody else runs`);
    },
    notes: () => spun,
  };
}

const progress = leadsTo('without a tick, a spinner hands its CPU on within 3 slices for each vCPU of the VM', {
  of: 'kvm.6',
  about: 'vruntime_eligible',
  means: 'EEVDF lets the spinner be ahead of another by its lag, its request and the other one, a slice each',
  given: tickless,
  watch: othersRun,
  fault: { says: 'kvm_vcpu_on_spin() does nothing', funcs: { kvm_vcpu_on_spin(): void {} } },
});

/**
 * The same on CFS, of vCPUs in one group on one CPU: each PAUSE exit yields to another one as soon as it is no more than a wakeup
 * granularity ahead, so that the spinner is on its own for as long as the nearest is further ahead than that.
 */
function othersRunOnCfs(): Monitor {
  let spun = { who: -1, since: 0, pauses: 0, bound: 0 };
  const nearest = ({ m }: Step, who: number): number => {
    const me = m.se[m.task[who].se];
    const others = m.se.filter((se) => se.on_rq !== 0 && se.id !== me.id && se.cfs_rq === me.cfs_rq);
    return Math.min(...others.map((se) => s64_toNumber(s64_diff(se.vruntime, me.vruntime))));
  };
  return {
    after(step) {
      const { m, event } = step;
      const who = m.rq[0].curr;
      const now = toNumber(m.sched_clock);
      const all = m.vcpu.every((vcpu) => m.vcpuOfTask[who] === vcpu.id || waitsForCpu(m, vcpu));
      const handedOn = event.ev === 'pause' && who !== spun.who;
      if (who !== spun.who || event.ev === 'tick' || !all)
        spun = { who, since: now, pauses: 0, bound: nearest(step, who) };
      if (handedOn) step.reach();
      if (event.ev !== 'pause' || now - spun.since <= Math.max(0, spun.bound)) return;
      spun.pauses++;
      // each of the others may be passed over every second time, for it spins itself
      if (spun.pauses > 4 * m.vcpu.length)
        step.fail(
          `${m.task[who].comm} spins for ${now - spun.since} ns; the next was ${spun.bound} ns ahead, and has been passed over in ${spun.pauses} PAUSE exits`,
        );
    },
    notes: () => spun,
  };
}

const progressOnCfs = leadsTo(
  'on CFS, without a tick, a spinner hands its CPU on when it has come as far as the nearest other vCPU of the VM',
  {
    of: 'kvm.20',
    about: 'check_preempt_tick',
    means: 'as far: by vruntime when the spin began; and within 4 PAUSE exits for each vCPU after that',
    given: tickless,
    watch: othersRunOnCfs,
    fault: { says: 'kvm_vcpu_on_spin() does nothing', funcs: { kvm_vcpu_on_spin(): void {} } },
  },
);

const PENDING = [KVM_REQ_NMI, KVM_REQ_SMI, KVM_REQ_EVENT];

const byItself = always(
  'kvm_arch_dy_runnable() is true exactly for a PV kick, an NMI, SMI or EVENT request, or an interrupt that APICv holds for that vCPU',
  {
    of: 'kvm.17',
    since: 'v5.3',
    given: spinning,
    watch: () => ({
      probes: {
        kvm_arch_dy_runnable: {
          leave(step, result, args) {
            const vcpu = args[0] as kvm_vcpu;
            const asked = PENDING.some((request) => step.kernel.kvm_test_request(request, vcpu));
            const pending = step.kernel.kvm_arch_dy_has_pending_interrupt(vcpu);
            const expected = vcpu.arch.pv.pv_unhalted || asked || pending;
            if (expected) step.reach();
            if (result !== expected) step.fail(`vCPU ${vcpu.id}: ${String(result)}, by its own state ${expected}`);
          },
        },
      },
    }),
    fault: {
      says: 'kvm_arch_dy_runnable() asks kvm_arch_vcpu_runnable(), which is for the vCPU that is loaded',
      funcs: {
        kvm_arch_dy_runnable(this: vmlinux_x86, vcpu: kvm_vcpu) {
          return this.kvm_arch_vcpu_runnable(vcpu);
        },
      },
    },
  },
);

export const yieldProperties: readonly Property[] = [
  byItself,
  onlyWaiters,
  kernelModeOnly,
  inTurn,
  threeTries,
  everyOther,
  progress,
  progressOnCfs,
];
