// SPDX-License-Identifier: GPL-2.0-only
/** The functions that the series adds, and the kernel as they see it. */
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type * as patch2 from './0002-sched-fair-Add-rate-limiting-and-validation-helpers.js';
import type * as patch3 from './0003-sched-fair-Add-cgroup-LCA-finder-for-hierarchical-yi.js';
import type * as patch4 from './0004-sched-fair-Add-penalty-calculation-and-application-l.js';
import type * as patch5 from './0005-sched-fair-Wire-up-yield-deboost-in-yield_to_task_fa.js';
import type * as patch6 from './0006-KVM-x86-Add-IPI-tracking-infrastructure.js';
import type * as patch7 from './0007-KVM-x86-lapic-Integrate-IPI-tracking-with-interrupt-.js';
import type * as patch8 from './0008-KVM-Implement-IPI-aware-directed-yield-candidate-sel.js';

export interface Adds {
  yield_deboost_rate_limit: typeof patch2.yield_deboost_rate_limit;
  yield_deboost_validate_tasks: typeof patch5.yield_deboost_validate_tasks;
  yield_deboost_find_lca: typeof patch3.yield_deboost_find_lca;
  yield_deboost_apply_debounce: typeof patch4.yield_deboost_apply_debounce;
  yield_deboost_calculate_penalty: typeof patch4.yield_deboost_calculate_penalty;
  yield_deboost_apply_penalty: typeof patch4.yield_deboost_apply_penalty;
  yield_to_deboost: typeof patch5.yield_to_deboost;
  kvm_track_ipi_communication: typeof patch6.kvm_track_ipi_communication;
  kvm_vcpu_is_ipi_receiver: typeof patch6.kvm_vcpu_is_ipi_receiver;
  kvm_vcpu_clear_ipi_context: typeof patch6.kvm_vcpu_clear_ipi_context;
  kvm_vcpu_reset_ipi_context: typeof patch6.kvm_vcpu_reset_ipi_context;
  kvm_clear_ipi_on_eoi: typeof patch7.kvm_clear_ipi_on_eoi;
  kvm_vcpu_is_good_yield_candidate: typeof patch8.kvm_vcpu_is_good_yield_candidate;
}

export type semantics_aware = vmlinux_x86 & Adds;
