// SPDX-License-Identifier: GPL-2.0-only
/** The report on a patch in C as text of 80 columns. */

import { count, inWidth, quoted, wrap } from '../base/text.js';
import type { HeldPairRow } from '../conform/patch/held-pair.js';
import type { AloneCheck, ApicCheck, SchedulerCheck, StepCheck } from '../conform/patch/judge-step.js';
import type { JudgedHunk } from '../conform/patch/judged-hunks.js';
import type { PatchCheck, ReachedLine } from '../conform/sched/patch-check.js';
import { apicOpText } from '../operation/apic.js';
import { apicSequenceText } from '../operation/apic-text.js';
import type { Operation } from '../operation/sched.js';
import { explainedLines, machineLines, operationText, sequenceText } from './operation-lines.js';
import { machineChangeLines, machineClaimLines } from './patch-machine.js';
import {
  addedOf,
  isCode,
  isCompared,
  isDead,
  isFolded,
  type Judged,
  notJudgedText,
  placeText,
  propertiesOf,
} from './patch-verdict.js';

const WIDTH = 80;
/** Hunks listed one by one; more of the same kind are counted. */
const LISTED = 40;

// ---- what was judged -------------------------------------------------------------------------------------------------

/** `scheduler lock-step; held alone: kvm_sched_out()` */
export function judgesText(hunk: JudgedHunk): string {
  if (hunk.status === 'no code') return `no code: ${hunk.why}`;
  if (hunk.status === 'not judged') return `NOTHING: ${hunk.why}`;
  const judges = hunk.by
    .map(({ judge, functions }) => {
      const names = functions.map((name) => `${name}()`).join(', ');
      return names === '' ? judge : `${judge}: ${names}`;
    })
    .join('; ');
  return hunk.status === 'in part' ? `${judges}; NOTHING: ${hunk.why}` : judges;
}

function appliedText(hunk: JudgedHunk): string {
  if (hunk.merged) return ' (applied by a 3-way merge)';
  return hunk.fuzz > 0 ? ` (applied with fuzz ${hunk.fuzz})` : '';
}

function hunkLines(hunks: readonly JudgedHunk[]): string[] {
  const open = hunks.filter(({ status }) => status === 'not judged' || status === 'in part');
  // those under nothing are never cut short
  const shown = hunks.length > LISTED ? [...open, ...hunks.filter((h) => !open.includes(h)).slice(0, LISTED)] : hunks;
  const rest = hunks.length - shown.length;
  return [
    `${count(hunks.length, 'hunk')}, each with what judged it:`,
    ...shown.flatMap((hunk) => [
      ...wrap(`  ${placeText(hunk)}${appliedText(hunk)}`, WIDTH, '    '),
      ...wrap(`    ${judgesText(hunk)}`, WIDTH, '      '),
    ]),
    ...(rest > 0 ? [`  and ${rest} more, judged`] : []),
  ];
}

/** What a report knows beside its verdicts: the command that made it, feature numbers by name, CPUs of the lock-step. */
export interface About {
  /** `kvmodel check --am FILE`; null where no command repeats it */
  readonly again: string | null;
  readonly features: readonly string[];
  readonly cpus: number;
}

export const NO_ABOUT: About = { again: 'kvmodel check', features: [], cpus: 1 };

/** A sequence with its machine, what each operation does, and the command that repeats it. */
export function counterexampleLines(ops: readonly Operation[], cpus: number, about: About, width: number): string[] {
  return [
    ...machineLines(ops, cpus, width),
    ...explainedLines(ops, about.features, width),
    // unbroken, so that it can be copied
    ...(about.again === null ? [] : [`  again: ${about.again} --cpus ${cpus} --sequence '${sequenceText(ops)}'`]),
  ];
}

// ---- what was found --------------------------------------------------------------------------------------------------

