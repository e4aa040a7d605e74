// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { toNumber } from '../../src/lib/types.js';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import { reduce } from '../../src/machine/reduce.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind } from '../../src/vmlinux/bind.js';
import { simulate } from '../bench/simulate.js';

const spinners: Scenario = {
  cpus: 1,
  hz: 250,
  groups: [{ name: 'g' }],
  tasks: [{ comm: 'a' }, { comm: 'b', nice: 5 }, { comm: 'c', group: 'g' }],
};

const events: MachineEvent[] = [
  { ev: 'advance', ns: 1_000_000 },
  { ev: 'tick', cpu: 0 },
  { ev: 'yield', cpu: 0 },
  { ev: 'advance', ns: 3_000_000 },
  { ev: 'tick', cpu: 0 },
  { ev: 'yield_to', cpu: 0, task: 2 },
  { ev: 'block', cpu: 0 },
  { ev: 'advance', ns: 5_000_000 },
  { ev: 'tick', cpu: 0 },
  { ev: 'wake', cpu: 0, task: 1 },
  { ev: 'wake', cpu: 0, task: 2 },
  { ev: 'wake', cpu: 0, task: 3 },
];

describe('the machine', () => {
  it('reduce and drive agree, event by event, and reduce changes nothing that it is given', () => {
    const driven = boot(linux_6_12, spinners);
    let reduced = boot(linux_6_12, spinners);
    for (const event of events) {
      drive(linux_6_12, driven, [event]);
      const before = JSON.stringify(reduced);
      const next = reduce(linux_6_12, reduced, event);
      expect(JSON.stringify(reduced)).toBe(before);
      reduced = next.machine;
      expect(reduced).toEqual(driven);
    }
  });

  it('the same scenario gives the same bytes', () => {
    const run = (): string => {
      const m = boot(linux_6_12, spinners);
      drive(linux_6_12, m, events);
      return JSON.stringify(m);
    };
    expect(run()).toBe(run());
  });

  it('an illegal event changes nothing but the step count', () => {
    const m = boot(linux_6_12, spinners);
    const before = structuredClone({ ...m, steps: 0 });
    const illegal: MachineEvent[] = [
      { ev: 'pause', cpu: 0 },
      { ev: 'yield', cpu: 9 },
      { ev: 'wake', cpu: 0, task: 99 },
      { ev: 'move', cpu: 0, task: 1, group: 7 },
    ];
    drive(linux_6_12, m, illegal);
    expect({ ...m, steps: 0, cpu: 0 }).toEqual(before);
  });

  it('programs and ticks share one CPU by weight', () => {
    const m = boot(linux_6_12, {
      cpus: 1,
      hz: 1000,
      tasks: [{ comm: 'a' }, { comm: 'b', nice: 5 }, { comm: 'c', nice: -5 }],
    });
    simulate(bind(linux_6_12, m), 20e9, 100_000);
    const ran = m.task.slice(1).map((p) => toNumber(m.se[p.se].sum_exec_runtime) / 20e9);
    expect(ran[0]).toBeCloseTo(0.2286, 2);
    expect(ran[1]).toBeCloseTo(0.0748, 2);
    expect(ran[2]).toBeCloseTo(0.6966, 2);
  });
});
