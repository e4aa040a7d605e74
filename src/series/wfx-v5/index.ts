// SPDX-License-Identifier: GPL-2.0-only
/** WFx trap control v5: decided at KVM_ARM_VCPU_INIT. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch, { type Adds } from './0001-KVM-arm64-Add-early_param-to-control-WFx-trapping.js';

export default defineSeriesArm64<Adds>({
  id: 'wfx-v5',
  title: 'WFx trap control v5: decided at KVM_ARM_VCPU_INIT',
  base: 'pre-wfx-policy',
  cover: '20240430181444.670773-1-coltonlewis@google.com',
  patches: [patch],
});
