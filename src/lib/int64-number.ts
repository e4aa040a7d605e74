// SPDX-License-Identifier: GPL-2.0-only
/**
 * 64-bit integers as their signed value: a `number` within +-(2^53 - 1), a canonical BigInt beyond.
 *
 * Invariant: a value has exactly one representation, and never -0. So `===` is equality, and `<` between the
 * two representations is exact (JavaScript compares a number with a BigInt by value).
 */
import { divideError } from './bug.js';
import type { Int64, i64, s64, u64 } from './types.js';

type Raw = number | bigint;
const MAX = Number.MAX_SAFE_INTEGER;
const BIG_MAX = BigInt(MAX);
const POW2: readonly number[] = Array.from({ length: 64 }, (_, n) => Number(1n << BigInt(n)));
/** 2^-n: a product with it is as exact as the quotient, and faster. */
const INV_POW2: readonly number[] = POW2.map((x) => 1 / x);

const raw = (x: i64): Raw => x as unknown as Raw;
const out = <T extends i64>(x: Raw): T => x as unknown as T;

/** Wraps to 64 bits and picks the representation. */
function canon(x: bigint): Raw {
  const v = BigInt.asIntN(64, x);
  return v <= BIG_MAX && v >= -BIG_MAX ? Number(v) : v;
}

/** The unsigned value. */
const unsigned = (x: Raw): bigint => BigInt.asUintN(64, BigInt(x));

function make<T extends i64>(x: number | bigint): T {
  if (typeof x === 'number') {
    if (x <= MAX && x >= -MAX) return out<T>(x + 0);
    return out<T>(canon(BigInt(x)));
  }
  return out<T>(canon(x));
}

function add<T extends i64>(a: T, b: T): T {
  const x = raw(a);
  const y = raw(b);
  if (typeof x === 'number' && typeof y === 'number') {
    const r = x + y;
    if (r <= MAX && r >= -MAX) return out<T>(r);
  }
  return out<T>(canon(BigInt(x) + BigInt(y)));
}

function sub<T extends i64>(a: T, b: T): T {
  const x = raw(a);
  const y = raw(b);
  if (typeof x === 'number' && typeof y === 'number') {
    const r = x - y;
    if (r <= MAX && r >= -MAX) return out<T>(r);
  }
  return out<T>(canon(BigInt(x) - BigInt(y)));
}

function mul<T extends i64>(a: T, b: T): T {
  const x = raw(a);
  const y = raw(b);
  if (typeof x === 'number' && typeof y === 'number') {
    const r = x * y;
    if (r <= MAX && r >= -MAX) return out<T>(r + 0);
  }
  return out<T>(canon(BigInt(x) * BigInt(y)));
}

/** Unsigned order of two signed values: of equal sign as they are, else the negative one is the larger. */
function below(x: Raw, y: Raw): boolean {
  return x < 0 === y < 0 ? x < y : y < 0;
}

function shl<T extends i64>(a: T, n: number): T {
  const x = raw(a);
  const k = n & 63;
  if (typeof x === 'number') {
    const r = x * POW2[k];
    if (r <= MAX && r >= -MAX) return out<T>(r);
  }
  return out<T>(canon(BigInt(x) << BigInt(k)));
}

function low32(x: Raw): number {
  if (typeof x === 'number') return x >>> 0;
  return Number(BigInt.asUintN(32, x));
}

const HIGH = 65536;
/** Below 2^36 and shifted by 16 or more, both partial products and their sum are exact. */
const SHORT = POW2[36];

