// SPDX-License-Identifier: GPL-2.0-only
/**
 * The operations of the lock-step on the model: of each, when the driver refuses it and what it does.
 *
 * What is an event of the machine as well is performed by the event's own rule. Refusals are the driver's, as in
 * src/native/c/drv_core.c, and weaker than an event's `legal`: the operations are entry points of the kernel, which may
 * be called where no system call, interrupt or cgroup migration comes from, so that the kernel's own tests are reached.
 */
import { add, lt, u64, ZERO } from '../../lib/types.js';
import { hostEvents } from '../../machine/host-events.js';
import { setKnob } from '../../machine/knobs.js';
import { current, isIdle } from '../../machine/legality.js';
import type { machine } from '../../machine/state.js';
import { FEATURE_NAMES } from '../../native/format.js';
import { type Operation, type OpName, SYSCTL_NAMES } from '../../operation/sched.js';
import { forkTask } from '../../sched/boot-sched.js';
import { PRIO_TO_NICE, SCHED_TUNABLESCALING_LINEAR, type task_struct } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { tasksInOrder } from './task-order.js';

/** The driver's answers where it calls nothing: current is idle, no such task, no such group or feature. */
const [IDLE, NO_TASK, BAD_OP] = [-16, -3, -22];

/** The kernel under test; tasks are counted from `firstTask`. */
export interface OperationWorld {
  readonly k: vmlinux_x86;
  readonly firstTask: number;
}

interface Row {
  /** Why the driver calls nothing; 0 when it does. */
  refuses(w: OperationWorld, op: Operation): number;
  /** Only where it is not refused. What the entry point returned. */
  perform(w: OperationWorld, op: Operation): number;
}

const never = (): number => 0;
const whenIdle = ({ k }: OperationWorld, { cpu }: Operation): number => (isIdle(k.m, cpu) ? IDLE : 0);
const withoutTask = (w: OperationWorld, op: Operation): number => (taskOf(w, op) ? 0 : NO_TASK);
const withoutEither = (w: OperationWorld, op: Operation): number => withoutTask(w, op) || whenIdle(w, op);
const isGroup = ({ k }: OperationWorld, tg: number): boolean => k.m.task_group[tg] !== undefined;
const withoutGroup = (w: OperationWorld, { id }: Operation): number => (isGroup(w, id) ? 0 : BAD_OP);

const taskOf = ({ k, firstTask }: OperationWorld, { id }: Operation): task_struct =>
  k.m.task[tasksInOrder(k, firstTask).tasks[id]];

/** The CPUs whose bits are set in a number. */
const cpusOf = ({ k }: OperationWorld, bits: number | bigint): number[] =>
  k.m.rq.map((rq) => rq.cpu).filter((cpu) => (Number(bits) >> cpu) & 1);

const done = (_: unknown): number => 0;

/** The model's scheduler alone has no guests, no programs and no names: what the events of the host ask is there. */
const asMachine = (w: OperationWorld): machine => w.k.m as machine;

/** A policy set by an interrupt handler, which keeps nice value and slice as sched_setscheduler_nocheck() does. */
function fromInterrupt(k: vmlinux_x86, p: task_struct, sched_policy: number, sched_priority: number): number {
  const se = k.m.se[p.se];
  const sched_runtime = se.custom_slice ? se.slice : ZERO;
  const attr = { sched_policy, sched_flags: 0, sched_nice: PRIO_TO_NICE(p.static_prio), sched_priority, sched_runtime };
  k.m.hardirq = 1;
  const r = k.__sched_setscheduler(p, attr, false, false);
  k.m.hardirq = 0;
  return r;
}

