// SPDX-License-Identifier: GPL-2.0-only
/** Untrapped WFx on nohz_full CPUs alone (a reviewer's alternative). */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch, { type Adds } from './0001-KVM-arm64-Untrapped-WFx-on-nohz_full-CPUs-alone.js';

export default defineSeriesArm64<Adds>({
  id: 'wfx-nohz-full',
  title: "untrapped WFx on nohz_full CPUs alone (a reviewer's alternative)",
  base: 'pre-wfx-policy',
  patches: [patch],
});
