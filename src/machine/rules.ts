// SPDX-License-Identifier: GPL-2.0-only
/** The form of the table of events: of each kind, when it may happen and what it does. */
import type { EventKind, MachineEvent } from '../scenario/events.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import type { machine } from './state.js';

export type EventOf<K extends EventKind> = Extract<MachineEvent, { ev: K }>;

export interface Rule<E extends MachineEvent> {
  /** Whether the machine has what the event names and is where it can happen. Not whether it would change anything. */
  legal(m: machine, e: E): boolean;
  /** It happens; only where it is legal. `m.cpu` is the event's CPU. */
  perform(k: vmlinux_x86, m: machine, e: E): void;
}

/** A family: the rules of some kinds of event. */
export type Rules<K extends EventKind> = { readonly [P in K]: Rule<EventOf<P>> };
