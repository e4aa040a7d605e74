// SPDX-License-Identifier: GPL-2.0-only
/** kernel/entry/kvm.c, include/linux/entry-kvm.h (6.12.117): work before the guest is entered. No signals, no task work. */
import { EINTR } from '../lib/errno.js';
import type { bool } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { KVM_EXIT_INTR, type kvm_vcpu } from './kvm_host.js';

/** include/linux/entry-kvm.h: xfer_to_guest_mode_work_pending() */
export function xfer_to_guest_mode_work_pending(this: vmlinux): bool {
  return this.need_resched() || this.signal_pending(this.get_current());
}

/** include/linux/kvm_host.h: kvm_handle_signal_exit() */
export function kvm_handle_signal_exit(this: vmlinux, vcpu: kvm_vcpu): void {
  vcpu.run.exit_reason = KVM_EXIT_INTR;
  vcpu.stat.signal_exits++;
}

/**
 * kernel/entry/kvm.c: xfer_to_guest_mode_work()
 *
 * Split: it goes on in xfer_to_guest_mode_workAgain().
 */
export function xfer_to_guest_mode_work(this: vmlinux, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  if (this.signal_pending(current)) {
    this.kvm_handle_signal_exit(vcpu);
    return -EINTR;
  }
  if (this.need_resched()) {
    this.schedule();
    this.whenBack(current, 'xfer_to_guest_mode_workAgain', vcpu.id);
  }
  return 0;
}

/** xfer_to_guest_mode_work(): the end of its loop: more work may have come up meanwhile. */
export function xfer_to_guest_mode_workAgain(this: vmlinux, vcpuId: number): number {
  if (!this.xfer_to_guest_mode_work_pending()) return 0;
  return this.xfer_to_guest_mode_work(this.m.vcpu[vcpuId]);
}

/** kernel/entry/kvm.c: xfer_to_guest_mode_handle_work() */
export function xfer_to_guest_mode_handle_work(this: vmlinux, vcpu: kvm_vcpu): number {
  if (!this.xfer_to_guest_mode_work_pending()) return 0;
  return this.xfer_to_guest_mode_work(vcpu);
}
