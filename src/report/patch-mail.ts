// SPDX-License-Identifier: GPL-2.0-only
/** The report on a patch in C as a piece of mail: findings as questions about named code. */

import { wrap } from '../base/text.js';
import type { StepCheck } from '../conform/patch/judge-step.js';
import type { ReachedLine } from '../conform/sched/patch-check.js';
import { explainedLines } from './operation-lines.js';
import { machineChangeLines } from './patch-machine.js';
import { type About, apicLines, counterexampleLines, heldLines, judgesText, NO_ABOUT } from './patch-text.js';
import {
  addedOf,
  isCompared,
  isDead,
  isFolded,
  isWorse,
  type Judged,
  knobPropertiesOf,
  notJudged,
  notJudgedText,
  placeText,
  propertiesOf,
} from './patch-verdict.js';

const WIDTH = 78;

/** The first few lines by their places. */
function places(lines: readonly ReachedLine[]): string {
  const first = lines.slice(0, 6).map((line) => `${line.file}:${line.line}`);
  return `${first.join(', ')}${lines.length > 6 ? ', ...' : ''}`;
}

function questions(check: StepCheck): string[] {
  const asked: string[] = [];
  const { scheduler, apics, machine } = check;
  for (const row of [...propertiesOf(check), ...knobPropertiesOf(check)].filter(isWorse)) {
    asked.push(
      `Is it intended that "${row.says}" no longer holds${row.with === undefined ? '' : ` with ${row.with}`}? ${row.patched.evidence}; before: ${row.base.evidence}.`,
    );
  }
  for (const { report: r, text } of scheduler?.reports ?? []) {
    asked.push(
      `${r.file}:${r.line} (${text}): can ${r.left} ${r.kind} ${r.right} overflow? UBSan saw it ${r.count} times.`,
    );
  }
  const dead = addedOf(check).filter(isDead);
  if (dead.length > 0) {
    asked.push(`When are these lines reached? No operation tried here executes them: ${places(dead)}`);
  }
  const folded = addedOf(check).filter(isFolded);
  if (folded.length > 0)
    asked.push(
      `Can these lines ever run? The compiler proves, in this configuration, that they do not, and leaves them out: ${places(folded)}`,
    );
  const ending = scheduler?.ending ?? null;
  if (ending !== null && scheduler?.boots === false)
    asked.push(`Does this boot? ${ending.kind}: ${ending.what} in ${ending.stack[0] ?? '?'}`);
  else if (ending !== null) asked.push(`Can this oops? ${ending.kind}: ${ending.what} in ${ending.stack[0] ?? '?'}`);
  for (const death of [apics?.lockstep.death, machine?.lockstep.death])
    if (typeof death === 'string') asked.push(`Can this oops? ${death}`);
  return asked;
}

function nothingAsked(check: StepCheck): string {
  if (check.hunks.every(({ status }) => status === 'no code')) return 'No code changes, so I built nothing.';
  const open = notJudged(check).length;
  const bySame = check.hunks.filter(({ by }) => by.some(({ judge }) => judge === 'same object code'));
  if (open === 0 && bySame.length > 0 && addedOf(check).length === 0)
    return 'It compiles to the code that is there now.';
  if (open > 0) return 'Of what I could run, nothing got worse.';
  return 'No question from me: nothing got worse, and every added line was executed.';
}

function findingLines(check: StepCheck, about: About): string[] {
  const lines: string[] = [];
  const { scheduler, apics, machine, alone } = check;
  if (scheduler !== null) {
    const { finding, operations } = scheduler.lockstep;
    if (!isCompared(scheduler) && scheduler.boots)
      lines.push('The object code is the same, so I did not run the two side by side.');
    else if (!scheduler.boots) lines.push('It does not boot here, so I compared nothing.');
    else if (finding === null) lines.push(...wrap(`No observable difference in ${operations} operations.`, WIDTH));
    else {
      const shown = counterexampleLines(finding.ops, about.cpus, about, WIDTH);
      lines.push('The shortest sequence that tells the two apart:', ...shown);
    }
  }
  for (const { id, broken } of propertiesOf(check))
    if (broken !== undefined) {
      const shown = counterexampleLines(broken.ops, broken.cpus, about, WIDTH);
      lines.push('', `What breaks "${id}":`, ...wrap(`  ${broken.fault}`, WIDTH, '    '), ...shown);
    }
  if (apics !== null) {
    const { finding, operations } = apics.lockstep;
    if (finding === null)
      lines.push(...wrap(`Local APICs: no observable difference in ${operations} operations.`, WIDTH));
    else lines.push('The shortest sequence that tells the local APICs apart:', ...apicLines(finding, about));
  }
  if (machine !== null) lines.push(...machineChangeLines(machine, WIDTH, about.again));
  for (const { name, tried, check: other } of scheduler?.knobs ?? []) {
    const { finding, operations } = other.lockstep;
    const found =
      finding === null
        ? `no observable difference in ${operations} operations`
        : `differs in ${finding.difference.field}`;
    lines.push(...wrap(`With ${name}=${tried}: ${found}.`, WIDTH));
    if (finding !== null) lines.push(...explainedLines(finding.ops, about.features, WIDTH));
  }
  const rows = alone?.rows ?? [];
  if (rows.length > 0) {
    lines.push(...wrap('Functions called alone, without and with this, in the same state:', WIDTH));
    const told = rows.flatMap((row) => heldLines(row, WIDTH, about));
    lines.push(...told.flatMap((line) => (line.startsWith('    again: ') ? [line] : wrap(line, WIDTH, '    '))));
  }
  return lines;
}

/** The whole mail; ends with a newline. */
export function patchMail(base: string, judged: readonly Judged[], about: About = NO_ABOUT): string {
  const lines = wrap(
    `I ran the C code of ${base} with and without this in user space, on the same random operations:`,
    WIDTH,
  );
  const open = notJudgedText(judged);
  if (open !== null) lines.push('', ...wrap(open, WIDTH));
  for (const { subject, check } of judged) {
    const list = questions(check);
    lines.push('', ...wrap(`> ${subject}`, WIDTH, '> '), '');
    for (const hunk of notJudged(check))
      lines.push(
        ...wrap(`- not judged: ${placeText(hunk)}: ${judgesText(hunk).replace('NOTHING: ', '')}`, WIDTH, '  '),
      );
    if (list.length === 0) lines.push(nothingAsked(check));
    for (const question of list) lines.push(...wrap(`- ${question}`, WIDTH, '  '));
    const found = findingLines(check, about);
    if (found.length > 0) lines.push('', ...found);
  }
  return `${lines.join('\n')}\n`;
}
