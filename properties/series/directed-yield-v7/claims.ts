// SPDX-License-Identifier: GPL-2.0-only
/** What Rik van Riel's cover letter promises, C1 to C9, and what he and others set against it, CR1 to CR3. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { toNumber } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { NULL, type sched_entity, type task_struct } from '../../../src/sched/sched.js';
import {
  yield_to,
  yield_to_task_fair,
} from '../../../src/series/directed-yield-v7/0003-sched-Add-yield_to-task-preempt-functionality.js';
import type { directed_yield } from '../../../src/series/directed-yield-v7/adds.js';
import type { vmlinux_2_6_38 } from '../../../src/series/linux-v2.6.38/adds.js';
import { kvm_vcpu_on_spin, kvm_vcpu_on_spinSlept } from '../../../src/series/linux-v2.6.38/kvm.js';
import { hostTasks } from '../../families/host-worlds.js';
import { always, type Claim, type Monitor, sometimes } from '../../vocabulary.js';
import { lockBesideLoops, spinners } from './worlds.js';

const sleeps = {
  says: 'a pause exit is 100 us of sleep',
  funcs: { kvm_vcpu_on_spin, kvm_vcpu_on_spinSlept },
};

/* ---- pause exits ---- */

/** Its thread is asleep when the pause exit is over. */
function staysRunnable(): Monitor {
  let spun: number = NULL;
  return {
    notes: () => null,
    before() {
      spun = NULL;
    },
    probes: {
      kvm_vcpu_on_spin: {
        enter(_, [me]) {
          spun = (me as kvm_vcpu).id;
        },
      },
    },
    after(step) {
      if (spun === NULL || step.m.vcpu[spun].pid === NULL) return;
      const p = step.m.task[step.m.vcpu[spun].pid];
      step.reach();
      if (p.__state !== 0) step.fail(`vCPU ${spun} took a pause exit, and its thread sleeps, __state ${p.__state}`);
    },
  };
}

/* ---- CPU time ---- */

const ranMs = (m: machine, vm: number): number =>
  m.vcpu
    .filter((vcpu) => vcpu.kvm === vm)
    .reduce((sum, { pid }) => sum + toNumber(m.se[m.task[pid].se].sum_exec_runtime) / 1e6, 0);

/** Shares are looked at from here on: the start is the guests' own. */
const SETTLED_MS = 400;

/** The guest of locks gets at least, the guest of loops at most, its part of what both ran. */
function fairShare(least: number): Monitor {
  return {
    notes: () => null,
    end(step) {
      const [locks, loops] = [ranMs(step.m, 0), ranMs(step.m, 1)];
      if (locks + loops < SETTLED_MS) return;
      step.reach();
      if (locks >= least * (locks + loops)) return;
      step.fail(`the guest that spins ran ${Math.round(locks)} ms, the other ${Math.round(loops)} ms`);
    },
  };
}

/* ---- yield_to() of host threads ---- */

/** How far above the leftmost, or beside itself, an entity may be to be picked: all that pick_next_entity() asks. */
function nearEnough(kernel: vmlinux_2_6_38, p: task_struct): boolean {
  const { m } = kernel;
  for (let se: sched_entity | null = m.se[p.se]; se !== null; se = kernel.parent_entity(se)) {
    const queue = kernel.cfs_rq_of(se);
    // who runs goes back into the tree before the pick
    if (queue.curr === se.id) continue;
    const rivals = [kernel.__pick_first_entity(queue), queue.curr === NULL ? null : m.se[queue.curr]];
    if (rivals.some((it) => it !== null && kernel.wakeup_preempt_entity(se, it) === 1)) return false;
  }
  return true;
}

/** A yield_to() that said yes to a task of the caller's CPU: `judge` hears whether it was near enough, and whether it runs. */
function handsOver(judge: (near: boolean, runs: boolean) => 'near' | 'reach' | 'fail' | null): Monitor {
  let target: task_struct | null = null;
  let near = false;
  let yielded = false;
  return {
    notes: () => null,
    before({ m, event }) {
      target = event.ev === 'yield_to' && m.task[event.task].cpu === event.cpu ? m.task[event.task] : null;
      yielded = false;
    },
    probes: {
      yield_to_task_fair: {
        leave({ kernel }, result) {
          if (target === null || result !== true) return;
          yielded = true;
          near = nearEnough(kernel as unknown as vmlinux_2_6_38, target);
        },
      },
    },
    after(step) {
      if (target === null || !yielded) return;
      const runs = step.m.rq[target.cpu].curr === target.id;
      const said = judge(near, runs);
      if (said === 'near') step.reach();
      if (said === 'fail') step.fail(`yield_to() ${target.comm} says yes; it is near enough, and does not run`);
      if (said === 'reach') step.reach(`yield_to() ${target.comm} says yes, and it does not run`);
    },
  };
}

/** Who is near enough runs. */
function reaches(near: boolean, runs: boolean): 'near' | 'fail' | null {
  if (!near) return null;
  return runs ? 'near' : 'fail';
}

