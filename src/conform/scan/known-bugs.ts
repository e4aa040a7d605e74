// SPDX-License-Identifier: GPL-2.0-only
/** Bugs that Linux once had, each as two kernels of the model that differ in it alone. */
import { type Mirror, mirrors } from '../../native/mirrors.js';
import { historic } from '../../series/historic/index.js';
import { baseKernel, kernelByName, seriesKernel } from '../../series/registry.js';
import { type Series, SeriesError } from '../../series/series.js';
import type { Kernel } from '../../vmlinux/bind.js';

export interface KnownBug {
  /** `revert-79104becf42b`: the series that puts it back */
  readonly id: string;
  /** what goes wrong, in a line */
  readonly says: string;
  /** has the fix */
  readonly fixed: Kernel;
  /** the same kernel without it */
  readonly buggy: Kernel;
  /** scheduler features that have to be on or off for it to show; the kernels have them as they boot */
  readonly features: Readonly<Record<string, boolean>>;
  /** functions that the fix changed, as the model calls them */
  readonly functions: readonly string[];
  /** what of a tree is driven by operations and has them: kernel/sched, the local APICs, or neither */
  readonly partOf: 'scheduler' | 'apics' | null;
}

const SCHEDULER = /^kernel\/sched\//;
const APICS = /^arch\/x86\/kvm\/(lapic|ioapic|irq|irq_comm)\.[ch]$/;

/** On the kernel nearest to a tree where the fix reads there as on its own base. */
function pairOf(series: Series, near: Kernel): readonly [fixed: Kernel, buggy: Kernel] {
  try {
    return [near, kernelByName(`${near.name}+${series.id}`)];
  } catch (error) {
    if (!(error instanceof SeriesError)) throw error;
    return [baseKernel(series), seriesKernel(series)];
  }
}

/**
 * The bug in pieces, where its fix changed more functions than one: with each of them alone as it was. Half a fix shows in
 * its other half.
 */
export function piecesOf(bug: KnownBug): KnownBug[] {
  const { buggy, functions } = bug;
  if (functions.length < 2) return [bug];
  return functions.map((name) => {
    const table = Object.freeze({ ...buggy.table, ...Object.fromEntries(othersOf(bug, name)) });
    return { ...bug, buggy: { ...buggy, name: `${buggy.name}, ${name}() alone`, table }, functions: [name] };
  });
}

/** The other functions of a fix, as they are with it. */
const othersOf = ({ fixed, functions }: KnownBug, name: string) =>
  functions.flatMap((other) => (other === name ? [] : [[other, fixed.table[other]] as const]));

/** What was in a release and is fixed; mutants never were in one. */
export function knownBugs(near: Kernel): KnownBug[] {
  const files = new Map(mirrors().map((mirror: Mirror) => [mirror.as, mirror.file]));
  return historic
    .filter(({ id }) => id.startsWith('revert-'))
    .map((series) => {
      const [fixed, put] = pairOf(series, near);
      // WHY not with the features of the series: a default would tell the two apart, and a tree has its own
      const buggy = { ...put, sched_feat: fixed.sched_feat ?? {} };
      const features = Object.fromEntries(
        series.patches.flatMap(({ sched_feat = {} }) =>
          Object.entries(sched_feat).flatMap(([name, on]) => (on === null ? [] : [[name, on] as const])),
        ),
      );
      const functions = series.patches.flatMap((patch) => Object.keys(patch.funcs ?? {}));
      const inFiles = (pattern: RegExp): boolean => functions.some((name) => pattern.test(files.get(name) ?? ''));
      const partOf = inFiles(SCHEDULER) ? 'scheduler' : inFiles(APICS) ? 'apics' : null;
      return { id: series.id, says: series.title, fixed, buggy, features, functions, partOf };
    });
}
