// SPDX-License-Identifier: GPL-2.0-only
/** Added lines that the compiler leaves out are told from those that no run came to. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StepCheck } from '../../src/conform/patch/judge-step.js';
import type { ReachedLine } from '../../src/conform/sched/patch-check.js';
import { build, schedulerProver } from '../../src/native/build.js';
import { findTree } from '../../src/native/find-tree.js';
import { absentLines } from '../../src/native/folded-lines.js';
import { buildLapic, lapicProver } from '../../src/native/lapic-build.js';
import { applySeries } from '../../src/native/patch.js';
import { patchMail } from '../../src/report/patch-mail.js';
import { patchText } from '../../src/report/patch-text.js';
import { because, missing } from '../native/tree.js';

const FAIR = 'kernel/sched/fair.c';
const BEFORE = '\tif (entity_eligible(cfs_rq, se)) {\n\t\tse->vruntime = se->deadline;\n';
/** Each line with what becomes of it; undefined for what is no statement, null for one that is compiled as it stands. */
const ADDED: readonly (readonly [line: string, absent: string | undefined])[] = [
  ['\tu64 base = 700000, penalty = clamp(se->slice, base, base * 10);', undefined],
  ['', undefined],
  ['\tif (penalty < base)', 'merged'],
  ['\t\tpenalty = base;', 'folded'],
  ['\tif (penalty > 6000000)', 'merged'],
  ['\t\tpenalty = 6000000;', 'merged'],
  ['\telse if (cfs_rq->nr_running < 0) {', undefined],
  ['\t\tse->deadline += 77;', 'folded'],
  ['\t\treturn;', 'folded'],
  ['\t}', undefined],
  ['\tse->deadline += penalty >> 8;', 'merged'],
];
const HELPER = [
  ['static void nobody_calls(struct sched_entity *se)', undefined],
  ['{', undefined],
  ['\tse->deadline++;', 'uncalled'],
  ['}', undefined],
  ['', undefined],
] as const;

const LAPIC = 'arch/x86/kvm/lapic.c';
const IN_LAPIC = [
  ['\tif ((u8)tpr > 255)', 'merged'],
  ['\t\tkvm_lapic_set_reg(apic, APIC_TASKPRI, 0);', 'folded'],
  ['\tif (tpr > 200)', 'merged'],
  ['\t\tkvm_lapic_set_reg(apic, APIC_TASKPRI, 200);', 'merged'],
] as const;

describe.skipIf(missing !== null)(`lines that the compiler leaves out${because}`, { timeout: 120_000 }, () => {
  it('are those that control cannot come to, and those of a function that nothing calls', async () => {
    const base = await findTree();
    const text = readFileSync(join(base.dir, FAIR), 'utf8');
    const head = text.indexOf('static void yield_task_fair(');
    const at = text.indexOf(BEFORE, head);
    expect(Math.min(head, at)).toBeGreaterThan(0);
    const hunk = (place: number, lines: readonly (readonly [string, string | undefined])[]) => {
      const line = text.slice(0, place).split('\n').length;
      const context = text.split('\n')[line - 1]!;
      const added = lines.map(([added]) => `+${added}\n`).join('');
      return `@@ -${line},1 +${line},${lines.length + 1} @@\n${added} ${context}\n`;
    };
    const diff = `--- a/${FAIR}\n+++ b/${FAIR}\n${hunk(head, HELPER)}${hunk(at, ADDED)}`;
    const [step] = await applySeries(base, [{ subject: 'x', diff }]);
    const built = { ...(await build(base, 'O2')), tree: step!.tree };
    const absent = await absentLines(built, schedulerProver, step!.added);
    const told = step!.added.map((line) => [line.text, absent.get(line)]);
    expect(told).toEqual([...HELPER, ...ADDED]);
  });

  it('of a local APIC, which is compiled apart', async () => {
    const base = await findTree();
    const text = readFileSync(join(base.dir, LAPIC), 'utf8').split('\n');
    const head = text.findIndex((line) => line.startsWith('static bool __apic_update_ppr('));
    const at = text.findIndex((line, i) => i > head && line.startsWith('\tisr = apic_find_highest_isr('));
    expect(Math.min(head, at)).toBeGreaterThan(0);
    const added = IN_LAPIC.map(([line]) => `+${line}\n`).join('');
    const diff = `--- a/${LAPIC}\n+++ b/${LAPIC}\n@@ -${at + 1},1 +${at + 1},${IN_LAPIC.length + 1} @@\n${added} ${text[at]}\n`;
    const [step] = await applySeries(base, [{ subject: 'x', diff }]);
    const built = { ...(await buildLapic(base, 'O2')), tree: step!.tree };
    const absent = await absentLines(built, lapicProver, step!.added);
    expect(step!.added.map((line) => [line.text, absent.get(line)])).toEqual(IN_LAPIC);
  });
});

describe('a report', () => {
  const line = (n: number, text: string, count: number | null, absent: ReachedLine['absent']): ReachedLine => ({
    ...{ file: FAIR, line: n, text, count, absent },
  });
  const added = [
    line(1, 'ran;', 5, null),
    line(2, 'cannot;', 0, 'folded'),
    line(3, 'did_not;', 0, null),
    line(4, 'helper;', null, 'uncalled'),
    line(5, '}', null, null),
  ];
  const scheduler = {
    ...{ lockstep: { sequences: 1, operations: 1, endings: 0, finding: null }, properties: [], added, reports: [] },
    ...{
      ending: null,
      boots: true,
      missing: [],
      knobs: [],
      untried: [],
      constants: [],
      coverage: { lines: new Map(), functions: new Map() },
    },
  };
  const hunk = {
    ...{ file: FAIR, at: 1, length: 1, function: null, added: 5, removed: 0, leftOut: [], by: [], why: null },
    ...{ fuzz: 0, merged: false, status: 'judged' as const },
  };
  const check: StepCheck = {
    options: [],
    hunks: [hunk],
    scheduler,
    apics: null,
    machine: null,
    alone: null,
    unable: [],
  };
  const judged = [{ subject: 'x', check }];

  it('never counts a folded line as executed, nor as one that was only not reached', () => {
    const text = patchText('6.12.117', judged);
    expect(text).toContain('Added lines that make code: 4, never executed: 1, never possible: 1');
    expect(text).toMatch(/ {3}FOLDED {2}kernel\/sched\/fair\.c:2: cannot;/);
    expect(text).toMatch(/ {4}NEVER {2}kernel\/sched\/fair\.c:3: did_not;/);
    expect(text).toMatch(/ UNCALLED {2}kernel\/sched\/fair\.c:4: helper;/);
    expect(text).toContain('FOLDED: folded away by the compiler, never possible in this configuration');
    const mail = patchMail('6.12.117', judged).replace(/\s+/g, ' ');
    expect(mail).toContain('that they do not, and leaves them out: kernel/sched/fair.c:2');
    expect(mail).toContain('No operation tried here executes them: kernel/sched/fair.c:3');
  });
});
