// SPDX-License-Identifier: GPL-2.0-only
/** What differs between two trees in the directories that the engines compile, as hunks. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { filesOfDiff } from './diff.js';
import type { KernelTree } from './find-tree.js';
import { git } from './mailbox.js';
import { NativeError } from './native-error.js';
import { type AppliedHunk, COMPILED } from './patch.js';

/** Hunks as if a patch had made `b` of `a`. Directories that only one of them has are not looked into. */
export function hunksBetween(a: KernelTree, b: KernelTree): AppliedHunk[] {
  // git takes the leading slash off where it puts no prefix
  const prefixes = [a, b].flatMap((tree) => [`${tree.dir}/`, `${tree.dir.replace(/^\/+/, '')}/`]);
  const inTree = (name: string): string => {
    const prefix = prefixes.find((p) => name.startsWith(p));
    if (prefix === undefined) throw new NativeError('patch', `git diff names ${name}, which is in neither tree`);
    return name.slice(prefix.length);
  };
  return COMPILED.filter((name) => existsSync(join(a.dir, name)) && existsSync(join(b.dir, name))).flatMap((name) => {
    const done = git(
      ['diff', '--no-index', '--no-color', '--no-renames', '--no-prefix', join(a.dir, name), join(b.dir, name)],
      a.dir,
    );
    return filesOfDiff(done.stdout, inTree).flatMap(({ from, to, hunks }) =>
      hunks.map((h) => ({
        file: to ?? from ?? '',
        oldAt: h.oldAt,
        at: h.newAt,
        heading: h.heading,
        lines: h.lines,
        fuzz: 0,
        merged: false,
      })),
    );
  });
}
