// SPDX-License-Identifier: GPL-2.0-only
/** The driver for running: the recipe in place, on a machine that is nobody else's. */

import { toNumber } from '../lib/types.js';
import type { MachineEvent } from '../scenario/events.js';
import type { trace_event } from '../trace/trace-event.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { apply } from './apply.js';
import { nextEvent } from './next-event.js';
import type { machine } from './state.js';

/** Applies the events in order; changes `m`. Returns the bound kernel, to go on with. */
export function drive(
  kernel: Kernel,
  m: machine,
  events: readonly MachineEvent[],
  tp: ((event: trace_event) => void) | null = null,
): vmlinux {
  const k = bind(kernel, m, tp);
  for (const event of events) apply(k, event);
  return k;
}

/**
 * Lets programs and ticks run until `until` (ns since boot), at most `limit` events; calls `each` before each.
 * Returns how many events there were; fewer than possible when nothing is ever due.
 */
export function simulate(k: vmlinux, until: number, limit: number, each?: (event: MachineEvent) => void): number {
  const m = k.m as machine;
  const end = toNumber(m.bootClock) + until;
  let n = 0;
  for (; n < limit && toNumber(m.sched_clock) < end; n++) {
    const event = nextEvent(m);
    if (event === null) break;
    each?.(event);
    apply(k, event);
  }
  return n;
}
