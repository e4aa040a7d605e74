// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/svm/svm.c (6.12.117): the pause filter, load and put, interrupt delivery and injection, entry, exit
 * handlers.
 *
 * Not mirrored: nested guests, SEV, GIF (always set), the VMCB beyond the fields that interrupts live in. NMIs are
 * masked and unmasked by intercepting IRET; IRET takes effect at once. vNMI is not modelled.
 *
 * Two functions are static twice in KVM, here and in vmx.c; they carry their file as prefix: grow_ple_window() and
 * shrink_ple_window().
 */
import { IN_GUEST_MODE } from '../../kvm/kvm_host.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import { NotModelled } from '../../lib/bug.js';
import { RESCHEDULE_VECTOR } from '../../lib/irq_vectors.js';
import { type bool, to_u32, type u32, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import {
  APICV_INHIBIT_REASON_ABSENT,
  APICV_INHIBIT_REASON_APIC_BASE_MODIFIED,
  APICV_INHIBIT_REASON_APIC_ID_MODIFIED,
  APICV_INHIBIT_REASON_BLOCKIRQ,
  APICV_INHIBIT_REASON_DISABLED,
  APICV_INHIBIT_REASON_HYPERV,
  APICV_INHIBIT_REASON_IRQWIN,
  APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED,
  APICV_INHIBIT_REASON_NESTED,
  APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED,
  APICV_INHIBIT_REASON_PIT_REINJ,
  APICV_INHIBIT_REASON_SEV,
  EXIT_FASTPATH_EXIT_USERSPACE,
  EXIT_FASTPATH_NONE,
  KVM_ISA_SVM,
  KVM_REQ_EVENT,
  KVM_X86_SHADOW_INT_STI,
  type kvm,
  type kvm_vcpu,
  SVM_EXIT_AVIC_INCOMPLETE_IPI,
} from './kvm_host.js';
import {
  INTR_INFO_DELIVER_CODE_MASK,
  INTR_INFO_INTR_TYPE_MASK,
  INTR_TYPE_EXT_INTR,
  INTR_TYPE_HARD_EXCEPTION,
  INTR_TYPE_NMI_INTR,
  INTR_TYPE_SOFT_INTR,
} from './vmx.js';

/** arch/x86/include/uapi/asm/svm.h */
export const SVM_EXIT_WRITE_CR8 = 0x018;
export const SVM_EXIT_INTR = 0x060;
export const SVM_EXIT_VINTR = 0x064;
/** SVM_EXIT_EXCP_BASE + DB_VECTOR */
export const SVM_EXIT_EXCP_DB = 0x041;
export const SVM_EXIT_IRET = 0x074;
export const SVM_EXIT_PAUSE = 0x077;
export const SVM_EXIT_HLT = 0x078;
export const SVM_EXIT_MSR = 0x07c;
export const SVM_EXIT_VMMCALL = 0x081;
export const SVM_EXIT_NPF = 0x400;
export const SVM_EXIT_AVIC_UNACCELERATED_ACCESS = 0x402;

/** arch/x86/include/asm/kvm_host.h */
const KVM_X86_SHADOW_INT_MOV_SS = 0x01;

const bit = (nr: number): number => 1 << nr;
/** arch/x86/kvm/svm/svm.h: AVIC_REQUIRED_APICV_INHIBITS */
export const AVIC_REQUIRED_APICV_INHIBITS =
  bit(APICV_INHIBIT_REASON_DISABLED) |
  bit(APICV_INHIBIT_REASON_ABSENT) |
  bit(APICV_INHIBIT_REASON_HYPERV) |
  bit(APICV_INHIBIT_REASON_NESTED) |
  bit(APICV_INHIBIT_REASON_IRQWIN) |
  bit(APICV_INHIBIT_REASON_PIT_REINJ) |
  bit(APICV_INHIBIT_REASON_BLOCKIRQ) |
  bit(APICV_INHIBIT_REASON_SEV) |
  bit(APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED) |
  bit(APICV_INHIBIT_REASON_APIC_ID_MODIFIED) |
  bit(APICV_INHIBIT_REASON_APIC_BASE_MODIFIED) |
  bit(APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED);

/* ---- pause filter: u16 in the VMCB ---- */

/** arch/x86/kvm/svm/svm.c: grow_ple_window() */
export function svm_grow_ple_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const p = this.m.kvm_x86_params;
  const control = vcpu.arch.vmcb;
  const old = control.pause_filter_count;
  if (this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) return;

  control.pause_filter_count =
    this.__grow_ple_window(old, p.pause_filter_count, p.pause_filter_count_grow, p.pause_filter_count_max) & 0xffff;
  if (control.pause_filter_count !== old) {
    this.trace_kvm_ple_window_update(vcpu.vcpu_id, control.pause_filter_count, old);
  }
}

