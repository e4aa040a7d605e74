// SPDX-License-Identifier: GPL-2.0-only
/** The pin for arm64 as it would be just before commit 0b5afe05377d. */
import { defineSeriesArm64 } from '../series-arm64.js';
import revert from './0001-KVM-arm64-No-policy-for-WFx-traps.js';

export default defineSeriesArm64({
  id: 'pre-wfx-policy',
  title: 'v6.12.117 for arm64 without 0b5afe05377d: WFx traps follow the runqueue alone',
  base: 'v6.12.117-arm64',
  patches: [revert],
});
