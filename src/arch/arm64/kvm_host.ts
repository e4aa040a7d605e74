// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/arm64/include/asm/kvm_host.h, kvm_arm.h, esr.h, include/kvm/arm_vgic.h, arm_arch_timer.h (6.12.117): arm64's half
 * of KVM's structures, as plain values.
 *
 * Mirrored: what WFI and WFE, the virtual timer, and an interrupt on its way to a vCPU read or write.
 * MODEL: of the guest's registers there are the privilege level, PSTATE.I, PC and the one that WFIT and WFET name. No
 * AArch32, no nested guests, no PMU, no pointer authentication; VHE; the counter counts ns, and guest and host read the same.
 */
import type * as virt from '../../kvm/kvm_host.js';
import { type bool, type u32, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { guest_boot } from './setup.js';

/** Requests are numbered from KVM_REQUEST_ARCH_BASE on; KVM_REQUEST_WAIT is 0x200, KVM_REQUEST_NO_WAKEUP 0x100. */
export const KVM_REQ_SLEEP = 8 | 0x300;
export const KVM_REQ_IRQ_PENDING = 9;
export const KVM_REQ_VCPU_RESET = 10;
export const KVM_REQ_RECORD_STEAL = 11;
export const KVM_REQ_RELOAD_GICv4 = 12;
export const KVM_REQ_RELOAD_PMU = 13;
export const KVM_REQ_SUSPEND = 14;
export const KVM_REQ_RESYNC_PMU_EL0 = 15;

/** arch/arm64/include/asm/esr.h */
export const ESR_ELx_EC_SHIFT = 26;
export const ESR_ELx_EC_WFx = 0x01;
export const ESR_ELx_EC_HVC64 = 0x16;
export const ESR_ELx_EC_SYS64 = 0x18;
export const ESR_ELx_WFx_ISS_WFE = 1 << 0;
export const ESR_ELx_WFx_ISS_WFxT = 1 << 1;
export const ESR_ELx_WFx_ISS_RV = 1 << 2;

/** arch/arm64/include/asm/kvm_asm.h: what brought the CPU out of the guest */
export const ARM_EXCEPTION_IRQ = 0;
export const ARM_EXCEPTION_EL1_SERROR = 1;
export const ARM_EXCEPTION_TRAP = 2;

/** arch/arm64/include/asm/kvm_arm.h */
export const HCR_VF = 1 << 6;
export const HCR_VI = 1 << 7;
export const HCR_TWI = 1 << 13;
export const HCR_TWE = 1 << 14;

/** arch/arm64/kvm/arm.c: enum kvm_wfx_trap_policy */
export const KVM_WFX_NOTRAP_SINGLE_TASK = 0;
export const KVM_WFX_NOTRAP = 1;
export const KVM_WFX_TRAP = 2;

/** include/kvm/arm_vgic.h */
export const VGIC_NR_SGIS = 16;
export const VGIC_NR_PRIVATE_IRQS = 32;
export const VGIC_MIN_LPI = 8192;
/** include/kvm/arm_arch_timer.h: the PPI of the virtual timer, in the guest as on the host */
export const VTIMER_PPI = 27;
/** include/uapi/asm/kvm.h: the virtual counter, as KVM_GET_ONE_REG names it */
export const KVM_REG_ARM_TIMER_CNT: u64 = u64(0x6030_0000_0013_df1an);

/** include/linux/irqchip/arm-gic-v4.h: struct its_vpe, and what the redistributor holds of it. */
export interface its_vpe {
  /** LPIs of assigned devices that the ITS delivers to this vCPU by itself */
  vlpi_count: number;
  resident: bool;
  /** something was pending when it became non-resident, or the doorbell has rung since */
  pending_last: bool;
  /** the doorbell rings for the next interrupt */
  doorbell: bool;
  /** the virtual pending table: INTIDs that came without KVM, in order */
  vpt: number[];
}

/**
 * include/kvm/arm_vgic.h: struct vgic_cpu, with its interrupts as words: bit i is INTID i, an SGI or a PPI.
 *
 * MODEL: no priorities and no enables: all interrupts are enabled at one priority; a list register for each. Pending and
 * on the vCPU's ap_list are the same, for a pending interrupt of one target is always queued to it.
 */
export interface vgic_cpu {
  /** SGIs that are pending for KVM */
  pending_latch: u32;
  /** the lines of PPIs as KVM has last heard of them */
  line_level: u32;
  /** LPIs that are pending for KVM, in order */
  lpi_pending: number[];
  /** the list registers, as the hardware has them now */
  lr: { pending: u32; active: u32; lpis: number[] };
  /** active when the vCPU was last out of the guest */
  active: u32;
  its_vpe: its_vpe;
}

/** include/kvm/arm_arch_timer.h: struct arch_timer_cpu with its one context, the virtual timer. */
export interface arch_timer {
  /** CNTV_CTL_EL0.ENABLE, without IMASK */
  enabled: bool;
  /** CNTV_CVAL_EL0, ns */
  cval: u64;
  /** the CPU's registers hold it */
  loaded: bool;
  /** ctx->irq.level */
  level: bool;
  /** the physical PPI is active: until the guest deactivates it, the timer does not interrupt the host again */
  phys_active: bool;
  /** timer_cpu->bg_timer */
  bg_timer: number;
  /** MODEL: the comparator of the CPU's own timer stands in the table of timers as well */
  comparator: number;
}

/** What the CPU kept when it took an interrupt: what ERET brings back. */
export interface guest_irq_frame {
  intid: number;
  priv: bool;
  masked: bool;
}

/** arch/arm64/include/asm/kvm_host.h: struct kvm_vcpu_arch. */
export interface kvm_vcpu_arch {
  /** KVM_ARM_VCPU_INIT has been */
  initialized: bool;
  hcr_el2: number;
  /** PSTATE: not EL0t; I */
  priv: bool;
  masked: bool;
  pc: number;
  /** the register that WFET and WFIT name: CNTVCT at which they end */
  rt: u64;
  /** flags IN_WFI, IN_WFIT, INCREMENT_PC */
  in_wfi: bool;
  in_wfit: bool;
  increment_pc: bool;
  fault: { esr_el2: number };
  /** of the last exit; of a trapped system register, the value written */
  exit: { code: number; value: u64; handler: string; args: number[]; vector: number };
  /** ctxt.regs.regs: x0 to x3 */
  regs: u64[];
  hvc_exit_stat: number;
  wfe_exit_stat: number;
  wfi_exit_stat: number;
  timer: arch_timer;
  vgic_cpu: vgic_cpu;
  /** the CPU stands in WFI or WFE, in the guest; until when at the latest, U64_MAX for no end */
  standing: 'no' | 'wfi' | 'wfe';
  standing_until: u64;
  /** interrupts acknowledged and not ended, innermost last */
  running: number[];
  /** INTIDs that the CPU has delivered to the guest and that the guest's code has not begun to serve, in order */
  taken: number[];
  irq_frames: guest_irq_frame[];
}

/** arch/arm64/include/asm/kvm_host.h: struct kvm_arch. */
export interface kvm_arch {
  /** vgic.nassgireq: the guest wants SGIs without an active state, which a GICv4.1 delivers by itself */
  nassgireq: bool;
  /** vgic.has_its */
  has_its: bool;
  /** the firmware's registers: calls that the guest may find */
  smccc_feat: { std_hyp_bmap: u32; vendor_hyp_bmap: u32 };
  /** what the guest does while it boots: LPIs that its drivers map for each vCPU, and whether it sets nASSGIreq */
  boots: { vlpis: number; nassgireq: bool };
}

/** include/linux/kvm_host.h: struct kvm_vcpu on arm64. */
export interface kvm_vcpu extends virt.kvm_vcpu {
  arch: kvm_vcpu_arch;
}

/** include/linux/kvm_host.h: struct kvm on arm64. */
export interface kvm extends virt.kvm {
  arch: kvm_arch;
}

/** Command line of the host: kvm-arm.wfi_trap_policy, kvm-arm.wfe_trap_policy. */
export interface kvm_arm64_params {
  kvm_wfi_trap_policy: u32;
  kvm_wfe_trap_policy: u32;
}

/** include/kvm/arm_vgic.h: struct vgic_global. */
export interface vgic_global {
  has_gicv4: bool;
  has_gicv4_1: bool;
}

/** arm64 KVM's part of the machine. */
export interface kvm_arm64_state {
  kvm: kvm[];
  vcpu: kvm_vcpu[];
  kvm_arm64_params: kvm_arm64_params;
  kvm_vgic_global_state: vgic_global;
  /** of a kernel in a guest */
  guest_boot?: guest_boot;
}

/** Without anything on the command line. */
export function newKvmArm64Params(): kvm_arm64_params {
  return { kvm_wfi_trap_policy: KVM_WFX_NOTRAP_SINGLE_TASK, kvm_wfe_trap_policy: KVM_WFX_NOTRAP_SINGLE_TASK };
}

function newVgicCpu(): vgic_cpu {
  return {
    pending_latch: 0,
    line_level: 0,
    lpi_pending: [],
    lr: { pending: 0, active: 0, lpis: [] },
    active: 0,
    its_vpe: { vlpi_count: 0, resident: false, pending_last: false, doorbell: false, vpt: [] },
  };
}

/** kzalloc() of a vCPU's arm64 half; KVM_ARM_VCPU_INIT and kvm_arch_vcpu_create() give it its values. */
export function newVcpuArch(this: vmlinux_arm64, _vcpu: virt.vcpu_ptr): kvm_vcpu_arch {
  return {
    initialized: false,
    hcr_el2: 0,
    priv: true,
    masked: false,
    pc: 0,
    rt: ZERO,
    in_wfi: false,
    in_wfit: false,
    increment_pc: false,
    fault: { esr_el2: 0 },
    exit: { code: ARM_EXCEPTION_IRQ, value: ZERO, handler: '', args: [], vector: 0 },
    regs: [ZERO, ZERO, ZERO, ZERO],
    hvc_exit_stat: 0,
    wfe_exit_stat: 0,
    wfi_exit_stat: 0,
    timer: {
      enabled: false,
      cval: ZERO,
      loaded: false,
      level: false,
      phys_active: false,
      bg_timer: -1,
      comparator: -1,
    },
    vgic_cpu: newVgicCpu(),
    standing: 'no',
    standing_until: ZERO,
    running: [],
    taken: [],
    irq_frames: [],
  };
}

/** A VM's arm64 half as KVM_CREATE_VM and a GICv3 leave it. */
export function newKvmArch(): kvm_arch {
  const smccc_feat = { std_hyp_bmap: 1, vendor_hyp_bmap: 3 };
  return { nassgireq: false, has_its: false, smccc_feat, boots: { vlpis: 0, nassgireq: false } };
}
