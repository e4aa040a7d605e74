// SPDX-License-Identifier: GPL-2.0-only
/**
 * Faults to plant in mirrored functions: the mistakes one makes when mirroring. Each replaces one function; a
 * differential run has to find every one of them.
 */
import { add, lt, s64, s64_add, s64_diff, s64_gt, s64_neg, sub, to_s64, u64, ZERO } from '../../src/lib/types.js';
import type { cfs_rq, rq, sched_avg, sched_entity, task_struct } from '../../src/sched/sched.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import type { kernel_functions_x86, vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

type Name = keyof kernel_functions_x86 & string;

export interface Fault {
  /** the mirrored function it is in */
  readonly in: Name;
  readonly what: string;
  /** the function in its place; `right` is the original, to be called with `this` */
  readonly plant: (right: AnyFunction) => AnyFunction;
}

const ONE = u64(1);
export const fault = (name: Name, what: string, plant: (right: AnyFunction) => AnyFunction): Fault => ({
  in: name,
  what,
  plant,
});
/** Not called at all. */
export const missing = (name: Name, returns?: unknown): Fault => fault(name, 'does nothing', () => () => returns);
/** Called, and its result changed. */
export const result = (name: Name, what: string, change: (r: never) => unknown): Fault =>
  fault(
    name,
    what,
    (right) =>
      function (this: vmlinux_x86, ...args: unknown[]) {
        return change(right.apply(this, args) as never);
      },
  );
/** Called with other arguments. */
export const called = (name: Name, what: string, change: (args: never[]) => unknown[]): Fault =>
  fault(
    name,
    what,
    (right) =>
      function (this: vmlinux_x86, ...args: unknown[]) {
        return right.apply(this, change(args as never[]));
      },
  );

