// SPDX-License-Identifier: GPL-2.0-only
/** A machine before its first event, and what shall happen to it, as data. */
import type { Program } from '../guest/instructions.js';
import type { MachineEvent } from './events.js';

export interface GroupSpec {
  name: string;
  /** name of the parent group; absent: the root group */
  parent?: string;
  /** cpu.shares, 2 to 262144; 1024 when absent */
  shares?: number;
  /** cpu.idle */
  idle?: boolean;
}

export interface TaskSpec {
  comm: string;
  /** -20 to 19 */
  nice?: number;
  group?: string;
  /** allowed CPUs; all when absent */
  cpus?: number[];
  /** the CPU that it is forked on; the first of `cpus` when absent */
  starts?: number;
  /** custom slice in ns (sched_attr.sched_runtime) */
  slice?: number;
  policy?: 'normal' | 'batch' | 'idle' | 'fifo' | 'rr';
  rt_priority?: number;
  /** starts asleep */
  asleep?: boolean;
  /** is copied but not woken yet: a `fork` event does that */
  unborn?: boolean;
  /** given out in order when absent */
  pid?: number;
  /** runs for ever (compute) when absent */
  program?: Program;
}

/** A kernel that a guest runs, the same as its host's: its CPUs are the VM's vCPUs. */
export interface GuestKernelSpec {
  /** 100, 250, 300 or 1000; 250 when absent */
  hz?: number;
  /** `preempt=` on its command line; voluntary when absent: kernel mode is left at its own pace */
  preempt?: 'voluntary' | 'full';
  /** false: built without CONFIG_PARAVIRT_SCHED, whatever its host offers */
  pv_sched?: boolean;
  features?: Record<string, boolean>;
  /** its own, as its command line and modprobe.d set them */
  knobs?: Record<string, number>;
  /** ns; from the vCPU count and tunable scaling when absent */
  base_slice?: number;
  groups?: GroupSpec[];
  /** `cpus` are vCPUs, by vcpu_idx */
  tasks: TaskSpec[];
}

export interface VmSpec {
  name: string;
  vcpus: number;
  /** of its vCPU threads: one group for all, or one a vCPU */
  group?: string | string[];
  nice?: number;
  /** chrt of every vCPU thread; SCHED_NORMAL when absent */
  policy?: 'normal' | 'batch' | 'idle' | 'fifo' | 'rr';
  /** 1 to 99, with policy fifo or rr */
  rt_priority?: number;
  /** allowed CPUs of every thread, or one list a vCPU */
  cpus?: number[] | number[][];
  vendor?: 'vmx' | 'svm';
  /** arm64: LPIs of assigned devices that the ITS delivers to each vCPU without its host; none when absent. Needs a GICv4 */
  vlpis?: number;
  /** arm64: SGIs are delivered without the host, as the guest asks (GICD_CTLR.nASSGIreq). Needs a GICv4.1 */
  nassgireq?: boolean;
  /** APICv (posted interrupts, accelerated EOI); off when absent */
  apicv?: boolean;
  /** IPI virtualization: the ICR write does not exit */
  ipiv?: boolean;
  /** KVM_FEATURE_PV_EOI in CPUID, and used by the guest; off when absent */
  pv_eoi?: boolean;
  /** x2APIC in CPUID, and APICs in that mode; so when absent */
  x2apic?: boolean;
  /** KVM_CAP_SPLIT_IRQCHIP, or IOAPIC and PIC in the kernel, as when absent */
  irqchip?: 'split' | 'kernel';
  /** ticket: FIFO; test-and-set: whoever looks first */
  lockKind?: 'ticket' | 'tas';
  /** vCPUs start halted (mp_state HALTED) when true */
  halted?: boolean;
  /** one for all vCPUs, or one a vCPU; none: events decide what the guest does */
  programs?: Program | Program[];
  /** events store to its memory (`store`), which KVM reads; so with a kernel, whose memory it is */
  memory?: boolean;
  /** in place of programs of its vCPUs: the guest runs a kernel with tasks of its own */
  kernel?: GuestKernelSpec;
  /** ns that the guest's interrupt handlers take: with `programs`, to the EOI, which comes last; 2000 when absent */
  handler_ns?: number;
}

/** One VM that is nothing but local APICs: no task runs its vCPUs, events say what its guest does. */
export interface ApicsSpec {
  /** 1 to 64 */
  vcpus: number;
  /** vcpu_id of each vCPU; its index when absent */
  ids?: number[];
  /** `xapic`, `cluster` and `x2apic`: every APIC is enabled in that mode, with logical ids of its own; `reset`: as KVM resets them */
  mode: 'reset' | 'xapic' | 'cluster' | 'x2apic';
  /** svm when absent */
  vendor?: 'vmx' | 'svm';
  /** KVM_CAP_SPLIT_IRQCHIP; in-kernel: with IOAPIC and PIC. split when absent */
  irqchip?: 'split' | 'kernel';
  /** APICv or AVIC; off when absent */
  apicv?: boolean;
}

export interface Scenario {
  name?: string;
  /** physical CPUs, 1 to 64 */
  cpus: number;
  /** what the machine is, with `vms`; x86 when absent. Without VMs it runs on kernels of every architecture */
  arch?: 'arm64' | 's390';
  /** arm64: its interrupt controller; v3 when absent */
  gic?: 'v3' | 'v4' | 'v4.1';
  /** 100, 250, 300 or 1000; 250 when absent */
  hz?: number;
  /** ns; from the CPU count and tunable scaling when absent */
  base_slice?: number;
  features?: Record<string, boolean>;
  /** knobs set before boot ends, by kernel name */
  knobs?: Record<string, number>;
  groups?: GroupSpec[];
  tasks?: TaskSpec[];
  vms?: VmSpec[];
  /** instead of VMs */
  apics?: ApicsSpec;
  /** schedule() at once wherever need_resched is set after an event, as on return from interrupt; default true */
  eager?: boolean;
  /** start values for the virtual clocks: added to every cfs_rq's zero_vruntime at boot, decimal s64 */
  vruntime_offset?: string;
  /** seed of the machine's generator */
  seed?: number;
  /** explicit events; absent when programs decide (see `until`) */
  events?: MachineEvent[];
  /** simulate programs and ticks until this time, ns since boot */
  until?: number;
}
