// SPDX-License-Identifier: GPL-2.0-only
/** include/linux/math64.h, include/linux/log2.h, include/asm-generic/bitops/fls.h (6.12.117). */

import type { s64 as S64, u64 as U64 } from './types.js';
import { div, type s32, s64, s64_div, to_s32, toBigInt, toNumber, type u32, u64 } from './types.js';

/** include/linux/math64.h: div_s64(): the divisor parameter is an s32, so a wider one is truncated. */
export const div_s64 = (dividend: S64, divisor: s32): S64 => s64_div(dividend, s64(divisor));
/** include/linux/math64.h: div_u64() */
export const div_u64 = (dividend: U64, divisor: u32): U64 => div(dividend, u64(divisor));
/** An unsigned long handed to div_s64(): C narrows it to s32. */
export const div_s64_long = (dividend: S64, divisor: U64): S64 => div_s64(dividend, to_s32(divisor));

/** fls(): the last set bit of a u32, 1-based; 0 for 0. */
export const fls = (x: u32): number => 32 - Math.clz32(x);
/** ilog2() of a u32 that is not 0. */
export const ilog2 = (x: u32): number => 31 - Math.clz32(x);

/** include/linux/math64.h: mul_u64_u32_div(): floor(a * mul / divisor) of the 96-bit product, cut to 64 bits. */
export const mul_u64_u32_div = (a: U64, m: u32, divisor: u32): U64 => {
  const x = toNumber(a) * m;
  if (x <= Number.MAX_SAFE_INTEGER) return div(u64(x), u64(divisor));
  return u64((toBigInt(a) * BigInt(m)) / BigInt(divisor));
};
