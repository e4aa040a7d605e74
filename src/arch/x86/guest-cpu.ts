// SPDX-License-Identifier: GPL-2.0-only
/**
 * What a guest's program does on its vCPU, in the terms of x86; what its CPU decides of its time. The machine calls these
 * under the same names on every architecture.
 */
import type { Actor } from '../../guest/actor.js';
import type { CpuRequest } from '../../guest/guest-kernel.js';
import type { irq_cpu } from '../../irq/preempt.js';
import {
  APIC_BASE_MSR,
  APIC_DM_FIXED,
  APIC_LVT_TIMER_TSCDEADLINE,
  APIC_LVTT,
  APIC_TMICT,
  MSR_IA32_TSC_DEADLINE,
} from '../../lapic/apicdef.js';
import { NotModelled } from '../../lib/bug.js';
import { tscAt } from '../../lib/tsc.js';
import { toBigInt, type u32, u64 } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { kvm, kvm_vcpu } from './kvm_host.js';

/** ns: a second, in which any spinner gets its lock or is preempted */
const NO_PAUSE_EXIT = 1_000_000_000;

/** A fixed IPI without shorthand, physical, to a vCPU of the same VM. */
export function guestIpi(this: vmlinux_x86, cpu: number, target: kvm_vcpu, vector: number): boolean {
  return this.guestIcr(cpu, APIC_DM_FIXED | vector, target.vcpu_id);
}

/** It stores to a register of its APIC. */
export function guestStoresApic(this: vmlinux_x86, cpu: number, register: number, value: u32): void {
  const id = this.guestOn(cpu);
  if (id === NULL) return;
  if (this.apic_x2apic_mode(this.m.vcpu[id].arch.apic)) {
    this.exitWrmsr64(cpu, APIC_BASE_MSR + (register >> 4), value, 0);
  } else this.exitMmio(cpu, register, value);
}

/** The first of the two stores that start the timer of its APIC. */
export function guestTimerVector(this: vmlinux_x86, cpu: number, vector: number): void {
  this.guestStoresApic(cpu, APIC_LVTT, vector);
}

/** The second. TDCR is 0 after reset: a count is two bus cycles. */
export function guestTimerCount(this: vmlinux_x86, cpu: number, ns: number): void {
  const id = this.guestOn(cpu);
  if (id === NULL) return;
  const { apic_bus_cycle_ns } = this.m.kvm[this.m.vcpu[id].kvm].arch;
  this.guestStoresApic(cpu, APIC_TMICT, Math.max(1, Math.floor(ns / (2 * apic_bus_cycle_ns))));
}

/** What the kernel in the guest asks of its vCPU, which is on the CPU. */
export function guestAsks(this: vmlinux_x86, cpu: number, request: CpuRequest): void {
  const { m } = this;
  switch (request.ask) {
    case 'hlt':
      this.exitHlt(cpu);
      return;
    case 'pause':
      this.exitPause(cpu);
      return;
    case 'eoi':
      this.guestEoi(cpu);
      return;
    case 'iret':
      this.guestIret(cpu);
      return;
    case 'ipi': {
      const { kvm } = m.vcpu[this.guestOn(cpu)];
      this.guestIcr(cpu, APIC_DM_FIXED | request.vector, m.vcpu[m.kvm[kvm].vcpus[request.to]].vcpu_id);
      return;
    }
    case 'lvtt':
      this.guestStoresApic(cpu, APIC_LVTT, APIC_LVT_TIMER_TSCDEADLINE | request.vector);
      return;
    case 'timer': {
      const tsc = toBigInt(this.kvm_read_l1_tsc(m.vcpu[this.guestOn(cpu)], tscAt(u64(request.at), m.tsc_khz)));
      this.exitWrmsr64(cpu, MSR_IA32_TSC_DEADLINE, Number(tsc & 0xffff_ffffn), Number(tsc >> 32n));
      return;
    }
    case 'cpl':
      this.guestSetCpl(cpu, request.cpl);
      return;
    case 'if':
      this.guestSetIf(cpu, request.on, false);
      return;
    case 'wrmsr':
      this.exitWrmsr64(cpu, request.msr, request.low, request.high);
      return;
    default:
  }
}

/** Vectors are called alike on both sides. */
export function vectorInGuest(this: vmlinux_x86, vector: number): number {
  return vector;
}

/** Nothing: PAUSE does not wait. */
export function guestEvent(this: vmlinux_x86, _vcpu: kvm_vcpu): void {}

/** struct kvm_steal_time */
export function sharedWithGuest(this: vmlinux_x86, vcpu: kvm_vcpu, cpu: irq_cpu): void {
  const { page } = vcpu.arch.st;
  cpu.steal = page.steal;
  cpu.preempted = page.preempted;
}

/** MODEL: no kernel of x86 makes a hypercall while it boots. */
export function guestCalls(this: vmlinux_x86, _kvm: number, _vcpu: number, x0: u64, _x1: u64, _x2: u64, _x3: u64): u64 {
  throw new NotModelled(`hypercall ${toBigInt(x0)} of a guest that boots`);
}

/** setup_arch() and kvm_smp_prepare_boot_cpu() on vCPU 0, kvm_cpu_online() on the others. */
export function guestKernelBoots(this: vmlinux_x86, vcpu: number): void {
  if (vcpu === 0) this.kvm_guest_init();
  this.kvm_guest_cpu_init();
}

/** ns of spinning that make a PAUSE exit. MODEL: a PAUSE takes 40 cycles; VMX counts cycles, SVM counts PAUSEs. */
export function tellGuest(this: vmlinux_x86, vcpu: kvm_vcpu, actor: Actor): void {
  const { vendor, pause_in_guest } = this.m.kvm[vcpu.kvm].arch;
  if (pause_in_guest) {
    actor.window_ns = NO_PAUSE_EXIT;
    return;
  }
  const cycles = vendor === 'vmx' ? vcpu.arch.ple_window : vcpu.arch.vmcb.pause_filter_count * 40;
  actor.window_ns = Math.max(1, Math.floor((cycles * 1e6) / this.m.tsc_khz));
}

/** An ioctl of a VM that a series brings. */
export function vmIoctl(this: vmlinux_x86, kvm: kvm, nr: number, arg: u32): number {
  return this.kvm_arch_vm_ioctl(kvm, nr, arg);
}
