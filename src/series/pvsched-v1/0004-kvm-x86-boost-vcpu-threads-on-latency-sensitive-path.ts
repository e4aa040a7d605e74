// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH 4/8] kvm: x86: boost vcpu threads on latency sensitive paths
 *
 * Whoever has an interrupt for a vCPU boosts its thread before the kick; a vCPU is boosted as it goes to sleep, so that it is boosted
 * when it wakes. Interrupts that are posted pass by, as do INIT, SIPI and ExtINT.
 * MODEL: the PIC's wake-up in pic_unlock() is not boosted: of the PIC only its output is modelled.
 */
import { KVM_REQ_EVENT, type kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { IN_GUEST_MODE, KVM_REQ_UNBLOCK } from '../../kvm/kvm_host.js';
import {
  APIC_DM_EXTINT,
  APIC_DM_FIXED,
  APIC_DM_INIT,
  APIC_DM_LOWEST,
  APIC_DM_NMI,
  APIC_DM_REMRD,
  APIC_DM_SMI,
  APIC_DM_STARTUP,
  APIC_TMR,
  KVM_APIC_INIT,
  KVM_APIC_SIPI,
} from '../../lapic/apicdef.js';
import type { dest_map } from '../../lapic/ioapic.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import { ZERO } from '../../lib/types.js';
import { TASK_INTERRUPTIBLE } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import type { Adds, pvsched } from './adds.js';

/** virt/kvm/kvm_main.c: kvm_vcpu_kick_boost(), new. As posted: without a look at whether the guest wants it. */
export function kvm_vcpu_kick_boost(this: pvsched, vcpu: kvm_vcpu): void {
  this.kvm_vcpu_set_sched(vcpu, true);
  this.kvm_vcpu_kick(vcpu);
}

/** arch/x86/kvm/lapic.c: __apic_accept_irq(): 1 when added, 0 when discarded. */
export function __apic_accept_irq(
  this: pvsched,
  apic: kvm_lapic,
  delivery_mode: number,
  vector: number,
  level: number,
  trig_mode: number,
  dest_map: dest_map | null,
): number {
  const vcpu = this.m.vcpu[apic.vcpu];
  let result = 0;

  this.trace_kvm_apic_accept_irq(vcpu.vcpu_id, delivery_mode, trig_mode, vector);
  switch (delivery_mode) {
    case APIC_DM_LOWEST:
    case APIC_DM_FIXED:
      if (delivery_mode === APIC_DM_LOWEST) vcpu.arch.apic_arb_prio = (vcpu.arch.apic_arb_prio + 1) | 0;
      if (trig_mode !== 0 && level === 0) break;
      if (!this.apic_enabled(apic)) break;

      result = 1;

      if (dest_map !== null) {
        this.setDestMap(dest_map, vcpu.vcpu_id, vector);
      }

      if (this.apic_test_vector(vector, apic.regs, APIC_TMR) !== (trig_mode !== 0)) {
        if (trig_mode !== 0) this.kvm_lapic_set_vector(vector, apic.regs, APIC_TMR);
        else this.kvm_lapic_clear_vector(vector, apic.regs, APIC_TMR);
      }

      this.kvm_x86_deliver_interrupt(apic, delivery_mode, trig_mode, vector);
      break;

    case APIC_DM_REMRD:
      result = 1;
      vcpu.arch.pv.pv_unhalted = true;
      this.kvm_make_request(KVM_REQ_EVENT, vcpu);
      this.kvm_vcpu_kick_boost(vcpu);
      break;

    case APIC_DM_SMI:
      if (this.kvm_inject_smi(vcpu) === 0) {
        this.kvm_vcpu_kick_boost(vcpu);
        result = 1;
      }
      break;

    case APIC_DM_NMI:
      result = 1;
      this.kvm_inject_nmi(vcpu);
      this.kvm_vcpu_kick_boost(vcpu);
      break;

    case APIC_DM_INIT:
      if (trig_mode === 0 || level !== 0) {
        result = 1;
        // A store, not a set bit: an INIT drops the SIPI that waits.
        apic.pending_events = 1 << KVM_APIC_INIT;
        this.kvm_make_request(KVM_REQ_EVENT, vcpu);
        this.kvm_vcpu_kick(vcpu);
      }
      break;

    case APIC_DM_STARTUP:
      result = 1;
      apic.sipi_vector = vector;
      // RACE: the receiver sees the SIPI bit only with the vector in place.
      apic.pending_events |= 1 << KVM_APIC_SIPI;
      this.kvm_make_request(KVM_REQ_EVENT, vcpu);
      this.kvm_vcpu_kick(vcpu);
      break;

    case APIC_DM_EXTINT:
      // LVT0 in ExtINT mode is the PIC's, see kvm_apic_accept_pic_intr().
      break;

    default:
      break; // an error in the host's log
  }
  return result;
}

/** arch/x86/kvm/lapic.c: apic_timer_expired() */
export function apic_timer_expired(this: pvsched, apic: kvm_lapic, from_timer_fn: boolean): void {
  timerExpired(this, apic, from_timer_fn, this.m.vcpu[apic.vcpu].wants_to_run);
}

/** The same where v6.5 asks for APICv alone. */
export function apic_timer_expiredOn65(this: pvsched, apic: kvm_lapic, from_timer_fn: boolean): void {
  timerExpired(this, apic, from_timer_fn, true);
}

function timerExpired(k: pvsched, apic: kvm_lapic, from_timer_fn: boolean, wants_to_run: boolean): void {
  const vcpu = k.m.vcpu[apic.vcpu];
  const ktimer = apic.lapic_timer;

  if (ktimer.pending !== 0) return;

  if (k.apic_lvtt_tscdeadline(apic) || ktimer.hv_timer_in_use) ktimer.expired_tscdeadline = ktimer.tscdeadline;

  if (!from_timer_fn && apic.apicv_active && wants_to_run) {
    k.warnOn(k.kvm_get_running_vcpu() !== vcpu.id, 'apic_timer_expired: not the running vCPU');
    k.kvm_apic_inject_pending_timer_irqs(apic);
    return;
  }

  if (k.kvm_use_posted_timer_interrupt(vcpu)) {
    if (ktimer.expired_tscdeadline !== ZERO && ktimer.timer_advance_ns !== 0) k.__kvm_wait_lapic_expire(vcpu);
    k.kvm_apic_inject_pending_timer_irqs(apic);
    return;
  }

  ktimer.pending++;
  k.kvm_make_request(KVM_REQ_UNBLOCK, vcpu);
  if (from_timer_fn) k.kvm_vcpu_kick_boost(vcpu);
}

/** arch/x86/kvm/svm/svm.c: svm_complete_interrupt_delivery() */
export function svm_complete_interrupt_delivery(
  this: pvsched,
  vcpu: kvm_vcpu,
  delivery_mode: number,
  trig_mode: number,
  vector: number,
): void {
  // RACE: mode is read before apicv_active, the other way round than vcpu_enter_guest() stores them
  const in_guest_mode = vcpu.mode === IN_GUEST_MODE;

  if (!vcpu.arch.apic.apicv_active) {
    this.kvm_make_request(KVM_REQ_EVENT, vcpu);
    this.kvm_vcpu_kick_boost(vcpu);
    return;
  }

  this.trace_kvm_apicv_accept_irq(vcpu.vcpu_id, delivery_mode, trig_mode, vector);
  if (in_guest_mode) this.avic_ring_doorbell(vcpu);
  else this.kvm_vcpu_wake_up(vcpu);
}

/** arch/x86/kvm/vmx/vmx.c: vmx_deliver_interrupt() */
export function vmx_deliver_interrupt(
  this: pvsched,
  apic: kvm_lapic,
  delivery_mode: number,
  trig_mode: number,
  vector: number,
): void {
  const vcpu = this.m.vcpu[apic.vcpu];
  if (this.vmx_deliver_posted_interrupt(vcpu, vector)) {
    this.kvm_lapic_set_irr(vector, apic);
    this.kvm_make_request(KVM_REQ_EVENT, vcpu);
    this.kvm_vcpu_kick_boost(vcpu);
  } else {
    this.trace_kvm_apicv_accept_irq(vcpu.vcpu_id, delivery_mode, trig_mode, vector);
  }
}

/** kvm_vcpu_block() from the head of its loop; `waited` is 0 or 1. */
export function kvm_vcpu_blockLoop(this: pvsched, vcpuId: number, waited: number): boolean {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();

  // RACE: the waiter is published
  current.__state = TASK_INTERRUPTIBLE;
  // RACE: (smp_mb) set_current_state() is a full barrier between publishing the waiter and looking for work.
  if (this.kvm_vcpu_check_block(vcpu) === 0) {
    // As posted: in every turn of the loop, and for a vCPU that waits for its SIPI as well.
    this.kvm_vcpu_set_sched(vcpu, true);
    // RACE: whoever has work from here on has to see the waiter and its state
    this.schedule();
    this.whenBack(current, 'kvm_vcpu_blockLoop', vcpuId, 1);
    return true;
  }

  this.finish_rcuwait(vcpu);
  this.kvm_arch_vcpu_unblocking(vcpu);
  vcpu.stat.blocking = 0;
  return waited !== 0;
}

export default {
  subject: 'kvm: x86: boost vcpu threads on latency sensitive paths',
  funcs: {
    __apic_accept_irq,
    apic_timer_expired,
    svm_complete_interrupt_delivery,
    vmx_deliver_interrupt,
    kvm_vcpu_blockLoop,
  },
  rebased: { 'v6.5': { apic_timer_expired: apic_timer_expiredOn65 } },
  adds: { kvm_vcpu_kick_boost },
} satisfies Patch<Adds>;
