// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/kvm_host.h (6.12.117): the generic half of KVM's structures, as plain values.
 *
 * Mirrored: what directed yield, halting, waking and requests read or write.
 * MODEL: memory slots, MMU, buses and SRCU are absent.
 */
import { and, type bool, not, or, s64_lt, shl, shr, to_s64, to_u32, type u32, u64, ZERO } from '../lib/types.js';
import { NULL, type task_ptr } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';

/** Index into `machine.kvm`. */
export type kvm_ptr = number & { readonly __kvm?: never };
/** Index into `machine.vcpu`: over all VMs; within its VM a vCPU is known by vcpu_idx. */
export type vcpu_ptr = number & { readonly __vcpu?: never };

/** enum: vcpu->mode */
export const OUTSIDE_GUEST_MODE = 0;
export const IN_GUEST_MODE = 1;
export const EXITING_GUEST_MODE = 2;
export const READING_SHADOW_PAGE_TABLES = 3;

export const KVM_REQUEST_MASK = 0xff;
export const KVM_REQUEST_NO_WAKEUP = 1 << 8;
export const KVM_REQUEST_WAIT = 1 << 9;
export const KVM_REQUEST_NO_ACTION = 1 << 10;
export const KVM_REQ_TLB_FLUSH = 0 | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP;
export const KVM_REQ_VM_DEAD = 1 | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP;
export const KVM_REQ_UNBLOCK = 2;
export const KVM_REQ_DIRTY_RING_SOFT_FULL = 3;
export const KVM_REQUEST_ARCH_BASE = 8;
export const KVM_REQ_OUTSIDE_GUEST_MODE = KVM_REQUEST_NO_ACTION | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP;

/** include/uapi/linux/kvm.h: kvm_run->exit_reason */
export const KVM_EXIT_UNKNOWN = 0;
export const KVM_EXIT_HYPERCALL = 3;
export const KVM_EXIT_HLT = 5;
export const KVM_EXIT_IRQ_WINDOW_OPEN = 7;
export const KVM_EXIT_SHUTDOWN = 8;
export const KVM_EXIT_INTR = 10;
export const KVM_EXIT_S390_SIEIC = 13;
export const KVM_EXIT_IOAPIC_EOI = 26;
export const KVM_EXIT_AP_RESET_HOLD = 32;

export const KVM_MAX_VCPUS = 1024;
export const KVM_MAX_VCPU_IDS = 4096;

/** include/linux/kvm_host.h: struct kvm_vcpu_stat_generic and the x86 counters that mirrored code touches. */
export interface kvm_vcpu_stat {
  halt_successful_poll: number;
  halt_attempted_poll: number;
  halt_poll_invalid: number;
  halt_wakeup: number;
  halt_poll_success_ns: u64;
  halt_poll_fail_ns: u64;
  halt_wait_ns: u64;
  blocking: number;
  directed_yield_attempted: number;
  directed_yield_successful: number;
  preemption_reported: number;
  preemption_other: number;
  halt_exits: number;
  hypercalls: number;
  irq_injections: number;
  nmi_injections: number;
  req_event: number;
  exits: number;
  tlb_flush: number;
  irq_exits: number;
  irq_window_exits: number;
  nmi_window_exits: number;
  signal_exits: number;
}

/**
 * Locals of kvm_vcpu_halt() and kvm_vcpu_block(), for while they wait; times in ns. `polling`: the loop in
 * kvm_vcpu_halt() goes round, to be left at `stop` at the latest.
 */
export interface kvm_vcpu_halt_locals {
  polling: bool;
  do_halt_poll: bool;
  halt_poll_allowed: bool;
  start: u64;
  cur: u64;
  poll_end: u64;
  stop: u64;
}

/** include/uapi/linux/kvm.h: struct kvm_run, what the run loop reads and writes. */
export interface kvm_run {
  exit_reason: u32;
  immediate_exit: bool;
  /** KVM_EXIT_IOAPIC_EOI: eoi.vector */
  eoi_vector: number;
}

