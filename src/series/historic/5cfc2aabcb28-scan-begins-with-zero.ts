// SPDX-License-Identifier: GPL-2.0-only
/** Before 5cfc2aabcb28 (v3.6): a scan begins with vCPU 0 while that is the last boosted. */
import { defineSeries } from '../series.js';
import { spinScan } from './on-spin.js';

export default defineSeries({
  id: 'revert-5cfc2aabcb28',
  title: 'a scan begins with vCPU 0 while that is the last boosted',
  base: 'v6.1',
  notices: 'vCPU 0 is boosted again although others wait',
  patches: [
    {
      subject: 'Revert "KVM: handle last_boosted_vcpu = 0 case"',
      commit: '5cfc2aabcb28',
      funcs: { kvm_vcpu_on_spin: spinScan({ start: true }) as never },
    },
  ],
});