/** A yield_to() that said yes to a task of another CPU asks that CPU to reschedule, unless it was asked before. */
function asksOtherCpu(): Monitor {
  let target: task_struct | null = null;
  let asked = false;
  let yielded = false;
  return {
    notes: () => null,
    before({ m, event }) {
      target = event.ev === 'yield_to' && m.task[event.task].cpu !== event.cpu ? m.task[event.task] : null;
      asked = target !== null && m.task[m.rq[target.cpu].curr].tif_need_resched === 1;
      yielded = false;
    },
    probes: {
      yield_to_task_fair: {
        leave(_, result) {
          yielded = result === true;
        },
      },
    },
    after(step) {
      if (target === null || !yielded || asked) return;
      const { m } = step;
      const curr = m.task[m.rq[target.cpu].curr];
      step.reach();
      if (curr.id !== target.id && curr.tif_need_resched !== 1) {
        step.fail(`yield_to() ${target.comm} says yes; CPU ${target.cpu} goes on with ${curr.comm} until its tick`);
      }
    },
  };
}

/* ---- whom a spinner boosts ---- */

interface Spin {
  me: kvm_vcpu;
  last: number;
  /** by vcpu_idx: those that yield_to() would take */
  candidates: number[];
}

/** The candidates of one pause exit, and the one that was boosted. */
function boosts(judge: (spin: Spin, boosted: number) => string | null): Monitor {
  let spin: Spin | null = null;
  return {
    notes: () => null,
    before() {
      spin = null;
    },
    probes: {
      kvm_vcpu_on_spin: {
        enter({ m }, [it]) {
          const me = it as kvm_vcpu;
          const candidates = m.kvm[me.kvm].vcpus
            .map((id) => m.vcpu[id])
            .filter((v) => v.id !== me.id && v.wait === NULL && waits(m, v))
            .map((v) => v.vcpu_idx);
          spin = { me, last: m.kvm[me.kvm].last_boosted_vcpu, candidates };
        },
      },
      yield_to: {
        leave(step, result, [p]) {
          const boosted = step.m.vcpu.find((v) => v.pid === (p as task_struct).id)?.vcpu_idx ?? NULL;
          if (spin === null || result !== 1) return;
          if (spin.candidates.length > 1) step.reach();
          const fault = judge(spin, boosted);
          if (fault !== null) step.fail(fault);
        },
      },
    },
  };
}

const waits = (m: machine, { pid }: kvm_vcpu): boolean => {
  if (pid === NULL) return false;
  const p = m.task[pid];
  return p.__state === 0 && p.on_cpu === 0 && m.se[p.se].on_rq === 1;
};

/** The series' scan without its memory. */
function fromTheStart(this: directed_yield, me: kvm_vcpu): void {
  const { vcpus } = this.m.kvm[me.kvm];
  for (const [i, id] of vcpus.entries()) {
    const vcpu = this.m.vcpu[id];
    if (id === me.id || vcpu.wait !== NULL || vcpu.pid === NULL) continue;
    if (this.yield_to(this.m.task[vcpu.pid], true) <= 0) continue;
    this.whenBack(this.get_current(), 'kvm_vcpu_on_spinBoosted', me.kvm, i);
    return;
  }
}

/* ---- the claims ---- */

const LAYOUTS = ['flat', 'groups', 'nested'] as const;
const yielding = { advance: 30, tick: 14, yield_to: 24, block: 4, wake: 8 };
const apart = { ...yielding, resched: 12, block: 8, wake: 14 };

