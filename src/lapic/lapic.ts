// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/lapic.h, lapic.c (6.12.117).
 *
 * Mirrored: all of it but the APIC-access page. The register page is `regs`, a u32 word per 4 bytes; a pointer into
 * it is the page and a byte offset. MODEL: no nested guest, so is_guest_mode() is false everywhere; no Xen, no
 * Hyper-V SynIC; the local APIC is always in the kernel; the static keys that skip the tests for disabled APICs are
 * the tests themselves; RCU, mutexes and kvmalloc() failures are absent.
 *
 * The page, by offset; x2APIC's MSR is 0x800 + (offset >> 4). 256 bits are eight words, 0x10 apart.
 *
 *   offset     register   xAPIC  x2APIC
 *   020        ID         rw     r       xAPIC: bits 31:24
 *   030        LVR        r      r
 *   080        TASKPRI    rw     rw
 *   090        ARBPRI     r      -       always 0
 *   0a0        PROCPRI    r      r       brought up to date by the read
 *   0b0        EOI        w      w
 *   0d0        LDR        rw     r       x2APIC: follows from ID
 *   0e0        DFR        rw     -
 *   0f0        SPIV       rw     rw
 *   100-170    ISR        r      r
 *   180-1f0    TMR        r      r
 *   200-270    IRR        r      r
 *   280        ESR        rw     rw      x2APIC: 0 is all that may be written
 *   2f0        LVTCMCI    rw     rw      with MCG_CMCI_P alone
 *   300        ICR        rw     rw      x2APIC: 64 bits; its destination is in ICR2 on AMD, behind it on Intel
 *   310        ICR2       rw     -
 *   320        LVTT       rw     rw      with it LVTTHMR 330, LVTPC 340, LVT0 350, LVT1 360, LVTERR 370
 *   380        TMICT      rw     rw
 *   390        TMCCT      r      r       computed by the read
 *   3e0        TDCR       rw     rw
 *   3f0        SELF_IPI   -      w
 */

import {
  APICV_INHIBIT_REASON_APIC_BASE_MODIFIED,
  APICV_INHIBIT_REASON_APIC_ID_MODIFIED,
  APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED,
  APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED,
  HF_SMM_MASK,
  KVM_APIC_CHECK_VAPIC,
  KVM_APIC_MODE_MAP_DISABLED,
  KVM_APIC_MODE_SW_DISABLED,
  KVM_APIC_MODE_X2APIC,
  KVM_APIC_MODE_XAPIC_CLUSTER,
  KVM_APIC_MODE_XAPIC_FLAT,
  KVM_APIC_PV_EOI_PENDING,
  KVM_MP_STATE_INIT_RECEIVED,
  KVM_MP_STATE_RUNNABLE,
  KVM_MSR_ENABLED,
  KVM_REQ_APF_READY,
  KVM_REQ_APICV_UPDATE,
  KVM_REQ_EVENT,
  KVM_REQ_IOAPIC_EOI_EXIT,
  KVM_REQ_REPORT_TPR_ACCESS,
  KVM_X86_QUIRK_LAPIC_MMIO_HOLE,
  KVM_X86_QUIRK_LINT0_REENABLED,
  type kvm,
  type kvm_lapic_irq,
  type kvm_vcpu,
  MCG_CMCI_P,
} from '../arch/x86/kvm_host.js';
import { IN_GUEST_MODE, KVM_REQ_UNBLOCK, type vcpu_ptr } from '../kvm/kvm_host.js';
import { KernelBug } from '../lib/bug.js';
import { E2BIG, EINVAL, EOPNOTSUPP } from '../lib/errno.js';
import { HRTIMER_NORESTART, HRTIMER_RESTART, type hrtimer_ptr } from '../lib/hrtimer.js';
import { mul_u64_u32_div } from '../lib/math64.js';
import {
  add,
  and,
  type bool,
  div,
  lt,
  mul,
  not,
  or,
  S64_ZERO,
  type s32,
  s64,
  s64_add,
  s64_div,
  s64_gt,
  s64_le,
  s64_lt,
  s64_mul,
  s64_neg,
  s64_sub,
  shl,
  shr,
  sub,
  to_s64,
  to_u32,
  to_u64,
  U32_MAX,
  type u8,
  type u32,
  u64,
  xor,
  ZERO,
} from '../lib/types.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import {
  APIC_ARBPRI,
  APIC_BASE_MSR,
  APIC_BROADCAST,
  APIC_DEFAULT_PHYS_BASE,
  APIC_DEST_ALLBUT,
  APIC_DEST_ALLINC,
  APIC_DEST_MASK,
  APIC_DEST_NOSHORT,
  APIC_DEST_PHYSICAL,
  APIC_DEST_SELF,
  APIC_DFR,
  APIC_DFR_CLUSTER,
  APIC_DFR_FLAT,
  APIC_DM_EXTINT,
  APIC_DM_FIXED,
  APIC_DM_INIT,
  APIC_DM_LOWEST,
  APIC_DM_NMI,
  APIC_DM_REMRD,
  APIC_DM_SMI,
  APIC_DM_STARTUP,
  APIC_EOI,
  APIC_ESR,
  APIC_ICR,
  APIC_ICR_BUSY,
  APIC_ICR2,
  APIC_ID,
  APIC_INT_ASSERT,
  APIC_INT_LEVELTRIG,
  APIC_IRR,
  APIC_ISR,
  APIC_ISR_NR,
  APIC_LDR,
  APIC_LDR_MASK,
  APIC_LVR,
  APIC_LVR_DIRECTED_EOI,
  APIC_LVT_LEVEL_TRIGGER,
  APIC_LVT_MASKED,
  APIC_LVT_TIMER_ONESHOT,
  APIC_LVT_TIMER_PERIODIC,
  APIC_LVT_TIMER_TSCDEADLINE,
  APIC_LVT0,
  APIC_LVT1,
  APIC_LVTCMCI,
  APIC_LVTERR,
  APIC_LVTPC,
  APIC_LVTT,
  APIC_LVTTHMR,
  APIC_LVTx,
  APIC_MODE_EXTINT,
  APIC_MODE_MASK,
  APIC_PROCPRI,
  APIC_SELF_IPI,
  APIC_SHORT_MASK,
  APIC_SPIV,
  APIC_SPIV_APIC_ENABLED,
  APIC_SPIV_DIRECTED_EOI,
  APIC_TASKPRI,
  APIC_TDCR,
  APIC_TMCCT,
  APIC_TMICT,
  APIC_TMR,
  APIC_VECTOR_MASK,
  APIC_VERSION,
  apic_lvt_mask,
  CLEAN,
  DIRTY,
  GET_APIC_DELIVERY_MODE,
  GET_APIC_LOGICAL_ID,
  GET_XAPIC_DEST_FIELD,
  IOAPIC_EDGE_TRIG,
  IOAPIC_LEVEL_TRIG,
  KVM_APIC_INIT,
  KVM_APIC_MAX_NR_LVT_ENTRIES,
  KVM_APIC_SIPI,
  KVM_EINVAL,
  KVM_PV_EOI_DISABLED,
  KVM_PV_EOI_ENABLED,
  LAPIC_MMIO_LENGTH,
  LAPIC_MODE_DISABLED,
  LAPIC_MODE_INVALID,
  LAPIC_MODE_X2APIC,
  LAPIC_MODE_XAPIC,
  LAPIC_TIMER_ADVANCE_ADJUST_MAX,
  LAPIC_TIMER_ADVANCE_ADJUST_MIN,
  LAPIC_TIMER_ADVANCE_ADJUST_STEP,
  LAPIC_TIMER_ADVANCE_NS_INIT,
  LAPIC_TIMER_ADVANCE_NS_MAX,
  LVT_CMCI,
  MAX_APIC_VECTOR,
  MSR_IA32_APICBASE_BSP,
  MSR_IA32_APICBASE_ENABLE,
  SET_APIC_DELIVERY_MODE,
  UPDATE_IN_PROGRESS,
  X2APIC_BROADCAST,
  X2APIC_ENABLE,
  X2APIC_ICR_RESERVED_BITS,
} from './apicdef.js';
import type { dest_map } from './ioapic.js';

/** struct kvm_timer */
export interface kvm_timer {
  timer: hrtimer_ptr;
  /** ns */
  period: s64;
  /** ns, ktime */
  target_expiration: s64;
  timer_mode: u32;
  timer_mode_mask: u32;
  tscdeadline: u64;
  expired_tscdeadline: u64;
  timer_advance_ns: u32;
  pending: number;
  hv_timer_in_use: bool;
}

/** struct kvm_lapic */
export interface kvm_lapic {
  readonly vcpu: vcpu_ptr;
  base_address: u64;
  lapic_timer: kvm_timer;
  divide_count: u32;
  apicv_active: bool;
  sw_enabled: bool;
  irr_pending: bool;
  lvt0_in_nmi_mode: bool;
  isr_count: s32;
  highest_isr_cache: s32;
  /** the register page as u32 words: offset >> 2; 256 of them */
  regs: u32[];
  /** guest address of the TPR word that KVM_SET_VAPIC_ADDR registered, 0 for none; and the word itself */
  vapic_addr: u64;
  vapic_cache: u32;
  pending_events: u32;
  sipi_vector: u32;
  nr_lvt_entries: number;
}

/** struct kvm_apic_map. The map holds vCPU ids where C has pointers to their APICs. */
export interface kvm_apic_map {
  logical_mode: number;
  max_apic_id: u32;
  /** flat: one row of 8; cluster: 16 rows of 4; -1 for no APIC */
  xapic_flat_map: vcpu_ptr[];
  xapic_cluster_map: vcpu_ptr[][];
  phys_map: vcpu_ptr[];
}

/** struct kvm_lapic_state: what KVM_GET_LAPIC and KVM_SET_LAPIC carry, 1 KiB as words. */
export interface kvm_lapic_state {
  regs: u32[];
}

/** C's `struct kvm_lapic **dst` with `unsigned long bitmap`: bit i stands for the APIC at dst[base + i]. */
export interface dest_lapics {
  dst: readonly vcpu_ptr[];
  base: number;
  bitmap: u32;
}

/** C's `int *` parameter. */
export interface int_out {
  value: number;
}

const CYCLES = u64(1_000_000);

/** hweight32() */
function hweight32(x: u32): number {
  let n = x - ((x >>> 1) & 0x5555_5555);
  n = (n & 0x3333_3333) + ((n >>> 2) & 0x3333_3333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** index of the lowest set bit of x, which is not 0 */
const __ffs = (x: u32): number => 31 - Math.clz32(x & -x);
const __fls = (x: u32): number => 31 - Math.clz32(x);

/** arch/x86/kvm/lapic.h: REG_POS(): byte offset of a vector's word within a 256-bit register. */
const REG_POS = (v: number): number => (v >> 5) << 4;
const wordOf = (vec: number, reg: number): number => (reg + REG_POS(vec)) >> 2;

/** arch/x86/kvm/lapic.c: __kvm_lapic_set_reg() */
export function __kvm_lapic_set_reg(this: vmlinux_x86, regs: u32[], reg_off: number, val: u32): void {
  regs[reg_off >> 2] = val >>> 0;
}

/** arch/x86/kvm/lapic.c: kvm_lapic_set_reg() */
export function kvm_lapic_set_reg(this: vmlinux_x86, apic: kvm_lapic, reg_off: number, val: u32): void {
  apic.regs[reg_off >> 2] = val >>> 0;
}

/** arch/x86/kvm/lapic.c: __kvm_lapic_get_reg64() */
export function __kvm_lapic_get_reg64(this: vmlinux_x86, regs: readonly u32[], reg: number): u64 {
  return or(u64(regs[reg >> 2]), shl(u64(regs[(reg >> 2) + 1]), 32));
}

/** arch/x86/kvm/lapic.c: kvm_lapic_get_reg64() */
export function kvm_lapic_get_reg64(this: vmlinux_x86, apic: kvm_lapic, reg: number): u64 {
  return this.__kvm_lapic_get_reg64(apic.regs, reg);
}

/** arch/x86/kvm/lapic.c: __kvm_lapic_set_reg64() */
export function __kvm_lapic_set_reg64(this: vmlinux_x86, regs: u32[], reg: number, val: u64): void {
  regs[reg >> 2] = to_u32(val);
  regs[(reg >> 2) + 1] = to_u32(shr(val, 32));
}

/** arch/x86/kvm/lapic.c: kvm_lapic_set_reg64() */
export function kvm_lapic_set_reg64(this: vmlinux_x86, apic: kvm_lapic, reg: number, val: u64): void {
  this.__kvm_lapic_set_reg64(apic.regs, reg, val);
}

/** arch/x86/kvm/lapic.h: kvm_lapic_clear_vector() */
export function kvm_lapic_clear_vector(this: vmlinux_x86, vec: number, regs: u32[], reg: number): void {
  const w = wordOf(vec, reg);
  regs[w] = (regs[w] & ~(1 << (vec & 31))) >>> 0;
}

/** arch/x86/kvm/lapic.h: kvm_lapic_set_vector() */
export function kvm_lapic_set_vector(this: vmlinux_x86, vec: number, regs: u32[], reg: number): void {
  const w = wordOf(vec, reg);
  regs[w] = (regs[w] | (1 << (vec & 31))) >>> 0;
}

/** arch/x86/kvm/lapic.h: kvm_lapic_set_irr() */
export function kvm_lapic_set_irr(this: vmlinux_x86, vec: number, apic: kvm_lapic): void {
  this.kvm_lapic_set_vector(vec, apic.regs, APIC_IRR);
  // WHY in this order: apic_clear_irr() clears the hint, then the bit, then looks for others.
  // RACE: apic_clear_irr() on the target's CPU runs between the two.
  apic.irr_pending = true;
}

/** arch/x86/kvm/lapic.h: __kvm_lapic_get_reg() */
export function __kvm_lapic_get_reg(this: vmlinux_x86, regs: readonly u32[], reg_off: number): u32 {
  return regs[reg_off >> 2];
}

/** arch/x86/kvm/lapic.h: kvm_lapic_get_reg() */
export function kvm_lapic_get_reg(this: vmlinux_x86, apic: kvm_lapic, reg_off: number): u32 {
  return apic.regs[reg_off >> 2];
}

/** arch/x86/kvm/lapic.h: lapic_in_kernel() */
export function lapic_in_kernel(this: vmlinux_x86, _vcpu: kvm_vcpu): boolean {
  return true;
}

/** arch/x86/kvm/lapic.h: kvm_apic_hw_enabled() */
export function kvm_apic_hw_enabled(this: vmlinux_x86, apic: kvm_lapic): boolean {
  return (to_u32(this.m.vcpu[apic.vcpu].arch.apic_base) & MSR_IA32_APICBASE_ENABLE) !== 0;
}

/** arch/x86/kvm/lapic.h: kvm_apic_sw_enabled() */
export function kvm_apic_sw_enabled(this: vmlinux_x86, apic: kvm_lapic): boolean {
  return apic.sw_enabled;
}

/** arch/x86/kvm/lapic.h: kvm_apic_present() */
export function kvm_apic_present(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return this.lapic_in_kernel(vcpu) && this.kvm_apic_hw_enabled(vcpu.arch.apic);
}

/** arch/x86/kvm/lapic.h: kvm_lapic_enabled() */
export function kvm_lapic_enabled(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return this.kvm_apic_present(vcpu) && this.kvm_apic_sw_enabled(vcpu.arch.apic);
}

/** arch/x86/kvm/lapic.h: apic_x2apic_mode() */
export function apic_x2apic_mode(this: vmlinux_x86, apic: kvm_lapic): boolean {
  return (to_u32(this.m.vcpu[apic.vcpu].arch.apic_base) & X2APIC_ENABLE) !== 0;
}

/** arch/x86/kvm/lapic.h: kvm_vcpu_apicv_active() */
export function kvm_vcpu_apicv_active(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return this.lapic_in_kernel(vcpu) && vcpu.arch.apic.apicv_active;
}

/** arch/x86/kvm/lapic.h: kvm_apic_has_pending_init_or_sipi() */
export function kvm_apic_has_pending_init_or_sipi(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return this.lapic_in_kernel(vcpu) && vcpu.arch.apic.pending_events !== 0;
}

/** arch/x86/kvm/smm.h: is_smm() */
export function is_smm(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return (vcpu.arch.hflags & HF_SMM_MASK) !== 0;
}

/** arch/x86/kvm/lapic.h: kvm_apic_init_sipi_allowed() */
export function kvm_apic_init_sipi_allowed(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return !this.is_smm(vcpu) && !this.kvm_x86_apic_init_signal_blocked(vcpu);
}

/** arch/x86/kvm/lapic.h: kvm_lowest_prio_delivery() */
export function kvm_lowest_prio_delivery(this: vmlinux_x86, irq: kvm_lapic_irq): boolean {
  return irq.delivery_mode === APIC_DM_LOWEST || irq.msi_redir_hint;
}

/** arch/x86/kvm/lapic.h: kvm_lapic_latched_init() */
export function kvm_lapic_latched_init(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return this.lapic_in_kernel(vcpu) && (vcpu.arch.apic.pending_events & (1 << KVM_APIC_INIT)) !== 0;
}

/** arch/x86/kvm/lapic.h: kvm_apic_mode() */
export function kvm_apic_mode(this: vmlinux_x86, apic_base: u64): number {
  return to_u32(apic_base) & (MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE);
}

/** arch/x86/kvm/lapic.h: kvm_get_apic_mode() */
export function kvm_get_apic_mode(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return this.kvm_apic_mode(vcpu.arch.apic_base);
}

/** arch/x86/kvm/lapic.h: kvm_xapic_id() */
export function kvm_xapic_id(this: vmlinux_x86, apic: kvm_lapic): u8 {
  return this.kvm_lapic_get_reg(apic, APIC_ID) >>> 24;
}

/** arch/x86/kvm/lapic.c: apic_test_vector() */
export function apic_test_vector(this: vmlinux_x86, vec: number, regs: readonly u32[], reg: number): boolean {
  return (regs[wordOf(vec, reg)] & (1 << (vec & 31))) !== 0;
}

/** arch/x86/kvm/lapic.c: kvm_apic_pending_eoi() */
export function kvm_apic_pending_eoi(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number): boolean {
  const apic = vcpu.arch.apic;
  return this.apic_test_vector(vector, apic.regs, APIC_ISR) || this.apic_test_vector(vector, apic.regs, APIC_IRR);
}

/** arch/x86/kvm/lapic.c: __apic_test_and_set_vector() */
export function __apic_test_and_set_vector(this: vmlinux_x86, vec: number, regs: u32[], reg: number): boolean {
  const w = wordOf(vec, reg);
  const bit = 1 << (vec & 31);
  const was = (regs[w] & bit) !== 0;
  regs[w] = (regs[w] | bit) >>> 0;
  return was;
}

/** arch/x86/kvm/lapic.c: __apic_test_and_clear_vector() */
export function __apic_test_and_clear_vector(this: vmlinux_x86, vec: number, regs: u32[], reg: number): boolean {
  const w = wordOf(vec, reg);
  const bit = 1 << (vec & 31);
  const was = (regs[w] & bit) !== 0;
  regs[w] = (regs[w] & ~bit) >>> 0;
  return was;
}

/** arch/x86/kvm/lapic.c: apic_enabled() */
export function apic_enabled(this: vmlinux_x86, apic: kvm_lapic): boolean {
  return this.kvm_apic_sw_enabled(apic) && this.kvm_apic_hw_enabled(apic);
}

/** arch/x86/kvm/lapic.c: kvm_x2apic_id() */
export function kvm_x2apic_id(this: vmlinux_x86, apic: kvm_lapic): u32 {
  return this.m.vcpu[apic.vcpu].vcpu_id;
}

/** arch/x86/kvm/lapic.c: kvm_can_post_timer_interrupt() */
export function kvm_can_post_timer_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  const arch = this.m.kvm[vcpu.kvm].arch;
  return (
    this.m.kvm_x86_params.pi_inject_timer &&
    this.kvm_vcpu_apicv_active(vcpu) &&
    (arch.mwait_in_guest || arch.hlt_in_guest)
  );
}

/** arch/x86/kvm/lapic.c: kvm_can_use_hv_timer() */
export function kvm_can_use_hv_timer(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return (
    this.hasSetHvTimer(vcpu) && !(this.m.kvm[vcpu.kvm].arch.mwait_in_guest || this.kvm_can_post_timer_interrupt(vcpu))
  );
}

/** arch/x86/kvm/lapic.c: kvm_use_posted_timer_interrupt() */
export function kvm_use_posted_timer_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return this.kvm_can_post_timer_interrupt(vcpu) && vcpu.mode === IN_GUEST_MODE;
}

