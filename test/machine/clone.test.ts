// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { cloneMachine } from '../../src/machine/clone.js';
import type { machine } from '../../src/machine/state.js';

const clone = <T>(value: T): T => cloneMachine(value as unknown as machine) as unknown as T;

describe('a copy of a machine', () => {
  it('is equal and shares nothing', () => {
    const tree = { a: 1, b: [1, 2n], c: [{ d: { e: [] as number[] } }, { d: { e: [1] } }], n: null, s: 'x' };
    const copy = clone(tree);
    expect(copy).toEqual(tree);
    copy.c[0].d.e.push(7);
    copy.b.push(3);
    expect(tree.c[0].d.e).toEqual([]);
    expect(tree.b).toHaveLength(2);
  });

  it('keeps members that only some records of a table have, and null where others have a record', () => {
    const own = [{ a: 1 }, { a: 2, own: { b: 3 } }, { a: 4 }, { own: { b: 5 }, a: 6 }];
    const tree = { list: own, maybe: [null, { x: [1] }, null] };
    expect(clone(tree)).toEqual(tree);
    expect(clone({ list: [{ a: 1, later: 2 }], maybe: [] })).toEqual({ list: [{ a: 1, later: 2 }], maybe: [] });
    expect(Object.keys(clone(tree).list[3])).toEqual(['own', 'a']);
  });

  it('keeps arrays of arrays apart', () => {
    const tree = { unacked: [[1, 2], [3]] };
    const copy = clone(tree);
    copy.unacked[0][0] = 9;
    expect(tree.unacked[0][0]).toBe(1);
  });

  it('refuses a member whose name is no plain name', () => {
    expect(() => clone({ 'a: process.exit(), b': 1 })).toThrow('plain name');
  });
});
