// SPDX-License-Identifier: GPL-2.0-only
/** WFx trap control v6, as merged. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch, { type Adds } from './0001-KVM-arm64-Add-early_param-to-control-WFx-trapping.js';

export default defineSeriesArm64<Adds>({
  id: 'wfx-v6',
  title: 'WFx trap control v6, as merged',
  base: 'pre-wfx-policy',
  cover: '20240523174056.1565133-1-coltonlewis@google.com',
  patches: [patch],
});
