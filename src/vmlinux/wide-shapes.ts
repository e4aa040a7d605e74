// SPDX-License-Identifier: GPL-2.0-only
/**
 * Tells V8 once how wide the 64-bit members of records get.
 *
 * WHY: V8 gives a member the narrowest representation that it has seen, and every widening throws away the compiled
 * code that relied on it. All of them begin at 0. One throw-away record of each kind with wide members, made before
 * anything is compiled, leaves a seventh of those throw-aways: the first 100,000 operations take 4.4 us each in place
 * of 6.9.
 */
import { newVcpuArch } from '../arch/x86/kvm_host.js';
import { newVcpu } from '../kvm/kvm_host.js';
import { newLapic } from '../lapic/lapic.js';
import { newHrtimer } from '../lib/hrtimer.js';
import { newCfsRq, newRq, newSchedEntity, newTask, newTaskGroup } from '../sched/records.js';
import type { vmlinux_x86 } from './vmlinux-x86.js';

/** Beyond 2^31, within 2^53: a double, not a BigInt. */
const WIDE = 2 ** 40;

const OF_SCHED = [
  ...['vruntime', 'deadline', 'min_vruntime', 'min_slice', 'vlag', 'slice', 'runnable_weight', 'nr_migrations'],
  ...['exec_start', 'sum_exec_runtime', 'prev_sum_exec_runtime', 'weight', 'inv_weight'],
  ...['avg_vruntime', 'avg_load', 'zero_vruntime', 'h_load', 'propagate', 'prop_runnable_sum'],
  ...['last_update_tg_load_avg', 'tg_load_avg_contrib', 'load_avg', 'runnable_avg', 'util_avg', 'shares'],
  ...['last_update_time', 'load_sum', 'runnable_sum', 'util_sum'],
  ...['clock', 'clock_task', 'clock_pelt', 'clock_pelt_idle', 'clock_idle', 'lost_idle_time', 'nr_switches'],
  ...['idle_stamp', 'avg_idle', 'runtime', 'dl_runtime', 'dl_period', 'dl_deadline', 'util_est'],
  ...['run_delay', 'last_arrival', 'last_queued'],
];
const OF_VCPU = [
  ...['requests', 'start', 'cur', 'poll_end', 'stop', 'rax', 'rdx', 'exit_intr_info', 'icrh', 'shadow_since'],
  ...['ple_window', 'ldr_reg'],
  ...['period', 'target_expiration', 'tscdeadline', 'expired_tscdeadline', 'hv_deadline_tsc', 'steal', 'last_steal'],
];

/** Widens those members of a record that is thrown away afterwards, and of the records in it. */
export function widen(record: object, names: readonly string[]): void {
  const members = record as Record<string, unknown>;
  for (const [name, value] of Object.entries(members)) {
    if (typeof value === 'object' && value !== null) widen(value, names);
    else if (typeof value === 'number' && names.includes(name)) members[name] = WIDE;
  }
}

const sched = [newSchedEntity(0, 0), newCfsRq(0), newRq(0, 0), newTaskGroup(0), newTask(0, 0)];
for (const record of sched) widen(record, OF_SCHED);
widen(newHrtimer(0, '', 0), ['expires']);
widen(newVcpu(0, 0, 0, 0, newVcpuArch.call({ newLapic } as unknown as vmlinux_x86, 0)), OF_VCPU);
