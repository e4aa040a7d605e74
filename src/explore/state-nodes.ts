// SPDX-License-Identifier: GPL-2.0-only
/** States of a search by number, in the order in which they were found: typed arrays that grow. */
import type { Fingerprint } from '../machine/fingerprint.js';

type Growing = Uint32Array | Int32Array | Uint8Array;

function wider<T extends Growing>(from: T): T {
  const to = new (from.constructor as new (n: number) => T)(2 * from.length);
  to.set(from as never);
  return to;
}

/** Everything but the table, which is made again. */
export interface SavedNodes {
  size: number;
  edgeCount: number;
  lastExpanded: number;
  withEdges: boolean;
  lo: Uint32Array;
  hi: Uint32Array;
  parentOf: Int32Array;
  moveOf: Uint8Array;
  flagsOf: Uint8Array;
  edgeTo: Int32Array;
  edgeMove: Uint8Array;
  edgesAt: Int32Array;
}

export class Nodes {
  private lo = new Uint32Array(1024);
  private hi = new Uint32Array(1024);
  private parentOf = new Int32Array(1024);
  private moveOf = new Uint8Array(1024);
  private flagsOf = new Uint8Array(1024);
  /** node + 1 by the low bits of `hi`, open addressing; at most half full */
  private places = new Int32Array(4096);
  private edgeTo = new Int32Array(1024);
  private edgeMove = new Uint8Array(1024);
  /** where a node's edges begin; nodes are expanded in order */
  private edgesAt = new Int32Array(1024);
  private edgeCount = 0;
  private lastExpanded = -1;
  size = 0;

  constructor(private readonly withEdges: boolean) {}

  saved(): SavedNodes {
    const { size, edgeCount, lastExpanded, withEdges } = this;
    const { lo, hi, parentOf, moveOf, flagsOf, edgeTo, edgeMove, edgesAt } = this;
    return { size, edgeCount, lastExpanded, withEdges, lo, hi, parentOf, moveOf, flagsOf, edgeTo, edgeMove, edgesAt };
  }

  static of(saved: SavedNodes): Nodes {
    const out = new Nodes(saved.withEdges);
    Object.assign(out, saved);
    while (2 * out.size > out.places.length) out.places = new Int32Array(2 * out.places.length);
    for (let node = 0; node < out.size; node++) out.place(node);
    return out;
  }

  /** A node with that fingerprint, behind `after` in the order in which it looks; -1 when there is none more. */
  find({ lo, hi }: Fingerprint, after: number): number {
    let passed = after < 0;
    const mask = this.places.length - 1;
    for (let at = hi & mask; this.places[at] !== 0; at = (at + 1) & mask) {
      const node = this.places[at] - 1;
      if (passed && this.lo[node] === lo >>> 0 && this.hi[node] === hi >>> 0) return node;
      if (node === after) passed = true;
    }
    return -1;
  }

  add({ lo, hi }: Fingerprint, parent: number, move: number, flags: number): number {
    const node = this.size++;
    if (node === this.lo.length) {
      this.lo = wider(this.lo);
      this.hi = wider(this.hi);
      this.parentOf = wider(this.parentOf);
      this.moveOf = wider(this.moveOf);
      this.flagsOf = wider(this.flagsOf);
      if (this.withEdges) this.edgesAt = wider(this.edgesAt);
    }
    this.lo[node] = lo;
    this.hi[node] = hi;
    this.parentOf[node] = parent;
    this.moveOf[node] = move;
    this.flagsOf[node] = flags;
    if (2 * this.size > this.places.length) this.rehash();
    else this.place(node);
    return node;
  }

  private place(node: number): void {
    const mask = this.places.length - 1;
    let at = this.hi[node] & mask;
    while (this.places[at] !== 0) at = (at + 1) & mask;
    this.places[at] = node + 1;
  }

  private rehash(): void {
    this.places = new Int32Array(2 * this.places.length);
    for (let node = 0; node < this.size; node++) this.place(node);
  }

  /** Moves from the start. */
  path(node: number): number[] {
    const out: number[] = [];
    for (let at = node; this.parentOf[at] >= 0; at = this.parentOf[at]) out.push(this.moveOf[at]);
    return out.reverse();
  }

  flags(node: number): number {
    return this.flagsOf[node];
  }

  /** From here on edges are this node's. */
  beginEdges(node: number): void {
    if (!this.withEdges) return;
    // once more: what was added the first time is left behind
    if (node === this.lastExpanded) this.edgeCount = this.edgesAt[node];
    this.edgesAt[node] = this.edgeCount;
    this.lastExpanded = node;
  }

  edge(to: number, move: number): void {
    if (!this.withEdges) return;
    if (this.edgeCount === this.edgeTo.length) {
      this.edgeTo = wider(this.edgeTo);
      this.edgeMove = wider(this.edgeMove);
    }
    this.edgeTo[this.edgeCount] = to;
    this.edgeMove[this.edgeCount++] = move;
  }

  /** Edges of a node, where they are kept; none of one that was not expanded. */
  edges(node: number): { to: number; move: number }[] {
    if (node > this.lastExpanded) return [];
    const end = node === this.lastExpanded ? this.edgeCount : this.edgesAt[node + 1];
    const out: { to: number; move: number }[] = [];
    for (let i = this.edgesAt[node]; i < end; i++) out.push({ to: this.edgeTo[i], move: this.edgeMove[i] });
    return out;
  }

  /** What all of it takes. */
  get bytes(): number {
    const arrays = [this.lo, this.hi, this.parentOf, this.moveOf, this.flagsOf, this.places];
    const edges = this.withEdges ? [this.edgeTo, this.edgeMove, this.edgesAt] : [];
    return [...arrays, ...edges].reduce((sum, it) => sum + it.byteLength, 0);
  }
}
