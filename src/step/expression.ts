// SPDX-License-Identifier: GPL-2.0-only
/**
 * Expressions over the machine, written as in C: `rq[0].cfs->next->vruntime - se[3].vruntime`, `task["vm0/1"].on_rq`,
 * `avg_vruntime(cfs_rq[0])`. Names are, in this order: arguments of the selected call, tables of the machine, tasks by comm.
 */
import jsep from 'jsep';
import { cloneMachine } from '../machine/clone.js';
import type { machine } from '../machine/state.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import { frozenCopy, type Path, RecordAt } from './detail.js';
import { asDeclared, pointsInto, TABLES } from './fields.js';

/** What is wrong with an expression, in words for whoever typed it. */
export class ExpressionFault extends Error {}

/** What an expression came to: a value, and the field that it was read from. */
export interface Found {
  value: unknown;
  path: Path | null;
}

export interface Scope {
  m: machine;
  kernel: Kernel;
  /** arguments of the selected call by name */
  locals: ReadonlyMap<string, unknown>;
}

export type Expression = jsep.Expression;

/** Reads an expression. Throws ExpressionFault. */
export function parseExpression(text: string): Expression {
  try {
    const tree = jsep(text.replaceAll('->', '.'));
    if (tree.type === 'Compound') throw new ExpressionFault(`one expression expected: ${text}`);
    return tree;
  } catch (thrown) {
    if (thrown instanceof ExpressionFault) throw thrown;
    throw new ExpressionFault(`no expression: ${text}: ${(thrown as Error).message}`);
  }
}

/** What it is worth. Throws ExpressionFault. */
export function evaluate(node: Expression, scope: Scope): Found {
  switch (node.type) {
    case 'Literal':
      return { value: (node as jsep.Literal).value, path: null };
    case 'Identifier':
      return named((node as jsep.Identifier).name, scope);
    case 'MemberExpression':
      return member(node as jsep.MemberExpression, scope);
    case 'UnaryExpression':
      return unary(node as jsep.UnaryExpression, scope);
    case 'BinaryExpression':
      return binary(node as jsep.BinaryExpression, scope);
    case 'CallExpression':
      return call(node as jsep.CallExpression, scope);
    default:
      throw new ExpressionFault(`${node.type} is not understood`);
  }
}

/** Is the expression's value what C takes for true? */
export function isTrue(node: Expression, scope: Scope): boolean {
  const { value, path } = evaluate(node, scope);
  if (typeof value === 'number' && path !== null && pointsInto(path) !== null) return value >= 0;
  return value !== 0 && value !== 0n && value !== false && value !== null && value !== undefined && value !== '';
}

/** The record or value at a place. */
export function at(m: machine, path: Path): unknown {
  let value: unknown = m;
  for (const it of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[it];
  }
  return value;
}

function named(name: string, scope: Scope): Found {
  const { m, locals } = scope;
  if (locals.has(name)) {
    const value = locals.get(name);
    return value instanceof RecordAt ? { value: at(m, value.path), path: value.path } : { value, path: null };
  }
  const table = name === 'tg' ? 'task_group' : name;
  if (Object.hasOwn(m, table)) return { value: (m as unknown as Record<string, unknown>)[table], path: [table] };
  if (name === 'true' || name === 'false') return { value: name === 'true', path: null };
  if (name === 'NULL') return { value: -1, path: null };
  return (
    byName('task', name, m) ??
    fault(`no ${name} here: it is no argument of this call, no table (${TABLES.join(', ')}) and no task`)
  );
}

function fault(words: string): never {
  throw new ExpressionFault(words);
}

/** A task or vCPU by its comm, a group or VM by its name. */
function byName(table: string, name: string, m: machine): Found | null {
  const names: Readonly<Record<string, () => readonly string[]>> = {
    task: () => m.task.map((p) => p.comm),
    se: () => m.se.map((se) => m.task[se.task]?.comm ?? ''),
    task_group: () => m.groupNames,
    kvm: () => m.vmNames,
    vcpu: () => m.vcpu.map((vcpu) => m.task[vcpu.pid]?.comm ?? ''),
  };
  const i = names[table]?.().indexOf(name) ?? -1;
  return i < 0 ? null : { value: at(m, [table, i]), path: [table, i] };
}

/** A pointer's record; the value itself where it is none. */
function followed({ value, path }: Found, m: machine): Found {
  const table = path === null || typeof value !== 'number' ? null : pointsInto(path);
  if (table === null || typeof value !== 'number') return { value, path };
  if (value < 0) return fault('NULL is followed');
  return { value: at(m, [table, value]), path: [table, value] };
}

