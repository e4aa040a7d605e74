// SPDX-License-Identifier: GPL-2.0-only
/** A series with a Kconfig option of its own, and one whose first patch only its second wires up. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compiledFiles, judgeStep, type StepCheck } from '../../src/conform/patch/judge-step.js';
import { judgeHunks } from '../../src/conform/patch/judged-hunks.js';
import { findTree } from '../../src/native/find-tree.js';
import { addedOptions, valuesOf } from '../../src/native/kconfig.js';
import { readSeries } from '../../src/native/mailbox.js';
import { applySeries, configuredTree } from '../../src/native/patch.js';
import { patchText } from '../../src/report/patch-text.js';
import { addedOf, verdictOf } from '../../src/report/patch-verdict.js';
import { because, missing } from '../native/tree.js';

const OPTIONS = { operations: 2000, seed: 1, cpus: 1, parts: ['lock-step', 'added lines'] } as const;
const FAIR = 'kernel/sched/fair.c';
const YIELD = '\tif (entity_eligible(cfs_rq, se)) {\n\t\tse->vruntime = se->deadline;\n';

const KCONFIG = `--- a/init/Kconfig
+++ b/init/Kconfig
@@ -800,2 +800,6 @@
 menu "Scheduler features"
 
+config SCHED_FOO
+	bool "A yield that costs twice"
+	default y
+
`;

const MAKEFILE = `--- a/kernel/sched/Makefile
+++ b/kernel/sched/Makefile
@@ -32,2 +32,3 @@
 obj-y += build_policy.o
 obj-y += build_utility.o
+obj-$(CONFIG_SCHED_FOO) += foo.o
`;
const FOO = `--- /dev/null
+++ b/kernel/sched/foo.c
@@ -0,0 +1,6 @@
+#include <linux/types.h>
+
+u64 foo_slice(u64 slice)
+{
+	return slice * 2;
+}
`;
const PROTOTYPE_AT = 'static void yield_task_fair(struct rq *rq)\n{\n';

describe('Kconfig options', () => {
  const text = (more: string) =>
    `--- a/x/Kconfig\n+++ b/x/Kconfig\n@@ -1,1 +1,${1 + more.split('\n').length} @@\n \n${more
      .split('\n')
      .map((line) => `+${line}`)
      .join('\n')}\n`;
  const value = (more: string, set = {}) =>
    valuesOf(addedOptions(text(more)), new Map([['SMP', 'y']]), set).map(
      ({ name, value: v, why }) => `${name}=${v}: ${why}`,
    );

  it.each([
    ['config A\n\tbool\n\tdefault y', 'A=y: its default'],
    ['config A\n\tdef_bool y', 'A=y: its default'],
    ['config A\n\tbool "a"', 'A=n: no default'],
    ['config A\n\tint\n\tdefault 12', 'A=12: its default'],
    ['config A\n\tbool\n\tdefault y\n\tdepends on SMP', 'A=y: its default'],
    ['config A\n\tbool\n\tdefault y\n\tdepends on NUMA', 'A=n: it depends on NUMA, which is off here'],
    ['config A\n\tbool\n\tdefault y\n\tdepends on !ARCH_NO_PREEMPT', 'A=y: its default'],
    ['config A\n\tbool\n\tdefault y\n\tdepends on !SMP', 'A=n: it depends on !SMP, which does not hold here'],
    ['config A\n\tint\n\tdefault 3 if NUMA\n\tdefault 4', 'A=4: its default'],
  ])('%j are built as %s', (more, expected) => expect(value(more)).toEqual([expected]));

  it.each([
    ['X86', 'A=y: selected by X86'],
    ['ARM64', 'A=n: no default'],
  ])('are on when an added line of %s selects them', (arch, expected) => {
    const hunk = `--- a/arch/Kconfig\n+++ b/arch/Kconfig\n@@ -5,1 +5,2 @@ config ${arch}\n \tselect B\n+\tselect A\n`;
    expect(valuesOf(addedOptions(text('config A\n\tbool') + hunk), new Map(), {})).toEqual([
      expect.objectContaining({ name: 'A', value: expected.slice(2, 3), why: expected.slice(5) }),
    ]);
  });

  it('are on when an option that is on selects them, under its condition', () => {
    expect(value('config A\n\tbool\n\tdepends on NUMA\nconfig B\n\tdef_bool y\n\tselect A if SMP')).toEqual([
      'A=y: selected by B',
      'B=y: its default',
    ]);
    expect(value('config A\n\tbool\nconfig B\n\tdef_bool y\n\tselect A if NUMA')[0]).toBe('A=n: no default');
  });

  it('are as the user sets them', () => {
    expect(value('config A\n\tbool\n\tdefault y', { A: 'n', HZ: '250' })).toEqual([
      'A=n: --config',
      'HZ=250: --config',
    ]);
  });
});

describe.skipIf(missing !== null)(`a series in C${because}`, { timeout: 600_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const base = async () => readFileSync(join((await findTree()).dir, FAIR), 'utf8');
  const replaced = (text: string, from: string, to: string): string => {
    expect(text.split(from)).toHaveLength(2);
    return text.replace(from, () => to);
  };

  function diff(from: string, to: string): string {
    for (const [dir, content] of [
      ['a', from],
      ['b', to],
    ] as const) {
      mkdirSync(dirname(join(scratch, dir, FAIR)), { recursive: true });
      writeFileSync(join(scratch, dir, FAIR), content);
    }
    return spawnSync('diff', ['-u', `a/${FAIR}`, `b/${FAIR}`], { cwd: scratch, encoding: 'utf8' }).stdout;
  }

  /** What is judged of each patch, in lock-step and in lines reached. */
  async function checked(
    patches: readonly string[],
    config: Readonly<Record<string, string>> = {},
  ): Promise<StepCheck[]> {
    const tree = await findTree();
    const series = patches.flatMap((patch, i) => readSeries(Buffer.from(patch), `${i}.patch`));
    const base = await configuredTree(tree, config);
    const checks: StepCheck[] = [];
    for (const step of await applySeries(tree, series, () => compiledFiles(tree), config))
      checks.push(await judgeStep({ ...step, base }, OPTIONS));
    return checks;
  }

  it('is built with its own option on, and its lines are left out, not executed, when it is off', async () => {
    const text = await base();
    const twice = `#ifdef CONFIG_SCHED_FOO\n\tse->deadline += foo_slice(se->slice);\n#endif\n${YIELD}`;
    const declared = `u64 foo_slice(u64 slice);\n\n${PROTOTYPE_AT}`;
    const fair = diff(text, replaced(replaced(text, YIELD, twice), PROTOTYPE_AT, declared));
    const patch = `${KCONFIG}${MAKEFILE}${FOO}${fair}`;

    const [on] = (await checked([patch])) as [StepCheck];
    expect(on.options).toMatchObject([{ name: 'SCHED_FOO', value: 'y', why: 'its default' }]);
    // what the Makefile builds is compiled, the new file as well
    expect(on.hunks.map(({ file, status }) => `${file}: ${status}`).sort()).toEqual([
      'init/Kconfig: no code',
      'kernel/sched/Makefile: no code',
      `${FAIR}: judged`,
      `${FAIR}: judged`,
      'kernel/sched/foo.c: judged',
    ]);
    const compiled = new Set(addedOf(on).flatMap(({ file, count }) => (count === null ? [] : [file])));
    expect([...compiled].sort()).toEqual([FAIR, 'kernel/sched/foo.c']);
    expect(addedOf(on).every((line) => line.count !== 0)).toBe(true);
    expect(on.scheduler!.lockstep.finding).not.toBeNull();

    const [off] = (await checked([patch], { SCHED_FOO: 'n' })) as [StepCheck];
    const judged = [{ subject: 'x', check: off }];
    expect(verdictOf(judged)).toBe('not judged');
    expect(off.options).toMatchObject([{ name: 'SCHED_FOO', value: 'n', why: '--config' }]);
    expect(off.scheduler!.lockstep.finding).toBeNull();
    expect(off.hunks.find((hunk) => hunk.function === 'yield_task_fair')).toMatchObject({
      status: 'not judged',
      leftOut: [{ text: expect.stringContaining('foo_slice'), condition: '#ifdef CONFIG_SCHED_FOO' }],
    });
    const shown = patchText('6.12.117', judged);
    expect(shown).toContain('CONFIG_SCHED_FOO=n: --config');
    expect(shown).toContain('Added lines left out by the configuration: 1');
  });

  it('counts what an earlier patch added once a later one calls it, at the lines of the tree', async () => {
    const text = await base();
    const helper =
      'static void yield_twice(struct sched_entity *se)\n{\n\tse->deadline += calc_delta_fair(se->slice, se);\n}\n\n';
    const head = text.indexOf('static void yield_task_fair(');
    expect(head).toBeGreaterThan(0);
    const one = text.slice(0, head) + helper + text.slice(head);
    const two = replaced(one, YIELD, `\tyield_twice(se);\n${YIELD}`);
    // the header is off by seven lines, as after other changes above
    const shifted = diff(text, one).replace(/^@@ -(\d+)(.*?) \+(\d+)/m, (_, a, b, c) => `@@ -${a - 7}${b} +${c - 7}`);
    const steps = await checked([shifted, diff(one, two)]);
    const line = one.slice(0, one.indexOf('\tse->deadline += calc_delta_fair', head)).split('\n').length;
    const inHelper = (step: StepCheck) => addedOf(step).find((added) => added.file === FAIR && added.line === line)!;
    expect(inHelper(steps[0]!)).toMatchObject({ patch: 1, text: expect.stringContaining('calc_delta_fair') });
    expect(inHelper(steps[1]!)).toMatchObject({ patch: 1, count: expect.any(Number) });
    expect(inHelper(steps[1]!).count).toBeGreaterThan(0);
    expect(addedOf(steps[1]!).some((added) => added.patch === 2 && added.count! > 0)).toBe(true);
  });

  it('that changes comments and white space alone is not built', async () => {
    const text = await base();
    const [check] = await checked([diff(text, replaced(text, YIELD, `\t/* said */\n${YIELD}`))]);
    expect([check!.hunks.map(({ status }) => status), check!.scheduler]).toEqual([['no code'], null]);
    expect(patchText('6.12.117', [{ subject: 'x', check: check! }])).toContain('No code changes');
  });

  it('that changes white space in a string changes code', async () => {
    const text = await base();
    const [quoted] = /"[^"\n]+ [^"\n]+"/.exec(text)!;
    const at = text.indexOf(quoted!);
    const to = `${text.slice(0, at)}${quoted!.replace(' ', '')}${text.slice(at + quoted!.length)}`;
    const [step] = await applySeries(await findTree(), readSeries(Buffer.from(diff(text, to)), 'x.patch'));
    const [hunk] = await judgeHunks(step!.hunks, [], step!, []);
    expect(hunk!.status).toBe('not judged');
  });
});
