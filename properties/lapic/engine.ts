// SPDX-License-Identifier: GPL-2.0-only
/**
 * Properties of the local APIC, asked of any kernel on a machine that is nothing but local APICs.
 *
 * A run is a sequence of guest accesses, messages from outside, timer expiries and entries. A property watches: the
 * machine before and after each of them, and calls of kernel functions.
 */
import fc from 'fast-check';
import { KVM_REQ_EVENT } from '../../src/arch/x86/kvm_host.js';
import type { kvm_vcpu } from '../../src/kvm/kvm_host.js';
import { KernelBug, NotModelled } from '../../src/lib/bug.js';
import { add, u64 } from '../../src/lib/types.js';
import {
  advanceTo,
  createLapicMachine,
  enterAndExit,
  injectTimers,
  iret,
  type LapicMachine,
  type LapicOptions,
  startAps,
} from '../../src/machine/lapic-machine.js';
import type { AnyFunction, Kernel } from '../../src/series/link.js';
import type { vmlinux } from '../../src/series/vmlinux.js';

/** One thing that happens. `cpu` is a vCPU index; values are unsigned. */
export type ApicEvent =
  /** guest writes or reads an xAPIC register */
  | { ev: 'mw'; cpu: number; reg: number; val: number }
  | { ev: 'mr'; cpu: number; reg: number }
  /** guest writes or reads a MSR; val is low, high half beside */
  | { ev: 'wrmsr'; cpu: number; msr: number; val: number; high: number }
  | { ev: 'rdmsr'; cpu: number; msr: number }
  /** guest sends an IPI by the ICR of its mode */
  | { ev: 'ipi'; cpu: number; low: number; dest: number }
  | { ev: 'msi'; address: number; data: number }
  | { ev: 'pvipi'; cpu: number; lo: number; min: number; icr: number }
  /** time passes, in ns; timers fire when they expire */
  | { ev: 'advance'; ns: number }
  /** the host is busy so long, ns: what expires meanwhile fires at the end of it */
  | { ev: 'stall'; ns: number }
  /** the guest has interrupts open for as long as any comes */
  | { ev: 'window'; cpu: number }
  /** an entry with interrupts off: NMIs, INITs and SIPIs are taken */
  | { ev: 'enter'; cpu: number }
  /** KVM_GET_LAPIC, one register changed, KVM_SET_LAPIC */
  | { ev: 'set_lapic'; cpu: number; reg: number; val: number }
  /** level of a pin of the in-kernel IOAPIC; redirection entry of a pin */
  | { ev: 'pin'; pin: number; level: number }
  | { ev: 'redirect'; pin: number; low: number; high: number };

/** What a property sees at each event. */
export interface ApicStep {
  readonly machine: LapicMachine;
  readonly k: vmlinux;
  readonly event: ApicEvent;
  /** vectors that this event's entries delivered, NMI as 2; in `after` */
  readonly taken: readonly number[];
  /** the property is broken; says what was expected and what was seen */
  fail(message: string): void;
  /** the interesting case has occurred */
  reach(): void;
}

export interface ApicProbe {
  enter?(step: ApicStep, args: readonly unknown[]): void;
  leave?(step: ApicStep, result: unknown, args: readonly unknown[]): void;
}

export interface ApicMonitor {
  before?(step: ApicStep): void;
  after?(step: ApicStep): void;
  /** by kernel name */
  probes?: Readonly<Record<string, ApicProbe>>;
}

/** What machines, and what may happen to them. */
export interface ApicWorld {
  options: Partial<LapicOptions>;
  /** before the first event: `xapic` and `x2apic` enable every APIC in that mode, with logical ids */
  boot: 'xapic' | 'cluster' | 'x2apic' | 'off';
  /** kinds of events that occur, each as often as it is named */
  kinds: readonly ApicEvent['ev'][];
  /** registers that `mw` and `set_lapic` may write; all when absent */
  registers?: readonly number[];
}

export interface ApicProperty {
  id: string;
  says: string;
  worlds: readonly ApicWorld[];
  watch(machine: LapicMachine): ApicMonitor;
  /** an override with which it must fail */
  fault: { says: string; funcs: Readonly<Record<string, AnyFunction>> };
}