/** arch/x86/kvm/svm/svm.c: shrink_ple_window() */
export function svm_shrink_ple_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const p = this.m.kvm_x86_params;
  const control = vcpu.arch.vmcb;
  const old = control.pause_filter_count;
  if (this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) return;

  control.pause_filter_count =
    this.__shrink_ple_window(old, p.pause_filter_count, p.pause_filter_count_shrink, p.pause_filter_count) & 0xffff;
  if (control.pause_filter_count !== old) {
    this.trace_kvm_ple_window_update(vcpu.vcpu_id, control.pause_filter_count, old);
  }
}

/** arch/x86/kvm/svm/svm.c: pause_interception() */
export function pause_interception(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  const in_kernel = this.svm_get_cpl(vcpu) === 0;

  this.svm_grow_ple_window(vcpu);

  this.kvm_vcpu_on_spin(vcpu, in_kernel);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_skip_emulated_instructionOf', vcpu.id);
    return 0;
  }
  return this.kvm_skip_emulated_instruction(vcpu);
}

/* ---- load, put, creation ---- */

/** arch/x86/kvm/svm/svm.c: svm_vcpu_load() */
export function svm_vcpu_load(this: vmlinux_x86, vcpu: kvm_vcpu, cpu: number): void {
  if (vcpu.scheduled_out && !this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) this.svm_shrink_ple_window(vcpu);
  if (this.kvm_vcpu_apicv_active(vcpu)) this.avic_vcpu_load(vcpu, cpu);
}

/** arch/x86/kvm/svm/svm.c: svm_vcpu_put() */
export function svm_vcpu_put(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (this.kvm_vcpu_apicv_active(vcpu)) this.avic_vcpu_put(vcpu);
}

/** arch/x86/kvm/svm/svm.c: svm_vm_init() */
export function svm_vm_init(this: vmlinux_x86, kvm: kvm): number {
  const p = this.m.kvm_x86_params;
  if (!p.pause_filter_count || !p.pause_filter_thresh) kvm.arch.pause_in_guest = true;
  return 0;
}

/** arch/x86/kvm/svm/svm.c: svm_vcpu_create() */
export function svm_vcpu_create(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return this.avic_init_vcpu(vcpu);
}

/** arch/x86/kvm/svm/svm.c: init_vmcb(): an interrupt shadow and an event to inject stay. */
export function init_vmcb(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.intercept_cr8_write = true;
  // control.int_ctl: V_TPR, V_IRQ
  vcpu.arch.vmcb.v_tpr = 0;
  vcpu.arch.irq_window = false;
  if (!this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) {
    vcpu.arch.vmcb.pause_filter_count = this.m.kvm_x86_params.pause_filter_count;
  }
  if (this.m.kvm[vcpu.kvm].arch.enable_apicv) this.avic_init_vmcb(vcpu);
}

/** arch/x86/kvm/svm/svm.c: __svm_vcpu_reset() */
export function __svm_vcpu_reset(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.nmi_masked = false;
  vcpu.arch.vmcb.awaiting_iret_completion = false;
}

