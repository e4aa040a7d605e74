// SPDX-License-Identifier: GPL-2.0-only
/** KVM loaded on s390, and virtual machines as their userspace has set them up before a run begins. */
import { assert } from '../../base/assert.js';
import { type kvm_ptr, type kvm_state, newKvmParams } from '../../kvm/kvm_host.js';
import { ZERO } from '../../lib/types.js';
import { NULL, type task_struct } from '../../sched/sched.js';
import type { kernel_state } from '../../vmlinux/vmlinux.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import { type kvm_s390_state, newKvmArch, newKvmS390Params } from './kvm_host.js';

/** arch/s390/include/asm/kvm_host.h, ns */
const KVM_HALT_POLL_NS_DEFAULT = 50_000;

/** KVM just initialised on so many CPUs. For machines that are made in one literal. */
export function newKvmState(cpus: number): kvm_state & kvm_s390_state & Pick<kernel_state, 'host_irq'> {
  return {
    kvm: [],
    vcpu: [],
    kvm_running_vcpu: new Array<number>(cpus).fill(NULL),
    kvm_params: { ...newKvmParams(), halt_poll_ns: KVM_HALT_POLL_NS_DEFAULT },
    kvm_s390_params: newKvmS390Params(),
    diag9c: { forward_cnt: 0, cur_slice: ZERO },
    lpar: { lpar_preempted: 0 },
    yielded_to: [],
    host_irq: Array.from({ length: cpus }, () => []),
  };
}

/** Creates the VM and its vCPUs. No thread runs them yet. The VM's pointer; its vCPUs are in `m.kvm[it].vcpus`. */
export function bootVm(kernel: vmlinux_s390, config: { vcpus: number }): kvm_ptr {
  const m = kernel.m;
  const id = kernel.kvm_create_vm(newKvmArch());
  for (let i = 0; i < config.vcpus; i++) {
    const r = kernel.kvm_vm_ioctl_create_vcpu(m.kvm[id], i);
    assert(r === 0, `KVM_CREATE_VCPU ${i}: ${r}`);
  }
  return id;
}

/** The task is the vCPU's thread: it begins KVM_RUN when it is on a CPU next. */
export function vcpuThread(kernel: vmlinux_s390, task: task_struct, vcpu: { id: number }): void {
  kernel.whenBack(task, 'vcpuRunOf', vcpu.id);
}
