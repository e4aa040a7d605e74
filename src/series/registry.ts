// SPDX-License-Identifier: GPL-2.0-only
/**
 * Every kernel and every series that comes with the project, by id; and kernels by their names.
 *
 *   KERNEL   = BASE { "+" SERIES }          BASE: the pin, a release, or a series' id for the kernel it makes
 *   SERIES   = ID [ "~" N ]                 N: its first N patches; all when absent
 */
import { nearestWord, oneOf } from '../base/faults.js';
import type { Kernel } from '../vmlinux/bind.js';
import directedYieldV7 from './directed-yield-v7/index.js';
import { historic } from './historic/index.js';
import { link } from './link.js';
import { linux_6_12 } from './linux-6.12.js';
import { linux_6_12_arm64 } from './linux-6.12-arm64.js';
import { linux_6_12_s390 } from './linux-6.12-s390.js';
import linux_2_6_38 from './linux-v2.6.38/index.js';
import linux_2_6_39 from './linux-v2.6.39/index.js';
import linux_6_1 from './linux-v6.1/index.js';
import linux_6_5 from './linux-v6.5/index.js';
import linux_6_19 from './linux-v6.19/index.js';
import linux_6_19_rc1 from './linux-v6.19-rc1/index.js';
import linux_6_19_rc1_s390 from './linux-v6.19-rc1-s390/index.js';
import preForfeit from './pre-forfeit/index.js';
import preWfxPolicy from './pre-wfx-policy/index.js';
import preempted2021 from './preempted-2021/index.js';
import preemptedGated from './preempted-gated/index.js';
import preemptedNotBlocking from './preempted-not-blocking/index.js';
import preemptedOpeneuler from './preempted-openeuler/index.js';
import preemptedRfc2020 from './preempted-rfc-2020/index.js';
import preemptedUsamaRfc from './preempted-usama-rfc/index.js';
import preemptedUsamaV2 from './preempted-usama-v2/index.js';
import preemptedUsamaV3 from './preempted-usama-v3/index.js';
import preemptedZengruanV1 from './preempted-zengruan-v1/index.js';
import preemptedZengruanV2 from './preempted-zengruan-v2/index.js';
import preemptedZengruanV3 from './preempted-zengruan-v3/index.js';
import pvschedV1 from './pvsched-v1/index.js';
import pvschedV2 from './pvsched-v2/index.js';
import pvschedV3 from './pvsched-v3/index.js';
import semanticsAwareV2 from './semantics-aware-v2/index.js';
import semanticsAwareV2S390 from './semantics-aware-v2-s390/index.js';
import { rebasedFor, type Series, SeriesError } from './series.js';
import stealGovernor from './steal-governor/index.js';
import { versionKey } from './versions.js';
import wfx2026 from './wfx-2026/index.js';
import wfxNohzFull from './wfx-nohz-full/index.js';
import wfxV1 from './wfx-v1/index.js';
import wfxV2 from './wfx-v2/index.js';
import wfxV3 from './wfx-v3/index.js';
import wfxV4 from './wfx-v4/index.js';
import wfxV5 from './wfx-v5/index.js';
import wfxV6 from './wfx-v6/index.js';
import yieldHierarchy from './yield-hierarchy/index.js';
import yieldHierarchyWeighted from './yield-hierarchy-weighted/index.js';

/** A series whatever it adds. */
export type AnySeries = Pick<
  Series,
  'id' | 'title' | 'base' | 'cover' | 'release' | 'tree' | 'until' | 'borrowed' | 'notices'
> & {
  // biome-ignore lint/suspicious/noExplicitAny: patches of every set of additions
  patches: readonly any[];
};

/** The kernel that everything is based on in the end. */
export const pin: Kernel = linux_6_12;

/** The same release built for arm64. WHY as of x86: a kernel's type is that of x86's wherever kernels are of any architecture (adr 11). */
export const pinArm64: Kernel = linux_6_12_arm64 as unknown as Kernel;

/** ... and for s390. */
export const pinS390: Kernel = linux_6_12_s390 as unknown as Kernel;

/** What is linked from files of its own; every other kernel is a series on one of these. */
const pins: readonly Kernel[] = [pin, pinArm64, pinS390];

/** The pin of an architecture; x86's when absent. */
export const pinOf = (arch: Kernel['arch']): Kernel => pins.find((kernel) => kernel.arch === arch) ?? pin;

