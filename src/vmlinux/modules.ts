// SPDX-License-Identifier: GPL-2.0-only
/**
 * The one list of the modules whose functions make up the table. Its type, its functions and what `races` steps through are
 * taken from here; a name that two modules export does not compile.
 */
export * from '../arch/x86/avic.js';
export * from '../arch/x86/hyperv.js';
export * from '../arch/x86/kvm_host.js';
export * from '../arch/x86/kvm-x86-ops.js';
export * from '../arch/x86/kvm-x86-ops-vcpu.js';
export * from '../arch/x86/posted_intr.js';
export * from '../arch/x86/svm.js';
export * from '../arch/x86/vcpu-exits.js';
export * from '../arch/x86/vcpu-userspace.js';
export * from '../arch/x86/virtual-interrupts.js';
export * from '../arch/x86/vmx.js';
export * from '../arch/x86/x86.js';
export * from '../arch/x86/x86-apic.js';
export * from '../arch/x86/x86-tsc.js';
export * from '../kvm/entry.js';
export * from '../kvm/kvm_host.js';
export * from '../kvm/kvm_main.js';
export * from '../kvm/signal.js';
export * from '../lapic/ioapic.js';
export * from '../lapic/irq.js';
export * from '../lapic/irq_comm.js';
export * from '../lapic/lapic.js';
export * from '../lib/hrtimer.js';
export * from '../lib/rbtree_augmented.js';
export * from '../sched/core.js';
export * from '../sched/core-hotplug.js';
export * from '../sched/cpuhp.js';
export * from '../sched/cpupri.js';
export * from '../sched/deadline.js';
export * from '../sched/fair.js';
export * from '../sched/idle.js';
export * from '../sched/interrupts.js';
export * from '../sched/kernel-stack.js';
export * from '../sched/pelt.js';
export * from '../sched/rt.js';
export * from '../sched/sched.js';
export * from '../sched/sched-class.js';
export * from '../sched/stats.js';
export * from '../sched/stop_task.js';
export * from '../sched/syscalls.js';
export * from '../sched/topology.js';
export * from '../trace/kvm.js';
export * from '../trace/kvm_x86.js';
export * from '../trace/sched.js';
export * from '../trace/warn.js';
