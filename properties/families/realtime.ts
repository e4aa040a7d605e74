// SPDX-License-Identifier: GPL-2.0-only
/** Do the most urgent tasks run, on as many CPUs as may run them, and equals in their order? */
import { toNumber } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { NULL, type rq, SCHED_RR, type task_struct } from '../../src/sched/sched.js';
import { always, type Claim, type Monitor, type Step } from '../vocabulary.js';
import { EVERYDAY } from './host-worlds.js';
import { inTurns, oneByOne, servedBeside, spread, staticVcpus } from './realtime-worlds.js';

const isRealTime = (p: task_struct): boolean => p.prio < 100;
const byServer = (m: machine, rq: rq): boolean => m.task[rq.curr].dl_server !== NULL;

/** Real-time tasks that could run and do not. */
const waiting = (m: machine): task_struct[] =>
  m.task.filter((p) => isRealTime(p) && p.on_rq === 1 && p.__state === 0 && m.rq[p.cpu].curr !== p.id);

/** Nobody waits for whom a CPU runs something less urgent; `served`: also while a CPU runs fair tasks through its server. */
function urgentFirst(served = false, isSubject: (m: machine, task: number) => boolean = () => true): Monitor {
  return {
    after(step) {
      const { m } = step;
      if (!served && m.rq.some((rq) => byServer(m, rq))) return;
      for (const p of m.task) if (isRealTime(p) && isSubject(m, p.id) && m.rq[p.cpu].curr === p.id) step.reach();
      for (const p of waiting(m)) {
        if (!isSubject(m, p.id)) continue;
        const worse = m.rq.find(
          (rq) => p.cpus_ptr.includes(rq.cpu) && !byServer(m, rq) && m.task[rq.curr].prio > p.prio,
        );
        if (worse === undefined) continue;
        const { comm, prio } = m.task[worse.curr];
        step.fail(
          `${p.comm} of prio ${p.prio} waits on CPU ${p.cpu}; CPU ${worse.cpu}, which it may use, runs ${comm} of prio ${prio}`,
        );
        return;
      }
    },
    notes: () => null,
  };
}

/**
 * SCHED_FIFO and SCHED_RR as sched(7) has them, told from the events alone: each priority has a list; who wakes goes to its
 * end, who yields as well, and a SCHED_RR task that has used up its slice; the head of the most urgent list runs.
 */
function inOrder(): Monitor {
  let lists: number[][] | null = null;
  /** jiffies that each SCHED_RR task has run of its slice */
  const used: number[] = [];
  let curr = NULL;
  let slept = false;
  const listOf = (p: task_struct): number[] => lists![p.prio];
  const toTail = (p: task_struct): void => {
    const list = listOf(p);
    list.push(...list.splice(list.indexOf(p.id), 1));
  };
  const follow = ({ m, event }: Step): void => {
    const was = m.task[curr];
    const runs = isRealTime(was);
    if (event.ev === 'block' && runs) listOf(was).splice(listOf(was).indexOf(was.id), 1);
    if (event.ev === 'yield' && runs) toTail(was);
    if (event.ev === 'wake' && slept) listOf(m.task[event.task]).push(event.task);
    if (event.ev !== 'tick' || !runs || was.policy !== SCHED_RR) return;
    used[was.id] = (used[was.id] ?? 0) + 1;
    if (used[was.id] < m.sched_rr_timeslice) return;
    used[was.id] = 0;
    toTail(was);
  };
  return {
    before({ m, event }) {
      if (lists === null) {
        lists = Array.from({ length: 100 }, () => []);
        for (const id of m.rq[0].rt.queue) listOf(m.task[id]).push(id);
      }
      curr = m.rq[0].curr;
      slept = event.ev === 'wake' && isRealTime(m.task[event.task]) && m.task[event.task].on_rq === 0;
    },
    after(step) {
      const { m } = step;
      follow(step);
      const head = lists!.find((list) => list.length > 0);
      if (head !== undefined && head.length > 1) step.reach();
      const first = head?.[0] ?? m.rq[0].idle;
      if (m.rq[0].curr !== first) step.fail(`${m.task[m.rq[0].curr].comm} runs, ${m.task[first].comm} is first`);
    },
    notes: () => [lists, used],
  };
}

/** Who takes turns differs by a slice at most, and the tick that ends it. */
function equalTurns(): Monitor {
  return {
    after(step) {
      const { m } = step;
      const ran = m.task.filter(isRealTime).map((p) => toNumber(m.se[p.se].sum_exec_runtime));
      if (ran.length < 2) return;
      if (Math.min(...ran) > 0) step.reach();
      const apart = Math.max(...ran) - Math.min(...ran);
      const most = (m.sched_rr_timeslice + 1) * toNumber(m.TICK_NSEC);
      if (apart > most) step.fail(`SCHED_RR tasks of one priority are ${apart} ns of CPU time apart, at most ${most}`);
    },
    notes: () => null,
  };
}

