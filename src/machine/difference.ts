// SPDX-License-Identifier: GPL-2.0-only
/** The first field in which two machines differ: everything that the first one has, in its own order. */
import { bigintAsText } from '../base/stable-json.js';
import type { machine } from './state.js';

export interface MachineDifference {
  /** `A.se.vruntime`, `rq[0].cfs.nr_queued` */
  field: string;
  left: string;
  right: string;
}

/**
 * Left out: frames of functions that sleep, for a patch may cut its functions elsewhere, and what another kernel counts
 * for itself.
 */
const APART = new Set(['kernel_stack', 'rng']);

/** Looked at first, for a reader knows them. */
const TELLING: readonly (keyof machine)[] = ['se', 'task', 'vcpu', 'rq'];

/** The first difference, or null. Fields that only `right` has are a series' own and are not looked at. */
export function differenceBetween(left: machine, right: machine): MachineDifference | null {
  const found = firstIn(left as unknown as Plain, right as unknown as Plain);
  if (found === null) return null;
  const [table, index, ...rest] = found.path;
  const named = table === 'task' || table === 'se' ? commOf(left, table, Number(index)) : null;
  const field = named === null ? fieldText(found.path) : fieldText([named, ...rest]);
  return { field, left: text(found.left), right: text(found.right) };
}

interface Found {
  path: string[];
  left: unknown;
  right: unknown;
}

function firstIn(left: Plain, right: Plain): Found | null {
  for (const key of TELLING) {
    const found = differing(left[key], right[key]);
    if (found !== null) return below(key, found);
  }
  return inRecords(left, right);
}

/** WHY so plain: it looks at the whole machine after every event. */
function differing(left: unknown, right: unknown): Found | null {
  if (left === right || Object.is(left, right)) return null;
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null)
    return { path: [], left, right };
  return Array.isArray(left) ? inArrays(left, right as unknown[]) : inRecords(left as Plain, right as Plain);
}

type Plain = Record<string, unknown>;

function inArrays(left: readonly unknown[], right: readonly unknown[]): Found | null {
  if (left.length !== right.length) return { path: ['length'], left: left.length, right: right.length };
  for (let i = 0; i < left.length; i++) {
    if (left[i] === right[i]) continue;
    const found = differing(left[i], right[i]);
    if (found !== null) return below(String(i), found);
  }
  return null;
}

function inRecords(left: Plain, right: Plain): Found | null {
  for (const key in left) {
    if (left[key] === right[key] || APART.has(key)) continue;
    const found = differing(left[key], right[key]);
    if (found !== null) return below(key, found);
  }
  return null;
}

function below(key: string, found: Found): Found {
  found.path.unshift(key);
  return found;
}

/** A task by its comm, an entity by its task's: `A`, `A.se`. */
function commOf(m: machine, table: 'task' | 'se', index: number): string | null {
  if (table === 'task') return m.task[index]?.comm ?? null;
  const task = m.se[index]?.task ?? -1;
  return task < 0 ? null : `${m.task[task].comm}.se`;
}

const fieldText = (path: readonly string[]): string =>
  path.reduce((at, key) => (/^\d+$/.test(key) ? `${at}[${key}]` : at === '' ? key : `${at}.${key}`), '');

function text(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value === undefined ? 'absent' : String(value);
  const json = JSON.stringify(value, bigintAsText);
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}