/** arch/x86/kvm/svm/svm.c: svm_vcpu_reset() */
export function svm_vcpu_reset(this: vmlinux_x86, vcpu: kvm_vcpu, init_event: bool): void {
  this.init_vmcb(vcpu);
  if (!init_event) this.__svm_vcpu_reset(vcpu);
  // MODEL: at once, not at the next VMRUN, which makes it 0 in real mode
  vcpu.arch.cpl = 0;
}

/** arch/x86/kvm/svm/svm.c: svm_get_cpl() */
export function svm_get_cpl(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return vcpu.arch.cpl;
}

/** arch/x86/kvm/svm/svm.c: svm_get_interrupt_shadow(): one bit for both kinds. */
export function svm_get_interrupt_shadow(this: vmlinux_x86, vcpu: kvm_vcpu): u32 {
  return vcpu.arch.int_shadow ? KVM_X86_SHADOW_INT_STI | KVM_X86_SHADOW_INT_MOV_SS : 0;
}

/** arch/x86/kvm/svm/svm.c: svm_set_interrupt_shadow() */
export function svm_set_interrupt_shadow(this: vmlinux_x86, vcpu: kvm_vcpu, mask: number): void {
  vcpu.arch.int_shadow = mask !== 0;
}

/** arch/x86/kvm/svm/svm.c: svm_skip_emulated_instruction(), with NRIPS. MODEL: no RIP. */
export function svm_skip_emulated_instruction(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.svm_set_interrupt_shadow(vcpu, 0);
  return 1;
}

/** arch/x86/kvm/svm/svm.c: svm_complete_emulated_msr() */
export function svm_complete_emulated_msr(this: vmlinux_x86, vcpu: kvm_vcpu, err: number): number {
  return this.kvm_complete_insn_gp(vcpu, err);
}

/* ---- interrupts ---- */

/** arch/x86/kvm/svm/svm.c: svm_set_iret_intercept() */
export function svm_set_iret_intercept(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.intercept_iret = true;
}

/** arch/x86/kvm/svm/svm.c: svm_clr_iret_intercept() */
export function svm_clr_iret_intercept(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.intercept_iret = false;
}

/** arch/x86/kvm/svm/svm.c: svm_inject_exception(). MODEL: no payload, no software exception. */
export function svm_inject_exception(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const ex = vcpu.arch.exception;
  const code = ex.has_error_code ? INTR_INFO_DELIVER_CODE_MASK : 0;
  vcpu.arch.event_inj = ex.vector | INTR_TYPE_HARD_EXCEPTION | code;
}

/** arch/x86/kvm/svm/svm.c: svm_inject_irq() */
export function svm_inject_irq(this: vmlinux_x86, vcpu: kvm_vcpu, reinjected: bool): void {
  const intr = vcpu.arch.interrupt;
  if (intr.soft) throw new NotModelled('svm_inject_irq: a software interrupt');
  this.trace_kvm_inj_virq(intr.nr, intr.soft, reinjected);
  vcpu.stat.irq_injections++;
  vcpu.arch.event_inj = intr.nr;
}

/** arch/x86/kvm/svm/svm.c: svm_inject_nmi() */
export function svm_inject_nmi(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.event_inj = INTR_TYPE_NMI_INTR | 2;
  vcpu.arch.nmi_masked = true;
  this.svm_set_iret_intercept(vcpu);
  vcpu.stat.nmi_injections++;
}

/** arch/x86/kvm/svm/svm.c: svm_complete_interrupt_delivery() */
export function svm_complete_interrupt_delivery(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  delivery_mode: number,
  trig_mode: number,
  vector: number,
): void {
  // RACE: mode is read before apicv_active, the other way round than vcpu_enter_guest() stores them
  const in_guest_mode = vcpu.mode === IN_GUEST_MODE;

  if (!vcpu.arch.apic.apicv_active) {
    this.kvm_make_request(KVM_REQ_EVENT, vcpu);
    this.kvm_vcpu_kick(vcpu);
    return;
  }

  this.trace_kvm_apicv_accept_irq(vcpu.vcpu_id, delivery_mode, trig_mode, vector);
  if (in_guest_mode) this.avic_ring_doorbell(vcpu);
  else this.kvm_vcpu_wake_up(vcpu);
}

