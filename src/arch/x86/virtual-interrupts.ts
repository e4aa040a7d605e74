// SPDX-License-Identifier: GPL-2.0-only
/**
 * What the CPU does with interrupts by itself, without the kernel: virtual-interrupt delivery and EOI, posted
 * interrupts, IPI virtualization and AVIC, on the APIC page, the VMCS or VMCB and the posted-interrupt descriptor.
 */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import {
  APIC_EOI,
  APIC_ICR,
  APIC_ICR2,
  APIC_IRR,
  APIC_ISR,
  APIC_PROCPRI,
  APIC_TASKPRI,
  APIC_TMR,
} from '../../lapic/apicdef.js';
import { NotModelled } from '../../lib/bug.js';
import { type bool, or, shl, type u32, u64 } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { AVIC_IPI_FAILURE_INVALID_INT_TYPE, AVIC_IPI_FAILURE_TARGET_NOT_RUNNING } from './avic.js';
import { SVM_EXIT_AVIC_INCOMPLETE_IPI } from './kvm_host.js';
import { POSTED_INTR_VECTOR } from './posted_intr.js';
import { SVM_EXIT_AVIC_UNACCELERATED_ACCESS } from './svm.js';
import { EXIT_REASON_EOI_INDUCED } from './vmx.js';

function highestVector(regs: readonly u32[], base: number): number {
  for (let i = 7; i >= 0; i--) {
    const word = regs[(base >> 2) + i * 4];
    if (word !== 0) return i * 32 + 31 - Math.clz32(word);
  }
  return -1;
}

function setVector(regs: u32[], base: number, vector: number, on: bool): void {
  const i = (base >> 2) + (vector >> 5) * 4;
  const mask = 1 << (vector & 31);
  regs[i] = (on ? regs[i] | mask : regs[i] & ~mask) >>> 0;
}

/**
 * Evaluation and delivery of virtual interrupts by the CPU (virtual-interrupt delivery, AVIC): with the APIC page,
 * not with KVM's caches of it. Nothing without APICv, with interrupts off, or outside of the guest.
 */
export function evaluateVirtualInterrupt(this: vmlinux, vcpu: kvm_vcpu): void {
  const { arch } = vcpu;
  if (!arch.apic.apicv_active || !arch.if_flag) return;
  this.guestGoesOn(vcpu);
  if (arch.int_shadow) return;
  const regs = arch.apic.regs;
  const vmx = this.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
  // what VMX looks at is RVI, which is KVM's and its own to keep in step with IRR
  const vector = vmx ? arch.vmcs.guest_intr_status & 0xff : highestVector(regs, APIC_IRR);
  if (vector <= 0) return;

  const svi = vmx ? arch.vmcs.guest_intr_status >> 8 : Math.max(highestVector(regs, APIC_ISR), 0);
  const tpr = regs[APIC_TASKPRI >> 2] & 0xff;
  const ppr = (tpr & 0xf0) >= (svi & 0xf0) ? tpr : svi & 0xf0;
  regs[APIC_PROCPRI >> 2] = ppr;
  if (vector >> 4 <= ppr >> 4) return;

  setVector(regs, APIC_ISR, vector, true);
  regs[APIC_PROCPRI >> 2] = vector & 0xf0;
  setVector(regs, APIC_IRR, vector, false);
  if (vmx) arch.vmcs.guest_intr_status = (vector << 8) | Math.max(highestVector(regs, APIC_IRR), 0);
  this.guestTakes(vcpu, vector, false);
}

/** A notification arrives at the CPU of a vCPU: in the guest the CPU takes what is posted; else it waits to be taken. */
export function notifyPosted(this: vmlinux, vcpu: kvm_vcpu, pi_vec: number): void {
  // MODEL: it arrives at once
  if (pi_vec !== POSTED_INTR_VECTOR) throw new NotModelled(`posted interrupt under vector ${pi_vec}`);
  if (this.guestOn(vcpu.cpu) === vcpu.id) this.processPosted(vcpu);
  else this.m.host_irq[vcpu.cpu].push(pi_vec);
}

