// SPDX-License-Identifier: GPL-2.0-only
/** What a local APIC owes its guest, asked of the kernel's own code as far as operations go: the interrupt family on C. */
import type { LapicEngine } from '../../native/lapic-engine.js';
import { APIC_FLAGS, type ApicOperation, apicOp } from '../../operation/apic.js';
import { apicSequenceOf } from '../apic/differ.js';
import { BASE, lateral, TSC_DEADLINE } from '../apic/draw.js';
import { vcpuWord } from '../apic/state.js';
import type { CVerdict } from '../sched/c-properties.js';
import { wordsAt } from './apic-pair.js';

export interface ApicProperty {
  readonly id: string;
  readonly says: string;
  readonly ask: (engine: LapicEngine, seed: number) => CVerdict;
}

/** What one operation left. */
interface After {
  readonly r: number;
  readonly words: Uint32Array;
}

class Broken extends Error {}

function run(engine: LapicEngine, ops: readonly ApicOperation[]): After[] {
  const { answer, ending } = engine.runSequence(ops);
  if (ending !== null) throw new Broken(`the kernel dies at ${ops[ending.op]!.op}: ${ending.kind}, ${ending.what}`);
  let at = 0;
  return ops.map(() => {
    const after = { r: Number(answer.readBigInt64LE(at)), words: wordsAt(answer, at) };
    at += 12 + 8 * answer.readUInt32LE(at + 8);
    return after;
  });
}

const word64 = (words: Uint32Array, cpu: number, name: string): number =>
  vcpuWord(words, cpu, name) + vcpuWord(words, cpu, `${name} (high)`) * 2 ** 32;

const bank = (words: Uint32Array, cpu: number, name: 'IRR' | 'ISR'): number[] =>
  Array.from({ length: 8 }, (_, i) =>
    vcpuWord(words, cpu, `${name} ${((name === 'IRR' ? 0x200 : 0x100) + i * 0x10).toString(16)}`),
  );
const has = (words: Uint32Array, cpu: number, name: 'IRR' | 'ISR', vector: number): boolean =>
  ((bank(words, cpu, name)[vector >> 5]! >>> (vector & 31)) & 1) === 1;

const write = (reg: number, b: number, cpu = 0) => apicOp('MMIO_WRITE', { cpu, id: 4, a: BASE + reg, b });
const advance = (a: number) => apicOp('ADVANCE', { a });
const [FIRE, INJECT, TAKE, EOI] = (['FIRE', 'INJECT_TIMER', 'GET_INTERRUPT', 'EOI'] as const).map((op) => apicOp(op));
const TSC_KHZ = 1_000_000;
const START = 1_000_000_000;

/** So many running vCPUs with their APICs software-enabled, TSC at 1 GHz, the bus at 1 ns a cycle. */
function vm(vcpus: number): ApicOperation[] {
  const flags = APIC_FLAGS.RUNNING | APIC_FLAGS.SPLIT_IRQCHIP | APIC_FLAGS.TSC_DEADLINE | APIC_FLAGS.X2APIC;
  const create = apicOp('CREATE', { id: vcpus, flags, a: TSC_KHZ, b: lateral(1 << 16, 46) });
  return [create, ...Array.from({ length: vcpus }, (_, cpu) => write(0xf0, 0x1ff, cpu))];
}

const VECTOR = 0x41;
const DIVIDE_BY_1 = 0xb;
const timer = (mode: number, count: number) => [
  write(0x3e0, DIVIDE_BY_1),
  write(0x320, mode | VECTOR),
  ...(count > 0 ? [write(0x380, count)] : []),
];

function check(condition: boolean, says: string): void {
  if (!condition) throw new Broken(says);
}

/** Ticks of a timer with these waits between them: ns at which it fired, by what was injected. */
function ticks(engine: LapicEngine, arm: readonly ApicOperation[], waits: readonly number[]): number[] {
  const ahead = [...vm(1), ...arm];
  const each = waits.map((ns) => [advance(ns), FIRE!, INJECT!, TAKE!, EOI!]);
  const after = run(engine, [...ahead, ...each.flat()]);
  let now = START;
  return waits.flatMap((ns, i) => {
    now += ns;
    return after[ahead.length + 5 * i + 3]!.r === VECTOR ? [now] : [];
  });
}

const PERIOD = 1_000_000;
const PERIODIC = 0x2_0000;
const DEADLINE = 0x4_0000;

