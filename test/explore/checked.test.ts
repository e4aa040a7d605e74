// SPDX-License-Identifier: GPL-2.0-only
/** In a realm of its own: 64-bit operations that report what UBSan would, with the function that was running. */
import { describe, expect, it } from 'vitest';
import type { Int64Report } from '../../src/lib/int64-checked.js';
import { chooseInt64 } from '../../src/lib/int64-choice.js';

chooseInt64('checked');
const { ask } = await import('../../src/explore/ask.js');
const { runCase } = await import('../../src/explore/case.js');
const { claimsOf, families } = await import('../../properties/claims.js');
const { machineEngine: engine } = await import('../../src/explore/machine-engine.js');
const { overridden } = await import('../series/overridden.js');
const { S64_MAX, s64, s64_add, to_u64 } = await import('../../src/lib/types.js');
const { baseKernel, findSeries, kernelByName, seriesIds, seriesKernel } = await import('../../src/series/registry.js');
const { toyProperty, toyWorld } = await import('./toy.js');

const base = kernelByName('v6.19-rc1');
const scenario = { cpus: 1, tasks: [{ comm: 'A' }, { comm: 'B' }] };
const course = { events: [{ ev: 'yield', cpu: 0 } as const] };

describe('checked 64-bit integers', () => {
  it('tell the monitor what overflowed and in which kernel function', () => {
    const faulty = overridden(base, 'faulty', {
      do_sched_yield(this: { m: { cfs_rq: { zero_vruntime: unknown }[] } }) {
        to_u64(s64_add(S64_MAX, s64(1)));
      },
    });
    const seen: Int64Report[] = [];
    const watch = () => ({ int64: (_: unknown, report: Int64Report) => seen.push(report) });
    const property = toyProperty('always', watch, { int64: 'checked' });
    runCase({ engine, kernel: faulty, scenario, course, property });
    expect(seen).toEqual([
      { kind: 'signed-overflow', op: 's64_add', operands: ['9223372036854775807', '1'], where: 'do_sched_yield' },
    ]);
    seen.length = 0;
    runCase({ engine, kernel: base, scenario, course, property });
    expect(seen).toEqual([]);
  });

  it('are not listened to for a property that does not ask', () => {
    const property = toyProperty('always', () => ({ after: (step) => step.reach() }), { given: { ...toyWorld } });
    expect(runCase({ engine, kernel: base, scenario, course, property }).reached).toBe(1);
  });
});

const own = seriesIds().flatMap((id) => {
  const series = findSeries(id);
  return series === null ? [] : [{ series, claims: claimsOf(id) }];
});
const semanticsAware = findSeries('semantics-aware-v2');
const all = semanticsAware === null ? own : [...own, { series: semanticsAware, claims: families }];
const checked = all.flatMap(({ series, claims }) =>
  claims.flatMap((claim) => claim.properties.filter((p) => p.int64 === 'checked').map((p) => ({ p, series }))),
);

// there may be none, and an empty list is no test
describe.runIf(checked.length > 0)('a planted fault', () => {
  it.each(checked)('is seen: $p.id $p.says', ({ p, series }) => {
    for (const kernel of [seriesKernel(series), baseKernel(series)]) {
      const faulty = overridden(kernel, `${kernel.name} with a fault`, p.fault.funcs);
      const { verdict } = ask(engine, faulty, p, { seed: 1, runs: 200, events: 40_000, states: 2_000, unshrunk: true });
      expect(verdict).toBe(p.word === 'sometimes' ? 'unreachable' : 'refuted');
    }
  });
});
