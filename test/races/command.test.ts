// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel races` on the command line, and that docs/races.md shows what it says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { kvmodelIn } from '../cli/in-process.js';

const said = (argv: string[]) => kvmodelIn('.', argv);

/** Words of a command line, with quotes. */
const words = (line: string): string[] =>
  [...line.replace(/\\\n/g, ' ').matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain);

const doc = readFileSync(new URL('../../docs/races.md', import.meta.url), 'utf8');

describe('docs/races.md', () => {
  const [, command, output] = /\$ kvmodel (races --case .*)\n(kernel [\s\S]*?)```/.exec(doc) as RegExpExecArray;

  it('shows what the command says', async () => {
    const { code, out } = await said(words(command));
    expect(out).toBe(output);
    expect(code).toBe(1);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  it('ends in the command that plays the order again', async () => {
    const [, again] = /\nkvmodel (races [\s\S]*)$/.exec(output) as RegExpExecArray;
    const { code, out } = await said(words(again));
    expect(code).toBe(1);
    const order = (text: string): string => text.slice(text.indexOf('CPU 0'));
    expect(order(out)).toBe(order(output));
  });

  it('shows how many states there are', async () => {
    const [row] = /^halt against interrupt, VMX {2,}.*$/m.exec(doc) as RegExpExecArray;
    const { code, out } = await said(['races', 'halt against interrupt, VMX', '--tso']);
    expect(out.replace(/ +/g, ' ')).toContain(row.replace(/ +/g, ' '));
    expect(code).toBe(0);
  });
});

describe('a wrong command line', () => {
  it.each([
    [['races', '--case', 'vmx: hop | hlt'], 'hop: expected an operation'],
    [['races', '--case', 'vmx: hlt | hlt', '--order', '9'], '--order: expected moves'],
    [['races', '--order', '0x3'], '--order: expected --case with it'],
    [['races', '--tso', '--without', 'mmiowb'], '--without: expected a part of one of these'],
    [['races', 'nothing of the kind'], 'NAME: expected a part of a test'],
  ])('%j says what was expected', async (argv, expected) => {
    const { code, out, err } = await said(argv);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(expected);
  });
});

it('--random says what it tried, the same by the same seed', async () => {
  const { code, out } = await said(['races', '--random', '--runs', '2', '--seed', '4']);
  expect(code).toBe(0);
  expect(out).toMatch(
    /^kernel {3}v6\.12\.117\nseed {5}4\ntried {4}2 cases, 20 orders, \d+ steps\nverdict {2}no fault\n$/,
  );
  expect((await said(['races', '--random', '--runs', '2', '--seed', '4'])).out).toBe(out);
});
