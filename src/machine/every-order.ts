// SPDX-License-Identifier: GPL-2.0-only
/**
 * Kernel code on several CPUs at once: every order of its steps, tried to the end.
 *
 * A stepped kernel (`StepTable`) has the mirrored functions as generators that stop where the mirror says `RACE:`, the
 * places where another CPU may come in between. Between two such places a CPU is alone. Sequentially consistent: a
 * store is seen by every CPU at once.
 */
import type { Kernel } from '../series/link.js';
import { bind } from '../series/link.js';
import type { kernel_state, vmlinux } from '../series/vmlinux.js';
import { cloneMachine } from './clone.js';
import type { machine } from './state.js';

/** What a CPU is about to do when it is stopped: the text of the `RACE:` comment. */
export type Stop = string;
export type Stepped = Generator<Stop, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: a table of functions of every signature
export type StepTable = Readonly<Record<string, (this: any, ...args: any[]) => Stepped>>;

/** The mirrored functions by name, as generators. */
export type SteppedKernel = { readonly m: kernel_state; readonly plain: vmlinux } & Record<
  string,
  (...args: unknown[]) => Stepped
>;

/** What one CPU does. */
export interface Cpu {
  cpu: number;
  /** in a few words */
  does: string;
  run(k: SteppedKernel, m: machine): Stepped;
}

/** A small machine, what its CPUs do at the same time, and what must hold whatever the order. */
export interface Litmus {
  name: string;
  /** the sentence that must hold */
  says: string;
  boot(): machine;
  cpus: Cpu[];
  /** null, or what is wrong: asked when every CPU is done and the machine has come to rest */
  check(m: machine, plain: vmlinux): string | null;
}

/** One step of an order: this CPU went on to there. */
export interface OrderStep {
  cpu: number;
  /** what it was stopped at; 'done' when it ended */
  until: Stop;
}

export interface Interleaved {
  /** orders tried */
  orders: number;
  /** whether that is all of them */
  complete: boolean;
  /** most stops of any CPU in one order */
  stops: number;
  /** the order with the fewest switches between CPUs that breaks it; null: it holds */
  broken: { steps: OrderStep[]; message: string } | null;
}

/** A kernel of generators, bound to a machine beside the plain kernel. */
export function bindStepped(table: StepTable, kernel: Kernel, m: machine): SteppedKernel {
  const bound = Object.create(table) as { m: kernel_state; plain: vmlinux; tp: null };
  bound.m = m;
  bound.plain = bind(kernel, m);
  bound.tp = null;
  return bound as unknown as SteppedKernel;
}

interface Run {
  steps: OrderStep[];
  /** at each step: which CPU went, out of which */
  choices: { taken: number; of: number[] }[];
  message: string | null;
}

/** Every order, up to `limit`; `rest` lets the machine come to rest behind each. */
export function interleave(
  table: StepTable,
  kernel: Kernel,
  litmus: Litmus,
  rest: (k: vmlinux, m: machine) => void,
  limit = 100_000,
): Interleaved {
  const start = litmus.boot();
  const found: Interleaved = { orders: 0, complete: false, stops: 0, broken: null };
  let fewest = Number.POSITIVE_INFINITY;
  let prefix: number[] | null = [];
  while (prefix !== null && found.orders < limit) {
    const run = runOrder(table, kernel, litmus, cloneMachine(start), prefix, rest);
    found.orders++;
    found.stops = Math.max(found.stops, run.steps.length);
    const switches = run.steps.filter((s, i) => i > 0 && s.cpu !== run.steps[i - 1].cpu).length;
    if (run.message !== null && switches < fewest) {
      fewest = switches;
      found.broken = { steps: run.steps, message: run.message };
    }
    prefix = nextPrefix(run.choices);
  }
  found.complete = prefix === null;
  return found;
}

/** The next order in depth-first order; null when there is none. */
function nextPrefix(choices: Run['choices']): number[] | null {
  for (let i = choices.length - 1; i >= 0; i--) {
    const { taken, of } = choices[i];
    const next = of.indexOf(taken) + 1;
    if (next < of.length) return [...choices.slice(0, i).map((c) => c.taken), of[next]];
  }
  return null;
}

function runOrder(
  table: StepTable,
  kernel: Kernel,
  litmus: Litmus,
  m: machine,
  prefix: readonly number[],
  rest: (k: vmlinux, m: machine) => void,
): Run {
  const k = bindStepped(table, kernel, m);
  const running = litmus.cpus.map((cpu) => ({ ...cpu, going: cpu.run(k, m) as Stepped | null }));
  const run: Run = { steps: [], choices: [], message: null };
  for (let i = 0; ; i++) {
    const able = running.map((_, at) => at).filter((at) => running[at].going !== null);
    if (able.length === 0) break;
    // whoever went last goes on, if nothing else is said
    const last = run.choices.at(-1)?.taken ?? able[0];
    const of = able.includes(last) ? [last, ...able.filter((at) => at !== last)] : able;
    const taken = i < prefix.length ? prefix[i] : of[0];
    run.choices.push({ taken, of });
    const one = running[taken];
    m.cpu = one.cpu;
    const { done, value } = (one.going as Stepped).next();
    if (done) one.going = null;
    run.steps.push({ cpu: one.cpu, until: done ? 'done' : value });
  }
  rest(k.plain, m);
  run.message = litmus.check(m, k.plain);
  return run;
}
