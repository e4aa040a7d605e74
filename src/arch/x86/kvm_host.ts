// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/include/asm/kvm_host.h (6.12.117): the x86 half of KVM's structures, as plain values.
 *
 * Mirrored: what interrupts, halting, pause exits and steal time read or write.
 * MODEL: registers of the guest are absent but for CPL, RFLAGS.IF and the interrupt shadow.
 */
import type * as virt from '../../kvm/kvm_host.js';
import type { kvm_ioapic } from '../../lapic/ioapic.js';
import type { kvm_apic_map, kvm_lapic } from '../../lapic/lapic.js';
import {
  type bool,
  S64_ZERO,
  type s32,
  type s64,
  U64_MAX,
  type u8,
  type u16,
  type u32,
  type u64,
  ZERO,
} from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';

/** include/linux/kvm_host.h: KVM_ARCH_REQ(), over KVM_REQUEST_ARCH_BASE */
const KVM_ARCH_REQ = (nr: number, flags = 0): number => (8 + nr) | flags;
const NO_WAKEUP = 1 << 8;
const WAIT = 1 << 9;
/** arch/x86/kvm/x86.h */
export const KVM_MSR_RET_UNSUPPORTED = 2;
/** uapi/asm/kvm.h */
export const KVM_X86_SHADOW_INT_STI = 0x02;
/** asm/vmx.h */
export const TYPE_LINEAR_APIC_INST_WRITE = 1 << 12;
/** uapi/asm/svm.h */
export const SVM_EXIT_AVIC_INCOMPLETE_IPI = 0x401;
export const KVM_REQ_MIGRATE_TIMER = KVM_ARCH_REQ(0);
export const KVM_REQ_REPORT_TPR_ACCESS = KVM_ARCH_REQ(1);
export const KVM_REQ_TRIPLE_FAULT = KVM_ARCH_REQ(2);
export const KVM_REQ_CLOCK_UPDATE = KVM_ARCH_REQ(4);
export const KVM_REQ_EVENT = KVM_ARCH_REQ(6);
export const KVM_REQ_APF_HALT = KVM_ARCH_REQ(7);
export const KVM_REQ_STEAL_UPDATE = KVM_ARCH_REQ(8);
export const KVM_REQ_NMI = KVM_ARCH_REQ(9);
export const KVM_REQ_PMU = KVM_ARCH_REQ(10);
export const KVM_REQ_PMI = KVM_ARCH_REQ(11);
export const KVM_REQ_SMI = KVM_ARCH_REQ(12);
export const KVM_REQ_SCAN_IOAPIC = KVM_ARCH_REQ(15, WAIT | NO_WAKEUP);
export const KVM_REQ_GLOBAL_CLOCK_UPDATE = KVM_ARCH_REQ(16);
export const KVM_REQ_APIC_PAGE_RELOAD = KVM_ARCH_REQ(17, WAIT | NO_WAKEUP);
export const KVM_REQ_IOAPIC_EOI_EXIT = KVM_ARCH_REQ(19);
export const KVM_REQ_LOAD_EOI_EXITMAP = KVM_ARCH_REQ(23);
export const KVM_REQ_APICV_UPDATE = KVM_ARCH_REQ(25, WAIT | NO_WAKEUP);
export const KVM_REQ_TLB_FLUSH_CURRENT = KVM_ARCH_REQ(26);
export const KVM_REQ_TLB_FLUSH_GUEST = KVM_ARCH_REQ(27, WAIT | NO_WAKEUP);
export const KVM_REQ_APF_READY = KVM_ARCH_REQ(28);
export const KVM_REQ_UPDATE_PROTECTED_GUEST_STATE = KVM_ARCH_REQ(34);

