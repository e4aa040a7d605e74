// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/s390/kvm/intercept.c (6.12.117): why SIE was left, and which handler an instruction goes to.
 *
 * Not mirrored: every instruction but DIAGNOSE and SIGP, program interrupts, guest debugging (PER).
 */
import { NotModelled } from '../../lib/bug.js';
import { EOPNOTSUPP } from '../../lib/errno.js';
import { and, ZERO } from '../../lib/types.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import {
  EXT_IRQ_CLK_COMP,
  EXT_IRQ_CPU_TIMER,
  EXT_IRQ_EXTERNAL_CALL,
  EXT_NEW_PSW,
  ICPT_EXTINT,
  ICPT_EXTREQ,
  ICPT_INST,
  ICPT_WAIT,
  KVM_S390_INT_CLOCK_COMP,
  type kvm_vcpu,
  PSW_MASK_EXT,
} from './kvm_host.js';

/** arch/s390/kvm/intercept.c: handle_instruction() */
export function handle_instruction(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { sie_block } = vcpu.arch;
  vcpu.arch.stat.exit_instruction++;
  this.trace_kvm_s390_intercept_instruction(vcpu, sie_block.ipa, 0);
  switch (sie_block.ipa >> 8) {
    case 0x83:
      return this.kvm_s390_handle_diag(vcpu);
    case 0xae:
      return this.kvm_s390_handle_sigp(vcpu);
    default:
      throw new NotModelled(`instruction 0x${sie_block.ipa.toString(16)} of a guest`);
  }
}

/** arch/s390/kvm/intercept.c: handle_external_interrupt(): one that came while another was to be delivered first. */
export function handle_external_interrupt(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { eic } = vcpu.arch.sie_block;
  vcpu.arch.stat.exit_external_interrupt++;
  // its handler would be interrupted by it again and again
  if (eic === EXT_IRQ_CLK_COMP && and(EXT_NEW_PSW, PSW_MASK_EXT) !== ZERO) return -EOPNOTSUPP;
  switch (eic) {
    case EXT_IRQ_CLK_COMP:
      return this.kvm_s390_inject_vcpu(vcpu, { type: KVM_S390_INT_CLOCK_COMP, code: 0 });
    case EXT_IRQ_CPU_TIMER:
    case EXT_IRQ_EXTERNAL_CALL:
      // neither comes without a CPU timer and without SIGP interpretation, whose sender is in extcpuaddr
      throw new NotModelled(`an intercept of external interrupt 0x${eic.toString(16)}`);
    default:
      return -EOPNOTSUPP;
  }
}

/** arch/s390/kvm/intercept.c: kvm_handle_sie_intercept() */
export function kvm_handle_sie_intercept(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { icptcode } = vcpu.arch.sie_block;
  switch (icptcode) {
    case ICPT_EXTREQ:
      vcpu.arch.stat.exit_external_request++;
      return 0;
    case ICPT_INST:
      return this.handle_instruction(vcpu);
    case ICPT_EXTINT:
      return this.handle_external_interrupt(vcpu);
    case ICPT_WAIT:
      return this.kvm_s390_handle_wait(vcpu);
    default:
      throw new NotModelled(`intercept 0x${icptcode.toString(16)}`);
  }
}
