// SPDX-License-Identifier: GPL-2.0-only
/** What a report tells its reader to type. */
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { invocationOf } from '../../src/cli/invocation.js';
import { againCommand, againLine } from '../../src/report/again.js';

const dir = mkdtempSync(join(tmpdir(), 'kvmodel-invoked-'));
mkdirSync(join(dir, 'clone/bin'), { recursive: true });
mkdirSync(join(dir, 'global'));
const script = join(dir, 'clone/bin/kvmodel.mjs');
writeFileSync(script, '');
chmodSync(script, 0o755);
symlinkSync(script, join(dir, 'clone/kvmodel'));
symlinkSync(script, join(dir, 'global/kvmodel'));

const told = (given: string, cwd = join(dir, 'clone'), env: Record<string, string> = {}): string =>
  invocationOf({ script: given, cwd, env: { PATH: '/bin', ...env } });

it('is what was typed', () => {
  expect(told('/usr/me/.npm/_npx/3d57/node_modules/.bin/kvmodel')).toBe('npx kvmodel');
  expect(told(join(dir, 'clone/node_modules/.bin/kvmodel'))).toBe('npx kvmodel');
  expect(told(join(dir, 'clone/kvmodel'))).toBe('./kvmodel');
  expect(told(join(dir, 'clone/kvmodel'), join(dir, 'clone/bin'))).toBe('../kvmodel');
  expect(told(join(dir, 'clone/kvmodel'), '/')).toBe(`.${dir}/clone/kvmodel`);
  expect(told('/opt/kvmodel/dist/src/cli/main.js', '/opt/kvmodel')).toBe('node dist/src/cli/main.js');
});

it('is the bare name only where the PATH leads here', () => {
  const PATH = join(dir, 'global');
  expect(told(join(PATH, 'kvmodel'), '/', { PATH })).toBe('kvmodel');
  writeFileSync(join(dir, 'kvmodel'), 'another');
  expect(told(script, join(dir, 'clone'), { PATH: dir })).toBe('./bin/kvmodel.mjs');
});

it('is npx after npm start, which runs in a clone', () => {
  const env = { npm_lifecycle_event: 'start', npm_package_name: 'kvmodel' };
  expect(told(script, join(dir, 'clone'), env)).toBe('npx kvmodel');
});

it('repeats kernel and tree of a difference', () => {
  const asked = { seed: 3 } as const;
  const given = { ...asked, invocation: './kvmodel', kernel: 'v6.19', tree: '/a b' };
  expect(againLine(given, '--cpus 2', 7)).toBe(
    "Again: ./kvmodel conform --cpus 2 --operations 1 --seed 7 --kernel v6.19 --tree '/a b'",
  );
  expect(againCommand({ ...asked, invocation: 'kvmodel' }, '--held x')).toBe('kvmodel conform --held x --seed 3');
});
