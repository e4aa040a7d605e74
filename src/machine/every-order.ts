// SPDX-License-Identifier: GPL-2.0-only
/**
 * Kernel code on several CPUs at once: every order of its steps, tried to the end.
 *
 * A stepped kernel (`StepTable`) has the mirrored functions as generators that stop where the mirror says `RACE:`, the
 * places where another CPU may come in between. Between two such places a CPU is alone.
 *
 * Sequentially consistent, a store is seen by every CPU at once; or with store buffers, where the stores of a CPU arrive
 * some time before its next full barrier: a `RACE:` comment with (smp_mb) in it, an atomic operation, or code under a
 * lock. MODEL: all stores that wait arrive together.
 */
import type { Kernel } from '../series/link.js';
import { bind } from '../series/link.js';
import type { kernel_state, vmlinux } from '../series/vmlinux.js';
import { cloneMachine } from './clone.js';
import type { machine } from './state.js';
import { StoreBuffer } from './store-buffer.js';

/** What a CPU is about to do when it is stopped: the text of the `RACE:` comment. */
export type Stop = string;
export type Stepped = Generator<Stop, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: a table of functions of every signature
export type StepTable = Readonly<Record<string, (this: any, ...args: any[]) => Stepped>>;

/** The mirrored functions by name, as generators. */
export type SteppedKernel = {
  readonly m: kernel_state;
  /** every function in one step, on the machine as it is */
  readonly plain: vmlinux;
  /** the same on this CPU's view of it */
  readonly viewed: vmlinux;
  readonly buffer: StoreBuffer | null;
} & Record<string, (...args: unknown[]) => Stepped>;

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

export interface InterleaveOptions {
  /** orders, at most; 100000 when absent */
  limit?: number;
  /** stores wait in buffers */
  storeBuffers?: boolean;
  /** full barriers that are taken away: those whose comment has this in it */
  withoutBarrier?: string;
}

/** Read-modify-write operations, which are full barriers on x86; and what the hardware does by itself, on no buffer. */
const ATOMIC = new Set([
  ...['evaluateVirtualInterrupt', 'guestTakes', 'avicSend', 'ipivSend', 'notifyPosted', 'processPosted', 'virtualEoi'],
  ...['pi_test_and_set_pir', 'pi_test_and_set_on', 'pi_clear_on', 'pi_set_sn', 'pi_clear_sn'],
  // VM entry and exit serialize
  ...['untilExit', 'guestEntered', 'vmx_vcpu_runExit', 'svm_vcpu_runExit'],
  ...[
    'kvm_make_request',
    '__kvm_make_request',
    'kvm_check_request',
    'kvm_clear_request',
    'kvm_vcpu_exiting_guest_mode',
  ],
  ...['kvm_lapic_set_vector', 'kvm_lapic_clear_vector', 'apic_test_and_set_vector', 'apic_test_and_clear_vector'],
]);

function atomic(step: StepTable[string]): StepTable[string] {
  return function* (this: SteppedKernel, ...args: unknown[]) {
    this.buffer?.drain();
    const value = yield* step.apply(this, args);
    this.buffer?.drain();
    return value;
  };
}

const withBarriers = new WeakMap<StepTable, StepTable>();

function barriersIn(table: StepTable): StepTable {
  let made = withBarriers.get(table);
  if (made === undefined) {
    made = Object.fromEntries(Object.entries(table).map(([name, fn]) => [name, ATOMIC.has(name) ? atomic(fn) : fn]));
    withBarriers.set(table, made);
  }
  return made;
}

/** A kernel of generators, bound to a machine beside the plain kernel; with a buffer, to that CPU's view of it. */
export function bindStepped(table: StepTable, kernel: Kernel, m: machine, buffer: StoreBuffer | null): SteppedKernel {
  const bound = Object.create(buffer === null ? table : barriersIn(table)) as Record<string, unknown>;
  bound.m = buffer === null ? m : buffer.view(m);
  bound.plain = bind(kernel, m);
  bound.viewed = bind(kernel, bound.m as machine);
  bound.tp = null;
  bound.buffer = buffer;
  return bound as unknown as SteppedKernel;
}

interface Run {
  steps: OrderStep[];
  /** at each step: which CPU went, out of which */
  choices: { taken: number; of: number[] }[];
  message: string | null;
}

/** Every order; `rest` lets the machine come to rest behind each. */
export function interleave(
  table: StepTable,
  kernel: Kernel,
  litmus: Litmus,
  rest: (k: vmlinux, m: machine) => void,
  options: InterleaveOptions = {},
): Interleaved {
  const limit = options.limit ?? 100_000;
  const start = litmus.boot();
  const found: Interleaved = { orders: 0, complete: false, stops: 0, broken: null };
  let fewest = Number.POSITIVE_INFINITY;
  let prefix: number[] | null = [];
  while (prefix !== null && found.orders < limit) {
    const run = runOrder(table, kernel, litmus, cloneMachine(start), prefix, rest, options);
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

interface Going extends Cpu {
  steps: Stepped | null;
  buffer: StoreBuffer | null;
}

/** What can come next: CPU i goes on (i), or its stores arrive (n + i), while there is somebody whom that concerns. */
function movesOf(cpus: readonly Going[], last: number): number[] {
  const n = cpus.length;
  const able = cpus.map((_, i) => i).filter((i) => cpus[i].steps !== null);
  const arriving = cpus
    .map((_, i) => i)
    .filter((i) => (cpus[i].buffer?.pending ?? 0) > 0 && able.some((other) => other !== i));
  // whoever went last goes on, if nothing else is said
  const first = able.includes(last) ? [last, ...able.filter((i) => i !== last)] : able;
  return able.length === 0 ? [] : [...first, ...arriving.map((i) => n + i)];
}

function runOrder(
  table: StepTable,
  kernel: Kernel,
  litmus: Litmus,
  m: machine,
  prefix: readonly number[],
  rest: (k: vmlinux, m: machine) => void,
  options: InterleaveOptions,
): Run {
  const cpus = litmus.cpus.map((cpu): Going => {
    const buffer = options.storeBuffers === true ? new StoreBuffer() : null;
    const k = bindStepped(table, kernel, m, buffer);
    return { ...cpu, buffer, steps: cpu.run(k, k.m as machine) };
  });
  const run: Run = { steps: [], choices: [], message: null };
  let last = 0;
  for (let i = 0; ; i++) {
    const of = movesOf(cpus, last);
    if (of.length === 0) break;
    const taken = i < prefix.length ? prefix[i] : of[0];
    run.choices.push({ taken, of });
    const one = cpus[taken % cpus.length];
    if (taken >= cpus.length) {
      one.buffer?.drain();
      run.steps.push({ cpu: one.cpu, until: 'its stores arrive' });
      continue;
    }
    last = taken;
    m.cpu = one.cpu;
    const { done, value } = (one.steps as Stepped).next();
    if (done) one.steps = null;
    else if (isBarrier(value, options)) one.buffer?.drain();
    run.steps.push({ cpu: one.cpu, until: done ? 'done' : value });
  }
  for (const { buffer } of cpus) buffer?.drain();
  const plain = bind(kernel, m);
  rest(plain, m);
  run.message = litmus.check(m, plain);
  return run;
}

function isBarrier(stop: Stop, options: InterleaveOptions): boolean {
  return stop.includes('(smp_mb)') && (options.withoutBarrier === undefined || !stop.includes(options.withoutBarrier));
}
