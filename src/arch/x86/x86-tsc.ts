// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/x86.c, x86.h (6.12.117): the TSC, as far as timers read it.
 *
 * MODEL: one stable host TSC that starts with the clock, tsc = ns * tsc_khz / 10^6, and no scaling: a guest TSC is
 * the host's plus tsc_offset.
 */

import { tscAt } from '../../lib/tsc.js';
import {
  add,
  and,
  div,
  gt,
  mul,
  mul_u64_u32_shr,
  not,
  type s32,
  type s64,
  shl,
  shr,
  sub,
  to_s64,
  to_u32,
  to_u64,
  U32_MAX,
  type u32,
  u64,
  ZERO,
} from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { kvm_vcpu } from './kvm_host.js';

const NSEC_PER_SEC = u64(1_000_000_000);

/** arch/x86/include/asm/msr.h: rdtsc() */
export function rdtsc(this: vmlinux_x86): u64 {
  return tscAt(this.m.sched_clock, this.m.tsc_khz);
}

/**
 * arch/x86/lib/delay.c: __delay(): the CPU spins for so many cycles.
 *
 * DEVIATION DV-040: no time passes in it, so that an interrupt of a TSC deadline may come up to 5 us early.
 */
export function __delay(this: vmlinux_x86, _loops: u64): void {}

/** arch/x86/include/asm/pvclock.h: pvclock_scale_delta() */
export function pvclock_scale_delta(this: vmlinux_x86, delta: u64, mul_frac: u32, shift: s32): u64 {
  return mul_u64_u32_shr(shift < 0 ? shr(delta, -shift) : shl(delta, shift), mul_frac, 32);
}

/** arch/x86/kvm/x86.h: nsec_to_cycles() */
export function nsec_to_cycles(this: vmlinux_x86, vcpu: kvm_vcpu, nsec: u64): u64 {
  return this.pvclock_scale_delta(nsec, vcpu.arch.virtual_tsc_mult, vcpu.arch.virtual_tsc_shift);
}

/** arch/x86/kvm/x86.c: kvm_read_l1_tsc() */
export function kvm_read_l1_tsc(this: vmlinux_x86, vcpu: kvm_vcpu, host_tsc: u64): u64 {
  return add(to_u64(vcpu.arch.tsc_offset), host_tsc);
}

/** arch/x86/kvm/x86.c: kvm_get_time_scale(): x base units are ((x << shift) * multiplier) >> 32 scaled ones. */
export function kvm_get_time_scale(this: vmlinux_x86, scaled_hz: u64, base_hz: u64): { shift: s32; multiplier: u32 } {
  let shift = 0;
  let tps64 = base_hz;
  let scaled64 = scaled_hz;
  const wide = (x: u64): boolean => and(x, not(u64(U32_MAX))) !== ZERO;

  while (gt(tps64, mul(scaled64, u64(2))) || wide(tps64)) {
    tps64 = shr(tps64, 1);
    shift--;
  }

  let tps32 = to_u32(tps64);
  while (!gt(u64(tps32), scaled64) || wide(scaled64)) {
    if (wide(scaled64) || (tps32 & 0x8000_0000) !== 0) scaled64 = shr(scaled64, 1);
    else tps32 = (tps32 << 1) >>> 0;
    shift++;
  }

  return { shift, multiplier: to_u32(div(shl(scaled64, 32), u64(tps32))) };
}

/** arch/x86/kvm/x86.c: kvm_set_tsc_khz(): within the host's tolerance; scaling is not modelled. */
export function kvm_set_tsc_khz(this: vmlinux_x86, vcpu: kvm_vcpu, user_tsc_khz: u32): number {
  if (user_tsc_khz === 0) return -1;

  const scale = this.kvm_get_time_scale(mul(u64(user_tsc_khz), u64(1000)), NSEC_PER_SEC);
  vcpu.arch.virtual_tsc_shift = scale.shift;
  vcpu.arch.virtual_tsc_mult = scale.multiplier;
  vcpu.arch.virtual_tsc_khz = user_tsc_khz;
  return 0;
}

/** arch/x86/include/asm/msr-index.h */
export const MSR_IA32_TSC = 0x10;

/** arch/x86/kvm/x86.c: kvm_compute_l1_tsc_offset() */
export function kvm_compute_l1_tsc_offset(this: vmlinux_x86, _vcpu: kvm_vcpu, target_tsc: u64): u64 {
  return sub(target_tsc, this.rdtsc());
}

/** arch/x86/kvm/x86.c: kvm_vcpu_write_tsc_offset(). MODEL: no nested guest, so l1_tsc_offset is tsc_offset. */
export function kvm_vcpu_write_tsc_offset(this: vmlinux_x86, vcpu: kvm_vcpu, l1_offset: u64): void {
  this.trace_kvm_write_tsc_offset(vcpu.vcpu_id, to_u64(vcpu.arch.tsc_offset), l1_offset);
  vcpu.arch.tsc_offset = to_s64(l1_offset);
}

/** arch/x86/kvm/x86.c: adjust_tsc_offset_guest() */
export function adjust_tsc_offset_guest(this: vmlinux_x86, vcpu: kvm_vcpu, adjustment: s64): void {
  this.kvm_vcpu_write_tsc_offset(vcpu, add(to_u64(vcpu.arch.tsc_offset), to_u64(adjustment)));
}

/** kvm_set_msr_common(): MSR_IA32_TSC by the guest. MODEL: without IA32_TSC_ADJUST, which would follow. */
export function kvm_set_msr_commonTsc(this: vmlinux_x86, vcpu: kvm_vcpu, data: u64): number {
  const adj = sub(this.kvm_compute_l1_tsc_offset(vcpu, data), to_u64(vcpu.arch.tsc_offset));
  this.adjust_tsc_offset_guest(vcpu, to_s64(adj));
  return 0;
}
