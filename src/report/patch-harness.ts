// SPDX-License-Identifier: GPL-2.0-only
/** The report on a patch in C as KTAP version 1 and as JUnit XML: a test a step, a subtest for each thing asked of it. */
import { xmlText } from './junit.js';
import { ktapText } from './ktap.js';
import { type Outcome, outcomesOf, remarksOf } from './patch-outcomes.js';
import type { Judged } from './patch-verdict.js';

const KINDS = ['pass', 'fail', 'xfail', 'skip'] as const;

const numberOf = (outcomes: readonly Outcome[], kind: Outcome['kind']): number =>
  outcomes.filter((one) => one.kind === kind).length;

function ktapLine(outcome: Outcome, n: number): string {
  const { kind, name, why } = outcome;
  const directive = kind === 'skip' ? ` # SKIP ${ktapText(why)}` : kind === 'xfail' ? ` # XFAIL ${ktapText(why)}` : '';
  const said = kind === 'fail' ? ` # ${ktapText(why)}` : directive;
  return `  ${kind === 'fail' ? 'not ok' : 'ok'} ${n} ${ktapText(name)}${said}`;
}

/** The whole report. */
export function patchKtap(base: string, judged: readonly Judged[], seed: number): string {
  const lines = [
    'KTAP version 1',
    `# ${ktapText(`${base} (C code) before and after, seed ${seed}`)}`,
    `1..${judged.length}`,
  ];
  const all: Outcome[] = [];
  for (const [i, step] of judged.entries()) {
    const outcomes = outcomesOf(step);
    all.push(...outcomes);
    lines.push('  KTAP version 1', `  # Subtest: ${ktapText(step.subject)}`, `  1..${outcomes.length}`);
    for (const remark of remarksOf(step)) lines.push(`  # ${ktapText(remark)}`);
    for (const [n, outcome] of outcomes.entries()) {
      for (const detail of outcome.details) lines.push(`  # ${ktapText(detail)}`);
      lines.push(ktapLine(outcome, n + 1));
    }
    const label = `${i + 1} ${ktapText(step.subject)}`;
    if (numberOf(outcomes, 'fail') > 0) lines.push(`not ok ${label}`);
    else if (numberOf(outcomes, 'pass') === 0 && outcomes.length > 0)
      lines.push(`ok ${label} # SKIP nothing was judged`);
    else lines.push(`ok ${label}`);
  }
  const [passed, failed, expected, skipped] = KINDS.map((kind) => numberOf(all, kind));
  lines.push(`# Totals: pass:${passed} fail:${failed} xfail:${expected} xpass:0 skip:${skipped} error:0`);
  return `${lines.join('\n')}\n`;
}

function junitCase(subject: string, { name, kind, why, details }: Outcome): string[] {
  const open = `    <testcase classname="${xmlText(subject)}" name="${xmlText(name)}"`;
  if (kind === 'pass' || kind === 'xfail') return [`${open}/>`];
  if (kind === 'skip') return [`${open}>`, `      <skipped message="${xmlText(why)}"/>`, '    </testcase>'];
  const body = xmlText(details.join('\n'));
  return [`${open}>`, `      <failure message="${xmlText(why)}">${body}</failure>`, '    </testcase>'];
}

/** The whole report. */
export function patchJunit(base: string, judged: readonly Judged[]): string {
  const counts = (outcomes: readonly Outcome[]) =>
    `tests="${outcomes.length}" failures="${numberOf(outcomes, 'fail')}" errors="0" skipped="${numberOf(outcomes, 'skip')}"`;
  const steps = judged.map((step) => ({ ...step, outcomes: outcomesOf(step) }));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${xmlText(`kvmodel ${base}`)}" ${counts(steps.flatMap(({ outcomes }) => outcomes))}>`,
    ...steps.flatMap(({ subject, outcomes, ...rest }) => [
      `  <testsuite name="${xmlText(subject)}" ${counts(outcomes)}>`,
      ...outcomes.flatMap((one) => junitCase(subject, one)),
      `    <system-out>${xmlText(remarksOf({ subject, ...rest }).join('\n'))}</system-out>`,
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n');
}
