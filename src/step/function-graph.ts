// SPDX-License-Identifier: GPL-2.0-only
/**
 * A run as ftrace's function_graph text: which kernel functions call which, with the tracepoints where they are hit.
 * MODEL: no time passes inside an event, so every duration is 0. Functions of the machine's own are left out.
 */
import type { machine } from '../machine/state.js';
import { printed } from '../report/print-formats.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Kernel } from '../vmlinux/bind.js';
import { detailOf, type Step } from './detail.js';

export const GRAPH_HEAD: readonly string[] = [
  '# tracer: function_graph',
  '#',
  '# CPU  DURATION                  FUNCTION CALLS',
  '# |     |   |                     |   |   |   |',
];

const DURATION = '  0.000 us    ';

/** A function that is one in Linux too; the pieces of one that sleeps have a hump at its end. Tracepoints are inlined. */
const isKernels = (fn: string): boolean => (fn.includes('_') && !fn.startsWith('trace_')) || !/_|[a-z][A-Z]/.test(fn);

/** The lines of one event, on the machine before it, which stays as it is. */
export function graphLines(kernel: Kernel, m: machine, event: MachineEvent): string[] {
  const { steps } = detailOf(kernel, m, event);
  const lines: string[] = [];
  let cpu = m.cpu;
  let depth = 0;
  const line = (left: string, text: string): void =>
    void lines.push(`${String(cpu).padStart(2)}) ${left.padEnd(DURATION.length)}|  ${'  '.repeat(depth)}${text}`);
  for (const [i, step] of steps.entries()) {
    if (step.kind === 'write') {
      if (step.path.length === 1 && step.path[0] === 'cpu') cpu = Number(step.is);
    } else if (step.kind === 'trace') line('', `/* ${step.event.event}: ${printed(step.event)} */`);
    else if (!isKernels(step.fn)) continue;
    else if (step.kind === 'call') {
      if (isLeaf(steps, i)) line(DURATION, `${step.fn}();`);
      else {
        line('', `${step.fn}() {`);
        depth++;
      }
    } else if (!isLeaf(steps, step.call)) {
      depth--;
      line(DURATION, '}');
    }
  }
  return lines;
}

/** Calls no function of the kernel's and hits no tracepoint. */
function isLeaf(steps: readonly Step[], call: number): boolean {
  for (const step of steps.slice(call + 1)) {
    if (step.kind === 'return' && step.call === call) return true;
    if (step.kind === 'trace' || (step.kind === 'call' && isKernels(step.fn))) return false;
  }
  return false;
}
