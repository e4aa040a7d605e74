// SPDX-License-Identifier: GPL-2.0-only
/** Scenarios drawn at random, for properties of every subject. `map` only: a draw that depends on a draw shrinks badly. */
import { type Arbitrary, constantFrom, integer, record } from 'fast-check';
import type { Program } from '../src/guest/instructions.js';
import type { GroupSpec, Scenario, TaskSpec } from '../src/scenario/scenario.js';

export const US = 1_000;
export const MS = 1_000_000;

/** ns: sysctl_sched_base_slice of a machine of eight CPUs and more, whatever number of CPUs the model gives it. */
export const BIG_MACHINE_SLICE = 2_800_000;
/**
 * Virtual clocks that start a second past the wrap at 2^64. A cfs_rq starts 2^20 ns below it, so without this the first
 * millisecond of every run is special; what happens there has properties of its own.
 */
export const FAR_FROM_WRAP = '1000000000';

/** CONFIG_HZ as distributions set it; the most usual first, for shrinking */
export const hz: Arbitrary<number> = constantFrom(250, 1000, 100);

/** ns that a spinner spins, or a holder holds: a PLE window's worth to a few ticks */
export const burst: Arbitrary<number> = constantFrom(50, 20, 100, 300, 700, 1_500, 3_000, 5_000).map((us) => us * US);

/** Where tasks live: the root group, siblings, or deep; by name. */
export type Layout = 'flat' | 'oneGroup' | 'groups' | 'nested';

/** The groups of a layout, and the group of its i-th task. */
export function layoutGroups(
  layout: Layout,
  tasks: number,
): { groups: GroupSpec[]; of(i: number): string | undefined } {
  switch (layout) {
    case 'flat':
      return { groups: [], of: () => undefined };
    case 'oneGroup':
      return { groups: [{ name: 'CG0' }], of: () => 'CG0' };
    case 'groups': {
      const groups = [...Array(tasks).keys()].map((i) => ({ name: `CG${i}` }));
      return { groups, of: (i) => `CG${i}` };
    }
    case 'nested': {
      const groups: GroupSpec[] = [{ name: 'VM' }];
      for (let i = 0; i < tasks; i++) groups.push({ name: `CG${i}`, parent: 'VM' });
      return { groups, of: (i) => `CG${i}` };
    }
  }
}

/** A scenario of host tasks on CPU 0 (and up to `cpus`), without programs: events decide. */
export function taskScenarios(options: {
  tasks: { min: number; max: number };
  layouts: readonly Layout[];
  cpus?: readonly number[];
  offset?: string;
  slices?: readonly number[];
  features?: Record<string, boolean>;
}): Arbitrary<Scenario> {
  const { tasks, layouts, cpus = [1], offset = FAR_FROM_WRAP, slices = [BIG_MACHINE_SLICE] } = options;
  return record({
    n: integer(tasks),
    layout: constantFrom(...layouts),
    cpus: constantFrom(...cpus),
    slice: constantFrom(...slices),
    hz,
  }).map((draw) => {
    const { groups, of } = layoutGroups(draw.layout, draw.n);
    const scenario: Scenario = {
      cpus: draw.cpus,
      hz: draw.hz,
      base_slice: draw.slice,
      vruntime_offset: offset,
      tasks: [...Array(draw.n).keys()].map((i) => inGroup({ comm: `T${i}` }, of(i))),
    };
    if (groups.length > 0) scenario.groups = groups;
    if (options.features !== undefined) scenario.features = options.features;
    return scenario;
  });
}

/** A task in a group; in the root group when there is none. */
export function inGroup(task: TaskSpec, group: string | undefined): TaskSpec {
  return group === undefined ? task : { ...task, group };
}

/** Runs for a burst and then yields to the named task, for ever. */
export function spinner(target: string): Arbitrary<Program> {
  return burst.map((ns) => [
    { op: 'compute', ns },
    { op: 'yieldTo', task: target },
  ]);
}

/** Computes for ever, or in bursts with sleeps between. */
export const worker: Arbitrary<Program | undefined> = constantFrom(0, 0, 1, 3).map((sleep): Program | undefined =>
  sleep === 0
    ? undefined
    : [
        { op: 'compute', ns: 4 * MS },
        { op: 'sleep', ns: sleep * MS },
      ],
);
