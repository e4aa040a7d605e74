// SPDX-License-Identifier: GPL-2.0-only
/** The measures, base beside series, over the same runs. */
import { columns } from '../base/text.js';
import type { CheckReport, Measures } from './check-report.js';
import { partsOf } from './verdicts.js';

type Row = [name: string, value: (m: Measures) => number, of?: (m: Measures) => number];

const ROWS: readonly Row[] = [
  ['cost of a yield, vruntime ns: min', (m) => m.yieldCost.min],
  ['  median', (m) => m.yieldCost.median],
  ['  max', (m) => m.yieldCost.max],
  ['longest wait of a runnable task, ns', (m) => m.longestWaitTask],
  ['longest wait of a vCPU, ns', (m) => m.longestWaitVcpu],
  ['share error between equal VMs, 1/1000', (m) => m.shareErrorVms],
  ['share error between equal cgroups, 1/1000', (m) => m.shareErrorGroups],
  ['yields that missed their target', (m) => m.yieldsMissed, (m) => m.yields],
  ['boosts given to the wrong vCPU', (m) => m.boostsWrong, (m) => m.boosts],
];

/** The lines of the table; none when nothing was measured. */
export function measuresTable(report: CheckReport): string[] {
  const parts = partsOf(report);
  const kernels = [parts.base, ...parts.against, parts.patched].filter(
    (k, i, all) => all.indexOf(k) === i && report.measures[k] !== undefined,
  );
  if (kernels.length === 0) return [];
  const head = kernels.map((k) => (k === parts.base ? 'base' : k === parts.patched ? 'patched' : 'against'));
  const cell = (m: Measures, [, value, of]: Row): string =>
    of === undefined ? String(value(m)) : `${value(m)} of ${of(m)}`;
  const rows = ROWS.map((row) => [row[0], ...kernels.map((k) => cell(report.measures[k], row))]);
  const right = kernels.map((_, i) => i + 1);
  return columns([['measure, over the same runs', ...head], ...rows], right);
}
