// SPDX-License-Identifier: GPL-2.0-only
/** WFx trap control v1: a capability for unconditional passthrough. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch from './0001-KVM-arm64-Add-capability-for-unconditional-WFx-passt.js';

export default defineSeriesArm64({
  id: 'wfx-v1',
  title: 'WFx trap control v1: a capability for unconditional passthrough',
  base: 'pre-wfx-policy',
  cover: '20240129213918.3124494-1-coltonlewis@google.com',
  patches: [patch],
});
