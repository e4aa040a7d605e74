// SPDX-License-Identifier: GPL-2.0-only
import { defineSeries } from 'kvmodel';
import { moves } from './claim.ts';
import freeYield from './free-yield.ts';

export default defineSeries({
  id: 'two-patches',
  title: 'sched/fair: First nothing, then a yield that costs nothing',
  base: 'v6.12.117',
  patches: [{ subject: 'sched/fair: Prepare' }, ...freeYield.patches],
});
export const claims = [moves];
