// SPDX-License-Identifier: GPL-2.0-only
/** Functions that mirrored code calls already and whose files are on their way; to be deleted with their arrival. */
import type { kvm, kvm_vcpu } from '../kvm/kvm_host.js';
import type { kvm_lapic } from '../lapic/lapic.js';
import type { u64 } from '../lib/types.js';

export interface awaited_functions {
  kvm_make_request(req: number, vcpu: kvm_vcpu): void;
  kvm_vcpu_kick(vcpu: kvm_vcpu): void;
  kvm_vcpu_wake_up(vcpu: kvm_vcpu): boolean;
  kvm_make_all_cpus_request(kvm: kvm, req: number): boolean;
  kvm_make_vcpus_request_mask(kvm: kvm, req: number, vcpu_bitmap: readonly number[]): boolean;
  kvm_get_running_vcpu(): number;
  kvm_get_vcpu_by_id(kvm: kvm, id: number): number;
  kvm_inject_nmi(vcpu: kvm_vcpu): void;
  kvm_set_apicv_inhibit(kvm: kvm, reason: number): void;
  kvm_clear_apicv_inhibit(kvm: kvm, reason: number): void;
  kvm_apicv_activated(kvm: kvm): boolean;
  kvm_vcpu_reset(vcpu: kvm_vcpu, init_event: boolean): void;
  kvm_vcpu_is_reset_bsp(vcpu: kvm_vcpu): boolean;
  vmx_deliver_interrupt(apic: kvm_lapic, delivery_mode: number, trig_mode: number, vector: number): void;
  vmx_sync_pir_to_irr(vcpu: kvm_vcpu): number;
  vmx_hwapic_irr_update(vcpu: kvm_vcpu, max_irr: number): void;
  vmx_hwapic_isr_update(vcpu: kvm_vcpu, max_isr: number): void;
  vmx_update_cr8_intercept(vcpu: kvm_vcpu, tpr: number, irr: number): void;
  vmx_load_eoi_exitmap(vcpu: kvm_vcpu, eoi_exit_bitmap: readonly number[]): void;
  vmx_apicv_pre_state_restore(vcpu: kvm_vcpu): void;
  vmx_set_hv_timer(vcpu: kvm_vcpu, guest_deadline_tsc: u64, expired: { value: boolean }): number;
  vmx_cancel_hv_timer(vcpu: kvm_vcpu): void;
  svm_deliver_interrupt(apic: kvm_lapic, delivery_mode: number, trig_mode: number, vector: number): void;
  svm_complete_interrupt_delivery(vcpu: kvm_vcpu, delivery_mode: number, trig_mode: number, vector: number): void;
  svm_update_cr8_intercept(vcpu: kvm_vcpu, tpr: number, irr: number): void;
}
