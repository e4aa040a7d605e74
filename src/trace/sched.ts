// SPDX-License-Identifier: GPL-2.0-only
/** include/trace/events/sched.h, ipi.h (6.12.117): the scheduler's tracepoints, with their own fields. */
import { toBigInt, type u64 } from '../lib/types.js';
import { TASK_DEAD, TASK_REPORT, type task_struct } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { trace_event } from './trace-event.js';

const TASK_IDLE = 0x402;
/** By bit; TASK_DEAD stands in for TASK_REPORT_IDLE as the kernel's table has it. */
const STATE_CHARS = 'SDTtXZPI';

/** What prev_state prints as: R, or the letters of the state that was set; R+ for one that was preempted. */
function prevState(preempt: boolean, state: number): string {
  if (preempt) return 'R+';
  let bits = state & TASK_REPORT;
  if ((state & TASK_IDLE) === TASK_IDLE) bits = TASK_DEAD;
  if (bits === 0) return 'R';
  // task_state_index(): the highest bit alone.
  return STATE_CHARS[31 - Math.clz32(bits)];
}

/*
 * WHY apart from the tracepoints: V8 inlines those for nothing while they are short, and nearly always nobody listens.
 */

function hit(kernel: vmlinux, event: string, fields: trace_event['fields']): void {
  kernel.tp?.({ system: 'sched', event, cpu: kernel.m.cpu, ts: String(toBigInt(kernel.m.sched_clock)), fields });
}

function wakeup(kernel: vmlinux, event: string, p: task_struct): void {
  hit(kernel, event, { comm: p.comm, pid: p.pid, prio: p.prio, target_cpu: p.cpu });
}

function switched(kernel: vmlinux, preempt: boolean, prev: task_struct, next: task_struct, prev_state: number): void {
  hit(kernel, 'sched_switch', {
    prev_comm: prev.comm,
    prev_pid: prev.pid,
    prev_prio: prev.prio,
    prev_state: prevState(preempt, prev_state),
    next_comm: next.comm,
    next_pid: next.pid,
    next_prio: next.prio,
  });
}

function runtimeOf(kernel: vmlinux, tsk: task_struct, runtime: u64): void {
  hit(kernel, 'sched_stat_runtime', { comm: tsk.comm, pid: tsk.pid, runtime: String(toBigInt(runtime)) });
}

/** include/trace/events/sched.h: sched_waking */
export function trace_sched_waking(this: vmlinux, p: task_struct): void {
  if (this.tp !== null) wakeup(this, 'sched_waking', p);
}

/** include/trace/events/sched.h: sched_wakeup */
export function trace_sched_wakeup(this: vmlinux, p: task_struct): void {
  if (this.tp !== null) wakeup(this, 'sched_wakeup', p);
}

/** include/trace/events/sched.h: sched_wakeup_new */
export function trace_sched_wakeup_new(this: vmlinux, p: task_struct): void {
  if (this.tp !== null) wakeup(this, 'sched_wakeup_new', p);
}

/** include/trace/events/sched.h: sched_switch */
export function trace_sched_switch(
  this: vmlinux,
  preempt: boolean,
  prev: task_struct,
  next: task_struct,
  prev_state: number,
): void {
  if (this.tp !== null) switched(this, preempt, prev, next, prev_state);
}

/** include/trace/events/sched.h: sched_migrate_task */
export function trace_sched_migrate_task(this: vmlinux, p: task_struct, dest_cpu: number): void {
  if (this.tp === null) return;
  hit(this, 'sched_migrate_task', { comm: p.comm, pid: p.pid, prio: p.prio, orig_cpu: p.cpu, dest_cpu });
}

/** include/trace/events/sched.h: sched_stat_runtime */
export function trace_sched_stat_runtime(this: vmlinux, tsk: task_struct, runtime: u64): void {
  if (this.tp !== null) runtimeOf(this, tsk, runtime);
}

/** include/trace/events/ipi.h: ipi_send_cpu. MODEL: callsite is the function that sends, there where that returns to. */
export function trace_ipi_send_cpu(this: vmlinux, cpu: number, callsite: string, callback: string): void {
  if (this.tp === null) return;
  this.tp({
    system: 'ipi',
    event: 'ipi_send_cpu',
    cpu: this.m.cpu,
    ts: String(toBigInt(this.m.sched_clock)),
    fields: { cpu, callsite, callback },
  });
}

/** include/trace/events/ipi.h: ipi_send_cpumask: the CPUs as a list */
export function trace_ipi_send_cpumask(
  this: vmlinux,
  cpus: readonly number[],
  callsite: string,
  callback: string,
): void {
  if (this.tp === null) return;
  this.tp({
    system: 'ipi',
    event: 'ipi_send_cpumask',
    cpu: this.m.cpu,
    ts: String(toBigInt(this.m.sched_clock)),
    fields: { cpumask: cpus.join(','), callsite, callback },
  });
}
