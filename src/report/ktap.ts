// SPDX-License-Identifier: GPL-2.0-only
/**
 * A check report as KTAP version 1: a test a claim, a subtest a property, judged on the series' kernel.
 *
 * What is recorded as refuted and is refuted again is an expected failure (`ok ... # XFAIL`); a recorded refutation
 * that is none any more is `not ok`. Vacuous and skipped are `ok ... # SKIP`: never hidden, never passed.
 */
import { ascii } from '../base/text.js';
import type { CheckReport, PropertyResult } from './check-report.js';
import { isChanged, partsOf, tellingVerdict, unrecordedFailures } from './verdicts.js';

interface Outcome {
  ok: boolean;
  kind: 'pass' | 'fail' | 'xfail' | 'xpass' | 'skip';
  directive: string;
}

/** The outcome of one property on the kernel. `failures` are ids that fail without a record. */
function outcomeOf(p: PropertyResult, kernel: string, changed: boolean, failures: ReadonlySet<string>): Outcome {
  const verdict = p.verdicts[kernel];
  const recorded = p.recorded[kernel];
  if (changed) {
    const kind = verdict === 'holds' ? 'xpass' : 'fail';
    return { ok: false, kind, directive: `recorded ${recorded}, found ${verdict}` };
  }
  if (verdict === 'holds') return { ok: true, kind: 'pass', directive: '' };
  if (verdict === 'refuted' || verdict === 'unreachable') {
    if (failures.has(p.id)) return { ok: false, kind: 'fail', directive: verdict };
    const why = recorded === undefined ? `${verdict}, as on the base` : `${verdict}, as recorded`;
    return { ok: true, kind: 'xfail', directive: `XFAIL ${why}` };
  }
  if (failures.has(p.id)) return { ok: false, kind: 'fail', directive: `${verdict}, but holds on the base` };
  return { ok: true, kind: 'skip', directive: `SKIP ${verdict ?? 'not asked'}` };
}

/** In one line, without what KTAP gives a meaning. */
export const ktapText = (text: string): string => ascii(text).replace(/[#\n]/g, ' ');

/** The whole report. */
export function reportKtap(report: CheckReport): string {
  const { patched } = partsOf(report);
  const failures = new Set(unrecordedFailures(report).map((f) => f.property));
  const totals: Record<Outcome['kind'], number> = { pass: 0, fail: 0, xfail: 0, xpass: 0, skip: 0 };
  const lines = ['KTAP version 1', `# ${ktapText(`${report.series} as ${patched}, seed ${report.seed}`)}`];
  lines.push(`1..${report.claims.length}`);
  report.claims.forEach((claim, i) => {
    const label = `${i + 1} ${ktapText(`${claim.id} ${claim.words}`)}`;
    if (claim.properties.length === 0) {
      totals.skip++;
      lines.push(`ok ${label} # SKIP ${ktapText(claim.unanswerable ?? 'no property')}`);
      return;
    }
    lines.push('  KTAP version 1', `  # Subtest: ${ktapText(claim.id)}`, `  1..${claim.properties.length}`);
    let ok = true;
    claim.properties.forEach((p, j) => {
      const { kernel } = tellingVerdict(p, report);
      const outcome = outcomeOf(p, kernel, isChanged(report, p.id, kernel), failures);
      totals[outcome.kind]++;
      ok &&= outcome.ok;
      for (const line of diagnostics(p, outcome)) lines.push(`  # ${ktapText(line)}`);
      const status = outcome.ok ? 'ok' : 'not ok';
      const directive = outcome.directive === '' ? '' : ` # ${outcome.directive}`;
      lines.push(`  ${status} ${j + 1} ${ktapText(`${p.id} ${p.says}`)}${directive}`);
    });
    lines.push(`${ok ? 'ok' : 'not ok'} ${label}`);
  });
  const t = totals;
  lines.push(`# Totals: pass:${t.pass} fail:${t.fail} xfail:${t.xfail} xpass:${t.xpass} skip:${t.skip} error:0`);
  return `${lines.join('\n')}\n`;
}

function diagnostics(p: PropertyResult, outcome: Outcome): string[] {
  if (outcome.ok || p.counterexample === undefined) return [];
  return [p.counterexample.message, p.counterexample.replay];
}
