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
import { AlikeEvents } from './alike-events.js';
import { apply } from './apply.js';
import { cloneMachine } from './clone.js';
import { Snapshots } from './snapshots.js';
import type { machine } from './state.js';

/** What snapshots may take, bytes an event: with an event that is like no other, about 50, it stays under 100. */
const BYTES_AN_EVENT = 40;
/** Events between two snapshots at least: what is nearer is as soon run as restored. */
const DISTANCE_MIN = 48;

export class History {
  private readonly snapshots: Snapshots;
  /** where they were made, ascending; the first is 0 */
  private readonly positions = [0];
  /** where the next one is due */
  private due: number;
  private readonly events: MachineEvent[] = [];
  private readonly alike = new AlikeEvents();
  private present: machine;
  private at = 0;

  private bound: vmlinux_x86 | null = null;

  /**
   * Begins at `start`, which stays as it is. `distance`: events between two snapshots, at least 1; when absent they are as near to
   * each other as their size lets them be.
   */
  constructor(
    private readonly kernel: Kernel,
    start: machine,
    private readonly distance: number | null = null,
  ) {
    assert(distance === null || (Number.isInteger(distance) && distance >= 1), 'a snapshot every event at most');
    this.snapshots = new Snapshots(start);
    this.present = cloneMachine(start);
    this.due = distance ?? DISTANCE_MIN;
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
    this.events.push(this.alike.of(event));
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
    this.from(this.snapshotAt(position));
    while (this.at < position) this.pass();
  }

  private from(snapshot: number): void {
    this.present = this.snapshots.restore(snapshot);
    this.at = this.positions[snapshot];
  }

  /** The last snapshot at or before a position. */
  private snapshotAt(position: number): number {
    let [low, high] = [0, this.positions.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.positions[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Goes to a position, 0 to `length`; beyond either end it stops there. Returns where it is. */
  seek(position: number): number {
    const to = Math.max(0, Math.min(this.events.length, Math.trunc(position)));
    const nearest = this.snapshotAt(to);
    if (to < this.at || this.positions[nearest] > this.at) this.from(nearest);
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
    if (this.at === this.due) this.keep();
  }

  private keep(): void {
    const bytes = this.snapshots.add(this.present);
    this.positions.push(this.at);
    this.due = this.at + (this.distance ?? Math.max(DISTANCE_MIN, Math.ceil(bytes / BYTES_AN_EVENT)));
  }

  private forgetAhead(): void {
    this.events.length = this.at;
    const n = this.snapshotAt(this.at) + 1;
    if (n === this.positions.length) return;
    this.due = this.positions[n];
    this.positions.length = n;
    this.snapshots.cut(n);
  }
}
