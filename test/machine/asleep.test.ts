// SPDX-License-Identifier: GPL-2.0-only
/** Tasks that a scenario starts asleep: as if they had been forked, woken as new, and gone to sleep at once. */
import { expect, it } from 'vitest';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import { kernelByName } from '../../src/series/registry.js';

const scenario = {
  cpus: 4,
  groups: [{ name: 'g' }],
  tasks: [
    { comm: 'busy', cpus: [0] },
    ...[0, 1, 2].map((i) => ({ comm: `asleep${i}`, group: 'g', asleep: true })),
    { comm: 'nice', group: 'g', asleep: true, nice: -5 },
  ],
};

it.each(['v6.12.117', 'v6.19-rc1', 'v6.19'])('%s: one that wakes on another CPU has a load with a sum', (name) => {
  const kernel = kernelByName(name);
  const m = boot(kernel, scenario);
  const asleep = m.task.filter((p) => /asleep|nice/.test(p.comm));
  for (const p of asleep) expect([p.on_rq, m.se[p.se].on_rq, p.__state]).toEqual([0, 0, 1]);
  drive(kernel, m, [
    { ev: 'advance', ns: 4_000_000 },
    { ev: 'tick', cpu: 0 },
    ...asleep.map((p, i) => ({ ev: 'wake', cpu: i, task: p.id }) as const),
    { ev: 'advance', ns: 1_000_000 },
  ]);
  expect(m.warns).toBe(0);
  expect(new Set(asleep.map((p) => p.cpu)).size).toBeGreaterThan(1);
});
