// SPDX-License-Identifier: GPL-2.0-only
/** The reviewer's first alternative to semantics-aware: a yield climbs until somebody else is runnable. */
import { defineSeries } from '../series.js';
import climb from './0001-sched-fair-Yield-the-hierarchy.js';

export default defineSeries({
  id: 'yield-hierarchy',
  title: 'sched/fair: forfeit up the hierarchy until somebody else is runnable (alternative 1)',
  base: 'v6.19-rc1',
  patches: [climb],
});
