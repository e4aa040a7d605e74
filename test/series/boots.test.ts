// SPDX-License-Identifier: GPL-2.0-only
/** A18: each patch builds and boots. Every kernel of the registry runs VMs, and its structures stay whole. */
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/machine/boot.js';
import { checkKvm } from '../../src/machine/invariants-kvm.js';
import { checkSched } from '../../src/machine/invariants-sched.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { pin, prefixes, seriesKernel } from '../../src/series/registry.js';
import { bind, type Kernel } from '../../src/vmlinux/bind.js';
import { simulate } from '../bench/simulate.js';
import { seriesOf } from './series-of.js';

const scenarios = ['lock-2to1', 'ipi-2to1', 'ar7-two-groups', 'timer-halts', 'nice-mix'];

function run(kernel: Kernel, name: string): { events: number; faults: string[]; warns: number } {
  const scenario = namedScenario(name) as Scenario;
  const m = boot(kernel, scenario);
  const k = bind(kernel, m);
  const faults: string[] = [];
  let n = 0;
  const events = simulate(k, 60_000_000, 1500, () => {
    if (n++ % 50 === 0) faults.push(...checkSched(m), ...checkKvm(m));
  });
  return { events, faults, warns: m.warns };
}

const kernels = [
  pin,
  ...prefixes(seriesOf('semantics-aware-v2')),
  ...['yield-hierarchy', 'yield-hierarchy-weighted', 'pre-forfeit'].map((id) => seriesKernel(seriesOf(id))),
];

describe.each(kernels.map((kernel) => [kernel.name, kernel] as const))('%s', (_name, kernel) => {
  it.each(scenarios)('runs %s', (name) => {
    const { events, faults, warns } = run(kernel, name);
    expect(faults).toEqual([]);
    expect(warns).toBe(0);
    expect(events).toBeGreaterThan(100);
  });
});