export const int64Number: Int64 = {
  u64: (x) => make<u64>(x),
  s64: (x) => make<s64>(x),
  to_s64: (x) => x as unknown as s64,
  to_u64: (x) => x as unknown as u64,
  to_u32: (x) => low32(raw(x)),
  to_s32: (x) => low32(raw(x)) | 0,

  add: (a, b) => add(a, b),
  sub: (a, b) => sub(a, b),
  mul: (a, b) => mul(a, b),
  div(a, b) {
    const x = raw(a);
    const y = raw(b);
    if (y === 0) return divideError('div');
    if (typeof x === 'number' && typeof y === 'number' && x >= 0 && y > 0) return out(Math.floor(x / y));
    return out(canon(unsigned(x) / unsigned(y)));
  },
  rem(a, b) {
    const x = raw(a);
    const y = raw(b);
    if (y === 0) return divideError('rem');
    if (typeof x === 'number' && typeof y === 'number' && x >= 0 && y > 0) return out(x - Math.floor(x / y) * y);
    return out(canon(unsigned(x) % unsigned(y)));
  },
  shr(a, n) {
    const x = raw(a);
    const k = n & 63;
    if (typeof x === 'number' && x >= 0) return out(Math.floor(x * INV_POW2[k]));
    return out(canon(unsigned(x) >> BigInt(k)));
  },
  shl: (a, n) => shl(a, n),
  and(a, b) {
    const x = raw(a);
    const y = raw(b);
    if (typeof x === 'number' && typeof y === 'number' && x >= 0 && y >= 0 && x < HIGH * HIGH && y < HIGH * HIGH) {
      return out((x & y) >>> 0);
    }
    return out(canon(BigInt(x) & BigInt(y)));
  },
  or: (a, b) => out(canon(BigInt(raw(a)) | BigInt(raw(b)))),
  xor: (a, b) => out(canon(BigInt(raw(a)) ^ BigInt(raw(b)))),
  not: (a) => out(canon(~BigInt(raw(a)))),
  lt: (a, b) => below(raw(a), raw(b)),
  le: (a, b) => !below(raw(b), raw(a)),
  gt: (a, b) => below(raw(b), raw(a)),
  ge: (a, b) => !below(raw(a), raw(b)),
  min: (a, b) => (below(raw(b), raw(a)) ? b : a),
  max: (a, b) => (below(raw(a), raw(b)) ? b : a),

  s64_add: (a, b) => add(a, b),
  s64_sub: (a, b) => sub(a, b),
  s64_mul: (a, b) => mul(a, b),
  s64_neg(a) {
    const x = raw(a);
    return typeof x === 'number' ? out(0 - x) : out(canon(-x));
  },
  s64_div(a, b) {
    const x = raw(a);
    const y = raw(b);
    if (y === 0) return divideError('s64_div');
    if (typeof x === 'number' && typeof y === 'number') return out(Math.trunc(x / y) + 0);
    return out(canon(BigInt(x) / BigInt(y)));
  },
  s64_shr(a, n) {
    const x = raw(a);
    const k = n & 63;
    if (typeof x === 'number') return out(Math.floor(x * INV_POW2[k]));
    return out(canon(x >> BigInt(k)));
  },
  s64_lt: (a, b) => raw(a) < raw(b),
  s64_le: (a, b) => raw(a) <= raw(b),
  s64_gt: (a, b) => raw(a) > raw(b),
  s64_ge: (a, b) => raw(a) >= raw(b),
  s64_min: (a, b) => (raw(b) < raw(a) ? b : a),
  s64_max: (a, b) => (raw(a) < raw(b) ? b : a),

  mul_u64_u32_shr(a, m, s) {
    const x = raw(a);
    if (typeof x === 'number' && x >= 0) {
      const p = x * m;
      if (p <= MAX) return out(Math.floor(p * INV_POW2[s]));
      if (x < SHORT && s >= 16) {
        const hi = m >>> 16;
        const lo = m & 0xffff;
        return out(Math.floor((x * hi + Math.floor(x * lo * INV_POW2[16])) * INV_POW2[s - 16]));
      }
    }
    return out(canon((unsigned(x) * BigInt(m)) >> BigInt(s)));
  },
  mul_u32_u32(a, b) {
    const p = a * b;
    return p <= MAX ? out(p) : out(canon(BigInt(a) * BigInt(b)));
  },

  toBigInt: (x) => unsigned(raw(x)),
  s64_toBigInt: (x) => BigInt(raw(x)),
  toNumber: (x) => {
    const v = raw(x);
    return typeof v === 'number' && v >= 0 ? v : Number(unsigned(v));
  },
  s64_toNumber: (x) => Number(raw(x)),
};
