// SPDX-License-Identifier: GPL-2.0-only
/** What tells two runs of the same call apart. */
import type { CType, HeldResult, Value } from '../../native/extract/engine.js';

/** The first thing that differs; `model` is the left side. */
export interface Told {
  readonly what: string;
  readonly model: string;
  readonly native: string;
}

/** How results of one function are compared. */
export interface Comparison {
  readonly fields: readonly { readonly name: string }[];
  /** fields that are not compared, by the end of their name */
  readonly ignores: readonly string[];
  readonly returns: CType;
}

const shown = (event: { call: string; args: readonly Value[] }): string => `${event.call}(${event.args.join(', ')})`;
const ended = (result: HeldResult): string => (result.ending === 'returned' ? 'returns' : result.ending);

function changed(
  { fields, ignores }: Comparison,
  a: ReadonlyMap<number, Value>,
  b: ReadonlyMap<number, Value>,
): [string, string, string] | null {
  for (const i of new Set([...a.keys(), ...b.keys()])) {
    if (a.get(i) === b.get(i)) continue;
    const field = fields[i]!;
    if (ignores.some((name) => field.name.endsWith(name))) continue;
    return [field.name, a.has(i) ? String(a.get(i)) : 'unchanged', b.has(i) ? String(b.get(i)) : 'unchanged'];
  }
  return null;
}

/** The first thing that differs; null when nothing does. */
export function differenceOf(by: Comparison, ours: HeldResult, theirs: HeldResult): Told | null {
  const say = (what: string, model: unknown, native: unknown) => ({
    what,
    model: String(model),
    native: String(native),
  });
  const n = Math.max(ours.events.length, theirs.events.length);
  for (let i = 0; i < n; i++) {
    const [a, b] = [ours.events[i], theirs.events[i]];
    if (a === undefined || b === undefined || a.call !== b.call)
      return say(`call ${i + 1}`, a === undefined ? ended(ours) : shown(a), b === undefined ? ended(theirs) : shown(b));
    if (a.args.length !== b.args.length || a.args.some((x, k) => x !== b.args[k]))
      return say(`call ${i + 1}`, shown(a), shown(b));
    const found = changed(by, a.changes, b.changes);
    if (found !== null) return say(`${found[0]} by call ${i + 1}, ${a.call}()`, found[1], found[2]);
  }
  if (ours.ending !== theirs.ending) return say('ending', ours.ending, theirs.ending);
  const found = changed(by, ours.changes, theirs.changes);
  if (found !== null) return say(`${found[0]} in the end`, found[1], found[2]);
  if (ours.warnings !== theirs.warnings) return say('warnings', ours.warnings, theirs.warnings);
  const type = by.returns;
  if (theirs.ending !== 'returned' || type.kind === 'v') return null;
  const same = type.kind === 'b' ? (ours.value !== 0) === (theirs.value !== 0) : ours.value === theirs.value;
  return same ? null : say('return value', ours.value, theirs.value);
}
