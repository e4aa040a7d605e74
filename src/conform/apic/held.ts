// SPDX-License-Identifier: GPL-2.0-only
/** The local APICs function by function: how often model and C code call each, and where a difference comes from. */
import type { LapicEngine } from '../../native/lapic-engine.js';
import type { ApicOperation } from '../../operation/apic.js';
import type { Kernel } from '../../vmlinux/bind.js';
import { type CallCounts, countingKernel } from '../count-calls.js';
import type { CallsHeld } from '../functions-held.js';
import { assigns } from '../sched/suspects.js';
import { type ApicDifference, ApicPair, apicSequenceOf } from './differ.js';

/** Random sequences with every call counted; `counting` is an engine with coverage. */
export function apicCalls(
  kernel: Kernel,
  native: LapicEngine,
  counting: LapicEngine,
  options: { operations: number; seed: number; progress?: (n: number) => void },
): CallsHeld {
  const counts: CallCounts = { active: true, calls: new Map() };
  const pair = new ApicPair(countingKernel(kernel, counts), native);
  const suspects: string[] = [];
  for (let [n, seed] = [0, options.seed]; n < options.operations; seed++) {
    const { ops } = apicSequenceOf(seed);
    const { difference } = pair.compare(ops);
    if (difference !== null)
      suspects.push(...apicSuspects(kernel, native, null, ops.slice(0, difference.op + 1), difference).slice(0, 1));
    counting.runOnly(ops);
    n += ops.length;
    options.progress?.(n);
  }
  return { calls: counts.calls, coverage: counting.coverage(), suspects };
}

/** `c0 timer expires (high)`: timer; `c1 IRR 230`: APIC_IRR */
function memberOf(field: string): string {
  const [, first, second] = /^(?:c\d+ |kvm\.|ioapic\.|apic_map\.)?([\w.]+)(?: (\w+))?/.exec(field) ?? [];
  if (second !== undefined && /^[0-9a-f]+$/.test(second) && /^[A-Z]/.test(first!)) return `APIC_${first}`;
  return (first ?? field).replace(/^.*\./, '');
}

function modelCallsOfLast(kernel: Kernel, native: LapicEngine, ops: readonly ApicOperation[]): CallCounts['calls'] {
  const counts: CallCounts = { active: false, calls: new Map() };
  const around = {
    before: (op: number) => {
      counts.active = op === ops.length - 1;
    },
    after: () => {
      counts.active = false;
    },
  };
  new ApicPair(countingKernel(kernel, counts), native, around).compare(ops);
  return counts.calls;
}

function nativeCallsOfLast(counting: LapicEngine, ops: readonly ApicOperation[]): ReadonlyMap<string, number> {
  counting.runOnly(ops.slice(0, -1));
  const before = counting.calls();
  counting.runOnly(ops.slice(-1), false);
  const more = [...counting.calls()].map(([name, n]) => [name, n - (before.get(name) ?? 0)] as const);
  return new Map(more.filter(([, n]) => n > 0));
}

/**
 * The functions that a difference at the last operation may come from, the likeliest first: those that write what
 * differs, called unevenly; those that write it; those called unevenly. `counting` is an engine with coverage, or null.
 */
export function apicSuspects(
  kernel: Kernel,
  native: LapicEngine,
  counting: LapicEngine | null,
  ops: readonly ApicOperation[],
  difference: ApicDifference,
): string[] {
  const member = memberOf(difference.field);
  const model = modelCallsOfLast(kernel, native, ops);
  const mentions = (name: string) => new RegExp(`\\b${member}\\b`).test(kernel.table[name]?.toString() ?? '');
  const writers = [...model.keys()].filter((name) =>
    /^APIC_/.test(member) ? mentions(name) : assigns(kernel, name, member),
  );
  const others = [...model.keys()].reverse();
  if (counting === null) return [...new Set([...writers, ...others])];
  const c = nativeCallsOfLast(counting, ops);
  const uneven = others.filter((name) => c.has(name) && c.get(name) !== model.get(name));
  return [...new Set([...writers.filter((name) => uneven.includes(name)), ...writers, ...uneven, ...others])];
}
