// SPDX-License-Identifier: GPL-2.0-only
/** Virtual time is mod 2^64: does any decision depend on where it stands, and does any signed operation overflow? */

import { KernelBug } from '../../src/lib/bug.js';
import {
  add,
  S64_MAX,
  S64_MIN,
  type s64,
  s64_add,
  s64_diff,
  s64_sub,
  s64_toNumber,
  sub,
  to_u64,
  u64,
} from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { cloneMachine } from '../../src/machine/clone.js';
import { asBug } from '../../src/machine/exception.js';
import type { machine } from '../../src/machine/state.js';
import type { sched_entity } from '../../src/sched/sched.js';
import { rebind } from '../../src/vmlinux/bind.js';
import { FAR_FROM_WRAP } from '../arbitraries.js';
import { agrees, always, type Claim, type Monitor } from '../vocabulary.js';
import { anyOrder, oneCpu, reweights } from './worlds.js';

/** ns before the wrap at which the shifted machines start */
const MARGIN = u64(3_000_000);

/** Adds `by` to every virtual time of the machine: what is absolute, not what is a difference. */
function shift(m: machine, by: u64): void {
  for (const queue of m.cfs_rq) queue.zero_vruntime = add(queue.zero_vruntime, by);
  for (const se of m.se) {
    se.vruntime = add(se.vruntime, by);
    se.min_vruntime = add(se.min_vruntime, by);
    if (se.rel_deadline === 0) se.deadline = add(se.deadline, by);
    // of an entity that runs, vlag holds a virtual time: its deadline (6.12) or the end of its protection (6.19)
    if (se.on_rq !== 0 && m.cfs_rq[se.cfs_rq].curr === se.id) se.vlag = add(se.vlag as never, by) as never;
  }
}

/** What is decided: who runs where, who is asked to stop, who is nominated; and how the entities lie to each other. */
function decisions(m: machine): string[] {
  const out = m.rq.map(
    (rq) => `CPU ${rq.cpu} runs ${m.task[rq.curr].comm}, need_resched ${m.task[rq.curr].tif_need_resched}`,
  );
  for (const queue of m.cfs_rq) {
    out.push(`cfs_rq ${queue.id}: curr ${queue.curr}, next ${queue.next}, nr ${queue.nr_running}`);
  }
  for (const se of m.se) {
    if (se.on_rq === 0) continue;
    const v = s64_toNumber(s64_diff(se.vruntime, m.cfs_rq[se.cfs_rq].zero_vruntime));
    out.push(
      `se ${se.id}: vruntime - zero_vruntime ${v}, deadline - vruntime ${s64_toNumber(s64_diff(se.deadline, se.vruntime))}`,
    );
  }
  return out;
}

/** A second machine whose virtual times all start just below `wrap`; both get the same events. */
function shifted(wrap: u64): Monitor {
  let twin: machine | null = null;
  let died: KernelBug | null = null;
  return {
    before(step) {
      if (twin === null) {
        twin = cloneMachine(step.m);
        shift(twin, sub(sub(wrap, MARGIN), twin.cfs_rq[0].zero_vruntime));
      }
      try {
        apply(rebind(step.kernel, twin), step.event);
      } catch (thrown) {
        const bug = asBug(thrown);
        if (!(bug instanceof KernelBug)) throw bug;
        died = bug;
      }
    },
    after(step) {
      step.reach();
      if (died !== null) return step.fail(`with every virtual time shifted to next to the wrap: ${died.message}`);
      const here = decisions(step.m);
      const there = decisions(twin as machine);
      const i = here.findIndex((line, at) => line !== there[at]);
      if (i >= 0) step.fail(`${here[i]}; with every virtual time shifted to next to the wrap: ${there[i]}`);
    },
  };
}

const rawOrder = {
  says: 'entity_before() compares deadlines as they stand',
  funcs: {
    entity_before(a: sched_entity, b: sched_entity): boolean {
      return (a.deadline as unknown as number) < (b.deadline as unknown as number);
    },
  },
};
const unsignedOrder = {
  says: 'entity_before() compares deadlines unsigned',
  funcs: {
    entity_before(a: sched_entity, b: sched_entity): boolean {
      const u = (x: u64): bigint => BigInt.asUintN(64, BigInt(x as unknown as number));
      return u(a.deadline) < u(b.deadline);
    },
  },
};

export const overflow: Claim = {
  id: 'overflow',
  words: 'virtual time may stand anywhere mod 2^64',
  properties: [
    agrees('shifting every virtual time to just below 2^64 changes no decision', {
      of: 'overflow.1',
      about: 'vruntime_eligible',
      means:
        'two machines by the same events, one with every virtual time moved to just below 2^64: who runs, when, is compared',
      given: oneCpu(FAR_FROM_WRAP, 40),
      watch: () => shifted(u64(0)),
      fault: unsignedOrder,
    }),
    agrees('shifting every virtual time to just below 2^63 changes no decision', {
      of: 'overflow.2',
      about: 'vruntime_eligible',
      means:
        'two machines by the same events, one with every virtual time moved to just below 2^63: who runs, when, is compared',
      given: oneCpu(FAR_FROM_WRAP, 40),
      watch: () => shifted(to_u64(S64_MIN)),
      fault: rawOrder,
    }),
    agrees(
      'shifting every virtual time to just below 2^63 changes no decision where groups are reweighted while they run',
      {
        of: 'overflow.3',
        about: 'vruntime_eligible',
        means:
          'two machines by the same events, one with every virtual time moved to just below 2^63: who runs, when, is compared',
        given: reweights(FAR_FROM_WRAP, 40),
        watch: () => shifted(to_u64(S64_MIN)),
        fault: rawOrder,
      },
    ),
    always('no signed operation overflows and no shift is out of range', {
      of: 'overflow.4',
      given: anyOrder('0', 60),
      int64: 'checked',
      watch: () => ({
        after: (step) => step.reach(),
        int64(step, report) {
          if (report.kind === 'narrowing') return;
          step.fail(`${report.kind} in ${report.where}(): ${report.op} of ${report.operands.join(' and ')}`);
        },
        notes: () => null,
      }),
      fault: {
        says: 'entity_key() goes by way of S64_MAX',
        funcs: {
          entity_key(queue: { zero_vruntime: u64 }, se: sched_entity): s64 {
            return s64_sub(s64_add(s64_diff(se.vruntime, queue.zero_vruntime), S64_MAX), S64_MAX);
          },
        },
      },
    }),
  ],
};
