// SPDX-License-Identifier: GPL-2.0-only
/**
 * `npm run bench`: events per second of the drivers, and the scheduler loop against the kernel's own C, -O2.
 *
 * Every figure comes from a process of its own (drivers spoil each other's inline caches), the median of ROUNDS
 * rounds after a warm-up. The loop runs as in a command that goes on for minutes (`expectLongRun`). With --check it
 * fails (exit 1) when the loop takes more than 5 times C.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { modelEngine } from '../../src/conform/sched/model-engine.js';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import { History } from '../../src/machine/history.js';
import { nextEvent } from '../../src/machine/next-event.js';
import { reduce } from '../../src/machine/reduce.js';
import { nextRng } from '../../src/machine/rng.js';
import { openNativeEngine } from '../../src/native/engine.js';
import type { Operation } from '../../src/operation/sched.js';
import { operation } from '../../src/operation/sched.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind } from '../../src/vmlinux/bind.js';
import { expectLongRun } from '../../src/workers/long-run.js';
import { benchCampaigns } from './campaigns.js';
import { guestInHost, hostAlone, machineLoop, schedulerLoop, twoVms } from './loads.js';
import { simulate } from './simulate.js';

const SIZES = [4, 16, 256];
/** before it is timed, until V8 has compiled what is hot: 400,000 operations */
const WARM_UP = 4;
const ROUNDS = 5;
/** positions that are gone to, of a run of so many events */
const SEEKS = 2000;
const RUN = 1_000_000;
/** the loops go on for so long: C's share of a round is a few ms, which a pipe's wake-ups can double */
const LOOP_NS = 3_000_000_000n;
/** the loop may take this many times C */
const LIMIT = 5;

const median = (xs: number[]): number => [...xs].sort((a, b) => a - b)[xs.length >> 1];

/** ns per item; `round` does `n` items anew. */
function timed(n: number, round: () => void): number {
  round();
  const ns: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const start = process.hrtime.bigint();
    round();
    ns.push(Number(process.hrtime.bigint() - start) / n);
  }
  return median(ns);
}

/** As many operations that do nothing: what the harness costs on each side, a pipe or a walk over records. */
const idle = (ops: readonly Operation[]): Operation[] => ops.map(() => operation('ADVANCE', { a: 1 }));

/** ns per operation, the harness's share taken off; `run` executes on a scheduler that `reset` made anew. */
function loop(n: number, reset: () => void, run: (ops: readonly Operation[]) => void): number {
  const { setup, ops } = schedulerLoop(n, 100_000);
  const nothing = idle(ops);
  const ns: number[] = [];
  const end = process.hrtime.bigint() + LOOP_NS;
  while (ns.length < WARM_UP + ROUNDS || process.hrtime.bigint() < end) {
    reset();
    run(setup);
    const start = process.hrtime.bigint();
    run(ops);
    const between = process.hrtime.bigint();
    run(nothing);
    ns.push(Number(between - start - (process.hrtime.bigint() - between)) / ops.length);
  }
  return median(ns.slice(WARM_UP));
}

function loopOfModel(n: number): number {
  expectLongRun();
  let engine = modelEngine(linux_6_12, 1);
  const reset = (): void => {
    engine = modelEngine(linux_6_12, 1);
  };
  return loop(n, reset, (ops) => {
    for (const op of ops) engine.execute(op);
  });
}

/** The kernel's C code, behind its pipe. */
async function loopOfC(n: number): Promise<number> {
  const engine = await openNativeEngine({ cpus: 1 });
  const ns = loop(
    n,
    () => engine.reset(),
    (ops) => engine.run(ops, 'return'),
  );
  engine.close();
  return ns;
}

/** ns per event of a machine that goes on by itself for so many ns. */
function simulated(scenario: Scenario, ns: number): number {
  let done = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < ROUNDS; i++) done += simulate(bind(linux_6_12, boot(linux_6_12, scenario)), ns, 20_000);
  return Number(process.hrtime.bigint() - start) / done;
}

