// SPDX-License-Identifier: GPL-2.0-only
/** Why the model may have decided otherwise than the kernel: the likeliest of what a recording leaves open. */
import { IDLE, type Player, type Who } from './cast.js';
import type { Operation } from './operations.js';

/** What is known where they part. */
export interface Known {
  all: readonly Player[];
  kernel: string;
  /** the line behind which events of the CPU are missing; null for none */
  lost: number | null;
  current: Who;
  /** load balancing has moved tasks by then */
  balanced: boolean;
  /** the recording says where tasks stand */
  placed: boolean;
  /** and how long they ran */
  exact: boolean;
  /** the tasks of which it does */
  given: ReadonlySet<Who>;
  name(who: Who): string;
  prio(who: Who): number;
}

export function causeOf(op: Operation, known: Known): string {
  if (known.lost !== null) return `events lost before it (line ${known.lost})`;
  if (op.is === 'switch') {
    const cause = causeOfSwitch(op, known);
    if (cause !== null) return cause;
  }
  if (known.balanced) return 'load balancing, which the model does not decide';
  if (!known.placed) {
    const unknown = involved(op, known.current).filter((who) => who !== IDLE && !known.given.has(who));
    const names = unknown.map((who) => known.name(who)).join(', ');
    if (names !== '')
      return `unknown lag of ${names} when the recording begins, or a weight or cgroup that it does not name`;
  }
  if (!known.exact) return 'how long tasks ran is not known exactly: sched_stat_runtime is not recorded';
  return `a different release than ${known.kernel}, or a function that differs`;
}

function causeOfSwitch(op: Operation & { is: 'switch' }, { all, prio }: Known): string | null {
  const isOther = [op.prev, op.next].some((who) => who !== IDLE && prio(who) < 100);
  if (isOther) return 'another class: a real-time, deadline or stopper task';
  if (/^R/.test(op.state) && op.prev !== IDLE && op.before !== true) {
    return all[op.prev].vcpu
      ? 'a directed yield by KVM, or sched_yield(): nothing in the recording says so'
      : 'sched_yield() or a schedule() of its own: nothing in the recording says so';
  }
  if (op.next === IDLE) return 'throttled, or a task that waits elsewhere: bandwidth control or core scheduling';
  return null;
}

function involved(op: Operation, current: Who): Who[] {
  if (op.is === 'switch') return [op.prev, op.next];
  return 'task' in op ? [op.task, current] : [current];
}
