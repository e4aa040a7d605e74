// SPDX-License-Identifier: GPL-2.0-only
/** A guest program in a few lines, on the far side of the line protocol: registers, interrupts, NMIs, time. */
import { createLapicServer, type LapicServer } from '../../src/machine/lapic-protocol.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { Kernel } from '../../src/vmlinux/bind.js';

export const BASE = 0xfee0_0000;
export const REG = {
  ID: 0x20,
  LVR: 0x30,
  TPR: 0x80,
  PPR: 0xa0,
  EOI: 0xb0,
  LDR: 0xd0,
  DFR: 0xe0,
  SPIV: 0xf0,
  ESR: 0x280,
  ICR: 0x300,
  ICR2: 0x310,
  LVTT: 0x320,
  LVT0: 0x350,
  TMICT: 0x380,
  TMCCT: 0x390,
  TDCR: 0x3e0,
  SELF_IPI: 0x3f0,
} as const;
export const MSR_APICBASE = 0x1b;
export const MSR_TSC_DEADLINE = 0x6e0;
export const GP = 13;

interface Reply {
  status: number;
  value: bigint;
  pending: bigint;
  deadline: bigint;
}

/** A guest with some CPUs. Every request takes 100 cycles. */
export class Guest {
  readonly server: LapicServer;
  tsc = 1_000_000n;
  /** interrupts handled, per CPU and vector */
  readonly handled: Map<number, number>[] = [];
  readonly nmis: number[] = [];
  /** RFLAGS.IF */
  readonly open: boolean[] = [];
  /** what an NMI handler does, after it is counted and before IRET */
  onNmi: (cpu: number) => void = () => {};
  private taking = false;

  constructor(
    readonly cpus: number,
    x2apic: boolean,
    kernel: Kernel = linux_6_12,
  ) {
    this.server = createLapicServer(kernel);
    this.ask(`INIT ${cpus} ${x2apic ? 1 : 0}`);
    for (let c = 0; c < cpus; c++) {
      this.handled.push(new Map());
      this.nmis.push(0);
      this.open.push(true);
    }
  }

  private ask(line: string): Reply {
    const text = this.server.handle(line);
    if (this.server.complaint !== '') throw new Error(`${line}: ${this.server.complaint}`);
    const [status, value, pending, deadline] = text.split(' ');
    return { status: Number(status), value: BigInt(value), pending: BigInt(pending), deadline: BigInt(deadline) };
  }

  /** One request, and then whatever interrupts it made deliverable, on every CPU that lets them in. */
  request(name: string, cpu: number, ...args: (number | bigint)[]): Reply {
    this.tsc += 100n;
    const reply = this.ask([name, cpu, this.tsc, ...args].join(' '));
    if (!this.taking) this.takeAll(reply.pending);
    return reply;
  }

  private takeAll(pending: bigint): void {
    this.taking = true;
    let left = pending;
    for (let again = true; again; ) {
      again = false;
      for (let c = 0; c < this.cpus; c++) {
        if ((left >> BigInt(32 + c)) & 1n) {
          if (this.request('N', c).status === 0) {
            this.nmis[c]++;
            this.onNmi(c);
            left = this.request('I', c).pending;
            again = true;
          }
        }
        if (this.open[c] && (left >> BigInt(c)) & 1n) {
          const taken = this.request('A', c);
          left = taken.pending;
          if (taken.status === 0) {
            const vector = Number(taken.value);
            this.handled[c].set(vector, (this.handled[c].get(vector) ?? 0) + 1);
            left = this.eoi(c);
            again = true;
          }
        }
      }
    }
    this.taking = false;
  }

  count(cpu: number, vector: number): number {
    return this.handled[cpu].get(vector) ?? 0;
  }

  mode(cpu: number): 'disabled' | 'xapic' | 'x2apic' {
    const base = this.request('RM', cpu, MSR_APICBASE).value;
    return (base & 0x800n) === 0n ? 'disabled' : (base & 0x400n) !== 0n ? 'x2apic' : 'xapic';
  }

