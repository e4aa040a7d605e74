// SPDX-License-Identifier: GPL-2.0-only
/** What the verdicts of a report add up to: which kernels are the subject, what is worth showing, the exit code. */
import { type ExitStyle, OK, REFUTED, skipped } from '../base/exit-codes.js';
import { count } from '../base/text.js';
import type { CheckReport, ClaimResult, PropertyResult, ReportVerdict } from './check-report.js';

/** The kernels of a report by their part in it. */
export interface Parts {
  /** what the series applies to */
  base: string;
  /** all patches applied */
  patched: string;
  /** another series to compare with, when asked for */
  against: string[];
  /** `...[MY_FEAT=0]`: the series with a knob set otherwise */
  settings: string[];
  /** `...~1`, `...~2`: the first patches only, in order */
  prefixes: string[];
}

/** kernels[0] is the base, the last one without `~` the series; what is between is compared with. */
export function partsOf(report: CheckReport): Parts {
  const settings = report.kernels.filter((k) => k.endsWith(']'));
  const prefixes = report.kernels.filter((k) => /~\d+$/.test(k));
  const whole = report.kernels.filter((k) => !prefixes.includes(k) && !settings.includes(k));
  const base = whole[0];
  // the series may be on the kernel beside as well
  const own = [`${base}+${report.series}`, whole.find((k) => k.endsWith(`+${report.series}`))];
  const patched = own.find((k) => k !== undefined && whole.includes(k)) ?? whole[whole.length - 1];
  return { base, patched, against: whole.filter((k) => k !== base && k !== patched), settings, prefixes };
}

/** Has a counterexample or a search that found nothing to show. */
export function worthShowing(verdict: ReportVerdict | undefined): boolean {
  return verdict === 'refuted' || verdict === 'unreachable';
}

/** The properties of a claim whose findings are printed below the table, for the kernel given. */
export function findings(claim: ClaimResult, report: CheckReport): PropertyResult[] {
  const { patched, settings } = partsOf(report);
  const changed = new Set(report.changed.map((c) => c.property));
  return claim.properties.filter(
    (p) => [patched, ...settings].some((k) => worthShowing(p.verdicts[k])) || changed.has(p.id),
  );
}

const ORDER: readonly ReportVerdict[] = ['holds', 'refuted', 'unreachable', 'unpromised', 'vacuous', 'skipped'];
const PHRASE: Record<ReportVerdict, (n: number) => string> = {
  holds: (n) => `${n} hold${n === 1 ? 's' : ''}`,
  refuted: (n) => `${n} refuted`,
  unreachable: (n) => `${n} unreachable`,
  vacuous: (n) => `${n} vacuous`,
  skipped: (n) => `${n} skipped`,
  unpromised: (n) => `${n} never promised`,
};

/** A claim that has no properties although a model could answer it: its reason begins so. */
export const isNotAsked = ({ unanswerable }: Pick<ClaimResult, 'unanswerable'>): boolean =>
  unanswerable?.startsWith('not asked yet') === true;

/** `25 claims: 9 hold, 11 refuted, 2 that no model can answer.` */
export function summary(report: CheckReport): string {
  const { patched } = partsOf(report);
  const asked = report.claims.filter((c) => c.unanswerable === undefined);
  const parts = ORDER.flatMap((verdict) => {
    const n = asked.filter((c) => c.verdicts[patched] === verdict).length;
    return n === 0 ? [] : [PHRASE[verdict](n)];
  });
  const notAsked = report.claims.filter(isNotAsked).length;
  const open = report.claims.length - asked.length - notAsked;
  if (open > 0) parts.push(`${open} that no model can answer`);
  if (notAsked > 0) parts.push(`${notAsked} not asked yet`);
  return `${count(report.claims.length, 'claim')}${parts.length > 0 ? ': ' : ''}${parts.join(', ')}.`;
}

/** Is any verdict on the series' kernel recorded? */
export function hasRecord(report: CheckReport): boolean {
  const { patched } = partsOf(report);
  return report.claims.some((c) => c.properties.some((p) => p.recorded[patched] !== undefined));
}

const OTHERWISE: readonly (readonly [RegExp, string])[] = [
  [/^WARN_ON\(\) at /, 'the kernel warns'],
  [/^(?:dies at boot: )?kernel BUG /, 'the kernel dies'],
  [/^machine: /, 'the kernel breaks an invariant of its own'],
];

/** What refutes a property whose own sentence is not what is broken: every property fails on it. Null otherwise. */
export function refutedOtherwise(message: string): string | null {
  const [, what] = OTHERWISE.find(([prefix]) => prefix.test(message)) ?? [];
  return what === undefined ? null : `${what} in a run of this property; its sentence is not what is broken`;
}

/** ` with MY_FEAT=0`, of a kernel whose knob is set otherwise; '' of any other. */
export function withSetting(kernel: string): string {
  const [, set] = /\[([^\]]+)\]$/.exec(kernel) ?? [];
  return set === undefined ? '' : ` with ${set}`;
}

/** The verdict that speaks against the series as it boots or, where none does, with a knob set otherwise: and on which. */
export function tellingVerdict(p: PropertyResult, report: CheckReport): { kernel: string; verdict: ReportVerdict } {
  const { patched, settings } = partsOf(report);
  const kernel = [patched, ...settings].find((k) => worthShowing(p.verdicts[k])) ?? patched;
  return { kernel, verdict: p.verdicts[kernel] };
}

/**
 * Properties with nothing recorded for the series whose verdict speaks against it: refuted, or no longer reached,
 * where the base does not do the same. One of the standing properties that the base fails in the same way, in the same
 * check, is the base's; a claim of the author's own has to hold.
 */
export function unrecordedFailures(
  report: CheckReport,
): { property: string; verdict: ReportVerdict; kernel: string }[] {
  const { base, patched } = partsOf(report);
  return report.claims.flatMap((claim) =>
    claim.properties.flatMap((p) => {
      const { kernel, verdict } = tellingVerdict(p, report);
      const silent = p.recorded[patched] === undefined && verdict !== undefined;
      const bad = worthShowing(verdict) || (verdict === 'vacuous' && p.verdicts[base] === 'holds');
      const standing = Object.keys(p.recorded).length > 0;
      const inherited = standing && base !== patched && p.verdicts[base] === verdict;
      return silent && bad && !inherited ? [{ property: p.id, verdict, kernel }] : [];
    }),
  );
}

/** Verdicts that are not the recorded ones, as far as they count for the series: what is not recorded has no part in its base's. */
export function changedVerdicts(report: CheckReport): CheckReport['changed'] {
  const { base } = partsOf(report);
  return hasRecord(report) ? report.changed : report.changed.filter(({ kernel }) => kernel !== base);
}

/** Is the verdict of that property on that kernel another one than the recorded, as far as that counts for the series? */
export function isChanged(report: CheckReport, property: string, kernel: string): boolean {
  return changedVerdicts(report).some((c) => c.property === property && c.kernel === kernel);
}

/**
 * 0 when every verdict is the recorded one or, without record, nothing was refuted; 1 otherwise. When nothing at all
 * could be judged: 4 as kselftest skips, 125 as git bisect skips, 0 for unix.
 */
export function exitCode(report: CheckReport, style: ExitStyle): number {
  if (changedVerdicts(report).length > 0 || unrecordedFailures(report).length > 0) return REFUTED;
  const { patched } = partsOf(report);
  const judged = report.claims.some((c) =>
    c.properties.some((p) => ['holds', 'refuted', 'unreachable'].includes(p.verdicts[patched])),
  );
  return judged ? OK : skipped(style, OK);
}
