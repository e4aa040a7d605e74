// SPDX-License-Identifier: GPL-2.0-only
/** The functions that the series adds, the kernel as they see it, and what it keeps. */
import type { u64 } from '../../lib/types.js';
import type { vmlinux_6_19 } from '../linux-v6.19-rc1/adds.js';
import type * as patch1 from './0001-sched-core-Preferred-CPUs.js';
import type * as patch2 from './0002-sched-core-Push-current-from-non-preferred-CPUs.js';
import type * as patch3 from './0003-sched-Steal-governor.js';

/** Of a kernel in a guest, once its governor has been loaded. */
export interface preferred_cpus {
  /** cpu_preferred_mask, ascending: a subset of the active CPUs */
  mask: number[];
  /** per CPU: a push of what runs there is on its way to the stopper */
  push_pending: boolean[];
  /** when the governor's work is due, ns; -1 once it has stopped for good */
  due: number;
  /** when it ran last, and what was stolen by then, on all active CPUs */
  last: number;
  last_steal: u64;
}

declare module '../../vmlinux/vmlinux.js' {
  interface kernel_state {
    preferred?: preferred_cpus;
  }
}

export interface Adds {
  cpu_preferred: typeof patch1.cpu_preferred;
  task_has_preferred_cpu: typeof patch1.task_has_preferred_cpu;
  sched_push_current_non_preferred_cpu: typeof patch2.sched_push_current_non_preferred_cpu;
  non_preferred_cpu_push_stop: typeof patch2.non_preferred_cpu_push_stop;
  steal_governor_init: typeof patch3.steal_governor_init;
  steal_governor_work: typeof patch3.steal_governor_work;
  steal_governor_ratio: typeof patch3.steal_governor_ratio;
}

export type governed = vmlinux_6_19 & Adds;
