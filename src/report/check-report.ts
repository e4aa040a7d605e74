// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel check` found: the one value that table, transcript, mail and JSON are printed from. */
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';

/** `unpromised`: refuted on a kernel that nobody promised it of, or not asked of one that is older than the promise; no complaint. */
export type ReportVerdict = 'holds' | 'refuted' | 'vacuous' | 'unreachable' | 'skipped' | 'unpromised';

/** One event of a counterexample and what each kernel did at it. */
export interface TranscriptStep {
  index: number;
  /** simulated time after it, ns since boot */
  ns: string;
  event: MachineEvent;
  /** per kernel name: tracepoints and changed fields in kernel names, dense, most telling first */
  did: Record<string, string[]>;
}

export interface Counterexample {
  property: string;
  kernel: string;
  /** what was expected and what was seen, in kernel names */
  message: string;
  scenario: Scenario;
  events: MachineEvent[];
  /** the kernel it is compared with in the transcript, when it does something else there */
  against?: string;
  transcript: TranscriptStep[];
  /** `kvmodel replay ...`, complete */
  replay: string;
  /** events before shrinking */
  foundAt: number;
}

export interface Evidence {
  runs: number;
  events: number;
  /** how often the interesting case was reached */
  reached: number;
  /** `complete`: every order of the scope's events up to `depth` */
  exhaustive?: { states: number; depth: number; complete: boolean };
  /** why it is skipped, or what some of the runs came to that is not modelled */
  note?: string;
}

export interface PropertyResult {
  id: string;
  says: string;
  word: string;
  verdicts: Record<string, ReportVerdict>;
  evidence: Record<string, Evidence>;
  recorded: Record<string, ReportVerdict>;
  counterexample?: Counterexample;
  /** thresholds and letters of the sentence, explained */
  means?: string;
  /** the shortest run that reaches it, for `sometimes` */
  witness?: Counterexample;
}

export interface ClaimResult {
  id: string;
  words: string;
  verdicts: Record<string, ReportVerdict>;
  /** one line */
  evidence: string;
  properties: PropertyResult[];
  counterexample?: Counterexample;
  unanswerable?: string;
}

/** min, median, max over the same runs */
export interface Spread {
  min: number;
  median: number;
  max: number;
}

export interface Measures {
  /** virtual ns that a yield_to() that yielded cost the yielder */
  yieldCost: Spread;
  /** ns, longest wait of a runnable task, and of a vCPU thread */
  longestWaitTask: number;
  longestWaitVcpu: number;
  /** largest |share - fair share| between equal VMs, and between equal cgroups, per mille of a CPU */
  shareErrorVms: number;
  shareErrorGroups: number;
  /** where guests of different kinds share the CPUs that they are bound to: most that one lacked of its fair share, per mille of that */
  guestShort: number;
  /** ns from the release of a guest's contended lock to its acquisition by another vCPU */
  lockHandOver: Spread;
  /** yields after which the target was not what ran next on its CPU */
  yieldsMissed: number;
  yields: number;
  /** boosts given to a vCPU that neither held the lock nor had the IPI the yielder waited for */
  boostsWrong: number;
  boosts: number;
  /** of kernels for arm64 */
  wfx?: WfxMeasures;
  /** of kernels for arm64: guests that run a kernel */
  preempted?: PreemptedMeasures;
  /** of kernels for s390 */
  s390?: S390Measures;
}

/** Diagnoses 0x9c of guests. */
export interface S390Measures {
  diag9c: number;
  ignored: number;
  forwarded: number;
  /** for a thousand runs of the programs, by vCPUs for each CPU */
  perThousandLaps: Readonly<Record<number, number>>;
}

/** What a guest's scheduler makes of vCPUs that are not running. */
export interface PreemptedMeasures {
  /** tasks sent to an idle vCPU whose thread had a CPU, and to one whose thread had none */
  available: number;
  preempted: number;
  /** ns of vCPUs that spun for a lock whose owner's vCPU had no CPU */
  lost: number;
  /** whole runs of programs */
  laps: number;
}

/** vCPUs while WFI traps, or while it does not; time-weighted means. */
export interface WaitMeasures {
  /** ns of vCPUs, together */
  ns: number;
  /** util_avg of the thread, and 1024 times the share of time in which its guest worked */
  util: number;
  demand: number;
  /** per mille of the highest frequency that schedutil would ask for, the thread alone on its CPU */
  frequency: number;
  /** per mille of the time in which the thread would not fit a little CPU of capacity 446 */
  misfit: number;
}

export interface WfxMeasures {
  trapped: WaitMeasures;
  untrapped: WaitMeasures;
  /** loads that changed a trap */
  flips: number;
  /** ns, longest time on a CPU with a trap that the runqueue, asked now, would not give */
  longestStale: number;
  /** ns in which a CPU had nobody but a vCPU that stood in WFI or WFE, and could not idle */
  standing: number;
}

/** Whether the series' kernel does what the base does, world by world. */
export interface DifferenceResult {
  worlds: { id: string; says: string; differs: boolean; runs: number; events: number; note?: string }[];
  /** knobs and features that the series brings or changes, and that were turned on the way */
  turned: string[];
  /** the shortest one */
  counterexample?: Counterexample;
}

export interface DistributionTable {
  /** what the runs are, and the unit */
  says: string;
  /** base, static, patched: kernels, the second with vCPUs that are real-time for good */
  columns: string[];
  rows: { says: string; of: Quantiles[] }[];
}

export interface Quantiles {
  samples: number;
  mean: number;
  p99: number;
  max: number;
}

export interface Unreached {
  function: string;
  file: string;
  line: number;
  /** the branch's first source line */
  text: string;
}

export interface CheckReport {
  version: string;
  series: string;
  title: string;
  /** the first one */
  seed: number;
  /** seeds that were drawn from: more than one when the check went on for a time */
  seeds: number;
  /** a property, kernel and seed */
  runs: number;
  /** how far it came when it was interrupted */
  partial: { answered: number; asked: number } | null;
  kernels: string[];
  claims: ClaimResult[];
  measures: Record<string, Measures>;
  /** the same over runs that vary a little: what is noise */
  variations: Record<string, Measures[]>;
  /** what the series is measured by besides; null for most */
  distributions: DistributionTable | null;
  difference: DifferenceResult | null;
  unreached: Unreached[];
  /** property ids and kernels whose verdict is not the recorded one */
  changed: { property: string; kernel: string; recorded: ReportVerdict; found: ReportVerdict }[];
}