/** All known series, releases first, in the order in which they are listed. */
export const allSeries: readonly AnySeries[] = [
  linux_2_6_38,
  linux_2_6_39,
  linux_6_1,
  linux_6_5,
  linux_6_19_rc1,
  linux_6_19,
  linux_6_19_rc1_s390,
  semanticsAwareV2,
  semanticsAwareV2S390,
  pvschedV1,
  pvschedV2,
  pvschedV3,
  directedYieldV7,
  yieldHierarchy,
  yieldHierarchyWeighted,
  stealGovernor,
  preForfeit,
  preWfxPolicy,
  wfxV1,
  wfxV2,
  wfxV3,
  wfxV4,
  wfxV5,
  wfxV6,
  wfxNohzFull,
  wfx2026,
  preemptedRfc2020,
  preemptedGated,
  preemptedNotBlocking,
  preempted2021,
  preemptedZengruanV1,
  preemptedZengruanV2,
  preemptedZengruanV3,
  preemptedUsamaRfc,
  preemptedUsamaV2,
  preemptedUsamaV3,
  preemptedOpeneuler,
  ...historic,
];

const pinNames = pins.map(({ name }) => name);
const byId = new Map(allSeries.map((series) => [series.id, series]));
const linked = new Map<string, Kernel>(pins.map((kernel) => [kernel.name, kernel]));

/** The ids of all series, as `kvmodel list` prints them. */
export function seriesIds(): string[] {
  return allSeries.map((series) => series.id);
}

/** The series of that id; null when there is none. */
export function findSeries(id: string): AnySeries | null {
  return byId.get(id) ?? null;
}

function unknown(name: string, id: string): SeriesError {
  const expected = oneOf('a kernel or a series', id, [...pinNames, ...byId.keys()]);
  return new SeriesError(name, [{ code: 'series-unknown', place: 'kernel', expected, got: id }]);
}

/** `id~n`, or `id` for all of it. */
function parsePart(name: string, part: string): { id: string; n: number | null } {
  const tilde = part.lastIndexOf('~');
  if (tilde < 0) return { id: part, n: null };
  const digits = part.slice(tilde + 1);
  if (!/^\d+$/.test(digits)) {
    const expected = 'a number of patches behind ~';
    throw new SeriesError(name, [
      { code: 'prefix-range', place: part, expected, got: digits === '' ? 'nothing' : digits },
    ]);
  }
  return { id: part.slice(0, tilde), n: Number(digits) };
}

/**
 * The kernel of that name, linked once: `v6.12.117`, `v6.19-rc1`, `v6.19-rc1+semantics-aware-v2~5`; a series' id alone
 * means the kernel it makes on its own base.
 *
 * Throws SeriesError: unknown ids (with the nearest), a series on a kernel that it does not apply to, a prefix out of range.
 */
export function kernelByName(name: string): Kernel {
  const there = linked.get(name);
  if (there !== undefined) return there;

  const [first, ...rest] = name.split('+');
  let kernel = baseByName(name, first);
  for (const part of rest) {
    const { id, n } = parsePart(name, part);
    const series = byId.get(id);
    if (series === undefined) throw unknown(name, id);
    kernel = applySeries(kernel, series, n ?? series.patches.length);
  }
  linked.set(name, kernel);
  return kernel;
}

/** `v6.12` for `v6.12.117`: a stable release stands for all of them. */
const withoutStable = (id: string): string => id.replace(/^(v\d+\.\d+)\.\d+$/, '$1');

/**
 * The newest release that is no newer than a tree of that version (`6.19.4`, `6.19.0-rc3`) and still like it; else the oldest that
 * is newer; the pin for a tree that does not say.
 */
export function nearestRelease(version: string): Kernel {
  if (version === '') return pin;
  const keyOf = (id: string): number => versionKey(withoutStable(id));
  // WHY not older ones: no tree of 2011 can be held against, so those releases stand for no tree
  const heldAgainstC = ({ id, base, release }: AnySeries): boolean =>
    release === true && keyOf(id) >= versionKey('v3.0') && (base === pin.name || byId.has(base));
  const releases: Pick<AnySeries, 'id' | 'until'>[] = [{ id: pin.name }, ...allSeries.filter(heldAgainstC)];
  const key = versionKey(version);
  const stands = ({ id, until }: Pick<AnySeries, 'id' | 'until'>): boolean =>
    keyOf(id) <= key && (until === undefined || key < versionKey(until));
  const ascending = releases.sort((a, b) => keyOf(a.id) - keyOf(b.id));
  const nearest = ascending.findLast(stands) ?? ascending.find(({ id }) => keyOf(id) > key);
  return nearest === undefined ? pin : kernelByName(nearest.id);
}

