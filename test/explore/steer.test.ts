// SPDX-License-Identifier: GPL-2.0-only
/** Events are spent where a patch is. */
import { expect, it } from 'vitest';
import { anyOrder } from '../../properties/families/worlds.js';
import { everyWorld, worldOf } from '../../properties/lapic/worlds.js';
import { always, type World } from '../../properties/vocabulary.js';
import { machineEngine as engine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { steered, steerOf } from '../../src/explore/steer.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';

/** Reached by every event that gets to the function. */
const reaching = (given: World, name: string) =>
  always('the function is left alone', {
    of: 'steer.1',
    given,
    watch: () => ({ probes: { [name]: { enter: (step) => step.reach() } } }),
    fault: { says: 'nothing', funcs: {} },
  });

it.each([
  ['nice of host tasks', anyOrder('0'), 'reweight_task_fair', 'nice', 1.5],
  ['IPIs of local APICs', worldOf(everyWorld), 'kvm_apic_send_ipi', 'write_icr', 1.5],
] as const)('draws more %s for a patch of theirs', (_, world, name, kind, times) => {
  const property = reaching(world, name);
  const steer = steerOf(engine, linux_6_12, property, [name], 1);
  expect(steer?.[kind]).toBeGreaterThan(4);
  expect(steerOf(engine, linux_6_12, property, [name], 1)).toEqual(steer);
  const reached = (asked: typeof property): number =>
    runRandom({ engine, kernel: linux_6_12, property: asked, seed: 1, runs: 30, events: 2_000 }).reached;
  expect(reached(steered(property, steer ?? {}))).toBeGreaterThan(times * reached(property));
});

it('leaves a world as it is where every event gets there or none does', () => {
  for (const name of ['no_such_function', 'pick_next_task_nowhere'])
    expect(steerOf(engine, linux_6_12, reaching(anyOrder('0'), name), [name], 1)).toBeNull();
});
