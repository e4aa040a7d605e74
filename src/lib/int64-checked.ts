// SPDX-License-Identifier: GPL-2.0-only
/**
 * 64-bit integers that report what UBSan would: signed overflow, shifts out of range, narrowing that loses bits.
 *
 * The result is the same as the kernel's (it is built with -fno-strict-overflow: everything wraps); the report
 * goes to the listener, with the mirrored function that was running when the caller keeps `whereInt64` up to date.
 */
import { int64Bigint } from './int64-bigint.js';
import { int64Number } from './int64-number.js';
import type { Int64, i64, s64 } from './types.js';

export interface Int64Report {
  kind: 'signed-overflow' | 'shift-out-of-range' | 'narrowing';
  op: keyof Int64;
  /** the operands, in C's range, decimal */
  operands: readonly string[];
  /** the mirrored function, '' when unknown */
  where: string;
}

let where = '';
let listener: ((report: Int64Report) => void) | null = null;

/** Names the running mirrored function; returns the one before, to be put back. */
export function whereInt64(name: string): string {
  const before = where;
  where = name;
  return before;
}

/** Sets who hears the reports; null for nobody. Returns the one before. */
export function listenInt64(to: ((report: Int64Report) => void) | null): ((report: Int64Report) => void) | null {
  const before = listener;
  listener = to;
  return before;
}

function report(kind: Int64Report['kind'], op: keyof Int64, ...operands: readonly (bigint | number)[]): void {
  if (listener !== null) listener({ kind, op, operands: operands.map(String), where });
}

const S = int64Bigint.s64_toBigInt;
const fits = (x: bigint): boolean => BigInt.asIntN(64, x) === x;

function signed(
  op: 's64_add' | 's64_sub' | 's64_mul',
  exact: (a: bigint, b: bigint) => bigint,
): (a: s64, b: s64) => s64 {
  const compute = int64Number[op];
  return (a, b) => {
    if (!fits(exact(S(a), S(b)))) report('signed-overflow', op, S(a), S(b));
    return compute(a, b);
  };
}

function shifting<T extends i64>(
  op: 'shr' | 'shl' | 's64_shr',
  compute: (a: T, n: number) => T,
): (a: T, n: number) => T {
  return (a, n) => {
    if (n < 0 || n > 63) report('shift-out-of-range', op, S(a as s64), n);
    return compute(a, n);
  };
}

export const int64Checked: Int64 = {
  ...int64Number,
  s64_add: signed('s64_add', (a, b) => a + b),
  s64_sub: signed('s64_sub', (a, b) => a - b),
  s64_mul: signed('s64_mul', (a, b) => a * b),
  s64_neg(a) {
    if (!fits(-S(a))) report('signed-overflow', 's64_neg', S(a));
    return int64Number.s64_neg(a);
  },
  s64_div(a, b) {
    if (S(b) === -1n && !fits(-S(a))) report('signed-overflow', 's64_div', S(a), S(b));
    return int64Number.s64_div(a, b);
  },
  shr: shifting('shr', int64Number.shr),
  shl: shifting('shl', int64Number.shl),
  s64_shr: shifting('s64_shr', int64Number.s64_shr),
  to_u32(x) {
    const v = int64Bigint.toBigInt(x as never);
    if (v > 0xffff_ffffn) report('narrowing', 'to_u32', v);
    return int64Number.to_u32(x);
  },
  to_s32(x) {
    const v = S(x as s64);
    if (BigInt.asIntN(32, v) !== v) report('narrowing', 'to_s32', v);
    return int64Number.to_s32(x);
  },
};
