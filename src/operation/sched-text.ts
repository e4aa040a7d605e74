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

const OF_TASK: readonly OpName[] = [
  'WAKE',
  'YIELD_TO',
  'YIELD_TO_RAW',
  'NICE',
  'SETATTR',
  'SETSCHED',
  'MOVE',
  'AFFINITY',
];
const OF_GROUP: readonly OpName[] = ['SHARES', 'VTIME', 'GROUP_IDLE'];

/** What there is by now. */
interface Machine {
  readonly cpus: number;
  tasks: number;
  groups: number;
}

/** What an operation speaks of and there is none of; null when all is there. */
function lacking(op: Operation, machine: Machine): string | null {
  const { tasks, groups, cpus } = machine;
  if (op.cpu >= cpus) return `a CPU below ${cpus}, got ${op.cpu}`;
  if (OF_TASK.includes(op.op) && op.id >= tasks) return `a task below ${tasks}, got ${op.id}`;
  if (OF_GROUP.includes(op.op) && op.id >= groups) return `a group below ${groups}, got ${op.id}`;
  const group = op.op === 'FORK' ? op.b : op.op === 'MOVE' || op.op === 'GROUP' ? op.a : 0;
  if (group < 0 || group >= groups) return `a group below ${groups}, got ${group}`;
  if (op.op === 'FORK') machine.tasks++;
  if (op.op === 'GROUP') machine.groups++;
  return null;
}

function readOne(text: string, place: string, machine: Machine, faults: Fault[]): Operation | null {
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
  const op = operation(name as OpName, members);
  const [expected, got] = lacking(op, machine)?.split(', got ') ?? [];
  return expected === undefined ? op : fault(expected, got ?? '');
}

/** Reads what `sequenceText` writes, or lines of it, for a machine of so many CPUs; blank parts do not count. */
export function readSequence(text: string, place: string, cpus: number): { ops: Operation[]; faults: Fault[] } {
  const faults: Fault[] = [];
  const machine: Machine = { cpus, tasks: 0, groups: 1 };
  const parts = text.split(/[;\n]/).filter((part) => part.trim() !== '');
  const ops = parts.flatMap((part, i) => readOne(part, `${place}[${i}]`, machine, faults) ?? []);
  if (parts.length === 0) faults.push({ code: 'usage', place, expected: 'operations', got: 'none' });
  return { ops, faults };
}
