// SPDX-License-Identifier: GPL-2.0-only
/**
 * Machines of local APICs without threads: how they boot, and what their events do.
 *
 * Each event is what one CPU does with one vCPU, or a device with the VM; what a CPU does between two exits is that of
 * lapic-machine.ts.
 */

import { KVM_REQ_EVENT, type kvm_vcpu } from '../arch/x86/kvm_host.js';
import { defined } from '../base/defined.js';
import {
  APIC_BASE_MSR,
  APIC_BROADCAST,
  APIC_DEFAULT_PHYS_BASE,
  APIC_DEST_MASK,
  APIC_DFR,
  APIC_DFR_CLUSTER,
  APIC_DFR_FLAT,
  APIC_EOI,
  APIC_ICR,
  APIC_ICR2,
  APIC_INT_LEVELTRIG,
  APIC_LDR,
  APIC_MODE_MASK,
  APIC_SELF_IPI,
  APIC_SHORT_MASK,
  APIC_SPIV,
  APIC_TASKPRI,
  LAPIC_MODE_X2APIC,
  LAPIC_MODE_XAPIC,
  MSR_IA32_APICBASE,
  MSR_IA32_APICBASE_BSP,
  X2APIC_ENABLE,
  XAPIC_ENABLE,
} from '../lapic/apicdef.js';
import { add, s64, to_u64, u64, ZERO } from '../lib/types.js';
import type { AmidEvent, ApicEvent } from '../scenario/events.js';
import type { ApicsSpec } from '../scenario/scenario.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { enterAndExit, injectTimers, iret, type LapicMachine, populate, startAps } from './lapic-machine.js';
import type { machine } from './state.js';

/** kHz of the guest's TSC: a cycle a ns */
const TSC_KHZ = 1_000_000;
/** entries in a row at most; each takes an interrupt */
const ENTRIES = 600;

/** The VM, its vCPUs running, their APICs enabled in the mode of the scenario. */
export function bootApics(k: vmlinux_x86, m: machine, spec: ApicsSpec): void {
  m.tsc_khz = TSC_KHZ;
  const { vcpus, ids, vendor, irqchip, apicv } = spec;
  const own = populate(k, m, {
    vcpus,
    irqchip_split: irqchip !== 'kernel',
    ...defined({ ids, vendor }),
    enable_apicv: apicv === true,
  });
  m.vmNames.push('apics');
  m.guest.push({ lockKind: 'tas', locks: [], handler_ns: 0 });
  startAps(own);
  if (spec.mode === 'reset') return;
  m.vcpu.forEach((vcpu, i) => {
    enable(k, vcpu, i, spec.mode);
  });
}

function enable(k: vmlinux_x86, vcpu: kvm_vcpu, i: number, mode: ApicsSpec['mode']): void {
  const { apic } = vcpu.arch;
  if (mode === 'x2apic') {
    const bsp = i === 0 ? MSR_IA32_APICBASE_BSP : 0;
    const data = u64(APIC_DEFAULT_PHYS_BASE + XAPIC_ENABLE + X2APIC_ENABLE + bsp);
    k.kvm_apic_set_base(vcpu, { host_initiated: false, index: MSR_IA32_APICBASE, data });
    k.kvm_x2apic_msr_write(vcpu, APIC_BASE_MSR + (APIC_SPIV >> 4), u64(0x1ff));
    return;
  }
  const cluster = mode === 'cluster';
  k.kvm_lapic_reg_write(apic, APIC_SPIV, 0x1ff);
  k.kvm_lapic_reg_write(apic, APIC_DFR, cluster ? APIC_DFR_CLUSTER : APIC_DFR_FLAT);
  const id = cluster ? ((i >> 1) << 4) | (1 << (i & 1)) : 1 << i;
  k.kvm_lapic_reg_write(apic, APIC_LDR, (id << 24) >>> 0);
}

/** Whether it is a machine of local APICs, without threads. */
export const isApics = (m: machine): boolean => m.kvm.length === 1 && m.vmNames[0] === 'apics';

/** Whether the machine has what the event is about. */
export function apicLegal(m: machine, event: ApicEvent | AmidEvent): boolean {
  if (!isApics(m)) return false;
  if (event.ev === 'amid') return apicLegal(m, event.of) && apicLegal(m, event.other) && isAmid(event);
  if (event.ev === 'pin' || event.ev === 'redirect') return m.kvm[0].arch.vioapic !== null;
  return !('vcpu' in event) || event.vcpu < m.vcpu.length;
}

