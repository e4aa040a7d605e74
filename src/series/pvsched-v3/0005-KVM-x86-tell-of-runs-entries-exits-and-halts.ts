// SPDX-License-Identifier: GPL-2.0-only
/**
 * pvsched v3: KVM: x86: tell of runs, entries, exits, halts and injections
 *
 * Facts, by tracepoints without an event: KVM knows no policy. Nobody listens before the next patch.
 */
import {
  EXIT_FASTPATH_EXIT_HANDLED,
  EXIT_FASTPATH_REENTER_GUEST,
  KVM_MP_STATE_HALTED,
  type kvm_vcpu,
} from '../../arch/x86/kvm_host.js';
import { kvm_x86_deliver_interrupt as deliverBefore } from '../../arch/x86/kvm-x86-ops.js';
import {
  kvm_x86_cancel_injection as cancelBefore,
  kvm_x86_vcpu_run as enterBefore,
} from '../../arch/x86/kvm-x86-ops-vcpu.js';
import { SVM_EXIT_HLT } from '../../arch/x86/svm.js';
import { hostIrq as irqBefore } from '../../arch/x86/vcpu-exits.js';
import {
  EXIT_REASON_HLT,
  INTR_INFO_INTR_TYPE_MASK,
  INTR_TYPE_EXT_INTR,
  INTR_TYPE_NMI_INTR,
} from '../../arch/x86/vmx.js';
import {
  kvm_inject_nmi as nmiBefore,
  kvm_arch_vcpu_ioctl_runOut as outBefore,
  kvm_arch_vcpu_ioctl_run as runBefore,
} from '../../arch/x86/x86.js';
import { type kvm_vcpu as generic_vcpu, OUTSIDE_GUEST_MODE } from '../../kvm/kvm_host.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import type { bool } from '../../lib/types.js';
import { NULL, TASK_INTERRUPTIBLE } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import {
  PVSCHED_RECONCILE_CANCEL,
  PVSCHED_RECONCILE_HALT,
  PVSCHED_RECONCILE_INJECT,
  PVSCHED_RECONCILE_RUN_ENTER,
  PVSCHED_RECONCILE_RUN_LEAVE,
  PVSCHED_RECONCILE_UNHALT,
  PVSCHED_RECONCILE_VMEXIT,
  PVSCHED_RUNNER_HOST,
  PVSCHED_RUNNER_MODE_HLT_EXIT,
  PVSCHED_RUNNER_MODE_NO_TICKET,
} from './0004-pvsched-runner-runtime.js';
import type { Adds, pvsched_v3 } from './adds.js';

/** arch/x86/include/asm/irq_vectors.h */
const IRQ_WORK_VECTOR = 0xf6;

/** virt/pvsched/event_service.c: pvsched_runner_local_event(), new: of a vCPU whose thread has an attachment. */
export function pvsched_runner_local_event(this: pvsched_v3, vcpu: generic_vcpu, event: number, mode: number): void {
  if (vcpu.pvsched !== undefined) this.pvsched_runner_reconcile_locked(vcpu as kvm_vcpu, event, mode);
}

/** AVIC delivers past what a ticket follows. */
const noTicket = (k: pvsched_v3, vcpu: kvm_vcpu): number => {
  const { vendor, enable_apicv } = k.m.kvm[vcpu.kvm].arch;
  return vendor === 'svm' && enable_apicv ? PVSCHED_RUNNER_MODE_NO_TICKET : 0;
};

/**
 * kvm_x86_ops.pvsched_interrupt_ready(): the entry delivers an external interrupt or an NMI.
 *
 * DEVIATION DV-663: under APICv of VMX, what is only requested by RVI is not looked at.
 */
