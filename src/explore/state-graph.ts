// SPDX-License-Identifier: GPL-2.0-only
/**
 * Every order of a menu of events, breadth first, over machines themselves: what `explore` asks of a scenario.
 *
 * A state is kept as its fingerprint and the move that led there, 13 bytes and 8 of the table; the machine is made again by its
 * path, of which the last one's beginning is still there. Predicates see the machine alone, so they are states' own. States are
 * expanded here or by a crew; what comes of it is put together in the same order, so the graph is the same.
 *
 * Of moves that commute (`commutingMoves`) some are asleep: where t was tried before a in a state and a leads to s, t is not tried in s,
 * for the way t, a leads there as well. WHY no state is lost: of the shortest ways to a state take the first in the order of the menu. If
 * one of its moves were asleep where it is made, it could be made earlier, and that way would be as short and come first.
 * Only ways of the same length count for what is asleep, so a state is found at its depth, by the same way as without.
 */
import { canonical } from '../machine/canonical.js';
import { type Fingerprint, fingerprint } from '../machine/fingerprint.js';
import type { machine } from '../machine/state.js';
import { addMove, hasMove, type Moves, noMoves, type SavedSleep, Sleeping } from './commute.js';
import { Expander, type ExpandInput, type Outcomes, type StateSaid } from './expand.js';
import { type ExpandCrew, type Expansion, tell } from './expansion.js';
import { Nodes, type SavedNodes } from './state-nodes.js';

export interface GraphInput extends ExpandInput {
  depth: number;
  /** states at most */
  states: number;
  /** two states count as one only when they are the same, member by member */
  exact: boolean;
  /** keep all edges: for cycles, and to be drawn */
  edges: boolean;
  /** for each move those that commute with it; null: all orders are tried */
  commuting: readonly Moves[] | null;
  /** nothing more is wanted once it says true, or by the clock */
  enough(graph: Graph): boolean;
  progress?(graph: Graph): void;
  /** a search that was ended before, to go on with */
  earlier?: SavedGraph;
}

/** A search put aside: plain data. */
export type SavedGraph = Pick<
  Graph,
  | 'transitions'
  | 'depth'
  | 'expanded'
  | 'notModelled'
  | 'notModelledWhat'
  | 'alike'
  | 'asleep'
  | 'collisions'
  | 'levelEnd'
> & {
  nodes: SavedNodes;
  sleep: SavedSleep | null;
};

export function savedGraph({ nodes, sleep, ...graph }: Graph): SavedGraph {
  const { transitions, depth, expanded, notModelled, notModelledWhat, alike, asleep, collisions, levelEnd } = graph;
  const counts = { transitions, depth, expanded, notModelled, notModelledWhat, alike, asleep, collisions, levelEnd };
  return { ...counts, nodes: nodes.saved(), sleep: sleep?.saved(nodes.size) ?? null };
}

/** What happened at the end of a path that goes no further. */
export interface Breach {
  /** node from which, and the move */
  from: number;
  move: number;
  message: string;
}

export interface Graph {
  nodes: Nodes;
  transitions: number;
  /** of the deepest state */
  depth: number;
  /** nodes below it are expanded */
  expanded: number;
  breach: Breach | null;
  notModelled: number;
  notModelledWhat: string;
  /** why states are left that nothing was tried in; null: there are none */
  bound: 'depth' | 'states' | 'stopped' | null;
  /** moves left out because another is like them */
  alike: number;
  /** moves left out because another order of the same events makes them */
  asleep: number;
  /** where the states end that are as deep as those being expanded */
  levelEnd: number;
  sleep: Sleeping | null;
  /** pairs of different states with one fingerprint, where that was looked at */
  collisions: number;
}

export function searchGraph(input: GraphInput): Graph {
  return new Search(input).run();
}

/** The same graph, its states expanded by a crew. */
export function searchGraphWith(input: GraphInput, crew: ExpandCrew): Promise<Graph> {
  return new Search(input).runWith(crew);
}

/** transitions between two looks at the clock */
const LOOK = 512;
/** states of one task of a crew */
const TOGETHER = 64;

class Search {
  private readonly graph: Graph;
  private readonly expander: Expander;
  /** the depth of what is expanded */
  private level = -1;
  /** what was left out and led there all the same; known at the end of the level */
  private owed: Fingerprint[] = [];

  constructor(private readonly input: GraphInput) {
    this.expander = new Expander(input);
    const { earlier, menu, commuting, edges } = input;
    const sleep = commuting === null ? null : new Sleeping(menu.length, earlier?.sleep ?? undefined);
    this.graph = {
      transitions: 0,
      depth: 0,
      expanded: 0,
      notModelled: 0,
      notModelledWhat: '',
      alike: 0,
      asleep: 0,
      levelEnd: 1,
      collisions: 0,
      ...earlier,
      nodes: earlier === undefined ? new Nodes(edges) : Nodes.of(earlier.nodes),
      sleep,
      breach: null,
      bound: null,
    };
  }

  run(): Graph {
    this.begin();
    for (let node = this.next(); node !== null; node = this.next())
      this.one(node, (path, out) =>
        this.expander.expand(node as number, path, this.graph.sleep?.of(node as number) ?? null, out),
      );
    return this.graph;
  }

