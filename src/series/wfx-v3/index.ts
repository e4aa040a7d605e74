// SPDX-License-Identifier: GPL-2.0-only
/** WFx trap control v3: one parameter of the host. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch from './0001-KVM-arm64-Add-early_param-to-control-WFx-trapping.js';

export default defineSeriesArm64({
  id: 'wfx-v3',
  title: 'WFx trap control v3: one parameter of the host',
  base: 'pre-wfx-policy',
  cover: '20240410175437.793508-1-coltonlewis@google.com',
  patches: [patch],
});
