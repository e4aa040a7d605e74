// SPDX-License-Identifier: GPL-2.0-only
/** The graph of a scenario's states: every state, shortest ways, cycles, what symmetry leaves out, and going on from a file. */
import { describe, expect, it } from 'vitest';
import { always } from '../../properties/vocabulary.js';
import { commutingMoves, hasMove } from '../../src/explore/commute.js';
import { runExhaustive } from '../../src/explore/exhaustive.js';
import { Expander } from '../../src/explore/expand.js';
import { ExpandMember } from '../../src/explore/expansion.js';
import { leadsTo } from '../../src/explore/leads-to.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { menuOf } from '../../src/explore/menu.js';
import {
  type Graph,
  type GraphInput,
  savedGraph,
  searchGraph,
  searchGraphWith,
} from '../../src/explore/state-graph.js';
import type { machine } from '../../src/machine/state.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName, pin } from '../../src/series/registry.js';
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
    commuting: null,
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

/** States in their order, each with its way and what is asked of it. */
const told = ({ nodes, ...graph }: Graph) => {
  const { size, lo, hi, parentOf, moveOf, flagsOf } = nodes.saved();
  const some = [lo, hi, parentOf, moveOf, flagsOf].map((it) => [...it.subarray(0, size)]);
  return [some, graph.depth, graph.expanded, graph.bound, graph.breach, graph.notModelled, graph.alike];
};

describe('events that commute', () => {
  const apart: Scenario = {
    cpus: 3,
    vruntime_offset: '2000000000000',
    tasks: [0, 1, 2].flatMap((cpu) => [
      { comm: `a${cpu}`, cpus: [cpu] },
      { comm: `b${cpu}`, cpus: [cpu], nice: cpu, asleep: cpu === 2 },
    ]),
  };
  const WORDS = 'tick,yield,block,wake,nice:7,advance:3000000';

  it.each([
    ['v6.12.117', WORDS, 3],
    ['v6.19', 'tick,yield,block,wake', 4],
    ['v6.1', 'tick,block,wake', 4],
  ])('are left out on %s, and every state is there, by the same way', (name, words, depth) => {
    const kernel = kernelByName(name);
    const predicates = [running('a0'), (m: machine) => m.rq[2].nr_running === 2];
    const more = { kernel, depth, predicates };
    const { graph: all, input } = search(words, more, apart);
    const commuting = commutingMoves(apart, input.menu, true);
    const some = searchGraph({ ...input, commuting });
    expect(told(some)).toEqual(told(all));
    expect(some.asleep).toBeGreaterThan(all.transitions / 8);
    expect(some.transitions + some.asleep).toBe(all.transitions);
  });

  it('are asleep still when the search goes on from where it was put aside', () => {
    const { input } = search('tick,yield,block', { depth: 4 }, apart);
    const commuting = commutingMoves(apart, input.menu, true);
    const whole = searchGraph({ ...input, commuting });
    const half = searchGraph({ ...input, commuting, states: 50 });
    const rest = searchGraph({ ...input, commuting, earlier: structuredClone(savedGraph(half)) });
    expect(told(rest)).toEqual(told(whole));
    expect([rest.transitions, rest.asleep]).toEqual([whole.transitions, whole.asleep]);
  });

  it('are none where CPUs may have something in common', () => {
    const { menu } = search('tick,block,wake,advance:1000', { depth: 1 }, apart).input;
    expect(commutingMoves(apart, menu, false)).toBe(null);
    const [first, ...rest] = apart.tasks ?? [];
    for (const other of [
      { groups: [{ name: 'g' }] },
      { tasks: [{ comm: first.comm }, ...rest] },
      { tasks: [{ ...first, policy: 'fifo' as const, rt_priority: 1 }, ...rest] },
      { vms: [{ name: 'vm', vcpus: 1 }] },
    ])
      expect(commutingMoves({ ...apart, ...other }, menu, true)).toBe(null);
    const masks = commutingMoves(apart, menu, true) ?? [];
    menu.forEach((event, i) => {
      if (event.ev === 'advance') expect(menu.some((_, j) => hasMove(masks[i], j) || hasMove(masks[j], i))).toBe(false);
      expect(hasMove(masks[i], i)).toBe(false);
    });
  });

  it('that do not commute after all are seen, for some of what is left out is tried', () => {
    // in which order CPUs came is remembered, in a word that all of them have
    function comes(this: { m: machine }, rq: { cpu: number }): void {
      const m = this.m as machine & { order?: number };
      m.order = 4 * (m.order ?? 0) + rq.cpu + 1;
    }
    const kernel = overridden(pin, 'in order', { yield_task_fair: comes });
    const { input } = search('yield,block', { depth: 5, kernel }, apart);
    const commuting = commutingMoves(apart, input.menu, true);
    expect(() => searchGraph({ ...input, commuting })).toThrow('taken to commute');
  });
});

describe('a crew', () => {
  it.each([1, 3])('of %i comes to the same graph, wherever it ends', async (members) => {
    const two: Scenario = {
      cpus: 2,
      vruntime_offset: '2000000000000',
      tasks: [
        { comm: 'a', cpus: [0] },
        { comm: 'b', cpus: [1] },
        { comm: 'c', cpus: [1], asleep: true },
      ],
    };
    const forgets = overridden(pin, 'forgets', { account_entity_dequeue(): void {} });
    for (const more of [
      { depth: 5 },
      { depth: 9, states: 300 },
      { depth: 4, edges: true },
      { depth: 9, kernel: forgets },
      { depth: 9, enough: ({ nodes }: Graph) => nodes.size > 400 },
    ] as Partial<GraphInput>[]) {
      const predicates = [running('a'), (m: machine) => m.rq[1].nr_running === 2];
      const { graph, input } = search('tick,yield,block,wake', { symmetry: true, predicates, ...more }, two);
      const commuting = more.edges === true ? null : commutingMoves(two, input.menu, true);
      const alone = commuting === null ? graph : searchGraph({ ...input, commuting });
      const crew = Array.from({ length: members }, () => new ExpandMember(new Expander(input)));
      let turn = 0;
      const together = await searchGraphWith(
        { ...input, commuting },
        { width: 2 * members, expand: async (task) => structuredClone(crew[turn++ % members].expand(task)) },
      );
      expect(told(together)).toEqual(told(alone));
      expect([together.transitions, together.asleep]).toEqual([alone.transitions, alone.asleep]);
    }
  });
});
