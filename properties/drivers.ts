// SPDX-License-Identifier: GPL-2.0-only
/** Both drivers do the same: the one that changes a machine in place, and the reducer on an immutable one. */
import { boot } from '../src/machine/boot.js';
import { exactFingerprint } from '../src/machine/fingerprint.js';
import { reduce } from '../src/machine/reduce.js';
import type { Kernel } from '../src/vmlinux/bind.js';
import { tasksAtLimits } from './structure.js';
import { agrees, type Claim } from './vocabulary.js';

/** Claims about the drivers, by this id. */
export const DRIVERS = 'drivers';

/** A kernel that keeps something outside of its machine, or holds on to a record, is told by this. */
export function driversClaim(kernel: Kernel): Claim {
  let calls = 0;
  return {
    id: DRIVERS,
    words: 'reduce does what drive does',
    properties: [
      agrees('the reducer comes to the machine that the same events make in place', {
        of: 'drivers.1',
        given: { ...tasksAtLimits([1, 2, 3, 4], [1, 2], {}), length: 30, shrinks: 400 },
        watch(scenario) {
          let twin = boot(kernel, JSON.parse(JSON.stringify(scenario)));
          return {
            after(step) {
              step.reach();
              twin = reduce(kernel, twin, step.event).machine;
              if (exactFingerprint(twin) !== exactFingerprint(step.m))
                step.fail('the machines of reduce and drive differ');
            },
          };
        },
        fault: {
          says: 'every other call of update_curr() counts a switch, by a count outside of the machine',
          funcs: {
            update_curr(): void {
              if (++calls % 2 === 0) this.m.rq[0].nr_switches++;
            },
          },
        },
      }),
    ],
  };
}