/** How a run came to its end. */
export interface ApicFailure {
  message: string;
  /** index of the event, -1 at boot */
  at: number;
}

const REGISTERS = [
  0x20, 0x30, 0x80, 0x80, 0xb0, 0xb0, 0xb0, 0xd0, 0xe0, 0xf0, 0x280, 0x2f0, 0x300, 0x310, 0x320, 0x330, 0x340, 0x350,
  0x360, 0x370, 0x380, 0x380, 0x3e0, 0x3f0, 0x90, 0xa0, 0x390, 0x100,
];
const CPUS = 4;
const UTMOST = 0xffff_ffff;
/** ns */
const TIMES = [0, 1, 1000, 20_000, 199_999, 200_000, 1_000_000, 50_000_000];

/** 32 bits that are likely to matter to a register. */
function valueFor(reg: number, x: number): number {
  const vector = 16 + (x % 240);
  switch (reg) {
    case 0x20:
      return ((x % 6) << 24) >>> 0;
    case 0x80:
      return (x % 16) << 4;
    case 0xd0:
      return x % 5 === 0 ? ((x >>> 8) << 24) >>> 0 : ((1 << (x % 8)) << 24) >>> 0;
    case 0xe0:
      return x % 3 === 0 ? 0x0fff_ffff : UTMOST;
    case 0xf0:
      return x % 8 === 0 ? 0xff : 0x1ff;
    case 0x320:
      return (vector | ((x >>> 8) % 5 === 0 ? 1 << 16 : 0) | (((x >>> 12) & 3) << 17)) >>> 0;
    case 0x380:
      return [0, 1, 1000, 100_000, 1_000_000, UTMOST][x % 6];
    default:
      return x >>> 0;
  }
}

function icrLow(x: number): number {
  const mode = [0, 0, 0, 0, 0, 1, 4, 5, 6, 2][(x >>> 8) % 10] << 8;
  const shorthand = (x >>> 16) % 4 === 0 ? ((x >>> 18) & 3) << 18 : 0;
  const level = (x >>> 24) % 8 === 0 ? 0x8000 : 0;
  return (
    ((16 + (x % 240)) | mode | shorthand | level | ((x >>> 20) & 1 ? 0x800 : 0) | ((x >>> 27) & 7 ? 0x4000 : 0)) >>> 0
  );
}

function destination(world: ApicWorld, low: number, x: number): number {
  const wide = world.boot === 'x2apic';
  if (x % 13 === 0) return wide ? UTMOST : 0xff;
  if ((low & 0x800) === 0) return x % 6;
  if (wide) return [0x1_0000, 0x100_0000, 0, 0, 0, 0, 0, 0][(x >>> 8) % 8] + (x % 16);
  return world.boot === 'cluster' ? (((x >>> 8) % 3) << 4) | (x % 16) : x % 256;
}

