// SPDX-License-Identifier: GPL-2.0-only
/**
 * Added lines that can never run: the compiler proves so, and leaves them out.
 *
 * WHY not by comparing line tables: an optimiser also makes a branch an expression, and moves lines into others. Here a marker
 * that no optimiser may remove, merge or execute on a guess stands before each statement in question. It is missing from the
 * assembly of a function that is there only when control cannot come to it.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CNode, parseC } from './extract/c-parser.js';
import type { Build } from './kernel-program.js';
import { NativeError } from './native-error.js';
import type { AddedLine } from './patch.js';
import { scratchDir } from './scratch.js';

/** What compiles a build's files to assembly. */
export interface Prover {
  /** the translation units that compile a file of the tree */
  readonly unitsOf: (tree: string, file: string) => readonly string[];
  /** their assembly, with the tree's files from `dir` instead */
  readonly assembly: (built: Build, dir: string, units: readonly string[]) => Promise<string>;
}

const STATEMENT = /^(?:expression|return|goto|break|continue|if|while|for|do|switch)_statement$/;
/** What has a statement of its own below it, without braces. */
const IS_OWNER = /^(?:if|while|for|do)_statement$|^else_clause$/;

interface Insertion {
  readonly at: number;
  readonly text: string;
}

/** In the order in which they go to one place. */
type Insertions = Insertion[];

const marker = (n: number): string => `asm volatile("# kvmodel-line ${n}");`;
const functionMarker = (n: number): string => `asm volatile("# kvmodel-function ${n}");`;

/** The outermost statement that begins with the line. */
function statementAt(root: CNode, text: string, line: number): CNode | null {
  const column = /^\s*/.exec(text)![0].length;
  let found: CNode | null = null;
  const place = { row: line - 1, column };
  for (let node = root.descendantForPosition(place); node !== null; node = node.parent!) {
    const { row, column: at } = node.startPosition;
    if (row !== place.row || at !== column) break;
    if (STATEMENT.test(node.type)) found = node;
    if (node.parent === null) break;
  }
  return found;
}

function bodyAround(node: CNode): CNode | null {
  for (let at: CNode | null = node; at !== null; at = at.parent)
    if (at.type === 'function_definition') return at.childForFieldName('body');
  return null;
}

/** Where the markers of line `n` go; null where there is no statement to mark. */
function insertionsFor(root: CNode, line: AddedLine, n: number): Insertions | null {
  const node = statementAt(root, line.text, line.line);
  const body = node === null ? null : bodyAround(node);
  if (node === null || body === null || node.hasError) return null;
  const entry = { at: body.startIndex + 1, text: functionMarker(n) };
  const isOwned = IS_OWNER.test(node.parent?.type ?? '');
  if (!isOwned) return [entry, { at: node.startIndex, text: marker(n) }];
  return [entry, { at: node.startIndex, text: `{ ${marker(n)}` }, { at: node.endIndex, text: ' }' }];
}

/** Everything of `from` by links, but for the files of `contents`. */
function overlay(from: string, to: string, contents: ReadonlyMap<string, string>): void {
  const own = new Set<string>(['']);
  for (const file of contents.keys()) for (let dir = dirname(file); dir !== '.'; dir = dirname(dir)) own.add(dir);
  for (const dir of own) {
    mkdirSync(join(to, dir), { recursive: true });
    for (const name of readdirSync(join(from, dir))) {
      const path = dir === '' ? name : `${dir}/${name}`;
      if (!own.has(path) && !contents.has(path)) symlinkSync(join(from, path), join(to, path));
    }
  }
  for (const [file, text] of contents) writeFileSync(join(to, file), text);
}

/** The file with its markers; the lines that have one, by their place in `lines`. */
async function marked(text: string, lines: readonly (readonly [n: number, line: AddedLine])[]) {
  const root = await parseC(text);
  const insertions: Insertion[] = [];
  const has: number[] = [];
  for (const [n, line] of lines) {
    const found = insertionsFor(root, line, n);
    if (found === null) continue;
    insertions.push(...found);
    has.push(n);
  }
  // from the end on, so that places stay; what closes a statement comes before what opens the next
  insertions.sort((a, b) => b.at - a.at);
  let out = text;
  for (const { at, text: put } of insertions) out = out.slice(0, at) + put + out.slice(at);
  return { text: out, has };
}

/**
 * Why a statement has no count: control never comes to it, nothing calls its function, or what is left of it belongs to other
 * lines.
 */
export type Absent = 'folded' | 'uncalled' | 'merged';

/** What became of the statements that begin at `lines`, as the build is configured. */
export async function absentLines(
  built: Build,
  prover: Prover,
  lines: readonly AddedLine[],
): Promise<ReadonlyMap<AddedLine, Absent>> {
  const files = new Map<string, [number, AddedLine][]>();
  for (const [n, line] of lines.entries()) files.set(line.file, [...(files.get(line.file) ?? []), [n, line]]);
  const contents = new Map<string, string>();
  const has: number[] = [];
  for (const [file, list] of files) {
    const made = await marked(readFileSync(join(built.tree.dir, file), 'utf8'), list);
    if (made.has.length > 0) contents.set(file, made.text);
    has.push(...made.has);
  }
  const units = [...new Set([...contents.keys()].flatMap((file) => prover.unitsOf(built.tree.dir, file)))];
  if (units.length === 0) return new Map();
  const dir = scratchDir();
  try {
    overlay(built.tree.dir, dir, contents);
    const text = await prover.assembly(built, dir, units);
    const marks = (what: string) =>
      new Set([...text.matchAll(new RegExp(`# kvmodel-${what} (\\d+)$`, 'gm'))].map((m) => Number(m[1])));
    const [reachable, compiled] = [marks('line'), marks('function')];
    const became = (n: number): Absent => (reachable.has(n) ? 'merged' : compiled.has(n) ? 'folded' : 'uncalled');
    return new Map(has.map((n) => [lines[n]!, became(n)]));
  } catch (error) {
    // a macro that cannot have a statement before it: then nothing is claimed
    if (error instanceof NativeError && (error.code === 'compile' || error.code === 'lacks-header')) return new Map();
    throw error;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
