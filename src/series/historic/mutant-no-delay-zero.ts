// SPDX-License-Identifier: GPL-2.0-only
/** Delayed dequeue without DELAY_ZERO: a reaped sleeper keeps lag that it has gained while asleep. */
import type { sched_entity } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** kernel/sched/fair.c: finish_delayed_dequeue_entity() */
export function finish_delayed_dequeue_entity(this: vmlinux, se: sched_entity): void {
  this.clear_delayed(se);
}

export default defineSeries({
  id: 'mutant-no-delay-zero',
  title: 'sleepers keep positive lag',
  base: 'v6.12.117',
  notices: 'vlag > 0 after a delayed entity was dequeued',
  patches: [
    {
      subject: 'sched/eevdf: no DELAY_ZERO when a delayed entity is dequeued',
      funcs: { finish_delayed_dequeue_entity },
    },
  ],
});
