// SPDX-License-Identifier: GPL-2.0-only
/** What came of expanding some states elsewhere, as data: put down in the order in which it was seen, and told again. */
import { type Fingerprint, FingerprintSet } from '../machine/fingerprint.js';
import type { machine } from '../machine/state.js';
import type { Moves } from './commute.js';
import type { Expander, Outcomes, StateSaid } from './expand.js';

/** States to be expanded: by number, with the way there and what is asleep. */
export interface Task {
  nodes: readonly { node: number; path: readonly number[]; asleep: Moves | null }[];
}

/** One entry a move that was tried or left out. */
export interface Expansion {
  /** of each node, where its entries end */
  ends: number[];
  kind: Uint8Array;
  move: Uint8Array;
  lo: Uint32Array;
  hi: Uint32Array;
  flags: Uint8Array;
  /** by entry: what was said of it */
  texts: Map<number, string>;
}

/** Who expands states: threads, or a test. */
export interface ExpandCrew {
  /** tasks that are wanted at once */
  readonly width: number;
  expand(task: Task): Promise<Expansion>;
}

const STATE = 0;
const ALIKE = 1;
const ASLEEP = 2;
const CHECKED = 3;
const NOT_MODELLED = 4;
const BREACH = 5;

/** One member of a crew. What it has said of a state once it does not say again. */
export class ExpandMember {
  private readonly told = new FingerprintSet();

  constructor(private readonly expander: Expander) {}

  expand({ nodes }: Task): Expansion {
    const put: { kind: number; move: number; lo: number; hi: number; flags: number }[] = [];
    const ends: number[] = [];
    const texts = new Map<number, string>();
    const add = (kind: number, move: number, text = '', print: Fingerprint = { lo: 0, hi: 0 }, flags = 0): true => {
      if (text !== '') texts.set(put.length, text);
      put.push({ kind, move, ...print, flags });
      return true;
    };
    const out: Outcomes = {
      state: (move, print, of) => {
        const isNew = this.told.add(print);
        return add(STATE, move, isNew ? of.breach() : '', print, isNew ? of.flags() : 0);
      },
      alike: (move) => add(ALIKE, move),
      asleep: (move, print) => (print === null ? add(ASLEEP, move) : add(CHECKED, move, '', print)),
      notModelled: (move, what) => add(NOT_MODELLED, move, what),
      breach: (move, message) => add(BREACH, move, message),
    };
    for (const { node, path, asleep } of nodes) {
      this.expander.expand(node, path, asleep, out);
      ends.push(put.length);
    }
    return {
      ends,
      kind: Uint8Array.from(put, (it) => it.kind),
      move: Uint8Array.from(put, (it) => it.move),
      lo: Uint32Array.from(put, (it) => it.lo),
      hi: Uint32Array.from(put, (it) => it.hi),
      flags: Uint8Array.from(put, (it) => it.flags),
      texts,
    };
  }
}

/**
 * Tells it again, of the i-th state. WHY flags are there when a state is new: of all entries of it the first in the order of the search is
 * the first of whoever made it, who expands in that order.
 */
export function tell(
  { ends, kind, move, lo, hi, flags, texts }: Expansion,
  i: number,
  out: Outcomes,
  machineBy: (move: number) => machine,
): void {
  let at = i === 0 ? 0 : ends[i - 1];
  const of: StateSaid = {
    flags: () => flags[at],
    breach: () => texts.get(at) ?? '',
    machine: () => machineBy(move[at]),
  };
  const toldAt = (): boolean => {
    const print: Fingerprint = { lo: lo[at] | 0, hi: hi[at] | 0 };
    switch (kind[at]) {
      case STATE:
        return out.state(move[at], print, of);
      case ALIKE:
        return out.alike(move[at]);
      case ASLEEP:
        return out.asleep(move[at], null);
      case CHECKED:
        return out.asleep(move[at], print);
      case NOT_MODELLED:
        return out.notModelled(move[at], texts.get(at) ?? '');
      default:
        return out.breach(move[at], texts.get(at) ?? '');
    }
  };
  for (; at < ends[i]; at++) if (!toldAt()) return;
}
