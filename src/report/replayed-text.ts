// SPDX-License-Identifier: GPL-2.0-only
/** A sequence replayed on C code before and after a patch, as text of 80 columns. */
import { wrap } from '../base/text.js';
import type { ReplayedStep } from '../conform/patch/replay-step.js';
import { explained, machineLines } from './operation-lines.js';

const WIDTH = 80;
/** Differences shown of one operation. */
const SHOWN = 12;

/** A step that was replayed. */
export interface Replayed {
  readonly subject: string;
  readonly step: ReplayedStep;
}

export const isReplayRefuted = ({ step }: Replayed): boolean =>
  step.broken.length > 0 || step.reports.length > 0 || (step.endings[1] !== null && step.endings[0] === null);

function stepLines(
  { cpus, operations, endings, broken, reports }: ReplayedStep,
  features: readonly string[],
): string[] {
  const ops = operations.map(({ op }) => op);
  const told = explained(ops, features, WIDTH);
  const lines = [...machineLines(ops, cpus, WIDTH), ''];
  for (const [i, { r, differences }] of operations.entries()) {
    lines.push(...told[i]!);
    if (r[0] !== r[1]) lines.push(`         r: ${r[0] ?? 'ended'} before, ${r[1] ?? 'ended'} with the patch`);
    for (const d of differences.slice(0, SHOWN))
      lines.push(...wrap(`         ${d.field}: ${d.base} before, ${d.patched} with the patch`, WIDTH, ' '.repeat(11)));
    if (differences.length > SHOWN) lines.push(`         and ${differences.length - SHOWN} more fields`);
  }
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
export function replayedText(base: string, replayed: readonly Replayed[], features: readonly string[]): string {
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
