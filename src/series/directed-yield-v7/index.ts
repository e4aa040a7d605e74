// SPDX-License-Identifier: GPL-2.0-only
/** Directed yield for Pause Loop Exiting, v7: the commits that it became, in the order of its cover letter. */
import { defineSeries } from '../series.js';
import pid from './0001-KVM-keep-track-of-which-task-is-running-a-KVM-vcpu.js';
import skip from './0002-sched-Use-a-buddy-to-implement-yield_task_fair.js';
import yieldTo from './0003-sched-Add-yield_to-task-preempt-functionality.js';
import onSpin from './0004-kvm-use-yield_to-instead-of-sleep-in-kvm_vcpu_on_spi.js';
import type { Adds } from './adds.js';

export default defineSeries<Adds>({
  id: 'directed-yield-v7',
  title: 'directed yield for Pause Loop Exiting, v7',
  base: 'v2.6.38',
  patches: [pid, skip, yieldTo, onSpin],
});
