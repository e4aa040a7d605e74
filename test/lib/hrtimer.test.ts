// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { toNumber, u64 } from '../../src/lib/types.js';
import { boot } from '../../src/machine/boot.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind } from '../../src/vmlinux/bind.js';

/** hrtimer_forward() of a timer that expired at 1000: expiry and overrun afterwards. */
function forwarded(now: number, interval: number): [number, number] {
  const k = bind(linux_6_12, boot(linux_6_12, { cpus: 1 }));
  const timer = k.hrtimer_init('noHandler', 0);
  k.m.hrtimer[timer].expires = u64(1000);
  const overrun = k.hrtimer_forward(timer, u64(now), u64(interval));
  return [toNumber(k.m.hrtimer[timer].expires), toNumber(overrun)];
}

describe('hrtimer_forward()', () => {
  it.each([
    [999, 100, 1000, 0],
    [1000, 100, 1100, 1],
    [1099, 100, 1100, 1],
    [1100, 100, 1200, 2],
    [1101, 100, 1200, 2],
    [5000, 100, 5100, 41],
  ])('at %d by %d: expires at %d, overrun %d', (now, interval, expires, overrun) => {
    expect(forwarded(now, interval)).toEqual([expires, overrun]);
  });

  it('warns of a timer that is queued, and leaves it', () => {
    const k = bind(linux_6_12, boot(linux_6_12, { cpus: 1 }));
    const timer = k.hrtimer_init('noHandler', 0);
    k.hrtimer_start(timer, u64(1000));
    expect(toNumber(k.hrtimer_forward(timer, u64(2000), u64(10)))).toBe(0);
    expect(k.m.warns).toBe(1);
  });
});
