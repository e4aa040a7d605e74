// SPDX-License-Identifier: GPL-2.0-only
/** Wake-ups between CPUs: where a task goes, how another CPU hears of it, and what a critical section may do. */
import type { machine } from '../../src/machine/state.js';
import { NULL, type rq, type task_struct } from '../../src/sched/sched.js';
import { always, type Claim, type Monitor, stateless } from '../vocabulary.js';
import { EVERYDAY, hostTasks, MANAGED, YIELDING } from './host-worlds.js';

/** CPUs on which nothing runs and nothing is about to. */
const idleCpus = (m: machine): number[] =>
  m.rq.filter((rq) => rq.curr === rq.idle && rq.nr_running === 0 && rq.wake_list.length === 0).map((rq) => rq.cpu);

/**
 * A wakee that has left its queue goes to an idle CPU of the last-level cache, if it may run on one. MODEL: with no load
 * balancing a wake-up is the one moment at which a task moves.
 */
function findsIdle(): Monitor {
  let idle: number[] = [];
  let wakee: number = NULL;
  return stateless({
    before({ m, event }) {
      wakee = NULL;
      if (event.ev !== 'wake') return;
      const p = m.task[event.task];
      if (p.on_rq !== 0 || p.sched_class !== 'fair_sched_class') return;
      wakee = p.id;
      const span = m.sd_llc[p.cpu];
      idle = idleCpus(m).filter((cpu) => p.cpus_ptr.includes(cpu) && span.includes(cpu));
    },
    after(step) {
      if (wakee === NULL || idle.length === 0) return;
      const { m } = step;
      const p = m.task[wakee];
      if (idle.length < m.rq.length) step.reach();
      if (!idle.includes(p.cpu)) {
        step.fail(`${p.comm} wakes on CPU ${p.cpu}, which is busy; idle and allowed: ${idle.join(', ')}`);
      }
    },
  });
}

type Flagged = task_struct & { tif_need_resched_lazy?: number };

/**
 * Another CPU looks at TIF_NEED_RESCHED of its current, and at its queue of wake-ups, when an IPI makes it: whoever sets
 * the flag of a CPU that is not its own, or queues a wake-up there, sends one.
 */
function byIpi(): Monitor {
  let flags: { curr: number; flag: number }[] = [];
  return stateless({
    before({ m }) {
      flags = m.rq.map((rq) => ({ curr: rq.curr, flag: m.task[rq.curr].tif_need_resched }));
    },
    after(step) {
      const { m, event } = step;
      if (!('cpu' in event)) return;
      for (const rq of m.rq) {
        const was = flags[rq.cpu];
        const curr: Flagged = m.task[rq.curr];
        if (rq.cpu === event.cpu || rq.curr !== was.curr || was.flag !== 0 || curr.tif_need_resched === 0) continue;
        step.reach();
        const sent = step.traces.some((t) => t.event === 'ipi_send_cpu' && Number(t.fields['cpu']) === rq.cpu);
        if (!sent) step.fail(`${curr.comm} on CPU ${rq.cpu} is to reschedule, and no IPI has been sent to that CPU`);
      }
    },
    probes: {
      sched_ttwu_pending: {
        enter(step) {
          const { m } = step;
          const sent = step.traces.some((t) => t.event === 'ipi_send_cpu' && Number(t.fields['cpu']) === m.cpu);
          if (m.rq[m.cpu].wake_list.length === 0) return;
          step.reach();
          if (!sent) step.fail(`a wake-up is queued for CPU ${m.cpu}, and no IPI has been sent to that CPU`);
        },
      },
    },
  });
}

export const wakeup: Claim = {
  id: 'wakeup',
  words: 'a wake-up finds an idle CPU and reaches another by IPI',
  properties: [
    always('a wakee that has left its queue goes to an idle CPU that it may use and that shares its cache', {
      of: 'wakeup.1',
      given: hostTasks({
        layouts: ['flat', 'groups'],
        weights: { ...EVERYDAY, block: 16, wake: 20 },
        cpus: [2, 3, 4],
        tasks: { min: 2, max: 6 },
        events: 10_000,
      }),
      watch: findsIdle,
      fault: {
        says: 'a wakee stays on the CPU where it was',
        funcs: { select_task_rq_fair: (_p: task_struct, prev_cpu: number) => prev_cpu },
      },
    }),
    always('another CPU is made to reschedule, and to wake somebody, by an IPI', {
      of: 'wakeup.2',
      given: hostTasks({
        layouts: ['flat', 'groups'],
        weights: { ...YIELDING, nice: 6, resched: 10 },
        cpus: [2, 3],
        eager: false,
        tasks: { min: 3, max: 6 },
        events: 10_000,
      }),
      watch: byIpi,
      fault: { says: 'no IPI is sent', funcs: { smp_send_reschedule(): void {} } },
    }),
    always('the clock of a runqueue is updated once in a critical section, and before it is read (WARN_DOUBLE_CLOCK)', {
      of: 'wakeup.3',
      given: hostTasks({
        layouts: ['flat', 'groups', 'nested'],
        weights: MANAGED,
        cpus: [1, 2],
        features: { WARN_DOUBLE_CLOCK: true },
        events: 10_000,
      }),
      watch: () => stateless({ after: (step) => step.reach() }),
      fault: {
        says: 'entity_tick() updates the clock once more',
        funcs: {
          // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
          entity_tick(this: any, _queue: unknown): void {
            this.update_rq_clock(this.this_rq() as rq);
          },
        },
      },
    }),
  ],
};
