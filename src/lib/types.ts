// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/types.h: the kernel's integers, with C's widths.
 *
 * u64 and s64 are opaque: at run time each is its *signed* 64-bit value, a `number` while it is within
 * +-(2^53 - 1) and a canonical BigInt beyond, so `===` is exact and every other operator does not compile
 * (TypeScript refuses all arithmetic and ordering on a symbol). `unsigned long` is u64, `long` is s64.
 * u32, s32, u16, u8 are plain numbers, narrowed where C narrows.
 *
 * The operations exist three times: fast (`int64-number`), plain BigInt (`int64-bigint`, the oracle) and
 * checking (`int64-checked`, which reports what UBSan would). Which one a realm uses is settled by
 * `int64-choice` before this module is first loaded; call sites are the same for all three.
 */
import { chosenInt64 } from './int64-choice.js';

declare const width: unique symbol;

/** 64 bits, unsigned: compared by `lt`, `gt` ...; also C's `unsigned long`. */
export type u64 = symbol & { readonly [width]: 'u64' };
/** 64 bits, signed: compared by `s64_lt`, `s64_gt` ...; also C's `long`. */
export type s64 = symbol & { readonly [width]: 's64' };
/** Either of the two, for operations that do the same to both. */
export type i64 = u64 | s64;

export type u32 = number;
export type s32 = number;
export type u16 = number;
export type u8 = number;
export type bool = boolean;

/** The operations on 64-bit integers. Names without prefix take C's unsigned operands, `s64_` signed ones. */
export interface Int64 {
  /** A constant or a widened u32/s32, wrapped to 64 bits. */
  u64(x: number | bigint): u64;
  s64(x: number | bigint): s64;
  /** C's casts between the two: the bits stay. */
  to_s64(x: u64): s64;
  to_u64(x: s64): u64;
  /** (u32)x: the low 32 bits. */
  to_u32(x: i64): u32;
  /** (s32)x: the low 32 bits, sign-reinterpreted. */
  to_s32(x: i64): s32;

  add(a: u64, b: u64): u64;
  sub(a: u64, b: u64): u64;
  mul(a: u64, b: u64): u64;
  /** Truncating; KernelBug when b is 0. */
  div(a: u64, b: u64): u64;
  rem(a: u64, b: u64): u64;
  /** Logical shift; n is 0..63, beyond it C leaves the result undefined and x86 masks n. */
  shr(a: u64, n: u32): u64;
  shl(a: u64, n: u32): u64;
  and(a: u64, b: u64): u64;
  or(a: u64, b: u64): u64;
  xor(a: u64, b: u64): u64;
  not(a: u64): u64;
  lt(a: u64, b: u64): bool;
  le(a: u64, b: u64): bool;
  gt(a: u64, b: u64): bool;
  ge(a: u64, b: u64): bool;
  min(a: u64, b: u64): u64;
  max(a: u64, b: u64): u64;

  /** C's `(s64)(a - b)`: how the kernel orders times that wrap. */
  s64_diff(a: u64, b: u64): s64;
  s64_add(a: s64, b: s64): s64;
  s64_sub(a: s64, b: s64): s64;
  s64_mul(a: s64, b: s64): s64;
  s64_neg(a: s64): s64;
  /** Truncates toward zero. */
  s64_div(a: s64, b: s64): s64;
  /** Arithmetic shift. */
  s64_shr(a: s64, n: u32): s64;
  s64_lt(a: s64, b: s64): bool;
  s64_le(a: s64, b: s64): bool;
  s64_gt(a: s64, b: s64): bool;
  s64_ge(a: s64, b: s64): bool;
  s64_min(a: s64, b: s64): s64;
  s64_max(a: s64, b: s64): s64;

  /** include/linux/math64.h: floor(a * m / 2^s) of the 96-bit product, cut to 64 bits. */
  mul_u64_u32_shr(a: u64, m: u32, s: u32): u64;
  /** (u64)a * b, of two u32. */
  mul_u32_u32(a: u32, b: u32): u64;

  /** The value as a BigInt in C's range; for printing and for tests. */
  toBigInt(x: u64): bigint;
  s64_toBigInt(x: s64): bigint;
  /** The value as the nearest number; exact within +-2^53. For reports, never for kernel arithmetic. */
  toNumber(x: u64): number;
  s64_toNumber(x: s64): number;
}

const impl: Int64 = chosenInt64();

export const u64 = impl.u64;
export const s64 = impl.s64;
export const to_s64 = impl.to_s64;
export const to_u64 = impl.to_u64;
export const to_u32 = impl.to_u32;
export const to_s32 = impl.to_s32;
export const add = impl.add;
export const sub = impl.sub;
export const mul = impl.mul;
export const div = impl.div;
export const rem = impl.rem;
export const shr = impl.shr;
export const shl = impl.shl;
export const and = impl.and;
export const or = impl.or;
export const xor = impl.xor;
export const not = impl.not;
export const lt = impl.lt;
export const le = impl.le;
export const gt = impl.gt;
export const ge = impl.ge;
export const min = impl.min;
export const max = impl.max;
export const s64_diff = impl.s64_diff;
export const s64_add = impl.s64_add;
export const s64_sub = impl.s64_sub;
export const s64_mul = impl.s64_mul;
export const s64_neg = impl.s64_neg;
export const s64_div = impl.s64_div;
export const s64_shr = impl.s64_shr;
export const s64_lt = impl.s64_lt;
export const s64_le = impl.s64_le;
export const s64_gt = impl.s64_gt;
export const s64_ge = impl.s64_ge;
export const s64_min = impl.s64_min;
export const s64_max = impl.s64_max;
export const mul_u64_u32_shr = impl.mul_u64_u32_shr;
export const mul_u32_u32 = impl.mul_u32_u32;
export const toBigInt = impl.toBigInt;
export const s64_toBigInt = impl.s64_toBigInt;
export const toNumber = impl.toNumber;
export const s64_toNumber = impl.s64_toNumber;

/** 0 and 1, which C writes without a suffix. */
export const ZERO: u64 = u64(0);
export const ONE: u64 = u64(1);
export const S64_ZERO: s64 = s64(0);
/** include/linux/limits.h */
/** UINT_MAX of u32, plain as a u32 is */
export const U32_MAX: u32 = 0xffff_ffff;
export const U64_MAX: u64 = u64(0xffff_ffff_ffff_ffffn);
export const S64_MAX: s64 = s64(0x7fff_ffff_ffff_ffffn);
export const S64_MIN: s64 = s64(-0x8000_0000_0000_0000n);
