// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/arm64/kvm/handle_exit.c (6.12.117): WFI, WFE and their timed forms; which exit goes to which handler.
 *
 * Not mirrored: every other trap but HVC and that of the register that sends SGIs (see sys_regs.ts).
 */
import { NotModelled } from '../../lib/bug.js';
import { ge } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import {
  ARM_EXCEPTION_EL1_SERROR,
  ARM_EXCEPTION_IRQ,
  ARM_EXCEPTION_TRAP,
  ESR_ELx_EC_HVC64,
  ESR_ELx_EC_SHIFT,
  ESR_ELx_EC_SYS64,
  ESR_ELx_EC_WFx,
  ESR_ELx_WFx_ISS_RV,
  ESR_ELx_WFx_ISS_WFE,
  ESR_ELx_WFx_ISS_WFxT,
  KVM_REG_ARM_TIMER_CNT,
  type kvm_vcpu,
} from './kvm_host.js';

/** arch/arm64/kvm/handle_exit.c: handle_hvc(). PC is behind the instruction by itself. */
export function handle_hvc(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  this.trace_kvm_hvc_arm64(vcpu.arch.pc, vcpu.arch.regs[0]);
  vcpu.arch.hvc_exit_stat++;
  return this.kvm_smccc_call_handler(vcpu);
}

/** arch/arm64/kvm/handle_exit.c: kvm_handle_wfx(): of WFET, the deadline counts only when it is past already. */
export function kvm_handle_wfx(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  const { arch } = vcpu;
  let esr = arch.fault.esr_el2;
  if (esr & ESR_ELx_WFx_ISS_WFE) {
    this.trace_kvm_wfx_arm64(arch.pc, true);
    arch.wfe_exit_stat++;
  } else {
    this.trace_kvm_wfx_arm64(arch.pc, false);
    arch.wfi_exit_stat++;
  }

  if (esr & ESR_ELx_WFx_ISS_WFxT) {
    if (esr & ESR_ELx_WFx_ISS_RV) {
      if (ge(this.kvm_arm_timer_get_reg(vcpu, KVM_REG_ARM_TIMER_CNT), arch.rt)) return this.kvm_incr_pcOf(vcpu.id);
    } else {
      esr &= ~ESR_ELx_WFx_ISS_WFxT;
    }
  }

  if (esr & ESR_ELx_WFx_ISS_WFE) {
    this.kvm_vcpu_on_spin(vcpu, this.vcpu_mode_priv(vcpu));
  } else {
    if (esr & ESR_ELx_WFx_ISS_WFxT) arch.in_wfit = true;
    this.kvm_vcpu_wfi(vcpu);
  }
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_incr_pcOf', vcpu.id);
    return 0;
  }
  return this.kvm_incr_pcOf(vcpu.id);
}

/** arch/arm64/kvm/handle_exit.c: handle_trap_exceptions(). MODEL: no AArch32, whose instructions have conditions. */
export function handle_trap_exceptions(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  const ec = vcpu.arch.fault.esr_el2 >>> ESR_ELx_EC_SHIFT;
  switch (ec) {
    case ESR_ELx_EC_WFx:
      return this.kvm_handle_wfx(vcpu);
    case ESR_ELx_EC_HVC64:
      return this.handle_hvc(vcpu);
    case ESR_ELx_EC_SYS64:
      return this.kvm_handle_sys_reg(vcpu);
    default:
      throw new NotModelled(`a trap of exception class 0x${ec.toString(16)}`);
  }
}

/** arch/arm64/kvm/handle_exit.c: handle_exit(). MODEL: no SError, and the hypervisor stays. */
export function handle_exit(this: vmlinux_arm64, vcpu: kvm_vcpu, exception_index: number): number {
  switch (exception_index) {
    case ARM_EXCEPTION_IRQ:
    case ARM_EXCEPTION_EL1_SERROR:
      return 1;
    case ARM_EXCEPTION_TRAP:
      return this.handle_trap_exceptions(vcpu);
    default:
      throw new NotModelled(`exception ${exception_index}`);
  }
}
