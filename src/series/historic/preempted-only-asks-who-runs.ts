// SPDX-License-Identifier: GPL-2.0-only
/**
 * Before "kvm: Iterate over only vcpus that are preempted" (v3.10, Raghavendra K T, March 2013; after 3a08a8f9f093, which records the
 * preemption; its own number was not found): vCPUs that were not preempted are asked for a directed yield.
 */
import { defineSeries } from '../series.js';
import { spinScan } from './on-spin.js';

export default defineSeries({
  id: 'revert-preempted-only',
  title: 'vCPUs that were not preempted are asked for a directed yield',
  base: 'v6.1',
  notices: 'a spinner asks for vCPUs that run, or that sleep',
  patches: [
    {
      subject: 'Revert "kvm: Iterate over only vcpus that are preempted"',
      funcs: { kvm_vcpu_on_spin: spinScan({ ready: true }) as never },
    },
  ],
});
