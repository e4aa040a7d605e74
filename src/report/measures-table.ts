// SPDX-License-Identifier: GPL-2.0-only
/** The measures, base beside series, over the same runs, and which of them moved by more than noise. */
import { columns } from '../base/text.js';
import type { CheckReport, Measures } from './check-report.js';
import { partsOf } from './verdicts.js';

interface Row {
  name: string;
  /** where it stands alone */
  alone?: string;
  value(m: Measures): number;
  /** a share of so many, printed in per cent */
  of?(m: Measures): number;
  /** more of it is worse for somebody; absent: it is what it is */
  bad?: true;
}

const ROWS: readonly Row[] = [
  {
    name: 'cost of a yield, vruntime ns: min',
    alone: 'least cost of a yield, vruntime ns',
    value: (m) => m.yieldCost.min,
  },
  { name: '  median', alone: 'median cost of a yield, vruntime ns', value: (m) => m.yieldCost.median },
  { name: '  max', alone: 'greatest cost of a yield, vruntime ns', value: (m) => m.yieldCost.max },
  { name: 'longest wait of a runnable task, ns', value: (m) => m.longestWaitTask, bad: true },
  { name: 'longest wait of a vCPU, ns', value: (m) => m.longestWaitVcpu, bad: true },
  { name: 'share error of equal VMs, 1/1000', value: (m) => m.shareErrorVms, bad: true },
  { name: 'share error of equal cgroups, 1/1000', value: (m) => m.shareErrorGroups, bad: true },
  { name: 'what a guest lacks of its fair share, 1/1000', value: (m) => m.guestShort, bad: true },
  {
    name: 'from release to acquisition of a lock, ns: median',
    alone: 'median from release to acquisition of a lock, ns',
    value: (m) => m.lockHandOver.median,
    bad: true,
  },
  {
    name: '  max',
    alone: 'longest from release to acquisition of a lock, ns',
    value: (m) => m.lockHandOver.max,
    bad: true,
  },
  { name: 'yields', value: (m) => m.yields },
  {
    name: '  that missed their target, %',
    alone: 'yields that missed their target, %',
    value: (m) => m.yieldsMissed,
    of: (m) => m.yields,
    bad: true,
  },
  { name: 'boosts', value: (m) => m.boosts },
  {
    name: '  given to the wrong vCPU, %',
    alone: 'boosts given to the wrong vCPU, %',
    value: (m) => m.boostsWrong,
    of: (m) => m.boosts,
    bad: true,
  },
];

/** Of kernels for arm64: what a host pays for vCPUs that wait without it. */
const WFX_ROWS: readonly Row[] = [
  {
    name: 'util_avg of vCPUs whose WFI does not trap',
    value: (m) => m.wfx?.untrapped.util ?? 0,
  },
  {
    name: '  of that, what the guest needs',
    alone: 'need of guests whose WFI does not trap',
    value: (m) => m.wfx?.untrapped.demand ?? 0,
  },
  { name: 'util_avg of vCPUs whose WFI traps', value: (m) => m.wfx?.trapped.util ?? 0 },
  {
    name: '  of that, what the guest needs',
    alone: 'need of guests whose WFI traps',
    value: (m) => m.wfx?.trapped.demand ?? 0,
  },
  { name: 'loads that changed a trap', value: (m) => m.wfx?.flips ?? 0 },
  { name: 'longest time with a stale trap, ns', value: (m) => m.wfx?.longestStale ?? 0, bad: true },
  { name: 'time in which a CPU could not idle, ns', value: (m) => m.wfx?.standing ?? 0, bad: true },
  { name: 'frequency for it, 1/1000: WFI does not trap', value: (m) => m.wfx?.untrapped.frequency ?? 0 },
  { name: '  WFI traps', alone: 'frequency for it, 1/1000: WFI traps', value: (m) => m.wfx?.trapped.frequency ?? 0 },
  { name: 'too big for a little CPU, 1/1000 of the time', value: (m) => m.wfx?.untrapped.misfit ?? 0 },
  { name: '  WFI traps', alone: 'too big for a little CPU where WFI traps', value: (m) => m.wfx?.trapped.misfit ?? 0 },
];

/** ... and what guests that run a kernel make of vCPUs that are not running. */
const PREEMPTED_ROWS: readonly Row[] = [
  { name: 'enqueues to idle vCPUs with a CPU', value: (m) => m.preempted?.available ?? 0 },
  { name: 'enqueues to idle vCPUs without one', value: (m) => m.preempted?.preempted ?? 0, bad: true },
  { name: 'spun for owners without a CPU, ns', value: (m) => m.preempted?.lost ?? 0, bad: true },
  { name: "runs of the guests' programs", value: (m) => m.preempted?.laps ?? 0 },
];

