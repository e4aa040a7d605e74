// SPDX-License-Identifier: GPL-2.0-only
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { because, missing } from '../native/tree.js';
import { conformIn } from './in-process.js';

const scratch = mkdtempSync(join(tmpdir(), 'kvmodel-test-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const vectors = (file: string) => fileURLToPath(new URL(`../vectors/${file}`, import.meta.url));

const run = (...argv: string[]) => conformIn(scratch, argv);

describe('conform --replay', () => {
  it('says that a recording agrees', async () => {
    const { code, out } = await run('--replay', vectors('own-1cpu.jsonl.gz'));
    expect([code, out]).toEqual([0, '32 sequences, 4800 operations, 0 differences\n']);
  });

  it('says where one does not, and as JSON', async () => {
    const lines = gunzipSync(readFileSync(vectors('own-1cpu.jsonl.gz')))
      .toString()
      .split('\n');
    const line = JSON.parse(lines[40]!) as { state: { t: number[][] } };
    line.state.t[0]![10]!++;
    lines[40] = JSON.stringify(line);
    writeFileSync(join(scratch, 'wrong.jsonl'), lines.join('\n'));
    const { code, out } = await run('--replay', 'wrong.jsonl');
    expect(code).toBe(1);
    expect(out).toMatch(/sequence 0, step 39 \(\w+\): t\[0\]\.vruntime: expected \S+, got \S+\n32 sequences/);
    const { code: again, out: json } = await run('--replay', 'wrong.jsonl', '--json');
    expect([again, JSON.parse(json).differences.length]).toEqual([1, 1]);
  });

  it('knows recordings of a real KVM', async () => {
    const { code, out } = await run('--replay', vectors('kvm-on-spin-1cpu.txt.gz'));
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+ calls of kvm_vcpu_on_spin\(\), \d+ decisions, 0 differences\n$/);
  });

  it('refuses what is no recording', async () => {
    writeFileSync(join(scratch, 'not.jsonl'), '{"seq":0}\n');
    expect(await run('--replay', 'not.jsonl')).toMatchObject({
      code: 2,
      err: expect.stringContaining('not.jsonl:1: '),
    });
    writeFileSync(join(scratch, 'empty.jsonl'), '\n');
    expect(await run('--replay', 'empty.jsonl')).toMatchObject({
      code: 2,
      err: expect.stringContaining('no sequence'),
    });
    expect(await run('--replay', 'nowhere')).toMatchObject({ code: 2, err: expect.stringContaining('no such file') });
  });
});

describe('conform without what it needs', () => {
  it('says so in one sentence, and skips as kselftest does', async () => {
    expect(await run('--tree', scratch)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/is not a kernel tree: it has no Makefile\n$/),
    });
    expect(await run('--tree', scratch, '--exit', 'kselftest')).toMatchObject({ code: 4 });
    expect(await run('--functions', '--drift')).toMatchObject({ code: 2 });
    expect(await run('--cpus', '9')).toMatchObject({ code: 2, err: expect.stringContaining('--cpus') });
  });
});

describe.skipIf(missing !== null)(`conform on the installed tree${because}`, { timeout: 300_000 }, () => {
  it('holds the model against it, for any seed the same way', async () => {
    const first = await run('--operations', '3000', '--cpus', '2', '--seed', '77');
    expect(first.code).toBe(0);
    expect(first.out).toMatch(
      /^scheduler, 2 CPUs +\d+ +3\d\d\d +0\nscheduler, 2 CPUs, hotplug +\d+ +\d+ +0\nlocal APICs +\d+ +3\d\d\d +0\nmachine, 2 CPUs +\d+ +3\d\d\d +0$/m,
    );
    expect(first.out).toMatch(/\d+ sequences, \d+ operations, 0 differences, seed 77\n$/);
    expect((await run('--operations', '3000', '--cpus', '2', '--seed', '77')).out).toBe(first.out);
  });

  it('records what it replays', async () => {
    const recorded = await run('--record', 'two.jsonl.gz', '--cpus', '2', '--operations', '1000', '--seed', '3');
    expect(recorded).toMatchObject({ code: 0, out: expect.stringMatching(/^5 sequences, 1000 operations of /) });
    const { code, out } = await run('--replay', 'two.jsonl.gz');
    expect([code, out]).toEqual([0, '5 sequences, 1000 operations, 0 differences\n']);
    expect(await run('--record', 'two.jsonl.gz', '--cpus', '2')).toMatchObject({
      code: 2,
      err: expect.stringContaining('nothing is overwritten'),
    });
  });

  it('finds nothing drifted in the pin', async () => {
    const { code, out } = await run('--drift');
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+ mirrored functions, 6\.12\.117 beside 6\.12\.\d+: \d+ the same, 0 changed, 0 gone/);
  });

  it('tables functions, called as often by model and C code', async () => {
    const { code, out } = await run('--functions', '--operations', '2000', '--cpus', '1', '--json');
    expect(code).toBe(0);
    const rows = JSON.parse(out).functions as { name: string; modelCalls: number; cCalls: number }[];
    const row = (name: string) => rows.find((r) => r.name === name)!;
    const lapic = ['kvm_recalculate_apic_map', '__apic_accept_irq', 'kvm_lapic_reg_write', 'kvm_irq_delivery_to_apic'];
    for (const name of ['place_entity', 'pick_eevdf', 'update_curr', 'yield_task_fair', 'calc_delta_fair', ...lapic]) {
      expect(row(name).modelCalls).toBeGreaterThan(0);
      expect(row(name)).toMatchObject({ cCalls: row(name).modelCalls });
    }
  });
});
