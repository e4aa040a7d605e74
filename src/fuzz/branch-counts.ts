// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which branches of the kernel's functions have run, and which function was entered after which: kept by the instrumented
 * modules of counted-source.ts as they run. A branch costs a load once it is known, and a call the first time.
 */

/** What instrumented modules call to say who they are. */
export const BRANCHES = '__kvmodel_branches';
/** ... and which function they enter, by a 16-bit hash of its name. */
export const ENTERED = '__kvmodel_entered';

/** A stretch of source that runs as a whole, or the side of a condition that has no source of its own. */
export interface Site {
  /** the function around it */
  fn: string;
  /** lines of the source, from 1, first and last */
  from: number;
  to: number;
  kind: 'function' | 'block' | 'part' | 'else';
}

/** Entered as tuples, to be short: fn, from, to, kind. */
export type SiteTuple = [string, number, number, Site['kind']];

interface Module {
  file: string;
  sites: SiteTuple[];
  /** 1 once it has run */
  known: Uint8Array;
  /** 1 for what is known to all */
  learnt: Uint8Array;
}

/** Pairs of functions, hashed. */
export const PAIRS = 1 << 16;

const modules = new Map<string, Module>();
const pairs = new Uint8Array(PAIRS);
const learntPairs = new Uint8Array(PAIRS);
let before = 0;
let hits: string[] = [];
let pairHits: number[] = [];

function branches(file: string, sites: SiteTuple[]): [Uint8Array, (i: number) => void] {
  const known = new Uint8Array(sites.length);
  modules.set(file, { file, sites, known, learnt: new Uint8Array(sites.length) });
  const hit = (i: number): void => {
    known[i] = 1;
    hits.push(`${file}:${i}`);
  };
  return [known, hit];
}

function entered(fn: number): void {
  const pair = (before ^ fn) & (PAIRS - 1);
  before = fn >> 1;
  if (pairs[pair] === 0) {
    pairs[pair] = 1;
    pairHits.push(pair);
  }
}

/** For this process or thread, before the modules are loaded. */
export function installBranchCounts(): void {
  const there = globalThis as Record<string, unknown>;
  there[BRANCHES] = branches;
  there[ENTERED] = entered;
}

/** What is new since the last call: branches by file and number, and pairs. */
export function takeHits(): { branches: string[]; pairs: number[] } {
  const out = { branches: hits, pairs: pairHits };
  hits = [];
  pairHits = [];
  return out;
}

function mark(key: string, as: 'known' | 'learnt', value: number): void {
  const at = key.lastIndexOf(':');
  const module = modules.get(key.slice(0, at));
  if (module !== undefined) module[as][Number(key.slice(at + 1))] = value;
}

/** What everybody knows from now on. */
export function learnHits(known: { branches: Iterable<string>; pairs: Iterable<number> }): void {
  for (const key of known.branches) mark(key, 'learnt', 1);
  for (const pair of known.pairs) learntPairs[pair] = 1;
}

/** Nobody knows anything any more. */
export function unlearnHits(): void {
  for (const module of modules.values()) module.learnt.fill(0);
  learntPairs.fill(0);
}

/** What ran since the last call counts as new again, unless it was learnt. */
export function forgetHits(): void {
  for (const module of modules.values()) module.known.set(module.learnt);
  pairs.set(learntPairs);
  before = 0;
  hits = [];
  pairHits = [];
}

/** Anything new since the last `takeHits`? */
export const hasHits = (): boolean => hits.length > 0 || pairHits.length > 0;

/**
 * A run begins. What was new since the last one was not an event's: booting, which a copied machine has behind it, or a run that
 * begins again; so it is new once more, and `taken`, which that run had shown already.
 */
export function beginRun(taken: { branches: Iterable<string>; pairs: Iterable<number> }): void {
  for (const { branches, pairs: some } of [takeHits(), taken]) {
    for (const key of branches) mark(key, 'known', 0);
    for (const pair of some) pairs[pair] = 0;
  }
  before = 0;
}

/** All sites of the modules that were loaded, by file. */
export function knownSites(): { file: string; sites: Site[] }[] {
  return [...modules.values()]
    .map(({ file, sites }) => ({
      file,
      sites: sites.map(([fn, from, to, kind]): Site => ({ fn, from, to, kind })),
    }))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
}
