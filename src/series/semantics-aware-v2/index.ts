// SPDX-License-Identifier: GPL-2.0-only
/** sched/kvm: Semantics-aware vCPU scheduling for oversubscribed KVM, v2, on v6.19-rc1, as posted. */
import { defineSeries } from '../series.js';
import infrastructure from './0001-sched-Add-vCPU-debooster-infrastructure.js';
import rateLimit from './0002-sched-fair-Add-rate-limiting-and-validation-helpers.js';
import lca from './0003-sched-fair-Add-cgroup-LCA-finder-for-hierarchical-yi.js';
import penalty from './0004-sched-fair-Add-penalty-calculation-and-application-l.js';
import wired from './0005-sched-fair-Wire-up-yield-deboost-in-yield_to_task_fa.js';
import tracking from './0006-KVM-x86-Add-IPI-tracking-infrastructure.js';
import delivery from './0007-KVM-x86-lapic-Integrate-IPI-tracking-with-interrupt-.js';
import selection from './0008-KVM-Implement-IPI-aware-directed-yield-candidate-sel.js';
import relaxed from './0009-KVM-Relaxed-boost-as-safety-net.js';
import type { Adds } from './adds.js';

export default defineSeries<Adds>({
  id: 'semantics-aware-v2',
  title: 'sched/kvm: Semantics-aware vCPU scheduling for oversubscribed KVM, v2',
  base: 'v6.19-rc1',
  cover: '20251219035334.39790-1-kernellwp@gmail.com',
  patches: [infrastructure, rateLimit, lca, penalty, wired, tracking, delivery, selection, relaxed],
});
