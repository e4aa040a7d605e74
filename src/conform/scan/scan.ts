// SPDX-License-Identifier: GPL-2.0-only
/** Which known bugs the C code of a tree has: what parts the model with the fix from the model without it is asked of the tree. */
import { type ExtractEngine, openExtractEngine } from '../../native/extract/engine.js';
import type { KernelTree } from '../../native/find-tree.js';
import { mirrors } from '../../native/mirrors.js';
import { NativeError } from '../../native/native-error.js';
import { nearestRelease, pin } from '../../series/registry.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { wantedOf } from '../held/compare.js';
import { aloneOf, functionSign } from './functions.js';
import { type KnownBug, knownBugs, piecesOf } from './known-bugs.js';
import { apicSign, schedulerSign, TreeEngines } from './sequences.js';
import { type Sign, untried } from './sign.js';

export type Finding = 'present' | 'absent' | 'not told';

export interface Scanned {
  readonly id: string;
  readonly says: string;
  readonly finding: Finding;
  readonly signs: readonly Sign[];
}

/** What all signs say together: none alone outweighs another. */
function findingOf(signs: readonly Sign[]): Finding {
  const likes = new Set(signs.map(({ like }) => like));
  if (likes.has('buggy') && !likes.has('fixed')) return 'present';
  return likes.has('fixed') && !likes.has('buggy') ? 'absent' : 'not told';
}

/** What cannot be built is said of each bug that needs it, and the rest is asked. */
async function unlessNotBuilt(work: () => Promise<Sign>): Promise<Sign> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof NativeError) || error.code === 'no-compiler') throw error;
    return untried('', error.message.split('\n')[0]!);
  }
}

/** By operations: of the pieces of a fix those that show, or else of the whole. */
async function signsOfWhole(bug: KnownBug, engines: TreeEngines): Promise<Sign[]> {
  const ask = (one: KnownBug): Promise<Sign> =>
    unlessNotBuilt(() => (one.partOf === 'scheduler' ? schedulerSign(one, engines) : apicSign(one, engines)));
  const pieces = piecesOf(bug);
  if (pieces.length < 2) return [await ask(bug)];
  const shown: Sign[] = [];
  for (const piece of pieces) {
    const sign = await ask(piece);
    if (sign.sequence !== '') shown.push({ ...sign, tried: `${sign.tried} for ${piece.functions[0]}()` });
  }
  return shown.length > 0 ? shown : [await ask(bug)];
}

/** Asks for each bug, in the order in which they are listed. NativeError where there is no compiler. */
export async function scan(
  tree: KernelTree,
  wanted: ReadonlySet<string> | null,
  report: (done: number, all: number, id: string) => void,
): Promise<Scanned[]> {
  const near = nearestRelease(tree.version);
  const bugs = knownBugs(near).filter(({ id }) => wanted === null || wanted.has(id));
  const list = mirrors();
  const engines = new TreeEngines(tree.dir);
  let extract: Promise<ExtractEngine> | undefined;
  const others: readonly Kernel[] = [...new Set([near, pin])];
  const signsOf = async (bug: KnownBug): Promise<Sign[]> => {
    const alone = aloneOf(bug);
    const signs: Sign[] = [];
    for (const name of alone)
      signs.push(
        await unlessNotBuilt(async () => {
          extract ??= openExtractEngine(tree, wantedOf('x86', list));
          const more = others.filter((kernel) => kernel !== bug.fixed && kernel.table[name] !== undefined);
          return functionSign(bug, name, await extract, list, more);
        }),
      );
    // what of a fix nothing is asked about is no part of the finding, and is said beside it
    const rest = bug.functions.filter((name) => !alone.includes(name));
    if (alone.length > 0) return [...signs, ...rest.map((name) => untried(`${name}()`, 'not called alone'))];
    if (bug.partOf === null) return [untried('', `nothing here drives ${bug.functions.join(', ')}() of a tree`)];
    return await signsOfWhole(bug, engines);
  };
  const out: Scanned[] = [];
  try {
    for (const bug of bugs) {
      report(out.length, bugs.length, bug.id);
      const signs = await signsOf(bug);
      out.push({ id: bug.id, says: bug.says, finding: findingOf(signs), signs });
    }
  } finally {
    await engines.close();
    await extract?.then(
      (it) => it.close(),
      () => undefined,
    );
  }
  return out;
}