/** arch/x86/kvm/lapic.c: kvm_apic_calc_x2apic_ldr() */
export function kvm_apic_calc_x2apic_ldr(this: vmlinux_x86, id: u32): u32 {
  return (((id >>> 4) << 16) | (1 << (id & 0xf))) >>> 0;
}

/** arch/x86/kvm/lapic.c: kvm_apic_map_get_logical_dest(): `out` gets cluster and mask. */
export function kvm_apic_map_get_logical_dest(
  this: vmlinux_x86,
  map: kvm_apic_map,
  dest_id: u32,
  out: dest_lapics,
): boolean {
  switch (map.logical_mode) {
    case KVM_APIC_MODE_SW_DISABLED:
      out.dst = map.xapic_flat_map;
      out.base = 0;
      out.bitmap = 0;
      return true;
    case KVM_APIC_MODE_X2APIC: {
      const offset = (dest_id >>> 16) * 16;
      const max_apic_id = map.max_apic_id;
      if (offset <= max_apic_id) {
        const cluster_size = Math.min(max_apic_id - offset + 1, 16);
        out.dst = map.phys_map;
        out.base = offset;
        out.bitmap = dest_id & (0xffff >> (16 - cluster_size));
      } else {
        out.bitmap = 0;
      }
      return true;
    }
    case KVM_APIC_MODE_XAPIC_FLAT:
      out.dst = map.xapic_flat_map;
      out.base = 0;
      out.bitmap = dest_id & 0xff;
      return true;
    case KVM_APIC_MODE_XAPIC_CLUSTER:
      out.dst = map.xapic_cluster_map[(dest_id >>> 4) & 0xf];
      out.base = 0;
      out.bitmap = dest_id & 0xf;
      return true;
    case KVM_APIC_MODE_MAP_DISABLED:
      return false;
    default:
      this.warnOn(true, 'kvm_apic_map_get_logical_dest: logical mode');
      return false;
  }
}

