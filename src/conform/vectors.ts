// SPDX-License-Identifier: GPL-2.0-only
/**
 * Recorded vectors: what the kernel's own code did on operation sequences, one JSON object a line.
 *
 * A header line opens a sequence (`setup` and the state after it), then one line an operation with its return value
 * and the state it left. Integers beyond 2^53 are decimal strings; u64 fields are signed.
 */
import type { Operation, State, Word } from '../native/format.js';

/** First line of a sequence. */
export interface VectorHeader {
  readonly seq: number;
  readonly seed: number;
  readonly kind: string;
  readonly eager_resched: boolean;
  readonly tasks: number;
  readonly groups: number;
  readonly base_slice: number;
  readonly cpus: number;
  readonly setup: readonly Operation[];
  readonly setup_r: readonly Word[];
  readonly state: State;
}

/** One operation's line. */
export interface VectorLine {
  readonly i: number;
  readonly op: Operation;
  readonly r: Word;
  readonly state: State;
}

export interface VectorSequence {
  readonly header: VectorHeader;
  readonly lines: readonly VectorLine[];
}

const DECIMAL = /^-?\d{16,20}$/;

/** JSON with 64-bit integers: decimal strings are read as BigInt. */
function parseLine(text: string): unknown {
  return JSON.parse(text, (_, value) => (typeof value === 'string' && DECIMAL.test(value) ? BigInt(value) : value));
}

/** A line of vectors; BigInt is written as a decimal string. */
export function vectorText(value: VectorHeader | VectorLine): string {
  return JSON.stringify(value, (_, x) => (typeof x === 'bigint' ? x.toString() : x));
}

/** The sequences of a file's text; throws SyntaxError, with the line's number, for what is not such a file. */
export function* parseVectors(text: string): Iterable<VectorSequence> {
  let header: VectorHeader | null = null;
  let lines: VectorLine[] = [];
  let number = 0;
  for (const line of text.split('\n')) {
    number++;
    if (line.trim() === '') continue;
    const value = parseLine(line) as VectorHeader | VectorLine;
    if ('seq' in value) {
      if (header !== null) yield { header, lines };
      [header, lines] = [value, []];
    } else if (header !== null && 'op' in value) {
      lines.push(value);
    } else {
      throw new SyntaxError(`line ${number}: neither the header of a sequence nor one of its operations`);
    }
  }
  if (header !== null) yield { header, lines };
}
