// SPDX-License-Identifier: GPL-2.0-only
/** Operations of the scheduler as one line of text each, to print and to read back. */
import { type Fault, oneOf, shown } from '../base/faults.js';
import { OPS, type Operation, type OpName, operation } from './sched.js';

const MEMBERS = ['cpu', 'id', 'a', 'b', 'flags'] as const;

/** `TICK cpu 1`: the members that count. */
export function operationText(op: Operation): string {
  const rest = MEMBERS.filter((m) => Number(op[m]) !== 0).map((m) => `${m} ${op[m]}`);
  return [op.op, ...rest].join(' ');
}

/** `FORK; SCHEDULE; TICK cpu 1` */
export const sequenceText = (ops: readonly Operation[]): string => ops.map(operationText).join('; ');

/** One more than the last CPU of any engine. */
const CPUS_MAX = 8;

function readOne(text: string, place: string, faults: Fault[]): Operation | null {
  const [name = '', ...rest] = text.trim().split(/\s+/);
  const fault = (expected: string, got: string) => {
    faults.push({ code: 'usage', place, expected, got });
    return null;
  };
  if (!OPS.includes(name as OpName)) return fault(oneOf('an operation', name, OPS), shown(name));
  const members: Record<string, number | bigint> = {};
  for (let i = 0; i < rest.length; i += 2) {
    const [member, value] = [rest[i]!, rest[i + 1] ?? ''];
    if (!MEMBERS.some((m) => m === member)) return fault(`one of ${MEMBERS.join(', ')}`, shown(member));
    if (!/^-?\d{1,20}$/.test(value)) return fault(`an integer behind ${member}`, shown(value));
    const n = BigInt(value);
    const isWide = member === 'a' || member === 'b';
    if (isWide ? n < -(2n ** 63n) || n >= 2n ** 63n : n < 0n || n > 0x7fff_ffffn)
      return fault(`${member} of ${isWide ? '64' : '31'} bits`, value);
    members[member] = Number.isSafeInteger(Number(n)) ? Number(n) : n;
  }
  if (Number(members['cpu'] ?? 0) >= CPUS_MAX) return fault(`a CPU below ${CPUS_MAX}`, String(members['cpu']));
  return operation(name as OpName, members);
}

/** Reads what `sequenceText` writes, or lines of it; blank parts do not count. */
export function readSequence(text: string, place: string): { ops: Operation[]; faults: Fault[] } {
  const faults: Fault[] = [];
  const parts = text.split(/[;\n]/).filter((part) => part.trim() !== '');
  const ops = parts.flatMap((part, i) => readOne(part, `${place}[${i}]`, faults) ?? []);
  if (parts.length === 0) faults.push({ code: 'usage', place, expected: 'operations', got: 'none' });
  return { ops, faults };
}
