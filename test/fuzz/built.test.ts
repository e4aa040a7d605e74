// SPDX-License-Identifier: GPL-2.0-only
/** Campaigns as they are run: compiled, with branches counted, in threads, killed, and out of space. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it, vi } from 'vitest';
import { readCaseFile } from '../../src/loader/counterexample.js';
import { kvmodelIn } from '../cli/in-process.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const main = join(root, 'bin/kvmodel.mjs');
let cwd = '';
vi.setConfig({ testTimeout: 300_000 });

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'tools/compile.mjs')], { cwd: root });
  cwd = mkdtempSync(join(tmpdir(), 'kvmodel-fuzz-'));
}, 180_000);

const bug = ['fuzz', 'revert-44d527170731', '--only', 'lapic.9,lapic.10'];
const untimed = (json: string): string => json.replace(/"seconds": [\d.]+/g, '"seconds": 0');
const wholeFiles = (dir: string): void => {
  for (const name of readdirSync(join(cwd, dir))) readCaseFile(readFileSync(join(cwd, dir, name), 'utf8'), name);
};

it('finds the same whatever the number of threads, goes by branches, and goes on where the disk is full', () => {
  const argv = [process.execPath, main, ...bug, '--events', '1500', '--json'];
  const one = spawnSync(argv[0], [...argv.slice(1), '--jobs', '1'], { cwd, encoding: 'utf8' });
  // no file larger than a block: EFBIG stands for ENOSPC
  const shell = ['-c', 'ulimit -f 1; trap "" XFSZ; exec "$@"', '-', ...argv, '--jobs', '2', '--corpus', 'full'];
  const two = spawnSync('bash', shell, { cwd, encoding: 'utf8' });
  expect(one.status).toBe(1);
  expect(untimed(two.stdout)).toBe(untimed(one.stdout));
  expect(two.stderr).toContain('could not be written');
  wholeFiles('full/entries');
  const { findings, curve } = JSON.parse(one.stdout);
  expect(curve.at(-1).branches).toBeGreaterThan(300);
  expect(findings.length).toBeGreaterThan(0);
});

it('keeps a corpus that survives the end of the process, of which a part shows all', async () => {
  const child = spawn(process.execPath, [main, ...bug, '--corpus', 'kept', '--jobs', '1'], { cwd, stdio: 'ignore' });
  const inDir = (part: string): string[] =>
    existsSync(join(cwd, 'kept', part)) ? readdirSync(join(cwd, 'kept', part)) : [];
  while (!inDir('findings').some((it) => it.endsWith('.json'))) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGKILL');
  await new Promise((resolve) => child.on('exit', resolve));
  wholeFiles('kept/entries');
  const argv = [main, ...bug, '--corpus', 'kept', '--minimize', '--jobs', '1'];
  const least = spawnSync(process.execPath, argv, { cwd, encoding: 'utf8' });
  const [, kept, of] = /^(\d+) of (\d+) entries show all \d+ branches/.exec(least.stdout) ?? [];
  expect(Number(kept)).toBeGreaterThan(0);
  expect(Number(kept)).toBeLessThanOrEqual(Number(of));
  expect(inDir('entries')).toHaveLength(Number(kept));
});

it('parts of a campaign by GNU parallel are merged', async () => {
  if (spawnSync('parallel', ['--version']).error !== undefined) return;
  const part = `${process.execPath} ${main} ${bug.join(' ')} --events 600 --jobs 1 --corpus part-{} --shard {}/2`;
  spawnSync('parallel', ['-j', '1', part, ':::', '0', '1'], { cwd, encoding: 'utf8' });
  const { code, out } = await kvmodelIn(cwd, ['merge', 'part-0', 'part-1', '-o', 'parts']);
  expect([code, out]).toEqual([0, expect.stringMatching(/^parts: 1 finding, \d+ entries, 2 campaigns\n$/)]);
});
