/* SPDX-License-Identifier: GPL-2.0-only */
/* What the drivers share in the kernel's world: the VM of the run. */
#ifndef NATIVE_DRV_LAPIC_H
#define NATIVE_DRV_LAPIC_H
#include "irq.h"
#include "ioapic.h"
#include "x86.h"
#include "mmu.h"
#include "lapic.h"
#include "protocol.h"
#include "native-probe.h"

#define LAPIC_MAX_CALLS 4096

struct native_logged {
  u32 call, vcpu;
  u32 a, b;
};

/* Everything around the APICs that is neither the kernel's nor in the kernel's structures. */
struct native_world {
  struct kvm *kvm;
  struct kvm_vcpu *vcpu[LAPIC_MAX_VCPUS];
  int nr;
  unsigned int flags, cpuid_flags[LAPIC_MAX_VCPUS];
  u64 tsc_khz;
  int maxphyaddr;
  /* whose operation it is */
  struct kvm_vcpu *running;
  /* what the last access read */
  u64 data;
  /* KVM_GET_LAPIC and KVM_SET_LAPIC */
  u32 staged[256];
  u32 pir[LAPIC_MAX_VCPUS][8];
  u8 pv_eoi[LAPIC_MAX_VCPUS];
  bool pv_eoi_fault[LAPIC_MAX_VCPUS];
  u32 vapic[LAPIC_MAX_VCPUS];
  int pic_vector;
  struct native_logged calls[LAPIC_MAX_CALLS];
  int nr_calls;
};

extern struct native_world native_world;

struct kvm_vcpu *native_vcpu(int i);
void native_log(enum lapic_call call, const struct kvm_vcpu *vcpu, u32 a, u32 b);
void native_after_op(void);

#ifdef NATIVE_HAVE_hrtimer_state
#define native_queued(timer) ((timer)->state)
#else
#define native_queued(timer) ((timer)->is_queued)
#endif
#endif
