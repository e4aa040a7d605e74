// SPDX-License-Identifier: GPL-2.0-only
/** A corpus on disk: whole files under names that say what is in them, whoever else is there. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CorpusDir } from '../../src/loader/corpus-dir.js';
import { caseFile, tokenOf } from '../../src/loader/counterexample.js';
import { gathering, kvmodelIn } from '../cli/in-process.js';

const fresh = (): string => mkdtempSync(join(tmpdir(), 'kvmodel-corpus-'));
const scenario = { cpus: 1, tasks: [{ comm: 'a' }, { comm: 'b' }] };
const run = (n: number) => ({
  property: 'structure.1',
  scenario,
  events: [
    { ev: 'advance' as const, ns: n },
    { ev: 'yield' as const, cpu: 0 },
  ],
});
const kernel = 'v6.12.117';
const names = (dir: string): string[] => readdirSync(join(dir, 'entries')).sort();

describe('a corpus', () => {
  it('has a run once, by what is in it, whoever puts it there', () => {
    const path = fresh();
    const [one, other] = [CorpusDir.open(path, '/'), CorpusDir.open(path, '/')];
    one.addEntry(run(1), kernel);
    other.addEntry(run(1), kernel);
    other.addEntry(run(2), kernel);
    expect(names(path)).toHaveLength(2);
    expect(one.entries().map((it) => it.entry?.events)).toEqual(expect.arrayContaining([run(1).events, run(2).events]));
    expect(readdirSync(path).filter((it) => it.startsWith('.tmp'))).toEqual([]);
  });

  it('keeps the shorter of two counterexamples of one cause', () => {
    const path = fresh();
    const dir = CorpusDir.open(path, '/');
    const long = { kernel, property: 'structure.1', scenario, events: [...run(1).events, ...run(2).events] };
    const short = { ...long, events: run(1).events };
    for (const c of [long, short, long]) dir.addFinding('cause', c, 'text\n');
    const files = readdirSync(join(path, 'findings')).sort();
    expect(files.map((it) => it.split('.')[1])).toEqual(['json', 'token', 'txt']);
    expect(readFileSync(join(path, 'findings', files[0]), 'utf8')).toBe(caseFile(short));
  });

  it('takes what is put in by hand, and says what it cannot take and why', () => {
    const path = fresh();
    const dir = CorpusDir.open(path, '/');
    writeFileSync(join(path, 'a.token'), `${tokenOf({ kernel, ...run(7) })}\n`);
    writeFileSync(join(path, 'b.json'), JSON.stringify({ ...scenario, events: run(8).events }));
    writeFileSync(join(path, 'c.json'), '{"cpus": "many"}');
    const old = caseFile({ kernel, ...run(9) }).replace(/"version": "[^"]*"/, '"version": "0.0.1"');
    writeFileSync(join(path, 'entries', 'old.json'), old);
    const read = new Map(dir.entries().map((it) => [it.file, it]));
    expect(read.get('a.token')?.entry?.events[0]).toEqual({ ev: 'advance', ns: 7 });
    expect(read.get('b.json')?.entry?.property).toBe('structure.1');
    expect(read.get('c.json')?.why).toContain('cpus: expected');
    expect(read.get('entries/old.json')?.why).toContain('0.0.1: replay it with that version');
  });

  it('leaves alone what another is writing, and sweeps what nobody will finish', () => {
    const path = fresh();
    CorpusDir.open(path, '/');
    const [now, stale] = ['.tmp-1-0', '.tmp-2-0'].map((it) => join(path, it));
    for (const file of [now, stale]) writeFileSync(file, '{"half');
    utimesSync(stale, 1, 1);
    const dir = CorpusDir.open(path, '/');
    expect([existsSync(now), existsSync(stale)]).toEqual([true, false]);
    expect(dir.entries()).toEqual([]);
  });
});

describe('merge and corpus', () => {
  it('add up, in any order and again, to the same bytes', async () => {
    const cwd = fresh();
    for (const [name, runs] of [
      ['one', [1, 2]],
      ['two', [2, 3]],
    ] as const) {
      const dir = CorpusDir.open(name, cwd);
      for (const n of runs) dir.addEntry(run(n), kernel);
      dir.addFinding('cause', { kernel, ...run(runs[0]) }, `${name}\n`);
      dir.addCampaign(JSON.stringify({ runs: 1, events: runs[0], branches: ['x:1', `x:${runs[1]}`] }));
    }
    const all = async (...argv: string[]): Promise<string> => {
      const { code, out } = await kvmodelIn(cwd, ['merge', ...argv]);
      expect(code).toBe(0);
      return out.replace(/^[^:]*/, '');
    };
    const said = await all('one', 'two', '-o', 'a');
    expect(said).toBe(': 1 finding, 3 entries, 2 campaigns\n');
    expect(await all('two', 'one', 'two', '-o', 'b')).toBe(said);
    expect(await all('a', 'one', '-o', 'b')).toBe(said);
    const image = (name: string) =>
      JSON.stringify(Object.values(CorpusDir.open(name, cwd, true).image()).map((it) => [...it]));
    expect(image('b')).toBe(image('a'));
    const shown = await kvmodelIn(cwd, ['corpus', 'a']);
    expect(shown.code).toBe(0);
    expect(shown.out).toContain('2 campaigns: 2 runs, 3 events, 3 branches');
    expect(shown.out).toContain('kvmodel replay a/findings/');
  });

  it('say what is missing', async () => {
    const { code, err } = await kvmodelIn(fresh(), ['merge', 'nowhere', '-o', 'a']);
    expect([code, err]).toEqual([2, expect.stringContaining('no such folder')]);
  });
});

describe('the part of a campaign', () => {
  const said = async (argv: string[], env: Record<string, string>): Promise<string> => {
    const { kvmodel } = await import('../../src/cli/kvmodel.js');
    const { io, got } = gathering(fresh());
    io.env = env;
    await kvmodel(['fuzz', 'nothing.x', ...argv], io);
    return got.err;
  };

  it('is said, or what the batch engine says; else it is refused', async () => {
    expect(await said(['--shard', '4/4'], {})).toContain('--shard: expected I/N with I from 0 to N - 1');
    expect(
      await said([], { SLURM_ARRAY_TASK_ID: '3', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_COUNT: '2' }),
    ).toContain('SLURM_ARRAY_TASK_ID: expected I/N');
    expect(await said([], { JOB_COMPLETION_INDEX: '3' })).toContain('JOB_COMPLETION_INDEX: expected I/N');
    for (const env of [
      { SLURM_ARRAY_TASK_ID: '3', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_COUNT: '3' },
      { JOB_COMPLETION_INDEX: '3', KVMODEL_SHARDS: '4' },
    ])
      expect(await said([], env)).toContain('nothing.x');
  });
});
