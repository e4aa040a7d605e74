// SPDX-License-Identifier: GPL-2.0-only
/** B17: starvation, fairness, overflow and interrupts of the kernel in the guest, whose clock stops for nobody. */
import { add, s64_diff, s64_toNumber, toNumber, u64 } from '../../../src/lib/types.js';
import { cloneMachine } from '../../../src/machine/clone.js';
import type { machine } from '../../../src/machine/state.js';
import { entity_tick } from '../../../src/sched/fair.js';
import type { cfs_rq, sched_entity, task_struct } from '../../../src/sched/sched.js';
import { rebind } from '../../../src/vmlinux/bind.js';
import type { vmlinux } from '../../../src/vmlinux/vmlinux.js';
import { MS, US } from '../../arbitraries.js';
import { waitBound } from '../../families/bounds.js';
import { cfsWaitBound } from '../../families/cfs-bounds.js';
import { highest, IRR } from '../../lapic/page.js';
import { always, type Claim, type Monitor, type Property, type Step, stateless } from '../../vocabulary.js';
import { guestState, inGuest, nameOf } from './monitors.js';
import { guests, waker } from './worlds.js';

const fairTasks = guests({
  tasks: ({ sleep, work }) => [
    waker('sleeper', sleep, work),
    { comm: 'a' },
    { comm: 'b', nice: 5 },
    { comm: 'c', nice: -5, program: [{ op: 'compute', ns: 300 * US }, { op: 'yield' }] },
  ],
  vcpus: 2,
  until: 100,
  events: 6_000,
  works: [400 * US, 2 * MS],
});

const guestsOf = (m: machine): machine[] => m.guest.flatMap(({ os }) => (os === undefined ? [] : [os.m]));

/** Runnable and fair, without its CPU. */
const waits = (m: machine, p: task_struct): boolean =>
  m.rq[p.cpu].curr !== p.id &&
  m.rq[p.cpu].idle !== p.id &&
  p.__state === 0 &&
  p.sched_class === 'fair_sched_class' &&
  m.se[p.se].on_rq !== 0 &&
  m.se[p.se].sched_delayed === 0;

/** Of EEVDF, or of CFS where the guest's kernel is older. */
const boundOf = (step: Step, m: machine, p: task_struct): number =>
  m.sysctl_sched_latency === undefined ? waitBound(m, p) : cfsWaitBound({ ...step, m }, p);

/** In the time of the guest's runqueue, from which what was stolen is off. */
function starvation(): Monitor {
  const since = new Map<string, { at: number; bound: number }>();
  return {
    notes: () => [...since],
    after(step) {
      for (const [i, m] of guestsOf(step.m).entries()) {
        for (const p of m.task) {
          const key = `${i} ${p.id}`;
          if (!waits(m, p)) {
            since.delete(key);
            continue;
          }
          const clock = toNumber(m.rq[p.cpu].clock_task);
          const note = since.get(key) ?? { at: clock, bound: 0 };
          note.bound = Math.max(note.bound, boundOf(step, m, p));
          since.set(key, note);
          const waited = clock - note.at;
          if (waited > (m.sysctl_sched_min_granularity ?? m.sysctl_sched_base_slice)) step.reach();
          if (waited > note.bound)
            step.fail(`${p.comm} of the guest has waited ${waited} ns; its bound is ${Math.round(note.bound)} ns`);
        }
      }
    },
  };
}

const diff = (a: u64, b: u64): number => s64_toNumber(s64_diff(a, b));

/** Looks at each queue of a guest with more than one entity, and at where its average is. */
function queues(look: (step: Step, m: machine, queue: number, average: u64) => void): Monitor {
  return stateless({
    after(step) {
      if (step.event.ev !== 'step' && step.event.ev !== 'tick') return;
      for (const m of guestsOf(step.m)) {
        for (const { id } of m.cfs_rq) {
          if (m.se.filter((se) => se.cfs_rq === id && se.on_rq !== 0).length < 2) continue;
          step.reach();
          const copy = cloneMachine(m);
          look(step, m, id, rebind(step.kernel, copy).avg_vruntime(copy.cfs_rq[id]));
        }
      }
    },
  });
}

