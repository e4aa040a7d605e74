// SPDX-License-Identifier: GPL-2.0-only
/**
 * Bounded exhaustive search, breadth first: every order in which a menu of moves can happen, up to a depth.
 *
 * It knows nothing of machines: a walker plays a path of moves from the start and says where it leads. States are
 * never kept, only their fingerprints and, for each, the move and the parent that led there: under 40 bytes a state.
 */
import { type Fingerprint, FingerprintSet } from '../machine/fingerprint.js';

export interface Visit {
  /** where the path leads; null: nothing can follow (the walker gave up, or the model does) */
  at: Fingerprint | null;
  /** what is searched for was seen at the last move */
  hit: boolean;
  /** the last move did nothing, so the path is no path of its own */
  idle: boolean;
}

export interface Search {
  /** moves there are; a path is a list of numbers below it */
  moves: number;
  /** moves from the start, at most */
  depth: number;
  /** states at most; more makes the search incomplete */
  states: number;
  /** merge paths that lead to one fingerprint; without it every path counts */
  merge: boolean;
  /** Plays a path from the start. */
  play(path: readonly number[]): Visit;
  /** no further once it says true; the search is incomplete then */
  stop?: () => boolean;
}

export interface Found {
  /** fingerprints seen, the start among them */
  states: number;
  /** moves played at the end of a path */
  transitions: number;
  /** the longest path that led to a new state */
  depth: number;
  /** every path up to the depth bound was looked at, and no walker gave up */
  complete: boolean;
  /** no state was left to expand before the depth bound: nothing deeper exists either */
  closed: boolean;
  /** shortest path to what was searched for */
  hit: number[] | null;
}

/** Nodes of the search tree: parent and move, in typed arrays that grow. */
class Nodes {
  private parent = new Int32Array(1024);
  private move = new Uint8Array(1024);
  size = 0;

  push(parent: number, move: number): number {
    if (this.size === this.parent.length) {
      const wider = new Int32Array(2 * this.size);
      wider.set(this.parent);
      this.parent = wider;
      const moves = new Uint8Array(2 * this.size);
      moves.set(this.move);
      this.move = moves;
    }
    this.parent[this.size] = parent;
    this.move[this.size] = move;
    return this.size++;
  }

  path(node: number): number[] {
    const out: number[] = [];
    for (let at = node; this.parent[at] >= 0; at = this.parent[at]) out.push(this.move[at]);
    return out.reverse();
  }
}

/** Searches. Stops at the first hit, which is a shortest one. At most 255 moves. */
export function explore(search: Search): Found {
  if (search.moves > 255) throw new Error(`explore: at most 255 moves, got ${search.moves}`);
  const seen = new FingerprintSet();
  const nodes = new Nodes();
  const found: Found = { states: 0, transitions: 0, depth: 0, complete: true, closed: true, hit: null };
  const start = search.play([]);
  nodes.push(-1, 0);
  if (start.at !== null) seen.add(start.at);
  if (start.hit) found.hit = [];

  let level = start.at === null || start.hit ? [] : [0];
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > search.depth) {
      found.closed = false;
      break;
    }
    const next: number[] = [];
    for (const node of level) {
      if (!expand(search, nodes, node, seen, next, found, depth)) {
        found.states = seen.size;
        return found;
      }
    }
    level = next;
  }
  found.states = seen.size;
  return found;
}

/** False when the search is over. */
function expand(
  search: Search,
  nodes: Nodes,
  node: number,
  seen: FingerprintSet,
  next: number[],
  found: Found,
  depth: number,
): boolean {
  const path = nodes.path(node);
  path.push(0);
  for (let move = 0; move < search.moves; move++) {
    path[path.length - 1] = move;
    const visit = search.play(path);
    if (visit.idle && !visit.hit) continue;
    found.transitions++;
    if (visit.hit) {
      found.hit = [...path];
      found.complete = false;
      found.closed = false;
      return false;
    }
    if (visit.at === null) {
      found.complete = false;
      continue;
    }
    const fresh = seen.add(visit.at);
    if (fresh) found.depth = depth;
    if (fresh || !search.merge) next.push(nodes.push(node, move));
    if (nodes.size >= search.states || search.stop?.() === true) {
      found.complete = false;
      found.closed = false;
      return false;
    }
  }
  return true;
}
