// SPDX-License-Identifier: GPL-2.0-only
/** Places, steps and values as text. */
import { bigintAsText } from '../base/stable-json.js';
import type { machine } from '../machine/state.js';
import { traceText } from '../report/trace-text.js';
import type { Kernel } from '../vmlinux/bind.js';
import { ABSENT, type Path, RecordAt, type Step } from './detail.js';
import { asDeclared, pointsInto } from './fields.js';

/** Longer values are cut in lines that tell more than one. */
const SHORT = 60;

/** `rq[0].cfs`, `vcpu[1].arch.apic.regs[8]` */
export function pathText(path: Path): string {
  return path.map((it, i) => (typeof it === 'number' ? `[${it}]` : i === 0 ? it : `.${it}`)).join('');
}

/** What a record is called by people: a task's comm, a group's name, a vCPU's thread; '' for what has no name. */
export function nameOf(m: machine, path: Path): string {
  const [table, index] = path;
  if (typeof index !== 'number') return '';
  switch (table) {
    case 'task':
      return m.task[index]?.comm ?? '';
    case 'se': {
      const { task = -1, my_q = -1 } = m.se[index] ?? {};
      return task >= 0 ? m.task[task].comm : my_q >= 0 ? (m.groupNames[m.cfs_rq[my_q].tg] ?? '') : '';
    }
    case 'task_group':
      return m.groupNames[index] ?? '';
    case 'kvm':
      return m.vmNames[index] ?? '';
    case 'vcpu':
      return m.task[m.vcpu[index]?.pid ?? -1]?.comm ?? '';
    default:
      return '';
  }
}

const withName = (text: string, name: string): string => (name === '' ? text : `${text} (${name})`);

/** One value as C shows it: pointers by what they point to, 64-bit numbers by their sign. */
export function valueText(value: unknown, path: Path | null, m: machine): string {
  if (value === undefined || value === null) return 'void';
  if (value === ABSENT) return 'absent';
  if (value instanceof RecordAt) return withName(`&${pathText(value.path)}`, nameOf(m, value.path));
  if (typeof value === 'number' || typeof value === 'bigint') {
    const table = path === null || typeof value !== 'number' ? null : pointsInto(path);
    if (table !== null && typeof value === 'number')
      return value < 0 ? 'NULL' : withName(`&${table}[${value}]`, nameOf(m, [table, value]));
    return Number.isInteger(value) || typeof value === 'bigint' ? String(asDeclared(path ?? [], value)) : String(value);
  }
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(value, bigintAsText);
}

const short = (text: string): string => (text.length > SHORT ? `${text.slice(0, SHORT - 3)}...` : text);

/** A record member by member, one a line, as gdb prints structures; nested ones in one line. */
export function recordLines(value: object, path: Path | null, m: machine): string[] {
  const lines = Object.entries(value).map(([member, inner]) => {
    const key = Array.isArray(value) ? Number(member) : member;
    return `  ${member} = ${valueText(inner, path === null ? null : [...path, key], m)},`;
  });
  return ['{', ...lines, '}'];
}

const parameters = new WeakMap<object, string[]>();

/** Names of a function's parameters. */
export function parametersOf(kernel: Kernel, fn: string): string[] {
  const original = kernel.table[fn];
  if (original === undefined) return [];
  const known = parameters.get(original);
  if (known !== undefined) return known;
  const [, list = ''] = /^[^(]*\(([^)]*)\)/.exec(String(original)) ?? [];
  const names = list
    .split(',')
    .map((it) =>
      it
        .trim()
        .split(/[\s=]/)[0]
        .replace(/^_(?=[a-z])/, ''),
    )
    .filter((it) => it !== '');
  parameters.set(original, names);
  return names;
}

/** `update_curr(cfs_rq=&cfs_rq[0])` */
export function callText(step: Extract<Step, { kind: 'call' }>, kernel: Kernel, m: machine): string {
  const names = parametersOf(kernel, step.fn);
  const args = step.args.map((value, i) => `${names[i] ?? `arg${i}`}=${short(valueText(value, null, m))}`);
  return `${step.fn}(${args.join(', ')})`;
}

/** One step in one line, without its depth. */
export function stepText(step: Step, kernel: Kernel, m: machine): string {
  switch (step.kind) {
    case 'call':
      return callText(step, kernel, m);
    case 'return':
      return `${step.fn}() = ${short(valueText(step.result, null, m))}`;
    case 'write': {
      const [was, is] = [step.was, step.is].map((value) => short(valueText(value, step.path, m)));
      return withName(`${pathText(step.path)}: ${was} -> ${is}`, nameOf(m, step.path));
    }
    case 'trace':
      return traceText(step.event);
  }
}

const MARKS: Readonly<Record<Step['kind'], string>> = { call: '>', return: '<', write: '=', trace: '*' };

/** ... and with it: `   3 > update_curr(...)`. */
export function stepLine(step: Step, kernel: Kernel, m: machine): string {
  return `  ${String(step.depth).padStart(2)} ${MARKS[step.kind]} ${stepText(step, kernel, m)}`;
}

/** Written at every event, by the machine and not the kernel. */
const BOOKKEEPING = new Set(['steps', 'rng', 'cpu']);

export const isBookkeeping = (step: Step): boolean =>
  step.kind === 'write' && step.depth === 0 && step.path.length === 1 && BOOKKEEPING.has(String(step.path[0]));
