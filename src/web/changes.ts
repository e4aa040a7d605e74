// SPDX-License-Identifier: GPL-2.0-only
/** What changed, as a tree in which only that stands: from Immer's patches of a whole event, or from the writes made so far in one. */

import { reduce } from '../machine/reduce.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import { ABSENT, type Detail, type Path } from '../step/detail.js';
import { at } from '../step/expression.js';
import { nameOf } from '../step/text.js';
import type { Kernel } from '../vmlinux/bind.js';

export interface Change {
  readonly path: Path;
  readonly was: unknown;
  readonly is: unknown;
}

/** The kernel's bookkeeping that every event writes. */
const QUIET = new Set(['steps', 'rng', 'cpu']);

const isQuiet = ({ path }: Change): boolean => path.length === 1 && QUIET.has(String(path[0]));

/** A list of frames is told as a whole, not by its elements. */
function whole(changes: readonly Change[], before: machine, after: machine): Change[] {
  const stacks = new Map<string, Change>();
  const rest = changes.filter(({ path }) => {
    const i = path.indexOf('kernel_stack');
    if (i < 0) return true;
    const stack = path.slice(0, i + 1);
    stacks.set(stack.join('.'), { path: stack, was: valueAt(before, stack), is: valueAt(after, stack) });
    return false;
  });
  return [...rest, ...stacks.values()];
}

/**
 * What the writes made so far come to: the first value that was there, the last that is; none that is as it was. `before` and `after`
 * are the machines there.
 */
export function changesSoFar({ steps }: Detail, made: number, before: machine, after: machine): Change[] {
  const byPath = new Map<string, Change>();
  for (const step of steps.slice(0, made)) {
    if (step.kind !== 'write') continue;
    const key = step.path.join('.');
    byPath.set(key, { path: step.path, was: byPath.get(key)?.was ?? step.was, is: step.is });
  }
  const changes = [...byPath.values()].filter((it) => it.was !== it.is && !isQuiet(it));
  return whole(changes, before, after);
}

/** What a whole event changes. `before` is the caller's own: Immer freezes it. */
export function changesOf(kernel: Kernel, before: machine, event: MachineEvent): Change[] {
  const { patches, machine: after } = reduce(kernel, before, event);
  const changes = patches.flatMap(({ op, path, value }) =>
    leaves(path, valueAt(before, path), op === 'remove' ? ABSENT : value),
  );
  return whole(changes, before, after).filter((it) => !isQuiet(it));
}

function valueAt(m: machine, path: Path): unknown {
  try {
    return at(m, path);
  } catch {
    return ABSENT;
  }
}

/** A patch may replace a record as a whole: then what differs inside of it. */
function leaves(path: Path, was: unknown, is: unknown): Change[] {
  if (was === is) return [];
  if (!isRecord(was) || !isRecord(is)) return [{ path, was: was === undefined ? ABSENT : was, is }];
  const keys = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...keys].flatMap((key) => {
    const member = Array.isArray(is) || Array.isArray(was) ? Number(key) : key;
    return leaves([...path, member], was[key] ?? ABSENT, is[key] ?? ABSENT);
  });
}

const isRecord = (it: unknown): it is Record<string, unknown> => typeof it === 'object' && it !== null;

/** A record with what changed in it. */
export interface ChangedRecord {
  /** where it stands */
  readonly path: Path;
  /** what people call it; '' for what has no name */
  readonly name: string;
  readonly fields: readonly Change[];
}

/** Changes by the record of a table that they are in: `se[3]` with its fields, in the order of their first change. */
export function byRecord(changes: readonly Change[], m: machine): ChangedRecord[] {
  const records = new Map<string, { path: Path; name: string; fields: Change[] }>();
  for (const change of changes) {
    const [table, index] = change.path;
    const path = typeof index === 'number' && change.path.length > 2 ? [table, index] : [];
    const key = path.join('.');
    const record = records.get(key) ?? { path, name: path.length === 0 ? '' : nameOf(m, path), fields: [] };
    record.fields.push(change);
    records.set(key, record);
  }
  return [...records.values()];
}

/** Set, and not come about: what another kernel has there is no difference. */
const SET = new Set(['rng', 'sched_feat', 'knobs', 'kernel_stack']);

/** Every field of `left` that `right` has otherwise; fields that `right` alone has are a series' own. */
export function differencesOf(left: machine, right: machine): Change[] {
  const found: Change[] = [];
  const compare = (path: Path, was: unknown, is: unknown): void => {
    if (was === is || Object.is(was, is)) return;
    if (!isRecord(was) || !isRecord(is)) return void found.push({ path, was, is });
    for (const key of Object.keys(was)) {
      if (SET.has(key)) continue;
      compare([...path, Array.isArray(was) ? Number(key) : key], was[key], key in is ? is[key] : ABSENT);
    }
  };
  compare([], left, right);
  return found;
}
