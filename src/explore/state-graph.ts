// SPDX-License-Identifier: GPL-2.0-only
/**
 * Every order of a menu of events, breadth first, over machines themselves: what `explore` asks of a scenario.
 *
 * A state is kept as its fingerprint and the move that led there, 13 bytes and 8 of the table; the machine is made again by its
 * path, of which the last one's beginning is still there. Predicates see the machine alone, so they are states' own.
 */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { canonical } from '../machine/canonical.js';
import { cloneMachine } from '../machine/clone.js';
import { type Fingerprint, fingerprint } from '../machine/fingerprint.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { Engine } from './engine.js';
import { Nodes, type SavedNodes } from './state-nodes.js';

export interface GraphInput {
  engine: Engine;
  kernel: Kernel;
  scenario: Scenario;
  menu: readonly MachineEvent[];
  depth: number;
  /** states at most */
  states: number;
  /** two states count as one only when they are the same, member by member */
  exact: boolean;
  /** leave out moves that another one is like: see `alikeMoves` */
  symmetry: boolean;
  /** keep all edges: for cycles, and to be drawn */
  edges: boolean;
  /** asked of every state; bit i of its flags is what predicate i says */
  predicates: readonly ((m: machine) => boolean)[];
  /** after every event; what it says is a breach */
  witness(m: machine): string[];
  /** nothing more is wanted once it says true, or by the clock */
  enough(graph: Graph): boolean;
  progress?(graph: Graph): void;
  /** a search that was ended before, to go on with */
  earlier?: SavedGraph;
}

/** A search put aside: plain data. */
export type SavedGraph = Pick<
  Graph,
  'transitions' | 'depth' | 'expanded' | 'notModelled' | 'notModelledWhat' | 'alike' | 'collisions'
> & {
  nodes: SavedNodes;
};

export function savedGraph({ nodes, ...graph }: Graph): SavedGraph {
  const { transitions, depth, expanded, notModelled, notModelledWhat, alike, collisions } = graph;
  return { transitions, depth, expanded, notModelled, notModelledWhat, alike, collisions, nodes: nodes.saved() };
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
  /** pairs of different states with one fingerprint, where that was looked at */
  collisions: number;
}

export function searchGraph(input: GraphInput): Graph {
  return new Search(input).run();
}

/** transitions between two looks at the clock */
const LOOK = 512;

class Search {
  private readonly graph: Graph;
  /** machines along the path to the node that is expanded */
  private readonly path: number[] = [];
  private readonly along: machine[] = [];
  private readonly groups: readonly number[];
  private readonly start: machine;

  constructor(private readonly input: GraphInput) {
    const { menu, engine, kernel, scenario } = input;
    if (menu.length > 255) throw new Error(`at most 255 moves, got ${menu.length}`);
    this.groups = input.symmetry ? alikeMoves(scenario, menu) : menu.map(() => -1);
    this.start = engine.boot(kernel, scenario);
    this.graph = {
      transitions: 0,
      depth: 0,
      expanded: 0,
      notModelled: 0,
      notModelledWhat: '',
      alike: 0,
      collisions: 0,
      ...input.earlier,
      nodes: input.earlier === undefined ? new Nodes(input.edges) : Nodes.of(input.earlier.nodes),
      breach: null,
      bound: null,
    };
  }

  run(): Graph {
    const { graph, input } = this;
    const { nodes } = graph;
    if (nodes.size === 0) nodes.add(fingerprint(this.start), -1, 0, this.flagsOf(this.start));
    const [breach] = input.witness(this.start);
    if (breach !== undefined) graph.breach = { from: -1, move: 0, message: `machine: ${breach}` };
    while (graph.expanded < nodes.size && graph.bound === null && graph.breach === null) {
      const before = graph.transitions;
      this.expand(graph.expanded);
      // what is expanded in part is expanded again when the search goes on
      if (graph.bound === null && graph.breach === null) graph.expanded++;
      else if (graph.bound !== null) graph.transitions = before;
    }
    return graph;
  }

  private expand(node: number): void {
    const { graph, input } = this;
    const m = this.machineAt(node);
    const depth = this.path.length + 1;
    if (depth > input.depth) {
      graph.bound = 'depth';
      return;
    }
    const taken = this.groups.every((it) => it < 0) ? null : this.touched(node);
    graph.nodes.beginEdges(node);
    for (let move = 0; move < input.menu.length; move++) {
      const event = input.menu[move];
      if (!input.engine.legal(m, event)) continue;
      if (taken !== null && this.isAlike(move, taken)) {
        graph.alike++;
        continue;
      }
      graph.transitions++;
      const next = cloneMachine(m);
      if (!this.apply(next, event, node, move)) {
        if (graph.breach !== null) return;
        continue;
      }
      const [to, fresh] = this.add(next, node, move);
      graph.nodes.edge(to, move);
      if (fresh) {
        graph.depth = depth;
        const [breach] = input.witness(next);
        if (breach !== undefined) graph.breach = { from: node, move, message: `machine: ${breach}` };
        if (graph.breach !== null) return;
      }
      if (graph.nodes.size >= input.states) graph.bound = 'states';
      else if (graph.transitions % LOOK === 0) {
        input.progress?.(graph);
        if (input.enough(graph)) graph.bound = 'stopped';
      }
      if (graph.bound !== null) return;
    }
  }

