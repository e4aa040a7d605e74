// SPDX-License-Identifier: GPL-2.0-only
/** What an exhaustive search came to, in words. A bound that was hit is said with everything that it leaves open. */
import { count, wrap } from '../base/text.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import { eventText } from './event-text.js';
import { namesOf } from './names.js';

export interface Asked {
  word: 'always' | 'sometimes' | 'leads to' | 'property';
  says: string;
  verdict: 'holds' | 'refuted' | 'reached' | 'unreachable' | 'open';
  /** what is to be added to the verdict */
  note: string;
  /** the shortest way there */
  events: readonly MachineEvent[] | null;
  /** ... and round, for ever */
  cycle?: readonly MachineEvent[];
  replay?: string;
}

export interface Explored {
  scenario: Scenario;
  name: string;
  kernel: string;
  moves: number;
  states: number;
  transitions: number;
  depth: number;
  /** states in which not all was tried; null where that is not known */
  frontier: number | null;
  bound: 'depth' | 'states' | 'stopped' | null;
  bytes: number;
  exact: boolean;
  alike: number;
  /** moves left out because another order of the same events makes them */
  asleep: number;
  collisions: number;
  notModelled: number;
  notModelledWhat: string;
  asked: readonly Asked[];
}

/** Everything that the menu can lead to was looked at. */
export const isComplete = (e: Pick<Explored, 'bound' | 'notModelled'>): boolean =>
  e.bound === null && e.notModelled === 0;

const BOUNDS = {
  depth: 'the depth that was allowed',
  states: 'the number of states that was allowed',
  stopped: 'the end that it was told',
};

/** How far it went. */
export function extent(e: Explored): string {
  if (isComplete(e)) return 'everything that these events can lead to';
  const left = e.frontier === null ? 'paths' : count(e.frontier, 'state');
  const rest = e.bound === null ? '' : `: ${BOUNDS[e.bound]} left ${left} in which not all was tried`;
  return `part of what these events can lead to${rest}`;
}

function asExponent(x: number): string {
  return x < 1e-9 ? 'below 1 in a thousand million' : `about 1 in ${Math.round(1 / x)}`;
}

export function exploreText(e: Explored): string {
  const names = namesOf(e.scenario);
  const each = e.states === 0 ? 0 : Math.round(e.bytes / e.states);
  const odds = (e.states * e.states) / 2 / 2 ** 64;
  const prints = e.exact
    ? `states compared member by member${e.collisions > 0 ? `, ${e.collisions} times different behind one fingerprint` : ''}`
    : `states known by 64 bits; odds that two were taken for one: ${asExponent(odds)}`;
  const lines = [
    ...wrap(`${e.name} on ${e.kernel}, every order of ${count(e.moves, 'event')}`, 80, '  '),
    ...wrap(
      `${count(e.states, 'state')}, ${count(e.transitions, 'transition')}, depth ${e.depth}${each === 0 ? '' : `, ${each} bytes a state`}: ${extent(e)}.`,
      80,
      '  ',
    ),
    ...wrap(`${prints}.`, 80, '  '),
  ];
  if (e.alike > 0)
    lines.push(
      ...wrap(`${count(e.alike, 'move')} left out, each like another of a sleeper of the same make.`, 80, '  '),
    );
  if (e.asleep > 0)
    lines.push(
      ...wrap(`${count(e.asleep, 'move')} left out, each made in another order of events on different CPUs.`, 80, '  '),
    );
  if (e.notModelled > 0)
    lines.push(
      ...wrap(`${count(e.notModelled, 'path')} ended at what is not modelled, first ${e.notModelledWhat}.`, 80, '  '),
    );
  for (const it of e.asked) {
    lines.push(
      '',
      ...wrap(`${it.word}: ${it.says}`, 80, '    '),
      ...wrap(`    ${it.verdict}${it.note === '' ? '' : `: ${it.note}`}`, 80, '    '),
    );
    const told = (list: readonly MachineEvent[], from: number): string[] =>
      list.map((event, i) => `    ${String(from + i).padStart(3)}  ${eventText(event, names)}`);
    if (it.events !== null) lines.push(...told(it.events, 0));
    if (it.cycle !== undefined)
      lines.push(
        it.cycle.length === 0 ? '    and nothing can happen any more' : '    and from here round and round:',
        ...told(it.cycle, it.events?.length ?? 0),
      );
    if (it.replay !== undefined) lines.push(`    ${it.replay}`);
  }
  return `${lines.join('\n')}\n`;
}

/** For graphviz. */
export function graphDot(
  states: number,
  edgesOf: (node: number) => readonly { to: number; move: number }[],
  words: readonly string[],
): string {
  const lines = ['digraph states {', '  node [shape=circle, label=""];', '  0 [shape=doublecircle];'];
  for (let node = 0; node < states; node++) {
    const byTo = new Map<number, string[]>();
    for (const { to, move } of edgesOf(node)) byTo.set(to, [...(byTo.get(to) ?? []), words[move]]);
    for (const [to, moves] of byTo) lines.push(`  ${node} -> ${to} [label=${JSON.stringify(moves.join('\n'))}];`);
  }
  return `${lines.join('\n')}\n}\n`;
}
