// SPDX-License-Identifier: GPL-2.0-only
/** KVM loaded, and virtual machines as their userspace and their guests have set them up before a run begins. */

import { assert } from '../../base/assert.js';
import { type kvm_ptr, type kvm_state, newKvmParams } from '../../kvm/kvm_host.js';
import { APIC_LDR, APIC_SPIV, APIC_SPIV_APIC_ENABLED, MSR_IA32_APICBASE, X2APIC_ENABLE } from '../../lapic/apicdef.js';
import { or, u64 } from '../../lib/types.js';
import { NULL, type task_struct } from '../../sched/sched.js';
import type { kernel_state } from '../../vmlinux/vmlinux.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import {
  APICV_INHIBIT_REASON_ABSENT,
  KVM_MP_STATE_HALTED,
  KVM_MP_STATE_RUNNABLE,
  KVM_MSR_ENABLED,
  type kvm_vcpu,
  type kvm_x86_state,
  newKvmArch,
  newKvmX86Params,
} from './kvm_host.js';

/** kvm.ko, kvm_intel.ko and kvm_amd.ko just loaded on so many CPUs. For machines that are made in one literal. */
export function newKvmState(
  cpus: number,
  tsc_khz = 2_000_000,
): kvm_state & kvm_x86_state & Pick<kernel_state, 'host_irq'> {
  return {
    kvm: [],
    vcpu: [],
    kvm_running_vcpu: new Array<number>(cpus).fill(NULL),
    kvm_params: newKvmParams(),
    kvm_x86_params: newKvmX86Params(),
    tsc_khz,
    host_irq: Array.from({ length: cpus }, () => []),
  };
}

/** A VM to be created. Whatever is absent is off. */
export interface VmConfig {
  vendor: 'vmx' | 'svm';
  vcpus: number;
  /** APICv or AVIC */
  apicv?: boolean;
  /** IPI virtualization; needs apicv and vmx */
  ipiv?: boolean;
  /** the guest's APICs are in x2APIC mode */
  x2apic?: boolean;
  /** the guest has enabled PV EOI */
  pv_eoi?: boolean;
  /** the guest has enabled its steal-time page */
  steal_time?: boolean;
  /** the guest makes Hyper-V's hypercalls, not KVM's */
  hyperv?: boolean;
  /** the guest's CPUs begin in HLT */
  halted?: boolean;
}

/**
 * Creates the VM and its vCPUs, APIC IDs 0 to n-1, as a booted guest has them: protected mode, CPL 0, interrupts on,
 * APICs software-enabled. No thread runs them yet. The VM's pointer; its vCPUs are in `m.kvm[it].vcpus`.
 *
 * MODEL: the in-kernel PIC and IOAPIC are absent (split irqchip), and every AP has had its INIT and SIPI.
 */
export function bootVm(kernel: vmlinux_x86, config: VmConfig): kvm_ptr {
  const m = kernel.m;
  const arch = newKvmArch(config.vendor);
  arch.enable_apicv = config.apicv === true;
  arch.enable_ipiv = config.ipiv === true;
  const id = kernel.kvm_create_vm(arch);
  const kvm = m.kvm[id];
  kernel.kvm_clear_apicv_inhibit(kvm, APICV_INHIBIT_REASON_ABSENT);
  for (let i = 0; i < config.vcpus; i++) {
    const r = kernel.kvm_vm_ioctl_create_vcpu(kvm, i);
    assert(r === 0, `KVM_CREATE_VCPU ${i}: ${r}`);
  }
  for (const v of kvm.vcpus) bootVcpu(kernel, m.vcpu[v], config);
  return id;
}

function bootVcpu(kernel: vmlinux_x86, vcpu: kvm_vcpu, config: VmConfig): void {
  const { arch } = vcpu;
  kernel.vcpu_load(vcpu);
  kernel.kvm_vcpu_after_set_cpuid(vcpu);
  arch.mp_state = config.halted === true ? KVM_MP_STATE_HALTED : KVM_MP_STATE_RUNNABLE;
  if (config.x2apic === true) {
    const data = or(arch.apic_base, u64(X2APIC_ENABLE));
    const r = kernel.kvm_apic_set_base(vcpu, { index: MSR_IA32_APICBASE, data, host_initiated: true });
    assert(r === 0, 'the APIC refuses x2APIC mode');
  } else if (vcpu.vcpu_id < 8) {
    kernel.kvm_lapic_reg_write(arch.apic, APIC_LDR, (1 << (24 + vcpu.vcpu_id)) >>> 0);
  }
  kernel.kvm_lapic_reg_write(arch.apic, APIC_SPIV, APIC_SPIV_APIC_ENABLED | 0xff);
  arch.cpl = 0;
  arch.if_flag = true;
  arch.hyperv_enabled = config.hyperv === true;
  if (config.pv_eoi === true) arch.pv_eoi.msr_val = u64(KVM_MSR_ENABLED);
  if (config.steal_time === true) arch.st.msr_val = u64(KVM_MSR_ENABLED);
  kernel.vcpu_put(vcpu);
}

/** The task is the vCPU's thread: it begins KVM_RUN when it is on a CPU next. */
export function vcpuThread(kernel: vmlinux_x86, task: task_struct, vcpu: kvm_vcpu): void {
  kernel.whenBack(task, 'vcpuRunOf', vcpu.id);
}
