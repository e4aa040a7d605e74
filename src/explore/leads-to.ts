// SPDX-License-Identifier: GPL-2.0-only
/**
 * Whenever P, later Q: in a graph of states this fails where a path from P goes on for ever without Q. In a finite graph that is a
 * state in which nothing can happen any more, or a cycle.
 *
 * Fairness: a kind of event that is assumed to come again and again makes cycles impossible in which it could and never does.
 */
import type { Graph } from './state-graph.js';

export interface Lasso {
  /** moves from the start to where it goes round */
  stem: number[];
  /** moves once round; empty where nothing can happen any more */
  cycle: number[];
}

export interface LeadsToResult {
  /** null: none in what was searched */
  lasso: Lasso | null;
  /** states in which P held */
  triggers: number;
  /** paths without Q lead to states that nothing was tried in: what is beyond is unknown */
  isOpen: boolean;
}

/**
 * @param p bit of P in a state's flags; `q` that of Q
 * @param kindOf kinds of the menu's moves, as numbers; `fair` lists those that are assumed to come again and again
 */
export function leadsTo(
  graph: Graph,
  p: number,
  q: number,
  kindOf: readonly number[],
  fair: readonly number[],
): LeadsToResult {
  const { nodes, expanded } = graph;
  const has = (node: number, bit: number): boolean => ((nodes.flags(node) >> bit) & 1) === 1;
  const without = new Map<number, { from: number; move: number }>();
  const queue: number[] = [];
  let triggers = 0;
  for (let node = 0; node < nodes.size; node++) {
    if (!has(node, p)) continue;
    triggers++;
    if (has(node, q)) continue;
    without.set(node, { from: -1, move: 0 });
    queue.push(node);
  }
  let isOpen = false;
  for (const node of queue) {
    if (node >= expanded) {
      isOpen = true;
      continue;
    }
    const edges = nodes.edges(node);
    if (edges.length === 0) return { lasso: { stem: stemOf(graph, without, node), cycle: [] }, triggers, isOpen };
    for (const { to, move } of edges) {
      if (has(to, q) || without.has(to)) continue;
      without.set(to, { from: node, move });
      queue.push(to);
    }
  }
  for (const component of components(graph, without, expanded)) {
    const cycle = fairCycle(graph, component, kindOf, fair);
    if (cycle !== null)
      return { lasso: { stem: stemOf(graph, without, cycle.at), cycle: cycle.moves }, triggers, isOpen };
  }
  return { lasso: null, triggers, isOpen };
}

/** From the start to a state with P, and on without Q. */
function stemOf(graph: Graph, without: ReadonlyMap<number, { from: number; move: number }>, node: number): number[] {
  const tail: number[] = [];
  let at = node;
  for (;;) {
    const step = without.get(at);
    if (step === undefined || step.from < 0) break;
    tail.push(step.move);
    at = step.from;
  }
  return [...graph.nodes.path(at), ...tail.reverse()];
}

/** Strongly connected components with an edge in them, of the states without Q (Tarjan, without recursion). */
function components(graph: Graph, inside: ReadonlyMap<number, unknown>, expanded: number): number[][] {
  const { nodes } = graph;
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const onStack = new Set<number>();
  const stack: number[] = [];
  const out: number[][] = [];
  const next = (node: number): number[] =>
    node >= expanded ? [] : nodes.edges(node).flatMap(({ to }) => (inside.has(to) ? [to] : []));
  for (const root of inside.keys()) {
    if (index.has(root)) continue;
    const work: { node: number; to: number[]; i: number }[] = [];
    const enter = (node: number): void => {
      index.set(node, index.size);
      low.set(node, index.get(node) as number);
      stack.push(node);
      onStack.add(node);
      work.push({ node, to: next(node), i: 0 });
    };
    enter(root);
    while (work.length > 0) {
      const frame = work[work.length - 1];
      const { node, to } = frame;
      if (frame.i < to.length) {
        const other = to[frame.i++];
        if (!index.has(other)) enter(other);
        else if (onStack.has(other)) low.set(node, Math.min(low.get(node) as number, index.get(other) as number));
        continue;
      }
      work.pop();
      const parent = work.at(-1)?.node;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent) as number, low.get(node) as number));
      if (low.get(node) !== index.get(node)) continue;
      const component = stack.splice(stack.indexOf(node));
      for (const it of component) onStack.delete(it);
      if (component.length > 1 || to.includes(node)) out.push(component);
    }
  }
  return out;
}

/**
 * Once round through every kind that has to come; null when one could come in every state and leads out each time.
 *
 * Weak fairness: a kind that cannot come in some state on the way owes nothing.
 */
function fairCycle(
  graph: Graph,
  component: readonly number[],
  kindOf: readonly number[],
  fair: readonly number[],
): { at: number; moves: number[] } | null {
  const { nodes } = graph;
  const inside = new Set(component);
  const edges = component.flatMap((from) =>
    nodes.edges(from).flatMap(({ to, move }) => (inside.has(to) ? [{ from, to, move }] : [])),
  );
  const wanted: { from: number; to: number; move: number }[] = [];
  const pauses: number[] = [];
  for (const kind of fair) {
    const edge = edges.find(({ move }) => kindOf[move] === kind);
    const pause = component.find((node) => !nodes.edges(node).some(({ move }) => kindOf[move] === kind));
    if (edge !== undefined) wanted.push(edge);
    else if (pause !== undefined) pauses.push(pause);
    else return null;
  }
  const at = component[0];
  const moves: number[] = [];
  let here = at;
  const go = (to: number): void => {
    moves.push(...way(graph, inside, here, to));
    here = to;
  };
  for (const { from, to, move } of wanted) {
    go(from);
    moves.push(move);
    here = to;
  }
  for (const pause of pauses) go(pause);
  if (moves.length === 0) {
    moves.push(edges[0].move);
    const [{ from, to }] = edges;
    moves.length = 0;
    go(from);
    moves.push(edges[0].move);
    here = to;
  }
  go(at);
  return { at, moves };
}

/** The shortest way inside a component. */
function way(graph: Graph, inside: ReadonlySet<number>, from: number, to: number): number[] {
  if (from === to) return [];
  const came = new Map<number, { from: number; move: number }>([[from, { from: -1, move: 0 }]]);
  const queue = [from];
  for (const node of queue) {
    for (const edge of graph.nodes.edges(node)) {
      if (!inside.has(edge.to) || came.has(edge.to)) continue;
      came.set(edge.to, { from: node, move: edge.move });
      queue.push(edge.to);
    }
    if (came.has(to)) break;
  }
  const out: number[] = [];
  for (let at = to; at !== from; ) {
    const step = came.get(at) as { from: number; move: number };
    out.push(step.move);
    at = step.from;
  }
  return out.reverse();
}
