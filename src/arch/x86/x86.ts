// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/x86.c (6.12.117): load and put, steal time, the run loop, event injection, halting, hypercalls,
 * the hooks of directed yield, APICv inhibits, creation and reset of a vCPU.
 *
 * Not mirrored: MMU, TSC and kvmclock, PMU, nested guests, Xen, userspace's irqchip, MSRs but those of the APIC, halting
 * and steal time. Where one of them could take part, NotModelled stands at the branch. Of exceptions there are those that
 * KVM itself raises: #GP for an MSR, #UD for a hypercall.
 *
 * vcpu_run() and what it calls may be left in the middle (see sched/kernel-stack): asleep in vcpu_block() or
 * schedule(), polling in kvm_vcpu_halt(), or in the guest between kvm_x86_vcpu_run() and its exit. Tails with a hump
 * in their name take it from there; the callee's return value is their last argument.
 */
import {
  EXITING_GUEST_MODE,
  IN_GUEST_MODE,
  KVM_EXIT_AP_RESET_HOLD,
  KVM_EXIT_HLT,
  KVM_EXIT_INTR,
  KVM_EXIT_IOAPIC_EOI,
  KVM_EXIT_UNKNOWN,
  KVM_MAX_VCPU_IDS,
  KVM_REQ_TLB_FLUSH,
  KVM_REQ_UNBLOCK,
  KVM_REQ_VM_DEAD,
  KVM_REQUEST_MASK,
  OUTSIDE_GUEST_MODE,
} from '../../kvm/kvm_host.js';
import { APIC_DM_REMRD, KVM_ENOSYS, KVM_EPERM, LAPIC_MODE_DISABLED } from '../../lapic/apicdef.js';
import type { kvm_apic_map, msr_data } from '../../lapic/lapic.js';
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { EAGAIN, EBUSY, EINTR, EINVAL, EIO, ENOTTY } from '../../lib/errno.js';
import {
  add,
  and,
  type bool,
  gt,
  not,
  or,
  shl,
  shr,
  sub,
  to_u32,
  toBigInt,
  toNumber,
  type u32,
  u64,
  ZERO,
} from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import {
  APICV_INHIBIT_REASON_ABSENT,
  APICV_INHIBIT_REASON_DISABLED,
  EXIT_FASTPATH_EXIT_HANDLED,
  EXIT_FASTPATH_EXIT_USERSPACE,
  EXIT_FASTPATH_REENTER_GUEST,
  KVM_FEATURE_POLL_CONTROL,
  KVM_FEATURE_PV_SCHED_YIELD,
  KVM_FEATURE_PV_SEND_IPI,
  KVM_FEATURE_PV_TLB_FLUSH,
  KVM_FEATURE_PV_UNHALT,
  KVM_FEATURE_STEAL_TIME,
  KVM_MP_STATE_AP_RESET_HOLD,
  KVM_MP_STATE_HALTED,
  KVM_MP_STATE_INIT_RECEIVED,
  KVM_MP_STATE_RUNNABLE,
  KVM_MP_STATE_UNINITIALIZED,
  KVM_MSR_ENABLED,
  KVM_MSR_RET_UNSUPPORTED,
  KVM_REQ_APF_HALT,
  KVM_REQ_APF_READY,
  KVM_REQ_APIC_PAGE_RELOAD,
  KVM_REQ_APICV_UPDATE,
  KVM_REQ_CLOCK_UPDATE,
  KVM_REQ_EVENT,
  KVM_REQ_GLOBAL_CLOCK_UPDATE,
  KVM_REQ_IOAPIC_EOI_EXIT,
  KVM_REQ_LOAD_EOI_EXITMAP,
  KVM_REQ_MIGRATE_TIMER,
  KVM_REQ_NMI,
  KVM_REQ_PMI,
  KVM_REQ_PMU,
  KVM_REQ_REPORT_TPR_ACCESS,
  KVM_REQ_SCAN_IOAPIC,
  KVM_REQ_SMI,
  KVM_REQ_STEAL_UPDATE,
  KVM_REQ_TLB_FLUSH_CURRENT,
  KVM_REQ_TLB_FLUSH_GUEST,
  KVM_REQ_TRIPLE_FAULT,
  KVM_REQ_UPDATE_PROTECTED_GUEST_STATE,
  type kvm,
  type kvm_vcpu,
} from './kvm_host.js';

export const KVM_VCPU_PREEMPTED = 1 << 0;
export const KVM_VCPU_FLUSH_TLB = 1 << 1;
const KVM_STEAL_RESERVED_MASK = u64(0x1f << 1);

export const KVM_HC_VAPIC_POLL_IRQ = 1;
export const KVM_HC_KICK_CPU = 5;
export const KVM_HC_CLOCK_PAIRING = 9;
export const KVM_HC_SEND_IPI = 10;
export const KVM_HC_SCHED_YIELD = 11;
export const KVM_HC_MAP_GPA_RANGE = 12;

/** arch/x86/include/asm/trapnr.h */
const DE_VECTOR = 0;
export const UD_VECTOR = 6;
const DF_VECTOR = 8;
const TS_VECTOR = 10;
const NP_VECTOR = 11;
const SS_VECTOR = 12;
const GP_VECTOR = 13;
const PF_VECTOR = 14;

/** arch/x86/kvm/cpuid.h: guest_pv_has(): permissive unless userspace had the features enforced. */
export function guest_pv_has(this: vmlinux_x86, vcpu: kvm_vcpu, kvm_feature: number): bool {
  if (!vcpu.arch.pv_cpuid.enforce) return true;
  return (vcpu.arch.pv_cpuid.features & (1 << kvm_feature)) !== 0;
}

/** arch/x86/kvm/x86.h: __grow_ple_window(): computed in 64 bits, cut at max. */
export function __grow_ple_window(this: vmlinux_x86, val: u32, base: u32, modifier: u32, max: u32): u32 {
  if (modifier < 1) return base;
  // both below 2^32: the product may not be exact beyond 2^53, but then max is less anyway
  const ret = modifier < base ? val * modifier : val + modifier;
  return Math.min(ret, max);
}

/** arch/x86/kvm/x86.h: __shrink_ple_window(): a u32 subtraction that may wrap, and max() keeps what it wrapped to. */
export function __shrink_ple_window(this: vmlinux_x86, val: u32, base: u32, modifier: u32, min: u32): u32 {
  if (modifier < 1) return base;
  const shrunk = modifier < base ? Math.trunc(val / modifier) : (val - modifier) >>> 0;
  return Math.max(shrunk, min);
}

/** arch/x86/kvm/x86.h: kvm_is_exception_pending() */
export function kvm_is_exception_pending(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.arch.exception.pending || this.kvm_test_request(KVM_REQ_TRIPLE_FAULT, vcpu);
}

/** arch/x86/kvm/x86.h: kvm_clear_exception_queue() */
export function kvm_clear_exception_queue(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.exception.pending = false;
  vcpu.arch.exception.injected = false;
}

/** arch/x86/kvm/x86.h: kvm_event_needs_reinjection() */
export function kvm_event_needs_reinjection(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.arch.exception.injected || vcpu.arch.interrupt.injected || vcpu.arch.nmi_injected;
}

/** arch/x86/kvm/x86.h: kvm_queue_interrupt() */
export function kvm_queue_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number, soft: bool): void {
  vcpu.arch.interrupt.injected = true;
  vcpu.arch.interrupt.soft = soft;
  vcpu.arch.interrupt.nr = vector & 0xff;
}

/** arch/x86/kvm/x86.h: kvm_clear_interrupt_queue() */
export function kvm_clear_interrupt_queue(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.interrupt.injected = false;
}

/** arch/x86/kvm/x86.h: kvm_pause_in_guest() */
export function kvm_pause_in_guest(this: vmlinux_x86, kvm: kvm): bool {
  return kvm.arch.pause_in_guest;
}

/**
 * arch/x86/kvm/x86.c: kvm_skip_emulated_instruction(). MODEL: no PMU, and the guest does not single-step itself.
 *
 * Split: it goes on in kvm_skip_emulated_instructionOf().
 */
export function kvm_skip_emulated_instruction(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return this.kvm_x86_skip_emulated_instruction(vcpu);
}

