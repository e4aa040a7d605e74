// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel explore`: what it says of everything, of a part, and of nothing. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Explored } from '../../src/report/explore-text.js';
import { kvmodelIn, type Said } from './in-process.js';

const cwd = mkdtempSync(join(tmpdir(), 'kvmodel-explore-'));
const tasks = [{ comm: 'a' }, { comm: 'b' }];
writeFileSync(join(cwd, 'two.json'), JSON.stringify({ cpus: 1, vruntime_offset: '2000000000000', tasks }));
const explore = (...argv: string[]): Promise<Said> => kvmodelIn(cwd, ['explore', './two.json', '--menu', ...argv]);
const flat = ({ out }: Said): string => out.replace(/\s+/g, ' ');
const verdicts = ({ out }: Said): string[] => (JSON.parse(out) as Explored).asked.map((it) => it.verdict);

it('says that something holds only where everything was looked at', async () => {
  const asked = [
    '--always',
    'rq[0].nr_running == 2',
    '--sometimes',
    'rq[0].curr == b',
    '--sometimes',
    'rq[0].nr_running == 7',
  ];
  const whole = await explore('tick,yield', ...asked, '--json');
  expect([verdicts(whole), whole.code]).toEqual([['holds', 'holds', 'reached', 'unreachable'], 1]);
  for (const bound of [
    ['--states', '3'],
    ['--depth', '1'],
  ]) {
    const part = await explore('tick,yield', ...asked.slice(0, 2), ...bound);
    expect(part.code).toBe(4);
    expect(flat(part)).not.toContain('holds');
    expect(flat(part)).toContain('what is beyond was not looked at');
  }
});

it('prints the shortest way to what is not so, and a command that replays it', async () => {
  const said = await explore('tick,yield,block', '--always', 'rq[0].nr_running == 2');
  expect(said.code).toBe(1);
  expect(said.out).toMatch(/refuted: false behind these events\n +0 {2}block\n/);
  const token = /replay (\S+)/.exec(said.out)?.[1] as string;
  const replayed = await kvmodelIn(cwd, ['replay', token]);
  expect(flat(replayed)).toContain('block');
});

it('names what it assumes to come again and again', async () => {
  const leads = ['tick,yield', '--leads-to', 'rq[0].curr == a ~> rq[0].curr == b'];
  const fair = await explore(...leads, '--fair', 'yield');
  expect(flat(fair)).toMatch(
    /holds: P in \d+ states?, assuming fairness for yield: each comes again and again where it can/,
  );
  const unfair = await explore(...leads, '--fair', 'tick');
  expect(unfair.code).toBe(1);
  expect(unfair.out).toContain('round and round');
});

it('asks a property with its memory', async () => {
  const said = await explore('advance:3000000,tick,yield', '--property', 'pick.1', '--depth', '2');
  expect(flat(said)).toContain('open: its case was');
});

it('goes on from a file, of the same search alone, and draws a small graph', async () => {
  await explore('tick,yield', '--states', '3', '--save', 'half');
  const rest = await explore('tick,yield', '--resume', 'half', '--json');
  const whole = await explore('tick,yield', '--json', '--dot', 'g.dot');
  expect(JSON.parse(rest.out).states).toBe(JSON.parse(whole.out).states);
  const other = await explore('tick', '--resume', 'half');
  expect([other.code, other.err]).toEqual([2, expect.stringContaining('another search')]);
  expect(existsSync(join(cwd, 'g.dot'))).toBe(true);
  const edges = readFileSync(join(cwd, 'g.dot'), 'utf8').match(/->/g) ?? [];
  expect(edges.length).toBeGreaterThan(2);
});

it('says every fault of the command line', async () => {
  const { code, err } = await explore('tick,jump,advance', '--always', 'rq[0].nope');
  expect(code).toBe(2);
  expect(err).toContain('"jump"');
  expect(err).toContain('advance:NUMBER');
});