/** Of kernels for s390: its directed yields. */
const S390_ROWS: readonly Row[] = [
  { name: 'diagnoses 0x9c', value: (m) => m.s390?.diag9c ?? 0 },
  {
    name: '  ignored, %',
    alone: 'diagnoses 0x9c ignored, %',
    value: (m) => m.s390?.ignored ?? 0,
    of: (m) => m.s390?.diag9c ?? 0,
  },
  { name: '  forwarded', alone: 'diagnoses 0x9c forwarded', value: (m) => m.s390?.forwarded ?? 0 },
  ...[2, 4, 6, 8].map(
    (ratio): Row => ({
      name: `  ${ratio}:1, for 1000 laps of work`,
      alone: `diagnoses 0x9c at ${ratio}:1, for 1000 laps of work`,
      value: (m) => m.s390?.perThousandLaps[ratio] ?? 0,
      bad: true,
    }),
  ),
];

/** The rows that these measures have. */
const rowsOf = (m: Measures): readonly Row[] => [
  ...ROWS,
  ...(m.wfx === undefined ? [] : WFX_ROWS),
  ...(m.preempted === undefined ? [] : PREEMPTED_ROWS),
  ...(m.s390 === undefined ? [] : S390_ROWS),
];

const amount = ({ value, of }: Row, m: Measures): number =>
  of === undefined ? value(m) : Math.round((1000 * value(m)) / Math.max(1, of(m))) / 10;

export interface Move {
  name: string;
  from: number;
  to: number;
  /** per cent; null from zero */
  percent: number | null;
  verdict: 'worse' | 'better' | 'more' | 'less';
}

/** How a measure moved from base to series; null when that is no more than what small changes of the runs do. */
function moveOf(row: Row, before: readonly Measures[], after: readonly Measures[]): Move | null {
  const [a, b] = [before.map((m) => amount(row, m)), after.map((m) => amount(row, m))];
  const up = Math.min(...b) > Math.max(...a);
  if (!up && Math.max(...b) >= Math.min(...a)) return null;
  const [from, to] = [a[0], b[0]];
  const percent = from === 0 ? null : Math.round((100 * (to - from)) / from);
  if (percent === 0) return null;
  const verdict = row.bad === true ? (up ? 'worse' : 'better') : up ? 'more' : 'less';
  return { name: row.alone ?? row.name, from, to, percent, verdict };
}

const samples = (report: CheckReport, kernel: string): Measures[] => [
  report.measures[kernel],
  ...(report.variations[kernel] ?? []),
];

/** The measures that the series moved. */
export function movesOf(report: CheckReport): Move[] {
  const { base, patched } = partsOf(report);
  if (report.measures[base] === undefined || report.measures[patched] === undefined || base === patched) return [];
  return rowsOf(report.measures[base]).flatMap(
    (row) => moveOf(row, samples(report, base), samples(report, patched)) ?? [],
  );
}

/** Is every measure of the series the very same as the base's? */
export function isUnmoved(report: CheckReport): boolean {
  const { base, patched } = partsOf(report);
  return rowsOf(report.measures[base]).every(
    (row) => amount(row, report.measures[base]) === amount(row, report.measures[patched]),
  );
}

/** The lines of the series' own measures; none for most. */
export function distributionLines({ distributions }: CheckReport): string[] {
  if (distributions === null) return [];
  const { says, columns: names, rows } = distributions;
  const lines = rows.flatMap((row) =>
    (['mean', 'p99', 'max'] as const).map((what, i) => [
      i === 0 ? `${row.says}: mean` : `  ${what === 'p99' ? '99 of 100' : what}`,
      ...row.of.map((it) => (it.samples === 0 ? '-' : String(it[what]))),
    ]),
  );
  const right = names.map((_, i) => i + 1);
  return ['', says, ...columns([['', ...names], ...lines], right)];
}

/** The lines of the table; none when nothing was measured. */
export function measuresTable(report: CheckReport): string[] {
  const parts = partsOf(report);
  const kernels = [parts.base, ...parts.against, parts.patched].filter(
    (k, i, all) => all.indexOf(k) === i && report.measures[k] !== undefined,
  );
  if (kernels.length === 0) return [];
  const head = kernels.map((k) => (k === parts.base ? 'base' : k === parts.patched ? 'patched' : 'against'));
  const moved = (row: Row): string => {
    if (kernels.length < 2) return '';
    const [base, patched] = [report.measures[parts.base], report.measures[parts.patched]];
    if (amount(row, base) === amount(row, patched)) return '';
    const move = moveOf(row, samples(report, parts.base), samples(report, parts.patched));
    if (move === null) return 'noise';
    const by = move.percent === null ? '' : `${move.percent > 0 ? '+' : ''}${move.percent} % `;
    return `${by}${move.verdict}`;
  };
  const rows = rowsOf(report.measures[kernels[0]]).map((row) => [
    row.name,
    ...kernels.map((k) => String(amount(row, report.measures[k]))),
    moved(row),
  ]);
  const right = kernels.map((_, i) => i + 1);
  return [...columns([['measure, over the same runs', ...head, ''], ...rows], right), ...distributionLines(report)];
}
