// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/vmx/vmx.c (6.12.117): PLE windows, load and put, interrupt delivery and injection, entry, exit
 * handlers.
 *
 * Not mirrored: nested guests, real mode, the VMCS beyond the fields that interrupts live in. NMI blocking is the
 * hardware's (virtual NMIs). The CPU itself (delivery of events, virtual interrupts) is in vcpu-exits and virtual-interrupts.
 *
 * Two functions are static twice in KVM, here and in svm.c; they carry their file as prefix: grow_ple_window() and
 * shrink_ple_window().
 */
import { IN_GUEST_MODE } from '../../kvm/kvm_host.js';
import { APIC_EOI, LAPIC_MODE_INVALID, LAPIC_MODE_XAPIC } from '../../lapic/apicdef.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import { NotModelled } from '../../lib/bug.js';
import { ERANGE } from '../../lib/errno.js';
import { RESCHEDULE_VECTOR } from '../../lib/irq_vectors.js';
import { add, and, type bool, gt, max, shr, sub, to_u32, U64_MAX, type u32, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import {
  APICV_INHIBIT_REASON_ABSENT,
  APICV_INHIBIT_REASON_APIC_BASE_MODIFIED,
  APICV_INHIBIT_REASON_APIC_ID_MODIFIED,
  APICV_INHIBIT_REASON_BLOCKIRQ,
  APICV_INHIBIT_REASON_DISABLED,
  APICV_INHIBIT_REASON_HYPERV,
  APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED,
  EXIT_FASTPATH_EXIT_HANDLED,
  EXIT_FASTPATH_EXIT_USERSPACE,
  EXIT_FASTPATH_NONE,
  EXIT_FASTPATH_REENTER_GUEST,
  KVM_ISA_VMX,
  KVM_REQ_APIC_PAGE_RELOAD,
  KVM_REQ_EVENT,
  KVM_REQ_TLB_FLUSH_CURRENT,
  KVM_X86_SHADOW_INT_STI,
  type kvm,
  type kvm_vcpu,
  TYPE_LINEAR_APIC_INST_WRITE,
} from './kvm_host.js';
import { POSTED_INTR_VECTOR } from './posted_intr.js';

/** arch/x86/include/uapi/asm/vmx.h */
export const EXIT_REASON_EXTERNAL_INTERRUPT = 1;
export const EXIT_REASON_INTERRUPT_WINDOW = 7;
export const EXIT_REASON_NMI_WINDOW = 8;
export const EXIT_REASON_HLT = 12;
export const EXIT_REASON_VMCALL = 18;
export const EXIT_REASON_MSR_READ = 31;
export const EXIT_REASON_MSR_WRITE = 32;
export const EXIT_REASON_PAUSE_INSTRUCTION = 40;
export const EXIT_REASON_TPR_BELOW_THRESHOLD = 43;
export const EXIT_REASON_APIC_ACCESS = 44;
export const EXIT_REASON_EOI_INDUCED = 45;
export const EXIT_REASON_EPT_MISCONFIG = 49;
export const EXIT_REASON_PREEMPTION_TIMER = 52;
export const EXIT_REASON_APIC_WRITE = 56;

/** arch/x86/include/asm/vmx.h: of the event in VM_ENTRY_INTR_INFO_FIELD; the VMCB's event_inj has the same bits */
export const INTR_INFO_INTR_TYPE_MASK = 7 << 8;
export const INTR_INFO_DELIVER_CODE_MASK = 1 << 11;
export const INTR_TYPE_EXT_INTR = 0 << 8;
export const INTR_TYPE_NMI_INTR = 2 << 8;
export const INTR_TYPE_HARD_EXCEPTION = 3 << 8;
export const INTR_TYPE_SOFT_INTR = 4 << 8;

const APIC_ACCESS_OFFSET = 0xfff;
const APIC_ACCESS_TYPE = 0xf000;
const bit = (nr: number): u32 => 1 << nr;

/** arch/x86/kvm/vmx/main.c: VMX_REQUIRED_APICV_INHIBITS */
export const VMX_REQUIRED_APICV_INHIBITS =
  bit(APICV_INHIBIT_REASON_DISABLED) |
  bit(APICV_INHIBIT_REASON_ABSENT) |
  bit(APICV_INHIBIT_REASON_HYPERV) |
  bit(APICV_INHIBIT_REASON_BLOCKIRQ) |
  bit(APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED) |
  bit(APICV_INHIBIT_REASON_APIC_ID_MODIFIED) |
  bit(APICV_INHIBIT_REASON_APIC_BASE_MODIFIED);

/* ---- PLE ---- */

/** arch/x86/kvm/vmx/vmx.c: grow_ple_window() */
export function vmx_grow_ple_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const p = this.m.kvm_x86_params;
  const old = vcpu.arch.ple_window;
  vcpu.arch.ple_window = this.__grow_ple_window(old, p.ple_window, p.ple_window_grow, p.ple_window_max);
  if (vcpu.arch.ple_window !== old) {
    vcpu.arch.ple_window_dirty = true;
    this.trace_kvm_ple_window_update(vcpu.vcpu_id, vcpu.arch.ple_window, old);
  }
}

