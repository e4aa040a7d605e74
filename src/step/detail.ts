// SPDX-License-Identifier: GPL-2.0-only
/**
 * One event in detail: every call of a kernel function, every field that is written and every tracepoint, in the order in which
 * they happen, each with the place in the source. The machine is run behind proxies that notice what is written.
 *
 * WHY not always: it takes a hundred times as long as running. It is made for the event that somebody looks at.
 */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { apply } from '../machine/apply.js';
import { cloneMachine } from '../machine/clone.js';
import { asBug } from '../machine/exception.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { trace_event } from '../trace/trace-event.js';
import { type AnyFunction, bind, type Kernel } from '../vmlinux/bind.js';

/** Where a field stands in the tree of records: `['rq', 0, 'cfs']`. */
export type Path = readonly (string | number)[];

/** A record that was handed on: where it stands. */
export class RecordAt {
  constructor(readonly path: Path) {}
}

/** What happened, as one step. `depth` counts the calls around it: 0 is outside every kernel function. */
export type Step =
  | { kind: 'call'; depth: number; fn: string; args: readonly unknown[]; at: StackPlace }
  | { kind: 'return'; depth: number; fn: string; result: unknown; call: number; at: StackPlace }
  | { kind: 'write'; depth: number; path: Path; was: unknown; is: unknown; at: StackPlace }
  | { kind: 'trace'; depth: number; event: trace_event; at: StackPlace };

export interface Detail {
  readonly steps: readonly Step[];
  /** what the kernel died of, or the branch that is not modelled */
  readonly died: string | null;
}

/** Marks that the member was not there. */
export const ABSENT = Symbol('absent');

/** Looks at every record through a proxy, the same one each time, that knows where its record stands. */
class Watched {
  private readonly proxies = new WeakMap<object, object>();
  private readonly records = new WeakMap<object, object>();
  private readonly paths = new WeakMap<object, Path>();

  constructor(private readonly wrote: (path: Path, was: unknown, is: unknown) => void) {}

  of<T extends object>(record: T, path: Path): T {
    const known = this.proxies.get(record);
    if (known !== undefined) return known as T;
    if (Object.isFrozen(record)) return record;
    const made = new Proxy(record, {
      get: (target, key, receiver) => {
        const value: unknown = Reflect.get(target, key, receiver);
        if (typeof value !== 'object' || value === null || typeof key === 'symbol') return value;
        return this.of(value, [...(this.paths.get(made) ?? path), indexOr(key)]);
      },
      set: (target, key, value: unknown) => {
        const own = this.plain(value);
        if (typeof key === 'symbol') return Reflect.set(target, key, own);
        const was: unknown = Object.hasOwn(target, key) ? Reflect.get(target, key) : ABSENT;
        const done = Reflect.set(target, key, own);
        if (was !== own) this.wrote([...(this.paths.get(made) ?? path), indexOr(key)], was, own);
        return done;
      },
      deleteProperty: (target, key) => {
        if (typeof key !== 'symbol' && Object.hasOwn(target, key))
          this.wrote([...(this.paths.get(made) ?? path), indexOr(key)], Reflect.get(target, key), ABSENT);
        return Reflect.deleteProperty(target, key);
      },
    });
    this.proxies.set(record, made);
    this.records.set(made, record);
    this.paths.set(made, path);
    return made as T;
  }

  /** What stands behind it, and behind the members of a record that is new. */
  plain(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const known = this.records.get(value);
    if (known !== undefined) return known;
    if (this.proxies.has(value) || Object.isFrozen(value)) return value;
    const record = value as Record<string, unknown>;
    for (const [member, inner] of Object.entries(record)) record[member] = this.plain(inner);
    return value;
  }

  /** A value that was handed over, to be kept: a record becomes its place. */
  kept(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    const path = this.paths.get(value);
    return path === undefined ? frozenCopy(value) : new RecordAt(path);
  }
}

const indexOr = (key: string): string | number => (/^\d+$/.test(key) ? Number(key) : key);

