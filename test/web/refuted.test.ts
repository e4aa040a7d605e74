// SPDX-License-Identifier: GPL-2.0-only
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { claimsOf, recorded } from '../../properties/claims.js';
import { allSeries, kernelByName, seriesKernel } from '../../src/series/registry.js';
import { brokenAt } from '../../src/web/properties.js';
import { bySeries, readRefuted, refutedTarget } from '../../src/web/refuted.js';

const all = readRefuted(readFileSync(fileURLToPath(new URL('../../src/web/refuted.jsonl', import.meta.url)), 'utf8'));

/** By the other kernel's run that is shown, or promised of no kernel that old. */
const LACKING = ['v2.6.39 C8', 'directed-yield-v7 C7'];

describe('what the gallery shows as refuted', () => {
  it.each(bySeries(all).map(({ id, claims }) => [id, claims] as const))(
    'is refuted by its last event: %s',
    (_, claims) => {
      for (const { it: one } of claims) {
        const target = refutedTarget(one);
        const events = target.events ?? [];
        expect(brokenAt(target, kernelByName(target.kernel), events), target.title).toBe(events.length - 1);
      }
    },
  );

  it('are all claims whose recorded verdict says so', () => {
    const wanted = allSeries.flatMap((series) =>
      claimsOf(series.id)
        .filter(({ properties }) =>
          properties.some(
            ({ id, int64 }) => int64 === undefined && recorded[id]?.[seriesKernel(series).name] === 'refuted',
          ),
        )
        .map(({ id }) => `${series.id} ${id}`),
    );
    const shown = all.map(({ series, claim }) => `${series} ${claim}`);
    expect([...shown, ...LACKING].sort()).toEqual(wanted.sort());
    expect(bySeries(all).flatMap(({ claims }) => claims)).toHaveLength(all.length);
  });
});
