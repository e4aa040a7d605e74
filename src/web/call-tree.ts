// SPDX-License-Identifier: GPL-2.0-only
/** The steps of an event as lines of a tree: calls with what they return, writes and tracepoints inside. */
import type { Detail, Step } from '../step/detail.js';
import { isBookkeeping } from '../step/text.js';

export interface TreeLine {
  /** index of the step */
  readonly index: number;
  readonly step: Step;
  readonly depth: number;
  /** of a call: its `return` step; null where it never returned */
  readonly result: Extract<Step, { kind: 'return' }> | null;
  /** of a call: the index of the last step inside */
  readonly end: number;
  /** a call with anything inside */
  readonly folds: boolean;
}

/** Every step but returns, which stand with their call, and what the machine only keeps books by. */
export function treeOf({ steps }: Detail): TreeLine[] {
  const lines: TreeLine[] = [];
  const returns = new Map<number, number>();
  for (const [i, step] of steps.entries()) if (step.kind === 'return') returns.set(step.call, i);
  for (const [index, step] of steps.entries()) {
    if (step.kind === 'return' || isBookkeeping(step)) continue;
    const end = step.kind === 'call' ? (returns.get(index) ?? steps.length) : index;
    const result = steps[end];
    lines.push({
      index,
      step,
      depth: step.depth,
      result: step.kind === 'call' && result?.kind === 'return' ? result : null,
      end,
      folds: step.kind === 'call' && end > index + 1,
    });
  }
  return lines;
}

/** The lines that are left when some calls are folded. */
export function unfolded(lines: readonly TreeLine[], folded: ReadonlySet<number>): TreeLine[] {
  const left: TreeLine[] = [];
  let until = -1;
  for (const line of lines) {
    if (line.index < until) continue;
    left.push(line);
    if (folded.has(line.index)) until = line.end;
  }
  return left;
}

/** The line that a place stands at: of the last step made, or of the call that it returned from. */
export function lineAt(lines: readonly TreeLine[], { steps }: Detail, made: number): number {
  if (made === 0) return -1;
  const last = steps[made - 1];
  const index = last.kind === 'return' ? last.call : made - 1;
  return lines.findLastIndex((line) => line.index <= index);
}

/** The first step that one event makes otherwise than another: another function, arguments, result, field or value; -1 for none. */
export function firstOther({ steps: one }: Detail, { steps: other }: Detail): number {
  const most = Math.max(one.length, other.length);
  for (let i = 0; i < most; i++)
    if (one[i] === undefined || other[i] === undefined || told(one[i]) !== told(other[i])) return i;
  return -1;
}

const told = ({ at: _, ...step }: Step): string =>
  JSON.stringify(step, (_, it: unknown) => (typeof it === 'bigint' || typeof it === 'symbol' ? String(it) : it));
