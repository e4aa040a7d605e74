// SPDX-License-Identifier: GPL-2.0-only
/** Witness for KVM's part of the machine: recomputes what is kept incrementally, and what must agree. */
import type { kvm_vcpu } from '../arch/x86/kvm_host.js';
import { IN_GUEST_MODE } from '../kvm/kvm_host.js';
import { APIC_IRR, APIC_ISR } from '../lapic/apicdef.js';
import { NULL, TASK_RUNNING } from '../sched/sched.js';
import type { machine } from './state.js';

/** The vectors set in a 256-bit register bank of the APIC page, ascending. */
export function vectorsIn(regs: readonly number[], bank: number): number[] {
  const vectors: number[] = [];
  for (let word = 0; word < 8; word++) {
    const bits = regs[(bank >> 2) + word * 4];
    for (let bit = 0; bit < 32; bit++) if ((bits >>> bit) & 1) vectors.push(word * 32 + bit);
  }
  return vectors;
}

/** Every fault found, in kernel names; empty when all is well. */
export function checkKvm(m: machine): string[] {
  const faults: string[] = [];
  for (const vcpu of m.vcpu) {
    const say = (what: string): number => faults.push(`vcpu ${vcpu.id}: ${what}`);
    checkThread(m, vcpu, say);
    // WHY not of APICs alone: a VMM may have written any page there, and properties of their own say what holds then
    if (vcpu.pid !== NULL) checkApic(vcpu, say);
  }
  m.kvm_running_vcpu.forEach((id, cpu) => {
    if (id !== NULL && m.vcpu[id].cpu !== cpu)
      faults.push(`kvm_running_vcpu of CPU ${cpu} is vcpu ${id} of CPU ${m.vcpu[id].cpu}`);
  });
  return faults;
}

function checkThread(m: machine, vcpu: kvm_vcpu, say: (what: string) => void): void {
  if (vcpu.pid === NULL) return;
  const p = m.task[vcpu.pid];
  const onCpu = m.rq[p.cpu].curr === p.id;
  if (vcpu.mode === IN_GUEST_MODE && !onCpu) say('mode is IN_GUEST_MODE and its thread is off the CPU');
  if (vcpu.preempted && !vcpu.ready) say('preempted and not ready');
  if (vcpu.preempted && onCpu) say('preempted and its thread is on a CPU');
  if (onCpu && vcpu.scheduled_out && p.preempt_notifier !== NULL) say('scheduled_out and its thread is on a CPU');
  if (vcpu.wait !== NULL && vcpu.wait !== p.id) say(`rcuwait names task ${vcpu.wait}, its thread is ${p.id}`);
  if (onCpu && p.__state !== TASK_RUNNING && vcpu.mode === IN_GUEST_MODE)
    say(`in guest mode with __state ${p.__state}`);
}

function checkApic(vcpu: kvm_vcpu, say: (what: string) => void): void {
  const apic = vcpu.arch.apic;
  // other architectures have none
  if (apic === null || apic === undefined) return;
  const isr = vectorsIn(apic.regs, APIC_ISR);
  const irr = vectorsIn(apic.regs, APIC_IRR);
  if (!apic.irr_pending && irr.length > 0) say(`irr_pending is false with vector ${irr[0]} in IRR`);
  if (apic.apicv_active) return;
  if (apic.isr_count !== isr.length) say(`isr_count ${apic.isr_count}, ISR holds ${isr.length}`);
  const highest = isr.length > 0 ? isr[isr.length - 1] : -1;
  if (apic.highest_isr_cache !== -1 && apic.highest_isr_cache !== highest) {
    say(`highest_isr_cache ${apic.highest_isr_cache}, highest in ISR ${highest}`);
  }
  // PPR is not compared: KVM computes it when it looks for interrupts, and VMM, guest and restore write TPR and ISR before that
}
