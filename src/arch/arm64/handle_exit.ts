// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/arm64/kvm/handle_exit.c, arm.c (6.12.117): WFI, WFE and their timed forms, and when they trap.
 *
 * Not mirrored: the run loop (no machine runs arm64 guests; the handlers stand alone), nested guests, the vgic and the
 * timers beyond the two questions asked of them here. The weak functions of virt/kvm are at the end.
 */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import { type bool, ge, toBigInt, type u64, ZERO } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';

/** arch/arm64/include/asm/esr.h */
export const ESR_ELx_WFx_ISS_WFE = 1 << 0;
export const ESR_ELx_WFx_ISS_WFxT = 1 << 1;
export const ESR_ELx_WFx_ISS_RV = 1 << 2;
/** arch/arm64/include/asm/kvm_arm.h */
export const HCR_VF = 1 << 6;
export const HCR_VI = 1 << 7;
export const HCR_TWI = 1 << 13;
export const HCR_TWE = 1 << 14;

/** enum kvm_wfx_trap_policy */
export const KVM_WFX_NOTRAP_SINGLE_TASK = 0;
export const KVM_WFX_NOTRAP = 1;
export const KVM_WFX_TRAP = 2;

/** What these functions read and write of struct kvm_vcpu_arch. */
export interface arm64_vcpu {
  hcr_el2: number;
  /** PSTATE is not EL0t */
  priv: bool;
  /** the register that WFET and WFIT name: CNTVCT at which they end. MODEL: CNTVCT counts ns, from 0 at boot */
  rt: u64;
  /** address of the instruction that trapped */
  pc: number;
  in_wfi: bool;
  in_wfit: bool;
  /** kvm_vgic_vcpu_pending_irq() */
  vgic_pending: bool;
  /** its_vpe.vlpi_count, and vgic.nassgireq of its VM: interrupts that reach the guest without the host */
  vlpi_count: number;
  nassgireq: bool;
  wfe_exit_stat: number;
  wfi_exit_stat: number;
}

/** Command line: kvm-arm.wfi_trap_policy, kvm-arm.wfe_trap_policy. */
export interface arm64_host {
  kvm_wfi_trap_policy: number;
  kvm_wfe_trap_policy: number;
}

declare module '../../kvm/kvm_host.js' {
  interface kvm_vcpu {
    arm64?: arm64_vcpu;
  }
  interface kvm_state {
    arm64?: arm64_host;
  }
}

/** A vCPU at EL1 without interrupts. */
export function newArm64Vcpu(): arm64_vcpu {
  return {
    hcr_el2: HCR_TWI | HCR_TWE,
    priv: true,
    rt: ZERO,
    pc: 0,
    in_wfi: false,
    in_wfit: false,
    vgic_pending: false,
    vlpi_count: 0,
    nassgireq: false,
    wfe_exit_stat: 0,
    wfi_exit_stat: 0,
  };
}

const of = (vcpu: kvm_vcpu): arm64_vcpu => {
  vcpu.arm64 ??= newArm64Vcpu();
  return vcpu.arm64;
};
const host = (k: vmlinux): arm64_host => {
  k.m.arm64 ??= {
    kvm_wfi_trap_policy: KVM_WFX_NOTRAP_SINGLE_TASK,
    kvm_wfe_trap_policy: KVM_WFX_NOTRAP_SINGLE_TASK,
  };
  return k.m.arm64;
};

/** The functions of this file, in the table of a kernel for arm64. */
export interface arm64 extends vmlinux {
  kvm_vcpu_should_clear_twi: typeof kvm_vcpu_should_clear_twi;
  kvm_vcpu_should_clear_twe: typeof kvm_vcpu_should_clear_twe;
  kvm_vcpu_wfi: typeof kvm_vcpu_wfi;
  kvm_vcpu_wfiWoken: typeof kvm_vcpu_wfiWoken;
  kvm_handle_wfx: typeof kvm_handle_wfx;
  kvm_incr_pc: typeof kvm_incr_pc;
  kvm_incr_pcOf: typeof kvm_incr_pcOf;
  trace_kvm_wfx_arm64: typeof trace_kvm_wfx_arm64;
}

/** arch/arm64/kvm/trace_handle_exit.h: kvm_wfx_arm64(): the timed forms are not told from the others. */
export function trace_kvm_wfx_arm64(this: vmlinux, vcpu_pc: number, is_wfe: boolean): void {
  if (this.tp === null) return;
  const ts = toBigInt(this.m.sched_clock).toString();
  const fields = { is_wfe, vcpu_pc: `0x${vcpu_pc.toString(16)}` };
  this.tp({ system: 'kvm', event: 'kvm_wfx_arm64', cpu: this.m.cpu, ts, fields });
}

/** arch/arm64/kvm/arm.c: kvm_vcpu_should_clear_twi(): alone on its CPU is not enough: the host must not be needed. */
export function kvm_vcpu_should_clear_twi(this: vmlinux, vcpu: kvm_vcpu): bool {
  const policy = host(this).kvm_wfi_trap_policy;
  if (policy !== KVM_WFX_NOTRAP_SINGLE_TASK) return policy === KVM_WFX_NOTRAP;
  return this.single_task_running() && (of(vcpu).vlpi_count !== 0 || of(vcpu).nassgireq);
}

