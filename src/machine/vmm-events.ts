// SPDX-License-Identifier: GPL-2.0-only
/**
 * Events of local APICs on machines whose vCPUs have threads: what a VMM asks of a vCPU that may be in KVM_RUN, and what a
 * guest does by itself.
 */
import { APICV_INHIBIT_REASON_ABSENT, type kvm_vcpu } from '../arch/x86/kvm_host.js';
import { type guest_memory, storeWord } from '../kvm/guest-memory.js';
import type { vcpu_ioctl } from '../kvm/kvm_host.js';
import { APIC_BASE_MSR, APIC_EOI, APIC_ICR, APIC_SELF_IPI, APIC_TASKPRI } from '../lapic/apicdef.js';
import { or, shl, u64 } from '../lib/types.js';
import type { ApicEvent } from '../scenario/events.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { apicLegal, isApics, performApic } from './apics.js';
import { executesWfx } from './legality.js';
import type { EventOf, Rule, Rules } from './rules.js';
import type { machine } from './state.js';
import { vcpuStateOf } from './vcpu-life.js';

/** A rule of machines of local APICs, and one of machines with threads. */
function either<E extends ApicEvent>(threads: Rule<E>): Rule<E> {
  return {
    legal: (m, e) => (isApics(m) ? apicLegal(m, e) : threads.legal(m, e)),
    perform(k, m, e) {
      if (isApics(m)) performApic(k, m, e);
      else threads.perform(k, m, e);
    },
  };
}

/** An ioctl of a vCPU; the thread of the VMM that wants it made is on another CPU where there is one. */
function ioctl<E extends ApicEvent & { vcpu: number }>(call: (e: E) => vcpu_ioctl): Rule<E> {
  return either<E>({
    legal: (m, e) => m.vcpu[e.vcpu]?.ioctls.length === 0 && !executesWfx(m, e.vcpu),
    perform(k, m, e) {
      const vcpu = m.vcpu[e.vcpu];
      const cpu = Math.max(vcpu.cpu, 0);
      m.cpu = (cpu + 1) % m.rq.length;
      k.vcpuAsk(vcpu, call(e));
      if (m.cpu === cpu) k.afterSyscall(cpu);
    },
  });
}

/** What a guest does that runs: its CPU. */
function byGuest<E extends ApicEvent & { vcpu: number }>(
  perform: (k: vmlinux_x86, cpu: number, e: E, vcpu: kvm_vcpu) => void,
  may: (vcpu: kvm_vcpu, e: E, k: machine) => boolean = () => true,
): Rule<E> {
  return either<E>({
    legal(m, e) {
      const vcpu = m.vcpu[e.vcpu];
      if (vcpu === undefined || vcpuStateOf(m, vcpu) !== 'inGuest' || executesWfx(m, e.vcpu)) return false;
      return may(vcpu, e, m);
    },
    perform(k, m, e) {
      const vcpu = m.vcpu[e.vcpu];
      m.cpu = vcpu.cpu;
      perform(k, vcpu.cpu, e, vcpu);
    },
  });
}

const isX2apic = (vcpu: kvm_vcpu): boolean => (Number(vcpu.arch.apic_base) & 0x400) !== 0;

/** Of these it has events of its own, which know of its handlers. */
const OWN = [APIC_EOI, APIC_ICR];

function wrmsr(k: vmlinux_x86, cpu: number, e: EventOf<'wrmsr'>, vcpu: kvm_vcpu): void {
  const reg = (e.msr - APIC_BASE_MSR) << 4;
  const vmx = k.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
  const passes = vmx && vcpu.arch.apic.apicv_active && isX2apic(vcpu) && e.high === 0 && e.value <= 0xff;
  if (passes && reg === APIC_TASKPRI) k.virtualTpr(vcpu, e.value);
  else if (passes && reg === APIC_SELF_IPI) k.virtualSelfIpi(vcpu, e.value);
  else k.exitWrmsr(cpu, e.msr, or(u64(e.value), shl(u64(e.high), 32)));
}

export const vmmEvents: Rules<
  | 'apicv'
  | 'store'
  | 'memslot'
  | 'vm_ioctl'
  | 'set_lapic'
  | 'restore'
  | 'tsc_offset'
  | 'cr8'
  | 'mmio_write'
  | 'wrmsr'
  | 'rdmsr'
> = {
  apicv: {
    legal: (m, e) => m.kvm[e.vm]?.arch.enable_apicv === true,
    perform(k, m, e) {
      if (e.on) k.kvm_clear_apicv_inhibit(m.kvm[e.vm], APICV_INHIBIT_REASON_ABSENT);
      else k.kvm_set_apicv_inhibit(m.kvm[e.vm], APICV_INHIBIT_REASON_ABSENT);
    },
  },
  store: {
    legal: (m, e) => m.guest[e.vm]?.memory !== undefined,
    perform: (_, m, e) => storeWord(m.guest[e.vm].memory as guest_memory, e.gpa, u64(e.value)),
  },
  memslot: {
    legal: (m, e) => m.guest[e.vm]?.memory !== undefined,
    perform(_, m, e) {
      const memory = m.guest[e.vm].memory as guest_memory;
      const there = !memory.holes.includes(e.frame);
      if (there === e.there) return;
      memory.generation++;
      memory.holes = e.there ? memory.holes.filter((frame) => frame !== e.frame) : [...memory.holes, e.frame];
    },
  },
  vm_ioctl: {
    legal: (m, e) => m.kvm[e.vm] !== undefined && !isApics(m),
    perform: (k, m, e) => void k.vmIoctl(m.kvm[e.vm], e.nr, e.arg),
  },
  set_lapic: ioctl<EventOf<'set_lapic'>>(({ reg, value }) => ({ nr: 'set_lapic', reg, value })),
  restore: ioctl<EventOf<'restore'>>(() => ({ nr: 'restore' })),
  tsc_offset: ioctl<EventOf<'tsc_offset'>>(({ ns }) => ({ nr: 'tsc_offset', cycles: ns })),
  cr8: byGuest<EventOf<'cr8'>>((k, cpu, e) => void k.guestCr8(cpu, e.value)),
  mmio_write: byGuest<EventOf<'mmio_write'>>(
    (k, cpu, e) => void k.guestStore(cpu, e.reg, e.value),
    (vcpu, e) => !isX2apic(vcpu) && !OWN.includes(e.reg),
  ),
  wrmsr: byGuest<EventOf<'wrmsr'>>(wrmsr, (_, e) => !OWN.includes((e.msr - APIC_BASE_MSR) << 4)),
  rdmsr: byGuest<EventOf<'rdmsr'>>((k, cpu, e) => void k.exitRdmsr(cpu, e.msr)),
};
