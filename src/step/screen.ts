// SPDX-License-Identifier: GPL-2.0-only
/** The full-screen view as rows of text, in whatever size the terminal has: 80x24 shows all panes. */
import { ascii, inWidth, wrap } from '../base/text.js';
import {
  type Choice,
  callsPane,
  cpusPane,
  diffPane,
  lapicPane,
  type Pane,
  presentVcpu,
  queuePane,
  sourcePane,
  vcpusPane,
} from './panes.js';
import type { Stepper } from './stepper.js';

export const LAYOUTS = ['all', 'queue', 'src', 'diff', 'lapic'] as const;
export type Layout = (typeof LAYOUTS)[number];

/** What is shown; commands write it, the terminal follows. */
export interface ScreenState extends Choice {
  isOn: boolean;
  layout: Layout;
}

/** What the last command printed, and how far down somebody has paged in it. */
export interface Told {
  lines: readonly string[];
  from: number;
}

export interface Size {
  columns: number;
  rows: number;
}

export interface ScreenRow {
  text: string;
  isTitle: boolean;
}

/** Rows that what was printed has at least; a quarter of the screen where that is more. */
const TOLD_MIN = 3;

/** ... that the queue has of the panes, whoever is queued. */
const QUEUE_SHARE = 0.4;

const plain = (text: string): ScreenRow => ({ text, isTitle: false });

/** In that many lines: the title as a rule, and what fits below; the last line counts what does not. */
function laid({ title, lines }: Pane, width: number, height: number): ScreenRow[] {
  if (height <= 0) return [];
  const rule = `- ${ascii(title)} `;
  const head: ScreenRow = { text: inWidth(rule.length < width ? rule.padEnd(width, '-') : rule, width), isTitle: true };
  const room = height - 1;
  const left = lines.length - room;
  const shown = left > 0 ? [...lines.slice(0, Math.max(0, room - 1)), `  ... ${left + 1} more`] : lines;
  const rows = shown.slice(0, room).map((it) => plain(inWidth(ascii(it), width)));
  while (rows.length < room) rows.push(plain(' '.repeat(width)));
  return [head, ...rows];
}

/** Two columns of panes side by side. */
function beside(left: readonly ScreenRow[], right: readonly ScreenRow[]): ScreenRow[] {
  return left.map((row, i) => {
    const other = right[i] ?? plain('');
    return { text: `${row.text}|${other.text}`, isTitle: row.isTitle && other.isTitle };
  });
}

/** `height` shared among panes: where they need more, the longest gives first; the last has what is left over. */
function stacked(panes: readonly Pane[], width: number, height: number): ScreenRow[] {
  const shares = panes.map(({ lines }) => lines.length + 1);
  let over = shares.reduce((a, b) => a + b, -height);
  for (; over > 0; over--) shares[shares.indexOf(Math.max(...shares))]--;
  shares[shares.length - 1] -= over;
  return panes.flatMap((pane, i) => laid(pane, width, shares[i]));
}

/** Everything at once: the queue above, what runs and what calls below it, then what changed and the local APIC. */
function allPanes(stepper: Stepper, cpu: number, vcpu: number, columns: number, rows: number): ScreenRow[] {
  const above = laid(queuePane(stepper, cpu, columns), columns, Math.ceil(rows * QUEUE_SHARE));
  const height = rows - above.length;
  const right = Math.floor((columns - 1) / 2);
  const left = columns - 1 - right;
  const lives = [cpusPane(stepper), vcpusPane(stepper), lapicPane(stepper, vcpu)];
  return [
    ...above,
    ...beside(stacked(lives, left, height), stacked([callsPane(stepper), diffPane(stepper)], right, height)),
  ];
}

function panesOf(stepper: Stepper, state: ScreenState, { columns, rows }: Size): ScreenRow[] {
  const m = stepper.line.machine;
  const cpu = Math.max(0, Math.min(state.cpu ?? m.cpu, m.rq.length - 1));
  const vcpu = Math.min(state.vcpu ?? presentVcpu(m), Math.max(0, m.vcpu.length - 1));
  if (rows <= 0) return [];
  switch (state.layout) {
    case 'all':
      return allPanes(stepper, cpu, vcpu, columns, rows);
    case 'queue':
      return stacked([queuePane(stepper, cpu, columns), cpusPane(stepper)], columns, rows);
    case 'src': {
      const calls = Math.min(rows, callsPane(stepper).lines.length + 1, Math.ceil(rows / 3));
      const source = rows - calls;
      return [...laid(sourcePane(stepper, source), columns, source), ...laid(callsPane(stepper), columns, calls)];
    }
    case 'diff':
      return stacked([diffPane(stepper)], columns, rows);
    case 'lapic':
      return stacked([lapicPane(stepper, vcpu), vcpusPane(stepper)], columns, rows);
  }
}

function statusText(stepper: Stepper): string {
  const { line, other } = stepper;
  const { event, step } = line.place;
  const inside = step === 0 ? '' : `, step ${step} of ${line.detail?.steps.length ?? 0}`;
  const beside = other === null ? '' : ` beside ${other.kernel.name}`;
  const died = line.died === null ? '' : ', dead';
  return `event ${event} of ${line.events.length}${inside}, ${stepper.ns()} ns${died}  ${line.kernel.name}${beside}`;
}

/** What was printed, wrapped; the title says which lines of how many stand there. */
function toldRows(told: Told, columns: number, height: number): ScreenRow[] {
  const lines = toldLines(told, columns);
  const room = height - 1;
  const from = Math.max(0, Math.min(told.from, lines.length - room));
  const more = lines.length > room;
  const title = more
    ? `lines ${from + 1} to ${Math.min(lines.length, from + room)} of ${lines.length}: PageDown, PageUp`
    : 'help lists commands, tui disable leaves this view';
  return laid({ title, lines: lines.slice(from, from + room) }, columns, height);
}

export const toldLines = ({ lines }: Told, columns: number): string[] =>
  lines.flatMap((it) => wrap(ascii(it), columns, '    '));

/** Lines of what was printed that are in view. WHY not as many as there are: nothing should jump from one command to the next. */
export const toldRoom = ({ rows }: Size): number =>
  Math.max(0, Math.min(rows - 3, Math.max(TOLD_MIN, Math.floor(rows / 4))));

/** Every row but the last one, where commands are typed. */
export function screenRows(stepper: Stepper, state: ScreenState, told: Told, size: Size): ScreenRow[] {
  const { columns, rows } = size;
  if (rows < 2 || columns < 1) return [];
  const below = toldRoom(size) + 1;
  const status: ScreenRow = { text: inWidth(ascii(statusText(stepper)), columns), isTitle: true };
  const panes = panesOf(stepper, state, { columns, rows: rows - 2 - below });
  return [status, ...panes, ...toldRows(told, columns, below)].slice(0, rows - 1);
}
