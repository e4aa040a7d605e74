// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/arm64/kvm/arm.c (6.12.117): load and put, where the WFx traps are decided; WFI; the run loop; creation of a vCPU.
 *
 * Not mirrored: userspace's GIC, PMU, FP, debug, nested and protected guests, PSCI: every vCPU is on and stays so.
 *
 * kvm_arch_vcpu_ioctl_run() may be left in the middle (see sched/kernel-stack): asleep in schedule() or kvm_vcpu_halt(), or in
 * the guest. The weak functions of virt/kvm are at the end.
 */
import { IN_GUEST_MODE, KVM_EXIT_UNKNOWN, KVM_REQ_VM_DEAD, OUTSIDE_GUEST_MODE } from '../../kvm/kvm_host.js';
import { NotModelled } from '../../lib/bug.js';
import { EINTR, EINVAL, EIO } from '../../lib/errno.js';
import type { bool, u32 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import {
  ARM_EXCEPTION_IRQ,
  HCR_TWE,
  HCR_TWI,
  HCR_VF,
  HCR_VI,
  KVM_REQ_IRQ_PENDING,
  KVM_REQ_RECORD_STEAL,
  KVM_REQ_RELOAD_GICv4,
  KVM_REQ_RELOAD_PMU,
  KVM_REQ_RESYNC_PMU_EL0,
  KVM_REQ_SLEEP,
  KVM_REQ_SUSPEND,
  KVM_REQ_VCPU_RESET,
  KVM_WFX_NOTRAP,
  KVM_WFX_NOTRAP_SINGLE_TASK,
  type kvm,
  type kvm_vcpu,
} from './kvm_host.js';

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_should_kick() */
export function kvm_arch_vcpu_should_kick(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return this.kvm_vcpu_exiting_guest_mode(vcpu) === IN_GUEST_MODE;
}

/* ---- creation ---- */

/** arch/arm64/kvm/arm.c: kvm_arch_init_vm() */
export function kvm_arch_init_vm(this: vmlinux_arm64, kvm: kvm): number {
  // MODEL: one cluster, whose affinities are vcpu_ids
  kvm.max_vcpus = 16;
  return 0;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_precreate() */
export function kvm_arch_vcpu_precreate(this: vmlinux_arm64, kvm: kvm, id: number): number {
  return id >= kvm.max_vcpus ? -EINVAL : 0;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_create() */
export function kvm_arch_vcpu_create(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  this.kvm_timer_vcpu_init(vcpu);
  return 0;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_postcreate() */
export function kvm_arch_vcpu_postcreate(this: vmlinux_arm64, _vcpu: kvm_vcpu): void {}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_destroy() */
export function kvm_arch_vcpu_destroy(this: vmlinux_arm64, _vcpu: kvm_vcpu): void {}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_blocking() */
export function kvm_arch_vcpu_blocking(this: vmlinux_arm64, _vcpu: kvm_vcpu): void {}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_unblocking() */
export function kvm_arch_vcpu_unblocking(this: vmlinux_arm64, _vcpu: kvm_vcpu): void {}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_run_pid_change(). MODEL: initialised and finalised. */
export function kvm_arch_vcpu_run_pid_change(this: vmlinux_arm64, _vcpu: kvm_vcpu): number {
  return 0;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_ioctl_vcpu_init(): KVM_ARM_VCPU_INIT. MODEL: nothing but HCR_EL2 is reset. */
export function kvm_arch_vcpu_ioctl_vcpu_init(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  this.vcpu_reset_hcr(vcpu);
  vcpu.arch.initialized = true;
  return 0;
}

/* ---- capabilities ---- */

/** arch/arm64/kvm/arm.c: kvm_vm_ioctl_enable_cap(): none of the kernel's own is modelled. `args`: the first of them. */
export function kvm_vm_ioctl_enable_cap(this: vmlinux_arm64, _kvm: kvm, _cap: number, _args: u32): number {
  return -EINVAL;
}

/** arch/arm64/kvm/arm.c: kvm_vm_ioctl_check_extension() */
export function kvm_vm_ioctl_check_extension(this: vmlinux_arm64, _kvm: kvm, _ext: number): number {
  return 0;
}

/** KVM_ENABLE_CAP of a VM, by the number of the capability. */
export function vmIoctl(this: vmlinux_arm64, kvm: kvm, cap: number, args: u32): number {
  return this.kvm_vm_ioctl_enable_cap(kvm, cap, args);
}

/* ---- load and put ---- */

/** arch/arm64/kvm/arm.c: kvm_vcpu_should_clear_twi(): alone on its CPU is not enough: the host must not be needed. */
export function kvm_vcpu_should_clear_twi(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  const { kvm_wfi_trap_policy } = this.m.kvm_arm64_params;
  if (kvm_wfi_trap_policy !== KVM_WFX_NOTRAP_SINGLE_TASK) return kvm_wfi_trap_policy === KVM_WFX_NOTRAP;
  return (
    this.single_task_running() && (vcpu.arch.vgic_cpu.its_vpe.vlpi_count !== 0 || this.m.kvm[vcpu.kvm].arch.nassgireq)
  );
}

/** arch/arm64/kvm/arm.c: kvm_vcpu_should_clear_twe() */
export function kvm_vcpu_should_clear_twe(this: vmlinux_arm64, _vcpu: kvm_vcpu): bool {
  const { kvm_wfe_trap_policy } = this.m.kvm_arm64_params;
  if (kvm_wfe_trap_policy !== KVM_WFX_NOTRAP_SINGLE_TASK) return kvm_wfe_trap_policy === KVM_WFX_NOTRAP;
  return this.single_task_running();
}

/**
 * arch/arm64/kvm/arm.c: kvm_arch_vcpu_load(): the traps are decided here and nowhere else.
 *
 * RACE: the runqueue's length is that of this moment: whoever comes or goes later changes nothing until the next load.
 * Split: it goes on in kvm_arch_vcpu_loadTraps().
 */
export function kvm_arch_vcpu_load(this: vmlinux_arm64, vcpu: kvm_vcpu, cpu: number): void {
  vcpu.cpu = cpu;
  this.kvm_vgic_load(vcpu);
  this.kvm_timer_vcpu_load(vcpu);
  this.kvm_arch_vcpu_loadTraps(vcpu);
}

/** kvm_arch_vcpu_load(): HCR_EL2.TWE and TWI. */
export function kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  if (this.kvm_vcpu_should_clear_twe(vcpu)) vcpu.arch.hcr_el2 &= ~HCR_TWE;
  else vcpu.arch.hcr_el2 |= HCR_TWE;

  if (this.kvm_vcpu_should_clear_twi(vcpu)) vcpu.arch.hcr_el2 &= ~HCR_TWI;
  else vcpu.arch.hcr_el2 |= HCR_TWI;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_put() */
export function kvm_arch_vcpu_put(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  this.kvm_timer_vcpu_put(vcpu);
  this.kvm_vgic_put(vcpu);
  vcpu.cpu = -1;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_runnable(). MODEL: neither stopped nor paused. */
export function kvm_arch_vcpu_runnable(this: vmlinux_arm64, v: kvm_vcpu): bool {
  const irq_lines = (v.arch.hcr_el2 & (HCR_VI | HCR_VF)) !== 0;
  return irq_lines || this.kvm_vgic_vcpu_pending_irq(v) !== 0;
}

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_in_kernel() */
export function kvm_arch_vcpu_in_kernel(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return this.vcpu_mode_priv(vcpu);
}

/* ---- the run loop ---- */

/**
 * arch/arm64/kvm/arm.c: kvm_vcpu_wfi()
 *
 * Split: it goes on in kvm_vcpu_wfiWoken().
 */
export function kvm_vcpu_wfi(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const current = this.get_current();
  // with the CPU interface put, PMR is known and GICv4 rings for what comes
  vcpu.arch.in_wfi = true;
  this.kvm_vgic_put(vcpu);

  this.kvm_vcpu_halt(vcpu);
  if (this.notReturned(current)) this.whenBack(current, 'kvm_vcpu_wfiWoken', vcpu.id);
  else this.kvm_vcpu_wfiWoken(vcpu.id);
}

/** kvm_vcpu_wfi() behind the halt. */
export function kvm_vcpu_wfiWoken(this: vmlinux_arm64, vcpuId: number): void {
  const vcpu = this.m.vcpu[vcpuId];
  vcpu.arch.in_wfit = false;

  vcpu.arch.in_wfi = false;
  this.kvm_vgic_load(vcpu);
}

/** arch/arm64/kvm/arm.c: check_vcpu_requests(): 1 to enter the guest. MODEL: no dirty ring, no nested guests. */
export function check_vcpu_requests(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  if (!this.kvm_request_pending(vcpu)) return 1;
  if (this.kvm_check_request(KVM_REQ_VM_DEAD, vcpu)) return -EIO;
  if (this.kvm_check_request(KVM_REQ_SLEEP, vcpu)) throw new NotModelled('a vCPU that is powered off or paused');
  if (this.kvm_check_request(KVM_REQ_VCPU_RESET, vcpu)) throw new NotModelled('PSCI CPU_ON');
  // who asked wanted no more than that the vCPU looks at the vgic once more
  this.kvm_check_request(KVM_REQ_IRQ_PENDING, vcpu);
  if (this.kvm_check_request(KVM_REQ_RECORD_STEAL, vcpu)) throw new NotModelled('stolen time');
  if (this.kvm_check_request(KVM_REQ_RELOAD_GICv4, vcpu)) {
    this.vgic_v4_put(vcpu);
    this.vgic_v4_load(vcpu);
  }
  if (this.kvm_check_request(KVM_REQ_RELOAD_PMU, vcpu)) throw new NotModelled('the PMU');
  if (this.kvm_check_request(KVM_REQ_RESYNC_PMU_EL0, vcpu)) throw new NotModelled('the PMU');
  if (this.kvm_check_request(KVM_REQ_SUSPEND, vcpu)) throw new NotModelled('a vCPU that is suspended');
  return 1;
}

/** arch/arm64/kvm/arm.c: kvm_vcpu_exit_request() */
export function kvm_vcpu_exit_request(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return this.kvm_request_pending(vcpu) || this.xfer_to_guest_mode_work_pending();
}

/**
 * arch/arm64/kvm/arm.c: kvm_arch_vcpu_ioctl_run()
 *
 * Split: it goes on in kvm_arch_vcpu_ioctl_runLoop(), kvm_arch_vcpu_ioctl_runWorked(), kvm_arch_vcpu_ioctl_runExited(),
 * kvm_arch_vcpu_ioctl_runHandled(), kvm_arch_vcpu_ioctl_runOut().
 */
export function kvm_arch_vcpu_ioctl_run(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  this.vcpu_load(vcpu);
  if (!vcpu.wants_to_run) return this.kvm_arch_vcpu_ioctl_runOut(vcpu.id, -EINTR);
  vcpu.run.exit_reason = KVM_EXIT_UNKNOWN;
  return this.kvm_arch_vcpu_ioctl_runLoop(vcpu.id);
}

/** kvm_arch_vcpu_ioctl_run() from the head of its loop. */
export function kvm_arch_vcpu_ioctl_runLoop(this: vmlinux_arm64, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();
  const ret = this.xfer_to_guest_mode_handle_work(vcpu);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_arch_vcpu_ioctl_runWorked', vcpuId);
    return 0;
  }
  return this.kvm_arch_vcpu_ioctl_runWorked(vcpuId, ret);
}

/** kvm_arch_vcpu_ioctl_run(): the work before the guest is done, with result r: into the guest, or round again. */
export function kvm_arch_vcpu_ioctl_runWorked(this: vmlinux_arm64, vcpuId: number, r: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  let ret = r === 0 ? 1 : r;
  if (ret > 0) ret = this.check_vcpu_requests(vcpu);

  this.kvm_vgic_flush_hwstate(vcpu);
  // RACE: interrupts are off from here to the exit: who kicks from now on finds the mode, and sends an IPI
  vcpu.mode = IN_GUEST_MODE;
  if (ret <= 0 || this.kvm_vcpu_exit_request(vcpu)) {
    this.kvm_vgic_sync_hwstate(vcpu);
    vcpu.mode = OUTSIDE_GUEST_MODE;
    return ret > 0 ? this.kvm_arch_vcpu_ioctl_runLoop(vcpuId) : this.kvm_arch_vcpu_ioctl_runOut(vcpuId, ret);
  }
  this.trace_kvm_entry(vcpu.arch.pc);
  this.untilExit(this.get_current(), 'kvm_arch_vcpu_ioctl_runExited', vcpuId);
  this.guestEntered(vcpu);
  return 0;
}

/** kvm_arch_vcpu_ioctl_run(): back from the guest. */
export function kvm_arch_vcpu_ioctl_runExited(this: vmlinux_arm64, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();
  const { code } = vcpu.arch.exit;
  vcpu.stat.exits++;
  this.kvm_vgic_sync_hwstate(vcpu);
  vcpu.mode = OUTSIDE_GUEST_MODE;
  // interrupts are on for a moment
  if (code === ARM_EXCEPTION_IRQ) this.hostIrqOfExit(vcpu);
  this.trace_kvm_exit(code, vcpu);
  const ret = this.handle_exit(vcpu, code);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_arch_vcpu_ioctl_runHandled', vcpuId);
    return 0;
  }
  return this.kvm_arch_vcpu_ioctl_runHandled(vcpuId, ret);
}

/** kvm_arch_vcpu_ioctl_run(): the exit is handled, with result ret. */
export function kvm_arch_vcpu_ioctl_runHandled(this: vmlinux_arm64, vcpuId: number, ret: number): number {
  return ret > 0 ? this.kvm_arch_vcpu_ioctl_runLoop(vcpuId) : this.kvm_arch_vcpu_ioctl_runOut(vcpuId, ret);
}

/** kvm_arch_vcpu_ioctl_run() from its label `out`. */
export function kvm_arch_vcpu_ioctl_runOut(this: vmlinux_arm64, vcpuId: number, ret: number): number {
  this.vcpu_put(this.m.vcpu[vcpuId]);
  return ret;
}

/* ---- weak functions of virt/kvm, and what arm64 has no own of ---- */

/** virt/kvm/kvm_main.c: kvm_arch_dy_runnable(), weak */
export function kvm_arch_dy_runnable(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_vcpu_runnable(vcpu);
}

/** virt/kvm/kvm_main.c: kvm_arch_vcpu_preempted_in_kernel(), weak: as it is now */
export function kvm_arch_vcpu_preempted_in_kernel(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_vcpu_in_kernel(vcpu);
}

/** virt/kvm/kvm_main.c: kvm_arch_dy_has_pending_interrupt(), weak */
export function kvm_arch_dy_has_pending_interrupt(this: vmlinux_arm64, _vcpu: kvm_vcpu): bool {
  return false;
}

/** include/linux/kvm_host.h: kvm_arch_no_poll(), without CONFIG_HAVE_KVM_NO_POLL */
export function kvm_arch_no_poll(this: vmlinux_arm64, _vcpu: kvm_vcpu): bool {
  return false;
}
