// SPDX-License-Identifier: GPL-2.0-only
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { int64Bigint } from '../../src/lib/int64-bigint.js';
import { int64Checked, listenInt64 } from '../../src/lib/int64-checked.js';
import { int64Number } from '../../src/lib/int64-number.js';
import type { Int64 } from '../../src/lib/types.js';

/** Values where representations and widths change: around 0, 2^31, 2^32, 2^36, 2^53, 2^63, 2^64. */
const edges = [0n, 1n << 31n, 1n << 32n, 1n << 36n, 1n << 53n, 1n << 62n, 1n << 63n, 1n << 64n];
const value = fc.oneof(
  fc.bigInt({ min: -(1n << 63n), max: (1n << 64n) - 1n }),
  fc.bigInt({ min: -(1n << 54n), max: 1n << 54n }),
  fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -3, max: 3 })).map(([e, d]) => e + BigInt(d)),
  fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -3, max: 3 })).map(([e, d]) => -e + BigInt(d)),
);
const u32 = fc.oneof(fc.integer({ min: 0, max: 0xffffffff }), fc.constantFrom(0, 1, 0xffffffff, 0x80000000));

const binary = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'lt', 'le', 'gt', 'ge', 'min', 'max'] as const;
const binaryDividing = ['div', 'rem'] as const;
const signedBinary = [
  's64_add',
  's64_sub',
  's64_mul',
  's64_lt',
  's64_le',
  's64_gt',
  's64_ge',
  's64_min',
  's64_max',
] as const;
const unary = ['not', 'to_s64', 'to_u64', 'to_u32', 'to_s32', 's64_neg', 'toBigInt', 's64_toBigInt'] as const;

function call(impl: Int64, op: keyof Int64, ...args: unknown[]): unknown {
  return (impl[op] as (...a: unknown[]) => unknown)(...args);
}

describe('int64', () => {
  for (const impl of [int64Number, int64Checked]) {
    const name = impl === int64Number ? 'number' : 'checked';
    for (const op of [...binary, ...signedBinary, ...binaryDividing, 's64_div' as const]) {
      it(`${name}: ${op} agrees with BigInt`, () => {
        fc.assert(
          fc.property(value, value, (x, y) => {
            const dividing = op === 'div' || op === 'rem' || op === 's64_div';
            fc.pre(!dividing || BigInt.asIntN(64, y) !== 0n);
            const got = call(impl, op, impl.u64(x), impl.u64(y));
            const want = call(int64Bigint, op, int64Bigint.u64(x), int64Bigint.u64(y));
            expect(Object.is(got, want), `${op}(${x}, ${y}) = ${String(got)}, expected ${String(want)}`).toBe(true);
          }),
          { numRuns: 2000 },
        );
      });
    }
    for (const op of unary) {
      it(`${name}: ${op} agrees with BigInt`, () => {
        fc.assert(
          fc.property(value, (x) => {
            expect(call(impl, op, impl.u64(x))).toStrictEqual(call(int64Bigint, op, int64Bigint.u64(x)));
          }),
          { numRuns: 2000 },
        );
      });
    }
    it(`${name}: shifts agree with BigInt`, () => {
      fc.assert(
        fc.property(value, fc.integer({ min: 0, max: 63 }), (x, n) => {
          for (const op of ['shr', 'shl', 's64_shr'] as const) {
            const got = call(impl, op, impl.u64(x), n);
            expect(Object.is(got, call(int64Bigint, op, int64Bigint.u64(x), n)), `${op}(${x}, ${n})`).toBe(true);
          }
        }),
        { numRuns: 4000 },
      );
    });
    it(`${name}: mul_u64_u32_shr and mul_u32_u32 agree with BigInt`, () => {
      fc.assert(
        fc.property(value, u32, u32, fc.integer({ min: 0, max: 32 }), (x, m, k, s) => {
          const got = impl.mul_u64_u32_shr(impl.u64(x), m, s);
          expect(got).toStrictEqual(int64Bigint.mul_u64_u32_shr(int64Bigint.u64(x), m, s));
          expect(impl.mul_u32_u32(m, k)).toStrictEqual(int64Bigint.mul_u32_u32(m, k));
        }),
        { numRuns: 10000 },
      );
    });
  }

  it('checked reports signed overflow, and only that', () => {
    const seen: string[] = [];
    const before = listenInt64((r) => seen.push(`${r.kind} ${r.op} ${r.operands.join(' ')}`));
    try {
      const max = int64Checked.s64(0x7fff_ffff_ffff_ffffn);
      int64Checked.s64_add(max, int64Checked.s64(0));
      int64Checked.s64_add(max, int64Checked.s64(1));
      int64Checked.add(int64Checked.u64(-1), int64Checked.u64(1));
      int64Checked.shr(int64Checked.u64(1), 64);
      int64Checked.to_s32(int64Checked.u64(1n << 31n));
    } finally {
      listenInt64(before);
    }
    expect(seen).toEqual([
      'signed-overflow s64_add 9223372036854775807 1',
      'shift-out-of-range shr 1 64',
      'narrowing to_s32 2147483648',
    ]);
  });
});
