// SPDX-License-Identifier: GPL-2.0-only
/**
 * The modules whose functions every architecture's table has. The table's type, its functions and what `races` steps
 * through are taken from here and from the architecture's own list; a name that two modules export does not compile.
 */
export * from '../irq/common.js';
export * from '../irq/preempt.js';
export * from '../irq/softirq.js';
export * from '../kvm/entry.js';
export * from '../kvm/guest-memory.js';
export * from '../kvm/kvm_host.js';
export * from '../kvm/kvm_main.js';
export * from '../kvm/on-cpu.js';
export * from '../kvm/signal.js';
export * from '../lib/hrtimer.js';
export * from '../lib/rbtree_augmented.js';
export * from '../locking/mutex.js';
export * from '../locking/osq_lock.js';
export * from '../locking/rwsem.js';
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
export * from '../trace/sched.js';
export * from '../trace/warn.js';
