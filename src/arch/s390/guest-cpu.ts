// SPDX-License-Identifier: GPL-2.0-only
/** What a kernel in a guest would ask of its vCPU on s390. No guest of s390 runs a kernel: scenarios refuse it. */
import type { CpuRequest } from '../../guest/guest-kernel.js';
import type { irq_cpu } from '../../irq/preempt.js';
import { NotModelled } from '../../lib/bug.js';
import type { u64 } from '../../lib/types.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import type { kvm_vcpu } from './kvm_host.js';

const NO_KERNEL = 'a kernel in a guest of s390';

/** A kernel in the guest asks its vCPU. */
export function guestAsks(this: vmlinux_s390, _cpu: number, _request: CpuRequest): void {
  throw new NotModelled(NO_KERNEL);
}

/** An interrupt as a kernel calls it. */
export function vectorInGuest(this: vmlinux_s390, vector: number): number {
  return vector;
}

/** Nothing: a spinner does not wait. */
export function guestEvent(this: vmlinux_s390, _vcpu: kvm_vcpu): void {}

/** Nothing but its memory. */
export function sharedWithGuest(this: vmlinux_s390, _vcpu: kvm_vcpu, _cpu: irq_cpu): void {}

/** A kernel that boots makes a hypercall. */
export function guestCalls(
  this: vmlinux_s390,
  _kvm: number,
  _vcpu_idx: number,
  _x0: u64,
  _x1: u64,
  _x2: u64,
  _x3: u64,
): u64 {
  throw new NotModelled(NO_KERNEL);
}

/** A kernel boots on the vCPU. */
export function guestKernelBoots(this: vmlinux_s390, _vcpu: number): void {
  throw new NotModelled(NO_KERNEL);
}