function lockstepLines(check: PatchCheck, about: About): string[] {
  const { finding, operations, sequences } = check.lockstep;
  if (!check.boots) return ['Lock-step: not run, for the patched kernel does not boot'];
  if (!isCompared(check)) return ['Lock-step: not run, for the object code is the same'];
  if (finding === null)
    return [`Lock-step: no observable difference in ${operations} operations (${sequences} sequences)`];
  const { op, field, left, right } = finding.difference;
  return [
    `Lock-step: differs after operation ${op} (${operationText(finding.ops[op]!)}):`,
    ...wrap(`  ${field}: ${left} before, ${right} with the patch`, WIDTH, '    '),
    `  shrunk from ${finding.original} operations (${finding.kind}, seed ${finding.seed}):`,
    ...counterexampleLines(finding.ops, about.cpus, about, WIDTH),
  ];
}

/** Operations on local APICs, numbered, one a line, and the command that repeats them. */
export const apicLines = ({ ops }: NonNullable<ApicCheck['lockstep']['finding']>, { again }: About): string[] => [
  ...ops.map((op, i) => `  ${String(i).padStart(3)}  ${apicOpText(op)}`),
  ...(again === null ? [] : [`  again: ${again} --sequence '${apicSequenceText(ops)}'`]),
];

function apicText({ lockstep }: ApicCheck, about: About): string[] {
  const { finding, operations, sequences, missing } = lockstep;
  const unprovided = missing.flatMap((symbol) =>
    wrap(`  not judged beyond a call of ${symbol}(), which is not provided`, WIDTH, '    '),
  );
  if (finding === null) {
    return [
      `Local APICs: no observable difference in ${operations} operations (${sequences} sequences)`,
      ...unprovided,
    ];
  }
  const { op, field, before, patched } = finding.difference;
  return [
    `Local APICs: differ after operation ${op} (${apicOpText(finding.ops[op]!)}):`,
    ...wrap(`  ${field}: ${before} before, ${patched} with the patch`, WIDTH, '    '),
    `  shrunk from ${finding.original} operations (${finding.kind}, seed ${finding.seed}):`,
    ...apicLines(finding, about),
    ...unprovided,
  ];
}

/** What tells a function of the patched tree from the base's. */
export function heldLines(row: HeldPairRow, width: number, { again }: About): string[] {
  const d = row.difference;
  if (d === null) return [`  ${row.name}(): no difference in ${count(row.calls, 'call')}`];
  return [
    `  ${row.name}(): ${row.differing} of ${count(row.calls, 'call')} differ, first in: ${d.what}`,
    ...wrap(`    before   ${d.before}`, width, '             '),
    ...wrap(`    patched  ${d.patched}`, width, '             '),
    '    with',
    ...d.input.flatMap((line) => wrap(`      ${line}`, width, '        ')),
    // unbroken, so that it can be copied: the call of that seed is the first that is made
    ...(again === null ? [] : [`    again: ${again} --seed ${d.seed} --operations 1`]),
  ];
}

function aloneText({ rows, left }: AloneCheck, about: About): string[] {
  return [
    'Functions alone, base beside patched, on the same random state, arguments and answers:',
    ...rows.flatMap((row) => heldLines(row, WIDTH, about)),
    ...left.flatMap((one) => wrap(`  ${one.name}() is not called: ${one.why}`, WIDTH, '    ')),
  ].flatMap((line) => (line.startsWith('    again: ') ? [line] : wrap(line, WIDTH, '  ')));
}

function propertyLines(check: StepCheck, about: About): string[] {
  const rows = propertiesOf(check).flatMap((row) => {
    const verdicts = `${inWidth(row.id, 11)} ${inWidth(row.base.verdict, 8)} ${inWidth(row.patched.verdict, 8)}`;
    const evidence =
      row.base.evidence === row.patched.evidence
        ? row.patched.evidence
        : `${row.patched.evidence} (before: ${row.base.evidence})`;
    const hanging = ' '.repeat(30);
    return [...wrap(`${verdicts} ${row.says}:`, WIDTH, hanging), ...wrap(`${hanging}${evidence}`, WIDTH, hanging)];
  });
  const broken = propertiesOf(check).flatMap(({ id, says, broken: b }) =>
    b === undefined
      ? []
      : [
          '',
          ...wrap(`Refuted: ${id}: ${says}`, WIDTH, '  '),
          ...wrap(`  ${b.fault}`, WIDTH, '    '),
          ...counterexampleLines(b.ops, b.cpus, about, WIDTH),
        ],
  );
  if (rows.length === 0) return [];
  return [
    '',
    `${inWidth('property', 11)} ${inWidth('before', 8)} ${inWidth('patched', 8)} what holds, and evidence`,
    ...rows,
    ...broken,
  ];
}