/** arch/x86/kvm/lapic.c: kvm_recalculate_phys_map(): 0 or an errno; sets `mismatch.value`, never clears it. */
export function kvm_recalculate_phys_map(
  this: vmlinux_x86,
  map: kvm_apic_map,
  vcpu: kvm_vcpu,
  mismatch: { value: boolean },
): number {
  const apic = vcpu.arch.apic;
  const x2apic_id = this.kvm_x2apic_id(apic);
  const xapic_id = this.kvm_xapic_id(apic);

  if (this.warnOn(xapic_id > map.max_apic_id, 'kvm_recalculate_phys_map: xapic_id')) return -EINVAL;

  // A vCPU came, or enabled its APIC, after the map was sized.
  if (x2apic_id > map.max_apic_id) return -E2BIG;

  const x2apic_mode = this.apic_x2apic_mode(apic);
  // WHY the cut: with 32-bit ids, vcpu_id 256 is x2APIC id 256 and xAPIC id 0, and that is no mismatch.
  if (!x2apic_mode && xapic_id !== (vcpu.vcpu_id & 0xff)) mismatch.value = true;

  if (this.m.kvm[vcpu.kvm].arch.x2apic_format) {
    if (x2apic_mode || x2apic_id > 0xff) map.phys_map[x2apic_id] = apic.vcpu;
    if (!x2apic_mode && map.phys_map[xapic_id] === NULL) map.phys_map[xapic_id] = apic.vcpu;
  } else {
    const physical_id = x2apic_mode ? x2apic_id : xapic_id;
    if (map.phys_map[physical_id] !== NULL) return -EINVAL;
    map.phys_map[physical_id] = apic.vcpu;
  }
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_recalculate_logical_map() */
export function kvm_recalculate_logical_map(this: vmlinux_x86, map: kvm_apic_map, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  if (map.logical_mode === KVM_APIC_MODE_MAP_DISABLED) return;
  if (!this.kvm_apic_sw_enabled(apic)) return;

  let ldr = this.kvm_lapic_get_reg(apic, APIC_LDR);
  if (ldr === 0) return;

  const x2apic_mode = this.apic_x2apic_mode(apic);
  let logical_mode: number;
  if (x2apic_mode) {
    logical_mode = KVM_APIC_MODE_X2APIC;
  } else {
    ldr = GET_APIC_LOGICAL_ID(ldr);
    if (this.kvm_lapic_get_reg(apic, APIC_DFR) === APIC_DFR_FLAT) logical_mode = KVM_APIC_MODE_XAPIC_FLAT;
    else logical_mode = KVM_APIC_MODE_XAPIC_CLUSTER;
  }

  if (map.logical_mode === KVM_APIC_MODE_SW_DISABLED) {
    map.logical_mode = logical_mode;
  } else if (map.logical_mode !== logical_mode) {
    map.logical_mode = KVM_APIC_MODE_MAP_DISABLED;
    return;
  }

  // The x2APIC's logical id is computed from its id: phys_map serves both.
  if (x2apic_mode) return;

  const cluster: dest_lapics = { dst: map.xapic_flat_map, base: 0, bitmap: 0 };
  if (
    this.warnOn(
      !this.kvm_apic_map_get_logical_dest(map, ldr, cluster),
      'kvm_recalculate_logical_map: kvm_apic_map_get_logical_dest',
    )
  ) {
    map.logical_mode = KVM_APIC_MODE_MAP_DISABLED;
    return;
  }

  const mask = cluster.bitmap;
  if (mask === 0) return;

  const slot = cluster.base + __ffs(mask);
  const row = cluster.dst as vcpu_ptr[];
  if ((mask & (mask - 1)) !== 0 || row[slot] !== NULL) map.logical_mode = KVM_APIC_MODE_MAP_DISABLED;
  else row[slot] = apic.vcpu;
}

/** kvzalloc() of a map for ids up to max_apic_id. */
function newApicMap(max_apic_id: u32): kvm_apic_map {
  const none = (n: number): vcpu_ptr[] => {
    const row: vcpu_ptr[] = [];
    for (let i = 0; i < n; i++) row.push(NULL);
    return row;
  };
  const clusters: vcpu_ptr[][] = [];
  for (let i = 0; i < 16; i++) clusters.push(none(4));
  return {
    logical_mode: KVM_APIC_MODE_SW_DISABLED,
    max_apic_id,
    xapic_flat_map: none(8),
    xapic_cluster_map: clusters,
    phys_map: none(max_apic_id + 1),
  };
}

/** arch/x86/kvm/lapic.c: kvm_recalculate_apic_map() */
export function kvm_recalculate_apic_map(this: vmlinux_x86, kvm: kvm): void {
  let map: kvm_apic_map | null = null;
  let max_id = 255; // every xAPIC id
  const mismatch = { value: false };

  if (kvm.arch.apic_map_dirty === CLEAN) return;

  for (;;) {
    // RACE: from here on, a change of any APIC makes the map dirty again, and its author comes here after us.
    const was = kvm.arch.apic_map_dirty;
    if (was === DIRTY) kvm.arch.apic_map_dirty = UPDATE_IN_PROGRESS;
    if (was === CLEAN) return; // somebody else did it

    // max_id only grows over the attempts, or a vCPU that toggles its APIC could keep us here.
    mismatch.value = false;
    for (const id of kvm.vcpus) {
      const vcpu = this.m.vcpu[id];
      if (this.kvm_apic_present(vcpu)) max_id = Math.max(max_id, this.kvm_x2apic_id(vcpu.arch.apic));
    }

    map = newApicMap(max_id);
    let r = 0;
    for (const id of kvm.vcpus) {
      const vcpu = this.m.vcpu[id];
      if (!this.kvm_apic_present(vcpu)) continue;
      r = this.kvm_recalculate_phys_map(map, vcpu, mismatch);
      if (r !== 0) {
        map = null;
        break;
      }
      this.kvm_recalculate_logical_map(map, vcpu);
    }
    if (r !== -E2BIG) break;
  }

  if (map === null) this.kvm_set_apicv_inhibit(kvm, APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED);
  else this.kvm_clear_apicv_inhibit(kvm, APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED);

  if (map === null || map.logical_mode === KVM_APIC_MODE_MAP_DISABLED) {
    this.kvm_set_apicv_inhibit(kvm, APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED);
  } else {
    this.kvm_clear_apicv_inhibit(kvm, APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED);
  }

  if (mismatch.value) this.kvm_set_apicv_inhibit(kvm, APICV_INHIBIT_REASON_APIC_ID_MODIFIED);
  else this.kvm_clear_apicv_inhibit(kvm, APICV_INHIBIT_REASON_APIC_ID_MODIFIED);

  kvm.arch.apic_map = map;
  // A change that came in the meantime stays DIRTY.
  if (kvm.arch.apic_map_dirty === UPDATE_IN_PROGRESS) kvm.arch.apic_map_dirty = CLEAN;

  this.kvm_make_scan_ioapic_request(kvm);
}

/** arch/x86/kvm/lapic.c: apic_set_spiv() */
export function apic_set_spiv(this: vmlinux_x86, apic: kvm_lapic, val: u32): void {
  const vcpu = this.m.vcpu[apic.vcpu];
  const enabled = (val & APIC_SPIV_APIC_ENABLED) !== 0;

  this.kvm_lapic_set_reg(apic, APIC_SPIV, val);

  if (enabled !== apic.sw_enabled) {
    apic.sw_enabled = enabled;
    this.m.kvm[vcpu.kvm].arch.apic_map_dirty = DIRTY;
  }

  if (enabled) this.kvm_make_request(KVM_REQ_APF_READY, vcpu);
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_xapic_id(): takes a u8. */
export function kvm_apic_set_xapic_id(this: vmlinux_x86, apic: kvm_lapic, id: number): void {
  this.kvm_lapic_set_reg(apic, APIC_ID, (id & 0xff) << 24);
  this.m.kvm[this.m.vcpu[apic.vcpu].kvm].arch.apic_map_dirty = DIRTY;
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_ldr() */
export function kvm_apic_set_ldr(this: vmlinux_x86, apic: kvm_lapic, id: u32): void {
  this.kvm_lapic_set_reg(apic, APIC_LDR, id);
  this.m.kvm[this.m.vcpu[apic.vcpu].kvm].arch.apic_map_dirty = DIRTY;
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_dfr() */
export function kvm_apic_set_dfr(this: vmlinux_x86, apic: kvm_lapic, val: u32): void {
  this.kvm_lapic_set_reg(apic, APIC_DFR, val);
  this.m.kvm[this.m.vcpu[apic.vcpu].kvm].arch.apic_map_dirty = DIRTY;
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_x2apic_id() */
export function kvm_apic_set_x2apic_id(this: vmlinux_x86, apic: kvm_lapic, id: u32): void {
  const ldr = this.kvm_apic_calc_x2apic_ldr(id);

  this.warnOn(id !== this.m.vcpu[apic.vcpu].vcpu_id, 'kvm_apic_set_x2apic_id: id');
  this.kvm_lapic_set_reg(apic, APIC_ID, id);
  this.kvm_lapic_set_reg(apic, APIC_LDR, ldr);
  this.m.kvm[this.m.vcpu[apic.vcpu].kvm].arch.apic_map_dirty = DIRTY;
}

/** arch/x86/kvm/lapic.c: apic_lvt_enabled() */
export function apic_lvt_enabled(this: vmlinux_x86, apic: kvm_lapic, lvt_type: number): boolean {
  return (this.kvm_lapic_get_reg(apic, lvt_type) & APIC_LVT_MASKED) === 0;
}

/** arch/x86/kvm/lapic.c: apic_lvtt_oneshot() */
export function apic_lvtt_oneshot(this: vmlinux_x86, apic: kvm_lapic): boolean {
  return apic.lapic_timer.timer_mode === APIC_LVT_TIMER_ONESHOT;
}

/** arch/x86/kvm/lapic.c: apic_lvtt_period() */
export function apic_lvtt_period(this: vmlinux_x86, apic: kvm_lapic): boolean {
  return apic.lapic_timer.timer_mode === APIC_LVT_TIMER_PERIODIC;
}

/** arch/x86/kvm/lapic.c: apic_lvtt_tscdeadline() */
export function apic_lvtt_tscdeadline(this: vmlinux_x86, apic: kvm_lapic): boolean {
  return apic.lapic_timer.timer_mode === APIC_LVT_TIMER_TSCDEADLINE;
}

/** arch/x86/kvm/lapic.c: apic_lvt_nmi_mode() */
export function apic_lvt_nmi_mode(this: vmlinux_x86, lvt_val: u32): boolean {
  return (lvt_val & (APIC_MODE_MASK | APIC_LVT_MASKED)) === APIC_DM_NMI;
}

/** arch/x86/kvm/lapic.c: kvm_lapic_lvt_supported(): the index is compared as an int. */
export function kvm_lapic_lvt_supported(this: vmlinux_x86, apic: kvm_lapic, lvt_index: number): boolean {
  return apic.nr_lvt_entries > lvt_index;
}

/** arch/x86/kvm/lapic.c: kvm_apic_calc_nr_lvt_entries() */
export function kvm_apic_calc_nr_lvt_entries(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return KVM_APIC_MAX_NR_LVT_ENTRIES - ((vcpu.arch.mcg_cap & MCG_CMCI_P) !== 0 ? 0 : 1);
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_version() */
export function kvm_apic_set_version(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  if (!this.lapic_in_kernel(vcpu)) return;

  let v = APIC_VERSION | ((apic.nr_lvt_entries - 1) << 16);
  // WHY: KVM's own IOAPIC has no EOI register, so a guest that suppressed the broadcast would be stuck with it.
  if (vcpu.arch.cpuid.x2apic && !this.ioapic_in_kernel(this.m.kvm[vcpu.kvm])) v |= APIC_LVR_DIRECTED_EOI;
  this.kvm_lapic_set_reg(apic, APIC_LVR, v);
}

/** arch/x86/kvm/lapic.c: kvm_apic_after_set_mcg_cap() */
export function kvm_apic_after_set_mcg_cap(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const nr_lvt_entries = this.kvm_apic_calc_nr_lvt_entries(vcpu);
  const apic = vcpu.arch.apic;

  if (!this.lapic_in_kernel(vcpu) || nr_lvt_entries === apic.nr_lvt_entries) return;

  for (let i = apic.nr_lvt_entries; i < nr_lvt_entries; i++) {
    this.kvm_lapic_set_reg(apic, APIC_LVTx(i), APIC_LVT_MASKED);
  }
  apic.nr_lvt_entries = nr_lvt_entries;
  this.kvm_apic_set_version(vcpu);
}

/** arch/x86/kvm/lapic.c: find_highest_vector() */
export function find_highest_vector(this: vmlinux_x86, regs: readonly u32[], reg: number): number {
  for (let i = 7; i >= 0; i--) {
    const word = regs[(reg + i * 0x10) >> 2];
    if (word !== 0) return __fls(word) + i * 32;
  }
  return -1;
}

/** arch/x86/kvm/lapic.c: count_vectors(): a u8, so 256 of them count as none. */
export function count_vectors(this: vmlinux_x86, regs: readonly u32[], reg: number): u8 {
  let count = 0;
  for (let i = 0; i < 8; i++) count += hweight32(regs[(reg + i * 0x10) >> 2]);
  return count & 0xff;
}

/** arch/x86/kvm/lapic.c: __kvm_apic_update_irr(): true when the highest of IRR is one that came from `pir`. */
export function __kvm_apic_update_irr(this: vmlinux_x86, pir: u32[], regs: u32[], max_irr: int_out): boolean {
  let max_updated_irr = -1;
  max_irr.value = -1;

  for (let i = 0, vec = 0; i <= 7; i++, vec += 32) {
    const w = (APIC_IRR + i * 0x10) >> 2;
    let irr_val = regs[w];
    let pir_val = pir[i];

    if (pir_val !== 0) {
      // RACE: the IOMMU or another vCPU posts between the look and the exchange; the exchange takes that too.
      pir_val = pir[i];
      pir[i] = 0;
      const prev_irr_val = irr_val;
      irr_val = (prev_irr_val | pir_val) >>> 0;
      regs[w] = irr_val;
      if (prev_irr_val !== irr_val) max_updated_irr = __fls((irr_val ^ prev_irr_val) >>> 0) + vec;
    }
    if (irr_val !== 0) max_irr.value = __fls(irr_val) + vec;
  }

  return max_updated_irr !== -1 && max_updated_irr === max_irr.value;
}

/** arch/x86/kvm/lapic.c: kvm_apic_update_irr() */
export function kvm_apic_update_irr(this: vmlinux_x86, vcpu: kvm_vcpu, pir: u32[], max_irr: int_out): boolean {
  const apic = vcpu.arch.apic;
  const irr_updated = this.__kvm_apic_update_irr(pir, apic.regs, max_irr);

  if (!apic.apicv_active && irr_updated) apic.irr_pending = true;
  return irr_updated;
}

/** arch/x86/kvm/lapic.c: apic_search_irr() */
export function apic_search_irr(this: vmlinux_x86, apic: kvm_lapic): number {
  return this.find_highest_vector(apic.regs, APIC_IRR);
}

/** arch/x86/kvm/lapic.c: apic_find_highest_irr() */
export function apic_find_highest_irr(this: vmlinux_x86, apic: kvm_lapic): number {
  // A hint in one direction: false says that IRR is empty, true says nothing.
  if (!apic.irr_pending) return -1;
  return this.apic_search_irr(apic);
}

/** arch/x86/kvm/lapic.c: apic_clear_irr() */
export function apic_clear_irr(this: vmlinux_x86, vec: number, apic: kvm_lapic): void {
  if (apic.apicv_active) {
    this.kvm_lapic_clear_vector(vec, apic.regs, APIC_IRR);
    this.kvm_x86_hwapic_irr_update(this.m.vcpu[apic.vcpu], this.apic_find_highest_irr(apic));
  } else {
    // RACE: kvm_lapic_set_irr() by another CPU anywhere between these; the order keeps the hint from lying.
    apic.irr_pending = false;
    this.kvm_lapic_clear_vector(vec, apic.regs, APIC_IRR);
    if (this.apic_search_irr(apic) !== -1) apic.irr_pending = true;
  }
}

/** arch/x86/kvm/lapic.c: kvm_apic_clear_irr() */
export function kvm_apic_clear_irr(this: vmlinux_x86, vcpu: kvm_vcpu, vec: number): void {
  this.apic_clear_irr(vec, vcpu.arch.apic);
}

/** arch/x86/kvm/lapic.c: apic_set_isr() */
export function apic_set_isr(this: vmlinux_x86, vec: number, apic: kvm_lapic): void {
  if (this.__apic_test_and_set_vector(vec, apic.regs, APIC_ISR)) return;

  if (apic.apicv_active) {
    this.kvm_x86_hwapic_isr_update(this.m.vcpu[apic.vcpu], vec);
  } else {
    ++apic.isr_count;
    if (apic.isr_count > MAX_APIC_VECTOR) throw new KernelBug('BUG_ON', 'apic_set_isr');
    // Only the highest is ever injected, so the last one set is the highest.
    apic.highest_isr_cache = vec;
  }
}

/** arch/x86/kvm/lapic.c: apic_find_highest_isr(): what a scan finds is deliberately not cached. */
export function apic_find_highest_isr(this: vmlinux_x86, apic: kvm_lapic): number {
  if (apic.isr_count === 0) return -1;
  if (apic.highest_isr_cache !== -1) return apic.highest_isr_cache;
  return this.find_highest_vector(apic.regs, APIC_ISR);
}

/** arch/x86/kvm/lapic.c: apic_clear_isr() */
export function apic_clear_isr(this: vmlinux_x86, vec: number, apic: kvm_lapic): void {
  if (!this.__apic_test_and_clear_vector(vec, apic.regs, APIC_ISR)) return;

  if (apic.apicv_active) {
    this.kvm_x86_hwapic_isr_update(this.m.vcpu[apic.vcpu], this.apic_find_highest_isr(apic));
  } else {
    --apic.isr_count;
    if (apic.isr_count < 0) throw new KernelBug('BUG_ON', 'apic_clear_isr');
    apic.highest_isr_cache = -1;
  }
}

/** arch/x86/kvm/lapic.c: kvm_apic_update_hwapic_isr() */
export function kvm_apic_update_hwapic_isr(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  if (this.warnOn(!this.lapic_in_kernel(vcpu), 'kvm_apic_update_hwapic_isr') || !apic.apicv_active) return;
  this.kvm_x86_hwapic_isr_update(vcpu, this.apic_find_highest_isr(apic));
}

/** arch/x86/kvm/lapic.c: kvm_lapic_find_highest_irr() */
export function kvm_lapic_find_highest_irr(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return this.apic_find_highest_irr(vcpu.arch.apic);
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_irq(): 1 when accepted, 0 when discarded. */
export function kvm_apic_set_irq(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  irq: kvm_lapic_irq,
  dest_map: dest_map | null,
): number {
  const apic = vcpu.arch.apic;
  return this.__apic_accept_irq(apic, irq.delivery_mode, irq.vector, irq.level ? 1 : 0, irq.trig_mode, dest_map);
}

/** arch/x86/kvm/lapic.c: __pv_send_ipi() */
export function __pv_send_ipi(
  this: vmlinux_x86,
  ipi_bitmap: u64,
  map: kvm_apic_map,
  irq: kvm_lapic_irq,
  min: u32,
): number {
  let count = 0;

  if (min > map.max_apic_id) return 0;

  const bits = Math.min(64, map.max_apic_id - min + 1);
  const low = to_u32(ipi_bitmap);
  const high = to_u32(shr(ipi_bitmap, 32));
  for (let i = 0; i < bits; i++) {
    if (((i < 32 ? low : high) & (1 << (i & 31))) === 0) continue;
    const id = map.phys_map[min + i];
    if (id !== NULL) count += this.kvm_apic_set_irq(this.m.vcpu[id], irq, null);
  }
  return count;
}

/** arch/x86/kvm/lapic.c: kvm_pv_send_ipi(): how many accepted it, or an errno. */
export function kvm_pv_send_ipi(
  this: vmlinux_x86,
  kvm: kvm,
  ipi_bitmap_low: u64,
  ipi_bitmap_high: u64,
  min: u32,
  icr: u64,
  op_64_bit: number,
): number {
  const icr_low = to_u32(icr);
  const cluster_size = op_64_bit !== 0 ? 64 : 32;

  if ((icr_low & (APIC_DEST_MASK | APIC_SHORT_MASK)) !== 0) return -KVM_EINVAL;

  const irq: kvm_lapic_irq = {
    vector: icr_low & APIC_VECTOR_MASK,
    delivery_mode: icr_low & APIC_MODE_MASK,
    dest_mode: 0,
    level: (icr_low & APIC_INT_ASSERT) !== 0,
    trig_mode: icr_low & APIC_INT_LEVELTRIG,
    shorthand: 0,
    dest_id: 0,
    msi_redir_hint: false,
  };

  const map = kvm.arch.apic_map;
  let count = -EOPNOTSUPP;
  if (map !== null) {
    count = this.__pv_send_ipi(ipi_bitmap_low, map, irq, min);
    count += this.__pv_send_ipi(ipi_bitmap_high, map, irq, (min + cluster_size) >>> 0);
  }
  return count;
}

/** arch/x86/kvm/lapic.c: pv_eoi_put_user() */
export function pv_eoi_put_user(this: vmlinux_x86, vcpu: kvm_vcpu, val: u8): number {
  if (vcpu.arch.pv_eoi.fault) return -1;
  vcpu.arch.pv_eoi.memory = val;
  return 0;
}

/** arch/x86/kvm/lapic.c: pv_eoi_get_user(): the byte, or -1 for a page that cannot be read. */
export function pv_eoi_get_user(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return vcpu.arch.pv_eoi.fault ? -1 : vcpu.arch.pv_eoi.memory;
}

/** arch/x86/kvm/lapic.c: pv_eoi_enabled() */
export function pv_eoi_enabled(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return (to_u32(vcpu.arch.pv_eoi.msr_val) & KVM_MSR_ENABLED) !== 0;
}

/** arch/x86/kvm/lapic.c: pv_eoi_set_pending() */
export function pv_eoi_set_pending(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (this.pv_eoi_put_user(vcpu, KVM_PV_EOI_ENABLED) < 0) return;
  vcpu.arch.apic_attention |= 1 << KVM_APIC_PV_EOI_PENDING;
}

/** arch/x86/kvm/lapic.c: pv_eoi_test_and_clr_pending(): false says that the guest took the EOI on itself. */
export function pv_eoi_test_and_clr_pending(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  let val = this.pv_eoi_get_user(vcpu);
  if (val < 0) return false;

  val &= KVM_PV_EOI_ENABLED;
  if (val !== 0 && this.pv_eoi_put_user(vcpu, KVM_PV_EOI_DISABLED) < 0) return false;

  // Cleared either way; the next entry arms it again when that is safe.
  vcpu.arch.apic_attention &= ~(1 << KVM_APIC_PV_EOI_PENDING);
  return val !== 0;
}

/** arch/x86/kvm/lapic.c: apic_has_interrupt_for_ppr() */
export function apic_has_interrupt_for_ppr(this: vmlinux_x86, apic: kvm_lapic, ppr: u32): number {
  const vcpu = this.m.vcpu[apic.vcpu];
  const highest_irr = this.hasSyncPirToIrr(vcpu)
    ? this.kvm_x86_sync_pir_to_irr(vcpu)
    : this.apic_find_highest_irr(apic);
  if (highest_irr === -1 || (highest_irr & 0xf0) <= ppr) return -1;
  return highest_irr;
}

/** arch/x86/kvm/lapic.c: __apic_update_ppr(): true when PPR fell. The new value stands in the register. */
export function __apic_update_ppr(this: vmlinux_x86, apic: kvm_lapic, new_ppr: int_out): boolean {
  const old_ppr = this.kvm_lapic_get_reg(apic, APIC_PROCPRI);
  const tpr = this.kvm_lapic_get_reg(apic, APIC_TASKPRI);
  const isr = this.apic_find_highest_isr(apic);
  const isrv = isr !== -1 ? isr : 0;

  let ppr: u32;
  if ((tpr & 0xf0) >= (isrv & 0xf0)) ppr = tpr & 0xff;
  else ppr = isrv & 0xf0;

  new_ppr.value = ppr;
  if (old_ppr !== ppr) this.kvm_lapic_set_reg(apic, APIC_PROCPRI, ppr);
  return ppr < old_ppr;
}

/** arch/x86/kvm/lapic.c: apic_update_ppr() */
export function apic_update_ppr(this: vmlinux_x86, apic: kvm_lapic): void {
  const ppr: int_out = { value: 0 };

  if (this.__apic_update_ppr(apic, ppr) && this.apic_has_interrupt_for_ppr(apic, ppr.value) !== -1) {
    this.kvm_make_request(KVM_REQ_EVENT, this.m.vcpu[apic.vcpu]);
  } else {
    this.kvm_lapic_update_cr8_intercept(this.m.vcpu[apic.vcpu]);
  }
}

/** arch/x86/kvm/lapic.c: kvm_apic_update_ppr() */
export function kvm_apic_update_ppr(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.apic_update_ppr(vcpu.arch.apic);
}

/** arch/x86/kvm/lapic.c: apic_set_tpr() */
export function apic_set_tpr(this: vmlinux_x86, apic: kvm_lapic, tpr: u32): void {
  this.kvm_lapic_set_reg(apic, APIC_TASKPRI, tpr);
  this.apic_update_ppr(apic);
}

/** arch/x86/kvm/lapic.c: kvm_apic_broadcast() */
export function kvm_apic_broadcast(this: vmlinux_x86, apic: kvm_lapic, mda: u32): boolean {
  return mda === (this.apic_x2apic_mode(apic) ? X2APIC_BROADCAST : APIC_BROADCAST);
}

/** arch/x86/kvm/lapic.c: kvm_apic_match_physical_addr() */
export function kvm_apic_match_physical_addr(this: vmlinux_x86, apic: kvm_lapic, mda: u32): boolean {
  if (this.kvm_apic_broadcast(apic, mda)) return true;
  // WHY mda > 0xff: a hot-added vCPU starts in xAPIC mode, where its id cannot be written down.
  if (this.apic_x2apic_mode(apic) || mda > 0xff) return mda === this.kvm_x2apic_id(apic);
  return mda === this.kvm_xapic_id(apic);
}

/** arch/x86/kvm/lapic.c: kvm_apic_match_logical_addr() */
export function kvm_apic_match_logical_addr(this: vmlinux_x86, apic: kvm_lapic, mda: u32): boolean {
  if (this.kvm_apic_broadcast(apic, mda)) return true;

  let logical_id = this.kvm_lapic_get_reg(apic, APIC_LDR);
  if (this.apic_x2apic_mode(apic)) {
    return logical_id >>> 16 === mda >>> 16 && (logical_id & mda & 0xffff) !== 0;
  }

  logical_id = GET_APIC_LOGICAL_ID(logical_id);
  switch (this.kvm_lapic_get_reg(apic, APIC_DFR)) {
    case APIC_DFR_FLAT:
      return (logical_id & mda) !== 0;
    case APIC_DFR_CLUSTER:
      return logical_id >>> 4 === mda >>> 4 && (logical_id & mda & 0xf) !== 0;
    default:
      return false;
  }
}

/** arch/x86/kvm/lapic.c: kvm_apic_mda() */
export function kvm_apic_mda(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  dest_id: u32,
  source: kvm_lapic | null,
  target: kvm_lapic,
): u32 {
  const ipi = source !== null;
  // WHY: without interrupt remapping an IOAPIC's message cannot say 0xffffffff, and means it by 0xff.
  if (
    !this.m.kvm[vcpu.kvm].arch.x2apic_broadcast_quirk_disabled &&
    !ipi &&
    dest_id === APIC_BROADCAST &&
    this.apic_x2apic_mode(target)
  ) {
    return X2APIC_BROADCAST;
  }
  return dest_id;
}

/** arch/x86/kvm/lapic.c: kvm_apic_match_dest() */
export function kvm_apic_match_dest(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  source: kvm_lapic | null,
  shorthand: u32,
  dest: u32,
  dest_mode: number,
): boolean {
  const target = vcpu.arch.apic;
  const mda = this.kvm_apic_mda(vcpu, dest, source, target);

  switch (shorthand) {
    case APIC_DEST_NOSHORT:
      if (dest_mode === APIC_DEST_PHYSICAL) return this.kvm_apic_match_physical_addr(target, mda);
      return this.kvm_apic_match_logical_addr(target, mda);
    case APIC_DEST_SELF:
      return source !== null && target.vcpu === source.vcpu;
    case APIC_DEST_ALLINC:
      return true;
    case APIC_DEST_ALLBUT:
      return source === null || target.vcpu !== source.vcpu;
    default:
      return false;
  }
}

/** arch/x86/kvm/lapic.c: kvm_vector_to_index(): the bitmap as u32 words. */
export function kvm_vector_to_index(
  this: vmlinux_x86,
  vector: u32,
  dest_vcpus: u32,
  bitmap: readonly u32[],
  bitmap_size: u32,
): number {
  const mod = vector % dest_vcpus;
  let idx = -1;
  for (let i = 0; i <= mod; i++) {
    do idx++;
    while (idx < bitmap_size && (bitmap[idx >> 5] & (1 << (idx & 31))) === 0);
    if (idx === bitmap_size) throw new KernelBug('BUG_ON', 'kvm_vector_to_index');
  }
  return idx;
}

/** arch/x86/kvm/lapic.c: kvm_apic_disabled_lapic_found() */
export function kvm_apic_disabled_lapic_found(this: vmlinux_x86, kvm: kvm): void {
  if (!kvm.arch.disabled_lapic_found) kvm.arch.disabled_lapic_found = true;
}

/** arch/x86/kvm/lapic.c: kvm_apic_is_broadcast_dest(): asks the sender's mode, not the receivers'. */
export function kvm_apic_is_broadcast_dest(
  this: vmlinux_x86,
  kvm: kvm,
  src: kvm_lapic | null,
  irq: kvm_lapic_irq,
  map: kvm_apic_map,
): boolean {
  if (kvm.arch.x2apic_broadcast_quirk_disabled) {
    if (irq.dest_id === APIC_BROADCAST && map.logical_mode !== KVM_APIC_MODE_X2APIC) return true;
    if (irq.dest_id === X2APIC_BROADCAST) return true;
  } else {
    const x2apic_ipi = src !== null && this.apic_x2apic_mode(src);
    if (irq.dest_id === (x2apic_ipi ? X2APIC_BROADCAST : APIC_BROADCAST)) return true;
  }
  return false;
}

/**
 * arch/x86/kvm/lapic.c: kvm_apic_map_get_dest_lapic()
 *
 * True: `out` names the destinations, perhaps none. False: the map cannot tell.
 */
export function kvm_apic_map_get_dest_lapic(
  this: vmlinux_x86,
  kvm: kvm,
  src: kvm_lapic | null,
  irq: kvm_lapic_irq,
  map: kvm_apic_map | null,
  out: dest_lapics,
): boolean {
  if (irq.shorthand === APIC_DEST_SELF && src !== null) {
    out.dst = [src.vcpu];
    out.base = 0;
    out.bitmap = 1;
    return true;
  }
  if (irq.shorthand !== 0) return false;

  if (map === null || this.kvm_apic_is_broadcast_dest(kvm, src, irq, map)) return false;

  if (irq.dest_mode === APIC_DEST_PHYSICAL) {
    if (irq.dest_id > map.max_apic_id) {
      out.bitmap = 0;
    } else {
      out.dst = map.phys_map;
      out.base = irq.dest_id;
      out.bitmap = 1;
    }
    return true;
  }

  out.bitmap = 0;
  if (!this.kvm_apic_map_get_logical_dest(map, irq.dest_id, out)) return false;

  if (!this.kvm_lowest_prio_delivery(irq)) return true;

  let lowest: number;
  if (!this.kvm_vector_hashing_enabled()) {
    lowest = -1;
    for (let i = 0; i < 16; i++) {
      if ((out.bitmap & (1 << i)) === 0) continue;
      const id = out.dst[out.base + i];
      if (id === NULL) continue;
      if (lowest < 0) lowest = i;
      else if (this.kvm_apic_compare_prio(this.m.vcpu[id], this.m.vcpu[out.dst[out.base + lowest]]) < 0) lowest = i;
    }
  } else {
    if (out.bitmap === 0) return true;

    // The hash counts every id that the mask names, also those with no APIC.
    lowest = this.kvm_vector_to_index(irq.vector, hweight32(out.bitmap), [out.bitmap], 16);
    if (out.dst[out.base + lowest] === NULL) {
      this.kvm_apic_disabled_lapic_found(kvm);
      out.bitmap = 0;
      return true;
    }
  }

  out.bitmap = lowest >= 0 ? 1 << lowest : 0;
  return true;
}

/** arch/x86/kvm/lapic.c: kvm_irq_delivery_to_apic_fast(): true when it handled the interrupt; `r` as the slow path's. */
export function kvm_irq_delivery_to_apic_fast(
  this: vmlinux_x86,
  kvm: kvm,
  src: kvm_lapic | null,
  irq: kvm_lapic_irq,
  r: int_out,
  dest_map: dest_map | null,
): boolean {
  r.value = -1;

  if (irq.shorthand === APIC_DEST_SELF) {
    if (src === null) {
      this.warnOn(true, 'kvm_irq_delivery_to_apic_fast: KVM_BUG_ON, no source');
      r.value = 0;
      return true;
    }
    r.value = this.kvm_apic_set_irq(this.m.vcpu[src.vcpu], irq, dest_map);
    return true;
  }

  const map = kvm.arch.apic_map;
  const out: dest_lapics = { dst: kvm.vcpus, base: 0, bitmap: 0 };
  const ret = this.kvm_apic_map_get_dest_lapic(kvm, src, irq, map, out);
  if (ret) {
    r.value = 0;
    for (let bits = out.bitmap; bits !== 0; bits &= bits - 1) {
      const id = out.dst[out.base + __ffs(bits)];
      if (id === NULL) continue;
      r.value += this.kvm_apic_set_irq(this.m.vcpu[id], irq, dest_map);
    }
  }
  return ret;
}

/** arch/x86/kvm/lapic.c: kvm_intr_is_single_vcpu_fast(): the vCPU it goes to, when the map says that it is one; else -1. */
export function kvm_intr_is_single_vcpu_fast(this: vmlinux_x86, kvm: kvm, irq: kvm_lapic_irq): vcpu_ptr {
  if (irq.shorthand !== 0) return NULL;

  const map = kvm.arch.apic_map;
  const out: dest_lapics = { dst: kvm.vcpus, base: 0, bitmap: 0 };
  if (this.kvm_apic_map_get_dest_lapic(kvm, null, irq, map, out) && hweight32(out.bitmap & 0xffff) === 1) {
    return out.dst[out.base + __ffs(out.bitmap)];
  }
  return NULL;
}

/** arch/x86/kvm/lapic.c: __apic_accept_irq(): 1 when added, 0 when discarded. */
export function __apic_accept_irq(
  this: vmlinux_x86,
  apic: kvm_lapic,
  delivery_mode: number,
  vector: number,
  level: number,
  trig_mode: number,
  dest_map: dest_map | null,
): number {
  const vcpu = this.m.vcpu[apic.vcpu];
  let result = 0;

  this.trace_kvm_apic_accept_irq(vcpu.vcpu_id, delivery_mode, trig_mode, vector);
  switch (delivery_mode) {
    case APIC_DM_LOWEST:
    case APIC_DM_FIXED:
      if (delivery_mode === APIC_DM_LOWEST) vcpu.arch.apic_arb_prio = (vcpu.arch.apic_arb_prio + 1) | 0;
      if (trig_mode !== 0 && level === 0) break;
      if (!this.apic_enabled(apic)) break;

      result = 1;

      if (dest_map !== null) {
        this.setDestMap(dest_map, vcpu.vcpu_id, vector);
      }

      if (this.apic_test_vector(vector, apic.regs, APIC_TMR) !== (trig_mode !== 0)) {
        if (trig_mode !== 0) this.kvm_lapic_set_vector(vector, apic.regs, APIC_TMR);
        else this.kvm_lapic_clear_vector(vector, apic.regs, APIC_TMR);
      }

      this.kvm_x86_deliver_interrupt(apic, delivery_mode, trig_mode, vector);
      break;

    case APIC_DM_REMRD:
      result = 1;
      vcpu.arch.pv.pv_unhalted = true;
      this.kvm_make_request(KVM_REQ_EVENT, vcpu);
      this.kvm_vcpu_kick(vcpu);
      break;

    case APIC_DM_SMI:
      if (this.kvm_inject_smi(vcpu) === 0) {
        this.kvm_vcpu_kick(vcpu);
        result = 1;
      }
      break;

    case APIC_DM_NMI:
      result = 1;
      this.kvm_inject_nmi(vcpu);
      this.kvm_vcpu_kick(vcpu);
      break;

    case APIC_DM_INIT:
      if (trig_mode === 0 || level !== 0) {
        result = 1;
        // A store, not a set bit: an INIT drops the SIPI that waits.
        apic.pending_events = 1 << KVM_APIC_INIT;
        this.kvm_make_request(KVM_REQ_EVENT, vcpu);
        this.kvm_vcpu_kick(vcpu);
      }
      break;

    case APIC_DM_STARTUP:
      result = 1;
      apic.sipi_vector = vector;
      // RACE: the receiver sees the SIPI bit only with the vector in place.
      apic.pending_events |= 1 << KVM_APIC_SIPI;
      this.kvm_make_request(KVM_REQ_EVENT, vcpu);
      this.kvm_vcpu_kick(vcpu);
      break;

    case APIC_DM_EXTINT:
      // LVT0 in ExtINT mode is the PIC's, see kvm_apic_accept_pic_intr().
      break;

    default:
      break; // an error in the host's log
  }
  return result;
}

/** arch/x86/kvm/lapic.c: kvm_bitmap_or_dest_vcpus(): sets 1 at each vcpu_idx that the interrupt may reach. */
export function kvm_bitmap_or_dest_vcpus(this: vmlinux_x86, kvm: kvm, irq: kvm_lapic_irq, vcpu_bitmap: number[]): void {
  const map = kvm.arch.apic_map;
  const out: dest_lapics = { dst: kvm.vcpus, base: 0, bitmap: 0 };

  if (this.kvm_apic_map_get_dest_lapic(kvm, null, irq, map, out)) {
    for (let bits = out.bitmap; bits !== 0; bits &= bits - 1) {
      const id = out.dst[out.base + __ffs(bits)];
      if (id === NULL) continue;
      vcpu_bitmap[this.m.vcpu[id].vcpu_idx] = 1;
    }
  } else {
    for (let i = 0; i < kvm.vcpus.length; i++) {
      const vcpu = this.m.vcpu[kvm.vcpus[i]];
      if (!this.kvm_apic_present(vcpu)) continue;
      if (!this.kvm_apic_match_dest(vcpu, null, irq.shorthand, irq.dest_id, irq.dest_mode)) continue;
      vcpu_bitmap[i] = 1;
    }
  }
}

/** arch/x86/kvm/lapic.c: kvm_apic_compare_prio(): a difference of ints. */
export function kvm_apic_compare_prio(this: vmlinux_x86, vcpu1: kvm_vcpu, vcpu2: kvm_vcpu): number {
  return (vcpu1.arch.apic_arb_prio - vcpu2.arch.apic_arb_prio) | 0;
}

/** arch/x86/kvm/lapic.c: kvm_ioapic_handles_vector() */
export function kvm_ioapic_handles_vector(this: vmlinux_x86, apic: kvm_lapic, vector: number): boolean {
  const handled = this.m.vcpu[apic.vcpu].arch.ioapic_handled_vectors;
  return (handled[vector >> 5] & (1 << (vector & 31))) !== 0;
}

/** arch/x86/kvm/lapic.c: kvm_ioapic_send_eoi() */
export function kvm_ioapic_send_eoi(this: vmlinux_x86, apic: kvm_lapic, vector: number): void {
  const vcpu = this.m.vcpu[apic.vcpu];

  if (!this.kvm_ioapic_handles_vector(apic, vector)) return;

  if (this.irqchip_split(this.m.kvm[vcpu.kvm])) {
    vcpu.arch.pending_ioapic_eoi = vector;
    this.kvm_make_request(KVM_REQ_IOAPIC_EOI_EXIT, vcpu);
    return;
  }

  const trigger_mode = this.apic_test_vector(vector, apic.regs, APIC_TMR) ? IOAPIC_LEVEL_TRIG : IOAPIC_EDGE_TRIG;
  this.kvm_ioapic_update_eoi(vcpu, vector, trigger_mode);
}

/** arch/x86/kvm/lapic.c: apic_set_eoi(): the vector that was in service, -1 for a spurious EOI. */
export function apic_set_eoi(this: vmlinux_x86, apic: kvm_lapic): number {
  const vector = this.apic_find_highest_isr(apic);

  this.trace_kvm_eoi(apic, vector);

  if (vector === -1) return vector;

  this.apic_clear_isr(vector, apic);
  this.apic_update_ppr(apic);

  this.kvm_ioapic_send_eoi(apic, vector);
  this.kvm_make_request(KVM_REQ_EVENT, this.m.vcpu[apic.vcpu]);
  return vector;
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_eoi_accelerated(): hardware has retired the vector already. */
export function kvm_apic_set_eoi_accelerated(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number): void {
  const apic = vcpu.arch.apic;

  this.trace_kvm_eoi(apic, vector);

  this.kvm_ioapic_send_eoi(apic, vector);
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
}

/** arch/x86/kvm/lapic.c: kvm_apic_send_ipi() */
export function kvm_apic_send_ipi(this: vmlinux_x86, apic: kvm_lapic, icr_low: u32, icr_high: u32): void {
  this.warnOn((icr_low & APIC_ICR_BUSY) !== 0, 'kvm_apic_send_ipi: APIC_ICR_BUSY');

  const irq: kvm_lapic_irq = {
    vector: icr_low & APIC_VECTOR_MASK,
    delivery_mode: icr_low & APIC_MODE_MASK,
    dest_mode: icr_low & APIC_DEST_MASK,
    level: (icr_low & APIC_INT_ASSERT) !== 0,
    trig_mode: icr_low & APIC_INT_LEVELTRIG,
    shorthand: icr_low & APIC_SHORT_MASK,
    dest_id: this.apic_x2apic_mode(apic) ? icr_high : GET_XAPIC_DEST_FIELD(icr_high),
    msi_redir_hint: false,
  };

  this.trace_kvm_apic_ipi(icr_low, irq.dest_id);

  this.kvm_irq_delivery_to_apic(this.m.kvm[this.m.vcpu[apic.vcpu].kvm], apic, irq, null);
}

/** arch/x86/kvm/lapic.c: apic_get_tmcct() */
export function apic_get_tmcct(this: vmlinux_x86, apic: kvm_lapic): u32 {
  if (this.kvm_lapic_get_reg(apic, APIC_TMICT) === 0 || apic.lapic_timer.period === S64_ZERO) return 0;

  const now = to_s64(this.ktime_get());
  let remaining = s64_sub(apic.lapic_timer.target_expiration, now);
  if (s64_lt(remaining, S64_ZERO)) remaining = S64_ZERO;

  // ns = remaining mod period: at the very instant of arming that is 0.
  const period = apic.lapic_timer.period;
  const ns = s64_sub(remaining, s64_mul(s64_div(remaining, period), period));
  const tick = mul(u64(this.m.kvm[this.m.vcpu[apic.vcpu].kvm].arch.apic_bus_cycle_ns), u64(apic.divide_count));
  return to_u32(div(to_u64(ns), tick));
}

/** arch/x86/kvm/lapic.c: __report_tpr_access() */
export function __report_tpr_access(this: vmlinux_x86, apic: kvm_lapic, _write: boolean): void {
  this.kvm_make_request(KVM_REQ_REPORT_TPR_ACCESS, this.m.vcpu[apic.vcpu]);
}

/** arch/x86/kvm/lapic.c: report_tpr_access() */
export function report_tpr_access(this: vmlinux_x86, apic: kvm_lapic, write: boolean): void {
  if (this.m.vcpu[apic.vcpu].arch.tpr_access_reporting) this.__report_tpr_access(apic, write);
}

/** arch/x86/kvm/lapic.c: __apic_read() */
export function __apic_read(this: vmlinux_x86, apic: kvm_lapic, offset: u32): u32 {
  if (offset >= LAPIC_MMIO_LENGTH) return 0;

  switch (offset) {
    case APIC_ARBPRI:
      return 0;
    case APIC_TMCCT:
      if (this.apic_lvtt_tscdeadline(apic)) return 0;
      return this.apic_get_tmcct(apic);
    case APIC_PROCPRI:
      this.apic_update_ppr(apic);
      return this.kvm_lapic_get_reg(apic, offset);
    case APIC_TASKPRI:
      this.report_tpr_access(apic, false);
      return this.kvm_lapic_get_reg(apic, offset);
    default:
      return this.kvm_lapic_get_reg(apic, offset);
  }
}

/** Registers that reads find, as bits of offset >> 4: low half (0x000-0x1f0) and high half (0x200-0x3f0). */
const READABLE_LOW =
  (1 << (APIC_ID >> 4)) |
  (1 << (APIC_LVR >> 4)) |
  (1 << (APIC_TASKPRI >> 4)) |
  (1 << (APIC_PROCPRI >> 4)) |
  (1 << (APIC_LDR >> 4)) |
  (1 << (APIC_SPIV >> 4)) |
  (0xff << (APIC_ISR >> 4)) |
  (0xff << (APIC_TMR >> 4));
const highBit = (reg: number): number => 1 << ((reg >> 4) - 32);
const READABLE_HIGH =
  0xff |
  highBit(APIC_ESR) |
  highBit(APIC_ICR) |
  highBit(APIC_LVTT) |
  highBit(APIC_LVTTHMR) |
  highBit(APIC_LVTPC) |
  highBit(APIC_LVT0) |
  highBit(APIC_LVT1) |
  highBit(APIC_LVTERR) |
  highBit(APIC_TMICT) |
  highBit(APIC_TMCCT) |
  highBit(APIC_TDCR);

/** arch/x86/kvm/lapic.c: kvm_lapic_readable_reg_mask() */
export function kvm_lapic_readable_reg_mask(this: vmlinux_x86, apic: kvm_lapic): u64 {
  let low = READABLE_LOW;
  let high = READABLE_HIGH;

  if (this.kvm_lapic_lvt_supported(apic, LVT_CMCI)) high |= highBit(APIC_LVTCMCI);

  if (!this.apic_x2apic_mode(apic)) {
    low |= (1 << (APIC_ARBPRI >> 4)) | (1 << (APIC_DFR >> 4));
    high |= highBit(APIC_ICR2);
  }
  return add(u64(low >>> 0), mul(u64(high >>> 0), u64(0x1_0000_0000)));
}

/** Whether kvm_lapic_readable_reg_mask() has the bit of `offset`, which is at most 0x3f0. */
function readable(k: vmlinux_x86, apic: kvm_lapic, offset: u32): boolean {
  const bit = offset >> 4;
  const mask = k.kvm_lapic_readable_reg_mask(apic);
  return ((bit < 32 ? to_u32(mask) : to_u32(shr(mask, 32))) & (1 << (bit & 31))) !== 0;
}

/**
 * arch/x86/kvm/lapic.c: kvm_lapic_reg_read()
 *
 * 0: `data.value` holds `len` bytes. 1: not readable, or across a 4-byte boundary; the buffer stays as it was.
 */
export function kvm_lapic_reg_read(
  this: vmlinux_x86,
  apic: kvm_lapic,
  offset: u32,
  len: number,
  data: int_out,
): number {
  const alignment = offset & 0xf;

  this.warnOn(this.apic_x2apic_mode(apic) && offset === APIC_ICR, 'kvm_lapic_reg_read: 64-bit ICR');

  if (alignment + len > 4) return 1;
  if (offset > 0x3f0 || !readable(this, apic, offset)) return 1;

  const result = this.__apic_read(apic, offset & ~0xf);

  this.trace_kvm_apic(0, offset, u64(result));

  switch (len) {
    case 1:
      data.value = (result >>> (8 * alignment)) & 0xff;
      break;
    case 2:
      data.value = (result >>> (8 * alignment)) & 0xffff;
      break;
    case 4:
      data.value = result;
      break;
    default:
      break; // an error in the host's log
  }
  return 0;
}

/** arch/x86/kvm/lapic.c: apic_mmio_in_range() */
export function apic_mmio_in_range(this: vmlinux_x86, apic: kvm_lapic, addr: u64): boolean {
  return !lt(addr, apic.base_address) && lt(addr, add(apic.base_address, u64(LAPIC_MMIO_LENGTH)));
}

/** arch/x86/kvm/lapic.c: apic_mmio_read(): 0, or -EOPNOTSUPP when the address is nobody's. */
export function apic_mmio_read(this: vmlinux_x86, vcpu: kvm_vcpu, address: u64, len: number, data: int_out): number {
  const apic = vcpu.arch.apic;

  if (!this.apic_mmio_in_range(apic, address)) return -EOPNOTSUPP;

  if (!this.kvm_apic_hw_enabled(apic) || this.apic_x2apic_mode(apic)) {
    if (!this.kvm_check_has_quirk(this.m.kvm[vcpu.kvm], KVM_X86_QUIRK_LAPIC_MMIO_HOLE)) return -EOPNOTSUPP;
    data.value = len === 1 ? 0xff : len === 2 ? 0xffff : 0xffff_ffff;
    return 0;
  }

  this.kvm_lapic_reg_read(apic, to_u32(sub(address, apic.base_address)), len, data);
  return 0;
}

/** arch/x86/kvm/lapic.c: update_divide_count() */
export function update_divide_count(this: vmlinux_x86, apic: kvm_lapic): void {
  const tdcr = this.kvm_lapic_get_reg(apic, APIC_TDCR);
  const tmp1 = tdcr & 0xf;
  const tmp2 = ((tmp1 & 3) | ((tmp1 & 8) >> 1)) + 1;
  apic.divide_count = 1 << (tmp2 & 7);
}

/** arch/x86/kvm/lapic.c: limit_periodic_timer_frequency() */
export function limit_periodic_timer_frequency(this: vmlinux_x86, apic: kvm_lapic): void {
  if (this.apic_lvtt_period(apic) && apic.lapic_timer.period !== S64_ZERO) {
    const min_period = s64(this.m.kvm_x86_params.min_timer_period_us * 1000);
    if (s64_lt(apic.lapic_timer.period, min_period)) apic.lapic_timer.period = min_period;
  }
}

/** arch/x86/kvm/lapic.c: cancel_apic_timer() */
export function cancel_apic_timer(this: vmlinux_x86, apic: kvm_lapic): void {
  this.hrtimer_cancel(apic.lapic_timer.timer);
  if (apic.lapic_timer.hv_timer_in_use) this.cancel_hv_timer(apic);
  apic.lapic_timer.pending = 0;
}

/** arch/x86/kvm/lapic.c: apic_update_lvtt() */
export function apic_update_lvtt(this: vmlinux_x86, apic: kvm_lapic): void {
  const timer_mode = (this.kvm_lapic_get_reg(apic, APIC_LVTT) & apic.lapic_timer.timer_mode_mask) >>> 0;

  if (apic.lapic_timer.timer_mode !== timer_mode) {
    if (this.apic_lvtt_tscdeadline(apic) !== (timer_mode === APIC_LVT_TIMER_TSCDEADLINE)) {
      this.cancel_apic_timer(apic);
      this.kvm_lapic_set_reg(apic, APIC_TMICT, 0);
      apic.lapic_timer.period = S64_ZERO;
      apic.lapic_timer.tscdeadline = ZERO;
    }
    apic.lapic_timer.timer_mode = timer_mode;
    this.limit_periodic_timer_frequency(apic);
  }
}

/** arch/x86/kvm/lapic.c: lapic_timer_int_injected() */
export function lapic_timer_int_injected(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  const apic = vcpu.arch.apic;
  const reg = this.kvm_lapic_get_reg(apic, APIC_LVTT);

  if (this.kvm_apic_hw_enabled(apic)) {
    const vec = reg & APIC_VECTOR_MASK;
    return this.apic_test_vector(vec, apic.regs, apic.apicv_active ? APIC_IRR : APIC_ISR);
  }
  return false;
}

/** arch/x86/kvm/lapic.c: __wait_lapic_expire(): a busy wait of so many guest cycles. */
export function __wait_lapic_expire(this: vmlinux_x86, vcpu: kvm_vcpu, guest_cycles: u64): void {
  const timer_advance_ns = u64(vcpu.arch.apic.lapic_timer.timer_advance_ns);
  const limit = this.nsec_to_cycles(vcpu, timer_advance_ns);
  this.__delay(lt(guest_cycles, limit) ? guest_cycles : limit);
}

/** arch/x86/kvm/lapic.c: adjust_lapic_timer_advance() */
export function adjust_lapic_timer_advance(this: vmlinux_x86, vcpu: kvm_vcpu, advance_expire_delta: s64): void {
  const apic = vcpu.arch.apic;
  let timer_advance_ns = apic.lapic_timer.timer_advance_ns;
  const early = s64_lt(advance_expire_delta, S64_ZERO);
  const distance = early ? s64_neg(advance_expire_delta) : advance_expire_delta;

  if (s64_gt(distance, s64(LAPIC_TIMER_ADVANCE_ADJUST_MAX)) || s64_lt(distance, s64(LAPIC_TIMER_ADVANCE_ADJUST_MIN))) {
    return;
  }

  const ns = div(mul(to_u64(distance), CYCLES), u64(vcpu.arch.virtual_tsc_khz));
  const step = to_u32(div(ns, u64(LAPIC_TIMER_ADVANCE_ADJUST_STEP)));
  // A u32: less than nothing is a lot, and taken for too much below.
  timer_advance_ns = (early ? timer_advance_ns - step : timer_advance_ns + step) >>> 0;

  if (timer_advance_ns > LAPIC_TIMER_ADVANCE_NS_MAX) timer_advance_ns = LAPIC_TIMER_ADVANCE_NS_INIT;
  apic.lapic_timer.timer_advance_ns = timer_advance_ns;
}

/** arch/x86/kvm/lapic.c: __kvm_wait_lapic_expire() */
export function __kvm_wait_lapic_expire(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  const tsc_deadline = apic.lapic_timer.expired_tscdeadline;
  apic.lapic_timer.expired_tscdeadline = ZERO;
  let guest_tsc = this.kvm_read_l1_tsc(vcpu, this.rdtsc());
  this.trace_kvm_wait_lapic_expire(vcpu.vcpu_id, to_s64(sub(guest_tsc, tsc_deadline)));

  this.adjust_lapic_timer_advance(vcpu, to_s64(sub(guest_tsc, tsc_deadline)));

  if (lt(guest_tsc, tsc_deadline)) guest_tsc = this.kvm_read_l1_tsc(vcpu, this.rdtsc());
  if (lt(guest_tsc, tsc_deadline)) this.__wait_lapic_expire(vcpu, sub(tsc_deadline, guest_tsc));
}

/** arch/x86/kvm/lapic.c: kvm_wait_lapic_expire() */
export function kvm_wait_lapic_expire(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (
    this.lapic_in_kernel(vcpu) &&
    vcpu.arch.apic.lapic_timer.expired_tscdeadline !== ZERO &&
    vcpu.arch.apic.lapic_timer.timer_advance_ns !== 0 &&
    this.lapic_timer_int_injected(vcpu)
  ) {
    this.__kvm_wait_lapic_expire(vcpu);
  }
}

/** arch/x86/kvm/lapic.c: kvm_apic_inject_pending_timer_irqs() */
export function kvm_apic_inject_pending_timer_irqs(this: vmlinux_x86, apic: kvm_lapic): void {
  const ktimer = apic.lapic_timer;

  this.kvm_apic_local_deliver(apic, APIC_LVTT);
  if (this.apic_lvtt_tscdeadline(apic)) {
    ktimer.tscdeadline = ZERO;
  } else if (this.apic_lvtt_oneshot(apic)) {
    ktimer.tscdeadline = ZERO;
    ktimer.target_expiration = S64_ZERO;
  }
}

/** arch/x86/kvm/lapic.c: apic_timer_expired() */
export function apic_timer_expired(this: vmlinux_x86, apic: kvm_lapic, from_timer_fn: boolean): void {
  const vcpu = this.m.vcpu[apic.vcpu];
  const ktimer = apic.lapic_timer;

  if (ktimer.pending !== 0) return;

  if (this.apic_lvtt_tscdeadline(apic) || ktimer.hv_timer_in_use) ktimer.expired_tscdeadline = ktimer.tscdeadline;

  if (!from_timer_fn && apic.apicv_active && vcpu.wants_to_run) {
    this.warnOn(this.kvm_get_running_vcpu() !== vcpu.id, 'apic_timer_expired: not the running vCPU');
    this.kvm_apic_inject_pending_timer_irqs(apic);
    return;
  }

  if (this.kvm_use_posted_timer_interrupt(vcpu)) {
    if (ktimer.expired_tscdeadline !== ZERO && ktimer.timer_advance_ns !== 0) this.__kvm_wait_lapic_expire(vcpu);
    this.kvm_apic_inject_pending_timer_irqs(apic);
    return;
  }

  ktimer.pending++;
  this.kvm_make_request(KVM_REQ_UNBLOCK, vcpu);
  if (from_timer_fn) this.kvm_vcpu_kick(vcpu);
}

/** arch/x86/kvm/lapic.c: start_sw_tscdeadline() */
export function start_sw_tscdeadline(this: vmlinux_x86, apic: kvm_lapic): void {
  const ktimer = apic.lapic_timer;
  const tscdeadline = ktimer.tscdeadline;
  const vcpu = this.m.vcpu[apic.vcpu];
  const this_tsc_khz = vcpu.arch.virtual_tsc_khz;

  if (tscdeadline === ZERO || this_tsc_khz === 0) return;

  const now = this.ktime_get();
  const guest_tsc = this.kvm_read_l1_tsc(vcpu, this.rdtsc());

  // 64 bits wide: a deadline 2^64 / 10^6 cycles away wraps to a near one.
  const ns = div(mul(sub(tscdeadline, guest_tsc), CYCLES), u64(this_tsc_khz));

  if (lt(guest_tsc, tscdeadline) && lt(u64(ktimer.timer_advance_ns), ns)) {
    this.hrtimer_start(ktimer.timer, sub(add(now, ns), u64(ktimer.timer_advance_ns)));
  } else {
    this.apic_timer_expired(apic, false);
  }
}

/** arch/x86/kvm/lapic.c: tmict_to_ns() */
export function tmict_to_ns(this: vmlinux_x86, apic: kvm_lapic, tmict: u32): u64 {
  const apic_bus_cycle_ns = this.m.kvm[this.m.vcpu[apic.vcpu].kvm].arch.apic_bus_cycle_ns;
  return mul(mul(u64(tmict), u64(apic_bus_cycle_ns)), u64(apic.divide_count));
}

/** arch/x86/kvm/lapic.c: update_target_expiration() */
export function update_target_expiration(this: vmlinux_x86, apic: kvm_lapic, old_divisor: u32): void {
  const vcpu = this.m.vcpu[apic.vcpu];

  apic.lapic_timer.period = to_s64(this.tmict_to_ns(apic, this.kvm_lapic_get_reg(apic, APIC_TMICT)));
  this.limit_periodic_timer_frequency(apic);

  const now = to_s64(this.ktime_get());
  let remaining = s64_sub(apic.lapic_timer.target_expiration, now);
  if (s64_lt(remaining, S64_ZERO)) remaining = S64_ZERO;

  const ns_remaining_old = to_u64(remaining);
  const ns_remaining_new = mul_u64_u32_div(ns_remaining_old, apic.divide_count, old_divisor);

  apic.lapic_timer.tscdeadline = add(
    apic.lapic_timer.tscdeadline,
    sub(this.nsec_to_cycles(vcpu, ns_remaining_new), this.nsec_to_cycles(vcpu, ns_remaining_old)),
  );
  apic.lapic_timer.target_expiration = s64_add(now, to_s64(ns_remaining_new));
}

/** arch/x86/kvm/lapic.c: set_target_expiration(): false when there is nothing to count. */
export function set_target_expiration(this: vmlinux_x86, apic: kvm_lapic, count_reg: u32): boolean {
  const vcpu = this.m.vcpu[apic.vcpu];
  const ktimer = apic.lapic_timer;
  const tscl = this.rdtsc();
  const now = to_s64(this.ktime_get());

  ktimer.period = to_s64(this.tmict_to_ns(apic, this.kvm_lapic_get_reg(apic, APIC_TMICT)));
  if (ktimer.period === S64_ZERO) {
    ktimer.tscdeadline = ZERO;
    return false;
  }

  this.limit_periodic_timer_frequency(apic);
  let deadline = ktimer.period;

  if (this.apic_lvtt_period(apic) || this.apic_lvtt_oneshot(apic)) {
    // The count left over of KVM_SET_LAPIC: 0 is a whole period, or at once in one-shot mode.
    if (count_reg !== APIC_TMICT) {
      deadline = to_s64(this.tmict_to_ns(apic, this.kvm_lapic_get_reg(apic, count_reg)));
      if (s64_le(deadline, S64_ZERO)) {
        deadline = this.apic_lvtt_period(apic) ? ktimer.period : S64_ZERO;
      } else if (s64_gt(deadline, ktimer.period)) {
        this.kvm_lapic_set_reg(apic, count_reg, 0);
        deadline = ktimer.period;
      }
    }
  }

  ktimer.tscdeadline = add(this.kvm_read_l1_tsc(vcpu, tscl), this.nsec_to_cycles(vcpu, to_u64(deadline)));
  ktimer.target_expiration = s64_add(now, deadline);
  return true;
}

/** arch/x86/kvm/lapic.c: advance_periodic_target_expiration() */
export function advance_periodic_target_expiration(this: vmlinux_x86, apic: kvm_lapic): void {
  const vcpu = this.m.vcpu[apic.vcpu];
  const ktimer = apic.lapic_timer;
  const now = to_s64(this.ktime_get());
  const tscl = this.rdtsc();

  ktimer.target_expiration = s64_add(ktimer.target_expiration, ktimer.period);

  // Missed periods are not made up for: one interrupt stands for all of them.
  if (s64_lt(ktimer.target_expiration, now)) ktimer.target_expiration = now;

  const delta = s64_sub(ktimer.target_expiration, now);
  ktimer.tscdeadline = add(this.kvm_read_l1_tsc(vcpu, tscl), this.nsec_to_cycles(vcpu, to_u64(delta)));
}

/** arch/x86/kvm/lapic.c: start_sw_period() */
export function start_sw_period(this: vmlinux_x86, apic: kvm_lapic): void {
  if (apic.lapic_timer.period === S64_ZERO) return;

  if (s64_gt(to_s64(this.ktime_get()), apic.lapic_timer.target_expiration)) {
    this.apic_timer_expired(apic, false);

    if (this.apic_lvtt_oneshot(apic)) return;

    this.advance_periodic_target_expiration(apic);
  }

  this.hrtimer_start(apic.lapic_timer.timer, to_u64(apic.lapic_timer.target_expiration));
}

/** arch/x86/kvm/lapic.c: kvm_lapic_hv_timer_in_use() */
export function kvm_lapic_hv_timer_in_use(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  if (!this.lapic_in_kernel(vcpu)) return false;
  return vcpu.arch.apic.lapic_timer.hv_timer_in_use;
}

/** arch/x86/kvm/lapic.c: cancel_hv_timer() */
export function cancel_hv_timer(this: vmlinux_x86, apic: kvm_lapic): void {
  this.warnOn(!apic.lapic_timer.hv_timer_in_use, 'cancel_hv_timer: not in use');
  this.kvm_x86_cancel_hv_timer(this.m.vcpu[apic.vcpu]);
  apic.lapic_timer.hv_timer_in_use = false;
}

/** arch/x86/kvm/lapic.c: start_hv_timer(): false when the timer cannot do it. */
export function start_hv_timer(this: vmlinux_x86, apic: kvm_lapic): boolean {
  const ktimer = apic.lapic_timer;
  const vcpu = this.m.vcpu[apic.vcpu];

  if (!this.kvm_can_use_hv_timer(vcpu)) return false;
  if (ktimer.tscdeadline === ZERO) return false;

  const expired = { value: false };
  if (this.kvm_x86_set_hv_timer(vcpu, ktimer.tscdeadline, expired) !== 0) return false;

  ktimer.hv_timer_in_use = true;
  this.hrtimer_cancel(ktimer.timer);

  // WHY not when periodic: the exit of the expired timer computes the next period.
  if (!this.apic_lvtt_period(apic)) {
    if (ktimer.pending !== 0) {
      this.cancel_hv_timer(apic);
    } else if (expired.value) {
      this.apic_timer_expired(apic, false);
      this.cancel_hv_timer(apic);
    }
  }

  this.trace_kvm_hv_timer_state(vcpu.vcpu_id, ktimer.hv_timer_in_use);
  return true;
}

/** arch/x86/kvm/lapic.c: start_sw_timer() */
export function start_sw_timer(this: vmlinux_x86, apic: kvm_lapic): void {
  if (apic.lapic_timer.hv_timer_in_use) this.cancel_hv_timer(apic);
  if (!this.apic_lvtt_period(apic) && apic.lapic_timer.pending !== 0) return;

  if (this.apic_lvtt_period(apic) || this.apic_lvtt_oneshot(apic)) this.start_sw_period(apic);
  else if (this.apic_lvtt_tscdeadline(apic)) this.start_sw_tscdeadline(apic);
  this.trace_kvm_hv_timer_state(this.m.vcpu[apic.vcpu].vcpu_id, false);
}

/** arch/x86/kvm/lapic.c: restart_apic_timer() */
export function restart_apic_timer(this: vmlinux_x86, apic: kvm_lapic): void {
  if (!this.apic_lvtt_period(apic) && apic.lapic_timer.pending !== 0) return;
  if (!this.start_hv_timer(apic)) this.start_sw_timer(apic);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_expired_hv_timer() */
export function kvm_lapic_expired_hv_timer(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  // Not in use: the switch to the software timer on the way out has seen it already.
  if (!apic.lapic_timer.hv_timer_in_use) return;
  this.warnOn(this.kvm_vcpu_is_blocking(vcpu), 'kvm_lapic_expired_hv_timer: blocking');
  this.apic_timer_expired(apic, false);
  this.cancel_hv_timer(apic);

  if (this.apic_lvtt_period(apic) && apic.lapic_timer.period !== S64_ZERO) {
    this.advance_periodic_target_expiration(apic);
    this.restart_apic_timer(apic);
  }
}

/** arch/x86/kvm/lapic.c: kvm_lapic_switch_to_hv_timer() */
export function kvm_lapic_switch_to_hv_timer(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.restart_apic_timer(vcpu.arch.apic);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_switch_to_sw_timer() */
export function kvm_lapic_switch_to_sw_timer(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;
  if (apic.lapic_timer.hv_timer_in_use) this.start_sw_timer(apic);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_restart_hv_timer() */
export function kvm_lapic_restart_hv_timer(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;
  this.warnOn(!apic.lapic_timer.hv_timer_in_use, 'kvm_lapic_restart_hv_timer: not in use');
  this.restart_apic_timer(apic);
}

/** arch/x86/kvm/lapic.c: __start_apic_timer() */
export function __start_apic_timer(this: vmlinux_x86, apic: kvm_lapic, count_reg: u32): void {
  apic.lapic_timer.pending = 0;

  if ((this.apic_lvtt_period(apic) || this.apic_lvtt_oneshot(apic)) && !this.set_target_expiration(apic, count_reg)) {
    return;
  }
  this.restart_apic_timer(apic);
}

/** arch/x86/kvm/lapic.c: start_apic_timer() */
export function start_apic_timer(this: vmlinux_x86, apic: kvm_lapic): void {
  this.__start_apic_timer(apic, APIC_TMICT);
}

/** arch/x86/kvm/lapic.c: apic_manage_nmi_watchdog() */
export function apic_manage_nmi_watchdog(this: vmlinux_x86, apic: kvm_lapic, lvt0_val: u32): void {
  const lvt0_in_nmi_mode = this.apic_lvt_nmi_mode(lvt0_val);

  if (apic.lvt0_in_nmi_mode !== lvt0_in_nmi_mode) {
    apic.lvt0_in_nmi_mode = lvt0_in_nmi_mode;
    const arch = this.m.kvm[this.m.vcpu[apic.vcpu].kvm].arch;
    if (lvt0_in_nmi_mode) arch.vapics_in_nmi_mode++;
    else arch.vapics_in_nmi_mode--;
  }
}

/** arch/x86/kvm/lapic.c: get_lvt_index() */
export function get_lvt_index(this: vmlinux_x86, reg: u32): number {
  if (reg === APIC_LVTCMCI) return LVT_CMCI;
  if (reg < APIC_LVTT || reg > APIC_LVTERR) return -1;
  return (reg - APIC_LVTT) >> 4;
}

/** arch/x86/kvm/lapic.c: kvm_lapic_reg_write(): 0, or 1 for a register that cannot be written so. */
export function kvm_lapic_reg_write(this: vmlinux_x86, apic: kvm_lapic, reg: u32, val: u32): number {
  let ret = 0;

  this.trace_kvm_apic(1, reg, u64(val));

  switch (reg) {
    case APIC_ID:
      if (!this.apic_x2apic_mode(apic)) this.kvm_apic_set_xapic_id(apic, val >>> 24);
      else ret = 1;
      break;

    case APIC_TASKPRI:
      this.report_tpr_access(apic, true);
      this.apic_set_tpr(apic, val & 0xff);
      break;

    case APIC_EOI:
      this.apic_set_eoi(apic);
      break;

    case APIC_LDR:
      if (!this.apic_x2apic_mode(apic)) this.kvm_apic_set_ldr(apic, (val & APIC_LDR_MASK) >>> 0);
      else ret = 1;
      break;

    case APIC_DFR:
      if (!this.apic_x2apic_mode(apic)) this.kvm_apic_set_dfr(apic, (val | 0x0fff_ffff) >>> 0);
      else ret = 1;
      break;

    case APIC_SPIV: {
      let mask = 0x3ff;
      if ((this.kvm_lapic_get_reg(apic, APIC_LVR) & APIC_LVR_DIRECTED_EOI) !== 0) mask |= APIC_SPIV_DIRECTED_EOI;
      this.apic_set_spiv(apic, val & mask);
      if ((val & APIC_SPIV_APIC_ENABLED) === 0) {
        for (let i = 0; i < apic.nr_lvt_entries; i++) {
          this.kvm_lapic_set_reg(
            apic,
            APIC_LVTx(i),
            (this.kvm_lapic_get_reg(apic, APIC_LVTx(i)) | APIC_LVT_MASKED) >>> 0,
          );
        }
        this.apic_update_lvtt(apic);
        apic.lapic_timer.pending = 0;
      }
      break;
    }

    case APIC_ICR:
      this.warnOn(this.apic_x2apic_mode(apic), 'kvm_lapic_reg_write: ICR in x2APIC mode');
      // KVM sends without delay: never busy.
      val = (val & ~APIC_ICR_BUSY) >>> 0;
      this.kvm_apic_send_ipi(apic, val, this.kvm_lapic_get_reg(apic, APIC_ICR2));
      this.kvm_lapic_set_reg(apic, APIC_ICR, val);
      break;

    case APIC_ICR2:
      if (this.apic_x2apic_mode(apic)) ret = 1;
      else this.kvm_lapic_set_reg(apic, APIC_ICR2, (val & 0xff00_0000) >>> 0);
      break;

    case APIC_LVT0:
    case APIC_LVTTHMR:
    case APIC_LVTPC:
    case APIC_LVT1:
    case APIC_LVTERR:
    case APIC_LVTCMCI: {
      if (reg === APIC_LVT0) this.apic_manage_nmi_watchdog(apic, val);
      const index = this.get_lvt_index(reg);
      if (!this.kvm_lapic_lvt_supported(apic, index)) {
        ret = 1;
        break;
      }
      if (!this.kvm_apic_sw_enabled(apic)) val |= APIC_LVT_MASKED;
      val &= apic_lvt_mask[index];
      this.kvm_lapic_set_reg(apic, reg, val);
      break;
    }

    case APIC_LVTT:
      if (!this.kvm_apic_sw_enabled(apic)) val |= APIC_LVT_MASKED;
      val &= apic_lvt_mask[0] | apic.lapic_timer.timer_mode_mask;
      this.kvm_lapic_set_reg(apic, APIC_LVTT, val);
      this.apic_update_lvtt(apic);
      break;

    case APIC_TMICT:
      if (this.apic_lvtt_tscdeadline(apic)) break;

      this.cancel_apic_timer(apic);
      this.kvm_lapic_set_reg(apic, APIC_TMICT, val);
      this.start_apic_timer(apic);
      break;

    case APIC_TDCR: {
      const old_divisor = apic.divide_count;

      this.kvm_lapic_set_reg(apic, APIC_TDCR, val & 0xb);
      this.update_divide_count(apic);
      if (apic.divide_count !== old_divisor && apic.lapic_timer.period !== S64_ZERO) {
        this.hrtimer_cancel(apic.lapic_timer.timer);
        this.update_target_expiration(apic, old_divisor);
        this.restart_apic_timer(apic);
      }
      break;
    }

    case APIC_ESR:
      if (this.apic_x2apic_mode(apic) && val !== 0) ret = 1;
      break;

    case APIC_SELF_IPI:
      if (!this.apic_x2apic_mode(apic) || (val & ~APIC_VECTOR_MASK) !== 0) ret = 1;
      else this.kvm_apic_send_ipi(apic, APIC_DEST_SELF | val, 0);
      break;

    default:
      ret = 1;
      break;
  }

  this.kvm_recalculate_apic_map(this.m.kvm[this.m.vcpu[apic.vcpu].kvm]);

  return ret;
}

/** arch/x86/kvm/lapic.c: apic_mmio_write(): 0, or -EOPNOTSUPP when the address is nobody's. */
export function apic_mmio_write(this: vmlinux_x86, vcpu: kvm_vcpu, address: u64, len: number, data: u32): number {
  const apic = vcpu.arch.apic;

  if (!this.apic_mmio_in_range(apic, address)) return -EOPNOTSUPP;

  if (!this.kvm_apic_hw_enabled(apic) || this.apic_x2apic_mode(apic)) {
    if (!this.kvm_check_has_quirk(this.m.kvm[vcpu.kvm], KVM_X86_QUIRK_LAPIC_MMIO_HOLE)) return -EOPNOTSUPP;
    return 0;
  }

  const offset = to_u32(sub(address, apic.base_address));
  if (len !== 4 || (offset & 0xf) !== 0) return 0;

  this.kvm_lapic_reg_write(apic, offset & 0xff0, data);
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_lapic_set_eoi() */
export function kvm_lapic_set_eoi(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.kvm_lapic_reg_write(vcpu.arch.apic, APIC_EOI, 0);
}

/** arch/x86/kvm/lapic.c: kvm_x2apic_icr_write(): 1 for reserved bits, without a trace. */
export function kvm_x2apic_icr_write(this: vmlinux_x86, apic: kvm_lapic, data: u64): number {
  let low = to_u32(data);
  const high = to_u32(shr(data, 32));

  if ((low & X2APIC_ICR_RESERVED_BITS) !== 0) return 1;

  low = (low & ~APIC_ICR_BUSY) >>> 0;

  this.kvm_apic_send_ipi(apic, low, high);
  if (this.isX2apicIcrSplit(this.m.vcpu[apic.vcpu])) {
    this.kvm_lapic_set_reg(apic, APIC_ICR, low);
    this.kvm_lapic_set_reg(apic, APIC_ICR2, high);
  } else {
    this.kvm_lapic_set_reg64(apic, APIC_ICR, joined(low, high));
  }
  if (this.tp !== null) this.trace_kvm_apic(1, APIC_ICR, joined(low, high));
  return 0;
}

const joined = (low: u32, high: u32): u64 => add(u64(low), shl(u64(high), 32));

/** arch/x86/kvm/lapic.c: kvm_x2apic_icr_read() */
export function kvm_x2apic_icr_read(this: vmlinux_x86, apic: kvm_lapic): u64 {
  if (this.isX2apicIcrSplit(this.m.vcpu[apic.vcpu])) {
    return joined(this.kvm_lapic_get_reg(apic, APIC_ICR), this.kvm_lapic_get_reg(apic, APIC_ICR2));
  }
  return this.kvm_lapic_get_reg64(apic, APIC_ICR);
}

/** arch/x86/kvm/lapic.c: kvm_apic_write_nodecode(): a write that hardware has put into the page already. */
export function kvm_apic_write_nodecode(this: vmlinux_x86, vcpu: kvm_vcpu, offset: u32): void {
  const apic = vcpu.arch.apic;

  if (this.apic_x2apic_mode(apic) && offset === APIC_ICR) {
    this.warnOn(
      this.kvm_x2apic_icr_write(apic, this.kvm_x2apic_icr_read(apic)) !== 0,
      'kvm_apic_write_nodecode: ICR refused',
    );
  } else {
    this.kvm_lapic_reg_write(apic, offset, this.kvm_lapic_get_reg(apic, offset));
  }
}

/** arch/x86/kvm/lapic.c: kvm_free_lapic() */
export function kvm_free_lapic(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.hrtimer_cancel(vcpu.arch.apic.lapic_timer.timer);
}

/** arch/x86/kvm/lapic.c: kvm_get_lapic_tscdeadline_msr() */
export function kvm_get_lapic_tscdeadline_msr(this: vmlinux_x86, vcpu: kvm_vcpu): u64 {
  const apic = vcpu.arch.apic;
  if (!this.kvm_apic_present(vcpu) || !this.apic_lvtt_tscdeadline(apic)) return ZERO;
  return apic.lapic_timer.tscdeadline;
}

/** arch/x86/kvm/lapic.c: kvm_set_lapic_tscdeadline_msr() */
export function kvm_set_lapic_tscdeadline_msr(this: vmlinux_x86, vcpu: kvm_vcpu, data: u64): void {
  const apic = vcpu.arch.apic;
  if (!this.kvm_apic_present(vcpu) || !this.apic_lvtt_tscdeadline(apic)) return;

  this.hrtimer_cancel(apic.lapic_timer.timer);
  apic.lapic_timer.tscdeadline = data;
  this.start_apic_timer(apic);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_set_tpr() */
export function kvm_lapic_set_tpr(this: vmlinux_x86, vcpu: kvm_vcpu, cr8: u64): void {
  this.apic_set_tpr(vcpu.arch.apic, (to_u32(cr8) & 0x0f) << 4);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_get_cr8() */
export function kvm_lapic_get_cr8(this: vmlinux_x86, vcpu: kvm_vcpu): u64 {
  const tpr = this.kvm_lapic_get_reg(vcpu.arch.apic, APIC_TASKPRI);
  return u64((tpr & 0xf0) >> 4);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_update_cr8_intercept() */
export function kvm_lapic_update_cr8_intercept(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.hasUpdateCr8Intercept(vcpu)) return;
  if (!this.lapic_in_kernel(vcpu)) return;
  if (vcpu.arch.apic.apicv_active) return;

  let max_irr = -1;
  if (vcpu.arch.apic.vapic_addr === ZERO) max_irr = this.kvm_lapic_find_highest_irr(vcpu);
  if (max_irr !== -1) max_irr >>= 4;

  this.kvm_x86_update_cr8_intercept(vcpu, to_u32(this.kvm_lapic_get_cr8(vcpu)), max_irr);
}

/** arch/x86/kvm/lapic.c: __kvm_apic_set_base() */
export function __kvm_apic_set_base(this: vmlinux_x86, vcpu: kvm_vcpu, value: u64): void {
  const kvm = this.m.kvm[vcpu.kvm];
  const changed = to_u32(xor(vcpu.arch.apic_base, value));
  const low = to_u32(value);
  const apic = vcpu.arch.apic;

  // MODEL: CPUID.1:EDX.APIC of the guest is computed from this, not stored.
  vcpu.arch.apic_base = value;

  if ((changed & MSR_IA32_APICBASE_ENABLE) !== 0) {
    if ((low & MSR_IA32_APICBASE_ENABLE) !== 0) {
      this.kvm_apic_set_xapic_id(apic, vcpu.vcpu_id);
      this.kvm_make_request(KVM_REQ_APF_READY, vcpu);
    } else {
      kvm.arch.apic_map_dirty = DIRTY;
    }
  }

  if ((changed & X2APIC_ENABLE) !== 0) {
    if ((low & X2APIC_ENABLE) !== 0) this.kvm_apic_set_x2apic_id(apic, vcpu.vcpu_id);
    else if ((low & MSR_IA32_APICBASE_ENABLE) !== 0) this.kvm_apic_set_xapic_id(apic, vcpu.vcpu_id);
  }

  if ((changed & (MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE)) !== 0) {
    this.kvm_make_request(KVM_REQ_APICV_UPDATE, vcpu);
    this.kvm_x86_set_virtual_apic_mode(vcpu);
  }

  apic.base_address = and(vcpu.arch.apic_base, MSR_IA32_APICBASE_BASE);

  if ((low & MSR_IA32_APICBASE_ENABLE) !== 0 && apic.base_address !== u64(APIC_DEFAULT_PHYS_BASE)) {
    this.kvm_set_apicv_inhibit(kvm, APICV_INHIBIT_REASON_APIC_BASE_MODIFIED);
  }
}

/** arch/x86/include/asm/msr-index.h: bits 31:12 of the MSR, as C's int sign-extends them: 63:12. */
const MSR_IA32_APICBASE_BASE = u64(-4096);

/** struct msr_data */
export interface msr_data {
  host_initiated: bool;
  index: u32;
  data: u64;
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_base(): 1 for #GP. */
export function kvm_apic_set_base(this: vmlinux_x86, vcpu: kvm_vcpu, msr_info: msr_data): number {
  const old_mode = this.kvm_get_apic_mode(vcpu);
  const new_mode = this.kvm_apic_mode(msr_info.data);
  const reserved_bits = or(
    this.kvm_vcpu_reserved_gpa_bits_raw(vcpu),
    u64(0x2ff | (vcpu.arch.cpuid.x2apic ? 0 : X2APIC_ENABLE)),
  );

  if (and(msr_info.data, reserved_bits) !== ZERO || new_mode === LAPIC_MODE_INVALID) return 1;
  if (!msr_info.host_initiated) {
    if (old_mode === LAPIC_MODE_X2APIC && new_mode === LAPIC_MODE_XAPIC) return 1;
    if (old_mode === LAPIC_MODE_DISABLED && new_mode === LAPIC_MODE_X2APIC) return 1;
  }

  this.__kvm_apic_set_base(vcpu, msr_info.data);
  this.kvm_recalculate_apic_map(this.m.kvm[vcpu.kvm]);
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_apic_update_apicv() */
export function kvm_apic_update_apicv(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  // WHY true without a look: devices and other CPUs may still post as if APICv were on.
  apic.irr_pending = true;

  if (apic.apicv_active) apic.isr_count = 1;
  else apic.isr_count = this.count_vectors(apic.regs, APIC_ISR);

  apic.highest_isr_cache = -1;
}

/** arch/x86/kvm/lapic.c: kvm_lapic_reset() */
export function kvm_lapic_reset(this: vmlinux_x86, vcpu: kvm_vcpu, init_event: boolean): void {
  const kvm = this.m.kvm[vcpu.kvm];
  const apic = vcpu.arch.apic;

  this.kvm_x86_apicv_pre_state_restore(vcpu);

  if (!init_event) {
    let msr_val = APIC_DEFAULT_PHYS_BASE + MSR_IA32_APICBASE_ENABLE;
    if (this.kvm_vcpu_is_reset_bsp(vcpu)) msr_val += MSR_IA32_APICBASE_BSP;
    // The inner helper: the map is computed once, at the end.
    this.__kvm_apic_set_base(vcpu, u64(msr_val));
  }

  this.hrtimer_cancel(apic.lapic_timer.timer);

  if (!init_event) this.kvm_apic_set_xapic_id(apic, vcpu.vcpu_id);
  this.kvm_apic_set_version(vcpu);

  for (let i = 0; i < apic.nr_lvt_entries; i++) this.kvm_lapic_set_reg(apic, APIC_LVTx(i), APIC_LVT_MASKED);
  this.apic_update_lvtt(apic);
  if (this.kvm_vcpu_is_reset_bsp(vcpu) && this.kvm_check_has_quirk(kvm, KVM_X86_QUIRK_LINT0_REENABLED)) {
    this.kvm_lapic_set_reg(apic, APIC_LVT0, SET_APIC_DELIVERY_MODE(0, APIC_MODE_EXTINT));
  }
  this.apic_manage_nmi_watchdog(apic, this.kvm_lapic_get_reg(apic, APIC_LVT0));

  this.kvm_apic_set_dfr(apic, 0xffff_ffff);
  this.apic_set_spiv(apic, 0xff);
  this.kvm_lapic_set_reg(apic, APIC_TASKPRI, 0);
  if (!this.apic_x2apic_mode(apic)) this.kvm_apic_set_ldr(apic, 0);
  this.kvm_lapic_set_reg(apic, APIC_ESR, 0);
  if (!this.apic_x2apic_mode(apic)) {
    this.kvm_lapic_set_reg(apic, APIC_ICR, 0);
    this.kvm_lapic_set_reg(apic, APIC_ICR2, 0);
  } else {
    this.kvm_lapic_set_reg64(apic, APIC_ICR, ZERO);
  }
  this.kvm_lapic_set_reg(apic, APIC_TDCR, 0);
  this.kvm_lapic_set_reg(apic, APIC_TMICT, 0);
  for (let i = 0; i < APIC_ISR_NR; i++) {
    this.kvm_lapic_set_reg(apic, APIC_IRR + 0x10 * i, 0);
    this.kvm_lapic_set_reg(apic, APIC_ISR + 0x10 * i, 0);
    this.kvm_lapic_set_reg(apic, APIC_TMR + 0x10 * i, 0);
  }
  this.kvm_apic_update_apicv(vcpu);
  this.update_divide_count(apic);
  apic.lapic_timer.pending = 0;

  vcpu.arch.pv_eoi.msr_val = ZERO;
  this.apic_update_ppr(apic);
  if (apic.apicv_active) {
    this.kvm_x86_apicv_post_state_restore(vcpu);
    this.kvm_x86_hwapic_irr_update(vcpu, -1);
    this.kvm_x86_hwapic_isr_update(vcpu, -1);
  }

  vcpu.arch.apic_arb_prio = 0;
  vcpu.arch.apic_attention = 0;

  this.kvm_recalculate_apic_map(kvm);
}

/** arch/x86/kvm/lapic.c: lapic_is_periodic() */
export function lapic_is_periodic(this: vmlinux_x86, apic: kvm_lapic): boolean {
  return this.apic_lvtt_period(apic);
}

/** arch/x86/kvm/lapic.c: apic_has_pending_timer() */
export function apic_has_pending_timer(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const apic = vcpu.arch.apic;
  if (this.apic_enabled(apic) && this.apic_lvt_enabled(apic, APIC_LVTT)) return apic.lapic_timer.pending;
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_apic_local_deliver() */
export function kvm_apic_local_deliver(this: vmlinux_x86, apic: kvm_lapic, lvt_type: number): number {
  const reg = this.kvm_lapic_get_reg(apic, lvt_type);

  if (this.kvm_apic_hw_enabled(apic) && (reg & APIC_LVT_MASKED) === 0) {
    const vector = reg & APIC_VECTOR_MASK;
    const mode = reg & APIC_MODE_MASK;
    const trig_mode = reg & APIC_LVT_LEVEL_TRIGGER;

    const r = this.__apic_accept_irq(apic, mode, vector, 1, trig_mode, null);
    if (r !== 0 && lvt_type === APIC_LVTPC && this.m.vcpu[apic.vcpu].arch.cpuid.intel_compatible) {
      this.kvm_lapic_set_reg(apic, APIC_LVTPC, (reg | APIC_LVT_MASKED) >>> 0);
    }
    return r;
  }
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_apic_nmi_wd_deliver() */
export function kvm_apic_nmi_wd_deliver(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.kvm_apic_local_deliver(vcpu.arch.apic, APIC_LVT0);
}

/** arch/x86/kvm/lapic.c: apic_timer_fn() */
export function apic_timer_fn(this: vmlinux_x86, data: hrtimer_ptr): number {
  const timer = this.m.hrtimer[data];
  const apic = this.m.vcpu[timer.owner].arch.apic;

  this.apic_timer_expired(apic, true);

  if (
    this.lapic_is_periodic(apic) &&
    !this.warnOn(apic.lapic_timer.period === S64_ZERO, 'apic_timer_fn: periodic without a period')
  ) {
    this.advance_periodic_target_expiration(apic);
    timer.expires = to_u64(apic.lapic_timer.target_expiration);
    return HRTIMER_RESTART;
  }
  return HRTIMER_NORESTART;
}

/** kzalloc() of an APIC. */
export function newLapic(vcpu: vcpu_ptr): kvm_lapic {
  const regs: u32[] = [];
  for (let i = 0; i < 256; i++) regs.push(0);
  return {
    vcpu,
    base_address: ZERO,
    lapic_timer: {
      timer: NULL,
      period: S64_ZERO,
      target_expiration: S64_ZERO,
      timer_mode: 0,
      timer_mode_mask: 0,
      tscdeadline: ZERO,
      expired_tscdeadline: ZERO,
      timer_advance_ns: 0,
      pending: 0,
      hv_timer_in_use: false,
    },
    divide_count: 0,
    apicv_active: false,
    sw_enabled: false,
    irr_pending: false,
    lvt0_in_nmi_mode: false,
    isr_count: 0,
    highest_isr_cache: 0,
    regs,
    vapic_addr: ZERO,
    vapic_cache: 0,
    pending_events: 0,
    sipi_vector: 0,
    nr_lvt_entries: 0,
  };
}

/** arch/x86/kvm/lapic.c: kvm_create_lapic(): fills in the APIC that newLapic() made. */
export function kvm_create_lapic(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const apic = vcpu.arch.apic;

  apic.nr_lvt_entries = this.kvm_apic_calc_nr_lvt_entries(vcpu);
  apic.lapic_timer.timer = this.hrtimer_init('apic_timer_fn', vcpu.id);
  if (this.m.kvm_x86_params.lapic_timer_advance) apic.lapic_timer.timer_advance_ns = LAPIC_TIMER_ADVANCE_NS_INIT;

  vcpu.arch.apic_base = u64(MSR_IA32_APICBASE_ENABLE);

  if (this.m.kvm[vcpu.kvm].arch.enable_apicv) {
    apic.apicv_active = true;
    this.kvm_make_request(KVM_REQ_APICV_UPDATE, vcpu);
  }
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_apic_has_interrupt(): asks the hardware enable only, not SVR. */
export function kvm_apic_has_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const apic = vcpu.arch.apic;

  if (!this.kvm_apic_present(vcpu)) return -1;

  const ppr: int_out = { value: 0 };
  this.__apic_update_ppr(apic, ppr);
  return this.apic_has_interrupt_for_ppr(apic, ppr.value);
}

/** arch/x86/kvm/lapic.c: kvm_apic_accept_pic_intr() */
export function kvm_apic_accept_pic_intr(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const lvt0 = this.kvm_lapic_get_reg(vcpu.arch.apic, APIC_LVT0);

  if (!this.kvm_apic_hw_enabled(vcpu.arch.apic)) return 1;
  if ((lvt0 & APIC_LVT_MASKED) === 0 && GET_APIC_DELIVERY_MODE(lvt0) === APIC_MODE_EXTINT) return 1;
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_inject_apic_timer_irqs() */
export function kvm_inject_apic_timer_irqs(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  if (apic.lapic_timer.pending > 0) {
    this.kvm_apic_inject_pending_timer_irqs(apic);
    apic.lapic_timer.pending = 0;
  }
}

/** arch/x86/kvm/lapic.c: kvm_apic_ack_interrupt() */
export function kvm_apic_ack_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number): void {
  const apic = vcpu.arch.apic;

  if (this.warnOn(vector < 0, 'kvm_apic_ack_interrupt: vector')) return;

  this.apic_clear_irr(vector, apic);
  this.apic_set_isr(vector, apic);
  const ppr: int_out = { value: 0 };
  this.__apic_update_ppr(apic, ppr);
}

/** arch/x86/kvm/lapic.c: kvm_apic_state_fixup() */
export function kvm_apic_state_fixup(this: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state, set: boolean): number {
  if (this.apic_x2apic_mode(vcpu.arch.apic)) {
    const x2apic_id = this.kvm_x2apic_id(vcpu.arch.apic);

    if (this.m.kvm[vcpu.kvm].arch.x2apic_format) {
      if (s.regs[APIC_ID >> 2] !== x2apic_id) return -EINVAL;
    } else if (set) {
      s.regs[APIC_ID >> 2] = x2apic_id;
    } else {
      s.regs[APIC_ID >> 2] = (x2apic_id << 24) >>> 0;
    }

    if (set) s.regs[APIC_LDR >> 2] = this.kvm_apic_calc_x2apic_ldr(x2apic_id);

    if (!this.isX2apicIcrSplit(vcpu)) {
      if (set) {
        const icr = joined(this.__kvm_lapic_get_reg(s.regs, APIC_ICR), this.__kvm_lapic_get_reg(s.regs, APIC_ICR2));
        this.__kvm_lapic_set_reg64(s.regs, APIC_ICR, icr);
      } else {
        const icr = this.__kvm_lapic_get_reg64(s.regs, APIC_ICR);
        this.__kvm_lapic_set_reg(s.regs, APIC_ICR2, to_u32(shr(icr, 32)));
      }
    }
  }
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_apic_get_state(): KVM_GET_LAPIC. */
export function kvm_apic_get_state(this: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state): number {
  for (let i = 0; i < 256; i++) s.regs[i] = vcpu.arch.apic.regs[i];
  this.__kvm_lapic_set_reg(s.regs, APIC_TMCCT, this.__apic_read(vcpu.arch.apic, APIC_TMCCT));
  return this.kvm_apic_state_fixup(vcpu, s, false);
}

/** arch/x86/kvm/lapic.c: kvm_apic_set_state(): KVM_SET_LAPIC; writes its fixups into `s`. */
export function kvm_apic_set_state(this: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state): number {
  const kvm = this.m.kvm[vcpu.kvm];
  const apic = vcpu.arch.apic;

  this.kvm_x86_apicv_pre_state_restore(vcpu);

  this.apic_set_spiv(apic, s.regs[APIC_SPIV >> 2]);

  const r = this.kvm_apic_state_fixup(vcpu, s, true);
  if (r !== 0) {
    this.kvm_recalculate_apic_map(kvm);
    return r;
  }
  for (let i = 0; i < 256; i++) apic.regs[i] = s.regs[i];

  kvm.arch.apic_map_dirty = DIRTY;
  this.kvm_recalculate_apic_map(kvm);
  this.kvm_apic_set_version(vcpu);

  this.apic_update_ppr(apic);
  this.cancel_apic_timer(apic);
  apic.lapic_timer.expired_tscdeadline = ZERO;
  this.apic_update_lvtt(apic);
  this.apic_manage_nmi_watchdog(apic, this.kvm_lapic_get_reg(apic, APIC_LVT0));
  this.update_divide_count(apic);
  this.__start_apic_timer(apic, APIC_TMCCT);
  this.kvm_lapic_set_reg(apic, APIC_TMCCT, 0);
  this.kvm_apic_update_apicv(vcpu);
  if (apic.apicv_active) {
    this.kvm_x86_apicv_post_state_restore(vcpu);
    this.kvm_x86_hwapic_irr_update(vcpu, this.apic_find_highest_irr(apic));
    this.kvm_x86_hwapic_isr_update(vcpu, this.apic_find_highest_isr(apic));
  }
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  if (this.ioapic_in_kernel(kvm)) this.kvm_rtc_eoi_tracking_restore_one(vcpu);

  vcpu.arch.apic_arb_prio = 0;
  return 0;
}

/** arch/x86/kvm/lapic.c: __kvm_migrate_apic_timer() */
export function __kvm_migrate_apic_timer(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.lapic_in_kernel(vcpu) || this.kvm_can_post_timer_interrupt(vcpu)) return;

  const timer = vcpu.arch.apic.lapic_timer.timer;
  if (this.hrtimer_cancel(timer) !== 0) this.hrtimer_start(timer, this.m.hrtimer[timer].expires);
}

/** arch/x86/kvm/lapic.c: apic_sync_pv_eoi_from_guest() */
export function apic_sync_pv_eoi_from_guest(this: vmlinux_x86, vcpu: kvm_vcpu, apic: kvm_lapic): void {
  if (!this.pv_eoi_enabled(vcpu)) {
    vcpu.arch.apic_attention &= ~(1 << KVM_APIC_PV_EOI_PENDING);
    return;
  }

  // Armed, and the guest's bit still set: no EOI yet. The bit gone: that was the EOI.
  if (this.pv_eoi_test_and_clr_pending(vcpu)) return;
  const vector = this.apic_set_eoi(apic);
  this.trace_kvm_pv_eoi(apic, vector);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_sync_from_vapic(): after an exit. */
export function kvm_lapic_sync_from_vapic(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if ((vcpu.arch.apic_attention & (1 << KVM_APIC_PV_EOI_PENDING)) !== 0) {
    this.apic_sync_pv_eoi_from_guest(vcpu, vcpu.arch.apic);
  }

  if ((vcpu.arch.apic_attention & (1 << KVM_APIC_CHECK_VAPIC)) === 0) return;

  this.apic_set_tpr(vcpu.arch.apic, vcpu.arch.apic.vapic_cache & 0xff);
}

/** arch/x86/kvm/lapic.c: apic_sync_pv_eoi_to_guest() */
export function apic_sync_pv_eoi_to_guest(this: vmlinux_x86, vcpu: kvm_vcpu, apic: kvm_lapic): void {
  if (
    !this.pv_eoi_enabled(vcpu) ||
    // something in IRR, perhaps: the EOI must exit so that it can be injected
    apic.irr_pending ||
    apic.highest_isr_cache === -1 ||
    this.kvm_ioapic_handles_vector(apic, apic.highest_isr_cache)
  ) {
    return;
  }
  this.pv_eoi_set_pending(vcpu);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_sync_to_vapic(): before an entry. */
export function kvm_lapic_sync_to_vapic(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;

  this.apic_sync_pv_eoi_to_guest(vcpu, apic);

  if ((vcpu.arch.apic_attention & (1 << KVM_APIC_CHECK_VAPIC)) === 0) return;

  const tpr = this.kvm_lapic_get_reg(apic, APIC_TASKPRI) & 0xff;
  const max_irr = Math.max(this.apic_find_highest_irr(apic), 0);
  const max_isr = Math.max(this.apic_find_highest_isr(apic), 0);
  apic.vapic_cache = ((tpr & 0xff) | ((max_isr & 0xf0) << 8) | (max_irr << 24)) >>> 0;
}

/** arch/x86/kvm/lapic.c: kvm_lapic_set_vapic_addr() */
export function kvm_lapic_set_vapic_addr(this: vmlinux_x86, vcpu: kvm_vcpu, vapic_addr: u64): number {
  if (vapic_addr !== ZERO) vcpu.arch.apic_attention |= 1 << KVM_APIC_CHECK_VAPIC;
  else vcpu.arch.apic_attention &= ~(1 << KVM_APIC_CHECK_VAPIC);

  vcpu.arch.apic.vapic_addr = vapic_addr;
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_lapic_msr_read(): 1 for #GP, else the value is in `data`. */
export function kvm_lapic_msr_read(this: vmlinux_x86, apic: kvm_lapic, reg: u32, data: { value: u64 }): number {
  if (reg === APIC_ICR) {
    data.value = this.kvm_x2apic_icr_read(apic);
    return 0;
  }

  const low: int_out = { value: 0 };
  if (this.kvm_lapic_reg_read(apic, reg, 4, low) !== 0) return 1;

  data.value = u64(low.value);
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_lapic_msr_write(): 1 for #GP. */
export function kvm_lapic_msr_write(this: vmlinux_x86, apic: kvm_lapic, reg: u32, data: u64): number {
  if (reg === APIC_ICR) return this.kvm_x2apic_icr_write(apic, data);
  if (lt(u64(U32_MAX), data)) return 1;
  return this.kvm_lapic_reg_write(apic, reg, to_u32(data));
}

/** arch/x86/kvm/lapic.c: kvm_x2apic_msr_write(): 1 for #GP. */
export function kvm_x2apic_msr_write(this: vmlinux_x86, vcpu: kvm_vcpu, msr: u32, data: u64): number {
  const apic = vcpu.arch.apic;
  const reg = (msr - APIC_BASE_MSR) << 4;

  if (!this.lapic_in_kernel(vcpu) || !this.apic_x2apic_mode(apic)) return 1;
  return this.kvm_lapic_msr_write(apic, reg, data);
}

/** arch/x86/kvm/lapic.c: kvm_x2apic_msr_read(): 1 for #GP. */
export function kvm_x2apic_msr_read(this: vmlinux_x86, vcpu: kvm_vcpu, msr: u32, data: { value: u64 }): number {
  const apic = vcpu.arch.apic;
  const reg = (msr - APIC_BASE_MSR) << 4;

  if (!this.lapic_in_kernel(vcpu) || !this.apic_x2apic_mode(apic)) return 1;
  return this.kvm_lapic_msr_read(apic, reg, data);
}

/** arch/x86/kvm/lapic.c: kvm_hv_vapic_msr_write(): EOI, ICR and TPR through Hyper-V's MSRs, in either mode. */
export function kvm_hv_vapic_msr_write(this: vmlinux_x86, vcpu: kvm_vcpu, reg: u32, data: u64): number {
  if (!this.lapic_in_kernel(vcpu)) return 1;
  return this.kvm_lapic_msr_write(vcpu.arch.apic, reg, data);
}

/** arch/x86/kvm/lapic.c: kvm_hv_vapic_msr_read() */
export function kvm_hv_vapic_msr_read(this: vmlinux_x86, vcpu: kvm_vcpu, reg: u32, data: { value: u64 }): number {
  if (!this.lapic_in_kernel(vcpu)) return 1;
  return this.kvm_lapic_msr_read(vcpu.arch.apic, reg, data);
}

/** arch/x86/kvm/lapic.c: kvm_lapic_set_pv_eoi(): 1 for #GP. */
export function kvm_lapic_set_pv_eoi(this: vmlinux_x86, vcpu: kvm_vcpu, data: u64): number {
  const addr = and(data, not(u64(KVM_MSR_ENABLED)));
  if ((to_u32(addr) & 3) !== 0) return 1;

  // DEVIATION DV-042: any aligned address is in a memory slot.
  vcpu.arch.pv_eoi.msr_val = data;
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_apic_accept_events() */
export function kvm_apic_accept_events(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const apic = vcpu.arch.apic;

  if (!this.kvm_apic_has_pending_init_or_sipi(vcpu)) return 0;

  // Where they are blocked, an INIT waits and a SIPI is lost.
  if (!this.kvm_apic_init_sipi_allowed(vcpu)) {
    this.warnOn(vcpu.arch.mp_state === KVM_MP_STATE_INIT_RECEIVED, 'kvm_apic_accept_events: INIT_RECEIVED');
    apic.pending_events &= ~(1 << KVM_APIC_SIPI);
    return 0;
  }

  if ((apic.pending_events & (1 << KVM_APIC_INIT)) !== 0) {
    apic.pending_events &= ~(1 << KVM_APIC_INIT);
    this.kvm_vcpu_reset(vcpu, true);
    if (this.kvm_vcpu_is_bsp(vcpu)) vcpu.arch.mp_state = KVM_MP_STATE_RUNNABLE;
    else vcpu.arch.mp_state = KVM_MP_STATE_INIT_RECEIVED;
  }
  // RACE: INIT and SIPI of another CPU between the two tests.
  if ((apic.pending_events & (1 << KVM_APIC_SIPI)) !== 0) {
    apic.pending_events &= ~(1 << KVM_APIC_SIPI);
    if (vcpu.arch.mp_state === KVM_MP_STATE_INIT_RECEIVED) {
      const sipi_vector = apic.sipi_vector & 0xff;
      this.kvm_x86_vcpu_deliver_sipi_vector(vcpu, sipi_vector);
      vcpu.arch.mp_state = KVM_MP_STATE_RUNNABLE;
    }
  }
  return 0;
}
