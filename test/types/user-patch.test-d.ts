// SPDX-License-Identifier: GPL-2.0-only
/** What a series may and may not say, as the compiler sees it. */
import { describe, expectTypeOf, it } from 'vitest';
import { add, defineSeries, type Patch, type rq, type Series, u64, type vmlinux } from '../../src/index.js';

const about = { id: 'x', title: 'x', base: 'v6.12.117' };

describe('a series', () => {
  it('overrides with the signature of the base', () => {
    const series = defineSeries({
      ...about,
      patches: [
        {
          subject: 's',
          funcs: {
            yield_task_fair(this: vmlinux, rq: rq): void {
              this.update_rq_clock(rq);
            },
          },
        },
      ],
    });
    expectTypeOf(series).toExtend<Series>();
  });

  it('adds functions, and overrides may call them', () => {
    interface Adds {
      half(x: number): number;
    }
    defineSeries({ ...about, patches: [{ subject: 's', adds: { half: (x: number): number => x >> 1 } }] });
    defineSeries<Adds>({
      ...about,
      patches: [
        {
          subject: 's',
          adds: { half: (x: number): number => x >> 1 },
          funcs: {
            yield_task_fair(this: vmlinux & Adds, rq: rq): void {
              rq.yld_count = this.half(rq.yld_count);
            },
          },
        },
      ],
    });
  });

  it('does not override with another signature', () => {
    type Funcs = NonNullable<Patch['funcs']>;
    const yield_task_fair = (_this: string): void => {};
    // @ts-expect-error [ts2322] -- a parameter of another type
    const _parameter: Funcs = { yield_task_fair };
    const task_fork_fair = (): string => '';
    // @ts-expect-error [ts2322] -- a result of another type
    const _result: Funcs = { entity_eligible: task_fork_fair };
    // @ts-expect-error [ts2353] -- the base has no such function
    const _unknown: Funcs = { yield_task_fairr: task_fork_fair };
  });

  it('computes only with the operations of u64', () => {
    expectTypeOf(add(u64(1), u64(2))).toEqualTypeOf<u64>();
    // @ts-expect-error [ts2345] -- a number is no u64
    add(u64(1), 2);
    // @ts-expect-error [ts2469] -- + is not defined for u64
    u64(1) + u64(2);
  });
});