/** Every task that can run is on one queue, that of its class and CPU; no other is on any. */
function nobodyLost(): Monitor {
  return {
    after(step) {
      const { m, event } = step;
      if (event.ev === 'setattr') step.reach();
      for (const p of m.task) {
        const rq = m.rq[p.cpu];
        if (p.id === rq.idle || rq.wake_list.includes(p.id)) continue;
        const places = m.rq.flatMap((at) => at.rt.queue.filter((id) => id === p.id).map(() => at.cpu));
        const should = isRealTime(p) && p.on_rq === 1 ? [p.cpu] : [];
        const fair = !isRealTime(p) && p.on_rq === 1;
        if (p.__state === 0 && p.on_rq !== 1) step.fail(`${p.comm} can run and is on no queue`);
        else if (places.join() !== should.join())
          step.fail(`${p.comm} of prio ${p.prio} is on the real-time lists of CPU ${places.join(', ') || 'none'}`);
        else if ((m.se[p.se].on_rq === 1) !== fair)
          step.fail(`${p.comm} of prio ${p.prio}: its se.on_rq is ${m.se[p.se].on_rq}`);
      }
    },
    notes: () => null,
  };
}

const deaf = { says: 'push_rt_task() pushes nobody', funcs: { push_rt_task: () => 0 } };
const STEADY = { ...EVERYDAY, block: 14, wake: 18, yield: 6 };
const FLIPS = { ...STEADY, setattr: 40 };

export const realtime: Claim = {
  id: 'realtime',
  words: 'urgent tasks run first, on every CPU that may run them',
  properties: [
    always('no real-time task waits while a CPU runs a less urgent task, where all may run everywhere', {
      of: 'realtime.1',
      means: 'after pushing and pulling, and while no CPU runs fair tasks through its server',
      given: spread({ weights: STEADY }),
      watch: () => urgentFirst(),
      fault: deaf,
    }),
    always('with RT_PUSH_IPI no real-time task waits while a CPU runs a less urgent task', {
      of: 'realtime.2',
      means: 'where all may run everywhere; a CPU with less urgent work does not pull then, it tells others to push',
      given: spread({ weights: STEADY, features: { RT_PUSH_IPI: true } }),
      watch: () => urgentFirst(),
      fault: { says: 'tell_cpu_to_push() tells nobody', funcs: { tell_cpu_to_push(): void {} } },
    }),
    always('no real-time task waits while a CPU runs a less urgent task, also when policies and priorities change', {
      of: 'realtime.3',
      given: spread({ weights: FLIPS }),
      watch: () => urgentFirst(),
      fault: deaf,
    }),
    always(
      'no real-time task waits while a CPU that it may use runs a less urgent task, where each may use some CPUs',
      {
        of: 'realtime.4',
        given: spread({ weights: STEADY, uneven: true }),
        watch: () => urgentFirst(),
        fault: deaf,
      },
    ),
    always('no real-time task waits for a fair server while another CPU that it may use runs a less urgent task', {
      of: 'realtime.5',
      about: 'fair_server_pick_task',
      given: servedBeside(1100),
      watch: () => urgentFirst(true),
      fault: deaf,
    }),
    always('on one CPU equals run in the order of their wake-ups, yields and used-up slices', {
      of: 'realtime.6',
      means: 'a slice: sched_rr_timeslice, here one to three jiffies; SCHED_FIFO has none',
      given: oneByOne({ ...STEADY, tick: 40, yield_to: 4 }),
      watch: inOrder,
      fault: { says: 'yield_task_rt() does nothing', funcs: { yield_task_rt(): void {} } },
    }),
    always('SCHED_RR tasks of one priority are a slice and a tick apart at most', {
      of: 'realtime.7',
      means: 'of CPU time; a slice is sched_rr_timeslice, 100 ms',
      given: inTurns(1000),
      watch: equalTurns,
      fault: { says: 'requeue_task_rt() does nothing', funcs: { requeue_task_rt(): void {} } },
    }),
    always('policies and priorities that change lose nobody', {
      of: 'realtime.8',
      given: spread({ weights: { ...FLIPS, nice: 4 }, uneven: true }),
      watch: nobodyLost,
      fault: { says: 'enqueue_task_rt() queues nobody', funcs: { enqueue_task_rt(): void {} } },
    }),
    always('a real-time vCPU waits for nobody less urgent', {
      of: 'realtime.9',
      given: staticVcpus(30),
      watch: () => urgentFirst(false, (m, task) => m.vcpuOfTask[task] !== NULL),
      fault: { says: 'wakeup_preempt() preempts nobody', funcs: { wakeup_preempt(): void {} } },
    }),
  ],
};
