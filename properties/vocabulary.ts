// SPDX-License-Identifier: GPL-2.0-only
/**
 * The five words for properties, and what a verdict is.
 *
 * A property watches a machine from outside: its state before and after each event, the tracepoints, and probes on
 * kernel functions (as kprobes and kretprobes do). It never changes the machine.
 */

import type { Arbitrary } from 'fast-check';
import type { KernelBug } from '../src/lib/bug.js';
import type { Int64Report } from '../src/lib/int64-checked.js';
import type { machine } from '../src/machine/state.js';
import type { MachineEvent } from '../src/scenario/events.js';
import type { Scenario } from '../src/scenario/scenario.js';
import type { trace_event } from '../src/trace/trace-event.js';
import type { AnyFunction, Kernel } from '../src/vmlinux/bind.js';
import type { kernel_functions_x86, vmlinux_x86 } from '../src/vmlinux/vmlinux-x86.js';

/** What a monitor sees at one event. */
export interface Step {
  /** index of the event in the run */
  readonly index: number;
  readonly event: MachineEvent;
  readonly m: machine;
  /** the kernel, for read-only questions (`entity_eligible`); avg_vruntime() writes, so ask it through `quietly` */
  readonly kernel: vmlinux_x86;
  /** tracepoints hit by this event; empty in `before` */
  readonly traces: readonly trace_event[];
  /** ... in kernels that run in guests; `event.vm` says in which, `event.cpu` is a vCPU */
  readonly guestTraces: readonly trace_event[];
  /** The property is broken here. Says what was expected and what was seen, in kernel names. */
  fail(message: string): void;
  /** The interesting case occurred (for `always`, `leadsTo`, `agrees`) or the thing itself (for `sometimes`). */
  reach(what?: string): void;
  /** How much is left until the property is broken, in whatever unit: a search goes where this gets small. */
  near(left: number): void;
}

/** A probe on a kernel function; sees arguments and result, must not touch them. */
export interface Probe {
  enter?(step: Step, args: readonly unknown[]): void;
  leave?(step: Step, result: unknown, args: readonly unknown[]): void;
}

/** Made anew for each run, so that it may keep notes. */
export interface Monitor {
  before?(step: Step): void;
  after?(step: Step): void;
  /** after the last event */
  end?(step: Step): void;
  /** by kernel name; a kernel without the function has no such probe */
  probes?: Readonly<Record<string, Probe>>;
  /**
   * What it remembers from one event to the next, as plain data: part of the state in an exhaustive search, which
   * merges two paths only when machine and notes are alike. A monitor that remembers nothing returns null (merges
   * most). Absent: nothing is known, so the search merges no paths at all and gets less deep.
   */
  notes?(): unknown;
  /** The kernel died in this event. A monitor without this fails there. */
  bug?(step: Step, bug: KernelBug): void;
  /** WARN_ON() was hit in this event. A monitor without this fails there. */
  warn?(step: Step): void;
  /** Signed overflow, shift out of range or a narrowing that loses bits; only for `int64: 'checked'`. */
  int64?(step: Step, report: Int64Report): void;
}

/** A monitor that remembers nothing from one event to the next. */
export const stateless = (monitor: Omit<Monitor, 'notes'>): Monitor => ({ notes: () => null, ...monitor });

export type Weights = Partial<Record<MachineEvent['ev'], number>>;

export interface ApicMenu {
  weights: Weights;
  /** registers and MSRs that are written; all of them when absent */
  registers?: readonly number[];
  msrs?: readonly number[];
  /** pins keep their vectors, are level-triggered and not masked */
  steadyPins?: boolean;
  /** destinations are drawn from the ids that there are, and bits of masks up to the last */
  far?: boolean;
  /** IPIs are INITs and SIPIs, mostly */
  starts?: boolean;
}

