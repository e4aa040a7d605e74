// SPDX-License-Identifier: GPL-2.0-only
/** The pin, 6.12.117: every mirrored function, in one frozen table. */
import * as avic from '../arch/x86/avic.js';
import * as hyperv from '../arch/x86/hyperv.js';
import * as kvm_x86_host from '../arch/x86/kvm_host.js';
import * as kvm_x86_ops from '../arch/x86/kvm-x86-ops.js';
import * as kvm_x86_ops_vcpu from '../arch/x86/kvm-x86-ops-vcpu.js';
import * as posted_intr from '../arch/x86/posted_intr.js';
import * as svm from '../arch/x86/svm.js';
import * as vcpu_exits from '../arch/x86/vcpu-exits.js';
import * as virtual_interrupts from '../arch/x86/virtual-interrupts.js';
import * as vmx from '../arch/x86/vmx.js';
import * as x86 from '../arch/x86/x86.js';
import * as x86_apic from '../arch/x86/x86-apic.js';
import * as x86_tsc from '../arch/x86/x86-tsc.js';
import * as entry from '../kvm/entry.js';
import * as kvm_host from '../kvm/kvm_host.js';
import * as kvm_main from '../kvm/kvm_main.js';
import * as ioapic from '../lapic/ioapic.js';
import * as irq from '../lapic/irq.js';
import * as irq_comm from '../lapic/irq_comm.js';
import * as lapic from '../lapic/lapic.js';
import * as hrtimer from '../lib/hrtimer.js';
import * as rbtree_augmented from '../lib/rbtree_augmented.js';
import * as core from '../sched/core.js';
import * as cpupri from '../sched/cpupri.js';
import * as deadline from '../sched/deadline.js';
import * as fair from '../sched/fair.js';
import * as idle from '../sched/idle.js';
import * as interrupts from '../sched/interrupts.js';
import * as kernel_stack from '../sched/kernel-stack.js';
import * as pelt from '../sched/pelt.js';
import * as rt from '../sched/rt.js';
import * as sched from '../sched/sched.js';
import * as sched_class from '../sched/sched-class.js';
import * as stats from '../sched/stats.js';
import * as stop_task from '../sched/stop_task.js';
import * as syscalls from '../sched/syscalls.js';
import * as topology from '../sched/topology.js';
import * as trace_kvm from '../trace/kvm.js';
import * as trace_kvm_x86 from '../trace/kvm_x86.js';
import * as trace_sched from '../trace/sched.js';
import * as warn from '../trace/warn.js';
import { type Kernel, tableOf } from '../vmlinux/bind.js';

/** The kernel that every release and every series goes back to. */
export const linux_6_12: Kernel = Object.freeze({
  name: 'v6.12.117',
  table: tableOf(
    ...[
      sched,
      core,
      syscalls,
      fair,
      pelt,
      deadline,
      rt,
      idle,
      stop_task,
      sched_class,
      stats,
      topology,
      cpupri,
      kernel_stack,
      interrupts,
    ],
    ...[hrtimer, rbtree_augmented],
    ...[
      kvm_host,
      kvm_main,
      entry,
      kvm_x86_host,
      x86,
      x86_apic,
      x86_tsc,
      kvm_x86_ops,
      kvm_x86_ops_vcpu,
      vmx,
      svm,
      posted_intr,
      avic,
    ],
    ...[hyperv, vcpu_exits, virtual_interrupts, lapic, irq, irq_comm, ioapic],
    ...[warn, trace_sched, trace_kvm, trace_kvm_x86],
  ),
});
