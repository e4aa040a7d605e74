// SPDX-License-Identifier: GPL-2.0-only
/**
 * Guests that do something to each other, each vCPU a short program, and what must hold when all have come to rest.
 *
 * A case is a line of text:
 *
 *   CASE     = SETUP ":" PROGRAM { "|" PROGRAM }       one program a vCPU; vCPU i runs on CPU i mod the number of CPUs
 *   SETUP    = WAY { "," FLAG }                        WAY: vmx, apicv, ipiv, svm, avic; FLAG: see below
 *   PROGRAM  = [ OP { ";" OP } ]
 *   OP       = ipi VCPU VECTOR | nmi VCPU | all VECTOR | self VECTOR | kick VCPU | yield VCPU
 *            | hlt | pause | exit | preempt | cli | sti
 *
 * Vectors are hexadecimal. Programs end with interrupts on; where CPUs are shared, a vCPU that is done halts.
 */

import { KVM_HC_KICK_CPU, KVM_HC_SCHED_YIELD } from '../arch/x86/x86.js';
import { reject } from '../base/faults.js';
import { APIC_IRR } from '../lapic/apicdef.js';
import { u64 } from '../lib/types.js';
import { boot } from '../machine/boot.js';
import { checkKvm, vectorsIn } from '../machine/invariants-kvm.js';
import { checkSched } from '../machine/invariants-sched.js';
import type { machine } from '../machine/state.js';
import { vcpuStateOf } from '../machine/vcpu-life.js';
import type { VmSpec } from '../scenario/scenario.js';
import { NULL } from '../sched/sched.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { type Cpu, IDLE, type Litmus, type Stepped, type SteppedKernel } from './one-order.js';

export const WAYS: Readonly<Record<string, Partial<VmSpec>>> = {
  vmx: { vendor: 'vmx' },
  apicv: { vendor: 'vmx', apicv: true },
  ipiv: { vendor: 'vmx', apicv: true, ipiv: true },
  svm: { vendor: 'svm' },
  avic: { vendor: 'svm', apicv: true, x2apic: false },
};

/**
 * xapic: the APIC is in xAPIC mode (avic always is). pv_eoi: the guest ends interrupts in memory where it may.
 * poll: halts are polled. nests: handlers have interrupts on. cpus=N: as many CPUs, else one a vCPU.
 */
export const FLAGS = ['xapic', 'pv_eoi', 'poll', 'nests'] as const;
export type Flag = (typeof FLAGS)[number];

const TARGETED = ['ipi', 'nmi', 'kick', 'yield'] as const;
const VECTORED = ['ipi', 'all', 'self'] as const;
export const OPS = [
  'ipi',
  'nmi',
  'all',
  'self',
  'kick',
  'yield',
  'hlt',
  'pause',
  'exit',
  'preempt',
  'cli',
  'sti',
] as const;
export type OpName = (typeof OPS)[number];

export interface Op {
  op: OpName;
  /** vcpu_idx; -1 where the operation has no target */
  to: number;
  /** -1 where it has none */
  vector: number;
}

export interface RaceCase {
  way: string;
  flags: Flag[];
  cpus: number;
  programs: Op[][];
}

export const hasTarget = (op: OpName): boolean => (TARGETED as readonly string[]).includes(op);
export const hasVector = (op: OpName): boolean => (VECTORED as readonly string[]).includes(op);

export function opText({ op, to, vector }: Op): string {
  return [op, ...(hasTarget(op) ? [to] : []), ...(hasVector(op) ? [vector.toString(16)] : [])].join(' ');
}

/** The case as a line of text, which `parseCase` reads. */
export function caseText(c: RaceCase): string {
  const setup = [c.way, ...c.flags, ...(c.cpus === c.programs.length ? [] : [`cpus=${c.cpus}`])].join(',');
  return `${setup}: ${c.programs.map((ops) => ops.map(opText).join('; ')).join(' | ')}`.trimEnd();
}