/** kvm_skip_emulated_instruction() as the rest of an exit handler. */
export function kvm_skip_emulated_instructionOf(this: vmlinux_x86, vcpuId: number): number {
  return this.kvm_skip_emulated_instruction(this.m.vcpu[vcpuId]);
}

/* ---- load and put, steal time ---- */

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_load(). MODEL: one stable TSC, no PMU, no WBINVD. */
export function kvm_arch_vcpu_load(this: vmlinux_x86, vcpu: kvm_vcpu, cpu: number): void {
  this.kvm_x86_vcpu_load(vcpu, cpu);

  if (vcpu.cpu !== cpu) {
    if (this.kvm_lapic_hv_timer_in_use(vcpu)) this.kvm_lapic_restart_hv_timer(vcpu);
    // kvmclock runs on the master clock, so that only the first load asks for an update
    if (vcpu.cpu === -1) this.kvm_make_request(KVM_REQ_GLOBAL_CLOCK_UPDATE, vcpu);
    if (vcpu.cpu !== cpu) this.kvm_make_request(KVM_REQ_MIGRATE_TIMER, vcpu);
    vcpu.cpu = cpu;
  }

  this.kvm_make_request(KVM_REQ_STEAL_UPDATE, vcpu);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_put() */
export function kvm_arch_vcpu_put(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (vcpu.preempted) {
    vcpu.arch.preempted_in_kernel = this.kvm_arch_vcpu_in_kernel(vcpu);
    this.kvm_steal_time_set_preempted(vcpu);
  }
  this.kvm_x86_vcpu_put(vcpu);
}

/**
 * arch/x86/kvm/x86.c: kvm_steal_time_set_preempted()
 *
 * MODEL: the page is always mapped, and its cache always fresh.
 */
export function kvm_steal_time_set_preempted(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const st = vcpu.arch.st;

  // WHY: the guest may flush a preempted vCPU's TLB by leaving a note, which must not hit one amidst an emulation
  if (!vcpu.arch.at_instruction_boundary) {
    vcpu.stat.preemption_other++;
    return;
  }

  vcpu.stat.preemption_reported++;
  if (and(st.msr_val, u64(KVM_MSR_ENABLED)) === ZERO) return;
  if (st.preempted) return;

  st.page.preempted = KVM_VCPU_PREEMPTED;
  st.preempted = KVM_VCPU_PREEMPTED;
}

/** arch/x86/kvm/x86.c: record_steal_time() */
export function record_steal_time(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const st = vcpu.arch.st;
  const page = st.page;
  if (and(st.msr_val, u64(KVM_MSR_ENABLED)) === ZERO) return;

  if (this.guest_pv_has(vcpu, KVM_FEATURE_PV_TLB_FLUSH)) {
    // RACE: xchg, not read and write: a guest CPU may set FLUSH_TLB between the two
    const st_preempted = page.preempted;
    page.preempted = 0;
    st.preempted = 0;
    this.trace_kvm_pv_tlb_flush(vcpu.vcpu_id, (st_preempted & KVM_VCPU_FLUSH_TLB) !== 0);
    if ((st_preempted & KVM_VCPU_FLUSH_TLB) !== 0) this.kvm_vcpu_flush_tlb_guest(vcpu);
  } else {
    page.preempted = 0;
    st.preempted = 0;
  }

  let version = page.version;
  if (version & 1) version = (version + 1) >>> 0; // what the guest found there
  version = (version + 1) >>> 0;
  page.version = version;

  const run_delay = this.get_current().sched_info.run_delay;
  page.steal = add(page.steal, sub(run_delay, st.last_steal));
  st.last_steal = run_delay;

  version = (version + 1) >>> 0;
  page.version = version;
}

/* ---- TLB. MODEL: there is none to flush; the flushes are counted ---- */

/** arch/x86/kvm/x86.c: kvm_vcpu_flush_tlb_all() */
export function kvm_vcpu_flush_tlb_all(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.stat.tlb_flush++;
  // all of it is with the current one
  this.kvm_clear_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu);
}

/** arch/x86/kvm/x86.c: kvm_vcpu_flush_tlb_guest() */
export function kvm_vcpu_flush_tlb_guest(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.stat.tlb_flush++;
}

/** arch/x86/kvm/x86.c: kvm_vcpu_flush_tlb_current() */
export function kvm_vcpu_flush_tlb_current(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.stat.tlb_flush++;
}

/** arch/x86/kvm/x86.c: kvm_service_local_tlb_flush_requests() */
export function kvm_service_local_tlb_flush_requests(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (this.kvm_check_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu)) this.kvm_vcpu_flush_tlb_current(vcpu);
  if (this.kvm_check_request(KVM_REQ_TLB_FLUSH_GUEST, vcpu)) this.kvm_vcpu_flush_tlb_guest(vcpu);
}

/* ---- hooks of directed yield ---- */

