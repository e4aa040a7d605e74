// SPDX-License-Identifier: GPL-2.0-only
/** Patches to KVM, made here by editing the tree: what judges them, what it finds, and what is not judged. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkTree, type TreeFlags } from '../../src/cli/check-tree.js';
import type { Io } from '../../src/cli/io.js';
import { findTree } from '../../src/native/find-tree.js';
import type { ApicOperation } from '../../src/operation/apic.js';
import { apicSequenceText, readApicSequence } from '../../src/operation/apic-text.js';
import { because, missing } from '../native/tree.js';

interface Report {
  readonly verdict: string;
  readonly notJudged: string | null;
  readonly steps: readonly {
    readonly hunks: readonly { file: string; function: string; status: string; why: string; by: unknown }[];
    readonly scheduler: unknown;
    readonly apics: {
      readonly lockstep: { finding: { ops: ApicOperation[]; difference: { field: string } } };
      readonly properties: readonly { id: string; base: { verdict: string }; patched: { verdict: string } }[];
      readonly added: readonly { count: number }[];
    };
    readonly machine: {
      readonly lockstep: { finding: { events: { ev: string }[]; difference: { field: string; patched: string } } };
      readonly added: readonly { count: number }[];
    };
    readonly alone: { readonly rows: readonly { name: string; differing: number; difference: unknown }[] };
  }[];
}

interface Replays {
  readonly steps: readonly { step: { operations: readonly { differences: readonly { field: string }[] }[] } }[];
}

describe.skipIf(missing !== null)(`a patch to KVM${because}`, { timeout: 600_000 }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  async function diff(file: string, ...edits: readonly (readonly [from: string, to: string])[]): Promise<string> {
    const text = readFileSync(join((await findTree()).dir, file), 'utf8');
    for (const [from] of edits) expect(text.split(from)).toHaveLength(2);
    for (const [dir, content] of [
      ['a', text],
      ['b', edits.reduce((edited, [from, to]) => edited.replace(from, to), text)],
    ] as const) {
      mkdirSync(dirname(join(scratch, dir, file)), { recursive: true });
      writeFileSync(join(scratch, dir, file), content);
    }
    return spawnSync('diff', ['-u', `a/${file}`, `b/${file}`], { cwd: scratch, encoding: 'utf8' }).stdout;
  }

  async function checked(patch: string, more: Partial<TreeFlags> = {}) {
    writeFileSync(join(scratch, 'x.patch'), patch);
    const said = { out: '' };
    const out = (text: string) => {
      said.out += text;
    };
    const io = { out, err: () => {}, cwd: scratch, env: {}, errIsTty: false } as unknown as Io;
    const flags = { operations: 3000, seed: 1, cpus: 1, format: 'json', style: 'unix', am: ['x.patch'] } as const;
    return { code: await checkTree(io, { ...flags, ...more }), out: said.out };
  }

  it('to the timer callback is judged by the local APICs, and loses what a periodic timer owes', async () => {
    const patch = await diff('arch/x86/kvm/lapic.c', [
      'hrtimer_set_expires(&ktimer->timer, ktimer->target_expiration);',
      'hrtimer_add_expires_ns(&ktimer->timer, ktimer->period);',
    ]);
    const { code, out } = await checked(patch);
    const { verdict, steps, notJudged } = JSON.parse(out) as Report;
    expect([code, verdict, notJudged]).toEqual([1, 'refuted', null]);
    const { hunks, scheduler, apics } = steps[0]!;
    expect(scheduler).toBeNull();
    const by = [{ judge: 'local-APIC lock-step', functions: [] }];
    expect(hunks).toMatchObject([{ function: 'apic_timer_fn', status: 'judged', by }]);
    expect(apics.lockstep.finding.difference.field).toMatch(/timer expires/);
    expect(apics.lockstep.finding.ops.length).toBeLessThan(12);
    const worse = apics.properties.filter((row) => row.patched.verdict === 'refuted');
    expect(worse.map((row) => row.id)).toEqual(['periodic', 'caches']);
    expect(apics.properties.map((row) => row.base.verdict)).toEqual(Array(6).fill('holds'));
    expect(apics.added[0]!.count).toBeGreaterThan(0);
    // Once more, as the report says to: the two part at the last operation, and not before.
    const { ops: printedOps, difference } = apics.lockstep.finding;
    const ops = printedOps.map((op) => ({ ...op, a: Number(op.a), b: Number(op.b) }));
    const again = readApicSequence(apicSequenceText(ops), '--sequence');
    expect(again).toEqual({ ops, faults: [] });
    const replayed = JSON.parse((await checked(patch, { apicSequence: again.ops })).out) as Replays;
    const differing = replayed.steps[0]!.step.operations.map(({ differences }) => differences[0]?.field);
    expect(differing.findIndex((field) => field !== undefined)).toBe(ops.length - 1);
    expect(differing.at(-1)).toBe(difference.field);
    const printed = await checked(patch, { format: 'text', apicSequence: again.ops });
    expect(printed.out).toContain(`  ${difference.field}: `);
  });

  it('to kvm_sched_out() and to a default is judged by machines with guests and by functions alone, in both trees', async () => {
    const from = 'if (task_is_runnable(current) && vcpu->wants_to_run)';
    // no vCPU counts as preempted any more, and so none is boosted, as the first run of a fresh build has to see
    const to = 'if (!task_is_runnable(current) && vcpu->wants_to_run)';
    const { code, out } = await checked(
      await diff('virt/kvm/kvm_main.c', [from, to], ['halt_poll_ns_grow = 2;', 'halt_poll_ns_grow;']),
    );
    const { verdict, steps } = JSON.parse(out) as Report;
    expect([code, verdict]).toEqual([0, 'nothing refuted']);
    const { hunks, alone, apics, machine } = steps[0]!;
    expect(apics).toBeNull();
    const by = (name: string) => [
      { judge: 'machine lock-step', functions: [] },
      { judge: 'held alone', functions: [name] },
    ];
    // a vCPU that is preempted, or a halt-polling window that does not grow: whatever the guests come to first
    const { finding } = machine.lockstep;
    expect(finding.difference.field).toMatch(/^vcpu\[\d\]\.(preempted|halt_poll_ns)/);
    expect(finding.events.length).toBeLessThan(16);
    expect(machine.added.map(({ count }) => count > 0)).toContain(true);
    expect(hunks).toMatchObject([
      { function: null, status: 'judged', by: by('grow_halt_poll_ns') },
      { function: 'kvm_sched_out', status: 'judged', by: by('kvm_sched_out') },
    ]);
    const row = (name: string) => alone.rows.find((one) => one.name === name)!;
    // drawn at random it is the same in both trees: only as each tree starts it there is a difference
    expect(row('grow_halt_poll_ns').difference).toMatchObject({
      input: expect.arrayContaining(['halt_poll_ns_grow starts as 2 before, 0 with the patch']),
    });
    expect(row('kvm_sched_out').differing).toBeGreaterThan(100);
    expect(row('kvm_sched_out').difference).toMatchObject({
      what: expect.stringMatching(/^vcpu\[\d\]\.preempted/),
      before: 'unchanged',
      patched: '1',
    });
  });

  it('or to anything that nothing compiles is not judged: its own exit code, first in text, mail and JSON', async () => {
    const other = await diff('kernel/fork.c', ['static int max_threads;', 'static int max_threads = 3;']);
    const json = await checked(other);
    const report = JSON.parse(json.out) as Report;
    expect([json.code, report.verdict]).toEqual([4, 'not judged']);
    expect(report.steps[0]!.hunks).toMatchObject([{ status: 'not judged', why: 'nothing here compiles this file' }]);
    expect(report.notJudged).toMatch(/^NOT JUDGED: 1 of 1 hunk was not compiled or not run here\./);
    const text = await checked(other, { format: 'text', style: 'kselftest' });
    expect([text.code, text.out.split('\n')[1]]).toEqual([4, expect.stringMatching(/^NOT JUDGED: 1 of 1 hunk/)]);
    const mail = await checked(other, { format: 'mail', style: 'bisect' });
    expect([mail.code, mail.out.split('\n')[3]]).toEqual([125, expect.stringMatching(/^NOT JUDGED: 1 of 1 hunk/)]);
    expect(mail.out).not.toContain('every added line was executed');
  });
});
