// SPDX-License-Identifier: GPL-2.0-only
/** The model's machine and the native one through the same events: the first difference, and the shortest way to it. */

import type { PipeOperation } from '../../native/format.js';
import type { MachineEngine } from '../../native/machine-engine.js';
import type { MachineEvent } from '../../scenario/events.js';
import type { Scenario } from '../../scenario/scenario.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { xorshift32 } from '../sched/generate.js';
import { drawEvent, drawScenario, KINDS, type Kind } from './generate.js';
import { type ModelEnding, ModelMachine } from './model.js';
import { machineWordName } from './words.js';

export interface MachineDifference {
  /** index of the event; -1: after boot */
  readonly event: number;
  /** `vcpu[1].ready`, `cpu[0].rq.curr`, `end` when only one goes on */
  readonly field: string;
  readonly model: string;
  readonly native: string;
}

/** A run of the model: its events, and what each is in C. */
export interface ModelRun {
  readonly setup: readonly PipeOperation[];
  readonly boot: readonly (number | bigint)[];
  readonly steps: readonly {
    readonly event: MachineEvent;
    readonly op: PipeOperation;
    readonly words: readonly (number | bigint)[];
  }[];
  readonly ending: ModelEnding | null;
}

/** All that a run is in C: the machine, and what happens to it. */
export const operationsOf = (run: ModelRun): PipeOperation[] => [...run.setup, ...run.steps.map((step) => step.op)];

/** The machine of the scenario through what `next` says, until it says nothing or the model ends. */
function runModel(
  kernel: Kernel,
  scenario: Scenario,
  next: (machine: ModelMachine, n: number) => MachineEvent | null,
): ModelRun {
  const machine = new ModelMachine(kernel, scenario);
  const boot = machine.words();
  const steps: ModelRun['steps'][number][] = [];
  let ending: ModelEnding | null = null;
  for (let n = 0; ending === null; n++) {
    const event = next(machine, n);
    if (event === null) break;
    try {
      const { op, words } = machine.apply(event);
      if (op !== null) steps.push({ event, op, words });
    } catch (error) {
      ending = machine.endingOf(error, steps.length);
    }
  }
  return { setup: machine.setup, boot, steps, ending };
}

/** The first word in which two states differ, by name. */
function differingWord(
  native: MachineEngine,
  event: number,
  model: readonly (number | bigint)[],
  words: readonly (number | bigint)[],
): MachineDifference | null {
  const n = Math.max(model.length, words.length);
  for (let i = 0; i < n; i++) {
    if (model[i] === words[i]) continue;
    const field = machineWordName(native, words, i);
    if (field !== null) return { event, field, model: String(model[i]), native: String(words[i]) };
  }
  return null;
}

/** The same operations in C; where the states part. */
function compare(native: MachineEngine, run: ModelRun): MachineDifference | null {
  native.reset();
  const { results, ending } = native.run(operationsOf(run));
  const tell = `${ending?.kind}: ${ending?.what} ${ending?.stack.slice(0, 3).join(' < ') ?? ''}`;
  const booted = results[run.setup.length - 1];
  if (booted === undefined) return { event: -1, field: 'end', model: 'goes on', native: tell };
  const first = differingWord(native, -1, run.boot, booted.words);
  if (first !== null) return first;
  for (const [i, step] of run.steps.entries()) {
    const result = results[run.setup.length + i];
    if (result === undefined) return { event: i, field: 'end', model: 'goes on', native: tell };
    const found = differingWord(native, i, step.words, result.words);
    if (found !== null) return found;
  }
  if (run.ending === null || run.ending.kind === 'not-modelled') return null;
  return { event: run.steps.length, field: 'end', model: `${run.ending.kind}: ${run.ending.what}`, native: 'goes on' };
}

/** The events on the model; what is not legal there is left out. */
export const replayed = (kernel: Kernel, scenario: Scenario, events: readonly MachineEvent[]): ModelRun =>
  runModel(kernel, scenario, (_, n) => events[n] ?? null);

/** Model and C from the same scenario through the same events. */
export function compareEvents(
  kernel: Kernel,
  native: MachineEngine,
  scenario: Scenario,
  events: readonly MachineEvent[],
): { difference: MachineDifference | null; events: readonly MachineEvent[] } {
  const run = replayed(kernel, scenario, events);
  return { difference: compare(native, run), events: run.steps.map((step) => step.event) };
}

export interface MachineFinding {
  readonly seed: number;
  readonly kind: Kind;
  readonly original: number;
  readonly scenario: Scenario;
  /** shrunk; the difference is at the last one */
  readonly events: readonly MachineEvent[];
  readonly difference: MachineDifference;
}

export interface MachineResult {
  readonly sequences: number;
  readonly events: number;
  /** sequences that came to something that is not modelled */
  readonly notModelled: number;
  readonly finding: MachineFinding | null;
}

export interface MachineOptions {
  readonly cpus: number;
  readonly seed: number;
  /** events in all; the last sequence is finished */
  readonly events: number;
  readonly length: number;
  readonly progress?: (events: number) => void;
  /** false: the first difference as it was found */
  readonly shrinks?: boolean;
}

/** Fewer events, for as long as `shows` finds what it looks for: it gives the events up to there, or null. */
export function shrinkEvents(
  events: readonly MachineEvent[],
  shows: (events: readonly MachineEvent[]) => readonly MachineEvent[] | null,
): readonly MachineEvent[] {
  let best = shows(events) ?? events;
  for (let before = -1; before !== best.length; ) {
    before = best.length;
    for (let n = before >> 1; n >= 1; n >>= 1)
      for (let from = best.length - n; from >= 0; from = Math.min(from, best.length) - n)
        best = shows([...best.slice(0, from), ...best.slice(from + n)]) ?? best;
  }
  return best;
}

function shrunk(kernel: Kernel, native: MachineEngine, found: MachineFinding): MachineFinding {
  let difference = found.difference;
  const events = shrinkEvents(found.events, (candidate) => {
    const compared = compareEvents(kernel, native, found.scenario, candidate);
    if (compared.difference === null) return null;
    difference = compared.difference;
    return compared.events.slice(0, difference.event + 1);
  });
  return { ...found, events, difference };
}

/** The sequence of a seed, on the model. */
export function drawn(
  kernel: Kernel,
  seed: number,
  { cpus, length }: Pick<MachineOptions, 'cpus' | 'length'>,
): { scenario: Scenario; kind: Kind; run: ModelRun } {
  const random = xorshift32(seed);
  const kind = KINDS[seed % KINDS.length]!;
  const scenario = drawScenario(random, kind, cpus);
  const run = runModel(kernel, scenario, ({ m }, n) => (n < length ? drawEvent(random, m, kind) : null));
  return { scenario, kind, run };
}

/** Random sequences on both, up to the first difference or until there were enough events. */
export function machineDifferential(kernel: Kernel, native: MachineEngine, options: MachineOptions): MachineResult {
  let [sequences, events, notModelled] = [0, 0, 0];
  while (events < options.events) {
    const seed = options.seed + sequences;
    const { scenario, kind, run } = drawn(kernel, seed, options);
    const difference = compare(native, run);
    sequences++;
    if (difference !== null) {
      const all = run.steps.map((step) => step.event);
      const found = { seed, kind, original: difference.event + 1, scenario, events: all, difference };
      const finding = options.shrinks === false ? found : shrunk(kernel, native, found);
      return { sequences, events: events + difference.event + 1, notModelled, finding };
    }
    events += run.steps.length;
    if (run.ending !== null) notModelled++;
    options.progress?.(events);
  }
  return { sequences, events, notModelled, finding: null };
}
