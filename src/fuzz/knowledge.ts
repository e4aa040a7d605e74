// SPDX-License-Identifier: GPL-2.0-only
/** What a campaign has seen so far, and the runs that showed it. The same in every worker once it was told the same. */
import { PAIRS } from './branch-counts.js';
import type { KeptEntry, News } from './input.js';

/** New to all, in the order in which it was merged. */
export interface Delta {
  kept: KeptEntry[];
}

/** runs of one property's world that are kept only because they get to what a series brings */
export const THERE = 4;

export class Knowledge {
  readonly branches = new Set<string>();
  readonly pairs = new Uint8Array(PAIRS);
  readonly states = new Uint8Array(PAIRS);
  /** by property */
  readonly corpus = new Map<string, KeptEntry[]>();
  readonly nearest = new Map<string, number>();
  /** by property: entries that get to what the series brings */
  readonly there = new Map<string, number>();
  pairCount = 0;
  stateCount = 0;
  entries = 0;

  /** What of it is new here; null where nothing is. */
  newsIn({ news, nearest, property, isThere }: KeptEntry): News | null {
    const branches = news.branches.filter((it) => !this.branches.has(it));
    const pairs = news.pairs.filter((it) => this.pairs[it] === 0);
    const states = news.states.filter((it) => this.states[it] === 0);
    const isNearer = nearest !== null && nearest < (this.nearest.get(property) ?? Number.POSITIVE_INFINITY);
    const isWanted = isThere === true && this.wantsThere(property);
    return branches.length + pairs.length + states.length > 0 || isNearer || isWanted
      ? { branches, pairs, states }
      : null;
  }

  /** Too few of its runs are kept that get to what the series brings. */
  wantsThere(property: string): boolean {
    return (this.there.get(property) ?? 0) < THERE;
  }

  /** Keeps it where it is still new; says what was kept. */
  take(entry: KeptEntry): KeptEntry | null {
    const news = this.newsIn(entry);
    if (news === null) return null;
    const kept = { ...entry, news };
    this.learn(kept);
    return kept;
  }

  /** What another has found to be new. */
  learn(kept: KeptEntry): void {
    const { property, news, nearest, isThere } = kept;
    for (const it of news.branches) this.branches.add(it);
    for (const it of news.pairs) {
      this.pairCount += this.pairs[it] === 0 ? 1 : 0;
      this.pairs[it] = 1;
    }
    for (const it of news.states) {
      this.stateCount += this.states[it] === 0 ? 1 : 0;
      this.states[it] = 1;
    }
    if (nearest !== null) this.nearest.set(property, Math.min(nearest, this.nearest.get(property) ?? nearest));
    if (isThere === true) this.there.set(property, 1 + (this.there.get(property) ?? 0));
    const list = this.corpus.get(property) ?? [];
    list.push(kept);
    this.corpus.set(property, list);
    this.entries++;
  }
}
