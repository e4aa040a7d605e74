// SPDX-License-Identifier: GPL-2.0-only
/** The graph of a scenario's states, and what expressions come to in it. */
import { defined } from '../base/defined.js';
import { count } from '../base/text.js';
import { commutingMoves } from '../explore/commute.js';
import { leadsTo } from '../explore/leads-to.js';
import { machineEngine } from '../explore/machine-engine.js';
import {
  type Graph,
  type GraphInput,
  type SavedGraph,
  savedGraph,
  searchGraph,
  searchGraphWith,
} from '../explore/state-graph.js';
import { tokenOf } from '../loader/counterexample.js';
import { readSearch, searchKey, writeSearch } from '../loader/search-file.js';
import type { machine } from '../machine/state.js';
import { eventText } from '../report/event-text.js';
import { type Asked, type Explored, extent, isComplete } from '../report/explore-text.js';
import { namesOf } from '../report/names.js';
import type { EventKind, MachineEvent } from '../scenario/events.js';
import { findSeries, pin } from '../series/registry.js';
import { predicateOf } from '../step/predicate.js';

import { type Exploring, writeDot } from './explore.js';

/** s between two lines of progress */
const EVERY_S = 5;

/** What is assumed to come again and again when nothing is said. */
const FAIR: readonly EventKind[] = ['advance', 'tick'];

type Input = Exploring & { m: machine };

export async function exploreGraph(input: Input): Promise<{ result: Explored; interrupted: boolean }> {
  const { settings, io, kernel, scenario, menu } = input;
  const texts = [...settings.always, ...settings.sometimes, ...settings.leadsTo.flat()];
  const predicates = texts.map((text) => predicateOf(text, input.kernel, input.m));
  const key = searchKey({
    kernel: kernel.name,
    scenario,
    menu,
    texts,
    exact: settings.exact,
    symmetry: settings.symmetry,
    allOrders: settings.allOrders,
  });
  const earlier: SavedGraph | undefined =
    settings.resume === undefined ? undefined : readSearch(settings.resume, key, io.cwd);
  const began = Date.now() / 1000;
  let told = began;
  let before = earlier?.nodes.size ?? 0;
  const withEdges = settings.leadsTo.length > 0 || settings.dot !== undefined;
  const asked: GraphInput = {
    engine: machineEngine,
    kernel,
    scenario,
    menu,
    depth: settings.depth,
    states: settings.states,
    exact: settings.exact,
    symmetry: settings.symmetry && settings.leadsTo.length === 0,
    edges: withEdges,
    // WHY not with edges: each of them is wanted
    commuting: settings.allOrders || withEdges ? null : commutingMoves(scenario, menu, isRelease(kernel.name)),
    predicates,
    witness: (it) => machineEngine.witness?.(it) ?? [],
    enough: () => Date.now() / 1000 - began > settings.seconds || process.memoryUsage().rss > settings.memBytes,
    progress(at) {
      const now = Date.now() / 1000;
      if (now - told < EVERY_S) return;
      const rate = Math.round((at.nodes.size - before) / (now - told));
      io.err(
        `kvmodel: ${at.nodes.size} states, depth ${at.depth}, frontier ${at.nodes.size - at.expanded}, ${rate} states/s\n`,
      );
      told = now;
      before = at.nodes.size;
    },
    ...defined({ earlier }),
  };
  const graph = await searched(input, asked, texts);
  if (settings.save !== undefined && graph.bound !== null) writeSearch(settings.save, key, savedGraph(graph), io.cwd);
  if (settings.dot !== undefined) {
    const names = namesOf(scenario);
    const words = menu.map((event) => eventText(event, names) + ('cpu' in event ? ` @${event.cpu}` : ''));
    await writeDot(settings.dot, graph, words, io);
  }
  return { result: resultOf(input, graph), interrupted: false };
}

/** With several threads, where there is something for them. */
async function searched(
  { settings, io, kernel, scenario, menu }: Input,
  asked: GraphInput,
  texts: string[],
): Promise<Graph> {
  // another thread's machine cannot be compared with
  if (settings.jobs === 1 || settings.exact) return searchGraph(asked);
  const { exploreCrew } = await import('../workers/explore-crew.js');
  const { symmetry } = asked;
  const name = settings.kernel ?? kernel.name;
  const crew = exploreCrew({ kernel: name, cwd: io.cwd, scenario, menu, symmetry, texts }, settings.jobs);
  try {
    return await searchGraphWith(asked, crew);
  } finally {
    await crew.close();
  }
}

/** A kernel as it was released, and nothing of a series in it. */
const isRelease = (kernel: string): boolean => kernel === pin.name || findSeries(kernel)?.release === true;

