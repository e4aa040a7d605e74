// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/s390/kvm/sigp.c (6.12.117): a guest's CPUs call each other.
 *
 * Not mirrored: orders that stop, start and reset CPUs, those with a prefix or a status, conditional emergency signals. MODEL:
 * userspace has not asked for any of them (KVM_CAP_S390_USER_SIGP).
 */
import { NotModelled } from '../../lib/bug.js';
import { EBUSY } from '../../lib/errno.js';
import { and, not, or, to_u32, U32_MAX, type u8, type u16, type u32, u64, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import { PGM_PRIVILEGED_OP } from './diag.js';
import {
  CPUSTAT_RUNNING,
  CPUSTAT_STOPPED,
  KVM_S390_INT_EMERGENCY,
  KVM_S390_INT_EXTERNAL_CALL,
  type kvm_vcpu,
  PSW_MASK_PSTATE,
  SIGP_CC_BUSY,
  SIGP_CC_NOT_OPERATIONAL,
  SIGP_CC_ORDER_CODE_ACCEPTED,
  SIGP_CC_STATUS_STORED,
  SIGP_EMERGENCY_SIGNAL,
  SIGP_EXTERNAL_CALL,
  SIGP_SENSE,
  SIGP_SENSE_RUNNING,
  SIGP_SET_ARCHITECTURE,
  SIGP_STATUS_EXT_CALL_PENDING,
  SIGP_STATUS_INVALID_PARAMETER,
  SIGP_STATUS_NOT_RUNNING,
  SIGP_STATUS_STOPPED,
} from './kvm_host.js';

const LOW = u64(U32_MAX);

/** The status goes into the low half of the register, whose high half stays: cc 1. */
function stored(vcpu: kvm_vcpu, reg: number, ...status: u64[]): number {
  const { gprs } = vcpu.arch;
  gprs[reg] = status.reduce(or, and(gprs[reg], not(LOW)));
  return SIGP_CC_STATUS_STORED;
}

/** arch/s390/kvm/sigp.c: __sigp_sense(). `reg`: of vcpu's registers, the one that takes a status. */
export function __sigp_sense(this: vmlinux_s390, vcpu: kvm_vcpu, dst_vcpu: kvm_vcpu, reg: number): number {
  const stopped = this.kvm_s390_test_cpuflags(dst_vcpu, CPUSTAT_STOPPED);
  const ext_call_pending = this.kvm_s390_ext_call_pending(dst_vcpu);
  if (!stopped && !ext_call_pending) return SIGP_CC_ORDER_CODE_ACCEPTED;
  return stored(
    vcpu,
    reg,
    ext_call_pending ? SIGP_STATUS_EXT_CALL_PENDING : ZERO,
    stopped ? SIGP_STATUS_STOPPED : ZERO,
  );
}

/** arch/s390/kvm/sigp.c: __sigp_emergency(), with __inject_sigp_emergency() of that file. */
export function __sigp_emergency(this: vmlinux_s390, vcpu: kvm_vcpu, dst_vcpu: kvm_vcpu): number {
  const rc = this.kvm_s390_inject_vcpu(dst_vcpu, { type: KVM_S390_INT_EMERGENCY, code: vcpu.vcpu_id });
  return rc || SIGP_CC_ORDER_CODE_ACCEPTED;
}

/** arch/s390/kvm/sigp.c: __sigp_external_call() */
export function __sigp_external_call(this: vmlinux_s390, vcpu: kvm_vcpu, dst_vcpu: kvm_vcpu, reg: number): number {
  const rc = this.kvm_s390_inject_vcpu(dst_vcpu, { type: KVM_S390_INT_EXTERNAL_CALL, code: vcpu.vcpu_id });
  if (rc === -EBUSY) return stored(vcpu, reg, SIGP_STATUS_EXT_CALL_PENDING);
  return rc || SIGP_CC_ORDER_CODE_ACCEPTED;
}

/** arch/s390/kvm/sigp.c: __sigp_sense_running(). MODEL: the guest has facility 9. */
export function __sigp_sense_running(this: vmlinux_s390, vcpu: kvm_vcpu, dst_vcpu: kvm_vcpu, reg: number): number {
  if (this.kvm_s390_test_cpuflags(dst_vcpu, CPUSTAT_RUNNING)) return SIGP_CC_ORDER_CODE_ACCEPTED;
  return stored(vcpu, reg, SIGP_STATUS_NOT_RUNNING);
}

/** arch/s390/kvm/sigp.c: __sigp_set_arch(): it is in z/Architecture mode already. */
export function __sigp_set_arch(this: vmlinux_s390, vcpu: kvm_vcpu, _parameter: u32, reg: number): number {
  return stored(vcpu, reg, SIGP_STATUS_INVALID_PARAMETER);
}

/** arch/s390/kvm/sigp.c: handle_sigp_dst() */
export function handle_sigp_dst(
  this: vmlinux_s390,
  vcpu: kvm_vcpu,
  order_code: u8,
  cpu_addr: u16,
  _parameter: u32,
  reg: number,
): number {
  const { stat } = vcpu.arch;
  const dst = this.kvm_get_vcpu_by_id(this.m.kvm[vcpu.kvm], cpu_addr);
  if (dst === NULL) return SIGP_CC_NOT_OPERATIONAL;
  const dst_vcpu = this.m.vcpu[dst];
  if (this.kvm_s390_is_stop_irq_pending(dst_vcpu) || this.kvm_s390_is_restart_irq_pending(dst_vcpu))
    return SIGP_CC_BUSY;
  switch (order_code) {
    case SIGP_SENSE:
      stat.instruction_sigp_sense++;
      return this.__sigp_sense(vcpu, dst_vcpu, reg);
    case SIGP_EXTERNAL_CALL:
      stat.instruction_sigp_external_call++;
      return this.__sigp_external_call(vcpu, dst_vcpu, reg);
    case SIGP_EMERGENCY_SIGNAL:
      stat.instruction_sigp_emergency++;
      return this.__sigp_emergency(vcpu, dst_vcpu);
    case SIGP_SENSE_RUNNING:
      stat.instruction_sigp_sense_running++;
      return this.__sigp_sense_running(vcpu, dst_vcpu, reg);
    default:
      throw new NotModelled(`SIGP order ${order_code}`);
  }
}

/** arch/s390/kvm/sigp.c: kvm_s390_handle_sigp() */
export function kvm_s390_handle_sigp(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { sie_block, gprs, stat } = vcpu.arch;
  const r1 = (sie_block.ipa & 0x00f0) >> 4;
  const r3 = sie_block.ipa & 0x000f;
  const cpu_addr = to_u32(gprs[r3]) & 0xffff;
  if (and(sie_block.gpsw.mask, PSW_MASK_PSTATE) !== ZERO)
    return this.kvm_s390_inject_program_int(vcpu, PGM_PRIVILEGED_OP);

  const order_code = to_u32(this.kvm_s390_get_base_disp_rs(vcpu)) & 0xff;
  const parameter = to_u32(gprs[r1 % 2 ? r1 : r1 + 1]);
  this.trace_kvm_s390_handle_sigp(vcpu, order_code, cpu_addr, parameter);
  let rc: number;
  if (order_code === SIGP_SET_ARCHITECTURE) {
    stat.instruction_sigp_arch++;
    rc = this.__sigp_set_arch(vcpu, parameter, r1);
  } else rc = this.handle_sigp_dst(vcpu, order_code, cpu_addr, parameter, r1);
  if (rc < 0) return rc;
  this.kvm_s390_set_psw_cc(vcpu, rc);
  return 0;
}
