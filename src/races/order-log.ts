// SPDX-License-Identifier: GPL-2.0-only
/** What an order did, step by step: the stores of each to the kernel's memory, under the kernel's names. */
import { OneOrder, type OrderStep, type Setting } from './one-order.js';

/** A step, and what was stored in it. */
export interface LoggedStep extends OrderStep {
  stores: string[];
}

/** Statistics, arguments kept for later, and what the machine keeps for itself: they tell nothing of a race. */
const SILENT = /\.(stat|halt|regs)\b|\.(at_instruction_boundary|exit_\w+|taken|irq_frames|event_inj|st|run)\b/;

/** Plays the moves again, and writes down what is stored to vCPUs and VMs, and the states of tasks. */
export function logOrder(setting: Setting, moves: readonly number[]): LoggedStep[] {
  let stores: string[] = [];
  const order = new OneOrder(setting, (name, value, buffered) => {
    const about = /^vcpu|^kvm\[/.test(name) ? !SILENT.test(name.replace('.apic.regs', '')) : /__state$/.test(name);
    if (about) stores.push(`${name.replace('.arch', '')} = ${shown(name, value)}${buffered ? ' (waits)' : ''}`);
  });
  const steps: LoggedStep[] = [];
  for (const move of moves) {
    stores = [];
    order.take(move);
    steps.push({ ...(order.steps.at(-1) as OrderStep), stores });
  }
  return steps;
}

function shown(name: string, value: unknown): string {
  if (typeof value === 'number' && /regs|pir|requests/.test(name)) return `0x${(value >>> 0).toString(16)}`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return `0x${BigInt.asUintN(64, value).toString(16)}`;
  return Array.isArray(value) ? `[${value.length}]` : '{...}';
}
