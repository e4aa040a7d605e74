// SPDX-License-Identifier: GPL-2.0-only
/** The panes of the full-screen view, each as lines of plain text. Nothing is told by colour alone. */
import { inWidth } from '../base/text.js';
import { changesBetween, knownFields } from '../explore/changes.js';
import { toBigInt } from '../lib/types.js';
import { cloneMachine } from '../machine/clone.js';
import type { machine } from '../machine/state.js';
import { vcpuStateOf } from '../machine/vcpu-life.js';
import { apicRegs, vectorsIn } from './info.js';
import { type FairQueue, fairQueue, type QueuedEntity } from './queue.js';
import { sourceLines } from './source.js';
import type { Stepper } from './stepper.js';
import { callText, isBookkeeping, stepText } from './text.js';

export interface Pane {
  title: string;
  lines: string[];
}

/** What may be chosen of a machine; null follows the run. */
export interface Choice {
  cpu: number | null;
  vcpu: number | null;
}

const signed = (n: bigint): string => (n < 0n ? String(n) : `+${n}`);

/* ---- the queue ---- */

const NAME_MAX = 16;
/** A narrower axis says nothing. */
const AXIS_MIN = 8;

/**
 * One entity on the axis of virtual time: `o` its vruntime, `>` its deadline, `|` V. The bar is of `=` when the entity is eligible and
 * of `-` when it is not.
 */
export function barText(se: QueuedEntity, [from, to]: readonly [bigint, bigint], width: number): string {
  const column = (at: bigint): number => Number(((at - from) * BigInt(width - 1)) / (to - from));
  const [begin, end] = [column(se.at), column(se.at + se.deadline)];
  const cells = Array<string>(width).fill(' ');
  const [left, right] = begin <= end ? [begin, end] : [end, begin];
  cells.fill(se.eligible === false ? '-' : '=', left, right + 1);
  cells[end] = '>';
  cells[begin] = 'o';
  if (se.eligible !== null) cells[column(0n)] = '|';
  return cells.join('').trimEnd();
}

/** From the leftmost vruntime to the rightmost deadline, V among them. */
function extentOf(entities: readonly QueuedEntity[]): readonly [bigint, bigint] {
  const ends = [0n, ...entities.flatMap(({ at, deadline }) => [at, at + deadline])];
  const from = ends.reduce((a, b) => (b < a ? b : a));
  const to = ends.reduce((a, b) => (b > a ? b : a));
  return [from, to > from ? to : from + 1n];
}

interface QueueRow {
  cells: string[];
  bar: (width: number) => string;
}

function queueRow(se: QueuedEntity, extent: readonly [bigint, bigint], depth: number): QueueRow {
  const name = `${'  '.repeat(depth)}${se.name}`;
  return {
    cells: [
      se.marks.includes('curr') ? '>' : '',
      name.length > NAME_MAX ? inWidth(name, NAME_MAX) : name,
      String(se.vruntime),
      signed(se.deadline),
      se.lag === null ? '' : signed(se.lag),
      se.eligible === null ? '' : se.eligible ? 'yes' : 'no',
      se.marks.filter((it) => it !== 'curr').join(' '),
    ],
    bar: (width) => barText(se, extent, width),
  };
}

/** The queue's rows, those of a group's own queue indented below the group. */
function queueRows(m: machine, kernel: Stepper['line']['kernel'], q: FairQueue, own: machine, depth = 0): QueueRow[] {
  const extent = extentOf(q.entities);
  return q.entities.flatMap((se) => [
    queueRow(se, extent, depth),
    ...(se.my_q < 0 ? [] : queueRows(m, kernel, fairQueue(m, kernel, se.my_q, own), own, depth + 1)),
  ]);
}

const TITLES = ['', 'who', 'vruntime', 'deadline', 'lag', 'elig', ''];
const RIGHT = [2, 3, 4];

