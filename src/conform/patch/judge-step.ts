// SPDX-License-Identifier: GPL-2.0-only
/** One step of a series judged by everything that compiles what it touches; what nothing judges is said. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { count } from '../../base/text.js';
import { build, schedulerProver } from '../../native/build.js';
import { addCoverage, type LineCoverage } from '../../native/coverage.js';
import { ARCHITECTURES } from '../../native/extract/architecture.js';
import type { KernelTree } from '../../native/find-tree.js';
import { type OptionValue, withOptions } from '../../native/kconfig.js';
import type { Build } from '../../native/kernel-program.js';
import { buildLapic, lapicProver } from '../../native/lapic-build.js';
import { type LapicEngine, openLapicEngine } from '../../native/lapic-engine.js';
import { buildMachine } from '../../native/machine-build.js';
import { type MachineEngine, openMachineEngine } from '../../native/machine-engine.js';
import { NativeError } from '../../native/native-error.js';
import { codeOf } from '../../native/object-code.js';
import type { AddedLine, AppliedHunk, LeftOut } from '../../native/patch.js';
import { apicSequenceOf } from '../apic/differ.js';
import {
  checkPatch,
  type PatchCheck,
  type PatchCheckOptions,
  type PropertyRow,
  type ReachedLine,
  withAbsent,
} from '../sched/patch-check.js';
import { type ApicLockstep, apicLockstep } from './apic-pair.js';
import { apicProperties } from './apic-properties.js';
import { isCut } from './changed-functions.js';
import { type HeldPairRow, type HeldPairs, holdPairs } from './held-pair.js';
import { type JudgedHunk, judgeHunks, type Reach, Sources } from './judged-hunks.js';
import type { MachineClaims } from './machine-claims.js';
import { countMachine, type MachineLockstep, machineLockstep } from './machine-pair.js';
import { checkKnobs, constantsIn, type Knob, type KnobCheck, knobsOf, reachedWith } from './patch-knobs.js';

/** One step: the trees, and what it does to them. */
export interface PatchStep {
  readonly subject: string;
  /** Kconfig options as the tree is built with them, where they are not as everywhere else */
  readonly options: readonly OptionValue[];
  readonly base: KernelTree;
  readonly previous: KernelTree;
  readonly tree: KernelTree;
  readonly hunks: readonly AppliedHunk[];
  readonly leftOut: readonly LeftOut[];
  /** of all steps so far, as the lines stand in `tree` */
  readonly added: readonly AddedLine[];
}

/** The patch as it is, and with its knobs set otherwise. */
export interface SchedulerCheck extends PatchCheck {
  readonly knobs: readonly KnobCheck[];
  /** knobs that were too many */
  readonly untried: readonly Knob[];
  /** variables of added lines that are constants in this build, for CONFIG_SYSCTL is off */
  readonly constants: readonly string[];
}

export interface ApicCheck {
  readonly lockstep: ApicLockstep;
  readonly properties: readonly PropertyRow[];
  readonly added: readonly ReachedLine[];
}

export interface MachineCheck {
  readonly lockstep: MachineLockstep;
  readonly added: readonly ReachedLine[];
}

export interface AloneCheck {
  readonly rows: readonly HeldPairRow[];
  readonly left: HeldPairs['left'];
  readonly added: readonly ReachedLine[];
}

/** What each judge found; null where the step touches nothing that it compiles. */
export interface StepCheck {
  readonly options: readonly OptionValue[];
  readonly hunks: readonly JudgedHunk[];
  readonly scheduler: SchedulerCheck | null;
  readonly apics: ApicCheck | null;
  readonly machine: MachineCheck | null;
  readonly alone: AloneCheck | null;
  /** properties of machines with guests, where they were asked for */
  readonly claims?: MachineClaims;
  /** judges that cannot follow this tree, and why */
  readonly unable: readonly string[];
}

const APIC_OPERATIONS = 20_000;
const HELD_CALLS = 1000;
const MACHINE_EVENTS = 10_000;
const MACHINE_CPUS = 2;

