// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/kvm_host.h (6.12.117): the generic half of KVM's structures, as plain values.
 *
 * Mirrored: what directed yield, halting, waking and requests read or write.
 * MODEL: memory slots, MMU, buses and SRCU are absent.
 */
import type { kvm_arch, kvm_vcpu_arch } from '../arch/x86/kvm_host.js';
import { type bool, type u32, type u64, ZERO } from '../lib/types.js';
import { NULL, type task_ptr } from '../sched/sched.js';

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
export const KVM_REQUEST_ARCH_BASE = 8;

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
  stat: kvm_vcpu_stat;
  arch: kvm_vcpu_arch;
}

/** include/linux/kvm_host.h: struct kvm. */
export interface kvm {
  readonly id: kvm_ptr;
  /** kvm->vcpu_array in the order of vcpu_idx: the online vCPUs */
  vcpus: vcpu_ptr[];
  last_boosted_vcpu: number;
  max_halt_poll_ns: u32;
  override_halt_poll_ns: bool;
  arch: kvm_arch;
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
  };
}

/** A vCPU before kvm_vcpu_init(): in no CPU, without a thread. */
export function newVcpu(id: vcpu_ptr, kvm: kvm_ptr, vcpu_id: number, vcpu_idx: number, arch: kvm_vcpu_arch): kvm_vcpu {
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
    valid_wakeup: true,
    stat: newVcpuStat(),
    arch,
  };
}

/** A VM without vCPUs. `max_halt_poll_ns` follows the module's parameter until KVM_CAP_HALT_POLL. */
export function newKvm(id: kvm_ptr, arch: kvm_arch): kvm {
  return { id, vcpus: [], last_boosted_vcpu: 0, max_halt_poll_ns: 0, override_halt_poll_ns: false, arch };
}

/** Module parameters of kvm.ko on x86 as they are without a modprobe line. */
export function newKvmParams(): kvm_params {
  return { halt_poll_ns: 200_000, halt_poll_ns_grow: 2, halt_poll_ns_grow_start: 10_000, halt_poll_ns_shrink: 2 };
}
