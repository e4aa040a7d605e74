// SPDX-License-Identifier: GPL-2.0-only
/** Holds mirrored functions against their C text, each alone: state, arguments and answers at random, everything compared. */
import * as arm64 from '../../arch/arm64/handle_exit.js';
import * as s390 from '../../arch/s390/diag.js';
import { u64 } from '../../lib/types.js';
import { ARCHITECTURES, type Architecture } from '../../native/extract/architecture.js';
import type { HeldFunction, Wanted } from '../../native/extract/build.js';
import type { ExtractEngine, HeldCall, HeldResult, Value } from '../../native/extract/engine.js';
import type { Mirror } from '../../native/mirrors.js';
import { type Kernel, tableOf } from '../../vmlinux/bind.js';
import type { kernel_state } from '../../vmlinux/vmlinux.js';
import type { Random } from '../sched/generate.js';
import {
  ABSENT,
  ALIASES,
  ARM64_CASES,
  type Case,
  CONSTANTS,
  GENERIC_CASES,
  NO_ARGUMENTS,
  S390_CASES,
  X86_CASES,
} from './cases.js';
import { FIELDS, type Field, NR_CPUS, NR_TASKS, NR_VCPUS } from './fields.js';
import { heldMachine, type Known, ModelSide } from './model-side.js';
import { ANSWERS, ARGUMENTS, bySuffix, Operands, typeOfText } from './operands.js';

type ArchitectureName = Architecture['name'];

export const CASES: Readonly<Record<ArchitectureName, readonly Case[]>> = {
  x86: [...GENERIC_CASES, ...X86_CASES],
  arm64: ARM64_CASES,
  s390: S390_CASES,
};

