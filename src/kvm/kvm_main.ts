// SPDX-License-Identifier: GPL-2.0-only
/** virt/kvm/kvm_main.c (6.12.117). */
import { NotModelled } from '../lib/bug.js';
import type { task_struct } from '../sched/sched.js';
import type { vmlinux } from '../series/vmlinux.js';
import type { vcpu_ptr } from './kvm_host.js';

/** virt/kvm/kvm_main.c: kvm_sched_in() */
export function kvm_sched_in(this: vmlinux, _pn: vcpu_ptr, _cpu: number): void {
  throw new NotModelled('kvm_sched_in');
}

/** virt/kvm/kvm_main.c: kvm_sched_out() */
export function kvm_sched_out(this: vmlinux, _pn: vcpu_ptr, _next: task_struct): void {
  throw new NotModelled('kvm_sched_out');
}
