// SPDX-License-Identifier: GPL-2.0-only
/** A fair queue as somebody looks at it: V, and each entity's place on the axis of virtual time. */
import { s64_diff, s64_toBigInt, toBigInt } from '../lib/types.js';
import { cloneMachine } from '../machine/clone.js';
import type { machine } from '../machine/state.js';
import type { cfs_rq, sched_entity } from '../sched/sched.js';
import { bind, type Kernel } from '../vmlinux/bind.js';

export interface QueuedEntity {
  readonly id: number;
  /** a task's comm, or a group's name with a slash behind it */
  readonly name: string;
  /** the queue of a group; -1 for a task */
  readonly my_q: number;
  readonly vruntime: bigint;
  /** vruntime as seen from the queue's origin, and the deadline as seen from the vruntime: with sign */
  readonly at: bigint;
  readonly deadline: bigint;
  readonly slice: bigint;
  readonly weight: bigint;
  /** V - vruntime, and what entity_eligible() says; null on a kernel with CFS */
  readonly lag: bigint | null;
  readonly eligible: boolean | null;
  readonly marks: readonly ('curr' | 'next' | 'last' | 'skip' | 'delayed')[];
}

export interface FairQueue {
  readonly id: number;
  readonly cpu: number;
  /** '' for the CPU's root queue */
  readonly group: string;
  readonly nr_running: number;
  /** null on a kernel with CFS */
  readonly V: bigint | null;
  /** in order of their deadlines (CFS: their vruntimes) */
  readonly entities: readonly QueuedEntity[];
}

/** What EEVDF says of an entity: its lag and whether it may run; nothing on a kernel with CFS. */
interface Eevdf {
  V: bigint | null;
  origin: sched_entity['vruntime'];
  says(se: sched_entity): Pick<QueuedEntity, 'lag' | 'eligible'>;
}

function eevdf(own: machine, kernel: Kernel, q: cfs_rq): Eevdf {
  const k = bind(kernel, own);
  if (kernel.table['entity_eligible'] === undefined || kernel.table['avg_vruntime'] === undefined)
    return { V: null, origin: q.min_vruntime ?? q.zero_vruntime, says: () => ({ lag: null, eligible: null }) };
  const V = k.avg_vruntime(own.cfs_rq[q.id]);
  return {
    V: toBigInt(V),
    origin: V,
    says: (se) => ({
      lag: s64_toBigInt(s64_diff(V, se.vruntime)),
      eligible: k.entity_eligible(own.cfs_rq[q.id], own.se[se.id]),
    }),
  };
}

function nameIn(m: machine, se: sched_entity): string {
  return se.task >= 0 ? m.task[se.task].comm : `${m.groupNames[m.cfs_rq[se.my_q].tg]}/`;
}

/** One queue. WHY of a copy: avg_vruntime() may move zero_vruntime; who looks at several hands over one for all. */
export function fairQueue(m: machine, kernel: Kernel, id: number, own: machine = cloneMachine(m)): FairQueue {
  const q = m.cfs_rq[id];
  const { V, origin, says } = eevdf(own, kernel, q);
  const queued = m.se.filter((se) => se.on_rq !== 0 && se.cfs_rq === id);
  const key = (se: sched_entity): bigint => toBigInt(V === null ? se.vruntime : se.deadline);
  queued.sort((a, b) => Number(BigInt.asIntN(64, key(a) - key(b))));
  const marked = q as unknown as Record<string, unknown>;
  const entities = queued.map((se): QueuedEntity => {
    const marks = (['curr', 'next', 'last', 'skip'] as const).filter((it) => marked[it] === se.id);
    return {
      id: se.id,
      name: nameIn(m, se),
      my_q: se.task >= 0 ? -1 : se.my_q,
      vruntime: toBigInt(se.vruntime),
      at: s64_toBigInt(s64_diff(se.vruntime, origin)),
      deadline: s64_toBigInt(s64_diff(se.deadline, se.vruntime)),
      slice: toBigInt(se.slice),
      weight: toBigInt(se.load.weight),
      ...says(se),
      marks: se.sched_delayed ? [...marks, 'delayed'] : marks,
    };
  });
  const group = q.tg === 0 ? '' : m.groupNames[q.tg];
  return { id, cpu: q.rq, group, nr_running: q.nr_running, V, entities };
}
