// SPDX-License-Identifier: GPL-2.0-only
/** sched/core: CPUs on which fair tasks should be, a subset of the active ones. */
import type { bool } from '../../lib/types.js';
import { is_cpu_allowed as allowedBefore } from '../../sched/core.js';
import { PF_KTHREAD, type task_struct } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import type { Adds, governed } from './adds.js';

/** include/linux/cpumask.h: cpu_preferred(): where nothing narrows the mask, all active CPUs are in it. */
export function cpu_preferred(this: governed, cpu: number): bool {
  return this.m.preferred === undefined ? this.cpu_active(cpu) : this.m.preferred.mask.includes(cpu);
}

/** Whether the affinity of the task has a preferred CPU in it. */
export function task_has_preferred_cpu(this: governed, p: task_struct): bool {
  return p.cpus_ptr.some((cpu) => this.cpu_preferred(cpu));
}

/** kernel/sched/core.c: is_cpu_allowed(): a fair task that may be on a preferred CPU is refused by all others. */
export function is_cpu_allowed(this: governed, p: task_struct, cpu: number): bool {
  if (!allowedBefore.call(this, p, cpu)) return false;
  if (p.flags & PF_KTHREAD || p.sched_class !== 'fair_sched_class' || this.cpu_preferred(cpu)) return true;
  // its affinity is being changed: where it is, is none of its CPUs
  if (!p.cpus_ptr.includes(this.task_cpu(p))) return true;
  return !this.task_has_preferred_cpu(p);
}

export default {
  subject: 'sched/core: Preferred CPUs',
  funcs: { is_cpu_allowed },
  adds: { cpu_preferred, task_has_preferred_cpu },
} satisfies Patch<Adds>;
