// SPDX-License-Identifier: GPL-2.0-only
/** Holds mirrored functions against their C text, each alone: state, arguments and answers at random, everything compared. */
import { u64 } from '../../lib/types.js';
import { ARCHITECTURES, type Architecture } from '../../native/extract/architecture.js';
import type { HeldFunction, Wanted } from '../../native/extract/build.js';
import type { ExtractEngine, HeldCall, HeldResult, Value } from '../../native/extract/engine.js';
import type { Mirror } from '../../native/mirrors.js';
import { linux_6_12 } from '../../series/linux-6.12.js';
import { linux_6_12_arm64 } from '../../series/linux-6.12-arm64.js';
import { linux_6_12_s390 } from '../../series/linux-6.12-s390.js';
import type { Kernel } from '../../vmlinux/bind.js';
import type { kernel_state_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { Random } from '../sched/generate.js';
import { Calls } from './calls.js';
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
import { type Comparison, differenceOf, type Told } from './difference.js';
import { FIELDS, type Field } from './fields.js';
import { heldArm64Machine, heldMachine, heldS390Machine, type Known, ModelSide } from './model-side.js';
import { typeOfText } from './operands.js';

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

/** The first thing that differed in one call. */
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
export class Holder {
  private readonly followed: number[];
  private readonly model: ModelSide;
  private readonly known = new Map<string, Known>();
  private readonly calls: Calls;
  private readonly comparison: Comparison;

  constructor(
    kernel: Kernel,
    private readonly machine: kernel_state_x86,
    private readonly engine: ExtractEngine,
    private readonly f: HeldFunction,
    private readonly one: Case,
    mirrored: ReadonlySet<string>,
    fields: readonly Field[],
    private readonly vendor: Vendor,
  ) {
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
    const silent = engine.built.calls.filter((called) => !called.mirrored).map((called) => called.as);
    // what the model lacks does nothing
    const { fieldTypes, answers } = engine;
    this.calls = new Calls(f, one, fields, this.followed, fieldTypes, answers, new Set(silent));
    this.comparison = { fields, ignores: one.ignores ?? [], returns: engine.returns.get(f.as)! };
    this.model = new ModelSide(kernel, machine, f.as, one, mirrored, this.known, fields, this.followed);
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
  difference(ours: HeldResult, theirs: HeldResult): Told | null {
    return differenceOf(this.comparison, ours, theirs);
  }

  private differs(call: HeldCall, sleeps: boolean) {
    const ours = this.ours(call, sleeps);
    return this.notModelled !== '' ? null : this.difference(ours, this.native([call])[0]!);
  }

  /** A smaller call that still differs: state, arguments, answers and writes set to nothing, one by one. */
  shrink(given: HeldCall, sleeps: boolean): HeldCall {
    return this.calls.shrink(given, (call) => this.differs(call, sleeps) !== null);
  }

  /** The call in words. */
  input(call: HeldCall, sleeps: boolean): string[] {
    return this.calls.input(call, sleeps);
  }

  /** The call of a seed; it is `sleeping` on the model's side when callees that can sleep do. */
  make(random: Random): { call: HeldCall; sleeps: boolean } {
    return this.calls.make(random);
  }
}

const BATCH = 50;

export interface HeldOptions {
  readonly seed: number;
  /** of each function */
  readonly calls: number;
  /** only these, by the model's name */
  readonly only?: ReadonlySet<string>;
  /** whether a function differs is all that is wanted: no further than its first difference, which is left as it is found */
  readonly unshrunk?: boolean;
  readonly random: (seed: number) => Random;
  readonly progress?: (done: number) => void;
}

const OWN = { x86: linux_6_12, arm64: linux_6_12_arm64, s390: linux_6_12_s390 };

/** The kernel with an architecture's functions. */
function builtFor(architecture: ArchitectureName, kernel: Kernel): Kernel {
  // what a series replaces stays replaced; its functions for another architecture are not asked
  if ((kernel.arch ?? 'x86') === architecture) return kernel;
  const base = kernel.arch === undefined ? kernel : linux_6_12;
  return { ...base, table: Object.freeze({ ...base.table, ...OWN[architecture].table }) };
}

const MACHINES = { x86: heldMachine, arm64: heldArm64Machine, s390: heldS390Machine };

type Vendor = 'vmx' | 'svm';

const caseOf = (architecture: ArchitectureName, f: HeldFunction): Case =>
  CASES[architecture].find((c) => (c.as ?? c.name) === f.as)!;

/** On whose hardware a function is called. */
export function vendorsOf(architecture: ArchitectureName, f: HeldFunction): readonly Vendor[] {
  if (architecture !== 'x86') return ['vmx'];
  const { vendor } = caseOf(architecture, f);
  return vendor === undefined ? ['vmx', 'svm'] : [vendor];
}

/** What calls a function of an engine in a kernel and in C. */
export function holders(
  kernel: Kernel,
  engine: ExtractEngine,
  architecture: ArchitectureName,
  mirrors: readonly Mirror[],
): (f: HeldFunction, vendor: Vendor) => Holder {
  const mirrored = new Set(mirrors.map((mirror) => mirror.as).filter((name) => name !== 'warnOn'));
  const lacking = new Set(engine.built.lackingFields);
  const fields = FIELDS[architecture].filter((field) => !lacking.has(field.name));
  const linked = builtFor(architecture, kernel);
  const machines = new Map<Vendor, kernel_state_x86>();
  return (f, vendor) => {
    const machine = machines.get(vendor) ?? MACHINES[architecture](linked, vendor);
    machines.set(vendor, machine);
    return new Holder(linked, machine, engine, f, caseOf(architecture, f), mirrored, fields, vendor);
  };
}

/** Holds every function of an engine; at most one difference of each is shrunk and told. */
export function holdFunctions(
  kernel: Kernel,
  engine: ExtractEngine,
  architecture: ArchitectureName,
  mirrors: readonly Mirror[],
  options: HeldOptions,
): HeldRow[] {
  const holderOf = holders(kernel, engine, architecture, mirrors);
  const rows: HeldRow[] = [];
  for (const f of engine.built.held) {
    if (options.only !== undefined && !options.only.has(f.as)) continue;
    const one = caseOf(architecture, f);
    const vendors = vendorsOf(architecture, f);
    let [calls, differing, notModelled] = [0, 0, 0];
    let difference: HeldDifference | null = null;
    for (const vendor of vendors) {
      const holder = holderOf(f, vendor);
      const share = Math.ceil((options.calls * (one.weight ?? 1)) / vendors.length);
      for (let done = 0; done < share && !(options.unshrunk === true && differing > 0); done += BATCH) {
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
          const least = options.unshrunk === true ? call : holder.shrink(call, sleeps);
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
