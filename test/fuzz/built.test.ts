// SPDX-License-Identifier: GPL-2.0-only
/** Campaigns as they are run: compiled, with branches counted, in threads, killed, and out of space. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it, vi } from 'vitest';
import { readCaseFile } from '../../src/loader/counterexample.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'bin/kvmodel.mjs');
let cwd = '';
vi.setConfig({ testTimeout: 300_000 });

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'tools/compile.mjs')], { cwd: root });
  cwd = mkdtempSync(join(tmpdir(), 'kvmodel-fuzz-'));
  cpSync(join(root, 'test/cli/patches'), cwd, { recursive: true });
}, 180_000);

function run(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], { cwd, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

const bug = ['fuzz', 'revert-44d527170731', '--only', 'lapic.9,lapic.10'];
const untimed = (json: string): string => json.replace(/"seconds": [\d.]+/g, '"seconds": 0');

it('finds the same whatever the number of threads, goes by branches, and what it finds replays', () => {
  const [one, two] = ['1', '2'].map((jobs) => run(...bug, '--events', '1500', '--jobs', jobs, '--json'));
  expect(one.code).toBe(1);
  expect(untimed(two.out)).toBe(untimed(one.out));
  const { findings, curve } = JSON.parse(one.out);
  expect(curve.at(-1).branches).toBeGreaterThan(300);
  expect(findings.length).toBeGreaterThan(0);
  const token = findings[0].replay.split(' ').at(-1);
  expect(run('replay', token).code).toBe(1);
  expect(run('replay', token, '--kernel', 'v6.12.117').code).toBe(0);
});

it('keeps a corpus that survives the end of the process, and begins with it', async () => {
  const child = spawn(process.execPath, [main, ...bug, '--corpus', 'kept', '--jobs', '1'], { cwd, stdio: 'ignore' });
  const entries = (): string[] => (existsSync(join(cwd, 'kept/entries')) ? readdirSync(join(cwd, 'kept/entries')) : []);
  const found = (): boolean =>
    existsSync(join(cwd, 'kept/findings')) &&
    readdirSync(join(cwd, 'kept/findings')).some((it) => it.endsWith('.json'));
  while (!found()) await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));
  for (const name of entries()) readCaseFile(readFileSync(join(cwd, 'kept/entries', name), 'utf8'), name);
  const again = run(...bug, '--corpus', 'kept', '--events', '600', '--jobs', '1', '--json');
  const { findings } = JSON.parse(again.out);
  expect(findings.map((f: { after: number }) => f.after)).toContain(0);
  const least = run(...bug, '--corpus', 'kept', '--minimize', '--jobs', '1');
  expect(least.out).toMatch(/^\d+ of \d+ entries show all \d+ branches/);
  const [, kept, of] = /^(\d+) of (\d+)/.exec(least.out) ?? [];
  expect(Number(kept)).toBeLessThan(Number(of));
  expect(entries()).toHaveLength(Number(kept));
  expect(run(...bug, '--corpus', 'kept', '--minimize', '--jobs', '1').out).toContain(`${kept} of ${kept} entries`);
});

it('goes on without room, and what it wrote before is whole', () => {
  const argv = [process.execPath, main, ...bug, '--corpus', 'full', '--events', '1500', '--jobs', '1'];
  // no file larger than a block: EFBIG stands for ENOSPC
  const { status, stderr } = spawnSync('bash', ['-c', 'ulimit -f 1; trap "" XFSZ; exec "$@"', '-', ...argv], {
    cwd,
    encoding: 'utf8',
  });
  expect(status).toBe(1);
  expect(stderr).toContain('could not be written');
  for (const name of readdirSync(join(cwd, 'full/entries')))
    readCaseFile(readFileSync(join(cwd, 'full/entries', name), 'utf8'), name);
});

it('asks a patch in a file, whose branches count as well, and ends in order when it is told to', async () => {
  const argv = [main, 'fuzz', './free-yield.ts', '--only', 'yield.1', '--jobs', '1', '--lines', 'yield_task_fair'];
  const child = spawn(process.execPath, argv, { cwd });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => {
    out += text;
  });
  child.stderr.on('data', (text) => {
    err += text;
    if (String(err).includes('[1]')) child.kill('SIGTERM');
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect(code).toBe(143);
  expect(out).toContain('interrupted');
  expect(out.replace(/\s+/g, ' ')).toContain('v6.12.117 does not show it');
  expect(out).toMatch(/free-yield\.ts: yield_task_fair\(\), \d+ of \d+ branches/);
});

it('parts of a campaign by GNU parallel, merged, found what one process finds', () => {
  if (spawnSync('parallel', ['--version']).error !== undefined) return;
  const one = run(...bug, '--blind', '--events', '3000', '--jobs', '1', '--corpus', 'whole');
  expect(one.code).toBe(1);
  const part = `${process.execPath} ${main} ${bug.join(' ')} --blind --events 3000 --jobs 1 --corpus part-{} --shard {}/2`;
  spawnSync('parallel', ['-j', '1', part, ':::', '0', '1'], { cwd, encoding: 'utf8' });
  expect(run('merge', 'part-0', 'part-1', '-o', 'parts').code).toBe(0);
  const causes = (dir: string) => readdirSync(join(cwd, dir, 'findings')).filter((it) => it.endsWith('.json'));
  expect(causes('parts').sort()).toEqual(causes('whole').sort());
  expect(causes('parts').length).toBeGreaterThan(0);
});
