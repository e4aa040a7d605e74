// SPDX-License-Identifier: GPL-2.0-only
/** What the benchmark runs: operation streams for the scheduler loop, and machines for the drivers. */

import { nextRng } from '../../src/machine/rng.js';
import { type Operation, operation } from '../../src/operation/sched.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario, TaskSpec } from '../../src/scenario/scenario.js';

/** One CPU, `n` entities: mostly ticks, then wake-ups, sleeps and some renicing. */
export function schedulerLoop(n: number, length: number): { setup: Operation[]; ops: Operation[] } {
  const setup = [operation('BASE_SLICE', { a: 700_000 })];
  for (let i = 0; i < n; i++) setup.push(operation('FORK', { a: (i % 5) - 2, b: 0, cpu: 0 }));
  setup.push(operation('SCHEDULE'));
  const ops: Operation[] = [];
  let rng = 12345;
  while (ops.length < length) {
    rng = nextRng(rng);
    const dice = rng % 100;
    rng = nextRng(rng);
    const id = rng % n;
    if (dice < 57) ops.push(operation('ADVANCE', { a: 1_000_000 }), operation('TICK'), operation('RESCHED'));
    else if (dice < 67) ops.push(operation('BLOCK', { a: 1 }));
    else if (dice < 97) ops.push(operation('WAKE', { id }), operation('RESCHED'));
    else ops.push(operation('NICE', { id, a: (rng >>> 8) % 7 }), operation('RESCHED'));
  }
  return { setup, ops: ops.slice(0, length) };
}

/** The same mix as events of a machine that reschedules by itself. */
export function machineLoop(n: number, length: number): { scenario: Scenario; events: MachineEvent[] } {
  const events: MachineEvent[] = [];
  let rng = 12345;
  while (events.length < length) {
    rng = nextRng(rng);
    const dice = rng % 100;
    rng = nextRng(rng);
    const task = 1 + (rng % n);
    if (dice < 57) events.push({ ev: 'advance', ns: 1_000_000 }, { ev: 'tick', cpu: 0 });
    else if (dice < 67) events.push({ ev: 'block', cpu: 0 });
    else if (dice < 97) events.push({ ev: 'wake', cpu: 0, task });
    else events.push({ ev: 'nice', cpu: 0, task, nice: (rng >>> 8) % 7 });
  }
  const tasks = Array.from({ length: n }, (_, i) => ({ comm: `t${i}`, nice: (i % 5) - 2 }));
  return { scenario: { cpus: 1, hz: 1000, base_slice: 700_000, tasks }, events: events.slice(0, length) };
}

const eight: TaskSpec[] = Array.from({ length: 8 }, (_, i) => ({
  comm: `t${i}`,
  nice: (i % 5) - 2,
  program: [
    { op: 'compute' as const, ns: 40_000 + 3_000 * i },
    { op: 'sleep' as const, ns: 100_000 + 7_000 * i },
  ],
}));

/** 8 tasks that work and sleep on 4 CPUs; and the same in a guest of 4 vCPUs, a machine within a machine. */
export const hostAlone: Scenario = { cpus: 4, hz: 1000, tasks: eight };
export const guestInHost: Scenario = {
  cpus: 4,
  hz: 1000,
  vms: [{ name: 'vm', vcpus: 4, cpus: [[0], [1], [2], [3]], kernel: { tasks: eight } }],
};

/** 2 VMs x 8 vCPUs on 8 CPUs, waiting for each other's locks and interrupts. */
export const twoVms: Scenario = {
  cpus: 8,
  vms: ['a', 'b'].map((name) => ({
    name,
    vcpus: 8,
    cpus: [0, 1, 2, 3, 4, 5, 6, 7].map((cpu) => [cpu]),
    programs: Array.from({ length: 8 }, (_, i) => [
      { op: 'compute' as const, ns: 20_000 + 1000 * i },
      { op: 'lock' as const, lock: 0 },
      { op: 'compute' as const, ns: 5_000 },
      { op: 'unlock' as const, lock: 0 },
      { op: 'ipi' as const, to: (i + 1) % 8, vector: 0xf1 },
      { op: 'waitAck' as const },
    ]),
  })),
};
