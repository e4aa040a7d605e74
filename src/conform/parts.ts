// SPDX-License-Identifier: GPL-2.0-only
/** What of a kernel is compiled whole and driven by operations, and what one run of it is. */
import type { Kernel } from '../vmlinux/bind.js';
import type { SingleResult } from './sched/single-functions.js';

export const PARTS = ['scheduler', 'lapic', 'machine'] as const;
export type Part = (typeof PARTS)[number];

/** Which operations. */
export interface LockstepAsked {
  readonly tree?: string;
  /** of each part */
  readonly operations: number;
  /** of the first sequence; the next has the next number */
  readonly seed: number;
  /** the scheduler's machines, one run each */
  readonly cpus: readonly number[];
}

/** Told how many operations are done. */
export type Report = (done: number, label: string) => void;

/** Whether the model's kernel is that release. */
export const isRelease = (kernel: Kernel, version: string): boolean =>
  version.replace(/\.0(?=-|$)/, '') === kernel.name.slice(1);

/** Calls of each function that is held alone beside so many operations. */
export const callsOfEach = (operations: number): number => Math.min(20_000, Math.max(20, Math.ceil(operations / 500)));

/** No function was called alone on extreme operands. */
export const NO_SINGLE: SingleResult = { functions: 0, calls: 0, absent: [], differences: [] };
