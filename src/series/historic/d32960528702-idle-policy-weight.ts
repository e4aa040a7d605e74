// SPDX-License-Identifier: GPL-2.0-only
/** Before d32960528702 (v6.11): SCHED_IDLE gets its weight without reweighting. */
import type { bool } from '../../lib/types.js';
import { set_load_weight as was } from '../../sched/core.js';
import { type task_struct, WEIGHT_IDLEPRIO, WMULT_IDLEPRIO } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/core.c: set_load_weight() */
export function set_load_weight(this: vmlinux, p: task_struct, update_load: bool): void {
  if (!this.task_has_idle_policy(p)) {
    was.call(this, p, update_load);
    return;
  }
  const load = this.m.se[p.se].load;
  load.weight = this.scale_load(WEIGHT_IDLEPRIO);
  load.inv_weight = WMULT_IDLEPRIO;
}

export default defineSeries({
  id: 'revert-d32960528702',
  title: 'a change to SCHED_IDLE does not rescale lag',
  base: 'v6.12.117',
  notices: 'w * vlag of a task changes when its policy becomes SCHED_IDLE',
  patches: [
    {
      subject: 'Revert "sched/fair: set_load_weight() must also call reweight_task() for SCHED_IDLE tasks"',
      commit: 'd32960528702',
      funcs: { set_load_weight },
    },
  ],
});
