// SPDX-License-Identifier: GPL-2.0-only
/**
 * A patch series: overrides by kernel name, one entry a patch, as livepatch has old_name and new_func.
 * Another kernel release is one too.
 */
import type { Knob } from '../vmlinux/bind.js';
import type { kernel_functions_x86, vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';

// WHY a method's type: an override of what every architecture shares may take its own architecture's vCPU.
type Rebound<F, Adds> = F extends (...args: infer A) => infer R
  ? { method(this: vmlinux_x86 & Adds, ...args: A): R }['method']
  : never;

/** One patch: what it replaces (`funcs`, same signature) and what is new with it (`adds`). */
export interface Patch<Adds extends object = object> {
  /** the mail's subject without `[PATCH n/m]`, or the commit's */
  subject: string;
  /** 12-hex commit, when it is merged */
  commit?: string;
  /** may also name what an earlier patch of the same series added */
  funcs?: { [Name in keyof kernel_functions_x86]?: Rebound<kernel_functions_x86[Name], NoInfer<Adds>> } & {
    [Name in keyof NoInfer<Adds>]?: Rebound<NoInfer<Adds>[Name], NoInfer<Adds>>;
  };
  adds?: { [Name in keyof Adds]?: Adds[Name] };
  /** what some of `funcs` read on another kernel than the series' base, by that kernel's name: the patch as it was rebased */
  rebased?: Readonly<Record<string, { [Name in keyof kernel_functions_x86]?: unknown }>>;
  /**
   * Functions of the base that it removes; an addition of the same patch may take the name with other parameters. To the
   * functions of the series they are `never` (see `Without`), so that none calls them.
   */
  removes?: readonly (keyof kernel_functions_x86)[];
  /** sysctls, debugfs files and module parameters that come with it, by file name; read through `knobValue` */
  knobs?: Readonly<Record<string, Knob>>;
  /** features that it brings or whose default it changes; null for one that it lacks */
  sched_feat?: Readonly<Record<string, boolean | null>>;
}

/** For a series' additions: the base's functions that it lacks. */
export type Without<Names extends readonly (keyof kernel_functions_x86)[]> = { [Name in Names[number]]: never };

export interface Series<Adds extends object = object> {
  /** how it is named on the command line and in a kernel's name */
  id: string;
  /** one line for `kvmodel list` */
  title: string;
  /** the kernel it applies to: a base or another series' id */
  base: string;
  /** Message-ID of the cover letter, when it was mailed */
  cover?: string;
  /** a release: its kernel is called by its id alone, and its prefixes are of no interest */
  release?: boolean;
  /** a release: the version of the tree that it was mirrored from, when its id is not that */
  tree?: string;
  /** a release: trees from this version on are no more like it, although the next release that is known is newer still */
  until?: string;
  /** a release: families of properties (`lapic`) about what is not mirrored of it and is another's, and why */
  borrowed?: Readonly<Record<string, string>>;
  /** a planted fault, a bug that Linux once had: what a property has to notice */
  notices?: string;
  patches: Patch<Adds>[];
}

/** The functions of a patch that were rebased for a kernel, by its name. */
export function rebasedFor(
  kernel: string,
  { rebased = {} }: Pick<Patch, 'rebased'>,
): Readonly<Record<string, unknown>> {
  const parts = kernel.split('+');
  return Object.entries(rebased).find(([name]) => parts.includes(name))?.[1] ?? {};
}

/** Declares a series. The compiler holds names and signatures against the base; `link` does so again. */
export function defineSeries(series: Series): Series;
export function defineSeries<Adds extends object>(series: Series<Adds>): Series<Adds>;
export function defineSeries<Adds extends object>(series: Series<Adds>): Series<Adds> {
  return series;
}

/** What is wrong with a series, with its place. */
export interface SeriesFault {
  code:
    | 'override-unknown'
    | 'override-signature'
    | 'remove-unknown'
    | 'adds-existing'
    | 'not-a-function'
    | 'base-unknown'
    | 'series-unknown'
    | 'prefix-range'
    | 'empty';
  /** `patches[3].funcs.yield_task_fair` */
  place: string;
  expected: string;
  got: string;
}

/** Bad series; carries every fault found. */
export class SeriesError extends Error {
  constructor(
    readonly series: string,
    readonly faults: readonly SeriesFault[],
  ) {
    super(`${series}: ${faults.map((f) => `${f.place}: expected ${f.expected}, got ${f.got}`).join('; ')}`);
    this.name = 'SeriesError';
  }
}
