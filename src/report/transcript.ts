// SPDX-License-Identifier: GPL-2.0-only
/**
 * A run as text, one line an event. The columns are described in docs/trace-columns.md:
 *
 *     #        ns  cpu  event            did
 *     3   3000000    0  yield_to vm/1  - vm/0.vruntime +3000000
 *                                      + vm/0.vruntime +18000000
 */
import { count, inWidth, wrap } from '../base/text.js';
import type { Counterexample, TranscriptStep } from './check-report.js';
import { cpuOf, eventText } from './event-text.js';
import { type DiffLine, lineDiff } from './line-diff.js';
import { machineLines } from './machine-text.js';
import { type Names, namesOf } from './names.js';

export interface TranscriptOptions {
  /** characters a line */
  width: number;
  /** one kernel, or two to be compared: the first is `-`, the second `+` */
  kernels: readonly string[];
  names: Names;
  /** lines an event that both kernels share, and lines that only one has; 0 for all */
  shown: number;
  /** leave out time and program steps at which nothing is seen to happen */
  quiet?: boolean;
  /** indices of steps before which others are left out: marked */
  gaps?: ReadonlySet<number>;
}

/** Longest event column; longer events are cut with `~`, and stand whole in the column `did`. */
const EVENT_MAX = 22;
const SHOWN = 5;

/** The machine and the transcript of a counterexample, with its legend when two kernels are compared. */
export function counterexampleLines(c: Counterexample, base: string, width: number): string[] {
  const other = c.against ?? (c.kernel === base ? undefined : base);
  const compared = other !== undefined && c.transcript.some((step) => step.did[other] !== undefined);
  const kernels = compared ? [other as string, c.kernel] : [c.kernel];
  const legend = compared ? [`- ${kernels[0]}`, `+ ${kernels[1]}`] : [];
  const { steps, gaps } = excerpt(c.transcript, kernels);
  const left = c.transcript.length - steps.length;
  const quiet = left > 0;
  const lines = transcript(steps, { width, kernels, names: namesOf(c.scenario), shown: SHOWN, quiet, gaps });
  if (left > 0) lines.push(`(${count(left, 'more event')}; the replay tells all)`);
  return [...machineLines(c.scenario, width), '', ...legend, ...lines];
}

/** A counterexample of more steps than this is shown in part. */
const STEPS_MAX = 40;

/** The beginning, where the kernels part, and the end; `gaps` are the steps before which something told is left out. */
function excerpt(
  steps: readonly TranscriptStep[],
  kernels: readonly string[],
): { steps: TranscriptStep[]; gaps: ReadonlySet<number> } {
  if (steps.length <= STEPS_MAX) return { steps: [...steps], gaps: new Set() };
  const seen = steps.filter((step) => !isQuiet(step, kernels));
  const parts = (step: TranscriptStep): boolean =>
    kernels.length > 1 && (step.did[kernels[0]] ?? []).join('\n') !== (step.did[kernels[1]] ?? []).join('\n');
  const first = Math.max(0, seen.findIndex(parts));
  const kept = [...seen.keys()].filter((i) => i < 3 || (i >= first - 2 && i < first + 6) || i >= seen.length - 8);
  const gaps = kept.filter((i, k) => k > 0 && kept[k - 1] !== i - 1).map((i) => seen[i].index);
  return { steps: kept.map((i) => seen[i]), gaps: new Set(gaps) };
}

/** The lines of a transcript, head first. */
export function transcript(steps: readonly TranscriptStep[], options: TranscriptOptions): string[] {
  const events = steps.map((step) => eventText(step.event, options.names));
  const w = {
    index: Math.max(2, ...steps.map((s) => String(s.index).length)),
    ns: Math.max(8, ...steps.map((s) => s.ns.length)),
    event: Math.min(EVENT_MAX, Math.max(5, ...events.map((e) => e.length))),
  };
  const line = (index: string, ns: string, cpu: string, event: string, did: string): string =>
    `${index.padStart(w.index)}  ${ns.padStart(w.ns)}  ${cpu.padStart(3)}  ${inWidth(event, w.event)}  ${did}`.trimEnd();
  const mark = options.kernels.length > 1;
  const indent = w.index + w.ns + w.event + 11;
  const room = options.width - indent;
  const lines = [line('#', 'ns', 'cpu', 'event', mark ? '  did' : 'did')];
  steps.forEach((step, i) => {
    if (options.quiet === true && isQuiet(step, options.kernels)) return;
    if (options.gaps?.has(step.index) === true) lines.push(line('...', '', '', '', ''));
    const cpu = cpuOf(step.event);
    const whole =
      events[i].length > w.event ? wrap(`${mark ? '  ' : ''}(${events[i]})`, room, mark ? '    ' : '  ') : [];
    const told = didLines(step, options).flatMap((d) =>
      wrap(`${mark ? `${d.mark} ` : ''}${d.text}`, room, mark ? '    ' : '  '),
    );
    const did = [...whole, ...told];
    lines.push(line(String(step.index), step.ns, cpu === null ? '' : String(cpu), events[i], did[0] ?? ''));
    for (const more of did.slice(1)) lines.push(' '.repeat(indent) + more);
  });
  return lines;
}

/** Time and program steps at which nothing is seen to happen. */
export function isQuiet(step: TranscriptStep, kernels: readonly string[]): boolean {
  return ['advance', 'step'].includes(step.event.ev) && kernels.every((k) => (step.did[k] ?? []).length === 0);
}

/** What is printed of one event, at most `shown` lines of a kind. */
function didLines(step: TranscriptStep, options: TranscriptOptions): DiffLine[] {
  const [first, second] = options.kernels.map((kernel) => step.did[kernel] ?? []);
  const all: DiffLine[] = second === undefined ? first.map((text) => ({ mark: ' ', text })) : lineDiff(first, second);
  if (options.shown === 0) return all;
  const seen: Record<DiffLine['mark'], number> = { ' ': 0, '-': 0, '+': 0 };
  const kept = all.filter((line) => ++seen[line.mark] <= options.shown);
  const left = all.length - kept.length;
  return left === 0 ? kept : [...kept, { mark: ' ', text: `(${left} more with --all)` }];
}
