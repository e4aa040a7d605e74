/* SPDX-License-Identifier: GPL-2.0-only */
/* arch/x86/kvm/x86.c of the tree, and what the driver needs of what is static in it. */
#include "arch/x86/kvm/x86.c"
#include "protocol.h"

native_s64 lapic_fastpath(struct kvm_vcpu *vcpu, unsigned int msr, native_u64 data)
{
  kvm_rcx_write(vcpu, msr);
  kvm_rax_write(vcpu, (u32)data);
  kvm_rdx_write(vcpu, data >> 32);
  return handle_fastpath_set_msr_irqoff(vcpu) != EXIT_FASTPATH_NONE;
}

void lapic_scan_ioapic(struct kvm_vcpu *vcpu)
{
  vcpu_scan_ioapic(vcpu);
}

void lapic_process_nmi(struct kvm_vcpu *vcpu)
{
  process_nmi(vcpu);
}

void lapic_set_tsc_khz(struct kvm_vcpu *vcpu, unsigned int khz)
{
  kvm_set_tsc_khz(vcpu, khz);
}

/* An address that is not NULL: the calls go to shims.c. */
static void *native_present(bool has)
{
  return has ? (void *)lapic_fastpath : NULL;
}

/* The module parameters, and what kvm_intel or kvm_amd would say of itself. */
void lapic_boot(unsigned int flags, unsigned int khz)
{
  struct kvm_x86_ops ops = {
    .x2apic_icr_is_split = !!(flags & LAPIC_ICR_SPLIT),
    .required_apicv_inhibits = 0x1fff,
    .set_hv_timer = native_present(flags & LAPIC_HV_TIMER),
    .sync_pir_to_irr = native_present(flags & LAPIC_POSTING),
    .update_cr8_intercept = native_present(flags & LAPIC_CR8_INTERCEPT),
  };

  memcpy((void *)&kvm_x86_ops, &ops, sizeof(ops));
  tsc_khz = khz;
  kvm_caps.default_tsc_scaling_ratio = 1ULL << 48;
  vector_hashing = !!(flags & LAPIC_HASHING);
  enable_apicv = !!(flags & LAPIC_APICV);
  pi_inject_timer = !!(flags & LAPIC_PI_INJECT);
  min_timer_period_us = 200;
}

void lapic_set_param(unsigned int which, native_s64 value)
{
  switch (which) {
  case 0:
    vector_hashing = !!value;
    break;
  case 1:
    pi_inject_timer = !!value;
    break;
  case 2:
    min_timer_period_us = value;
    break;
  }
}
