// SPDX-License-Identifier: GPL-2.0-only
/**
 * The C code of a tree in the place of the model: an engine for whoever asks properties, measures, or tells what happened.
 *
 * What runs programs, draws events and decides what is legal is the model's; an event crosses as an operation, and what it has
 * left comes back into the machine of the model, word for word. Calls of C functions that somebody looks at come back in
 * their order, with the state at each, and are made on the table once more: the function there does nothing but let what
 * happened in it happen, so that a probe on it sees entry, arguments, result and return as it does on the model. Tracepoints are the
 * model's own functions, called with what C called them with.
 */
import { elapse, takeInterrupt } from '../../guest/actor.js';
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { toNumber, u64 as toU64 } from '../../lib/types.js';
import { boot } from '../../machine/boot.js';
import { legal, ruleOf } from '../../machine/event-table.js';
import { asBug } from '../../machine/exception.js';
import { heartbeat } from '../../machine/heartbeat.js';
import { nextEvent, runsOnItsOwn } from '../../machine/next-event.js';
import type { machine } from '../../machine/state.js';
import type { Ending } from '../../native/engine-process.js';
import type { PipeOperation } from '../../native/format.js';
import type { FollowRecord, MachineEngine, NativeValue } from '../../native/machine-engine.js';
import { type Prototype, prototypes, type ValueKind } from '../../native/prototypes.js';
import type { EventKind, MachineEvent } from '../../scenario/events.js';
import type { Scenario } from '../../scenario/scenario.js';
import { NULL } from '../../sched/sched.js';
import { type AnyFunction, bind, type Kernel } from '../../vmlinux/bind.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { whyNotInC } from './fit.js';
import { guestOperation, type RecordedCall } from './guest-operations.js';
import { eventOperation, machineOp, setupOperations } from './operations.js';
import { WordsBack } from './words-back.js';

/** `enum native_note_kind` */
const DELIVERED = 1;
const IRET = 2;

/** What an event comes to on the model: here it is C's to do. */
const CROSSES = [
  ...['exitPause', 'exitHlt', 'guestIcr', 'guestEoi', 'guestSetCpl', 'guestSetIf', 'guestStoresApic', 'exitHypercall'],
  ...['exitWrmsr', 'exitExternalInterrupt', 'resumeKernelStack', 'do_sched_yield', 'schedule', 'yield_to'],
  ...['set_user_nice', 'sched_setattr_nocheck', 'sched_group_set_shares', 'sched_move_task'],
];

/** By the name in the table, the function of C whose entry it is: the one has none of its own. */
const STANDS_FOR: Readonly<Record<string, string>> = { context_switch: 'prepare_task_switch' };

/** What a function that sleeps in the middle returns when it is back: it would not have slept for anything else. */
const BEHIND_A_SLEEP: Readonly<Record<string, unknown>> = { yield_to: 1, kvm_vcpu_yield_to: 1 };

/** Kinds of events that have an operation. */
const KINDS: ReadonlySet<EventKind> = new Set<EventKind>([
  ...(['advance', 'tick', 'resched', 'schedule', 'yield', 'yield_to', 'block', 'wake', 'nice', 'setattr'] as const),
  ...(['shares', 'move', 'pollEnd', 'pause', 'hlt', 'ipi', 'icr', 'eoi', 'cpl', 'if', 'hypercall', 'intr'] as const),
  ...(['wrmsr', 'step'] as const),
]);

/** Fewest timers that fire at one instant before it is called a loop. */
const AT_ONCE = 10_000;

/** The machine that one process follows now. */
interface Run {
  readonly m: machine;
  readonly k: vmlinux_x86;
  /** the same without anybody's probes: what the rules of events call is no call of C's */
  readonly silent: vmlinux_x86;
  readonly native: MachineEngine;
  readonly back: WordsBack;
  readonly notFit: string | null;
}