function timesText(line: ReachedLine): string {
  if (isFolded(line)) return 'FOLDED';
  if (isDead(line)) return 'NEVER';
  if (line.absent === 'uncalled') return 'UNCALLED';
  return line.absent === 'merged' ? '-' : String(line.count);
}

/** What the words in the place of a count mean. */
const LEGEND: readonly (readonly [is: (line: ReachedLine) => boolean, text: string])[] = [
  [isFolded, 'FOLDED: folded away by the compiler, never possible in this configuration'],
  [({ absent }) => absent === 'uncalled', 'UNCALLED: nothing in this tree calls its function'],
  [({ absent }) => absent === 'merged', '-: compiled into other lines, not counted'],
];

function addedTextLines(check: StepCheck): string[] {
  const code = addedOf(check).filter(isCode);
  if (code.length === 0) return ['Added lines: none that make code'];
  const [dead, folded] = [code.filter(isDead).length, code.filter(isFolded).length];
  const patches = new Set(code.map((line) => line.patch ?? 1)).size;
  const counted = `${code.length}, never executed: ${dead}${folded > 0 ? `, never possible: ${folded}` : ''}`;
  return [
    ...wrap(`Added lines that make code${patches > 1 ? ', of all patches so far' : ''}: ${counted}`, WIDTH, '  '),
    ...code.map((line) =>
      `${timesText(line).padStart(9)}  ${line.with === undefined ? '' : `[${line.with}] `}${line.file}:${line.line}: ${line.text.trim()}`.slice(
        0,
        WIDTH,
      ),
    ),
    ...LEGEND.flatMap(([is, text]) => (code.some(is) ? wrap(`  ${text}`, WIDTH, '    ') : [])),
  ];
}

/** What a knob of the patch, set otherwise, changes. */
function knobLines(check: SchedulerCheck, about: About): string[] {
  const lines: string[] = [];
  for (const { name, was, tried, check: other } of check.knobs) {
    lines.push('', ...wrap(`With ${name}=${tried}, which the patch sets to ${was}; UBSan is not asked:`, WIDTH, '  '));
    const set = about.again === null ? null : `${about.again} --knob ${quoted(`${name}=${tried}`)}`;
    lines.push(...lockstepLines(other, { ...about, again: set }));
    const moved = other.properties.filter((row, i) => row.patched.verdict !== check.properties[i]?.patched.verdict);
    if (other.properties.length > 0)
      lines.push(
        `Properties: ${moved.length === 0 ? `the same verdicts as with ${was}` : `otherwise than with ${was}:`}`,
      );
    for (const row of moved) {
      const before = check.properties.find(({ id }) => id === row.id)?.patched.verdict ?? 'not asked';
      const text = `  ${row.id}: ${row.patched.verdict}, ${before} with ${was}: ${row.patched.evidence}`;
      lines.push(...wrap(text, WIDTH, '    '));
      if (row.broken !== undefined)
        lines.push(
          ...wrap(`    ${row.broken.fault}`, WIDTH, '      '),
          ...counterexampleLines(row.broken.ops, row.broken.cpus, { ...about, again: set }, WIDTH),
        );
    }
    if (other.ending !== null) lines.push(`The kernel dies: ${other.ending.kind}, ${other.ending.what}`);
  }
  const names = check.untried.map(({ name, tried }) => `${name}=${tried}`).join(', ');
  if (names !== '') lines.push('', ...wrap(`NOT TRIED, for they are many: ${names}`, WIDTH, '  '));
  if (check.constants.length > 0)
    lines.push(
      '',
      ...wrap(
        `Constants here, for CONFIG_SYSCTL is off and nothing else writes them: ${check.constants.join(', ')}`,
        WIDTH,
        '  ',
      ),
    );
  return lines;
}