/** arch/x86/kvm/svm/svm.c: svm_deliver_interrupt() */
export function svm_deliver_interrupt(
  this: vmlinux_x86,
  apic: kvm_lapic,
  delivery_mode: number,
  trig_mode: number,
  vector: number,
): void {
  this.kvm_lapic_set_irr(vector, apic);
  // RACE: IRR is stored before mode is read; vcpu_enter_guest() stores mode before the CPU looks at IRR
  this.svm_complete_interrupt_delivery(this.m.vcpu[apic.vcpu], delivery_mode, trig_mode, vector);
}

/** arch/x86/kvm/svm/svm.c: svm_update_cr8_intercept() */
export function svm_update_cr8_intercept(this: vmlinux_x86, vcpu: kvm_vcpu, tpr: number, irr: number): void {
  vcpu.arch.vmcb.intercept_cr8_write = false;
  if (irr === -1) return;
  if (tpr >= irr) vcpu.arch.vmcb.intercept_cr8_write = true;
}

/** arch/x86/kvm/svm/svm.c: svm_get_nmi_mask() */
export function svm_get_nmi_mask(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.arch.nmi_masked;
}

/** arch/x86/kvm/svm/svm.c: svm_set_nmi_mask() */
export function svm_set_nmi_mask(this: vmlinux_x86, vcpu: kvm_vcpu, masked: bool): void {
  vcpu.arch.nmi_masked = masked;
  if (masked) this.svm_set_iret_intercept(vcpu);
  else this.svm_clr_iret_intercept(vcpu);
}

/** arch/x86/kvm/svm/svm.c: svm_nmi_blocked() */
export function svm_nmi_blocked(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.svm_get_nmi_mask(vcpu) || vcpu.arch.int_shadow;
}

/** arch/x86/kvm/svm/svm.c: svm_nmi_allowed() */
export function svm_nmi_allowed(this: vmlinux_x86, vcpu: kvm_vcpu, _for_injection: bool): number {
  return this.svm_nmi_blocked(vcpu) ? 0 : 1;
}

/** arch/x86/kvm/svm/svm.c: svm_interrupt_blocked() */
export function svm_interrupt_blocked(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return !vcpu.arch.if_flag || vcpu.arch.int_shadow;
}

/** arch/x86/kvm/svm/svm.c: svm_interrupt_allowed() */
export function svm_interrupt_allowed(this: vmlinux_x86, vcpu: kvm_vcpu, _for_injection: bool): number {
  return this.svm_interrupt_blocked(vcpu) ? 0 : 1;
}

/** arch/x86/kvm/svm/svm.c: svm_set_vintr() */
export function svm_set_vintr(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.warnOn(this.kvm_vcpu_apicv_activated(vcpu), 'svm_set_vintr: AVIC is active');
  vcpu.arch.irq_window = true;
}

/** arch/x86/kvm/svm/svm.c: svm_clear_vintr() */
export function svm_clear_vintr(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.irq_window = false;
}

/** arch/x86/kvm/svm/svm.c: svm_enable_irq_window() */
export function svm_enable_irq_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  // the window is a virtual interrupt, which AVIC cannot have beside its own
  this.kvm_set_apicv_inhibit(this.m.kvm[vcpu.kvm], APICV_INHIBIT_REASON_IRQWIN);
  this.svm_set_vintr(vcpu);
}

/** arch/x86/kvm/svm/svm.c: disable_nmi_singlestep(). MODEL: the guest does not single-step itself. */
export function disable_nmi_singlestep(this: vmlinux_x86, svm: kvm_vcpu['arch']['vmcb']): void {
  svm.nmi_singlestep = false;
}

