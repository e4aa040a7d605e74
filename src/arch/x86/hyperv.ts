// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/hyperv.c (6.12.117): the hypercalls by which a Windows guest says that it has spun for long, and sends IPIs.
 *
 * Not mirrored: every other hypercall, access rights (the guest may), partition state.
 */

import { APIC_DEST_PHYSICAL, APIC_DM_FIXED } from '../../lapic/apicdef.js';
import { NotModelled } from '../../lib/bug.js';
import { and, type bool, shr, to_u32, type u32, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { kvm, kvm_vcpu } from './kvm_host.js';
import { UD_VECTOR } from './x86.js';

/** include/asm-generic/hyperv-tlfs.h */
export const HVCALL_NOTIFY_LONG_SPIN_WAIT = 0x0008;
export const HVCALL_SEND_IPI = 0x000b;
const HV_STATUS_SUCCESS = 0;
const HV_STATUS_INVALID_HYPERCALL_CODE = 2;
const HV_STATUS_INVALID_HYPERCALL_INPUT = 3;
export const HV_HYPERCALL_FAST = 1 << 16;
const HV_HYPERCALL_FAST_BIT = u64(HV_HYPERCALL_FAST);
/** arch/x86/include/asm/hyperv-tlfs.h */
const HV_IPI_LOW_VECTOR = 0x10;
const HV_IPI_HIGH_VECTOR = 0xff;
const HV_VCPUS_PER_SPARSE_BANK = 64;
/** bits 27 to 31, 44 to 47, 60 to 63 */
const HV_HYPERCALL_RSVD_MASK = u64(0xf000_f000_f800_0000n);

/** Calls that kvm_hv_hypercall() knows and the model does not: flushes, IPIs to sparse sets, events, messages, debugging, extended ones. */
const UNMODELLED: readonly number[] = [0x02, 0x03, 0x13, 0x14, 0x15, 0x5c, 0x5d, 0x69, 0x6a, 0x6b];
const HV_EXT_CALL_QUERY_CAPABILITIES = 0x8001;
const HV_EXT_CALL_MAX = HV_EXT_CALL_QUERY_CAPABILITIES + 64;

/** arch/x86/kvm/hyperv.h: kvm_hv_hypercall_enabled() */
export function kvm_hv_hypercall_enabled(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.arch.hyperv_enabled;
}

/**
 * arch/x86/kvm/hyperv.c: kvm_hv_hypercall_complete()
 *
 * Split: it goes on in kvm_hv_hypercall_completeOf().
 */
export function kvm_hv_hypercall_complete(this: vmlinux_x86, vcpu: kvm_vcpu, result: number): number {
  this.trace_kvm_hv_hypercall_done(u64(result));
  vcpu.arch.regs.rax = u64(result);
  vcpu.stat.hypercalls++;
  return this.kvm_skip_emulated_instruction(vcpu);
}

/** kvm_hv_hypercall_complete() as the rest of a hypercall that has slept. */
export function kvm_hv_hypercall_completeOf(this: vmlinux_x86, vcpuId: number, result: number): number {
  return this.kvm_hv_hypercall_complete(this.m.vcpu[vcpuId], result);
}

/**
 * arch/x86/kvm/hyperv.c: kvm_hv_send_ipi_to_many(): past kvm_irq_delivery_to_apic(), to each by itself.
 *
 * MODEL: one bank of a sparse set; a vCPU's VP index is its vcpu_idx, as long as no guest has written HV_X64_MSR_VP_INDEX.
 */
export function kvm_hv_send_ipi_to_many(this: vmlinux_x86, kvm: kvm, vector: u32, sparse_bank: u64): void {
  for (const id of kvm.vcpus) {
    const vcpu = this.m.vcpu[id];
    if (vcpu.vcpu_idx >= HV_VCPUS_PER_SPARSE_BANK) continue;
    if (and(shr(sparse_bank, vcpu.vcpu_idx), u64(1)) === ZERO) continue;

    this.kvm_apic_set_irq(
      vcpu,
      {
        vector,
        delivery_mode: APIC_DM_FIXED,
        dest_mode: APIC_DEST_PHYSICAL,
        level: false,
        trig_mode: 0,
        shorthand: 0,
        dest_id: 0,
        msi_redir_hint: false,
      },
      null,
    );
  }
}

/** arch/x86/kvm/hyperv.c: kvm_hv_send_ipi(), of HVCALL_SEND_IPI with its input in registers. */
export function kvm_hv_send_ipi(this: vmlinux_x86, vcpu: kvm_vcpu, fast: bool, ingpa: u64, outgpa: u64): number {
  if (!this.lapic_in_kernel(vcpu)) return HV_STATUS_INVALID_HYPERCALL_INPUT;

  if (!fast) throw new NotModelled('input of HVCALL_SEND_IPI in guest memory');
  if (shr(ingpa, 32) !== ZERO) return HV_STATUS_INVALID_HYPERCALL_INPUT;
  const vector = to_u32(ingpa);

  this.trace_kvm_hv_send_ipi(vector, outgpa);

  if (vector < HV_IPI_LOW_VECTOR || vector > HV_IPI_HIGH_VECTOR) return HV_STATUS_INVALID_HYPERCALL_INPUT;

  this.kvm_hv_send_ipi_to_many(this.m.kvm[vcpu.kvm], vector, outgpa);
  return HV_STATUS_SUCCESS;
}

/** arch/x86/kvm/hyperv.c: kvm_hv_hypercall(): in 64-bit mode: RCX the control word, RDX the input, R8 the output. */
export function kvm_hv_hypercall(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  if (this.kvm_x86_get_cpl(vcpu) !== 0) {
    this.kvm_queue_exception(vcpu, UD_VECTOR);
    return 1;
  }

  const current = this.get_current();
  const { rcx: param, rdx: ingpa, r8: outgpa } = vcpu.arch.regs;
  const code = to_u32(param) & 0xffff;
  const fast = and(param, HV_HYPERCALL_FAST_BIT) !== ZERO;
  const var_cnt = (to_u32(param) >>> 17) & 0x3ff;
  const rep_cnt = to_u32(shr(param, 32)) & 0xfff;
  const rep_idx = to_u32(shr(param, 48)) & 0xfff;
  const rep = rep_cnt !== 0 || rep_idx !== 0;
  this.trace_kvm_hv_hypercall(code, fast, var_cnt, rep_cnt, rep_idx, ingpa, outgpa);

  if (and(param, HV_HYPERCALL_RSVD_MASK) !== ZERO)
    return this.kvm_hv_hypercall_complete(vcpu, HV_STATUS_INVALID_HYPERCALL_INPUT);

  if (code === HVCALL_SEND_IPI) {
    const invalid = var_cnt !== 0 || rep;
    const ret = invalid ? HV_STATUS_INVALID_HYPERCALL_INPUT : this.kvm_hv_send_ipi(vcpu, fast, ingpa, outgpa);
    return this.kvm_hv_hypercall_complete(vcpu, ret);
  }
  if (code !== HVCALL_NOTIFY_LONG_SPIN_WAIT) {
    const extended = code >= HV_EXT_CALL_QUERY_CAPABILITIES && code <= HV_EXT_CALL_MAX;
    if (extended || UNMODELLED.includes(code)) throw new NotModelled(`Hyper-V hypercall 0x${code.toString(16)}`);
    return this.kvm_hv_hypercall_complete(vcpu, HV_STATUS_INVALID_HYPERCALL_CODE);
  }
  if (rep || var_cnt !== 0) return this.kvm_hv_hypercall_complete(vcpu, HV_STATUS_INVALID_HYPERCALL_INPUT);

  this.kvm_vcpu_on_spin(vcpu, true);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_hv_hypercall_completeOf', vcpu.id, HV_STATUS_SUCCESS);
    return 0;
  }
  return this.kvm_hv_hypercall_complete(vcpu, HV_STATUS_SUCCESS);
}
