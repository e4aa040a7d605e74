// SPDX-License-Identifier: GPL-2.0-only
/** A callback that restarts its timer and does not move it keeps its CPU for ever. */
import { expect, it } from 'vitest';
import { HRTIMER_RESTART } from '../../src/lib/hrtimer.js';
import { add, u64 } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { advanceTo, createLapicMachine } from '../../src/machine/lapic-machine.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind } from '../../src/vmlinux/bind.js';
import { overridden } from '../series/overridden.js';

const stuck = overridden(linux_6_12, 'a timer that is never forwarded', { apic_timer_fn: (_timer) => HRTIMER_RESTART });
const LOCKUP = 'kernel BUG (soft lockup) in apic_timer_fn(), a timer that expires again and again at once';

it('is a soft lockup', () => {
  const k = bind(stuck, boot(stuck, { cpus: 1, tasks: [{ comm: 'a' }] }));
  k.hrtimer_start(k.hrtimer_init('apic_timer_fn', 0), add(k.m.sched_clock, u64(10)));
  expect(() => apply(k, { ev: 'advance', ns: 1_000 })).toThrow(LOCKUP);
});

it('is one where APICs stand alone', () => {
  const machine = createLapicMachine(stuck, { vcpus: 1, tsc_khz: 1_000_000, maxphyaddr: 40 });
  machine.k.hrtimer_start(machine.k.hrtimer_init('apic_timer_fn', 0), add(machine.m.sched_clock, u64(10)));
  expect(() => advanceTo(machine, add(machine.m.sched_clock, u64(1_000)))).toThrow(LOCKUP);
});