/** Throws BadInput with what was expected. */
export function parseCase(text: string): RaceCase {
  const bad = (expected: string, got: string): never =>
    reject('case', 'case', got === '' ? 'CASE' : got, expected, got);
  const colon = text.indexOf(':');
  if (colon < 0) bad('SETUP: PROGRAM | PROGRAM', text);
  const [way, ...flags] = text
    .slice(0, colon)
    .split(',')
    .map((word) => word.trim());
  if (WAYS[way] === undefined) bad(`a way of delivery: ${Object.keys(WAYS).join(', ')}`, way);
  const programs = text
    .slice(colon + 1)
    .split('|')
    .map((program) =>
      program
        .split(';')
        .map((op) => op.trim())
        .filter((op) => op !== ''),
    );
  if (programs.length > 4) bad('at most 4 programs', String(programs.length));
  let cpus = programs.length;
  const known: Flag[] = [];
  for (const flag of flags) {
    const n = /^cpus=([1-4])$/.exec(flag);
    if (n !== null) cpus = Math.min(Number(n[1]), programs.length);
    else if ((FLAGS as readonly string[]).includes(flag)) known.push(flag as Flag);
    else bad(`cpus=N or a flag: ${FLAGS.join(', ')}`, flag);
  }
  const parseOp = (op: string): Op => {
    const [name, ...rest] = op.split(/\s+/);
    if (!(OPS as readonly string[]).includes(name)) bad(`an operation: ${OPS.join(', ')}`, name);
    const to = hasTarget(name as OpName) ? Number(rest.shift() ?? -1) : -1;
    const vector = hasVector(name as OpName) ? Number.parseInt(rest.shift() ?? '', 16) : -1;
    if (hasTarget(name as OpName) && !(to >= 0 && to < programs.length)) bad('a vCPU that has a program', op);
    if (hasVector(name as OpName) && !(vector >= 0x10 && vector <= 0xff)) bad('a vector from 10 to ff', op);
    if (rest.length > 0) bad('nothing behind it', op);
    return { op: name as OpName, to, vector };
  };
  return { way, flags: known, cpus, programs: programs.map((ops) => ops.map(parseOp)) };
}

/* ---- the machine ---- */

/** What guests have done, kept beside the machine: each list is written by one CPU only. */
interface Log {
  /** by sending vCPU: [to, vector] */
  sent: [number, number][][];
  /** by vCPU: vectors, 2 for an NMI */
  taken: number[][];
}
type Logged = machine & { races: Log };

const ICR_ASSERT = 1 << 14;
const ICR_NMI = 4 << 8;
const ICR_SELF = 1 << 18;
const ICR_ALL_BUT_SELF = 3 << 18;
const NMI_VECTOR = 2;

function bootCase(kernel: Kernel, c: RaceCase): Logged {
  const { cpus, programs } = c;
  const m = boot(kernel, {
    cpus,
    knobs: { halt_poll_ns: c.flags.includes('poll') ? 10_000 : 0 },
    vms: [
      {
        name: 'vm',
        vcpus: programs.length,
        cpus: programs.map((_, i) => [i % cpus]),
        ...WAYS[c.way],
        ...(c.flags.includes('xapic') ? { x2apic: false } : {}),
        pv_eoi: c.flags.includes('pv_eoi'),
      },
    ],
  }) as Logged;
  if (c.flags.includes('poll')) for (const vcpu of m.vcpu) vcpu.halt_poll_ns = 10_000;
  m.races = { sent: programs.map(() => []), taken: programs.map(() => []) };
  return m;
}

/** Whether there is something for this CPU to do when it has come to rest. */
function awake(m: machine, cpu: number): boolean {
  const rq = m.rq[cpu];
  const p = m.task[rq.curr];
  if (rq.wake_list.length > 0 || m.host_irq[cpu].length > 0) return true;
  if (p.preempt_notifier === NULL) return p.tif_need_resched === 1;
  const { arch } = m.vcpu[p.preempt_notifier];
  if (arch.taken.length > 0 || (arch.irq_window && arch.if_flag)) return true;
  // it could not halt for an interrupt that was on its way; now it can, and others wait for the CPU
  return rq.nr_running > 1 && vectorsIn(arch.apic.regs, APIC_IRR).length === 0;
}

