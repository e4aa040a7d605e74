// SPDX-License-Identifier: GPL-2.0-only
/** v6.19-rc1: what virt/kvm and arch/x86/kvm do otherwise than at the pin, one entry an upstream commit. */
import type { Patch } from '../series.js';
import type { Adds } from './adds.js';
import * as interrupts from './kvm_interrupts.js';
import * as kvm_main from './kvm_main.js';
import * as x86 from './kvm_x86.js';

export const kvm: Patch<Adds>[] = [
  {
    // v6.13
    subject: 'KVM: Protect vCPU\'s "last run PID" with rwlock, not RCU',
    commit: '3e7f43188ee2',
    funcs: { kvm_vcpu_yield_to: kvm_main.kvm_vcpu_yield_to },
  },
  {
    // v6.19-rc1; with the rework of the loop in v6.13, 7e513617da71, whose index it corrects
    subject: 'KVM: Fix last_boosted_vcpu index assignment bug',
    commit: '32bd348be3fa',
    funcs: { kvm_vcpu_on_spin: kvm_main.kvm_vcpu_on_spin },
  },
  {
    // v6.13
    subject: 'KVM: x86: Bypass register cache when querying CPL from kvm_sched_out()',
    commit: '8c8e90f79c56',
    funcs: { kvm_arch_vcpu_put: x86.kvm_arch_vcpu_put },
    adds: {
      vmx_get_cpl_no_cache: x86.vmx_get_cpl_no_cache,
      kvm_x86_get_cpl_no_cache: x86.kvm_x86_get_cpl_no_cache,
    },
  },
  {
    // v6.15
    subject: 'KVM: x86: Clear pv_unhalted on all transitions to KVM_MP_STATE_RUNNABLE',
    commit: 'e9cb61055fee',
    funcs: {
      __kvm_emulate_halt: x86.__kvm_emulate_halt,
      vcpu_blockEnd: x86.vcpu_blockEnd,
      kvm_apic_accept_events: x86.kvm_apic_accept_events,
      kvm_arch_vcpu_ioctl_set_mpstate: x86.kvm_arch_vcpu_ioctl_set_mpstate,
    },
    adds: { kvm_set_mp_state: x86.kvm_set_mp_state },
  },
  {
    // v6.18
    subject: 'KVM: x86: Only allow "fast" IPIs in fastpath WRMSR(X2APIC_ICR) handler',
    commit: 'aeeb4c7fff52',
    funcs: {
      kvm_x2apic_icr_write: x86.kvm_x2apic_icr_write,
      handle_fastpath_set_x2apic_icr_irqoff: x86.handle_fastpath_set_x2apic_icr_irqoff,
    },
    adds: {
      __kvm_x2apic_icr_write: x86.__kvm_x2apic_icr_write,
      kvm_x2apic_icr_write_fast: x86.kvm_x2apic_icr_write_fast,
    },
  },
  {
    // v6.18
    subject: 'KVM: x86: Unconditionally handle MSR_IA32_TSC_DEADLINE in fastpath exits',
    commit: '0a94b2042419',
    funcs: { handle_fastpath_set_tscdeadline: x86.handle_fastpath_set_tscdeadline },
  },
  {
    // v6.14
    subject: 'KVM: x86: Remove hwapic_irr_update() from kvm_x86_ops',
    funcs: { kvm_x86_hwapic_irr_update: interrupts.kvm_x86_hwapic_irr_update },
  },
  {
    // v6.15
    subject: 'KVM: x86: Rescan I/O APIC routes after EOI interception for old routing',
    funcs: {
      kvm_scan_ioapic_routes: interrupts.kvm_scan_ioapic_routes,
      kvm_ioapic_scan_entry: interrupts.kvm_ioapic_scan_entry,
      vcpu_scan_ioapic: interrupts.vcpu_scan_ioapic,
      kvm_ioapic_send_eoi: interrupts.kvm_ioapic_send_eoi,
    },
    adds: { kvm_scan_ioapic_irq: interrupts.kvm_scan_ioapic_irq },
  },
  {
    // v6.16; with those before it in its series, of which pi_harvest_pir() shows
    subject: 'KVM: VMX: Suppress PI notifications whenever the vCPU is put',
    funcs: {
      vmx_vcpu_pi_put: interrupts.vmx_vcpu_pi_put,
      kvm_apic_update_irr: interrupts.kvm_apic_update_irr,
    },
  },
  {
    // v6.18
    subject: 'KVM: x86: the fast path of WRMSR traces before it skips the instruction',
    funcs: { handle_fastpath_set_msr_irqoff: x86.handle_fastpath_set_msr_irqoff },
  },
  {
    // in the pin from the stable series of 2026, later than rc1
    subject: 'KVM: x86: as before the fixes of 2026: TPR threshold, timer outside KVM_RUN, PV EOI',
    funcs: {
      apic_update_ppr: x86.apic_update_ppr,
      apic_timer_expired: x86.apic_timer_expired,
      apic_sync_pv_eoi_from_guest: x86.apic_sync_pv_eoi_from_guest,
    },
  },
];
