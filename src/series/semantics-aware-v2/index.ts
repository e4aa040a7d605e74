// SPDX-License-Identifier: GPL-2.0-only
/** sched/kvm: Semantics-aware vCPU scheduling for oversubscribed KVM, v2, on v6.19-rc1, as posted. */
import { defineSeries } from '../series.js';
import * as patch1 from './0001-sched-Add-vCPU-debooster-infrastructure.js';
import * as patch2 from './0002-sched-fair-Add-rate-limiting-and-validation-helpers.js';
import * as patch3 from './0003-sched-fair-Add-cgroup-LCA-finder-for-hierarchical-yi.js';
import * as patch4 from './0004-sched-fair-Add-penalty-calculation-and-application-l.js';
import * as patch5 from './0005-sched-fair-Wire-up-yield-deboost-in-yield_to_task_fa.js';
import * as patch6 from './0006-KVM-x86-Add-IPI-tracking-infrastructure.js';
import * as patch7 from './0007-KVM-x86-lapic-Integrate-IPI-tracking-with-interrupt-.js';
import * as patch8 from './0008-KVM-Implement-IPI-aware-directed-yield-candidate-sel.js';
import * as patch9 from './0009-KVM-Relaxed-boost-as-safety-net.js';
import type { Adds } from './adds.js';

export default defineSeries<Adds>({
  id: 'semantics-aware-v2',
  title: 'sched/kvm: Semantics-aware vCPU scheduling for oversubscribed KVM, v2',
  base: 'v6.19-rc1',
  cover: '20251219035334.39790-1-kernellwp@gmail.com',
  patches: [
    {
      subject: 'sched: Add vCPU debooster infrastructure',
      knobs: patch1.knobs,
    },
    {
      subject: 'sched/fair: Add rate-limiting and validation helpers',
      adds: {
        yield_deboost_rate_limit: patch2.yield_deboost_rate_limit,
        yield_deboost_validate_tasks: patch2.yield_deboost_validate_tasks,
      },
    },
    {
      subject: 'sched/fair: Add cgroup LCA finder for hierarchical yield',
      adds: { yield_deboost_find_lca: patch3.yield_deboost_find_lca },
    },
    {
      subject: 'sched/fair: Add penalty calculation and application logic',
      adds: {
        yield_deboost_apply_debounce: patch4.yield_deboost_apply_debounce,
        yield_deboost_calculate_penalty: patch4.yield_deboost_calculate_penalty,
        yield_deboost_apply_penalty: patch4.yield_deboost_apply_penalty,
      },
    },
    {
      subject: 'sched/fair: Wire up yield deboost in yield_to_task_fair()',
      funcs: {
        yield_deboost_validate_tasks: patch5.yield_deboost_validate_tasks,
        yield_to_task_fair: patch5.yield_to_task_fair,
      },
      adds: { yield_to_deboost: patch5.yield_to_deboost },
    },
    {
      subject: 'KVM: x86: Add IPI tracking infrastructure',
      knobs: patch6.knobs,
      funcs: {
        kvm_arch_vcpu_create: patch6.kvm_arch_vcpu_create,
        kvm_arch_vcpu_destroy: patch6.kvm_arch_vcpu_destroy,
        kvm_vcpu_reset: patch6.kvm_vcpu_reset,
      },
      adds: {
        kvm_track_ipi_communication: patch6.kvm_track_ipi_communication,
        kvm_vcpu_is_ipi_receiver: patch6.kvm_vcpu_is_ipi_receiver,
        kvm_vcpu_clear_ipi_context: patch6.kvm_vcpu_clear_ipi_context,
        kvm_vcpu_reset_ipi_context: patch6.kvm_vcpu_reset_ipi_context,
      },
    },
    {
      subject: 'KVM: x86/lapic: Integrate IPI tracking with interrupt delivery',
      funcs: {
        kvm_irq_delivery_to_apic_fast: patch7.kvm_irq_delivery_to_apic_fast,
        kvm_irq_delivery_to_apic: patch7.kvm_irq_delivery_to_apic,
        kvm_apic_set_eoi_accelerated: patch7.kvm_apic_set_eoi_accelerated,
        kvm_lapic_reg_write: patch7.kvm_lapic_reg_write,
      },
      adds: { kvm_clear_ipi_on_eoi: patch7.kvm_clear_ipi_on_eoi },
    },
    {
      subject: 'KVM: Implement IPI-aware directed yield candidate selection',
      funcs: { kvm_vcpu_on_spin: patch8.kvm_vcpu_on_spin },
      adds: { kvm_vcpu_is_good_yield_candidate: patch8.kvm_vcpu_is_good_yield_candidate },
    },
    {
      subject: 'KVM: Relaxed boost as safety net',
      knobs: patch9.knobs,
      funcs: { kvm_vcpu_on_spin: patch9.kvm_vcpu_on_spin },
    },
  ],
});
