// SPDX-License-Identifier: GPL-2.0-only
/** What each command reads, whole and right: what `garbage.ts` mangles. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync, gunzipSync } from 'node:zlib';
import { explain } from '../../src/cli/exit.js';
import { define as lapicCommand } from '../../src/cli/lapic.js';
import { type Case, caseFile, readToken, tokenOf } from '../../src/loader/counterexample.js';
import { loadSeriesFile } from '../../src/loader/series-file.js';
import { catalogue } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { gathering, kvmodelIn, type Said } from '../cli/in-process.js';
import { type Dice, mangledText, mangledTree } from './garbage.js';

/** One kind of input: mangles one, hands it over, and keeps it for a report. */
export interface Kind {
  name: string;
  /** the input, and what runs on it */
  make(dice: Dice, cwd: string): { input: string; run(): Promise<Said> };
}

/** Runs with input on standard input. */
const piped = (argv: readonly string[], input: string, cwd: string): ReturnType<Kind['make']> => ({
  input,
  run: () => kvmodelIn(cwd, argv, input),
});

const small = catalogue
  .map(({ name: _name, says: _says, ...rest }) => rest)
  .filter((s) => JSON.stringify(s).length < 6000);
const vector = (name: string, lines: number): string =>
  gunzipSync(readFileSync(new URL(`../vectors/${name}`, import.meta.url)))
    .toString()
    .split('\n')
    .slice(0, lines)
    .join('\n');

const jsonText = (value: unknown, dice: Dice): string => {
  const text = JSON.stringify(dice.below(3) > 0 ? mangledTree(value, dice) : value, null, dice.below(2));
  return dice.below(3) === 0 ? mangledText(text, dice) : text;
};

const events: Case['events'] = [
  { ev: 'tick', cpu: 0 },
  { ev: 'advance', ns: 1_000_000 },
  { ev: 'yield_to', cpu: 0, task: 2 },
  { ev: 'nice', cpu: 0, task: 1, nice: 5 },
  { ev: 'shares', cpu: 0, group: 1, shares: 512 },
  { ev: 'knob', name: 'NEXT_BUDDY', value: 1 },
];
const scenario: Scenario = {
  cpus: 1,
  groups: [{ name: 'g', shares: 512 }],
  tasks: [
    { comm: 'a', group: 'g' },
    { comm: 'b', nice: 3 },
    { comm: 'c', program: [{ op: 'compute', ns: 1000 }, { op: 'yield' }] },
  ],
};
const aCase: Case = { kernel: 'v6.19-rc1', property: 'fairness.1', against: 'v6.12.117', scenario, events };

/** A line, or a few, of a recording, as JSON that is one thing else; or the text mangled. */
function recording(text: string, dice: Dice): string {
  if (dice.below(2) === 0) return mangledText(text, dice);
  const lines = text.split('\n');
  const at = dice.below(lines.length);
  try {
    lines[at] = JSON.stringify(mangledTree(JSON.parse(lines[at]), dice));
  } catch {
    lines[at] = mangledText(lines[at], dice);
  }
  return lines.join('\n');
}

let files = 0;
const fromFile = (
  argv: readonly string[],
  name: string,
  text: string | Uint8Array,
  cwd: string,
): ReturnType<Kind['make']> => {
  const file = `${files++ % 8}-${name}`;
  return {
    input: typeof text === 'string' ? text : Buffer.from(text).toString('base64'),
    run: async () => {
      writeFileSync(join(cwd, file), text);
      return await kvmodelIn(cwd, [...argv, file]);
    },
  };
};

/** Requests of the line protocol, in the order in which a client may well send them. */
const SERVED = [
  'INIT 2 1',
  'W 1 10 0xfee000f0 0x1ff',
  'W 0 20 0xfee00310 0x1000000',
  'W 0 30 0xfee00300 0x4041',
  'A 1 40',
  'WM 1 50 0x6e0 1000',
  'RM 0 60 0x1b',
  'C 0 70 11 0',
  'HC 0 80 10 3 0 0 0x41',
  'N 1 90',
  'D 0 100',
  'T 0 2000',
];

