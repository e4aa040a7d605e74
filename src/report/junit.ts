// SPDX-License-Identifier: GPL-2.0-only
/** A check report as JUnit XML: a suite a claim, a case for each property and kernel. */
import type { CheckReport, PropertyResult } from './check-report.js';
import { isChanged, unrecordedFailures } from './verdicts.js';

/** Text for XML 1.0: the five entities, and characters it cannot hold replaced. */
export function xmlText(text: string): string {
  const entity: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
  return text.replace(/[&<>"']/g, (c) => entity[c]).replace(/[^\n\x20-\x7e]/g, '?');
}

interface Case {
  text: string[];
  result: 'passed' | 'failed' | 'skipped';
}

function testCase(p: PropertyResult, kernel: string, claim: string, wrong: boolean, failed: boolean): Case {
  const verdict = p.verdicts[kernel];
  const recorded = p.recorded[kernel];
  const open = `    <testcase classname="${xmlText(`${claim}.${kernel}`)}" name="${xmlText(`${p.id} ${p.says}`)}"`;
  if (wrong || failed) {
    const message = wrong ? `recorded ${recorded}, found ${verdict}` : String(verdict);
    const c = p.counterexample?.kernel === kernel ? p.counterexample : undefined;
    const body = c === undefined ? '' : xmlText(`${c.message}\n${c.replay}`);
    return {
      text: [`${open}>`, `      <failure message="${xmlText(message)}">${body}</failure>`, '    </testcase>'],
      result: 'failed',
    };
  }
  if (verdict === 'vacuous' || verdict === 'skipped' || verdict === undefined) {
    const skipped = `      <skipped message="${xmlText(verdict ?? 'not asked')}"/>`;
    return { text: [`${open}>`, skipped, '    </testcase>'], result: 'skipped' };
  }
  return { text: [`${open}/>`], result: 'passed' };
}

/** The whole report. */
export function reportJunit(report: CheckReport): string {
  const unrecorded = new Map(unrecordedFailures(report).map((f) => [f.property, f.kernel]));
  const suites: string[] = [];
  const sum = { tests: 0, failures: 0, skipped: 0 };
  for (const claim of report.claims) {
    const cases =
      claim.properties.length === 0
        ? [unanswered(claim.id, claim.words, claim.unanswerable ?? 'no property')]
        : claim.properties.flatMap((p) =>
            report.kernels.map((k) => testCase(p, k, claim.id, isChanged(report, p.id, k), unrecorded.get(p.id) === k)),
          );
    const failures = cases.filter((c) => c.result === 'failed').length;
    const skipped = cases.filter((c) => c.result === 'skipped').length;
    sum.tests += cases.length;
    sum.failures += failures;
    sum.skipped += skipped;
    const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="${skipped}"`;
    suites.push(`  <testsuite name="${xmlText(`${claim.id} ${claim.words}`)}" ${counts}>`);
    suites.push(...cases.flatMap((c) => c.text), '  </testsuite>');
  }
  const counts = `tests="${sum.tests}" failures="${sum.failures}" errors="0" skipped="${sum.skipped}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="${xmlText(`kvmodel ${report.series}`)}" ${counts}>`,
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}

function unanswered(id: string, words: string, why: string): Case {
  const open = `    <testcase classname="${xmlText(id)}" name="${xmlText(words)}">`;
  return { text: [open, `      <skipped message="${xmlText(why)}"/>`, '    </testcase>'], result: 'skipped' };
}
