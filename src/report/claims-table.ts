// SPDX-License-Identifier: GPL-2.0-only
/** The table of claims: in the author's words, verdict on base and on the series, evidence. */
import { table } from '../base/table.js';
import type { CheckReport, ReportVerdict } from './check-report.js';
import { isNotAsked, type Parts, partsOf } from './verdicts.js';

/** The table in `width` columns, with the legend of its kernels above it. */
export function claimsTable(report: CheckReport, width: number): string[] {
  const parts = partsOf(report);
  return parts.prefixes.length > 0 ? prefixTable(report, parts, width) : plainTable(report, parts, width);
}

/** Column heads of the kernels and their full names. */
function heads(parts: Parts): [string, string][] {
  const all: [string, string][] = [['base', parts.base]];
  parts.against.forEach((k, i) => {
    all.push([i === 0 ? 'against' : `against${i + 1}`, k]);
  });
  parts.settings.forEach((k, i) => {
    all.push([i === 0 ? 'set' : `set${i + 1}`, k]);
  });
  if (parts.patched !== parts.base) all.push(['patched', parts.patched]);
  return all;
}

const legend = (names: readonly [string, string][]): string[] => {
  const w = Math.max(...names.map(([head]) => head.length));
  return [...names.map(([head, kernel]) => `${head.padEnd(w)}  ${kernel}`), ''];
};

function plainTable(report: CheckReport, parts: Parts, width: number): string[] {
  const kernels = heads(parts);
  const id = Math.max(2, ...report.claims.map((c) => c.id.length));
  const verdict = kernels.map(([head, k]) =>
    Math.max(head.length, ...report.claims.map((c) => (c.verdicts[k] ?? '-').length)),
  );
  const room = width - id - 2 - verdict.reduce((sum, w) => sum + w + 2, 0) - 2;
  const evidence = Math.min(22, Math.floor(room * 0.42));
  return [
    ...legend(kernels),
    ...table(
      [
        { head: 'id', width: id },
        { head: 'claim', width: room - evidence },
        ...kernels.map(([head], i) => ({ head, width: verdict[i] })),
        { head: 'evidence', width: evidence },
      ],
      report.claims.map((c) => [
        c.id,
        c.words,
        ...kernels.map(([, k]) => c.verdicts[k] ?? '-'),
        c.unanswerable === undefined ? c.evidence : isNotAsked(c) ? 'not asked yet' : 'no model can say',
      ]),
    ),
  ];
}

const LETTER: Record<ReportVerdict, string> = {
  holds: 'h',
  refuted: 'R',
  vacuous: 'v',
  unreachable: 'U',
  skipped: 's',
  unpromised: 'n',
};

/** With prefixes: one letter for each number of patches, and the patch at which the verdict changes. */
function prefixTable(report: CheckReport, parts: Parts, width: number): string[] {
  const rows = [parts.base, ...parts.prefixes, parts.patched];
  const id = Math.max(2, ...report.claims.map((c) => c.id.length));
  const letters = (verdicts: Record<string, ReportVerdict>): string =>
    rows.map((k) => (verdicts[k] === undefined ? '-' : LETTER[verdicts[k]])).join('');
  const changes = (verdicts: Record<string, ReportVerdict>): string => {
    const at = rows.flatMap((k, n) => (n > 0 && verdicts[k] !== verdicts[rows[n - 1]] ? [`${n}: ${verdicts[k]}`] : []));
    return at.length === 0 ? (verdicts[parts.base] ?? '-') : at.join(', ');
  };
  const patches = Math.max('patches'.length, rows.length);
  const room = width - id - patches - 6;
  const changed = Math.min(30, Math.floor(room / 2));
  return [
    ...legend(heads(parts)),
    ...wrapKeys(rows.length),
    ...table(
      [
        { head: 'id', width: id },
        { head: 'claim', width: room - changed },
        { head: 'patches', width: patches },
        { head: 'changes with patch', width: changed },
      ],
      report.claims.map((c) => [c.id, c.words, letters(c.verdicts), c.unanswerable ? 'no model' : changes(c.verdicts)]),
    ),
  ];
}

function wrapKeys(n: number): string[] {
  return [
    `patches: base, then 1 to ${n - 1}`,
    'h holds  R refuted  U unreachable  v vacuous  s skipped  - not asked',
    'n not promised: refuted without the series that promises it, or older than it',
    '',
  ];
}
