// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm (v6.5): what differs from the pin of that which a vCPU passes on its way into the guest and out of it. Of kvm_amd, whose
 * files the tree at hand lacks, as in 6.1.192.
 */
import {
  EXIT_FASTPATH_EXIT_HANDLED,
  EXIT_FASTPATH_NONE,
  EXIT_FASTPATH_REENTER_GUEST,
  type kvm_vcpu,
} from '../../arch/x86/kvm_host.js';
import { SVM_EXIT_MSR } from '../../arch/x86/svm.js';
import { EXIT_REASON_MSR_WRITE, EXIT_REASON_PREEMPTION_TIMER } from '../../arch/x86/vmx.js';
import { KVM_REQ_UNBLOCK } from '../../kvm/kvm_host.js';
import { APIC_BASE_MSR, APIC_ICR, MSR_IA32_TSC_DEADLINE } from '../../lapic/apicdef.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import { type bool, to_u32, ZERO } from '../../lib/types.js';
import type { vmlinux_6_5 } from './adds.js';

/** arch/x86/kvm/vmx/vmx.c: vmx_exit_handlers_fastpath(): HLT is not among them (1876dd69dfe8 came with v6.12). */
export function vmx_exit_handlers_fastpath(this: vmlinux_6_5, vcpu: kvm_vcpu, force_immediate_exit: bool): number {
  switch (vcpu.arch.exit_reason) {
    case EXIT_REASON_MSR_WRITE:
      return this.handle_fastpath_set_msr_irqoff(vcpu);
    case EXIT_REASON_PREEMPTION_TIMER:
      return this.handle_fastpath_preemption_timer(vcpu, force_immediate_exit);
    default:
      return EXIT_FASTPATH_NONE;
  }
}

/** arch/x86/kvm/svm/svm.c: svm_exit_handlers_fastpath() */
export function svm_exit_handlers_fastpath(this: vmlinux_6_5, vcpu: kvm_vcpu): number {
  const writes = vcpu.arch.exit_reason === SVM_EXIT_MSR && vcpu.arch.exit_qualification !== ZERO;
  return writes ? this.handle_fastpath_set_msr_irqoff(vcpu) : EXIT_FASTPATH_NONE;
}

/**
 * arch/x86/kvm/x86.c: handle_fastpath_set_msr_irqoff()
 *
 * WHY not REENTER_GUEST for an IPI: who sends one leaves the inner loop of vcpu_enter_guest() for it.
 */
export function handle_fastpath_set_msr_irqoff(this: vmlinux_6_5, vcpu: kvm_vcpu): number {
  const msr = to_u32(vcpu.arch.regs.rcx);
  const data = this.kvm_read_edx_eax(vcpu);
  let ret = EXIT_FASTPATH_NONE;

  switch (msr) {
    case APIC_BASE_MSR + (APIC_ICR >> 4):
      if (this.handle_fastpath_set_x2apic_icr_irqoff(vcpu, data) === 0) {
        this.kvm_skip_emulated_instruction(vcpu);
        ret = EXIT_FASTPATH_EXIT_HANDLED;
      }
      break;
    case MSR_IA32_TSC_DEADLINE:
      if (this.handle_fastpath_set_tscdeadline(vcpu, data) === 0) {
        this.kvm_skip_emulated_instruction(vcpu);
        ret = EXIT_FASTPATH_REENTER_GUEST;
      }
      break;
    default:
      break;
  }
  if (ret !== EXIT_FASTPATH_NONE) this.trace_kvm_msr(1, msr, data, false);
  return ret;
}

/** arch/x86/kvm/x86.c: __kvm_emulate_halt(): halted, whatever waits for it; vcpu_block() finds that. */
export function __kvm_emulate_halt(this: vmlinux_6_5, vcpu: kvm_vcpu, state: number, _reason: number): number {
  vcpu.stat.halt_exits++;
  vcpu.arch.mp_state = state;
  return 1;
}

/** arch/x86/kvm/lapic.c: apic_timer_expired(): APICv is all that decides whether it is injected at once. */
export function apic_timer_expired(this: vmlinux_6_5, apic: kvm_lapic, from_timer_fn: bool): void {
  const vcpu = this.m.vcpu[apic.vcpu];
  const ktimer = apic.lapic_timer;

  if (ktimer.pending !== 0) return;

  if (this.apic_lvtt_tscdeadline(apic) || ktimer.hv_timer_in_use) ktimer.expired_tscdeadline = ktimer.tscdeadline;

  if (!from_timer_fn && apic.apicv_active) {
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