export const claims: Claim[] = [
  {
    id: 'C1',
    words: 'a sleep is counter-productive while the holder runs',
    promisedBy: 'directed-yield-v7',
    properties: [
      always('a vCPU that takes a pause exit stays runnable', {
        of: 'C1.1',
        given: spinners([2, 4], [1, 2], 6_000),
        watch: staysRunnable,
        fault: sleeps,
      }),
    ],
  },
  {
    id: 'C2',
    words: 'a guest that spins no longer gives its CPU time away',
    promisedBy: 'directed-yield-v7',
    properties: [
      always('a guest whose vCPUs spin for a lock gets 47 % of the CPUs that it shares with as many loops', {
        of: 'C2.1',
        means:
          'CPU time of all its threads after 240 ms, of what both guests ran; one vCPU of each on each CPU; no groups',
        given: lockBesideLoops(['flat']),
        watch: () => fairShare(0.47),
        fault: sleeps,
      }),
    ],
  },
  {
    id: 'C3',
    words: 'it gives the remainder of its timeslice to another vCPU',
    promisedBy: 'directed-yield-v7',
    properties: [
      always('a task of the same CPU to which yield_to() yields runs next, if it is near enough on every level', {
        of: 'C3.1',
        about: 'yield_to_task_fair',
        means: 'near enough: not more than its wakeup granularity of virtual time behind whoever would run otherwise',
        given: hostTasks({ layouts: ['flat'], weights: yielding, events: 6_000 }),
        watch: () => handsOver(reaches),
        fault: { says: 'nobody is nominated', funcs: { set_next_buddy(): void {} } },
      }),
      sometimes('a yield_to() that says yes does not reach its target, because that would be too unfair', {
        of: 'C3.2',
        about: 'yield_to_task_fair',
        given: hostTasks({ layouts: ['flat'], weights: yielding, events: 6_000 }),
        watch: () => handsOver((near, runs) => (!near && !runs ? 'reach' : null)),
        fault: { says: 'nobody is ever too far behind', funcs: { wakeup_preempt_entity: () => -1 } },
      }),
    ],
  },
  {
    id: 'C4',
    words: 'it works with task groups, and keeps close to fair',
    promisedBy: 'directed-yield-v7',
    properties: [
      always('in groups, too, a task of the same CPU to which yield_to() yields runs next, if it is near enough', {
        of: 'C4.1',
        about: 'yield_to_task_fair',
        means:
          'near enough: not more than its wakeup granularity of virtual time behind whoever would run otherwise, on every level',
        given: hostTasks({ layouts: LAYOUTS.slice(1), weights: yielding, events: 8_000 }),
        watch: () => handsOver(reaches),
        fault: { says: 'nobody is nominated', funcs: { set_next_buddy(): void {} } },
      }),
      always('in groups a guest whose vCPUs spin for a lock gets 47 % of the CPUs that it shares with as many loops', {
        of: 'C4.2',
        means:
          'CPU time of all its threads after 240 ms, of what both guests ran; a group a guest, or below it one a vCPU',
        given: lockBesideLoops(['groups', 'nested']),
        watch: () => fairShare(0.47),
        fault: sleeps,
      }),
    ],
  },
  {
    id: 'C5',
    words: 'yielding to a vCPU that spins has little downside',
    properties: [],
    unanswerable: 'what it costs depends on caches and on the time that exits take; the model has neither',
  },
  {
    id: 'C6',
    words: 'the gain is consistent between runs',
    properties: [],
    unanswerable: 'a throughput in messages per second; amqp-0, amqp-2 and amqp-4 count laps of programs instead',
  },
  {
    id: 'C7',
    words: 'preempt makes the CPU of the target reschedule',
    promisedBy: 'v2.6.39',
    properties: [
      always('a yield_to() to a task of another CPU that says yes makes that CPU reschedule', {
        of: 'C7.1',
        about: 'yield_to_task_fair',
        given: hostTasks({ layouts: ['flat', 'oneGroup'], weights: apart, cpus: [2], eager: false, events: 8_000 }),
        watch: asksOtherCpu,
        fault: { says: "the caller's own CPU is asked", funcs: { yield_to, yield_to_task_fair } },
      }),
    ],
  },
  {
    id: 'C8',
    words: 'the vCPUs are tried round robin, from the last boosted on',
    promisedBy: 'directed-yield-v7',
    properties: [
      always('a spinner boosts the vCPU that it boosted last only if there is no other to boost', {
        of: 'C8.1',
        means: 'there is another: it waits on a runqueue, not in a sleep of KVM',
        given: spinners([3, 4], [1], 8_000),
        watch: () =>
          boosts(({ me, last, candidates }, boosted) =>
            boosted === last && candidates.some((it) => it !== last)
              ? `vCPU ${me.vcpu_idx} boosts vCPU ${boosted}, the last boosted, and not ${candidates.filter((it) => it !== last).join(' or ')}`
              : null,
          ),
        fault: {
          says: 'nobody notes who was boosted',
          funcs: { kvm_vcpu_on_spinBoosted(): void {} },
        },
      }),
      always('a spinner boosts the first after the last boosted that can be boosted, unless that is vCPU 0', {
        of: 'C8.2',
        means: 'first: by vcpu_idx, round the VM; with vCPU 0 the last boosted the scan begins with it (5cfc2aabcb28)',
        given: spinners([3, 4], [1], 8_000),
        watch: () =>
          boosts(({ me, last, candidates }, boosted) => {
            const first = candidates.find((it) => it > last) ?? candidates[0];
            if (last === 0 || boosted === first) return null;
            return `vCPU ${me.vcpu_idx} boosts vCPU ${boosted}; the first after vCPU ${last} is vCPU ${first}`;
          }),
        fault: {
          says: 'each scan begins with vCPU 0',
          funcs: { kvm_vcpu_on_spin: fromTheStart },
        },
      }),
    ],
  },
  {
    id: 'C9',
    words: 'no buddy is set on a run queue that is not locked',
    properties: [],
    unanswerable:
      'between a look at the queue and set_next_buddy() a third CPU may wake the target; an event is atomic here. `kvmodel races --kernel directed-yield-v7 yielding` refutes it',
  },
  {
    id: 'CR1',
    words: 'with groups one guest may get 80 %, the other 320 %',
    properties: [],
    unanswerable:
      'the author suspects load balancing, which the model does not have; C4.2 asks on CPUs that nobody leaves',
  },
  {
    id: 'CR2',
    words: 'division of CPU time between guests is random',
    properties: [],
    unanswerable: 'the machine is deterministic; what varies there is set by the scenario here',
  },
  {
    id: 'CR3',
    words: 'vcpu->pid may be read while the thread changes',
    properties: [],
    unanswerable: 'a race between vcpu_load() and a reader on another CPU, within one event here',
  },
];
