// SPDX-License-Identifier: GPL-2.0-only
/** The whole machines of two trees side by side, C beside C, on the guests that the model is held with. */
import type { Ending } from '../../native/engine-process.js';
import type { MachineBatch, MachineEngine } from '../../native/machine-engine.js';
import type { MachineEvent } from '../../scenario/events.js';
import type { Scenario } from '../../scenario/scenario.js';
import { linux_6_12 } from '../../series/linux-6.12.js';
import { drawn, type ModelRun, operationsOf, replayed, shrinkEvents } from '../machine/differ.js';
import type { Kind } from '../machine/generate.js';
import { machineWordName } from '../machine/words.js';

/** The first place where two trees disagree. */
export interface MachineChange {
  /** index of the event; -1: after boot */
  readonly event: number;
  /** `vcpu[1].ready`, `kvm[0].last_boosted_vcpu`, `end` when only one survives */
  readonly field: string;
  readonly before: string;
  readonly patched: string;
}

export interface MachineLockstep {
  readonly sequences: number;
  readonly operations: number;
  /** shrunk; the difference is at the last event */
  readonly finding: {
    readonly seed: number;
    readonly kind: Kind;
    readonly cpus: number;
    readonly original: number;
    readonly scenario: Scenario;
    readonly events: readonly MachineEvent[];
    readonly difference: MachineChange;
  } | null;
  /** how the patched code dies where the base goes on; the first time */
  readonly death: string | null;
  /** functions that the patched code calls and nothing here provides: sequences that end there say nothing */
  readonly missing: readonly string[];
}

/** Events of one sequence. */
const LENGTH = 200;

const tell = (ending: Ending | null): string =>
  ending === null ? 'goes on' : `${ending.kind}: ${ending.what} ${ending.stack[0] ?? ending.at}`.trim();

/** The events by which the executed lines of a tree are counted; how many. */
export function countMachine(counting: MachineEngine, options: { operations: number; seed: number }): void {
  for (let [n, seed] = [0, options.seed]; n < options.operations; seed++) {
    const { run } = drawn(linux_6_12, seed, { cpus: counting.cpus, length: LENGTH });
    counting.reset();
    counting.runOnly(operationsOf(run));
    n += Math.max(1, run.steps.length);
  }
}

class TwoMachines {
  readonly missing = new Set<string>();

  constructor(
    private readonly base: MachineEngine,
    private readonly patched: MachineEngine,
  ) {}

  /** Both through the same operations, up to the first word that differs. */
  compare(run: ModelRun): MachineChange | null {
    const ops = operationsOf(run);
    const batches = [this.base, this.patched].map((engine) => {
      engine.reset();
      return engine.run(ops);
    });
    const [a, b] = batches as [MachineBatch, MachineBatch];
    const from = run.setup.length;
    for (let i = from - 1; i < ops.length; i++) {
      const [before, after] = [a.results[i], b.results[i]];
      if (before === undefined && after === undefined) return null;
      if (before === undefined || after === undefined) {
        if (b.ending?.kind === 'trap') {
          this.missing.add(b.ending.what);
          return null;
        }
        return { event: i - from, field: 'end', before: tell(a.ending), patched: tell(b.ending) };
      }
      const at = before.words.findIndex((word, k) => word !== after.words[k]);
      if (at < 0) continue;
      const field = machineWordName(this.patched, after.words, at) ?? `word ${at}`;
      return { event: i - from, field, before: String(before.words[at]), patched: String(after.words[at]) };
    }
    return null;
  }
}

/** Random guests on both trees, up to the first difference or until there were enough events. */
export function machineLockstep(
  base: MachineEngine,
  patched: MachineEngine,
  options: { operations: number; seed: number },
): MachineLockstep {
  const pair = new TwoMachines(base, patched);
  let [sequences, operations] = [0, 0];
  for (let { seed } = options; operations < options.operations; seed++) {
    const { scenario, kind, run } = drawn(linux_6_12, seed, { cpus: base.cpus, length: LENGTH });
    sequences++;
    const first = pair.compare(run);
    if (first === null) {
      operations += Math.max(1, run.steps.length);
      continue;
    }
    let difference = first;
    const all = run.steps.map((step) => step.event);
    const events = shrinkEvents(all, (candidate) => {
      const again = replayed(linux_6_12, scenario, candidate);
      const change = pair.compare(again);
      if (change === null || (change.field === 'end') !== (first.field === 'end')) return null;
      difference = change;
      return again.steps.slice(0, change.event + 1).map((step) => step.event);
    });
    const death = difference.field === 'end' && difference.patched !== 'goes on' ? difference.patched : null;
    const finding = { seed, kind, cpus: base.cpus, original: first.event + 1, scenario, events, difference };
    return { sequences, operations: operations + first.event + 1, finding, death, missing: [...pair.missing] };
  }
  return { sequences, operations, finding: null, death: null, missing: [...pair.missing] };
}