export function queuePane({ line: { machine: m, kernel } }: Stepper, cpu: number, width: number): Pane {
  if (m.rq.length === 0) return { title: 'Queues', lines: ['  none in this machine'] };
  const own = cloneMachine(m);
  const q = fairQueue(m, kernel, m.rq[cpu].cfs, own);
  const { clock, rt, nr_running } = m.rq[cpu];
  const title = `rq[${cpu}]: nr_running ${nr_running}, clock ${toBigInt(clock)}${q.V === null ? '' : `, V ${q.V}`}`;
  const urgent = rt.queue.map((id) => `  real-time: ${m.task[id].comm}`);
  const rows = queueRows(m, kernel, q, own);
  if (rows.length === 0) return { title, lines: [...urgent, '  no fair entity is queued'] };
  const table = [TITLES, ...rows.map(({ cells }) => cells)];
  const widths = TITLES.map((_, i) => Math.max(...table.map((cells) => cells[i].length)));
  const laid = table.map((cells) =>
    cells.map((cell, i) => (RIGHT.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(' '),
  );
  const room = width - laid[0].length - 1;
  const withBar = laid.map((text, i) => {
    if (room < AXIS_MIN) return text.trimEnd();
    return i === 0 ? text.trimEnd() : `${text} ${rows[i - 1].bar(room)}`.trimEnd();
  });
  return { title, lines: [...urgent, ...withBar] };
}

/* ---- CPUs, vCPUs, local APIC ---- */

export function cpusPane({ line: { machine: m } }: Stepper): Pane {
  const lines = m.rq.map(({ cpu, curr, nr_running }) => {
    const { comm, tif_need_resched } = m.task[curr];
    return `${cpu === m.cpu ? '>' : ' '} cpu ${cpu}  ${comm}  nr ${nr_running}${tif_need_resched !== 0 ? '  need_resched' : ''}`;
  });
  return { title: 'CPUs', lines };
}

export function vcpusPane({ line: { machine: m } }: Stepper): Pane {
  const lines = m.vcpu.map((vcpu) => {
    const name = vcpu.pid >= 0 ? m.task[vcpu.pid].comm : `vcpu[${vcpu.id}]`;
    const requests = toBigInt(vcpu.requests);
    const ready = vcpu.ready ? '  ready' : '';
    return `  ${name}  ${vcpuStateOf(m, vcpu)}  cpu ${vcpu.cpu}${ready}${requests === 0n ? '' : `  requests 0x${requests.toString(16)}`}`;
  });
  return { title: 'vCPUs', lines: lines.length === 0 ? ['  none in this machine'] : lines };
}

const [APIC_TPR, APIC_PPR] = [0x80, 0xa0];

export function lapicPane({ line: { machine: m } }: Stepper, vcpu: number): Pane {
  const regs = apicRegs(m, vcpu);
  if (regs === null) return { title: 'local APIC', lines: ['  none in this machine'] };
  const { pid } = m.vcpu[vcpu];
  const byte = (offset: number): string => `0x${((regs[offset >> 2] ?? 0) & 0xff).toString(16).padStart(2, '0')}`;
  return {
    title: `lapic ${pid >= 0 ? m.task[pid].comm : `vcpu[${vcpu}]`}: PPR ${byte(APIC_PPR)}, TPR ${byte(APIC_TPR)}`,
    lines: (['IRR', 'ISR', 'TMR'] as const).map((it) => `  ${it} ${vectorsIn(regs, it)}`),
  };
}

/** Whose local APIC is looked at when nobody chose: the vCPU whose thread runs on the present CPU, or the first. */
export function presentVcpu(m: machine): number {
  const running = m.rq[m.cpu]?.curr ?? -1;
  const found = m.vcpu.findIndex(({ pid }) => pid === running);
  return Math.max(0, found);
}

/* ---- calls, source, changes ---- */

const BETWEEN = '  none is open: between events';
const AROUND = '  none is open: outside the kernel';

export function callsPane({ line, frame }: Stepper): Pane {
  const { frames, kernel, machine } = line;
  const lines = [...frames]
    .reverse()
    .map(({ step }, i) => `${i === frame ? '>' : ' '} #${i} ${callText(step, kernel, machine)}`);
  return { title: 'Calls', lines: lines.length === 0 ? [line.place.step === 0 ? BETWEEN : AROUND] : lines };
}

export function sourcePane(stepper: Stepper, height: number): Pane {
  const { frames, lastStep } = stepper.line;
  const at = stepper.frame === 0 ? lastStep?.at : frames[frames.length - stepper.frame]?.step.at;
  const { sources } = stepper.outside;
  const place = sources.placeOf(at?.text ?? '');
  if (place === null) return { title: 'Source', lines: ['  none between events: step goes into the next'] };
  const before = Math.max(0, Math.floor((height - 2) / 2));
  return { title: place.shown, lines: sourceLines(sources, place, before, height - 2 - before) };
}

/** What the kernels differ in, what the writes made so far in this event are, newest first, or what the last event changed. */
export function diffPane(stepper: Stepper): Pane {
  const { line, other } = stepper;
  const { event, step } = line.place;
  if (step > 0) {
    const made = line.detail?.steps.slice(0, step) ?? [];
    const writes = made.filter((it) => it.kind === 'write' && !isBookkeeping(it));
    const lines = writes.reverse().map((it) => `  ${stepText(it, line.kernel, line.machine)}`);
    return { title: 'Written so far, newest first', lines: lines.length === 0 ? ['  nothing'] : lines };
  }
  const known = knownFields(line.machineBefore(0));
  const parting = other === null ? null : stepper.parting;
  if (other !== null && parting !== null && event >= parting.behind && event <= other.length) {
    const lines = changesBetween(other.machineBefore(event), line.machineBefore(event), known);
    return { title: `${other.kernel.name} -> ${line.kernel.name}, here`, lines: indented(lines) };
  }
  if (event === 0) return { title: 'Last event', lines: ['  none: the beginning of the run'] };
  const was = line.copyBefore(event - 1);
  const lines = changesBetween(was, line.machineBefore(event), known);
  return { title: `Changed by ${stepper.eventLine(event - 1)}`, lines: indented(lines) };
}

const indented = (lines: readonly string[]): string[] =>
  lines.length === 0 ? ['  bookkeeping alone'] : lines.map((it) => `  ${it}`);
