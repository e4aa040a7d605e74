// SPDX-License-Identifier: GPL-2.0-only
/**
 * Puts hunks where they belong, as patch(1) does: at the line that the header names, else at the nearest place whose
 * lines are the same, else at one that agrees but for the outermost lines of context (fuzz).
 */
import type { Hunk } from './diff.js';

/** A hunk in its place. */
export interface Placed {
  readonly hunk: Hunk;
  /** 1-based number of its first line, before and after the patch */
  readonly oldAt: number;
  readonly at: number;
  /** lines between there and where its header and the hunks before it say */
  readonly offset: number;
  /** lines of context at either end that did not agree */
  readonly fuzz: number;
}

export interface Applied {
  readonly text: string;
  readonly placed: readonly Placed[];
  /** hunks that fit nowhere, and why */
  readonly failed: readonly { readonly hunk: Hunk; readonly why: string }[];
}

const FUZZ_MAX = 2;
/** why a hunk does not apply to a text that is as it leaves it */
export const IS_THERE = 'is there already';

const before = (hunk: Hunk): string[] => hunk.lines.filter((l) => l[0] !== '+').map((l) => l.slice(1));
const after = (hunk: Hunk): string[] => hunk.lines.filter((l) => l[0] !== '-').map((l) => l.slice(1));
const contextAhead = (hunk: Hunk): number => {
  const n = hunk.lines.findIndex((line) => line[0] !== ' ');
  return n < 0 ? hunk.lines.length : n;
};
const contextBehind = (hunk: Hunk): number => {
  const n = [...hunk.lines].reverse().findIndex((line) => line[0] !== ' ');
  return n < 0 ? hunk.lines.length : n;
};

function agrees(lines: readonly string[], at: number, wanted: readonly string[]): boolean {
  return at >= 0 && at + wanted.length <= lines.length && wanted.every((line, i) => lines[at + i] === line);
}

/** The nearest index to `expected` at which `wanted` stands, not below `least`; -1 when there is none. */
function nearest(lines: readonly string[], wanted: readonly string[], expected: number, least: number): number {
  const from = Math.min(Math.max(expected, 0), lines.length);
  for (let distance = 0; distance <= lines.length; distance++) {
    for (const at of distance === 0 ? [from] : [from - distance, from + distance])
      if (at >= least && agrees(lines, at, wanted)) return at;
  }
  return -1;
}

/** Where a hunk fits, and with how much fuzz; null when it does not. */
function place(lines: readonly string[], hunk: Hunk, expected: number, least: number) {
  const wanted = before(hunk);
  const [ahead, behind] = [contextAhead(hunk), contextBehind(hunk)];
  if (wanted.length === 0) return { at: Math.min(Math.max(expected, least), lines.length), fuzz: 0, skip: 0, drop: 0 };
  const most = Math.max(ahead, behind);
  for (let fuzz = 0; fuzz <= Math.min(FUZZ_MAX, most); fuzz++) {
    // what has less context at one end keeps it longer, as in patch(1)
    const skip = Math.max(0, fuzz - (most - ahead));
    const drop = Math.max(0, fuzz - (most - behind));
    // WHY some context: one line without any is found in places that the patch is not about
    if (ahead - skip + (behind - drop) <= 0 && fuzz > 0) break;
    const part = wanted.slice(skip, wanted.length - drop);
    const at = nearest(lines, part, expected + skip, least);
    if (at >= 0) return { at: at - skip, fuzz, skip, drop };
  }
  return null;
}

/** Applies the hunks of one file to its text. */
export function applyHunks(text: string, hunks: readonly Hunk[]): Applied {
  const isWhole = text === '' || text.endsWith('\n');
  let lines = text === '' ? [] : (isWhole ? text.slice(0, -1) : text).split('\n');
  const placed: Placed[] = [];
  const failed: { hunk: Hunk; why: string }[] = [];
  /** lines that hunks have added so far, and how far the last one stood from where it was expected */
  let [grown, drift, least] = [0, 0, 0];
  for (const hunk of hunks) {
    const given = Math.max(0, hunk.oldAt - (before(hunk).length === 0 ? 0 : 1)) + grown;
    const found = place(lines, hunk, given + drift, least);
    if (found === null) {
      const there = nearest(lines, after(hunk), given + drift, 0) >= 0 && after(hunk).length > 3;
      failed.push({ hunk, why: there ? IS_THERE : 'no place has these lines' });
      continue;
    }
    const { at, fuzz, skip, drop } = found;
    const wanted = before(hunk);
    const put = after(hunk);
    // context that does not agree stays what the file has
    const ours = put.slice(skip, put.length - drop);
    lines = [...lines.slice(0, at + skip), ...ours, ...lines.slice(at + wanted.length - drop)];
    placed.push({ hunk, oldAt: at + 1 - grown, at: at + 1, offset: at - given, fuzz });
    drift = at - given;
    grown += put.length - wanted.length;
    least = at + put.length - drop;
  }
  const end = lines.length > 0 && (isWhole || lines.at(-1) !== text.slice(text.lastIndexOf('\n') + 1)) ? '\n' : '';
  return { text: lines.join('\n') + end, placed, failed };
}