/** Posted-interrupt processing by the CPU in the guest: ON and PIR are cleared, IRR and RVI take them up. */
export function processPosted(this: vmlinux, vcpu: kvm_vcpu): void {
  const pi_desc = vcpu.arch.pi_desc;
  const regs = vcpu.arch.apic.regs;
  pi_desc.on = 0;
  for (let i = 0; i < 8; i++) {
    const at = (APIC_IRR >> 2) + i * 4;
    regs[at] = (regs[at] | pi_desc.pir[i]) >>> 0;
    pi_desc.pir[i] = 0;
  }
  const status = vcpu.arch.vmcs.guest_intr_status;
  vcpu.arch.vmcs.guest_intr_status = (status & 0xff00) | Math.max(status & 0xff, highestVector(regs, APIC_IRR), 0);
  this.evaluateVirtualInterrupt(vcpu);
}

/** IPI virtualization: the sender's CPU posts to the receiver's descriptor, and notifies unless told not to. */
export function ipivSend(this: vmlinux, target: kvm_vcpu, vector: number): void {
  const pi_desc = target.arch.pi_desc;
  pi_desc.pir[vector >> 5] = (pi_desc.pir[vector >> 5] | (1 << (vector & 31))) >>> 0;
  if (pi_desc.on || pi_desc.sn) return;
  pi_desc.on = 1;
  if (pi_desc.nv === POSTED_INTR_VECTOR) this.notifyPosted(target, POSTED_INTR_VECTOR);
  else this.m.host_irq[pi_desc.ndst].push(pi_desc.nv);
}

/** AVIC: the sender's CPU sets the receiver's IRR and rings its CPU, or exits for what it cannot do. */
export function avicSend(this: vmlinux, cpu: number, vcpu: kvm_vcpu, icr_low: u32, high: u32, target: number): bool {
  vcpu.arch.apic.regs[APIC_ICR >> 2] = icr_low;
  vcpu.arch.apic.regs[APIC_ICR2 >> 2] = high;
  let id = AVIC_IPI_FAILURE_INVALID_INT_TYPE;
  if (target !== NULL) {
    const t = this.m.vcpu[target];
    setVector(t.arch.apic.regs, APIC_IRR, icr_low & 0xff, true);
    setVector(t.arch.apic.regs, APIC_TMR, icr_low & 0xff, false);
    if (t.arch.vmcb.is_running) {
      if (this.guestOn(t.cpu) === target) this.evaluateVirtualInterrupt(t);
      return true;
    }
    id = AVIC_IPI_FAILURE_TARGET_NOT_RUNNING;
  }
  vcpu.arch.avic_exit = { icrl: icr_low, icrh: high, id, index: target === NULL ? 0 : this.m.vcpu[target].vcpu_id };
  return this.vmExit(cpu, 0, SVM_EXIT_AVIC_INCOMPLETE_IPI, or(u64(icr_low), shl(u64(high), 32)));
}

/** EOI virtualization: the CPU retires the vector in service, and exits where the IOAPIC wants to hear of it. */
export function virtualEoi(this: vmlinux, cpu: number, vcpu: kvm_vcpu): bool {
  const { arch } = vcpu;
  const regs = arch.apic.regs;
  if (this.m.kvm[vcpu.kvm].arch.vendor === 'svm') {
    const vector = highestVector(regs, APIC_ISR);
    const level = vector >= 0 && (regs[(APIC_TMR >> 2) + (vector >> 5) * 4] & (1 << (vector & 31))) !== 0;
    if (level) return this.vmExit(cpu, 0, SVM_EXIT_AVIC_UNACCELERATED_ACCESS, u64(APIC_EOI));
    if (vector >= 0) setVector(regs, APIC_ISR, vector, false);
    this.evaluateVirtualInterrupt(vcpu);
    return true;
  }
  const vector = arch.vmcs.guest_intr_status >> 8;
  setVector(regs, APIC_ISR, vector, false);
  const svi = Math.max(highestVector(regs, APIC_ISR), 0);
  arch.vmcs.guest_intr_status = (svi << 8) | (arch.vmcs.guest_intr_status & 0xff);
  const tpr = regs[APIC_TASKPRI >> 2] & 0xff;
  regs[APIC_PROCPRI >> 2] = (tpr & 0xf0) >= (svi & 0xf0) ? tpr : svi & 0xf0;
  if (arch.vmcs.eoi_exit_bitmap[vector >> 5] & (1 << (vector & 31))) {
    return this.vmExit(cpu, EXIT_REASON_EOI_INDUCED, 0, u64(vector));
  }
  this.evaluateVirtualInterrupt(vcpu);
  return true;
}
