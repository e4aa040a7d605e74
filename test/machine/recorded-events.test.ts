// SPDX-License-Identifier: GPL-2.0-only
/** Events of imported runs leave a machine that holds together, whatever else happens to it. */
import { describe, expect, it } from 'vitest';
import { toBigInt, toNumber } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { legal } from '../../src/machine/event-table.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { nextRng, seedRng } from '../../src/machine/rng.js';
import type { machine } from '../../src/machine/state.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind } from '../../src/vmlinux/bind.js';

const scenario: Scenario = {
  cpus: 2,
  eager: false,
  groups: [{ name: 'g' }],
  tasks: [
    { comm: 'a', pid: 7001 },
    { comm: 'b', nice: 5, group: 'g' },
    { comm: 'c', asleep: true, group: 'g' },
    { comm: 'd', asleep: true },
    { comm: 'e', unborn: true },
    { comm: 'f', unborn: true, nice: -5 },
    { comm: 'r', asleep: true, policy: 'fifo', rt_priority: 10 },
  ],
};

function anEvent(m: machine, draw: (n: number) => number): MachineEvent {
  const cpu = draw(2);
  const task = 2 + draw(m.task.length - 2);
  const target = draw(2);
  const se = m.se[m.task[task].se];
  const near = (value: bigint): string => String(BigInt.asIntN(64, value + BigInt(draw(4_000_000) - 2_000_000)));
  const made: readonly (() => MachineEvent)[] = [
    () => ({ ev: 'advance', ns: draw(3_000_000) }),
    () => ({ ev: 'tick', cpu }),
    () => ({ ev: 'wake', cpu, task, target }),
    () => ({ ev: 'block', cpu, state: (['S', 'D', 'I', 'T', 'P'] as const)[draw(5)] }),
    () => ({ ev: 'resched', cpu }),
    () => ({ ev: 'fork', cpu, task, target }),
    () => ({ ev: 'migrate', cpu, task, target }),
    () => ({ ev: 'requeue', cpu, task, move: draw(2) === 0 }),
    () => ({ ev: 'switch', cpu, task: draw(5) === 0 ? m.rq[cpu].idle : task }),
    () => ({ ev: 'need_resched', cpu, on: draw(2) === 0 }),
    () => ({ ev: 'ran', cpu, ns: draw(1_000_000) }),
    () => {
      const vruntime = near(toBigInt(se.vruntime));
      const deadline = String(BigInt.asIntN(64, BigInt(vruntime) + 700_000n));
      return { ev: 'place', task, vruntime, deadline, vlag: String(draw(1000)), delayed: draw(4) === 0 };
    },
  ];
  return made[draw(made.length)]();
}

describe('events of imported runs', () => {
  it('keep every structure of the scheduler', () => {
    const m = boot(linux_6_12, scenario);
    const k = bind(linux_6_12, m);
    let state = seedRng(3);
    const draw = (n: number): number => {
      state = nextRng(state);
      return state % n;
    };
    const done = new Map<string, number>();
    for (let i = 0; i < 3000; i++) {
      const event = anEvent(m, draw);
      if (!legal(m, event)) continue;
      apply(k, event);
      done.set(event.ev, (done.get(event.ev) ?? 0) + 1);
      expect(checkSched(m), `${i} ${JSON.stringify(event)}`).toEqual([]);
    }
    for (const kind of ['fork', 'migrate', 'requeue', 'switch', 'need_resched', 'ran', 'place', 'wake', 'block'])
      expect(done.get(kind) ?? 0, kind).toBeGreaterThan(kind === 'fork' ? 1 : 20);
    expect(m.task.find((p) => p.comm === 'a')?.pid).toBe(7001);
  });

  it('`ran` makes the next update count just so long, `switch` picks nobody else', () => {
    const m = boot(linux_6_12, { ...scenario, cpus: 1 });
    const k = bind(linux_6_12, m);
    const b = m.task.findIndex((p) => p.comm === 'b');
    apply(k, { ev: 'switch', cpu: 0, task: b });
    expect(m.rq[0].curr).toBe(b);
    apply(k, { ev: 'advance', ns: 1000 });
    const before = toNumber(m.se[m.task[b].se].sum_exec_runtime);
    apply(k, { ev: 'ran', cpu: 0, ns: 77_000 });
    apply(k, { ev: 'tick', cpu: 0 });
    expect(toNumber(m.se[m.task[b].se].sum_exec_runtime) - before).toBe(77_000);
  });
});
