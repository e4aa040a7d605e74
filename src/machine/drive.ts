// SPDX-License-Identifier: GPL-2.0-only
/** The driver for running: the recipe in place, on a machine that is nobody else's. */

import type { MachineEvent } from '../scenario/events.js';
import type { trace_event } from '../trace/trace-event.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { apply } from './apply.js';
import type { machine } from './state.js';

/** Applies the events in order; changes `m`. Returns the bound kernel, to go on with. */
export function drive(
  kernel: Kernel,
  m: machine,
  events: readonly MachineEvent[],
  tp: ((event: trace_event) => void) | null = null,
): vmlinux_x86 {
  const k = bind(kernel, m, tp);
  for (const event of events) apply(k, event);
  return k;
}