/** An event from four numbers of 32 bits. */
function eventOf(world: ApicWorld, [kind, who, x, y]: readonly number[]): ApicEvent {
  const cpu = who % CPUS;
  const ev = world.kinds[kind % world.kinds.length];
  const registers = world.registers ?? REGISTERS;
  const reg = registers[x % registers.length];
  switch (ev) {
    case 'mw':
    case 'set_lapic':
      return { ev, cpu, reg, val: valueFor(reg, y) };
    case 'mr':
      return { ev, cpu, reg };
    case 'wrmsr': {
      const msr = x % 12 === 0 ? 0x1b : x % 5 === 0 ? 0x6e0 : 0x800 + (reg >> 4);
      const base = 0xfee0_0000 + ([0x800, 0xc00, 0, 0x400][y % 4] + (cpu === 0 ? 0x100 : 0));
      return { ev, cpu, msr, val: msr === 0x1b ? base : valueFor(reg, y), high: y % 31 === 0 ? 1 : 0 };
    }
    case 'rdmsr':
      return { ev, cpu, msr: x % 7 === 0 ? 0x6e0 : 0x800 + (x % 0x40) };
    case 'ipi': {
      const low = icrLow(x);
      return { ev, cpu, low, dest: destination(world, low, y) };
    }
    case 'msi': {
      const dest = destination(world, (x & 1) << 11, y) & 0xff;
      const address = 0xfee0_0000 + (dest << 12) + ((x & 1) << 2) + ((x >>> 1) % 4 === 0 ? 8 : 0);
      return {
        ev,
        address,
        data: (16 + (y % 240)) | ((y >>> 8) % 4 === 0 ? 0x100 : 0) | ((y >>> 12) % 4 === 0 ? 0x8000 : 0),
      };
    }
    case 'pvipi':
      return { ev, cpu, lo: x >>> 0, min: [0, 0, 2, 250, 300, UTMOST][y % 6], icr: icrLow(y) & 0x7ff };
    case 'advance':
    case 'stall':
      return { ev, ns: TIMES[x % TIMES.length] };
    case 'window':
    case 'enter':
      return { ev, cpu };
    case 'pin':
      return { ev, pin: x % 4, level: y & 1 };
    case 'redirect': {
      const low = (32 + (y % 200)) | ((y >>> 8) & 1 ? 0x8000 : 0) | ((y >>> 9) % 5 === 0 ? 0x1_0000 : 0);
      return { ev, pin: x % 4, low, high: (x >>> 8) % CPUS };
    }
  }
}

/** Sequences of events in a world. */
export function events(world: ApicWorld, length: number): fc.Arbitrary<ApicEvent[]> {
  // WHY without bias: small numbers would all be the same few events
  const word = fc.noBias(fc.nat(0x7fff_ffff));
  return fc.array(
    fc.tuple(word, word, word, word).map((w) => eventOf(world, w)),
    { minLength: 1, maxLength: length, size: 'max' },
  );
}

/** A kernel whose functions tell the probes of a monitor. */
function probed(kernel: Kernel, probes: Readonly<Record<string, ApicProbe>>, step: () => ApicStep | null): Kernel {
  const table: Record<string, AnyFunction> = { ...kernel.table };
  for (const [name, probe] of Object.entries(probes)) {
    const fn = kernel.table[name];
    if (fn === undefined) continue;
    table[name] = function (this: unknown, ...args: unknown[]): unknown {
      const now = step();
      if (now !== null) probe.enter?.(now, args);
      const result = fn.apply(this, args);
      if (now !== null) probe.leave?.(now, result, args);
      return result;
    };
  }
  return { name: kernel.name, table };
}

/** A kernel with some of its functions replaced. */
export function patched(kernel: Kernel, funcs: Readonly<Record<string, AnyFunction>>): Kernel {
  return { name: `${kernel.name}+fault`, table: { ...kernel.table, ...funcs } };
}

/** Turns every APIC on in the world's mode. */
function bootApics(machine: LapicMachine, world: ApicWorld): void {
  const { k } = machine;
  startAps(machine);
  if (world.boot === 'off') return;
  machine.vcpus.forEach((vcpu, i) => {
    if (world.boot === 'x2apic') {
      const data = u64(0xfee0_0c00 + (i === 0 ? 0x100 : 0));
      k.kvm_apic_set_base(vcpu, { host_initiated: false, index: 0x1b, data });
      k.kvm_x2apic_msr_write(vcpu, 0x80f, u64(0x1ff));
      return;
    }
    const { apic } = vcpu.arch;
    k.kvm_lapic_reg_write(apic, 0xf0, 0x1ff);
    k.kvm_lapic_reg_write(apic, 0xe0, world.boot === 'cluster' ? 0x0fff_ffff : UTMOST);
    const id = world.boot === 'cluster' ? ((i >> 1) << 4) | (1 << (i & 1)) : 1 << i;
    k.kvm_lapic_reg_write(apic, 0xd0, (id << 24) >>> 0);
  });
}

