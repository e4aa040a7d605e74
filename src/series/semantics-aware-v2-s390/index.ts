// SPDX-License-Identifier: GPL-2.0-only
/** sched/kvm: Semantics-aware vCPU scheduling for oversubscribed KVM, v2, as posted, built for s390. */
import infrastructure from '../semantics-aware-v2/0001-sched-Add-vCPU-debooster-infrastructure.js';
import rateLimit from '../semantics-aware-v2/0002-sched-fair-Add-rate-limiting-and-validation-helpers.js';
import lca from '../semantics-aware-v2/0003-sched-fair-Add-cgroup-LCA-finder-for-hierarchical-yi.js';
import penalty from '../semantics-aware-v2/0004-sched-fair-Add-penalty-calculation-and-application-l.js';
import wired from '../semantics-aware-v2/0005-sched-fair-Wire-up-yield-deboost-in-yield_to_task_fa.js';
import selection from '../semantics-aware-v2/0008-KVM-Implement-IPI-aware-directed-yield-candidate-sel.js';
import relaxed from '../semantics-aware-v2/0009-KVM-Relaxed-boost-as-safety-net.js';
import { defineSeries, type Series } from '../series.js';
import tracking from './0006-KVM-x86-Add-IPI-tracking-infrastructure.js';
import delivery from './0007-KVM-x86-lapic-Integrate-IPI-tracking-with-interrupt-.js';

export default defineSeries({
  id: 'semantics-aware-v2-s390',
  title: 'sched/kvm: Semantics-aware vCPU scheduling for oversubscribed KVM, v2, on s390',
  base: 'v6.19-rc1-s390',
  cover: '20251219035334.39790-1-kernellwp@gmail.com',
  patches: [
    infrastructure,
    rateLimit,
    lca,
    penalty,
    wired,
    tracking,
    delivery,
    selection,
    relaxed,
  ] as unknown as Series['patches'],
});
