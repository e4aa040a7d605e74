// SPDX-License-Identifier: GPL-2.0-only
/** The kernel's own text of a mirrored function, to be shown beside the mirror. It is read from a tree on disk, and never kept. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTree, installed, packageOf } from './find-tree.js';
import { mirrors } from './mirrors.js';

/** `file:line` and the lines of it, numbered; null where no tree is installed, or it lacks the function. */
export async function cSourceOf(fn: string, kernel: string): Promise<{ place: string; lines: string[] } | null> {
  const mirror = mirrors().find((it) => it.as === fn);
  if (mirror === undefined) return null;
  const tree = await findTree(installed(packageOf(kernel)) ?? undefined).catch(() => null);
  const path = tree === null ? '' : join(tree.dir, mirror.file);
  if (tree === null || !existsSync(path)) return null;
  const found = definitionOf(mirror.name, readFileSync(path, 'utf8').split('\n'));
  if (found === null) return null;
  const { first, text } = found;
  const lines = text.map((line, i) => `  ${String(first + i).padStart(5)}  ${expanded(line)}`.trimEnd());
  return { place: `${mirror.file}:${first} (${tree.version})`, lines };
}

/** By the kernel's style: what begins at the first column with the name, has a body, and ends with a brace there. */
function definitionOf(name: string, lines: readonly string[]): { first: number; text: string[] } | null {
  const head = new RegExp(`^(?:[A-Za-z_].*[\\s*])?${name}\\(`);
  for (const [i, line] of lines.entries()) {
    if (!head.test(line)) continue;
    const end = lines.findIndex((it, k) => k > i && /^[{}]/.test(it));
    if (end < 0 || lines.slice(i, end).some((it) => it.trimEnd().endsWith(';'))) continue;
    const last = lines.findIndex((it, k) => k >= end && it.startsWith('}'));
    // the type may stand on a line of its own
    const from = i > 0 && /^[a-z_][\w \t*]*$/.test(lines[i - 1]) ? i - 1 : i;
    return last < 0 ? null : { first: from + 1, text: lines.slice(from, last + 1) };
  }
  return null;
}

/** Tabs as eight columns would take half of a terminal. */
const expanded = (line: string): string =>
  line.replace(/^\t+/, (tabs) => '    '.repeat(tabs.length)).replaceAll('\t', '  ');
