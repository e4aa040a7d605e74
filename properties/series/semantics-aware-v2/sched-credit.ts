// SPDX-License-Identifier: GPL-2.0-only
/** A25: would a credit for the target do what a penalty for the yielder does? */
import { sub, u64 } from '../../../src/lib/types.js';
import { cloneMachine } from '../../../src/machine/clone.js';
import type { sched_entity } from '../../../src/sched/sched.js';
import { type Property, type Step, sometimes, stateless } from '../../vocabulary.js';
import { eligible, sayYield, yieldProbes } from './monitors.js';
import { waiterAndHolder, yielders } from './worlds.js';

export const A25: Property[] = [
  sometimes('the target of a yield_to() is ahead of the yielder in virtual time, and not eligible', {
    of: 'A25.1',
    given: waiterAndHolder(['flat', 'groups']),
    watch: () =>
      stateless({
        probes: yieldProbes({
          enter(step, it) {
            if (it.where !== null && it.gap > 0 && !eligible(step.m, it.where.t)) step.reach(sayYield(step.m, it));
          },
        }),
      }),
    fault: { says: 'nobody yields', funcs: { yield_to: () => 0 } },
  }),
  sometimes('a penalty makes a target eligible that the same amount as a credit would not', {
    of: 'A25.2',
    given: yielders(['flat', 'groups']),
    watch: () =>
      stateless({
        probes: yieldProbes({
          penalised(step, it) {
            const { t, y } = it.where!;
            if (!eligible(step.m, t)) return;
            if (!creditedInstead(step, y, t, it.penalty)) step.reach(`${sayYield(step.m, it)}: ${it.penalty} ns`);
          },
        }),
      }),
    fault: { says: 'no penalty at all', funcs: { yield_to_deboost() {} } },
  }),
];

/** Would the target be eligible, had it been credited with what the yielder paid? */
function creditedInstead(step: Step, y: sched_entity, t: sched_entity, amount: number): boolean {
  const m = cloneMachine(step.m);
  m.se[y.id].vruntime = sub(m.se[y.id].vruntime, u64(amount));
  m.se[t.id].vruntime = sub(m.se[t.id].vruntime, u64(amount));
  return eligible(m, m.se[t.id]);
}