/** Where a property is asked: the machines, and what may happen to them. */
export interface World {
  /** what `store` and `memslot` draw: addresses in a guest's memory, and what is stored there */
  stores?: { gpas: readonly number[]; values: readonly number[] };
  /** what `vm_ioctl` draws */
  ioctls?: readonly number[];
  /** what `wrmsr` draws on machines with VMs: MSR, and the halves of its value */
  msrs?: readonly { msr: number; low: number; high: number }[];
  /** what `hypercall` draws on arm64: x0 and x1; x86's calls when absent */
  hypercalls?: readonly { nr: number; a0: number }[];
  /** low halves that `icr` draws; fixed and lowest priority with any shorthand when absent */
  icrs?: readonly number[];
  /** drawn anew for each run */
  scenario: Arbitrary<Scenario>;
  /** relative weights of event kinds; absent kinds do not occur. Empty: programs decide until `scenario.until` */
  weights: Weights;
  /** for machines of local APICs: what may happen, and to which registers and MSRs; it depends on the scenario drawn */
  apics?(scenario: Scenario): ApicMenu;
  /** what a scenario made smaller by shrinking must still be; absent: whatever boots */
  keep?(scenario: Scenario): boolean;
  /** programs decide, and a run with events left out would mean nothing: only its end is cut, and its scenario shrunk */
  whole?: boolean;
  /** events per run, at most */
  length: number;
  /** events in all random runs together, at most, where the runs are long ones; no number of runs was asked for then */
  events?: number;
  /** executions that shrinking may take; a few thousand when absent */
  shrinks?: number;
  /** advance menu in ns; a default of slices, ticks and fractions when absent */
  advances?: readonly number[];
  /** values that `knob` events may set, by kernel name; scheduler features on and off when absent */
  knobs?: Readonly<Record<string, readonly number[]>>;
}

/** A small world to be searched to the end. */
export interface Scope {
  scenario: Scenario;
  /** every event that may be tried in every state; illegal ones do nothing and add no state */
  menu: readonly MachineEvent[];
  /** events from boot, at most */
  depth: number;
}

export type Word = 'always' | 'sometimes' | 'leadsTo' | 'agrees';

/** A function that the pin lacks: CFS has it, and nothing since v6.6. */
type OfCfs = 'check_preempt_tick';

export interface Property {
  word: Word;
  /** `A13.1`, `AR4.2`, `starvation.3` */
  id: string;
  /** claim it belongs to: `A13`; of a family what stands before the number */
  claim: string;
  /** the sentence that is true or not, in our words */
  says: string;
  /** thresholds and letters of the sentence, for who reads it alone */
  means?: string;
  /** a function of the kernel that the sentence is about: on a kernel that lacks it, it is vacuous */
  about?: (keyof kernel_functions_x86 & string) | OfCfs;
  /** the release that began to promise it: on an older one it is not asked, and `unpromised` */
  since?: `v${number}.${number}`;
  given: World;
  /** exhaustive, beside the random runs */
  scope?: Scope;
  /** asked where 64-bit operations report what UBSan would, in a worker of its own; see `Monitor.int64` */
  int64?: 'checked';
  watch(scenario: Scenario): Monitor;
  /** An override that must make the property fail (for `sometimes`: unreachable). Proves that it can. */
  fault: { says: string; funcs: Readonly<Record<string, AnyFunction>> };
}

type Spec = Omit<Property, 'word' | 'says' | 'claim' | 'id'> & {
  /** `A13.1` (claim A13) or `starvation.1` */
  of: string;
};

function property(word: Word): (says: string, spec: Spec) => Property {
  return (says, { of, ...rest }) => ({ word, id: of, claim: of.replace(/\.\d+$/, ''), says, ...rest });
}

/** Holds at every event of every run; vacuous when its interesting case was never reached. */
export const always = property('always');
/** Can be reached; unreachable otherwise. */
export const sometimes = property('sometimes');
/** Whenever the trigger occurs (`reach`), the response follows within the bound that the monitor knows. */
export const leadsTo = property('leadsTo');
/** Two kernels, or two drivers, do the same. */
export const agrees = property('agrees');

export type Verdict = 'holds' | 'refuted' | 'vacuous' | 'unreachable' | 'skipped';

/** A claim of an author or an objection of a reviewer. */
export interface Claim {
  /** `A12`, `AR4` */
  id: string;
  /** the author's words, shortened, at most 60 characters */
  words: string;
  properties: Property[];
  /** id of the series whose author promises it: refuted on a kernel without it, it is `unpromised` there */
  promisedBy?: string;
  /** why no model can answer it; then it has no properties */
  unanswerable?: string;
}

/** What is recorded of a kernel that is older than a promise is `unpromised`. */
export type RecordedVerdict = Verdict | 'unpromised';

/** What a series is measured by, over many runs, beside its base and beside vCPUs that are real-time for good. */
export interface Distributions {
  /** what the runs are, and the unit */
  says: string;
  rows: readonly string[];
  /** samples, row by row */
  of(kernel: Kernel, isStatic: boolean): number[][];
}

/** A verdict recorded beside a property: by property id, then kernel name. */
export type Recorded = Readonly<Record<string, Readonly<Record<string, RecordedVerdict>>>>;