function periodic(engine: LapicEngine): string {
  const steps = Array.from({ length: 8 }, () => [PERIOD - 1, 1]).flat();
  const regular = ticks(engine, timer(PERIODIC, PERIOD), steps);
  const wanted = Array.from({ length: 8 }, (_, i) => START + (i + 1) * PERIOD);
  check(regular.join() === wanted.join(), `${regular.length} ticks in 8 periods, the first at ${regular[0]} ns`);
  // late: what was missed comes at most once more, and then the period goes on
  for (const [late, most] of [
    [300_000, 2],
    [PERIOD + 1, 3],
    [7 * PERIOD + 400_000, 3],
  ] as const) {
    const found = ticks(engine, timer(PERIODIC, PERIOD), [PERIOD + late, 0, 0, 0, PERIOD]);
    const told = `${found.length} ticks, at most ${most} wanted, when the first is ${late} ns late`;
    check(found.length >= 2 && found.length <= most, `${told}: at ${found.join(', ')} ns`);
  }
  return `${regular.length} ticks in 8 periods, none early; at most one more for all that a late one missed`;
}

function once(engine: LapicEngine): string {
  const shot = ticks(engine, timer(0, PERIOD), [PERIOD - 1, 1, PERIOD, PERIOD]);
  check(shot.join() === String(START + PERIOD), `a one-shot timer of ${PERIOD} ns fires at ${shot.join(', ')}`);
  const at = START + 2 * PERIOD;
  const arm = [...timer(DEADLINE, 0), apicOp('WRMSR', { id: TSC_DEADLINE, a: at })];
  const deadline = ticks(engine, arm, [2 * PERIOD - 1, 1, PERIOD]);
  check(deadline.join() === String(at), `a deadline of ${at} fires at ${deadline.join(', ')}`);
  const disarmed = ticks(engine, [...arm, apicOp('WRMSR', { id: TSC_DEADLINE, a: 0 })], [2 * PERIOD, PERIOD]);
  check(disarmed.length === 0, 'a deadline of 0 does not disarm the timer');
  return 'one-shot and deadline each fire once, when due; 0 disarms';
}

const msi = (vector: number, destination = 0) => apicOp('MSI', { a: 0xfee0_0000 + destination * 0x1000, b: vector });

function order(engine: LapicEngine): string {
  const ahead = vm(1);
  const steps: readonly (readonly [ApicOperation, number | null])[] = [
    [msi(0x31), null],
    [msi(0x61), null],
    [msi(0x51), null],
    [TAKE!, 0x61],
    // 0x51 and 0x31 stay below what is in service
    [TAKE!, -1],
    [msi(0x71), null],
    [TAKE!, 0x71],
    [EOI!, null],
    [TAKE!, -1],
    [EOI!, null],
    [write(0x80, 0x50), null],
    [TAKE!, -1],
    [write(0x80, 0), null],
    [TAKE!, 0x51],
    [EOI!, null],
    [TAKE!, 0x31],
    [EOI!, null],
    [TAKE!, -1],
  ];
  const after = run(engine, [...ahead, ...steps.map(([op]) => op)]);
  steps.forEach(([, wanted], i) => {
    const { r } = after[ahead.length + i]!;
    if (wanted !== null) check(r === wanted, `vector ${r} is taken at step ${i + 1}, not ${wanted}`);
  });
  const last = after.at(-1)!.words;
  check(
    [...bank(last, 0, 'IRR'), ...bank(last, 0, 'ISR')].every((w) => w === 0),
    'a vector stays behind',
  );
  return 'four vectors: highest first, held back by TPR and by what is in service';
}

function reach(engine: LapicEngine): string {
  const logical = [0, 1, 2, 3].flatMap((cpu) => [write(0xd0, ((1 << cpu) << 24) >>> 0, cpu)]);
  const ahead = [...vm(4), ...logical];
  const cases: readonly (readonly [name: string, icr2: number, icr: number, wanted: readonly number[]])[] = [
    ['physical', 2 << 24, 0x4000 | VECTOR, [2]],
    ['physical broadcast', (0xff << 24) >>> 0, 0x4000 | VECTOR, [0, 1, 2, 3]],
    ['logical', 0b1010 << 24, 0x4800 | VECTOR, [1, 3]],
    ['self', 0, 0x4_4000 | VECTOR, [0]],
    ['all', 0, 0x8_4000 | VECTOR, [0, 1, 2, 3]],
    ['all but self', 0, 0xc_4000 | VECTOR, [1, 2, 3]],
  ];
  for (const [name, icr2, icr, wanted] of cases) {
    const { words } = run(engine, [...ahead, write(0x310, icr2), write(0x300, icr)]).at(-1)!;
    const got = [0, 1, 2, 3].filter((cpu) => has(words, cpu, 'IRR', VECTOR));
    check(got.join() === wanted.join(), `an IPI (${name}) reaches vCPUs ${got.join(', ')}, not ${wanted.join(', ')}`);
  }
  return `${cases.length} kinds of destination, 4 vCPUs`;
}

