// SPDX-License-Identifier: GPL-2.0-only
/** trace.dat and JSON, opened by tools that nobody here wrote: trace-cmd report, and Python's json. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ftraceText } from '../../src/report/ftrace.js';
import { traced } from '../../src/report/happenings.js';
import type { RecordedEvent } from '../../src/report/recording.js';
import { TraceDat } from '../../src/report/trace-dat.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kvmodelIn } from '../cli/in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'kvmodel-dat-'));
const has = (tool: string): boolean => spawnSync(tool, ['--version']).error === undefined;
const withTraceCmd = has('trace-cmd');
const why = withTraceCmd ? '' : ' (trace-cmd is not installed: apt install trace-cmd)';

/** Two CPUs, sleeps beyond what a delta holds, pages enough for more than one. */
const busy: Scenario = {
  cpus: 2,
  tasks: [
    { comm: 'a', nice: 3 },
    { comm: 'b', cpus: [0] },
    {
      comm: 'late',
      cpus: [1],
      program: [
        { op: 'compute', ns: 100_000 },
        { op: 'sleep', ns: 300_000_000 },
      ],
    },
  ],
  until: 1_700_000_000,
};

function written(scenario: Scenario, name: string, vm?: string): { path: string; lines: string[] } {
  const trace = new TraceDat(linux_6_12.name, vm);
  const text = ftraceText();
  const lines: string[] = [];
  const hit = (recorded: RecordedEvent): void => {
    trace.hit(recorded);
    if (recorded.event.system === 'sched') lines.push(text.line(recorded) ?? '');
  };
  traced(linux_6_12, scenario, 20_000, { begin: (m) => trace.begin(m), hit }, vm);
  const path = join(folder, name);
  writeFileSync(path, trace.file());
  return { path, lines };
}

const report = (...args: string[]): string[] =>
  spawnSync('trace-cmd', ['report', '-t', '-N', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout.split('\n');

/** Without columns: task, CPU, time, event and text. */
const plain = (line: string): string =>
  line
    .replace(/ \.{5} /, ' ')
    .replace(/\s+/g, ' ')
    .trim();

describe('a trace.dat', () => {
  it.skipIf(!withTraceCmd)(`is read by trace-cmd report, event by event as the text has it${why}`, () => {
    const { path, lines } = written(busy, 'busy.dat');
    const read = report('-i', path).filter((line) => / sched_\w+: /.test(line));
    expect(lines.length).toBeGreaterThan(500);
    expect(readFileSync(path).length).toBeGreaterThan(6 * 4096);
    // trace-cmd merges CPUs by time; at one instant the order is its own
    expect(read.map(plain).sort()).toEqual(lines.map(plain).sort());
    const ofCpu = (all: readonly string[], cpu: string): string[] =>
      all.map(plain).filter((line) => line.includes(cpu));
    for (const cpu of ['[000]', '[001]']) expect(ofCpu(read, cpu)).toEqual(ofCpu(lines, cpu));
  });

  it.skipIf(!withTraceCmd)(`of host and guest join: the host names threads and guest, the guest its host${why}`, () => {
    const scenario = namedScenario('guest-kernel') as Scenario;
    const host = written({ ...scenario, until: 30_000_000 }, 'host.dat');
    const guest = written({ ...scenario, until: 30_000_000 }, 'guest.dat', 'vm');
    const options = (path: string): string =>
      spawnSync('trace-cmd', ['dump', '--options', path], { encoding: 'utf8' }).stdout;
    expect(options(host.path)).toMatch(/vm \[Guest name\]\n0x6B766D6F64650001 \[trace id\]/);
    const pids = [...options(host.path).matchAll(/ (\d+) (\d+) \[guest cpu, host pid\]/g)].map((it) => it[2]);
    for (const pid of pids) expect(host.lines.some((line) => line.includes(`-${pid} `))).toBe(true);
    expect(pids.length).toBeGreaterThan(0);
    expect(options(guest.path)).toMatch(/0x6B766D6F64650000 \[peer's trace id\]/);
    const both = report('-i', host.path, '-i', guest.path);
    expect(both.some((line) => line.includes('host.dat:'))).toBe(true);
    expect(both.some((line) => line.includes('guest.dat:'))).toBe(true);
  });

  it.skipIf(!withTraceCmd)(`comes back by import${why}`, async () => {
    writeFileSync(
      join(folder, 'busy.json'),
      JSON.stringify({ ...busy, cpus: 1, tasks: busy.tasks?.map(({ cpus: _, ...t }) => t) }),
    );
    const run = await kvmodelIn(folder, ['run', './busy.json', '--trace', 'trace.dat', '-o', 'back.dat']);
    expect(run.code).toBe(0);
    const { out } = await kvmodelIn(folder, ['import', 'back.dat']);
    const [, share] = /realism: ([\d.]+) %/.exec(out) ?? [];
    expect(Number(share)).toBeGreaterThan(95);
  });

  it('needs a file, and overwrites none', async () => {
    expect((await kvmodelIn(folder, ['run', 'two-spinners', '--trace', 'trace.dat'])).code).toBe(2);
    writeFileSync(join(folder, 'there.dat'), 'mine');
    const { code } = await kvmodelIn(folder, ['run', 'two-spinners', '--trace', 'trace.dat', '-o', 'there.dat']);
    expect([code, readFileSync(join(folder, 'there.dat'), 'utf8')]).toEqual([2, 'mine']);
  });
});

describe('a trace as JSON', () => {
  const withPython = has('python3');
  it.skipIf(!withPython)(
    `is read line by line by Python${withPython ? '' : ' (python3 is not installed)'}`,
    async () => {
      const { out } = await kvmodelIn(folder, ['run', 'two-spinners', '--trace', 'json', '--events', '200']);
      const code =
        'import json,sys\nl=[json.loads(x) for x in sys.stdin]\nprint(l[0]["schema"],len(l),sum(e["event"]=="sched_switch" for e in l[1:]))';
      const { stdout } = spawnSync('python3', ['-c', code], { input: out, encoding: 'utf8' });
      const lines = out.trimEnd().split('\n');
      const switches = lines.filter((line) => line.includes('"event":"sched_switch"')).length;
      expect(stdout.trim()).toBe(`kvmodel-trace-1 ${lines.length} ${switches}`);
      expect(switches).toBeGreaterThan(2);
    },
  );
});
