// SPDX-License-Identifier: GPL-2.0-only
/** A check on C code as a list of tests, for the formats of test harnesses. */

import { sequenceText } from './operation-lines.js';
import { judgesText } from './patch-text.js';
import {
  addedOf,
  isCompared,
  isDead,
  isFolded,
  isWorse,
  type Judged,
  knobPropertiesOf,
  missingOf,
  placeText,
  propertiesOf,
} from './patch-verdict.js';

export interface Outcome {
  readonly name: string;
  /** `xfail`: refuted before the patch as well */
  readonly kind: 'pass' | 'fail' | 'xfail' | 'skip';
  /** one line; empty for a plain pass */
  readonly why: string;
  /** what leads there, line by line */
  readonly details: readonly string[];
}

const pass = (name: string): Outcome => ({ name, kind: 'pass', why: '', details: [] });
const fail = (name: string, why: string, details: readonly string[] = []): Outcome => ({
  name,
  kind: 'fail',
  why,
  details,
});
const skip = (name: string, why: string): Outcome => ({ name, kind: 'skip', why, details: [] });

function propertyOutcomes({ check }: Judged): Outcome[] {
  return [...propertiesOf(check), ...knobPropertiesOf(check)].map((row) => {
    const name = `${row.id}${row.with === undefined ? '' : ` with ${row.with}`}: ${row.says}`;
    const { verdict, evidence } = row.patched;
    if (verdict === 'holds') return pass(name);
    if (verdict !== 'refuted') return skip(name, `${verdict}: ${evidence}`);
    if (!isWorse(row))
      return { name, kind: 'xfail', why: `${row.base.verdict} before, refuted: ${evidence}`, details: [] };
    return fail(name, row.broken?.fault ?? evidence, row.broken === undefined ? [] : [sequenceText(row.broken.ops)]);
  });
}

/** Every test of a step. */
export function outcomesOf(judged: Judged): Outcome[] {
  const { scheduler, apics, machine, hunks } = judged.check;
  const outcomes = hunks.map((hunk) => {
    const name = `judged: ${placeText(hunk)}`;
    return hunk.status === 'judged' || hunk.status === 'no code' ? pass(name) : skip(name, judgesText(hunk));
  });
  outcomes.push(...propertyOutcomes(judged));
  if (scheduler !== null && isCompared(scheduler)) {
    const { reports, ending } = scheduler;
    const told = reports.map(({ report: r, text, ops }) => ({
      why: `${r.file}:${r.line}: ${r.left} ${r.kind} ${r.right} does not fit (${r.type}): ${text}`,
      ops: sequenceText(ops),
    }));
    const ubsan = 'UBSan: nothing that the base does not do';
    outcomes.push(
      told.length === 0
        ? pass(ubsan)
        : fail(
            ubsan,
            told[0]!.why,
            told.flatMap(({ why, ops }) => [why, ops]),
          ),
    );
    const survives = 'no operation ends the kernel';
    outcomes.push(ending === null ? pass(survives) : fail(survives, `${ending.kind}: ${ending.what}`, ending.stack));
  }
  if (apics !== null) {
    const { death } = apics.lockstep;
    const survives = 'no operation on local APICs ends the kernel';
    outcomes.push(death === null ? pass(survives) : fail(survives, death));
  }
  if (machine !== null) {
    const { death } = machine.lockstep;
    const survives = 'no event of guests ends the kernel';
    outcomes.push(death === null ? pass(survives) : fail(survives, death));
  }
  for (const symbol of missingOf(judged.check)) outcomes.push(skip(`beyond ${symbol}()`, 'not provided here'));
  return outcomes;
}

/** What is no test: how the two are told apart, and lines that did not run. */
export function remarksOf({ check }: Judged): string[] {
  const { scheduler } = check;
  const finding = scheduler?.lockstep.finding ?? null;
  const lines = addedOf(check).flatMap((line) => {
    const place = `${line.file}:${line.line}: ${line.text.trim()}`;
    if (isFolded(line)) return [`folded away, never possible: ${place}`];
    return isDead(line) ? [`never executed: ${place}`] : [];
  });
  const difference =
    scheduler === null || !isCompared(scheduler) || check.hunks.every(({ status }) => status === 'no code')
      ? []
      : finding === null
        ? [`no observable difference in ${scheduler.lockstep.operations} operations`]
        : [`differs in ${finding.difference.field}: ${sequenceText(finding.ops)}`];
  return [...difference, ...lines];
}
