// SPDX-License-Identifier: GPL-2.0-only
import { toNumber } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { nextEvent } from '../../src/machine/next-event.js';
import type { machine } from '../../src/machine/state.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

/**
 * Lets programs and ticks run until `until` (ns since boot), at most `limit` events; calls `each` before each.
 * Returns how many events there were; fewer than possible when nothing is ever due.
 */
export function simulate(k: vmlinux_x86, until: number, limit: number, each?: (event: MachineEvent) => void): number {
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