export interface COptions {
  /** the process for so many CPUs, opened */
  readonly engine: (cpus: number) => MachineEngine;
  /** kernel functions that somebody may look at */
  readonly probed: readonly string[];
  /** the kernel of the model whose records the words are written into, and whose functions answer questions */
  readonly kernel: Kernel;
  /** what its verdicts are called */
  readonly name: string;
}

type Bound = Record<string, (...args: unknown[]) => unknown>;

export class CEngine {
  /** the table of C: for bind(), and for whoever puts probes on it */
  readonly kernel: Kernel;
  /** of those asked for, what no call of can be seen here */
  readonly notProbed: readonly string[];
  private readonly names: readonly string[];
  private readonly prototypes: ReadonlyMap<string, Prototype>;
  private readonly scenarios: Scenario[] = [];
  private readonly probing = new WeakSet<MachineEngine>();
  private run: Run | null = null;
  /** while the events of the model are made: what crosses */
  private calls: RecordedCall[] | null = null;
  /** the call that is made on the table, whose stand-in is to play on */
  private pending: string | null = null;
  private records: readonly FollowRecord[] = [];
  private at = 0;

  constructor(private readonly options: COptions) {
    const { kernel, probed, name } = options;
    const inC = (it: string): string => STANDS_FOR[it] ?? it;
    const wanted = [...new Set(probed)].filter((it) => typeof kernel.table[it] === 'function');
    const traces = Object.keys(kernel.table).filter((it) => it.startsWith('trace_') && !wanted.includes(it));
    const all = [...wanted, ...traces];
    const seen = options.engine(1).probe(all.map(inC));
    this.names = all.filter((_, i) => seen[i]);
    this.notProbed = wanted.filter((it) => !this.names.includes(it));
    this.prototypes = prototypes(options.engine(1).tree.dir, this.names.map(inC));
    const table: Record<string, AnyFunction> = {};
    for (const it of new Set([...this.names.filter((n) => !n.startsWith('trace_')), ...CROSSES]))
      table[it] = this.standIn(it, kernel.table[it]);
    this.kernel = { ...kernel, name, table: Object.freeze({ ...kernel.table, ...table }) };
  }

  /** Called by what follows C, or by the rules of events, or by somebody who asks the model's function something. */
  private standIn(name: string, original: AnyFunction): AnyFunction {
    const self = this;
    const crosses = CROSSES.includes(name);
    return function (this: vmlinux_x86, ...args: unknown[]): unknown {
      if (self.run?.m !== (this.m as machine)) return original.apply(this, args);
      if (self.pending === name) {
        self.pending = null;
        return self.playOn(name);
      }
      if (self.calls === null || !crosses) return original.apply(this, args);
      const state = name === 'schedule' ? this.get_current().__state : NULL;
      self.calls.push({ name, args: state > 0 ? [state] : args });
      return true;
    };
  }

  boot(_kernel: Kernel, scenario: Scenario): machine {
    const knobs = { ...scenario.knobs, enable_preemption_timer: 0 };
    const m = boot(this.options.kernel, { ...scenario, knobs });
    m.NO_HZ_COMMON = false;
    // WHY in the machine: it is copied, and this tells the copy's scenario
    (m as machine & { inC?: number }).inC = this.scenarios.push(scenario) - 1;
    return m;
  }

  /** C has the machine of `k` from here on. */
  private begin(k: vmlinux_x86): Run {
    const m = k.m as machine & { inC?: number };
    const scenario = this.scenarios[m.inC ?? NULL];
    const unfit = scenario === undefined ? 'a machine that was not booted here' : whyNotInC(scenario);
    const native = this.options.engine(m.rq.length);
    if (!this.probing.has(native)) native.probe(this.names.map((name) => STANDS_FOR[name] ?? name));
    this.probing.add(native);
    const silent = bind(this.kernel, m);
    const isTraced = k.tp !== null && !this.names.some((name) => name.startsWith('trace_'));
    const notFit = isTraced ? 'tracepoints' : unfit;
    const run: Run = { m, k, silent, native, back: new WordsBack(k, native), notFit };
    this.run = run;
    if (scenario === undefined || notFit !== null) return run;
    native.reset();
    const setup = setupOperations({ ...scenario, base_slice: m.sysctl_sched_base_slice });
    // the words of a machine that is not whole yet are in other places
    const ending = native.runOnly(setup.slice(0, -1));
    if (ending !== null) throw endOf(ending);
    this.follow(run, setup.slice(-1), false);
    return run;
  }

