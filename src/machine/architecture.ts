// SPDX-License-Identifier: GPL-2.0-only
/** What a machine has because of what its kernel was built for: state, VMs, and what their guests' CPUs execute. */
import * as arm64 from '../arch/arm64/boot-vm.js';
import * as s390 from '../arch/s390/boot-vm.js';
import * as x86 from '../arch/x86/boot-vm.js';
import { KVM_FEATURE_PV_SCHED } from '../arch/x86/kvm_host.js';
import type { Fault } from '../base/faults.js';
import type { Actor, GuestVm } from '../guest/actor.js';
import type { GuestKernel } from '../guest/guest-kernel.js';
import type { kvm_ptr } from '../kvm/kvm_host.js';
import { NotModelled } from '../lib/bug.js';
import { ZERO } from '../lib/types.js';
import type { GuestKernelSpec, Scenario, VmSpec } from '../scenario/scenario.js';
import type { task_struct } from '../sched/sched.js';
import type { ArchitectureName, Kernel } from '../vmlinux/bind.js';
import type { vmlinux_arm64 } from '../vmlinux/vmlinux-arm64.js';
import type { vmlinux_s390 } from '../vmlinux/vmlinux-s390.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import type { machine } from './state.js';

/**
 * WHY as of x86: `machine` is an x86 machine by type (adr 11). What is made here for another one is reached through that
 * architecture's functions, in the table, and through its own rows of events.
 */
export interface Architecture {
  newState(scenario: Scenario): ReturnType<typeof x86.newKvmState>;
  bootVm(k: vmlinux_x86, spec: VmSpec): kvm_ptr;
  /** what a VMM sets up of a VM whose memory it shares */
  vmm(k: vmlinux_x86, kvm: kvm_ptr): void;
  vcpuThread(k: vmlinux_x86, p: task_struct, vcpu: vmlinux_x86['m']['vcpu'][number]): void;
  guest(): Pick<GuestVm, 'relax'>;
  actor(): Pick<Actor, 'standby'>;
  /** what a guest's kernel has of its machine, and what it finds of its host */
  guestKernel(k: vmlinux_x86, m: machine, spec: GuestKernelSpec): Pick<GuestKernel, 'eoiLast'>;
}

const X86: Architecture = {
  newState: ({ cpus }) => x86.newKvmState(cpus),
  bootVm: (k, spec) =>
    x86.bootVm(k, {
      vendor: spec.vendor ?? 'vmx',
      vcpus: spec.vcpus,
      apicv: spec.apicv === true,
      ipiv: spec.ipiv === true,
      x2apic: spec.x2apic ?? true,
      pv_eoi: spec.pv_eoi === true,
      halted: spec.halted === true,
      steal_time: spec.kernel !== undefined,
    }),
  vmm: () => {},
  vcpuThread: x86.vcpuThread,
  guest: () => ({}),
  actor: () => ({}),
  guestKernel(k, m, { pv_sched }) {
    for (const rq of m.rq) rq.prev_steal_time_rq = ZERO;
    m.kvm_para_features = k.__do_cpuid_funcKvmFeatures();
    if (pv_sched === false) m.kvm_para_features &= ~(1 << KVM_FEATURE_PV_SCHED);
    return {};
  },
};

const ARM64: Architecture = {
  newState({ cpus, gic }) {
    const state = arm64.newKvmState(cpus);
    state.kvm_vgic_global_state.has_gicv4 = gic === 'v4' || gic === 'v4.1';
    state.kvm_vgic_global_state.has_gicv4_1 = gic === 'v4.1';
    return state as unknown as ReturnType<typeof x86.newKvmState>;
  },
  bootVm(k, { vcpus, vlpis = 0, nassgireq = false }) {
    return arm64.bootVm(k as unknown as vmlinux_arm64, { vcpus, vlpis, nassgireq });
  },
  vmm(k, kvm) {
    const own = k as unknown as vmlinux_arm64;
    own.vmmSetsUp(own.m.kvm[kvm]);
  },
  vcpuThread: (k, p, vcpu) => arm64.vcpuThread(k as unknown as vmlinux_arm64, p, vcpu),
  guest: () => ({ relax: 'wfe' }),
  actor: () => ({ standby: { ns: 0, woken: false } }),
  // MODEL: the VMM offers no stolen time, as QEMU did not before 5.2
  guestKernel: () => ({ eoiLast: true }),
};

const S390: Architecture = {
  newState: ({ cpus }) => s390.newKvmState(cpus) as unknown as ReturnType<typeof x86.newKvmState>,
  bootVm: (k, { vcpus }) => s390.bootVm(k as unknown as vmlinux_s390, { vcpus }),
  vmm: () => {},
  vcpuThread: (k, p, vcpu) => s390.vcpuThread(k as unknown as vmlinux_s390, p, vcpu),
  guest: () => ({ relax: 'diag9c' }),
  // a vCPU may stand in its wait, in SIE, for a moment
  actor: () => ({ standby: { ns: 0, woken: false } }),
  guestKernel() {
    throw new NotModelled('a kernel in a guest of s390');
  },
};

/** A scenario for another architecture than one of the kernels was built for. Without VMs it runs on every kernel. */
export function architectureFaults(
  kernels: readonly Kernel[],
  { arch, vms, apics }: Pick<Scenario, 'arch' | 'vms' | 'apics'>,
  at = '',
): Fault[] {
  if (arch === undefined && vms === undefined && apics === undefined) return [];
  const other = kernels.find((kernel) => kernel.arch !== arch);
  if (other === undefined) return [];
  const expected = `${other.arch ?? 'x86'}, which ${other.name} was built for`;
  return [{ code: 'architecture', place: `${at}arch`, expected, got: arch ?? 'x86' }];
}

/** The row of a kernel's architecture. */
export const architectureOf = ({ arch }: Pick<Kernel, 'arch'>): Architecture =>
  arch === undefined ? X86 : BY_NAME[arch];

const BY_NAME: Readonly<Record<ArchitectureName, Architecture>> = { arm64: ARM64, s390: S390 };
