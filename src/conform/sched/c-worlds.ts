// SPDX-License-Identifier: GPL-2.0-only
/** Small worlds on one CPU, each made for one promise of the scheduler; asked of the kernel's own code. */
import type { NativeEngine, Result } from '../../native/engine.js';
import { FEATURE_NAMES } from '../../native/format.js';
import { type Operation, type OpName, operation } from '../../operation/sched.js';
import type { CProperty, CVerdict } from './c-properties.js';
import { askOrSkip } from './missing-symbol.js';
import { Columns, difference, Places, View } from './state-view.js';

const MS = 1_000_000;

/** Thrown where the kernel dies: a verdict. */
class Died extends Error {}

/** A kernel that is driven step by step; what runs on CPU 0, and the state after each. */
class World {
  private readonly columns: Columns;
  private readonly places: Places;
  view!: View;

  constructor(
    private readonly engine: NativeEngine,
    setup: readonly Operation[],
  ) {
    engine.reset();
    this.columns = new Columns(engine.schema);
    this.places = new Places(engine.cpus);
    this.run([...setup, operation('SCHEDULE')]);
  }

  /** Runs the operations and returns their results. */
  run(ops: readonly Operation[]): readonly Result[] {
    const { results, ending } = this.engine.run(ops, 'more');
    if (ending !== null) throw new Died(`the kernel dies: ${ending.kind}, ${ending.what}`);
    for (const [i, result] of results.entries()) this.places.did(ops[i]!, Number(result.r));
    this.view = new View(this.columns, results.at(-1)!.words, this.places);
    return results;
  }

  do(op: OpName, members: Parameters<typeof operation>[1] = {}): number {
    return Number(this.run([operation(op, members)])[0]!.r);
  }

  /** A tick after `ns`, and what it leads to. */
  tick(ns = MS): void {
    this.run([operation('ADVANCE', { a: ns }), operation('SERVER_TIMER'), operation('TICK'), operation('RESCHED')]);
  }

  get curr(): number {
    return Number(this.view.rq(0, 'curr'));
  }

  ran(task: number): number {
    return Number(this.view.se(this.view.entityOfTask(task), 'sum_exec_runtime'));
  }
}

const fork = (a: number, b = 0) => operation('FORK', { a, b });
const slice = (id: number, ns: number) => operation('SETATTR', { id, b: ns });
const ms = (ns: number) => `${(ns / MS).toFixed(1)} ms`;
const judged = (right: boolean, evidence: string): CVerdict => ({ verdict: right ? 'holds' : 'refuted', evidence });

/** `n` of `m`; fewer than 20 say nothing. */
const counted = (met: number, asked: number, least: number, what: string): CVerdict => {
  const evidence = `${met} of ${asked} ${what}`;
  if (asked < 20) return { verdict: 'vacuous', evidence: `${evidence}; fewer than 20 say nothing` };
  return judged(met >= least * asked, evidence);
};

const ask = (says: (engine: NativeEngine) => CVerdict) => (engine: NativeEngine) => {
  try {
    return says(engine);
  } catch (error) {
    if (error instanceof Died) return judged(false, error.message);
    throw error;
  }
};

/** One of three equal tasks yields whenever it has run for a while: it does not get more than the others. */
function yieldersGainNothing(engine: NativeEngine): CVerdict {
  const world = new World(engine, [fork(0), fork(0), fork(0)]);
  for (let i = 0; i < 1500; i++) {
    world.tick();
    if (world.curr === 0) world.do('YIELD');
  }
  const share = world.ran(0) / (world.ran(0) + world.ran(1) + world.ran(2));
  const evidence = `one of three equals that yields gets ${(100 * share).toFixed(1)}%`;
  return judged(share <= 0.4, share <= 0.4 ? evidence : `${evidence}, more than 40%`);
}

/** Four equal tasks: one that yields while another is eligible does not run on. */
function yieldsGiveWay(engine: NativeEngine): CVerdict {
  const world = new World(engine, [fork(0), fork(0), fork(0), fork(0)]);
  let [asked, gave] = [0, 0];
  for (let i = 0; i < 300; i++) {
    world.tick(MS / 4 + (i % 7) * 50_000);
    const { curr, view } = world;
    const list = view.queued(0, 0);
    const other = list.some((e) => e.name !== curr && view.eligible(e, list));
    world.do('YIELD');
    if (!other) continue;
    asked++;
    if (world.curr !== curr) gave++;
  }
  return counted(gave, asked, 1, 'yields beside an eligible equal let somebody else run');
}

