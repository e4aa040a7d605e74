// SPDX-License-Identifier: GPL-2.0-only
/** KVM loaded on arm64, and virtual machines as their userspace has set them up before a run begins. */
import { assert } from '../../base/assert.js';
import { type kvm_ptr, type kvm_state, newKvmParams } from '../../kvm/kvm_host.js';
import { NULL, type task_struct } from '../../sched/sched.js';
import type { kernel_state } from '../../vmlinux/vmlinux.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { type kvm_arm64_state, newKvmArch, newKvmArm64Params } from './kvm_host.js';

/** ns: KVM_HALT_POLL_NS_DEFAULT of arm64 */
const HALT_POLL_NS = 500_000;

/** KVM just initialised on so many CPUs, with VHE and a GICv3. For machines that are made in one literal. */
export function newKvmState(cpus: number): kvm_state & kvm_arm64_state & Pick<kernel_state, 'host_irq'> {
  return {
    kvm: [],
    vcpu: [],
    kvm_running_vcpu: new Array<number>(cpus).fill(NULL),
    kvm_params: { ...newKvmParams(), halt_poll_ns: HALT_POLL_NS },
    kvm_arm64_params: newKvmArm64Params(),
    kvm_vgic_global_state: { has_gicv4: false, has_gicv4_1: false },
    host_irq: Array.from({ length: cpus }, () => []),
  };
}

/** A VM to be created. Whatever is absent is off. */
export interface VmConfig {
  vcpus: number;
  /** LPIs of assigned devices that the ITS delivers to each vCPU by itself; needs a GICv4 */
  vlpis?: number;
  /** the guest has asked for SGIs without an active state; needs a GICv4.1 */
  nassgireq?: boolean;
}

/**
 * Creates the VM and its vCPUs, at EL1, interrupts on. No thread runs them yet: it is the thread of a vCPU that makes
 * KVM_ARM_VCPU_INIT, and when all have, the guest boots. The VM's pointer; its vCPUs are in `m.kvm[it].vcpus`.
 */
export function bootVm(kernel: vmlinux_arm64, config: VmConfig): kvm_ptr {
  const m = kernel.m;
  const id = kernel.kvm_create_vm(newKvmArch());
  const kvm = m.kvm[id];
  for (let i = 0; i < config.vcpus; i++) {
    const r = kernel.kvm_vm_ioctl_create_vcpu(kvm, i);
    assert(r === 0, `KVM_CREATE_VCPU ${i}: ${r}`);
  }
  kvm.arch.has_its = (config.vlpis ?? 0) > 0;
  kvm.arch.boots = { vlpis: config.vlpis ?? 0, nassgireq: config.nassgireq === true };
  return id;
}

/** The task is the vCPU's thread: it begins KVM_RUN when it is on a CPU next. */
export function vcpuThread(kernel: vmlinux_arm64, task: task_struct, vcpu: { id: number }): void {
  kernel.whenBack(task, 'vcpuRunOf', vcpu.id);
}