/** What may come to each function of AMID, and what may come in there. */
const SENDERS: readonly ApicEvent['ev'][] = ['write_icr', 'msi', 'pv_ipi'];
const WRITERS: readonly ApicEvent['ev'][] = ['mmio_write', 'wrmsr', 'set_lapic', 'set_sregs'];
const ENTERERS: readonly ApicEvent['ev'][] = ['window', 'enter'];

function isAmid({ fn, of, other }: AmidEvent): boolean {
  // a thread cannot come in on itself
  if ('vcpu' in of && 'vcpu' in other && of.vcpu === other.vcpu) return false;
  if (fn === 'kvm_lapic_set_vector') return SENDERS.includes(of.ev) && ENTERERS.includes(other.ev);
  return WRITERS.includes(of.ev) && WRITERS.includes(other.ev) && other.ev !== 'set_lapic';
}

/** Lets it happen. Time, which `stall` needs, is the caller's: here it has passed already. */
export function performApic(k: vmlinux_x86, m: machine, event: ApicEvent): void {
  const kvm = m.kvm[0];
  switch (event.ev) {
    case 'msi':
      k.kvm_send_userspace_msi(kvm, { gsi: 0, address_lo: event.address, address_hi: 0, data: event.data });
      return;
    case 'pin':
      if (kvm.arch.vioapic !== null) k.kvm_ioapic_set_irq(kvm.arch.vioapic, event.pin, 0, event.level, false);
      return;
    case 'redirect':
      redirect(k, m, event.pin, event.low, event.high);
      return;
    case 'stall':
      return;
    default:
      loaded(m, event.vcpu, () => performVcpu(k, m, m.vcpu[event.vcpu], event));
  }
}

/** Whoever acts for a vCPU has loaded it; in the middle of that another CPU may have another. */
function loaded(m: machine, vcpu: number, act: () => void): void {
  const [before] = m.kvm_running_vcpu;
  m.kvm_running_vcpu[0] = vcpu;
  act();
  m.kvm_running_vcpu[0] = before;
}

function redirect(k: vmlinux_x86, m: machine, pin: number, low: number, high: number): void {
  const { vioapic } = m.kvm[0].arch;
  if (vioapic === null) return;
  vioapic.ioregsel = 0x11 + 2 * pin;
  k.ioapic_write_indirect(vioapic, high);
  vioapic.ioregsel = 0x10 + 2 * pin;
  k.ioapic_write_indirect(vioapic, low);
}

function performVcpu(k: vmlinux_x86, m: machine, vcpu: kvm_vcpu, event: Extract<ApicEvent, { vcpu: number }>): void {
  const { apic } = vcpu.arch;
  switch (event.ev) {
    case 'mmio_write':
      storeToPage(k, m, vcpu, event.reg, event.value);
      return;
    case 'mmio_read':
      if (isAccelerated(k, vcpu) && k.virtualLoad(event.reg)) return;
      k.apic_mmio_read(vcpu, add(apic.base_address, u64(event.reg)), 4, { value: 0 });
      return;
    case 'wrmsr': {
      if (isVirtualX2apic(k, vcpu) && writeVirtualMsr(k, vcpu, event.msr, event.value, event.high)) return;
      const data = u64((BigInt(event.high) << 32n) | BigInt(event.value));
      k.kvm_set_msr_commonApic(vcpu, { host_initiated: false, index: event.msr, data });
      return;
    }
    case 'rdmsr':
      readMsr(k, vcpu, event.msr);
      return;
    case 'write_icr':
      writeIcr(k, m, vcpu, event.low, event.dest);
      return;
    case 'pv_ipi':
      pvIpi(k, m, event);
      return;
    case 'window':
      openWindow(k, m, vcpu);
      return;
    case 'enter':
      enter(k, m, vcpu);
      return;
    case 'restore':
      k.vcpuRestore(vcpu);
      return;
    case 'tsc_offset':
      k.kvm_vcpu_write_tsc_offset(vcpu, to_u64(s64(event.ns)));
      return;
    case 'cpuid':
      vcpu.arch.cpuid.x2apic = event.x2apic;
      vcpu.arch.cpuid.tsc_deadline = event.tsc_deadline;
      k.kvm_vcpu_after_set_cpuid(vcpu);
      return;
    case 'cr8':
      if (apic.apicv_active) k.virtualTpr(vcpu, event.value << 4);
      else k.kvm_set_cr8(vcpu, u64(event.value));
      return;
    case 'set_sregs': {
      const data = u64(event.apic_base);
      k.kvm_apic_set_base(vcpu, { host_initiated: true, index: MSR_IA32_APICBASE, data });
      return;
    }
    case 'set_lapic':
      k.vcpuSetLapic(vcpu, event.reg, event.value);
      return;
  }
}

