// SPDX-License-Identifier: GPL-2.0-only
/** Makes an operation sequence smaller while it still shows what it shows. */
import type { Operation } from '../../operation/sched.js';

/** Null when `ops` no longer shows it; otherwise `ops` cut behind the place that does. */
export type Cut = (ops: readonly Operation[]) => readonly Operation[] | null;

const TASK_OPS = new Set(['WAKE', 'YIELD_TO', 'YIELD_TO_RAW', 'NICE', 'SETATTR', 'MOVE', 'AFFINITY']);
const GROUP_OPS = new Set(['SHARES', 'VTIME', 'GROUP_IDLE']);

/** Without task n: its FORK and all that is done to it, later tasks renumbered. */
function withoutTask(ops: readonly Operation[], n: number): Operation[] {
  let task = -1;
  const rest: Operation[] = [];
  for (const op of ops) {
    if (op.op === 'FORK') {
      task++;
      if (task !== n) rest.push(op);
    } else if (!TASK_OPS.has(op.op)) {
      rest.push(op);
    } else if (op.id !== n) {
      rest.push(op.id > n ? { ...op, id: op.id - 1 } : op);
    }
  }
  return rest;
}

/** Without group n: what was in it is in the root group. */
function withoutGroup(ops: readonly Operation[], n: number): Operation[] {
  let group = 0;
  const renamed = (g: number | bigint) => (Number(g) === n ? 0 : Number(g) > n ? Number(g) - 1 : Number(g));
  const rest: Operation[] = [];
  for (const op of ops) {
    if (op.op === 'GROUP') {
      group++;
      if (group !== n) rest.push({ ...op, a: renamed(op.a) });
    } else if (op.op === 'FORK') {
      rest.push({ ...op, b: renamed(op.b) });
    } else if (op.op === 'MOVE') {
      rest.push({ ...op, a: renamed(op.a) });
    } else if (!GROUP_OPS.has(op.op)) {
      rest.push(op);
    } else if (op.id !== n) {
      rest.push({ ...op, id: renamed(op.id) });
    }
  }
  return rest;
}

const without = (ops: readonly Operation[], from: number, n: number) => [...ops.slice(0, from), ...ops.slice(from + n)];
const isStructure = (op: Operation) => op.op === 'FORK' || op.op === 'GROUP';

/** Simpler values of one operation, simplest first. */
function simpler(op: Operation): Operation[] {
  const tries: Operation[] = [];
  const a = Number(op.a);
  if (op.op === 'ADVANCE') for (const to of [0, 1_000_000, Math.floor(a / 2)]) if (to < a) tries.push({ ...op, a: to });
  if (op.op === 'FORK' || op.op === 'NICE') if (a !== 0) tries.push({ ...op, a: 0 });
  if (op.op === 'FORK' && op.b !== 0) tries.push({ ...op, b: 0 });
  if (op.op === 'SHARES') for (const to of [1024, 2]) if (to !== a) tries.push({ ...op, a: to });
  if (op.op === 'GROUP' && a !== 0) tries.push({ ...op, a: 0 });
  if (op.op === 'SETATTR') {
    if (a !== 0) tries.push({ ...op, a: 0 });
    // What is a priority with a real-time policy is no nice value without.
    if (op.flags !== 0) tries.push({ ...op, flags: 0, a: op.flags < 3 ? 0 : op.a });
    if (Number(op.b) !== 0) tries.push({ ...op, b: 0 });
  }
  if (op.op === 'FORK' && op.flags !== 0) tries.push({ ...op, flags: 0 });
  if (op.cpu !== 0 && op.op !== 'FORK') tries.push({ ...op, cpu: 0 });
  return tries;
}

/**
 * The smallest sequence found: halves, quarters ... single operations are left out, then tasks and groups, then values
 * are made simpler, until nothing helps or `budget` attempts are used up.
 */
export function shrinkOperations(ops: readonly Operation[], cut: Cut, budget = 3000): readonly Operation[] {
  let best = ops;
  let left = budget;
  const attempt = (candidate: readonly Operation[]): boolean => {
    if (left-- <= 0) return false;
    const shown = cut(candidate);
    if (shown === null) return false;
    best = shown;
    return true;
  };
  const count = (op: Operation['op']) => best.filter((o) => o.op === op).length;

  attempt(ops);
  for (let before: readonly Operation[] | null = null; best !== before && left > 0; ) {
    before = best;
    for (let n = best.length >> 1; n >= 1; n >>= 1) {
      for (let from = best.length - n; from >= 0; from -= n) {
        const part = best.slice(from, from + n);
        // Taking out a FORK or GROUP renumbers; that is done below.
        if (part.length > 0 && !part.some(isStructure)) attempt(without(best, from, n));
        from = Math.min(from, best.length);
      }
    }
    for (let n = count('FORK') - 1; n >= 0; n--) attempt(withoutTask(best, n));
    for (let n = count('GROUP'); n >= 1; n--) attempt(withoutGroup(best, n));
    for (let i = best.length - 1; i >= 0; i--) {
      if (i >= best.length) continue;
      for (const op of simpler(best[i]!)) {
        if (attempt([...best.slice(0, i), op, ...best.slice(i + 1)])) break;
      }
    }
  }
  return best;
}