/** Where a file's mirror stands: `arch/arm64` of the model when the kernel's is there. */
const architectureOf = (mirroredIn: string): ArchitectureName | null =>
  (/^arch\/(x86|arm64|s390)\//.exec(mirroredIn)?.[1] as ArchitectureName | undefined) ?? null;

/** What to cut out of a tree for an architecture. */
export function wantedOf(architecture: ArchitectureName, mirrors: readonly Mirror[]): Wanted {
  const own = mirrors.filter((mirror) => [null, architecture].includes(architectureOf(mirror.mirroredIn)));
  const byFile = new Map(own.map((mirror) => [`${mirror.file}: ${mirror.name}`, mirror.as]));
  const byName = new Map<string, string>();
  // an architecture's own function goes before a weak or generic one
  for (const mirror of [...own].sort(
    (a, b) => Number(architectureOf(a.mirroredIn) !== null) - Number(architectureOf(b.mirroredIn) !== null),
  ))
    byName.set(mirror.as.startsWith('trace_') || mirror.as.startsWith('kvm_x86_') ? mirror.as : mirror.name, mirror.as);
  const byTable = new Set(own.map((mirror) => mirror.as));
  return {
    architecture: ARCHITECTURES.find((one) => one.name === architecture)!,
    held: CASES[architecture].map((one) => ({ file: one.file, name: one.name, as: one.as ?? one.name })),
    fields: FIELDS[architecture].map(({ name, lvalue, pointer, bit, read, write }) => ({
      name,
      lvalue,
      ...(read !== undefined && { read }),
      ...(write !== undefined && { write }),
      ...(pointer && { pointer }),
      ...(bit !== undefined && { bit }),
    })),
    absent: new Map(Object.entries({ ...ABSENT.all, ...ABSENT[architecture] })),
    constants: CONSTANTS[architecture],
    modelName: (file, name) => {
      const alias = ALIASES[architecture][name];
      if (alias !== undefined) return alias;
      const model = byFile.get(`${file}: ${name}`) ?? byName.get(name) ?? (byTable.has(name) ? name : null);
      return model === null || ['warnOn', 'get_current'].includes(model) || /^[A-Z]/.test(model) ? null : model;
    },
  };
}

/** What differed in one call, the first thing of it. */
export interface HeldDifference {
  readonly as: string;
  readonly file: string;
  readonly name: string;
  /** `return value`, a field, `calls` ... */
  readonly what: string;
  readonly model: string;
  readonly native: string;
  readonly input: readonly string[];
  /** the call to make again */
  readonly seed: number;
}

export interface HeldRow {
  readonly file: string;
  readonly name: string;
  readonly as: string;
  readonly architecture: ArchitectureName;
  readonly calls: number;
  readonly differing: number;
  /** calls in which the model came to what it does not model */
  readonly notModelled: number;
  readonly difference: HeldDifference | null;
}

// ---- one function -----------------------------------------------------------------------------------------------------

/** Calls of one function on both sides. */
class Holder {
  private readonly fields: readonly Field[];
  private readonly followed: number[];
  private readonly model: ModelSide;
  private readonly known = new Map<string, Known>();

  constructor(
    kernel: Kernel,
    private readonly machine: kernel_state,
    private readonly engine: ExtractEngine,
    private readonly f: HeldFunction,
    private readonly one: Case,
    mirrored: ReadonlySet<string>,
    fields: readonly Field[],
    private readonly vendor: 'vmx' | 'svm',
  ) {
    this.fields = fields;
    const mentions = new Set(f.mentions);
    const ignored = (field: Field) => one.ignores?.some((name) => field.name.endsWith(name)) === true;
    this.followed = fields.flatMap((field, i) =>
      !ignored(field) &&
      mentions.has(/(\w+)(?:\.\d+)?(?:\[\d+\])?$/.exec(field.name.replace(/\.counter$/, ''))?.[1] ?? '')
        ? [i]
        : [],
    );
    for (const called of engine.built.calls)
      this.known.set(called.as, { takes: called.takes, answer: engine.answers.get(called.as)! });
    this.model = new ModelSide(kernel, machine, f.as, one, mirrored, this.known, fields, this.followed);
  }

  private makeArgument(o: Operands, i: number, cpu: number): Value {
    const { name, kind, type } = this.f.takes[i]!;
    if (this.one.here?.includes(name)) return cpu;
    if (kind === 'vcpu' || kind === 'apic' || kind === 'notifier' || kind === 'wait' || kind === 'pi')
      return o.below(NR_VCPUS);
    if (kind === 'task') return o.below(NR_TASKS);
    if (kind !== 'number') return 0;
    const menu = this.one.args?.[name] ?? ARGUMENTS[name];
    if (menu !== undefined) return o.of(menu);
    return o.ofType(typeOfText(type));
  }

  private makeState(o: Operands): Value[] {
    const { one } = this;
    return this.fields.map((field, i) => {
      const menu = bySuffix(one.state, field.name) ?? field.menu;
      return menu === undefined ? o.ofType(this.engine.fieldTypes[i]!) : o.of(menu);
    });
  }

  private valueOf(o: Operands, field: number): Value {
    const menu = this.fields[field]!.menu;
    return menu === undefined ? o.ofType(this.engine.fieldTypes[field]!) : o.of(menu);
  }

  private makeAnswers(o: Operands): Map<string, Value[]> {
    const answers = new Map<string, Value[]>();
    for (const name of this.f.callees) {
      const type = this.engine.answers.get(name);
      if (type === undefined || type.kind === 'v') continue;
      const menu = this.one.answers?.[name] ?? ANSWERS[name];
      const known = this.engine.built.calls.find((call) => call.as === name);
      const list: Value[] = [];
      for (let nth = 0; nth < 12; nth++) {
        const fixed = this.one.granted?.[name] ?? this.one.fixed?.(name, nth);
        // what the model lacks does nothing
        list.push(fixed ?? (known?.mirrored === false ? 0 : menu === undefined ? o.answer(type) : o.of(menu)));
      }
      answers.set(name, list);
    }
    return answers;
  }

  /** The call of a seed; it is `sleeping` on the model's side when callees that can sleep do. */
  make(random: Random): { call: HeldCall; sleeps: boolean } {
    const o = new Operands(random);
    const writes = (this.one.races ?? []).flatMap(([call, end]) => {
      if (o.below(3) !== 0) return [];
      const numbers = this.fields.flatMap((field, i) => (field.name.endsWith(`.${end}`) ? [i] : []));
      const field = o.of(numbers);
      return [{ call, nth: o.below(3), field, value: this.valueOf(o, field) }];
    });
    const callees = this.f.callees.filter((name) => this.one.granted?.[name] === undefined);
    // whatever a stand-in stands for, and other CPUs meanwhile, may write what the function reads or writes
    if (this.one.alone !== true && callees.length > 0 && this.followed.length > 0) {
      for (let n = o.below(3); n > 0; n--) {
        const field = o.of(this.followed);
        writes.push({ call: o.of(callees), nth: o.below(2), field, value: this.valueOf(o, field) });
      }
    }
    const cpu = o.below(NR_CPUS);
    const call = {
      cpu,
      task: o.below(NR_TASKS),
      args: this.f.takes.map((_, i) => this.makeArgument(o, i, cpu)),
      state: this.makeState(o),
      answers: this.makeAnswers(o),
      writes,
    };
    return { call, sleeps: o.below(2) === 0 };
  }

  private modelArgument(i: number, value: Value): unknown {
    const { kind, type } = this.f.takes[i]!;
    const m = this.machine;
    const n = Number(value);
    if (kind === 'vcpu' || kind === 'wait') return m.vcpu[n];
    if (kind === 'kvm') return m.kvm[0];
    if (kind === 'task') return m.task[n];
    if (kind === 'apic') return m.vcpu[n]!.arch.apic;
    if (kind === 'pi') return m.vcpu[n]!.arch.pi_desc;
    if (kind !== 'number') return kind === 'notifier' ? n : undefined;
    const c = typeOfText(type);
    if (c.kind === 'b') return value !== 0;
    return c.size >= 8 ? u64(value as number) : value;
  }

  native(calls: readonly HeldCall[]): HeldResult[] {
    return this.engine.run(this.f.as, this.vendor === 'svm', this.followed, calls).map((one) => this.asked(one));
  }

  /** Without what is granted: what had changed by then counts for what comes next. */
  private asked(result: HeldResult): HeldResult {
    const granted = this.one.granted ?? {};
    if (!result.events.some((event) => event.call in granted || NO_ARGUMENTS.has(event.call))) return result;
    let carried = new Map<number, Value>();
    const events = [];
    for (const event of result.events) {
      const changes = new Map([...carried, ...event.changes]);
      if (event.call in granted) carried = changes;
      else {
        events.push({ ...event, args: NO_ARGUMENTS.has(event.call) ? [] : event.args, changes });
        carried = new Map();
      }
    }
    return { ...result, events, changes: new Map([...carried, ...result.changes]) };
  }

  ours(call: HeldCall, sleeps: boolean): HeldResult {
    const args = call.args.map((value, i) => this.modelArgument(i, value));
    return this.asked(this.model.run(call, args, sleeps));
  }

  get notModelled(): string {
    return this.model.notModelled;
  }

  /** The first thing that differs; null when nothing does. */
  difference(ours: HeldResult, theirs: HeldResult): { what: string; model: string; native: string } | null {
    const say = (what: string, model: unknown, native: unknown) => ({
      what,
      model: String(model),
      native: String(native),
    });
    const n = Math.max(ours.events.length, theirs.events.length);
    for (let i = 0; i < n; i++) {
      const [a, b] = [ours.events[i], theirs.events[i]];
      if (a === undefined || b === undefined || a.call !== b.call)
        return say(
          `call ${i + 1}`,
          a === undefined ? ended(ours) : shown(a),
          b === undefined ? ended(theirs) : shown(b),
        );
      if (a.args.length !== b.args.length || a.args.some((x, k) => x !== b.args[k]))
        return say(`call ${i + 1}`, shown(a), shown(b));
      const changed = this.changed(a.changes, b.changes);
      if (changed !== null) return say(`${changed[0]} by call ${i + 1}, ${a.call}()`, changed[1], changed[2]);
    }
    if (ours.ending !== theirs.ending) return say('ending', ours.ending, theirs.ending);
    const changed = this.changed(ours.changes, theirs.changes);
    if (changed !== null) return say(`${changed[0]} in the end`, changed[1], changed[2]);
    if (ours.warnings !== theirs.warnings) return say('warnings', ours.warnings, theirs.warnings);
    const type = this.engine.returns.get(this.f.as)!;
    if (theirs.ending !== 'returned' || type.kind === 'v') return null;
    const same = type.kind === 'b' ? (ours.value !== 0) === (theirs.value !== 0) : ours.value === theirs.value;
    return same ? null : say('return value', ours.value, theirs.value);
  }

  private changed(a: ReadonlyMap<number, Value>, b: ReadonlyMap<number, Value>): [string, string, string] | null {
    for (const i of new Set([...a.keys(), ...b.keys()])) {
      if (a.get(i) === b.get(i)) continue;
      const field = this.fields[i]!;
      if (this.one.ignores?.some((name) => field.name.endsWith(name))) continue;
      return [field.name, a.has(i) ? String(a.get(i)) : 'unchanged', b.has(i) ? String(b.get(i)) : 'unchanged'];
    }
    return null;
  }

  private differs(call: HeldCall, sleeps: boolean) {
    const ours = this.ours(call, sleeps);
    return this.notModelled !== '' ? null : this.difference(ours, this.native([call])[0]!);
  }

  /** A smaller call that differs, too: state, arguments, answers and writes set to nothing, one by one. */
  shrink(given: HeldCall, sleeps: boolean): HeldCall {
    let call = given;
    const attempt = (next: HeldCall) => {
      if (this.differs(next, sleeps) !== null) call = next;
    };
    for (const write of call.writes) attempt({ ...call, writes: call.writes.filter((w) => w !== write) });
    for (const [name, list] of given.answers) {
      if (this.one.granted?.[name] !== undefined) continue;
      if (list.some((x) => x !== 0))
        attempt({ ...call, answers: new Map([...call.answers, [name, list.map(() => 0)]]) });
    }
    for (let i = 0; i < given.args.length; i++)
      if (given.args[i] !== 0) attempt({ ...call, args: call.args.map((x, k) => (k === i ? 0 : x)) });
    // halves of the state first
    for (let size = given.state.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let from = 0; from < given.state.length; from += size) {
        const rest = call.state.slice(from, from + size);
        if (rest.every((x, k) => x === this.least(from + k))) continue;
        attempt({ ...call, state: call.state.map((x, k) => (k >= from && k < from + size ? this.least(k) : x)) });
      }
    }
    return call;
  }

  private least(i: number): Value {
    const menu = this.fields[i]!.menu;
    return menu === undefined || menu.includes(0) ? 0 : menu[0]!;
  }

  /** The call in words. */
  input(call: HeldCall, sleeps: boolean): string[] {
    const args = this.f.takes.map((p, i) => `${p.name} ${call.args[i]}`);
    const state = this.fields.flatMap((field, i) =>
      call.state[i] === this.least(i) ? [] : [`${field.name} ${call.state[i]}`],
    );
    const answers = [...call.answers]
      .filter(([, list]) => list.some((x) => x !== 0))
      .map(([name, list]) => `${name}() -> ${list.join(' ')}`);
    const writes = call.writes.map(
      (w) => `${this.fields[w.field]!.name} = ${w.value} in call ${w.nth + 1} of ${w.call}()`,
    );
    return [
      `CPU ${call.cpu}, current task ${call.task}${sleeps ? ', callees sleep' : ''}`,
      ...args,
      ...state,
      ...answers,
      ...writes,
    ];
  }
}

