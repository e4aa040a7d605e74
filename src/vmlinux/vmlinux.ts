// SPDX-License-Identifier: GPL-2.0-only
/**
 * The kernel as a table of functions, bound to one machine: what every architecture has.
 *
 * Every mirrored function is called as `this.name(...)`; `this.m` is the machine it works on. A function is in the table
 * when its file exports it and `modules.ts`, or an architecture's list, names the file. What an architecture has beyond
 * this is in a file of its own (`vmlinux-x86.ts`).
 */
import type { Actor } from '../guest/actor.js';
import type { CpuRequest } from '../guest/guest-kernel.js';
import type { irq_cpu } from '../irq/preempt.js';
import type { guest_memory } from '../kvm/guest-memory.js';
import type { kvm, kvm_state, kvm_vcpu, vcpu_ptr } from '../kvm/kvm_host.js';
import type { hrtimer_state } from '../lib/hrtimer.js';
import type { bool, u32, u64 } from '../lib/types.js';
import type { sleeping_lock } from '../locking/mutex.js';
import type { optimistic_spin_node } from '../locking/osq_lock.js';
import type { sched_state } from '../sched/sched.js';
import type { trace_event } from '../trace/trace-event.js';

/** The functions among a module's exports. */
export type Functions<Module> = {
  [Name in keyof Module as Module[Name] extends (...args: never[]) => unknown ? Name : never]: Module[Name];
};

/** All of the machine that functions of every architecture may reach. */
export interface kernel_state extends sched_state, kvm_state, hrtimer_state {
  /** smp_processor_id(): the CPU that executes */
  cpu: number;
  /** 1 while an interrupt handler executes on it (tick, timer, IPI): what in_task() denies; absent for 0 */
  hardirq?: number;
  /** per CPU: vectors of the interrupts that wait until the kernel lets them in, in order */
  host_irq: number[][];
  /** per CPU, of a kernel that runs in a guest */
  irq_cpu?: irq_cpu[];
  /** by kvm_ptr: what is behind a VM's memslots */
  guest?: { memory?: guest_memory }[];
  /** of a kernel that runs in a guest: KVM's features in CPUID leaf 0x40000001, as its host shows them */
  kvm_para_features?: u32;
  /** mutexes and rw_semaphores, of a kernel that runs in a guest; and its CPUs in queues of spinners */
  sleeping_lock?: sleeping_lock[];
  osq_node?: optimistic_spin_node[];
  /** preempt=full: kernel mode is preempted as well; else preempt=voluntary */
  preempt_full?: boolean;
  /** knobs that a series brought and somebody wrote, by name; see `Knob` */
  knobs?: Record<string, number>;
}

/** The mirrored functions that every architecture shares, by kernel name. */
export interface kernel_functions extends Functions<typeof import('./modules.js')> {}

/**
 * include/linux/kvm_host.h: what virt/kvm asks of an architecture.
 *
 * WHY methods: an architecture's own take its own vCPU, and a method's parameters may be narrower.
 */
export interface arch_functions {
  /** include/linux/sched.h: of a CPU of this kernel, which may be a guest's */
  vcpu_is_preempted(cpu: number): bool;
  /** kzalloc() of struct kvm_vcpu_arch */
  newVcpuArch(vcpu: vcpu_ptr): object;
  kvm_arch_init_vm(kvm: kvm): number;
  kvm_arch_vcpu_precreate(kvm: kvm, id: number): number;
  kvm_arch_vcpu_create(vcpu: kvm_vcpu): number;
  kvm_arch_vcpu_postcreate(vcpu: kvm_vcpu): void;
  kvm_arch_vcpu_destroy(vcpu: kvm_vcpu): void;
  kvm_arch_vcpu_load(vcpu: kvm_vcpu, cpu: number): void;
  kvm_arch_vcpu_put(vcpu: kvm_vcpu): void;
  kvm_arch_vcpu_run_pid_change(vcpu: kvm_vcpu): number;
  kvm_arch_vcpu_ioctl_run(vcpu: kvm_vcpu): number;
  kvm_arch_vcpu_blocking(vcpu: kvm_vcpu): void;
  kvm_arch_vcpu_unblocking(vcpu: kvm_vcpu): void;
  kvm_arch_no_poll(vcpu: kvm_vcpu): bool;
  kvm_arch_vcpu_runnable(vcpu: kvm_vcpu): bool;
  kvm_arch_vcpu_should_kick(vcpu: kvm_vcpu): bool;
  kvm_arch_vcpu_in_kernel(vcpu: kvm_vcpu): bool;
  kvm_arch_vcpu_preempted_in_kernel(vcpu: kvm_vcpu): bool;
  kvm_arch_dy_runnable(vcpu: kvm_vcpu): bool;
  kvm_arch_dy_has_pending_interrupt(vcpu: kvm_vcpu): bool;
  kvm_cpu_has_pending_timer(vcpu: kvm_vcpu): number;
}

