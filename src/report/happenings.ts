// SPDX-License-Identifier: GPL-2.0-only
/** A scenario until its end: its own events, or what its programs do. */
import { KernelBug } from '../lib/bug.js';
import { toNumber } from '../lib/types.js';
import { apply } from '../machine/apply.js';
import { boot } from '../machine/boot.js';
import { nextEvent } from '../machine/next-event.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import { type RecordedEvent, recorder } from './recording.js';

/** ns that a scenario without events and without an end is run for */
const UNTIL = 50_000_000;

export interface Happenings {
  events: MachineEvent[];
  recorded: RecordedEvent[];
  /** stopped by the limit, not by the scenario's end nor the kernel's */
  more: boolean;
}

/** Runs it on the kernel; at most `limit` events. */
export function happenings(kernel: Kernel, scenario: Scenario, limit: number, record: boolean): Happenings {
  const m = boot(kernel, scenario);
  const recorded: RecordedEvent[] = [];
  const k = bind(kernel, m, record ? recorder(m, recorded) : null);
  const events: MachineEvent[] = [];
  const given = scenario.events;
  const end = toNumber(m.bootClock) + (scenario.until ?? UNTIL);
  for (;;) {
    const event =
      given === undefined ? (toNumber(m.sched_clock) < end ? nextEvent(m) : null) : (given[events.length] ?? null);
    if (event === null) return { events, recorded, more: false };
    if (events.length >= limit) return { events, recorded, more: true };
    events.push(event);
    try {
      apply(k, event);
    } catch (thrown) {
      // a result: the transcript tells what the kernel died of
      if (thrown instanceof KernelBug) return { events, recorded, more: false };
      throw thrown;
    }
  }
}
