// SPDX-License-Identifier: GPL-2.0-only
/** WFx trap control v4: a parameter for WFI and for WFE. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch, { type Adds } from './0001-KVM-arm64-Add-early_param-to-control-WFx-trapping.js';

export default defineSeriesArm64<Adds>({
  id: 'wfx-v4',
  title: 'WFx trap control v4: a parameter for WFI and for WFE',
  base: 'pre-wfx-policy',
  cover: '20240422181716.237284-1-coltonlewis@google.com',
  patches: [patch],
});