/** arch/x86/include/asm/kvm_host.h: enum kvm_apicv_inhibit, bit numbers of apicv_inhibit_reasons */
export const APICV_INHIBIT_REASON_DISABLED = 0;
export const APICV_INHIBIT_REASON_HYPERV = 1;
export const APICV_INHIBIT_REASON_ABSENT = 2;
export const APICV_INHIBIT_REASON_BLOCKIRQ = 3;
export const APICV_INHIBIT_REASON_PHYSICAL_ID_ALIASED = 4;
export const APICV_INHIBIT_REASON_APIC_ID_MODIFIED = 5;
export const APICV_INHIBIT_REASON_APIC_BASE_MODIFIED = 6;
export const APICV_INHIBIT_REASON_NESTED = 7;
export const APICV_INHIBIT_REASON_IRQWIN = 8;
export const APICV_INHIBIT_REASON_PIT_REINJ = 9;
export const APICV_INHIBIT_REASON_SEV = 10;
export const APICV_INHIBIT_REASON_LOGICAL_ID_ALIASED = 11;

/** bits of vcpu->arch.apic_attention */
export const KVM_APIC_CHECK_VAPIC = 0;
export const KVM_APIC_PV_EOI_PENDING = 1;

/** enum kvm_apic_logical_mode */
export const KVM_APIC_MODE_SW_DISABLED = 0;
export const KVM_APIC_MODE_XAPIC_CLUSTER = 1;
export const KVM_APIC_MODE_XAPIC_FLAT = 2;
export const KVM_APIC_MODE_X2APIC = 3;
export const KVM_APIC_MODE_MAP_DISABLED = 4;

/** bits of vcpu->arch.hflags */
export const HF_SMM_MASK = 1 << 1;
export const HF_SMM_INSIDE_NMI_MASK = 1 << 2;

/** arch/x86/include/uapi/asm/kvm.h: quirks that concern the APIC */
export const KVM_X86_QUIRK_LINT0_REENABLED = 1 << 0;
export const KVM_X86_QUIRK_LAPIC_MMIO_HOLE = 1 << 2;

/** arch/x86/include/asm/mce.h: bit of MCG_CAP */
export const MCG_CMCI_P = 1 << 10;
export const KVM_MSR_ENABLED = 1;

/** arch/x86/include/uapi/asm/kvm_para.h: KVM_FEATURE_*, bits of pv_cpuid.features */
export const KVM_FEATURE_STEAL_TIME = 5;
export const KVM_FEATURE_PV_EOI = 6;
export const KVM_FEATURE_PV_UNHALT = 7;
export const KVM_FEATURE_PV_TLB_FLUSH = 9;
export const KVM_FEATURE_PV_SEND_IPI = 11;
export const KVM_FEATURE_POLL_CONTROL = 12;
export const KVM_FEATURE_PV_SCHED_YIELD = 13;
/** not upstream: what pvsched calls bit 18 */
export const KVM_FEATURE_PV_SCHED = 18;

/** enum exit_fastpath_completion */
export const EXIT_FASTPATH_NONE = 0;
export const EXIT_FASTPATH_REENTER_GUEST = 1;
export const EXIT_FASTPATH_EXIT_HANDLED = 2;
export const EXIT_FASTPATH_EXIT_USERSPACE = 3;

/** arch/x86/include/uapi/asm/kvm.h: KVM_ISA_* of the tracepoints */
export const KVM_ISA_VMX = 1;
export const KVM_ISA_SVM = 2;

/** struct kvm_lapic_irq */
export interface kvm_lapic_irq {
  vector: u32;
  delivery_mode: u16;
  dest_mode: u16;
  level: bool;
  trig_mode: u16;
  shorthand: u32;
  dest_id: u32;
  msi_redir_hint: bool;
}

/** struct kvm_kernel_irq_routing_entry of type MSI, with the GSI it stands under. */
export interface kvm_msi_route {
  gsi: number;
  address_lo: u32;
  address_hi: u32;
  data: u32;
}

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

/** struct kvm_queued_exception. MODEL: no payload, which #DB and #PF alone have. */
export interface kvm_queued_exception {
  pending: bool;
  injected: bool;
  has_error_code: bool;
  vector: u8;
  error_code: u32;
}

/** What the CPU pushed when it delivered an event to the guest: what IRET brings back. */
export interface guest_irq_frame {
  vector: number;
  cpl: number;
  if_flag: bool;
}

