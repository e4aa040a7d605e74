// SPDX-License-Identifier: GPL-2.0-only
/** What stands on the terminal, for right and for wrong command lines. The command runs in this process. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { VERSION } from '../../src/base/version.js';
import { columnsOf } from '../../src/cli/io.js';
import { kvmodel } from '../../src/cli/kvmodel.js';
import { caseFile, tokenOf } from '../../src/loader/counterexample.js';
import { gathering, kvmodelIn, type Said } from './in-process.js';

let cwd = '';
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'kvmodel-'));
});

const said = (argv: string, stdin = ''): Promise<Said> =>
  kvmodelIn(
    cwd,
    argv.split(' ').filter((a) => a !== ''),
    stdin,
  );

const file = (name: string, text: string): string => {
  writeFileSync(join(cwd, name), text);
  return name;
};

const isPlain = (text: string): boolean => /^[\x20-\x7e\n]*$/.test(text);
const isNarrow = (text: string): boolean => text.split('\n').every((line) => line.length <= 80);

describe('help', () => {
  it('is printed without a command, and with --help', async () => {
    for (const line of ['', '--help', 'help']) {
      const { code, out, err } = await said(line);
      expect([code, err], line).toEqual([0, '']);
      expect(out).toContain('Exit codes: 0 as recorded');
      for (const name of ['list', 'check', 'run', 'replay', 'bisect']) expect(out).toContain(`  ${name} `);
      expect(isPlain(out) && isNarrow(out), line).toBe(true);
    }
  });

  it.each(['list', 'check', 'run', 'replay', 'bisect'])('tells what %s takes', async (name) => {
    for (const line of [`${name} --help`, `help ${name}`]) {
      const { code, out } = await said(line);
      expect(code).toBe(0);
      expect(out).toContain(`Usage: kvmodel ${name}`);
      expect(isPlain(out) && isNarrow(out)).toBe(true);
    }
  });

  it('has the version', async () => {
    expect((await said('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a wrong command line', () => {
  const cases: [string, string][] = [
    ['chekc', 'expected a command, perhaps check, got "chekc"'],
    ['check', 'expected a series, or --tree'],
    ['check semantics-aware-v2 --frobnicate', "unknown option '--frobnicate'"],
    ['check semantic-aware-v2', 'perhaps semantics-aware-v2'],
    ['check semantics-aware-v2 --only A99999', '--only: expected a claim or property'],
    ['check semantics-aware-v2 --json --mail', 'expected one format, got --json and --mail'],
    ['check semantics-aware-v2 --against nothing', 'expected a kernel or a series'],
    ['check ./none.ts', 'expected a TypeScript file, got no such file'],
    ['run', "missing required argument 'scenario'"],
    ['run two-spiners', 'perhaps two-spinners'],
    ['run nice-mix --kernel v6.19-r1', 'perhaps v6.19-rc1'],
    [
      'run nice-mix --trace vcd',
      '--trace: expected one of these: ftrace, function_graph, timehist, perfetto, trace.dat, json, got "vcd"',
    ],
    ['run nice-mix --events 200000', '--events: expected a whole number from 1 to 100000'],
    ['run ./none.json', 'expected a scenario as JSON, got no such file'],
    ['replay ./none.json', 'expected a counterexample, got no such file'],
    ['replay .', 'got a directory'],
    ['replay k1.AAAA', 'cut short?'],
    ['replay k9.AAAA', 'expected k1.'],
    ['bisect A1', "missing required argument 'series'"],
    ['check x.patch', 'expected a series, or --am x.patch for a patch in C'],
    ['check semantics-aware-v2 --am x.patch', 'expected a series or --am, not both'],
    ['check semantics-aware-v2 --tree /usr/src', 'expected a series or --tree, not both'],
    ['check --am x.patch --runs 5', '--runs: expected a series'],
    ['conform --held kvm_vcpu_on_spim', 'perhaps kvm_vcpu_on_spin'],
    ['list nothing', 'expected one of these: series, claims, verdicts, scenarios, kernels, knobs'],
    ['check semantics-aware-v2 --out /dev/null', '--out: expected a directory that is new or empty'],
    ['check semantics-aware-v2 --out /proc/kvmodel', 'no such file'],
    ['run nice-mix --kernel v6.1 --kernel v6.19', '--kernel: expected it once, got it 2 times'],
    ['check semantics-aware-v2 --seed 1 --runs 1 --seed 1', '--seed: expected it once, got it 2 times'],
    ['run nice-mix --json --trace ftrace', '--json: expected no --trace'],
  ];
  it.each(cases)('%s', async (line, expected) => {
    const { code, out, err } = await said(line);
    expect([code, out]).toEqual([2, '']);
    expect(err.replace(/\n\s+/g, ' ')).toContain(expected);
    expect(err).not.toMatch(/\bat .*:\d+:\d+\)?$/m);
    expect(isPlain(err)).toBe(true);
  });

  it('has all its faults told at once', async () => {
    const { code, err } = await said('check x --runs 0 --seed -1 --time many --exit loud --ktap --junit');
    expect(code).toBe(2);
    for (const option of ['--runs', '--seed', '--time', '--exit', '--junit'])
      expect(err).toContain(`  ${option}: expected`);
    expect(err).toContain('5 faults');
  });

  it('is exit 125 for git bisect', async () => {
    expect((await said('check ./none.ts --exit=bisect')).code).toBe(125);
    expect((await said('check ./none.ts --exit bisect')).code).toBe(125);
  });
});

describe('list', () => {
  it('knows what there is', async () => {
    const { code, out, err } = await said('list');
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('semantics-aware-v2');
    expect(out).toContain('two-spinners');
    expect(out).toContain('v6.12.117');
    expect(isPlain(out) && isNarrow(out)).toBe(true);
  });

  it('names a claim once, below all series that make it', async () => {
    const { out } = await said('list claims');
    expect(out.split('\n').filter((line) => line.includes('a vCPU in WFI chose to idle'))).toHaveLength(1);
    expect(out).toMatch(/^ {2}preempted-rfc-2020, preempted-gated,.*$/m);
  });

  it('is JSON when asked', async () => {
    const { out } = await said('list scenarios --json');
    expect(JSON.parse(out).scenarios[0]).toEqual({ name: 'two-spinners', says: expect.any(String) });
  });
});

describe('the width', () => {
  it('is COLUMNS, within reason', () => {
    const width = (COLUMNS?: string): number => columnsOf({ env: COLUMNS === undefined ? {} : { COLUMNS } });
    expect([width(), width('100'), width('10'), width('9999'), width('x'), width('0')]).toEqual([
      80, 100, 60, 400, 80, 80,
    ]);
  });
});

describe('run', () => {
  it('tells the same twice, in 80 columns', async () => {
    const first = await said('run nice-mix --events 30');
    expect(first.code).toBe(0);
    expect(await said('run nice-mix --events 30')).toEqual(first);
    expect(isPlain(first.out) && isNarrow(first.out)).toBe(true);
    await expect(first.out).toMatchFileSnapshot('./__golden__/run-nice-mix.txt');
  });

  it('is JSON when asked', async () => {
    const json = JSON.parse((await said('run nice-mix --events 5 --json')).out);
    expect(json).toMatchObject({ schema: 'kvmodel-run-1', kernels: ['v6.12.117'], scenario: { cpus: 1 } });
    expect(json.events).toHaveLength(5);
    expect(json.transcript).toHaveLength(5);
  });

  it('has every knob listed that it takes', async () => {
    const { out } = await said('list knobs --json');
    const names = JSON.parse(out).knobs.map((k: { name: string }) => k.name);
    expect(names).toEqual(
      expect.arrayContaining(['halt_poll_ns', 'NEXT_BUDDY', 'base_slice_ns', 'vcpu_debooster_enabled']),
    );
    const { err } = await said(
      `run ${file('knob.json', '{"cpus":1,"tasks":[{"comm":"a"}],"knobs":{"zzzzzzzzzzzz":1}}')}`,
    );
    for (const name of ['halt_poll_ns', 'NEXT_BUDDY', 'cpu_preemption_timer_multi']) expect(err).toContain(name);
  });

  it('compares two kernels', async () => {
    const { code, out } = await said('run two-spinners --kernel semantics-aware-v2 --against v6.19-rc1 --events 60');
    expect(code).toBe(0);
    expect(out.split('\n').slice(0, 2)).toEqual(['- v6.19-rc1', '+ v6.19-rc1+semantics-aware-v2']);
    expect(isNarrow(out)).toBe(true);
  });

  it.each(['ftrace', 'timehist'])('writes %s', async (format) => {
    const { code, out } = await said(`run nice-mix --events 30 --trace ${format}`);
    expect(code).toBe(0);
    await expect(out).toMatchFileSnapshot(`./__golden__/run-nice-mix.${format}.txt`);
  });

  it('writes a trace while it happens, and says where it stopped', async () => {
    const naps = { comm: 'a', program: [{ op: 'sleep', ns: 1 }] };
    const name = file('naps.json', JSON.stringify({ cpus: 1, tasks: [naps] }));
    const blocks: string[] = [];
    const io = {
      ...gathering('/').io,
      cwd,
      out: (text: string) => blocks.push(text),
      err: (text: string) => blocks.push(text),
    };
    expect(await kvmodel(['run', name, '--events', '2000', '--trace', 'ftrace'], io)).toBe(0);
    expect(blocks.length).toBeGreaterThan(3);
    expect(Math.max(...blocks.map((block) => block.split('\n').length))).toBeLessThanOrEqual(1_001);
    expect(blocks.at(-1)).toBe('kvmodel: stopped after 2000 events; --events N traces more\n');
  });

  it('reads a scenario from a file, and from standard input', async () => {
    const text = JSON.stringify({ cpus: 1, tasks: [{ comm: 'a' }, { comm: 'b' }], until: 9_000_000 });
    const fromFile = await said(`run ${file('two.json', text)}`);
    expect(fromFile.code).toBe(0);
    expect(fromFile.out).toContain('==> b');
    expect((await said('run -', text)).out).toBe(fromFile.out);
  });

  it('tells every fault of a scenario', async () => {
    const bad = {
      cpus: 2,
      tasks: [
        { comm: 'a', cpus: [2] },
        { comm: 'a', group: 'g' },
      ],
      vms: [{ name: 'v', vcpus: 1, ipiv: true }],
    };
    const { code, out, err } = await said(`run ${file('bad.json', JSON.stringify(bad))}`);
    expect([code, out]).toEqual([2, '']);
    for (const place of ['tasks[0].cpus[0]', 'tasks[1].comm', 'tasks[1].group', 'vms[0].ipiv'])
      expect(err).toContain(place);
    expect(err).toContain('bad.json: 4 faults');
    // a number out of range hides no unknown name
    const both = {
      ...bad,
      tasks: [
        { comm: 'a', nice: 99 },
        { comm: 'b', group: 'g' },
      ],
      vms: [],
    };
    const more = await said(`run ${file('both.json', JSON.stringify(both))}`);
    expect(more.err).toContain('tasks[0].nice');
    expect(more.err).toContain('tasks[1].group');
  });

  it.each([
    ['nothing', ''],
    ['half a file', '{"cpus": 1, "tasks": [{"comm'],
    ['an image', '\x89PNG\r\n\x1a\n\0\0\0'],
    ['a number', '12'],
    ['null', 'null'],
    ['deep nesting', '['.repeat(100_000)],
  ])('is not confused by %s', async (_, text) => {
    const { code, out, err } = await said(`run ${file('garbage.json', text)}`);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain('garbage.json: 1 fault');
  });
});

describe('replay', () => {
  const c = {
    kernel: 'v6.19-rc1+semantics-aware-v2',
    against: 'v6.19-rc1',
    property: 'none.1',
    scenario: { cpus: 1, tasks: [{ comm: 'a' }, { comm: 'b' }] },
    events: [
      { ev: 'advance', ns: 3_000_000 },
      { ev: 'yield_to', cpu: 0, task: 2 },
    ],
  } as const;

  it('tells the same from a token, a file, and standard input', async () => {
    const events = [...c.events];
    const scenario = { ...c.scenario, tasks: [...c.scenario.tasks] };
    const token = await said(`replay ${tokenOf({ ...c, scenario, events })}`);
    expect(token.err).toBe('');
    expect(token.out).toContain('yield_to b');
    expect(token.out).toContain('+ rq0.yield_deboost_last_src_pid');
    const text = caseFile({ ...c, scenario, events });
    expect(await said(`replay ${file('case.json', text)}`)).toEqual(token);
    expect(await said('replay -', text)).toEqual(token);
  });

  it('goes to another kernel', async () => {
    const { code, out } = await said('replay case.json --kernel v6.12.117');
    expect(code).toBe(0);
    expect(out).not.toContain('yield_deboost');
  });

  it('needs something to replay', async () => {
    const got = { err: '' };
    const io = {
      ...gathering('/').io,
      err: (text: string) => {
        got.err += text;
      },
    };
    expect(await kvmodel(['replay', ''], io)).toBe(2);
    expect(got.err).toContain('a token, a file, or - for standard input');
  });

  it('of a patch that is not here goes to the base all the same', async () => {
    const events = [...c.events];
    const scenario = { ...c.scenario, tasks: [...c.scenario.tasks] };
    const away = {
      ...c,
      kernel: 'v6.12.117+mine',
      against: 'v6.12.117',
      patch: './elsewhere/mine.ts',
      scenario,
      events,
    };
    const { code, out } = await said(`replay ${tokenOf(away)} --kernel v6.12.117`);
    expect(out.replace(/\n +/g, ' ')).toContain('none.1 is no property of kvmodel or, here, ./elsewhere/mine.ts');
    expect(code).toBe(0);
    expect((await said(`replay ${tokenOf(away)}`)).code).toBe(2);
  });

  it('is a trace when asked', async () => {
    const { code, out, err } = await said('replay case.json --trace ftrace');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^# tracer: nop\n/);
    expect(out).toMatch(/\[000\] \.{5} +1\.003\d+: sched_stat_runtime: comm=a pid=101 runtime=3000000 \[ns\]\n/);
    expect((await said('replay case.json --trace timehist')).out).toContain('a[101]');
    const refused = await said('replay case.json --trace ftrace --json');
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('--json: expected no --trace')]);
  });

  it('of a trace says what is accepted', async () => {
    const { out } = await said('replay case.json --trace ftrace');
    file('trace.txt', out);
    for (const command of ['replay trace.txt', 'conform --replay trace.txt']) {
      const { code, err } = await said(command);
      expect([code, err]).toEqual([2, expect.stringContaining('got ftrace text')]);
      expect(err).not.toContain('mistake');
      expect(err.replace(/\s+/g, ' ')).toContain(command.startsWith('conform') ? 'on_spin' : 'read by import');
    }
    file('trace.dat', '\x17\bDtracing6\0');
    expect((await said('conform --replay trace.dat')).err.replace(/\s+/g, ' ')).toContain('trace.dat of trace-cmd');
  });

  it('is JSON when asked', async () => {
    const json = JSON.parse((await said('replay case.json --json')).out);
    expect(json).toMatchObject({ kernel: c.kernel, property: 'none.1', failure: null });
    expect(json.transcript).toHaveLength(2);
  });
});

describe("a user's own patch", () => {
  const patch = (funcs: string): string => `import { defineSeries, type rq, type vmlinux } from 'kvmodel';
export default defineSeries({ id: 'mine', title: 'mine', base: 'v6.12.117', patches: [{ subject: 's', funcs: { ${funcs} } }] });
`;

  it('is a kernel like any other', async () => {
    const text = patch('yield_task_fair(this: vmlinux, rq: rq): void { rq.yld_count = 77; }');
    const { code, out, err } = await said(`run nice-mix --events 30 --kernel ./${file('mine.ts', text)}`);
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('v6.12.117+mine');
    expect(out).toContain('rq0.yld_count');
  });

  it.each([
    [
      'another signature',
      'yield_task_fair(this: vmlinux, rq: string): void {}',
      'expected yield_task_fair: (this: vmlinux, rq: rq) => void',
    ],
    ['another result', 'entity_eligible(): string { return ""; }', 'expected entity_eligible:'],
    [
      'an unknown name',
      'yield_task_fare(this: vmlinux, rq: rq): void {}',
      'expected a function of the base, perhaps yield_task_fair',
    ],
    ['no function', 'yield_task_fair: 3', 'expected yield_task_fair:'],
    ['a syntax error', 'yield_task_fair(', 'expected code that compiles, got TS'],
    [
      'u64 added with +',
      'yield_task_fair(this: vmlinux, rq: rq): void { rq.clock + rq.clock; }',
      'expected code that compiles, got TS',
    ],
  ])('with %s is refused', async (_, funcs, expected) => {
    const { code, out, err } = await said(`run nice-mix --kernel ./${file('wrong.ts', patch(funcs))}`);
    expect([code, out]).toEqual([2, '']);
    expect(err.replace(/\n\s+/g, ' ')).toContain(expected);
    expect(err).toMatch(/wrong\.ts:2:\d+: expected/);
  });

  it('is the one that README shows, and it runs', async () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] as string;
    expect(code.trimEnd().split('\n').length).toBeLessThan(22);
    const { err, out } = await said(`run nice-mix --events 30 --kernel ./${file('readme.ts', code)}`);
    expect(err).toBe('');
    expect(out).toContain('v6.12.117+free-yield');
  });

  it('draws no chance and reads no clock', async () => {
    const text = patch('yield_task_fair(this: vmlinux, rq: rq): void { rq.yld_count = Math.random() * Date.now(); }');
    const { code, err } = await said(`run nice-mix --kernel ./${file('dice.ts', text)}`);
    expect(code).toBe(2);
    expect(err).toMatch(/dice\.ts:2:\d+: expected what follows from[\s\S]*got Math\.random/);
    expect(err).toContain('2 faults');
  });

  it('is warned of state that outlives a run', async () => {
    const text = `let yields = 0;\n${patch('yield_task_fair(this: vmlinux, rq: rq): void { rq.yld_count = ++yields; }')}`;
    const { code, err } = await said(`run nice-mix --events 5 --kernel ./${file('state.ts', text)}`);
    expect(code).toBe(0);
    expect(err.replace(/\n +/g, ' ')).toContain('warning: state.ts:1:5: yields keeps its value from run to run');
  });

  it('that loops for ever dies as a kernel does, with the place', async () => {
    const text = patch('yield_task_fair(this: vmlinux, rq: rq): void { while (true) rq.yld_count++; }');
    const { code, out } = await said(`run nice-mix --events 60 --kernel ./${file('loop.ts', text)}`);
    expect(code).toBe(0);
    expect(out.replace(/\n +/g, ' ')).toContain('kernel BUG (soft lockup) in yield_task_fair() at loop.ts:2:');
  });

  it('that does not boot is told so, and is no success', async () => {
    const text = patch('init_cfs_rq(this: vmlinux, rq: any): void { for (;;) rq.x++; }');
    const { code, out } = await said(`run nice-mix --kernel ./${file('unbootable.ts', text)}`);
    expect(code).toBe(1);
    expect(out.replace(/\n +/g, ' ')).toMatch(
      /^dies at boot: kernel BUG \(soft lockup\) in init_cfs_rq\(\) at unbootable\.ts:2:/,
    );
  });

  it('with two faults has both told', async () => {
    const funcs = 'yield_task_fair: 3, yield_task_fare(this: vmlinux, rq: rq): void {}';
    expect((await said(`run nice-mix --kernel ./${file('wrong.ts', patch(funcs))}`)).err).toContain('2 faults');
  });

  it('that is no series, or throws, is refused', async () => {
    const cases: [string, string][] = [
      ['export default 3;', 'expected a default export made by defineSeries(), got 3'],
      ['export const x = 1;', 'expected a default export made by defineSeries(), got nothing'],
      ['throw new Error("boo");', 'expected a module that loads, got Error: boo'],
      ['export default { id: "a b", title: "", base: 3, patches: [] };', '4 faults'],
      ["export default { id: 'x', title: 'x', base: 'v9', patches: [{ subject: 's' }] };", 'v9'],
      [
        "export default { id: 'semantics-aware-v2', title: 'x', base: 'v6.12.117', patches: [{ subject: 's' }] };",
        'an id that no known',
      ],
    ];
    for (const [text, expected] of cases) {
      const { code, err } = await said(`run nice-mix --kernel ./${file('wrong.ts', text)}`);
      expect(code, text).toBe(2);
      expect(err.replace(/\n\s+/g, ' '), text).toContain(expected);
    }
  });
});

describe('a counterexample of the user', () => {
  const replayed = async (c: object) => {
    const name = file('hostile.json', JSON.stringify({ schema: 'kvmodel-counterexample-1', version: VERSION, ...c }));
    return said(`replay ./${name}`);
  };
  const apics = { cpus: 1, apics: { vcpus: 2, mode: 'xapic' } };
  const c = { kernel: 'v6.12.117', property: 'lapic.3', scenario: apics, events: [] };

  it('with knobs that no kernel has, or values that they do not take, is refused', async () => {
    const { code, out, err } = await replayed({
      ...c,
      scenario: { ...apics, features: { NEXT_BUDY: true }, knobs: { halt_poll_ns: -1 } },
      events: [{ ev: 'knob', name: 'halt_pol_ns', value: 1 }],
    });
    expect([code, out]).toEqual([2, '']);
    const words = err.replace(/\n\s+/g, ' ');
    expect(words).toContain('scenario.features.NEXT_BUDY: expected a scheduler feature, perhaps NEXT_BUDDY');
    expect(words).toContain('scenario.knobs.halt_poll_ns: expected a whole number from 0 to 4294967295, got -1');
    expect(words).toContain('events[0]: expected a knob of the kernel, perhaps halt_poll_ns');
  });

  it('with knobs of a series replays on the base as well', async () => {
    const scenario = { cpus: 1, tasks: [{ comm: 'a' }], knobs: { vcpu_debooster_enabled: 0 } };
    const on = { ...c, kernel: 'v6.19-rc1+semantics-aware-v2', scenario, events: [{ ev: 'tick', cpu: 0 }] };
    const name = file('knob.json', JSON.stringify({ schema: 'kvmodel-counterexample-1', version: VERSION, ...on }));
    expect((await said(`replay ./${name} --kernel v6.19-rc1`)).code).toBe(0);
  });

  it('with numbers beyond sense is refused', async () => {
    const { code, err } = await replayed({
      ...c,
      scenario: { cpus: 1, apics: { vcpus: 65, mode: 'flat' } },
      events: [
        { ev: 'advance', ns: 2 ** 53 - 1 },
        { ev: 'window', vcpu: -1 },
        { ev: 'mmio_write', vcpu: 0, reg: 33, value: 2 ** 32 },
        { ev: 'amid', fn: 'schedule', of: { ev: 'tick', cpu: 0 }, other: null },
      ],
    });
    expect(code).toBe(2);
    expect(err).toContain('9 faults');
    expect(err.replace(/\n\s+/g, ' ')).toContain('events[0].ns: expected a whole number from 0 to 3600000000000');
  });
});

describe('--out', () => {
  it('never writes where something is', async () => {
    mkdirSync(join(cwd, 'full'));
    file('full/there.json', 'x');
    const { code, err } = await said('check semantics-aware-v2 --out full');
    expect(code).toBe(2);
    expect(err).toContain('nothing is overwritten');
    expect(readFileSync(join(cwd, 'full/there.json'), 'utf8')).toBe('x');
    expect(existsSync(join(cwd, 'kvmodel-out'))).toBe(false);
  });
});