/** include/linux/kvm_host.h: struct kvm_vcpu. */
export interface kvm_vcpu {
  readonly id: vcpu_ptr;
  readonly kvm: kvm_ptr;
  readonly vcpu_id: number;
  readonly vcpu_idx: number;
  /** last CPU it was loaded on; -1 before */
  cpu: number;
  /** the thread that runs it: what vcpu->pid resolves to; NULL before the first KVM_RUN */
  pid: task_ptr;
  mode: number;
  /** bit r = request r & KVM_REQUEST_MASK */
  requests: u64;
  /** rcuwait: the task that blocks in kvm_vcpu_block(), or NULL */
  wait: task_ptr;
  wants_to_run: bool;
  preempted: bool;
  ready: bool;
  scheduled_out: bool;
  /** CONFIG_HAVE_KVM_CPU_RELAX_INTERCEPT */
  spin_loop: { in_spin_loop: bool; dy_eligible: bool };
  halt_poll_ns: u32;
  valid_wakeup: bool;
  halt: kvm_vcpu_halt_locals;
  run: kvm_run;
  stat: kvm_vcpu_stat;
  /** struct kvm_vcpu_arch, which each architecture has its own of */
  arch: object;
  /** ours: what the VMM wants its thread to do as soon as KVM_RUN is back; a signal is pending for it as long as there is any */
  ioctls: vcpu_ioctl[];
}

/** Ioctls of a vCPU by its thread: KVM_GET_LAPIC and KVM_SET_LAPIC with one register changed, all of its state, KVM_VCPU_TSC_OFFSET. */
export type vcpu_ioctl =
  | { nr: 'set_lapic'; reg: number; value: u32 }
  | { nr: 'restore' }
  | { nr: 'tsc_offset'; cycles: number };

/** include/linux/kvm_host.h: struct kvm. */
export interface kvm {
  readonly id: kvm_ptr;
  /** kvm->vcpu_array in the order of vcpu_idx: the online vCPUs */
  vcpus: vcpu_ptr[];
  created_vcpus: number;
  max_vcpus: number;
  last_boosted_vcpu: number;
  max_halt_poll_ns: u32;
  override_halt_poll_ns: bool;
  /** struct kvm_arch, which each architecture has its own of */
  arch: object;
}

/** virt/kvm/kvm_main.c: module parameters. */
export interface kvm_params {
  /** ns */
  halt_poll_ns: u32;
  halt_poll_ns_grow: u32;
  /** ns */
  halt_poll_ns_grow_start: u32;
  halt_poll_ns_shrink: u32;
}

/** KVM's part of the machine. */
export interface kvm_state {
  kvm: kvm[];
  vcpu: kvm_vcpu[];
  /** per CPU: kvm_running_vcpu, NULL when none */
  kvm_running_vcpu: vcpu_ptr[];
  kvm_params: kvm_params;
}

/** kvm_vcpu_stat, all zero. */
export function newVcpuStat(): kvm_vcpu_stat {
  return {
    halt_successful_poll: 0,
    halt_attempted_poll: 0,
    halt_poll_invalid: 0,
    halt_wakeup: 0,
    halt_poll_success_ns: ZERO,
    halt_poll_fail_ns: ZERO,
    halt_wait_ns: ZERO,
    blocking: 0,
    directed_yield_attempted: 0,
    directed_yield_successful: 0,
    preemption_reported: 0,
    preemption_other: 0,
    halt_exits: 0,
    hypercalls: 0,
    irq_injections: 0,
    nmi_injections: 0,
    req_event: 0,
    exits: 0,
    tlb_flush: 0,
    irq_exits: 0,
    irq_window_exits: 0,
    nmi_window_exits: 0,
    signal_exits: 0,
  };
}

/** A vCPU before kvm_vcpu_init(): in no CPU, without a thread. */
export function newVcpu<Arch extends object>(
  id: vcpu_ptr,
  kvm: kvm_ptr,
  vcpu_id: number,
  vcpu_idx: number,
  arch: Arch,
): kvm_vcpu & { arch: Arch } {
  return {
    id,
    kvm,
    vcpu_id,
    vcpu_idx,
    cpu: -1,
    pid: NULL,
    mode: OUTSIDE_GUEST_MODE,
    requests: ZERO,
    wait: NULL,
    wants_to_run: false,
    preempted: false,
    ready: false,
    scheduled_out: false,
    spin_loop: { in_spin_loop: false, dy_eligible: false },
    halt_poll_ns: 0,
    valid_wakeup: false,
    halt: {
      polling: false,
      do_halt_poll: false,
      halt_poll_allowed: false,
      start: ZERO,
      cur: ZERO,
      poll_end: ZERO,
      stop: ZERO,
    },
    run: { exit_reason: KVM_EXIT_UNKNOWN, immediate_exit: false, eoi_vector: 0 },
    stat: newVcpuStat(),
    arch,
    ioctls: [],
  };
}

/** A VM without vCPUs. `max_halt_poll_ns` follows the module's parameter until KVM_CAP_HALT_POLL. */
export function newKvm<Arch extends object>(id: kvm_ptr, arch: Arch): kvm & { arch: Arch } {
  return {
    id,
    vcpus: [],
    created_vcpus: 0,
    max_vcpus: KVM_MAX_VCPUS,
    last_boosted_vcpu: 0,
    max_halt_poll_ns: 0,
    override_halt_poll_ns: false,
    arch,
  };
}