  async runWith(crew: ExpandCrew): Promise<Graph> {
    this.begin();
    const { graph } = this;
    const waiting: { from: number; work: Promise<Expansion> }[] = [];
    let sent = graph.expanded;
    while (this.next() !== null) {
      // not beyond the level: what is asleep in a state is known when all of the level before is expanded
      for (; waiting.length < crew.width && sent < graph.levelEnd; sent = Math.min(graph.levelEnd, sent + TOGETHER)) {
        const upTo = Math.min(graph.levelEnd, sent + TOGETHER);
        const nodes = Array.from({ length: upTo - sent }, (_, i) => {
          const node = sent + i;
          return { node, path: graph.nodes.path(node), asleep: graph.sleep?.of(node) ?? null };
        });
        waiting.push({ from: sent, work: crew.expand({ nodes }) });
      }
      const { from, work } = waiting.shift() as (typeof waiting)[number];
      const done = await work;
      for (const i of done.ends.keys()) {
        if (this.next() !== from + i) break;
        this.one(from + i, (path, out) => tell(done, i, out, (move) => this.expander.replayed([...path, move])));
      }
    }
    await Promise.allSettled(waiting.map(({ work }) => work));
    return graph;
  }

  private begin(): void {
    const { graph, input, expander } = this;
    const { nodes } = graph;
    if (nodes.size === 0) {
      nodes.add(fingerprint(expander.start), -1, 0, expander.flagsOf(expander.start));
      graph.sleep?.put(0, noMoves(input.menu.length));
    }
    const [breach] = input.witness(expander.start);
    if (breach !== undefined) graph.breach = { from: -1, move: 0, message: `machine: ${breach}` };
  }

  /** The state that is expanded next; null when the search is over. */
  private next(): number | null {
    const { graph, input } = this;
    if (graph.expanded >= graph.nodes.size || graph.bound !== null || graph.breach !== null) return null;
    if (graph.expanded === graph.levelEnd) {
      graph.levelEnd = graph.nodes.size;
      graph.sleep?.dropBelow(graph.expanded);
      this.level = -1;
    }
    if (this.level < 0) this.level = graph.nodes.path(graph.expanded).length;
    if (this.level + 1 > input.depth) {
      graph.bound = 'depth';
      return null;
    }
    return graph.expanded;
  }

  private one(node: number, expand: (path: readonly number[], out: Outcomes) => void): void {
    const { graph } = this;
    const before = { transitions: graph.transitions, alike: graph.alike, asleep: graph.asleep };
    graph.nodes.beginEdges(node);
    const path = graph.nodes.path(node);
    expand(path, this.outcomesOf(node, path));
    // what is expanded in part is expanded again when the search goes on
    if (graph.bound === null && graph.breach === null) graph.expanded++;
    else if (graph.bound !== null) Object.assign(graph, before);
    if (graph.expanded === graph.levelEnd) this.settleOwed();
  }

  private outcomesOf(node: number, path: readonly number[]): Outcomes {
    const { graph, input } = this;
    const asleep = graph.sleep?.of(node) ?? null;
    return {
      state: (move, print, of) => {
        graph.transitions++;
        const [to, fresh] = this.add(print, node, move, of);
        graph.nodes.edge(to, move);
        if (fresh) {
          graph.depth = path.length + 1;
          const breach = of.breach();
          if (breach !== '') graph.breach = { from: node, move, message: `machine: ${breach}` };
          if (graph.breach !== null) return false;
        }
        if (asleep !== null) this.sleepIn(to, fresh, move, asleep);
        if (graph.nodes.size >= input.states) graph.bound = 'states';
        else if (graph.transitions % LOOK === 0) {
          input.progress?.(graph);
          if (input.enough(graph)) graph.bound = 'stopped';
        }
        return graph.bound === null;
      },
      alike: () => graph.alike++ >= 0,
      asleep: (_, print) => {
        if (print !== null) this.owed.push(print);
        return graph.asleep++ >= 0;
      },
      notModelled: (_, what) => {
        graph.transitions++;
        if (graph.notModelled++ === 0) graph.notModelledWhat = what;
        return true;
      },
      breach: (move, message) => {
        graph.transitions++;
        graph.breach = { from: node, move, message };
        return false;
      },
    };
  }

  /** `asleep` are the moves of the state it comes from that were tried before, or are asleep there; those sleep on that commute. */
  private sleepIn(to: number, fresh: boolean, move: number, asleep: Moves): void {
    const { graph, input } = this;
    const own = noMoves(input.menu.length);
    const commuting = input.commuting?.[move] ?? own;
    for (let i = 0; i < own.length; i++) own[i] = asleep[i] & commuting[i];
    if (fresh) graph.sleep?.put(to, own);
    else if (to >= graph.levelEnd) graph.sleep?.meet(to, own);
    if (!hasMove(asleep, move)) addMove(asleep, move);
  }

  /** Whatever was left out is one of the states. */
  private settleOwed(): void {
    const { nodes } = this.graph;
    if (this.owed.some((print) => nodes.find(print, -1) < 0))
      throw new Error('events that were taken to commute do not: please report this, and use --all-orders');
    this.owed = [];
  }

  private add(print: Fingerprint, from: number, move: number, of: StateSaid): [number, boolean] {
    const { nodes } = this.graph;
    for (let known = nodes.find(print, -1); known >= 0; known = nodes.find(print, known)) {
      if (!this.input.exact || this.isSame(of.machine(), known)) return [known, false];
      this.graph.collisions++;
    }
    return [nodes.add(print, from, move, of.flags()), true];
  }

  private isSame(m: machine, node: number): boolean {
    const other = this.expander.replayed(this.graph.nodes.path(node));
    return text(canonical(m)) === text(canonical(other));
  }
}

/** Members by name: two machines are the same whatever the order in which their members were made. */
function text(value: unknown): string {
  return JSON.stringify(value, (_, it) => {
    if (typeof it === 'bigint') return `${it}n`;
    if (typeof it !== 'object' || it === null || Array.isArray(it)) return it;
    return Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
