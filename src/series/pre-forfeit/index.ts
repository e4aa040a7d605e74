// SPDX-License-Identifier: GPL-2.0-only
/** v6.19-rc1 as it would be just before commit 79104becf42b. */
import { defineSeries } from '../series.js';
import unforfeit from './0001-sched-fair-Do-not-forfeit-vruntime-on-yield.js';

export default defineSeries({
  id: 'pre-forfeit',
  title: 'v6.19-rc1 without 79104becf42b: a yield only moves the deadline',
  base: 'v6.19-rc1',
  patches: [unforfeit],
});
