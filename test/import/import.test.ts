// SPDX-License-Identifier: GPL-2.0-only
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { percent } from '../../src/import/import-text.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { checkScenario } from '../../src/scenario/read-scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';
import { kvmodelIn } from '../cli/in-process.js';
import { asPerf, imported, pathOf, textOf, tracepoints } from './recordings.js';

const ALONE = ['two-spinners', 'nice-0-5-5', 'waker', 'four-sleepers', 'kvm-spin', 'kvm-ipi-ring'];

describe('an imported run of one CPU', () => {
  it.each(ALONE)('%s: every decision and every virtual time is the kernel’s', (name) => {
    const { decisions, alike, times, timesAlike, differences } = imported(textOf(name));
    expect(differences).toEqual([]);
    expect([alike, timesAlike]).toEqual([decisions, times]);
    expect(decisions).toBeGreaterThan(90);
    expect(times).toBeGreaterThan(200);
  });

  it('is a scenario whose events give the same run again, from the kernel’s own order of tasks', () => {
    const { scenario } = imported(textOf('waker'));
    const read = checkScenario(JSON.parse(JSON.stringify(scenario)), 'test');
    const m = boot(linux_6_12, read);
    const switches: string[] = [];
    const k = bind(linux_6_12, m, ({ event, fields }) => {
      if (event === 'sched_switch') switches.push(`${fields['prev_pid']} ${fields['next_pid']}`);
    });
    for (const event of read.events ?? []) apply(k, event);
    const recorded = [...textOf('waker').matchAll(/prev_pid=(\d+) .*next_pid=(\d+)/g)].map((it) => `${it[1]} ${it[2]}`);
    expect(switches.slice(-recorded.length)).toEqual(recorded);
    expect(checkSched(m)).toEqual([]);
  });

  it('shows a kernel that decides otherwise, names the queue and a cause, and goes on', () => {
    const table = { ...linux_6_12.table, entity_eligible: () => true };
    const { decisions, alike, differences, differing } = imported(textOf('two-spinners'), {
      ...linux_6_12,
      name: 'faulty',
      table,
    });
    expect(alike).toBeLessThan(decisions);
    expect(alike).toBeGreaterThan(0);
    expect(differing).toBeGreaterThanOrEqual(decisions - alike);
    expect(differences[0].queue.join('\n')).toMatch(/vruntime V[+-]\d+, deadline V[+-]\d+, weight 1024/);
    expect(differences[0].cause).toMatch(/a different release than faulty|sched_yield/);
  });

  it('tells releases apart: what 6.12 recorded is not what CFS would have picked', () => {
    const { decisions, alike } = imported(textOf('waker'), kernelByName('v6.1'));
    expect(alike).toBeLessThan(decisions * 0.9);
  });

  it('counts a virtual time that was changed in the recording, once, and stands where the recording has it', () => {
    const text = textOf('waker');
    const lines = text.split('\n');
    const at = lines.findIndex((line, i) => i > 300 && line.includes('update_curr_ret: (put_prev_entity'));
    lines[at] = lines[at].replace(/vr=(\d+)/, (_, vr) => `vr=${BigInt(vr) + 3n}`);
    const { times, timesAlike, differences } = imported(lines.join('\n'));
    expect(times - timesAlike).toBeGreaterThanOrEqual(1);
    expect(times - timesAlike).toBeLessThanOrEqual(3);
    expect(differences[0].kernel).toMatch(/has (?:vruntime|vlag) -?\d+ after switch/);
  });
});

describe('an imported run without virtual times', () => {
  it('goes by who is picked where nothing says where tasks stand, and counts what it had to be told', () => {
    const shares = ['waker', 'four-sleepers', 'kvm-ipi-ring'].map((name) => {
      const { decisions, alike, times } = imported(tracepoints(textOf(name)));
      expect(times).toBe(0);
      return alike / decisions;
    });
    for (const share of shares) expect(share).toBeGreaterThan(0.95);
  });

  it('reads the same run from perf script', () => {
    const { alike, decisions, scenario, notes } = imported(asPerf(textOf('four-sleepers')));
    expect(notes).toEqual([]);
    expect(scenario.cpus).toBe(1);
    expect(alike / decisions).toBeGreaterThan(0.98);
  });
});

describe('percent', () => {
  it('is 100 for nothing but all', () => {
    expect([percent(9999, 10000), percent(10000, 10000), percent(0, 7), percent(0, 0)]).toEqual([
      '99.9',
      '100.0',
      '0.0',
      '-',
    ]);
  });
});

describe('kvmodel import', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvmodel-import-'));

  it('prints the realism last, exits 0 when nothing differs, and writes a target for run and step', async () => {
    const { code, out } = await kvmodelIn(folder, ['import', pathOf('waker'), '-o', 'run.json']);
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n').at(-1)).toBe(
      'realism: 100.0 % of 123 scheduling decisions, virtual times equal in 209 of 209',
    );
    const run = await kvmodelIn(folder, ['run', './run.json', '--events', '30']);
    expect(run.code).toBe(0);
    expect(run.out).toContain('sched_switch');
    const step = await kvmodelIn(folder, ['step', './run.json'], 'continue\nwhen\n');
    expect(step.code).toBe(0);
    const again = await kvmodelIn(folder, ['import', pathOf('waker'), '-o', 'run.json']);
    expect(again.code).toBe(2);
    expect(again.err).toContain('run.json');
  });

  it('takes the trace itself as a target', async () => {
    writeFileSync(join(folder, 'trace.txt'), textOf('waker'));
    const run = await kvmodelIn(folder, ['run', './trace.txt', '--trace', 'ftrace']);
    expect(run.code).toBe(0);
    expect(run.out).toMatch(/Dw-179|-179 /);
    const step = await kvmodelIn(folder, ['step', './trace.txt'], 'when\n');
    expect(step.code).toBe(0);
    const replay = await kvmodelIn(folder, ['replay', './trace.txt']);
    expect(replay.code).toBe(2);
    expect(replay.err).toContain('import');
  });

  it('names what is no trace', async () => {
    writeFileSync(join(folder, 'prose.txt'), 'Hello.\nNothing of a trace here.\n');
    writeFileSync(join(folder, 'p.data'), 'PERFILE2 and more');
    const line = 'bash-1  [000] d..2.  1.000001: sched_stat_runtime: comm=bash pid=1 runtime=9 [ns] vruntime=9 [ns]\n';
    writeFileSync(join(folder, 'silent.txt'), line);
    const none = await kvmodelIn(folder, ['import', 'silent.txt']);
    expect([none.code, none.out]).toEqual([4, expect.stringContaining('of 0 scheduling decisions')]);
    const prose = await kvmodelIn(folder, ['import', 'prose.txt']);
    expect([prose.code, prose.out]).toEqual([2, '']);
    expect(prose.err).toContain('line 1');
    const perf = await kvmodelIn(folder, ['import', 'p.data']);
    expect(perf.code).toBe(2);
    expect(perf.err.replace(/\s+/g, ' ')).toContain('perf script -i FILE');
    expect((await kvmodelIn(folder, ['import', 'none.txt'])).code).toBe(2);
  });

  it('says it as JSON', async () => {
    const { out } = await kvmodelIn(folder, ['import', pathOf('kvm-2-cpus'), '--json']);
    const found = JSON.parse(out) as { decisions: number; alike: number; differences: { cause: string }[] };
    expect(found.decisions).toBe(135);
    expect(found.alike).toBeGreaterThan(130);
    expect(found.differences[0].cause).toContain('load balancing');
    expect(readFileSync(join(folder, 'run.json'), 'utf8')).toContain('"ev":"place"');
  });
});