/** With the tracepoint of the exit that it makes: what was read, or that it was refused. */
function readMsr(k: vmlinux_x86, vcpu: kvm_vcpu, index: number): void {
  const msr = { host_initiated: false, index, data: ZERO };
  const r = k.kvm_get_msr_commonApic(vcpu, msr);
  k.trace_kvm_msr(0, index, r === 0 ? msr.data : ZERO, r !== 0);
}

function pvIpi(
  k: vmlinux_x86,
  m: machine,
  { bitmap, more = [0, 0, 0], min, icr }: Extract<ApicEvent, { ev: 'pv_ipi' }>,
): void {
  const word = (low: number, high: number): u64 => u64((BigInt(high) << 32n) | BigInt(low));
  k.kvm_pv_send_ipi(m.kvm[0], word(bitmap, more[0]), word(more[1], more[2]), min, u64(icr), 1);
}

function writeIcr(k: vmlinux_x86, m: machine, vcpu: kvm_vcpu, low: number, dest: number): void {
  const { apic } = vcpu.arch;
  if (!k.kvm_apic_hw_enabled(apic)) return;
  if (k.apic_x2apic_mode(apic)) {
    k.kvm_x2apic_msr_write(vcpu, APIC_BASE_MSR + (APIC_ICR >> 4), u64((BigInt(dest) << 32n) | BigInt(low)));
    return;
  }
  if (isAccelerated(k, vcpu)) {
    storeToPage(k, m, vcpu, APIC_ICR2, (dest << 24) >>> 0);
    storeToPage(k, m, vcpu, APIC_ICR, low);
    return;
  }
  k.kvm_lapic_reg_write(apic, APIC_ICR2, (dest << 24) >>> 0);
  k.kvm_lapic_reg_write(apic, APIC_ICR, low);
}

/* ---- APICv: what the CPU does with accesses to the APIC, and the exits that it makes for the rest ---- */

/** Whether the CPU itself takes loads and stores of the xAPIC page. */
const isAccelerated = (k: vmlinux_x86, vcpu: kvm_vcpu): boolean =>
  vcpu.arch.apic.apicv_active && k.kvm_get_apic_mode(vcpu) === LAPIC_MODE_XAPIC;

/** Whether the CPU itself takes writes of TPR, EOI and SELF_IPI in x2APIC mode. */
const isVirtualX2apic = (k: vmlinux_x86, vcpu: kvm_vcpu): boolean =>
  vcpu.arch.apic.apicv_active && isVmx(k, vcpu) && k.kvm_get_apic_mode(vcpu) === LAPIC_MODE_X2APIC;

const isVmx = (k: vmlinux_x86, vcpu: kvm_vcpu): boolean => k.m.kvm[vcpu.kvm].arch.vendor === 'vmx';

/** A guest's 32-bit store. */
function storeToPage(k: vmlinux_x86, m: machine, vcpu: kvm_vcpu, reg: number, value: number): void {
  if (!isAccelerated(k, vcpu)) {
    k.apic_mmio_write(vcpu, add(vcpu.arch.apic.base_address, u64(reg)), 4, value);
    return;
  }
  if (reg === APIC_EOI) {
    const vector = k.retireVirtual(vcpu);
    if (vector === -1) return;
    if (isVmx(k, vcpu)) k.kvm_apic_set_eoi_accelerated(vcpu, vector);
    else k.avic_unaccelerated_access_interception(vcpu, reg, vector, true);
    return;
  }
  if (reg === APIC_ICR && !isVmx(k, vcpu)) {
    storeIcrOfAvic(k, m, vcpu, value);
    return;
  }
  switch (k.virtualStore(vcpu, reg, value)) {
    case 'none':
      return;
    case 'trap':
      if (isVmx(k, vcpu)) k.kvm_apic_write_nodecode(vcpu, reg);
      else k.avic_unaccelerated_access_interception(vcpu, reg, 0, true);
      return;
    case 'access':
      if (!isVmx(k, vcpu)) k.trace_kvm_avic_unaccelerated_access(vcpu.vcpu_id, reg, false, true, 0);
      k.apic_mmio_write(vcpu, add(vcpu.arch.apic.base_address, u64(reg)), 4, value);
  }
}

