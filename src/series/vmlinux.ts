// SPDX-License-Identifier: GPL-2.0-only
/**
 * The kernel as a table of functions, bound to one machine.
 *
 * Every mirrored function is called as `this.name(...)`; `this.m` is the machine it works on. The interface is
 * the union of the mirrored modules' exports, so a function exists in the table when its file exports it.
 */
import type { sched_state } from '../sched/sched.js';

type core = typeof import('../sched/core.js');
type syscalls = typeof import('../sched/syscalls.js');
type fair = typeof import('../sched/fair.js');
type fair_load = typeof import('../sched/fair_load.js');
type pelt = typeof import('../sched/pelt.js');
type sched = typeof import('../sched/sched.js');
type deadline = typeof import('../sched/deadline.js');
type idle = typeof import('../sched/idle.js');

/** All of the machine that mirrored functions may reach. */
export interface kernel_state extends sched_state {}

/** The linked kernel. Frozen; `m` is supplied by `bind`. */
export interface vmlinux extends core, syscalls, fair, pelt, sched, deadline, idle {
  readonly m: kernel_state;
}
