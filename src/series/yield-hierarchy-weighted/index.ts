// SPDX-License-Identifier: GPL-2.0-only
/** The reviewer's second alternative to semantics-aware: ancestors pay for the yielder's share of them. */
import { defineSeries } from '../series.js';
import share from './0001-sched-fair-Proportionally-yield-the-hierarchy.js';

export default defineSeries({
  id: 'yield-hierarchy-weighted',
  title: 'sched/fair: yield_to() moves every ancestor by the share of the yielder in it (alternative 2)',
  base: 'v6.19-rc1',
  patches: [share],
});