/** Module parameters of kvm.ko on x86 as they are without a modprobe line. */
export function newKvmParams(): kvm_params {
  return { halt_poll_ns: 200_000, halt_poll_ns_grow: 2, halt_poll_ns_grow_start: 10_000, halt_poll_ns_shrink: 2 };
}

/** include/linux/ktime.h: signed comparison, of the times and not of their difference */
const ktime_before = (a: u64, b: u64): bool => s64_lt(to_s64(a), to_s64(b));

/** set_bit() et al. on vcpu->requests */
const bit = (req: number): u64 => shl(u64(1), req & KVM_REQUEST_MASK);

/** include/linux/kvm_host.h: __kvm_make_request() */
export function __kvm_make_request(this: vmlinux, req: number, vcpu: kvm_vcpu): void {
  vcpu.requests = or(vcpu.requests, bit(req));
}

/** include/linux/kvm_host.h: kvm_make_request() */
export function kvm_make_request(this: vmlinux, req: number, vcpu: kvm_vcpu): void {
  this.__kvm_make_request(req, vcpu);
}

/** include/linux/kvm_host.h: kvm_request_pending() */
export function kvm_request_pending(this: vmlinux, vcpu: kvm_vcpu): bool {
  return vcpu.requests !== ZERO;
}

/** include/linux/kvm_host.h: kvm_test_request() */
export function kvm_test_request(this: vmlinux, req: number, vcpu: kvm_vcpu): bool {
  return (to_u32(shr(vcpu.requests, req & KVM_REQUEST_MASK)) & 1) !== 0;
}

/** include/linux/kvm_host.h: kvm_clear_request() */
export function kvm_clear_request(this: vmlinux, req: number, vcpu: kvm_vcpu): void {
  vcpu.requests = and(vcpu.requests, not(bit(req)));
}

/** include/linux/kvm_host.h: kvm_check_request() */
export function kvm_check_request(this: vmlinux, req: number, vcpu: kvm_vcpu): bool {
  if (!this.kvm_test_request(req, vcpu)) return false;
  this.kvm_clear_request(req, vcpu);
  return true;
}

/** include/linux/kvm_host.h: kvm_vcpu_exiting_guest_mode(): cmpxchg; the mode before. */
export function kvm_vcpu_exiting_guest_mode(this: vmlinux, vcpu: kvm_vcpu): number {
  const old = vcpu.mode;
  if (old === IN_GUEST_MODE) vcpu.mode = EXITING_GUEST_MODE;
  return old;
}

/** include/linux/kvm_host.h: kvm_vcpu_can_poll(): another task, a reschedule or the end of the window stops polling. */
export function kvm_vcpu_can_poll(this: vmlinux, cur: u64, stop: u64): bool {
  return this.single_task_running() && !this.need_resched() && ktime_before(cur, stop);
}

/** include/linux/kvm_host.h: kvm_get_vcpu_by_id(): NULL when there is none. */
export function kvm_get_vcpu_by_id(this: vmlinux, kvm: kvm, id: number): vcpu_ptr {
  for (const v of kvm.vcpus) if (this.m.vcpu[v].vcpu_id === id) return v;
  return NULL;
}

/** include/linux/kvm_host.h: __kvm_vcpu_wake_up() */
export function __kvm_vcpu_wake_up(this: vmlinux, vcpu: kvm_vcpu): bool {
  return this.rcuwait_wake_up(vcpu) !== 0;
}

/** include/linux/kvm_host.h: kvm_vcpu_is_blocking(): from prepare_to_rcuwait() to finish_rcuwait(); not while polling. */
export function kvm_vcpu_is_blocking(this: vmlinux, vcpu: kvm_vcpu): bool {
  return this.rcuwait_active(vcpu);
}

/** include/linux/kvm_host.h: kvm_vcpu_set_in_spin_loop() */
export function kvm_vcpu_set_in_spin_loop(this: vmlinux, vcpu: kvm_vcpu, val: bool): void {
  vcpu.spin_loop.in_spin_loop = val;
}

/** include/linux/kvm_host.h: kvm_vcpu_set_dy_eligible() */
export function kvm_vcpu_set_dy_eligible(this: vmlinux, vcpu: kvm_vcpu, val: bool): void {
  vcpu.spin_loop.dy_eligible = val;
}

/** include/linux/kvm_host.h: vcpu_valid_wakeup(): constant true but on s390. */
export function vcpu_valid_wakeup(this: vmlinux, _vcpu: kvm_vcpu): bool {
  return true;
}
