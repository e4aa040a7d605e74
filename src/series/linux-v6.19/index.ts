// SPDX-License-Identifier: GPL-2.0-only
/**
 * v6.19: what kernel/sched does otherwise than v6.19-rc1. Held against the C code of v6.19, and with it all that the two
 * have in common.
 */

import type { Adds } from '../linux-v6.19-rc1/adds.js';
import { defineSeries } from '../series.js';
import * as sched from './sched.js';

export default defineSeries<Adds>({
  id: 'v6.19',
  title: 'Linux v6.19',
  base: 'v6.19-rc1',
  release: true,
  patches: [
    {
      subject: 'sched/fair: Revert force wakeup preemption',
      commit: '15257cc2f905',
      funcs: { check_preempt_wakeup_fair: sched.check_preempt_wakeup_fair },
    },
    {
      subject: 'sched/fair: Disable scheduler feature NEXT_BUDDY',
      commit: '4f70f106bca1',
      sched_feat: { NEXT_BUDDY: false },
    },
    {
      // with 1e0a2ba7afb1, whose idle_rq() is idle_cpu() here
      subject: 'sched/deadline: Fix server stopping with runnable tasks',
      commit: 'ca1e8eede4fc',
      funcs: { update_curr_dl_se: sched.update_curr_dl_se, dl_server_start: sched.dl_server_start },
    },
    {
      subject: "sched/deadline: Fix 'stuck' dl_server",
      commit: '115135422562',
      funcs: { update_dl_entity: sched.update_dl_entity },
    },
  ],
});
