// SPDX-License-Identifier: GPL-2.0-only
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadInput } from '../../src/base/faults.js';
import { VERSION } from '../../src/base/version.js';
import {
  type Case,
  caseFile,
  looksLikeToken,
  readCaseFile,
  readToken,
  tokenOf,
} from '../../src/loader/counterexample.js';
import type { MachineEvent } from '../../src/scenario/events.js';

const example: Case = {
  kernel: 'v6.19-rc1+semantics-aware-v2',
  against: 'v6.19-rc1',
  property: 'A6.1',
  scenario: { cpus: 1, groups: [{ name: 'vm' }], vms: [{ name: 'vm', vcpus: 2, group: 'vm' }], eager: true },
  events: [
    { ev: 'advance', ns: 3_000_000 },
    { ev: 'pause', cpu: 0 },
    { ev: 'tick', cpu: 0 },
  ],
};

function told(read: () => unknown): string {
  try {
    read();
  } catch (e) {
    if (e instanceof BadInput)
      return e.faults.map((f) => `${f.place}: expected ${f.expected}, got ${f.got}`).join('\n');
    throw e;
  }
  return 'read';
}

describe('a token', () => {
  it('says the same again', () => {
    expect(readToken(tokenOf(example))).toEqual(example);
    const checked: Case = { ...example, int64: 'checked', patch: './my-patch.ts' };
    expect(readToken(tokenOf(checked))).toEqual(checked);
  });

  it('is short', () => {
    expect(tokenOf(example).length).toBeLessThan(120);
  });

  it('is of any events', () => {
    const events: fc.Arbitrary<MachineEvent> = fc.oneof(
      fc.record({ ev: fc.constant('advance' as const), ns: fc.nat() }),
      fc.record({ ev: fc.constant('wake' as const), cpu: fc.nat({ max: 63 }), task: fc.nat({ max: 65535 }) }),
      fc.record({ ev: fc.constant('knob' as const), name: fc.stringMatching(/^[a-z_]{1,20}$/), value: fc.integer() }),
    );
    fc.assert(
      fc.property(fc.array(events), (list) => {
        const token = tokenOf({ ...example, events: list });
        expect(looksLikeToken(token)).toBe(true);
        expect(readToken(token).events).toEqual(list);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('cut short anywhere, is told so', () => {
    const token = tokenOf(example);
    for (let n = 3; n < token.length; n++) {
      const told_ = told(() => readToken(token.slice(0, n)));
      expect(told_, String(n)).toMatch(/cut short|altered/);
    }
  });

  it('altered in any one character, is told so', () => {
    const token = tokenOf(example);
    for (let i = 0; i < token.length - 1; i++) {
      const other = token[i] === 'A' ? 'B' : 'A';
      const altered = token.slice(0, i) + other + token.slice(i + 1);
      expect(
        told(() => readToken(altered)),
        `${i}: ${altered}`,
      ).not.toBe('read');
    }
  });

  it('of another format or with other characters, is told so', () => {
    expect(told(() => readToken('k2.AAAA'))).toContain('expected k1.');
    expect(told(() => readToken('k1.AA*A'))).toBe('character 6: expected a letter, a digit, - or _, got "*"');
    expect(told(() => readToken('k1.'))).toContain('cut short?');
  });
});

describe('a file', () => {
  it('says the same again', () => {
    expect(readCaseFile(caseFile(example), 'f.json')).toEqual(example);
  });

  it('of another version is refused, with the command that reads it', () => {
    const text = caseFile(example).replace(`"version": "${VERSION}"`, '"version": "9.9.9"');
    expect(told(() => readCaseFile(text, 'f.json'))).toContain(`expected ${VERSION}, this kvmodel, got 9.9.9: replay`);
  });

  it('cut short is told where', () => {
    const text = caseFile(example);
    for (const n of [0, 1, 50, text.length - 3]) {
      expect(told(() => readCaseFile(text.slice(0, n), 'f.json'))).toMatch(/line \d+, column \d+: expected JSON/);
    }
  });

  it('with many faults tells them all', () => {
    const bad = {
      schema: 'something',
      version: VERSION,
      kernel: 3,
      scenario: { cpus: 0, tasks: [{ comm: 'a' }] },
      events: [{ ev: 'tick', cpu: 'x' }, { ev: 'nothing' }],
      extra: 1,
    };
    expect(told(() => readCaseFile(JSON.stringify(bad), 'f.json')).split('\n')).toEqual([
      'schema: expected "kvmodel-counterexample-1", got "something"',
      'kernel: expected a string, got 3',
      'property: expected a member property, got nothing',
      'extra: expected no such member, got extra',
      'scenario.cpus: expected a whole number from 1 to 64, got 0',
      'events[0].cpu: expected a whole number from 0 to 63, got "x"',
      expect.stringContaining('events[1].ev: expected an event'),
    ]);
  });

  it('that is no object is told so', () => {
    for (const text of ['null', '[]', '3', '"x"']) expect(told(() => readCaseFile(text, 'f.json'))).not.toBe('read');
  });
});
