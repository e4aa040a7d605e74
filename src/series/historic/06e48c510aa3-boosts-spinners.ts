// SPDX-License-Identifier: GPL-2.0-only
/** Before 06e48c510aa3 (v3.7): a vCPU that spins itself is boosted like any other. */
import { defineSeries } from '../series.js';
import { spinScan } from './on-spin.js';

export default defineSeries({
  id: 'revert-06e48c510aa3',
  title: 'a vCPU that spins itself is boosted like any other',
  base: 'v6.1',
  notices: 'a spinner yields to a vCPU in a pause exit of its own the first time that it comes up',
  patches: [
    {
      subject: 'Revert "kvm: Choose better candidate for directed yield"',
      commit: '06e48c510aa3',
      funcs: { kvm_vcpu_on_spin: spinScan({ eligible: true }) as never },
    },
  ],
});