  apply(k: vmlinux_x86, event: MachineEvent): void {
    try {
      this.happens(k, event);
    } catch (thrown) {
      throw asBug(thrown);
    }
  }

  private happens(k: vmlinux_x86, event: MachineEvent): void {
    const run = this.run?.k === k ? this.run : this.begin(k);
    const m = run.m;
    heartbeat.counts[0]++;
    m.steps++;
    if (run.notFit !== null) throw new NotModelled(`${run.notFit}, on a machine in C`);
    if (!this.legal(m, event)) return;
    if ('cpu' in event) m.cpu = event.cpu;
    if (event.ev === 'advance') this.advance(run, event.ns);
    else this.follow(run, [this.crossing(run, event)], true);
    run.back.derive();
    for (const vcpu of m.vcpu)
      if (vcpu.cpu >= 0 && run.back.guestOn(vcpu.cpu) === vcpu.id) k.tellGuest(vcpu, m.actor[vcpu.pid]);
  }

  /** What the event does to programs and tables of ours; and the operation that it is for C. */
  private crossing({ silent, m }: Run, event: MachineEvent): PipeOperation {
    const op = event.ev === 'step' ? null : eventOperation(m, event);
    this.calls = [];
    try {
      ruleOf(event).perform(silent, m, event);
      return op ?? stepOperation(m, (event as { cpu: number }).cpu, this.calls);
    } finally {
      this.calls = null;
    }
  }

  legal(m: machine, event: MachineEvent): boolean {
    if (!KINDS.has(event.ev)) return false;
    if (event.ev === 'setattr' && (event.policy === 1 || event.policy === 2)) return false;
    return legal(m, event);
  }

  next(m: machine): MachineEvent | null {
    return nextEvent(m);
  }

  /** Time passes, from timer to timer. */
  private advance(run: Run, ns: number): void {
    const { m } = run;
    const end = toNumber(m.sched_clock) + ns;
    for (let n = 0; n < AT_ONCE; n++) {
      const now = toNumber(m.sched_clock);
      const due = m.hrtimer.filter(({ queued, expires }) => queued === 1 && toNumber(expires) <= end);
      const at = Math.max(now, Math.min(end, ...due.map(({ expires }) => toNumber(expires))));
      for (let cpu = 0; cpu < m.rq.length; cpu++)
        if (at > now && runsOnItsOwn(m, cpu)) elapse(m.actor[m.rq[cpu].curr], at - now);
      this.follow(run, [machineOp('ADVANCE', { a: at - now })], true);
      if (at === end && due.length === 0) return;
    }
    throw new KernelBug('soft lockup', 'a timer that expires again and again at once');
  }

  /** The operations in C, and all that happens in them. */
  private follow(run: Run, ops: readonly PipeOperation[], probing: boolean): void {
    const { records, ending, warnings } = run.native.follow(ops, probing && this.names.length > 0);
    this.records = records;
    this.at = 0;
    for (const warning of warnings) {
      const { m } = run;
      const fields = { at: warning.at, what: warning.what };
      run.k.tp?.({ system: 'warn', event: 'warn_on', cpu: m.cpu, ts: String(toNumber(m.sched_clock)), fields });
    }
    while (this.at < records.length) this.one(run, records[this.at++]!);
    if (ending !== null) {
      this.run = null;
      throw endOf(ending);
    }
  }

  private one(run: Run, record: FollowRecord): void {
    switch (record.rec) {
      case 'enter':
        this.enter(run, record);
        return;
      case 'note':
        this.note(run, record);
        return;
      // a return of a call whose entry nobody has seen
      case 'leave':
      case 'end':
        run.back.apply(record.changes);
    }
  }

