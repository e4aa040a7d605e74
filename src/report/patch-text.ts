// SPDX-License-Identifier: GPL-2.0-only
/** The report on a patch in C as text of 80 columns. */
import { inWidth, wrap } from '../base/text.js';
import type { PatchCheck } from '../conform/sched/patch-check.js';
import { operationLines, operationText } from './operation-lines.js';
import { isDead, type Judged } from './patch-verdict.js';

function lockstepLines(check: PatchCheck): string[] {
  const { finding, operations, sequences } = check.lockstep;
  if (finding === null)
    return [`Lock-step: no observable difference in ${operations} operations (${sequences} sequences)`];
  const { op, field, left, right } = finding.difference;
  return [
    `Lock-step: differs after operation ${op} (${operationText(finding.ops[op]!)}):`,
    ...wrap(`  ${field}: ${left} before, ${right} with the patch`, 80, '    '),
    `  shrunk from ${finding.original} operations (${finding.kind}, seed ${finding.seed}):`,
    ...operationLines(finding.ops),
  ];
}

function propertyLines(check: PatchCheck): string[] {
  const rows = check.properties.flatMap((row) => {
    const verdicts = `${inWidth(row.id, 11)} ${inWidth(row.base.verdict, 8)} ${inWidth(row.patched.verdict, 8)}`;
    const evidence =
      row.base.evidence === row.patched.evidence
        ? row.patched.evidence
        : `${row.patched.evidence} (before: ${row.base.evidence})`;
    return wrap(`${verdicts} ${evidence}`, 80, ' '.repeat(30));
  });
  return [`${inWidth('property', 11)} ${inWidth('before', 8)} ${inWidth('patched', 8)} evidence`, ...rows];
}

function addedTextLines(check: PatchCheck): string[] {
  const code = check.added.filter((line) => line.count !== null);
  if (code.length === 0) return ['Added lines: none that make code'];
  const dead = code.filter(isDead).length;
  return [
    `Added lines that make code: ${code.length}, never executed: ${dead}`,
    ...code.map((line) => {
      const count = isDead(line) ? 'NEVER' : String(line.count);
      return `${count.padStart(9)}  ${line.file}:${line.line}: ${line.text.trim()}`.slice(0, 80);
    }),
  ];
}

function reportLines(check: PatchCheck): string[] {
  if (check.reports.length === 0) return ['UBSan: nothing that the base does not do'];
  return check.reports.flatMap(({ report: r, text, ops }) => [
    `UBSan: ${r.file}:${r.line}:${r.column}: ${r.left} ${r.kind} ${r.right} does not fit (${r.type}), ${r.count} times`,
    `  ${text}`,
    ...operationLines(ops),
  ]);
}

/** The whole report; ends with a newline. */
export function patchText(base: string, judged: readonly Judged[]): string {
  const lines = [`${base} (C code) before and after ${judged.length} step${judged.length === 1 ? '' : 's'}`];
  for (const [i, { subject, check }] of judged.entries()) {
    lines.push('', ...wrap(`${i + 1}/${judged.length} ${subject}`, 80, '    '), '');
    lines.push(...lockstepLines(check), '', ...propertyLines(check), '', ...addedTextLines(check), '');
    lines.push(...reportLines(check));
    if (check.ending !== null) {
      const { kind, what, stack } = check.ending;
      lines.push('', `The kernel dies: ${kind}, ${what}`, ...stack.slice(0, 8).map((frame) => `    ${frame}`));
    }
  }
  return `${lines.join('\n')}\n`;
}
