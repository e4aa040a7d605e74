/* SPDX-License-Identifier: GPL-2.0-only */
/* arch/x86/kvm/x86.c of the tree, and what the driver needs of what is static in it. */
#include "arch/x86/kvm/x86.c"
#include "vendor.h"

void native_boot_x86(unsigned int khz)
{
  struct kvm_x86_ops ops = {
    .required_apicv_inhibits = 0x1fff,
    /* there is one: a TPR shadow */
    .update_cr8_intercept = (void *)kvm_set_cr8,
  };

  int cpu;

  memcpy((void *)&kvm_x86_ops, &ops, sizeof(ops));
  for_each_possible_cpu(cpu) per_cpu(cpu_tsc_khz, cpu) = khz;
  enable_apicv = false;
  tsc_khz = khz;
  kvm_caps.default_tsc_scaling_ratio = 1ULL << 48;
  min_timer_period_us = 200;
}

/* No GSI has a route. */
static struct kvm_irq_routing_table *native_routes(void)
{
  return native_alloc(sizeof(struct kvm_irq_routing_table) + 24 * sizeof(struct hlist_head));
}

/* kvm_arch_init_vm(), with the IOAPIC and PIC in userspace. */
void native_init_vm(struct kvm *kvm)
{
  mutex_init(&kvm->arch.apic_map_lock);
  init_rwsem(&kvm->arch.apicv_update_lock);
  raw_spin_lock_init(&kvm->arch.tsc_write_lock);
  seqcount_raw_spinlock_init(&kvm->arch.pvclock_sc, &kvm->arch.tsc_write_lock);
  kvm->arch.apic_bus_cycle_ns = APIC_BUS_CYCLE_NS_DEFAULT;
  kvm->arch.irqchip_mode = KVM_IRQCHIP_SPLIT;
  kvm->arch.nr_reserved_ioapic_pins = 24;
  RCU_INIT_POINTER(kvm->irq_routing, native_routes());
  kvm->arch.use_master_clock = true;
  kvm->arch.default_tsc_khz = tsc_khz;
  kvm->arch.apicv_inhibit_reasons = 1UL << APICV_INHIBIT_REASON_DISABLED;
}

/* kvm_arch_vcpu_create() without memory, FPU and PMU. */
void native_create_vcpu(struct kvm_vcpu *vcpu)
{
  native_guest(vcpu)->event = -1;
  vcpu->arch.last_vmentry_cpu = -1;
  vcpu->arch.regs_avail = ~0;
  vcpu->arch.regs_dirty = ~0;
  vcpu->arch.mp_state = kvm_vcpu_is_reset_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;
  /* its root is there */
  vcpu->arch.mmu = &vcpu->arch.root_mmu;
  vcpu->arch.walk_mmu = &vcpu->arch.root_mmu;
  kvm_create_lapic(vcpu);
  vcpu->arch.pending_external_vector = -1;
  vcpu->arch.preempted_in_kernel = false;
  vcpu_load(vcpu);
  kvm_set_tsc_khz(vcpu, vcpu->kvm->arch.default_tsc_khz);
  kvm_vcpu_reset(vcpu, false);
  vcpu_put(vcpu);
}

/* The guest stores to a register, in whatever mode its APIC is. */
static void native_store(struct kvm_vcpu *vcpu, u32 offset, u32 value)
{
  if (apic_x2apic_mode(vcpu->arch.apic)) kvm_x2apic_msr_write(vcpu, APIC_BASE_MSR + (offset >> 4), value);
  else kvm_iodevice_write(vcpu, &vcpu->arch.apic->dev, APIC_DEFAULT_PHYS_BASE + offset, 4, &value);
}

void native_guest_booted(struct kvm_vcpu *vcpu, bool x2apic, bool halted)
{
  struct msr_data base = { .host_initiated = true, .index = MSR_IA32_APICBASE };

  vcpu_load(vcpu);
  vcpu->arch.apic->lapic_timer.timer_mode_mask = 3 << 17;
  kvm_apic_set_version(vcpu);
  vcpu->arch.mp_state = halted ? KVM_MP_STATE_HALTED : KVM_MP_STATE_RUNNABLE;
  if (x2apic) {
    base.data = vcpu->arch.apic_base | X2APIC_ENABLE;
    if (kvm_apic_set_base(vcpu, &base)) native_end(NATIVE_BUG, "", 0, "the APIC refuses x2APIC mode");
  } else if (vcpu->vcpu_id < 8) {
    native_store(vcpu, APIC_LDR, 1U << (24 + vcpu->vcpu_id));
  }
  native_store(vcpu, APIC_SPIV, APIC_SPIV_APIC_ENABLED | 0xff);
  native_guest(vcpu)->cpl = 0;
  native_guest(vcpu)->if_flag = true;
  vcpu_put(vcpu);
}
