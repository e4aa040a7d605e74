// SPDX-License-Identifier: GPL-2.0-only
/**
 * Applies a series to a copy of a kernel tree, each prefix in a directory of its own. What is copied is what the engines
 * compile and what the patches touch. Accepted is what patch(1) accepts, or git's 3-way merge where the tree is a
 * repository that has the blob; what does not apply to a file that nothing here compiles is left out, and said.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { linesOfSeries, type SeriesLine } from './added-lines.js';
import { applyHunks, IS_THERE } from './apply-hunks.js';
import { cacheDir, exclusively } from './cache-dir.js';
import { cannotWrite, isPlaceError } from './cannot-write.js';
import { type FileDiff, fileOf, type Hunk, parseDiff } from './diff.js';
import { CONFIG_FILE, type KernelTree, readTree } from './find-tree.js';
import { addedOptions, configurationOf, type OptionValue, valuesOf } from './kconfig.js';
import { sourcesDir } from './kernel-program.js';
import { git, type MailedPatch, textOf } from './mailbox.js';
import { NativeError } from './native-error.js';
import { scratchDir, unfinished } from './scratch.js';

/** A line that a patch adds, by its number in the file after the patch. */
export interface AddedLine {
  readonly file: string;
  readonly line: number;
  readonly text: string;
  /** which patch of the series added it, from 1; absent outside of a series */
  readonly patch?: number;
}

/** A hunk where it was applied. */
export interface AppliedHunk {
  readonly file: string;
  /** 1-based number of its first line in the file before and after the patch */
  readonly oldAt: number;
  readonly at: number;
  /** what its header names: usually the function */
  readonly heading: string;
  /** each with ' ', '-' or '+' in front */
  readonly lines: readonly string[];
  /** lines of context that did not agree; 0 for a place that does */
  readonly fuzz: number;
  readonly merged: boolean;
}

/** A part of a patch that is not in the tree, and why. */
export interface LeftOut {
  readonly file: string;
  readonly hunks: number;
  readonly why: string;
}

/** The tree with the first n patches. */
export interface PatchedTree {
  readonly tree: KernelTree;
  /** with the first n - 1 */
  readonly previous: KernelTree;
  readonly subject: string;
  /** Kconfig options that the patches so far add, and those that the user names, as they are built */
  readonly options: readonly OptionValue[];
  /** what the n-th patch does, where it was applied */
  readonly hunks: readonly AppliedHunk[];
  readonly leftOut: readonly LeftOut[];
  /** what the patches so far add, as it stands in this tree */
  readonly added: readonly SeriesLine[];
}

/** Every directory of which an engine compiles or cuts something. */
export const COMPILED = [
  ...['Makefile', 'include', 'kernel', 'lib', 'io_uring', 'virt/kvm'],
  ...['arch/x86/kvm', 'arch/x86/include', 'arch/x86/lib', 'arch/x86/kernel/kvm.c'],
  ...['arch/arm64/kvm', 'arch/arm64/include', 'arch/s390/kvm', 'arch/s390/include', 'arch/s390/kernel/smp.c'],
];

