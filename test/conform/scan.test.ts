// SPDX-License-Identifier: GPL-2.0-only
/** A tree in which fixes are taken back has the bugs, and no others. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scan } from '../../src/conform/scan/scan.js';
import { findTree, type KernelTree } from '../../src/native/find-tree.js';
import { readSeries } from '../../src/native/mailbox.js';
import { applySeries } from '../../src/native/patch.js';
import { scanText } from '../../src/report/scan-text.js';
import { kvmodelIn } from '../cli/in-process.js';
import { because, missing } from '../native/tree.js';

/** As the tree was before 79104becf42b, 118964562969 and af28dfacbe00. */
const EDITS = [
  [
    'kernel/sched/fair.c',
    '\t\tse->vruntime = se->deadline;\n\t\tupdate_deadline(cfs_rq, se);\n\t}',
    '\t\tse->deadline += calc_delta_fair(se->slice, se);\n\t}',
  ],
  ['kernel/sched/fair.c', '\tif (entity_eligible(cfs_rq, se)) {\n\t\tse->deadline', '\t{\n\t\tse->deadline'],
  ['virt/kvm/kvm_main.c', 'if (task_is_runnable(current) && vcpu->wants_to_run)', 'if (task_is_runnable(current))'],
  [
    'arch/x86/kvm/lapic.c',
    '\tatomic_set_release(&apic->vcpu->kvm->arch.apic_map_dirty, DIRTY);\n\tkvm_recalculate',
    '\tkvm_recalculate',
  ],
] as const;

async function treeOfOldBugs(base: KernelTree): Promise<KernelTree> {
  const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
  try {
    const diffs = [...new Set(EDITS.map(([file]) => file))].map((file) => {
      const text = readFileSync(join(base.dir, file), 'utf8');
      let edited = text;
      for (const [, at, put] of EDITS.filter((edit) => edit[0] === file)) {
        expect(edited).toContain(at);
        edited = edited.replace(at, put);
      }
      for (const [side, content] of Object.entries({ a: text, b: edited })) {
        mkdirSync(dirname(join(scratch, side, file)), { recursive: true });
        writeFileSync(join(scratch, side, file), content);
      }
      return spawnSync('diff', ['-u', `a/${file}`, `b/${file}`], { cwd: scratch, encoding: 'utf8' }).stdout;
    });
    // the times in its head would make another tree of it every time
    const diff = diffs.join('').replace(/^((?:---|\+\+\+) \S+)\t.*$/gm, '$1');
    const [patched] = await applySeries(base, readSeries(diff, 'old-bugs.patch'));
    return patched!.tree;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

describe.skipIf(missing !== null)(`known bugs of a tree${because}`, { timeout: 300_000 }, () => {
  it('are found where their fixes are taken back, by operations or by a function alone', async () => {
    const commits = ['79104becf42b', 'd32960528702', '118964562969', 'af28dfacbe00', '5b84b0291702', '44d527170731'];
    const wanted = new Set(commits.map((commit) => `revert-${commit}`));
    const base = await findTree();
    const found = await scan(await treeOfOldBugs(base), wanted, () => undefined);
    const told = Object.fromEntries(found.map(({ id, finding }) => [id.slice('revert-'.length), finding]));
    expect(told).toEqual({
      '79104becf42b': 'present',
      d32960528702: 'absent',
      '118964562969': 'present',
      af28dfacbe00: 'present',
      '5b84b0291702': 'absent',
      // a race, which no sequence of whole operations shows
      '44d527170731': 'not told',
    });
    const text = scanText('6.12.117', found, true);
    expect(text).toContain('3 of 6 known bugs present, 2 absent, 1 not told');
    expect(text).toMatch(/\n79104becf42b:\n {2}\S/);
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('has exit code 0 only where every bug that was asked for is told', async () => {
    const told = await kvmodelIn('/', ['scan', '--only', '79104becf42b']);
    expect([told.code, told.out]).toEqual([0, expect.stringContaining('0 of 1 known bugs present, 1 absent')]);
    const race = await kvmodelIn('/', ['scan', '--only', '79104becf42b,44d527170731']);
    expect([race.code, race.out]).toEqual([4, expect.stringContaining('1 absent, 1 not told')]);
    // by another of its four functions the bug may be there all the same
    const part = await kvmodelIn('/', ['scan', '--only', 'e9cb61055fee']);
    expect(part.code).toBe(1);
    expect(part.out).toContain('kvm_apic_accept_events(): not called alone');
  });
});

describe('scan', () => {
  it('refuses a commit that it knows nothing of, and what is no tree', async () => {
    const strange = await kvmodelIn('/', ['scan', '--only', '79104becf42c']);
    expect(strange).toMatchObject({ code: 2, out: '' });
    expect(strange.err).toContain('--only: expected a commit that fixed a known bug');
    expect(strange.err).toContain('79104becf42b');
    expect((await kvmodelIn('/', ['scan', '--tree', '/dev'])).code).toBe(2);
  });
});
