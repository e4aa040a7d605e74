// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel explore`: every order in which a menu of events can happen to a scenario, and what is asked of all its states. */
import { Command } from 'commander';
import { defined } from '../base/defined.js';
import { INTERRUPTED, NOT_JUDGED, OK, REFUTED } from '../base/exit-codes.js';
import { BadInput, reject } from '../base/faults.js';
import type { Graph } from '../explore/state-graph.js';
import { tokenOf } from '../loader/counterexample.js';
import { refuseExisting, writeNew } from '../loader/files.js';
import type { Explored } from '../report/explore-text.js';
import type { MachineEvent } from '../scenario/events.js';
import { type Io, warnOn } from './io.js';
import { Options } from './options.js';
import { scenarioOf } from './run.js';

interface Flags {
  kernel?: string;
  menu?: string;
  depth?: string;
  states?: string;
  mem?: string;
  time?: string;
  always?: string[];
  sometimes?: string[];
  leadsTo?: string[];
  property?: string;
  fair?: string;
  exact?: boolean;
  symmetry: boolean;
  allOrders?: boolean;
  jobs?: string;
  dot?: string;
  save?: string;
  resume?: string;
  json?: boolean;
}

export interface Settings {
  name: string;
  kernel?: string;
  menu?: string;
  depth: number;
  states: number;
  memBytes: number;
  seconds: number;
  always: string[];
  sometimes: string[];
  leadsTo: [string, string][];
  property?: string;
  fair?: string[];
  exact: boolean;
  symmetry: boolean;
  allOrders: boolean;
  jobs: number;
  dot?: string;
  save?: string;
  resume?: string;
  json: boolean;
}

const gather = (value: string, before: string[] = []): string[] => [...before, value];
/** bits of a state's flags */
const PREDICATES_MAX = 8;

