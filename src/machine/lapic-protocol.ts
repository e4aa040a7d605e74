// SPDX-License-Identifier: GPL-2.0-only
/**
 * The line protocol by which a guest program from outside drives the model's local APICs. docs/lapic-serve.md has it
 * for those who write such a program.
 *
 * A request is a line, its reply a line `status value pendmask deadline`. Every request that carries a TSC lets the
 * clock run to it first, fires timers, and treats every vCPU as entering its guest: NMIs and INITs are accepted, and
 * an expired timer is in IRR. The client itself decides RFLAGS.IF: it takes interrupts by `A` and NMIs by `N`.
 */

import { KVM_REQ_NMI, type kvm_vcpu } from '../arch/x86/kvm_host.js';
import { KVM_HC_SCHED_YIELD, KVM_HC_SEND_IPI } from '../arch/x86/x86.js';
import { KVM_ENOSYS } from '../lapic/apicdef.js';
import { EINVAL } from '../lib/errno.js';
import { tscAt } from '../lib/tsc.js';
import { add, gt, mul, to_u64, toBigInt, toNumber, type u64 as U64, u64, ZERO } from '../lib/types.js';
import type { Kernel } from '../vmlinux/bind.js';
import {
  advanceTo,
  createLapicMachine,
  injectTimers,
  iret,
  type LapicMachine,
  nextTimer,
  nsOfTsc,
  registerPage,
  startAps,
} from './lapic-machine.js';

/** status of a reply */
export const OK = 0;
/** nothing to take */
export const NONE = 1;
/** #GP */
export const GP = 13;

const NO_DEADLINE = 0xffff_ffff_ffff_ffffn;
const MAXPHYADDR = 40;

/** Answers requests, one after the other. */
export interface LapicServer {
  /** The reply to one line, without its newline. Never throws for what a client can send. */
  handle(line: string): string;
  /** why the last reply had status 22; '' otherwise */
  readonly complaint: string;
  /** the machine of the last INIT; null before */
  readonly machine: LapicMachine | null;
}

/** A request that cannot be read. */
class Malformed extends Error {}

/** A number as the client writes it: decimal, 0x..., or bare hex where it has a letter. */
function numberOf(token: string | undefined, what: string): number | bigint {
  if (token === undefined) throw new Malformed(`${what} is missing`);
  const x = Number(token);
  if (Number.isSafeInteger(x) && x >= 0 && token !== '') return x;
  if (/^(0x)?[0-9a-f]{1,16}$/i.test(token) && !/^\d+$/.test(token)) {
    const y = BigInt(token.startsWith('0x') || token.startsWith('0X') ? token : `0x${token}`);
    return y <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(y) : y;
  }
  if (/^\d{1,20}$/.test(token) && BigInt(token) <= NO_DEADLINE) return BigInt(token);
  throw new Malformed(`${what}: expected a number of 64 bits, got ${token.slice(0, 24)}`);
}

function u32Of(token: string | undefined, what: string): number {
  const x = numberOf(token, what);
  if (typeof x === 'number' && x <= 0xffff_ffff) return x;
  throw new Malformed(`${what}: expected a number of 32 bits, got ${token}`);
}

const wide = (x: number | bigint): U64 => u64(x);

/** What a request made of it. */
interface Answer {
  status: number;
  value: U64;
}

/** ns */
const HOUR = u64(3_600_000_000_000);
/** ktime_t is signed, and what a timer adds to it must not wrap */
const LAST = u64(2n ** 62n);

/** Time passes. WHY: after more than an hour without a request, timers fire late and once; else one would fire for years. */
function passTo(machine: LapicMachine, ns: U64): void {
  const { m } = machine;
  if (gt(ns, LAST)) throw new Malformed('tsc: expected a time below 2^62 ns, got a later one');
  if (gt(ns, add(m.sched_clock, HOUR))) m.sched_clock = ns;
  advanceTo(machine, ns);
}

type Handler = (machine: LapicMachine, vcpu: kvm_vcpu, words: string[], answer: Answer) => void;

