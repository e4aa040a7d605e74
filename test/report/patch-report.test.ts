// SPDX-License-Identifier: GPL-2.0-only
/** Reports on C code: counterexamples that stand alone, and what test harnesses read. */
import { describe, expect, it } from 'vitest';
import type { StepCheck } from '../../src/conform/patch/judge-step.js';
import { generateSequence, KINDS, xorshift32 } from '../../src/conform/sched/generate.js';
import { FEATURE_NAMES } from '../../src/native/format.js';
import { operation } from '../../src/operation/sched.js';
import { readSequence, sequenceText } from '../../src/operation/sched-text.js';
import { patchJunit, patchKtap } from '../../src/report/patch-harness.js';
import { patchMail } from '../../src/report/patch-mail.js';
import { patchText } from '../../src/report/patch-text.js';
import { verdictOf } from '../../src/report/patch-verdict.js';

const OPS = [
  operation('GROUP'),
  operation('FORK', { cpu: 1, a: 5, b: 1, flags: 1 }),
  operation('FEATURE', { id: FEATURE_NAMES.indexOf('DELAY_DEQUEUE') }),
  operation('YIELD_TO', { cpu: 1, id: 0 }),
];

const row = (id: string, before: string, after: string) => ({
  ...{ id, says: `${id} is kept`, base: { verdict: before, evidence: 'asked 30 times' } },
  patched: { verdict: after, evidence: 'seen' },
});
const broken = { ops: OPS, cpus: 2, fault: 'task 0 <is> late' };
const difference = { op: 3, field: 't[0].se.vruntime', left: '1', right: '2' };
const hunk = (status: string, why: string | null) => ({
  ...{ file: 'kernel/sched/fair.c', at: 7, length: 3, function: 'pick_eevdf', added: 1, removed: 0, status, why },
  ...{ by: [{ judge: 'scheduler lock-step', functions: [] }], leftOut: [], fuzz: 0, merged: false },
});
const CHECK = {
  ...{ options: [], apics: null, machine: null, alone: null, unable: [] },
  hunks: [hunk('judged', null), hunk('not judged', 'compiled, never executed')],
  scheduler: {
    lockstep: {
      ...{ sequences: 1, operations: 9, endings: 0 },
      finding: { seed: 1, kind: 'groups', original: 90, ops: OPS, difference },
    },
    properties: [
      row('fairness', 'holds', 'holds'),
      { ...row('forfeit', 'holds', 'refuted'), broken },
      row('least slice', 'refuted', 'refuted'),
      row('placement', 'vacuous', 'vacuous'),
    ],
    added: [{ file: 'kernel/sched/fair.c', line: 8, text: 'x = 1;', count: 0, absent: null }],
    ...{
      reports: [],
      ending: null,
      boots: true,
      missing: [],
      knobs: [],
      untried: [],
      constants: [],
      coverage: { lines: new Map(), functions: new Map() },
    },
  },
} as unknown as StepCheck;
const JUDGED = [{ subject: 'sched: <one> # two', check: CHECK }];
const ABOUT = { again: 'kvmodel check --am x.patch', features: FEATURE_NAMES, cpus: 2 };

describe('a counterexample in C', () => {
  it.each(KINDS)('of kind %s is read back as it was printed', (kind) => {
    const { setup, ops } = generateSequence(xorshift32(7), kind, { cpus: 4, length: 200, maxTasks: 24 });
    const all = [...setup, ...ops];
    const read = readSequence(sequenceText(all), 'x', 4);
    expect([sequenceText(read.ops), read.faults]).toEqual([sequenceText(all), []]);
    expect(read.ops.map((op) => BigInt(op.a))).toEqual(all.map((op) => BigInt(op.a)));
  });

  it('that names what is not there is refused, every fault with its place', () => {
    const faults = (text: string) =>
      readSequence(text, 'x', 2).faults.map((f) => `${f.place}: ${f.expected}, got ${f.got}`);
    expect(faults('FORK; WAKE id 1; TICK cpu 2; SHARES id 1; FORK b 1; MOVE a 1')).toEqual([
      'x[1]: a task below 1, got 1',
      'x[2]: a CPU below 2, got 2',
      'x[3]: a group below 1, got 1',
      'x[4]: a group below 1, got 1',
      'x[5]: a group below 1, got 1',
    ]);
    expect(faults('FORX')[0]).toContain('perhaps FORK');
    expect(faults('FORK a 1e3; FORK q 1; FORK a 99999999999999999999')).toHaveLength(3);
    expect(faults(' ; \n')).toEqual(['x: operations, got none']);
  });

  it('describes its machine, says what each operation does, and how it is replayed', () => {
    const again = `again: kvmodel check --am x.patch --cpus 2 --sequence '${sequenceText(OPS)}'`;
    for (const text of [patchText('6.12', JUDGED, ABOUT), patchMail('6.12', JUDGED, ABOUT)]) {
      expect(text.split(again)).toHaveLength(3);
      const plain = text.replace(/\s+/g, ' ');
      expect(plain).toContain('machine: 2 CPUs, no shared cache; HZ=1000, one second after boot, idle');
      expect(plain).toContain("1 task, 1 group of shares 1024; every queue's vruntime starts at -1048576 ns");
      expect(plain).toContain('FORK cpu 1 a 5 b 1 flags 1 makes task 0: nice 5, in group 1, on CPU 1, any allowed');
      expect(plain).toContain('FEATURE id 8 DELAY_DEQUEUE off');
      expect(plain).toContain('what runs on CPU 1 calls yield_to() of task 0');
      expect(plain).toContain('task 0 <is> late');
    }
  });
});

describe('for a test harness', () => {
  it('is KTAP: refuted fails, refuted before is expected, what was not judged is skipped', () => {
    const lines = patchKtap('6.12', JUDGED, 1).split('\n');
    expect(lines.slice(0, 5)).toEqual([
      'KTAP version 1',
      '# 6.12 (C code) before and after, seed 1',
      '1..1',
      '  KTAP version 1',
      '  # Subtest: sched: <one>   two',
    ]);
    expect(lines.filter((line) => /^ *(?:not )?ok/.test(line))).toEqual([
      '  ok 1 judged: kernel/sched/fair.c:7 pick_eevdf()',
      '  ok 2 judged: kernel/sched/fair.c:7 pick_eevdf() # SKIP NOTHING: compiled, never executed',
      '  ok 3 fairness: fairness is kept',
      '  not ok 4 forfeit: forfeit is kept # task 0 <is> late',
      '  ok 5 least slice: least slice is kept # XFAIL refuted before, refuted: seen',
      '  ok 6 placement: placement is kept # SKIP vacuous: seen',
      '  ok 7 UBSan: nothing that the base does not do',
      '  ok 8 no operation ends the kernel',
      'not ok 1 sched: <one>   two',
    ]);
    expect(lines).toContain(`  # ${sequenceText(OPS)}`);
    expect(lines).toContain('  # never executed: kernel/sched/fair.c:8: x = 1;');
    expect(lines.at(-2)).toBe('# Totals: pass:4 fail:1 xfail:1 xpass:0 skip:2 error:0');
    expect(verdictOf(JUDGED)).toBe('refuted');
  });

  it('is JUnit, with the same numbers', () => {
    const xml = patchJunit('6.12', JUDGED);
    expect(xml).toContain('<testsuite name="sched: &lt;one&gt; # two" tests="8" failures="1" errors="0" skipped="2">');
    expect(xml).toContain(`<failure message="task 0 &lt;is&gt; late">${sequenceText(OPS)}</failure>`);
    expect(xml.match(/<testcase /g)).toHaveLength(8);
  });
});
