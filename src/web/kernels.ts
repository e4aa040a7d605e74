// SPDX-License-Identifier: GPL-2.0-only
/** The kernels that a page offers: releases, and what each series makes of its base. */
import type { Scenario } from '../scenario/scenario.js';
import { allSeries, pinOf, seriesKernel } from '../series/registry.js';

const named = new Map<string, string[]>();

/** Their names, for a scenario's architecture; any of the registry can be named in a link. */
export function kernelNames(arch: Scenario['arch']): string[] {
  const key = arch ?? '';
  const known = named.get(key);
  if (known !== undefined) return known;
  const made = allSeries.map((series) => seriesKernel(series)).filter((kernel) => kernel.arch === arch);
  const names = [pinOf(arch).name, ...made.map(({ name }) => name)];
  named.set(key, names);
  return names;
}