/** arch/x86/kvm/svm/svm.c: svm_enable_nmi_window(). MODEL: GIF is set, there is no nested guest. */
export function svm_enable_nmi_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const svm = vcpu.arch.vmcb;
  // masked: the IRET exits, and only behind it are NMIs open
  if (this.svm_get_nmi_mask(vcpu) && !svm.awaiting_iret_completion) return;
  svm.nmi_singlestep = true;
}

/** arch/x86/kvm/svm/svm.c: svm_enable_smi_window(): with GIF set the vCPU is in SMM, and its RSM exits. */
export function svm_enable_smi_window(this: vmlinux_x86, _vcpu: kvm_vcpu): void {}

/** arch/x86/kvm/svm/svm.c: interrupt_window_interception() */
export function interrupt_window_interception(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  this.svm_clear_vintr(vcpu);
  this.kvm_clear_apicv_inhibit(this.m.kvm[vcpu.kvm], APICV_INHIBIT_REASON_IRQWIN);
  vcpu.stat.irq_window_exits++;
  return 1;
}

/* ---- AVIC: who is running ---- */

/** arch/x86/kvm/svm/avic.c: avic_vcpu_load(). MODEL: no IOMMU. */
export function avic_vcpu_load(this: vmlinux_x86, vcpu: kvm_vcpu, _cpu: number): void {
  // a blocking vCPU is no doorbell's target, not even when it was preempted on its way to sleep
  if (this.kvm_vcpu_is_blocking(vcpu)) return;
  this.warnOn(vcpu.arch.vmcb.is_running, 'avic_vcpu_load: IsRunning');
  vcpu.arch.vmcb.is_running = true;
}

/** arch/x86/kvm/svm/avic.c: avic_vcpu_put() */
export function avic_vcpu_put(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.is_running = false;
}

/** arch/x86/kvm/svm/avic.c: avic_vcpu_blocking() */
export function avic_vcpu_blocking(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.kvm_vcpu_apicv_active(vcpu)) return;
  // RACE: IsRunning is cleared before IRR is looked at; who sets IRR then looks at IsRunning
  this.avic_vcpu_put(vcpu);
}

/** arch/x86/kvm/svm/avic.c: avic_vcpu_unblocking() */
export function avic_vcpu_unblocking(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.kvm_vcpu_apicv_active(vcpu)) return;
  this.avic_vcpu_load(vcpu, vcpu.cpu);
}

/* ---- CR8 ---- */

/** arch/x86/kvm/svm/svm.c: cr_interception(), of it MOV to CR8 with decode assists: the value is in RAX. */
export function cr_interception(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const val = vcpu.arch.regs.rax;
  this.trace_kvm_cr_write(8, val);
  return this.kvm_complete_insn_gp(vcpu, this.kvm_set_cr8(vcpu, val));
}

/** arch/x86/kvm/svm/svm.c: cr8_write_interception(), with the local APIC in the kernel. */
export function cr8_write_interception(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.warnOn(this.kvm_vcpu_apicv_active(vcpu), 'cr8_write_interception: AVIC is active');
  return this.cr_interception(vcpu);
}

/** arch/x86/kvm/svm/svm.c: sync_cr8_to_lapic(): TPR comes back through CR8, without its low nibble. */
export function sync_cr8_to_lapic(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!vcpu.arch.vmcb.intercept_cr8_write) this.kvm_set_cr8(vcpu, u64(vcpu.arch.vmcb.v_tpr & 0x0f));
}

/** arch/x86/kvm/svm/svm.c: sync_lapic_to_cr8() */
export function sync_lapic_to_cr8(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.v_tpr = to_u32(this.kvm_get_cr8(vcpu)) & 0x0f;
}

/* ---- entry and exit ---- */