/** arch/x86/kvm/vmx/vmx.c: shrink_ple_window() */
export function vmx_shrink_ple_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const p = this.m.kvm_x86_params;
  const old = vcpu.arch.ple_window;
  vcpu.arch.ple_window = this.__shrink_ple_window(old, p.ple_window, p.ple_window_shrink, p.ple_window);
  if (vcpu.arch.ple_window !== old) {
    vcpu.arch.ple_window_dirty = true;
    this.trace_kvm_ple_window_update(vcpu.vcpu_id, vcpu.arch.ple_window, old);
  }
}

/** arch/x86/kvm/vmx/vmx.c: handle_pause() */
export function handle_pause(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  if (!this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) this.vmx_grow_ple_window(vcpu);

  // WHY true: hardware ignores PAUSE loops at CPL > 0, so whoever gets here spins in the kernel
  this.kvm_vcpu_on_spin(vcpu, true);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_skip_emulated_instructionOf', vcpu.id);
    return 0;
  }
  return this.kvm_skip_emulated_instruction(vcpu);
}

/* ---- load, put, creation ---- */

/** arch/x86/kvm/vmx/vmx.c: vmx_vcpu_load() */
export function vmx_vcpu_load(this: vmlinux_x86, vcpu: kvm_vcpu, cpu: number): void {
  if (vcpu.scheduled_out && !this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) this.vmx_shrink_ple_window(vcpu);
  this.vmx_vcpu_pi_load(vcpu, cpu);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_vcpu_put() */
export function vmx_vcpu_put(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.vmx_vcpu_pi_put(vcpu);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_vm_init() */
export function vmx_vm_init(this: vmlinux_x86, kvm: kvm): number {
  if (!this.m.kvm_x86_params.ple_gap) kvm.arch.pause_in_guest = true;
  return 0;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_vcpu_create() */
export function vmx_vcpu_create(this: vmlinux_x86, _vcpu: kvm_vcpu): number {
  return 0;
}

/** arch/x86/kvm/vmx/vmx.c: init_vmcs() */
export function init_vmcs(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  // exec_controls_set()
  vcpu.arch.irq_window = false;
  vcpu.arch.nmi_window = false;
  if (this.m.kvm[vcpu.kvm].arch.enable_apicv) {
    vcpu.arch.vmcs.eoi_exit_bitmap.fill(0);
    vcpu.arch.vmcs.guest_intr_status = 0;
  }
  if (!this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm])) {
    vcpu.arch.ple_window = this.m.kvm_x86_params.ple_window;
    vcpu.arch.ple_window_dirty = true;
  }
  vcpu.arch.vmcs.tpr_threshold = 0;
}

/** arch/x86/kvm/vmx/vmx.c: __vmx_vcpu_reset() */
export function __vmx_vcpu_reset(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.init_vmcs(vcpu);
  vcpu.arch.pi_desc.nv = POSTED_INTR_VECTOR;
  vcpu.arch.pi_desc.sn = 1;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_vcpu_reset() */
export function vmx_vcpu_reset(this: vmlinux_x86, vcpu: kvm_vcpu, init_event: bool): void {
  if (!init_event) this.__vmx_vcpu_reset(vcpu);
  vcpu.arch.vmcs.hv_deadline_tsc = U64_MAX;
  this.kvm_set_cr8(vcpu, ZERO);
  // SS.DPL, GUEST_INTERRUPTIBILITY_INFO, VM_ENTRY_INTR_INFO_FIELD
  vcpu.arch.cpl = 0;
  vcpu.arch.nmi_masked = false;
  vcpu.arch.int_shadow = false;
  vcpu.arch.event_inj = -1;
  this.kvm_make_request(KVM_REQ_APIC_PAGE_RELOAD, vcpu);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_get_cpl() */
export function vmx_get_cpl(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return vcpu.arch.cpl;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_get_interrupt_shadow() */
export function vmx_get_interrupt_shadow(this: vmlinux_x86, vcpu: kvm_vcpu): u32 {
  return vcpu.arch.int_shadow ? KVM_X86_SHADOW_INT_STI : 0;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_set_interrupt_shadow() */
export function vmx_set_interrupt_shadow(this: vmlinux_x86, vcpu: kvm_vcpu, mask: number): void {
  vcpu.arch.int_shadow = mask !== 0;
}

/** arch/x86/kvm/vmx/vmx.c: skip_emulated_instruction(). MODEL: no RIP; the guest goes on behind the instruction. */
export function skip_emulated_instruction(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.vmx_set_interrupt_shadow(vcpu, 0);
  return 1;
}

/**
 * arch/x86/kvm/vmx/vmx.c: vmx_set_virtual_apic_mode()
 *
 * MODEL: with FlexPriority. What the execution controls make of an access is the machine's.
 */
export function vmx_set_virtual_apic_mode(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.lapic_in_kernel(vcpu)) return;
  switch (this.kvm_get_apic_mode(vcpu)) {
    case LAPIC_MODE_INVALID:
      this.warnOn(true, 'vmx_set_virtual_apic_mode: LAPIC_MODE_INVALID');
      break;
    case LAPIC_MODE_XAPIC:
      this.kvm_make_request(KVM_REQ_APIC_PAGE_RELOAD, vcpu);
      this.kvm_make_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu);
      break;
    default: // disabled, x2APIC: controls only
      break;
  }
}

/* ---- interrupts ---- */

/** arch/x86/kvm/vmx/vmx.c: kvm_vcpu_trigger_posted_interrupt() */
export function kvm_vcpu_trigger_posted_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu, pi_vec: number): void {
  if (vcpu.mode === IN_GUEST_MODE) {
    // from its own fast path: PIR is looked at before the guest goes on
    if (vcpu.id !== this.kvm_get_running_vcpu()) this.notifyPosted(vcpu, pi_vec);
    return;
  }
  this.kvm_vcpu_wake_up(vcpu);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_deliver_posted_interrupt(): 0 when posted. */
export function vmx_deliver_posted_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number): number {
  if (!vcpu.arch.apic.apicv_active) return -1;
  if (this.pi_test_and_set_pir(vector, vcpu.arch.pi_desc)) return 0;
  // whoever set ON has notified
  if (this.pi_test_and_set_on(vcpu.arch.pi_desc)) return 0;
  // RACE: ON is set before mode is read; vcpu_enter_guest() stores mode before it reads ON
  this.kvm_vcpu_trigger_posted_interrupt(vcpu, POSTED_INTR_VECTOR);
  return 0;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_deliver_interrupt() */
export function vmx_deliver_interrupt(
  this: vmlinux_x86,
  apic: kvm_lapic,
  delivery_mode: number,
  trig_mode: number,
  vector: number,
): void {
  const vcpu = this.m.vcpu[apic.vcpu];
  if (this.vmx_deliver_posted_interrupt(vcpu, vector)) {
    this.kvm_lapic_set_irr(vector, apic);
    this.kvm_make_request(KVM_REQ_EVENT, vcpu);
    this.kvm_vcpu_kick(vcpu);
  } else {
    this.trace_kvm_apicv_accept_irq(vcpu.vcpu_id, delivery_mode, trig_mode, vector);
  }
}

/** arch/x86/kvm/vmx/vmx.c: vmx_enable_irq_window() */
export function vmx_enable_irq_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.irq_window = true;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_enable_nmi_window() */
export function vmx_enable_nmi_window(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (vcpu.arch.int_shadow) this.vmx_enable_irq_window(vcpu);
  else vcpu.arch.nmi_window = true;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_enable_smi_window(): the RSM that ends SMM exits in any case. */
export function vmx_enable_smi_window(this: vmlinux_x86, _vcpu: kvm_vcpu): void {}

/** arch/x86/kvm/vmx/vmx.c: vmx_inject_irq() */
export function vmx_inject_irq(this: vmlinux_x86, vcpu: kvm_vcpu, reinjected: bool): void {
  const irq = vcpu.arch.interrupt.nr;
  this.trace_kvm_inj_virq(irq, vcpu.arch.interrupt.soft, reinjected);
  vcpu.stat.irq_injections++;
  vcpu.arch.event_inj = irq | (vcpu.arch.interrupt.soft ? INTR_TYPE_SOFT_INTR : INTR_TYPE_EXT_INTR);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_inject_exception(). MODEL: no payload, no software exception. */
export function vmx_inject_exception(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const ex = vcpu.arch.exception;
  const code = ex.has_error_code ? INTR_INFO_DELIVER_CODE_MASK : 0;
  vcpu.arch.event_inj = ex.vector | INTR_TYPE_HARD_EXCEPTION | code;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_inject_nmi() */
export function vmx_inject_nmi(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.stat.nmi_injections++;
  vcpu.arch.event_inj = INTR_TYPE_NMI_INTR | 2;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_get_nmi_mask() */
export function vmx_get_nmi_mask(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.arch.nmi_masked;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_set_nmi_mask() */
export function vmx_set_nmi_mask(this: vmlinux_x86, vcpu: kvm_vcpu, masked: bool): void {
  vcpu.arch.nmi_masked = masked;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_nmi_blocked() */
export function vmx_nmi_blocked(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.arch.int_shadow || vcpu.arch.nmi_masked;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_nmi_allowed() */
export function vmx_nmi_allowed(this: vmlinux_x86, vcpu: kvm_vcpu, _for_injection: bool): number {
  return this.vmx_nmi_blocked(vcpu) ? 0 : 1;
}

/** arch/x86/kvm/vmx/vmx.c: __vmx_interrupt_blocked() */
export function __vmx_interrupt_blocked(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return !vcpu.arch.if_flag || vcpu.arch.int_shadow;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_interrupt_blocked() */
export function vmx_interrupt_blocked(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.__vmx_interrupt_blocked(vcpu);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_interrupt_allowed() */
export function vmx_interrupt_allowed(this: vmlinux_x86, vcpu: kvm_vcpu, _for_injection: bool): number {
  return this.vmx_interrupt_blocked(vcpu) ? 0 : 1;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_update_cr8_intercept() */
export function vmx_update_cr8_intercept(this: vmlinux_x86, vcpu: kvm_vcpu, tpr: number, irr: number): void {
  vcpu.arch.vmcs.tpr_threshold = irr === -1 || tpr < irr ? 0 : irr;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_hwapic_isr_update(): SVI. */
export function vmx_hwapic_isr_update(this: vmlinux_x86, vcpu: kvm_vcpu, max_isr: number): void {
  const svi = max_isr === -1 ? 0 : max_isr & 0xff;
  vcpu.arch.vmcs.guest_intr_status = (vcpu.arch.vmcs.guest_intr_status & 0xff) | (svi << 8);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_set_rvi() */
export function vmx_set_rvi(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number): void {
  const rvi = vector === -1 ? 0 : vector & 0xff;
  vcpu.arch.vmcs.guest_intr_status = (vcpu.arch.vmcs.guest_intr_status & ~0xff) | rvi;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_hwapic_irr_update() */
export function vmx_hwapic_irr_update(this: vmlinux_x86, vcpu: kvm_vcpu, max_irr: number): void {
  this.vmx_set_rvi(vcpu, max_irr);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_sync_pir_to_irr(): the highest vector in IRR, -1 for none. */
export function vmx_sync_pir_to_irr(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const pi_desc = vcpu.arch.pi_desc;
  let max_irr: number;
  let got_posted_interrupt = false;

  if (pi_desc.on) {
    pi_desc.on = 0;
    const out = { value: -1 };
    got_posted_interrupt = this.kvm_apic_update_irr(vcpu, pi_desc.pir, out);
    max_irr = out.value;
  } else {
    max_irr = this.kvm_lapic_find_highest_irr(vcpu);
  }

  if (this.kvm_vcpu_apicv_active(vcpu)) this.vmx_set_rvi(vcpu, max_irr);
  else if (got_posted_interrupt) this.kvm_make_request(KVM_REQ_EVENT, vcpu);

  return max_irr;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_load_eoi_exitmap() */
export function vmx_load_eoi_exitmap(this: vmlinux_x86, vcpu: kvm_vcpu, eoi_exit_bitmap: readonly u32[]): void {
  if (!this.kvm_vcpu_apicv_active(vcpu)) return;
  for (let i = 0; i < 8; i++) vcpu.arch.vmcs.eoi_exit_bitmap[i] = eoi_exit_bitmap[i];
}

/** arch/x86/kvm/vmx/vmx.c: vmx_apicv_pre_state_restore() */
export function vmx_apicv_pre_state_restore(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.pi_desc.on = 0;
  vcpu.arch.pi_desc.pir.fill(0);
}

/* ---- entry and exit ---- */

/** arch/x86/kvm/vmx/vmx.c: __vmx_complete_interrupts(): -1 for an idt_vectoring_info that is not valid. */
export function __vmx_complete_interrupts(this: vmlinux_x86, vcpu: kvm_vcpu, idt_vectoring_info: number): void {
  vcpu.arch.nmi_injected = false;
  this.kvm_clear_exception_queue(vcpu);
  this.kvm_clear_interrupt_queue(vcpu);

  if (idt_vectoring_info === -1) return;

  this.kvm_make_request(KVM_REQ_EVENT, vcpu);

  const vector = idt_vectoring_info & 0xff;
  const type = idt_vectoring_info & INTR_INFO_INTR_TYPE_MASK;
  switch (type) {
    case INTR_TYPE_NMI_INTR:
      vcpu.arch.nmi_injected = true;
      this.vmx_set_nmi_mask(vcpu, false);
      break;
    case INTR_TYPE_HARD_EXCEPTION:
      if (idt_vectoring_info & INTR_INFO_DELIVER_CODE_MASK)
        this.kvm_requeue_exception_e(vcpu, vector, vcpu.arch.exception.error_code);
      else this.kvm_requeue_exception(vcpu, vector);
      break;
    case INTR_TYPE_SOFT_INTR:
    case INTR_TYPE_EXT_INTR:
      this.kvm_queue_interrupt(vcpu, vector, type === INTR_TYPE_SOFT_INTR);
      break;
    default:
      break;
  }
}

/** arch/x86/kvm/vmx/vmx.c: vmx_complete_interrupts(). MODEL: no exit happens while an event is being delivered. */
export function vmx_complete_interrupts(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.__vmx_complete_interrupts(vcpu, -1);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_cancel_injection(): what was to be delivered is so at the next entry. */
export function vmx_cancel_injection(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.__vmx_complete_interrupts(vcpu, vcpu.arch.event_inj);
  vcpu.arch.event_inj = -1;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_vcpu_run(): into the guest; its rest, after the exit, is vmx_vcpu_runExit(). */
export function vmx_vcpu_run(this: vmlinux_x86, vcpu: kvm_vcpu, force_immediate_exit: bool): number {
  this.trace_kvm_entry(vcpu, force_immediate_exit);

  if (vcpu.arch.ple_window_dirty) {
    vcpu.arch.ple_window_dirty = false;
    vcpu.arch.vmcs.ple_window = vcpu.arch.ple_window;
  }
  const { enable_preemption_timer } = this.m.kvm_x86_params;
  if (force_immediate_exit && !enable_preemption_timer) this.smp_send_reschedule(vcpu.cpu, 'vmx_vcpu_run');
  this.kvm_wait_lapic_expire(vcpu);

  if (force_immediate_exit) {
    // the timer is 0, or the interrupt is pending: the event is delivered, and not one instruction runs
    this.deliverEvent(vcpu);
    vcpu.arch.exit_reason = enable_preemption_timer ? EXIT_REASON_PREEMPTION_TIMER : EXIT_REASON_EXTERNAL_INTERRUPT;
    vcpu.arch.exit_intr_info = enable_preemption_timer ? 0 : 0x8000_0000 + RESCHEDULE_VECTOR;
    vcpu.arch.exit_qualification = ZERO;
    return this.vmx_vcpu_runExit(vcpu.id, 1);
  }
  this.untilExit(this.get_current(), 'vmx_vcpu_runExit', vcpu.id, 0);
  this.guestEntered(vcpu);
  return EXIT_FASTPATH_NONE;
}

/** vmx_vcpu_run(): the guest has exited: how far the fast path got. */
export function vmx_vcpu_runExit(this: vmlinux_x86, vcpuId: number, force_immediate_exit: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  this.trace_kvm_exit(vcpu, KVM_ISA_VMX);
  this.vmx_complete_interrupts(vcpu);
  return this.vmx_exit_handlers_fastpath(vcpu, force_immediate_exit !== 0);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_exit_handlers_fastpath() */
export function vmx_exit_handlers_fastpath(this: vmlinux_x86, vcpu: kvm_vcpu, force_immediate_exit: bool): number {
  switch (vcpu.arch.exit_reason) {
    case EXIT_REASON_MSR_WRITE:
      return this.handle_fastpath_set_msr_irqoff(vcpu);
    case EXIT_REASON_PREEMPTION_TIMER:
      return this.handle_fastpath_preemption_timer(vcpu, force_immediate_exit);
    case EXIT_REASON_HLT:
      return this.handle_fastpath_hlt(vcpu);
    default:
      return EXIT_FASTPATH_NONE;
  }
}

/** arch/x86/kvm/vmx/vmx.c: handle_external_interrupt_irqoff() */
export function handle_external_interrupt_irqoff(this: vmlinux_x86, vcpu: kvm_vcpu, _intr_info: u32): void {
  this.hostIrqOfExit(vcpu);
  vcpu.arch.at_instruction_boundary = true;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_handle_exit_irqoff() */
export function vmx_handle_exit_irqoff(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (vcpu.arch.exit_reason === EXIT_REASON_EXTERNAL_INTERRUPT) {
    this.handle_external_interrupt_irqoff(vcpu, vcpu.arch.exit_intr_info);
  }
}

/** arch/x86/kvm/vmx/vmx.c: handle_external_interrupt() */
export function handle_external_interrupt(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  vcpu.stat.irq_exits++;
  return 1;
}

/** arch/x86/kvm/vmx/vmx.c: handle_interrupt_window() */
export function handle_interrupt_window(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  vcpu.arch.irq_window = false;
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  vcpu.stat.irq_window_exits++;
  return 1;
}

/** arch/x86/kvm/vmx/vmx.c: handle_nmi_window() */
export function handle_nmi_window(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  vcpu.arch.nmi_window = false;
  vcpu.stat.nmi_window_exits++;
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  return 1;
}

/** arch/x86/kvm/vmx/vmx.c: handle_tpr_below_threshold() */
export function handle_tpr_below_threshold(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.kvm_apic_update_ppr(vcpu);
  return 1;
}

/** arch/x86/kvm/vmx/vmx.c: handle_apic_access(), with fasteoi; what is not an EOI is emulated. */
export function handle_apic_access(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const qualification = to_u32(vcpu.arch.exit_qualification);
  if (
    (qualification & APIC_ACCESS_TYPE) === TYPE_LINEAR_APIC_INST_WRITE &&
    (qualification & APIC_ACCESS_OFFSET) === APIC_EOI
  ) {
    this.kvm_lapic_set_eoi(vcpu);
    return this.kvm_skip_emulated_instruction(vcpu);
  }
  return this.emulateApicAccess(vcpu);
}

/** arch/x86/kvm/vmx/vmx.c: handle_apic_eoi_induced() */
export function handle_apic_eoi_induced(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.kvm_apic_set_eoi_accelerated(vcpu, to_u32(vcpu.arch.exit_qualification) & 0xff);
  return 1;
}

/** arch/x86/kvm/vmx/vmx.c: handle_apic_write() */
export function handle_apic_write(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.kvm_apic_write_nodecode(vcpu, to_u32(and(vcpu.arch.exit_qualification, u64(0xff0))));
  return 1;
}

/** arch/x86/kvm/vmx/vmx.c: __vmx_handle_exit() */
export function __vmx_handle_exit(this: vmlinux_x86, vcpu: kvm_vcpu, exit_fastpath: number): number {
  if (exit_fastpath === EXIT_FASTPATH_EXIT_USERSPACE) return 0;
  if (exit_fastpath !== EXIT_FASTPATH_NONE) return 1;

  switch (vcpu.arch.exit_reason) {
    case EXIT_REASON_EXTERNAL_INTERRUPT:
      return this.handle_external_interrupt(vcpu);
    case EXIT_REASON_INTERRUPT_WINDOW:
      return this.handle_interrupt_window(vcpu);
    case EXIT_REASON_NMI_WINDOW:
      return this.handle_nmi_window(vcpu);
    case EXIT_REASON_HLT:
      return this.kvm_emulate_halt(vcpu);
    case EXIT_REASON_VMCALL:
      return this.kvm_emulate_hypercall(vcpu);
    case EXIT_REASON_MSR_READ:
      return this.kvm_emulate_rdmsr(vcpu);
    case EXIT_REASON_MSR_WRITE:
      return this.kvm_emulate_wrmsr(vcpu);
    case EXIT_REASON_PAUSE_INSTRUCTION:
      return this.handle_pause(vcpu);
    case EXIT_REASON_TPR_BELOW_THRESHOLD:
      return this.handle_tpr_below_threshold(vcpu);
    case EXIT_REASON_APIC_ACCESS:
      return this.handle_apic_access(vcpu);
    case EXIT_REASON_EPT_MISCONFIG:
      return this.emulateApicAccess(vcpu);
    case EXIT_REASON_EOI_INDUCED:
      return this.handle_apic_eoi_induced(vcpu);
    case EXIT_REASON_PREEMPTION_TIMER:
      return this.handle_preemption_timer(vcpu);
    case EXIT_REASON_APIC_WRITE:
      return this.handle_apic_write(vcpu);
    default:
      throw new NotModelled(`VMX exit reason ${vcpu.arch.exit_reason}`);
  }
}

/** arch/x86/kvm/vmx/vmx.c: vmx_handle_exit() */
export function vmx_handle_exit(this: vmlinux_x86, vcpu: kvm_vcpu, exit_fastpath: number): number {
  return this.__vmx_handle_exit(vcpu, exit_fastpath);
}

/** arch/x86/kvm/vmx/vmx.c: handle_fastpath_preemption_timer() */
export function handle_fastpath_preemption_timer(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  force_immediate_exit: bool,
): number {
  if (force_immediate_exit) return EXIT_FASTPATH_EXIT_HANDLED;
  this.kvm_lapic_expired_hv_timer(vcpu);
  return EXIT_FASTPATH_REENTER_GUEST;
}

/** arch/x86/kvm/vmx/vmx.c: handle_preemption_timer(): outside of the fast path only for a nested guest. */
export function handle_preemption_timer(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.warnOn(true, 'handle_preemption_timer: !is_guest_mode');
  this.kvm_lapic_expired_hv_timer(vcpu);
  return 1;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_set_hv_timer(). MODEL: no TSC scaling. */
export function vmx_set_hv_timer(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  guest_deadline_tsc: u64,
  expired: { value: bool },
): number {
  const tscl = this.rdtsc();
  const guest_tscl = this.kvm_read_l1_tsc(vcpu, tscl);
  const advance = this.nsec_to_cycles(vcpu, u64(vcpu.arch.apic.lapic_timer.timer_advance_ns));
  let delta_tsc = sub(max(guest_deadline_tsc, guest_tscl), guest_tscl);
  delta_tsc = gt(delta_tsc, advance) ? sub(delta_tsc, advance) : ZERO;

  // the timer counts down from 32 bits, in units of 2^cpu_preemption_timer_multi cycles
  const bits = this.m.kvm_x86_params.cpu_preemption_timer_multi + 32;
  if (bits < 64 && shr(delta_tsc, bits) !== ZERO) return -ERANGE;

  vcpu.arch.vmcs.hv_deadline_tsc = add(tscl, delta_tsc);
  expired.value = delta_tsc === ZERO;
  return 0;
}

/** arch/x86/kvm/vmx/vmx.c: vmx_cancel_hv_timer() */
export function vmx_cancel_hv_timer(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcs.hv_deadline_tsc = U64_MAX;
}
