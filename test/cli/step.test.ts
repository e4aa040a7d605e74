// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel step` by scripts: what it prints is the same each time, and wrong targets are refused. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { caseFile } from '../../src/loader/counterexample.js';
import { kvmodelIn, type Said } from './in-process.js';

let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'kvmodel-step-'));
});

const step = (argv: string[], stdin = ''): Promise<Said> => kvmodelIn(cwd, ['step', ...argv], stdin);
const script = (name: string, ...commands: string[]): string => {
  writeFileSync(join(cwd, name), `${commands.join('\n')}\n`);
  return name;
};

describe('step', () => {
  it('takes commands from a file or a pipe, echoes them, and says the same each time', async () => {
    const commands = ['tbreak yield_to', 'continue', 'bt', 'finish', 'info rq', 'rc', 'quit', 'never'];
    const fromFile = await step(['two-spinners', '-x', script('a.txt', '# a comment', ...commands)]);
    expect(fromFile.code).toBe(0);
    expect(fromFile.out).toContain('(kvmodel) tbreak yield_to\nTemporary breakpoint 1: function yield_to\n');
    expect(fromFile.out).toContain('* #0  yield_to(p=&task[1] (vm/0), preempt=true)');
    expect(fromFile.out).not.toContain('never');
    expect(fromFile.out.split('\n').every((line) => line.length <= 80)).toBe(true);
    const piped = await step(['two-spinners'], commands.join('\n'));
    expect(piped.out).toBe(fromFile.out);
  });

  it('goes through a counterexample, stops where its property is broken, and keeps the run', async () => {
    const scenario = { cpus: 1, tasks: [{ comm: 'a' }, { comm: 'b' }], vruntime_offset: '1000000000' };
    const events = [
      { ev: 'schedule' as const, cpu: 0 },
      { ev: 'advance' as const, ns: 3_000_000 },
      { ev: 'yield_to' as const, cpu: 0, task: 2 },
    ];
    writeFileSync(join(cwd, 'c.json'), caseFile({ kernel: 'v6.12.117', property: 'A2.4', scenario, events }));
    const { code, out } = await step(['c.json'], 'seek end\nreverse-next\nstep\nsave kept.json\nsave kept.json');
    expect(code).toBe(0);
    expect(out).toContain('kept.json: 3 events');
    expect(out).toContain('kept.json: expected a place for a new file');
    expect(JSON.parse(readFileSync(join(cwd, 'kept.json'), 'utf8')).events).toEqual(events);
    const again = await step(['kept.json', '--against', 'v6.19'], 'seek diff\ninfo kernels');
    expect(again.code).toBe(0);
    expect(again.out).toContain('against v6.19');
  });

  it('writes the run as a trace: of a scenario what run writes, of a counterexample what replay writes', async () => {
    const graph = await step(['two-spinners', '--events', '40', '--trace', 'function_graph']);
    const run = await kvmodelIn(cwd, ['run', 'two-spinners', '--events', '40', '--trace', 'function_graph']);
    expect([graph.code, graph.out.length > 2000, graph.out]).toEqual([0, true, run.out]);
    const scenario = { cpus: 1, tasks: [{ comm: 'a' }, { comm: 'b' }] };
    const events = [
      { ev: 'schedule' as const, cpu: 0 },
      { ev: 'advance' as const, ns: 3_000_000 },
    ];
    writeFileSync(join(cwd, 't.json'), caseFile({ kernel: 'v6.19', property: 'A2.4', scenario, events }));
    const traced = await step(['t.json', '--trace', 'ftrace', '-o', 't.ftrace']);
    expect([traced.code, traced.out]).toEqual([0, '']);
    expect(readFileSync(join(cwd, 't.ftrace'), 'utf8')).toBe(
      (await kvmodelIn(cwd, ['replay', 't.json', '--trace', 'ftrace'])).out,
    );
    expect((await step(['t.json', '--trace', 'ftrace', '-o', 't.ftrace'])).code).toBe(2);
    expect((await step(['t.json', '--trace', 'ftrace', '-o', 't.ftrace', '--force'])).code).toBe(0);
    const refused = await step(['t.json', '--trace', 'vcd', '-o', 'x']);
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('--trace: expected one of these: ftrace')]);
    const both = await step(['t.json', '--trace', 'ftrace', '--against', 'v6.12.117', '--tui']);
    expect(both.err).toContain('--against: expected no --trace');
    expect((await step(['t.json', '--force'])).err).toContain('--force: expected --trace as well');
  });

  it('shows the end of a kernel that dies', async () => {
    const { out } = await step(['two-spinners', '--kernel', 'revert-bbce3de72be5'], 'continue\nreverse-step\nstep');
    expect(out).toContain('The end of the run.');
  });

  it.each([
    ['no such scenario', ['two-spiners'], 'perhaps two-spinners'],
    ['no such file', ['./none.json'], 'none.json'],
    ['a wrong token', ['k1.AAAA'], 'token'],
    ['two kernels that are one', ['two-spinners', '--against', 'v6.12.117'], 'another kernel'],
    ['no such kernel', ['two-spinners', '--kernel', 'v9'], 'v9'],
    ['a script that is not there', ['two-spinners', '-x', 'none.txt'], 'none.txt'],
    ['no number', ['two-spinners', '--events', 'x'], '--events'],
  ])('refuses %s', async (_, argv, words) => {
    const { code, out, err } = await step(argv);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(words);
  });
});
