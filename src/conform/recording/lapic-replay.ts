// SPDX-License-Identifier: GPL-2.0-only
/**
 * Replays recordings of a real KVM's local APICs on the model, and compares after every operation: the value read, #GP,
 * the vectors taken, the return code, and the whole register page of every vCPU.
 *
 * In timer sessions it is known to within [t0, t1] when the guest did an operation, and not when the host's timer
 * interrupt came in relation to it; lapic-times tries what is possible and keeps what agrees with all of the recording.
 */
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { linux_6_12 } from '../../series/linux-6.12.js';
import type { Kernel } from '../../vmlinux/bind.js';
import {
  applyChanges,
  type BesideLapic,
  compareObserved,
  comparePages,
  type Found,
  FUNCTIONS,
  initialPages,
  type LapicDifference,
  machineOf,
  newBeside,
  opText,
  perform,
} from './lapic-perform.js';
import { replayTimed } from './lapic-times.js';
import type { LapicOp, LapicSession } from './lapic-transcript.js';

/** What a replay came to. */
export interface LapicReplay {
  sessions: number;
  /** up to the difference of each session, or its end */
  operations: number;
  differences: LapicDifference[];
  beside: BesideLapic;
}

/** `xapic-flat seed 3` */
export const sessionName = (s: LapicSession): string => `${s.header.mode} seed ${s.header.seed}`;

/** What a session's replay came to: null when it agrees to its end. */
function replaySession(kernel: Kernel, session: LapicSession, beside: BesideLapic): LapicDifference | null {
  const pages = initialPages(session);
  const machine = machineOf(kernel, session);
  const differs = (found: Found, op: LapicOp | null): LapicDifference => ({
    line: op?.line ?? session.line,
    session: sessionName(session),
    n: op?.n ?? -1,
    op: op === null ? 'header' : opText(op),
    ...found,
  });
  const atStart = comparePages(machine, pages);
  if (atStart !== null) return differs(atStart, null);
  if (session.header.mode === 'timer') {
    const found = replayTimed(machine, session, pages);
    return found === null ? null : differs(found.found, found.op);
  }
  for (const op of session.ops) {
    let found: Found | null;
    try {
      found = compareObserved(op, perform(machine, op, beside));
    } catch (e) {
      if (!(e instanceof NotModelled || e instanceof KernelBug)) throw e;
      found = { field: 'throw', expected: 'a result', got: e.message, fn: FUNCTIONS[op.op] };
    }
    if (op.d.length > 0) applyChanges(pages, op.d);
    found ??= comparePages(machine, pages);
    if (found !== null) return differs(found, op);
  }
  return null;
}

/**
 * Replays sessions on a kernel, the pin unless another is given. At most one difference a session: what follows it
 * says nothing. `progress` is told after each session.
 */
export function replayLapic(
  sessions: readonly LapicSession[],
  kernel: Kernel = linux_6_12,
  progress: (done: number) => void = () => {},
): LapicReplay {
  const result: LapicReplay = { sessions: 0, operations: 0, differences: [], beside: newBeside() };
  for (const session of sessions) {
    const difference = replaySession(kernel, session, result.beside);
    if (difference !== null) result.differences.push(difference);
    result.sessions++;
    result.operations += difference === null ? session.ops.length : difference.n + 1;
    progress(result.sessions);
  }
  return result;
}

/** `24 sessions, 13516 operations, 0 differences`, then the first differences and the counts of what is not lapic.c's. */
export function replayText(replay: LapicReplay, shown = 5): string {
  const lines = [
    `${replay.sessions} sessions, ${replay.operations} operations, ${replay.differences.length} differences`,
  ];
  for (const d of replay.differences.slice(0, shown)) {
    lines.push(`line ${d.line}, ${d.session}, operation ${d.n}: ${d.op}`);
    lines.push(`  ${d.field}: recorded ${d.expected}, model ${d.got}  (${d.fn})`);
  }
  const b = replay.beside;
  lines.push(
    `not lapic.c: ${b.nmiHandlers} NMI handlers, ${b.restarts} restarts, ${b.staleReads} stale reads, ` +
      `${b.elsewhere} accesses elsewhere, ${b.blocked} of waiting vCPUs`,
  );
  return `${lines.join('\n')}\n`;
}