/** ms to any position of a run of n events, SEEKS of them at random: the mean of CPU time, median and 99th percentile of the clock. */
function places(n: number, what: 'mean' | 'median' | 'p99'): number {
  const { scenario, events } = machineLoop(16, n);
  const history = new History(linux_6_12, boot(linux_6_12, scenario));
  for (const event of events) history.run(event);
  const ms: number[] = [];
  const cpu = process.cpuUsage();
  for (let i = 0, rng = 12345; i < SEEKS; i++) {
    rng = nextRng(rng);
    const start = process.hrtime.bigint();
    history.seek(rng % n);
    ms.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  const { user, system } = process.cpuUsage(cpu);
  ms.sort((a, b) => a - b);
  return what === 'mean' ? (user + system) / 1e3 / SEEKS : ms[Math.floor(SEEKS * (what === 'median' ? 0.5 : 0.99))];
}

const measures: Record<string, (n: number) => number | Promise<number>> = {
  drive(n) {
    const { scenario, events } = machineLoop(n, 100_000);
    return timed(events.length, () => {
      drive(linux_6_12, boot(linux_6_12, scenario), events);
    });
  },
  reduce(n) {
    const { scenario, events } = machineLoop(n, 10_000);
    return timed(events.length, () => {
      let m = boot(linux_6_12, scenario);
      for (const event of events) m = reduce(linux_6_12, m, event).machine;
    });
  },
  vms: () => simulated(twoVms, 20e6),
  host: () => simulated(hostAlone, 2e9),
  guest: () => simulated(guestInHost, 2e9),
  /** bytes an event that a history of 2 VMs x 8 vCPUs keeps, for going back */
  history() {
    const gone = (n: number): History => {
      const history = new History(linux_6_12, boot(linux_6_12, twoVms));
      for (let i = 0; i < n; i++) history.run(nextEvent(history.machine) as MachineEvent);
      return history;
    };
    // what V8 compiles is no event's
    gone(10_000).seek(0);
    gc();
    const before = memoryInUse();
    const n = 40_960;
    const history = gone(n);
    gc();
    const bytes = (memoryInUse() - before) / n;
    history.seek(0);
    return bytes;
  },
  positions: (n) => places(n, 'mean'),
  positionsMedian: (n) => places(n, 'median'),
  positionsP99: (n) => places(n, 'p99'),
  loop: loopOfModel,
  c: loopOfC,
};

/** bytes, those of typed arrays among them */
function memoryInUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** --expose-gc */
function gc(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

function inItsOwnProcess(measure: string, n: number): number | null {
  try {
    const out = execFileSync(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), measure, String(n)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return Number(out);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr ?? '';
    process.stderr.write(`bench: ${measure} ${n}: ${said.split('\n').find((l) => /Error/.test(l)) ?? 'failed'}\n`);
    return null;
  }
}

const perSecond = (ns: number | null): string => (ns === null ? '-' : Math.round(1e9 / ns).toLocaleString('en'));

function main(): void {
  console.log('driver, events/s          4 tasks     16 tasks    256 tasks');
  for (const driver of ['drive', 'reduce']) {
    const cells = SIZES.map((n) => perSecond(inItsOwnProcess(driver, n)).padStart(13));
    console.log(`${driver.padEnd(20)}${cells.join('')}`);
  }
  console.log(`2 VMs x 8 vCPUs on 8 CPUs, drive: ${perSecond(inItsOwnProcess('vms', 0))} events/s`);
  const [host, guest] = [inItsOwnProcess('host', 0), inItsOwnProcess('guest', 0)];
  const ratio = host === null || guest === null ? '-' : (guest / host).toFixed(2);
  console.log(
    `8 tasks on 4 CPUs: ${perSecond(host)} events/s; in a guest of 4 vCPUs: ${perSecond(guest)}, ratio ${ratio}`,
  );
  const bytes = inItsOwnProcess('history', 0);
  console.log(`the same, kept for going back: ${bytes === null ? '-' : bytes.toFixed(0)} bytes an event`);
  const places = ['positions', 'positionsMedian', 'positionsP99'].map(
    (it) => inItsOwnProcess(it, RUN)?.toFixed(3) ?? '-',
  );
  console.log(
    `any position of ${RUN.toLocaleString('en')} events, 16 tasks: mean ${places[0]} ms of CPU, median ${places[1]} ms, p99 ${places[2]} ms`,
  );
  console.log('\nscheduler loop, ns/op     4 tasks     16 tasks    256 tasks');
  const model = SIZES.map((n) => inItsOwnProcess('loop', n));
  const c = SIZES.map((n) => inItsOwnProcess('c', n));
  const row = (name: string, xs: (number | null)[], digits: number): void =>
    console.log(`${name.padEnd(20)}${xs.map((x) => (x === null ? '-' : x.toFixed(digits)).padStart(13)).join('')}`);
  row('kvmodel', model, 0);
  row("kernel's C, -O2", c, 0);
  const ratios = model.map((ns, i) => (ns === null || c[i] === null ? null : ns / (c[i] as number)));
  row('ratio', ratios, 2);
  benchCampaigns();
  if (process.argv.includes('--check') && ratios.some((r) => r !== null && r > LIMIT)) process.exitCode = 1;
}

const [, , measure, n] = process.argv;
if (measure !== undefined && measures[measure] !== undefined) {
  process.stdout.write(String(await measures[measure](Number(n))));
} else {
  main();
}