export const faults: readonly Fault[] = [
  // Arithmetic
  result('calc_delta_fair', 'one too many', (r) => add(r, ONE)),
  fault(
    '__calc_delta',
    'cuts the product before dividing',
    (right) =>
      function (this: vmlinux_x86, delta: never, weight: never, lw: never) {
        return right.call(
          this,
          this.m.cpu === 0 ? u64(Number(BigInt.asUintN(31, BigInt(delta as never)))) : delta,
          weight,
          lw,
        );
      },
  ),
  fault(
    'entity_key',
    'the other way round',
    () => (q: cfs_rq, se: sched_entity) => s64_diff(q.zero_vruntime, se.vruntime),
  ),
  fault(
    'avg_vruntime_add',
    'forgets scale_load_down()',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq, se: sched_entity) {
        right.call(this, q, se);
        q.avg_load = add(q.avg_load, ONE);
      },
  ),
  result('avg_vruntime', 'rounds up', (r) => add(r, ONE)),
  missing('update_zero_vruntime'),
  fault('entity_lag', 'does not clamp', () => (V: never, se: sched_entity) => s64_diff(V, se.vruntime)),
  result('entity_lag', 'has the wrong sign', (r) => s64_neg(r)),
  fault(
    'vruntime_eligible',
    'is strict',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq, v: never) {
        return right.call(this, q, v) && !(s64_diff(v, q.zero_vruntime) === s64(0) && q.nr_running > 1);
      },
  ),
  fault(
    'vruntime_eligible',
    'compares unsigned',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq, v: never) {
        return right.call(this, q, v) && !lt(v, q.zero_vruntime);
      },
  ),
  result('decay_load', 'decays one too little', (r) => (r === ZERO ? r : add(r, ONE))),
  called('decay_load', 'one period too many', ([val, n]) => [val, add(n as never, ONE)]),
  result('__accumulate_pelt_segments', 'one too many', (r: number) => r + 1),
  result('get_pelt_divider', 'forgets period_contrib', (r: number) => r + 1),
  result('calc_group_shares', 'one too many', (r) => s64_add(r, s64(1))),
  fault(
    '__update_inv_weight',
    'rounds up',
    (right) =>
      function (this: vmlinux_x86, lw: { inv_weight: number }) {
        right.call(this, lw);
        if (lw.inv_weight > 1) lw.inv_weight++;
      },
  ),
  fault('entity_before', 'compares unsigned', () => (a: sched_entity, b: sched_entity) => lt(a.deadline, b.deadline)),

  // Placement and queues
  called('place_entity', 'takes a new task for an old one', ([q, se]) => [q, se, 0]),
  fault(
    'place_entity',
    'forgets the relative deadline',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq, se: sched_entity, flags: number) {
        se.rel_deadline = 0;
        right.call(this, q, se, flags);
      },
  ),
  fault(
    'place_entity',
    'does not inflate the lag',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq, se: sched_entity, flags: number) {
        const load = q.avg_load;
        right.call(this, q, se, flags);
        if (load !== ZERO && se.vlag !== s64(0)) se.vruntime = add(se.vruntime, ONE);
      },
  ),
  missing('update_entity_lag'),
  missing('set_protect_slice'),
  missing('cancel_protect_slice'),
  missing('min_vruntime_cb_propagate'),
  missing('min_vruntime_cb_rotate'),
  fault(
    '__min_slice_update',
    'takes the larger slice',
    () =>
      function (this: vmlinux_x86, se: sched_entity, node: number) {
        if (node < 0) return;
        const child = this.m.se[node];
        if (lt(se.min_slice, child.min_slice)) se.min_slice = child.min_slice;
      },
  ),
  missing('__rb_insert'),
  result('cfs_rq_min_slice', 'one too many', (r) => add(r, ONE)),
  fault(
    'update_deadline',
    'comes one ns late',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq, se: sched_entity) {
        if (s64_diff(se.vruntime, se.deadline) === s64(0)) return false;
        return right.call(this, q, se);
      },
  ),
  missing('account_entity_enqueue'),
  called('dequeue_entity', 'forgets that the task sleeps', ([q, se, flags]) => [q, se, (flags as number) & ~1]),
  missing('set_delayed'),
  missing('clear_delayed'),
  missing('requeue_delayed_entity'),
  missing('finish_delayed_dequeue_entity'),
  missing('clear_buddies'),
  missing('__clear_buddies_next'),
  missing('set_next_buddy'),
  fault(
    'pick_eevdf',
    'never looks left',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq) {
        const first = this.__pick_first_entity(q);
        return first !== null && this.entity_eligible(q, first) ? first : right.call(this, q);
      },
  ),

  // Time and preemption
  missing('did_preempt_short', false),
  missing('do_preempt_short', false),
  missing('resched_curr'),
  missing('check_preempt_wakeup_fair'),
  fault(
    'entity_tick',
    'does not resched',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq, curr: sched_entity, queued: number) {
        const p = this.m.task[this.m.rq[q.rq].curr];
        const before = p.tif_need_resched;
        right.call(this, q, curr, queued);
        p.tif_need_resched = before;
      },
  ),
  missing('rq_clock_skip_update'),
  fault(
    'update_rq_clock',
    'does not skip',
    (right) =>
      function (this: vmlinux_x86, of: rq) {
        of.clock_update_flags &= ~2;
        right.call(this, of);
      },
  ),
  missing('update_rq_clock_pelt'),
  called('wakeup_preempt', 'is told of no wake-up', ([of, p]) => [of, p, 0]),

  // Groups and load
  missing('update_cfs_group'),
  missing('update_tg_load_avg'),
  missing('propagate_entity_load_avg', 0),
  missing('attach_entity_load_avg'),
  missing('detach_entity_load_avg'),
  missing('reweight_eevdf'),
  called('reweight_entity', 'one too light', ([q, se, weight]) => [q, se, sub(weight as never, ONE)]),
  missing('update_tg_cfs_load'),
  missing('update_tg_cfs_util'),
  missing('update_tg_cfs_runnable'),
  fault(
    'update_load_avg',
    'forgets the group',
    (right) =>
      function (this: vmlinux_x86, q: cfs_rq, se: sched_entity, flags: number) {
        right.call(this, q, se, flags & ~1);
      },
  ),
  fault(
    'accumulate_sum',
    'counts runnable as running',
    (right) =>
      function (this: vmlinux_x86, delta: never, sa: sched_avg, load: never, _runnable: never, running: number) {
        return right.call(this, delta, sa, load, running as never, running);
      },
  ),
  called('set_load_weight', 'always as for a new task', ([p]) => [p, false]),

  // Yield and attributes
  fault(
    'yield_task_fair',
    'does not forfeit',
    (right) =>
      function (this: vmlinux_x86, of: rq) {
        const se = this.m.se[this.m.task[of.curr].se];
        const { vruntime } = se;
        right.call(this, of);
        se.vruntime = vruntime;
      },
  ),
  fault(
    'yield_to_task_fair',
    'does not yield',
    () =>
      function (this: vmlinux_x86, _rq: rq, p: task_struct) {
        const se = this.m.se[p.se];
        if (se.on_rq === 0) return false;
        this.set_next_buddy(se);
        return true;
      },
  ),
  fault(
    'yield_to',
    'does not mind being alone',
    (right) =>
      function (this: vmlinux_x86, p: task_struct, preempt: boolean) {
        const r = right.call(this, p, preempt);
        return r === -3 ? 0 : r;
      },
  ),
  called('yield_to', 'does not preempt the other CPU', ([p]) => [p, false]),
  missing('prio_changed_fair'),
  fault(
    '__setscheduler_params',
    'does not clamp the slice',
    (right) =>
      function (this: vmlinux_x86, p: task_struct, attr: { sched_runtime: never }) {
        right.call(this, p, attr as never);
        const se = this.m.se[p.se];
        if (se.custom_slice !== 0 && s64_gt(to_s64(attr.sched_runtime), s64(0))) se.slice = attr.sched_runtime;
      },
  ),
  called('__sched_group_set_shares', 'one too many', ([tg, shares]) => [tg, add(shares as never, ONE)]),
];

/** `kernel` with one fault planted. */
export function withFault(kernel: Kernel, planted: Fault): Kernel {
  const right = kernel.table[planted.in];
  if (right === undefined) throw new Error(`${kernel.name} has no ${planted.in}()`);
  const table = { ...kernel.table, [planted.in]: planted.plant(right) };
  return { ...kernel, name: `${kernel.name} with ${planted.in}() that ${planted.what}`, table: Object.freeze(table) };
}