/** Everything an entry delivers, with NMI handlers that end at once. Interrupts nest no further: IF is clear in them. */
function enter(machine: LapicMachine, vcpu: kvm_vcpu): number[] {
  const taken: number[] = [];
  for (let n = 0; n < 600; n++) {
    const before = taken.length;
    const { if_flag } = vcpu.arch;
    const { blocked } = enterAndExit(machine, vcpu, taken);
    if (machine.k.is_smm(vcpu)) {
      machine.k.emulator_leave_smm(vcpu);
      vcpu.arch.if_flag = if_flag;
    } else if (blocked || taken.length === before) break;
    if (taken.length > before && taken[taken.length - 1] === 2) iret(machine, vcpu);
  }
  injectTimers(machine, vcpu);
  return taken;
}

/** `sti` until nothing comes any more. */
function openWindow(machine: LapicMachine, vcpu: kvm_vcpu): number[] {
  const taken: number[] = [];
  for (let n = 0; n < 300; n++) {
    vcpu.arch.if_flag = true;
    if (vcpu.arch.irq_window) {
      vcpu.arch.irq_window = false;
      machine.k.kvm_make_request(KVM_REQ_EVENT, vcpu);
    }
    const more = enter(machine, vcpu);
    if (more.length === 0) break;
    taken.push(...more);
  }
  vcpu.arch.if_flag = false;
  return taken;
}

/** Lets the event happen. Returns the vectors taken by `window` and `enter`. */
function happen(machine: LapicMachine, e: ApicEvent): number[] {
  const { k, m } = machine;
  const kvm = m.kvm[0];
  switch (e.ev) {
    case 'mw':
      k.apic_mmio_write(machine.vcpus[e.cpu], add(machine.vcpus[e.cpu].arch.apic.base_address, u64(e.reg)), 4, e.val);
      break;
    case 'mr':
      k.apic_mmio_read(machine.vcpus[e.cpu], add(machine.vcpus[e.cpu].arch.apic.base_address, u64(e.reg)), 4, {
        value: 0,
      });
      break;
    case 'wrmsr': {
      const data = u64((BigInt(e.high) << 32n) | BigInt(e.val));
      k.kvm_set_msr_commonApic(machine.vcpus[e.cpu], { host_initiated: false, index: e.msr, data });
      break;
    }
    case 'rdmsr':
      k.kvm_get_msr_commonApic(machine.vcpus[e.cpu], { host_initiated: false, index: e.msr, data: u64(0) });
      break;
    case 'ipi': {
      const vcpu = machine.vcpus[e.cpu];
      if (!k.kvm_apic_hw_enabled(vcpu.arch.apic)) break;
      if (k.apic_x2apic_mode(vcpu.arch.apic)) {
        k.kvm_x2apic_msr_write(vcpu, 0x830, u64((BigInt(e.dest) << 32n) | BigInt(e.low)));
      } else {
        k.kvm_lapic_reg_write(vcpu.arch.apic, 0x310, (e.dest << 24) >>> 0);
        k.kvm_lapic_reg_write(vcpu.arch.apic, 0x300, e.low);
      }
      break;
    }
    case 'msi':
      k.kvm_send_userspace_msi(kvm, { gsi: 0, address_lo: e.address >>> 0, address_hi: 0, data: e.data });
      break;
    case 'pvipi':
      k.kvm_pv_send_ipi(kvm, u64(e.lo), u64(0), e.min, u64(e.icr), 1);
      break;
    case 'advance':
      advanceTo(machine, add(m.sched_clock, u64(e.ns)));
      break;
    case 'stall':
      m.sched_clock = add(m.sched_clock, u64(e.ns));
      advanceTo(machine, m.sched_clock);
      break;
    case 'window':
      return openWindow(machine, machine.vcpus[e.cpu]);
    case 'enter':
      return enter(machine, machine.vcpus[e.cpu]);
    case 'set_lapic': {
      const regs = new Array<number>(256).fill(0);
      k.kvm_apic_get_state(machine.vcpus[e.cpu], { regs });
      regs[e.reg >> 2] = e.val;
      k.kvm_apic_set_state(machine.vcpus[e.cpu], { regs });
      break;
    }
    case 'pin':
      if (kvm.arch.vioapic !== null) k.kvm_ioapic_set_irq(kvm.arch.vioapic, e.pin, 0, e.level, false);
      break;
    case 'redirect':
      if (kvm.arch.vioapic !== null) {
        kvm.arch.vioapic.ioregsel = 0x11 + 2 * e.pin;
        k.ioapic_write_indirect(kvm.arch.vioapic, (e.high << 24) >>> 0);
        kvm.arch.vioapic.ioregsel = 0x10 + 2 * e.pin;
        k.ioapic_write_indirect(kvm.arch.vioapic, e.low);
      }
      break;
  }
  return [];
}

