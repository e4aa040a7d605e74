// SPDX-License-Identifier: GPL-2.0-only
/**
 * v6.19-rc1 on the pin. The two are not ordered: the pin carries fixes of 2026 that rc1 lacks.
 *
 * Names of fields and values of flags stay the pin's where only they changed: nr_running for nr_queued,
 * idle_h_nr_running for h_nr_idle, h_nr_delayed beside h_nr_runnable, the bits of ENQUEUE_ and DEQUEUE_, and
 * DEQUEUE_CLASS, which sched_change_begin() knows.
 */
import { defineSeries } from '../series.js';
import type { Adds } from './adds.js';
import { kvm } from './kvm.js';
import { sched } from './sched.js';

export default defineSeries<Adds>({
  id: 'v6.19-rc1',
  title: 'Linux v6.19-rc1, the base of semantics-aware-v2',
  base: 'v6.12.117',
  release: true,
  patches: [...sched, ...kvm],
});
