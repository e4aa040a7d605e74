// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel conform` says of the model beside a tree: totals, and the first difference of each part. */
import { columns, count, wrap } from '../base/text.js';
import type { ApicsHeld } from '../conform/apic/hold.js';
import type { FunctionRow } from '../conform/functions-held.js';
import type { MachineHeld } from '../conform/machine/hold.js';
import type { SchedulerHeld } from '../conform/sched/hold.js';
import type { SingleDifference, SingleResult } from '../conform/sched/single-functions.js';
import { apicOpText } from '../operation/apic.js';
import type { MachineEvent } from '../scenario/events.js';
import { type Again, againLine } from './again.js';
import { machineLines } from './machine-text.js';
import { namesOf } from './names.js';
import { operationLines, operationText } from './operation-lines.js';
import { machineEventText } from './patch-machine.js';

const fromLines = (suspects: readonly string[]): string[] =>
  wrap(`  probably from: ${suspects.slice(0, 6).join(', ') || 'unknown'}`, 80, '    ');

/** The scheduler's difference, and its sequence. */
export function schedulerFinding({ found }: SchedulerHeld, again: Again): string[] {
  if (found === null) return [];
  const { finding, suspects, cpus } = found;
  const { difference: d, ops } = finding;
  return [
    '',
    `Difference: ${d.field} after operation ${d.op} (${operationText(ops[d.op]!)})`,
    `  model   ${d.left}`,
    `  C code  ${d.right}`,
    ...fromLines(suspects),
    '',
    `Sequence (${finding.kind}, seed ${finding.seed}, ${count(cpus, 'CPU')}), shrunk from ${finding.original} operations:`,
    ...operationLines(ops),
    '',
    againLine(again, `--cpus ${cpus}`, finding.seed),
  ];
}

/** The local APICs' difference, and its sequence. */
export function apicFinding({ result: { finding }, suspects }: ApicsHeld, again: Again): string[] {
  if (finding === null) return [];
  const { difference: d, ops } = finding;
  return [
    '',
    `Difference: ${d.field} after operation ${d.op} (${apicOpText(ops[d.op]!)})`,
    `  model   ${d.model}`,
    `  C code  ${d.native}`,
    ...fromLines(suspects),
    '',
    `Sequence (${finding.kind}, seed ${finding.seed}), shrunk from ${count(finding.original, 'operation')}:`,
    ...ops.map((op, i) => `  ${String(i).padStart(3)}  ${apicOpText(op)}`),
    '',
    againLine(again, '--only lapic', finding.seed),
  ];
}

/** The machine's difference, its scenario, and the events that lead there. */
export function machineFinding({ found }: MachineHeld, again: Again): string[] {
  if (found === null) return [];
  const { finding, cpus } = found;
  const { difference: d, events, scenario } = finding;
  const names = namesOf(scenario);
  const text = (event: MachineEvent): string => machineEventText(event, names);
  const last = events[d.event];
  return [
    '',
    `Difference: ${d.field} after ${last === undefined ? 'boot' : `event ${d.event} (${text(last).trim()})`}`,
    `  model   ${d.model}`,
    `  C code  ${d.native}`,
    '',
    `Events (${finding.kind}, seed ${finding.seed}, ${count(cpus, 'CPU')}), shrunk from ${count(finding.original, 'event')}:`,
    ...machineLines(scenario, 78).map((line) => `  ${line}`),
    ...events.map((event, i) => `  ${String(i).padStart(3)}  ${text(event)}`),
    '',
    againLine(again, `--only machine --cpus ${cpus}`, finding.seed),
  ];
}

/** What to know of a tree that has other names than the pin, and of one that the model was not mirrored from. */
export function otherReleaseLines({ renamed, absent }: SchedulerHeld, mirrored: boolean): string[] {
  const pairs = renamed.map(([ours, theirs]) => `${ours} is its ${theirs}`);
  const warning =
    'Not the same release: what the two do differently shows as a difference. conform --drift lists what reads otherwise.';
  return [
    ...(mirrored ? [] : wrap(warning, 80, '')),
    ...(pairs.length === 0 ? [] : wrap(`Compared under other names: ${pairs.join(', ')}`, 80, '  ')),
    ...(absent.length === 0 ? [] : wrap(`Not in this tree, not compared: ${absent.join(', ')}`, 80, '  ')),
  ];
}

/** Functions that were called alone, on extreme operands. */
export function singleLines({ functions, calls, absent, differences }: SingleResult): string[] {
  return [
    `${count(functions, 'function')} on extreme operands: ${count(calls, 'call')}, ${count(differences.length, 'difference')}`,
    ...(absent.length === 0 ? [] : wrap(`not in this tree: ${absent.join(', ')}`, 80, '  ')),
    ...differences.flatMap(singleDifference),
  ];
}

function singleDifference(d: SingleDifference): string[] {
  const operands = Object.entries(d.operands).map(([name, value]) => `${name} ${value}`);
  return [
    `  ${d.name}(): ${d.field}: model ${d.model}, C code ${d.native}`,
    ...wrap(`    ${operands.join(', ')}`, 80, '    '),
  ];
}

/** Function by function, a table a file; the rest by name. `isHeld`: called on both sides. */
export function functionLines(rows: readonly FunctionRow[], isHeld: (row: FunctionRow) => boolean): string[] {
  const held = rows.filter(isHeld);
  const sum = (of: (row: FunctionRow) => number) => rows.reduce((n, row) => n + of(row), 0);
  const lines: string[] = [];
  for (const file of new Set(held.map((row) => row.file))) {
    const table = held
      .filter((row) => row.file === file)
      .map((r) => [r.name, String(r.modelCalls), String(r.cCalls), String(r.differing), `${r.covered}/${r.lines}`]);
    const head = ['function', 'model calls', 'C calls', 'differ', 'C lines'];
    lines.push(file, ...columns([head, ...table], [1, 2, 3, 4]).map((line) => `  ${line}`), '');
  }
  const reached = `${sum((r) => r.covered)} of ${sum((r) => r.lines)} lines of mirrored C`;
  const differing = sum((r) => r.differing);
  lines.push(
    `${held.length} of ${rows.length} mirrored functions called on both sides, ${reached}, ${differing} differing`,
  );
  const rest = rows.filter((row) => !isHeld(row));
  if (rest.length > 0) lines.push('', 'Not held against C by these operations:');
  for (const file of new Set(rest.map((row) => row.file))) {
    const names = rest.filter((row) => row.file === file).map((row) => row.name);
    lines.push(...wrap(`  ${file}: ${names.join(', ')}`, 80, '    '));
  }
  return lines;
}
