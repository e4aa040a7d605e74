// SPDX-License-Identifier: GPL-2.0-only
/**
 * Kernel code on several CPUs at once, in one order of its steps that somebody chooses.
 *
 * A stepped kernel (`StepTable`) has the mirrored functions as generators that stop where the mirror says `RACE:`, the
 * places where another CPU may come in between. Between two such places a CPU is alone.
 *
 * Sequentially consistent, a store is seen by every CPU at once; or with store buffers, where the stores of a CPU arrive
 * some time before its next full barrier: a `RACE:` comment with (smp_mb) in it, an atomic operation, or code under a
 * lock. MODEL: what is stored between two stops arrives together.
 */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { cloneMachine } from '../machine/clone.js';
import { exactFingerprint } from '../machine/fingerprint.js';
import type { machine } from '../machine/state.js';
import type { AnyFunction, FunctionTable, Kernel } from '../vmlinux/bind.js';
import { bind, prototypeOf } from '../vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { CpuView, type StoreLog } from './cpu-view.js';

/** What a CPU is about to do when it is stopped: the text of the `RACE:` comment. */
export type Stop = string;
export type Stepped = Generator<Stop, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: a table of functions of every signature
export type StepTable = Readonly<Record<string, (this: any, ...args: any[]) => Stepped>>;

/** The stop of a CPU that has nothing to do until somebody gives it something; see `Cpu.awake`. */
export const IDLE: Stop = 'idle';
/** How a step shows in which the stores of a CPU come to be seen. */
export const ARRIVE: Stop = 'its stores arrive';

/** The mirrored functions by name, as generators. */
export type SteppedKernel = {
  /** the machine as this CPU sees it */
  readonly m: kernel_state_x86;
  /** every function in one step, as this CPU sees the machine */
  readonly plain: vmlinux_x86;
  readonly view: CpuView;
} & Record<string, (...args: unknown[]) => Stepped>;

/** What one CPU does. */
export interface Cpu {
  cpu: number;
  /** in a few words */
  does: string;
  run(k: SteppedKernel, m: machine): Stepped;
  /** whether there is something to do for it where it has stopped as IDLE; a CPU that never does needs none */
  awake?(m: machine): boolean;
}

/** A small machine, what its CPUs do at the same time, and what must hold whatever the order. */
export interface Litmus {
  name: string;
  /** the sentence that must hold */
  says: string;
  boot(): machine;
  cpus: Cpu[];
  /** scheduler functions that stop at their races in this test; all others go in one step */
  stops?: readonly string[];
  /** null, or what is wrong: asked when every CPU is done and the machine has come to rest */
  check(m: machine, plain: vmlinux_x86): string | null;
}

/** One step of an order: this CPU went on to there. */
export interface OrderStep {
  cpu: number;
  /** what it was stopped at; 'done' when it ended */
  until: Stop;
}

export interface MemoryOptions {
  /** stores wait in buffers */
  storeBuffers?: boolean;
  /** full barriers that are taken away: those whose comment has this in it */
  withoutBarrier?: string;
}

/** What the orders of one search have in common. */
export interface Setting {
  readonly table: StepTable;
  readonly kernel: Kernel;
  readonly litmus: Litmus;
  /** the machine from which every order starts */
  readonly start: machine;
  /** lets the machine come to rest behind each */
  readonly rest: (k: vmlinux_x86, m: machine) => void;
  readonly options: MemoryOptions;
}

/** What takes locks, which are full barriers. */
const LOCKING = [
  ...['schedule', '__schedule', 'try_to_wake_up', 'wake_up_process', 'wake_up_state', 'yield_to', 'do_sched_yield'],
  ...['sched_tick', 'sched_ttwu_pending', 'hrtimer_start', 'hrtimer_cancel', 'kvm_recalculate_apic_map'],
];

/**
 * What the hardware does by itself, on no buffer; VM entry and exit, which serialize; and a cmpxchg(). Other
 * read-modify-write operations are known by where they store: see CpuView.
 */