/** The guest's CPUID as far as the APIC decides it; see docs/lapic-serve.md. */
function cpuid(machine: LapicMachine, vcpu: kvm_vcpu, leaf: number): U64 {
  const { cpuid: c } = vcpu.arch;
  switch (leaf) {
    case 1: {
      const apic = machine.k.kvm_apic_hw_enabled(vcpu.arch.apic) ? 1 << 9 : 0;
      const ecx = (c.x2apic ? 1 << 21 : 0) | (c.tsc_deadline ? 1 << 24 : 0);
      return add(u64(ecx | apic), mul(u64(apic), u64(0x1_0000_0000)));
    }
    case 0xb:
      return u64(vcpu.vcpu_id);
    case 0x8000_0008:
      return u64(c.maxphyaddr);
    default:
      return ZERO;
  }
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  R: (machine, vcpu, words, answer) => {
    const data = { value: 0 };
    const r = machine.k.apic_mmio_read(vcpu, wide(numberOf(words[3], 'address')), 4, data);
    answer.value = u64(r === 0 ? data.value : 0xffff_ffff);
  },
  W: (machine, vcpu, words) => {
    machine.k.apic_mmio_write(vcpu, wide(numberOf(words[3], 'address')), 4, u32Of(words[4], 'value'));
  },
  RM: (machine, vcpu, words, answer) => {
    const msr = { host_initiated: false, index: u32Of(words[3], 'MSR'), data: ZERO };
    if (machine.k.kvm_get_msr_commonApic(vcpu, msr) !== 0) answer.status = GP;
    else answer.value = msr.data;
  },
  WM: (machine, vcpu, words, answer) => {
    const msr = { host_initiated: false, index: u32Of(words[3], 'MSR'), data: wide(numberOf(words[4], 'value')) };
    if (machine.k.kvm_set_msr_commonApic(vcpu, msr) !== 0) answer.status = GP;
  },
  R8: (machine, vcpu, _words, answer) => {
    answer.value = machine.k.kvm_lapic_get_cr8(vcpu);
  },
  W8: (machine, vcpu, words, answer) => {
    if (machine.k.kvm_set_cr8(vcpu, wide(numberOf(words[3], 'value'))) !== 0) answer.status = GP;
  },
  A: (machine, vcpu, _words, answer) => {
    const vector = machine.k.kvm_cpu_get_interrupt(vcpu);
    if (vector === -1) answer.status = NONE;
    else answer.value = u64(vector);
  },
  N: (machine, vcpu, _words, answer) => {
    const { arch } = vcpu;
    if (arch.nmi_pending === 0 || arch.nmi_masked) {
      answer.status = NONE;
      return;
    }
    arch.nmi_pending--;
    machine.k.kvm_x86_set_nmi_mask(vcpu, true);
    answer.value = u64(2);
  },
  I: (machine, vcpu) => iret(machine, vcpu),
  T: () => {},
  C: (machine, vcpu, words, answer) => {
    answer.value = cpuid(machine, vcpu, u32Of(words[3], 'leaf'));
  },
  HC: (machine, vcpu, words, answer) => {
    const args = [4, 5, 6, 7].map((i) => wide(words[i] === undefined ? 0 : numberOf(words[i], `a${i - 4}`)));
    const nr = numberOf(words[3], 'number');
    const kvm = machine.m.kvm[vcpu.kvm];
    let r = -KVM_ENOSYS;
    if (nr === KVM_HC_SEND_IPI) {
      r = machine.k.kvm_pv_send_ipi(kvm, args[0], args[1], toNumber(args[2]) >>> 0, args[3], 1);
    } else if (nr === KVM_HC_SCHED_YIELD) {
      r = 0; // nobody to yield to: there are no threads here
    }
    answer.value = u64(r);
  },
  D: () => {},
};

/** Lets time pass, and every vCPU come by its entry. */
function enterAll(machine: LapicMachine): void {
  const { k } = machine;
  for (const vcpu of machine.vcpus) {
    if (vcpu.arch.apic.lapic_timer.pending !== 0) injectTimers(machine, vcpu);
    if (vcpu.arch.nmi_queued !== 0 || k.kvm_test_request(KVM_REQ_NMI, vcpu)) {
      k.kvm_clear_request(KVM_REQ_NMI, vcpu);
      k.process_nmi(vcpu);
    }
    if (vcpu.arch.apic.pending_events !== 0) k.kvm_apic_accept_events(vcpu);
  }
}

