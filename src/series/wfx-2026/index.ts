// SPDX-License-Identifier: GPL-2.0-only
/** KVM_CAP_ARM_DISABLE_EXITS: WFI and WFE of a VM never trap. */
import { defineSeriesArm64 } from '../series-arm64.js';
import patch from './0001-KVM-arm64-Add-KVM_CAP_ARM_DISABLE_EXITS-for-WFI-WFE.js';

export default defineSeriesArm64({
  id: 'wfx-2026',
  title: 'KVM_CAP_ARM_DISABLE_EXITS: WFI and WFE of a VM never trap',
  base: 'v6.12.117-arm64',
  cover: '20260408202557.2102476-1-dwmw2@infradead.org',
  patches: [patch],
});
