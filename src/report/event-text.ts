// SPDX-License-Identifier: GPL-2.0-only
/** An event in a few words: the column `event` of every transcript. */
import { unreachable } from '../base/assert.js';
import type { MachineEvent } from '../machine/events.js';
import type { Names } from './names.js';

const hex = (n: number): string => `0x${n.toString(16)}`;

/** The CPU that executes the event, or null for time and knobs. */
export function cpuOf(event: MachineEvent): number | null {
  return 'cpu' in event ? event.cpu : null;
}

/** The event without its CPU: `yield_to vm/1`, `advance 3000000`. */
export function eventText(event: MachineEvent, names: Names): string {
  switch (event.ev) {
    case 'advance':
      return `advance ${event.ns}`;
    case 'tick':
    case 'resched':
    case 'schedule':
    case 'yield':
    case 'block':
    case 'pause':
    case 'hlt':
    case 'eoi':
    case 'intr':
    case 'step':
      return event.ev;
    case 'yield_to':
    case 'wake':
      return `${event.ev} ${names.task(event.task)}`;
    case 'nice':
      return `nice ${names.task(event.task)} ${event.nice}`;
    case 'setattr':
      return setattrText(event, names);
    case 'shares':
      return `shares ${names.group(event.group)} ${event.shares}`;
    case 'move':
      return `move ${names.task(event.task)} ${names.group(event.group)}`;
    case 'ipi':
      return `ipi vcpu${event.to} ${hex(event.vector)}`;
    case 'icr':
      return `icr ${hex(event.low)} ${hex(event.dest)}`;
    case 'cpl':
      return `cpl ${event.cpl}`;
    case 'if':
      return event.on ? 'sti' : 'cli';
    case 'hypercall':
      return `hypercall ${event.nr} ${[event.a0, event.a1, event.a2, event.a3].map(hex).join(' ')}`;
    case 'pollEnd':
      return 'poll-end';
    case 'knob':
      return `${event.name}=${event.value}`;
    default:
      return unreachable(event);
  }
}

const POLICY: Readonly<Record<number, string>> = { 0: 'NORMAL', 1: 'FIFO', 2: 'RR', 3: 'BATCH', 5: 'IDLE' };

function setattrText(event: MachineEvent & { ev: 'setattr' }, names: Names): string {
  const realTime = event.policy === 1 || event.policy === 2;
  const rest = realTime
    ? `prio ${event.priority}`
    : `nice ${event.nice}${event.slice > 0 ? ` slice ${event.slice}` : ''}`;
  return `setattr ${names.task(event.task)} ${POLICY[event.policy] ?? event.policy} ${rest}`;
}