/** struct kvm_vcpu_arch, with the vendor's fields (struct vcpu_vmx, vcpu_svm) beside. */
export interface kvm_vcpu_arch {
  apic: kvm_lapic;
  /** HF_SMM_MASK ... */
  hflags: u32;
  /** MSR_IA32_SMBASE */
  smbase: u32;
  /** the state-save area in SMRAM, as far as it is modelled */
  smram: { if_flag: bool; cpl: number; int_shadow: bool };
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
  smi_count: number;
  exception: kvm_queued_exception;
  interrupt: { injected: bool; soft: bool; nr: u8 };
  preempted_in_kernel: bool;
  at_instruction_boundary: bool;
  /** what of the guest's register file interrupts depend on */
  cpl: number;
  if_flag: bool;
  /** CS base a SIPI left behind, vector << 12 */
  sipi_cs_base: u32;
  /** guest CPUID, as far as the APIC asks */
  cpuid: { x2apic: bool; tsc_deadline: bool; arat: bool; maxphyaddr: number; intel_compatible: bool };
  /** MSR_IA32_MCG_CAP; MCG_CMCI_P adds the LVT entry for corrected machine checks */
  mcg_cap: u32;
  /** leaf 0x40000001 EAX; consulted only when enforced (KVM_CAP_ENFORCE_PV_FEATURE_CPUID) */
  pv_cpuid: { enforce: bool; features: u32 };
  apf: { halted: bool };
  /** guest's general registers, as far as exits read or write them */
  regs: { rax: u64; rbx: u64; rcx: u64; rdx: u64; rsi: u64; r8: u64 };
  /** MSR_KVM_POLL_CONTROL */
  msr_kvm_poll_control: u64;
  /** `memory` is the guest's byte; `fault` makes every access to it fail */
  pv_eoi: { msr_val: u64; memory: u8; fault: bool };
  st: { msr_val: u64; preempted: u8; last_steal: u64; page: { steal: u64; version: u32; flags: u32; preempted: u8 } };
  ple_window: u32;
  ple_window_dirty: bool;
  pi_desc: pi_desc;
  /** what the next entry delivers (VM_ENTRY_INTR_INFO_FIELD, event_inj): INTR_TYPE_* | vector; -1 for nothing */
  event_inj: number;
  /** exit reason (VMX) or exit code (SVM), its qualification or exit_info_1 */
  exit_reason: u32;
  exit_qualification: u64;
  /** VM_EXIT_INTR_INFO: the vector of an external interrupt */
  exit_intr_info: u32;
  /** SVM: exit_info_1 and exit_info_2 of an incomplete IPI */
  avic_exit: { icrl: u32; icrh: u32; id: u32; index: u32 };
  /** the host's interrupt handler that an external interrupt exit runs, as a function of the table; '' for its vector's */
  exit_handler: { fn: string; args: number[] };
  /** the last MSR access of the guest was answered with #GP */
  gp: bool;
  /** CPU on whose wakeup_vcpus_on_cpu the vCPU is, NULL when on none */
  pi_wakeup_cpu: number;
  /** its place on that list: after all that are less */
  pi_wakeup_place: number;
  hyperv_enabled: bool;
  /** the shadow of an STI: interrupts wait until the next instruction is complete. MODEL: no MOV SS */
  int_shadow: bool;
  /** the clock at that STI: once it shows another time, the guest has executed further */
  shadow_since: u64;
  /** vectors the CPU has delivered to the guest and that the guest's code has not begun to serve, in order */
  taken: number[];
  /** event frames on the guest's stack, innermost last */
  irq_frames: guest_irq_frame[];
  /** VM-entry window requests: an interrupt waits for RFLAGS.IF, an NMI for IRET */
  irq_window: bool;
  nmi_window: bool;
  /** vectors whose EOI the IOAPIC wants to hear of: 256 bits, eight u32 */
  ioapic_handled_vectors: u32[];
  pending_ioapic_eoi: number;
  /** KVM_INTERRUPT with a split irqchip; -1 when none */
  pending_external_vector: number;
  tpr_access_reporting: bool;
  /** what the vendor's control block holds of the APIC */
  vmcs: {
    tpr_threshold: u32;
    guest_intr_status: u16;
    eoi_exit_bitmap: u32[];
    hv_deadline_tsc: u64;
    /** PLE_WINDOW: what the hardware has */
    ple_window: u32;
  };
  vmcb: {
    intercept_cr8_write: bool;
    v_tpr: u8;
    ldr_reg: u32;
    dfr_reg: u32;
    pause_filter_count: u16;
    intercept_iret: bool;
    /** an event whose delivery the exit cut short, coded as event_inj; -1 for none */
    exit_int_info: number;
    /** AVIC physical ID table entry: IsRunning */
    is_running: bool;
    /** struct vcpu_svm; with it, RFLAGS.TF is set for KVM */
    nmi_singlestep: bool;
    awaiting_iret_completion: bool;
    /** RIP is nmi_iret_rip: the intercepted IRET has not been executed */
    at_iret: bool;
  };
  /** TSC: guest = host + offset */
  tsc_offset: s64;
  virtual_tsc_khz: u32;
  virtual_tsc_mult: u32;
  virtual_tsc_shift: s32;
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
  vapics_in_nmi_mode: number;
  disabled_lapic_found: bool;
  /** in-kernel IOAPIC; null with a split irqchip */
  vioapic: kvm_ioapic | null;
  /** INTR line of the in-kernel PIC, and the vector it would answer the acknowledge with */
  vpic: { output: number; vector: number };
  /** AVIC's logical ID table: 16 clusters of 4, or the 8 of flat mode */
  avic_logical_id_table: u32[];
  /** MSI routes below nr_reserved_ioapic_pins stand for the pins of userspace's IOAPIC */
  irq_routing: kvm_msi_route[];
  nr_reserved_ioapic_pins: number;
}