/** A CPU with the vCPUs that are pinned to it: the guest's programs, and what the host does in between. */
function* runCpu(k: SteppedKernel, m: Logged, cpu: number, c: RaceCase): Stepped {
  const at = c.programs.map(() => 0);
  const shared = c.programs.length > c.cpus;
  /** the vCPU has halted at the end of its program, and was not let */
  let restless = false;
  for (;;) {
    m.cpu = cpu;
    yield* k.settleCpu(cpu);
    const p = m.task[m.rq[cpu].curr];
    if (p.tif_need_resched === 1 && !k.plain.notReturned(p)) {
      yield* k.schedule();
      continue;
    }
    const id = k.plain.guestOn(cpu);
    if (id === NULL) {
      yield* wait(k, m, cpu);
      continue;
    }
    if (yield* handle(k, m, cpu, id, c.flags.includes('nests'))) {
      restless = false;
      continue;
    }
    const op = c.programs[id][at[id]];
    if (op !== undefined) {
      yield `the guest: ${opText(op)}`;
      // what was not there before
      if (k.plain.guestOn(cpu) !== id || m.vcpu[id].arch.taken.length > 0) continue;
      at[id]++;
      yield* perform(k, m, cpu, id, op);
    } else if (!m.vcpu[id].arch.if_flag) {
      yield* k.guestSetIf(cpu, true);
    } else if (shared && !restless) {
      restless = true;
      yield* k.exitHlt(cpu);
    } else {
      yield IDLE;
      restless = false;
    }
  }
}

/** Nobody is in the guest: somebody polls, or the CPU has nothing to do. */
function* wait(k: SteppedKernel, m: Logged, cpu: number): Generator<string, void> {
  const polling = k.plain.pollingOn(cpu);
  if (polling === NULL) {
    yield IDLE;
    return;
  }
  yield 'kvm_vcpu_halt(): polls';
  // nothing has come: the time of polling is over
  if (k.plain.pollingOn(cpu) === polling) m.sched_clock = m.vcpu[polling].halt.stop;
}

/** Handlers of what the guest has taken: begins one, or lets one write EOI and return. False: there was nothing. */
function* handle(k: SteppedKernel, m: Logged, cpu: number, id: number, nests: boolean): Generator<string, boolean> {
  const { arch, pid } = m.vcpu[id];
  const { handlers } = m.actor[pid];
  if (arch.taken.length > 0) {
    for (const vector of arch.taken) {
      handlers.push({ vector, left: -1, ended: false });
      m.races.taken[id].push(vector);
    }
    arch.taken = [];
    if (nests && handlers[handlers.length - 1].vector !== NMI_VECTOR) yield* k.guestSetIf(cpu, true);
    return true;
  }
  if (handlers.length === 0) return false;
  const handler = handlers[handlers.length - 1];
  if (!handler.ended && handler.vector !== NMI_VECTOR) {
    handler.ended = true;
    yield* k.guestEoi(cpu);
    return true;
  }
  handlers.pop();
  yield* k.guestIret(cpu);
  return true;
}

