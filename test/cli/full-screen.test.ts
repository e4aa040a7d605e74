// SPDX-License-Identifier: GPL-2.0-only
/** The full-screen view in a pseudo-terminal of 80x24: what it shows, another size, and the terminal restored whatever ends it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { hasTerminals, Terminal } from './terminal.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cwd = mkdtempSync(join(tmpdir(), 'kvmodel-tui-'));
const open: Terminal[] = [];

function started(argv: string[], env: NodeJS.ProcessEnv = { NO_COLOR: '1' }): Terminal {
  const terminal = new Terminal([process.execPath, join(root, 'dist/src/cli/main.js'), 'step', ...argv], cwd, env);
  open.push(terminal);
  return terminal;
}

/** The usual screen again, with what stood on it, the line settings too, and that exit code. */
async function restored(terminal: Terminal, code: number): Promise<void> {
  const { text, isAlternate } = await terminal.until(/code \d+\n(?:[\da-f]+:){20}/);
  expect(isAlternate).toBe(false);
  expect(text).toContain(`code ${code}`);
  const settings = [...terminal.written.matchAll(/^([\da-f]+(?::[\da-f]+){20,})/gm)].map(([, it]) => it);
  expect(settings).toHaveLength(2);
  expect(settings[1]).toBe(settings[0]);
}

/** A kernel from a file that throws from nowhere when it is told to. */
const CRASHES = `
import { defineSeries } from 'kvmodel';
process.on('SIGUSR2', () => { throw new Error('thrown from nowhere'); });
const patches = [{ subject: 'x: y', funcs: { yield_task_fair(_rq) {} } }];
export default defineSeries({ id: 'crashes', title: 'x: Crash', base: 'v6.12.117', patches });
`;

describe.skipIf(!hasTerminals)(`the full-screen view${hasTerminals ? '' : ' (no /usr/bin/script)'}`, () => {
  beforeAll(() => {
    execFileSync(process.execPath, [join(root, 'tools/compile.mjs')], { cwd: root });
    writeFileSync(join(cwd, 'crashes.mjs'), CRASHES);
  }, 180_000);
  afterEach(() => {
    for (const terminal of open.splice(0)) terminal.end();
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  it('shows queue, CPUs, lives, local APIC, calls and changes in 80x24; goes, and comes back', async () => {
    const terminal = started(['two-spinners', '--against', 'v6.19-rc1+pre-forfeit']);
    await terminal.until(/^\(kvmodel\)$/m);
    terminal.type('tui enable\r');
    const { isAlternate } = await terminal.until(/nr_running[\s\S]*\n\(kvmodel\)$/);
    expect(isAlternate).toBe(true);
    terminal.type('tbreak yield_to\rcontinue\r');
    const picture = await terminal.until(/step 89[\s\S]*\(kvmodel\) continue[\s\S]*true\)\);\s*\n\(kvmodel\)$/);
    await expect(picture.text.replace(/\.ts:\d+/g, '.ts:N')).toMatchFileSnapshot('__golden__/full-screen.txt');
    expect(picture.colours).toBe(0);
    terminal.type('help\r');
    await terminal.until('lines 1 to');
    terminal.type('\x1b[6~');
    await terminal.until(/lines (?!1 )\d+ to/);
    terminal.type('tui disable\rquit\r');
    await restored(terminal, 0);
    // what stood there before the view
    expect(terminal.picture.text).toContain('(kvmodel) tui enable');
  });

  it('follows the size of the terminal, gives up what is typed at ^C, and ends with ^D', async () => {
    const terminal = started(['two-spinners', '--tui'], {});
    await terminal.until(/nr_running[\s\S]*\n\(kvmodel\)$/);
    expect(terminal.picture.colours).toBeGreaterThan(0);
    terminal.type('never ran');
    await terminal.until('never ran');
    terminal.resize(60, 16);
    const small = await terminal.until(/^- rq.{56}$[\s\S]*\n\(kvmodel\) never ran$/m);
    expect(small.lines).toHaveLength(16);
    terminal.type('\x03');
    await terminal.until(/\n\(kvmodel\)$/);
    terminal.resize(132, 43);
    await terminal.until(/-{60}[\s\S]*\n\(kvmodel\)$/);
    terminal.type('layout src\rseek 12\rstep\r');
    await terminal.until(/- src\/guest\/actor\.ts -{60}[\s\S]*^> *\d+ /m);
    terminal.type('\x04');
    await restored(terminal, 0);
  });

  it.each([
    ['a signal', 'SIGTERM', 143, '', []],
    ['a crash', 'SIGUSR2', 2, 'thrown from nowhere', ['--kernel', './crashes.mjs']],
  ] as const)('leaves the terminal as it was after %s', async (_, signal, code, words, kernel) => {
    const terminal = started(['two-spinners', '--tui', ...kernel]);
    await terminal.until(/nr_running[\s\S]*\n\(kvmodel\)$/);
    process.kill(terminal.pid, signal);
    await restored(terminal, code);
    expect(terminal.picture.text).toContain(words);
  });
});
