// SPDX-License-Identifier: GPL-2.0-only
/** Operations on local APICs as text, to print and to read back. */
import { type Fault, oneOf, shown } from '../base/faults.js';
import { APIC_MAX_VCPUS, APIC_OPS, type ApicOperation, type ApicOpName, apicOp, apicOpText } from './apic.js';

const MEMBERS = ['id', 'flags', 'a', 'b'] as const;
type Member = (typeof MEMBERS)[number];

/** `c0 CREATE id=1 flags=80008; c0 FREE` */
export const apicSequenceText = (ops: readonly ApicOperation[]): string => ops.map(apicOpText).join('; ');

/** Whether a sequence is one of local APICs: its operations begin with their vCPU. */
export const isApicSequence = (text: string): boolean => /^\s*c-?\d+\s/.test(text);

function memberOf(text: string): readonly [Member, number | bigint] | null {
  const [, name, sign, digits] = /^(\w+)=(-?)([0-9a-f]{1,16})$/.exec(text) ?? [];
  if (digits === undefined || !MEMBERS.includes(name as Member)) return null;
  const n = BigInt(`0x${digits}`) * (sign === '-' ? -1n : 1n);
  return [name as Member, Number.isSafeInteger(Number(n)) ? Number(n) : n];
}

function readOne(text: string, place: string, faults: Fault[]): ApicOperation | null {
  const [vcpu = '', name = '', ...rest] = text.trim().split(/\s+/);
  const fault = (expected: string, got: string) => {
    faults.push({ code: 'usage', place, expected, got: shown(got) });
    return null;
  };
  const cpu = /^c(-?\d{1,2})$/.exec(vcpu)?.[1];
  if (cpu === undefined || Number(cpu) < -1 || Number(cpu) >= APIC_MAX_VCPUS)
    return fault(`a vCPU from c-1 to c${APIC_MAX_VCPUS - 1}`, vcpu);
  if (!APIC_OPS.includes(name as ApicOpName)) return fault(oneOf('an operation', name, APIC_OPS), name);
  const members: Partial<Record<Member, number | bigint>> = {};
  for (const part of rest) {
    const member = memberOf(part);
    if (member === null) return fault(`one of ${MEMBERS.join(', ')}, = and a hexadecimal number`, part);
    members[member[0]] = member[1];
  }
  const { id = 0, flags = 0, a = 0, b = 0 } = members;
  for (const [member, n] of [
    ['id', id],
    ['flags', flags],
  ] as const)
    if (n < 0 || n > 0xffff_ffff) return fault(`${member} of 32 bits`, n.toString(16));
  return apicOp(name as ApicOpName, { cpu: Number(cpu), id: Number(id), flags: Number(flags), a, b });
}

/** Reads what `apicSequenceText` writes, or lines of it; blank parts do not count. */
export function readApicSequence(text: string, place: string): { ops: ApicOperation[]; faults: Fault[] } {
  const faults: Fault[] = [];
  const parts = text.split(/[;\n]/).filter((part) => part.trim() !== '');
  return { ops: parts.flatMap((part, i) => readOne(part, `${place}[${i}]`, faults) ?? []), faults };
}
