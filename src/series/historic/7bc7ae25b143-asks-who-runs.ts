// SPDX-License-Identifier: GPL-2.0-only
/** Before 7bc7ae25b143 (v3.10): vCPUs that were not preempted are asked for a directed yield. */
import { defineSeries } from '../series.js';
import { spinScan } from './on-spin.js';

export default defineSeries({
  id: 'revert-7bc7ae25b143',
  title: 'vCPUs that were not preempted are asked for a directed yield',
  base: 'v6.1',
  notices: 'a spinner asks for vCPUs that run, or that sleep',
  patches: [
    {
      subject: 'Revert "kvm: Iterate over only vcpus that are preempted"',
      commit: '7bc7ae25b143',
      funcs: { kvm_vcpu_on_spin: spinScan({ ready: true }) as never },
    },
  ],
});
