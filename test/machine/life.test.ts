// SPDX-License-Identifier: GPL-2.0-only
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, createActor, createMachine, initialTransition, transition } from 'xstate';
import type { LifeConfig, LifeTable } from '../../src/machine/life-table.js';
import { vcpuLife, vcpuLifeConfig } from '../../src/machine/vcpu-life.js';

const lives = [
  {
    name: 'vcpu',
    table: vcpuLife as unknown as LifeTable<string, string>,
    config: vcpuLifeConfig as unknown as LifeConfig<string, string>,
    machine: createMachine(vcpuLifeConfig as never) as AnyStateMachine,
  },
];

describe.each(lives)('life of $name', ({ table, config, machine }) => {
  const events = [...new Set(Object.values(config.states).flatMap((s) => Object.keys(s.on)))];

  it('the table and transition() agree on every sequence of events', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 30 }), (sequence) => {
        let [snapshot] = initialTransition(machine);
        let state = table.initial;
        for (const event of sequence) {
          [snapshot] = transition(machine, snapshot, { type: event });
          state = table.next(state, event) ?? state;
          expect(snapshot.value).toBe(state);
        }
      }),
    );
  });

  it('every state is reachable and none is a trap', () => {
    const seen = new Set<string>([table.initial]);
    for (const state of seen) for (const event of events) seen.add(table.next(state, event) ?? state);
    expect([...seen].sort()).toEqual([...table.states].sort());
    for (const state of table.states) expect(Object.keys(config.states[state].on).length).toBeGreaterThan(0);
  });

  it('runs as an actor', () => {
    const actor = createActor(machine).start();
    expect(actor.getSnapshot().value).toBe(table.initial);
  });
});
