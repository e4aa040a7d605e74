// SPDX-License-Identifier: GPL-2.0-only
/** Links a series into a kernel: the base's table with the overrides by name on top, every fault found. */
import type { AnyFunction, FunctionTable, Kernel, Knob } from '../vmlinux/bind.js';
import { functionExpected } from './pieces.js';
import { type Patch, rebasedFor, type Series, SeriesError, type SeriesFault } from './series.js';

function overridesOf(base: Kernel, patch: Patch, kind: 'funcs' | 'adds'): [string, unknown][] {
  const rebased = kind === 'funcs' ? rebasedFor(base.name, patch) : {};
  return Object.entries({ ...patch[kind], ...rebased } as Record<string, unknown>);
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
  const sched_feat: Record<string, boolean | null> = { ...base.sched_feat };
  series.patches.slice(0, n).forEach((patch, i) => {
    Object.assign(knobs, patch.knobs);
    Object.assign(sched_feat, patch.sched_feat);
    for (const name of patch.removes ?? []) {
      if (table[name] !== undefined) delete table[name];
      else {
        const [place, expected] = [`patches[${i}].removes`, functionExpected(name, Object.keys(table))];
        faults.push({ code: 'remove-unknown', place, expected, got: name });
      }
    }
    for (const kind of ['funcs', 'adds'] as const) {
      for (const [name, fn] of overridesOf(base, patch as Patch, kind)) {
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
    ...(base.arch === undefined ? {} : { arch: base.arch }),
    knobs: Object.freeze(knobs),
    sched_feat: Object.freeze(sched_feat),
    ...(base.borrowed === undefined && series.borrowed === undefined
      ? {}
      : { borrowed: Object.freeze({ ...base.borrowed, ...series.borrowed }) }),
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
    return { code: 'override-unknown', expected: functionExpected(name, Object.keys(table)), got: name };
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
