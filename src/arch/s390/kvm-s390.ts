// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/s390/kvm/kvm-s390.c (6.12.117): load and put, the run loop around SIE, creation of a vCPU, what a scan for a directed yield asks.
 *
 * Not mirrored: memory of the guest and its faults, requests (each throws NotModelled), guest debugging, protected and ucontrol
 * guests, IBS, CPU timer accounting. MODEL: userspace does not control whether a vCPU is stopped.
 *
 * kvm_arch_vcpu_ioctl_run() may be left in the middle (see sched/kernel-stack): asleep in schedule() or kvm_vcpu_halt(), or in SIE.
 * The weak functions of virt/kvm are at the end.
 */
import {
  IN_GUEST_MODE,
  KVM_EXIT_INTR,
  KVM_EXIT_S390_SIEIC,
  OUTSIDE_GUEST_MODE,
  type kvm_vcpu as virt_vcpu,
} from '../../kvm/kvm_host.js';
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { EINTR, EINVAL, EOPNOTSUPP, EREMOTE } from '../../lib/errno.js';
import { and, type bool, type u32, ZERO } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import {
  CPUSTAT_RUNNING,
  CPUSTAT_SM,
  CPUSTAT_STOPPED,
  CPUSTAT_ZARCH,
  type kvm,
  type kvm_vcpu,
  PSW_MASK_PSTATE,
} from './kvm_host.js';

/** of the basic system control area, which a VM begins with; an extended one has 248 */
const KVM_S390_BSCA_CPU_SLOTS = 64;

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_should_kick(): nobody does. */
export function kvm_arch_vcpu_should_kick(this: vmlinux_s390, _vcpu: kvm_vcpu): bool {
  throw new KernelBug('BUG_ON', 'kvm_arch_vcpu_should_kick: on s390');
}

/** virt/kvm/kvm_main.c: kvm_vcpu_kick(): not built for s390, so that nothing there calls it. */
export function kvm_vcpu_kick(this: vmlinux, _vcpu: virt_vcpu): void {
  throw new KernelBug('BUG_ON', 'kvm_vcpu_kick: s390 has none');
}

/* ---- creation ---- */