/** The fair server: 50 ms of each second. */
function fairRunsBesideFifo(engine: NativeEngine): CVerdict {
  const world = new World(engine, [fork(0), fork(0), operation('SETATTR', { id: 0, a: 50, flags: 1 })]);
  const seconds = 4;
  for (let i = 0; i < seconds * 1000; i++) world.tick();
  const ran = world.ran(1);
  return judged(ran >= (seconds - 1) * 50 * MS, `a fair task beside a FIFO hog ran ${ms(ran)} of ${seconds} s`);
}

/** Without wake-ups nobody is switched from before its slice is over. */
function slicesAreRunToTheirEnd(engine: NativeEngine): CVerdict {
  const SLICE = 3 * MS;
  const world = new World(engine, [operation('BASE_SLICE', { a: SLICE }), fork(0), fork(0), fork(0), fork(0)]);
  let [stints, shortest] = [0, Number.POSITIVE_INFINITY];
  for (let [i, curr, since] = [0, world.curr, world.ran(world.curr)]; i < 2000; i++) {
    world.tick(MS / 2);
    if (world.curr === curr) continue;
    // The first requests are of half a slice.
    if (i > 40) {
      stints++;
      shortest = Math.min(shortest, world.ran(curr) - since);
    }
    [curr, since] = [world.curr, world.ran(world.curr)];
  }
  if (stints < 20) return judged(false, `${stints} switches in 1 s among four equal tasks`);
  return judged(shortest >= SLICE, `the shortest of ${stints} stints is ${ms(shortest)}, the slice ${ms(SLICE)}`);
}

/** A sleeper wakes every few ms beside a hog: how often does it run at once, of the times that it is due by `due`? */
function wakesBeside(
  engine: NativeEngine,
  setup: readonly Operation[],
  due: (view: View) => boolean,
): [number, number] {
  const world = new World(engine, setup);
  let [asked, met] = [0, 0];
  for (let i = 0; i < 200; i++) {
    for (let n = 0; world.curr !== 1 && n < 200; n++) world.tick();
    if (Number(world.curr) === 1) world.run([operation('ADVANCE', { a: 20_000 }), operation('BLOCK', { a: 1 })]);
    for (let n = 0; n < 3 + (i % 5); n++) world.tick();
    if (world.curr !== 0 || world.do('WAKE', { id: 1 }) !== 1) continue;
    const counts = due(world.view);
    world.do('RESCHED');
    if (!counts) continue;
    asked++;
    if (Number(world.curr) === 1) met++;
  }
  return [asked, met];
}

/** A short request that is eligible with the earlier deadline does not wait for the long one. */
function shortRequestsPreempt(engine: NativeEngine): CVerdict {
  const [asked, met] = wakesBeside(engine, [fork(0), fork(0), slice(0, 40 * MS), slice(1, MS / 10)], (view) => {
    const [hog, sleeper] = [view.entityOfTask(0), view.entityOfTask(1)];
    return view.deadlineBefore(sleeper, hog) && view.eligible(sleeper, [hog, sleeper]);
  });
  return counted(met, asked, 1, 'wakees of a shorter slice, eligible and due earlier, ran at once');
}

/** A new normal task does not wait for a SCHED_IDLE one in the middle of its slice. */
function idlePolicyGivesWay(engine: NativeEngine): CVerdict {
  const world = new World(engine, [
    // Else a sleeper waits in the queue until the slice, and its protection, is over.
    operation('FEATURE', { id: FEATURE_NAMES.indexOf('DELAY_DEQUEUE'), a: 0 }),
    operation('BASE_SLICE', { a: 100 * MS }),
    fork(0),
    operation('SETATTR', { id: 0, flags: 5 }),
  ]);
  let [asked, met] = [0, 0];
  for (let i = 1; i <= 40; i++) {
    for (let n = 0; (world.curr !== 0 || Number(world.view.cfs(0, 0, 'nr_queued')) > 1) && n < 500; n++) world.tick();
    world.tick();
    if (world.curr !== 0) continue;
    const task = world.do('FORK');
    world.do('RESCHED');
    asked++;
    if (world.curr === task) met++;
    for (let n = 0; world.curr !== task && n < 500; n++) world.tick();
    world.run([operation('ADVANCE', { a: 20_000 }), operation('BLOCK', { a: 2 })]);
  }
  return counted(met, asked, 1, 'new normal tasks preempted a SCHED_IDLE task at once');
}

