// SPDX-License-Identifier: GPL-2.0-only
/** Faults to plant in what v6.1 overrides and adds: the mistakes one makes when mirroring CFS. */
import { add, le, lt, mul, shr, sub, u64, ZERO } from '../../src/lib/types.js';
import type { cfs_rq, rq, sched_entity, task_struct } from '../../src/sched/sched.js';
import type { vmlinux_6_1 } from '../../src/series/linux-v6.1/adds.js';
import type { AnyFunction } from '../../src/vmlinux/bind.js';
import { type Fault, fault } from './faults.js';

/** Also of what the pin lacks. */
const plant = (name: string, what: string, fn: (right: AnyFunction) => AnyFunction): Fault =>
  fault(name as Fault['in'], what, fn);
const missing = (name: string, returns?: unknown): Fault => plant(name, 'does nothing', () => () => returns);
const result = (name: string, what: string, change: (r: never) => unknown): Fault =>
  plant(
    name,
    what,
    (right) =>
      function (this: vmlinux_6_1, ...args: unknown[]) {
        return change(right.apply(this, args) as never);
      },
  );
const called = (name: string, what: string, change: (args: never[]) => unknown[]): Fault =>
  plant(
    name,
    what,
    (right) =>
      function (this: vmlinux_6_1, ...args: unknown[]) {
        return right.apply(this, change(args as never[]));
      },
  );
/** Runs the right function while a feature or a variable has another value. */
const while_ = (name: string, what: string, turn: (k: vmlinux_6_1, args: never[]) => () => void): Fault =>
  plant(
    name,
    what,
    (right) =>
      function (this: vmlinux_6_1, ...args: unknown[]) {
        const back = turn(this, args as never[]);
        const r = right.apply(this, args);
        back();
        return r;
      },
  );
const without = (feature: string) => (k: vmlinux_6_1) => {
  const was = k.m.sched_feat[feature];
  k.m.sched_feat[feature] = false;
  return () => {
    k.m.sched_feat[feature] = was;
  };
};

const ONE = u64(1);

