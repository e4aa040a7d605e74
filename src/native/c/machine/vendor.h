/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPU under a guest, in the place of a vendor's module: what an exit has to say, and what an entry was given. */
#ifndef NATIVE_VENDOR_H
#define NATIVE_VENDOR_H
#include <linux/kvm_host.h>
#include "machine.h"

enum native_exit { EXIT_INTERRUPT, EXIT_IRQ_WINDOW, EXIT_NMI_WINDOW, EXIT_HLT, EXIT_PAUSE, EXIT_WRMSR, EXIT_HYPERCALL, EXIT_APIC_WRITE };

struct native_frame {
  u8 vector, cpl;
  bool if_flag, ended;
};

/* Lies behind its vCPU, in one allocation. */
struct native_guest {
  u8 cpl;
  bool if_flag, int_shadow, nmi_masked, irq_window, nmi_window;
  u64 shadow_since;
  /* vector, or 0x200 and 2 for an NMI, or 0x300 and an exception; -1 for none */
  int event;
  enum native_exit reason;
  u64 qualification;
  unsigned int ple_window;
  int nr_frames;
  struct native_frame frames[MACHINE_MAX_FRAMES];
};

static inline struct native_guest *native_guest(struct kvm_vcpu *vcpu)
{
  return (struct native_guest *)(vcpu + 1);
}

void native_goes_on(struct kvm_vcpu *vcpu);
#endif
