// SPDX-License-Identifier: GPL-2.0-only
/** A scenario until its end: its own events, or what its programs do. */
import { KernelBug } from '../lib/bug.js';
import { toNumber } from '../lib/types.js';
import { apply } from '../machine/apply.js';
import { boot } from '../machine/boot.js';
import { asBug } from '../machine/exception.js';
import { nextEvent } from '../machine/next-event.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { type RecordedEvent, recorder } from './recording.js';

/** ns that a scenario without events and without an end is run for */
const UNTIL = 50_000_000;

export interface Happenings {
  events: MachineEvent[];
  /** stopped by the limit, not by the scenario's end nor the kernel's */
  more: boolean;
}

/** What happens when it runs on the kernel; at most `limit` events. */
export function happenings(kernel: Kernel, scenario: Scenario, limit: number): Happenings {
  const events: MachineEvent[] = [];
  const { more } = play(kernel, scenario, limit, { before: (_, event) => events.push(event) });
  return { events, more };
}

export interface End {
  /** stopped by the limit, not by the scenario's end nor the kernel's */
  more: boolean;
  /** what the kernel died of */
  died: KernelBug | null;
}

/** Who is told of a run. The machine is read, never changed. */
export interface Watcher {
  begin?(m: machine): void;
  before?(m: machine, event: MachineEvent): void;
  /** a tracepoint, as it is hit */
  hit?(recorded: RecordedEvent): void;
  after?(m: machine): void;
  end?(m: machine): void;
}

/** Runs it on the kernel and tells of it, tracepoints of the host or of a guest's kernel; keeps nothing. */
export function traced(kernel: Kernel, scenario: Scenario, limit: number, watcher: Watcher, vm?: string): End {
  return play(kernel, scenario, limit, watcher, vm);
}

function booted(kernel: Kernel, scenario: Scenario): machine {
  try {
    return boot(kernel, scenario);
  } catch (thrown) {
    throw asBug(thrown);
  }
}

function play(kernel: Kernel, scenario: Scenario, limit: number, watcher: Watcher, vm?: string): End {
  const m = booted(kernel, scenario);
  const { hit } = watcher;
  const k = bind(kernel, m, hit === undefined ? null : recorder(m, hit, vm));
  watcher.begin?.(m);
  const ended = run(m, k, scenario, limit, watcher);
  watcher.end?.(m);
  return ended;
}

/** The event that comes after `n` others: the scenario's own, or what its programs do; null at its end. */
export function followingEvent(scenario: Scenario, m: machine, n: number): MachineEvent | null {
  const { events, until = UNTIL } = scenario;
  if (events !== undefined) return events[n] ?? null;
  return toNumber(m.sched_clock) < toNumber(m.bootClock) + until ? nextEvent(m) : null;
}

function run(m: machine, k: vmlinux_x86, scenario: Scenario, limit: number, watcher: Watcher): End {
  for (let n = 0; ; n++) {
    const event = followingEvent(scenario, m, n);
    if (event === null) return { more: false, died: null };
    if (n >= limit) return { more: true, died: null };
    watcher.before?.(m, event);
    try {
      apply(k, event);
      watcher.after?.(m);
    } catch (thrown) {
      const bug = asBug(thrown);
      // a result: the transcript tells what the kernel died of
      if (bug instanceof KernelBug) return { more: false, died: bug };
      throw bug;
    }
  }
}