/** 32 periods of 1024 us halve what is left of load, runnable time and running time. */
function sleepersDecay(engine: NativeEngine): CVerdict {
  let worst = '';
  let asked = 0;
  for (let n = 1; n <= 8; n++) {
    const world = new World(engine, [fork(0), fork(0)]);
    for (let i = 0; i < 300; i++) world.tick();
    while (world.curr !== 0) world.tick();
    world.do('BLOCK', { a: 2 });
    // Delayed until it is eligible.
    while (world.view.se(world.view.entityOfTask(0), 'on_rq') !== 0) world.tick();
    const asleep = world.view;
    world.run([operation('ADVANCE', { a: n * 32 * 1024 * 1024 }), operation('TICK'), operation('WAKE', { id: 0 })]);
    const [was, is] = [asleep.entityOfTask(0), world.view.entityOfTask(0)];
    for (const sum of ['load_sum', 'runnable_sum', 'util_sum']) {
      const [before, after] = [asleep.big(was, sum), world.view.big(is, sum)];
      asked++;
      if (after > before >> BigInt(n) || (after === 0n && before >> BigInt(n + 1) > 0n))
        worst ||= `${sum} ${before} is ${after} after ${n} half-lives asleep`;
    }
  }
  return judged(worst === '', worst === '' ? `${asked} sums of a sleeper halved with each half-life` : worst);
}

/** The reference point of virtual time follows who runs alone: its key stays within a slice. */
function loneRunnersKey(engine: NativeEngine): CVerdict {
  let [most, slice] = [0n, 0n];
  for (const setup of [[fork(0)], [operation('GROUP'), fork(0, 1)]]) {
    const world = new World(engine, setup);
    const group = setup.length - 1;
    for (let i = 0; i < 500; i++) {
      world.tick();
      const key = difference(
        world.view.se(world.view.entityOfTask(0), 'vruntime'),
        world.view.cfs(0, group, 'zero_vruntime'),
      );
      if (i > 10 && key > most) most = key;
      slice = world.view.big(world.view.entityOfTask(0), 'slice');
    }
  }
  return judged(
    most <= slice,
    `the key of who runs alone for 500 ms reaches ${ms(Number(most))}, the slice ${ms(Number(slice))}`,
  );
}

const WORLDS: readonly CProperty[] = [
  { id: 'yield', says: 'one of three equals that yields gets 40% of the CPU at most', ask: ask(yieldersGainNothing) },
  { id: 'yields', says: 'sched_yield() lets another run when an equal is eligible', ask: ask(yieldsGiveWay) },
  {
    id: 'fair server',
    says: 'a fair task beside a FIFO hog gets 50 ms a second, but for the first second',
    ask: ask(fairRunsBesideFifo),
  },
  { id: 'parity', says: 'without wake-ups a slice of 3 ms is run to its end', ask: ask(slicesAreRunToTheirEnd) },
  {
    id: 'short',
    says: 'an eligible wakee of a shorter slice and earlier deadline runs at once',
    ask: ask(shortRequestsPreempt),
  },
  { id: 'idle policy', says: 'a new normal task does not wait for a SCHED_IDLE one', ask: ask(idlePolicyGivesWay) },
  { id: 'decay', says: 'load, runnable and running time of a sleeper halve every 32 periods', ask: ask(sleepersDecay) },
  { id: 'lone key', says: 'the key of who runs alone for 500 ms stays within its slice', ask: ask(loneRunnersKey) },
];

export const worlds: readonly CProperty[] = WORLDS.map((property) => ({
  ...property,
  ask: (engine) => askOrSkip(engine, property.ask),
}));
