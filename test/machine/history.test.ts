// SPDX-License-Identifier: GPL-2.0-only
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bigintAsText } from '../../src/base/stable-json.js';
import { boot } from '../../src/machine/boot.js';
import { History } from '../../src/machine/history.js';
import { nextEvent } from '../../src/machine/next-event.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

const scenario = namedScenario('ipi-to-halted') as Scenario;

/** Tasks come and go, guests sleep: lists grow and shrink, values that are no numbers change. */
const lively: Scenario = {
  cpus: 2,
  vruntime_offset: '18446744073709000000',
  vms: [
    {
      name: 'vm',
      vcpus: 3,
      programs: [[{ op: 'ipi', to: 1, vector: 0xf1 }, { op: 'waitAck' }, { op: 'compute', ns: 30_000 }]],
    },
  ],
  tasks: [
    {
      comm: 't',
      program: [
        { op: 'compute', ns: 90_000 },
        { op: 'sleep', ns: 50_000 },
      ],
    },
  ],
};

/** A run of `n` events, with the state after each as text. */
function recorded(n: number, distance: number): { history: History; states: string[] } {
  const history = new History(linux_6_12, boot(linux_6_12, scenario), distance);
  const states = [JSON.stringify(history.machine)];
  for (let i = 0; i < n; i++) {
    history.do(nextEvent(history.machine) as MachineEvent);
    states.push(JSON.stringify(history.machine));
  }
  return { history, states };
}

describe('history', () => {
  it('goes to any position, forwards and backwards, and finds the state that was there', () => {
    const { history, states } = recorded(200, 16);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 210 }), { minLength: 1, maxLength: 8 }), (positions) => {
        for (const position of positions) {
          const at = history.seek(position);
          expect(at).toBe(Math.max(0, Math.min(200, position)));
          expect(JSON.stringify(history.machine)).toBe(states[at]);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('forgets what lay ahead when something else happens', () => {
    const { history, states } = recorded(50, 8);
    history.seek(20);
    history.do({ ev: 'advance', ns: 1 });
    expect(history.length).toBe(21);
    history.seek(20);
    expect(JSON.stringify(history.machine)).toBe(states[20]);
    expect(history.lastEvent).not.toEqual({ ev: 'advance', ns: 1 });
  });

  it('makes its snapshots as near as their size lets them be, and finds the same states from them', () => {
    const run = (distance: number | null): string[] => {
      const history = new History(linux_6_12, boot(linux_6_12, lively), distance);
      for (let i = 0; i < 600; i++) history.run(nextEvent(history.machine) as MachineEvent);
      // from far to near and back again, so that each is restored
      return [599, 3, 400, 96, 550, 48, 47, 301, 0, 600].map((to) => {
        history.seek(to);
        return JSON.stringify(history.machine, bigintAsText);
      });
    };
    expect(run(null)).toEqual(run(1_000_000));
  });

  it('keeps events that say the same once', () => {
    const history = new History(linux_6_12, boot(linux_6_12, scenario));
    history.run({ ev: 'advance', ns: 5 });
    const first = history.lastEvent;
    history.run({ ev: 'advance', ns: 6 });
    expect(history.lastEvent).toEqual({ ev: 'advance', ns: 6 });
    history.run({ ev: 'advance', ns: 5 });
    expect(history.lastEvent).toBe(first);
  });

  it('does not touch the machine it began with', () => {
    const start = boot(linux_6_12, scenario);
    const before = JSON.stringify(start);
    const history = new History(linux_6_12, start, 4);
    for (let i = 0; i < 20; i++) history.do(nextEvent(history.machine) as MachineEvent);
    expect(JSON.stringify(start)).toBe(before);
  });
});