/**
 * What the machine asks of an architecture's CPUs and of the guests on them, under one name: an exit or not is theirs to know.
 * Those that return a boolean say whether there was a guest to do it.
 */
export interface arch_cpus {
  /** interrupts that wait are taken on the CPU, a guest exits where it has to */
  settleCpu(cpu: number): void;
  /** the guest on the CPU exits for an interrupt of the host, whose handler is `fn` of the table, with its arguments */
  exitExternalInterrupt(cpu: number, vector: number, fn?: string, ...args: number[]): boolean;
  /** a system call was made on the CPU: the way back to its guest looks at what it has left */
  afterSyscall(cpu: number): void;
  /** CPL 0 or 3; EL1 or EL0 */
  guestSetCpl(cpu: number, cpl: number): boolean;
  guestSetIf(cpu: number, on: boolean, shadow?: boolean): boolean;
  guestIpi(cpu: number, target: kvm_vcpu, vector: number): boolean;
  guestEoi(cpu: number): boolean;
  /** out of the innermost handler */
  guestIret(cpu: number): boolean;
  /** its timer, one shot: under which interrupt, and how long */
  guestTimerVector(cpu: number, vector: number): void;
  guestTimerCount(cpu: number, ns: number): void;
  /** the guest's kernel on the CPU asks its vCPU for something */
  guestAsks(cpu: number, request: CpuRequest): void;
  /** the name by which a kernel knows an interrupt that its vCPU has taken: see lib/irq_vectors */
  vectorInGuest(vector: number): number;
  /** an event for the vCPU: a store to a line that it watches in WFE ends that */
  guestEvent(vcpu: kvm_vcpu): void;
  /** a page that a guest's kernel shares with its host, of the vCPU, as the guest's CPU reads it */
  sharedWithGuest(vcpu: kvm_vcpu, cpu: irq_cpu): void;
  /** a vCPU of the VM makes a hypercall while its kernel boots: x0 of the answer */
  guestCalls(kvm: number, vcpu: number, x0: u64, x1: u64, x2: u64, x3: u64): u64;
  /** a guest's kernel boots on the vCPU that executes: its initialisation, as far as it concerns the host */
  guestKernelBoots(vcpu: number): void;
  /** what the CPU decides of the time of a guest's program */
  tellGuest(vcpu: kvm_vcpu, actor: Actor): void;
  /** an ioctl of a VM by its number; where they are capabilities, KVM_ENABLE_CAP of the one with that number */
  vmIoctl(kvm: kvm, nr: number, arg: number): number;
  /** the thread of a vCPU, in userspace */
  vcpuRunOf(vcpu: vcpu_ptr): void;
}

/** The linked kernel, bound to a machine. */
export interface vmlinux extends kernel_functions, arch_functions, arch_cpus {
  readonly m: kernel_state;
  /** Who hears the tracepoints; null for nobody. */
  readonly tp: ((event: trace_event) => void) | null;
  /** of a kernel that runs in a guest: its memory, which its host sees as well */
  readonly ram?: guest_memory;
  /** of a kernel that boots in a guest: what its HVC does; x0 to x3 of it, and x0 of the answer */
  readonly hvc?: (x0: u64, x1: u64, x2: u64, x3: u64) => u64;
}
