// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v2] KVM: arm64: Add KVM_CAP to control WFx trapping. A threshold of the VM for the length of the runqueue. */
import type { kvm, kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import { EINVAL } from '../../lib/errno.js';
import { type bool, le, u64 as toU64, type u32, type u64 } from '../../lib/types.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { PatchArm64 } from '../series-arm64.js';

/** include/uapi/linux/kvm.h */
export const KVM_CAP_ARM_WFX_TRAP_RUNQUEUE_DEPTH = 236;

declare module '../../arch/arm64/kvm_host.js' {
  interface kvm_arch {
    /** absent for 1, as kvm_arch_init_vm() sets it */
    wfx_trap_runqueue_depth?: u64;
  }
}

/** The functions that the patch adds. */
export interface Adds {
  nr_running_this_cpu: typeof nr_running_this_cpu;
}

export const depthOf = (kvm: kvm): u64 => kvm.arch.wfx_trap_runqueue_depth ?? toU64(1);

/**
 * arch/arm64/kvm/arm.c: kvm_vm_ioctl_enable_cap()
 *
 * As posted: the value that the ioctl returns is not set. MODEL: it is 0, as with CONFIG_INIT_STACK_ALL_ZERO.
 */
export function kvm_vm_ioctl_enable_cap(this: vmlinux_arm64, kvm: kvm, cap: number, args: u32): number {
  if (cap !== KVM_CAP_ARM_WFX_TRAP_RUNQUEUE_DEPTH) return -EINVAL;
  kvm.arch.wfx_trap_runqueue_depth = toU64(args);
  return 0;
}

/** arch/arm64/kvm/arm.c: kvm_vm_ioctl_check_extension() */
export function kvm_vm_ioctl_check_extension(this: vmlinux_arm64, _kvm: kvm, ext: number): number {
  return ext === KVM_CAP_ARM_WFX_TRAP_RUNQUEUE_DEPTH ? 1 : 0;
}

/** kernel/sched/core.c: nr_running_this_cpu(), new */
export function nr_running_this_cpu(this: vmlinux_arm64): u32 {
  return this.m.rq[this.m.cpu].nr_running;
}

/** kernel/sched/core.c: single_task_running() */
export function single_task_running(this: vmlinux_arm64 & Adds): bool {
  return this.nr_running_this_cpu() === 1;
}

/** kvm_arch_vcpu_load(): the traps. However deep, WFI traps where interrupts need the host. */
export function kvm_arch_vcpu_loadTraps(this: vmlinux_arm64 & Adds, vcpu: kvm_vcpu): void {
  if (le(toU64(this.nr_running_this_cpu()), depthOf(this.m.kvm[vcpu.kvm]))) this.vcpu_clear_wfx_traps(vcpu);
  else this.vcpu_set_wfx_traps(vcpu);
}

export default {
  subject: 'KVM: arm64: Add KVM_CAP to control WFx trapping',
  funcs: { kvm_vm_ioctl_enable_cap, kvm_vm_ioctl_check_extension, single_task_running, kvm_arch_vcpu_loadTraps },
  adds: { nr_running_this_cpu },
} satisfies PatchArm64<Adds>;