/** arch/x86/kvm/svm/svm.c: svm_complete_interrupts() */
export function svm_complete_interrupts(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const svm = vcpu.arch.vmcb;
  const exitintinfo = svm.exit_int_info;
  if (svm.awaiting_iret_completion && !svm.at_iret) {
    svm.awaiting_iret_completion = false;
    vcpu.arch.nmi_masked = false;
    this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  }

  vcpu.arch.nmi_injected = false;
  this.kvm_clear_exception_queue(vcpu);
  this.kvm_clear_interrupt_queue(vcpu);

  if (exitintinfo === -1) return;

  this.kvm_make_request(KVM_REQ_EVENT, vcpu);

  const vector = exitintinfo & 0xff;
  const type = exitintinfo & INTR_INFO_INTR_TYPE_MASK;
  switch (type) {
    case INTR_TYPE_NMI_INTR:
      vcpu.arch.nmi_injected = true;
      break;
    case INTR_TYPE_HARD_EXCEPTION:
      if (exitintinfo & INTR_INFO_DELIVER_CODE_MASK)
        this.kvm_requeue_exception_e(vcpu, vector, vcpu.arch.exception.error_code);
      else this.kvm_requeue_exception(vcpu, vector);
      break;
    case INTR_TYPE_EXT_INTR:
      this.kvm_queue_interrupt(vcpu, vector, false);
      break;
    case INTR_TYPE_SOFT_INTR:
      this.kvm_queue_interrupt(vcpu, vector, true);
      break;
    default:
      break;
  }
}

/** arch/x86/kvm/svm/svm.c: svm_cancel_injection(): what was to be delivered is so at the next entry. */
export function svm_cancel_injection(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.exit_int_info = vcpu.arch.event_inj;
  vcpu.arch.event_inj = -1;
  this.svm_complete_interrupts(vcpu);
}

/** arch/x86/kvm/svm/svm.c: svm_vcpu_run(): into the guest; its rest, after the exit, is svm_vcpu_runExit(). */
export function svm_vcpu_run(this: vmlinux_x86, vcpu: kvm_vcpu, force_immediate_exit: bool): number {
  this.trace_kvm_entry(vcpu, force_immediate_exit);
  if (vcpu.arch.vmcb.nmi_singlestep && vcpu.arch.event_inj !== -1) {
    // WHY: TF must not be in the flags that the event pushes
    this.disable_nmi_singlestep(vcpu.arch.vmcb);
    force_immediate_exit = true;
  }
  if (force_immediate_exit) this.smp_send_reschedule(vcpu.cpu, 'svm_vcpu_run');
  this.sync_lapic_to_cr8(vcpu);
  this.kvm_wait_lapic_expire(vcpu);

  if (force_immediate_exit) {
    // the reschedule interrupt is pending: the event is delivered, and not one instruction runs
    this.deliverEvent(vcpu);
    vcpu.arch.exit_reason = SVM_EXIT_INTR;
    vcpu.arch.exit_intr_info = 0x8000_0000 + RESCHEDULE_VECTOR;
    vcpu.arch.exit_qualification = ZERO;
    return this.svm_vcpu_runExit(vcpu.id);
  }
  this.untilExit(this.get_current(), 'svm_vcpu_runExit', vcpu.id);
  this.guestEntered(vcpu);
  return EXIT_FASTPATH_NONE;
}

/** svm_vcpu_run(): the guest has exited: how far the fast path got. */
export function svm_vcpu_runExit(this: vmlinux_x86, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  // MODEL: no exit happens while an event is being delivered
  vcpu.arch.vmcb.exit_int_info = -1;
  this.sync_cr8_to_lapic(vcpu);
  this.trace_kvm_exit(vcpu, KVM_ISA_SVM);
  this.svm_complete_interrupts(vcpu);
  return this.svm_exit_handlers_fastpath(vcpu);
}

/** arch/x86/kvm/svm/svm.c: svm_exit_handlers_fastpath(), with NRIPS. */
export function svm_exit_handlers_fastpath(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  switch (vcpu.arch.exit_reason) {
    case SVM_EXIT_MSR:
      if (vcpu.arch.exit_qualification === ZERO) break; // RDMSR
      return this.handle_fastpath_set_msr_irqoff(vcpu);
    case SVM_EXIT_HLT:
      return this.handle_fastpath_hlt(vcpu);
    default:
      break;
  }
  return EXIT_FASTPATH_NONE;
}

