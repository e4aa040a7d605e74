// SPDX-License-Identifier: GPL-2.0-only
/** The model's local APICs held against arch/x86/kvm/lapic.c of a tree: on random operations, and function by function. */
import { openLapicEngine } from '../../native/lapic-engine.js';
import type { Kernel } from '../../vmlinux/bind.js';
import type { CallsHeld } from '../functions-held.js';
import type { LockstepAsked, Report } from '../parts.js';
import { ApicPair, type ApicResult, apicDifferential } from './differ.js';
import { apicCalls, apicSuspects } from './held.js';

type Asked = Omit<LockstepAsked, 'cpus'>;

export interface ApicsHeld {
  /** the tree and how it was compiled */
  readonly native: string;
  readonly result: ApicResult;
  /** where the difference comes from, the likeliest first; empty without one */
  readonly suspects: readonly string[];
}

/** Random operations on both. NativeError where nothing can be built. */
export async function holdApics(kernel: Kernel, asked: Asked, report: Report): Promise<ApicsHeld> {
  const native = await openLapicEngine(asked);
  try {
    const progress = (n: number): void => report(n, 'operations, local APICs');
    const result = apicDifferential(new ApicPair(kernel, native), { ...asked, progress });
    if (result.finding === null) return { native: native.name, result, suspects: [] };
    const counting = await openLapicEngine({ ...asked, variant: 'cov' });
    const { ops, difference } = result.finding;
    const suspects = apicSuspects(kernel, native, counting, ops, difference);
    counting.close();
    return { native: native.name, result, suspects };
  } finally {
    native.close();
  }
}

/** Calls and covered lines. NativeError where nothing can be built. */
export async function apicFunctions(kernel: Kernel, asked: Asked): Promise<CallsHeld> {
  const counting = await openLapicEngine({ ...asked, variant: 'cov' });
  const native = await openLapicEngine(asked);
  try {
    return apicCalls(kernel, native, counting, asked);
  } finally {
    native.close();
    counting.close();
  }
}
