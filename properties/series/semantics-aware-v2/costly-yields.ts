// SPDX-License-Identifier: GPL-2.0-only
/** Planted faults: yield_to_task_fair() by which some entity pays. */
import { add, u64 } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { NULL, type rq, type sched_entity, type task_struct } from '../../../src/sched/sched.js';

/** The usual forfeit; and the entity that `level` finds for the yielder pays so much virtual time, in ns, each time. */
export const payFrom = (level: (m: machine, yielder: task_struct) => sched_entity | undefined, virtualNs: number) =>
  function yield_to_task_fair(
    this: { set_next_buddy(se: sched_entity): void; yield_task_fair(rq: rq): void; m: machine },
    rq: rq,
    p: task_struct,
  ): boolean {
    const se = this.m.se[p.se];
    if (se.on_rq === 0) return false;
    this.set_next_buddy(se);
    this.yield_task_fair(rq);
    const pays = level(this.m, this.m.task[rq.donor]);
    if (pays !== undefined) {
      pays.vruntime = add(pays.vruntime, u64(virtualNs));
      pays.deadline = add(pays.deadline, u64(virtualNs));
    }
    return true;
  };

/** The yielder pays on its own queue. */
export const costs = (virtualNs: number) => payFrom((m, yielder) => m.se[yielder.se], virtualNs);

/** The yielder's entity on the root queue pays 4 ms. */
export const rootPays = payFrom((m, yielder) => {
  let se = m.se[yielder.se];
  while (se.parent !== NULL) se = m.se[se.parent];
  return se;
}, 4_000_000);
