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
import { apply } from './apply.js';
import { cloneMachine } from './clone.js';
import type { machine } from './state.js';

/** Snapshots are this many events apart, for less than 100 bytes an event with machines of a few dozen tasks. */
export const SNAPSHOT_DISTANCE = 16384;

export class History {
  private readonly snapshots: machine[];
  private readonly events: MachineEvent[] = [];
  private present: machine;
  private at = 0;

  /** Begins at `start`, which stays as it is. `distance`: events between two snapshots, at least 1. */
  constructor(
    private readonly kernel: Kernel,
    start: machine,
    private readonly distance = SNAPSHOT_DISTANCE,
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
    while (this.at < position) this.forward();
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
    while (this.at < to) this.forward();
    return this.at;
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