function restored(engine: LapicEngine): string {
  const ahead = [...vm(1), ...timer(PERIODIC, PERIOD), msi(0x61), TAKE!, msi(0x31), advance(PERIOD / 4)];
  const after = run(engine, [...ahead, apicOp('GET_STATE'), apicOp('SET_STATE'), advance((3 * PERIOD) / 4), FIRE!]);
  const [before, then] = [after[ahead.length - 1]!.words, after[ahead.length + 1]!.words];
  for (const name of ['IRR', 'ISR'] as const)
    check(bank(before, 0, name).join() === bank(then, 0, name).join(), `${name} is another after KVM_SET_LAPIC`);
  const due = word64(then, 0, 'timer expires');
  check(vcpuWord(then, 0, 'timer queued') === 1, 'the timer is not armed after KVM_SET_LAPIC');
  check(due === START + PERIOD, `the timer is due at ${due} ns after KVM_SET_LAPIC, not at ${START + PERIOD}`);
  check(vcpuWord(after.at(-1)!.words, 0, 'pending') === 1, 'the timer does not fire after KVM_SET_LAPIC');
  return 'IRR, ISR and a periodic timer, a quarter of a period in';
}

const popcount = (w: number): number => w.toString(2).replaceAll('0', '').length;
const highest = (words: readonly number[]): number => {
  for (let i = 7; i >= 0; i--) if (words[i] !== 0) return i * 32 + 31 - Math.clz32(words[i]!);
  return -1;
};

/** What KVM keeps beside the page, against the page: first fault, or null. */
function cacheFault(words: Uint32Array, cpu: number): string | null {
  if (vcpuWord(words, cpu, 'apicv_active') === 0) {
    const [isr, irr] = [bank(words, cpu, 'ISR'), bank(words, cpu, 'IRR')];
    const count = isr.reduce((sum, w) => sum + popcount(w), 0);
    const kept = vcpuWord(words, cpu, 'isr_count') | 0;
    if (kept !== count) return `isr_count ${kept}, ${count} bits in ISR`;
    const cache = vcpuWord(words, cpu, 'highest_isr_cache') | 0;
    if (cache !== -1 && cache !== highest(isr)) return `highest_isr_cache ${cache}, ${highest(isr)} in ISR`;
    if (vcpuWord(words, cpu, 'irr_pending') === 0 && highest(irr) >= 0)
      return `irr_pending false, ${highest(irr)} in IRR`;
  }
  const isPeriodic = vcpuWord(words, cpu, 'timer_mode') === PERIODIC;
  if (isPeriodic && vcpuWord(words, cpu, 'timer queued') === 1) {
    const [due, target] = [word64(words, cpu, 'timer expires'), word64(words, cpu, 'target_expiration')];
    if (due !== target) return `a periodic timer is due at ${due} ns, its target is ${target}`;
  }
  return null;
}

const SEQUENCES = 40;

function caches(engine: LapicEngine, seed: number): string {
  let operations = 0;
  for (let s = seed; s < seed + SEQUENCES; s++) {
    const { ops } = apicSequenceOf(s);
    const { answer, ending } = engine.runSequence(ops);
    const done = ending?.op ?? ops.length;
    for (let [i, at] = [0, 0]; i < done; i++, at += 12 + 8 * answer.readUInt32LE(at + 8)) {
      const words = wordsAt(answer, at);
      for (let cpu = 0; words.length > 0 && cpu < words[0]!; cpu++) {
        const fault = cacheFault(words, cpu);
        check(fault === null, `vCPU ${cpu} after ${i + 1} operations of seed ${s}, the last ${ops[i]!.op}: ${fault}`);
      }
    }
    operations += done;
  }
  return `after each of ${operations} operations`;
}

/** Holds with what it came to, or refuted with what broke. */
const asked =
  (ask: (engine: LapicEngine, seed: number) => string): ApicProperty['ask'] =>
  (engine, seed) => {
    try {
      return { verdict: 'holds', evidence: ask(engine, seed) };
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      return { verdict: 'refuted', evidence: error.message };
    }
  };

export const apicProperties: readonly ApicProperty[] = [
  {
    id: 'periodic',
    says: 'a periodic timer ticks once a period and does not catch up on all that it missed',
    ask: asked(periodic),
  },
  { id: 'one-shot', says: 'one-shot and deadline timers fire once, when they are due', ask: asked(once) },
  { id: 'priority', says: 'the highest vector that PPR lets through is taken first', ask: asked(order) },
  { id: 'delivery', says: 'an IPI reaches whom its ICR names, and nobody else', ask: asked(reach) },
  { id: 'restore', says: 'KVM_GET_LAPIC and KVM_SET_LAPIC keep vectors and timer', ask: asked(restored) },
  { id: 'caches', says: 'what KVM keeps beside the page agrees with it', ask: asked(caches) },
];
