// SPDX-License-Identifier: GPL-2.0-only
/** WFx trap control v2: a threshold of runqueue depth. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch, { type Adds } from './0001-KVM-arm64-Add-KVM_CAP-to-control-WFx-trapping.js';

export default defineSeriesArm64<Adds>({
  id: 'wfx-v2',
  title: 'WFx trap control v2: a threshold of runqueue depth',
  base: 'pre-wfx-policy',
  cover: '20240319164341.1674863-1-coltonlewis@google.com',
  patches: [patch],
});
