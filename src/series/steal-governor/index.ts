// SPDX-License-Identifier: GPL-2.0-only
/** Preferred CPUs and the steal governor, for kernels in guests. */
import { defineSeries } from '../series.js';
import preferred from './0001-sched-core-Preferred-CPUs.js';
import push from './0002-sched-core-Push-current-from-non-preferred-CPUs.js';
import governor from './0003-sched-Steal-governor.js';
import type { Adds } from './adds.js';

export default defineSeries<Adds>({
  id: 'steal-governor',
  title: 'sched: Preferred CPUs and steal governor, v14, a reconstruction',
  base: 'v6.19',
  patches: [preferred, push, governor],
});
