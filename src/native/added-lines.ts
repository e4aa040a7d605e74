// SPDX-License-Identifier: GPL-2.0-only
/**
 * The lines that a series has added so far, at each of its steps, with the numbers that they have in that step's tree.
 *
 * WHY from the trees and not from hunk headers: a hunk may apply with an offset, and a later patch moves the lines of an
 * earlier one. What a patch adds before it is called, a later one wires up, so all lines count at every step.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NativeError } from './native-error.js';
import type { AddedLine } from './patch.js';

/** A line that the series added, and which of its patches did, counted from 1. */
export interface SeriesLine extends AddedLine {
  readonly patch: number;
}

/** One difference of two texts: `count` lines from `from` (1-based) give way to those from `to`. */
interface Change {
  readonly from: number;
  readonly gone: number;
  readonly to: number;
  readonly come: number;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/gm;

function changesBetween(a: string, b: string): Change[] {
  const options = ['--no-index', '--no-color', '--no-ext-diff', '--no-textconv', '-U0', '--diff-algorithm=histogram'];
  const env = { ...process.env, LC_ALL: 'C', GIT_DIR: undefined, GIT_CONFIG_GLOBAL: '/dev/null' };
  const done = spawnSync('git', ['diff', ...options, '--', a, b], { encoding: 'utf8', maxBuffer: 1 << 28, env });
  if (done.error !== undefined) throw new NativeError('patch', 'no git on PATH: apt-get install git');
  return [...done.stdout.matchAll(HUNK)].map(([, from, gone, to, come]) => {
    const [g, c] = [gone === undefined ? 1 : Number(gone), come === undefined ? 1 : Number(come)];
    // A side without lines names the line before the place.
    return { from: Number(from) + (g === 0 ? 1 : 0), gone: g, to: Number(to) + (c === 0 ? 1 : 0), come: c };
  });
}

const linesOf = (path: string): string[] => {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
};

/** Which patch brought each line of a file: 0 for the base. */
function nextOrigins(origins: readonly number[], changes: readonly Change[], patch: number): number[] {
  const next: number[] = [];
  let at = 1;
  for (const { from, gone, come } of changes) {
    for (; at < from; at++) next.push(origins[at - 1] ?? 0);
    at += gone;
    for (let i = 0; i < come; i++) next.push(patch);
  }
  for (; at <= origins.length; at++) next.push(origins[at - 1] ?? 0);
  return next;
}

/** For each step, in the order of files and lines, everything that the series has added up to it. */
export function linesOfSeries(base: string, steps: readonly string[], files: readonly string[]): SeriesLine[][] {
  const origins = new Map(files.map((file) => [file, linesOf(join(base, file)).map(() => 0)]));
  return steps.map((dir, i) => {
    const before = i === 0 ? base : steps[i - 1]!;
    return [...origins.keys()].sort().flatMap((file) => {
      const [a, b] = [join(before, file), join(dir, file)];
      const text = linesOf(b);
      const same = existsSync(a) && existsSync(b) && readFileSync(a).equals(readFileSync(b));
      const old = origins.get(file)!;
      const now = same
        ? old
        : existsSync(a)
          ? nextOrigins(old, existsSync(b) ? changesBetween(a, b) : [], i + 1)
          : text.map(() => i + 1);
      origins.set(file, existsSync(b) ? now : []);
      return text.flatMap((line, n) => (now[n]! > 0 ? [{ file, line: n + 1, text: line, patch: now[n]! }] : []));
    });
  });
}
