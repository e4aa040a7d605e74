// SPDX-License-Identifier: GPL-2.0-only
/** Dynamic vcpu priority management in kvm (pvsched), v1, as posted for v6.5.10: on the pin, and rebased onto v6.5. */
import { defineSeries } from '../series.js';
import msr from './0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import setscheduler from './0002-sched-core-sched_setscheduler_pi_nocheck-for-interru.js';
import framework from './0003-kvm-x86-vcpu-boosting-unboosting-framework.js';
import proactive from './0004-kvm-x86-boost-vcpu-threads-on-latency-sensitive-path.js';
import bound from './0005-kvm-x86-upper-bound-for-preemption-based-boost-durat.js';
import switches from './0006-kvm-x86-enable-disable-global-per-guest-vcpu-boost-f.js';
import guest from './0007-sched-core-boost-unboost-in-guest-scheduler.js';
import irq from './0008-irq-boost-unboost-in-irq-nmi-entry-exit-and-softirq.js';
import type { Adds } from './adds.js';

export default defineSeries<Adds>({
  id: 'pvsched-v1',
  title: 'Dynamic vcpu priority management in kvm, v1',
  base: 'v6.12.117',
  cover: '20231214024727.3503870-1-vineeth@bitbyteword.org',
  patches: [msr, setscheduler, framework, proactive, bound, switches, guest, irq],
});
