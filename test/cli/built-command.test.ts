// SPDX-License-Identifier: GPL-2.0-only
/** The command as it is installed: compiled, in processes of its own, with its threads. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { CheckReport } from '../../src/report/check-report.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'bin/kvmodel.mjs');
let cwd = '';
// several processes each, on a machine that may be busy
vi.setConfig({ testTimeout: 300_000 });

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'tools/compile.mjs')], { cwd: root });
  cwd = mkdtempSync(join(tmpdir(), 'kvmodel-built-'));
  cpSync(join(root, 'test/cli/patches'), cwd, { recursive: true });
}, 180_000);

function run(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], { cwd, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

const check = ['check', './free-yield.ts', '--only', 'Y1', '--runs', '20'];

describe('bugs that KVM once had', () => {
  it.each([
    ['revert-f210f7572bed', 'lapic.6', 'irr_pending lies', /at kvm_lapic_set_vector\(\) v\d (sti|entry)/],
    ['revert-bdf7ffc89922', 'lapic.13', 'phys_map out of bounds', /v\d pv_ipi 0x/],
  ])('%s is refuted by %s, and its sequence replays', (series, property, message, event) => {
    const { code, out } = run('check', series, '--only', property, '--json');
    expect(code).toBe(1);
    const [{ verdicts, counterexample }] = (JSON.parse(out) as CheckReport).claims;
    expect(verdicts).toEqual({ 'v6.12.117': 'holds', [`v6.12.117+${series}`]: 'refuted' });
    expect(counterexample?.message).toContain(message);
    const token = counterexample?.replay.split(' ').at(-1) as string;
    const replayed = run('replay', token);
    const words = replayed.out.replace(/\s+/g, ' ');
    expect(words).toContain(`refuted on v6.12.117+${series}`);
    expect(words).toMatch(event);
    expect(replayed.code).toBe(1);
    expect(run('replay', token, '--kernel', 'v6.12.117').code).toBe(0);
  });
});

it('starts by itself, as npx starts it in a clone', () => {
  expect(execFileSync(join(root, 'kvmodel'), ['list', 'kernels'], { cwd, encoding: 'utf8' })).toContain('v6.12.117');
  expect(execFileSync(main, ['list', 'kernels'], { cwd, encoding: 'utf8' })).toContain('v6.12.117');
});

describe('check', () => {
  it('finds out about a patch in a file, and prints a command that replays it', () => {
    const { code, out, err } = run(...check);
    expect(code).toBe(1);
    expect(out).toContain('refuted (holds on base)');
    expect(out).toContain('yield_task_fair() left the deadline of');
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
    expect(err).toContain('2 of 2: Y1.1');
    expect(out).not.toContain('2 of 2');
    const token = /^\S*kvmodel.mjs replay (\S+)$/m.exec(out)?.[1] as string;
    const replayed = run('replay', token);
    expect(replayed.code).toBe(1);
    expect(replayed.out).toContain('refuted on v6.12.117+free-yield at event 0');
    const onBase = run('replay', token, '--kernel', 'v6.12.117');
    expect(onBase.code).toBe(0);
    expect(onBase.out).toContain('not refuted by these events on v6.12.117');
  });

  it('finds another verdict when a line of it is changed', () => {
    const { code, out } = run('check', './free-yield-fixed.ts', '--only', 'Y1', '--runs', '5');
    expect(out).toContain('1 claim: 1 holds.');
    expect(code).toBe(0);
  });

  it('writes counterexamples where it was told to, once, and the same as JSON', () => {
    const { out } = run(...check, '--json', '--out', 'found');
    const report = JSON.parse(out) as CheckReport;
    expect(report.kernels).toEqual(['v6.12.117', 'v6.12.117+free-yield']);
    expect(report.claims[0].verdicts).toEqual({ 'v6.12.117': 'holds', 'v6.12.117+free-yield': 'refuted' });
    const file = JSON.parse(readFileSync(join(cwd, 'found/Y1.1.json'), 'utf8')) as { events: unknown[] };
    expect(file.events).toHaveLength(1);

    expect(readdirSync(join(cwd, 'found'))).toEqual(['Y1.1.json', 'report.txt']);
    expect(readFileSync(join(cwd, 'found/report.txt'), 'utf8')).toContain('kvmodel.mjs replay found/Y1.1.json');
    const replayed = run('replay', 'found/Y1.1.json');
    expect(replayed.code).toBe(1);
    expect(replayed.out).toContain('refuted on v6.12.117+free-yield at event 0');
    expect(run(...check, '--out', 'found').code).toBe(2);
  });

  it('refuses a patch that does not fit its base', () => {
    writeFileSync(
      join(cwd, 'late.ts'),
      "export default { id: 'l', title: 'l', base: 'v6.12.117', patches: [{ subject: 's', funcs: { nothing() {} } }] };",
    );
    const { code, err } = run('check', './late.ts');
    expect(code).toBe(2);
    expect(err).toContain('patches[0].funcs.nothing: expected a function of the base');
  });
});

describe('bisect', () => {
  it('shows the verdict patch by patch', () => {
    const { code, out } = run('bisect', 'Y1', './two-patches.ts', '--runs', '20');
    expect(code).toBe(0);
    expect(out.replace(/\n\s+/g, ' ')).toContain('Patch 2 changes the verdict on Y1 first: sched/fair: Leave');
  });
});

describe('a full disk', () => {
  it('is said in a sentence', () => {
    const shell = `'${process.execPath}' '${main}' list > /dev/full`;
    const { stderr, status } = spawnSync('sh', ['-c', shell], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, 'kvmodel: standard output: no space left on the device\n']);
  });
});

describe('a reader that goes away', () => {
  it('ends it in silence', () => {
    const shell = `'${process.execPath}' '${main}' list | head -1`;
    const { stdout, stderr, status } = spawnSync('sh', ['-c', shell], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toBe('series\n');
  });
});

describe('nothing is left behind', () => {
  it('in the directory it was called in', () => {
    expect(existsSync(join(cwd, 'kvmodel-out'))).toBe(false);
    expect(existsSync(join(cwd, 'node_modules'))).toBe(false);
  });
});
