// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/s390/kvm/diag.c (6.12.117): diagnose 0x44 (time slice end) and 0x9c (time slice end, directed).
 *
 * Not mirrored: the other diagnoses, protected guests.
 */
import { NotModelled } from '../../lib/bug.js';
import { EOPNOTSUPP } from '../../lib/errno.js';
import { and, S64_ZERO, s64_diff, s64_lt, to_s32, to_u32, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import { type kvm_vcpu, PSW_MASK_PSTATE } from './kvm_host.js';

/**
 * arch/s390/kvm/diag.c: __diag_time_slice_end()
 *
 * Split: it goes on in __diag_time_slice_endYielded().
 */
export function __diag_time_slice_end(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  vcpu.arch.stat.instruction_diagnose_44++;
  this.kvm_vcpu_on_spin(vcpu, true);
  if (this.notReturned(current)) this.whenBack(current, '__diag_time_slice_endYielded');
  return 0;
}

/** __diag_time_slice_end() and __diag_time_slice_end_directed() when the yielder is back. */
export function __diag_time_slice_endYielded(this: vmlinux_s390): number {
  return 0;
}

/** arch/s390/kvm/diag.c: diag9c_forwarding_overrun(): 1 when this jiffy's budget, one for the whole host, is spent. */
export function diag9c_forwarding_overrun(this: vmlinux_s390): number {
  const { diag9c } = this.m;
  const jiffies = this.get_jiffies_64();
  // RACE: neither word is locked
  if (s64_lt(s64_diff(diag9c.cur_slice, jiffies), S64_ZERO)) {
    diag9c.cur_slice = jiffies;
    diag9c.forward_cnt = Math.trunc(this.m.kvm_s390_params.diag9c_forwarding_hz / this.m.HZ);
  }
  return diag9c.forward_cnt-- <= 0 ? 1 : 0;
}

/**
 * arch/s390/kvm/diag.c: __diag_time_slice_end_directed(): neither `ready` nor eligibility is asked, nothing remembered.
 *
 * Split: it goes on in __diag_time_slice_endYielded().
 */
export function __diag_time_slice_end_directed(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { stat, gprs, sie_block } = vcpu.arch;
  // int tid: of the register, the low half counts
  const tid = to_s32(gprs[(sie_block.ipa & 0xf0) >> 4]);
  stat.instruction_diagnose_9c++;

  const ignored = (): number => {
    stat.diag_9c_ignored++;
    return 0;
  };
  if (tid === vcpu.vcpu_id) return ignored();

  const target = this.kvm_get_vcpu_by_id(this.m.kvm[vcpu.kvm], tid);
  if (target === NULL) return ignored();
  const tcpu = this.m.vcpu[target];

  // loaded: it runs, as far as this host knows
  const tcpu_cpu = tcpu.cpu;
  if (tcpu_cpu >= 0) {
    // WHY this order: the budget is spent before it is known whether there is anybody to yield to
    if (!this.m.kvm_s390_params.diag9c_forwarding_hz || this.diag9c_forwarding_overrun()) return ignored();
    if (!this.vcpu_is_preempted(tcpu_cpu)) return ignored();
    this.smp_yield_cpu(tcpu_cpu);
    stat.diag_9c_forward++;
    return 0;
  }

  const current = this.get_current();
  if (this.kvm_vcpu_yield_to(tcpu) <= 0) return ignored();
  this.whenBack(current, '__diag_time_slice_endYielded');
  return 0;
}

/** arch/s390/kvm/diag.c: kvm_s390_handle_diag(): -EOPNOTSUPP leaves it to userspace. */
export function kvm_s390_handle_diag(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const code = to_u32(this.kvm_s390_get_base_disp_rs(vcpu)) & 0xffff;
  if (and(vcpu.arch.sie_block.gpsw.mask, PSW_MASK_PSTATE) !== ZERO)
    return this.kvm_s390_inject_program_int(vcpu, PGM_PRIVILEGED_OP);
  this.trace_kvm_s390_handle_diag(vcpu, code);
  switch (code) {
    case 0x44:
      return this.__diag_time_slice_end(vcpu);
    case 0x9c:
      return this.__diag_time_slice_end_directed(vcpu);
    case 0x10:
    case 0x258:
    case 0x308:
    case 0x500:
      throw new NotModelled(`diagnose 0x${code.toString(16)}`);
    default:
      vcpu.arch.stat.instruction_diagnose_other++;
      return -EOPNOTSUPP;
  }
}

/** arch/s390/include/asm/kvm_host.h */
export const PGM_PRIVILEGED_OP = 2;

/** arch/s390/kvm/kvm-s390.h: kvm_s390_inject_program_int(). A guest that is modelled makes no such mistake. */
export function kvm_s390_inject_program_int(this: vmlinux_s390, _vcpu: kvm_vcpu, code: number): number {
  throw new NotModelled(`a program interrupt of a guest: code ${code}`);
}
