// SPDX-License-Identifier: GPL-2.0-only
import { sched_prio_to_weight } from '../sched/core.js';

/** The weight of a task with that nice value, -20 to 19, as a reader knows it: not scaled up. */
export const weightOfNice = (nice: number): number => sched_prio_to_weight[nice + 20];
