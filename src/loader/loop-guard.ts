// SPDX-License-Identifier: GPL-2.0-only
/** What ends a loop that does not end by itself: in a user's file always, in the kernel where an override may be to blame. */
import { KernelBug } from '../lib/bug.js';

/** Called at the head of every turn of a loop, with the number of the turn and the loop's place. */
export const LOOP_GUARD = '__kvmodel_loop';
/** Turns of one loop; nothing in a kernel of at most 64 CPUs goes round so often */
const LOOP_TURNS = 1_000_000;

/** The kernel's own word for code that does not let go of its CPU. */
function countTurns(turn: number, where: string): void {
  if (turn > LOOP_TURNS) throw new KernelBug('soft lockup', where);
}

/** Has guarded loops find their guard: in this process or thread, for good. */
export function installLoopGuard(): void {
  (globalThis as Record<string, unknown>)[LOOP_GUARD] = countTurns;
}