async function served(text: string, cwd: string): Promise<Said> {
  const { io, got } = gathering(cwd);
  let code = -1;
  async function* chunks(): AsyncGenerator<string> {
    yield text;
  }
  const command = lapicCommand(
    io,
    (c) => {
      code = c;
    },
    chunks(),
  );
  await command.parseAsync(['--serve'], { from: 'user' });
  return { code, ...got };
}

/** A token of JSON that is one thing else; its checksum is right. */
function tokenOfMangled(dice: Dice): string {
  const good = readToken(tokenOf(aCase));
  return tokenOf(mangledTree(good, dice) as Case);
}

const seriesSource = readFileSync(new URL('../cli/patches/free-yield.ts', import.meta.url), 'utf8');

export const KINDS: readonly Kind[] = [
  {
    name: 'trace',
    make: (dice, cwd) => piped(['import', '-'], recording(vector('traces/kvm-2-cpus.txt.gz', 80), dice), cwd),
  },
  {
    name: 'scenario',
    make: (dice, cwd) => piped(['run', '-', '--events', '30'], jsonText(dice.of(small), dice), cwd),
  },
  {
    name: 'counterexample',
    make: (dice, cwd) => piped(['replay', '-'], jsonText(JSON.parse(caseFile(aCase)), dice), cwd),
  },
  {
    name: 'token',
    make: (dice, cwd) => {
      const token = dice.below(2) === 0 ? mangledText(tokenOf(aCase), dice) : tokenOfMangled(dice);
      return { input: token, run: () => kvmodelIn(cwd, ['replay', token]) };
    },
  },
  {
    name: 'recording of the scheduler',
    make: (dice, cwd) =>
      fromFile(['conform', '--replay'], 'sched.jsonl', recording(vector('own-2cpu.jsonl.gz', 4), dice), cwd),
  },
  {
    name: 'recording of local APICs',
    make: (dice, cwd) =>
      fromFile(['conform', '--replay'], 'apic.jsonl', recording(vector('lapic-kvm-6.12.117.jsonl.gz', 12), dice), cwd),
  },
  {
    name: 'trace of KVM',
    make: (dice, cwd) =>
      fromFile(['conform', '--replay'], 'kvm.txt', mangledText(vector('kvm-on-spin-2cpu.txt.gz', 60), dice), cwd),
  },
  {
    name: 'compressed recording',
    make: (dice, cwd) => {
      const bytes = Buffer.from(deflateRawSync(vector('own-1cpu.jsonl.gz', 2)));
      for (let n = dice.below(4); n >= 0; n--) bytes[dice.below(bytes.length)] ^= 1 << dice.below(8);
      const head =
        dice.below(2) === 0 ? [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] : [0x1f, 0x8b, dice.below(256), dice.below(256)];
      return fromFile(['conform', '--replay'], 'x.gz', Buffer.concat([Buffer.from(head), bytes]), cwd);
    },
  },
  {
    name: 'requests to local APICs',
    make: (dice, cwd) => {
      const text = mangledText(`${SERVED.join('\n')}\n`, dice);
      return { input: text, run: () => served(text, cwd) };
    },
  },
  {
    name: 'series file',
    // WHY not through the command: the compiler, which looks first, takes seconds and is not ours
    make: (dice, cwd) => {
      const text = mangledText(seriesSource, dice);
      const name = `${files++ % 8}-x.ts`;
      return {
        input: text,
        run: async () => {
          writeFileSync(join(cwd, name), text);
          const { io, got } = gathering(cwd);
          try {
            await loadSeriesFile(name, cwd, false);
            return { code: 0, ...got };
          } catch (e) {
            const code = explain(e, io);
            return { code, ...got };
          }
        },
      };
    },
  },
];
