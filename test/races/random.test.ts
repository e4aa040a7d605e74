// SPDX-License-Identifier: GPL-2.0-only
/** Larger cases at random: the kernel has no fault, planted faults are found, shrunk, and play again from their text. */
import { beforeAll, describe, expect, it } from 'vitest';
import { seedRng } from '../../src/machine/rng.js';
import { settle } from '../../src/machine/settle.js';
import { drawCase } from '../../src/races/draw.js';
import { type MemoryOptions, type Setting, type StepTable, settingOf } from '../../src/races/one-order.js';
import { type FoundAtRandom, searchAtRandom } from '../../src/races/random.js';
import { orderName, parseOrder, playOrder } from '../../src/races/random-order.js';
import { steppedTableOf } from '../../src/races/series-modules.js';
import { caseText, litmusOf, parseCase, type RaceCase } from '../../src/races/world.js';
import { brokenText } from '../../src/report/race-text.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';

const LIMITS = { orders: 40, states: 5000 };

async function settingsOf(kernel: Kernel, memory: MemoryOptions = {}): Promise<(c: RaceCase) => Setting> {
  const table: StepTable = await steppedTableOf(kernel);
  return (c) => settingOf(table, kernel, litmusOf(kernel, c), (k, m) => settle(k, m as never), memory);
}

function search(setting: (c: RaceCase) => Setting, seed: number, cases: number): FoundAtRandom {
  return searchAtRandom(setting, { seed, more: (n) => n < cases, limits: LIMITS });
}

describe('a case', () => {
  it('is what its text says', () => {
    const chance = { rng: seedRng(7) };
    for (let i = 0; i < 200; i++) {
      const c = drawCase(chance);
      expect(parseCase(caseText(c))).toEqual(c);
    }
  });

  it.each([
    'vmx hlt',
    'vmy: hlt | hlt',
    'vmx,fast: hlt | hlt',
    'vmx: jump | hlt',
    'vmx: ipi 2 41 | hlt',
    'vmx: ipi 1 f | hlt',
    'vmx: hlt 1 | hlt',
  ])('%s is none', (text) => {
    expect(() => parseCase(text)).toThrow(/expected/);
  });
});

describe('the kernel', () => {
  it.each([
    ['v6.12.117', false],
    ['v6.12.117', true],
    ['v6.19-rc1', true],
    ['semantics-aware-v2', true],
  ])('%s, store buffers %s: no fault', async (name, storeBuffers) => {
    const found = search(await settingsOf(kernelByName(name), { storeBuffers }), 3, 8);
    expect(found.failing).toBeNull();
    expect(found.orders).toBe(80);
    expect(found.skipped).toBeLessThan(20);
    // cases are larger than litmus tests
    expect(found.steps / found.orders).toBeGreaterThan(25);
  });

  it('is asked the same by the same seed', async () => {
    const setting = await settingsOf(linux_6_12);
    const first = search(setting, 5, 3);
    expect(search(setting, 5, 3)).toEqual(first);
    expect(search(setting, 6, 3).steps).not.toBe(first.steps);
  });
});

const patched = (funcs: Record<string, AnyFunction>): Kernel => ({
  name: 'faulty',
  table: Object.freeze({ ...linux_6_12.table, ...funcs }),
});

const faults: { says: string; kernel: Kernel; memory?: MemoryOptions; kind: RegExp }[] = [
  {
    says: 'the waiter is never published',
    kernel: patched({ prepare_to_rcuwait(): void {} }),
    kind: /^lost interrupt/,
  },
  {
    says: 'irr_pending is set before IRR (before f210f7572bed)',
    kernel: kernelByName('revert-f210f7572bed'),
    kind: /^(lost interrupt|inconsistent: vcpu \d: irr_pending is false)/,
  },
  {
    says: 'set_current_state() without its barrier',
    kernel: linux_6_12,
    memory: { storeBuffers: true, withoutBarrier: 'set_current_state' },
    kind: /^lost (interrupt|wake-up)/,
  },
  {
    says: 'highest_isr_cache outlives the EOI',
    kernel: patched({
      apic_clear_isr(vec: number, apic: { isr_count: number }): void {
        const regs = (apic as unknown as { regs: number[] }).regs;
        const word = (0x100 >> 2) + (vec >> 5) * 4;
        if ((regs[word] & (1 << (vec & 31))) === 0) return;
        regs[word] = (regs[word] & ~(1 << (vec & 31))) >>> 0;
        apic.isr_count--;
      },
    }),
    kind: /^(inconsistent: vcpu \d: (highest_isr_cache|PPR)|lost interrupt|no end)/,
  },
  {
    says: 'a vCPU in the guest is not kicked',
    kernel: patched({ kvm_arch_vcpu_should_kick: () => false }),
    kind: /^lost interrupt/,
  },
];

describe.each(faults)('$says', ({ kernel, memory, kind }) => {
  let setting: (c: RaceCase) => Setting;
  let found: FoundAtRandom;
  beforeAll(async () => {
    setting = await settingsOf(kernel, memory);
    found = search(setting, 1, 150);
  });

  it('is found, and shrunk to two CPUs', () => {
    expect(found.failing?.broken.message).toMatch(kind);
    expect(found.failing?.race.cpus).toBe(2);
    expect(found.failing?.race.programs.flat().length).toBeLessThanOrEqual(6);
  });

  it('plays again from its text', () => {
    const { race, broken } = found.failing as NonNullable<typeof found.failing>;
    const moves = parseOrder(orderName(broken.moves), race.cpus) as number[];
    expect(playOrder(setting(parseCase(caseText(race))), moves).broken?.message).toBe(broken.message);
  });

  it('is printed in two columns of 80 together', async () => {
    const { race, broken } = found.failing as NonNullable<typeof found.failing>;
    const lines = brokenText(setting(race), broken);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.find((line) => line.startsWith('CPU 0'))).toMatch(/^CPU 0 +CPU 1$/);
  });
});
