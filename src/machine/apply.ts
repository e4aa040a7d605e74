// SPDX-License-Identifier: GPL-2.0-only
/**
 * The one recipe: what an event does to a machine. `drive` and `reduce` both run exactly this.
 *
 * An event is atomic for the machine: after it, every CPU has run as far as it can without time passing
 * (`settle`): tails of kernel functions have run, needed reschedules have happened if the machine is eager, and
 * interrupts that entered a guest have been taken by its program.
 */
import type { MachineEvent } from '../scenario/events.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { legal, ruleOf } from './event-table.js';
import { heartbeat } from './heartbeat.js';
import { NO_CPU, settle } from './settle.js';
import type { machine } from './state.js';

/** Applies one event to the machine that `k` is bound to. An illegal event changes nothing but the step count. */
export function apply(k: vmlinux_x86, event: MachineEvent): void {
  const m = k.m as machine;
  heartbeat.counts[0]++;
  m.steps++;
  if (!legal(m, event)) return;
  if ('cpu' in event) m.cpu = event.cpu;
  ruleOf(event).perform(k, m, event);
  if (!('cpu' in event)) {
    settle(k, m, NO_CPU);
    return;
  }
  k.afterSyscall(event.cpu);
  settle(k, m, event.cpu);
}
