// SPDX-License-Identifier: GPL-2.0-only
/**
 * One operation of a recording on the model, and what is compared after it.
 *
 * An operation of a vCPU is one KVM_RUN: an entry, the guest's access with its exit, and the entry that carries the
 * guest to its next exit to userspace.
 */

import { EXIT_FASTPATH_NONE, KVM_REQ_EVENT, type kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { APIC_DEFAULT_PHYS_BASE, APIC_TMCCT } from '../../lapic/apicdef.js';
import { shr, to_u32, toBigInt, u64 } from '../../lib/types.js';
import {
  createLapicMachine,
  enterAndExit,
  injectTimers,
  iret,
  type LapicMachine,
  type LapicOptions,
  registerPage,
  startAps,
} from '../../machine/lapic-machine.js';
import type { Kernel } from '../../vmlinux/bind.js';
import type { LapicOp, LapicSession } from './lapic-transcript.js';

const NMI_VECTOR = 2;

/** Where a replay and its recording part. */
export interface LapicDifference {
  /** line in the file */
  line: number;
  /** `xapic-flat seed 3` */
  session: string;
  n: number;
  /** `c1 mw 300 = cc5e` */
  op: string;
  /** what differs: `r`, `gp`, `vec`, `rc`, `cs`, `throw`, or a register, `c2 IRR 230` */
  field: string;
  expected: string;
  got: string;
  /** the kernel function that decides it */
  fn: string;
}

/** Operations that lapic.c does not decide alone, by what they need beside it. */
export interface BesideLapic {
  /** KVM's answer to a read of a register that cannot be read is what its buffer held before; value not compared */
  staleReads: number;
  /** an access to where no APIC is, which userspace would get */
  elsewhere: number;
  /** operations of a vCPU that waits for INIT or SIPI and cannot do them */
  blocked: number;
  /** NMIs whose handler and IRET the harness ran */
  nmiHandlers: number;
  /** guests set up anew by the harness after INIT and SIPI */
  restarts: number;
}

/** What an operation gave back. */
export interface Observed {
  r: bigint | null;
  gp: boolean;
  vec: number[];
  cs: number | null;
}

/** The register pages as recorded so far, one a vCPU. */
export type Pages = number[][];

/** A machine made like the recording's: split irqchip, AMD, x2APIC and TSC-deadline in CPUID, vector hashing on. */
export function machineOf(kernel: Kernel, session: LapicSession, more: Partial<LapicOptions> = {}): LapicMachine {
  const { ncpu, tsc_khz } = session.header;
  const machine = createLapicMachine(kernel, { vcpus: ncpu, tsc_khz, maxphyaddr: 40, ...more });
  startAps(machine);
  return machine;
}

/** The pages at the header of a session: zero but for what it lists. */
export function initialPages(session: LapicSession): Pages {
  const pages: Pages = [];
  for (let c = 0; c < session.header.ncpu; c++) pages.push(new Array<number>(256).fill(0));
  applyChanges(pages, session.header.d);
  return pages;
}

/** Takes the changes of a line into the pages. */
export function applyChanges(pages: Pages, d: LapicSession['header']['d']): void {
  for (const [c, reg, value] of d) pages[c][reg >> 2] = value;
}

/** Enters until nothing more is taken: NMIs are handled at once, their handler ends with IRET. */
function enterGuest(machine: LapicMachine, vcpu: kvm_vcpu, vec: number[], beside: BesideLapic): boolean {
  for (;;) {
    const before = vec.length;
    if (enterAndExit(machine, vcpu, vec).blocked) return false;
    if (vec.length === before) return true;
    if (vec[vec.length - 1] === NMI_VECTOR) {
      beside.nmiHandlers++;
      iret(machine, vcpu);
    }
  }
}

/** `sti; nop; cli`: interrupts are taken as long as there are any; their handler sends no EOI. */
function openWindow(machine: LapicMachine, vcpu: kvm_vcpu, vec: number[], beside: BesideLapic): void {
  const { k } = machine;
  for (;;) {
    vcpu.arch.if_flag = true;
    if (vcpu.arch.irq_window) {
      vcpu.arch.irq_window = false;
      k.kvm_make_request(KVM_REQ_EVENT, vcpu);
    }
    const before = vec.length;
    if (!enterGuest(machine, vcpu, vec, beside)) break;
    if (vec.length === before) break;
    injectTimers(machine, vcpu);
  }
  vcpu.arch.if_flag = false;
}

/** What the guest does in the middle of an operation. Returns whether it exits. */
export function guestPart(
  machine: LapicMachine,
  vcpu: kvm_vcpu,
  op: LapicOp,
  seen: Observed,
  beside: BesideLapic,
): void {
  const { k, m } = machine;
  switch (op.op) {
    case 'mw':
      if (k.apic_mmio_write(vcpu, u64(APIC_DEFAULT_PHYS_BASE + op.a), 4, Number(op.v)) !== 0) beside.elsewhere++;
      break;
    case 'mr': {
      const data = { value: -1 };
      if (k.apic_mmio_read(vcpu, u64(APIC_DEFAULT_PHYS_BASE + op.a), 4, data) !== 0) beside.elsewhere++;
      if (data.value === -1) beside.staleReads++;
      else seen.r = BigInt(data.value);
      break;
    }
    case 'wrmsr': {
      const data = u64(op.v);
      const rax = u64(to_u32(data));
      vcpu.arch.regs = { ...vcpu.arch.regs, rcx: u64(op.a), rax, rdx: shr(data, 32) };
      if (k.handle_fastpath_set_msr_irqoff(vcpu) !== EXIT_FASTPATH_NONE) break;
      seen.gp = k.kvm_set_msr_commonApic(vcpu, { host_initiated: false, index: op.a, data }) !== 0;
      break;
    }
    case 'rdmsr': {
      const msr = { host_initiated: false, index: op.a, data: u64(0) };
      seen.gp = k.kvm_get_msr_commonApic(vcpu, msr) !== 0;
      seen.r = seen.gp ? null : toBigInt(msr.data);
      break;
    }
    case 'pvipi':
      seen.r = BigInt(k.kvm_pv_send_ipi(m.kvm[0], u64(op.lo), u64(op.hi), op.min >>> 0, u64(op.a), 1));
      break;
    default:
      break; // win and delay do not exit by themselves
  }
}

/** Does the operation leave the guest by itself? */
export const exits = (op: LapicOp): boolean => op.op !== 'win' && op.op !== 'delay';

/** One operation, at the machine's time. */
export function perform(machine: LapicMachine, op: LapicOp, beside: BesideLapic): Observed {
  const { k, m } = machine;
  const seen: Observed = { r: null, gp: false, vec: [], cs: null };
  const vcpu = machine.vcpus[op.c];
  switch (op.op) {
    case 'msi': {
      const route = { gsi: 0, address_lo: op.a >>> 0, address_hi: 0, data: Number(op.v) };
      seen.r = BigInt(k.kvm_send_userspace_msi(m.kvm[0], route));
      return seen;
    }
    case 'mpstate':
      seen.r = BigInt(k.kvm_arch_vcpu_ioctl_get_mpstate(vcpu));
      seen.cs = op.cs === null ? null : vcpu.arch.sipi_cs_base >>> 4;
      return seen;
    case 'restart':
      beside.restarts++;
      vcpu.arch.if_flag = false;
      return seen;
    default:
      break;
  }
  if (!enterGuest(machine, vcpu, seen.vec, beside)) {
    beside.blocked++;
    return seen;
  }
  if (op.op === 'win') openWindow(machine, vcpu, seen.vec, beside);
  guestPart(machine, vcpu, op, seen, beside);
  if (exits(op)) {
    injectTimers(machine, vcpu);
    enterGuest(machine, vcpu, seen.vec, beside);
  }
  return seen;
}

const NAMES: Readonly<Record<number, [string, string]>> = {
  32: ['ID', 'kvm_apic_set_xapic_id'],
  48: ['LVR', 'kvm_apic_set_version'],
  128: ['TPR', 'apic_set_tpr'],
  160: ['PPR', '__apic_update_ppr'],
  208: ['LDR', 'kvm_apic_set_ldr'],
  224: ['DFR', 'kvm_apic_set_dfr'],
  240: ['SPIV', 'apic_set_spiv'],
  640: ['ESR', 'kvm_lapic_reg_write'],
  768: ['ICR', 'kvm_apic_send_ipi'],
  784: ['ICR2', 'kvm_lapic_reg_write'],
  800: ['LVTT', 'apic_update_lvtt'],
  896: ['TMICT', 'start_apic_timer'],
  992: ['TDCR', 'update_divide_count'],
};

function registerName(reg: number): [string, string] {
  if (Object.hasOwn(NAMES, reg)) return NAMES[reg];
  if (reg === 0x304) return ['ICR high half', 'kvm_x2apic_icr_write'];
  if (reg >= 0x100 && reg < 0x180) return ['ISR', 'apic_set_isr, apic_clear_isr'];
  if (reg >= 0x180 && reg < 0x200) return ['TMR', '__apic_accept_irq'];
  if (reg >= 0x200 && reg < 0x280) return ['IRR', '__apic_accept_irq, kvm_apic_map_get_dest_lapic'];
  if (reg >= 0x2f0 && reg < 0x380) return ['LVT', 'kvm_lapic_reg_write'];
  return ['', 'kvm_lapic_reg_write'];
}

/** operation: who decides what it gives back */
export const FUNCTIONS: Readonly<Record<string, string>> = {
  mw: 'apic_mmio_write, kvm_lapic_reg_write',
  mr: 'apic_mmio_read, __apic_read',
  wrmsr: 'kvm_x2apic_msr_write, kvm_apic_set_base',
  rdmsr: 'kvm_x2apic_msr_read',
  win: 'kvm_cpu_get_interrupt, kvm_apic_has_interrupt',
  msi: 'kvm_set_msi, kvm_irq_delivery_to_apic',
  pvipi: 'kvm_pv_send_ipi',
  mpstate: 'kvm_apic_accept_events',
  restart: 'kvm_apic_accept_events',
  delay: 'apic_timer_fn',
};

/** An operation as one reads it: `c1 mw 300 = cc5e`. */
export function opText(op: LapicOp): string {
  const x = op.a.toString(16);
  switch (op.op) {
    case 'mw':
    case 'wrmsr':
      return `c${op.c} ${op.op} ${x} = ${op.v.toString(16)}`;
    case 'mr':
    case 'rdmsr':
      return `c${op.c} ${op.op} ${x}`;
    case 'msi':
      return `msi ${x} ${op.v.toString(16)}`;
    case 'pvipi':
      return `c${op.c} pvipi ${op.hi.toString(16)}:${op.lo.toString(16)} min ${op.min} icr ${x}`;
    default:
      return `c${op.c} ${op.op}`;
  }
}

export type Found = Pick<LapicDifference, 'field' | 'expected' | 'got' | 'fn'>;

/** The first thing in which what was observed is not what was recorded; null for none. */
export function compareObserved(op: LapicOp, seen: Observed): Found | null {
  const fn = FUNCTIONS[op.op];
  const hex = (x: bigint | null): string => (x === null ? 'nothing' : x.toString(16));
  if (op.gp !== seen.gp) return { field: 'gp', expected: String(op.gp), got: String(seen.gp), fn };
  if (op.r !== null && seen.r !== null && op.r !== seen.r) {
    return { field: op.op === 'msi' ? 'rc' : 'r', expected: hex(op.r), got: hex(seen.r), fn };
  }
  if (op.vec.join() !== seen.vec.join()) {
    return { field: 'vec', expected: op.vec.join(' ') || 'none', got: seen.vec.join(' ') || 'none', fn };
  }
  if (op.cs !== null && op.cs !== seen.cs) {
    return { field: 'cs', expected: op.cs.toString(16), got: hex(seen.cs === null ? null : BigInt(seen.cs)), fn };
  }
  return null;
}

const page: number[] = new Array<number>(256).fill(0);

/** The first register in which a vCPU's page is not as recorded; null for none. */
export function comparePages(machine: LapicMachine, pages: Pages): Found | null {
  for (let c = 0; c < pages.length; c++) {
    registerPage(machine, machine.vcpus[c], page);
    const expected = pages[c];
    for (let w = 0; w < 256; w++) {
      if (page[w] === expected[w] || w << 2 === APIC_TMCCT) continue;
      const [name, fn] = registerName(w << 2);
      return {
        field: `c${c} ${name} ${(w << 2).toString(16)}`.replace('  ', ' '),
        expected: expected[w].toString(16),
        got: page[w].toString(16),
        fn,
      };
    }
  }
  return null;
}

/** Counts of nothing yet. */
export function newBeside(): BesideLapic {
  return { staleReads: 0, elsewhere: 0, blocked: 0, nmiHandlers: 0, restarts: 0 };
}