function pendmask(machine: LapicMachine): bigint {
  let irqs = 0;
  let nmis = 0;
  for (let c = 0; c < machine.vcpus.length; c++) {
    const vcpu = machine.vcpus[c];
    if (machine.k.kvm_cpu_has_interrupt(vcpu)) irqs += 2 ** c;
    if (vcpu.arch.nmi_pending > 0 && !vcpu.arch.nmi_masked) nmis += 2 ** c;
  }
  return nmis === 0 ? BigInt(irqs) : (BigInt(nmis) << 32n) | BigInt(irqs);
}

/** When the next timer fires, as vCPU 0's TSC; 2^64 - 1 when none is armed. */
function deadline(machine: LapicMachine): bigint {
  const timer = nextTimer(machine.m);
  if (timer === null) return NO_DEADLINE;
  const host = tscAt(timer.expires, machine.m.tsc_khz);
  return toBigInt(add(to_u64(machine.vcpus[0].arch.tsc_offset), host));
}

/** The registers of KVM_GET_LAPIC, a word each 16 bytes, in hex. */
function dump(machine: LapicMachine, vcpu: kvm_vcpu): string {
  const page = registerPage(machine, vcpu, new Array<number>(256).fill(0));
  return page
    .filter((_, i) => i % 4 === 0)
    .map((word) => word.toString(16))
    .join(' ');
}

/** A server for one client, on this kernel. */
export function createLapicServer(kernel: Kernel): LapicServer {
  let machine: LapicMachine | null = null;
  let complaint = '';
  let hex = false;
  const show = (x: bigint): string => (hex ? `0x${x.toString(16)}` : x.toString());
  const answer: Answer = { status: OK, value: ZERO };

  const reply = (on: LapicMachine | null): string => {
    const pending = on === null ? 0n : pendmask(on);
    const next = on === null ? NO_DEADLINE : deadline(on);
    return `${answer.status} ${show(toBigInt(answer.value))} ${show(pending)} ${show(next)}`;
  };

  const init = (words: string[]): void => {
    const vcpus = u32Of(words[1], 'ncpu');
    if (vcpus < 1 || vcpus > 32) throw new Malformed(`ncpu: expected 1 to 32, got ${vcpus}`);
    const x2apic = u32Of(words[2], 'x2apic') !== 0;
    machine = createLapicMachine(kernel, { vcpus, x2apic, maxphyaddr: MAXPHYADDR, timer_advance: false });
    startAps(machine);
  };

  const request = (words: string[]): string => {
    const [name] = words;
    if (name === 'INIT') {
      init(words);
      return reply(machine);
    }
    if (!Object.hasOwn(HANDLERS, name)) throw new Malformed(`expected a request, got ${name.slice(0, 24)}`);
    if (machine === null) throw new Malformed('expected INIT first');
    const c = u32Of(words[1], 'cpu');
    if (c >= machine.vcpus.length) throw new Malformed(`cpu: expected 0 to ${machine.vcpus.length - 1}, got ${c}`);
    const vcpu = machine.vcpus[c];
    passTo(machine, nsOfTsc(machine, vcpu, wide(numberOf(words[2], 'tsc'))));
    enterAll(machine);
    HANDLERS[name](machine, vcpu, words, answer);
    enterAll(machine);
    return name === 'D' ? `${reply(machine)} ${dump(machine, vcpu)}` : reply(machine);
  };

  return {
    handle(line) {
      complaint = '';
      answer.status = OK;
      answer.value = ZERO;
      if (!hex && line.includes('0x')) hex = true;
      try {
        return request(line.trim().split(/\s+/));
      } catch (e) {
        if (!(e instanceof Malformed)) throw e;
        complaint = e.message;
        answer.status = EINVAL;
        answer.value = ZERO;
        return reply(machine);
      }
    },
    get complaint() {
      return complaint;
    },
    get machine() {
      return machine;
    },
  };
}
