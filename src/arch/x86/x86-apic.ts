// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/x86.c, x86.h, cpuid.c, smm.h (6.12.117): what of them belongs to the local APIC: MSRs, the ICR's fast
 * path, CPUID, SIPI, SMI, KVM_GET_MP_STATE and KVM_SET_MP_STATE, requests to scan the IOAPIC.
 *
 * MODEL: of SMM, what blocks NMIs, INITs and interrupts. Ioctls of a vCPU do not load it: whoever calls them has, where it
 * matters.
 */
import {
  APIC_BASE_MSR,
  APIC_DEST_MASK,
  APIC_DEST_NOSHORT,
  APIC_DEST_PHYSICAL,
  APIC_DM_FIXED,
  APIC_ICR,
  APIC_MODE_MASK,
  APIC_SHORT_MASK,
  KVM_APIC_SIPI,
  MSR_IA32_APICBASE,
  MSR_IA32_APICBASE_BSP,
  MSR_IA32_TSC_DEADLINE,
  X2APIC_BROADCAST,
} from '../../lapic/apicdef.js';
import type { kvm_lapic_state, msr_data } from '../../lapic/lapic.js';
import { EINVAL } from '../../lib/errno.js';
import { not, shl, shr, sub, to_u32, type u8, type u32, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import {
  EXIT_FASTPATH_EXIT_USERSPACE,
  EXIT_FASTPATH_NONE,
  EXIT_FASTPATH_REENTER_GUEST,
  HF_SMM_INSIDE_NMI_MASK,
  HF_SMM_MASK,
  KVM_FEATURE_PV_EOI,
  KVM_MP_STATE_AP_RESET_HOLD,
  KVM_MP_STATE_HALTED,
  KVM_MP_STATE_INIT_RECEIVED,
  KVM_MP_STATE_RUNNABLE,
  KVM_MP_STATE_SIPI_RECEIVED,
  KVM_MP_STATE_UNINITIALIZED,
  KVM_MSR_RET_UNSUPPORTED,
  KVM_REQ_EVENT,
  KVM_REQ_SCAN_IOAPIC,
  KVM_REQ_SMI,
  KVM_X86_SHADOW_INT_STI,
  type kvm,
  type kvm_vcpu,
} from './kvm_host.js';
import { MSR_IA32_TSC } from './x86-tsc.js';

/** arch/x86/include/uapi/asm/kvm_para.h */
export const MSR_KVM_PV_EOI_EN = 0x4b56_4d04;

/** arch/x86/kvm/x86.h: kvm_check_has_quirk() */
export function kvm_check_has_quirk(this: vmlinux_x86, kvm: kvm, quirk: u32): boolean {
  return (kvm.arch.disabled_quirks & quirk) === 0;
}

/** arch/x86/kvm/x86.c: kvm_vector_hashing_enabled() */
export function kvm_vector_hashing_enabled(this: vmlinux_x86): boolean {
  return this.m.kvm_x86_params.vector_hashing_enabled;
}

/** arch/x86/kvm/x86.c: kvm_vcpu_is_bsp() */
export function kvm_vcpu_is_bsp(this: vmlinux_x86, vcpu: kvm_vcpu): boolean {
  return (to_u32(vcpu.arch.apic_base) & MSR_IA32_APICBASE_BSP) !== 0;
}

/** arch/x86/kvm/cpuid.c: kvm_vcpu_reserved_gpa_bits_raw(): bits 63:MAXPHYADDR. */
export function kvm_vcpu_reserved_gpa_bits_raw(this: vmlinux_x86, vcpu: kvm_vcpu): u64 {
  const maxphyaddr = vcpu.arch.cpuid.maxphyaddr;
  return not(sub(shl(u64(1), maxphyaddr), u64(1)));
}

/** arch/x86/kvm/cpuid.c: kvm_vcpu_after_set_cpuid(): KVM_SET_CPUID2, as far as the APIC depends on it. */
export function kvm_vcpu_after_set_cpuid(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const apic = vcpu.arch.apic;
  apic.lapic_timer.timer_mode_mask = vcpu.arch.cpuid.tsc_deadline ? 3 << 17 : 1 << 17;
  this.kvm_apic_set_version(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_vcpu_deliver_sipi_vector(): CS = vector << 8, IP = 0. */
export function kvm_vcpu_deliver_sipi_vector(this: vmlinux_x86, vcpu: kvm_vcpu, vector: u8): void {
  vcpu.arch.sipi_cs_base = vector << 12;
}

/** arch/x86/kvm/smm.h: kvm_inject_smi(): 0, as CONFIG_KVM_SMM is set. */
export function kvm_inject_smi(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  this.kvm_make_request(KVM_REQ_SMI, vcpu);
  return 0;
}

/** arch/x86/kvm/smm.c: kvm_smm_changed(). MODEL: no MMU. */
export function kvm_smm_changed(this: vmlinux_x86, vcpu: kvm_vcpu, entering_smm: boolean): void {
  this.trace_kvm_smm_transition(vcpu.vcpu_id, u64(vcpu.arch.smbase), entering_smm);

  if (entering_smm) {
    vcpu.arch.hflags |= HF_SMM_MASK;
  } else {
    vcpu.arch.hflags &= ~(HF_SMM_MASK | HF_SMM_INSIDE_NMI_MASK);
    // an INIT or SMI that waited for the end of SMM
    this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  }
}

/** arch/x86/kvm/smm.c: enter_smm(). MODEL: of the state in SMRAM, RFLAGS.IF, CPL and the interrupt shadow. */
export function enter_smm(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const { arch } = vcpu;
  const int_shadow = this.kvm_x86_get_interrupt_shadow(vcpu) !== 0;
  arch.smram = { if_flag: arch.if_flag, cpl: arch.cpl, int_shadow };

  this.kvm_smm_changed(vcpu, true);

  if (this.kvm_x86_get_nmi_mask(vcpu)) arch.hflags |= HF_SMM_INSIDE_NMI_MASK;
  else this.kvm_x86_set_nmi_mask(vcpu, true);

  arch.if_flag = false;
  this.kvm_x86_set_interrupt_shadow(vcpu, 0);
  arch.cpl = 0;
}

/** arch/x86/kvm/smm.c: emulator_leave_smm(): RSM. */
export function emulator_leave_smm(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const { arch } = vcpu;
  if ((arch.hflags & HF_SMM_INSIDE_NMI_MASK) === 0) this.kvm_x86_set_nmi_mask(vcpu, false);

  this.kvm_smm_changed(vcpu, false);

  this.rsm_load_state_64(vcpu);
}

/** arch/x86/kvm/smm.c: rsm_load_state_64(), with the interrupt shadow that the emulator sets behind the RSM. */
export function rsm_load_state_64(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const { smram } = vcpu.arch;
  vcpu.arch.if_flag = smram.if_flag;
  vcpu.arch.cpl = smram.cpl;
  this.kvm_x86_set_interrupt_shadow(vcpu, smram.int_shadow ? KVM_X86_SHADOW_INT_STI : 0);
}

/** arch/x86/kvm/x86.c: kvm_make_scan_ioapic_request_mask(): vcpu_idx that are 1 in the bitmap. */
export function kvm_make_scan_ioapic_request_mask(this: vmlinux_x86, kvm: kvm, vcpu_bitmap: readonly number[]): void {
  const idx: number[] = [];
  for (let i = 0; i < vcpu_bitmap.length; i++) if (vcpu_bitmap[i] === 1) idx.push(i);
  this.kvm_make_vcpus_request_mask(kvm, KVM_REQ_SCAN_IOAPIC, idx);
}

/** arch/x86/kvm/x86.c: kvm_make_scan_ioapic_request() */
export function kvm_make_scan_ioapic_request(this: vmlinux_x86, kvm: kvm): void {
  this.kvm_make_all_cpus_request(kvm, KVM_REQ_SCAN_IOAPIC);
}

/** arch/x86/kvm/x86.c: handle_fastpath_set_x2apic_icr_irqoff(): 0 when the IPI is sent, 1 for the slow path. */
export function handle_fastpath_set_x2apic_icr_irqoff(this: vmlinux_x86, vcpu: kvm_vcpu, data: u64): number {
  if (!this.lapic_in_kernel(vcpu) || !this.apic_x2apic_mode(vcpu.arch.apic)) return 1;

  const low = to_u32(data);
  if (
    (low & APIC_SHORT_MASK) === APIC_DEST_NOSHORT &&
    (low & APIC_DEST_MASK) === APIC_DEST_PHYSICAL &&
    (low & APIC_MODE_MASK) === APIC_DM_FIXED &&
    to_u32(shr(data, 32)) !== X2APIC_BROADCAST
  ) {
    return this.kvm_x2apic_icr_write(vcpu.arch.apic, data);
  }
  return 1;
}

/** arch/x86/kvm/x86.c: handle_fastpath_set_tscdeadline(): 0 when it is set, 1 for the slow path. */
export function handle_fastpath_set_tscdeadline(this: vmlinux_x86, vcpu: kvm_vcpu, data: u64): number {
  if (!this.kvm_can_use_hv_timer(vcpu)) return 1;
  this.kvm_set_lapic_tscdeadline_msr(vcpu, data);
  return 0;
}

/**
 * arch/x86/kvm/x86.c: handle_fastpath_set_msr_irqoff(): WRMSR of ICR or TSC_DEADLINE in the exit's first moments: to be
 * entered again, or EXIT_FASTPATH_NONE for the slow path to begin anew.
 */
export function handle_fastpath_set_msr_irqoff(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const msr = to_u32(vcpu.arch.regs.rcx);
  let data = ZERO;
  let handled = false;
  switch (msr) {
    case APIC_BASE_MSR + (APIC_ICR >> 4):
      data = this.kvm_read_edx_eax(vcpu);
      handled = this.handle_fastpath_set_x2apic_icr_irqoff(vcpu, data) === 0;
      break;
    case MSR_IA32_TSC_DEADLINE:
      data = this.kvm_read_edx_eax(vcpu);
      handled = this.handle_fastpath_set_tscdeadline(vcpu, data) === 0;
      break;
    default:
      break;
  }
  if (!handled) return EXIT_FASTPATH_NONE;

  const skipped = this.kvm_skip_emulated_instruction(vcpu);
  this.trace_kvm_msr(1, msr, data, false);
  return skipped ? EXIT_FASTPATH_REENTER_GUEST : EXIT_FASTPATH_EXIT_USERSPACE;
}

/** kvm_set_msr_common(): the APIC's MSRs; 0, nonzero for #GP, -1 for a MSR that is not the APIC's. */
export function kvm_set_msr_commonApic(this: vmlinux_x86, vcpu: kvm_vcpu, msr_info: msr_data): number {
  const msr = msr_info.index;
  if (msr === MSR_IA32_APICBASE) return this.kvm_apic_set_base(vcpu, msr_info);
  if (msr >= APIC_BASE_MSR && msr <= APIC_BASE_MSR + 0xff) return this.kvm_x2apic_msr_write(vcpu, msr, msr_info.data);
  if (msr === MSR_IA32_TSC_DEADLINE) {
    this.kvm_set_lapic_tscdeadline_msr(vcpu, msr_info.data);
    return 0;
  }
  if (msr === MSR_KVM_PV_EOI_EN) {
    if (!this.guest_pv_has(vcpu, KVM_FEATURE_PV_EOI)) return KVM_MSR_RET_UNSUPPORTED;
    return this.kvm_lapic_set_pv_eoi(vcpu, msr_info.data) !== 0 ? 1 : 0;
  }
  if (msr === MSR_IA32_TSC && !msr_info.host_initiated) return this.kvm_set_msr_commonTsc(vcpu, msr_info.data);
  return -1;
}

/** kvm_get_msr_common(): the APIC's MSRs; 0 with the value in `msr_info`, nonzero for #GP, -1 for another's. */
export function kvm_get_msr_commonApic(this: vmlinux_x86, vcpu: kvm_vcpu, msr_info: msr_data): number {
  const msr = msr_info.index;
  if (msr === MSR_IA32_APICBASE) {
    msr_info.data = vcpu.arch.apic_base;
    return 0;
  }
  if (msr >= APIC_BASE_MSR && msr <= APIC_BASE_MSR + 0xff) {
    const data = { value: ZERO };
    const r = this.kvm_x2apic_msr_read(vcpu, msr, data);
    if (r === 0) msr_info.data = data.value;
    return r;
  }
  if (msr === MSR_IA32_TSC_DEADLINE) {
    msr_info.data = this.kvm_get_lapic_tscdeadline_msr(vcpu);
    return 0;
  }
  if (msr === MSR_KVM_PV_EOI_EN) {
    if (!this.guest_pv_has(vcpu, KVM_FEATURE_PV_EOI)) return KVM_MSR_RET_UNSUPPORTED;
    msr_info.data = vcpu.arch.pv_eoi.msr_val;
    return 0;
  }
  if (msr === MSR_IA32_TSC) {
    msr_info.data = this.kvm_read_l1_tsc(vcpu, this.rdtsc());
    return 0;
  }
  return -1;
}

/** arch/x86/kvm/x86.c: kvm_vcpu_ioctl_get_lapic(): KVM_GET_LAPIC. */
export function kvm_vcpu_ioctl_get_lapic(this: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state): number {
  this.kvm_x86_sync_pir_to_irr(vcpu);
  return this.kvm_apic_get_state(vcpu, s);
}

/** arch/x86/kvm/x86.c: kvm_vcpu_ioctl_set_lapic(): KVM_SET_LAPIC. */
export function kvm_vcpu_ioctl_set_lapic(this: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state): number {
  return this.kvm_apic_set_state(vcpu, s);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_ioctl_get_mpstate(): KVM_GET_MP_STATE accepts INIT and SIPI first. */
export function kvm_arch_vcpu_ioctl_get_mpstate(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const r = this.kvm_apic_accept_events(vcpu);
  if (r < 0) return r;

  if (
    (vcpu.arch.mp_state === KVM_MP_STATE_HALTED || vcpu.arch.mp_state === KVM_MP_STATE_AP_RESET_HOLD) &&
    vcpu.arch.pv.pv_unhalted
  ) {
    return KVM_MP_STATE_RUNNABLE;
  }
  return vcpu.arch.mp_state;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_ioctl_set_mpstate(): KVM_SET_MP_STATE; 0 or -EINVAL. */
export function kvm_arch_vcpu_ioctl_set_mpstate(this: vmlinux_x86, vcpu: kvm_vcpu, mp_state: number): number {
  switch (mp_state) {
    case KVM_MP_STATE_UNINITIALIZED:
    case KVM_MP_STATE_HALTED:
    case KVM_MP_STATE_AP_RESET_HOLD:
    case KVM_MP_STATE_INIT_RECEIVED:
    case KVM_MP_STATE_SIPI_RECEIVED:
      if (!this.lapic_in_kernel(vcpu)) return -EINVAL;
      break;
    case KVM_MP_STATE_RUNNABLE:
      break;
    default:
      return -EINVAL;
  }

  if (
    (!this.kvm_apic_init_sipi_allowed(vcpu) || vcpu.arch.smi_pending) &&
    (mp_state === KVM_MP_STATE_SIPI_RECEIVED || mp_state === KVM_MP_STATE_INIT_RECEIVED)
  ) {
    return -EINVAL;
  }

  if (mp_state === KVM_MP_STATE_SIPI_RECEIVED) {
    vcpu.arch.mp_state = KVM_MP_STATE_INIT_RECEIVED;
    vcpu.arch.apic.pending_events |= 1 << KVM_APIC_SIPI;
  } else {
    vcpu.arch.mp_state = mp_state;
  }
  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  return 0;
}
