// SPDX-License-Identifier: GPL-2.0-only
/** The graph of a scenario's states: every state, shortest ways, cycles, what symmetry leaves out, and going on from a file. */
import { describe, expect, it } from 'vitest';
import { always } from '../../properties/vocabulary.js';
import { runExhaustive } from '../../src/explore/exhaustive.js';
import { leadsTo } from '../../src/explore/leads-to.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { menuOf } from '../../src/explore/menu.js';
import { type Graph, type GraphInput, savedGraph, searchGraph } from '../../src/explore/state-graph.js';
import type { machine } from '../../src/machine/state.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { pin } from '../../src/series/registry.js';
import { overridden } from '../series/overridden.js';

const sleepers: Scenario = {
  cpus: 1,
  vruntime_offset: '1000000000',
  tasks: [
    { comm: 'a' },
    { comm: 'b', asleep: true },
    { comm: 'c', asleep: true },
    { comm: 'd', asleep: true, nice: 5 },
  ],
};

function search(
  words: string,
  more: Partial<GraphInput> = {},
  scenario = sleepers,
): { graph: Graph; input: GraphInput } {
  const kernel = more.kernel ?? pin;
  const { menu, faults } = menuOf(words, machineEngine.boot(kernel, scenario));
  expect(faults).toEqual([]);
  const input: GraphInput = {
    engine: machineEngine,
    kernel,
    scenario,
    menu,
    depth: 4,
    states: 100_000,
    exact: false,
    symmetry: false,
    edges: false,
    predicates: [],
    witness: (m) => machineEngine.witness?.(m) ?? [],
    enough: () => false,
    ...more,
  };
  return { graph: searchGraph(input), input };
}

const MENU = 'advance:2800000,tick,block,wake';
const running =
  (comm: string) =>
  (m: machine): boolean =>
    m.task[m.rq[0].curr].comm === comm;
/** What a state is up to the names of the sleepers that are alike. */
const seen = (m: machine): string =>
  JSON.stringify([
    m.rq[0].nr_running,
    m.task[m.rq[0].curr].comm.replace(/[bc]/, 'x'),
    m.task.filter((p) => /[bc]/.test(p.comm) && p.on_rq !== 0).length,
  ]);

describe('the graph', () => {
  it('has the states that playing every path finds', () => {
    const { graph, input } = search(MENU, { depth: 3 });
    const p = always('', {
      of: 'toy.1',
      given: { scenario: undefined as never, weights: {}, length: 1 },
      watch: () => ({ notes: () => null }),
      fault: { says: '', funcs: {} },
    });
    const scope = { scenario: sleepers, menu: input.menu, depth: 3 };
    const played = runExhaustive({ engine: machineEngine, kernel: pin, property: p, scope, states: 100_000 });
    expect(graph.nodes.size).toBe(played.states);
    expect([graph.bound, played.closed]).toEqual(['depth', false]);
  });

  it('tells states apart member by member as by their fingerprints', () => {
    const small = search('tick,block,wake', { depth: 3 }).graph;
    const exact = search('tick,block,wake', { depth: 3, exact: true }).graph;
    expect([exact.nodes.size, exact.collisions]).toEqual([small.nodes.size, 0]);
  });

  it('says which bound ended it, and is complete only without one', () => {
    expect(search(MENU, { states: 10 }).graph.bound).toBe('states');
    expect(search(MENU, { enough: () => true, depth: 9 }).graph.bound).toBe('stopped');
    const closed = search('block,wake', { depth: 100 }).graph;
    expect(closed.bound).toBe(null);
    expect(closed.expanded).toBe(closed.nodes.size);
  });

  it('finds the shortest way to what breaks', () => {
    const kernel = overridden(pin, 'forgets', { account_entity_dequeue(): void {} });
    const { graph, input } = search(MENU, { kernel });
    const { from, move, message } = graph.breach ?? { from: 0, move: 0, message: '' };
    expect(message).toMatch(/^kernel BUG/);
    expect([...graph.nodes.path(from), move].map((it) => input.menu[it].ev)).toEqual(['block']);
  });

  it('goes on from where it was put aside, to the same states', () => {
    const whole = search(MENU).graph;
    const { graph: half, input } = search(MENU, { states: 40 });
    const earlier = structuredClone(savedGraph(half));
    const rest = searchGraph({ ...input, states: 100_000, earlier });
    const of = ({ nodes, transitions, depth, bound }: Graph) => [nodes.size, transitions, depth, bound];
    expect(of(rest)).toEqual(of(whole));
  });
});

