// SPDX-License-Identifier: GPL-2.0-only
/**
 * 64-bit integers as their signed value: a `number` within +-(2^53 - 1), a canonical BigInt beyond.
 *
 * Invariant: a value has exactly one representation, and never -0. So `===` is equality, and `<` between the
 * two representations is exact (JavaScript compares a number with a BigInt by value).
 */
import { divideError } from './bug.js';
import type { Int64 } from './types.js';

type Raw = number | bigint;
// as constants they take less bytecode, which V8 counts when it inlines
const { abs, floor, trunc } = Math;
const MAX = Number.MAX_SAFE_INTEGER;
const BIG_MAX = BigInt(MAX);
/** WHY typed: V8 knows where the elements of a constant one are, and that n & 63 is within. */
const POW2 = Float64Array.from({ length: 64 }, (_, n) => Number(1n << BigInt(n)));
/** 2^-n: a product with it is as exact as the quotient, and faster. */
const INV_POW2 = POW2.map((x) => 1 / x);

/** Wraps to 64 bits and picks the representation. */
function canon(x: bigint): Raw {
  const v = BigInt.asIntN(64, x);
  return v <= BIG_MAX && v >= -BIG_MAX ? Number(v) : v;
}

/** The unsigned value. */
const unsigned = (x: Raw): bigint => BigInt.asUintN(64, BigInt(x));

const HIGH = 65536;
/** Below 2^36 and shifted by 16 or more, both partial products and their sum are exact. */
const SHORT = POW2[36];

/** What is too wide for a number, or divides by 0. */
function makeBig(x: Raw): Raw {
  return canon(BigInt(x));
}
function addBig(x: Raw, y: Raw): Raw {
  return canon(BigInt(x) + BigInt(y));
}
function subBig(x: Raw, y: Raw): Raw {
  return canon(BigInt(x) - BigInt(y));
}
function mulBig(x: Raw, y: Raw): Raw {
  return canon(BigInt(x) * BigInt(y));
}
function divBig(x: Raw, y: Raw): Raw {
  return y === 0 ? divideError('div') : canon(unsigned(x) / unsigned(y));
}
function remBig(x: Raw, y: Raw): Raw {
  return y === 0 ? divideError('rem') : canon(unsigned(x) % unsigned(y));
}
function shrBig(x: Raw, n: number): Raw {
  return canon(unsigned(x) >> BigInt(n & 63));
}
function shlBig(x: Raw, n: number): Raw {
  return canon(BigInt(x) << BigInt(n & 63));
}
function andBig(x: Raw, y: Raw): Raw {
  return canon(BigInt(x) & BigInt(y));
}
function s64_divBig(x: Raw, y: Raw): Raw {
  return y === 0 ? divideError('s64_div') : canon(BigInt(x) / BigInt(y));
}
function s64_shrBig(x: Raw, n: number): Raw {
  return canon(BigInt(x) >> BigInt(n & 63));
}
function mulShrBig(x: Raw, m: number, s: number): Raw {
  return canon((unsigned(x) * BigInt(m)) >> BigInt(s));
}

/*
 * Operands and results are what the opaque types stand for; `Int64` gives them their types below.
 * WHY no helpers on the fast paths: V8 inlines by a budget of bytecode, and these are nearly every line's callees.
 */

function make(x: Raw): Raw {
  if (typeof x === 'number' && abs(x) <= MAX) return x + 0;
  return makeBig(x);
}

function add(x: Raw, y: Raw): Raw {
  if (typeof x === 'number' && typeof y === 'number') {
    const r = x + y;
    if (abs(r) <= MAX) return r;
  }
  return addBig(x, y);
}

function sub(x: Raw, y: Raw): Raw {
  if (typeof x === 'number' && typeof y === 'number') {
    const r = x - y;
    if (abs(r) <= MAX) return r;
  }
  return subBig(x, y);
}

function mul(x: Raw, y: Raw): Raw {
  if (typeof x === 'number' && typeof y === 'number') {
    const r = x * y;
    if (abs(r) <= MAX) return r + 0;
  }
  return mulBig(x, y);
}

function div(x: Raw, y: Raw): Raw {
  if (typeof x === 'number' && typeof y === 'number' && x >= 0 && y > 0) return floor(x / y);
  return divBig(x, y);
}

function rem(x: Raw, y: Raw): Raw {
  if (typeof x === 'number' && typeof y === 'number' && x >= 0 && y > 0) return x - floor(x / y) * y;
  return remBig(x, y);
}

function shr(x: Raw, n: number): Raw {
  if (typeof x === 'number' && x >= 0) return floor(x * INV_POW2[n & 63]);
  return shrBig(x, n);
}

