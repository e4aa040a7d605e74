// SPDX-License-Identifier: GPL-2.0-only
/** Knobs that a patch adds are found, and set otherwise. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkKnobs, constantsIn, knobsOf, knobsSet, reachedWith } from '../../src/conform/patch/patch-knobs.js';
import { replayStep } from '../../src/conform/patch/replay-step.js';
import { checkPatch, type PatchCheck } from '../../src/conform/sched/patch-check.js';
import { findTree } from '../../src/native/find-tree.js';
import { applySeries } from '../../src/native/patch.js';
import { because, missing } from '../native/tree.js';

const FAIR = 'kernel/sched/fair.c';
const FEATURES = 'kernel/sched/features.h';
/** as the engine's, as far as it matters here */
const CONFIGURATION = new Map([['CONFIG_SMP', '1']]);
const lines = (texts: readonly string[], file = FAIR) => texts.map((text, i) => ({ file, line: i + 1, text }));
const found = (texts: readonly string[]) =>
  knobsOf(lines(texts), ({ text }) => !text.includes('left_out')).map(
    ({ name, was, tried }) => `${name} ${was} ${tried}`,
  );

describe('knobs', () => {
  it.each([
    ['SCHED_FEAT(FOO, false)', ['FOO false true']],
    [
      'static unsigned int sysctl_foo = 6 * NSEC_PER_MSEC;',
      ['sysctl_foo 6 * NSEC_PER_MSEC 0', 'sysctl_foo 6 * NSEC_PER_MSEC (6 * NSEC_PER_MSEC) * 16'],
    ],
    ['unsigned int __read_mostly foo = 1;', ['foo 1 0']],
    ['bool foo __read_mostly = true;', ['foo true false']],
    ['static u64 foo = 0ULL;', ['foo 0ULL 1']],
    ['static const u64 foo = 1;', []],
    ['\tint foo = 1;', []],
    ['static int left_out = 1;', []],
    ['static struct rq *foo = NULL;', []],
    ['static int foo[] = { 1 };', []],
  ])('of %j', (text, expected) => expect(found([text])).toEqual(expected));

  it('are features first, and every first value before a second', () => {
    expect(found(['int a = 5;', 'int b = 0;', 'SCHED_FEAT(C, true)'])).toEqual([
      'C true false',
      'a 5 0',
      'b 0 1',
      'a 5 (5) * 16',
    ]);
    expect(knobsOf(lines(['int a = 5;'], 'drivers/x.c'), () => true)).toEqual([]);
  });

  it('let lines run that did not otherwise', () => {
    const line = { file: FAIR, line: 1, text: 'x;' };
    const knob = { name: 'FOO', file: FAIR, line: 9, was: 'false', tried: 'true' };
    const check = {
      added: [
        { ...line, count: 4, absent: null },
        { ...line, count: 9, absent: null },
      ],
    } as unknown as PatchCheck;
    const own = [
      { ...line, count: 0, absent: 'folded' as const },
      { ...line, count: 2, absent: null },
    ];
    expect(reachedWith(own, [{ ...knob, check }])).toEqual([
      { ...line, count: 4, absent: null, with: 'FOO=true' },
      own[1],
    ]);
  });
});

describe.skipIf(missing !== null)(`a patch with a knob${because}`, { timeout: 300_000 }, () => {
  it('is tried with its other value, and what only a sysctl writes is a constant', async () => {
    const base = await findTree();
    const text = readFileSync(join(base.dir, FAIR), 'utf8').split('\n');
    const at = text.findIndex((line) => line.startsWith('static void yield_task_fair('));
    const place = text.findIndex((line, i) => i > at && line.includes('entity_eligible(cfs_rq, se)'));
    const hunk = (n: number, grown: number, added: readonly string[]) =>
      `@@ -${n + 1},1 +${n + 1 + grown},${added.length + 1} @@\n${added.map((line) => `+${line}\n`).join('')} ${text[n]}\n`;
    const one = hunk(at, 0, ['static unsigned int sysctl_twice = 0;', '']);
    const two = hunk(place, 2, ['\tif (sysctl_twice && sysctl_sched_rt_runtime)', '\t\tse->deadline += se->slice;']);
    const [step] = await applySeries(base, [{ subject: 'x', diff: `--- a/${FAIR}\n+++ b/${FAIR}\n${one}${two}` }]);
    expect(constantsIn(step!.tree, step!.added, CONFIGURATION)).toEqual(['sysctl_sched_rt_runtime', 'sysctl_twice']);
    expect(constantsIn(step!.tree, step!.added, new Map([['CONFIG_SYSCTL', '1']]))).toEqual([]);
    const options = { operations: 1000, seed: 1, cpus: 1, parts: ['lock-step'] } as const;
    const { knobs, untried } = await checkKnobs(base, step!.tree, step!.added, () => true, options);
    expect([knobs.length, untried]).toEqual([1, []]);
    expect(knobs[0]).toMatchObject({ name: 'sysctl_twice', was: '0', tried: '1' });
    // With 0, its own value, nothing would differ.
    const { ops, difference } = knobs[0]!.check.lockstep.finding!;
    expect(ops.at(-1)!.op).toMatch(/^YIELD/);
    // Once more, as the report says to.
    const { tree, names } = await knobsSet(step!.tree, step!.added, { sysctl_twice: '1', other: '2' });
    expect(names).toEqual(['sysctl_twice']);
    const { operations } = await replayStep(base, tree, ops, 1);
    expect(operations.at(-1)!.differences.map(({ field }) => field)).toContain(difference.field);
  });

  it('that is a SCHED_FEAT is built and run both ways', async () => {
    const base = await findTree();
    const features = readFileSync(join(base.dir, FEATURES), 'utf8').split('\n');
    const last = features.findLastIndex((line) => line.startsWith('SCHED_FEAT('));
    const text = readFileSync(join(base.dir, FAIR), 'utf8').split('\n');
    const at = text.findIndex((line) => line.startsWith('static void yield_task_fair('));
    const place = text.findIndex((line, i) => i > at && line.includes('entity_eligible(cfs_rq, se)'));
    const hunk = (file: string, line: string, n: number, added: readonly string[]) =>
      `--- a/${file}\n+++ b/${file}\n@@ -${n + 1},1 +${n + 1},${added.length + 1} @@\n${added.map((it) => `+${it}\n`).join('')} ${line}\n`;
    const feature = hunk(FEATURES, features[last]!, last, ['SCHED_FEAT(YIELD_TWICE, false)']);
    const use = hunk(FAIR, text[place]!, place, ['\tif (sched_feat(YIELD_TWICE))', '\t\tse->deadline += se->slice;']);
    const [step] = await applySeries(base, [{ subject: 'x', diff: `${feature}${use}` }]);
    const options = { operations: 1000, seed: 1, cpus: 1, parts: ['lock-step'] } as const;
    const own = await checkPatch(base, step!.tree, step!.added, options);
    expect(own.lockstep).toMatchObject({ finding: null, operations: expect.any(Number) });
    expect(own.lockstep.operations).toBeGreaterThan(500);
    const { knobs } = await checkKnobs(base, step!.tree, step!.added, () => true, options);
    expect(knobs).toMatchObject([{ name: 'YIELD_TWICE', was: 'false', tried: 'true' }]);
    expect(knobs[0]!.check.lockstep.finding!.ops.at(-1)!.op).toMatch(/^YIELD/);
  });
});
