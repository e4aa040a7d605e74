// SPDX-License-Identifier: GPL-2.0-only
/** Which patch of a series changes the verdict on a claim: every prefix is asked. */
import type { ReportVerdict } from '../report/check-report.js';
import { type CheckSettings, type CheckTools, runCheck } from './check.js';
import type { Subject } from './subject.js';

export interface BisectStep {
  /** of the kernel, with `~n` for the first n patches */
  kernel: string;
  /** patches applied */
  patches: number;
  verdict: ReportVerdict;
}

export interface BisectResult {
  claim: string;
  steps: BisectStep[];
  /** patches applied at which the verdict differs from the one before; the first such is what is looked for */
  changesAt: number[];
}

/**
 * Asks a claim (or one property) of the base, of every prefix and of the whole series; `subject.kernels` are those,
 * in that order. Every verdict is shown, for a series may break in one patch what a later one mends.
 */
export async function bisectClaim(
  subject: Subject,
  claim: string,
  settings: CheckSettings,
  tools: CheckTools,
): Promise<BisectResult> {
  const report = await runCheck(subject, { ...settings, only: [claim], verdictsOnly: true }, tools);
  const found = report.claims[0];
  const verdicts = found?.verdicts ?? {};
  const steps = report.kernels.flatMap((kernel, patches): BisectStep[] =>
    verdicts[kernel] === undefined ? [] : [{ kernel, patches, verdict: verdicts[kernel] }],
  );
  const changesAt = steps.flatMap((step, i) =>
    i > 0 && differ(step.verdict, steps[i - 1].verdict) ? [step.patches] : [],
  );
  return { claim, steps, changesAt };
}

/** A promise that the base never made is broken there no less than by a series of which a patch is missing. */
function differ(a: ReportVerdict, b: ReportVerdict): boolean {
  const broken: readonly ReportVerdict[] = ['refuted', 'unpromised'];
  return a !== b && !(broken.includes(a) && broken.includes(b));
}