function leftOutLines(check: StepCheck): string[] {
  const lines = check.hunks.flatMap(({ file, leftOut }) => leftOut.map((line) => ({ ...line, file })));
  if (lines.length === 0) return [];
  return [
    `Added lines left out by the configuration: ${lines.length}`,
    ...lines.map(({ file, line, condition, text }) =>
      `           ${file}:${line}: ${text.trim()}  [${condition}]`.slice(0, WIDTH),
    ),
  ];
}

function optionLines({ options }: StepCheck): string[] {
  if (options.length === 0) return [];
  return [
    'Kconfig options, as built (--config NAME=y|n|VALUE sets them):',
    ...options.flatMap(({ name, value, why }) => wrap(`  CONFIG_${name}=${value}: ${why}`, WIDTH, '    ')),
    '',
  ];
}

function reportLines(check: PatchCheck, about: About): string[] {
  if (check.reports.length === 0)
    return ['UBSan: nothing that the base does not do (gcc has no check of unsigned wrap)'];
  return check.reports.flatMap(({ report: r, text, ops }) => [
    `UBSan: ${r.file}:${r.line}:${r.column}: ${r.left} ${r.kind} ${r.right} does not fit (${r.type}), ${r.count} times`,
    `  ${text}`,
    ...counterexampleLines(ops, about.cpus, about, WIDTH),
  ]);
}

function stepLines(check: StepCheck, about: About): string[] {
  const { scheduler, apics, machine, alone, unable } = check;
  const lines = [
    ...optionLines(check),
    ...hunkLines(check.hunks),
    ...unable.flatMap((why) => wrap(`Not asked: ${why}`, WIDTH, '  ')),
    ...(scheduler === null ? [] : ['', ...lockstepLines(scheduler, about)]),
    ...(apics === null ? [] : ['', ...apicText(apics, about)]),
    ...(machine === null ? [] : ['', ...machineChangeLines(machine, WIDTH, about.again)]),
    ...(alone === null ? [] : ['', ...aloneText(alone, about)]),
    ...propertyLines(check, about),
    ...(check.claims === undefined ? [] : machineClaimLines(check.claims, WIDTH)),
  ];
  if (check.hunks.every(({ status }) => status === 'no code'))
    return [...lines, '', 'No code changes: comments, white space, documentation. Nothing was built.'];
  if (scheduler === null && apics === null && machine === null && alone === null) return lines;
  lines.push('', ...addedTextLines(check), ...leftOutLines(check));
  if (scheduler === null) return lines;
  lines.push(...knobLines(scheduler, about));
  if (scheduler.boots && isCompared(scheduler)) lines.push('', ...reportLines(scheduler, about));
  if (scheduler.ending !== null) {
    const { kind, what, stack } = scheduler.ending;
    const when = scheduler.boots ? '' : ' at boot';
    lines.push('', `The kernel dies${when}: ${kind}, ${what}`, ...stack.slice(0, 8).map((frame) => `    ${frame}`));
  }
  return lines;
}

/** The whole report; ends with a newline. */
export function patchText(base: string, judged: readonly Judged[], about: About = NO_ABOUT): string {
  const lines = [`${base} (C code) before and after ${count(judged.length, 'step')}`];
  const open = notJudgedText(judged);
  if (open !== null) lines.push(...wrap(open, WIDTH));
  for (const [i, { subject, check }] of judged.entries())
    lines.push('', ...wrap(`${i + 1}/${judged.length} ${subject}`, WIDTH, '    '), '', ...stepLines(check, about));
  return `${lines.join('\n')}\n`;
}
