// SPDX-License-Identifier: GPL-2.0-only
/**
 * A patch series: overrides by kernel name, one entry a patch, as livepatch has old_name and new_func.
 * Another kernel release is one too.
 */
import type { AnyFunction, FunctionTable, Kernel, Knob } from './link.js';
import type { kernel_functions, vmlinux } from './vmlinux.js';

type Rebound<F, Adds> = F extends (...args: infer A) => infer R ? (this: vmlinux & Adds, ...args: A) => R : never;

/** One patch: what it replaces (`funcs`, same signature) and what is new with it (`adds`). */
export interface Patch<Adds extends object = object> {
  /** the mail's subject without `[PATCH n/m]`, or the commit's */
  subject: string;
  /** 12-hex commit, when it is merged */
  commit?: string;
  /** may also name what an earlier patch of the same series added */
  funcs?: { [Name in keyof kernel_functions]?: Rebound<kernel_functions[Name], NoInfer<Adds>> } & {
    [Name in keyof NoInfer<Adds>]?: Rebound<NoInfer<Adds>[Name], NoInfer<Adds>>;
  };
  adds?: { [Name in keyof Adds]?: Adds[Name] };
  /** sysctls, debugfs files and module parameters that come with it, by file name; read through `knobValue` */
  knobs?: Readonly<Record<string, Knob>>;
  /** features whose default it changes */
  sched_feat?: Readonly<Record<string, boolean>>;
}

export interface Series<Adds extends object = object> {
  /** how it is named on the command line and in a kernel's name */
  id: string;
  /** one line for `kvmodel list` */
  title: string;
  /** the kernel it applies to: a base or another series' id */
  base: string;
  /** Message-ID of the cover letter, when it was mailed */
  cover?: string;
  /** a release: its kernel is called by its id alone, and its prefixes are of no interest */
  release?: boolean;
  /** a planted fault, a bug that Linux once had: what a property has to notice */
  notices?: string;
  patches: Patch<Adds>[];
}

/** Declares a series. The compiler holds names and signatures against the base; `link` does so again. */
export function defineSeries(series: Series): Series;
export function defineSeries<Adds extends object>(series: Series<Adds>): Series<Adds>;
export function defineSeries<Adds extends object>(series: Series<Adds>): Series<Adds> {
  return series;
}

/** What is wrong with a series, with its place. */
export interface SeriesFault {
  code:
    | 'override-unknown'
    | 'override-signature'
    | 'adds-existing'
    | 'not-a-function'
    | 'base-unknown'
    | 'series-unknown'
    | 'prefix-range'
    | 'empty';
  /** `patches[3].funcs.yield_task_fair` */
  place: string;
  expected: string;
  got: string;
}

/** Bad series; carries every fault found. */
export class SeriesError extends Error {
  constructor(
    readonly series: string,
    readonly faults: readonly SeriesFault[],
  ) {
    super(`${series}: ${faults.map((f) => `${f.place}: expected ${f.expected}, got ${f.got}`).join('; ')}`);
    this.name = 'SeriesError';
  }
}

function overridesOf(patch: Patch, kind: 'funcs' | 'adds'): [string, unknown][] {
  return Object.entries((patch[kind] ?? {}) as Record<string, unknown>);
}

/**
 * base + the first n patches (all by default), frozen.
 *
 * Throws SeriesError with every fault: an override of what the base lacks or of another number of parameters, an
 * addition of what is there already, anything that is no function, no patch at all.
 */
export function link(base: Kernel, series: Series<never> | Series, n = series.patches.length): Kernel {
  const faults: SeriesFault[] = [];
  if (n < 0 || n > series.patches.length || !Number.isInteger(n)) {
    const expected = `0 to ${series.patches.length} patches`;
    throw new SeriesError(series.id, [{ code: 'prefix-range', place: 'prefix', expected, got: String(n) }]);
  }
  if (series.patches.length === 0) {
    throw new SeriesError(series.id, [
      { code: 'empty', place: 'patches', expected: 'at least one patch', got: 'none' },
    ]);
  }
  const table: Record<string, AnyFunction> = { ...base.table };
  const knobs: Record<string, Knob> = { ...base.knobs };
  const sched_feat: Record<string, boolean> = { ...base.sched_feat };
  series.patches.slice(0, n).forEach((patch, i) => {
    Object.assign(knobs, patch.knobs);
    Object.assign(sched_feat, patch.sched_feat);
    for (const kind of ['funcs', 'adds'] as const) {
      for (const [name, fn] of overridesOf(patch as Patch, kind)) {
        const place = `patches[${i}].${kind}.${name}`;
        const fault = judge(table, kind, name, fn);
        if (fault !== null) faults.push({ ...fault, place });
        else table[name] = fn as AnyFunction;
      }
    }
  });
  if (faults.length > 0) throw new SeriesError(series.id, faults);
  return {
    name: kernelName(base, series as Series, n),
    table: Object.freeze(table),
    knobs: Object.freeze(knobs),
    sched_feat: Object.freeze(sched_feat),
  };
}

function judge(
  table: FunctionTable,
  kind: 'funcs' | 'adds',
  name: string,
  fn: unknown,
): Omit<SeriesFault, 'place'> | null {
  if (typeof fn !== 'function') return { code: 'not-a-function', expected: 'a function', got: typeof fn };
  const there = table[name];
  if (kind === 'adds') {
    if (there === undefined) return null;
    return { code: 'adds-existing', expected: 'a name that the base lacks', got: `${name}, which it has: use funcs` };
  }
  if (there === undefined) {
    return { code: 'override-unknown', expected: nearest(name, Object.keys(table)), got: name };
  }
  if (there.length === fn.length) return null;
  const params = (k: number): string => `${k} parameter${k === 1 ? '' : 's'}`;
  return { code: 'override-signature', expected: params(there.length), got: params(fn.length) };
}

function kernelName(base: Kernel, series: Series, n: number): string {
  if (series.release === true && n === series.patches.length) return series.id;
  const prefix = n === series.patches.length ? '' : `~${n}`;
  return `${base.name}+${series.id}${prefix}`;
}

/** The known name closest to a mistyped one, as a phrase. */
export function nearest(name: string, known: readonly string[]): string {
  const near = nearestName(name, known);
  return near === null ? 'a function of the base' : `a function of the base, perhaps ${near}`;
}

/** The known name closest to a mistyped one; null when none is close. */
export function nearestName(name: string, known: readonly string[]): string | null {
  let best = '';
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const d = distance(name, candidate);
    if (d < bestDistance) {
      bestDistance = d;
      best = candidate;
    }
  }
  return bestDistance <= Math.max(2, name.length / 3) ? best : null;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
