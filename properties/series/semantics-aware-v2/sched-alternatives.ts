// SPDX-License-Identifier: GPL-2.0-only
/** AR11, AR12: the reviewer's loop up the hierarchy beside the penalty, and who else writes the buddy. */
import { add, u64 } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { NULL, type rq, type sched_entity } from '../../../src/sched/sched.js';
import { taskScenarios } from '../../arbitraries.js';
import { always, type Monitor, type Property, type Step, stateless } from '../../vocabulary.js';
import { ALTERNATIVE_2, elsewhere } from './fork.js';
import { common, entityName, nameOf, runnable, sayYield, ticking, type YieldTo, yieldProbes } from './monitors.js';
import { waiterAndHolder, yielders } from './worlds.js';

const doesNothing = { says: 'a yield does nothing', funcs: { yield_to_task_fair: () => true } };

export const AR11: Property[] = [
  always(
    'with up to three tasks, whenever a yield_to() hands the CPU to its target, alternative 2 does so from the same state',
    {
      of: 'AR11.1',
      means:
        "alternative 2: the reviewer's loop that makes the yielder forfeit on every level, in proportion to its weight",
      given: waiterAndHolder(['flat', 'oneGroup', 'groups', 'nested'], { others: 1 }),
      watch: () => handsOverElsewhere(ALTERNATIVE_2, 'there too'),
      fault: doesNothingMore(),
    },
  ),
  always(
    'with up to three tasks, whenever alternative 2 would hand the CPU to the target of a yield_to(), this kernel does so',
    {
      of: 'AR11.2',
      means:
        "alternative 2: the reviewer's loop that makes the yielder forfeit on every level, in proportion to its weight",
      given: waiterAndHolder(['flat', 'oneGroup', 'groups', 'nested'], { others: 1 }),
      watch: () => handsOverElsewhere(ALTERNATIVE_2, 'here too'),
      fault: doesNothing,
    },
  ),
];

/** A yield_to() after which the target runs next, whatever stands in its way. */
function doesNothingMore() {
  return {
    says: 'the target is picked by force',
    funcs: {
      yield_to_task_fair(this: { m: machine; set_next_buddy(se: sched_entity): void }, rq: rq, p: { se: number }) {
        const target = this.m.se[p.se];
        if (target.on_rq === 0) return false;
        this.set_next_buddy(target);
        for (let id = this.m.task[rq.donor].se; id !== NULL; id = this.m.se[id].parent) {
          this.m.se[id].vruntime = add(this.m.se[id].vruntime, u64(100_000_000));
        }
        return true;
      },
    },
  };
}

function handsOverElsewhere(kernel: string, where: 'here too' | 'there too'): Monitor {
  let there: machine | null = null;
  let made: YieldTo | null = null;
  return ticking(
    stateless({
      before(step) {
        made = null;
        there = isYieldTo(step) ? elsewhere(step, kernel) : null;
      },
      probes: yieldProbes({
        leave(_step, it) {
          made = it;
        },
      }),
      after(step) {
        if (there === null || made === null) return;
        const it: YieldTo = made;
        const [here, other] = [step.m.rq[it.cpu].curr, there.rq[it.cpu].curr];
        const [leads, follows] = where === 'there too' ? [here, other] : [other, here];
        if (leads !== it.target) return;
        step.reach();
        if (follows === it.target) return;
        step.fail(
          `${sayYield(step.m, it)}: ${nameOf(step.m, here)} runs next here, ${nameOf(step.m, other)} would with ${kernel}`,
        );
      },
    }),
  );
}

/** The event makes a program call yield_to(). */
function isYieldTo({ event, m }: Step): boolean {
  if (event.ev !== 'step') return false;
  const actor = m.actor[m.rq[event.cpu].curr];
  return actor.program >= 0 && m.programs[actor.program][actor.pc].op === 'yieldTo';
}

const NEXT_BUDDY = { advance: 24, tick: 8, yield_to: 24, block: 12, wake: 14 };

/** The nomination as buddy by yield_to() is not replaced by a wakeup before the target has run. */
function nominationStands(): Monitor {
  let open: { cpu: number; yielder: number; target: number } | null = null;
  return {
    notes: () => open,
    probes: yieldProbes({
      leave(_step, it) {
        open = it.where === null ? null : { cpu: it.cpu, yielder: it.yielder, target: it.target };
      },
    }),
    after(step) {
      if (open === null) return;
      const { m, event } = step;
      const where = common(m, open.yielder, open.target);
      if (where === null || m.rq[open.cpu].curr === open.target || !runnable(m, open.target)) {
        open = null;
        return;
      }
      const next = where.queue.next;
      if (event.ev !== 'wake' || event.task === open.yielder) {
        if (next !== where.t.id) open = null;
        return;
      }
      step.reach();
      if (next === where.t.id || next === NULL) return;
      step.fail(
        `the wakeup of ${nameOf(m, event.task)} makes ${entityName(m, m.se[next])} the buddy in place of ` +
          `${entityName(m, where.t)}, whom ${nameOf(m, open.yielder)} had yielded to`,
      );
    },
  };
}

const stealsHint = {
  says: 'every wakeup nominates its wakee',
  funcs: {
    check_preempt_wakeup_fair(
      this: { m: machine; set_next_buddy(se: sched_entity): void },
      _rq: rq,
      p: { se: number },
    ) {
      this.set_next_buddy(this.m.se[p.se]);
    },
  },
};

export const AR12: Property[] = [
  always('with NEXT_BUDDY as released, a wakeup does not take the nomination away from the target of a yield_to()', {
    of: 'AR12.1',
    given: { ...yielders(['flat', 'groups'], { tasks: [3, 4], weights: NEXT_BUDDY }), length: 30 },
    watch: nominationStands,
    fault: stealsHint,
  }),
  always('with NO_NEXT_BUDDY, a wakeup does not take the nomination away from the target of a yield_to()', {
    of: 'AR12.2',
    given: {
      ...yielders(['flat'], { tasks: [3, 4], weights: NEXT_BUDDY }),
      length: 30,
      scenario: taskScenarios({
        tasks: { min: 3, max: 4 },
        layouts: ['flat', 'groups'],
        features: { NEXT_BUDDY: false },
      }),
      keep: (s) => s.features?.NEXT_BUDDY === false && s.vruntime_offset !== undefined,
    },
    watch: nominationStands,
    fault: stealsHint,
  }),
];
