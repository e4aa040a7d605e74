// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/hyperv.c (6.12.117): the hypercall by which a Windows guest says that it has spun for long.
 *
 * Not mirrored: every other hypercall, access rights (the guest may), partition state.
 */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import { NotModelled } from '../../lib/bug.js';
import { and, type bool, shr, to_u32, u64 as toU64, type u64, ZERO } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';

/** include/hyperv/hvgdk_mini.h */
export const HVCALL_NOTIFY_LONG_SPIN_WAIT = 0x0008;
const HV_STATUS_SUCCESS = 0;
const HV_STATUS_INVALID_HYPERCALL_INPUT = 3;
const HV_HYPERCALL_FAST_BIT = toU64(1 << 16);

/** arch/x86/kvm/hyperv.h: kvm_hv_hypercall_enabled() */
export function kvm_hv_hypercall_enabled(this: vmlinux, vcpu: kvm_vcpu): bool {
  return vcpu.arch.hyperv_enabled;
}

/** arch/x86/kvm/hyperv.c: kvm_hv_hypercall_complete() */
export function kvm_hv_hypercall_complete(this: vmlinux, vcpu: kvm_vcpu, result: number): number {
  this.trace_kvm_hv_hypercall_done(toU64(result));
  vcpu.arch.regs.rax = toU64(result);
  vcpu.stat.hypercalls++;
  return this.kvm_skip_emulated_instruction(vcpu);
}

/** kvm_hv_hypercall_complete() as the rest of a hypercall that has slept. */
export function kvm_hv_hypercall_completeOf(this: vmlinux, vcpuId: number, result: number): number {
  return this.kvm_hv_hypercall_complete(this.m.vcpu[vcpuId], result);
}

/** arch/x86/kvm/hyperv.c: kvm_hv_hypercall(): 64-bit input: RCX the control word, RDX the input. */
export function kvm_hv_hypercall(this: vmlinux, vcpu: kvm_vcpu): number {
  if (this.kvm_x86_get_cpl(vcpu) !== 0) throw new NotModelled('kvm_hv_hypercall: #UD');

  const current = this.get_current();
  const param: u64 = vcpu.arch.regs.rcx;
  const code = to_u32(param) & 0xffff;
  const fast = and(param, HV_HYPERCALL_FAST_BIT) !== ZERO;
  const var_cnt = (to_u32(param) >>> 17) & 0x3ff;
  const rep_cnt = to_u32(shr(param, 32)) & 0xfff;
  const rep_idx = to_u32(shr(param, 48)) & 0xfff;
  this.trace_kvm_hv_hypercall(code, fast, var_cnt, rep_cnt, rep_idx, vcpu.arch.regs.rdx, ZERO);

  if (code !== HVCALL_NOTIFY_LONG_SPIN_WAIT) throw new NotModelled(`Hyper-V hypercall 0x${code.toString(16)}`);
  if (rep_cnt !== 0 || rep_idx !== 0 || var_cnt !== 0) {
    return this.kvm_hv_hypercall_complete(vcpu, HV_STATUS_INVALID_HYPERCALL_INPUT);
  }

  this.kvm_vcpu_on_spin(vcpu, true);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_hv_hypercall_completeOf', vcpu.id, HV_STATUS_SUCCESS);
    return 0;
  }
  return this.kvm_hv_hypercall_complete(vcpu, HV_STATUS_SUCCESS);
}