/** Values as they were: later writes do not change them. */
export function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  try {
    return structuredClone(value);
  } catch {
    // a function is inside, which no machine has
    return String(value);
  }
}

/**
 * A place in the source, of who is `skip` frames above who asked: `src/sched/fair.ts:512:9` as the engine names it; '' when it does not.
 * WHY only when asked: the engine remembers a place in no time, and words it in much.
 */
export class StackPlace {
  private readonly holder: { stack?: string } = {};
  private words: string | null = null;

  constructor(private readonly skip: number) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = skip;
    Error.captureStackTrace(this.holder, placeOf);
    Error.stackTraceLimit = limit;
  }

  get text(): string {
    if (this.words === null) {
      const frame = (this.holder.stack ?? '').split('\n')[this.skip] ?? '';
      this.words = /\(?((?:file:\/\/)?\/[^()]+:\d+:\d+)\)?$/.exec(frame)?.[1] ?? '';
    }
    return this.words;
  }
}

const placeOf = (skip: number): StackPlace => new StackPlace(skip);

/** Runs the event on a copy of the machine, and tells all of it. */
export function detailOf(kernel: Kernel, before: machine, event: MachineEvent): Detail {
  const steps: Step[] = [];
  const open: number[] = [];
  const raw = cloneMachine(before);
  const watched = new Watched((path, was, is) =>
    steps.push({
      kind: 'write',
      depth: open.length,
      path,
      was: was === ABSENT ? ABSENT : frozenCopy(was),
      is: is === ABSENT ? ABSENT : frozenCopy(is),
      at: placeOf(3),
    }),
  );
  const table: Record<string, AnyFunction> = {};
  for (const [fn, original] of Object.entries(kernel.table)) {
    table[fn] = function stepped(...args: unknown[]) {
      const call = steps.length;
      const at = placeOf(2);
      steps.push({ kind: 'call', depth: open.length, fn, args: args.map((it) => watched.kept(it)), at });
      open.push(call);
      let result: unknown;
      try {
        result = original.apply(this, args);
      } finally {
        open.length = open.indexOf(call);
      }
      steps.push({ kind: 'return', depth: open.length, fn, result: watched.kept(result), call, at });
      return result;
    };
  }
  const stepping: Kernel = { ...kernel, table: Object.freeze(table) };
  const m = watched.of(raw, []);
  const hears = (hit: trace_event): void =>
    void steps.push({ kind: 'trace', depth: open.length, event: frozenCopy(hit) as trace_event, at: placeOf(3) });
  try {
    apply(bind(stepping, m, hears), event);
  } catch (thrown) {
    return { steps, died: deathOf(thrown) };
  }
  return { steps, died: null };
}

/** What the kernel died of, in words; whatever else was thrown goes on. */
export function deathOf(thrown: unknown): string {
  const what = asBug(thrown);
  if (what instanceof KernelBug || what instanceof NotModelled) return what.message;
  throw what;
}

/** The machine at a place inside the event: the first `n` steps have been made. */
export function machineAt(before: machine, { steps }: Detail, n: number): machine {
  const m = cloneMachine(before);
  for (const step of steps.slice(0, n)) if (step.kind === 'write') write(m, step.path, step.is);
  return m;
}

function write(m: machine, path: Path, value: unknown): void {
  let record = m as unknown as Record<string | number, unknown>;
  for (const member of path.slice(0, -1)) record = record[member] as Record<string | number, unknown>;
  const last = path[path.length - 1];
  if (value === ABSENT) delete record[last];
  else record[last] = frozenCopy(value);
}

/** The calls that a place is inside of, outermost first: indices of their `call` steps. */
export function framesAt({ steps }: Detail, n: number): number[] {
  const frames: number[] = [];
  for (let i = 0; i < n; i++) {
    if (steps[i].kind === 'call') frames.push(i);
    else if (steps[i].kind === 'return') frames.pop();
  }
  return frames;
}