/** arch/s390/kvm/kvm-s390.c: kvm_arch_init_vm() */
export function kvm_arch_init_vm(this: vmlinux_s390, _kvm: kvm): number {
  return 0;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_precreate() */
export function kvm_arch_vcpu_precreate(this: vmlinux_s390, _kvm: kvm, id: number): number {
  // MODEL: the system control area stays basic
  return id < KVM_S390_BSCA_CPU_SLOTS ? 0 : -EINVAL;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_create() */
export function kvm_arch_vcpu_create(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  return this.kvm_s390_vcpu_setup(vcpu);
}

/** arch/s390/kvm/kvm-s390.c: kvm_s390_vcpu_setup() */
export function kvm_s390_vcpu_setup(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  vcpu.arch.sie_block.cpuflags = (CPUSTAT_ZARCH | CPUSTAT_SM | CPUSTAT_STOPPED) >>> 0;
  vcpu.arch.ckc_timer = this.hrtimer_init('kvm_s390_idle_wakeup', vcpu.id);
  return 0;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_postcreate() */
export function kvm_arch_vcpu_postcreate(this: vmlinux_s390, _vcpu: kvm_vcpu): void {}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_destroy() */
export function kvm_arch_vcpu_destroy(this: vmlinux_s390, _vcpu: kvm_vcpu): void {}

/** arch/s390/include/asm/kvm_host.h: kvm_arch_vcpu_blocking() */
export function kvm_arch_vcpu_blocking(this: vmlinux_s390, _vcpu: kvm_vcpu): void {}

/** arch/s390/include/asm/kvm_host.h: kvm_arch_vcpu_unblocking() */
export function kvm_arch_vcpu_unblocking(this: vmlinux_s390, _vcpu: kvm_vcpu): void {}

/** include/linux/kvm_host.h: kvm_arch_vcpu_run_pid_change(), without CONFIG_HAVE_KVM_VCPU_RUN_PID_CHANGE */
export function kvm_arch_vcpu_run_pid_change(this: vmlinux_s390, _vcpu: kvm_vcpu): number {
  return 0;
}

/** KVM_S390_VM_... by number: none is modelled. */
export function vmIoctl(this: vmlinux_s390, _kvm: kvm, nr: number, _arg: u32): number {
  throw new NotModelled(`ioctl 0x${nr.toString(16)} of a VM`);
}

/** arch/s390/kvm/kvm-s390.c: kvm_s390_vcpu_start(). MODEL: without IBS, and the guest's TLB is nobody's. */
export function kvm_s390_vcpu_start(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  if (!this.is_vcpu_stopped(vcpu)) return 0;
  this.kvm_s390_clear_cpuflags(vcpu, CPUSTAT_STOPPED);
  return 0;
}

/** arch/s390/kvm/kvm-s390.h: is_vcpu_stopped() */
export function is_vcpu_stopped(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return this.kvm_s390_test_cpuflags(vcpu, CPUSTAT_STOPPED);
}

/* ---- load and put ---- */

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_load(): who senses it sees it run from here on. */
export function kvm_arch_vcpu_load(this: vmlinux_s390, vcpu: kvm_vcpu, cpu: number): void {
  this.kvm_s390_set_cpuflags(vcpu, CPUSTAT_RUNNING);
  vcpu.cpu = cpu;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_put(): it is on no CPU from here on. */
export function kvm_arch_vcpu_put(this: vmlinux_s390, vcpu: kvm_vcpu): void {
  vcpu.cpu = -1;
  this.kvm_s390_clear_cpuflags(vcpu, CPUSTAT_RUNNING);
}

/** test_and_clear of gisa_int.kicked_mask, without the test */
function notKicked(k: vmlinux_s390, vcpu: kvm_vcpu): void {
  const { arch } = k.m.kvm[vcpu.kvm];
  arch.kicked_mask = (arch.kicked_mask & ~(1 << vcpu.vcpu_idx)) >>> 0;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_runnable(): looking takes the kick away, also from another vCPU. */
export function kvm_arch_vcpu_runnable(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  notKicked(this, vcpu);
  return this.kvm_s390_vcpu_has_irq(vcpu, false);
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_in_kernel() */
export function kvm_arch_vcpu_in_kernel(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return and(vcpu.arch.sie_block.gpsw.mask, PSW_MASK_PSTATE) === ZERO;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_no_poll(). MODEL: avg_steal_timer is 0: nobody steals from this host. */
export function kvm_arch_no_poll(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  if (this.m.kvm_s390_params.halt_poll_max_steal > 0) return false;
  vcpu.arch.stat.halt_no_poll_steal++;
  return true;
}

/* ---- the run loop ---- */

/** arch/s390/kvm/kvm-s390.c: kvm_s390_handle_requests(). MODEL: none can be made. */
export function kvm_s390_handle_requests(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  if (this.kvm_request_pending(vcpu)) throw new NotModelled('a request to a vCPU');
  return 0;
}

/**
 * arch/s390/kvm/kvm-s390.c: vcpu_pre_run(): once: who is woken in the middle of it looks at need_resched when SIE is left again.
 *
 * Split: it goes on in vcpu_pre_runDeliver(). Its result goes to __vcpu_runEnter().
 */
export function vcpu_pre_run(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  if (this.need_resched()) {
    this.schedule();
    this.whenBack(current, 'vcpu_pre_runDeliver', vcpu.id);
    return 0;
  }
  return this.vcpu_pre_runDeliver(vcpu.id);
}

/** vcpu_pre_run(): interrupts are delivered, and what was asked of the vCPU is done. */
export function vcpu_pre_runDeliver(this: vmlinux_s390, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  const rc = this.kvm_s390_deliver_pending_interrupts(vcpu) || this.kvm_s390_handle_requests(vcpu);
  if (rc) return rc;
  // RACE: a kick from before is taken back here, and what it was for has been looked at above
  notKicked(this, vcpu);
  vcpu.arch.sie_block.icptcode = 0;
  this.trace_kvm_s390_sie_enter(vcpu, vcpu.arch.sie_block.cpuflags);
  return 0;
}

/** arch/s390/kvm/kvm-s390.c: vcpu_post_run_handle_fault(): of the reasons without an intercept, an interrupt of the host. */
export function vcpu_post_run_handle_fault(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  vcpu.arch.stat.exit_null++;
  return 0;
}

/**
 * arch/s390/kvm/kvm-s390.c: vcpu_post_run()
 *
 * Split: it goes on in vcpu_post_runHandled().
 */
export function vcpu_post_run(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  const { sie_block } = vcpu.arch;
  this.trace_kvm_s390_sie_exit(vcpu, sie_block.icptcode);
  if (sie_block.icptcode === 0) return this.vcpu_post_run_handle_fault(vcpu);
  const rc = this.kvm_handle_sie_intercept(vcpu);
  if (this.notReturned(current)) {
    this.whenBack(current, 'vcpu_post_runHandled', vcpu.id);
    return 0;
  }
  return this.vcpu_post_runHandled(vcpu.id, rc);
}

/** vcpu_post_run(): what KVM does not handle goes to userspace. */
export function vcpu_post_runHandled(this: vmlinux_s390, vcpuId: number, rc: number): number {
  if (rc !== -EOPNOTSUPP) return rc;
  this.m.vcpu[vcpuId].run.exit_reason = KVM_EXIT_S390_SIEIC;
  return -EREMOTE;
}

/**
 * arch/s390/kvm/kvm-s390.c: __vcpu_run(), from the head of its loop.
 *
 * Split: it goes on in __vcpu_runEnter(), __vcpu_runExited(), __vcpu_runOnce(), __vcpu_runOut().
 */
export function __vcpu_run(this: vmlinux_s390, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();
  const rc = this.vcpu_pre_run(vcpu);
  if (this.notReturned(current)) {
    this.whenBack(current, '__vcpu_runEnter', vcpuId);
    return 0;
  }
  return this.__vcpu_runEnter(vcpuId, rc);
}

/** __vcpu_run(): into SIE. MODEL: vcpu->mode, which s390 leaves alone, says what prog0c says: that the CPU is in SIE. */
export function __vcpu_runEnter(this: vmlinux_s390, vcpuId: number, rc: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  if (rc) return this.__vcpu_runOut(vcpuId, rc);
  vcpu.mode = IN_GUEST_MODE;
  this.untilExit(this.get_current(), '__vcpu_runExited', vcpuId);
  this.guestEntered(vcpu);
  return 0;
}

/** __vcpu_run(): SIE is left. An interrupt of the host is taken as soon as it is. */
export function __vcpu_runExited(this: vmlinux_s390, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();
  vcpu.mode = OUTSIDE_GUEST_MODE;
  vcpu.stat.exits++;
  if (vcpu.arch.sie_block.icptcode === 0) this.hostIrqOfExit(vcpu);
  const rc = this.vcpu_post_run(vcpu);
  if (this.notReturned(current)) {
    this.whenBack(current, '__vcpu_runOnce', vcpuId);
    return 0;
  }
  return this.__vcpu_runOnce(vcpuId, rc);
}

/** __vcpu_run(): the condition of its loop. */
export function __vcpu_runOnce(this: vmlinux_s390, vcpuId: number, rc: number): number {
  if (this.signal_pending(this.get_current()) || rc) return this.__vcpu_runOut(vcpuId, rc);
  return this.__vcpu_run(vcpuId);
}

/** kvm_arch_vcpu_ioctl_run() behind __vcpu_run(), with its result. */
export function __vcpu_runOut(this: vmlinux_s390, vcpuId: number, r: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  let rc = r;
  if (this.signal_pending(this.get_current()) && !rc) {
    vcpu.run.exit_reason = KVM_EXIT_INTR;
    rc = -EINTR;
  }
  if (rc === -EREMOTE) rc = 0;
  vcpu.arch.stat.exit_userspace++;
  this.vcpu_put(vcpu);
  return rc;
}

/** arch/s390/kvm/kvm-s390.c: kvm_arch_vcpu_ioctl_run(). Split: it goes on in __vcpu_runOut(). */
export function kvm_arch_vcpu_ioctl_run(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  if (!vcpu.wants_to_run) return -EINTR;
  this.vcpu_load(vcpu);
  this.kvm_s390_vcpu_start(vcpu);
  return this.__vcpu_run(vcpu.id);
}

/* ---- weak functions of virt/kvm, and what only s390 has otherwise ---- */

/** virt/kvm/kvm_main.c: kvm_arch_dy_runnable(), weak */
export function kvm_arch_dy_runnable(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_vcpu_runnable(vcpu);
}

/** virt/kvm/kvm_main.c: kvm_arch_vcpu_preempted_in_kernel(), weak: as it is now */
export function kvm_arch_vcpu_preempted_in_kernel(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_vcpu_in_kernel(vcpu);
}

/** virt/kvm/kvm_main.c: kvm_arch_dy_has_pending_interrupt(), weak */
export function kvm_arch_dy_has_pending_interrupt(this: vmlinux_s390, _vcpu: kvm_vcpu): bool {
  return false;
}

/** include/linux/kvm_host.h: vcpu_valid_wakeup(), of CONFIG_HAVE_KVM_INVALID_WAKEUPS */
export function vcpu_valid_wakeup(this: vmlinux, vcpu: virt_vcpu): bool {
  return vcpu.valid_wakeup;
}
