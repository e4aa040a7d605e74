// SPDX-License-Identifier: GPL-2.0-only
/** One sequence on the local APICs of the trees before and after a patch: what differs after each operation. */
import type { RawBatch } from '../../native/engine-process.js';
import type { KernelTree } from '../../native/find-tree.js';
import { type LapicEngine, openLapicEngine } from '../../native/lapic-engine.js';
import { type ApicOperation, apicOpText } from '../../operation/apic.js';
import { apicWordName } from '../apic/state.js';
import { wordsAt } from './apic-pair.js';
import type { FieldDifference, Replayed } from './replay-step.js';

interface Answer {
  readonly r: string;
  readonly words: Uint32Array;
}

function answersOf({ answer, ending }: RawBatch, count: number): Answer[] {
  const answers: Answer[] = [];
  for (let at = 0; answers.length < (ending?.op ?? count); ) {
    const words = wordsAt(answer, at);
    answers.push({ r: String(answer.readBigInt64LE(at)), words });
    at += 12 + 4 * words.length;
  }
  return answers;
}

const hex = (x: number | undefined): string => (x === undefined ? 'nothing' : `0x${x.toString(16)}`);

function differingWords(was: Answer, is: Answer): FieldDifference[] {
  const found: FieldDifference[] = [];
  for (let i = 0; i < Math.max(was.words.length, is.words.length); i++) {
    if (was.words[i] === is.words[i]) continue;
    found.push({ field: apicWordName(is.words, i), base: hex(was.words[i]), patched: hex(is.words[i]) });
    // from the first word that only one of them has, all others are of something else
    if (was.words.length !== is.words.length) break;
  }
  return found;
}

/** Replays `ops` from where no VM is. NativeError as for a build. */
export async function replayApics(
  base: KernelTree,
  patched: KernelTree,
  ops: readonly ApicOperation[],
): Promise<Replayed> {
  const engines: LapicEngine[] = [];
  try {
    for (const tree of [base, patched]) engines.push(await openLapicEngine({ tree: tree.dir, smoke: tree === base }));
    const [a, b] = [engines[0]!.runSequence(ops), engines[1]!.runSequence(ops)];
    const [left, right] = [answersOf(a, ops.length), answersOf(b, ops.length)];
    let before = new Map<string, string>();
    const operations = ops.map((op, i) => {
      const [was, is] = [left[i], right[i]];
      const all = was === undefined || is === undefined ? [] : differingWords(was, is);
      const differences = all.filter((d) => before.get(d.field) !== `${d.base} ${d.patched}`);
      before = new Map(all.map((d) => [d.field, `${d.base} ${d.patched}`]));
      return { text: apicOpText(op), r: [was?.r ?? null, is?.r ?? null] as const, differences };
    });
    return { operations, endings: [a.ending, b.ending], broken: [], reports: [] };
  } finally {
    for (const engine of engines) engine.close();
  }
}