function member(node: jsep.MemberExpression, scope: Scope): Found {
  const owner = followed(evaluate(node.object, scope), scope.m);
  const { path } = owner;
  const key = node.computed ? keyOf(evaluate(node.property, scope).value) : (node.property as jsep.Identifier).name;
  if (typeof key === 'string' && node.computed && path !== null && path.length === 1)
    return byName(String(path[0]), key, scope.m) ?? fault(`${String(path[0])} has no "${key}"`);
  if (typeof owner.value !== 'object' || owner.value === null) return fault(`it has no members, so no .${key}`);
  const record = owner.value as Record<string | number, unknown>;
  if (!Object.hasOwn(record, key)) {
    // what KVM keeps in its architecture's part is reached without naming it, as in the transcripts
    const arch = record['arch'];
    if (typeof arch === 'object' && arch !== null && Object.hasOwn(arch, key))
      return { value: (arch as Record<string, unknown>)[key], path: path === null ? null : [...path, 'arch', key] };
    return fault(
      Array.isArray(record)
        ? `no element ${key}: it has ${record.length}`
        : `no member ${key}: it has ${Object.keys(record).join(', ')}`,
    );
  }
  return { value: record[key], path: path === null ? null : [...path, key] };
}

const keyOf = (value: unknown): string | number =>
  typeof value === 'bigint'
    ? Number(value)
    : typeof value === 'number' || typeof value === 'string'
      ? value
      : fault('an index is a number or a name');

/** A number as C computes with it. */
function numberOf({ value, path }: Found): bigint {
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value !== 'number' && typeof value !== 'bigint') return fault('a number is expected');
  return typeof value === 'number' && !Number.isInteger(value)
    ? fault('a whole number is expected')
    : asDeclared(path ?? [], value);
}

function unary(node: jsep.UnaryExpression, scope: Scope): Found {
  if (node.operator === '!') return { value: !isTrue(node.argument, scope), path: null };
  const n = numberOf(evaluate(node.argument, scope));
  const made: Readonly<Record<string, bigint>> = { '-': -n, '~': ~n, '+': n };
  return { value: made[node.operator] ?? fault(`${node.operator} is not understood`), path: null };
}

/** 64 bits, with a sign: so a difference of two virtual times is what it is, wherever they stand. */
const word = (n: bigint): bigint => BigInt.asIntN(64, n);

const OPERATORS: Readonly<Record<string, (a: bigint, b: bigint) => bigint | boolean>> = {
  '+': (a, b) => word(a + b),
  '-': (a, b) => word(a - b),
  '*': (a, b) => word(a * b),
  '/': (a, b) => (b === 0n ? fault('division by 0') : a / b),
  '%': (a, b) => (b === 0n ? fault('division by 0') : a % b),
  '&': (a, b) => a & b,
  '|': (a, b) => a | b,
  '^': (a, b) => a ^ b,
  '<<': (a, b) => word(a << (b & 63n)),
  '>>': (a, b) => a >> (b & 63n),
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

function binary(node: jsep.BinaryExpression, scope: Scope): Found {
  const { operator } = node;
  if (operator === '&&') return { value: isTrue(node.left, scope) && isTrue(node.right, scope), path: null };
  if (operator === '||') return { value: isTrue(node.left, scope) || isTrue(node.right, scope), path: null };
  const [a, b] = [evaluate(node.left, scope), evaluate(node.right, scope)];
  if (operator === '==' || operator === '!=') return { value: isSame(a, b) === (operator === '=='), path: null };
  const made = OPERATORS[operator] ?? fault(`${operator} is not understood`);
  return { value: made(numberOf(a), numberOf(b)), path: null };
}

/** The same number, text or record. A pointer is its record: `rq[0].curr == task[1]`. */
function isSame(a: Found, b: Found): boolean {
  const place = ({ value, path }: Found): string | null => {
    if (path === null) return null;
    if (typeof value === 'object' && value !== null) return path.join('.');
    const table = pointsInto(path);
    return table !== null && typeof value === 'number' && value >= 0 ? `${table}.${value}` : null;
  };
  const isRecord = (it: Found): boolean => typeof it.value === 'object' && it.value !== null;
  if (isRecord(a) || isRecord(b)) return place(a) !== null && place(a) === place(b);
  if (typeof a.value === 'string' || typeof b.value === 'string') return a.value === b.value;
  return numberOf(a) === numberOf(b);
}

/** Calls a function of the kernel on a copy of the machine: what it writes is forgotten. */
function call(node: jsep.CallExpression, scope: Scope): Found {
  const name = (node.callee as jsep.Identifier).name;
  const fn = node.callee.type === 'Identifier' ? scope.kernel.table[name] : undefined;
  if (fn === undefined) return fault(`the kernel has no function ${name}`);
  const m = cloneMachine(scope.m);
  const args = node.arguments.map((it) => {
    const found = followed(evaluate(it, scope), scope.m);
    const { value, path } = found;
    if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? Number(value) : value;
    return path === null ? value : at(m, path);
  });
  if (args.length !== fn.length) return fault(`${name}() takes ${fn.length}, not ${args.length}`);
  try {
    const result: unknown = fn.apply(bind(scope.kernel, m), args);
    return { value: frozenCopy(result), path: null };
  } catch (thrown) {
    return fault(`${name}() ends: ${(thrown as Error).message}`);
  }
}