/** include/linux/kvm_host.h: struct kvm_vcpu on x86. */
export interface kvm_vcpu extends virt.kvm_vcpu {
  arch: kvm_vcpu_arch;
}

/** include/linux/kvm_host.h: struct kvm on x86. */
export interface kvm extends virt.kvm {
  arch: kvm_arch;
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
  pi_inject_timer: bool;
  /** kvm_intel: VMX preemption timer */
  enable_preemption_timer: bool;
  /** host's IA32_VMX_MISC[4:0] */
  cpu_preemption_timer_multi: u32;
  /** kvm_amd */
  vnmi: bool;
  x2avic: bool;
}

/** x86 KVM's part of the machine. */
export interface kvm_x86_state {
  kvm: kvm[];
  vcpu: kvm_vcpu[];
  kvm_x86_params: kvm_x86_params;
  /** host TSC frequency, kHz */
  tsc_khz: u32;
}

/** A posted-interrupt descriptor with nothing posted. */
export function newPiDesc(): pi_desc {
  return { pir: [0, 0, 0, 0, 0, 0, 0, 0], on: 0, sn: 0, nv: 0, ndst: 0 };
}

function newStealTime(): kvm_vcpu_arch['st'] {
  const page = { steal: ZERO, version: 0, flags: 0, preempted: 0 };
  return { msr_val: ZERO, preempted: 0, last_steal: ZERO, page };
}

function newVmcs(): kvm_vcpu_arch['vmcs'] {
  return {
    tpr_threshold: 0,
    guest_intr_status: 0,
    eoi_exit_bitmap: [0, 0, 0, 0, 0, 0, 0, 0],
    hv_deadline_tsc: U64_MAX,
    ple_window: 0,
  };
}

function newVmcb(): kvm_vcpu_arch['vmcb'] {
  return {
    intercept_cr8_write: false,
    v_tpr: 0,
    ldr_reg: 0,
    dfr_reg: 0xffff_ffff,
    pause_filter_count: 0,
    intercept_iret: false,
    exit_int_info: -1,
    is_running: false,
    nmi_singlestep: false,
    awaiting_iret_completion: false,
    at_iret: false,
  };
}

