// SPDX-License-Identifier: GPL-2.0-only
/** Which vCPU has a CPU, and how: running its guest, or polling in kvm_vcpu_halt(). */
import { NULL } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';

/** The vCPU whose guest runs on the CPU; NULL when none, as in a machine of local APICs alone, which has no runqueues. */
export function guestOn(this: vmlinux, cpu: number): number {
  if (cpu >= this.m.rq.length) return NULL;
  const p = this.m.task[this.m.rq[cpu].curr];
  return p.preempt_notifier !== NULL && this.waitsForExit(p) ? p.preempt_notifier : NULL;
}

/** The vCPU that polls in kvm_vcpu_halt() on the CPU; NULL when none. */
export function pollingOn(this: vmlinux, cpu: number): number {
  const p = this.m.task[this.m.rq[cpu].curr];
  return p.preempt_notifier !== NULL && this.waitsForTime(p) ? p.preempt_notifier : NULL;
}
