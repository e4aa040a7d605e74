// SPDX-License-Identifier: GPL-2.0-only
/**
 * What of a patch was judged, and by what. A hunk counts as judged only when something compiled it and ran it: neither
 * "holds" nor "no difference" covers what was not built or not reached.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IS_THERE } from '../../native/apply-hunks.js';
import type { LineCoverage } from '../../native/coverage.js';
import { activeLines, type Configuration } from '../../native/extract/active-lines.js';
import { type CFile, indexFile, withoutComments } from '../../native/extract/c-index.js';
import type { KernelTree } from '../../native/find-tree.js';
import { isKbuildOnly } from '../../native/kbuild.js';
import { linesOfC, tokensOfC } from '../../native/line-kinds.js';
import type { AppliedHunk, LeftOut } from '../../native/patch.js';
import { type ChangedLine, changedLines, functionAt } from './changed-functions.js';
import { placeOf } from './held-pair.js';

/** What runs the code before and after a patch. */
export type Judge =
  | 'scheduler lock-step'
  | 'local-APIC lock-step'
  | 'machine lock-step'
  | 'held alone'
  | 'same object code';

/** What one judge compiled and ran of the patched tree. */
export interface Reach {
  readonly judge: Judge;
  readonly reads: (file: string) => boolean;
  readonly configuration: Configuration;
  readonly after: LineCoverage;
  /** lines that the compiler proves to be out of reach, as `file:line` */
  readonly folded?: ReadonlySet<string>;
  /** functions held alone that answer for a hunk outside of functions, by its place */
  readonly readers?: ReadonlyMap<string, readonly string[]>;
  /** why no function held alone does, by the hunk's place */
  readonly unread?: ReadonlyMap<string, string>;
  /** functions held alone, as `file: name`, and why others are not */
  readonly held?: ReadonlySet<string>;
  readonly left?: ReadonlyMap<string, string>;
}

export interface JudgedHunk {
  readonly file: string;
  /** first line and number of lines after the patch */
  readonly at: number;
  readonly length: number;
  readonly function: string | null;
  readonly added: number;
  readonly removed: number;
  /** `in part`: it ran, and the configuration leaves some of its lines out */
  readonly status: 'judged' | 'in part' | 'not judged' | 'no code';
  /** added lines that no judge compiles, for the configuration leaves them out, and the conditions they stand under */
  readonly leftOut: readonly { readonly line: number; readonly text: string; readonly condition: string }[];
  /** empty unless judged, or in part */
  readonly by: readonly { readonly judge: Judge; readonly functions: readonly string[] }[];
  /** why it is not judged, or has no code */
  readonly why: string | null;
  /** lines of context that did not agree where it was applied */
  readonly fuzz: number;
  readonly merged: boolean;
}

/** The trees before and after one patch. */
export interface StepTrees {
  readonly previous: KernelTree;
  readonly tree: KernelTree;
}

const IS_TEXT = /^(?:Documentation|LICENSES)\/|\.(?:rst|txt|md)$|^(?:MAINTAINERS|CREDITS|\.mailmap|\.gitignore)$/;
/** The Makefile that says which files the scheduler's engine compiles. */
const FOLLOWED_MAKEFILE = 'kernel/sched/Makefile';
const isC = (file: string): boolean => /\.[chS]$/.test(file);
const CONDITIONAL = /^\s*#\s*(?:if|ifdef|ifndef|elif|else|endif)\b/;

export class Sources {
  private readonly texts = new Map<string, string>();
  private readonly indices = new Map<string, CFile | undefined>();

  private text(tree: KernelTree, file: string): string {
    const path = join(tree.dir, file);
    const known = this.texts.get(path);
    if (known !== undefined) return known;
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    this.texts.set(path, text);
    return text;
  }

  /** Whether one of the trees has the file. */
  has({ previous, tree }: StepTrees, file: string): boolean {
    return existsSync(join(previous.dir, file)) || existsSync(join(tree.dir, file));
  }

