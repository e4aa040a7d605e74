// SPDX-License-Identifier: GPL-2.0-only
/** Events of the host's scheduler: what tasks do, and what is done to tasks and groups. */
import { toNumber, u64 } from '../lib/types.js';
import {
  __TASK_STOPPED,
  __TASK_TRACED,
  TASK_DEAD,
  TASK_INTERRUPTIBLE,
  TASK_NOLOAD,
  TASK_PARKED,
  TASK_UNINTERRUPTIBLE,
} from '../sched/sched.js';
import { current, isHostOn, isHostTask, isTask } from './legality.js';
import { onlyOn } from './recorded-events.js';
import type { Rules } from './rules.js';
import { interrupt, reschedule } from './settle.js';

export type HostKind =
  | 'tick'
  | 'resched'
  | 'schedule'
  | 'yield'
  | 'yield_to'
  | 'block'
  | 'wake'
  | 'nice'
  | 'setattr'
  | 'shares'
  | 'move';

/** By the letter that sched_switch prints. */
const STATES = {
  S: TASK_INTERRUPTIBLE,
  D: TASK_UNINTERRUPTIBLE,
  I: TASK_UNINTERRUPTIBLE | TASK_NOLOAD,
  T: __TASK_STOPPED,
  t: __TASK_TRACED,
  P: TASK_PARKED,
  X: TASK_DEAD,
} as const;

export const hostEvents: Rules<HostKind> = {
  tick: {
    legal: () => true,
    perform(k, m, e) {
      m.nextTick[e.cpu] = toNumber(m.sched_clock) + toNumber(m.TICK_NSEC);
      interrupt(k, m, e.cpu, 'sched_tick');
    },
  },
  resched: {
    legal: (m, e) => current(m, e.cpu).tif_need_resched === 1,
    perform(k, m, e) {
      reschedule(k, m, e.cpu);
    },
  },
  schedule: {
    legal: (m, e) => isHostOn(m, e.cpu),
    perform: (k) => k.schedule(),
  },
  yield: {
    legal: (m, e) => isHostOn(m, e.cpu),
    perform: (k) => k.do_sched_yield(),
  },
  yield_to: {
    legal: (m, e) => isTask(m, e.task) && m.rq[e.cpu].curr !== e.task && isHostOn(m, e.cpu),
    perform(k, m, e) {
      k.yield_to(m.task[e.task], true);
    },
  },
  block: {
    legal: (m, e) => isHostOn(m, e.cpu),
    perform(k, m, e) {
      current(m, e.cpu).__state = STATES[e.state ?? 'S'];
      k.schedule();
    },
  },
  wake: {
    // whatever its __state: try_to_wake_up() is called for runnable tasks as well and finds nothing to do
    legal: (m, e) => isTask(m, e.task) && isHostTask(m, m.task[e.task]),
    perform(k, m, e) {
      m.actor[e.task].wakeAt = -1;
      onlyOn(m.task[e.task], e.target, () => interrupt(k, m, e.cpu, 'wakeTask', e.task));
    },
  },
  nice: {
    legal: (m, e) => isTask(m, e.task),
    perform: (k, m, e) => k.set_user_nice(m.task[e.task], e.nice),
  },
  setattr: {
    legal: (m, e) => isTask(m, e.task),
    perform(k, m, e) {
      k.sched_setattr_nocheck(m.task[e.task], {
        sched_policy: e.policy,
        sched_flags: 0,
        sched_nice: e.nice,
        sched_priority: e.priority,
        sched_runtime: u64(e.slice),
      });
    },
  },
  shares: {
    // the root group has no shares; sched_group_set_shares() clamps what is too few or too many
    legal: (m, e) => e.group > 0 && e.group < m.task_group.length,
    perform(k, m, e) {
      k.sched_group_set_shares(m.task_group[e.group], k.scale_load(u64(e.shares)));
    },
  },
  move: {
    // cgroup_migrate_prepare_dst() leaves out who is in the group already: sched_move_task() is not called
    legal: (m, e) =>
      isTask(m, e.task) && e.group >= 0 && e.group < m.task_group.length && m.task[e.task].sched_task_group !== e.group,
    perform(k, m, e) {
      const p = m.task[e.task];
      p.cpu_cgrp = e.group;
      k.sched_move_task(p, false);
    },
  },
};
