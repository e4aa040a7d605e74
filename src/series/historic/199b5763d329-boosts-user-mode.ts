// SPDX-License-Identifier: GPL-2.0-only
/** Before 199b5763d329 (v4.14): a spinner in the kernel boosts vCPUs preempted in user mode. */
import { defineSeries } from '../series.js';
import { spinScan } from './on-spin.js';

export default defineSeries({
  id: 'revert-199b5763d329',
  title: 'a spinner in the kernel boosts vCPUs preempted in user mode',
  base: 'v6.1',
  notices: 'whoever was preempted at CPL 3 is asked for by a spinner at CPL 0',
  patches: [
    {
      subject: 'Revert "KVM: add spinlock optimization framework"',
      commit: '199b5763d329',
      funcs: { kvm_vcpu_on_spin: spinScan({ mode: true }) as never },
    },
  ],
});
