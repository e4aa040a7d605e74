// SPDX-License-Identifier: GPL-2.0-only
/** A claim of a user's own: a yield of one of two equal tasks moves its deadline. */
import { always, type Claim, fc, type rq, S64_ZERO, s64_diff, s64_gt, type u64 } from 'kvmodel';

export const moves: Claim = {
  id: 'Y1',
  words: 'a yield costs something',
  properties: [
    always('a yield to somebody moves the deadline of who was eligible', {
      of: 'Y1.1',
      given: {
        scenario: fc.constant({ cpus: 1, tasks: [{ comm: 'a' }, { comm: 'b' }] }),
        // no time passes: who is eligible stays so until it has yielded
        weights: { tick: 1, yield: 3 },
        length: 30,
      },
      watch: () => {
        let before: u64 | null = null;
        return {
          probes: {
            yield_task_fair: {
              enter: (step, [rq]) => {
                const se = step.m.se[step.m.task[(rq as rq).curr].se];
                const eligible = step.kernel.entity_eligible(step.m.cfs_rq[se.cfs_rq], se);
                before = eligible && (rq as rq).nr_running > 1 ? se.deadline : null;
              },
              leave: (step, _result, [rq]) => {
                if (before === null) return;
                const curr = step.m.task[(rq as rq).curr];
                step.reach();
                if (!s64_gt(s64_diff(step.m.se[curr.se].deadline, before), S64_ZERO))
                  step.fail(`yield_task_fair() left the deadline of ${curr.comm} alone`);
              },
            },
          },
        };
      },
      fault: { says: 'nothing is done', funcs: { yield_task_fair: () => undefined } },
    }),
  ],
};
