// SPDX-License-Identifier: GPL-2.0-only
/**
 * Has a release run until V8 has compiled most of its functions. WHY: blocks are counted in whatever is compiled after counting
 * has begun, which slows it by a third; the series' own functions are compiled later.
 */
import { families } from '../../properties/families/index.js';
import { ASK_DEFAULTS, ask } from '../explore/ask.js';
import { foresee } from '../explore/asker.js';
import { machineEngine } from '../explore/machine-engine.js';
import { link } from '../series/link.js';
import { linux_6_12 } from '../series/linux-6.12.js';
import linux_6_19 from '../series/linux-v6.19/index.js';
import linux_6_19_rc1 from '../series/linux-v6.19-rc1/index.js';
import type { Series } from '../series/series.js';
import type { Kernel } from '../vmlinux/bind.js';

/** of each property of the families */
const RUNS = 1;

const rc1 = link(linux_6_12, linux_6_19_rc1 as unknown as Series);
const releases: readonly Kernel[] = [linux_6_12, rc1, link(rc1, linux_6_19 as unknown as Series)];

const on = (base: Kernel, { default: series }: { default: unknown }): Kernel => link(base, series as Series);

/** WHY only when they are asked for: who checks something newer need not load them. */
async function olderRelease(name: string): Promise<Kernel | null> {
  const chain = [
    () => import('../series/linux-v6.1/index.js'),
    () => import('../series/linux-v2.6.38/index.js'),
    () => import('../series/directed-yield-v7/index.js'),
  ];
  const names = ['v6.1', 'v2.6.38', 'v2.6.38+directed-yield-v7'];
  let kernel = linux_6_12;
  for (const load of chain.slice(0, names.indexOf(name) + 1)) kernel = on(kernel, await load());
  return kernel === linux_6_12 ? null : kernel;
}

/** `base` is what the series stands on; the pin warms up another as well. */
export async function warmUp(base: string): Promise<void> {
  const kernel = releases.find(({ name }) => name === base) ?? (await olderRelease(base)) ?? linux_6_12;
  // WHY: a table for each set of probes would leave V8 with code for no kernel in particular
  foresee(families);
  for (const { properties } of families) {
    for (const property of properties)
      if (property.int64 !== 'checked') ask(machineEngine, kernel, property, { ...ASK_DEFAULTS, runs: RUNS });
  }
}
