// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { mutantsOf } from './mutate.js';

const MODULE = `
import { lt as $lt, le as $le, sub as $sub } from './types.js'; const lt = $lt, le = $le, sub = $sub;
export function f(a, b) {
  if (lt(a, b)) return 0;
  this.trace_it(a);
  this.update(a);
  return sub(a, b);
}
function other(a) { return a + 1; }
`;

describe('mutants', () => {
  const mutants = mutantsOf(MODULE, new Set(['f']));

  it('are of the functions asked for, and leave out what only tells', () => {
    expect(mutants.map(({ what }) => what)).toEqual([
      'if (lt(a, b)) -> if (true)',
      'if (lt(a, b)) -> if (false)',
      'lt(a, b): le',
      'lt(a, b) -> lt(b, a)',
      '0 -> 1',
      'dropped: this.update(a);',
      'sub(a, b) -> sub(b, a)',
    ]);
    expect(new Set(mutants.map(({ fn }) => fn))).toEqual(new Set(['f']));
  });

  it('differ from the module in that place alone', () => {
    const [first] = mutants;
    expect(first.line).toBe(4);
    expect(first.text).toBe(MODULE.replace('lt(a, b))', 'true)'));
  });
});