/** One fixed, edge-triggered IPI to one APIC by its id is the CPU's; of everything else it exits. */
function storeIcrOfAvic(k: vmlinux_x86, m: machine, vcpu: kvm_vcpu, low: number): void {
  const high = k.kvm_lapic_get_reg(vcpu.arch.apic, APIC_ICR2);
  const fixed = APIC_SHORT_MASK | APIC_DEST_MASK | APIC_MODE_MASK | APIC_INT_LEVELTRIG;
  const dest = high >>> 24;
  const target = (low & fixed) === 0 && dest !== APIC_BROADCAST ? k.kvm_get_vcpu_by_id(m.kvm[vcpu.kvm], dest) : NULL;
  if (k.avicDeliver(vcpu, low, high, target)) return;
  const e = vcpu.arch.avic_exit;
  k.avic_incomplete_ipi_interception(vcpu, e.icrl, e.icrh, e.id, e.index);
}

/** False when the MSR is intercepted. */
function writeVirtualMsr(k: vmlinux_x86, vcpu: kvm_vcpu, msr: number, value: number, high: number): boolean {
  const reg = (msr - APIC_BASE_MSR) << 4;
  if (reg !== APIC_TASKPRI && reg !== APIC_EOI && reg !== APIC_SELF_IPI) return false;
  // a value with reserved bits: #GP by the CPU
  if (high !== 0 || value > (reg === APIC_EOI ? 0 : 0xff)) return true;
  if (reg === APIC_TASKPRI) k.virtualTpr(vcpu, value);
  else if (reg === APIC_SELF_IPI) k.virtualSelfIpi(vcpu, value);
  else {
    const vector = k.retireVirtual(vcpu);
    if (vector !== -1) k.kvm_apic_set_eoi_accelerated(vcpu, vector);
  }
  return true;
}

const own = (k: vmlinux_x86, m: machine): LapicMachine => ({ k, m, vcpus: m.vcpu });

/**
 * Everything an entry delivers; NMI handlers end at once, SMIs with them. True when an interrupt was taken, or a timer's has
 * come behind it.
 */
function enter(k: vmlinux_x86, m: machine, vcpu: kvm_vcpu): boolean {
  const machine = own(k, m);
  const taken: number[] = [];
  for (let n = 0; n < ENTRIES; n++) {
    const before = taken.length;
    const { if_flag } = vcpu.arch;
    const { blocked } = enterAndExit(machine, vcpu, taken);
    if (k.is_smm(vcpu)) {
      k.emulator_leave_smm(vcpu);
      vcpu.arch.if_flag = if_flag;
    } else if (blocked || taken.length === before) break;
    if (taken.length > before && taken[taken.length - 1] === 2) iret(machine, vcpu);
  }
  return injectTimers(machine, vcpu) || taken.length > 0;
}

/** `sti` until nothing comes any more: each interrupt nests in the one before. */
function openWindow(k: vmlinux_x86, m: machine, vcpu: kvm_vcpu): void {
  for (let n = 0, more = true; more && n < ENTRIES; n++) {
    vcpu.arch.if_flag = true;
    if (vcpu.arch.irq_window) {
      vcpu.arch.irq_window = false;
      k.kvm_make_request(KVM_REQ_EVENT, vcpu);
    }
    more = enter(k, m, vcpu);
  }
  vcpu.arch.if_flag = false;
}

/**
 * One event in the middle of another. Who comes in and wants the map recomputed waits for apic_map_lock; nothing is left
 * to do behind it.
 */
export function performAmid(k: vmlinux_x86, m: machine, event: AmidEvent): void {
  const waiting: number[] = [];
  const inner = variant(k, {
    kvm_recalculate_apic_map(kvm) {
      waiting.push(kvm.id);
    },
  });
  let came = false;
  const { fn } = event;
  const outer = variant(k, {
    [fn](this: vmlinux_x86, ...args: never[]) {
      if (!came) {
        came = true;
        performApic(inner, m, event.other);
      }
      return (k[fn] as (...args: never[]) => unknown).apply(this, args);
    },
  });
  performApic(outer, m, event.of);
  for (const kvm of waiting) k.kvm_recalculate_apic_map(m.kvm[kvm]);
}

/** The same kernel on the same machine with a few functions replaced. */
function variant(k: vmlinux_x86, funcs: Partial<vmlinux_x86>): vmlinux_x86 {
  const made = Object.create(Object.getPrototypeOf(k)) as { m: vmlinux_x86['m']; tp: vmlinux_x86['tp'] };
  made.m = k.m;
  made.tp = k.tp;
  // WHY not assigned: the table is frozen
  for (const [name, value] of Object.entries(funcs)) Object.defineProperty(made, name, { value });
  return made as vmlinux_x86;
}