function shl(x: Raw, n: number): Raw {
  if (typeof x === 'number') {
    const r = x * POW2[n & 63];
    if (abs(r) <= MAX) return r;
  }
  return shlBig(x, n);
}

function and(x: Raw, y: Raw): Raw {
  if (typeof x === 'number' && typeof y === 'number' && x >= 0 && y >= 0 && x < HIGH * HIGH && y < HIGH * HIGH) {
    return (x & y) >>> 0;
  }
  return andBig(x, y);
}

function s64_div(x: Raw, y: Raw): Raw {
  if (typeof x === 'number' && typeof y === 'number' && y !== 0) return trunc(x / y) + 0;
  return s64_divBig(x, y);
}

function s64_shr(x: Raw, n: number): Raw {
  if (typeof x === 'number') return floor(x * INV_POW2[n & 63]);
  return s64_shrBig(x, n);
}

function to_u32(x: Raw): number {
  return typeof x === 'number' ? x >>> 0 : Number(BigInt.asUintN(32, x));
}

function to_s32(x: Raw): number {
  return typeof x === 'number' ? x | 0 : Number(BigInt.asIntN(32, x));
}

/** Unsigned order of two signed values: of equal sign as they are, else the negative one is the larger. */
function lt(x: Raw, y: Raw): boolean {
  return x < 0 === y < 0 ? x < y : y < 0;
}

function le(x: Raw, y: Raw): boolean {
  return x < 0 === y < 0 ? x <= y : y < 0;
}

function mul_u64_u32_shr(x: Raw, m: number, s: number): Raw {
  if (typeof x === 'number' && x >= 0) {
    const p = x * m;
    if (p <= MAX) return floor(p * INV_POW2[s]);
    if (x < SHORT && s >= 16) {
      const hi = m >>> 16;
      const lo = m & 0xffff;
      return floor((x * hi + floor(x * lo * INV_POW2[16])) * INV_POW2[s - 16]);
    }
  }
  return mulShrBig(x, m, s);
}

function toNumber(x: Raw): number {
  return typeof x === 'number' && x >= 0 ? x : Number(unsigned(x));
}

const onRaw = {
  u64: make,
  s64: make,
  to_s64: (x: Raw) => x,
  to_u64: (x: Raw) => x,
  to_u32,
  to_s32,

  add,
  sub,
  mul,
  div,
  rem,
  shr,
  shl,
  and,
  or: (x: Raw, y: Raw) => canon(BigInt(x) | BigInt(y)),
  xor: (x: Raw, y: Raw) => canon(BigInt(x) ^ BigInt(y)),
  not: (x: Raw) => canon(~BigInt(x)),
  lt,
  le,
  gt: (x: Raw, y: Raw) => (x < 0 === y < 0 ? x > y : x < 0),
  ge: (x: Raw, y: Raw) => (x < 0 === y < 0 ? x >= y : x < 0),
  min: (x: Raw, y: Raw) => ((x < 0 === y < 0 ? y < x : x < 0) ? y : x),
  max: (x: Raw, y: Raw) => ((x < 0 === y < 0 ? x < y : y < 0) ? y : x),

  s64_diff: sub,
  s64_add: add,
  s64_sub: sub,
  s64_mul: mul,
  s64_neg: (x: Raw) => (typeof x === 'number' ? 0 - x : canon(-x)),
  s64_div,
  s64_shr,
  s64_lt: (x: Raw, y: Raw) => x < y,
  s64_le: (x: Raw, y: Raw) => x <= y,
  s64_gt: (x: Raw, y: Raw) => x > y,
  s64_ge: (x: Raw, y: Raw) => x >= y,
  s64_min: (x: Raw, y: Raw) => (y < x ? y : x),
  s64_max: (x: Raw, y: Raw) => (x < y ? y : x),

  mul_u64_u32_shr,
  mul_u32_u32: (a: number, b: number) => (a * b <= MAX ? a * b : canon(BigInt(a) * BigInt(b))),

  toBigInt: unsigned,
  s64_toBigInt: (x: Raw) => BigInt(x),
  toNumber,
  s64_toNumber: (x: Raw) => Number(x),
};

/** What the functions above return is the value of the type that `Int64` names: a symbol to the compiler alone. */
type OnRaw<F> = F extends (...args: infer A) => infer R
  ? (...args: { [K in keyof A]: AsRaw<A[K]> }) => AsRaw<R>
  : never;
type AsRaw<T> = T extends symbol ? Raw : T;

const checked: { [K in keyof Int64]: OnRaw<Int64[K]> } = onRaw;
export const int64Number = checked as unknown as Int64;
