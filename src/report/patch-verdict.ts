// SPDX-License-Identifier: GPL-2.0-only
/** What counts against a patch in C, for its text, its mail and its exit code alike. */
import type { PatchCheck, PropertyRow, ReachedLine } from '../conform/sched/patch-check.js';

/** A step of a series, judged. */
export interface Judged {
  readonly subject: string;
  readonly check: PatchCheck;
}

/** A property that the base has and the patched tree lacks. */
export const isWorse = (row: PropertyRow) => row.base.verdict === 'holds' && row.patched.verdict === 'refuted';
/** An added line that nothing executed. */
export const isDead = (line: ReachedLine) => line.count === 0;
const died = (check: PatchCheck) => check.ending !== null;

/** Refuted: a property that the base has, a new report of UBSan's, or the death of the kernel. */
export const isRefuted = (check: PatchCheck): boolean =>
  check.properties.some(isWorse) || check.reports.length > 0 || died(check);
