// SPDX-License-Identifier: GPL-2.0-only
/** What refutes the claims of the shipped series, as `check` found it: refuted.jsonl, which tools/refuted.mjs writes. */
import { claimsOf } from '../../properties/claims.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { allSeries } from '../series/registry.js';
import type { PageTarget } from '../step/page-data.js';

/** A line of the file. Few events are unlike all others, so they stand once, and `run` is their numbers. */
export interface Refuted {
  readonly series: string;
  readonly claim: string;
  readonly property: string;
  readonly kernel: string;
  readonly scenario: Scenario;
  readonly kinds: readonly MachineEvent[];
  /** by spaces, `3*7` for event 3 seven times */
  readonly run: string;
}

export function readRefuted(text: string): Refuted[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Refuted);
}

export function eventsOf({ kinds, run }: Refuted): MachineEvent[] {
  return run.split(' ').flatMap((part) => {
    const [kind, times = '1'] = part.split('*');
    return Array.from({ length: Number(times) }, () => kinds[Number(kind)]);
  });
}

export function refutedTarget(it: Refuted): PageTarget {
  const { property, kernel, scenario } = it;
  const events = eventsOf(it);
  return { title: `${property} of ${it.series}`, kernel, property, scenario, events, limit: events.length };
}

/** A series with its refuted claims, each with the sentence that is refuted. */
export interface RefutedSeries {
  readonly id: string;
  readonly title: string;
  readonly claims: readonly { readonly it: Refuted; readonly words: string }[];
}

export function bySeries(all: readonly Refuted[]): RefutedSeries[] {
  return allSeries.flatMap(({ id, title }) => {
    const claims = claimsOf(id).flatMap((claim) =>
      all.filter((it) => it.series === id && it.claim === claim.id).map((it) => ({ it, words: claim.words })),
    );
    return claims.length === 0 ? [] : [{ id, title, claims }];
  });
}