  private note({ m }: Run, { what, a, b }: Extract<FollowRecord, { rec: 'note' }>): void {
    const vcpu = m.vcpu[a];
    const actor = m.actor[m.vcpuOfTask.indexOf(a)]!;
    if (what === DELIVERED) takeInterrupt(actor, b, actor.program >= 0 ? m.guest[vcpu.kvm].handler_ns : -1);
    else if (what === IRET) actor.handlers.pop();
  }

  /** The call once more, on the table. */
  private enter(run: Run, { fn, cpu, args, changes }: Extract<FollowRecord, { rec: 'enter' }>): void {
    const { k, m, back } = run;
    const name = this.names[fn]!;
    back.apply(changes);
    m.cpu = cpu;
    const kinds = this.prototypes.get(STANDS_FOR[name] ?? name)?.args;
    const values = args.slice(0, kinds?.length ?? 0).map((value, i) => this.valueOf(m, value, kinds![i]!));
    const isTrace = name.startsWith('trace_');
    if (!isTrace) this.pending = name;
    (k as unknown as Bound)[name]!(...values);
    if (isTrace) this.playOn(name);
  }

  /** What happened from there on, up to the function's return: what it returned. */
  private playOn(name: string): unknown {
    const run = this.run!;
    while (this.at < this.records.length) {
      const record = this.records[this.at]!;
      if (record.rec === 'end') return undefined;
      this.at++;
      if (record.rec !== 'leave' || this.names[record.fn] !== name) {
        this.one(run, record);
        continue;
      }
      run.back.apply(record.changes);
      run.m.cpu = record.cpu;
      if (record.stopped) return BEHIND_A_SLEEP[name];
      return this.valueOf(run.m, record.result, this.prototypes.get(name)?.result ?? 's64');
    }
    return undefined;
  }

  private valueOf(m: machine, { is, a, b, value }: NativeValue, kind: ValueKind): unknown {
    switch (is) {
      case 1:
        return m.task[m.rq.length + a];
      case 2:
        return m.task[m.rq[a].idle];
      case 3:
        return m.rq[a];
      case 4:
        return m.cfs_rq[m.task_group[a].cfs_rq[b]];
      case 5:
        return m.se[m.task[m.rq.length + a].se];
      case 6:
        return m.se[m.task_group[a].se[b]];
      case 7:
        return m.vcpu[a];
      case 8:
        return m.kvm[a];
      case 9:
        return m.vcpu[a].arch.apic;
      case 10:
        return m.task_group[a];
    }
    return plain(value, kind);
  }
}

/** A step of a program, a host task's included. */
function stepOperation(m: machine, cpu: number, calls: readonly RecordedCall[]): PipeOperation {
  const target = calls[0]?.name === 'yield_to' ? (calls[0].args[0] as { id: number }) : null;
  return target === null ? guestOperation(cpu, calls) : machineOp('YIELD_TO', { cpu, id: target.id - m.rq.length });
}

/** What a register holds, as a function of this type means it. */
function plain(value: number | bigint, kind: ValueKind): unknown {
  switch (kind) {
    case 'void':
      return undefined;
    case 'bool':
      return (BigInt(value) & 0xffn) !== 0n;
    case 's32':
      return Number(BigInt.asIntN(32, BigInt(value)));
    case 'u32':
      return Number(BigInt.asUintN(32, BigInt(value)));
    case 'pointer':
      return value === 0 ? null : toU64(BigInt.asUintN(64, BigInt(value)));
    default:
      return value;
  }
}

/** How C ended, as whoever runs a machine knows it. */
function endOf({ kind, what, stack, at }: Ending): Error {
  if (kind === 'trap') return new NotModelled(`${what}(), which is not provided here`);
  const where = `${stack[0] ?? at}: ${what}`.replace(/^: /, '');
  return new KernelBug(
    kind === 'bug' ? 'BUG_ON' : kind === 'hang' || kind === 'deadlock' ? 'soft lockup' : 'exception',
    where,
  );
}