/** The added lines of hunks in their places. */
export function addedLinesOf(hunks: readonly AppliedHunk[]): AddedLine[] {
  return hunks.flatMap(({ file, at, lines }) => {
    let line = at;
    return lines.flatMap((text) => {
      if (text[0] === '-') return [];
      const number = line++;
      return text[0] === '+' ? [{ file, line: number, text: text.slice(1) }] : [];
    });
  });
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

// ---- in memory -------------------------------------------------------------------------------------------------------

/** Contents of files as a series leaves them; null for one that is gone. */
type Contents = Map<string, string | null>;

interface Outcome {
  readonly hunks: AppliedHunk[];
  readonly leftOut: LeftOut[];
  /** `kernel/sched/fair.c:812: hunk 3 of 7 does not apply: ...`; only of files that are compiled */
  readonly failures: string[];
}

const applied = (file: string, hunk: Hunk, oldAt: number, at: number, fuzz: number): AppliedHunk => ({
  file,
  oldAt,
  at,
  heading: hunk.heading,
  lines: hunk.lines,
  fuzz,
  merged: false,
});

class Applier {
  readonly contents: Contents = new Map();

  constructor(
    private readonly base: KernelTree,
    /** whether an engine reads the file */
    private readonly isCompiled: (file: string) => boolean,
  ) {}

  read(file: string): string | null {
    const known = this.contents.get(file);
    if (known !== undefined) return known;
    const path = join(this.base.dir, file);
    return existsSync(path) ? textOf(readFileSync(path)) : null;
  }

  /** What git's 3-way merge makes of it, when the base is a repository with the blob that the patch was made from. */
  private merged(diff: FileDiff, ours: string): { text: string; hunks: AppliedHunk[] } | null {
    if (diff.blob === null || !existsSync(join(this.base.dir, '.git'))) return null;
    const blob = git(['cat-file', 'blob', diff.blob], this.base.dir);
    if (blob.status !== 0) return null;
    const theirs = applyHunks(blob.stdout, diff.hunks);
    if (theirs.failed.length > 0) return null;
    const dir = scratchDir();
    try {
      writeFileSync(join(dir, 'ours'), ours);
      writeFileSync(join(dir, 'base'), blob.stdout);
      writeFileSync(join(dir, 'theirs'), theirs.text);
      const done = git(['merge-file', '-p', 'ours', 'base', 'theirs'], dir);
      if (done.status !== 0) return null;
      writeFileSync(join(dir, 'merged'), done.stdout);
      const change = git(['diff', '--no-index', '--no-color', '--no-prefix', 'ours', 'merged'], dir).stdout;
      const file = fileOf(diff);
      const hunks = parseDiff(change, () => true).flatMap((one) => one.hunks);
      return {
        text: done.stdout,
        hunks: hunks.map((h) => ({ ...applied(file, h, h.oldAt, h.newAt, 0), merged: true })),
      };
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }

  private one(diff: FileDiff, into: Outcome): void {
    const file = fileOf(diff);
    const leave = (why: string, failures: readonly string[]) => {
      if (this.isCompiled(file) || (diff.from !== null && this.isCompiled(diff.from))) into.failures.push(...failures);
      else into.leftOut.push({ file, hunks: diff.hunks.length, why });
    };
    if (diff.binary) {
      leave('a binary patch', [`${file}: a binary patch`]);
      return;
    }
    const ours = diff.from === null ? '' : this.read(diff.from);
    if (ours === null) {
      into.leftOut.push({ file, hunks: diff.hunks.length, why: 'the tree has no such file' });
      return;
    }
    if (diff.from === null && (this.read(file) ?? '') !== '') {
      const made = applyHunks('', diff.hunks).text;
      if (made === this.read(file)) {
        into.leftOut.push({ file, hunks: diff.hunks.length, why: IS_THERE });
        return;
      }
      leave('is there already', [`${file}: is to be created and is there already`]);
      return;
    }
    const { text, placed, failed: unplaced } = applyHunks(ours, diff.hunks);
    const failed = unplaced.filter(({ why }) => why !== IS_THERE);
    if (failed.length > 0) {
      const merged = this.merged(diff, ours);
      if (merged === null) {
        const all = diff.hunks.length;
        const told = unplaced.map(({ hunk, why }) => {
          const at = hunk.heading === '' ? '' : ` (${hunk.heading})`;
          return `${file}:${hunk.oldAt}: hunk ${diff.hunks.indexOf(hunk) + 1} of ${all} does not apply: ${why}${at}`;
        });
        leave(`${failed.length} of ${all} hunks do not apply`, told);
        return;
      }
      into.hunks.push(...merged.hunks);
      this.contents.set(file, merged.text);
    } else {
      // as patch -N does it
      if (unplaced.length > 0) into.leftOut.push({ file, hunks: unplaced.length, why: IS_THERE });
      into.hunks.push(...placed.map(({ hunk, oldAt, at, fuzz }) => applied(file, hunk, oldAt, at, fuzz)));
      this.contents.set(file, diff.to === null ? null : text);
    }
    if (diff.from !== null && diff.to !== null && diff.from !== diff.to && !diff.copied)
      this.contents.set(diff.from, null);
  }

  /** All of a patch that can be; the rest is told. */
  patch(files: readonly FileDiff[]): Outcome {
    const outcome: Outcome = { hunks: [], leftOut: [], failures: [] };
    for (const diff of files) this.one(diff, outcome);
    return outcome;
  }
}

// ---- on disk ---------------------------------------------------------------------------------------------------------

interface Step {
  readonly subject: string;
  readonly outcome: Outcome;
  /** files as they are after it */
  readonly contents: Contents;
}

/** Applies all in memory, so that nothing is written before everything is known to fit; else says what does not. */
function steps(
  base: KernelTree,
  patches: readonly MailedPatch[],
  isCompiled: (file: string) => boolean,
): Step[] | NativeError {
  const applier = new Applier(base, isCompiled);
  const inTree = (path: string) => applier.read(path) !== null || existsSync(join(base.dir, path));
  const parsed = patches.map((patch) => parseDiff(patch.diff, inTree));
  const failures: string[] = [];
  let first: string | null = null;
  const done = patches.map(({ subject }, i) => {
    const outcome = applier.patch(parsed[i]!);
    if (outcome.failures.length > 0) first ??= patches.length === 1 ? subject : `patch ${i + 1} of ${patches.length}`;
    const prefix = patches.length === 1 ? '' : `${i + 1}/${patches.length} `;
    failures.push(...outcome.failures.map((failure) => `${prefix}${failure}`));
    return { subject, outcome, contents: new Map(applier.contents) };
  });
  if (first === null && isThere(done)) {
    const what = patches.length === 1 ? patches[0]!.subject : `each of the ${patches.length} patches`;
    return new NativeError('patch', `${base.version} has ${what} already: --reverse takes it out`);
  }
  if (first !== null) {
    const more = patches.length === 1 ? '' : ', and what builds on it';
    const hunks = failures.length === 1 ? 'hunk' : 'hunks';
    const message = `${first} does not apply to ${base.version}${more}: ${failures.length} ${hunks}`;
    return new NativeError('patch', message, failures);
  }
  return done;
}

/** Whether the tree has all that patches change, as far as it has the files. */
function isThere(done: readonly Step[]): boolean {
  const left = done.flatMap(({ outcome }) => outcome.leftOut);
  return done.every(({ outcome }) => outcome.hunks.length === 0) && left.some(({ why }) => why === IS_THERE);
}

function write(dir: string, contents: Contents, config: Readonly<Record<string, string>>): void {
  if (Object.keys(config).length > 0) writeFileSync(join(dir, CONFIG_FILE), JSON.stringify(config));
  for (const [file, text] of contents) {
    const path = join(dir, file);
    rmSync(path, { force: true });
    if (text === null) continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}

/** Changes when a file changes that a copy would take along. */
function stampOf(base: KernelTree): string {
  const hash = createHash('sha256');
  for (const name of COMPILED) {
    const top = join(base.dir, name);
    if (!existsSync(top)) continue;
    const below = statSync(top).isDirectory() ? readdirSync(top, { recursive: true, encoding: 'utf8' }).sort() : [''];
    for (const path of below) {
      const stat = lstatSync(join(top, path));
      if (!stat.isDirectory()) hash.update(`${name}/${path}\0${stat.size}\0${stat.mtimeMs}\n`);
    }
  }
  return hash.digest('hex');
}

/** What a build is set to where it differs: options by name. */
type Config = Readonly<Record<string, string>>;

/** A tree of these contents on top of the base, from the cache or made now. */
async function treeOf(
  base: KernelTree,
  stamp: string,
  contents: Contents,
  config: Config,
  nth: number,
): Promise<KernelTree> {
  const hash = createHash('sha256').update(`${base.dir}\0${base.version}\0${stamp}\0${JSON.stringify(config)}`);
  for (const [file, text] of contents) hash.update(`\0${file}\0${text ?? '\0'}`);
  const key = hash.digest('hex').slice(0, 16);
  const dir = cacheDir('patched', `${base.version}-${key}`);
  await exclusively(`patched-${key}`, async () => {
    if (existsSync(dir)) return;
    const making = unfinished(dir);
    rmSync(making, { recursive: true, force: true });
    try {
      copy(base.dir, making, COMPILED);
      write(making, contents, config);
      renameSync(making, dir);
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      throw isPlaceError(error) ? cannotWrite(making, error) : error;
    }
  });
  return { ...readTree(dir), version: nth === 0 ? base.version : `${base.version}+${nth}` };
}

/** The base built with options that the user sets; the base itself where none are set. */
export function configuredTree(base: KernelTree, set: Config): Promise<KernelTree> {
  if (Object.keys(set).length === 0) return Promise.resolve(base);
  return treeOf(base, stampOf(base), new Map(), set, 0);
}

/** The tree with these contents of files, all else as it is. */
export async function changedTree(tree: KernelTree, contents: ReadonlyMap<string, string>): Promise<KernelTree> {
  return treeOf(tree, stampOf(tree), new Map(contents), tree.config ?? {}, 0);
}

/** Options that the patches so far add, as their defaults or the user say, and every other one that the user sets. */
function optionsOf(patches: readonly MailedPatch[], set: Config): OptionValue[] {
  const autoconf = readFileSync(join(sourcesDir(), 'autoconf.h'), 'utf8');
  const added = addedOptions(patches.map((patch) => patch.diff).join('\n'));
  return valuesOf(added, configurationOf(autoconf), set);
}

/**
 * Applies the patches one after the other and returns the tree after each. Trees stay in the cache, named by the base
 * and by all files as the patches so far leave them. NativeError `patch` lists every hunk that does not apply.
 * `compiled` finds out which files an engine reads: a patch to others is left out where it does not apply. `set` are
 * Kconfig options that the user sets.
 */
export async function applySeries(
  base: KernelTree,
  patches: readonly MailedPatch[],
  compiled: () => Promise<(file: string) => boolean> = () => Promise.resolve(() => true),
  set: Config = {},
): Promise<PatchedTree[]> {
  const stamp = stampOf(base);
  // WHY twice: which files are compiled takes a build to know, and mostly everything applies
  const first = steps(base, patches, () => true);
  const done = Array.isArray(first) ? first : steps(base, patches, await compiled());
  if (!Array.isArray(done)) throw done;
  const trees: { tree: KernelTree; options: OptionValue[] }[] = [];
  for (const [i, { contents }] of done.entries()) {
    const options = optionsOf(patches.slice(0, i + 1), set);
    const config = Object.fromEntries(options.map(({ name, value }) => [name, value]));
    trees.push({ tree: await treeOf(base, stamp, contents, config, i + 1), options });
  }
  const previous = await configuredTree(base, set);
  const files = [...new Set(done.flatMap(({ outcome }) => outcome.hunks.map((hunk) => hunk.file)))];
  const added = linesOfSeries(
    base.dir,
    trees.map(({ tree }) => tree.dir),
    files,
  );
  return done.map(({ subject, outcome: { hunks, leftOut } }, i) => ({
    ...trees[i]!,
    previous: trees[i - 1]?.tree ?? previous,
    subject,
    hunks,
    leftOut,
    added: added[i]!,
  }));
}