/** Files of the tree that a build read. */
function filesOf(built: Build): ReadonlySet<string> {
  const manifest = JSON.parse(readFileSync(join(built.dir, 'manifest.json'), 'utf8')) as { files: [string][] };
  const prefix = `${built.tree.dir}/`;
  return new Set(manifest.files.flatMap(([path]) => (path.startsWith(prefix) ? [path.slice(prefix.length)] : [])));
}

/** The configuration that a build was made with. */
function configurationOf(built: Build): Map<string, string> {
  const path = join(built.dir, 'gen/generated/autoconf.h');
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const configuration = new Map([['__KERNEL__', '1']]);
  for (const [, word, name, value] of text.matchAll(/^#(define|undef) (CONFIG_\w+)(?: +(.*))?$/gm)) {
    if (word === 'define') configuration.set(name!, value ?? '');
    else configuration.delete(name!);
  }
  return configuration;
}

/** Which files of a tree are compiled, or cut, by anything here: those whose patches have to apply. */
export async function compiledFiles(base: KernelTree): Promise<(file: string) => boolean> {
  const files = new Set(filesOf(await build(base, 'O2')));
  const lapic = await buildLapic(base, 'O2').catch(unableTo);
  if (typeof lapic !== 'string') for (const file of filesOf(lapic)) files.add(file);
  return (file) => files.has(file) || isCut(file);
}

/** A tree that an engine cannot follow is said; anything else is an error. */
function unableTo(error: unknown): string {
  if (error instanceof NativeError && ['compile', 'lacks-header', 'link', 'smoke', 'died', 'boot'].includes(error.code))
    return error.message;
  throw error;
}

/** The scheduler is compiled on an architecture of ours: what is below arch is none of its files. */
const mayBeSchedulers = (file: string): boolean => !/^(?:arch|virt|Documentation)\//.test(file);

/** What only the APICs' engine compiles, or KVM's part of what all compile. */
const ofApics = (file: string, scheduler: ReadonlySet<string>): boolean =>
  /^(?:arch\/x86|virt\/kvm)\//.test(file) || /\/kvm[^/]*\.h$/.test(file) || !scheduler.has(file);

/** What is compiled into the whole machine, and elsewhere runs with scripted answers at most. */
const ofMachine = (file: string): boolean =>
  /^(?:arch\/x86\/kvm|virt\/kvm|kernel\/entry)\/.*\.[ch]$/.test(file) || /\/kvm[^/]*\.h$/.test(file);

const countsOf = (coverage: LineCoverage, added: readonly AddedLine[]) =>
  added.map((line) => ({ ...line, count: coverage.lines.get(line.file)?.get(line.line) ?? null }));

const foldedIn = (added: readonly ReachedLine[]): ReadonlySet<string> =>
  new Set(added.flatMap(({ absent, file, line }) => (absent === 'folded' ? [`${file}:${line}`] : [])));

async function askApics(
  engines: { base: LapicEngine; patched: LapicEngine; counting: LapicEngine },
  options: PatchCheckOptions,
  added: readonly AddedLine[],
): Promise<{ check: ApicCheck; coverage: LineCoverage }> {
  const { base, patched, counting } = engines;
  const operations = Math.min(options.operations, APIC_OPERATIONS);
  const lockstep = apicLockstep(base, patched, { operations, seed: options.seed });
  const properties = apicProperties.map(({ id, says, ask }) => ({
    ...{ id, says },
    base: ask(base, options.seed),
    patched: ask(patched, options.seed),
  }));
  for (let [n, seed] = [0, options.seed]; n < operations; seed++) {
    const { ops } = apicSequenceOf(seed);
    counting.runOnly(ops);
    n += ops.length;
  }
  for (const { ask } of apicProperties) ask(counting, options.seed);
  const coverage = counting.coverage();
  const reached = await withAbsent(patched.built, lapicProver, countsOf(coverage, added));
  return { check: { lockstep, properties, added: reached }, coverage };
}

/** Of this process, by the code that was compared: a step that compiles to what an earlier one did has its lines counted alone. */
const checks = new Map<string, PatchCheck>();

async function checkedOnce(
  code: string,
  { base, tree }: PatchStep,
  added: readonly AddedLine[],
  options: PatchCheckOptions,
): Promise<PatchCheck> {
  const { operations, seed, cpus, parts } = options;
  const key = JSON.stringify([code, operations, seed, cpus, parts ?? null]);
  const known = checks.get(key);
  if (known === undefined) {
    const check = await checkPatch(base, tree, added, options);
    checks.set(key, check);
    return check;
  }
  const { added: reached, coverage } = await checkPatch(base, tree, added, { ...options, parts: ['added lines'] });
  return { ...known, added: reached, coverage };
}

function isBuiltIn(tree: KernelTree, configuration: Reach['configuration']): (line: AddedLine) => boolean {
  const sources = new Sources();
  return ({ file, line }) => sources.isActive(tree, file, line, configuration);
}

/** Where a hunk takes lines out: what stands there now. */
function cutsOf({ file, at, lines }: AppliedHunk): { file: string; line: number }[] {
  let line = at;
  return lines.flatMap((text) => {
    if (text[0] === '-') return [{ file, line }];
    line++;
    return [];
  });
}

class StepJudge {
  private readonly reaches: Reach[] = [];
  private readonly unable: string[] = [];
  private readonly touched: ReadonlySet<string>;
  private readonly options: PatchCheckOptions;

  constructor(
    private readonly step: PatchStep,
    options: PatchCheckOptions,
  ) {
    this.touched = new Set(step.hunks.map((hunk) => hunk.file));
    this.options = { ...options, touched: step.hunks.flatMap(cutsOf) };
  }

  private addedIn(reads: (file: string) => boolean): AddedLine[] {
    return this.step.added.filter((line) => reads(line.file));
  }

  /** What compiles to the same code needs no comparison. */
  private sameCode(judge: string, reads: Reach['reads'], configuration: Reach['configuration']): void {
    this.unable.push(`${judge}: the object code is the same, so there is nothing to compare`);
    this.reaches.push({ judge: 'same object code', reads, configuration, after: addCoverage([]) });
  }

  /** The check of the patch as it is, and with its knobs set otherwise. */
  private async withKnobs(
    check: PatchCheck,
    own: readonly AddedLine[],
    configuration: Reach['configuration'],
  ): Promise<SchedulerCheck> {
    const { step, options } = this;
    const isBuilt = isBuiltIn(step.tree, configuration);
    const { knobs, untried } = await checkKnobs(step.base, step.tree, own, isBuilt, options);
    const coverage = addCoverage([check.coverage, ...knobs.map((knob) => knob.check.coverage)]);
    const constants = constantsIn(step.tree, own, configuration);
    return { ...check, coverage, added: reachedWith(check.added, knobs), knobs, untried, constants };
  }

  /** Of a patch that leaves the code as it is: what is folded away, and what another value of its knobs does. */
  private async sameScheduler(
    patched: Build,
    own: readonly AddedLine[],
    configuration: Reach['configuration'],
  ): Promise<SchedulerCheck | null> {
    const { step, options } = this;
    const uncounted = own.map((line) => ({ ...line, count: null }));
    const added = await withAbsent(patched, schedulerProver, uncounted);
    const hasKnob = knobsOf(own, isBuiltIn(step.tree, configuration)).length > 0;
    if (!hasKnob && !added.some(({ absent }) => absent === 'folded')) return null;
    const check = await checkPatch(step.base, step.tree, own, { ...options, parts: ['added lines'] });
    return this.withKnobs(check, own, configuration);
  }

  private async scheduler(base: Build | null): Promise<SchedulerCheck | null> {
    const { step, options } = this;
    if (base === null) return null;
    if (![...this.touched].some((file) => filesOf(base).has(file))) return null;
    const patched = await build(step.tree, 'O2').catch((error: unknown) => {
      if (!(error instanceof NativeError) || error.code !== 'other-scheduler') throw error;
      this.unable.push(`scheduler lock-step: ${error.message}`);
      return null;
    });
    if (patched === null) return null;
    const [before, after] = [filesOf(base), filesOf(patched)];
    const reads = (file: string) => before.has(file) || after.has(file);
    const own = this.addedIn(reads);
    const configuration = configurationOf(patched);
    // WHY the code for UBSan as well: arithmetic that overflows may compile to the same code as arithmetic that wraps
    const codes = async (tree: KernelTree, built: Build) => [
      await codeOf(built),
      await codeOf(await build(tree, 'ubsan')),
    ];
    const code = (await codes(step.tree, patched)).join(' ');
    if (code === (await codes(step.base, base)).join(' ')) {
      this.sameCode('scheduler lock-step', reads, configuration);
      return this.sameScheduler(patched, own, configuration);
    }
    const once = await checkedOnce(`${step.base.dir} ${code}`, step, own, options);
    const check = await this.withKnobs(once, own, configuration);
    const folded = foldedIn(check.added);
    this.reaches.push({ judge: 'scheduler lock-step', reads, configuration, after: check.coverage, folded });
    return check;
  }

  private async apics(scheduler: ReadonlySet<string>): Promise<ApicCheck | null> {
    const { step, options } = this;
    if (![...this.touched].some((file) => ofApics(file, scheduler) && /\.[chS]$/.test(file))) return null;
    const base = await buildLapic(step.base, 'O2').catch(unableTo);
    if (typeof base === 'string') {
      this.unable.push(`local-APIC lock-step: ${base}`);
      return null;
    }
    const files = filesOf(base);
    if (![...this.touched].some((file) => ofApics(file, scheduler) && files.has(file))) return null;
    const opened: LapicEngine[] = [];
    try {
      const after = await buildLapic(step.tree, 'O2');
      if ((await codeOf(base)) === (await codeOf(after))) {
        this.sameCode('local-APIC lock-step', (file) => files.has(file), configurationOf(after));
        return null;
      }
      options.progress?.('local APICs');
      for (const [tree, variant] of [
        [step.base, 'O2'],
        [step.tree, 'O2'],
        [step.tree, 'cov'],
      ] as const)
        opened.push(await openLapicEngine({ tree: tree.dir, variant, smoke: tree === this.step.base }));
      const patched = filesOf(opened[1]!.built);
      const reads = (file: string) => files.has(file) || patched.has(file);
      const engines = { base: opened[0]!, patched: opened[1]!, counting: opened[2]! };
      const { check, coverage } = await askApics(engines, options, this.addedIn(reads));
      const configuration = configurationOf(opened[1]!.built);
      const folded = foldedIn(check.added);
      this.reaches.push({ judge: 'local-APIC lock-step', reads, configuration, after: coverage, folded });
      return check;
    } catch (error) {
      // a driver that does not follow the patch is ours, code that does not compile is the patch's
      if (error instanceof NativeError && /^(?:arch|virt|include)\//.test(error.details[0] ?? '')) throw error;
      this.unable.push(`local-APIC lock-step: ${unableTo(error)}`);
      return null;
    } finally {
      for (const engine of opened) engine.close();
    }
  }

  private async machine(): Promise<MachineCheck | null> {
    const { step, options } = this;
    if (![...this.touched].some(ofMachine)) return null;
    const trees = { previous: step.previous, tree: step.tree };
    const soFar = await judgeHunks(step.hunks, [], trees, this.reaches);
    // what the other engines ran as a whole is theirs
    const own = step.hunks.filter((hunk, i) => ofMachine(hunk.file) && soFar[i]!.status === 'not judged');
    if (own.length === 0) return null;
    const base = await buildMachine(step.base, 'O2').catch(unableTo);
    if (typeof base === 'string') {
      this.unable.push(`machine lock-step: ${base}`);
      return null;
    }
    const files = filesOf(base);
    if (!own.some((hunk) => files.has(hunk.file))) return null;
    const opened: MachineEngine[] = [];
    try {
      const after = await buildMachine(step.tree, 'O2');
      const reads = (file: string) => ofMachine(file) && files.has(file);
      if ((await codeOf(base)) === (await codeOf(after))) {
        this.sameCode('machine lock-step', reads, configurationOf(after));
        return null;
      }
      options.progress?.('the whole machine');
      for (const [tree, variant] of [
        [step.base, 'O2'],
        [step.tree, 'O2'],
        [step.tree, 'cov'],
      ] as const)
        opened.push(
          await openMachineEngine({ tree: tree.dir, variant, cpus: MACHINE_CPUS, smoke: tree === step.base }),
        );
      const [before, patched, counting] = opened as [MachineEngine, MachineEngine, MachineEngine];
      const asked = { operations: Math.min(options.operations, MACHINE_EVENTS), seed: options.seed };
      const lockstep = machineLockstep(before, patched, asked);
      countMachine(counting, asked);
      const coverage = counting.coverage();
      const configuration = configurationOf(patched.built);
      this.reaches.push({ judge: 'machine lock-step', reads, configuration, after: coverage });
      const added = countsOf(coverage, this.addedIn(reads)).map((line) => ({ ...line, absent: null }));
      return { lockstep, added };
    } catch (error) {
      if (error instanceof NativeError && /^(?:arch|virt|include|kernel)\//.test(error.details[0] ?? '')) throw error;
      this.unable.push(`machine lock-step: ${unableTo(error)}`);
      return null;
    } finally {
      for (const engine of opened) engine.close();
    }
  }

  private async alone(scheduler: ReadonlySet<string>): Promise<AloneCheck | null> {
    const { step, options } = this;
    const isHeld = (file: string) => isCut(file) && (ofApics(file, scheduler) || !scheduler.has(file));
    const trees = { previous: step.previous, tree: step.tree };
    // WHY without the machine: alone a function meets operands that no guest brings about
    const others = this.reaches.filter(({ judge }) => judge !== 'machine lock-step');
    const soFar = await judgeHunks(step.hunks, [], trees, others);
    // what the APICs' lock-step ran need not be cut out as well
    const hunks = step.hunks.filter((hunk, i) => isHeld(hunk.file) && soFar[i]!.status === 'not judged');
    if (hunks.length === 0) return null;
    options.progress?.('functions alone');
    const calls = Math.min(HELD_CALLS, options.operations);
    const found = await holdPairs(step.base, step.previous, step.tree, hunks, { calls, seed: options.seed });
    const x86 = ARCHITECTURES.find((one) => one.name === 'x86')!;
    this.reaches.push({
      judge: 'held alone',
      reads: isHeld,
      configuration: withOptions(x86.configuration, step.tree.config),
      after: found.after,
      readers: found.readers,
      unread: found.unread,
      held: new Set(found.rows.map((row) => `${row.file}: ${row.name}`)),
      left: new Map(found.left.map((one) => [`${one.file}: ${one.name}`, one.why])),
    });
    const added = countsOf(found.after, this.addedIn(isHeld)).map((line) => ({ ...line, absent: null }));
    return { rows: found.rows, left: found.left, added };
  }

  async judge(): Promise<StepCheck> {
    const { hunks, leftOut, previous, tree, options } = this.step;
    const kconfig = new Set(options.flatMap(({ file }) => file ?? []));
    const idle = await judgeHunks(hunks, leftOut, { previous, tree }, []);
    if (idle.every(({ status }) => status === 'no code'))
      return { options, hunks: idle, scheduler: null, apics: null, machine: null, alone: null, unable: [] };
    const base = [...this.touched].some(mayBeSchedulers) ? await build(this.step.base, 'O2') : null;
    const files = base === null ? new Set<string>() : filesOf(base);
    const scheduler = await this.scheduler(base);
    const apics = await this.apics(files);
    const machine = await this.machine();
    const alone = await this.alone(files);
    const judged = await judgeHunks(hunks, leftOut, { previous, tree }, this.reaches, kconfig);
    return { options, hunks: judged, scheduler, apics, machine, alone, unable: this.unable };
  }
}

/** What of a step is not as its author sent it: hunks whose place was found loosely, and hunks that were left out. */
function alteredIn({ hunks, leftOut }: PatchStep): string[] {
  const loose = hunks.filter(({ fuzz, merged }) => fuzz > 0 || merged);
  return [
    ...loose.map((h) => `${h.file}:${h.at}: hunk applied ${h.merged ? 'by a 3-way merge' : `with fuzz ${h.fuzz}`}`),
    ...leftOut.map((left) => `${left.file}: ${count(left.hunks, 'hunk')} left out: ${left.why}`),
  ];
}

/** Judges one step. NativeError `compile` when a compiled file does not compile; it names what was altered to apply. */
export async function judgeStep(step: PatchStep, options: PatchCheckOptions): Promise<StepCheck> {
  try {
    return await new StepJudge(step, options).judge();
  } catch (error) {
    if (!(error instanceof NativeError) || error.code !== 'compile') throw error;
    throw new NativeError('compile', error.message, [...error.details, ...alteredIn(step)]);
  }
}