const ATOMIC = [
  ...['avicSend', 'ipivSend', 'virtualEoi', 'untilExit', 'guestEntered', 'vmx_vcpu_runExit', 'svm_vcpu_runExit'],
];
/** Those of them that go in one step. */
const ATOMIC_AT_ONCE = [
  ...['evaluateVirtualInterrupt', 'guestTakes', 'notifyPosted', 'processPosted', 'kvm_vcpu_exiting_guest_mode'],
];

/** A kernel that knows which CPU's view it works on. */
type Viewed = { view: CpuView };

function atomicSteps(step: StepTable[string]): StepTable[string] {
  return function* (this: SteppedKernel, ...args: unknown[]) {
    this.view.drain();
    const value = yield* step.apply(this, args);
    this.view.drain();
    return value;
  };
}

/** In one step, by the plain kernel, which holds no store back there. */
function atomicStep(name: string): StepTable[string] {
  // biome-ignore lint/correctness/useYield: a generator that never stops
  return function* (this: SteppedKernel, ...args: unknown[]) {
    return (this.plain as unknown as Record<string, AnyFunction>)[name](...args);
  };
}

function atomic(fn: AnyFunction): AnyFunction {
  return function (this: Viewed, ...args: unknown[]) {
    this.view.lock();
    try {
      return fn.apply(this, args);
    } finally {
      this.view.unlock();
    }
  };
}

function withBarriers<F>(
  made: WeakMap<object, Readonly<Record<string, F>>>,
  table: Readonly<Record<string, F>>,
  names: readonly string[],
  barrier: (fn: F, name: string) => F,
): Readonly<Record<string, F>> {
  let found = made.get(table);
  if (found === undefined) {
    const replaced = names
      .filter((name) => table[name] !== undefined)
      .map((name) => [name, barrier(table[name], name)]);
    found = Object.freeze({ ...table, ...Object.fromEntries(replaced) }) as Readonly<Record<string, F>>;
    made.set(table, found);
  }
  return found;
}

const stepTables = new WeakMap<object, StepTable>();
const plainTables = new WeakMap<object, FunctionTable>();

/** A kernel of generators, bound to what one CPU sees of a machine. */
export function bindStepped(table: StepTable, kernel: Kernel, m: machine, view: CpuView): SteppedKernel {
  const steps = withBarriers(stepTables, table, [...ATOMIC, ...ATOMIC_AT_ONCE], (fn, name) =>
    ATOMIC.includes(name) ? atomicSteps(fn) : atomicStep(name),
  );
  const bound = Object.create(prototypeOf(steps)) as Record<string, unknown>;
  bound.m = view.view(m);
  const plain = withBarriers(plainTables, kernel.table, [...ATOMIC, ...ATOMIC_AT_ONCE, ...LOCKING], atomic);
  bound.plain = Object.assign(bind({ ...kernel, table: plain }, bound.m as machine), { view });
  bound.tp = null;
  bound.view = view;
  return bound as unknown as SteppedKernel;
}

interface Going extends Cpu {
  /** null: it has ended */
  steps: Stepped | null;
  view: CpuView;
  idle: boolean;
  /** m.hardirq there, while another CPU goes */
  hardirq: number;
  stops: number;
}

/** Makes the setting of a search; the machine is booted once. */
export function settingOf(
  table: StepTable,
  kernel: Kernel,
  litmus: Litmus,
  rest: (k: vmlinux_x86, m: machine) => void,
  options: MemoryOptions = {},
): Setting {
  return { table, kernel, litmus, start: litmus.boot(), rest, options };
}

/**
 * An order while it is made. A move is a number: i lets CPU i of the litmus test go on to its next stop; n + i, of n
 * CPUs, lets the oldest of its waiting stores arrive.
 */
export class OneOrder {
  readonly steps: OrderStep[] = [];
  /** who went last, as an index into the litmus test's CPUs */
  last = 0;
  /** why it ended before its time: the kernel died, or what it came to is not modelled */
  ended: { message: string; modelled: boolean } | null = null;
  private readonly m: machine;
  private readonly cpus: Going[];

