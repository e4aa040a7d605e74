// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/include/asm/kvm_host.h (6.12.117): the x86 half of KVM's structures, as plain values.
 *
 * Mirrored: what interrupts, halting, pause exits and steal time read or write.
 * MODEL: registers of the guest are absent but for CPL, RFLAGS.IF and the interrupt shadow.
 */
import type { kvm_apic_map, kvm_lapic } from '../../lapic/lapic.js';
import type { bool, s32, s64, u8, u32, u64 } from '../../lib/types.js';

/** include/uapi/linux/kvm.h: mp_state */
export const KVM_MP_STATE_RUNNABLE = 0;
export const KVM_MP_STATE_UNINITIALIZED = 1;
export const KVM_MP_STATE_INIT_RECEIVED = 2;
export const KVM_MP_STATE_HALTED = 3;
export const KVM_MP_STATE_SIPI_RECEIVED = 4;
export const KVM_MP_STATE_AP_RESET_HOLD = 9;

/** arch/x86/kvm/vmx/posted_intr.h: struct pi_desc. */
export interface pi_desc {
  /** 256 bits, eight u32 */
  pir: u32[];
  on: number;
  sn: number;
  nv: u8;
  ndst: u32;
}

/** struct kvm_vcpu_arch, with the vendor's fields (struct vcpu_vmx, vcpu_svm) beside. */
export interface kvm_vcpu_arch {
  apic: kvm_lapic;
  /** MSR_IA32_APICBASE */
  apic_base: u64;
  apic_arb_prio: s32;
  apic_attention: u32;
  mp_state: number;
  pv: { pv_unhalted: bool };
  /** NMI: queued by others, pending here, being injected, blocked until IRET */
  nmi_queued: number;
  nmi_pending: number;
  nmi_injected: bool;
  nmi_masked: bool;
  smi_pending: bool;
  interrupt: { injected: bool; soft: bool; nr: u8 };
  preempted_in_kernel: bool;
  at_instruction_boundary: bool;
  /** what of the guest's register file interrupts depend on */
  cpl: number;
  if_flag: bool;
  /** CS base a SIPI left behind, vector << 12 */
  sipi_cs_base: u32;
  /** guest CPUID, as far as the APIC asks */
  cpuid: { x2apic: bool; tsc_deadline: bool; arat: bool; maxphyaddr: number; mcg_cmci: bool };
  /** KVM_FEATURE_*, leaf 0x40000001 EAX */
  pv_features: u32;
  /** MSR_KVM_POLL_CONTROL */
  msr_kvm_poll_control: u64;
  pv_eoi: { msr_val: u64; memory: u8 };
  st: { msr_val: u64; preempted: u8; last_steal: u64; page: { steal: u64; version: u32; flags: u32; preempted: u8 } };
  ple_window: u32;
  ple_window_dirty: bool;
  pi_desc: pi_desc;
  /** VM-entry window request: an interrupt waits for RFLAGS.IF */
  irq_window: bool;
  /** TSC: guest = host + offset */
  tsc_offset: s64;
  virtual_tsc_khz: u32;
}

/** struct kvm_arch. */
export interface kvm_arch {
  vendor: 'vmx' | 'svm';
  /** KVM_CAP_SPLIT_IRQCHIP; false: in-kernel irqchip */
  irqchip_split: bool;
  apic_map: kvm_apic_map | null;
  apic_map_dirty: number;
  apicv_inhibit_reasons: u32;
  /** enable_apicv and no inhibit at creation */
  enable_apicv: bool;
  enable_ipiv: bool;
  pause_in_guest: bool;
  mwait_in_guest: bool;
  hlt_in_guest: bool;
  x2apic_format: bool;
  x2apic_broadcast_quirk_disabled: bool;
  disabled_quirks: u32;
  apic_bus_cycle_ns: u32;
  bsp_vcpu_id: number;
}

/** Module parameters of kvm, kvm_intel and kvm_amd. */
export interface kvm_x86_params {
  ple_gap: u32;
  ple_window: u32;
  ple_window_grow: u32;
  ple_window_shrink: u32;
  ple_window_max: u32;
  pause_filter_count: u32;
  pause_filter_thresh: u32;
  pause_filter_count_grow: u32;
  pause_filter_count_shrink: u32;
  pause_filter_count_max: u32;
  vector_hashing_enabled: bool;
  lapic_timer_advance: bool;
  min_timer_period_us: u32;
}

/** x86 KVM's part of the machine. */
export interface kvm_x86_state {
  kvm_x86_params: kvm_x86_params;
  /** host TSC frequency, kHz */
  tsc_khz: u32;
}
