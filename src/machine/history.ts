// SPDX-License-Identifier: GPL-2.0-only
/**
 * A run that can be gone through forwards and backwards: snapshots now and then, and the events between.
 *
 * WHY not patches: running is so much cheaper than remembering that any state is a snapshot plus a few thousand
 * events away. What a state differs from the one before in is computed when somebody asks.
 */

import { assert } from '../base/assert.js';
import type { MachineEvent } from '../scenario/events.js';
import type { trace_event } from '../trace/trace-event.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { apply } from './apply.js';
import { cloneMachine } from './clone.js';
import type { machine } from './state.js';

/** What snapshots may take, bytes an event: with the event itself, about 50, it stays under 100. */
const BYTES_AN_EVENT = 38;
/** as V8 keeps a value of a machine, its share of the record around it included */
const BYTES_A_VALUE = 16;
const DISTANCE_MIN = 256;

/** How many events apart: the nearer, the sooner a place is reached, so as near as the machine's size lets them be. */
export function snapshotDistance(m: machine): number {
  return Math.max(DISTANCE_MIN, Math.ceil((valuesOf(m) * BYTES_A_VALUE) / BYTES_AN_EVENT));
}

function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  let n = 1;
  for (const member of Object.values(value)) n += valuesOf(member);
  return n;
}

export class History {
  private readonly snapshots: machine[];
  private readonly events: MachineEvent[] = [];
  private present: machine;
  private at = 0;

  private bound: vmlinux_x86 | null = null;

  /** Begins at `start`, which stays as it is. `distance`: events between two snapshots, at least 1. */
  constructor(
    private readonly kernel: Kernel,
    start: machine,
    private readonly distance = snapshotDistance(start),
  ) {
    assert(Number.isInteger(distance) && distance >= 1, 'a snapshot every event at most');
    this.snapshots = [cloneMachine(start)];
    this.present = cloneMachine(start);
  }

  /** Events so far: positions are 0 (before the first) to this. */
  get length(): number {
    return this.events.length;
  }

  /** How many events lie before the present position. */
  get position(): number {
    return this.at;
  }

  /** The machine at the present position; it is read, never changed. */
  get machine(): machine {
    return this.present;
  }

  /** The event that led here from the position before; null at the beginning. */
  get lastEvent(): MachineEvent | null {
    return this.at === 0 ? null : this.events[this.at - 1];
  }

  /**
   * Applies an event at the present position. What lay ahead is forgotten.
   * Returns the tracepoints it hit. Throws what the kernel throws, and stays where it was then.
   */
  do(event: MachineEvent): trace_event[] {
    const traces: trace_event[] = [];
    this.run(event, (hit) => traces.push(hit));
    return traces;
  }

  /** The same; `hears` is told of tracepoints. */
  run(event: MachineEvent, hears: ((hit: trace_event) => void) | null = null): void {
    if (this.at < this.events.length) this.forgetAhead();
    this.events.push(event);
    try {
      this.forward(hears);
    } catch (thrown) {
      this.events.pop();
      this.restore(this.at);
      throw thrown;
    }
  }

  /** The machine before an event that ended halfway is made again. */
  private restore(position: number): void {
    const snapshot = Math.min(Math.floor(position / this.distance), this.snapshots.length - 1);
    this.present = cloneMachine(this.snapshots[snapshot]);
    this.at = snapshot * this.distance;
    while (this.at < position) this.pass();
  }

  /** Goes to a position, 0 to `length`; beyond either end it stops there. Returns where it is. */
  seek(position: number): number {
    const to = Math.max(0, Math.min(this.events.length, Math.trunc(position)));
    const nearest = Math.floor(to / this.distance);
    if (to < this.at || nearest * this.distance > this.at) {
      const snapshot = Math.min(nearest, this.snapshots.length - 1);
      this.present = cloneMachine(this.snapshots[snapshot]);
      this.at = snapshot * this.distance;
    }
    while (this.at < to) this.pass();
    return this.at;
  }

  /** Over an event that was done before: nobody hears its tracepoints. */
  private pass(): void {
    if (this.bound?.m !== this.present) this.bound = bind(this.kernel, this.present);
    apply(this.bound, this.events[this.at]);
    this.at++;
  }

  private forward(hears: ((hit: trace_event) => void) | null = null): void {
    apply(bind(this.kernel, this.present, hears), this.events[this.at]);
    this.at++;
    if (this.at % this.distance === 0 && this.snapshots.length === this.at / this.distance) {
      this.snapshots.push(cloneMachine(this.present));
    }
  }

  private forgetAhead(): void {
    this.events.length = this.at;
    this.snapshots.length = Math.floor(this.at / this.distance) + 1;
  }
}
