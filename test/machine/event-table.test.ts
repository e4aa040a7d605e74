// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { eventTable, legal } from '../../src/machine/event-table.js';
import { nextRng } from '../../src/machine/rng.js';
import type { machine } from '../../src/machine/state.js';
import type { EventKind, MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind } from '../../src/vmlinux/bind.js';

const guests: Scenario = {
  cpus: 2,
  groups: [{ name: 'g' }],
  vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [0]] }],
  tasks: [
    { comm: 'hog', cpus: [1] },
    { comm: 'sleeper', cpus: [1], asleep: true },
  ],
};

/** Any event of the kind, mostly with names of what the machine has, some of what it lacks. */
function anyEvent(kind: EventKind, draw: (n: number) => number): MachineEvent {
  const number = (): number => draw(9) - 2;
  const small = { cpu: number(), task: number(), group: number(), vm: number(), vcpu: number(), to: number() };
  const zero = { vruntime: '0', deadline: '0', vlag: '0', target: number() };
  const values = {
    ns: number(),
    nice: number(),
    shares: number(),
    policy: 0,
    slice: 0,
    priority: 0,
    pin: 0,
    level: 0,
    ...zero,
  };
  const guest = { vector: 0x31, low: 0x31, dest: 0, cpl: 3, on: true, nr: 5, a0: 0, a1: 0, a2: 0, a3: 0 };
  const of = { ev: 'enter', vcpu: 0 };
  return {
    ev: kind,
    ...small,
    ...values,
    ...guest,
    name: 'LAZY',
    value: 1,
    msr: 0x10,
    high: 0,
    reg: 0x80,
    of,
    other: of,
  } as unknown as MachineEvent;
}

const asIs = (m: machine): string => JSON.stringify({ ...m, steps: 0 });

describe('the table of events', () => {
  it('leaves the machine alone where an event is not legal', () => {
    const m = boot(linux_6_12, guests);
    const k = bind(linux_6_12, m);
    const kinds = (Object.keys(eventTable) as EventKind[]).filter((kind) => kind !== 'knob');
    const illegal = new Map<EventKind, number>();
    let state = 1;
    const draw = (n: number): number => {
      state = nextRng(state);
      return state % n;
    };
    for (let i = 0; i < 1500; i++) {
      const event = anyEvent(kinds[draw(kinds.length)], draw);
      if (legal(m, event)) {
        apply(k, event);
        continue;
      }
      const before = asIs(m);
      apply(k, event);
      expect(asIs(m), JSON.stringify(event)).toBe(before);
      illegal.set(event.ev, (illegal.get(event.ev) ?? 0) + 1);
    }
    expect([...illegal.keys()].sort()).toEqual(kinds.sort());
  });

  it('wakes a runnable task in vain, as try_to_wake_up() does: its interrupt still makes a guest exit', () => {
    const m = boot(linux_6_12, guests);
    const k = bind(linux_6_12, m);
    const exits = m.vcpu.map((vcpu) => vcpu.stat.exits);
    const hog = m.task.findIndex((p) => p.comm === 'hog');
    const wake = { ev: 'wake', cpu: 0, task: hog } as const;
    expect(legal(m, wake)).toBe(true);
    const before = JSON.stringify(m.task[hog]);
    apply(k, wake);
    expect(JSON.stringify(m.task[hog])).toBe(before);
    expect(m.vcpu.map((vcpu) => vcpu.stat.exits)).not.toEqual(exits);
  });

  it('moves a task into another group that exists only, as cgroup_migrate_prepare_dst() does', () => {
    const m = boot(linux_6_12, guests);
    const task = m.task.findIndex((p) => p.comm === 'hog');
    const into = [-1, 0, 1, 2].map((group) => legal(m, { ev: 'move', cpu: 0, task, group }));
    expect(into).toEqual([false, false, true, false]);
  });
});
