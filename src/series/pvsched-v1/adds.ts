// SPDX-License-Identifier: GPL-2.0-only
/** The functions that the series adds, and the kernel as they see it. */
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type * as patch1 from './0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import type * as patch2 from './0002-sched-core-sched_setscheduler_pi_nocheck-for-interru.js';
import type * as patch3 from './0003-kvm-x86-vcpu-boosting-unboosting-framework.js';
import type * as patch4 from './0004-kvm-x86-boost-vcpu-threads-on-latency-sensitive-path.js';
import type * as patch5 from './0005-kvm-x86-upper-bound-for-preemption-based-boost-durat.js';
import type * as patch6 from './0006-kvm-x86-enable-disable-global-per-guest-vcpu-boost-f.js';
import type * as patch7 from './0007-sched-core-boost-unboost-in-guest-scheduler.js';
import type * as patch8 from './0008-irq-boost-unboost-in-irq-nmi-entry-exit-and-softirq.js';

export interface Adds {
  kvm_arch_vcpu_pv_sched_enabled: typeof patch1.kvm_arch_vcpu_pv_sched_enabled;
  kvm_arch_vcpu_set_boost_status: typeof patch1.kvm_arch_vcpu_set_boost_status;
  kvm_set_vcpu_boosted: typeof patch1.kvm_set_vcpu_boosted;
  kvm_set_msr_commonPvSched: typeof patch1.kvm_set_msr_commonPvSched;
  record_vcpu_boost_status: typeof patch1.record_vcpu_boost_status;
  sched_setscheduler_pi_nocheck: typeof patch2.sched_setscheduler_pi_nocheck;
  kvm_vcpu_set_sched: typeof patch3.kvm_vcpu_set_sched;
  kvm_vcpu_set_boost_prio: typeof patch3.kvm_vcpu_set_boost_prio;
  kvm_vcpu_do_pv_sched: typeof patch3.kvm_vcpu_do_pv_sched;
  kvm_vcpu_needs_boost: typeof patch3.kvm_vcpu_needs_boost;
  kvm_vcpu_kick_boost: typeof patch4.kvm_vcpu_kick_boost;
  kvm_vcpu_exceeds_preempt_disabled_duration: typeof patch5.kvm_vcpu_exceeds_preempt_disabled_duration;
  kvm_vcpu_update_preempt_disabled: typeof patch5.kvm_vcpu_update_preempt_disabled;
  kvm_pv_sched_enabled: typeof patch6.kvm_pv_sched_enabled;
  kvm_set_pv_sched_enabled: typeof patch6.kvm_set_pv_sched_enabled;
  param_set_kvm_pv_sched: typeof patch6.param_set_kvm_pv_sched;
  pv_sched_enabled: typeof patch7.pv_sched_enabled;
  pv_sched_boost_vcpu_lazy: typeof patch7.pv_sched_boost_vcpu_lazy;
  pv_sched_unboost_vcpu_lazy: typeof patch7.pv_sched_unboost_vcpu_lazy;
  pv_sched_boost_vcpu: typeof patch7.pv_sched_boost_vcpu;
  pv_sched_unboost_vcpu: typeof patch7.pv_sched_unboost_vcpu;
  pv_sched_vcpu_update: typeof patch7.pv_sched_vcpu_update;
  irqentry_exitUnboost: typeof patch8.irqentry_exitUnboost;
}

export type pvsched = vmlinux_x86 & Adds;
