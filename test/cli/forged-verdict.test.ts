// SPDX-License-Identifier: GPL-2.0-only
/** A patch that goes wrong, or wants to be judged by its own hand: in the command as it is installed, with its threads. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
let cwd = '';
vi.setConfig({ testTimeout: 300_000 });

beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'tools/compile.mjs')], { cwd: root });
  cwd = mkdtempSync(join(tmpdir(), 'kvmodel-forged-'));
}, 180_000);
afterAll(() => rmSync(cwd, { recursive: true }));

// WHY not `process`: code that names it does not compile in a patch.
const EXIT = '(globalThis as any).process.exit';

type Said = { code: number | null; out: string; err: string };

function write(body: string, before: string, name: string): void {
  const patch = `{ subject: "x", funcs: { ${name}(this: vmlinux, _of: unknown): void { ${body} } } }`;
  const series = `export default defineSeries({ id: "mine", title: "x", base: "v6.12.117", patches: [${patch}] });`;
  writeFileSync(join(cwd, 'mine.ts'), `import { defineSeries, type vmlinux } from "kvmodel";\n${before}\n${series}\n`);
}

function run(...argv: string[]): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'bin/kvmodel.mjs'), ...argv], {
    cwd,
    encoding: 'utf8',
  });
  const words = (text: string): string => text.replace(/\s+/g, ' ');
  return { code: status, out: words(stdout), err: words(stderr) };
}

/** `check` of a patch with one override, in front of which `before` stands. */
function check(body: string, before = '', name = 'yield_task_fair'): Said {
  write(body, before, name);
  return run('check', './mine.ts', '--only', 'yield.1', '--runs', '4');
}

describe('user code that forges an exit code', () => {
  it.each([
    ['at import', '', `${EXIT}(0);`, 'got process.exit(0)'],
    ['from inside the kernel', `${EXIT}(0);`, '', 'got process.exit(0)'],
    ['by a promise that nobody awaits', '', 'Promise.reject(new Error("x"));', 'mine.ts:2:16: expected code that runs'],
    ['by a string that it throws at import', '', 'throw "x";', 'expected a module that loads, got x'],
  ])('%s gives no verdict', (_, body, before, said) => {
    const { code, out, err } = check(body, before);
    expect(err).toContain(said);
    expect(out).toBe('');
    expect(code).toBe(2);
  });
});

describe('a kernel that dies of an exception', () => {
  it('in a function is refuted, with the function and its place', () => {
    const { code, out } = check('(undefined as any).x;');
    expect(out).toContain('BUG (exception) in yield_task_fair() at mine.ts:3:');
    expect(out).toContain('TypeError: Cannot read properties of undefined');
    expect(out).toContain('1 claim: 1 refuted.');
    expect(code).toBe(1);
  });

  it('at boot is refuted, and so is said', () => {
    const { code, out } = check('throw "up";', '', 'init_cfs_rq');
    expect(out).toContain('refuted dies at boot');
    expect(out).toContain('dies at boot: kernel BUG (exception) in');
    expect(code).toBe(1);
  });
});

describe('a loop of the kernel that an override makes endless', () => {
  const parentOfItself = '{ const se = this.m.se[this.m.task[this.m.rq[0].curr].se]; se.parent = se.id; }';
  const LOCKUP = /BUG \(soft lockup\) in \w+\(\) at src\/sched\/fair\.ts:\d+/;

  it('ends a check with a refutation: which function, after which event', () => {
    write(parentOfItself, '', 'yield_task_fair');
    // the structure witness would see the parent before anything walks there
    const { code, out } = run('check', './mine.ts', '--only', 'yield.5', '--runs', '4', '--no-witness');
    expect(code).toBe(1);
    expect(out).toContain('yield.5');
    expect(out).toMatch(LOCKUP);
    const token = /replay (k1\.\S+)/.exec(out)?.[1] as string;
    const replayed = run('replay', token);
    expect(replayed.code).toBe(1);
    expect(replayed.out).toMatch(LOCKUP);
  });
});
