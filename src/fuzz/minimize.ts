// SPDX-License-Identifier: GPL-2.0-only
/** A small set of runs that shows all that a large one shows: greedy, which is as near to the smallest as is known to be quick. */

/** Places of the items to keep, in order. Of equals the first. */
export function smallCover(items: readonly { features: readonly (string | number)[]; cost: number }[]): number[] {
  const left = items.map(({ features }) => new Set(features));
  const open = new Set(left.flatMap((it) => [...it]));
  const kept: number[] = [];
  while (open.size > 0) {
    let best = -1;
    left.forEach((it, i) => {
      if (it.size === 0) return;
      const isBetter =
        best < 0 || it.size > left[best].size || (it.size === left[best].size && items[i].cost < items[best].cost);
      if (isBetter) best = i;
    });
    const gained = [...left[best]];
    kept.push(best);
    for (const feature of gained) {
      open.delete(feature);
      for (const it of left) it.delete(feature);
    }
  }
  return kept.sort((a, b) => a - b);
}
