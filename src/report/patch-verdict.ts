// SPDX-License-Identifier: GPL-2.0-only
/** What counts against a patch in C, and what of it nothing judged: for text, mail, JSON and the exit code alike. */

import type { StepCheck } from '../conform/patch/judge-step.js';
import type { JudgedHunk } from '../conform/patch/judged-hunks.js';
import type { PatchCheck, PropertyRow, ReachedLine } from '../conform/sched/patch-check.js';

/** A step of a series, judged. */
export interface Judged {
  readonly subject: string;
  readonly check: StepCheck;
}

/** `not judged`: nothing is refuted, and some of the patch was not compiled or not run. */
export type PatchVerdict = 'refuted' | 'not judged' | 'nothing refuted';

/** A property that the base has and the patched tree lacks. */
export const isWorse = (row: PropertyRow) => row.base.verdict === 'holds' && row.patched.verdict === 'refuted';
/** An added line that nothing executed, though something could. */
export const isDead = (line: ReachedLine) => line.count === 0 && line.absent === null;
/** An added line that the compiler proves to be out of reach. */
export const isFolded = (line: ReachedLine) => line.absent === 'folded';
/** An added line with something to be said of it: neither a declaration nor a bracket. */
export const isCode = (line: ReachedLine) => line.count !== null || line.absent !== null;

/** Whether the two kernels were run side by side: not where they compile to the same code. */
export const isCompared = ({ lockstep }: PatchCheck): boolean => lockstep.operations > 0;

/** Of the scheduler and of the APICs. */
export const propertiesOf = ({ scheduler, apics, claims }: StepCheck): readonly PropertyRow[] => [
  ...(scheduler?.properties ?? []),
  ...(apics?.properties ?? []),
  ...(claims?.rows ?? []),
];

/** Properties with knobs of the patch set otherwise. */
export const knobPropertiesOf = ({ scheduler }: StepCheck): readonly PropertyRow[] =>
  (scheduler?.knobs ?? []).flatMap(({ name, tried, check }) =>
    check.properties.map((row) => ({ ...row, with: `${name}=${tried}` })),
  );

/** Added lines, each with how often all judges together executed it. */
export function addedOf({ scheduler, apics, machine, alone }: StepCheck): ReachedLine[] {
  const lines = new Map<string, ReachedLine>();
  for (const line of [scheduler, apics, machine, alone].flatMap((check) => check?.added ?? [])) {
    const key = `${line.file}:${line.line}`;
    const known = lines.get(key)?.count ?? null;
    const count = known === null ? line.count : known + (line.count ?? 0);
    // what one judge cannot reach, another may
    const before = lines.get(key)?.absent;
    const absent = (count ?? 0) > 0 || (before !== undefined && before !== line.absent) ? null : line.absent;
    lines.set(key, { ...line, count, absent });
  }
  return [...lines.values()];
}

/** Refuted: a property that the base has, a new report of UBSan's, or the death of the kernel. */
export function isRefuted(check: StepCheck): boolean {
  const { scheduler, apics, machine } = check;
  return (
    [...propertiesOf(check), ...knobPropertiesOf(check)].some(isWorse) ||
    (scheduler?.knobs ?? []).some((knob) => knob.check.ending !== null) ||
    (scheduler !== null && (scheduler.reports.length > 0 || scheduler.ending !== null)) ||
    [apics, machine].some((one) => one !== null && one.lockstep.death !== null)
  );
}

/** Under nothing, as a whole or some of its lines. */
const isOpen = ({ status }: JudgedHunk): boolean => status === 'not judged' || status === 'in part';

export const notJudged = (check: StepCheck): readonly JudgedHunk[] => check.hunks.filter(isOpen);

/** Functions that the patched code calls and nothing here provides: no run goes beyond them. */
export const missingOf = ({ scheduler, apics, machine }: StepCheck): string[] => [
  ...new Set([
    ...(scheduler?.missing ?? []),
    ...(scheduler?.knobs ?? []).flatMap((knob) => knob.check.missing),
    ...(apics?.lockstep.missing ?? []),
    ...(machine?.lockstep.missing ?? []),
  ]),
];

export function verdictOf(judged: readonly Judged[]): PatchVerdict {
  if (judged.some(({ check }) => isRefuted(check))) return 'refuted';
  const hasOpen = ({ check }: Judged) => notJudged(check).length > 0 || missingOf(check).length > 0;
  return judged.some(hasOpen) ? 'not judged' : 'nothing refuted';
}

/** `virt/kvm/kvm_main.c:6404 kvm_sched_out()` */
export function placeText(hunk: JudgedHunk): string {
  const at = hunk.at === 0 ? '' : `:${hunk.at}`;
  return `${hunk.file}${at}${hunk.function === null ? '' : ` ${hunk.function}()`}`;
}

/** One sentence on what nothing judged; null when everything was. */
export function notJudgedText(judged: readonly Judged[]): string | null {
  const hunks = judged.flatMap(({ check }) => check.hunks.filter((hunk) => hunk.status !== 'no code'));
  const open = hunks.filter((hunk) => hunk.status === 'not judged');
  const missing = [...new Set(judged.flatMap(({ check }) => missingOf(check)))].map((name) => `${name}()`);
  const left = hunks.flatMap((hunk) => (hunk.status === 'in part' ? hunk.leftOut : []));
  if (open.length + missing.length + left.length === 0) return null;
  const verb = open.length === 1 ? 'was' : 'were';
  const what = [
    ...(open.length === 0
      ? []
      : [
          `${open.length} of ${hunks.length} hunk${hunks.length === 1 ? '' : 's'} ${verb} not compiled or not run here.`,
        ]),
    ...(left.length === 0
      ? []
      : [
          `The configuration leaves out ${left.length} added line${left.length === 1 ? '' : 's'} (--config builds them).`,
        ]),
    ...(missing.length === 0 ? [] : [`The patch calls ${missing.join(', ')}, not provided here: no run goes beyond.`]),
  ];
  return `NOT JUDGED: ${what.join(' ')} Nothing in this report speaks for that.`;
}
