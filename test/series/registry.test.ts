// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { link } from '../../src/series/link.js';
import { functionExpected } from '../../src/series/pieces.js';
import {
  type AnySeries,
  allSeries,
  findSeries,
  kernelByName,
  pin,
  prefixes,
  seriesIds,
  seriesKernel,
} from '../../src/series/registry.js';
import { SeriesError, type SeriesFault } from '../../src/series/series.js';
import { seriesOf } from './series-of.js';

const faultsOf = (run: () => unknown): readonly SeriesFault[] => {
  try {
    run();
  } catch (e) {
    if (e instanceof SeriesError) return e.faults;
    throw e;
  }
  return [];
};

describe('kernels by name', () => {
  it('knows the pin and the release by their own names', () => {
    expect(kernelByName('v6.12.117')).toBe(pin);
    expect(kernelByName('v6.19-rc1').name).toBe('v6.19-rc1');
    expect(kernelByName('v6.19-rc1').table['__pick_eevdf']).toBeTypeOf('function');
    expect(pin.table['__pick_eevdf']).toBeUndefined();
  });

  it('takes what a series was rebased to on the kernel that it was rebased onto, and on no other', () => {
    const kernel = kernelByName('v6.5+pvsched-v1');
    expect(kernel.rebased).toBeUndefined();
    expect(kernel.table['enqueue_task']).not.toBe(kernelByName('pvsched-v1').table['enqueue_task']);
    expect(kernel.table['pick_next_task']).toBe(kernelByName('pvsched-v1').table['pick_next_task']);
    // before the patch that has it, the base's own
    expect(kernelByName('v6.5+pvsched-v1~6').table['enqueue_task']).toBe(kernelByName('v6.5').table['enqueue_task']);
    expect(faultsOf(() => kernelByName('v6.1+pvsched-v1'))[0].expected).toMatch(/the same enqueue_task$/);
  });

  it('links a prefix once, and calls it by its name', () => {
    const kernel = kernelByName('v6.19-rc1+semantics-aware-v2~5');
    expect(kernel.name).toBe('v6.19-rc1+semantics-aware-v2~5');
    expect(kernelByName('v6.19-rc1+semantics-aware-v2~5')).toBe(kernel);
    expect(kernel.table['yield_to_deboost']).toBeTypeOf('function');
    expect(kernel.table['kvm_track_ipi_communication']).toBeUndefined();
  });

  it('takes a series alone for what it makes of its base', () => {
    expect(kernelByName('semantics-aware-v2~2')).toBe(kernelByName('v6.19-rc1+semantics-aware-v2~2'));
    expect(kernelByName('pre-forfeit').name).toBe('v6.19-rc1+pre-forfeit');
  });

  it('puts series on top of one another', () => {
    const kernel = kernelByName('v6.19-rc1+pre-forfeit+semantics-aware-v2');
    expect(kernel.name).toBe('v6.19-rc1+pre-forfeit+semantics-aware-v2');
    expect(kernel.table['yield_task_fair']).toBe(kernelByName('pre-forfeit').table['yield_task_fair']);
    expect(kernel.table['yield_to_task_fair']).toBe(kernelByName('semantics-aware-v2').table['yield_to_task_fair']);
  });

  it('carries knobs and feature defaults along', () => {
    expect(kernelByName('v6.19-rc1').sched_feat).toEqual({ NEXT_BUDDY: true });
    expect(Object.keys(kernelByName('semantics-aware-v2~1').knobs ?? {})).toEqual([
      'preempt',
      'vcpu_debooster_enabled',
    ]);
    expect(pin.knobs).toBeUndefined();
  });

  it('has every series linked without a fault', () => {
    for (const series of allSeries)
      expect(
        faultsOf(() => seriesKernel(series)),
        series.id,
      ).toEqual([]);
  });

  it('has every series under an id of its own', () => {
    expect(new Set(seriesIds()).size).toBe(allSeries.length);
    for (const id of seriesIds()) expect(findSeries(id)?.id).toBe(id);
    expect(findSeries('no-such')).toBeNull();
  });
});

describe('names that are wrong', () => {
  it('suggests the nearest id', () => {
    const [fault] = faultsOf(() => kernelByName('v6.19-rc1+semantic-aware-v2'));
    expect(fault).toMatchObject({ code: 'series-unknown', got: 'semantic-aware-v2' });
    expect(fault.expected).toContain('perhaps semantics-aware-v2');
    expect(faultsOf(() => kernelByName('yield-hierachy'))[0].expected).toContain('perhaps yield-hierarchy');
  });

  it('refuses prefixes that are none', () => {
    expect(faultsOf(() => kernelByName('semantics-aware-v2~99'))[0]).toMatchObject({ code: 'prefix-range', got: '99' });
    expect(faultsOf(() => kernelByName('semantics-aware-v2~x'))[0]).toMatchObject({ code: 'prefix-range', got: 'x' });
    expect(faultsOf(() => kernelByName('semantics-aware-v2~'))[0]).toMatchObject({
      code: 'prefix-range',
      got: 'nothing',
    });
  });

  it('refuses a series on a kernel it was not made for', () => {
    expect(faultsOf(() => kernelByName('v6.12.117+semantics-aware-v2'))[0]).toMatchObject({
      code: 'base-unknown',
      got: 'v6.12.117',
    });
    const mine: AnySeries = { ...seriesOf('pre-forfeit'), id: 'mine', base: 'v6.91-rc1' };
    const [fault] = faultsOf(() => seriesKernel(mine));
    expect(fault).toMatchObject({ code: 'base-unknown', place: 'base', got: 'v6.91-rc1' });
    expect(fault.expected).toContain('perhaps v6.19-rc1');
  });
});