export const cfsFaults: readonly Fault[] = [
  // Virtual time
  plant('entity_before', 'compares unsigned', () => (a: sched_entity, b: sched_entity) => lt(a.vruntime, b.vruntime)),
  plant(
    'entity_before',
    'takes equals for earlier',
    () => (a: sched_entity, b: sched_entity) => le(a.vruntime, b.vruntime),
  ),
  missing('update_min_vruntime'),
  plant('update_min_vruntime', 'lets it go back', () => {
    return function (this: vmlinux_6_1, q: cfs_rq) {
      const left = this.__pick_first_entity(q);
      if (left !== null) q.min_vruntime = left.vruntime;
    };
  }),
  plant('update_min_vruntime', 'forgets the running entity', (right) => {
    return function (this: vmlinux_6_1, q: cfs_rq) {
      const { curr } = q;
      q.curr = -1;
      right.call(this, q);
      q.curr = curr;
    };
  }),

  // Slices
  result('__sched_period', 'one too many', (r) => add(r, ONE)),
  plant('__sched_period', 'never stretches', () => {
    return function (this: vmlinux_6_1) {
      return u64(this.m.sysctl_sched_latency!);
    };
  }),
  while_('sched_slice', 'forgets ALT_PERIOD', without('ALT_PERIOD')),
  while_('sched_slice', 'forgets BASE_SLICE', without('BASE_SLICE')),
  while_('sched_slice', 'counts an entity that is not queued as if it were', (_, [, se]: never[]) => {
    const entity = se as sched_entity;
    const was = entity.on_rq;
    entity.on_rq = 1;
    return () => {
      entity.on_rq = was;
    };
  }),
  result('sched_vslice', 'is in wall time', (r) => mul(r, u64(2))),
  missing('sched_update_scaling', 0),

  // Placement
  called('place_entity', 'takes a new task for an old one', ([q, se]) => [q, se, 0]),
  while_('place_entity', 'gives sleepers all of the latency', without('GENTLE_FAIR_SLEEPERS')),
  plant('place_entity', 'moves a sleeper back', () => {
    return function (this: vmlinux_6_1, q: cfs_rq, se: sched_entity) {
      se.vruntime = sub(q.min_vruntime!, shr(u64(this.m.sysctl_sched_latency!), 1));
    };
  }),
  result('entity_is_long_sleeper', 'is whoever slept', () => true),
  called('enqueue_entity', 'forgets that it was migrated', ([q, se, flags]) => [q, se, (flags as number) & ~0x40]),
  called('dequeue_entity', 'forgets that it is only saved', ([q, se, flags]) => [q, se, (flags as number) & ~0x02]),
  called('dequeue_entity', 'takes all for sleepers', ([q, se, flags]) => [q, se, (flags as number) | 0x01]),

  // The tick
  missing('check_preempt_tick'),
  plant('check_preempt_tick', 'does not let it run for min_granularity', (right) => {
    return function (this: vmlinux_6_1, q: cfs_rq, curr: sched_entity) {
      const was = this.m.sysctl_sched_min_granularity!;
      this.m.sysctl_sched_min_granularity = 0;
      right.call(this, q, curr);
      this.m.sysctl_sched_min_granularity = was;
    };
  }),

  // The pick
  plant('pick_next_entity', 'has no buddies', () => {
    return function (this: vmlinux_6_1, q: cfs_rq, curr: sched_entity | null) {
      const left = this.__pick_first_entity(q);
      return left === null || (curr !== null && this.entity_before(curr, left)) ? curr : left;
    };
  }),
  while_('pick_next_entity', 'has no skip buddy', (_, [q]: never[]) => {
    const queue = q as cfs_rq;
    const was = queue.skip!;
    queue.skip = -1;
    return () => {
      queue.skip = was;
    };
  }),
  while_('pick_next_entity', 'prefers last to next', (_, [q]: never[]) => {
    const queue = q as cfs_rq;
    const { next } = queue;
    if (queue.last !== -1) queue.next = -1;
    return () => {
      queue.next = next;
    };
  }),
  called('pick_next_entity', 'forgets the running entity', ([q]) => [q, null]),
  result('wakeup_gran', 'is not scaled', () => u64(1_000_000)),
  result('wakeup_preempt_entity', 'is never too unfair', (r) => Math.min(r, 0)),
  called('wakeup_preempt_entity', 'the other way round', ([curr, se]) => [se, curr]),
  missing('__clear_buddies_last'),
  missing('__clear_buddies_skip'),
  missing('set_last_buddy'),
  missing('set_skip_buddy'),
  while_('check_preempt_wakeup_fair', 'names no last buddy', without('LAST_BUDDY')),
  plant('check_preempt_wakeup_fair', 'names no next buddy', (right) => {
    return function (this: vmlinux_6_1, rq: rq, p: task_struct, flags: number) {
      const q = this.task_cfs_rq(p);
      const { next } = q;
      right.call(this, rq, p, flags);
      q.next = next;
    };
  }),
  plant('yield_task_fair', 'reads the clock for a BATCH task', (right) => {
    return function (this: vmlinux_6_1, rq: rq) {
      const curr = this.m.task[rq.curr]!;
      const { policy } = curr;
      curr.policy = 0;
      right.call(this, rq);
      curr.policy = policy;
    };
  }),

  // Fork, migration, group and class changes
  missing('task_fork_fair'),
  while_('task_fork_fair', 'never lets the child run first', (k) => {
    const was = k.m.sysctl_sched_child_runs_first!;
    k.m.sysctl_sched_child_runs_first = 0;
    return () => {
      k.m.sysctl_sched_child_runs_first = was;
    };
  }),
  result('vruntime_normalized', 'is always', () => true),
  missing('detach_task_cfs_rq'),
  plant('attach_task_cfs_rq', 'leaves vruntime relative', () => {
    return function (this: vmlinux_6_1, p: task_struct) {
      this.attach_entity_cfs_rq(this.m.se[p.se]!);
    };
  }),
  plant('migrate_task_rq_fair', 'leaves vruntime absolute', (right) => {
    return function (this: vmlinux_6_1, p: task_struct, cpu: number) {
      const se = this.m.se[p.se]!;
      const { vruntime } = se;
      right.call(this, p, cpu);
      se.vruntime = vruntime;
    };
  }),

  // Load and placement on CPUs
  plant('update_cfs_group', 'keeps the weight of an empty group', (right) => {
    return function (this: vmlinux_6_1, se: sched_entity) {
      const own = this.group_cfs_rq(se);
      if (own !== null && own.load.weight !== ZERO) right.call(this, se);
    };
  }),
  missing('update_tg_load_avg'),
  called('reweight_entity', 'one too light', ([q, se, weight]) => [q, se, sub(weight as never, ONE)]),

  // Real-time throttling
  missing('start_rt_bandwidth'),
  missing('sched_rt_runtime_exceeded', false),
  missing('sched_rt_rq_enqueue'),
  missing('update_rt_migration'),
  result('rt_rq_throttled', 'is never', () => false),
];