/** kzalloc() of a vCPU's x86 half; kvm_arch_vcpu_create() and a reset give it its values. */
export function newVcpuArch(this: vmlinux_x86, vcpu: virt.vcpu_ptr): kvm_vcpu_arch {
  return {
    apic: this.newLapic(vcpu),
    hflags: 0,
    smbase: 0,
    smram: { if_flag: false, cpl: 0, int_shadow: false },
    apic_base: ZERO,
    apic_arb_prio: 0,
    apic_attention: 0,
    mp_state: KVM_MP_STATE_RUNNABLE,
    pv: { pv_unhalted: false },
    nmi_queued: 0,
    nmi_pending: 0,
    nmi_injected: false,
    nmi_masked: false,
    smi_pending: false,
    smi_count: 0,
    exception: { pending: false, injected: false, has_error_code: false, vector: 0, error_code: 0 },
    interrupt: { injected: false, soft: false, nr: 0 },
    preempted_in_kernel: false,
    at_instruction_boundary: false,
    cpl: 0,
    if_flag: false,
    sipi_cs_base: 0,
    cpuid: { x2apic: true, tsc_deadline: true, arat: true, maxphyaddr: 46, intel_compatible: true },
    mcg_cap: 0,
    pv_cpuid: { enforce: false, features: 0 },
    apf: { halted: false },
    regs: { rax: ZERO, rbx: ZERO, rcx: ZERO, rdx: ZERO, rsi: ZERO, r8: ZERO },
    msr_kvm_poll_control: ZERO,
    pv_eoi: { msr_val: ZERO, memory: 0, fault: false },
    st: newStealTime(),
    ple_window: 0,
    ple_window_dirty: false,
    pi_desc: newPiDesc(),
    event_inj: -1,
    exit_reason: 0,
    exit_qualification: ZERO,
    exit_intr_info: 0,
    avic_exit: { icrl: 0, icrh: 0, id: 0, index: 0 },
    exit_handler: { fn: '', args: [] },
    gp: false,
    pi_wakeup_cpu: -1,
    pi_wakeup_place: 0,
    hyperv_enabled: false,
    int_shadow: false,
    shadow_since: ZERO,
    taken: [],
    irq_frames: [],
    irq_window: false,
    nmi_window: false,
    ioapic_handled_vectors: [0, 0, 0, 0, 0, 0, 0, 0],
    pending_ioapic_eoi: 0,
    pending_external_vector: -1,
    tpr_access_reporting: false,
    vmcs: newVmcs(),
    vmcb: newVmcb(),
    tsc_offset: S64_ZERO,
    virtual_tsc_khz: 0,
    virtual_tsc_mult: 0,
    virtual_tsc_shift: 0,
  };
}

/** A VM's x86 half as KVM_CREATE_VM and KVM_CAP_SPLIT_IRQCHIP leave it. */
export function newKvmArch(vendor: 'vmx' | 'svm'): kvm_arch {
  return {
    vendor,
    irqchip_split: true,
    apic_map: null,
    apic_map_dirty: 0,
    apicv_inhibit_reasons: 0,
    enable_apicv: false,
    enable_ipiv: false,
    pause_in_guest: false,
    mwait_in_guest: false,
    hlt_in_guest: false,
    x2apic_format: false,
    x2apic_broadcast_quirk_disabled: false,
    disabled_quirks: 0,
    apic_bus_cycle_ns: 1,
    bsp_vcpu_id: 0,
    vapics_in_nmi_mode: 0,
    disabled_lapic_found: false,
    vioapic: null,
    vpic: { output: 0, vector: 0 },
    avic_logical_id_table: Array.from({ length: 64 }, () => 0),
    irq_routing: [],
    nr_reserved_ioapic_pins: 24,
  };
}

/** The modules' parameters as they are without a modprobe line, on hardware that has everything. */
export function newKvmX86Params(): kvm_x86_params {
  return {
    ple_gap: 128,
    ple_window: 4096,
    ple_window_grow: 2,
    ple_window_shrink: 0,
    ple_window_max: 0xffff_ffff,
    pause_filter_count: 3000,
    pause_filter_thresh: 128,
    pause_filter_count_grow: 2,
    pause_filter_count_shrink: 0,
    pause_filter_count_max: 65535,
    vector_hashing_enabled: true,
    lapic_timer_advance: true,
    min_timer_period_us: 200,
    pi_inject_timer: false,
    enable_preemption_timer: true,
    cpu_preemption_timer_multi: 5,
    vnmi: false,
    x2avic: false,
  };
}