describe('a series on another kernel than its base', () => {
  it('applies where what it replaces is the same, and says so', () => {
    const kernel = kernelByName('v6.19+semantics-aware-v2~5');
    expect(kernel.name).toBe('v6.19+semantics-aware-v2~5');
    expect(kernel.rebased).toBe('semantics-aware-v2 was made for v6.19-rc1');
    expect(kernelByName('v6.19-rc1+semantics-aware-v2~5').rebased).toBeUndefined();
  });

  it('is refused where it is not, with the functions that differ', () => {
    const [fault] = faultsOf(() => kernelByName('v6.12.117+semantics-aware-v2'));
    expect(fault.expected).toMatch(/or a kernel with the same \w+/);
  });
});

describe('what a series removes', () => {
  const none = { id: 'less', title: 'less', base: pin.name };
  it('is gone, or has other parameters', () => {
    const removes = ['yield_task_fair', 'pick_next_entity'] as const;
    const pick_next_entity = (_one: number) => null;
    const series = { ...none, patches: [{ subject: 'less', removes, adds: { pick_next_entity } }] };
    const { table } = link(pin, series as unknown as AnySeries as never);
    expect(table['yield_task_fair']).toBeUndefined();
    expect(table['pick_next_entity']).toBe(pick_next_entity);
    expect(pin.table['yield_task_fair']).toBeTypeOf('function');
  });

  it('is there before', () => {
    const series = { ...none, patches: [{ subject: 'less', removes: ['yield_task_fare'] }] };
    expect(faultsOf(() => link(pin, series as unknown as AnySeries as never))).toEqual([
      {
        code: 'remove-unknown',
        place: 'patches[0].removes',
        expected: 'a function of the base, perhaps yield_task_fair',
        got: 'yield_task_fare',
      },
    ]);
  });
});

describe('prefixes', () => {
  it('equal the tables composed by hand', () => {
    const series = seriesOf('semantics-aware-v2');
    const kernels = prefixes(series);
    expect(kernels).toHaveLength(series.patches.length + 1);
    const table: Record<string, unknown> = { ...kernelByName('v6.19-rc1').table };
    expect(kernels[0]).toBe(kernelByName('v6.19-rc1'));
    series.patches.forEach((patch, i) => {
      Object.assign(table, patch.adds, patch.funcs);
      expect(kernels[i + 1].table, kernels[i + 1].name).toEqual(table);
      expect(kernels[i + 1].name).toBe(
        `v6.19-rc1+semantics-aware-v2${i + 1 < series.patches.length ? `~${i + 1}` : ''}`,
      );
    });
  });

  it('leave the base as it was', () => {
    const before = { ...kernelByName('v6.19-rc1').table };
    prefixes(seriesOf('semantics-aware-v2'));
    expect(kernelByName('v6.19-rc1').table).toEqual(before);
    expect(Object.isFrozen(kernelByName('v6.19-rc1').table)).toBe(true);
  });
});

describe('linking a series that is wrong', () => {
  const base = kernelByName('v6.19-rc1');
  const wrong = (patches: unknown[]): readonly SeriesFault[] =>
    faultsOf(() => link(base, { id: 'wrong', title: '', base: base.name, patches } as never));

  it('names the pieces of a function that is split', () => {
    expect(functionExpected('vcpu_go', ['vcpu_goOn', 'vcpu_goOut', 'vcpu_gone'])).toBe(
      'a piece of vcpu_go(), which is split: vcpu_goOn, vcpu_goOut',
    );
  });

  it('reports every fault with its place', () => {
    expect(
      wrong([
        { subject: 'a', funcs: { yield_task_fare() {}, yield_task_fair() {} } },
        { subject: 'b', adds: { update_curr() {} }, funcs: { pick_eevdf: 3 } },
      ]),
    ).toEqual([
      {
        code: 'override-unknown',
        place: 'patches[0].funcs.yield_task_fare',
        expected: 'a function of the base, perhaps yield_task_fair',
        got: 'yield_task_fare',
      },
      {
        code: 'override-signature',
        place: 'patches[0].funcs.yield_task_fair',
        expected: '1 parameter',
        got: '0 parameters',
      },
      { code: 'not-a-function', place: 'patches[1].funcs.pick_eevdf', expected: 'a function', got: 'number' },
      {
        code: 'adds-existing',
        place: 'patches[1].adds.update_curr',
        expected: 'a name that the base lacks',
        got: 'update_curr, which it has: use funcs',
      },
    ]);
  });

  it('refuses a series without patches, and a prefix out of range', () => {
    expect(wrong([])[0]).toMatchObject({ code: 'empty', place: 'patches' });
    expect(faultsOf(() => link(base, seriesOf('pre-forfeit') as never, -1))[0].code).toBe('prefix-range');
    expect(faultsOf(() => link(base, seriesOf('pre-forfeit') as never, 1.5))[0].code).toBe('prefix-range');
  });

  it('names nothing near when nothing is', () => {
    const [fault] = wrong([{ subject: 'a', funcs: { entirely_something_else_here() {} } }]);
    expect(fault.expected).toBe('a function of the base');
  });
});
