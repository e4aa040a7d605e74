// SPDX-License-Identifier: GPL-2.0-only
/** include/trace/events/kvm.h (6.12.117): what kvm_main.c tells, fields under the kernel's names. */
import { toBigInt, toNumber, type u32, type u64 } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';

type Fields = Readonly<Record<string, string | number | boolean>>;

function emit(k: vmlinux, event: string, fields: Fields): void {
  if (k.tp !== null) k.tp({ system: 'kvm', event, cpu: k.m.cpu, ts: toBigInt(k.m.sched_clock).toString(), fields });
}

/** include/trace/events/kvm.h: kvm_userspace_exit() */
export function trace_kvm_userspace_exit(this: vmlinux, reason: u32, errno: number): void {
  if (this.tp !== null) emit(this, 'kvm_userspace_exit', { reason, errno });
}

/** include/trace/events/kvm.h: kvm_vcpu_wakeup() */
export function trace_kvm_vcpu_wakeup(this: vmlinux, ns: u64, waited: boolean, valid: boolean): void {
  if (this.tp !== null) emit(this, 'kvm_vcpu_wakeup', { ns: toNumber(ns), waited, valid });
}

/** include/trace/events/kvm.h: kvm_halt_poll_ns() */
export function trace_kvm_halt_poll_ns(this: vmlinux, grow: boolean, vcpu_id: u32, next: u32, old: u32): void {
  if (this.tp !== null) emit(this, 'kvm_halt_poll_ns', { grow, vcpu_id, new: next, old });
}

/** include/trace/events/kvm.h: trace_kvm_halt_poll_ns_grow() */
export function trace_kvm_halt_poll_ns_grow(this: vmlinux, vcpu_id: u32, next: u32, old: u32): void {
  this.trace_kvm_halt_poll_ns(true, vcpu_id, next, old);
}

/** include/trace/events/kvm.h: trace_kvm_halt_poll_ns_shrink() */
export function trace_kvm_halt_poll_ns_shrink(this: vmlinux, vcpu_id: u32, next: u32, old: u32): void {
  this.trace_kvm_halt_poll_ns(false, vcpu_id, next, old);
}
