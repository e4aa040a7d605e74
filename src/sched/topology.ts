// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/sched/topology.c (6.12.117): what wake-ups ask: who shares a last-level cache with whom.
 *
 * MODEL: domains are given by configuration, one level of them; they are not built from a CPU's topology, and there
 * are no groups, no SMT level and no NUMA levels.
 */
import type { vmlinux } from '../vmlinux/vmlinux.js';

/** kernel/sched/topology.c: update_top_cache_domain(): `span` is the CPUs of the domain, ascending; empty for none. */
export function update_top_cache_domain(this: vmlinux, cpu: number, span: readonly number[]): void {
  this.m.sd_llc[cpu] = [...span];
  this.m.sd_llc_id[cpu] = span.length > 0 ? span[0] : cpu;
}
