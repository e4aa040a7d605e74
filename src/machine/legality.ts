// SPDX-License-Identifier: GPL-2.0-only
/** What events ask of a machine before they happen: who is current on a CPU, and what that may do. */

import type { EventKind } from '../scenario/events.js';
import { NULL, PF_KTHREAD, type task_struct } from '../sched/sched.js';
import type { kernel_state_x86 } from '../vmlinux/vmlinux-x86.js';
import type { machine } from './state.js';
import { vcpuLife, vcpuStateOf } from './vcpu-life.js';

/** Current on the CPU. */
export const current = (m: kernel_state_x86, cpu: number): task_struct => m.task[m.rq[cpu].curr];

/** Whether the CPU runs its idle thread. */
export const isIdle = (m: kernel_state_x86, cpu: number): boolean => m.rq[cpu].curr === m.rq[cpu].idle;

/** Whether a task has that id and is no thread of the kernel: no CPU's idle thread, stopper or hotplug thread. */
export function isTask(m: kernel_state_x86, id: number): boolean {
  const p = m.task[id];
  return p !== undefined && !(p.flags & PF_KTHREAD);
}

/** A task that neither is the kernel's own nor runs a vCPU. */
export function isHostTask(m: machine, p: task_struct): boolean {
  return !(p.flags & PF_KTHREAD) && m.vcpuOfTask[p.id] === NULL;
}

/** Whether current on the CPU is such a task. */
export const isHostOn = (m: machine, cpu: number): boolean => isHostTask(m, current(m, cpu));

/** What only one instruction set has, and by what each is told: what its spin loops execute. */
const ONLY = {
  pause: ['pause', 'hlt', 'icr'],
  wfe: ['wfi', 'wfe', 'wfit', 'wfet'],
  diag9c: ['diag44', 'diag9c', 'enabledWait'],
} as const satisfies Record<string, readonly EventKind[]>;
const not = (...of: (keyof typeof ONLY)[]): readonly EventKind[] => of.flatMap((it) => [...ONLY[it]]);
const FOREIGN: Readonly<Record<keyof typeof ONLY, readonly EventKind[]>> = {
  pause: not('wfe', 'diag9c'),
  wfe: not('pause', 'diag9c'),
  diag9c: [...not('pause', 'wfe'), 'hypercall'],
};

/** Whether the vCPU's guest waits by WFI and WFE, and not by HLT and PAUSE. */
export const executesWfx = (m: machine, vcpu: number): boolean => m.guest[m.vcpu[vcpu].kvm]?.relax === 'wfe';

/** Current's vCPU when its life lets it do `kind` now; NULL otherwise. */
export function vcpuDoing(m: machine, cpu: number, kind: EventKind): number {
  const p = current(m, cpu);
  if (p.preempt_notifier === NULL) return NULL;
  const vcpu = m.vcpu[p.preempt_notifier];
  if (!vcpuLife.may(vcpuStateOf(m, vcpu)).includes(kind)) return NULL;
  return FOREIGN[m.guest[vcpu.kvm].relax ?? 'pause'].includes(kind) ? NULL : vcpu.id;
}