const EXAMPLES = `
Examples:
  kvmodel explore two-spinners --states 20000
  kvmodel explore nice-mix --menu tick,yield,advance:3000000 --depth 8
  kvmodel explore ./m.json --always 'rq[0].nr_running <= 3'
  kvmodel explore ./m.json --leads-to 'task["a"].on_rq ~> rq[0].curr == 1'
  kvmodel explore ./m.json --property pick.1 --depth 6
  kvmodel explore ./m.json --states 1000000 --save half && \\
    kvmodel explore ./m.json --states 9000000 --resume half
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('explore')
    .argument('<scenario>', 'a name of `kvmodel list scenarios`, a JSON file, or - for standard input')
    .option('--kernel <k>', 'on this kernel, series or ./my-patch.ts')
    .option(
      '--menu <events>',
      'tick,block,wake,yield,advance:NS ...: every event of each kind (its own `events` when absent)',
    )
    .option('--depth <n>', 'events from the start, at most')
    .option('--states <n>', 'states at most, 1000000 when absent')
    .option('--mem <mb>', 'end when the process takes so many MiB, 4096 when absent')
    .option('--time <s>', 'end after so many seconds')
    .option('--always <expr>', 'true in every state (repeatable); expressions as in kvmodel step', gather)
    .option('--sometimes <expr>', 'true in some state (repeatable)', gather)
    .option('--leads-to <p~>q>', "'P ~> Q': from wherever P is true, Q is at last (repeatable)", gather)
    .option(
      '--fair <kinds>',
      'for --leads-to: kinds that come again and again where they can; advance,tick when absent',
    )
    .option('--property <id>', 'a property of check, asked of every path')
    .option('--exact', 'compare states member by member, not by 64 bits (slow)')
    .option('--no-symmetry', 'try every sleeper, also those that are like another')
    .option('--all-orders', 'try every order of events that commute, of different CPUs')
    .option('--jobs <n>', 'threads, 1 when absent; what is found does not depend on it')
    .option('--dot <file>', 'the graph for graphviz, of at most 2000 states')
    .option('--save <file>', 'where the search is put aside when a bound ends it')
    .option('--resume <file>', 'go on with what was put aside there')
    .option('--json', 'the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, flags: Flags) => exit(await explore(settingsOf(name, flags, io), io)));
}

function settingsOf(name: string, flags: Flags, io: Io): Settings {
  const o = new Options();
  const depth = o.whole('--depth', flags.depth, 1, 1_000_000) ?? Number.POSITIVE_INFINITY;
  const states = o.whole('--states', flags.states, 1, 1_000_000_000) ?? 1_000_000;
  const mem = o.whole('--mem', flags.mem, 64, 1 << 20) ?? 4096;
  const seconds = o.whole('--time', flags.time, 1, 31 * 24 * 3600) ?? Number.POSITIVE_INFINITY;
  const jobs = o.whole('--jobs', flags.jobs, 1, 256) ?? 1;
  const leadsTo = (flags.leadsTo ?? []).flatMap((text): [string, string][] => {
    const [p, q, more] = text.split('~>').map((it) => it.trim());
    if (p !== undefined && p !== '' && q !== undefined && q !== '' && more === undefined) return [[p, q]];
    o.fault('--leads-to', "'P ~> Q'", JSON.stringify(text));
    return [];
  });
  const [always, sometimes] = [flags.always ?? [], flags.sometimes ?? []];
  const bits = always.length + sometimes.length + 2 * leadsTo.length;
  if (bits > PREDICATES_MAX) o.fault('--always', `at most ${PREDICATES_MAX} expressions in all`, String(bits));
  if (flags.property !== undefined && (bits > 0 || flags.dot !== undefined || flags.save !== undefined))
    o.fault('--property', 'it alone: a property remembers, so its paths are no graph', 'it with others');
  if (o.isFine) for (const file of [flags.dot, flags.save]) if (file !== undefined) refuseExisting(file, io.cwd);
  o.done();
  const { kernel, menu, property, dot, save, resume } = flags;
  return {
    name,
    depth,
    states,
    memBytes: mem * 2 ** 20,
    seconds,
    always,
    sometimes,
    leadsTo,
    exact: flags.exact === true,
    symmetry: flags.symmetry,
    allOrders: flags.allOrders === true,
    jobs,
    json: flags.json === true,
    ...defined({ kernel, menu, property, dot, save, resume, fair: flags.fair?.split(',') }),
  };
}

async function explore(settings: Settings, io: Io): Promise<number> {
  const { events = [], ...scenario } = await scenarioOf(settings.name, io);
  const { namedKernel } = await import('../loader/check-subject.js');
  const { pinOf } = await import('../series/registry.js');
  const { machineEngine: engine } = await import('../explore/machine-engine.js');
  const { knobFaults } = await import('../machine/knobs.js');
  const { menuOf, usualMenu } = await import('../explore/menu.js');
  const kernel = await namedKernel(settings.kernel ?? pinOf(scenario.arch).name, io.cwd, undefined, true, warnOn(io));
  const faults = knobFaults([kernel], scenario);
  if (faults.length > 0) throw new BadInput(`scenario ${settings.name}`, faults);
  const m = engine.boot(kernel, scenario);
  const own = settings.menu === undefined && events.length > 0;
  const made = own ? { menu: distinct(events), faults: [] } : menuOf(settings.menu ?? usualMenu(m), m);
  if (made.faults.length > 0) throw new BadInput('command line', made.faults);
  const offset = BigInt(scenario.vruntime_offset ?? 0);
  // see canonical.ts: only beyond 2^40 do virtual times count relative to their queue's
  if (offset < 2n ** 40n || offset >= 2n ** 62n)
    io.err(
      'kvmodel: near a wrap virtual times count as they are; "vruntime_offset": "2000000000000" merges more states\n',
    );
  if (settings.menu === undefined && !own) io.err(`kvmodel: --menu ${usualMenu(m)}\n`);
  const { menu } = made;
  const explored =
    settings.property === undefined
      ? await (await import('./explore-graph.js')).exploreGraph({ settings, io, kernel, scenario, menu, m })
      : await propertyOn({ settings, io, kernel, scenario, menu });
  const { exploreText } = await import('../report/explore-text.js');
  const { stableJson } = await import('../base/stable-json.js');
  io.out(
    settings.json
      ? `${stableJson({ schema: 'kvmodel-explore-1', ...explored.result }, 2)}\n`
      : exploreText(explored.result),
  );
  if (explored.interrupted) return INTERRUPTED;
  const verdicts = explored.result.asked.map((it) => it.verdict);
  if (verdicts.some((it) => ['refuted', 'unreachable'].includes(it))) return REFUTED;
  // a bound was reached first: nothing is known of what lies beyond
  return verdicts.includes('open') ? NOT_JUDGED : OK;
}

const distinct = (events: readonly MachineEvent[]): MachineEvent[] =>
  [...new Set(events.map((it) => JSON.stringify(it)))].map((it) => JSON.parse(it) as MachineEvent);

export interface Exploring {
  settings: Settings;
  io: Io;
  kernel: import('../vmlinux/bind.js').Kernel;
  scenario: import('../scenario/scenario.js').Scenario;
  menu: readonly MachineEvent[];
}

/** A property with its memory: every path is played with a monitor of its own. */
async function propertyOn({
  settings,
  io,
  kernel,
  scenario,
  menu,
}: Exploring): Promise<{ result: Explored; interrupted: boolean }> {
  const { propertyById } = await import('../loader/check-subject.js');
  const { runExhaustive } = await import('../explore/exhaustive.js');
  const { machineEngine } = await import('../explore/machine-engine.js');
  const id = settings.property ?? '';
  const property = await propertyById({ property: id, kernel: kernel.name }, io.cwd);
  if (property === undefined) reject('command line', 'usage', '--property', 'a property of `kvmodel list`', id);
  const until = Date.now() / 1000 + settings.seconds;
  const depth = Math.min(settings.depth, 1_000_000);
  const stop = (): boolean => Date.now() / 1000 > until || process.memoryUsage().rss > settings.memBytes;
  const found = runExhaustive({
    engine: machineEngine,
    kernel,
    property,
    scope: { scenario, menu, depth },
    states: settings.states,
    witness: true,
    stop,
  });
  return { result: ofProperty({ settings, io, kernel, scenario, menu }, property, found), interrupted: false };
}

type Property = import('../../properties/vocabulary.js').Property;
type ExhaustiveResult = import('../explore/exhaustive.js').ExhaustiveResult;

/** What a search of every path says of a property. One whose case was never reached, or not to the end, is open. */
function verdictOf({ word }: Property, found: ExhaustiveResult): Explored['asked'][number]['verdict'] {
  if (found.failure !== null) return 'refuted';
  if (found.witness !== null) return 'reached';
  if (!found.complete || !found.closed) return 'open';
  if (word === 'sometimes') return 'unreachable';
  return found.reached === 0 ? 'open' : 'holds';
}

function ofProperty(input: Exploring, property: Property, found: ExhaustiveResult): Explored {
  const { settings, io, kernel, scenario, menu } = input;
  const { states, transitions, depth, complete, closed, reached, notModelled, notModelledWhat } = found;
  const shown = found.failure ?? found.witness;
  const c = shown === null ? null : { kernel: kernel.name, property: property.id, scenario, events: [...shown.events] };
  const seen = reached === 0 ? 'its case was never reached, so nothing is said' : `its case was seen ${reached}x`;
  const bound =
    complete && closed ? null : states >= settings.states ? 'states' : depth >= settings.depth ? 'depth' : 'stopped';
  return {
    scenario,
    name: settings.name,
    kernel: kernel.name,
    moves: menu.length,
    states,
    transitions,
    depth,
    frontier: null,
    bound,
    bytes: 0,
    exact: false,
    alike: 0,
    asleep: 0,
    collisions: 0,
    notModelled,
    notModelledWhat,
    asked: [
      {
        word: 'property',
        says: `${property.id}: ${property.says}`,
        verdict: verdictOf(property, found),
        note: shown?.message ?? seen,
        events: shown?.events ?? null,
        ...defined({ replay: c === null ? undefined : `${io.invocation} replay ${tokenOf(c)}` }),
      },
    ],
  };
}

/** Writes the graph, where it is small enough to be looked at. */
export async function writeDot(file: string, graph: Graph, words: readonly string[], io: Io): Promise<void> {
  const { graphDot } = await import('../report/explore-text.js');
  const { nodes } = graph;
  if (nodes.size > 2000)
    io.err(`kvmodel: ${nodes.size} states are too many for --dot; nothing was written to ${file}\n`);
  else
    writeNew(
      file,
      graphDot(nodes.size, (node) => nodes.edges(node), words),
      io.cwd,
    );
}
