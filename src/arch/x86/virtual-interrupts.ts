// SPDX-License-Identifier: GPL-2.0-only
/**
 * What the CPU does with interrupts by itself, without the kernel: virtual-interrupt delivery and EOI, posted
 * interrupts, IPI virtualization and AVIC, on the APIC page, the VMCS or VMCB and the posted-interrupt descriptor.
 */
import {
  APIC_DFR,
  APIC_EOI,
  APIC_ESR,
  APIC_ICR,
  APIC_ICR2,
  APIC_ID,
  APIC_IRR,
  APIC_ISR,
  APIC_LDR,
  APIC_LVR,
  APIC_LVT0,
  APIC_LVT1,
  APIC_LVTERR,
  APIC_LVTPC,
  APIC_LVTT,
  APIC_LVTTHMR,
  APIC_PROCPRI,
  APIC_SPIV,
  APIC_TASKPRI,
  APIC_TDCR,
  APIC_TMICT,
  APIC_TMR,
} from '../../lapic/apicdef.js';
import { NotModelled } from '../../lib/bug.js';
import { type bool, or, shl, type u32, u64, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { AVIC_IPI_FAILURE_INVALID_INT_TYPE, AVIC_IPI_FAILURE_TARGET_NOT_RUNNING } from './avic.js';
import { type kvm_vcpu, SVM_EXIT_AVIC_INCOMPLETE_IPI, TYPE_LINEAR_APIC_INST_WRITE } from './kvm_host.js';
import { POSTED_INTR_VECTOR } from './posted_intr.js';
import { SVM_EXIT_AVIC_UNACCELERATED_ACCESS, SVM_EXIT_WRITE_CR8 } from './svm.js';
import {
  EXIT_REASON_APIC_ACCESS,
  EXIT_REASON_APIC_WRITE,
  EXIT_REASON_EOI_INDUCED,
  EXIT_REASON_TPR_BELOW_THRESHOLD,
} from './vmx.js';

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
export function evaluateVirtualInterrupt(this: vmlinux_x86, vcpu: kvm_vcpu): void {
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
  virtualPpr(regs, svi);
  if (vector >> 4 <= regs[APIC_PROCPRI >> 2] >> 4) return;

  setVector(regs, APIC_ISR, vector, true);
  regs[APIC_PROCPRI >> 2] = vector & 0xf0;
  setVector(regs, APIC_IRR, vector, false);
  if (vmx) arch.vmcs.guest_intr_status = (vector << 8) | Math.max(highestVector(regs, APIC_IRR), 0);
  this.guestTakes(vcpu, vector, false);
}

/** A notification arrives at the CPU of a vCPU: in the guest the CPU takes what is posted; else it waits to be taken. */
export function notifyPosted(this: vmlinux_x86, vcpu: kvm_vcpu, pi_vec: number): void {
  // MODEL: it arrives at once
  if (pi_vec !== POSTED_INTR_VECTOR) throw new NotModelled(`posted interrupt under vector ${pi_vec}`);
  if (this.guestOn(vcpu.cpu) === vcpu.id) this.processPosted(vcpu);
  else this.m.host_irq[vcpu.cpu].push(pi_vec);
}

/** Posted-interrupt processing by the CPU in the guest: ON and PIR are cleared, IRR and RVI take them up. */
export function processPosted(this: vmlinux_x86, vcpu: kvm_vcpu): void {
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
export function ipivSend(this: vmlinux_x86, target: kvm_vcpu, vector: number): void {
  const pi_desc = target.arch.pi_desc;
  pi_desc.pir[vector >> 5] = (pi_desc.pir[vector >> 5] | (1 << (vector & 31))) >>> 0;
  if (pi_desc.on || pi_desc.sn) return;
  pi_desc.on = 1;
  if (pi_desc.nv === POSTED_INTR_VECTOR) this.notifyPosted(target, POSTED_INTR_VECTOR);
  else this.m.host_irq[pi_desc.ndst].push(pi_desc.nv);
}

/** AVIC: the sender's CPU sets the receiver's IRR and rings its CPU, or exits for what it cannot do. */
export function avicSend(
  this: vmlinux_x86,
  cpu: number,
  vcpu: kvm_vcpu,
  icr_low: u32,
  high: u32,
  target: number,
): bool {
  if (this.avicDeliver(vcpu, icr_low, high, target)) return true;
  return this.vmExit(cpu, 0, SVM_EXIT_AVIC_INCOMPLETE_IPI, or(u64(icr_low), shl(u64(high), 32)));
}

/** AVIC: what the sender's CPU does by itself; false when it exits, with what is in `avic_exit`. */
export function avicDeliver(this: vmlinux_x86, vcpu: kvm_vcpu, icr_low: u32, high: u32, target: number): bool {
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
  return false;
}

/** EOI virtualization: the CPU retires the vector in service, and exits where the IOAPIC wants to hear of it. */
export function virtualEoi(this: vmlinux_x86, cpu: number, vcpu: kvm_vcpu): bool {
  const vector = this.retireVirtual(vcpu);
  if (vector === -1) return true;
  const vmx = this.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
  return this.vmExit(cpu, EXIT_REASON_EOI_INDUCED, SVM_EXIT_AVIC_UNACCELERATED_ACCESS, u64(vmx ? vector : APIC_EOI));
}

/** What the CPU does at an EOI by itself: -1, or the vector for which it exits: behind it (VMX) or before it (AVIC). */
export function retireVirtual(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const { arch } = vcpu;
  const regs = arch.apic.regs;
  if (this.m.kvm[vcpu.kvm].arch.vendor === 'svm') {
    const vector = highestVector(regs, APIC_ISR);
    const level = vector >= 0 && (regs[(APIC_TMR >> 2) + (vector >> 5) * 4] & (1 << (vector & 31))) !== 0;
    if (level) return vector;
    if (vector >= 0) setVector(regs, APIC_ISR, vector, false);
    this.evaluateVirtualInterrupt(vcpu);
    return -1;
  }
  const vector = arch.vmcs.guest_intr_status >> 8;
  setVector(regs, APIC_ISR, vector, false);
  const svi = Math.max(highestVector(regs, APIC_ISR), 0);
  arch.vmcs.guest_intr_status = (svi << 8) | (arch.vmcs.guest_intr_status & 0xff);
  virtualPpr(regs, svi);
  if (arch.vmcs.eoi_exit_bitmap[vector >> 5] & (1 << (vector & 31))) return vector;
  this.evaluateVirtualInterrupt(vcpu);
  return -1;
}

/** PPR virtualization. */
function virtualPpr(regs: u32[], svi: number): void {
  const tpr = regs[APIC_TASKPRI >> 2] & 0xff;
  regs[APIC_PROCPRI >> 2] = (tpr & 0xf0) >= (svi & 0xf0) ? tpr : svi & 0xf0;
}

/* ---- a guest's loads and stores under APICv ---- */

/** TPR virtualization: the page and, on AMD's CPUs, V_TPR have the priority, and what it held back comes. */
export function virtualTpr(this: vmlinux_x86, vcpu: kvm_vcpu, tpr: number): void {
  const { apic, vmcb, vmcs } = vcpu.arch;
  const vmx = this.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
  apic.regs[APIC_TASKPRI >> 2] = tpr;
  if (!vmx) vmcb.v_tpr = tpr >> 4;
  virtualPpr(apic.regs, vmx ? vmcs.guest_intr_status >> 8 : Math.max(highestVector(apic.regs, APIC_ISR), 0));
  this.evaluateVirtualInterrupt(vcpu);
}

/** SELF_IPI in x2APIC mode: the CPU requests the vector of itself. */
export function virtualSelfIpi(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number): void {
  const { apic, vmcs } = vcpu.arch;
  setVector(apic.regs, APIC_IRR, vector, true);
  vmcs.guest_intr_status = (vmcs.guest_intr_status & 0xff00) | Math.max(vmcs.guest_intr_status & 0xff, vector);
  this.evaluateVirtualInterrupt(vcpu);
}

/** Registers whose store is in the page when the guest exits for it; those of AVIC are KVM's to know. */
const VMX_TRAPS: readonly number[] = [
  ...[APIC_ID, APIC_LDR, APIC_DFR, APIC_SPIV, APIC_ESR, APIC_ICR, APIC_LVTT, APIC_LVTTHMR, APIC_LVTPC],
  ...[APIC_LVT0, APIC_LVT1, APIC_LVTERR, APIC_TMICT, APIC_TDCR],
];

/**
 * A store to the xAPIC page, but of EOI and to ICR: complete ('none'), an exit behind it ('trap'), or in its place
 * ('access').
 */
export function virtualStore(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  offset: number,
  value: u32,
): 'none' | 'trap' | 'access' {
  const { regs } = vcpu.arch.apic;
  if (offset === APIC_TASKPRI) {
    this.virtualTpr(vcpu, value & 0xff);
    return 'none';
  }
  if (offset === APIC_ICR2) {
    regs[APIC_ICR2 >> 2] = (value & 0xff00_0000) >>> 0;
    return 'none';
  }
  const vmx = this.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
  const trap = vmx ? VMX_TRAPS.includes(offset) : this.is_avic_unaccelerated_access_trap(offset);
  if (!trap) return 'access';
  regs[offset >> 2] = value;
  return 'trap';
}

/** Whether a load from the xAPIC page reads the page, without an exit: not of TMCCT, nor of what no APIC has. */
export function virtualLoad(this: vmlinux_x86, offset: number): bool {
  if (offset >= APIC_ISR && offset < APIC_ESR) return true;
  return [APIC_LVR, APIC_TASKPRI, APIC_EOI, APIC_ICR2, ...VMX_TRAPS].includes(offset);
}

/* ---- a guest that runs on a CPU; each says whether there was one ---- */

/** It writes CR8: with an exit where the CPU does not keep TPR, or where what it holds back may come. */
export function guestCr8(this: vmlinux_x86, cpu: number, value: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const vcpu = this.m.vcpu[id];
  const { arch } = vcpu;
  const vmx = this.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
  if (!vmx && arch.vmcb.intercept_cr8_write) {
    arch.regs.rax = u64(value);
    return this.vmExit(cpu, 0, SVM_EXIT_WRITE_CR8, ZERO);
  }
  arch.int_shadow = false;
  if (arch.apic.apicv_active) this.virtualTpr(vcpu, value << 4);
  else if (vmx) {
    // the TPR shadow is the page itself
    arch.apic.regs[APIC_TASKPRI >> 2] = value << 4;
    if (value < arch.vmcs.tpr_threshold) return this.vmExit(cpu, EXIT_REASON_TPR_BELOW_THRESHOLD, 0, ZERO);
  } else arch.vmcb.v_tpr = value;
  this.settleGuest(cpu);
  return true;
}

/** It stores to a register of its xAPIC page, but to ICR, or loads from one. */
export function guestStore(this: vmlinux_x86, cpu: number, offset: number, value: u32): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const vcpu = this.m.vcpu[id];
  if (!vcpu.arch.apic.apicv_active || this.apic_x2apic_mode(vcpu.arch.apic)) return this.exitMmio(cpu, offset, value);
  vcpu.arch.int_shadow = false;
  if (offset === APIC_EOI) return this.virtualEoi(cpu, vcpu);
  switch (this.virtualStore(vcpu, offset, value)) {
    case 'none':
      this.settleGuest(cpu);
      return true;
    case 'trap':
      return this.vmExit(cpu, EXIT_REASON_APIC_WRITE, SVM_EXIT_AVIC_UNACCELERATED_ACCESS, u64(offset));
    case 'access':
      vcpu.arch.regs.rax = u64(value);
      return this.vmExit(
        cpu,
        EXIT_REASON_APIC_ACCESS,
        SVM_EXIT_AVIC_UNACCELERATED_ACCESS,
        u64(TYPE_LINEAR_APIC_INST_WRITE | offset),
      );
  }
}
