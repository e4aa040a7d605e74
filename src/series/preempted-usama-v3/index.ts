// SPDX-License-Identifier: GPL-2.0-only
/** arm64: vcpu_is_preempted() picked up again, v3 of 2023, as far as it is known: what it changes of v2. */
import { defineSeriesArm64 } from '../series-arm64.js';
import early from './0001-arm64-paravirt-Set-up-the-preemption-check-early.js';

export default defineSeriesArm64({
  id: 'preempted-usama-v3',
  title: 'arm64: vcpu_is_preempted() picked up again, v3 of 2023, a reconstruction',
  base: 'preempted-usama-v2',
  patches: [early],
});