/** One run; null when the property holds through it. `reached` counts its interesting cases. */
export function runOnce(
  property: ApicProperty,
  world: ApicWorld,
  kernel: Kernel,
  sequence: readonly ApicEvent[],
  reached: { times: number },
): ApicFailure | null {
  let failure: ApicFailure | null = null;
  let step: ApicStep | null = null;
  let index = -1;
  const monitors: ApicMonitor[] = [];
  const probeOf = (): ApicStep | null => step;
  const names = property.watch(createLapicMachine(kernel, { vcpus: CPUS, ...world.options })).probes ?? {};
  const probes = Object.fromEntries(
    Object.keys(names).map((name): [string, ApicProbe] => [
      name,
      {
        enter: (now, args) => monitors[0]?.probes?.[name]?.enter?.(now, args),
        leave: (now, result, args) => monitors[0]?.probes?.[name]?.leave?.(now, result, args),
      },
    ]),
  );
  const machine = createLapicMachine(probed(kernel, probes, probeOf), { vcpus: CPUS, ...world.options });
  bootApics(machine, world);
  monitors.push(property.watch(machine));
  const [monitor] = monitors;
  const fail = (message: string): void => {
    failure ??= { message, at: index };
  };
  for (const event of sequence) {
    index++;
    const now = { machine, k: machine.k, event, taken: [] as number[], fail, reach: () => reached.times++ };
    step = now;
    try {
      const warns = machine.m.warns;
      monitor.before?.(now);
      now.taken = happen(machine, event);
      monitor.after?.(now);
      if (machine.m.warns > warns) fail('WARN_ON() was hit');
    } catch (e) {
      if (!(e instanceof KernelBug || e instanceof NotModelled)) throw e;
      fail(e.message);
    }
    if (failure !== null) return failure;
  }
  return null;
}

/** A verdict: the shortest failing sequence that was found, or how often the interesting case was reached. */
export interface ApicVerdict {
  verdict: 'holds' | 'refuted' | 'vacuous';
  reached: number;
  counterexample: { world: ApicWorld; events: ApicEvent[]; failure: ApicFailure } | null;
}

/** How long to look, and how to tell what was found. */
export interface Asking {
  /** runs in each world; default 40 */
  runs?: number;
  /** events a run, at most; default 120 */
  length?: number;
  seed?: number;
  /** make a counterexample short; default true */
  shrink?: boolean;
}

/** Asks a property of a kernel, in each of its worlds. The same seed gives the same answer. */
export function ask(property: ApicProperty, kernel: Kernel, how: Asking = {}): ApicVerdict {
  const { runs = 40, length = 120, seed = 1, shrink = true } = how;
  const reached = { times: 0 };
  for (const world of property.worlds) {
    const check = fc.check(
      fc.property(events(world, length), (sequence) => runOnce(property, world, kernel, sequence, reached) === null),
      { numRuns: runs, seed, endOnFailure: !shrink },
    );
    if (check.failed) {
      if (check.counterexample === null) throw check.errorInstance;
      const [sequence] = check.counterexample;
      const failure = runOnce(property, world, kernel, sequence, { times: 0 });
      if (failure === null) throw check.errorInstance ?? new Error(`${property.id}: fails only the first time`);
      return { verdict: 'refuted', reached: reached.times, counterexample: { world, events: sequence, failure } };
    }
  }
  return { verdict: reached.times === 0 ? 'vacuous' : 'holds', reached: reached.times, counterexample: null };
}
