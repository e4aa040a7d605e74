// SPDX-License-Identifier: GPL-2.0-only
/** The report on a patch in C as a piece of mail: findings as questions about named code. */
import { wrap } from '../base/text.js';
import type { PatchCheck } from '../conform/sched/patch-check.js';
import { operationLines } from './operation-lines.js';
import { isDead, isWorse, type Judged } from './patch-verdict.js';

function questions(check: PatchCheck): string[] {
  const asked: string[] = [];
  for (const row of check.properties.filter(isWorse)) {
    asked.push(
      `Is it intended that "${row.says}" no longer holds? ${row.patched.evidence}; before: ${row.base.evidence}.`,
    );
  }
  for (const { report: r, text } of check.reports) {
    asked.push(
      `${r.file}:${r.line} (${text}): can ${r.left} ${r.kind} ${r.right} overflow? UBSan saw it ${r.count} times.`,
    );
  }
  const dead = check.added.filter(isDead);
  if (dead.length > 0) {
    const places = dead
      .slice(0, 6)
      .map((line) => `${line.file}:${line.line}`)
      .join(', ');
    asked.push(
      `When are these lines reached? No operation tried here executes them: ${places}${dead.length > 6 ? ', ...' : ''}`,
    );
  }
  if (check.ending !== null)
    asked.push(`Can this oops? ${check.ending.kind}: ${check.ending.what} in ${check.ending.stack[0] ?? '?'}`);
  return asked;
}

/** The whole mail; ends with a newline. */
export function patchMail(base: string, judged: readonly Judged[]): string {
  const lines = wrap(
    `I ran the scheduler's C code of ${base} with and without this in user space, on the same random operations:`,
    78,
  );
  for (const { subject, check } of judged) {
    const list = questions(check);
    lines.push('', ...wrap(`> ${subject}`, 78, '> '), '');
    if (list.length === 0) lines.push('No question from me: nothing got worse, and every added line was executed.');
    for (const question of list) lines.push(...wrap(`- ${question}`, 78, '  '));
    const { finding, operations } = check.lockstep;
    lines.push('');
    if (finding === null) lines.push(...wrap(`No observable difference in ${operations} operations.`, 78));
    else lines.push('The shortest sequence that tells the two apart:', ...operationLines(finding.ops));
  }
  return `${lines.join('\n')}\n`;
}
