// SPDX-License-Identifier: GPL-2.0-only
/** From what stands on the command line to what is checked: series, kernels, claims. The same in every worker. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import {
  claimsOf,
  distributionsOf,
  families,
  familiesOf,
  familiesOfArm64,
  familiesOfS390,
  recorded,
} from '../../properties/claims.js';
import { DIFFERENCE, differenceClaim } from '../../properties/difference.js';
import { DRIVERS, driversClaim } from '../../properties/drivers.js';
import { structure } from '../../properties/structure.js';
import type { Claim, Property } from '../../properties/vocabulary.js';
import { oneOf, reject, shown } from '../base/faults.js';
import { propertyOf, type Subject, subjectOf } from '../explore/subject.js';
import { otherSettings } from '../series/knob-settings.js';
import { baseKernel, findSeries, kernelByName, pin, seriesIds, seriesKernel } from '../series/registry.js';
import type { Series } from '../series/series.js';
import type { Kernel } from '../vmlinux/bind.js';
import type { CompiledFiles } from './compiled-files.js';
import { looksLikeFile } from './files.js';

/** Plain data, so that it can go to a worker. */
export interface SubjectSpec {
  /** a series' id, or a path to a TypeScript file */
  series: string;
  /** against which the path is resolved */
  cwd: string;
  /** another series, kernel or file to compare with */
  against?: string;
  prefixes: boolean;
  /** what another thread has compiled of the user's files */
  compiled?: CompiledFiles;
}

/** Told what is legal in a user's file and likely a mistake. */
export type Warned = (words: string) => void;

/** A series by id or from a file; `typed` is false where another thread has type-checked it already. */
export async function seriesOf(
  name: string,
  cwd: string,
  typed = true,
  warned?: Warned,
  compiled?: CompiledFiles,
): Promise<{ series: Series; claims: readonly Claim[] }> {
  if (looksLikeFile(name)) {
    const { loadSeriesFile } = await import('./series-file.js');
    const file = await loadSeriesFile(name, cwd, typed, warned, compiled);
    if (findSeries(file.series.id) !== null)
      reject(resolve(cwd, name), 'shape', 'id', 'an id that no known series has', shown(file.series.id));
    return file;
  }
  const series = findSeries(name);
  if (series === null)
    reject(
      'command line',
      'unknown-series',
      'SERIES',
      oneOf('a series, or a .ts file', name, seriesIds()),
      shown(name),
    );
  return { series: series as Series, claims: claimsOf(name) };
}

/** A kernel by name, by series id, or made from a file; `patch` is the file whose series a name may end with. */
export async function namedKernel(
  name: string,
  cwd: string,
  patch?: string,
  typed = true,
  warned?: Warned,
  compiled?: CompiledFiles,
): Promise<Kernel> {
  if (looksLikeFile(name)) return seriesKernel((await seriesOf(name, cwd, typed, warned, compiled)).series);
  if (patch !== undefined && !isKnown(name)) {
    const { series } = await seriesOf(patch, cwd, typed);
    const made = [...series.patches.keys()].map((n) => seriesKernel(series, n + 1));
    const whole = made[made.length - 1];
    const found = [...made, ...otherSettings(baseKernel(series), whole)].find((kernel) => kernel.name === name);
    if (found !== undefined) return found;
  }
  const kernel = kernelByName(name);
  if (kernel.rebased !== undefined)
    warned?.(`${kernel.rebased}; what it replaces is the same here, what it calls may not be`);
  return kernel;
}

/** Refuses a kernel for another architecture where only x86's can be asked. */
export function onlyX86(kernel: Kernel, instead: string): void {
  if (kernel.arch === undefined) return;
  reject(
    'command line',
    'architecture',
    '--kernel',
    `a kernel for x86${instead}`,
    `${kernel.name}, for ${kernel.arch}`,
  );
}

/** The registry has it, so that no file of the user's is needed. */
function isKnown(name: string): boolean {
  try {
    kernelByName(name);
    return true;
  } catch {
    return false;
  }
}

/** The property of a counterexample, or undefined when it is not known here. */
export async function propertyById(
  c: { property: string; kernel: string; against?: string; patch?: string },
  cwd: string,
): Promise<Property | undefined> {
  if (c.property.startsWith(`${DIFFERENCE}.`) && c.against !== undefined) {
    const [base, kernel] = [await namedKernel(c.against, cwd, c.patch), await namedKernel(c.kernel, cwd, c.patch)];
    return propertyOf([differenceClaim(base, kernel)], c.property);
  }
  if (c.property.startsWith(`${DRIVERS}.`))
    return propertyOf([driversClaim(await namedKernel(c.kernel, cwd, c.patch))], c.property);
  const standing = [...families, ...familiesOfArm64, ...familiesOfS390, structure];
  const known = propertyOf([...standing, ...seriesIds().flatMap((id) => claimsOf(id))], c.property);
  if (known !== undefined || c.patch === undefined) return known;
  // the file may be on another machine; then the run is told, and its property is not asked
  if (!existsSync(resolve(cwd, c.patch))) return undefined;
  return propertyOf((await seriesOf(c.patch, cwd, false)).claims, c.property);
}

/** Links everything. Throws BadInput and SeriesError with every fault. */
export async function subjectOfSpec(spec: SubjectSpec, typed = true, warned?: Warned): Promise<Subject> {
  const { series, claims } = await seriesOf(spec.series, spec.cwd, typed, warned, spec.compiled);
  const against =
    spec.against === undefined
      ? []
      : [await namedKernel(spec.against, spec.cwd, undefined, typed, undefined, spec.compiled)];
  return subjectOf({
    pin,
    base: baseKernel(series),
    series,
    prefixes: spec.prefixes,
    // WHY not of a known series: what its verdicts are recorded for is the kernel as it boots
    settings: looksLikeFile(spec.series) && !spec.prefixes,
    against,
    claims,
    families: familiesOf(baseKernel(series).arch),
    recorded,
    distributions: distributionsOf(series.id),
    difference: differenceClaim,
  });
}
