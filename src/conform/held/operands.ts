// SPDX-License-Identifier: GPL-2.0-only
/** State, arguments and answers of held functions, drawn at random. */
import type { CType, Value } from '../../native/extract/engine.js';
import type { Random } from '../sched/generate.js';
import { NR_VCPUS } from './fields.js';

const P = (n: number) => 2 ** n;
const EDGES32 = [
  0,
  1,
  2,
  3,
  4095,
  4096,
  10_000,
  50_000,
  200_000,
  65_535,
  65_536,
  P(31) - 1,
  P(31),
  P(32) - 2,
  P(32) - 1,
];
const EDGES64 = [
  0n,
  1n,
  2n,
  1n << 31n,
  (1n << 32n) - 1n,
  1n << 32n,
  1n << 53n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
];

const signed = (x: bigint): Value => {
  const wrapped = BigInt.asIntN(64, x);
  return wrapped >= -9007199254740991n && wrapped <= 9007199254740991n ? Number(wrapped) : wrapped;
};

/** Draws values; the edges of their types above all. */
export class Operands {
  constructor(private readonly random: Random) {}

  below(n: number): number {
    return this.random() % n;
  }

  of<T>(menu: readonly T[]): T {
    return menu[this.below(menu.length)]!;
  }

  /** A value of a C type: an edge, something small, something near an edge, anything. */
  ofType({ kind, size }: CType): Value {
    if (kind === 'b') return this.below(2);
    const how = this.below(8);
    if (size >= 8) {
      if (how < 2) return signed((BigInt(this.random()) << 32n) | BigInt(this.random()));
      if (how < 4) return this.below(1 << 20);
      return signed(this.of(EDGES64) + BigInt(this.below(5) - 2));
    }
    const raw =
      how < 2 ? this.random() : how < 4 ? this.below(1 << 18) : this.of(EDGES32) + (how === 4 ? this.below(5) - 2 : 0);
    const bits = size * 8;
    const masked = size === 4 ? raw >>> 0 : ((raw % P(bits)) + P(bits)) % P(bits);
    return kind === 's' && masked >= P(bits - 1) ? masked - P(bits) : masked;
  }

  answer(type: CType): Value {
    if (type.kind === 'p') return this.below(NR_VCPUS + 1) - 1;
    // Most callers only ask whether: an answer that is never 0 never gets past the first question.
    if (this.below(2) === 0) return this.below(2);
    if (type.kind === 'b') return this.below(2);
    if (type.kind === 's' && type.size === 4) return this.of([0, 0, 1, 1, -1, 2, -16, 255]);
    return this.ofType(type);
  }
}

/** Arguments by the name that C gives them, where a number is not just any. */
export const ARGUMENTS: Readonly<Record<string, readonly number[]>> = {
  cpu: [0, 1, 2, 3],
  req: [0x300, 0x301, 2, 3, 14, 16, 17, 0x317, 27, 0x400 | 0x300],
  trig_mode: [0, 1, 0x8000],
  delivery_mode: [0, 0x100, 0x400, 0x700],
  vector: [0, 15, 16, 31, 32, 0x40, 0x80, 0xec, 255],
};

/** Answers of stand-ins that are not just any of their type. */
export const ANSWERS: Readonly<Record<string, readonly number[]>> = {
  preempt_notifier_to_vcpu: [0, 1, 2, 3],
  wake_up_process: [0, 1],
  kvm_x86_vcpu_get_apicv_inhibit_reasons: [0, 0, 1, 128],
};

/** The entry whose key a field's name ends with. */
export const bySuffix = <T>(table: Readonly<Record<string, T>> | undefined, name: string): T | undefined =>
  Object.entries(table ?? {}).find(
    ([end]) => name === end || name.endsWith(`.${end}`) || name.startsWith(`${end}[`),
  )?.[1];

/** Size and sign of a parameter, from its text. */
export function typeOfText(text: string): CType {
  if (/\bbool\b/.test(text)) return { kind: 'b', size: 1 };
  if (/\b(u64|__u64|unsigned long|ulong|gpa_t|gfn_t|size_t)\b/.test(text)) return { kind: 'u', size: 8 };
  if (/\b(s64|long|ktime_t)\b/.test(text)) return { kind: 's', size: 8 };
  if (/\b(u8|__u8|unsigned char)\b/.test(text)) return { kind: 'u', size: 1 };
  if (/\b(u16|__u16|unsigned short)\b/.test(text)) return { kind: 'u', size: 2 };
  if (/\b(u32|__u32|unsigned|uint|enum)\b/.test(text)) return { kind: 'u', size: 4 };
  return { kind: 's', size: 4 };
}
