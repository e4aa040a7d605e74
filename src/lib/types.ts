// SPDX-License-Identifier: GPL-2.0-only
/**
 * include/linux/types.h: the kernel's integers, with C's widths.
 *
 * u64 and s64 are opaque: at run time each is its *signed* 64-bit value, a `number` while it is within
 * +-(2^53 - 1) and a canonical BigInt beyond, so `===` is exact and every other operator does not compile
 * (TypeScript refuses all arithmetic and ordering on a symbol). `unsigned long` is u64, `long` is s64.
 * u32, s32, u16, u8 are plain numbers, narrowed where C narrows.
 */
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
