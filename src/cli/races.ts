// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel races`: lockless code on two CPUs, in every order of its races. */
import { Command } from 'commander';
import { oneOf, reject, shown } from '../base/faults.js';
import { columns, wrap } from '../base/text.js';
import type { Interleaved } from '../machine/every-order.js';
import type { Litmus } from '../machine/one-order.js';
import { OK, REFUTED } from './exit.js';
import type { Io } from './io.js';
import { Options } from './options.js';

interface Flags {
  kernel?: string;
  limit?: string;
  tso?: boolean;
  without?: string;
  json?: boolean;
}

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('races')
    .argument('[name]', 'only tests whose name has this in it')
    .option('--kernel <name>', 'v6.12.117 when absent; what a series overrides goes in one step')
    .option('--limit <n>', 'states of one test, at most; 1000000 when absent')
    .option('--tso', 'stores wait in buffers, as on x86')
    .option(
      '--without <barrier>',
      'full barriers that are not there: RACE: comments with (smp_mb) that have this in them',
    )
    .option('--json', 'the results as JSON')
    .action(async (name: string | undefined, flags: Flags) => exit(await races(name, flags, io)));
}

async function races(name: string | undefined, flags: Flags, io: Io): Promise<number> {
  const o = new Options();
  const limit = o.whole('--limit', flags.limit, 1, 100_000_000) ?? 1_000_000;
  o.done();
  const { kernelByName } = await import('../series/registry.js');
  const { interleave } = await import('../machine/every-order.js');
  const { settle } = await import('../machine/apply.js');
  const { litmusTests } = await import('../../properties/races/litmus.js');
  const { stepTable } = await import('./stepped-kernel.js');
  const { everyModule, STEPPED } = await import('./every-module.js');

  const kernel = kernelByName(flags.kernel ?? 'v6.12.117');
  const all = litmusTests(kernel);
  const tests = all.filter((it) => name === undefined || it.name.includes(name));
  if (tests.length === 0) {
    const known = all.map((it) => it.name);
    reject('command line', 'unknown-test', 'NAME', oneOf('a part of a test', name as string, known), shown(name));
  }
  const table = stepTable(kernel.table, STEPPED, everyModule);
  const results = tests.map((litmus) => ({
    litmus,
    found: interleave(table, kernel, litmus, (k, m) => settle(k, m as never), {
      limit,
      storeBuffers: flags.tso === true,
      ...(flags.without === undefined ? {} : { withoutBarrier: flags.without }),
    }),
  }));
  if (flags.json === true) {
    const { stableJson } = await import('../base/stable-json.js');
    const plain = results.map(({ litmus, found }) => ({ name: litmus.name, says: litmus.says, ...found }));
    io.out(`${stableJson({ kernel: kernel.name, tests: plain }, 2)}\n`);
  } else {
    io.out(text(kernel.name, results));
  }
  return results.some(({ found }) => found.broken !== null) ? REFUTED : OK;
}

function verdict(found: Interleaved): string {
  if (found.broken !== null) return 'refuted';
  return found.complete ? 'holds' : 'no fault';
}

function text(kernel: string, results: { litmus: Litmus; found: Interleaved }[]): string {
  const rows = results.map(({ litmus, found }) => [
    litmus.name,
    verdict(found),
    `${found.complete ? 'all ' : ''}${found.states} states`,
  ]);
  const lines = [`kernel   ${kernel}`, '', ...columns([['test', 'verdict', 'searched'], ...rows])];
  for (const { litmus, found } of results)
    if (found.broken !== null) lines.push('', ...brokenText(litmus, found.broken));
  return `${lines.join('\n')}\n`;
}

/** Two columns, one a CPU; a step stands in the column of the CPU that made it. */
export function brokenText(
  litmus: Litmus,
  broken: { steps: { cpu: number; until: string }[]; message: string },
): string[] {
  const width = 38;
  const lines = [litmus.name, ...wrap(`${litmus.says}: ${broken.message}`, 76).map((l) => `  ${l}`), ''];
  const at = (cpu: number): number => litmus.cpus.findIndex((it) => it.cpu === cpu);
  const put = (column: number, words: string): void => {
    for (const line of wrap(words, width)) lines.push(`${' '.repeat(column * (width + 2))}${line}`);
  };
  lines.push(
    litmus.cpus
      .map((it) => `CPU ${it.cpu}`.padEnd(width + 2))
      .join('')
      .trimEnd(),
  );
  lines.push(
    litmus.cpus
      .map((it) => it.does.slice(0, width).padEnd(width + 2))
      .join('')
      .trimEnd(),
  );
  for (const step of broken.steps) put(at(step.cpu), step.until === 'done' ? 'done' : `... RACE: ${step.until}`);
  return lines;
}