/**
 * arch/x86/kvm/svm/svm.c: svm_handle_exit_irqoff()
 *
 * The host's interrupt itself is taken where vcpu_enter_guest() opens interrupts, right after this.
 */
export function svm_handle_exit_irqoff(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (vcpu.arch.exit_reason === SVM_EXIT_INTR) {
    vcpu.arch.at_instruction_boundary = true;
    this.hostIrqOfExit(vcpu);
  }
}

/** arch/x86/kvm/svm/svm.c: svm_handle_exit() */
export function svm_handle_exit(this: vmlinux_x86, vcpu: kvm_vcpu, exit_fastpath: number): number {
  if (exit_fastpath === EXIT_FASTPATH_EXIT_USERSPACE) return 0;
  if (exit_fastpath !== EXIT_FASTPATH_NONE) return 1;
  return this.svm_invoke_exit_handler(vcpu, vcpu.arch.exit_reason);
}

/** arch/x86/kvm/svm/svm.c: intr_interception() */
export function intr_interception(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  vcpu.stat.irq_exits++;
  return 1;
}

/** arch/x86/kvm/svm/svm.c: iret_interception(): the IRET is yet to be executed, without an exit. */
export function iret_interception(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  vcpu.stat.nmi_window_exits++;
  vcpu.arch.vmcb.awaiting_iret_completion = true;
  this.svm_clr_iret_intercept(vcpu);
  vcpu.arch.vmcb.at_iret = true;
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  return 1;
}

/** arch/x86/kvm/svm/svm.c: db_interception(): the end of a single step. MODEL: nobody debugs the guest. */
export function db_interception(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  if (!vcpu.arch.vmcb.nmi_singlestep) throw new NotModelled('db_interception: a #DB of the guest');
  this.disable_nmi_singlestep(vcpu.arch.vmcb);
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  return 1;
}

/** arch/x86/kvm/svm/svm.c: svm_invoke_exit_handler() */
export function svm_invoke_exit_handler(this: vmlinux_x86, vcpu: kvm_vcpu, exit_code: number): number {
  switch (exit_code) {
    case SVM_EXIT_WRITE_CR8:
      return this.cr8_write_interception(vcpu);
    case SVM_EXIT_INTR:
      return this.intr_interception(vcpu);
    case SVM_EXIT_VINTR:
      return this.interrupt_window_interception(vcpu);
    case SVM_EXIT_EXCP_DB:
      return this.db_interception(vcpu);
    case SVM_EXIT_IRET:
      return this.iret_interception(vcpu);
    case SVM_EXIT_PAUSE:
      return this.pause_interception(vcpu);
    case SVM_EXIT_HLT:
      return this.kvm_emulate_halt(vcpu);
    case SVM_EXIT_MSR:
      return vcpu.arch.exit_qualification === ZERO ? this.kvm_emulate_rdmsr(vcpu) : this.kvm_emulate_wrmsr(vcpu);
    case SVM_EXIT_VMMCALL:
      return this.kvm_emulate_hypercall(vcpu);
    case SVM_EXIT_NPF:
      return this.emulateApicAccess(vcpu);
    case SVM_EXIT_AVIC_INCOMPLETE_IPI: {
      const e = vcpu.arch.avic_exit;
      return this.avic_incomplete_ipi_interception(vcpu, e.icrl, e.icrh, e.id, e.index);
    }
    case SVM_EXIT_AVIC_UNACCELERATED_ACCESS:
      return this.avic_unaccelerated_access_interception(vcpu, to_u32(vcpu.arch.exit_qualification) & 0xff0, 0, true);
    default:
      throw new NotModelled(`SVM exit code 0x${exit_code.toString(16)}`);
  }
}
