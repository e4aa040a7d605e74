// SPDX-License-Identifier: GPL-2.0-only
/** Operations that part a kernel with a fix from the same without it, and which of the two a tree's C code follows. */
import { count } from '../../base/text.js';
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { type NativeEngine, openNativeEngine } from '../../native/engine.js';
import { FEATURE_NAMES } from '../../native/format.js';
import { type LapicEngine, openLapicEngine } from '../../native/lapic-engine.js';
import type { ApicOperation } from '../../operation/apic.js';
import { apicSequenceText } from '../../operation/apic-text.js';
import { type Operation, operation } from '../../operation/sched.js';
import { sequenceText } from '../../operation/sched-text.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { ApicPair, apicSequenceOf, shrinkApic } from '../apic/differ.js';
import { ApicModel } from '../apic/model.js';
import { ApicStateWriter } from '../apic/state.js';
import {
  compareRuns,
  type Difference,
  differential,
  type LockstepEngine,
  modelLockstep,
  namedBy,
  nativeLockstep,
} from '../sched/differ.js';
import { menuOf } from '../sched/generate.js';
import type { KnownBug } from './known-bugs.js';
import { type Sign, untried } from './sign.js';

const CPUS = [1, 2];
/** Operations of the scheduler on each number of CPUs, and sequences of local APICs: where they show nothing, no more do. */
const OPERATIONS = 20_000;
const SEQUENCES = 60;
/** Executions for shrinking one sequence of local APICs */
const SHRINKS = 400;

/** A scheduler and local APICs of a tree, begun when they are first wanted. */
export class TreeEngines {
  private readonly schedulers = new Map<number, Promise<NativeEngine>>();
  private apics: Promise<LapicEngine> | undefined;

  constructor(private readonly tree: string) {}

  scheduler(cpus: number): Promise<NativeEngine> {
    const there = this.schedulers.get(cpus) ?? openNativeEngine({ tree: this.tree, cpus });
    this.schedulers.set(cpus, there);
    return there;
  }

  lapic(): Promise<LapicEngine> {
    this.apics ??= openLapicEngine({ tree: this.tree });
    return this.apics;
  }

  async close(): Promise<void> {
    for (const engine of [...this.schedulers.values(), ...(this.apics === undefined ? [] : [this.apics])])
      await engine.then(
        (it) => it.close(),
        () => undefined,
      );
  }
}

/** `se[3].vlag is -5, with the fix 0, without it -7` */
const instead = (fixed: Difference, buggy: Difference): string =>
  fixed.op === buggy.op && fixed.field === buggy.field
    ? `after ${count(fixed.op + 1, 'operation')} ${fixed.field} is ${fixed.right}, with the fix ${fixed.left}, without it ${buggy.left}`
    : `after ${count(fixed.op + 1, 'operation')} ${fixed.field} is ${fixed.right}, with the fix ${fixed.left}`;

/** With operations before all others, whose answers are left out. */
function behind(setup: readonly Operation[], engine: LockstepEngine): LockstepEngine {
  return {
    name: engine.name,
    run(ops) {
      const { answers, ending } = engine.run([...setup, ...ops]);
      return {
        answers: answers.slice(setup.length),
        ending: ending && { ...ending, op: Math.max(0, ending.op - setup.length) },
      };
    },
  };
}

const switching = (features: Readonly<Record<string, boolean>>): Operation[] =>
  Object.entries(features).map(([name, on]) =>
    operation('FEATURE', { id: FEATURE_NAMES.indexOf(name), a: Number(on) }),
  );

/** Sequences that the tree follows in neither way, before the last of them is told. */
const STRANGE = 4;