export function pvsched_interrupt_ready(this: pvsched_v3, vcpu: kvm_vcpu): bool {
  const { event_inj } = vcpu.arch;
  if (event_inj === -1) return false;
  const type = event_inj & INTR_INFO_INTR_TYPE_MASK;
  return type === INTR_TYPE_EXT_INTR || type === INTR_TYPE_NMI_INTR;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_ioctl_run() */
export function kvm_arch_vcpu_ioctl_run(this: pvsched_v3, vcpu: kvm_vcpu): number {
  this.pvsched_runner_local_event(vcpu, PVSCHED_RECONCILE_RUN_ENTER, noTicket(this, vcpu));
  return runBefore.call(this, vcpu);
}

/** kvm_arch_vcpu_ioctl_run() from its label `out`. */
export function kvm_arch_vcpu_ioctl_runOut(this: pvsched_v3, vcpuId: number, r: number): number {
  const ret = outBefore.call(this, vcpuId, r);
  this.pvsched_runner_local_event(this.m.vcpu[vcpuId], PVSCHED_RECONCILE_RUN_LEAVE, 0);
  return ret;
}

/** arch/x86/include/asm/kvm-x86-ops.h: vcpu_run(), whose last step before the entry tells of it. */
export function kvm_x86_vcpu_run(this: pvsched_v3, vcpu: kvm_vcpu, force_immediate_exit: bool): number {
  if (vcpu.pvsched !== undefined)
    this.pvsched_runner_vmentry_locked(vcpu, noTicket(this, vcpu), this.pvsched_interrupt_ready(vcpu));
  return enterBefore.call(this, vcpu, force_immediate_exit);
}

/** arch/x86/include/asm/kvm-x86-ops.h: cancel_injection(), on the way out of an entry that was called off */
export function kvm_x86_cancel_injection(this: pvsched_v3, vcpu: kvm_vcpu): void {
  this.pvsched_runner_local_event(vcpu, PVSCHED_RECONCILE_CANCEL, noTicket(this, vcpu));
  cancelBefore.call(this, vcpu);
}

/** vcpu_enter_guest(): behind the VM exit, whose fast path said `exit_fastpath`. */
export function vcpu_enter_guestRan(this: pvsched_v3, vcpuId: number, fastpath: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  let exit_fastpath = fastpath;
  if (exit_fastpath === EXIT_FASTPATH_REENTER_GUEST) {
    if (this.kvm_lapic_enabled(vcpu)) this.kvm_x86_sync_pir_to_irr(vcpu);
    if (this.kvm_vcpu_exit_request(vcpu)) {
      exit_fastpath = EXIT_FASTPATH_EXIT_HANDLED;
    } else {
      vcpu.stat.exits++;
      return this.vcpu_enter_guestRun(vcpu, false);
    }
  }

  // kvm_pvsched_vmexit_irqoff: the timer is this CPU's
  if (vcpu.pvsched !== undefined) this.hrtimer_cancel(vcpu.pvsched.cutoff_timer);
  vcpu.mode = OUTSIDE_GUEST_MODE;
  this.kvm_x86_handle_exit_irqoff(vcpu);
  vcpu.stat.exits++;

  // interrupts are on, preemption is still off
  this.pvsched_runner_local_event(vcpu, PVSCHED_RECONCILE_VMEXIT, noTicket(this, vcpu) | hltOf(this, vcpu));

  if (vcpu.arch.apic_attention) this.kvm_lapic_sync_from_vapic(vcpu);

  return this.kvm_x86_handle_exit(vcpu, exit_fastpath);
}

function hltOf(k: pvsched_v3, vcpu: kvm_vcpu): number {
  const hlt = k.m.kvm[vcpu.kvm].arch.vendor === 'vmx' ? EXIT_REASON_HLT : SVM_EXIT_HLT;
  return vcpu.arch.exit_reason === hlt ? PVSCHED_RUNNER_MODE_HLT_EXIT : 0;
}

/** kvm_vcpu_block() from the head of its loop; `waited` is 0 or 1. */
export function kvm_vcpu_blockLoop(this: pvsched_v3, vcpuId: number, waited: number): boolean {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();

  // RACE: the waiter is published
  current.__state = TASK_INTERRUPTIBLE;
  // RACE: (smp_mb) set_current_state() is a full barrier between publishing the waiter and looking for work.
  if (this.kvm_vcpu_check_block(vcpu) === 0) {
    // not for one that waits for its SIPI
    const halted = vcpu.arch.mp_state === KVM_MP_STATE_HALTED;
    if (halted) this.pvsched_runner_local_event(vcpu, PVSCHED_RECONCILE_HALT, noTicket(this, vcpu));
    // RACE: whoever has work from here on has to see the waiter and its state
    this.schedule();
    this.whenBack(current, 'kvm_vcpu_blockBack', vcpuId, Number(halted));
    return true;
  }

  this.finish_rcuwait(vcpu);
  this.kvm_arch_vcpu_unblocking(vcpu);
  vcpu.stat.blocking = 0;
  return waited !== 0;
}

/** kvm_vcpu_block() behind its schedule(). */
export function kvm_vcpu_blockBack(this: pvsched_v3, vcpuId: number, halted: number): boolean {
  const vcpu = this.m.vcpu[vcpuId];
  if (halted !== 0) this.pvsched_runner_local_event(vcpu, PVSCHED_RECONCILE_UNHALT, noTicket(this, vcpu));
  return this.kvm_vcpu_blockLoop(vcpuId, 1);
}

/** arch/x86/include/asm/kvm-x86-ops.h: kvm_x86_deliver_interrupt(); in __apic_accept_irq(), what was accepted is told first. */
export function kvm_x86_deliver_interrupt(
  this: pvsched_v3,
  apic: kvm_lapic,
  delivery_mode: number,
  trig_mode: number,
  vector: number,
): void {
  this.kvm_pvsched_vcpu_inject_intr(this.m.vcpu[apic.vcpu]);
  deliverBefore.call(this, apic, delivery_mode, trig_mode, vector);
}

/** arch/x86/kvm/x86.c: kvm_inject_nmi() */
export function kvm_inject_nmi(this: pvsched_v3, vcpu: kvm_vcpu): void {
  nmiBefore.call(this, vcpu);
  this.kvm_pvsched_vcpu_inject_intr(vcpu);
}

/**
 * arch/x86/kvm/x86.c: kvm_pvsched_vcpu_inject_intr(), new; and virt/pvsched/runner_runtime.c: pvsched_runner_remote_inject()
 *
 * From a vCPU amid its inner loop the scheduler is not called: an interrupt of the target's CPU does so.
 */
export function kvm_pvsched_vcpu_inject_intr(this: pvsched_v3, vcpu: kvm_vcpu): void {
  const r = vcpu.pvsched;
  if (r?.active !== true) return;
  const p = this.m.task[r.task];
  const is_runnable = p.on_rq !== 0 && this.m.se[p.se].sched_delayed === 0;
  if (r.position === PVSCHED_RUNNER_HOST && !is_runnable) return;
  const source = this.kvm_get_running_vcpu();
  if (source === NULL || this.m.vcpu[source].mode === OUTSIDE_GUEST_MODE) {
    this.pvsched_runner_reconcile_locked(vcpu, PVSCHED_RECONCILE_INJECT, 0);
    return;
  }
  if (!is_runnable || r.inject_work >= 0) return;
  r.inject_work = p.cpu;
  this.m.host_irq[p.cpu].push(IRQ_WORK_VECTOR);
}

/** virt/pvsched/runner_runtime.c: pvsched_runner_inject_work(), new: on the CPU that the thread had. */
export function pvsched_runner_inject_work(this: pvsched_v3): void {
  for (const vcpu of this.m.vcpu) {
    const r = vcpu.pvsched;
    if (r?.inject_work !== this.m.cpu) continue;
    r.inject_work = -1;
    const p = this.m.task[r.task];
    const is_runnable = p.on_rq !== 0 && this.m.se[p.se].sched_delayed === 0;
    // RACE: it has gone on since the interrupt was accepted
    if (!r.active || (r.position === PVSCHED_RUNNER_HOST && !is_runnable)) continue;
    this.pvsched_runner_reconcile_locked(vcpu, PVSCHED_RECONCILE_INJECT, 0);
  }
}

/** The host takes an interrupt: irq_work is one of its own. */
export function hostIrq(this: pvsched_v3, vector: number): void {
  if (vector !== IRQ_WORK_VECTOR) {
    irqBefore.call(this, vector);
    return;
  }
  this.m.hardirq = 1;
  this.pvsched_runner_inject_work();
  this.m.hardirq = 0;
}

export default {
  subject: 'KVM: x86: tell of runs, entries, exits, halts and injections',
  funcs: {
    kvm_arch_vcpu_ioctl_run,
    kvm_arch_vcpu_ioctl_runOut,
    kvm_x86_vcpu_run,
    kvm_x86_cancel_injection,
    vcpu_enter_guestRan,
    kvm_vcpu_blockLoop,
    kvm_x86_deliver_interrupt,
    kvm_inject_nmi,
    hostIrq,
  },
  adds: {
    pvsched_runner_local_event,
    pvsched_interrupt_ready,
    kvm_vcpu_blockBack,
    kvm_pvsched_vcpu_inject_intr,
    pvsched_runner_inject_work,
  },
} satisfies Patch<Adds>;
