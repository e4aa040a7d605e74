// SPDX-License-Identifier: GPL-2.0-only
/** The model's machine held against the scheduler, KVM and local APICs of a tree in one process: on random guests. */
import { openMachineEngine } from '../../native/machine-engine.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { countingKernel } from '../count-calls.js';
import type { CallsHeld } from '../functions-held.js';
import type { LockstepAsked, Report } from '../parts.js';
import { drawn, type MachineFinding, machineDifferential, operationsOf } from './differ.js';

/** Events of one sequence. */
const LENGTH = 200;
/** Beyond these a machine has nothing new. */
const CPUS_MAX = 4;

export interface MachineHeld {
  /** the tree and how it was compiled */
  readonly native: string;
  readonly runs: readonly {
    readonly cpus: number;
    readonly sequences: number;
    readonly operations: number;
    /** sequences that came to something that the model does not have */
    readonly notModelled: number;
    readonly finding: MachineFinding | null;
  }[];
  readonly found: { readonly finding: MachineFinding; readonly cpus: number } | null;
}

/** Random sequences on each number of CPUs in turn, until one differs. NativeError where nothing can be built. */
export async function holdMachine(kernel: Kernel, asked: LockstepAsked, report: Report): Promise<MachineHeld> {
  const some = asked.cpus.filter((cpus) => cpus <= CPUS_MAX);
  const all = some.length > 0 ? some : [CPUS_MAX];
  const runs: MachineHeld['runs'][number][] = [];
  const each = Math.ceil(asked.operations / all.length);
  let [native, done] = ['', 0];
  for (const cpus of all) {
    const engine = await openMachineEngine({ ...asked, cpus });
    native = engine.name;
    try {
      const progress = (n: number): void => report(done + n, `events of machines, ${cpus} CPUs`);
      const options = { cpus, seed: asked.seed, events: each, length: LENGTH, progress };
      const { events, ...result } = machineDifferential(kernel, engine, options);
      done += events;
      runs.push({ cpus, operations: events, ...result });
      if (result.finding !== null) return { native, runs, found: { finding: result.finding, cpus } };
    } finally {
      engine.close();
    }
  }
  return { native, runs, found: null };
}

/** On which machines functions are counted. */
const COUNTED_CPUS = 2;

/** Calls by model and C on the same events; the model's are counted with boot and with what reads the state. */
export async function machineCalls(kernel: Kernel, asked: LockstepAsked): Promise<CallsHeld> {
  const counting = await openMachineEngine({ ...asked, cpus: COUNTED_CPUS, variant: 'cov' });
  const counts = { active: true, calls: new Map<string, number>() };
  const counted = countingKernel(kernel, counts);
  try {
    for (let [n, seed] = [0, asked.seed]; n < asked.operations; seed++) {
      const { run } = drawn(counted, seed, { cpus: COUNTED_CPUS, length: LENGTH });
      counting.reset();
      counting.runOnly(operationsOf(run));
      n += Math.max(1, run.steps.length);
    }
    return { calls: counts.calls, coverage: counting.coverage(), suspects: [] };
  } finally {
    counting.close();
  }
}