function* perform(
  k: SteppedKernel,
  m: Logged,
  cpu: number,
  id: number,
  { op, to, vector }: Op,
): Generator<string, void> {
  const others = m.races.taken.map((_, i) => i).filter((i) => i !== id);
  const sends = (targets: number[], what: number): void => {
    for (const it of targets) m.races.sent[id].push([it, what]);
  };
  switch (op) {
    case 'ipi':
      sends([to], vector);
      yield* k.guestIcr(cpu, ICR_ASSERT | vector, to);
      return;
    case 'nmi':
      sends([to], NMI_VECTOR);
      yield* k.guestIcr(cpu, ICR_ASSERT | ICR_NMI, to);
      return;
    case 'self':
      sends([id], vector);
      yield* k.guestIcr(cpu, ICR_ASSERT | ICR_SELF | vector, 0);
      return;
    case 'all':
      sends(others, vector);
      yield* k.guestIcr(cpu, ICR_ASSERT | ICR_ALL_BUT_SELF | vector, 0);
      return;
    case 'kick':
      yield* k.exitHypercall(cpu, u64(KVM_HC_KICK_CPU), u64(0), u64(to), u64(0), u64(0));
      return;
    case 'yield':
      yield* k.exitHypercall(cpu, u64(KVM_HC_SCHED_YIELD), u64(to), u64(0), u64(0), u64(0));
      return;
    case 'hlt':
      // with interrupts off it would be the guest's last instruction: no guest does that
      if (m.vcpu[id].arch.if_flag) yield* k.exitHlt(cpu);
      return;
    case 'pause':
      yield* k.exitPause(cpu);
      return;
    case 'exit':
      yield* k.exitExternalInterrupt(cpu, 0xfd);
      return;
    case 'preempt':
      // by the tick, say
      yield* k.resched_curr(m.rq[cpu]);
      yield* k.exitExternalInterrupt(cpu, 0xfd);
      return;
    case 'cli':
    case 'sti':
      yield* k.guestSetIf(cpu, op === 'sti');
      return;
  }
}

/* ---- what must hold ---- */

/** What is wrong when every CPU has come to rest, as `kind: details`; null when nothing is. */
function wrong(m: Logged, plain: vmlinux_x86, warns: number): string | null {
  for (const vcpu of m.vcpu) {
    const fault = interrupts(m, vcpu.id);
    if (fault !== null) return `${fault}; it is ${vcpuStateOf(m, vcpu)}`;
  }
  for (const vcpu of m.vcpu) {
    const state = vcpuStateOf(m, vcpu);
    if (state === 'blocked' && plain.kvm_arch_vcpu_runnable(vcpu))
      return `lost wake-up: vCPU ${vcpu.id} is blocked and kvm_arch_vcpu_runnable()`;
    if (state === 'preempted' || state === 'woken') {
      if (m.rq[m.task[vcpu.pid].cpu].curr === m.rq[m.task[vcpu.pid].cpu].idle)
        return `stuck: vCPU ${vcpu.id} is ${state} and its CPU idle`;
    }
  }
  const [fault] = [...checkKvm(m), ...checkSched(m)];
  if (fault !== undefined) return `inconsistent: ${fault}`;
  return m.warns > warns ? `WARN_ON: ${m.warns - warns} times` : null;
}

/** Of the interrupts of one vCPU: each that was sent is taken, and no more often than it was sent. */
function interrupts(m: Logged, id: number): string | null {
  const sent = m.races.sent.flat().filter(([to]) => to === id);
  for (const vector of new Set([...sent.map(([, v]) => v), ...m.races.taken[id]])) {
    const times = sent.filter(([, v]) => v === vector).length;
    const taken = m.races.taken[id].filter((v) => v === vector).length;
    const what = vector === NMI_VECTOR ? 'the NMI' : `vector ${vector.toString(16)}`;
    if (taken === 0) return `lost interrupt: ${what} was sent to vCPU ${id} and not taken`;
    if (taken > times) return `doubled interrupt: ${what} was sent ${times} and taken ${taken} times by vCPU ${id}`;
  }
  return null;
}

/** The case as something whose orders can be tried; `also` is asked when nothing else is wrong. */
export function litmusOf(kernel: Kernel, c: RaceCase, also: Litmus['check'] = () => null): Litmus {
  return {
    name: caseText(c),
    says: 'no interrupt and no wake-up is lost, no interrupt is taken twice, and KVM and scheduler are in order',
    boot: () => bootCase(kernel, c),
    cpus: Array.from(
      { length: c.cpus },
      (_, cpu): Cpu => ({
        cpu,
        does: c.programs
          .filter((_p, i) => i % c.cpus === cpu)
          .map((ops) => ops.map(opText).join('; '))
          .join(' | '),
        run: (k, m) => runCpu(k, m as Logged, cpu, c),
        awake: (m) => awake(m, cpu),
      }),
    ),
    check: (m, plain) => wrong(m as Logged, plain, 0) ?? also(m, plain),
  };
}
