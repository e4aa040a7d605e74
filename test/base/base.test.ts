// SPDX-License-Identifier: GPL-2.0-only
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assert, unreachable } from '../../src/base/assert.js';
import { nearestWord, oneOf, reject, shown } from '../../src/base/faults.js';
import { jsonFaultAt } from '../../src/base/json-fault.js';
import { stableJson } from '../../src/base/stable-json.js';
import { table } from '../../src/base/table.js';
import { ascii, columns, count, inWidth, wrap } from '../../src/base/text.js';
import { VERSION } from '../../src/base/version.js';

describe('stable JSON', () => {
  it('sorts keys, writes BigInts as decimal strings, leaves undefined out', () => {
    expect(stableJson({ b: 1, a: [2n, undefined, -0], c: undefined, '10': true })).toBe(
      '{"10":true,"a":["2",null,0],"b":1}',
    );
    expect(stableJson({ a: {}, b: [] }, 2)).toBe('{\n  "a": {},\n  "b": []\n}');
    expect(stableJson({ a: [1] }, 2)).toBe('{\n  "a": [\n    1\n  ]\n}');
  });

  it('refuses what JSON cannot say', () => {
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY, () => 1, Symbol('x')]) {
      expect(() => stableJson({ x })).toThrow(TypeError);
    }
  });

  it('says what JSON.parse understands, whatever the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.boolean(), (value, indented) => {
        const text = stableJson(value, indented ? 2 : 0);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(stableJson(turned(value), indented ? 2 : 0)).toBe(text);
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});

/** The same value with its keys inserted the other way round. */
function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned);
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = Object.create(null);
  for (const [k, v] of Object.entries(value).reverse()) out[k] = turned(v);
  return out;
}

describe('where JSON breaks', () => {
  it('is nowhere in JSON', () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 0, max: 4 }), (text, indent) => {
        expect(jsonFaultAt(text)).toBe(-1);
        expect(jsonFaultAt(JSON.stringify(JSON.parse(text), null, indent))).toBe(-1);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('is somewhere exactly when JSON.parse() fails', () => {
    const parses = (text: string): boolean => {
      try {
        JSON.parse(text);
        return true;
      } catch {
        return false;
      }
    };
    const mangled = fc.tuple(fc.json(), fc.nat(), fc.stringMatching(/^[{}[\],:"0-9a-e.\\ -]{0,2}$/));
    fc.assert(
      fc.property(mangled, ([text, at, put]) => {
        const i = at % (text.length + 1);
        const other = text.slice(0, i) + put + text.slice(i + 1);
        expect(jsonFaultAt(other) === -1, other).toBe(parses(other));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  it.each([
    ['', 0],
    ['root:x', 0],
    ['[1,]', 3],
    ['{"a":1,}', 7],
    ['{"a" 1}', 5],
    ['[1 2]', 3],
    ['{"a":tru}', 5],
    ['"abc', 0],
    ['[1', 2],
    ['1 1', 2],
  ])('%s: at %d', (text, at) => {
    expect(jsonFaultAt(text)).toBe(at);
  });
});

describe('text', () => {
  it('wraps within the width and loses no word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[!-~]{1,30}$/), { maxLength: 30 }),
        fc.integer({ min: 10, max: 80 }),
        fc.integer({ min: 0, max: 6 }),
        (words, width, indent) => {
          const lines = wrap(words.join(' '), width, ' '.repeat(indent));
          for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
          expect(lines.join('').replaceAll(' ', '')).toBe(words.join(''));
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });

  it('keeps leading and inner spaces', () => {
    expect(wrap('  A6  some words here', 14, '      ')).toEqual(['  A6  some', '      words', '      here']);
  });

  it('fits, counts, aligns, and stays ASCII', () => {
    expect(inWidth('abcdef', 4)).toBe('abc~');
    expect(inWidth('ab', 4)).toBe('ab  ');
    expect([count(1, 'run'), count(2, 'run'), count(0, 'entry', 'entries')]).toEqual(['1 run', '2 runs', '0 entries']);
    expect(
      columns(
        [
          ['a', '1'],
          ['bbb', '22'],
        ],
        [1],
      ),
    ).toEqual(['a     1', 'bbb  22']);
    expect(ascii('caf\u00e9 \u2192\tx')).toBe('caf? ??x');
  });

  it('draws a table in plain ASCII', () => {
    const cols = [
      { head: 'id', width: 3 },
      { head: 'words', width: 9 },
    ];
    expect(
      table(cols, [
        ['A1', 'bounded penalties'],
        ['A2', 'x'],
      ]),
    ).toEqual(['id   words', '---  ---------', 'A1   bounded', '     penalties', 'A2   x']);
  });
});

describe('faults', () => {
  it('know the word that was meant', () => {
    expect(nearestWord('chekc', ['list', 'check'])).toBe('check');
    expect(nearestWord('semantics', ['semantics-aware-v2'])).toBe('semantics-aware-v2');
    expect(nearestWord('zzz', ['list', 'check'])).toBeNull();
    expect(oneOf('a word', 'zzz', [])).toBe('a word (there are none)');
    expect(oneOf('a word', 'zzz', ['one', 'two'])).toBe('a word: one, two');
  });

  it('show values in few characters', () => {
    expect(shown({ a: 'x'.repeat(100) }).length).toBeLessThanOrEqual(40);
    expect([shown(undefined), shown('a'), shown(1n)]).toEqual(['nothing', '"a"', '1']);
    expect(() => reject('f', 'c', 'p', 'e', 'g')).toThrow('f: p: expected e, got g');
  });
});

describe('assertions', () => {
  it('are for what cannot happen', () => {
    expect(() => assert(false, 'no')).toThrow('no');
    expect(() => unreachable('x' as never)).toThrow('rule out');
  });
});

it('has the version of its package', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect(VERSION).toBe(JSON.parse(text).version);
});