/** arch/x86/kvm/x86.c: kvm_arch_dy_has_pending_interrupt() */
export function kvm_arch_dy_has_pending_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.kvm_vcpu_apicv_active(vcpu) && this.kvm_x86_dy_apicv_has_pending_interrupt(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_preempted_in_kernel(): as of the last time it was preempted, never reset. */
export function kvm_arch_vcpu_preempted_in_kernel(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.arch.preempted_in_kernel;
}

/** arch/x86/kvm/x86.c: kvm_arch_dy_runnable(): asked from outside, so it looks at nothing that needs the vCPU loaded. */
export function kvm_arch_dy_runnable(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  if (vcpu.arch.pv.pv_unhalted) return true;
  if (
    this.kvm_test_request(KVM_REQ_NMI, vcpu) ||
    this.kvm_test_request(KVM_REQ_SMI, vcpu) ||
    this.kvm_test_request(KVM_REQ_EVENT, vcpu)
  ) {
    return true;
  }
  return this.kvm_arch_dy_has_pending_interrupt(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_in_kernel(). MODEL: no protected guests. */
export function kvm_arch_vcpu_in_kernel(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.kvm_x86_get_cpl(vcpu) === 0;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_should_kick() */
export function kvm_arch_vcpu_should_kick(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.kvm_vcpu_exiting_guest_mode(vcpu) === IN_GUEST_MODE;
}

/** arch/x86/kvm/x86.c: kvm_arch_no_poll(): the guest polls by itself. */
export function kvm_arch_no_poll(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return and(vcpu.arch.msr_kvm_poll_control, u64(1)) === ZERO;
}

/** arch/x86/include/asm/kvm_host.h: kvm_arch_vcpu_blocking() */
export function kvm_arch_vcpu_blocking(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.kvm_x86_vcpu_blocking(vcpu);
}

/** arch/x86/include/asm/kvm_host.h: kvm_arch_vcpu_unblocking() */
export function kvm_arch_vcpu_unblocking(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.kvm_x86_vcpu_unblocking(vcpu);
}

/** include/linux/kvm_host.h: kvm_arch_vcpu_run_pid_change() */
export function kvm_arch_vcpu_run_pid_change(this: vmlinux_x86, _vcpu: kvm_vcpu): number {
  return 0;
}

/** arch/x86/kvm/x86.c: kvm_arch_interrupt_allowed() */
export function kvm_arch_interrupt_allowed(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return this.kvm_x86_interrupt_allowed(vcpu, false);
}

/* ---- events ---- */

const EXCPT_BENIGN = 0;
const EXCPT_CONTRIBUTORY = 1;
const EXCPT_PF = 2;

/** arch/x86/kvm/x86.c: exception_class() */
export function exception_class(this: vmlinux_x86, vector: number): number {
  switch (vector) {
    case PF_VECTOR:
      return EXCPT_PF;
    case DE_VECTOR:
    case TS_VECTOR:
    case NP_VECTOR:
    case SS_VECTOR:
    case GP_VECTOR:
      return EXCPT_CONTRIBUTORY;
    default:
      return EXCPT_BENIGN;
  }
}

/** arch/x86/kvm/x86.c: kvm_multiple_exception() */
export function kvm_multiple_exception(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  nr: number,
  has_error: bool,
  error_code: u32,
  has_payload: bool,
  _payload: number,
  reinject: bool,
): void {
  if (has_payload) throw new NotModelled('kvm_multiple_exception: a payload');
  const ex = vcpu.arch.exception;
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);

  if (ex.pending || ex.injected) {
    if (ex.vector === DF_VECTOR) {
      this.kvm_make_request(KVM_REQ_TRIPLE_FAULT, vcpu);
      return;
    }
    const class1 = this.exception_class(ex.vector);
    const class2 = this.exception_class(nr);
    if (
      (class1 === EXCPT_CONTRIBUTORY && class2 === EXCPT_CONTRIBUTORY) ||
      (class1 === EXCPT_PF && class2 !== EXCPT_BENIGN)
    ) {
      ex.injected = false;
      ex.pending = false;
      this.kvm_queue_exception_e(vcpu, DF_VECTOR, 0);
      return;
    }
    // the new one takes the place of the old: that comes again with its instruction
  }

  if (reinject) {
    this.warnOn(this.kvm_is_exception_pending(vcpu), 'kvm_multiple_exception: pending');
    ex.injected = true;
  } else {
    ex.pending = true;
    ex.injected = false;
  }
  ex.has_error_code = has_error;
  ex.vector = nr & 0xff;
  ex.error_code = error_code;
}

/** arch/x86/kvm/x86.c: kvm_queue_exception() */
export function kvm_queue_exception(this: vmlinux_x86, vcpu: kvm_vcpu, nr: number): void {
  this.kvm_multiple_exception(vcpu, nr, false, 0, false, 0, false);
}

/** arch/x86/kvm/x86.c: kvm_queue_exception_e() */
export function kvm_queue_exception_e(this: vmlinux_x86, vcpu: kvm_vcpu, nr: number, error_code: u32): void {
  this.kvm_multiple_exception(vcpu, nr, true, error_code, false, 0, false);
}

/** arch/x86/kvm/x86.c: kvm_requeue_exception() */
export function kvm_requeue_exception(this: vmlinux_x86, vcpu: kvm_vcpu, nr: number): void {
  this.kvm_multiple_exception(vcpu, nr, false, 0, false, 0, true);
}

/** arch/x86/kvm/x86.c: kvm_requeue_exception_e() */
export function kvm_requeue_exception_e(this: vmlinux_x86, vcpu: kvm_vcpu, nr: number, error_code: u32): void {
  this.kvm_multiple_exception(vcpu, nr, true, error_code, false, 0, true);
}

/** arch/x86/include/asm/kvm_host.h: kvm_inject_gp() */
export function kvm_inject_gp(this: vmlinux_x86, vcpu: kvm_vcpu, error_code: u32): void {
  this.kvm_queue_exception_e(vcpu, GP_VECTOR, error_code);
}

/** arch/x86/kvm/x86.c: kvm_complete_insn_gp() */
export function kvm_complete_insn_gp(this: vmlinux_x86, vcpu: kvm_vcpu, err: number): number {
  if (err === 0) return this.kvm_skip_emulated_instruction(vcpu);
  this.kvm_inject_gp(vcpu, 0);
  return 1;
}

/** arch/x86/kvm/x86.c: kvm_inject_exception(). MODEL: in protected mode. */
export function kvm_inject_exception(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const ex = vcpu.arch.exception;
  this.trace_kvm_inj_exception(ex.vector, ex.has_error_code, ex.error_code, ex.injected);
  this.kvm_x86_inject_exception(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_inject_nmi() */
export function kvm_inject_nmi(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.nmi_queued++;
  this.kvm_make_request(KVM_REQ_NMI, vcpu);
}

/** arch/x86/kvm/x86.c: process_nmi(): one pending while NMIs are blocked, two else; less one that is a vNMI. */
export function process_nmi(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  let limit = this.kvm_x86_get_nmi_mask(vcpu) || vcpu.arch.nmi_injected ? 1 : 2;
  if (this.kvm_x86_is_vnmi_pending(vcpu)) limit--;

  vcpu.arch.nmi_pending = (vcpu.arch.nmi_pending + vcpu.arch.nmi_queued) >>> 0;
  vcpu.arch.nmi_queued = 0;
  vcpu.arch.nmi_pending = Math.min(vcpu.arch.nmi_pending, limit);

  if (vcpu.arch.nmi_pending && this.kvm_x86_set_vnmi_pending(vcpu)) {
    vcpu.arch.nmi_pending = (vcpu.arch.nmi_pending - 1) >>> 0;
  }
  if (vcpu.arch.nmi_pending) this.kvm_make_request(KVM_REQ_EVENT, vcpu);
}

/** arch/x86/kvm/smm.c: process_smi() */
export function process_smi(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.smi_pending = true;
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
}

/** arch/x86/kvm/x86.c: kvm_check_and_inject_events(): < 0 to leave; sets `immediate` when an exit is wanted at once. */
export function kvm_check_and_inject_events(this: vmlinux_x86, vcpu: kvm_vcpu, immediate: { exit: bool }): number {
  const arch = vcpu.arch;
  let r: number;

  if (arch.exception.injected) this.kvm_inject_exception(vcpu);
  else if (this.kvm_is_exception_pending(vcpu)) {
    // it goes first, and the rest is injected anew behind it
  } else if (arch.nmi_injected) this.kvm_x86_inject_nmi(vcpu);
  else if (arch.interrupt.injected) this.kvm_x86_inject_irq(vcpu, true);

  this.warnOn(arch.exception.injected && arch.exception.pending, 'kvm_check_and_inject_events: injected and pending');

  let can_inject = !this.kvm_event_needs_reinjection(vcpu);

  if (arch.exception.pending) {
    this.kvm_inject_exception(vcpu);
    arch.exception.pending = false;
    arch.exception.injected = true;
    can_inject = false;
  }

  if (arch.smi_pending) {
    r = can_inject ? this.kvm_x86_smi_allowed(vcpu, true) : -EBUSY;
    if (r < 0) return injectOut(r, immediate);
    if (r) {
      arch.smi_pending = false;
      arch.smi_count++;
      this.enter_smm(vcpu);
      can_inject = false;
    } else {
      this.kvm_x86_enable_smi_window(vcpu);
    }
  }

  if (arch.nmi_pending) {
    r = can_inject ? this.kvm_x86_nmi_allowed(vcpu, true) : -EBUSY;
    if (r < 0) return injectOut(r, immediate);
    if (r) {
      arch.nmi_pending--;
      arch.nmi_injected = true;
      this.kvm_x86_inject_nmi(vcpu);
      can_inject = false;
      this.warnOn(this.kvm_x86_nmi_allowed(vcpu, true) < 0, 'kvm_check_and_inject_events: nmi_allowed');
    }
    if (arch.nmi_pending) this.kvm_x86_enable_nmi_window(vcpu);
  }

  if (this.kvm_cpu_has_injectable_intr(vcpu)) {
    r = can_inject ? this.kvm_x86_interrupt_allowed(vcpu, true) : -EBUSY;
    if (r < 0) return injectOut(r, immediate);
    if (r) {
      const irq = this.kvm_cpu_get_interrupt(vcpu);
      if (!this.warnOn(irq === -1, 'kvm_check_and_inject_events: no interrupt after all')) {
        this.kvm_queue_interrupt(vcpu, irq, false);
        this.kvm_x86_inject_irq(vcpu, false);
        this.warnOn(this.kvm_x86_interrupt_allowed(vcpu, true) < 0, 'kvm_check_and_inject_events: interrupt_allowed');
      }
    }
    if (this.kvm_cpu_has_injectable_intr(vcpu)) this.kvm_x86_enable_irq_window(vcpu);
  }
  this.warnOn(arch.exception.pending, 'kvm_check_and_inject_events: a new exception');
  return 0;
}

function injectOut(r: number, immediate: { exit: bool }): number {
  if (r !== -EBUSY) return r;
  immediate.exit = true;
  return 0;
}

/* ---- APICv ---- */

/** arch/x86/kvm/x86.c: kvm_apicv_activated() */
export function kvm_apicv_activated(this: vmlinux_x86, kvm: kvm): bool {
  return kvm.arch.apicv_inhibit_reasons === 0;
}

/** arch/x86/kvm/x86.c: kvm_vcpu_apicv_activated() */
export function kvm_vcpu_apicv_activated(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  const vm_reasons = this.m.kvm[vcpu.kvm].arch.apicv_inhibit_reasons;
  const vcpu_reasons = this.kvm_x86_vcpu_get_apicv_inhibit_reasons(vcpu);
  return (vm_reasons | vcpu_reasons) === 0;
}

/** arch/x86/kvm/x86.c: set_or_clear_apicv_inhibit(): the word with the bit set or cleared. */
export function set_or_clear_apicv_inhibit(this: vmlinux_x86, inhibits: u32, reason: number, set: bool): u32 {
  const next = (set ? inhibits | (1 << reason) : inhibits & ~(1 << reason)) >>> 0;
  this.trace_kvm_apicv_inhibit_changed(reason, set, next);
  return next;
}

/** arch/x86/kvm/x86.c: kvm_apicv_init() */
export function kvm_apicv_init(this: vmlinux_x86, kvm: kvm): void {
  const reason = kvm.arch.enable_apicv ? APICV_INHIBIT_REASON_ABSENT : APICV_INHIBIT_REASON_DISABLED;
  kvm.arch.apicv_inhibit_reasons = this.set_or_clear_apicv_inhibit(kvm.arch.apicv_inhibit_reasons, reason, true);
}

/** arch/x86/kvm/x86.c: __kvm_set_or_clear_apicv_inhibit() */
export function __kvm_set_or_clear_apicv_inhibit(this: vmlinux_x86, kvm: kvm, reason: number, set: bool): void {
  if (!(this.kvm_x86_required_apicv_inhibits(kvm) & (1 << reason))) return;

  const old = kvm.arch.apicv_inhibit_reasons;
  const next = this.set_or_clear_apicv_inhibit(old, reason, set);
  // WHY before the word changes: a vCPU that enters the guest must not see a state it has not been updated for
  if ((old !== 0) !== (next !== 0)) this.kvm_make_all_cpus_request(kvm, KVM_REQ_APICV_UPDATE);
  kvm.arch.apicv_inhibit_reasons = next;
}

/** arch/x86/kvm/x86.c: kvm_set_or_clear_apicv_inhibit() */
export function kvm_set_or_clear_apicv_inhibit(this: vmlinux_x86, kvm: kvm, reason: number, set: bool): void {
  if (!kvm.arch.enable_apicv) return;
  this.__kvm_set_or_clear_apicv_inhibit(kvm, reason, set);
}

/** arch/x86/include/asm/kvm_host.h: kvm_set_apicv_inhibit() */
export function kvm_set_apicv_inhibit(this: vmlinux_x86, kvm: kvm, reason: number): void {
  this.kvm_set_or_clear_apicv_inhibit(kvm, reason, true);
}

/** arch/x86/include/asm/kvm_host.h: kvm_clear_apicv_inhibit() */
export function kvm_clear_apicv_inhibit(this: vmlinux_x86, kvm: kvm, reason: number): void {
  this.kvm_set_or_clear_apicv_inhibit(kvm, reason, false);
}

/** arch/x86/kvm/x86.c: __kvm_vcpu_update_apicv() */
export function __kvm_vcpu_update_apicv(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;
  const activate = this.kvm_vcpu_apicv_activated(vcpu) && this.kvm_get_apic_mode(vcpu) !== LAPIC_MODE_DISABLED;
  if (apic.apicv_active === activate) return;

  apic.apicv_active = activate;
  this.kvm_apic_update_apicv(vcpu);
  this.kvm_x86_refresh_apicv_exec_ctrl(vcpu);

  // interrupts accepted under APICv left no KVM_REQ_EVENT; and the CPU's SVI has to know what is in service
  if (!apic.apicv_active) this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  else this.kvm_apic_update_hwapic_isr(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_vcpu_update_apicv() */
export function kvm_vcpu_update_apicv(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.__kvm_vcpu_update_apicv(vcpu);
}

/** arch/x86/kvm/x86.c: vcpu_scan_ioapic() */
export function vcpu_scan_ioapic(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.kvm_apic_present(vcpu)) return;
  const kvm = this.m.kvm[vcpu.kvm];
  vcpu.arch.ioapic_handled_vectors.fill(0);
  this.kvm_x86_sync_pir_to_irr(vcpu);
  if (kvm.arch.irqchip_split) this.kvm_scan_ioapic_routes(vcpu, vcpu.arch.ioapic_handled_vectors);
  else this.kvm_ioapic_scan_entry(vcpu, vcpu.arch.ioapic_handled_vectors);
  this.kvm_make_request(KVM_REQ_LOAD_EOI_EXITMAP, vcpu);
}

/** arch/x86/kvm/x86.c: vcpu_load_eoi_exitmap() */
export function vcpu_load_eoi_exitmap(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.kvm_apic_hw_enabled(vcpu.arch.apic)) return;
  this.kvm_x86_load_eoi_exitmap(vcpu, vcpu.arch.ioapic_handled_vectors);
}

/* ---- the run loop ---- */

/** arch/x86/kvm/x86.c: kvm_vcpu_running() */
export function kvm_vcpu_running(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.arch.mp_state === KVM_MP_STATE_RUNNABLE && !vcpu.arch.apf.halted;
}

/** arch/x86/kvm/x86.c: kvm_vcpu_has_events(). MODEL: no async page faults, PMIs, nested guests, Xen. */
export function kvm_vcpu_has_events(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  if (this.kvm_apic_has_pending_init_or_sipi(vcpu) && this.kvm_apic_init_sipi_allowed(vcpu)) return true;
  if (vcpu.arch.pv.pv_unhalted) return true;
  if (this.kvm_is_exception_pending(vcpu)) return true;
  if (this.kvm_test_request(KVM_REQ_NMI, vcpu) || (vcpu.arch.nmi_pending && this.kvm_x86_nmi_allowed(vcpu, false))) {
    return true;
  }
  if (this.kvm_test_request(KVM_REQ_SMI, vcpu) || (vcpu.arch.smi_pending && this.kvm_x86_smi_allowed(vcpu, false))) {
    return true;
  }
  if (this.kvm_test_request(KVM_REQ_PMI, vcpu)) return true;
  if (this.kvm_test_request(KVM_REQ_UPDATE_PROTECTED_GUEST_STATE, vcpu)) return true;
  return this.kvm_arch_interrupt_allowed(vcpu) !== 0 && this.kvm_cpu_has_interrupt(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_runnable() */
export function kvm_arch_vcpu_runnable(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.kvm_vcpu_running(vcpu) || this.kvm_vcpu_has_events(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_vcpu_exit_request() */
export function kvm_vcpu_exit_request(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.mode === EXITING_GUEST_MODE || this.kvm_request_pending(vcpu) || this.xfer_to_guest_mode_work_pending();
}

/**
 * kvm_gen_kvmclock_update() and kvm_guest_time_update() as requests.
 *
 * DEVIATION DV-043: no kvmclock, so that nobody kicks every vCPU of the VM 100 ms after the first was run, and every
 * 300 s.
 */
function serveClockRequests(k: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (k.kvm_check_request(KVM_REQ_GLOBAL_CLOCK_UPDATE, vcpu)) k.kvm_make_request(KVM_REQ_CLOCK_UPDATE, vcpu);
  k.kvm_check_request(KVM_REQ_CLOCK_UPDATE, vcpu);
}

/**
 * vcpu_enter_guest(): the requests, in the kernel's order. 1: go on to the guest; 0: leave vcpu_enter_guest() with
 * `out.r`. A request that is none of these is of something that is not modelled.
 */
export function vcpu_enter_guestRequests(this: vmlinux_x86, vcpu: kvm_vcpu, out: { r: number }): number {
  if (this.kvm_check_request(KVM_REQ_VM_DEAD, vcpu)) {
    out.r = -EIO;
    return 0;
  }
  if (this.kvm_check_request(KVM_REQ_MIGRATE_TIMER, vcpu)) this.__kvm_migrate_timers(vcpu);
  serveClockRequests(this, vcpu);
  if (this.kvm_check_request(KVM_REQ_TLB_FLUSH, vcpu)) this.kvm_vcpu_flush_tlb_all(vcpu);
  this.kvm_service_local_tlb_flush_requests(vcpu);
  if (this.kvm_check_request(KVM_REQ_REPORT_TPR_ACCESS, vcpu)) throw new NotModelled('KVM_EXIT_TPR_ACCESS');
  if (this.kvm_test_request(KVM_REQ_TRIPLE_FAULT, vcpu)) throw new NotModelled('KVM_REQ_TRIPLE_FAULT');
  if (this.kvm_check_request(KVM_REQ_APF_HALT, vcpu)) {
    vcpu.arch.apf.halted = true;
    out.r = 1;
    return 0;
  }
  this.vcpu_enter_guestShared(vcpu);
  if (this.kvm_test_request(KVM_REQ_PMU, vcpu)) throw new NotModelled('KVM_REQ_PMU');
  if (this.kvm_test_request(KVM_REQ_PMI, vcpu)) throw new NotModelled('KVM_REQ_PMI');
  if (this.kvm_check_request(KVM_REQ_SMI, vcpu)) this.process_smi(vcpu);
  if (this.kvm_check_request(KVM_REQ_NMI, vcpu)) this.process_nmi(vcpu);
  if (this.kvm_check_request(KVM_REQ_IOAPIC_EOI_EXIT, vcpu)) {
    const vector = vcpu.arch.pending_ioapic_eoi;
    if (vector > 255) throw new KernelBug('BUG_ON', 'vcpu_enter_guest: pending_ioapic_eoi');
    if (vcpu.arch.ioapic_handled_vectors[vector >> 5] & (1 << (vector & 31))) {
      vcpu.run.exit_reason = KVM_EXIT_IOAPIC_EOI;
      vcpu.run.eoi_vector = vector;
      out.r = 0;
      return 0;
    }
  }
  if (this.kvm_check_request(KVM_REQ_SCAN_IOAPIC, vcpu)) this.vcpu_scan_ioapic(vcpu);
  if (this.kvm_check_request(KVM_REQ_LOAD_EOI_EXITMAP, vcpu)) this.vcpu_load_eoi_exitmap(vcpu);
  this.kvm_check_request(KVM_REQ_APIC_PAGE_RELOAD, vcpu); // MODEL: no memory slots
  if (this.kvm_check_request(KVM_REQ_APICV_UPDATE, vcpu)) this.kvm_vcpu_update_apicv(vcpu);
  this.kvm_check_request(KVM_REQ_APF_READY, vcpu); // MODEL: no async page faults, so none is complete
  if (and(vcpu.requests, not(SERVED)) !== ZERO)
    throw new NotModelled(`requests ${toBigInt(vcpu.requests).toString(16)}`);
  return 1;
}

/** vcpu_enter_guest(): the request to write what the guest reads of its host. */
export function vcpu_enter_guestShared(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (this.kvm_check_request(KVM_REQ_STEAL_UPDATE, vcpu)) this.record_steal_time(vcpu);
}

/** What vcpu_enter_guestRequests() and those behind it take up. */
const SERVED = [
  ...[KVM_REQ_VM_DEAD, KVM_REQ_MIGRATE_TIMER, KVM_REQ_GLOBAL_CLOCK_UPDATE, KVM_REQ_CLOCK_UPDATE, KVM_REQ_TLB_FLUSH],
  ...[KVM_REQ_TLB_FLUSH_CURRENT, KVM_REQ_TLB_FLUSH_GUEST, KVM_REQ_APF_HALT, KVM_REQ_STEAL_UPDATE],
  ...[KVM_REQ_SMI, KVM_REQ_NMI],
  ...[KVM_REQ_IOAPIC_EOI_EXIT, KVM_REQ_SCAN_IOAPIC, KVM_REQ_LOAD_EOI_EXITMAP, KVM_REQ_APIC_PAGE_RELOAD],
  ...[KVM_REQ_APICV_UPDATE, KVM_REQ_APF_READY, KVM_REQ_EVENT, KVM_REQ_UNBLOCK],
].reduce((mask, req) => or(mask, shl(u64(1), req & KVM_REQUEST_MASK)), ZERO);

/**
 * arch/x86/kvm/x86.c: vcpu_enter_guest(): 1 to go on in vcpu_run(), or what KVM_RUN returns.
 *
 * Split: it goes on in vcpu_enter_guestRequests(), vcpu_enter_guestShared(), vcpu_enter_guestRun(),
 * vcpu_enter_guestRan().
 */
export function vcpu_enter_guest(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const immediate = { exit: false };
  const out = { r: 1 };

  if (this.kvm_request_pending(vcpu) && !this.vcpu_enter_guestRequests(vcpu, out)) return out.r;

  if (this.kvm_check_request(KVM_REQ_EVENT, vcpu)) {
    vcpu.stat.req_event++;
    if (this.kvm_apic_accept_events(vcpu) < 0) return 0;
    if (vcpu.arch.mp_state === KVM_MP_STATE_INIT_RECEIVED) return 1;

    if (this.kvm_check_and_inject_events(vcpu, immediate) < 0) return 0;

    if (this.kvm_lapic_enabled(vcpu)) {
      this.kvm_lapic_update_cr8_intercept(vcpu);
      this.kvm_lapic_sync_to_vapic(vcpu);
    }
  }

  this.kvm_x86_prepare_switch_to_guest(vcpu);

  // RACE: interrupts are off from here to the exit
  vcpu.mode = IN_GUEST_MODE;

  // RACE: (smp_mb) smp_mb__after_srcu_read_unlock(): mode is stored before requests and PID.ON are looked at
  if (this.kvm_lapic_enabled(vcpu)) this.kvm_x86_sync_pir_to_irr(vcpu);

  if (this.kvm_vcpu_exit_request(vcpu)) {
    vcpu.mode = OUTSIDE_GUEST_MODE;
    // cancel_injection
    if (immediate.exit) this.kvm_make_request(KVM_REQ_EVENT, vcpu);
    this.kvm_x86_cancel_injection(vcpu);
    if (vcpu.arch.apic_attention) this.kvm_lapic_sync_from_vapic(vcpu);
    return 1;
  }

  // RACE: whoever posts or asks from here on has to see mode, and notify
  if (immediate.exit) this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  return this.vcpu_enter_guestRun(vcpu, immediate.exit);
}

/** vcpu_enter_guest(): one turn of its inner loop, into the guest. */
export function vcpu_enter_guestRun(this: vmlinux_x86, vcpu: kvm_vcpu, force_immediate_exit: bool): number {
  const current = this.get_current();
  this.warnOn(
    this.kvm_vcpu_apicv_activated(vcpu) !== this.kvm_vcpu_apicv_active(vcpu) &&
      this.kvm_get_apic_mode(vcpu) !== LAPIC_MODE_DISABLED,
    'vcpu_enter_guest: APICv of vCPU and VM differ',
  );
  const exit_fastpath = this.kvm_x86_vcpu_run(vcpu, force_immediate_exit);
  if (this.notReturned(current)) {
    this.whenBack(current, 'vcpu_enter_guestRan', vcpu.id);
    return 0;
  }
  return this.vcpu_enter_guestRan(vcpu.id, exit_fastpath);
}

/** vcpu_enter_guest(): behind the VM exit, whose fast path said `exit_fastpath`. */
export function vcpu_enter_guestRan(this: vmlinux_x86, vcpuId: number, fastpath: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  let exit_fastpath = fastpath;
  if (exit_fastpath === EXIT_FASTPATH_REENTER_GUEST) {
    if (this.kvm_lapic_enabled(vcpu)) this.kvm_x86_sync_pir_to_irr(vcpu);
    if (this.kvm_vcpu_exit_request(vcpu)) {
      exit_fastpath = EXIT_FASTPATH_EXIT_HANDLED;
    } else {
      vcpu.stat.exits++;
      return this.vcpu_enter_guestRun(vcpu, false);
    }
  }

  vcpu.mode = OUTSIDE_GUEST_MODE;
  this.kvm_x86_handle_exit_irqoff(vcpu);
  vcpu.stat.exits++;

  if (vcpu.arch.apic_attention) this.kvm_lapic_sync_from_vapic(vcpu);

  return this.kvm_x86_handle_exit(vcpu, exit_fastpath);
}

/**
 * arch/x86/kvm/x86.c: vcpu_block()
 *
 * Split: it goes on in vcpu_blockWoken(), vcpu_blockEnd().
 */
export function vcpu_block(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  if (this.kvm_arch_vcpu_runnable(vcpu)) return this.vcpu_blockEnd(vcpu);

  const current = this.get_current();
  // WHY: the guest's timer may be what it waits for, and the hypervisor timer runs in the guest only
  const hv_timer = this.kvm_lapic_hv_timer_in_use(vcpu);
  if (hv_timer) this.kvm_lapic_switch_to_sw_timer(vcpu);

  if (vcpu.arch.mp_state === KVM_MP_STATE_HALTED) this.kvm_vcpu_halt(vcpu);
  else this.kvm_vcpu_block(vcpu);

  if (this.notReturned(current)) {
    this.whenBack(current, 'vcpu_blockWoken', vcpu.id, Number(hv_timer));
    return 0;
  }
  return this.vcpu_blockWoken(vcpu.id, Number(hv_timer));
}

/** vcpu_block(): behind kvm_vcpu_halt() or kvm_vcpu_block(). */
export function vcpu_blockWoken(this: vmlinux_x86, vcpuId: number, hv_timer: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  if (hv_timer) this.kvm_lapic_switch_to_hv_timer(vcpu);
  // a signal, or a timer whose interrupt it does not take: that is served without ending the halt
  if (!this.kvm_arch_vcpu_runnable(vcpu)) return 1;
  return this.vcpu_blockEnd(vcpu);
}

/** vcpu_block(): the vCPU has something to do. */
export function vcpu_blockEnd(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  if (this.kvm_apic_accept_events(vcpu) < 0) return 0;
  switch (vcpu.arch.mp_state) {
    case KVM_MP_STATE_HALTED:
    case KVM_MP_STATE_AP_RESET_HOLD:
      vcpu.arch.pv.pv_unhalted = false;
      vcpu.arch.mp_state = KVM_MP_STATE_RUNNABLE;
      vcpu.arch.apf.halted = false;
      break;
    case KVM_MP_STATE_RUNNABLE:
      vcpu.arch.apf.halted = false;
      break;
    case KVM_MP_STATE_INIT_RECEIVED:
      break;
    default:
      this.warnOn(true, 'vcpu_block: mp_state');
  }
  return 1;
}

/**
 * arch/x86/kvm/x86.c: vcpu_run(): what KVM_RUN returns.
 *
 * Split: it goes on in vcpu_runLoop(), vcpu_runTurn(), vcpu_runWork(), vcpu_runWorked().
 */
export function vcpu_run(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  vcpu.run.exit_reason = KVM_EXIT_UNKNOWN;
  return this.vcpu_runLoop(vcpu.id);
}

/** vcpu_run() from the head of its loop. */
export function vcpu_runLoop(this: vmlinux_x86, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();
  for (;;) {
    // whatever comes may emulate an instruction
    vcpu.arch.at_instruction_boundary = false;
    const r = this.kvm_vcpu_running(vcpu) ? this.vcpu_enter_guest(vcpu) : this.vcpu_block(vcpu);
    if (this.notReturned(current)) {
      this.whenBack(current, 'vcpu_runTurn', vcpuId);
      return 0;
    }
    if (r <= 0) return r;
    const work = this.vcpu_runWork(vcpu);
    if (this.notReturned(current)) {
      this.whenBack(current, 'vcpu_runWorked', vcpuId);
      return 0;
    }
    if (work !== 0) return work;
  }
}

/** vcpu_run(): vcpu_enter_guest() or vcpu_block() has returned r, late. */
export function vcpu_runTurn(this: vmlinux_x86, vcpuId: number, r: number): number {
  if (r <= 0) return r;
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();
  const work = this.vcpu_runWork(vcpu);
  if (this.notReturned(current)) {
    this.whenBack(current, 'vcpu_runWorked', vcpuId);
    return 0;
  }
  return this.vcpu_runWorked(vcpuId, work);
}

/** vcpu_run(): what stands in the loop behind vcpu_enter_guest(): 0 to go round again, or what KVM_RUN returns. */
export function vcpu_runWork(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.kvm_clear_request(KVM_REQ_UNBLOCK, vcpu);
  if (this.kvm_cpu_has_pending_timer(vcpu)) this.kvm_inject_pending_timer_irqs(vcpu);
  if (this.xfer_to_guest_mode_work_pending()) return this.xfer_to_guest_mode_handle_work(vcpu);
  return 0;
}

/** vcpu_run(): the work before the next turn is done, with result r. */
export function vcpu_runWorked(this: vmlinux_x86, vcpuId: number, r: number): number {
  if (r !== 0) return r;
  return this.vcpu_runLoop(vcpuId);
}

/**
 * arch/x86/kvm/x86.c: kvm_arch_vcpu_ioctl_run()
 *
 * Split: it goes on in kvm_arch_vcpu_ioctl_runInit(), kvm_arch_vcpu_ioctl_runOut().
 */
export function kvm_arch_vcpu_ioctl_run(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  this.vcpu_load(vcpu);

  if (vcpu.arch.mp_state === KVM_MP_STATE_UNINITIALIZED) {
    if (!vcpu.wants_to_run) return this.kvm_arch_vcpu_ioctl_runOut(vcpu.id, -EINTR);
    this.kvm_vcpu_block(vcpu);
    if (this.notReturned(current)) {
      this.whenBack(current, 'kvm_arch_vcpu_ioctl_runInit', vcpu.id);
      return 0;
    }
    return this.kvm_arch_vcpu_ioctl_runInit(vcpu.id);
  }

  if (!vcpu.wants_to_run) return this.kvm_arch_vcpu_ioctl_runOut(vcpu.id, -EINTR);

  const r = this.vcpu_run(vcpu);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_arch_vcpu_ioctl_runOut', vcpu.id);
    return 0;
  }
  return this.kvm_arch_vcpu_ioctl_runOut(vcpu.id, r);
}

/** kvm_arch_vcpu_ioctl_run(): an uninitialized vCPU has waited for its INIT: userspace is to try again. */
export function kvm_arch_vcpu_ioctl_runInit(this: vmlinux_x86, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  if (this.kvm_apic_accept_events(vcpu) < 0) return this.kvm_arch_vcpu_ioctl_runOut(vcpuId, 0);
  if (this.signal_pending(this.get_current())) {
    vcpu.run.exit_reason = KVM_EXIT_INTR;
    vcpu.stat.signal_exits++;
    return this.kvm_arch_vcpu_ioctl_runOut(vcpuId, -EINTR);
  }
  return this.kvm_arch_vcpu_ioctl_runOut(vcpuId, -EAGAIN);
}

/** kvm_arch_vcpu_ioctl_run() from its label `out`. */
export function kvm_arch_vcpu_ioctl_runOut(this: vmlinux_x86, vcpuId: number, r: number): number {
  this.vcpu_put(this.m.vcpu[vcpuId]);
  return r;
}

/* ---- halting ---- */

/** arch/x86/kvm/x86.c: __kvm_emulate_halt(). MODEL: the local APIC is in the kernel. */
export function __kvm_emulate_halt(this: vmlinux_x86, vcpu: kvm_vcpu, state: number, _reason: number): number {
  vcpu.stat.halt_exits++;
  if (this.kvm_vcpu_has_events(vcpu)) vcpu.arch.pv.pv_unhalted = false;
  else vcpu.arch.mp_state = state;
  return 1;
}

/** arch/x86/kvm/x86.c: kvm_emulate_halt_noskip() */
export function kvm_emulate_halt_noskip(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return this.__kvm_emulate_halt(vcpu, KVM_MP_STATE_HALTED, KVM_EXIT_HLT);
}

/** arch/x86/kvm/x86.c: kvm_emulate_halt() */
export function kvm_emulate_halt(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const ret = this.kvm_skip_emulated_instruction(vcpu);
  return this.kvm_emulate_halt_noskip(vcpu) && ret ? 1 : 0;
}

/** arch/x86/kvm/x86.c: handle_fastpath_hlt() */
export function handle_fastpath_hlt(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const ret = this.kvm_emulate_halt(vcpu);
  if (!ret) return EXIT_FASTPATH_EXIT_USERSPACE;
  if (this.kvm_vcpu_running(vcpu)) return EXIT_FASTPATH_REENTER_GUEST;
  return EXIT_FASTPATH_EXIT_HANDLED;
}

/** arch/x86/kvm/x86.c: kvm_emulate_ap_reset_hold() */
export function kvm_emulate_ap_reset_hold(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const ret = this.kvm_skip_emulated_instruction(vcpu);
  return this.__kvm_emulate_halt(vcpu, KVM_MP_STATE_AP_RESET_HOLD, KVM_EXIT_AP_RESET_HOLD) && ret ? 1 : 0;
}

/* ---- hypercalls ---- */

/** arch/x86/kvm/x86.c: kvm_pv_kick_cpu_op() */
export function kvm_pv_kick_cpu_op(this: vmlinux_x86, kvm: kvm, apicid: number): void {
  this.kvm_irq_delivery_to_apic(
    kvm,
    null,
    {
      vector: 0,
      delivery_mode: APIC_DM_REMRD,
      dest_mode: 0,
      level: false,
      trig_mode: 0,
      shorthand: 0,
      dest_id: apicid >>> 0,
      msi_redir_hint: false,
    },
    null,
  );
}

/**
 * arch/x86/kvm/x86.c: kvm_sched_yield()
 *
 * Split: it goes on in kvm_sched_yieldYielded().
 */
export function kvm_sched_yield(this: vmlinux_x86, vcpu: kvm_vcpu, dest_id: u64): void {
  vcpu.stat.directed_yield_attempted++;
  if (this.single_task_running()) return;

  const map: kvm_apic_map | null = this.m.kvm[vcpu.kvm].arch.apic_map;
  let target = NULL;
  if (map !== null && !gt(dest_id, u64(map.max_apic_id))) target = map.phys_map[toNumber(dest_id)] ?? NULL;
  if (target === NULL || !this.m.vcpu[target].ready) return;
  if (vcpu.id === target) return;

  const current = this.get_current();
  if (this.kvm_vcpu_yield_to(this.m.vcpu[target]) <= 0) return;
  this.whenBack(current, 'kvm_sched_yieldYielded', vcpu.id);
}

/** kvm_sched_yield() when the yielder is back. */
export function kvm_sched_yieldYielded(this: vmlinux_x86, vcpuId: number): void {
  this.m.vcpu[vcpuId].stat.directed_yield_successful++;
}

/**
 * arch/x86/kvm/x86.c: __kvm_emulate_hypercall(): what the guest gets in RAX, a signed number of 64 bits.
 *
 * When the hypercall yields, it has not returned; its result is the frame's then, and always 0.
 *
 * Split: it goes on in __kvm_emulate_hypercallOut().
 */
export function __kvm_emulate_hypercall(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  nr: u64,
  a0: u64,
  a1: u64,
  a2: u64,
  a3: u64,
  op_64_bit: bool,
  cpl: number,
): number {
  this.trace_kvm_hypercall(nr, a0, a1, a2, a3);

  const current = this.get_current();
  const cut = (x: u64): u64 => (op_64_bit ? x : u64(to_u32(x)));
  const kvm = this.m.kvm[vcpu.kvm];
  let ret = -KVM_ENOSYS;

  if (cpl !== 0) {
    ret = -KVM_EPERM;
  } else {
    switch (toNumber(cut(nr))) {
      case KVM_HC_VAPIC_POLL_IRQ:
        ret = 0;
        break;
      case KVM_HC_KICK_CPU:
        if (!this.guest_pv_has(vcpu, KVM_FEATURE_PV_UNHALT)) break;
        this.kvm_pv_kick_cpu_op(kvm, to_u32(cut(a1)));
        this.kvm_sched_yield(vcpu, cut(a1));
        ret = 0;
        break;
      case KVM_HC_CLOCK_PAIRING:
        throw new NotModelled('KVM_HC_CLOCK_PAIRING');
      case KVM_HC_SEND_IPI:
        if (!this.guest_pv_has(vcpu, KVM_FEATURE_PV_SEND_IPI)) break;
        ret = this.kvm_pv_send_ipi(kvm, cut(a0), cut(a1), to_u32(a2), cut(a3), Number(op_64_bit));
        break;
      case KVM_HC_SCHED_YIELD:
        if (!this.guest_pv_has(vcpu, KVM_FEATURE_PV_SCHED_YIELD)) break;
        this.kvm_sched_yield(vcpu, cut(a0));
        ret = 0;
        break;
      default: // KVM_HC_MAP_GPA_RANGE too: the VM has not enabled it
        ret = -KVM_ENOSYS;
    }
  }
  if (this.notReturned(current)) {
    this.whenBack(current, '__kvm_emulate_hypercallOut', vcpu.id, ret);
    return ret;
  }
  return this.__kvm_emulate_hypercallOut(vcpu.id, ret);
}

/** __kvm_emulate_hypercall() from its label `out`. */
export function __kvm_emulate_hypercallOut(this: vmlinux_x86, vcpuId: number, ret: number): number {
  this.m.vcpu[vcpuId].stat.hypercalls++;
  return ret;
}

/**
 * arch/x86/kvm/x86.c: kvm_emulate_hypercall(). MODEL: the caller runs in 64-bit mode.
 *
 * Split: it goes on in kvm_emulate_hypercallEnd().
 */
export function kvm_emulate_hypercall(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  if (this.kvm_hv_hypercall_enabled(vcpu)) return this.kvm_hv_hypercall(vcpu);

  const current = this.get_current();
  const { rax: nr, rbx: a0, rcx: a1, rdx: a2, rsi: a3 } = vcpu.arch.regs;
  const cpl = this.kvm_x86_get_cpl(vcpu);
  const ret = this.__kvm_emulate_hypercall(vcpu, nr, a0, a1, a2, a3, true, cpl);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_emulate_hypercallEnd', vcpu.id);
    return 0;
  }
  return this.kvm_emulate_hypercallEnd(vcpu.id, ret);
}

/** kvm_emulate_hypercall(): the result is there. */
export function kvm_emulate_hypercallEnd(this: vmlinux_x86, vcpuId: number, ret: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  vcpu.arch.regs.rax = u64(ret);
  return this.kvm_skip_emulated_instruction(vcpu);
}

/* ---- MSRs of halting and steal time ---- */

/** arch/x86/include/uapi/asm/kvm_para.h */
export const MSR_KVM_STEAL_TIME = 0x4b56_4d03;
export const MSR_KVM_POLL_CONTROL = 0x4b56_4d05;

/** kvm_set_msr_common(): MSR_KVM_STEAL_TIME. MODEL: sched_info is on. */
export function kvm_set_msr_commonStealTime(this: vmlinux_x86, vcpu: kvm_vcpu, data: u64): number {
  if (!this.guest_pv_has(vcpu, KVM_FEATURE_STEAL_TIME)) return KVM_MSR_RET_UNSUPPORTED;
  if (and(data, KVM_STEAL_RESERVED_MASK) !== ZERO) return 1;
  vcpu.arch.st.msr_val = data;
  if (and(data, u64(KVM_MSR_ENABLED)) === ZERO) return 0;
  this.kvm_make_request(KVM_REQ_STEAL_UPDATE, vcpu);
  return 0;
}

/** kvm_set_msr_common(): MSR_KVM_POLL_CONTROL */
export function kvm_set_msr_commonPollControl(this: vmlinux_x86, vcpu: kvm_vcpu, data: u64): number {
  if (!this.guest_pv_has(vcpu, KVM_FEATURE_POLL_CONTROL)) return KVM_MSR_RET_UNSUPPORTED;
  if (gt(data, u64(1))) return 1;
  vcpu.arch.msr_kvm_poll_control = data;
  return 0;
}

/**
 * True for what is KVM's own by its number, 0x4b564d00 to 0x4b564dff, and nobody has defined: the `default` of
 * kvm_set_msr_common() and kvm_get_msr_common(). MSR_KVM_MIGRATION_CONTROL (0x4b564d08) has no case either.
 */
const noSuchMsr = (index: u32): boolean => index >= 0x4b56_4d08 && index <= 0x4b56_4dff;

const U32_MASK = u64(0xffff_ffff);

/** arch/x86/kvm/kvm_cache_regs.h: kvm_read_edx_eax() */
export function kvm_read_edx_eax(this: vmlinux_x86, vcpu: kvm_vcpu): u64 {
  return or(and(vcpu.arch.regs.rax, U32_MASK), shl(and(vcpu.arch.regs.rdx, U32_MASK), 32));
}

/**
 * arch/x86/kvm/x86.c: kvm_set_msr_common(): 0, 1 for #GP, or KVM_MSR_RET_UNSUPPORTED.
 *
 * Split: it goes on in kvm_set_msr_commonStealTime(), kvm_set_msr_commonPollControl().
 */
export function kvm_set_msr_common(this: vmlinux_x86, vcpu: kvm_vcpu, msr_info: msr_data): number {
  const r = this.kvm_set_msr_commonApic(vcpu, msr_info);
  if (r !== -1) return r;
  const { index, data } = msr_info;
  if (index === MSR_KVM_STEAL_TIME) return this.kvm_set_msr_commonStealTime(vcpu, data);
  if (index === MSR_KVM_POLL_CONTROL) return this.kvm_set_msr_commonPollControl(vcpu, data);
  if (noSuchMsr(index)) return KVM_MSR_RET_UNSUPPORTED;
  throw new NotModelled(`WRMSR 0x${index.toString(16)}`);
}

/** arch/x86/kvm/x86.c: kvm_get_msr_common(): as kvm_set_msr_common(), the value in `msr_info`. */
export function kvm_get_msr_common(this: vmlinux_x86, vcpu: kvm_vcpu, msr_info: msr_data): number {
  const r = this.kvm_get_msr_commonApic(vcpu, msr_info);
  if (r !== -1) return r;
  const { index } = msr_info;
  if (index === MSR_KVM_STEAL_TIME) {
    if (!this.guest_pv_has(vcpu, KVM_FEATURE_STEAL_TIME)) return KVM_MSR_RET_UNSUPPORTED;
    msr_info.data = vcpu.arch.st.msr_val;
    return 0;
  }
  if (index === MSR_KVM_POLL_CONTROL) {
    if (!this.guest_pv_has(vcpu, KVM_FEATURE_POLL_CONTROL)) return KVM_MSR_RET_UNSUPPORTED;
    msr_info.data = vcpu.arch.msr_kvm_poll_control;
    return 0;
  }
  if (noSuchMsr(index)) return KVM_MSR_RET_UNSUPPORTED;
  throw new NotModelled(`RDMSR 0x${index.toString(16)}`);
}

/** arch/x86/kvm/x86.c: kvm_arch_vm_ioctl(), of ioctls that a series brings: the pin has none of them. */
export function kvm_arch_vm_ioctl(this: vmlinux_x86, _kvm: kvm, _ioctl: number, _arg: u32): number {
  return -ENOTTY;
}

/** arch/x86/kvm/x86.c: kvm_set_msr_with_filter(). MODEL: nothing is filtered, ignore_msrs is off. */
export function kvm_set_msr_with_filter(this: vmlinux_x86, vcpu: kvm_vcpu, index: u32, data: u64): number {
  return this.kvm_set_msr_common(vcpu, { index, data, host_initiated: false });
}

/** arch/x86/kvm/x86.c: kvm_get_msr_with_filter(). MODEL: as kvm_set_msr_with_filter(). */
export function kvm_get_msr_with_filter(this: vmlinux_x86, vcpu: kvm_vcpu, index: u32, data: { value: u64 }): number {
  const msr = { index, data: ZERO, host_initiated: false };
  const ret = this.kvm_get_msr_common(vcpu, msr);
  data.value = msr.data;
  return ret;
}

/** arch/x86/kvm/x86.c: kvm_emulate_wrmsr(). MODEL: userspace does not ask for MSRs; `arch.gp` tells of #GP. */
export function kvm_emulate_wrmsr(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const ecx = to_u32(vcpu.arch.regs.rcx);
  const data = this.kvm_read_edx_eax(vcpu);

  const r = this.kvm_set_msr_with_filter(vcpu, ecx, data);
  vcpu.arch.gp = r !== 0;
  if (r < 0) return r;
  this.trace_kvm_msr(1, ecx, data, r !== 0);

  return this.kvm_x86_complete_emulated_msr(vcpu, r);
}

/** arch/x86/kvm/x86.c: kvm_emulate_rdmsr(). MODEL: as kvm_emulate_wrmsr(). */
export function kvm_emulate_rdmsr(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const ecx = to_u32(vcpu.arch.regs.rcx);
  const data = { value: ZERO };

  const r = this.kvm_get_msr_with_filter(vcpu, ecx, data);
  vcpu.arch.gp = r !== 0;
  if (r === 0) {
    this.trace_kvm_msr(0, ecx, data.value, false);
    vcpu.arch.regs.rax = and(data.value, U32_MASK);
    vcpu.arch.regs.rdx = shr(data.value, 32);
  } else {
    this.trace_kvm_msr(0, ecx, ZERO, true);
  }

  return this.kvm_x86_complete_emulated_msr(vcpu, r);
}

/* ---- creation and reset ---- */

/** arch/x86/kvm/x86.c: kvm_arch_init_vm(), as far as vCPU scheduling sees it. */
export function kvm_arch_init_vm(this: vmlinux_x86, kvm: kvm): number {
  this.kvm_apicv_init(kvm);
  return this.kvm_x86_vm_init(kvm);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_precreate() */
export function kvm_arch_vcpu_precreate(this: vmlinux_x86, _kvm: kvm, id: number): number {
  return id >= KVM_MAX_VCPU_IDS ? -EINVAL : 0;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_create() */
export function kvm_arch_vcpu_create(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  vcpu.arch.mp_state = this.kvm_vcpu_is_reset_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;

  const r = this.kvm_create_lapic(vcpu);
  if (r < 0) return r;

  vcpu.arch.pending_external_vector = -1;
  vcpu.arch.preempted_in_kernel = false;

  const err = this.kvm_x86_vcpu_create(vcpu);
  if (err !== 0) return err;

  this.vcpu_load(vcpu);
  this.kvm_set_tsc_khz(vcpu, this.m.tsc_khz);
  this.kvm_vcpu_reset(vcpu, false);
  this.vcpu_put(vcpu);
  return 0;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_destroy(), of a vCPU that was never run. */
export function kvm_arch_vcpu_destroy(this: vmlinux_x86, _vcpu: kvm_vcpu): void {}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_postcreate() */
export function kvm_arch_vcpu_postcreate(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.vcpu_load(vcpu);
  this.vcpu_put(vcpu);
  vcpu.arch.msr_kvm_poll_control = u64(1);
}

/** arch/x86/kvm/x86.c: kvm_vcpu_is_reset_bsp() */
export function kvm_vcpu_is_reset_bsp(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.m.kvm[vcpu.kvm].arch.bsp_vcpu_id === vcpu.vcpu_id;
}

/**
 * arch/x86/kvm/x86.c: kvm_vcpu_reset(), on RESET (at creation) and on INIT
 *
 * MODEL: of the registers those that exits read or write, and RFLAGS.IF; CPUID leaf 1 is not there, as at creation.
 */
export function kvm_vcpu_reset(this: vmlinux_x86, vcpu: kvm_vcpu, init_event: bool): void {
  const arch = vcpu.arch;
  this.kvm_lapic_reset(vcpu, init_event);

  this.warnOn(this.is_smm(vcpu), 'kvm_vcpu_reset: in SMM');
  arch.hflags = 0;

  arch.smi_pending = false;
  arch.smi_count = 0;
  arch.nmi_queued = 0;
  arch.nmi_pending = 0;
  arch.nmi_injected = false;
  this.kvm_clear_interrupt_queue(vcpu);
  this.kvm_clear_exception_queue(vcpu);

  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  arch.st.msr_val = ZERO;
  arch.apf.halted = false;

  if (!init_event) arch.smbase = 0x30000;

  arch.regs = { rax: ZERO, rbx: ZERO, rcx: ZERO, rdx: u64(0x600), rsi: ZERO, r8: ZERO };

  this.kvm_x86_vcpu_reset(vcpu, init_event);

  arch.if_flag = false;

  if (init_event) this.kvm_make_request(KVM_REQ_TLB_FLUSH_GUEST, vcpu);
}

/** arch/x86/kvm/regs.c: kvm_set_cr8(): 0, or 1 for #GP. */
export function kvm_set_cr8(this: vmlinux_x86, vcpu: kvm_vcpu, cr8: u64): number {
  if (gt(cr8, u64(0xf))) return 1;
  this.kvm_lapic_set_tpr(vcpu, cr8);
  return 0;
}

/** arch/x86/kvm/regs.c: kvm_get_cr8() */
export function kvm_get_cr8(this: vmlinux_x86, vcpu: kvm_vcpu): u64 {
  return this.kvm_lapic_get_cr8(vcpu);
}