export async function schedulerSign(
  { fixed, buggy, features }: KnownBug,
  engines: Pick<TreeEngines, 'scheduler'>,
): Promise<Sign> {
  const setup = switching(features);
  let strange: Sign | null = null;
  for (const cpus of CPUS) {
    const native = await engines.scheduler(cpus);
    const naming = namedBy(native);
    const [right, wrong, here] = [
      behind(setup, modelLockstep(fixed, cpus)),
      behind(setup, modelLockstep(buggy, cpus)),
      behind(setup, nativeLockstep(native)),
    ];
    const options = { length: 300, maxTasks: 16, menu: menuOf(native.schema), cpus };
    for (let [seed, left, tries] = [1, OPERATIONS, STRANGE]; left > 0 && tries > 0; tries--) {
      const { finding, operations, sequences } = differential(right, wrong, naming, {
        ...options,
        seed,
        operations: left,
      });
      if (finding === null) break;
      seed += sequences;
      left -= operations;
      const { ops } = finding;
      const sign = {
        tried: `${count(ops.length, 'operation')} on ${count(cpus, 'CPU')}`,
        sequence: sequenceText([...setup, ...ops]),
      };
      const did = here.run(ops);
      const fromRight = compareRuns(right.run(ops), did, naming);
      if (fromRight === null) return { ...sign, like: 'fixed', otherwise: '' };
      const fromWrong = compareRuns(wrong.run(ops), did, naming);
      if (fromWrong === null) return { ...sign, like: 'buggy', otherwise: '' };
      strange ??= { ...sign, like: null, otherwise: instead(fromRight, fromWrong) };
    }
  }
  const none = `no sequence found: ${OPERATIONS} random operations on 1 and on 2 CPUs do not show it on the model`;
  return strange ?? untried('', none);
}

/** What a kernel of the model makes of operations on local APICs: a text an operation, to compare. */
function marks(kernel: Kernel, ops: readonly ApicOperation[]): string[] {
  const model = new ApicModel(kernel);
  const writer = new ApicStateWriter();
  const out: string[] = [];
  for (const op of ops) {
    try {
      const r = model.execute(op);
      const length = model.machine === null ? 0 : writer.write(model.machine.m, model.world);
      out.push(`${r} ${Buffer.from(writer.words.buffer, 0, 4 * length).toString('base64')}`);
    } catch (error) {
      if (!(error instanceof KernelBug || error instanceof NotModelled || error instanceof TypeError)) throw error;
      out.push(`dies: ${error.message}`);
      return out;
    }
  }
  return out;
}

/** Up to where they part; null when they do not. */
function apart({ fixed, buggy }: KnownBug, ops: readonly ApicOperation[]): readonly ApicOperation[] | null {
  const [a, b] = [marks(fixed, ops), marks(buggy, ops)];
  const at = a.findIndex((mark, i) => mark !== b[i]);
  return at < 0 ? null : ops.slice(0, at + 1);
}

export async function apicSign(bug: KnownBug, engines: TreeEngines): Promise<Sign> {
  const native = await engines.lapic();
  const [right, wrong] = [new ApicPair(bug.fixed, native), new ApicPair(bug.buggy, native)];
  const follows = (pair: ApicPair) => (ops: readonly ApicOperation[]) => pair.compare(ops).difference === null;
  let strange: Sign | null = null;
  for (let [seed, tries] = [1, STRANGE]; seed <= SEQUENCES && tries > 0; seed++) {
    const long = apart(bug, apicSequenceOf(seed).ops);
    if (long === null) continue;
    const like = follows(right)(long) ? 'fixed' : follows(wrong)(long) ? 'buggy' : null;
    // WHY shrunk along with the tree: a driver of ours may refuse what the other lets pass
    const still = like === null ? () => true : follows(like === 'fixed' ? right : wrong);
    const ops = shrinkApic(
      long,
      (candidate) => {
        const cut = apart(bug, candidate);
        return cut !== null && still(cut) ? cut : null;
      },
      SHRINKS,
    );
    const sign = { tried: `${count(ops.length, 'operation')} on local APICs`, sequence: apicSequenceText(ops) };
    if (like !== null) return { ...sign, like, otherwise: '' };
    tries--;
    const found = right.compare(ops).difference;
    const said =
      found === null
        ? ''
        : `after ${count(found.op + 1, 'operation')} ${found.field} is ${found.native}, with the fix ${found.model}`;
    strange ??= { ...sign, like, otherwise: said };
  }
  return (
    strange ??
    untried('', `no sequence found: ${SEQUENCES} random sequences on local APICs do not show it on the model`)
  );
}