  /** Tokens of lines `from`, `from + 1` ... of the file. */
  code(tree: KernelTree, file: string, from: number, count: number): string {
    const lines = withoutComments(this.text(tree, file)).split('\n');
    return tokensOfC(lines.slice(from - 1, from - 1 + count).join('\n')).trim();
  }

  /** Whether the configuration leaves the line in; blank lines always. */
  isActive(tree: KernelTree, file: string, line: number, configuration: Configuration): boolean {
    const source = this.text(tree, file).split('\n')[line - 1] ?? '';
    if (source.trim() === '' || /^\s*#/.test(source)) return true;
    return activeLines(this.text(tree, file), configuration).split('\n')[line - 1] !== '';
  }

  /** Whether the configuration leaves in what stands behind a conditional line: the next line that is none and not blank. */
  keepsBehind(tree: KernelTree, file: string, line: number, configuration: Configuration): boolean {
    const lines = this.text(tree, file).split('\n');
    const behind = lines.findIndex((text, i) => i >= line && text.trim() !== '' && !CONDITIONAL.test(text));
    return behind >= 0 && activeLines(this.text(tree, file), configuration).split('\n')[behind] !== '';
  }

  /** The innermost #if that a line stands under; '' outside of any. */
  condition(tree: KernelTree, file: string, line: number): string {
    return linesOfC(this.text(tree, file))[line - 1]?.under.at(-1) ?? '';
  }

  /** Whether the line is code: neither blank, comment nor directive. */
  isCode(tree: KernelTree, file: string, line: number): boolean {
    const at = linesOfC(this.text(tree, file))[line - 1];
    return at !== undefined && !at.isDirective && at.code.trim() !== '';
  }

  async index(tree: KernelTree, file: string, configuration: Configuration): Promise<CFile | undefined> {
    const key = `${tree.dir}/${file} ${[...configuration.keys()].length}`;
    if (!this.indices.has(key)) this.indices.set(key, (await indexFile(tree.dir, file, configuration)) ?? undefined);
    return this.indices.get(key);
  }
}

/** What one judge has to say of one hunk: that it ran it, or why not. */
type Says =
  | { readonly ran: true; readonly functions: readonly string[] }
  | { readonly ran: false; readonly why: string };

async function asked(reach: Reach, hunk: AppliedHunk, trees: StepTrees, sources: Sources): Promise<Says> {
  const { file } = hunk;
  const counts = reach.after.lines.get(file);
  const changes = changedLines(hunk).filter(({ text }) => text.trim() !== '');
  const added = changes.filter(({ side }) => side === 'patched');
  const names = [...new Set(await functionNames(reach, hunk, trees, sources))];
  const ran = (functions: readonly string[]): Says => ({
    ran: true,
    functions: reach.judge === 'held alone' ? functions : [],
  });
  // that lines of it ran says nothing where no call of it could be compared
  const apart = names.flatMap((name) => reach.left?.get(`${file}: ${name}`) ?? []);
  if (apart.length > 0 && !names.some((name) => reach.held?.has(`${file}: ${name}`) === true))
    return { ran: false, why: apart[0]! };
  if (added.some(({ line }) => (counts?.get(line) ?? 0) > 0)) return ran(names);
  const isFolded = (line: number) => reach.folded?.has(`${file}:${line}`) === true;
  if (added.some(({ line }) => counts?.get(line) === 0 && !isFolded(line)))
    return { ran: false, why: 'compiled, never executed' };
  if (added.some(({ line }) => isFolded(line)))
    return { ran: false, why: 'folded away by the compiler: never possible in this configuration' };
  const isLeftOut = ({ line }: { line: number }) => !sources.isActive(trees.tree, file, line, reach.configuration);
  const own = added.filter(({ text }) => !CONDITIONAL.test(text));
  if (changes.every(({ text }) => CONDITIONAL.test(text)) && decidesTheSame(changes, reach, file, trees, sources))
    return { ran: false, why: 'a condition that decides the same in this configuration' };
  if (own.length > 0 && own.every(isLeftOut)) return { ran: false, why: 'left out by the configuration' };
  // a header is read by files that nothing here compiles
  if (reach.judge === 'same object code')
    return file.endsWith('.c') ? ran([]) : { ran: false, why: 'nothing that is compiled here changes with it' };
  // no line of its own makes code: what it stands in has to have run
  const index = await sources.index(trees.tree, file, reach.configuration);
  const places = added.length > 0 ? added.map(({ line }) => line) : [hunk.at + leadingContext(hunk)];
  const functions = places.map((line) => functionAt(index, line));
  const inside = functions.find((f) => f !== null);
  if (inside !== undefined && inside !== null) {
    const length = inside.text.split('\n').length;
    const range = Array.from({ length }, (_, i) => inside.line + i);
    if (range.some((line) => (counts?.get(line) ?? 0) > 0)) return ran(names);
    return { ran: false, why: reach.left?.get(`${file}: ${inside.name}`) ?? `${inside.name}() is never executed` };
  }
  if (reach.judge !== 'held alone') return ran([]);
  const unread = reach.unread?.get(placeOf(hunk));
  if (unread !== undefined) return { ran: false, why: unread };
  const readers = reach.readers?.get(placeOf(hunk))?.filter((name) => isHeld(reach, name)) ?? [];
  return readers.length > 0 ? ran(readers) : { ran: false, why: 'no function that can be called alone mentions it' };
}

/** Whether what stands behind conditional lines is compiled or left out as it was before. */
function decidesTheSame(
  changes: readonly ChangedLine[],
  { configuration }: Reach,
  file: string,
  { previous, tree }: StepTrees,
  sources: Sources,
): boolean {
  const decided = (side: ChangedLine['side'], from: KernelTree) =>
    changes
      .filter((change) => change.side === side)
      .map(({ line }) => sources.keepsBehind(from, file, line, configuration));
  const [before, after] = [decided('previous', previous), decided('patched', tree)];
  return before.length === after.length && before.every((active, i) => active === after[i]);
}

const isHeld = (reach: Reach, name: string): boolean =>
  [...(reach.held ?? [])].some((held) => held.endsWith(`: ${name}`));

const leadingContext = (hunk: AppliedHunk): number =>
  Math.max(
    0,
    hunk.lines.findIndex((line) => line[0] !== ' '),
  );

async function functionNames(reach: Reach, hunk: AppliedHunk, trees: StepTrees, sources: Sources): Promise<string[]> {
  if (!isC(hunk.file)) return [];
  const index = await sources.index(trees.tree, hunk.file, reach.configuration);
  return changedLines(hunk).flatMap(({ side, line }) => {
    const f = side === 'patched' ? functionAt(index, line) : null;
    return f === null ? [] : [f.name];
  });
}

/** Said of a hunk that is under nothing; the most telling first. */
const TELLING = [/folded/, /compile|parameters|more than/, /never executed/, /configuration/];

async function judgeHunk(
  hunk: AppliedHunk,
  trees: StepTrees,
  reaches: readonly Reach[],
  sources: Sources,
  kconfig: ReadonlySet<string>,
): Promise<JudgedHunk> {
  const { file, at, fuzz, merged } = hunk;
  const count = (sign: string) => hunk.lines.filter((line) => line[0] === sign).length;
  const [added, removed] = [count('+'), count('-')];
  const length = hunk.lines.length - removed;
  const named = isC(file) ? await functionOf(hunk, trees, reaches, sources) : null;
  const rest = { file, at, length, added, removed, fuzz, merged, function: named };
  if (kconfig.has(file))
    return { ...rest, leftOut: [], status: 'no code', by: [], why: 'Kconfig: its options are built' };
  if (file === FOLLOWED_MAKEFILE && isKbuildOnly(hunk.lines.filter((line) => line[0] !== ' ')))
    return { ...rest, leftOut: [], status: 'no code', by: [], why: 'Makefile: its objects are built' };
  if (IS_TEXT.test(file)) return { ...rest, leftOut: [], status: 'no code', by: [], why: 'documentation' };
  if (isC(file) && sources.has(trees, file)) {
    const old = sources.code(trees.previous, file, hunk.oldAt, hunk.lines.length - added);
    if (old === sources.code(trees.tree, file, at, length))
      return { ...rest, leftOut: [], status: 'no code', by: [], why: 'comments and white space' };
  }
  const reading = reaches.filter((reach) => reach.reads(file));
  const by: { judge: Judge; functions: readonly string[] }[] = [];
  const whys: string[] = [];
  for (const reach of reading) {
    const says = await asked(reach, hunk, trees, sources);
    if (says.ran) by.push({ judge: reach.judge, functions: says.functions });
    else whys.push(says.why);
  }
  const leftOut = leftOutOf(hunk, trees, reading, sources);
  if (by.length > 0 && leftOut.length > 0) {
    const conditions = [...new Set(leftOut.map((line) => line.condition))].join(', ');
    const why = `${addedLines(leftOut.length)} left out by the configuration: ${conditions}`;
    return { ...rest, leftOut, status: 'in part', by, why };
  }
  if (by.length > 0) return { ...rest, leftOut, status: 'judged', by, why: null };
  const order = (why: string) => TELLING.findIndex((pattern) => pattern.test(why));
  const why = [...whys].sort((a, b) => order(a) - order(b))[0] ?? 'nothing here compiles this file';
  return { ...rest, leftOut, status: 'not judged', by: [], why };
}

const addedLines = (n: number): string => `${n} added line${n === 1 ? '' : 's'}`;

/** Added lines of code of which every judge that reads the file makes nothing, and that its configuration leaves out. */
function leftOutOf(
  hunk: AppliedHunk,
  trees: StepTrees,
  reading: readonly Reach[],
  sources: Sources,
): JudgedHunk['leftOut'] {
  const { file } = hunk;
  if (reading.length === 0 || !isC(file)) return [];
  return changedLines(hunk)
    .filter(({ side, line }) => side === 'patched' && sources.isCode(trees.tree, file, line))
    .filter(({ line }) =>
      reading.every(
        ({ after, configuration }) =>
          after.lines.get(file)?.get(line) === undefined && !sources.isActive(trees.tree, file, line, configuration),
      ),
    )
    .map(({ line, text }) => ({ line, text, condition: sources.condition(trees.tree, file, line) }));
}

/** The function that a hunk changes first; what its header names where it is in none. */
async function functionOf(
  hunk: AppliedHunk,
  trees: StepTrees,
  reaches: readonly Reach[],
  sources: Sources,
): Promise<string | null> {
  const configuration = reaches.find((reach) => reach.reads(hunk.file))?.configuration ?? new Map();
  for (const { side, line } of changedLines(hunk)) {
    const tree = side === 'patched' ? trees.tree : trees.previous;
    const f = functionAt(await sources.index(tree, hunk.file, configuration), line);
    if (f !== null) return f.name;
  }
  return null;
}

/** Every hunk of a patch, and what is left out of it. `kconfig` are the files whose new options the trees are built with. */
export async function judgeHunks(
  hunks: readonly AppliedHunk[],
  leftOut: readonly LeftOut[],
  trees: StepTrees,
  reaches: readonly Reach[],
  kconfig: ReadonlySet<string> = new Set(),
): Promise<JudgedHunk[]> {
  const sources = new Sources();
  const judged: JudgedHunk[] = [];
  for (const hunk of hunks) judged.push(await judgeHunk(hunk, trees, reaches, sources, kconfig));
  const missing = leftOut.map(({ file, why, hunks: n }) => ({
    ...{ file, at: 0, length: 0, function: null, added: 0, removed: 0, fuzz: 0, merged: false, leftOut: [], by: [] },
    ...(kconfig.has(file)
      ? { status: 'no code' as const, why: 'Kconfig: its options are built' }
      : why === IS_THERE
        ? { status: 'no code' as const, why: `${n === 1 ? 'a hunk is' : `${n} hunks are`} in the tree already` }
        : IS_TEXT.test(file)
          ? { status: 'no code' as const, why: 'documentation' }
          : { status: 'not judged' as const, why: `left out, ${n} hunk${n === 1 ? '' : 's'}: ${why}` }),
  }));
  return [...judged, ...missing];
}