function resultOf(input: Input, graph: Graph): Explored {
  const { settings, kernel, scenario, menu } = input;
  const { nodes, transitions, depth, expanded, bound, alike, asleep, collisions, notModelled, notModelledWhat } = graph;
  const bare: Explored = {
    scenario,
    name: settings.name,
    kernel: kernel.name,
    moves: menu.length,
    states: nodes.size,
    transitions,
    depth,
    frontier: nodes.size - expanded,
    bound,
    bytes: nodes.bytes + (graph.sleep?.bytes ?? 0),
    exact: settings.exact,
    alike,
    asleep,
    collisions,
    notModelled,
    notModelledWhat,
    asked: [],
  };
  return { ...bare, asked: askedOf(input, graph, bare) };
}

function askedOf(input: Input, graph: Graph, bare: Explored): Asked[] {
  const { settings, io, kernel, scenario, menu } = input;
  const whole = isComplete(bare) && graph.breach === null;
  const far = whole ? '' : `in ${extent(bare)}; what is beyond was not looked at`;
  const eventsOf = (moves: readonly number[]): MachineEvent[] => moves.map((move) => menu[move]);
  const replayOf = (property: string, events: readonly MachineEvent[]): string =>
    `${io.invocation} replay ${tokenOf({ kernel: kernel.name, property, scenario, events: [...events] })}`;
  const firstWith = (bit: number, value: number): number => {
    for (let node = 0; node < graph.nodes.size; node++)
      if (((graph.nodes.flags(node) >> bit) & 1) === value) return node;
    return -1;
  };
  const out: Asked[] = [];
  if (graph.breach === null) {
    out.push({
      word: 'always',
      says: 'the kernel neither dies nor warns, and what it keeps agrees',
      verdict: whole ? 'holds' : 'open',
      note: far,
      events: null,
    });
  } else {
    const { from, move, message } = graph.breach;
    const events = from < 0 ? [] : eventsOf([...graph.nodes.path(from), move]);
    out.push({
      word: 'always',
      says: 'the kernel neither dies nor warns, and what it keeps agrees',
      verdict: 'refuted',
      note: message,
      events,
      replay: replayOf('structure.1', events),
    });
  }
  settings.always.forEach((says, i) => {
    const at = firstWith(i, 0);
    const events = at < 0 ? null : eventsOf(graph.nodes.path(at));
    const verdict = events !== null ? 'refuted' : whole ? 'holds' : 'open';
    const note = events === null ? far : 'false behind these events';
    out.push({
      word: 'always',
      says,
      verdict,
      note,
      events,
      ...(events === null ? {} : { replay: replayOf('explore', events) }),
    });
  });
  settings.sometimes.forEach((says, i) => {
    const at = firstWith(settings.always.length + i, 1);
    const events = at < 0 ? null : eventsOf(graph.nodes.path(at));
    const verdict = events !== null ? 'reached' : whole ? 'unreachable' : 'open';
    const note = events === null ? (whole ? '' : `not ${far}`) : `true behind these events`;
    out.push({
      word: 'sometimes',
      says,
      verdict,
      note,
      events,
      ...(events === null ? {} : { replay: replayOf('explore', events) }),
    });
  });
  out.push(...leadsToAsked(input, graph, whole, far));
  return out;
}

function leadsToAsked({ settings, menu }: Input, graph: Graph, whole: boolean, far: string): Asked[] {
  const kinds = [...new Set(menu.map((it) => it.ev))];
  const fairKinds = (settings.fair ?? FAIR).filter((it) => kinds.includes(it as EventKind));
  const fair = fairKinds.map((it) => kinds.indexOf(it as EventKind));
  const kindOf = menu.map((it) => kinds.indexOf(it.ev));
  const assumed =
    fairKinds.length === 0
      ? 'nothing is assumed to come'
      : `assuming fairness for ${fairKinds.join(' and ')}: each comes again and again where it can`;
  const base = settings.always.length + settings.sometimes.length;
  return settings.leadsTo.map(([p, q], i): Asked => {
    const { lasso, triggers, isOpen } = leadsTo(graph, base + 2 * i, base + 2 * i + 1, kindOf, fair);
    const says = `${p} ~> ${q}`;
    const seen = `P in ${count(triggers, 'state')}, ${assumed}`;
    if (lasso !== null) {
      const [events, cycle] = [lasso.stem, lasso.cycle].map((moves) => moves.map((move) => menu[move]));
      return { word: 'leads to', says, verdict: 'refuted', note: seen, events, cycle };
    }
    const isWhole = whole && !isOpen;
    const verdict = isWhole && triggers > 0 ? 'holds' : 'open';
    const note =
      triggers === 0 ? `P was never true, so nothing is said; ${assumed}` : isWhole ? seen : `${seen}, ${far}`;
    return { word: 'leads to', says, verdict, note, events: null };
  });
}