  /** `log` hears of stores that change something. */
  constructor(
    private readonly setting: Setting,
    log: StoreLog | null = null,
  ) {
    const { table, kernel, litmus, options } = setting;
    this.m = cloneMachine(setting.start);
    this.cpus = litmus.cpus.map((cpu): Going => {
      const view = new CpuView(options.storeBuffers === true, log);
      const k = bindStepped(table, kernel, this.m, view);
      return { ...cpu, view, steps: cpu.run(k, k.m as machine), idle: false, hardirq: 0, stops: 0 };
    });
  }

  /** What can come next; whoever went last is first, if it can go on. Empty when all is done. */
  moves(): number[] {
    if (this.ended !== null) return [];
    const n = this.cpus.length;
    const able: number[] = [];
    const arriving: number[] = [];
    for (let i = 0; i < n; i++) {
      const cpu = this.cpus[i];
      if (cpu.steps !== null && (!cpu.idle || cpu.awake?.(this.m) === true)) {
        if (i === this.last) able.unshift(i);
        else able.push(i);
      }
      if (cpu.view.pending > 0) arriving.push(n + i);
    }
    // stores that arrive concern only others
    if (able.length === 0) return arriving.slice(0, 1);
    return [...able, ...arriving.filter((it) => able.some((i) => i !== it - n))];
  }

  /** Makes a move; only one of `moves()`. */
  take(move: number): void {
    const one = this.cpus[move % this.cpus.length];
    if (move >= this.cpus.length) {
      one.view.drainOldest();
      this.steps.push({ cpu: one.cpu, until: ARRIVE });
      return;
    }
    const { m } = this;
    this.last = move;
    m.cpu = one.cpu;
    m.hardirq = one.hardirq;
    try {
      const { done, value } = (one.steps as Stepped).next();
      if (done) one.steps = null;
      else if (isBarrier(value, this.setting.options)) one.view.drain();
      one.idle = !done && value === IDLE;
      this.steps.push({ cpu: one.cpu, until: done ? 'done' : value });
    } catch (error) {
      if (!(error instanceof KernelBug || error instanceof NotModelled)) throw error;
      this.ended = { message: error.message, modelled: error instanceof KernelBug };
      this.steps.push({ cpu: one.cpu, until: error.message });
    }
    one.hardirq = m.hardirq;
    one.stops++;
    one.view.endStep();
  }

  /** Alike for orders that have come to the same: memory, what each CPU knows of it, and what waits in its buffer. */
  state(): string {
    const places = this.cpus.map((it) => (it.steps === null ? `-${it.view.pending}` : `${it.stops}:${it.view.place}`));
    return `${this.memory()};${places.join(';')}`;
  }

  /** Alike where memory is alike. */
  memory(): string {
    const { m } = this;
    // whoever goes next sets these
    m.cpu = 0;
    m.hardirq = 0;
    return exactFingerprint(m);
  }

  /** When there are no moves left: lets the machine come to rest and asks. null: it holds. */
  verdict(): string | null {
    if (this.ended !== null) return this.ended.modelled ? this.ended.message : null;
    const { m, setting } = this;
    const plain = bind(setting.kernel, m);
    try {
      setting.rest(plain, m);
      return setting.litmus.check(m, plain);
    } catch (error) {
      if (error instanceof KernelBug) return error.message;
      if (!(error instanceof NotModelled)) throw error;
      this.ended = { message: error.message, modelled: false };
      return null;
    }
  }
}

function isBarrier(stop: Stop, options: MemoryOptions): boolean {
  return stop.includes('(smp_mb)') && (options.withoutBarrier === undefined || !stop.includes(options.withoutBarrier));
}

/** Switches between CPUs in an order. */
export function switchesOf(steps: readonly OrderStep[]): number {
  return steps.filter((step, i) => i > 0 && step.cpu !== steps[i - 1].cpu).length;
}
