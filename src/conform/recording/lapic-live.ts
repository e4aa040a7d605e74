// SPDX-License-Identifier: GPL-2.0-only
/**
 * Random operations for the local APICs of a real KVM and of the model, and what comes of them compared.
 *
 * They are ioctls, so that no guest has to run: MSRs of the x2APIC, MSIs, single registers by KVM_SET_LAPIC, and
 * KVM_GET_MP_STATE, which accepts INITs and SIPIs. After each one the page of every vCPU is compared. The timer is
 * left out: its time is the host's.
 */

import { toBigInt, u64 } from '../../lib/types.js';
import type { LapicMachine } from '../../machine/lapic-machine.js';
import { createLapicMachine, registerPage } from '../../machine/lapic-machine.js';
import { nextRng, seedRng } from '../../machine/rng.js';
import type { Kernel } from '../../vmlinux/bind.js';

/** One operation, in the terms of src/native/c/kvm-lapic.c. */
export interface LiveOp {
  op: 'w' | 'r' | 'm' | 's' | 'p';
  cpu: number;
  /** MSR, register offset or MSI address */
  a: number;
  v: bigint;
}

/** A session: its vCPUs, and what is done to them. */
export interface LiveSession {
  seed: number;
  ncpu: number;
  ops: LiveOp[];
}

export interface LiveDifference {
  seed: number;
  n: number;
  op: string;
  field: string;
  kvm: string;
  model: string;
}

const TIMER = [0x380, 0x390];
const SETTABLE = [
  0x20, 0x80, 0xd0, 0xe0, 0xf0, 0x100, 0x170, 0x180, 0x200, 0x270, 0x300, 0x310, 0x320, 0x350, 0x360, 0x3e0,
];
const MODES = [0x800, 0x800, 0xc00, 0xc00, 0xc00, 0, 0x400];

/** A session from its seed. */
export function liveSession(seed: number, length: number): LiveSession {
  let state = seedRng(seed);
  const draw = (n: number): number => {
    state = nextRng(state);
    return state % n;
  };
  const ncpu = 1 + draw(4);
  const ops: LiveOp[] = [];
  for (let cpu = 0; cpu < ncpu; cpu++) {
    ops.push({ op: 'w', cpu, a: 0x1b, v: BigInt(0xfee0_0c00 + (cpu === 0 ? 0x100 : 0)) });
    ops.push({ op: 'w', cpu, a: 0x80f, v: 0x1ffn });
  }
  while (ops.length < length) ops.push(randomOp(draw, ncpu));
  return { seed, ncpu, ops };
}

/** A value for KVM_SET_LAPIC: few ids, so that they collide, and of SVR and TDCR what KVM itself could have made. */
function settable(reg: number, word: number, draw: (n: number) => number): number {
  switch (reg) {
    case 0x20:
      return draw(4) << 24;
    case 0xd0:
      return draw(4) === 0 ? word : (1 << draw(4)) << 24;
    case 0xe0:
      return [0xffff_ffff, 0xffff_ffff, 0x0fff_ffff, word][draw(4)];
    case 0xf0:
      return 0xff | (draw(4) === 0 ? 0 : 0x100);
    case 0x3e0:
      return word & 0xb;
    default:
      return word;
  }
}

function randomOp(draw: (n: number) => number, ncpu: number): LiveOp {
  const cpu = draw(ncpu);
  const word = (): number => draw(0x1_0000) * 0x1_0000 + draw(0x1_0000);
  switch (draw(16)) {
    case 0:
      return { op: 'w', cpu, a: 0x1b, v: BigInt(0xfee0_0000 + MODES[draw(MODES.length)] + (cpu === 0 ? 0x100 : 0)) };
    case 1:
    case 2:
      return { op: 'r', cpu, a: 0x800 + draw(0x40), v: 0n };
    case 3:
    case 4:
      return { op: 'p', cpu, a: 0, v: 0n };
    case 5:
    case 6: {
      const a = SETTABLE[draw(SETTABLE.length)];
      return { op: 's', cpu, a, v: BigInt(settable(a, word(), draw) >>> 0) };
    }
    case 7:
    case 8: {
      const dest = draw(5) === 0 ? 0xff : draw(ncpu + 1);
      const address = 0xfee0_0000 + dest * 0x1000 + (draw(2) << 2) + (draw(4) === 0 ? 8 : 0);
      return { op: 'm', cpu: 0, a: address, v: BigInt(draw(0x1_0000) & ~0x600) };
    }
    case 9:
    case 10: {
      let a = 0x800 + draw(0x40);
      if (TIMER.includes((a - 0x800) << 4)) a = 0x80b;
      const reserved = draw(24) === 0 ? 1n << 32n : 0n;
      const v = a === 0x80b ? 0 : a === 0x83f ? draw(0x120) : word();
      return { op: 'w', cpu, a: a === 0x830 ? 0x808 : a, v: BigInt(v >>> 0) | reserved };
    }
    case 11:
      return { op: 'w', cpu, a: 0x80b, v: 0n };
    default: {
      const modes = [0, 0, 0, 0, 1, 4, 5, 6];
      const low = draw(256) | (modes[draw(8)] << 8) | (draw(3) === 0 ? 0x800 : 0) | (draw(8) === 0 ? 0 : 0x4000);
      const more = (draw(10) === 0 ? 0x8000 : 0) | (draw(6) === 0 ? draw(4) << 18 : 0) | (draw(30) === 0 ? 1 << 13 : 0);
      const dest = draw(8) === 0 ? 0xffff_ffff : draw(9) === 0 ? 0xff : draw(1 << ncpu);
      return { op: 'w', cpu, a: 0x830, v: (BigInt(dest) << 32n) | BigInt((low | more) >>> 0) };
    }
  }
}

