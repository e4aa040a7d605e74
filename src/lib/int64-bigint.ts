// SPDX-License-Identifier: GPL-2.0-only
/**
 * 64-bit integers on BigInt alone: slow, obvious, the oracle for `int64-number`.
 *
 * Values go in and come out in the representation of `types` (signed, a `number` where it fits), so that a
 * machine computed with either is the same plain data.
 */
import { divideError } from './bug.js';
import type { Int64, i64, s64, u64 } from './types.js';

const LIMIT = BigInt(Number.MAX_SAFE_INTEGER);
const U = (x: i64): bigint => BigInt.asUintN(64, BigInt(x as unknown as bigint));
const S = (x: i64): bigint => BigInt.asIntN(64, BigInt(x as unknown as bigint));

function pack<T extends i64>(x: bigint): T {
  const v = BigInt.asIntN(64, x);
  return (v >= -LIMIT && v <= LIMIT ? Number(v) : v) as unknown as T;
}
const u = (x: bigint): u64 => pack<u64>(x);
const s = (x: bigint): s64 => pack<s64>(x);
const shift = (n: number): bigint => BigInt(n & 63);

export const int64Bigint: Int64 = {
  u64: (x) => u(BigInt(x)),
  s64: (x) => s(BigInt(x)),
  to_s64: (x) => s(S(x)),
  to_u64: (x) => u(U(x)),
  to_u32: (x) => Number(BigInt.asUintN(32, U(x))),
  to_s32: (x) => Number(BigInt.asIntN(32, U(x))),

  add: (a, b) => u(U(a) + U(b)),
  sub: (a, b) => u(U(a) - U(b)),
  mul: (a, b) => u(U(a) * U(b)),
  div: (a, b) => (U(b) === 0n ? divideError('div') : u(U(a) / U(b))),
  rem: (a, b) => (U(b) === 0n ? divideError('rem') : u(U(a) % U(b))),
  shr: (a, n) => u(U(a) >> shift(n)),
  shl: (a, n) => u(U(a) << shift(n)),
  and: (a, b) => u(U(a) & U(b)),
  or: (a, b) => u(U(a) | U(b)),
  xor: (a, b) => u(U(a) ^ U(b)),
  not: (a) => u(~U(a)),
  lt: (a, b) => U(a) < U(b),
  le: (a, b) => U(a) <= U(b),
  gt: (a, b) => U(a) > U(b),
  ge: (a, b) => U(a) >= U(b),
  min: (a, b) => (U(b) < U(a) ? b : a),
  max: (a, b) => (U(b) > U(a) ? b : a),

  s64_diff: (a, b) => s(U(a) - U(b)),
  s64_add: (a, b) => s(S(a) + S(b)),
  s64_sub: (a, b) => s(S(a) - S(b)),
  s64_mul: (a, b) => s(S(a) * S(b)),
  s64_neg: (a) => s(-S(a)),
  s64_div: (a, b) => (S(b) === 0n ? divideError('s64_div') : s(S(a) / S(b))),
  s64_shr: (a, n) => s(S(a) >> shift(n)),
  s64_lt: (a, b) => S(a) < S(b),
  s64_le: (a, b) => S(a) <= S(b),
  s64_gt: (a, b) => S(a) > S(b),
  s64_ge: (a, b) => S(a) >= S(b),
  s64_min: (a, b) => (S(b) < S(a) ? b : a),
  s64_max: (a, b) => (S(b) > S(a) ? b : a),

  mul_u64_u32_shr: (a, m, n) => u((U(a) * BigInt(m)) >> BigInt(n)),
  mul_u32_u32: (a, b) => u(BigInt(a) * BigInt(b)),

  toBigInt: (x) => U(x),
  s64_toBigInt: (x) => S(x),
  toNumber: (x) => Number(U(x)),
  s64_toNumber: (x) => Number(S(x)),
};