/** arch/arm64/kvm/arm.c: kvm_vcpu_should_clear_twe() */
export function kvm_vcpu_should_clear_twe(this: vmlinux, _vcpu: kvm_vcpu): bool {
  const policy = host(this).kvm_wfe_trap_policy;
  if (policy !== KVM_WFX_NOTRAP_SINGLE_TASK) return policy === KVM_WFX_NOTRAP;
  return this.single_task_running();
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_load(): the traps are decided here and nowhere else. */
export function kvm_arch_vcpu_load(this: arm64, vcpu: kvm_vcpu, cpu: number): void {
  vcpu.cpu = cpu;
  const arch = of(vcpu);
  if (this.kvm_vcpu_should_clear_twe(vcpu)) arch.hcr_el2 &= ~HCR_TWE;
  else arch.hcr_el2 |= HCR_TWE;
  if (this.kvm_vcpu_should_clear_twi(vcpu)) arch.hcr_el2 &= ~HCR_TWI;
  else arch.hcr_el2 |= HCR_TWI;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_put() */
export function kvm_arch_vcpu_put(this: vmlinux, vcpu: kvm_vcpu): void {
  vcpu.cpu = -1;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_runnable(). MODEL: neither stopped nor paused. */
export function kvm_arch_vcpu_runnable(this: vmlinux, v: kvm_vcpu): bool {
  return (of(v).hcr_el2 & (HCR_VI | HCR_VF)) !== 0 || of(v).vgic_pending;
}

/** arch/arm64/kvm/arch_timer.c: kvm_cpu_has_pending_timer(): WFIT has come to its time. */
export function kvm_cpu_has_pending_timer(this: vmlinux, vcpu: kvm_vcpu): number {
  return of(vcpu).in_wfit && ge(this.ktime_get(), of(vcpu).rt) ? 1 : 0;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_in_kernel() */
export function kvm_arch_vcpu_in_kernel(this: vmlinux, vcpu: kvm_vcpu): bool {
  return of(vcpu).priv;
}

/**
 * arch/arm64/kvm/arm.c: kvm_vcpu_wfi()
 *
 * Split: it goes on in kvm_vcpu_wfiWoken().
 */
export function kvm_vcpu_wfi(this: arm64, vcpu: kvm_vcpu): void {
  const current = this.get_current();
  // with the CPU interface put, PMR is known and GICv4 rings for what comes
  of(vcpu).in_wfi = true;
  this.kvm_vcpu_halt(vcpu);
  if (this.notReturned(current)) this.whenBack(current, 'kvm_vcpu_wfiWoken' as never, vcpu.id);
  else this.kvm_vcpu_wfiWoken(vcpu.id);
}

/** kvm_vcpu_wfi() behind the halt. */
export function kvm_vcpu_wfiWoken(this: vmlinux, vcpuId: number): void {
  const arch = of(this.m.vcpu[vcpuId]);
  arch.in_wfit = false;
  arch.in_wfi = false;
}

/**
 * arch/arm64/include/asm/kvm_emulate.h: kvm_incr_pc()
 *
 * Split: it goes on in kvm_incr_pcOf().
 */
export function kvm_incr_pc(this: vmlinux, vcpu: kvm_vcpu): void {
  of(vcpu).pc += 4;
}

/** kvm_incr_pc() as the rest of kvm_handle_wfx(): 1. */
export function kvm_incr_pcOf(this: arm64, vcpuId: number): number {
  this.kvm_incr_pc(this.m.vcpu[vcpuId]);
  return 1;
}

/** arch/arm64/kvm/handle_exit.c: kvm_handle_wfx(): of WFET, the deadline counts only when it is past already. */
export function kvm_handle_wfx(this: arm64, vcpu: kvm_vcpu, syndrome: number): number {
  const current = this.get_current();
  const arch = of(vcpu);
  let esr = syndrome;
  if (esr & ESR_ELx_WFx_ISS_WFE) {
    this.trace_kvm_wfx_arm64(arch.pc, true);
    arch.wfe_exit_stat++;
  } else {
    this.trace_kvm_wfx_arm64(arch.pc, false);
    arch.wfi_exit_stat++;
  }

  if (esr & ESR_ELx_WFx_ISS_WFxT) {
    if (esr & ESR_ELx_WFx_ISS_RV) {
      if (ge(this.ktime_get(), arch.rt)) return this.kvm_incr_pcOf(vcpu.id);
    } else {
      esr &= ~ESR_ELx_WFx_ISS_WFxT;
    }
  }

  if (esr & ESR_ELx_WFx_ISS_WFE) {
    this.kvm_vcpu_on_spin(vcpu, arch.priv);
  } else {
    if (esr & ESR_ELx_WFx_ISS_WFxT) arch.in_wfit = true;
    this.kvm_vcpu_wfi(vcpu);
  }
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_incr_pcOf' as never, vcpu.id);
    return 0;
  }
  return this.kvm_incr_pcOf(vcpu.id);
}

/** virt/kvm/kvm_main.c: kvm_arch_dy_runnable(), weak */
export function kvm_arch_dy_runnable(this: vmlinux, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_vcpu_runnable(vcpu);
}

/** virt/kvm/kvm_main.c: kvm_arch_vcpu_preempted_in_kernel(), weak: as it is now */
export function kvm_arch_vcpu_preempted_in_kernel(this: vmlinux, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_vcpu_in_kernel(vcpu);
}

/** virt/kvm/kvm_main.c: kvm_arch_dy_has_pending_interrupt(), weak */
export function kvm_arch_dy_has_pending_interrupt(this: vmlinux, _vcpu: kvm_vcpu): bool {
  return false;
}

/** include/linux/kvm_host.h: kvm_arch_no_poll(), without CONFIG_HAVE_KVM_NO_POLL */
export function kvm_arch_no_poll(this: vmlinux, _vcpu: kvm_vcpu): bool {
  return false;
}
