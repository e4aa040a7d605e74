// SPDX-License-Identifier: GPL-2.0-only
/** What does not compile: overrides of names and signatures that the base lacks, and C's 64 bits in plain operators. */
import { assertType, describe, expectTypeOf, it } from 'vitest';
import { add, lt, s64, s64_lt, to_s64, u64 } from '../../src/lib/types.js';
import { type cfs_rq, deref, type rq, type sched_entity, type task_struct } from '../../src/sched/sched.js';
import { defineSeries } from '../../src/series/series.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

describe('a series', () => {
  it('overrides what the base has, with its signature', () => {
    defineSeries({
      id: 'mine',
      title: '',
      base: 'v6.19-rc1',
      patches: [
        {
          subject: 'one',
          funcs: {
            yield_task_fair(rq) {
              expectTypeOf(rq).toEqualTypeOf<rq>();
              this.update_curr(this.m.cfs_rq[rq.cfs]);
            },
            yield_to_task_fair(rq: rq, p: task_struct): boolean {
              return this.task_rq(p).id === rq.id;
            },
          },
        },
      ],
    });
  });

  it('does not override what the base lacks', () => {
    defineSeries({
      id: 'mine',
      title: '',
      base: 'v6.19-rc1',
      // @ts-expect-error yield_task_fare is no function of the kernel
      patches: [{ subject: 'one', funcs: { yield_task_fare() {} } }],
    });
  });

  it('does not change a signature', () => {
    const about = { id: 'mine', title: '', base: 'v6.19-rc1' };
    const argument = (_rq: string): void => {};
    // @ts-expect-error the argument is a runqueue
    defineSeries({ ...about, patches: [{ subject: 'one', funcs: { yield_task_fair: argument } }] });
    const result = (_rq: rq, _p: task_struct): string => 'yes';
    // @ts-expect-error it says whether it yielded
    defineSeries({ ...about, patches: [{ subject: 'one', funcs: { yield_to_task_fair: result } }] });
    const parameters = (_rq: rq, _force: boolean): void => {};
    // @ts-expect-error there is one parameter
    defineSeries({ ...about, patches: [{ subject: 'one', funcs: { update_rq_clock: parameters } }] });
  });

  it('sees its own additions, and no others', () => {
    interface Adds {
      my_penalty(rq: rq): u64;
    }
    defineSeries<Adds>({
      id: 'mine',
      title: '',
      base: 'v6.19-rc1',
      patches: [
        {
          subject: 'one',
          adds: { my_penalty: (rq) => rq.clock },
        },
        {
          subject: 'two',
          funcs: {
            yield_task_fair(rq) {
              expectTypeOf(this.my_penalty(rq)).toEqualTypeOf<u64>();
              // @ts-expect-error nobody adds it
              this.your_penalty(rq);
            },
            my_penalty: (rq) => rq.clock_task,
          },
          // @ts-expect-error it is not among what the series adds
          adds: { your_penalty: () => u64(1) },
        },
      ],
    });
  });
});

describe('64 bits', () => {
  const a: u64 = u64(1);
  const b: s64 = s64(-1);

  it('are added and compared by name only', () => {
    expectTypeOf(add(a, a)).toEqualTypeOf<u64>();
    expectTypeOf(lt(a, a)).toEqualTypeOf<boolean>();
    // @ts-expect-error no operator
    const sum = a + a;
    // @ts-expect-error no operator
    const less = a < u64(2);
    // @ts-expect-error no operator
    const negative = -b;
    assertType<unknown>([sum, less, negative]);
  });

  it('are not mixed, signed with unsigned or with plain numbers', () => {
    // @ts-expect-error s64 is no u64
    lt(a, b);
    // @ts-expect-error u64 is no s64
    s64_lt(a, b);
    // @ts-expect-error a number is no u64
    add(a, 1);
    expectTypeOf(to_s64(a)).toEqualTypeOf<s64>();
    expectTypeOf<vmlinux_x86['m']['sched_clock']>().toEqualTypeOf<u64>();
  });
});

describe('a pointer', () => {
  it('is dereferenced in the table of its type alone', () => {
    const entity = (k: vmlinux_x86, q: cfs_rq): sched_entity | null => deref(k.m.se, q.curr);
    expectTypeOf(entity).returns.toEqualTypeOf<sched_entity | null>();
    // @ts-expect-error a queue is no entity
    const wrong = (k: vmlinux_x86, q: cfs_rq): sched_entity | null => deref(k.m.se, q.id);
    assertType(wrong);
  });
});
