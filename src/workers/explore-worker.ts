// SPDX-License-Identifier: GPL-2.0-only
/** A thread of a search. */
import { parentPort, workerData } from 'node:worker_threads';
import { BadInput, type Fault } from '../base/faults.js';
import type { Expansion, Task } from '../explore/expansion.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { bringsCode, guardKernelLoops } from './guard.js';

export interface ExploreStart {
  /** as `--kernel` names it */
  kernel: string;
  cwd: string;
  scenario: Scenario;
  menu: readonly MachineEvent[];
  symmetry: boolean;
  /** what is asked of every state, as it was typed */
  texts: readonly string[];
}

export type ExploreDone =
  | { expansion: Expansion }
  | { faults: { input: string; faults: readonly Fault[] } }
  | { error: { message: string; stack: string } };

const start = workerData as ExploreStart;
const port = parentPort;
if (port === null) throw new Error('explore-worker is a worker');
if (bringsCode(['explore', start.kernel])) guardKernelLoops();

const { namedKernel } = await import('../loader/check-subject.js');
const { machineEngine } = await import('../explore/machine-engine.js');
const { Expander } = await import('../explore/expand.js');
const { ExpandMember } = await import('../explore/expansion.js');
const { predicateOf } = await import('../step/predicate.js');

const { scenario, menu, symmetry } = start;
// its types were checked when the command began
const kernel = await namedKernel(start.kernel, start.cwd, undefined, false);
const first = machineEngine.boot(kernel, scenario);
const predicates = start.texts.map((text) => predicateOf(text, kernel, first));
const witness: NonNullable<typeof machineEngine.witness> = (m) => machineEngine.witness?.(m) ?? [];
const member = new ExpandMember(
  new Expander({ engine: machineEngine, kernel, scenario, menu, symmetry, predicates, witness }),
);

function done(task: Task): ExploreDone {
  try {
    return { expansion: member.expand(task) };
  } catch (e) {
    if (e instanceof BadInput) return { faults: { input: e.input, faults: e.faults } };
    const { message, stack = '' } = e instanceof Error ? e : new Error(String(e));
    return { error: { message, stack } };
  }
}

port.on('message', (task: Task) => port.postMessage(done(task)));
