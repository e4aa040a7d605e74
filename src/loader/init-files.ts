// SPDX-License-Identifier: GPL-2.0-only
/** What `kvmodel init` writes: the patch and the claim of docs/tutorial.md. */

export const PATCH = `import { defineSeries, type rq, type vmlinux } from 'kvmodel';
import { moves } from './claim.ts';

/** A yield that costs nothing: the deadline stays where it is. */
function yield_task_fair(this: vmlinux, rq: rq): void {
  const curr = this.m.task[rq.curr];
  if (rq.nr_running === 1) return;
  this.clear_buddies(this.task_cfs_rq(curr), this.m.se[curr.se]);
  this.update_rq_clock(rq);
  this.rq_clock_skip_update(rq);
}

export default defineSeries({
  id: 'free-yield',
  title: 'sched/fair: A yield costs nothing',
  base: 'v6.12.117',
  patches: [{ subject: 'sched/fair: Leave the deadline alone on yield', funcs: { yield_task_fair } }],
});
export const claims = [moves];
`;

export const CLAIM = `import { always, type Claim, fc, type rq, S64_ZERO, s64_diff, s64_gt, type u64 } from 'kvmodel';

/** A yield of one of two equal tasks moves its deadline. */
export const moves: Claim = {
  id: 'Y1',
  words: 'a yield costs something',
  properties: [
    always('a yield to somebody moves the deadline of an eligible task', {
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
              enter: (step, [arg]) => {
                const rq = arg as rq;
                const se = step.m.se[step.m.task[rq.curr].se];
                const eligible = step.kernel.entity_eligible(step.m.cfs_rq[se.cfs_rq], se);
                before = eligible && rq.nr_running > 1 ? se.deadline : null;
              },
              leave: (step, _result, [arg]) => {
                if (before === null) return;
                const curr = step.m.task[(arg as rq).curr];
                step.reach();
                if (!s64_gt(s64_diff(step.m.se[curr.se].deadline, before), S64_ZERO))
                  step.fail(\`yield_task_fair() left the deadline of \${curr.comm} alone\`);
              },
            },
          },
        };
      },
      // proves that the property can fail
      fault: { says: 'nothing is done', funcs: { yield_task_fair: () => undefined } },
    }),
  ],
};
`;
