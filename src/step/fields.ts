// SPDX-License-Identifier: GPL-2.0-only
/** What fields of the machine's records are in C: pointers, and 64-bit numbers without sign. */

/** Pointers, which the model keeps as indices: by table and member, the table that they point into. */
const POINTERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  rq: { cfs: 'cfs_rq', curr: 'task', donor: 'task', idle: 'task', stop: 'task', dl_server: 'rq' },
  cfs_rq: { curr: 'se', next: 'se', last: 'se', skip: 'se', rq: 'rq', tg: 'task_group', h_load_next: 'se' },
  se: { parent: 'se', cfs_rq: 'cfs_rq', my_q: 'cfs_rq', task: 'task' },
  task: { se: 'se', sched_task_group: 'task_group', cpu_cgrp: 'task_group', last_wakee: 'task' },
  task_group: { parent: 'task_group', se: 'se', cfs_rq: 'cfs_rq' },
  kvm: { vcpus: 'vcpu' },
  vcpu: { kvm: 'kvm', pid: 'task', wait: 'task' },
};

/** Members of red-black trees, wherever they stand. */
const RB_POINTERS = new Set(['rb_node', 'rb_leftmost', 'rb_left', 'rb_right']);

export const TABLES = Object.keys(POINTERS);

/** The table that the field at a place points into; null for a field that is no pointer. `['rq', 0, 'curr']` -> `task`. */
export function pointsInto(path: readonly (string | number)[]): string | null {
  const [table, , member] = path;
  if (path.length < 3 || typeof table !== 'string') return null;
  const last = path[path.length - 1];
  if (typeof last === 'string' && RB_POINTERS.has(last)) return 'se';
  const target = POINTERS[table]?.[String(member)];
  // a pointer, or an element of an array of them
  return target !== undefined && path.length === (typeof last === 'number' ? 4 : 3) ? target : null;
}

/** Declared u64 or unsigned long in C, as the headers that are mirrored have them. */
export const UNSIGNED: ReadonlySet<string> = new Set([
  ...['apic_base', 'avg_idle', 'avg_load', 'base_address', 'clock', 'clock_idle', 'clock_pelt', 'clock_pelt_idle'],
  ...['clock_task', 'cpu_capacity', 'deadline', 'dl_bw', 'dl_deadline', 'dl_density', 'dl_period', 'dl_runtime'],
  ...['exec_start', 'expired_tscdeadline', 'expires', 'h_load', 'icr', 'idle_stamp', 'last_h_load_update'],
  ...['last_update_tg_load_avg', 'last_update_time', 'load_avg', 'load_sum', 'lost_idle_time', 'max_idle_balance_cost'],
  ...['min_slice', 'min_vruntime', 'next_balance', 'nr_migrations', 'nr_switches', 'prev_steal_time_rq'],
  ...['prev_sum_exec_runtime', 'requests', 'runnable_avg', 'runnable_sum', 'runnable_weight', 'sched_clock', 'shares'],
  ...['slice', 'sum_exec_runtime', 'tg_load_avg_contrib', 'tscdeadline', 'util_avg', 'util_sum', 'vruntime', 'weight'],
  ...['wakee_flip_decay_ts', 'zero_vruntime', 'bootClock', 'timeout', 'watchdog_stamp', 'nvcsw', 'nivcsw', 'TICK_NSEC'],
  ...['halt_poll_success_ns', 'halt_poll_fail_ns', 'halt_wait_ns', 'start', 'cur', 'poll_end', 'stop'],
]);

/** A field's number as C has it: the model keeps 64-bit numbers by their signed value. load_avg has a sign in a task group alone. */
export function asDeclared(path: readonly (string | number)[], value: number | bigint): bigint {
  const n = BigInt(value);
  const name = path.findLast((it) => typeof it === 'string');
  const isUnsigned =
    typeof name === 'string' && UNSIGNED.has(name) && !(name === 'load_avg' && path[0] === 'task_group');
  return isUnsigned ? BigInt.asUintN(64, n) : n;
}
