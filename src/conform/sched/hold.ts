// SPDX-License-Identifier: GPL-2.0-only
/** The scheduler held against the C code of a tree: on random operations, and function by function. */
import { addCoverage } from '../../native/coverage.js';
import { type NativeEngine, openNativeEngine } from '../../native/engine.js';
import { membersOf } from '../../native/format.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { countingKernel } from '../count-calls.js';
import type { CallsHeld } from '../functions-held.js';
import { type LockstepAsked, NO_SINGLE, type Report } from '../parts.js';
import {
  compareRuns,
  type DifferentialResult,
  differential,
  type Finding,
  modelLockstep,
  namedBy,
  nativeLockstep,
} from './differ.js';
import { generateSequence, HOTPLUG, KINDS, type Kind, menuOf, xorshift32 } from './generate.js';
import { compareSingleFunctions, type SingleResult } from './single-functions.js';
import { suspectsOf } from './suspects.js';

const GENERATION = { length: 300, maxTasks: 64 } as const;

/** Sequences on so many CPUs; `hotplug` where CPUs go down and come back, and nowhere else do they. */
interface LockstepRuns extends DifferentialResult {
  readonly cpus: number;
  readonly hotplug: boolean;
}

export interface SchedulerHeld {
  /** the tree and how it was compiled */
  readonly native: string;
  /** with so many CPUs each */
  readonly runs: readonly LockstepRuns[];
  /** the first difference, where it may come from, and the CPUs of its machine; nothing is asked after it */
  readonly found: { readonly finding: Finding; readonly suspects: readonly string[]; readonly cpus: number } | null;
  readonly single: SingleResult;
  /** columns that have another name in the tree, by the model's; and those that the tree lacks */
  readonly renamed: readonly (readonly [string, string])[];
  readonly absent: readonly string[];
}

/** Calls of each single function beside so many operations. */
const callsFor = (operations: number): number => Math.min(20_000, Math.max(100, Math.ceil(operations / 50)));

/** Of the operations, one in so many is on CPUs that come and go, where there are two at least. */
const HOTPLUG_PART = 4;

const renamedIn = ({ schema }: NativeEngine): (readonly [string, string])[] => [...membersOf(schema)];

/** Random operations on both, on each number of CPUs in turn, until one differs. NativeError where nothing can be built. */
export async function holdScheduler(kernel: Kernel, asked: LockstepAsked, report: Report): Promise<SchedulerHeld> {
  const runs: LockstepRuns[] = [];
  const each = Math.ceil(asked.operations / asked.cpus.length);
  let done = 0;
  let held: Omit<SchedulerHeld, 'runs' | 'found'> = { native: '', single: NO_SINGLE, renamed: [], absent: [] };
  for (const cpus of asked.cpus) {
    const native = await openNativeEngine({ ...asked, cpus });
    const differ = (operations: number, kinds?: readonly Kind[]) => {
      const [model, c, naming] = [modelLockstep(kernel, cpus), nativeLockstep(native), namedBy(native)];
      const progress = (n: number) => report(done + n, `operations, ${cpus} CPUs`);
      const options = {
        ...GENERATION,
        menu: menuOf(native.schema),
        cpus,
        seed: asked.seed,
        operations,
        progress,
        ...(kinds && { kinds }),
      };
      const differed = differential(model, c, naming, options);
      done += differed.operations;
      runs.push({ cpus, hotplug: kinds !== undefined, ...differed });
      return differed;
    };
    let result = differ(each);
    // WHY beside the others: what a seed makes without hotplug stays as it was
    if (result.finding === null && cpus > 1) result = differ(Math.ceil(each / HOTPLUG_PART), [HOTPLUG]);
    const single =
      held.single.calls > 0
        ? held.single
        : compareSingleFunctions(kernel, native, xorshift32(asked.seed), callsFor(asked.operations));
    held = { native: native.name, single, renamed: renamedIn(native), absent: native.schema.absent };
    native.close();
    if (result.finding === null) continue;
    const counting = await openNativeEngine({ ...asked, cpus, variant: 'cov' });
    const { ops, difference } = result.finding;
    const suspects = suspectsOf(kernel, cpus, counting, ops, difference);
    counting.close();
    return { ...held, runs, found: { finding: result.finding, suspects, cpus } };
  }
  return { ...held, runs, found: null };
}

/** Calls and covered lines of each function on such operations, and what differing sequences come from. */
export async function schedulerCalls(kernel: Kernel, asked: LockstepAsked): Promise<CallsHeld> {
  const counts = { active: false, calls: new Map<string, number>() };
  const counted = countingKernel(kernel, counts);
  const coverages = [];
  const suspects: string[] = [];
  for (const cpus of asked.cpus) {
    const counting = await openNativeEngine({ ...asked, cpus, variant: 'cov' });
    const model = modelLockstep(counted, cpus, {
      before: () => {
        counts.active = true;
      },
      after: () => {
        counts.active = false;
      },
    });
    const native = await openNativeEngine({ ...asked, cpus });
    const lockstep = nativeLockstep(native);
    for (let [n, seed] = [0, asked.seed]; n < asked.operations / asked.cpus.length; seed++) {
      const kind = KINDS[seed % KINDS.length]!;
      const { setup, ops } = generateSequence(xorshift32(seed), kind, {
        ...GENERATION,
        menu: menuOf(native.schema),
        cpus,
      });
      const all = [...setup, ...ops];
      const difference = compareRuns(model.run(all), lockstep.run(all), namedBy(native));
      counts.active = false;
      if (difference !== null)
        suspects.push(...suspectsOf(kernel, cpus, null, all.slice(0, difference.op + 1), difference).slice(0, 1));
      counting.reset();
      counting.run(all, 'return');
      n += all.length;
    }
    coverages.push(counting.coverage());
    counting.close();
    native.close();
  }
  return { calls: counts.calls, coverage: addCoverage(coverages), suspects };
}