/** What the helper is told for a session: each operation, and the pages after it. */
export function liveLines(session: LiveSession): string[] {
  const pages = Array.from({ length: session.ncpu }, (_, cpu) => `g ${cpu}`);
  const text = ({ op, cpu, a, v }: LiveOp): string => {
    if (op === 'p') return `p ${cpu}`;
    if (op === 'm') return `m ${a.toString(16)} ${v.toString(16)}`;
    return `${op} ${cpu} ${a.toString(16)} ${v.toString(16)}`;
  };
  return [`i ${session.ncpu}`, ...session.ops.flatMap((op) => [text(op), ...pages])];
}

/** The model's answer to an operation, as the helper would print it. */
function modelAnswer(machine: LapicMachine, { op, cpu, a, v }: LiveOp): string {
  const { k, m } = machine;
  const vcpu = machine.vcpus[cpu];
  switch (op) {
    case 'w':
      return k.kvm_set_msr_commonApic(vcpu, { host_initiated: true, index: a, data: u64(v) }) === 0 ? '1' : '0';
    case 'r': {
      const msr = { host_initiated: true, index: a, data: u64(0) };
      return k.kvm_get_msr_commonApic(vcpu, msr) === 0 ? `1 ${toBigInt(msr.data).toString(16)}` : '0';
    }
    case 'm': {
      const r = k.kvm_send_userspace_msi(m.kvm[0], { gsi: 0, address_lo: a >>> 0, address_hi: 0, data: Number(v) });
      return r < 0 ? '-1' : r.toString(16);
    }
    case 's': {
      const regs = registerPage(machine, vcpu, new Array<number>(256).fill(0));
      regs[a >> 2] = Number(v);
      return k.kvm_apic_set_state(vcpu, { regs }) === 0 ? '0' : '-1';
    }
    default:
      return k.kvm_arch_vcpu_ioctl_get_mpstate(vcpu).toString(16);
  }
}

const opText = ({ op, cpu, a, v }: LiveOp): string => `${op} ${cpu} ${a.toString(16)} ${v.toString(16)}`;
const page: number[] = new Array<number>(256).fill(0);

/**
 * Holds what a real KVM answered to `liveLines` against the model; null when all is the same. `vendor` is whose KVM it
 * was: they keep the high half of ICR in different places.
 */
export function compareLive(
  kernel: Kernel,
  session: LiveSession,
  answers: readonly string[],
  vendor: 'vmx' | 'svm',
): LiveDifference | null {
  const machine = createLapicMachine(kernel, { vcpus: session.ncpu, vendor });
  let at = 1;
  for (let n = 0; n < session.ops.length; n++) {
    const op = session.ops[n];
    const differs = (field: string, kvm: string, model: string): LiveDifference => ({
      seed: session.seed,
      n,
      op: opText(op),
      field,
      kvm,
      model,
    });
    const model = modelAnswer(machine, op);
    const real = answers[at++];
    if (real !== model) return differs('result', real, model);
    for (let cpu = 0; cpu < session.ncpu; cpu++) {
      const words = answers[at++].split(' ');
      registerPage(machine, machine.vcpus[cpu], page);
      for (let w = 0; w < 256; w++) {
        if (w << 2 === 0x390 || Number.parseInt(words[w], 16) === page[w]) continue;
        return differs(`c${cpu} ${(w << 2).toString(16)}`, words[w], page[w].toString(16));
      }
    }
  }
  return null;
}

/** The session that tells a vendor: whether ICR is one register of 64 bits, as Intel's hardware has it. */
export const vendorLines: readonly string[] = ['i 1', 'w 0 1b fee00d00', 'w 0 830 7700000040', 'g 0'];

/** Whose KVM answered `vendorLines`. */
export function vendorOf(answers: readonly string[]): 'vmx' | 'svm' {
  return answers[3].split(' ')[0x304 >> 2] === '77' ? 'vmx' : 'svm';
}
