// SPDX-License-Identifier: GPL-2.0-only
/** Named scenarios of guests whose kernels give CPUs back while time is stolen from them: for steal-governor. */
import type { Scenario, TaskSpec, VmSpec } from './scenario.js';

const US = 1_000;
const MS = 1_000_000;

/** Workers that sleep now and then, so that wake-ups place them. */
const workers = (n: number): TaskSpec[] =>
  [...Array(n).keys()].map((i) => ({
    comm: `worker${i}`,
    starts: i % 2,
    program: [
      { op: 'compute', ns: (4_000 + 300 * i) * US },
      { op: 'sleep', ns: (300 + 50 * i) * US },
    ],
  }));

/** Two vCPUs; the second guest's lie the other way round, so that what both prefer is not the same CPU of the host. */
const guest = (i: number, tasks: TaskSpec[], governor: boolean): VmSpec => ({
  ...{ name: `vm${i}`, vcpus: 2, cpus: i % 2 === 0 ? [[0], [1]] : [[1], [0]] },
  kernel: { tasks, knobs: { steal_governor: Number(governor), interval_ms: 100 } },
});

const scenario = (name: string, says: string, vms: VmSpec[]) => ({ name, says, cpus: 2, vms, until: 600 * MS });

export const governorCatalogue: readonly (Scenario & { name: string; says: string })[] = [
  scenario('governor-all', 'two guests of two vCPUs on two CPUs; both run the steal governor', [
    guest(0, workers(2), true),
    guest(1, workers(2), true),
  ]),
  scenario('governor-one', 'the same; the second guest does not run it', [
    guest(0, workers(2), true),
    guest(1, workers(2), false),
  ]),
  scenario(
    'governor-oscillates',
    'the same; the first guest has more to do than one CPU gives, and takes its second back',
    [guest(0, workers(4), true), guest(1, workers(1), true)],
  ),
  scenario('governor-affinity', 'the same; a task of each guest is bound to the vCPU that its governor gives back', [
    guest(0, [...workers(2), { comm: 'bound', cpus: [1] }], true),
    guest(1, [...workers(2), { comm: 'bound', cpus: [1] }], true),
  ]),
];