  /** False when nothing follows. */
  private apply(m: machine, event: MachineEvent, from: number, move: number): boolean {
    const { graph, input } = this;
    const { warns } = m;
    try {
      input.engine.apply(bind(input.kernel, m, null), event);
    } catch (thrown) {
      if (thrown instanceof NotModelled) {
        if (graph.notModelled++ === 0) graph.notModelledWhat = thrown.what;
        return false;
      }
      if (!(thrown instanceof KernelBug)) throw thrown;
      graph.breach = { from, move, message: thrown.message };
      return false;
    }
    if (m.warns !== warns) graph.breach = { from, move, message: 'WARN_ON()' };
    return m.warns === warns;
  }

  private add(m: machine, from: number, move: number): [number, boolean] {
    const { nodes } = this.graph;
    const print: Fingerprint = fingerprint(m);
    for (let known = nodes.find(print, -1); known >= 0; known = nodes.find(print, known)) {
      if (!this.input.exact || this.isSame(m, known)) return [known, false];
      this.graph.collisions++;
    }
    return [nodes.add(print, from, move, this.flagsOf(m)), true];
  }

  private isSame(m: machine, node: number): boolean {
    const other = this.replayed(node);
    return text(canonical(m)) === text(canonical(other));
  }

  private flagsOf(m: machine): number {
    let flags = 0;
    this.input.predicates.forEach((holds, i) => {
      if (holds(m)) flags |= 1 << i;
    });
    return flags;
  }

  /** From the start. */
  private replayed(node: number): machine {
    const m = cloneMachine(this.start);
    const k = bind(this.input.kernel, m, null);
    for (const move of this.graph.nodes.path(node)) this.input.engine.apply(k, this.input.menu[move]);
    return m;
  }

  /** As `replayed`, from where the last path parts from this one. */
  private machineAt(node: number): machine {
    const path = this.graph.nodes.path(node);
    let common = 0;
    while (common < path.length && common < this.path.length && path[common] === this.path[common]) common++;
    this.path.length = common;
    this.along.length = common;
    for (let i = common; i < path.length; i++) {
      const m = cloneMachine(i === 0 ? this.start : this.along[i - 1]);
      this.input.engine.apply(bind(this.input.kernel, m, null), this.input.menu[path[i]]);
      this.path.push(path[i]);
      this.along.push(m);
    }
    return path.length === 0 ? this.start : this.along[path.length - 1];
  }

  private touched(node: number): Set<number> {
    return new Set(this.graph.nodes.path(node).flatMap((move) => tasksOf(this.input.menu[move])));
  }

  /** Whether the same move of a sleeper that is like this one, and as untouched, is tried as well. */
  private isAlike(move: number, touched: ReadonlySet<number>): boolean {
    const group = this.groups[move];
    const [task] = tasksOf(this.input.menu[move]);
    if (group < 0 || touched.has(task)) return false;
    return this.input.menu.some((other, i) => i < move && this.groups[i] === group && !touched.has(tasksOf(other)[0]));
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

const tasksOf = (event: MachineEvent): number[] => ('task' in event ? [event.task] : []);

/**
 * Groups of moves that differ in the sleeper that they are about and in nothing else: -1 for a move of no group.
 *
 * Tasks are alike that boot asleep with everything but their names the same. As long as nothing was done to either of two, the
 * machine with one of them woken becomes the other by exchanging names, so one stands for both. WHY not tasks that run: they are
 * in trees and lists in an order, and lists are walked in the order of ids.
 */
export function alikeMoves(scenario: Scenario, menu: readonly MachineEvent[]): number[] {
  const first = scenario.cpus;
  const kinds = (scenario.tasks ?? []).map(({ comm: _, ...rest }) => JSON.stringify(rest));
  const named = JSON.stringify([scenario.tasks?.map((t) => t.program), scenario.vms ?? []]);
  const groups = new Map<string, number>();
  const of = menu.map((event): number => {
    const [task] = tasksOf(event);
    const spec = scenario.tasks?.[task - first];
    if (task === undefined || spec?.asleep !== true || named.includes(JSON.stringify(spec.comm))) return -1;
    const { task: _, ...rest } = event as MachineEvent & { task: number };
    const key = `${kinds[task - first]} ${JSON.stringify(rest)}`;
    const group = groups.get(key) ?? groups.size;
    groups.set(key, group);
    return group;
  });
  // a menu that can do something to one of them that it cannot do to the other tells them apart
  const sizes = (kind: string): number[] =>
    kinds.flatMap((it, i) =>
      it === kind ? [menu.filter((event, j) => of[j] >= 0 && tasksOf(event)[0] === first + i).length] : [],
    );
  const isEven = (task: number): boolean => new Set(sizes(kinds[task - first])).size === 1;
  return of.map((group, i) => (group >= 0 && isEven(tasksOf(menu[i])[0]) ? group : -1));
}