/** Whether a tree of that version is what the kernel was mirrored from. */
export function mirroredFrom(kernel: Kernel, version: string): boolean {
  const tree = allSeries.find(({ id }) => id === kernel.name)?.tree ?? kernel.name.slice(1);
  return version.replace(/\.0(?=-|$)/, '') === tree;
}

function baseByName(name: string, first: string): Kernel {
  const own = pins.find((kernel) => kernel.name === first);
  if (own !== undefined) return own;
  const { id, n } = parsePart(name, first);
  const series = byId.get(id);
  if (series === undefined) throw unknown(name, id);
  return applySeries(baseKernel(series), series, n ?? series.patches.length);
}

/** The kernel that a series applies to. Throws SeriesError when its base is none that is known. */
export function baseKernel(series: AnySeries): Kernel {
  if (!pinNames.includes(series.base) && !byId.has(series.base)) {
    const known = [...pinNames, ...byId.keys()];
    const near = nearestWord(series.base, known);
    const expected = `one of ${known.join(', ')}${near === null ? '' : `; perhaps ${near}`}`;
    throw new SeriesError(series.id, [{ code: 'base-unknown', place: 'base', expected, got: series.base }]);
  }
  return kernelByName(series.base);
}

/** Whether `kernel` is `base`, or base with other series on it. */
function standsOn(kernel: Kernel, base: string): boolean {
  return kernel.name.split('+').includes(base);
}

/**
 * A series applies to another kernel as well where what it replaces reads there as on its base, or was rebased. Throws SeriesError
 * with the functions that do not.
 */
function refuseConflicts(kernel: Kernel, series: AnySeries, n: number): void {
  const base = baseKernel(series);
  const replaced = new Set(series.patches.slice(0, n).flatMap((patch) => Object.keys(patch.funcs ?? {})));
  const own = new Set(series.patches.flatMap((patch) => Object.keys(patch.adds ?? {})));
  const rebased = new Set(series.patches.flatMap((patch) => Object.keys(rebasedFor(kernel.name, patch))));
  const other = [...replaced].filter(
    (name) => !own.has(name) && !rebased.has(name) && kernel.table[name] !== base.table[name],
  );
  if (other.length === 0) return;
  const expected = `${series.base}, which ${series.id} applies to, or a kernel with the same ${other.join(', ')}`;
  throw new SeriesError(series.id, [{ code: 'base-unknown', place: 'base', expected, got: kernel.name }]);
}

/** `kernel` with the first n patches of a series; linked once for the registry's own series. */
function applySeries(kernel: Kernel, series: AnySeries, n: number): Kernel {
  const rebased = !standsOn(kernel, series.base);
  if (rebased) refuseConflicts(kernel, series, n);
  const own = byId.get(series.id) === series;
  const key = `${kernel.name}+${series.id}~${n}`;
  const there = own ? linked.get(key) : undefined;
  if (there !== undefined) return there;
  const linkedHere = link(kernel, series as Series, n);
  const ported = series.patches.some((patch) => Object.keys(rebasedFor(kernel.name, patch)).length > 0);
  const made = rebased && !ported ? { ...linkedHere, rebased: `${series.id} was made for ${series.base}` } : linkedHere;
  if (own) {
    linked.set(key, made);
    if (!linked.has(made.name)) linked.set(made.name, made);
  }
  return made;
}

/** The kernel that a series, known or a user's own, makes of its base with its first n patches (all when absent). */
export function seriesKernel(series: AnySeries, n: number = series.patches.length): Kernel {
  return applySeries(baseKernel(series), series, n);
}

/** A series' kernels patch by patch: [0] its base, [n] with the first n patches, up to the whole. */
export function prefixes(series: AnySeries): Kernel[] {
  const base = baseKernel(series);
  return [base, ...series.patches.map((_, i) => applySeries(base, series, i + 1))];
}
