// SPDX-License-Identifier: GPL-2.0-only
/**
 * `npm run mutants -- [FILE...] [--sample N] [--seed N] [--shard I/N] [--events N]`: how many small mistakes in mirrored functions the families
 * notice. Each mutant is asked what `kvmodel check` asks of a patch in a file: the families, half of the runs steered to the function,
 * with the structure witness. A property whose runs do not get to the function in LOOK events is left at that. It is noticed when a property that the kernel keeps is refuted or no longer reached.
 *
 * Prints a line for each: `killed by`, or `survived`; and sums by file. Survivors are judged by hand: many change nothing that
 * can be observed.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { guardKernelLoops } from '../../src/workers/guard.js';
import { guardedSource } from '../../src/workers/guarded-source.js';
import { type Mutant, mutantsOf } from './mutate.js';

guardKernelLoops();
// WHY after it: their loops are counted
const { families, recorded } = await import('../../properties/claims.js');
const { ask, ASK_DEFAULTS } = await import('../../src/explore/ask.js');
const { machineEngine } = await import('../../src/explore/machine-engine.js');
const { enteredKernel } = await import('../../src/fuzz/focus.js');
const { steerOf } = await import('../../src/explore/steer.js');
const { pin } = await import('../../src/series/registry.js');

const OUT = fileURLToPath(new URL('../..', import.meta.url));
const FILES = [
  ...['src/sched/fair.js', 'src/sched/core.js', 'src/sched/syscalls.js', 'src/sched/rt.js', 'src/sched/deadline.js'],
  ...['src/kvm/kvm_main.js', 'src/lapic/lapic.js', 'src/lapic/irq_comm.js', 'src/arch/x86/x86.js'],
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    shard: { type: 'string', default: '1/1' },
    events: { type: 'string' },
  },
});
const seed = Number(values.seed);
const [shard = 1, shards = 1] = values.shard.split('/').map(Number);

/** events in which runs of a property get to a function, or are taken not to */
const LOOK = 1500;
const most = values.events === undefined ? {} : { events: Number(values.events) };

/** Kept by the kernel, as recorded. */
const kept = families
  .flatMap((claim) => claim.properties)
  .filter(({ id, int64 }) => recorded[id]?.[pin.name] === 'holds' && int64 === undefined);
/** How often each has noticed something: who did so is asked first. */
const noticed = new Map(kept.map(({ id }) => [id, 0]));

/** The property that notices, and how; null for none. */
async function noticedBy({ fn, text }: Mutant, file: string, number: number): Promise<string | null> {
  const beside = join(dirname(file), `${basename(file, '.js')}.mutant-${process.pid}-${number}.js`);
  let mutated: Record<string, unknown>;
  try {
    writeFileSync(beside, guardedSource(text, beside));
    mutated = (await import(pathToFileURL(beside).href)) as Record<string, unknown>;
  } finally {
    rmSync(beside, { force: true });
  }
  const table = Object.freeze({ ...pin.table, [fn]: mutated[fn] }) as typeof pin.table;
  const entered = enteredKernel({ ...pin, name: `${pin.name}+mutant`, table }, [fn]);
  if (entered === null) throw new Error(`no ${fn}() in ${file}`);
  const { kernel } = entered;
  const order = [...kept].sort((a, b) => (noticed.get(b.id) ?? 0) - (noticed.get(a.id) ?? 0));
  for (const property of order) {
    try {
      const steer = steerOf(machineEngine, kernel, property, [fn], 1);
      const options = { ...ASK_DEFAULTS, ...most, witness: true, unshrunk: true, ...(steer === null ? {} : { steer }) };
      entered.take();
      let { verdict } = ask(machineEngine, kernel, property, { ...options, events: LOOK });
      if (verdict !== 'refuted' && entered.take() === 0)
        verdict = ask(machineEngine, kernel, property, options).verdict;
      else if (verdict !== 'refuted') continue;
      if (verdict === 'holds' || verdict === 'skipped') continue;
      noticed.set(property.id, (noticed.get(property.id) ?? 0) + 1);
      return `${property.id} ${verdict}`;
    } catch (error) {
      return `${property.id} ends with ${(error as Error).message.split('\n')[0]}`;
    }
  }
  return null;
}

/** So many of the list, drawn by the seed. */
function sampled<T>(list: readonly T[], n: number): T[] {
  let state = seed >>> 0 || 1;
  const rest = [...list];
  const out: T[] = [];
  while (out.length < n && rest.length > 0) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    out.push(...rest.splice(Math.floor((state / 2 ** 32) * rest.length), 1));
  }
  return out;
}

const sums: string[] = [];
for (const path of positionals.length > 0 ? positionals : FILES) {
  const file = join(OUT, path);
  const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  const own = new Set(Object.keys(module).filter((name) => pin.table[name] !== undefined));
  const all = mutantsOf(readFileSync(file, 'utf8'), own);
  const mine = sampled(all, Number(values.sample)).filter((_, i) => i % shards === shard - 1);
  let killed = 0;
  for (const [i, mutant] of mine.entries()) {
    const by = await noticedBy(mutant, file, i);
    if (by !== null) killed++;
    const { fn, line, what } = mutant;
    console.log(
      `${by === null ? 'survived' : 'killed  '}  ${relative('src', path)}:${line} ${fn}(): ${what}${by === null ? '' : `  [${by}]`}`,
    );
  }
  sums.push(`${path}: ${killed} of ${mine.length} noticed; ${all.length} mutants of ${own.size} functions`);
}
console.log(`\n${sums.join('\n')}`);