/** As fairness.1 asks it of the host. */
function isMean(): Monitor {
  return queues((step, m, queue, average) => {
    let [sum, weights] = [0, 0];
    for (const se of m.se) {
      if (se.cfs_rq !== queue || se.on_rq === 0) continue;
      const weight = Math.max(2, Math.floor(toNumber(se.load.weight) / 1024));
      sum += weight * diff(se.vruntime, average);
      weights += weight;
    }
    if (sum < 0 || sum >= weights)
      step.fail(`cfs_rq ${queue} of the guest: sum of w * (v - avg_vruntime()) is ${sum}, must be 0 to ${weights - 1}`);
  });
}

/** Far from where a product with a weight, or their sum, would not fit 64 bits. */
const FAR = 2 ** 40;

function isNear(): Monitor {
  return queues((step, m, queue, average) => {
    for (const se of m.se) {
      if (se.cfs_rq !== queue || se.on_rq === 0) continue;
      const key = diff(se.vruntime, average);
      if (Math.abs(key) >= FAR) step.fail(`entity ${se.id} of the guest is ${key} from its average`);
    }
  });
}

const taken = (): Monitor =>
  stateless({
    after(step) {
      const { m } = step;
      for (const v of m.vcpu) {
        const state = guestState(m, v);
        if (state === null || !inGuest(m, v) || !state.plain || !v.arch.if_flag || v.arch.int_shadow) continue;
        step.reach();
        const vector = highest(v, IRR);
        if (vector >= 0 && m.host_irq[v.cpu].length === 0)
          step.fail(`${nameOf(m, v)} runs ${state.curr.comm} of its guest, and 0x${vector.toString(16)} waits`);
      }
    },
  });

const properties: Property[] = [
  always('a runnable task of the guest is on its vCPU within the bound of starvation.1, in CPU time of the vCPU', {
    of: 'B17.1',
    means: 'the clock of its runqueue, without what was stolen',
    given: fairTasks,
    watch: starvation,
    fault: {
      says: 'entity_tick() does nothing in a guest',
      funcs: {
        entity_tick(this: vmlinux, queue: cfs_rq, curr: sched_entity, queued: number): void {
          if (this.m.irq_cpu === undefined) entity_tick.call(this, queue, curr, queued);
        },
      },
    },
  }),
  always("avg_vruntime() of a guest's queue is the mean of its entities, whoever was stolen time from", {
    of: 'B17.2',
    about: 'avg_vruntime',
    given: fairTasks,
    watch: isMean,
    fault: {
      says: 'avg_vruntime() is 7 ns beyond zero_vruntime',
      funcs: { avg_vruntime: (queue: cfs_rq): u64 => add(queue.zero_vruntime, u64(7)) },
    },
  }),
  always("no entity of a guest's queue comes 2^40 ns from the average", {
    of: 'B17.3',
    about: 'avg_vruntime',
    given: fairTasks,
    watch: isNear,
    fault: {
      says: 'every other one is set far back as it is queued',
      funcs: {
        place_entity(_queue: unknown, se: sched_entity): void {
          if (se.id % 2 === 1) se.vruntime = add(se.vruntime, u64(2 * FAR));
        },
      },
    },
  }),
  always('a vCPU that runs a task of its guest with interrupts enabled has none waiting', {
    of: 'B17.4',
    means: 'without APICv; a kick that is on its way counts as taken',
    given: guests({
      tasks: ({ sleep, work }) => [
        waker('sleeper', sleep, work),
        {
          comm: 'ping',
          cpus: [0],
          program: [{ op: 'compute', ns: work }, { op: 'wake', task: 'pong' }, { op: 'wait' }],
        },
        {
          comm: 'pong',
          cpus: [1],
          program: [{ op: 'wait' }, { op: 'compute', ns: work }, { op: 'wake', task: 'ping' }],
        },
        { comm: 'hog0', cpus: [0] },
        { comm: 'hog1', cpus: [1] },
      ],
      vcpus: 2,
      events: 6_000,
    }),
    watch: taken,
    fault: { says: 'kvm_vcpu_kick() kicks nobody', funcs: { kvm_vcpu_kick(): void {} } },
  }),
];

export const guestScheduler: Claim[] = [
  { id: 'B17', words: "the guest's own scheduler keeps its promises", properties },
];
