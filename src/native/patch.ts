// SPDX-License-Identifier: GPL-2.0-only
/**
 * Applies a mailed series to a copy of a kernel tree, each prefix in a directory of its own, with git's own tools:
 * `git mailsplit`, `git mailinfo`, `git apply`. What is copied is what the engine compiles and what the patches touch.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheDir, exclusively } from './cache-dir.js';
import { type KernelTree, readTree } from './find-tree.js';
import { NativeError } from './native-error.js';

/** One patch of a series. */
export interface MailedPatch {
  readonly subject: string;
  readonly diff: string;
}

/** A line that a patch adds, by its number in the file after the patch. */
export interface AddedLine {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** The tree with the first n patches. */
export interface PatchedTree {
  readonly tree: KernelTree;
  readonly subject: string;
  /** what the n-th patch adds */
  readonly added: readonly AddedLine[];
}

const COMPILED = ['Makefile', 'include', 'kernel', 'lib', 'io_uring'];

function git(args: readonly string[], cwd: string, input?: string) {
  // WHY a ceiling: git must not take the copy for a part of a repository around it.
  const env = { ...process.env, LC_ALL: 'C', GIT_CEILING_DIRECTORIES: dirname(cwd), GIT_DIR: undefined };
  const done = spawnSync('git', [...args], { cwd, env, encoding: 'utf8', ...(input === undefined ? {} : { input }) });
  if (done.error !== undefined) throw new NativeError('patch', 'no git on PATH: apt-get install git');
  return done;
}

/** The patches of a mailbox, of one mail, or of a bare diff, in their order. NativeError `patch` when there is none. */
export function readSeries(text: string, name: string): MailedPatch[] {
  const dir = mkdtempSync(join(tmpdir(), 'kvmodel-mail-'));
  try {
    writeFileSync(join(dir, 'mbox'), text);
    mkdirSync(join(dir, 'split'));
    const split = git(['mailsplit', '-b', '-osplit', 'mbox'], dir);
    const mails = split.status === 0 ? readdirSync(join(dir, 'split')).sort() : [];
    const patches = mails.flatMap((mail) => {
      const info = git(['mailinfo', '-k', 'message', 'patch'], dir, readFileSync(join(dir, 'split', mail), 'utf8'));
      const diff = existsSync(join(dir, 'patch')) ? readFileSync(join(dir, 'patch'), 'utf8') : '';
      const subject = /^Subject: (.*)/m.exec(info.stdout)?.[1] ?? name;
      return /^(diff --git|--- )/m.test(diff) ? [{ subject, diff }] : [];
    });
    const bare = patches.length === 0 && /^(diff --git|--- )/m.test(text) ? [{ subject: name, diff: text }] : patches;
    if (bare.length === 0) throw new NativeError('patch', `${name} contains no patch`);
    return bare;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Files that a diff names, without a/ and b/. */
export function touchedFiles(diff: string): string[] {
  const names = [...diff.matchAll(/^(?:---|\+\+\+) (?:[ab]\/)?(\S+)/gm)].map((m) => m[1]!);
  return [...new Set(names)].filter((name) => name !== '/dev/null' && name !== 'dev/null');
}

/** Added lines with their numbers in the new file. */
export function addedLines(diff: string): AddedLine[] {
  const added: AddedLine[] = [];
  let file = '';
  let line = 0;
  let [oldLeft, newLeft] = [0, 0];
  for (const text of diff.split('\n')) {
    const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text);
    if (hunk !== null) {
      [oldLeft, line, newLeft] = [Number(hunk[1] ?? 1), Number(hunk[2]), Number(hunk[3] ?? 1)];
    } else if (oldLeft > 0 || newLeft > 0) {
      if (text.startsWith('+')) added.push({ file, line, text: text.slice(1) });
      if (!text.startsWith('-') && !text.startsWith('\\')) {
        line++;
        newLeft--;
      }
      if (!text.startsWith('+') && !text.startsWith('\\')) oldLeft--;
    } else {
      const name = /^\+\+\+ (?:b\/)?(\S+)/.exec(text);
      if (name !== null) file = name[1]!;
    }
  }
  return added;
}

function copy(from: string, to: string, names: readonly string[]): void {
  mkdirSync(to, { recursive: true });
  for (const name of names) {
    if (!existsSync(join(from, name)) || existsSync(join(to, name))) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    try {
      execFileSync('cp', ['-a', '--reflink=auto', join(from, name), join(to, name)], { stdio: 'ignore' });
    } catch {
      cpSync(join(from, name), join(to, name), { recursive: true });
    }
  }
}

/**
 * Applies the patches one after the other and returns the tree after each. Trees stay in the cache, named by the base
 * and by all patches so far. NativeError `patch` says which patch does not apply, with git's words as details.
 */
export async function applySeries(base: KernelTree, patches: readonly MailedPatch[]): Promise<PatchedTree[]> {
  const trees: PatchedTree[] = [];
  const hash = createHash('sha256').update(`${base.dir}\0${base.version}`);
  const touched = patches.flatMap((patch) => touchedFiles(patch.diff));
  for (const file of [...COMPILED, ...touched]) {
    const path = join(base.dir, file);
    // Of the base, what is touched counts; the rest is found changed by the build's own check.
    if (!COMPILED.includes(file) && existsSync(path)) hash.update(readFileSync(path));
  }
  let before = base;
  for (const [i, patch] of patches.entries()) {
    hash.update(patch.diff);
    const key = hash.copy().digest('hex').slice(0, 16);
    const dir = cacheDir('patched', `${base.version}-${key}`);
    const previous = before;
    await exclusively(`patched-${key}`, async () => {
      if (existsSync(dir)) return;
      const unfinished = `${dir}.${process.pid}`;
      rmSync(unfinished, { recursive: true, force: true });
      copy(previous.dir, unfinished, COMPILED);
      copy(previous.dir, unfinished, touched);
      const done = git(['apply', '-p1', '--whitespace=nowarn', '-'], unfinished, patch.diff);
      if (done.status !== 0) {
        rmSync(unfinished, { recursive: true, force: true });
        const words = done.stderr.trim().split('\n');
        const which = patches.length === 1 ? 'the patch' : `patch ${i + 1} of ${patches.length}`;
        throw new NativeError('patch', `${which} does not apply (${patch.subject}): ${words[0]}`, words);
      }
      renameSync(unfinished, dir);
    });
    before = { ...readTree(dir), version: `${base.version}+${i + 1}` };
    trees.push({ tree: before, subject: patch.subject, added: addedLines(patch.diff) });
  }
  return trees;
}
