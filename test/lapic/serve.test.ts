// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import type { Io } from '../../src/cli/io.js';
import { define } from '../../src/cli/lapic.js';
import { createLapicServer } from '../../src/machine/lapic-protocol.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

const TIMER = ['INIT 1 0', 'W 0 1 0xfee000f0 0x1ff', 'W 0 2 0xfee00320 0x20030', 'W 0 3 0xfee00380 1'];

const NONE = '18446744073709551615';

/** What the command answers to this input, in these pieces. */
async function served(...pieces: string[]): Promise<{ out: string; err: string; code: number }> {
  let out = '';
  let err = '';
  let code = -1;
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    errIsTty: false,
    cwd: '/',
    invocation: 'kvmodel',
    env: {},
    stdin: async () => '',
  } satisfies Io;
  async function* input(): AsyncGenerator<string> {
    yield* pieces;
  }
  const command = define(
    io,
    (c) => {
      code = c;
    },
    input(),
  );
  await command.parseAsync(['--serve'], { from: 'user' });
  return { out, err, code };
}

describe('kvmodel lapic --serve', () => {
  it('answers a line with a line, however the pipe cuts them', async () => {
    const text = 'INIT 2 1\nR 0 100 4276092976\nWM 0 200 27 4276096000\n';
    const whole = await served(text);
    expect(whole).toEqual({ out: `0 0 0 ${NONE}\n0 17104916 0 ${NONE}\n0 0 0 ${NONE}\n`, err: '', code: 0 });
    expect((await served(...text)).out).toBe(whole.out);
    expect((await served(text.slice(0, -1))).out).toBe(whole.out);
  });

  it('speaks hex to a client that does', async () => {
    const { out } = await served('INIT 1 0\nR 0 0x64 0xfee00030\n');
    expect(out).toBe(`0 0 0 ${NONE}\n0 0x50014 0x0 0xffffffffffffffff\n`);
  });

  it.each([1n, 20_000_000_000_000n, 2n ** 61n])('keeps a TSC deadline that is set at %s', async (at) => {
    const lines = ['INIT 1 0', `W 0 ${at} 0xfee000f0 0x1ff`, `W 0 ${at} 0xfee00320 0x40030`];
    const asked = [`WM 0 ${at} 0x6e0 ${at + 50_000n}`, `T 0 ${at + 49_999n}`, `T 0 ${at + 50_000n}`];
    const { out } = await served(`${[...lines, ...asked].join('\n')}\n`);
    const replies = out.trimEnd().split('\n').slice(-3);
    const due = `0x${(at + 50_000n).toString(16)}`;
    expect(replies).toEqual([`0 0x0 0x0 ${due}`, `0 0x0 0x0 ${due}`, '0 0x0 0x1 0xffffffffffffffff']);
  });

  it('lets an hour of the shortest periods pass at once, on every vCPU', async () => {
    const all = [...Array(32).keys()].flatMap((c) => TIMER.slice(1).map((line) => line.replace(/ 0 /, ` ${c} `)));
    const { out } = await served(`${['INIT 32 0', ...all, 'T 0 3600000000000'].join('\n')}\n`);
    const [, , pending, deadline] = out.trimEnd().split('\n').at(-1)?.split(' ') ?? [];
    expect(Number(pending)).toBe(0xffff_ffff);
    expect(Number(deadline)).toBeGreaterThan(3_600_000_000_000);
  });

  it.each([
    ['R 0 1 2', 'expected INIT first'],
    ['INIT 0 0', 'ncpu: expected 1 to 32, got 0'],
    ['INIT', 'ncpu is missing'],
    ['HELLO', 'expected a request, got HELLO'],
  ])('says what is wrong with %s, and goes on', async (line, complaint) => {
    const { out, err, code } = await served(`${line}\nINIT 1 0\n`);
    expect(out.split('\n')[0]).toBe(`22 0 0 ${NONE}`);
    expect(out.split('\n')[1]).toBe(`0 0 0 ${NONE}`);
    expect(err).toBe(`kvmodel: line 1: ${complaint}\n`);
    expect(code).toBe(0);
  });

  it('tells pending interrupts, NMIs and the next deadline with every reply', () => {
    const server = createLapicServer(linux_6_12);
    const ask = (line: string): string => server.handle(line);
    ask('INIT 2 0');
    ask('W 0 10 0xfee000f0 0x1ff');
    ask('W 1 10 0xfee000f0 0x1ff');
    ask('W 0 20 0xfee00310 0x1000000');
    expect(ask('W 0 30 0xfee00300 0x4041')).toBe('0 0x0 0x2 0xffffffffffffffff');
    expect(ask('W 0 30 0xfee00300 0x4400')).toBe('0 0x0 0x200000002 0xffffffffffffffff');
    expect(ask('A 1 40')).toBe('0 0x41 0x200000000 0xffffffffffffffff');
    expect(ask('A 1 40')).toBe('1 0x0 0x200000000 0xffffffffffffffff');
    expect(ask('N 1 40')).toBe('0 0x2 0x0 0xffffffffffffffff');
    ask('W 0 50 0xfee00320 0x21');
    ask('W 0 50 0xfee003e0 0xb');
    expect(ask('W 0 1000 0xfee00380 0x1000')).toBe('0 0x0 0x0 0x13e8');
    expect(ask('T 0 0x13e8')).toBe('0 0x0 0x1 0xffffffffffffffff');
  });

  it('dumps a register page', () => {
    const server = createLapicServer(linux_6_12);
    server.handle('INIT 1 0');
    const words = server.handle('D 0 1').split(' ').slice(4);
    expect(words).toHaveLength(64);
    expect(words[3]).toBe('50014');
    expect(words[0x35]).toBe('700');
  });

  it('is not kept busy for years by a TSC that is far away, and shows no control characters', async () => {
    const far = await served([...TIMER, 'T 0 4611686018427387000', 'A 0 4611686018427387000', ''].join('\n'));
    expect(
      far.out
        .trimEnd()
        .split('\n')
        .slice(-2)
        .map((line) => line.split(' ')[0]),
    ).toEqual(['0', '0']);
    const beyond = await served([...TIMER, 'T 0 18446744073709551615', '\x1b[2J', ''].join('\n'));
    expect(
      beyond.out
        .trimEnd()
        .split('\n')
        .slice(-2)
        .map((line) => line.split(' ')[0]),
    ).toEqual(['22', '22']);
    expect(beyond.err).toContain('line 5: tsc: expected a time below 2^62 ns');
    expect(beyond.err).toMatch(/^[\x20-\x7e\n]*$/);
  });
});