const timeAndKnobs = {
  ADVANCE: {
    refuses: never,
    perform({ k: { m } }, op) {
      m.sched_clock = add(m.sched_clock, u64(op.a));
      return 0;
    },
  },
  SERVER_TIMER: {
    refuses: never,
    perform({ k }, { cpu }) {
      const { rt_period_timer } = k.m.def_rt_bandwidth ?? {};
      const timer = k.m.hrtimer[rt_period_timer ?? k.m.rq[cpu].fair_server.dl_timer];
      if (timer.queued === 0 || lt(k.m.sched_clock, timer.expires)) return 0;
      k.hrtimerExpire(timer.id);
      return 1;
    },
  },
  BASE_SLICE: {
    refuses: never,
    perform({ k: { m } }, op) {
      if (m.sysctl_sched_min_granularity === undefined) m.sysctl_sched_base_slice = Number(op.a) >>> 0;
      else m.sysctl_sched_min_granularity = Number(op.a) >>> 0;
      return 0;
    },
  },
  FEATURE: {
    refuses: ({ k }, { id }) => (Object.hasOwn(k.m.sched_feat, FEATURE_NAMES[id] ?? '') ? 0 : BAD_OP),
    perform({ k: { m } }, op) {
      m.sched_feat[FEATURE_NAMES[op.id]] = Number(op.a) !== 0;
      return 0;
    },
  },
  RR_SLICE: {
    refuses: never,
    perform({ k: { m } }, op) {
      m.sched_rr_timeslice = Number(op.a) >>> 0;
      return 0;
    },
  },
  LLC: {
    refuses: never,
    perform(w, op) {
      const span = cpusOf(w, op.a);
      const { m } = w.k;
      if (m.rq.some((rq) => !w.k.cpu_active(rq.cpu))) return BAD_OP;
      m.cpuhp?.llc.forEach((_, cpu, llc) => {
        if (span.includes(cpu)) llc[cpu] = [...span];
      });
      for (const { cpu } of m.rq) w.k.update_top_cache_domain(cpu, span.includes(cpu) ? span : m.sd_llc[cpu]);
      return 0;
    },
  },
  SYSCTL: {
    refuses({ k: { m } }, { id, a }) {
      const name = SYSCTL_NAMES[id] ?? '';
      if (!Object.hasOwn(m, `sysctl_sched_${name.replace(/_ns$/, '')}`)) return BAD_OP;
      return name === 'tunable_scaling' && (Number(a) < 0 || Number(a) > SCHED_TUNABLESCALING_LINEAR) ? BAD_OP : 0;
    },
    perform: ({ k }, { id, a }) => done(setKnob(k, k.m, SYSCTL_NAMES[id], Number(a))),
  },
} satisfies Partial<Record<OpName, Row>>;

const groups = {
  GROUP: {
    refuses: (w, op) => (isGroup(w, Number(op.a)) ? 0 : BAD_OP),
    perform({ k }, op) {
      const parent = k.m.task_group[Number(op.a)];
      const tg = k.sched_create_group(parent);
      k.sched_online_group(tg, parent);
      return tg.id;
    },
  },
  // not the event's rule: the driver reports what the root group is refused with
  SHARES: {
    refuses: withoutGroup,
    perform: ({ k }, op) => k.sched_group_set_shares(k.m.task_group[op.id], k.scale_load(u64(op.a))),
  },
  GROUP_IDLE: {
    refuses: withoutGroup,
    perform: ({ k }, op) => k.sched_group_set_idle(k.m.task_group[op.id], Number(op.a)),
  },
  VTIME: {
    refuses(w, op) {
      const { m } = w.k;
      if (!isGroup(w, op.id)) return BAD_OP;
      return m.cfs_rq[m.task_group[op.id].cfs_rq[op.cpu]].nr_running === 0 ? 0 : IDLE;
    },
    perform({ k: { m } }, op) {
      const cfs_rq = m.cfs_rq[m.task_group[op.id].cfs_rq[op.cpu]];
      if (cfs_rq.min_vruntime === undefined) cfs_rq.zero_vruntime = u64(op.a);
      else cfs_rq.min_vruntime = u64(op.a);
      return 0;
    },
  },
} satisfies Partial<Record<OpName, Row>>;

const currents = {
  TICK: { refuses: never, perform: ({ k }) => done(k.sched_tick()) },
  SCHEDULE: { refuses: never, perform: ({ k }) => done(k.schedule()) },
  RESCHED: {
    refuses: never,
    perform({ k }) {
      if (!k.need_resched()) return 0;
      k.schedule();
      return 1;
    },
  },
  BLOCK: {
    refuses: whenIdle,
    // not the event's rule: any state
    perform({ k }, op) {
      current(k.m, op.cpu).__state = Number(op.a);
      k.schedule();
      return 0;
    },
  },
  YIELD: {
    refuses: whenIdle,
    perform: (w, { cpu }) => done(hostEvents.yield.perform(w.k, asMachine(w), { ev: 'yield', cpu })),
  },
  YIELD_RAW: {
    refuses: whenIdle,
    perform({ k }, { cpu }) {
      k.rq_lock_irq(k.m.rq[cpu]);
      k.classYieldTask(k.m.rq[cpu], current(k.m, cpu));
      return 0;
    },
  },
} satisfies Partial<Record<OpName, Row>>;

