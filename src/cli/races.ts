// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel races`: lockless code on several CPUs, in every order of its races, or in orders that chance chooses. */
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { OK, REFUTED } from '../base/exit-codes.js';
import { oneOf, reject, shown } from '../base/faults.js';
import { columns, count, quoted, wrap } from '../base/text.js';
import type { Broken } from '../races/every-order.js';
import type { Litmus, MemoryOptions, Setting, StepTable } from '../races/one-order.js';
import type { Kernel } from '../vmlinux/bind.js';
import { type Io, warnOn } from './io.js';
import { Options } from './options.js';

interface Flags {
  kernel?: string;
  limit?: string;
  tso?: boolean;
  without?: string;
  random?: boolean;
  seed?: string;
  runs?: string;
  time?: string;
  case?: string;
  order?: string;
  json?: boolean;
}

/** What was asked for, read. */
interface Asked {
  kernel: Kernel;
  memory: MemoryOptions;
  limit: number;
  seed: number;
  runs: number;
  timeSeconds: number | null;
  setting: (litmus: Litmus, table?: StepTable) => Setting;
  invocation: string;
  /** the options that say which kernel and which memory, for a command to be given again */
  again: string[];
}

const EXAMPLES = `
Examples:
  kvmodel races
  kvmodel races --tso --without set_current_state
  kvmodel races --random --seed 7 --runs 1000
  kvmodel races --kernel semantics-aware-v2
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('races')
    .argument('[name]', 'only tests whose name contains this')
    .option('--kernel <name>', "v6.12.117 when absent; a series' functions stop at their races as well")
    .option('--limit <n>', 'states of one test, at most; 1000000 when absent')
    .option('--tso', 'stores wait in buffers, as on x86')
    .option('--without <barrier>', 'full barriers left out: RACE: comments with (smp_mb) that contain this')
    .option('--random', 'larger cases, drawn at random, in random orders; what fails is shrunk')
    .option('--seed <n>', 'with --random: seed of all chance, 1 when absent')
    .option('--runs <n>', 'with --random: cases, each in ten orders; 200 when absent')
    .option('--time <s>', 'with --random: try new cases for so many seconds')
    .option('--case <text>', 'your own case: in every order, or in the one of --order')
    .option('--order <moves>', 'with --case: play this order, as a failing one is printed')
    .option('--json', 'the results as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string | undefined, flags: Flags) => exit(await races(name, flags, io)));
}

async function races(name: string | undefined, flags: Flags, io: Io): Promise<number> {
  const asked = await askedOf(flags, io);
  if (flags.case !== undefined) return oneCase(flags.case, flags, asked, io);
  if (flags.random === true) return random(flags, asked, io);
  return everyTest(name, flags, asked, io);
}

async function askedOf(flags: Flags, io: Io): Promise<Asked> {
  const o = new Options();
  const limit = o.whole('--limit', flags.limit, 1, 100_000_000) ?? 1_000_000;
  const seed = o.whole('--seed', flags.seed, 0, 0xffff_ffff) ?? 1;
  const runs = o.whole('--runs', flags.runs, 1, 100_000_000) ?? 200;
  const timeSeconds = o.whole('--time', flags.time, 1, 7 * 24 * 3600) ?? null;
  if (flags.order !== undefined && flags.case === undefined) o.fault('--order', '--case with it', 'no --case');
  o.done();
  const { pin } = await import('../series/registry.js');
  const { namedKernel, onlyX86 } = await import('../loader/check-subject.js');
  const { looksLikeFile } = await import('../loader/files.js');
  const { settle } = await import('../machine/settle.js');
  const { settingOf } = await import('../races/one-order.js');
  const { barriers, steppedTableOf } = await import('../races/series-modules.js');
  if (flags.without !== undefined && !barriers().some((it) => it.includes(flags.without as string))) {
    const known = barriers().map((it) => it.slice('(smp_mb) '.length).split(/[:,] | is /)[0]);
    reject(
      'command line',
      'unknown-barrier',
      '--without',
      `a part of one of these: ${known.join('; ')}`,
      flags.without,
    );
  }
  const kernel = await namedKernel(flags.kernel ?? pin.name, io.cwd, undefined, true, warnOn(io));
  onlyX86(kernel, '');
  if (flags.kernel !== undefined && looksLikeFile(flags.kernel))
    warnOn(io)(`functions of ${flags.kernel} run in one go here; those of kvmodel stop at their races`);
  const table = await steppedTableOf(kernel);
  const memory = { storeBuffers: flags.tso === true, ...defined({ withoutBarrier: flags.without }) };
  const again = [
    ...(flags.kernel === undefined ? [] : ['--kernel', quoted(flags.kernel)]),
    ...(flags.tso === true ? ['--tso'] : []),
    ...(flags.without === undefined ? [] : ['--without', `'${flags.without}'`]),
  ];
  const setting = (litmus: Litmus, its = table): Setting =>
    settingOf(its, kernel, litmus, (k, m) => settle(k, m as never), memory);
  return { kernel, memory, limit, seed, runs, timeSeconds, setting, again, invocation: io.invocation };
}

/* ---- every order of the tests ---- */

async function everyTest(name: string | undefined, flags: Flags, asked: Asked, io: Io): Promise<number> {
  const { searchOrders } = await import('../races/every-order.js');
  const { brokenText, orderVerdict, searched } = await import('../report/race-text.js');
  const { litmusTests } = await import('../../properties/races/litmus.js');
  const { steppedTableOf } = await import('../races/series-modules.js');
  const all = litmusTests(asked.kernel);
  const tests = all.filter((it) => name === undefined || it.name.includes(name));
  if (tests.length === 0) {
    const known = all.map((it) => it.name);
    reject('command line', 'unknown-test', 'NAME', oneOf('a part of a test', name as string, known), shown(name));
  }
  const results = [];
  for (const litmus of tests) {
    const setting = asked.setting(litmus, await steppedTableOf(asked.kernel, litmus.stops));
    results.push({ setting, found: searchOrders(setting, { limit: asked.limit }) });
  }
  if (flags.json === true) {
    const { stableJson } = await import('../base/stable-json.js');
    const plain = results.map(({ setting, found }) => ({
      name: setting.litmus.name,
      says: setting.litmus.says,
      ...found,
    }));
    io.out(`${stableJson({ kernel: asked.kernel.name, tests: plain }, 2)}\n`);
  } else {
    const rows = results.map(({ setting, found }) => [setting.litmus.name, orderVerdict(found), searched(found)]);
    const lines = [`kernel   ${asked.kernel.name}`, '', ...columns([['test', 'verdict', 'searched'], ...rows])];
    for (const { setting, found } of results)
      if (found.broken !== null) lines.push('', ...brokenText(setting, found.broken));
    io.out(`${lines.join('\n')}\n`);
  }
  return results.some(({ found }) => found.broken !== null) ? REFUTED : OK;
}

/* ---- cases ---- */

async function oneCase(text: string, flags: Flags, asked: Asked, io: Io): Promise<number> {
  const { litmusOf, parseCase } = await import('../races/world.js');
  const { searchOrders } = await import('../races/every-order.js');
  const { failingText, orderVerdict, searched } = await import('../report/race-text.js');
  const { parseOrder, playOrder } = await import('../races/random-order.js');
  const race = parseCase(text);
  const setting = asked.setting(litmusOf(asked.kernel, race));
  let broken: Broken | null;
  let what: string;
  if (flags.order === undefined) {
    const found = searchOrders(setting, { limit: asked.limit });
    broken = found.broken;
    what = `${orderVerdict(found)}, ${searched(found)}`;
  } else {
    const moves = parseOrder(flags.order, setting.litmus.cpus.length);
    if (moves === null) reject('command line', 'order', '--order', 'moves such as 0x3,1,0x2', shown(flags.order));
    const played = playOrder(setting, moves);
    broken = played.broken;
    what = `${broken === null ? 'holds' : 'refuted'} in this order, ${count(played.steps, 'step')}`;
  }
  if (flags.json === true) {
    const { stableJson } = await import('../base/stable-json.js');
    io.out(`${stableJson({ kernel: asked.kernel.name, case: setting.litmus.name, verdict: what, broken }, 2)}\n`);
    return broken === null ? OK : REFUTED;
  }
  const lines = [`kernel   ${asked.kernel.name}`, ...wrap(`case     ${setting.litmus.name}`, 80, '         ')];
  lines.push(`verdict  ${what}`);
  if (broken !== null) lines.push('', ...failingText(setting, broken, asked));
  io.out(`${lines.join('\n')}\n`);
  return broken === null ? OK : REFUTED;
}

async function random(flags: Flags, asked: Asked, io: Io): Promise<number> {
  const { searchAtRandom } = await import('../races/random.js');
  const { failingText } = await import('../report/race-text.js');
  const { litmusOf } = await import('../races/world.js');
  const end = asked.timeSeconds === null ? 0 : Date.now() + asked.timeSeconds * 1000;
  const found = searchAtRandom((race) => asked.setting(litmusOf(asked.kernel, race)), {
    seed: asked.seed,
    more: (cases) => (asked.timeSeconds === null ? cases < asked.runs : Date.now() < end),
  });
  const { failing } = found;
  if (flags.json === true) {
    const { stableJson } = await import('../base/stable-json.js');
    io.out(`${stableJson({ kernel: asked.kernel.name, seed: asked.seed, ...found }, 2)}\n`);
    return failing === null ? OK : REFUTED;
  }
  const skipped = found.skipped === 0 ? '' : `, ${found.skipped} of them to what is not modelled`;
  const lines = [
    `kernel   ${asked.kernel.name}`,
    `seed     ${asked.seed}`,
    `tried    ${count(found.cases, 'case')}, ${count(found.orders, 'order')}, ${count(found.steps, 'step')}${skipped}`,
    `verdict  ${failing === null ? 'no fault' : 'refuted'}`,
  ];
  if (failing !== null) {
    lines.push(...wrap(`drawn    ${failing.drawn}`, 80, '         '), '');
    lines.push(...failingText(asked.setting(litmusOf(asked.kernel, failing.race)), failing.broken, asked));
  }
  io.out(`${lines.join('\n')}\n`);
  return failing === null ? OK : REFUTED;
}
