// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { litmusTests } from '../../properties/races/litmus.js';
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import { vectorsIn } from '../../src/machine/invariants-kvm.js';
import { settle } from '../../src/machine/settle.js';
import type { machine } from '../../src/machine/state.js';
import { everyModule, STEPPED } from '../../src/races/every-module.js';
import { type Litmus, type SteppedKernel, settingOf } from '../../src/races/one-order.js';
import { stepTable } from '../../src/races/stepped-kernel.js';
import { brokenText } from '../../src/report/race-text.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { interleave } from './interleave.js';

const modules = await everyModule();
const table = stepTable(linux_6_12.table, STEPPED, modules);
const rest = (k: vmlinux_x86, m: machine): void => settle(k, m);

describe('a kernel that stops at its races', () => {
  it('has every function of the plain one', () => {
    expect(Object.keys(table).sort()).toEqual(Object.keys(linux_6_12.table).sort());
  });
});

describe.each(litmusTests(linux_6_12))('$name', (litmus) => {
  it(`${litmus.says}, in every order`, () => {
    const found = interleave(table, linux_6_12, litmus, rest);
    expect(found.complete).toBe(true);
    expect(found.broken).toBeNull();
    expect(found.orders).toBeGreaterThan(1);
  });
});

/** Overrides that put a race back; what stops in the middle is a generator. */
const faults: { says: string; litmus: string; funcs: Record<string, AnyFunction> }[] = [
  {
    says: 'the waiter is never published',
    litmus: 'halt against interrupt, VMX',
    funcs: { prepare_to_rcuwait(): void {} },
  },
  {
    says: 'kvm_vcpu_wake_up() wakes nobody',
    litmus: 'halt against interrupt, VMX with posted interrupts',
    funcs: { rcuwait_wake_up: () => 0 },
  },
  {
    says: 'irr_pending is cleared behind the look at IRR (before f210f7572bed)',
    litmus: 'injection against interrupt, VMX',
    funcs: {
      *apic_clear_irr(this: SteppedKernel, vec: number, apic: kvm_lapic): Generator<string, void> {
        const word = (0x200 >> 2) + (vec >> 5) * 4;
        apic.regs[word] = (apic.regs[word] & ~(1 << (vec & 31))) >>> 0;
        const any = vectorsIn(apic.regs, 0x200).length > 0;
        yield 'IRR has been looked at';
        apic.irr_pending = any;
      },
    },
  },
];

describe.each(faults)('$says', ({ litmus: name, funcs }) => {
  it('is found, with the order that shows it', async () => {
    const faulty = { name: 'faulty', table: Object.freeze({ ...linux_6_12.table, ...funcs }) };
    const litmus = litmusTests(faultyPlain(funcs)).find((it) => it.name === name) as Litmus;
    const found = interleave(stepTable(faulty.table, STEPPED, modules), faultyPlain(funcs), litmus, rest);
    expect(found.broken?.message).toMatch(/was taken 0 times|irr_pending is false/);
    expect(found.broken?.steps.at(-1)?.until).toBe('done');
    const setting = settingOf(stepTable(faulty.table, STEPPED, modules), faultyPlain(funcs), litmus, rest);
    const lines = brokenText(setting, found.broken as NonNullable<typeof found.broken>);
    expect(lines.every((line) => line.length <= 80)).toBe(true);
    expect(lines.join('\n')).toContain('done');
  });
});

/** The same faults where nothing stops in the middle. */
function faultyPlain(funcs: Record<string, AnyFunction>): Kernel {
  const plain = Object.entries(funcs).filter(([, fn]) => !/^\*|^function\*/.test(String(fn).trim()));
  return { name: 'faulty', table: Object.freeze({ ...linux_6_12.table, ...Object.fromEntries(plain) }) };
}

describe('orders that come to the same state', () => {
  const names = ['halt against interrupt, VMX', 'injection against interrupt, VMX', 'halt against interrupt, SVM'];
  it.each(names)('%s: are gone on with once, and end in no other way than each by itself', (name) => {
    const litmus = litmusTests(linux_6_12).find((it) => it.name === name) as Litmus;
    const merged = interleave(table, linux_6_12, litmus, rest);
    const each = interleave(table, linux_6_12, litmus, rest, { unmerged: true });
    expect(merged.ends).toBe(each.ends);
    expect(merged.states).toBeLessThan(each.states);
    expect(each.ends).toBeGreaterThan(1);
  });

  it('with store buffers as well', () => {
    const litmus = litmusTests(linux_6_12).find((it) => it.name === 'entry against interrupt, VMX') as Litmus;
    const merged = interleave(table, linux_6_12, litmus, rest, { storeBuffers: true });
    const each = interleave(table, linux_6_12, litmus, rest, { storeBuffers: true, unmerged: true });
    expect(merged.ends).toBe(each.ends);
    expect(merged.states).toBeLessThan(each.states);
  });
});

describe('with store buffers', () => {
  it.each(litmusTests(linux_6_12))('$name: holds in every order', (litmus) => {
    const found = interleave(table, linux_6_12, litmus, rest, { storeBuffers: true });
    expect(found.complete).toBe(true);
    expect(found.broken).toBeNull();
  });

  /** What breaks without the barrier, with and without store buffers. */
  function without(withoutBarrier: string, tests: RegExp, storeBuffers: boolean): (string | undefined)[] {
    return litmusTests(linux_6_12)
      .filter((it) => tests.test(it.name))
      .map((litmus) => interleave(table, linux_6_12, litmus, rest, { storeBuffers, withoutBarrier }).broken?.message);
  }

  const barriers: { barrier: string; between: string; tests: RegExp }[] = [
    {
      barrier: 'smp_mb__after_srcu_read_unlock',
      between: 'the store of vcpu->mode and the look at PID.ON',
      tests: /^(entry|spin) against interrupt, VMX with/,
    },
    {
      barrier: 'set_current_state()',
      between: 'the store of the state and the look for work: a lost wake-up',
      tests: /^halt against interrupt, (VMX|SVM)$/,
    },
  ];

  it.each(barriers)('$barrier between $between: missing, it is found, and is not without buffers', (it) => {
    expect(without(it.barrier, it.tests, false).every((message) => message === undefined)).toBe(true);
    expect(without(it.barrier, it.tests, true).some((message) => message?.includes('was taken 0 times'))).toBe(true);
  });
});