describe('symmetry', () => {
  it('leaves out moves, and nothing else: the same states up to names, the same verdicts at the same depth', () => {
    for (const [depth, words] of [
      [4, MENU],
      [5, 'tick,block,wake,yield'],
    ] as const) {
      const kinds = (symmetry: boolean): [Set<string>, Graph] => {
        const found = new Set<string>();
        const watch = (m: machine): boolean => found.add(seen(m)) !== undefined;
        return [found, search(words, { symmetry, depth, predicates: [watch, running('c'), running('d')] }).graph];
      };
      const [[all, plain], [some, reduced]] = [kinds(false), kinds(true)];
      expect(some).toEqual(all);
      expect(reduced.alike).toBeGreaterThan(0);
      expect(reduced.nodes.size).toBeLessThan(plain.nodes.size);
      const firstDepth = (graph: Graph, bits: number): number => {
        for (let node = 0; node < graph.nodes.size; node++)
          if ((graph.nodes.flags(node) & bits) !== 0) return graph.nodes.path(node).length;
        return -1;
      };
      expect(firstDepth(reduced, 4)).toBe(firstDepth(plain, 4));
    }
  });

  it('tells apart what a program names, and what is awake', () => {
    const named: Scenario = {
      ...sleepers,
      tasks: [{ comm: 'a', program: [{ op: 'yieldTo', task: 'b' }] }, ...(sleepers.tasks ?? []).slice(1)],
    };
    expect(search(MENU, { symmetry: true, depth: 2 }, named).graph.alike).toBe(0);
    const awake: Scenario = { ...sleepers, tasks: [{ comm: 'a' }, { comm: 'b' }, { comm: 'c' }] };
    expect(search('yield_to', { symmetry: true, depth: 2 }, awake).graph.alike).toBe(0);
  });
});

describe('leads to', () => {
  const two: Scenario = { cpus: 1, vruntime_offset: '2000000000000', tasks: [{ comm: 'a' }, { comm: 'b' }] };
  const asked = (words: string, fair: string[], kernel = pin, depth = 40) => {
    const predicates = [running('a'), running('b')];
    const { graph, input } = search(words, { edges: true, depth, predicates, kernel }, two);
    const kinds = [...new Set(input.menu.map((it) => it.ev as string))];
    const found = leadsTo(
      graph,
      0,
      1,
      input.menu.map((it) => kinds.indexOf(it.ev)),
      fair.map((it) => kinds.indexOf(it)),
    );
    return { ...found, graph, menu: input.menu };
  };

  it('fails by going round without what nobody says will come', () => {
    const { lasso, triggers, menu } = asked('tick,yield', []);
    expect(triggers).toBeGreaterThan(0);
    expect(lasso?.cycle.map((move) => menu[move].ev)).toEqual(['tick']);
  });

  it('holds where yields come again and again: whoever waits gets to run', () => {
    const { lasso, isOpen, graph } = asked('tick,yield', ['yield']);
    expect([graph.bound, isOpen, lasso]).toEqual([null, false, null]);
  });

  it('fails under the same assumption on a kernel whose yield does nothing, and the cycle has yields in it', () => {
    const deaf = overridden(pin, 'deaf', { yield_task_fair(): void {} });
    const { lasso, menu } = asked('tick,yield', ['yield'], deaf);
    expect(new Set(lasso?.cycle.map((move) => menu[move].ev))).toContain('yield');
  });

  it('is open where the search did not get to the end', () => {
    const { isOpen } = asked('tick,advance:1000', ['tick', 'advance'], pin, 2);
    expect(isOpen).toBe(true);
  });
});