  /** WRMSR of APICBASE with these mode bits; false for #GP. */
  setMode(cpu: number, bits: number): boolean {
    const base = this.request('RM', cpu, MSR_APICBASE).value;
    return this.wrmsr(cpu, MSR_APICBASE, (base & ~0xc00n) | BigInt(bits));
  }

  wrmsr(cpu: number, msr: number, value: number | bigint): boolean {
    return this.request('WM', cpu, msr, value).status !== GP;
  }

  /** RDMSR; null for #GP. */
  rdmsr(cpu: number, msr: number): bigint | null {
    const reply = this.request('RM', cpu, msr);
    return reply.status === GP ? null : reply.value;
  }

  mmioRead(cpu: number, reg: number, base = BASE): number {
    return Number(this.request('R', cpu, base + reg).value);
  }

  mmioWrite(cpu: number, reg: number, value: number, base = BASE): void {
    this.request('W', cpu, base + reg, value >>> 0);
  }

  private x2 = new Map<number, boolean>();
  /** Which way the guest's driver accesses its registers from here on. */
  useX2apic(cpu: number, yes: boolean): void {
    this.x2.set(cpu, yes);
  }

  read(cpu: number, reg: number): number {
    return this.x2.get(cpu) === true ? Number(this.rdmsr(cpu, 0x800 + (reg >> 4))) : this.mmioRead(cpu, reg);
  }

  write(cpu: number, reg: number, value: number): void {
    if (this.x2.get(cpu) === true) this.wrmsr(cpu, 0x800 + (reg >> 4), value >>> 0);
    else this.mmioWrite(cpu, reg, value);
  }

  private eoi(cpu: number): bigint {
    if (this.x2.get(cpu) === true) return this.request('WM', cpu, 0x80b, 0).pending;
    return this.request('W', cpu, BASE + REG.EOI, 0).pending;
  }

  icr(cpu: number, low: number, dest: number): void {
    if (this.x2.get(cpu) === true) {
      this.wrmsr(cpu, 0x830, (BigInt(dest >>> 0) << 32n) | BigInt(low >>> 0));
      return;
    }
    this.mmioWrite(cpu, REG.ICR2, dest << 24);
    this.mmioWrite(cpu, REG.ICR, low);
  }

  cr8(cpu: number): number {
    return Number(this.request('R8', cpu).value);
  }

  setCr8(cpu: number, value: number): void {
    this.request('W8', cpu, value);
  }

  cpuid(cpu: number, leaf: number): bigint {
    return this.request('C', cpu, leaf, 0).value;
  }

  hypercall(cpu: number, nr: number, ...args: (number | bigint)[]): bigint {
    return BigInt.asIntN(64, this.request('HC', cpu, nr, ...args).value);
  }

  /** Lets so many cycles pass; interrupts that come meanwhile are taken when they come. */
  wait(cpu: number, cycles: number): void {
    const until = this.tsc + BigInt(cycles);
    while (this.tsc < until) {
      const { deadline } = this.request('T', cpu);
      const next = deadline < until ? deadline : until;
      if (next > this.tsc) this.tsc = next;
      if (deadline >= until) break;
    }
    this.request('T', cpu);
  }

  /** What every CPU's driver does at boot: the mode, software enable, no task priority. */
  boot(x2apic: boolean): this {
    for (let c = 0; c < this.cpus; c++) {
      if (x2apic) this.setMode(c, 0xc00);
      this.useX2apic(c, x2apic);
      this.write(c, REG.SPIV, 0x1ff);
      this.write(c, REG.TPR, 0);
    }
    return this;
  }

  /** As kvm-unit-tests' reset_apic(): off and on, back in xAPIC mode. */
  resetApic(cpu: number): void {
    this.setMode(cpu, 0);
    this.setMode(cpu, 0x800);
    this.useX2apic(cpu, false);
  }
}