const shown = (event: { call: string; args: readonly Value[] }): string => `${event.call}(${event.args.join(', ')})`;
const ended = (result: HeldResult): string => (result.ending === 'returned' ? 'returns' : result.ending);

const BATCH = 50;

export interface HeldOptions {
  readonly seed: number;
  /** of each function */
  readonly calls: number;
  /** only these, by the model's name */
  readonly only?: ReadonlySet<string>;
  readonly random: (seed: number) => Random;
  readonly progress?: (done: number) => void;
}

/** Holds every function of an engine; at most one difference of each is shrunk and told. */
export function holdFunctions(
  kernel: Kernel,
  engine: ExtractEngine,
  architecture: ArchitectureName,
  mirrors: readonly Mirror[],
  options: HeldOptions,
): HeldRow[] {
  const mirrored = new Set(mirrors.map((mirror) => mirror.as).filter((name) => name !== 'warnOn'));
  const lacking = new Set(engine.built.lackingFields);
  const fields = FIELDS[architecture].filter((field) => !lacking.has(field.name));
  const machines = new Map<string, kernel_state>();
  const machineOf = (vendor: 'vmx' | 'svm') => {
    const machine = machines.get(vendor) ?? heldMachine(kernel, vendor);
    machines.set(vendor, machine);
    return machine;
  };
  // an architecture's functions replace x86's
  const own = architecture === 'arm64' ? tableOf(arm64) : architecture === 's390' ? tableOf(s390) : {};
  const linked = { ...kernel, table: Object.freeze({ ...kernel.table, ...own }) };
  const rows: HeldRow[] = [];
  for (const f of engine.built.held) {
    const one = CASES[architecture].find((c) => (c.as ?? c.name) === f.as)!;
    if (options.only !== undefined && !options.only.has(f.as)) continue;
    const vendors: ('vmx' | 'svm')[] =
      architecture !== 'x86' ? ['vmx'] : one.vendor === undefined ? ['vmx', 'svm'] : [one.vendor];
    let [calls, differing, notModelled] = [0, 0, 0];
    let difference: HeldDifference | null = null;
    for (const vendor of vendors) {
      const holder = new Holder(linked, machineOf(vendor), engine, f, one, mirrored, fields, vendor);
      const share = Math.ceil((options.calls * (one.weight ?? 1)) / vendors.length);
      for (let done = 0; done < share; done += BATCH) {
        const seeds = Array.from({ length: Math.min(BATCH, share - done) }, (_, i) => options.seed + done + i);
        const made = seeds.map((seed) => holder.make(options.random(seed)));
        const theirs = holder.native(made.map((one) => one.call));
        made.forEach(({ call, sleeps }, i) => {
          const ours = holder.ours(call, sleeps);
          calls++;
          if (holder.notModelled !== '') {
            notModelled++;
            return;
          }
          if (holder.difference(ours, theirs[i]!) === null) return;
          differing++;
          if (difference !== null) return;
          const least = holder.shrink(call, sleeps);
          const found = holder.difference(holder.ours(least, sleeps), holder.native([least])[0]!)!;
          difference = {
            as: f.as,
            file: f.file,
            name: f.name,
            ...found,
            input: holder.input(least, sleeps),
            seed: seeds[i]!,
          };
        });
      }
    }
    rows.push({ file: f.file, name: f.name, as: f.as, architecture, calls, differing, notModelled, difference });
    options.progress?.(calls);
  }
  return rows;
}