const tasks = {
  FORK: {
    refuses: (w, op) => (isGroup(w, Number(op.b)) ? 0 : BAD_OP),
    perform({ k, firstTask }, op) {
      const id = tasksInOrder(k, firstTask).tasks.length;
      const cpus = op.flags & 1 ? k.m.rq.map((rq) => rq.cpu) : [op.cpu];
      forkTask(k, {
        comm: `t${id}`,
        pid: 100 + id,
        nice: Number(op.a),
        group: Number(op.b),
        cpus,
        ofCurrent: (op.flags & 2) !== 0 && !isIdle(k.m, op.cpu),
      });
      return id;
    },
  },
  WAKE: { refuses: withoutTask, perform: (w, op) => w.k.wake_up_process(taskOf(w, op)) },
  // not the event's rule: what it returns is compared
  YIELD_TO: { refuses: withoutEither, perform: (w, op) => w.k.yield_to(taskOf(w, op), true) },
  YIELD_TO_RAW: {
    refuses: withoutEither,
    perform(w, op) {
      const { k } = w;
      const [rq, p] = [k.m.rq[op.cpu], taskOf(w, op)];
      const { sched_class } = current(k.m, op.cpu);
      k.double_rq_lock(rq, k.task_rq(p));
      return k.classHasYieldToTask(sched_class) && k.classYieldToTask(sched_class, rq, p) ? 1 : 0;
    },
  },
  NICE: {
    refuses: withoutTask,
    perform(w, op) {
      const { id: task } = taskOf(w, op);
      return done(hostEvents.nice.perform(w.k, asMachine(w), { ev: 'nice', cpu: op.cpu, task, nice: Number(op.a) }));
    },
  },
  // not the event's rule: what it returns is compared
  SETATTR: {
    refuses: withoutTask,
    perform(w, op) {
      const realtime = op.flags === 1 || op.flags === 2;
      return w.k.sched_setattr_nocheck(taskOf(w, op), {
        sched_policy: op.flags,
        sched_flags: 0,
        sched_nice: realtime ? 0 : Number(op.a),
        sched_priority: realtime ? Number(op.a) : 0,
        sched_runtime: u64(op.b),
      });
    },
  },
  SETSCHED: {
    refuses: (w, op) => withoutTask(w, op) || (Number(op.b) >= 0 && Number(op.b) <= 4 ? 0 : BAD_OP),
    perform(w, { id, a, b, flags }) {
      const { k } = w;
      const [p, how] = [k.m.task[w.firstTask + id], Number(b)];
      if (how === 0) return k.sched_setscheduler_nocheck(p, flags, Number(a));
      if (how === 1) return fromInterrupt(k, p, flags, Number(a));
      return done(
        how === 2 ? k.sched_set_fifo(p) : how === 3 ? k.sched_set_fifo_low(p) : k.sched_set_normal(p, Number(a)),
      );
    },
  },
  AFFINITY: {
    refuses(w, op) {
      const p = taskOf(w, op);
      if (p === undefined) return NO_TASK;
      return p.on_cpu !== 0 && !cpusOf(w, op.a).includes(p.cpu) ? IDLE : 0;
    },
    perform: (w, op) => w.k.set_cpus_allowed_ptr(taskOf(w, op), cpusOf(w, op.a)),
  },
  MOVE: {
    refuses: (w, op) => withoutTask(w, op) || (isGroup(w, Number(op.a)) ? 0 : BAD_OP),
    perform(w, op) {
      const { id: task } = taskOf(w, op);
      return done(hostEvents.move.perform(w.k, asMachine(w), { ev: 'move', cpu: op.cpu, task, group: Number(op.a) }));
    },
  },
} satisfies Partial<Record<OpName, Row>>;

const hotplug = {
  CPU_DOWN: { refuses: never, perform: ({ k }, { id }) => k._cpu_down(id) },
  CPU_UP: { refuses: never, perform: ({ k }, { id }) => k._cpu_up(id) },
} satisfies Partial<Record<OpName, Row>>;

const operationTable: Readonly<Record<OpName, Row>> = { ...timeAndKnobs, ...groups, ...currents, ...tasks, ...hotplug };

/** Executes one operation on `op.cpu`: what its entry point returned, or why the driver called nothing. */
export function performOperation(w: OperationWorld, op: Operation): number {
  if (!w.k.cpu_online(op.cpu)) return BAD_OP;
  const row = operationTable[op.op];
  return row.refuses(w, op) || row.perform(w, op);
}
