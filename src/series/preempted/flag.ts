// SPDX-License-Identifier: GPL-2.0-only
/**
 * What the proposals for arm64's vcpu_is_preempted() have in common: a word in the guest's memory for each vCPU, written by KVM at put
 * and at load, read by the guest's scheduler.
 */
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import type { gfn_to_hva_cache, guest_memory } from '../../kvm/guest-memory.js';
import { loadBytes } from '../../kvm/guest-memory.js';
import { toNumber, U64_MAX, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';

/** include/linux/kvm_types.h: INVALID_GPA, once GPA_INVALID */
export const INVALID_GPA: u64 = U64_MAX;

/** What KVM keeps of the word of a vCPU: vcpu->arch.pv_state, vcpu_state, pv, pvlock or pvsched. */
export interface pv_preempted {
  /** INVALID_GPA: there is none */
  base: u64;
  /** len 0 where it is not used, or empty */
  ghc: gfn_to_hva_cache;
}

/** What a kernel in a guest keeps of its words. */
export interface guest_preempted {
  /** per CPU: where it reads; -1 where none was set up */
  gpa: number[];
  /** the static call or pv_ops leads to the words */
  on: boolean;
  /** pr_warn_once() for a CPU without one */
  warned: boolean;
}

declare module '../../arch/arm64/kvm_host.js' {
  interface kvm_vcpu_arch {
    /** absent: as it is at first */
    pv_preempted?: pv_preempted;
  }
}

declare module '../../vmlinux/vmlinux.js' {
  interface kernel_state {
    pv_preempted?: guest_preempted;
  }
}

export const emptyCache = (): gfn_to_hva_cache => ({ gpa: ZERO, len: 0, generation: 0, bad: false });

/** The vCPU's, made when it is first asked for. */
export function pvOf({ arch }: kvm_vcpu): pv_preempted {
  arch.pv_preempted ??= { base: INVALID_GPA, ghc: emptyCache() };
  return arch.pv_preempted;
}

/** The guest's. */
export function guestPv(k: vmlinux_arm64): guest_preempted {
  k.m.pv_preempted ??= { gpa: k.m.rq.map(() => -1), on: false, warned: false };
  return k.m.pv_preempted;
}

/** MODEL: where a guest's per-CPU areas are, one page a CPU, and what is in each: a structure after 71 bytes, or aligned to 64. */
export const PERCPU_GPA = 0x10_0000;
export const perCpuGpa = (cpu: number, offset: number): number => PERCPU_GPA + 0x1000 * cpu + offset;
export const UNALIGNED = 71;
export const ALIGNED = 128;

/** Where a VMM has the structures of its vCPUs, as QEMU has those of stolen time. */
export const VMM_GPA = 0x090a_0000;

/** What the guest's load of `len` bytes of its word gives; 0 for a CPU without one. */
export function readFlag(k: vmlinux_arm64, cpu: number, len: number): number {
  const gpa = guestPv(k).gpa[cpu];
  return gpa < 0 ? 0 : loadBytes(k.ram as guest_memory, gpa, len);
}

/** static_call_update(), or a member of pv_ops */
export function switchOn(k: vmlinux_arm64): void {
  guestPv(k).on = true;
}

/** x0 of an answer, as an address. */
export const gpaOf = (a0: u64): number => toNumber(a0);
export const asGpa = (gpa: number): u64 => u64(gpa);
