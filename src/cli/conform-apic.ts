// SPDX-License-Identifier: GPL-2.0-only
/** The part of `kvmodel conform` that holds the model's local APICs against arch/x86/kvm/lapic.c of a tree. */
import { count, wrap } from '../base/text.js';
import type { ApicResult } from '../conform/apic/differ.js';
import type { ApicCalls } from '../conform/apic/held.js';
import type { Kernel } from '../vmlinux/bind.js';
import { type Asked, againLine } from './conform-asked.js';

/** What is asked of this part. */
export interface ApicAsked {
  readonly tree?: string;
  readonly operations: number;
  readonly seed: number;
}

export interface ApicPart {
  /** the engine's name */
  readonly native: string;
  readonly result: ApicResult;
  /** where the difference comes from, the likeliest first; empty without one */
  readonly suspects: readonly string[];
}

/** Random operations on both. NativeError when there is no engine. */
export async function conformApic(kernel: Kernel, asked: ApicAsked, progress: (n: number) => void): Promise<ApicPart> {
  const { openLapicEngine } = await import('../native/lapic-engine.js');
  const { ApicPair, apicDifferential } = await import('../conform/apic/differ.js');
  const native = await openLapicEngine(asked);
  try {
    const result = apicDifferential(new ApicPair(kernel, native), { ...asked, progress });
    const part = { native: native.name, result, suspects: [] };
    if (result.finding === null) return part;
    const { apicSuspects } = await import('../conform/apic/held.js');
    const counting = await openLapicEngine({ ...asked, variant: 'cov' });
    const { ops, difference } = result.finding;
    const suspects = apicSuspects(kernel, native, counting, ops, difference);
    counting.close();
    return { ...part, suspects };
  } finally {
    native.close();
  }
}

/** What is said of a difference. */
export async function apicFindingLines(part: ApicPart, asked: Asked): Promise<string[]> {
  const { finding } = part.result;
  if (finding === null) return [];
  const { apicOpText } = await import('../operation/apic.js');
  const { difference: d, ops } = finding;
  return [
    '',
    `Difference: ${d.field} after operation ${d.op} (${apicOpText(ops[d.op]!)})`,
    `  model   ${d.model}`,
    `  C code  ${d.native}`,
    ...wrap(`  probably from: ${part.suspects.slice(0, 6).join(', ') || 'unknown'}`, 80, '    '),
    '',
    `Sequence (${finding.kind}, seed ${finding.seed}), shrunk from ${count(finding.original, 'operation')}:`,
    ...ops.map((op, i) => `  ${String(i).padStart(3)}  ${apicOpText(op)}`),
    '',
    againLine(asked, '--only lapic', finding.seed),
  ];
}

/** Calls and covered lines. NativeError when there is no engine. */
export async function apicFunctions(kernel: Kernel, asked: ApicAsked): Promise<ApicCalls> {
  const { openLapicEngine } = await import('../native/lapic-engine.js');
  const { apicCalls } = await import('../conform/apic/held.js');
  const counting = await openLapicEngine({ ...asked, variant: 'cov' });
  const native = await openLapicEngine(asked);
  try {
    return apicCalls(kernel, native, counting, asked);
  } finally {
    native.close();
    counting.close();
  }
}
