// SPDX-License-Identifier: GPL-2.0-only
/** A sequence replayed on C code before and after a patch, as text of 80 columns. */
import { wrap } from '../base/text.js';
import type { Replayed, ReplayedAnswers, ReplayedStep } from '../conform/patch/replay-step.js';
import { explained, machineLines } from './operation-lines.js';

const WIDTH = 80;
/** Differences shown of one operation. */
const SHOWN = 12;

/** A step that was replayed, on CPUs of a scheduler or on local APICs. */
export interface ReplayedPart {
  readonly subject: string;
  readonly step: ReplayedStep | Replayed;
}

export const isReplayRefuted = ({ step }: ReplayedPart): boolean =>
  step.broken.length > 0 || step.reports.length > 0 || (step.endings[1] !== null && step.endings[0] === null);

function answerLines({ r, differences }: ReplayedAnswers): string[] {
  const lines = r[0] === r[1] ? [] : [`         r: ${r[0] ?? 'ended'} before, ${r[1] ?? 'ended'} with the patch`];
  for (const d of differences.slice(0, SHOWN))
    lines.push(...wrap(`         ${d.field}: ${d.base} before, ${d.patched} with the patch`, WIDTH, ' '.repeat(11)));
  if (differences.length > SHOWN) lines.push(`         and ${differences.length - SHOWN} more fields`);
  return lines;
}

function operationsOf(step: ReplayedStep | Replayed, features: readonly string[]): string[] {
  if (!('cpus' in step))
    return step.operations.flatMap((one, i) => [`  ${String(i).padStart(3)}  ${one.text}`, ...answerLines(one)]);
  const ops = step.operations.map(({ op }) => op);
  const told = explained(ops, features, WIDTH);
  const lines = step.operations.flatMap((one, i) => [...told[i]!, ...answerLines(one)]);
  return [...machineLines(ops, step.cpus, WIDTH), '', ...lines];
}

function stepLines(step: ReplayedStep | Replayed, features: readonly string[]): string[] {
  const { endings, broken, reports } = step;
  const operations: readonly ReplayedAnswers[] = step.operations;
  const lines = operationsOf(step, features);
  const isSame = operations.every(({ r, differences }) => r[0] === r[1] && differences.length === 0);
  lines.push('');
  if (isSame) lines.push('No difference after any of them.');
  for (const [i, ending] of endings.entries())
    if (ending !== null) {
      const who = i === 0 ? 'The base' : 'The patched kernel';
      lines.push(`${who} dies in operation ${ending.op}: ${ending.kind}, ${ending.what}`);
      lines.push(...ending.stack.slice(0, 8).map((frame) => `    ${frame}`));
    }
  for (const { id, says, fault } of broken)
    lines.push(...wrap(`Refuted: ${id}: ${says}`, WIDTH, '  '), ...wrap(`  ${fault}`, WIDTH, '    '));
  for (const r of reports)
    lines.push(
      ...wrap(`UBSan: ${r.file}:${r.line}:${r.column}: ${r.left} ${r.kind} ${r.right} (${r.type})`, WIDTH, '  '),
    );
  return lines;
}

/** The whole report; ends with a newline. */
export function replayedText(base: string, replayed: readonly ReplayedPart[], features: readonly string[]): string {
  const lines = [`${base} (C code) before and after, on one sequence`];
  for (const [i, one] of replayed.entries())
    lines.push(
      '',
      ...wrap(`${i + 1}/${replayed.length} ${one.subject}`, WIDTH, '    '),
      '',
      ...stepLines(one.step, features),
    );
  return `${lines.join('\n')}\n`;
}
