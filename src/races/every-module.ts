// SPDX-License-Identifier: GPL-2.0-only
/** The mirrored modules and what they import, by path: what a stepped kernel is made of. */
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
import * as assert from '../base/assert.js';
import * as entry from '../kvm/entry.js';
import * as kvm_host from '../kvm/kvm_host.js';
import * as kvm_main from '../kvm/kvm_main.js';
import * as apicdef from '../lapic/apicdef.js';
import * as ioapic from '../lapic/ioapic.js';
import * as irq from '../lapic/irq.js';
import * as irq_comm from '../lapic/irq_comm.js';
import * as lapic from '../lapic/lapic.js';
import * as redirect_entry from '../lapic/redirect-entry.js';
import * as bug from '../lib/bug.js';
import * as errno from '../lib/errno.js';
import * as hrtimer from '../lib/hrtimer.js';
import * as int64_bigint from '../lib/int64-bigint.js';
import * as int64_checked from '../lib/int64-checked.js';
import * as int64_choice from '../lib/int64-choice.js';
import * as int64_number from '../lib/int64-number.js';
import * as irq_vectors from '../lib/irq_vectors.js';
import * as math64 from '../lib/math64.js';
import * as rbtree_augmented from '../lib/rbtree_augmented.js';
import * as types from '../lib/types.js';
import * as core from '../sched/core.js';
import * as deadline from '../sched/deadline.js';
import * as fair from '../sched/fair.js';
import * as idle from '../sched/idle.js';
import * as interrupts from '../sched/interrupts.js';
import * as kernel_stack from '../sched/kernel-stack.js';
import * as pelt from '../sched/pelt.js';
import * as records from '../sched/records.js';
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
import type { Modules } from './stepped-kernel.js';

export const everyModule: Modules = {
  'arch/x86/avic': avic,
  'arch/x86/hyperv': hyperv,
  'arch/x86/kvm-x86-ops': kvm_x86_ops,
  'arch/x86/kvm-x86-ops-vcpu': kvm_x86_ops_vcpu,
  'arch/x86/kvm_host': kvm_x86_host,
  'arch/x86/posted_intr': posted_intr,
  'arch/x86/svm': svm,
  'arch/x86/vcpu-exits': vcpu_exits,
  'arch/x86/virtual-interrupts': virtual_interrupts,
  'arch/x86/vmx': vmx,
  'arch/x86/x86': x86,
  'arch/x86/x86-apic': x86_apic,
  'arch/x86/x86-tsc': x86_tsc,
  'base/assert': assert,
  'kvm/entry': entry,
  'kvm/kvm_host': kvm_host,
  'kvm/kvm_main': kvm_main,
  'lapic/apicdef': apicdef,
  'lapic/ioapic': ioapic,
  'lapic/irq': irq,
  'lapic/irq_comm': irq_comm,
  'lapic/lapic': lapic,
  'lapic/redirect-entry': redirect_entry,
  'lib/bug': bug,
  'lib/errno': errno,
  'lib/hrtimer': hrtimer,
  'lib/irq_vectors': irq_vectors,
  'lib/int64-bigint': int64_bigint,
  'lib/int64-checked': int64_checked,
  'lib/int64-choice': int64_choice,
  'lib/int64-number': int64_number,
  'lib/math64': math64,
  'lib/rbtree_augmented': rbtree_augmented,
  'lib/types': types,
  'sched/core': core,
  'sched/deadline': deadline,
  'sched/fair': fair,
  'sched/idle': idle,
  'sched/interrupts': interrupts,
  'sched/kernel-stack': kernel_stack,
  'sched/pelt': pelt,
  'sched/records': records,
  'sched/rt': rt,
  'sched/sched': sched,
  'sched/sched-class': sched_class,
  'sched/stats': stats,
  'sched/stop_task': stop_task,
  'sched/syscalls': syscalls,
  'sched/topology': topology,
  'trace/kvm': trace_kvm,
  'trace/kvm_x86': trace_kvm_x86,
  'trace/sched': trace_sched,
  'trace/warn': warn,
};

/** Lockless code stops at its races; the scheduler runs under the run queue's lock, in one step. */
export const STEPPED: readonly string[] = [
  'arch/x86/avic',
  'arch/x86/hyperv',
  'arch/x86/kvm-x86-ops',
  'arch/x86/kvm-x86-ops-vcpu',
  'arch/x86/kvm_host',
  'arch/x86/posted_intr',
  'arch/x86/svm',
  'arch/x86/vcpu-exits',
  'arch/x86/virtual-interrupts',
  'arch/x86/vmx',
  'arch/x86/x86',
  'arch/x86/x86-apic',
  'arch/x86/x86-tsc',
  'kvm/entry',
  'kvm/kvm_host',
  'kvm/kvm_main',
  'lapic/ioapic',
  'lapic/irq',
  'lapic/irq_comm',
  'lapic/lapic',
  'sched/kernel-stack',
  'lib/hrtimer',
];
