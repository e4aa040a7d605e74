/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hooks of kvm_intel or kvm_amd without hardware: a CPU of Intel's without APICv, preemption timer and nested guests.
 * A hook that is not here does nothing and returns 0.
 */
#include "vendor.h"
#include "x86.h"
#include "lapic.h"
#include "irq.h"
#include <trace/events/ipi.h>

_Static_assert(sizeof(struct native_guest) <= sizeof(struct kvm_vcpu), "it lies behind its vCPU");

/* The shadow of an STI is over as soon as time has passed. */
void native_goes_on(struct kvm_vcpu *vcpu)
{
  struct native_guest *n = native_guest(vcpu);

  if (n->int_shadow && n->shadow_since != native_now) n->int_shadow = false;
}

/* ---- the state of the guest's CPU ---- */

/* kvm_intel's window of PAUSEs that make an exit, with its parameters as they are at boot: doubled by each, back when off its CPU. */
#define PLE_WINDOW 4096U

static void native_grow_ple_window(struct native_guest *n)
{
  n->ple_window = n->ple_window > UINT_MAX / 2 ? UINT_MAX : 2 * n->ple_window;
}

void __SCT__kvm_x86_vcpu_load(struct kvm_vcpu *vcpu, int cpu)
{
  if (vcpu->scheduled_out) native_guest(vcpu)->ple_window = PLE_WINDOW;
}

void __SCT__kvm_x86_vcpu_reset(struct kvm_vcpu *vcpu, bool init_event)
{
  struct native_guest *n = native_guest(vcpu);

  if (!init_event) {
    n->irq_window = n->nmi_window = false;
    n->ple_window = PLE_WINDOW;
  }
  kvm_set_cr8(vcpu, 0);
  n->cpl = 0;
  n->nmi_masked = n->int_shadow = n->if_flag = false;
  n->event = -1;
  kvm_make_request(KVM_REQ_APIC_PAGE_RELOAD, vcpu);
}

int __SCT__kvm_x86_vcpu_pre_run(struct kvm_vcpu *vcpu) { return 1; }
int __SCT__kvm_x86_get_cpl(struct kvm_vcpu *vcpu) { return native_guest(vcpu)->cpl; }
int __SCT__kvm_x86_get_cpl_no_cache(struct kvm_vcpu *vcpu) { return native_guest(vcpu)->cpl; }
bool __SCT__kvm_x86_get_if_flag(struct kvm_vcpu *vcpu) { return native_guest(vcpu)->if_flag; }
u32 __SCT__kvm_x86_get_interrupt_shadow(struct kvm_vcpu *vcpu) { return native_guest(vcpu)->int_shadow; }
void __SCT__kvm_x86_set_interrupt_shadow(struct kvm_vcpu *vcpu, int mask) { native_guest(vcpu)->int_shadow = !!mask; }
bool __SCT__kvm_x86_get_nmi_mask(struct kvm_vcpu *vcpu) { return native_guest(vcpu)->nmi_masked; }
void __SCT__kvm_x86_set_nmi_mask(struct kvm_vcpu *vcpu, bool masked) { native_guest(vcpu)->nmi_masked = masked; }

int __SCT__kvm_x86_skip_emulated_instruction(struct kvm_vcpu *vcpu)
{
  native_guest(vcpu)->int_shadow = false;
  return 1;
}

int __SCT__kvm_x86_complete_emulated_msr(struct kvm_vcpu *vcpu, int err) { return kvm_complete_insn_gp(vcpu, err); }
int __SCT__kvm_x86_set_msr(struct kvm_vcpu *vcpu, struct msr_data *msr) { return kvm_set_msr_common(vcpu, msr); }
int __SCT__kvm_x86_get_msr(struct kvm_vcpu *vcpu, struct msr_data *msr) { return kvm_get_msr_common(vcpu, msr); }

/* ---- events ---- */

int __SCT__kvm_x86_interrupt_allowed(struct kvm_vcpu *vcpu, bool for_injection)
{
  struct native_guest *n = native_guest(vcpu);

  return n->if_flag && !n->int_shadow;
}

int __SCT__kvm_x86_nmi_allowed(struct kvm_vcpu *vcpu, bool for_injection)
{
  struct native_guest *n = native_guest(vcpu);

  return !n->int_shadow && !n->nmi_masked;
}

void __SCT__kvm_x86_enable_irq_window(struct kvm_vcpu *vcpu) { native_guest(vcpu)->irq_window = true; }

void __SCT__kvm_x86_enable_nmi_window(struct kvm_vcpu *vcpu)
{
  struct native_guest *n = native_guest(vcpu);

  if (n->int_shadow) n->irq_window = true;
  else n->nmi_window = true;
}

void __SCT__kvm_x86_inject_irq(struct kvm_vcpu *vcpu, bool reinjected)
{
  vcpu->stat.irq_injections++;
  native_guest(vcpu)->event = vcpu->arch.interrupt.nr;
}

void __SCT__kvm_x86_inject_nmi(struct kvm_vcpu *vcpu)
{
  vcpu->stat.nmi_injections++;
  native_guest(vcpu)->event = 0x202;
}

void __SCT__kvm_x86_inject_exception(struct kvm_vcpu *vcpu) { native_guest(vcpu)->event = 0x300 | vcpu->arch.exception.vector; }

void __SCT__kvm_x86_deliver_interrupt(struct kvm_lapic *apic, int delivery_mode, int trig_mode, int vector)
{
  kvm_lapic_set_irr(vector, apic);
  kvm_make_request(KVM_REQ_EVENT, apic->vcpu);
  kvm_vcpu_kick(apic->vcpu);
}

int __SCT__kvm_x86_sync_pir_to_irr(struct kvm_vcpu *vcpu) { return -1; }

/* As __vmx_complete_interrupts() does with an event that was not delivered. */
static void native_complete(struct kvm_vcpu *vcpu, int event)
{
  vcpu->arch.nmi_injected = false;
  kvm_clear_exception_queue(vcpu);
  kvm_clear_interrupt_queue(vcpu);
  if (event < 0) return;
  kvm_make_request(KVM_REQ_EVENT, vcpu);
  switch (event & 0x300) {
  case 0x200:
    vcpu->arch.nmi_injected = true;
    native_guest(vcpu)->nmi_masked = false;
    break;
  case 0x300:
    kvm_requeue_exception(vcpu, event & 0xff);
    break;
  default:
    kvm_queue_interrupt(vcpu, event & 0xff, false);
  }
}

void __SCT__kvm_x86_cancel_injection(struct kvm_vcpu *vcpu)
{
  struct native_guest *n = native_guest(vcpu);

  native_complete(vcpu, n->event);
  n->event = -1;
}

/* ---- entry and exit ---- */

/* Entry delivers what it was given, as through an interrupt gate into CPL 0. */
static void native_deliver_event(struct kvm_vcpu *vcpu)
{
  struct native_guest *n = native_guest(vcpu);
  int event = n->event;

  if (event < 0) return;
  n->event = -1;
  n->int_shadow = false;
  if ((event & 0x300) == 0x300) return;
  if (n->nr_frames >= MACHINE_MAX_FRAMES) native_end(NATIVE_NO_MEMORY, "", 0, "handlers of a guest nest too deep");
  n->frames[n->nr_frames++] = (struct native_frame){ event & 0xff, n->cpl, n->if_flag, false };
  n->cpl = 0;
  n->if_flag = false;
  if (event & 0x200) n->nmi_masked = true;
  native_note(NATIVE_DELIVERED, native_vcpu_index(vcpu), event & 0xff);
}

/* An exit that is forced at once is told as an interrupt that nobody handles. */
fastpath_t __SCT__kvm_x86_vcpu_run(struct kvm_vcpu *vcpu, u64 run_flags)
{
  struct native_guest *n = native_guest(vcpu);

  if (run_flags & 1) smp_send_reschedule(vcpu->cpu);
  kvm_wait_lapic_expire(vcpu);
  native_deliver_event(vcpu);
  if (run_flags & 1) n->reason = EXIT_INTERRUPT;
  else native_come_to(NATIVE_IN_GUEST);
  native_complete(vcpu, -1);
  if (run_flags & 1) return EXIT_FASTPATH_NONE;
  if (n->reason == EXIT_WRMSR) return handle_fastpath_set_msr_irqoff(vcpu);
  if (n->reason == EXIT_HLT) return handle_fastpath_hlt(vcpu);
  return EXIT_FASTPATH_NONE;
}

void __SCT__kvm_x86_handle_exit_irqoff(struct kvm_vcpu *vcpu)
{
  if (native_guest(vcpu)->reason != EXIT_INTERRUPT) return;
  native_take_interrupt();
  vcpu->arch.at_instruction_boundary = true;
}

static int native_apic_write(struct kvm_vcpu *vcpu, u64 qualification)
{
  u32 value = kvm_rax_read(vcpu);

  if (qualification == APIC_EOI) kvm_lapic_set_eoi(vcpu);
  else kvm_iodevice_write(vcpu, &vcpu->arch.apic->dev, APIC_DEFAULT_PHYS_BASE + qualification, 4, &value);
  return kvm_skip_emulated_instruction(vcpu);
}

int __SCT__kvm_x86_handle_exit(struct kvm_vcpu *vcpu, fastpath_t fastpath)
{
  struct native_guest *n = native_guest(vcpu);

  if (fastpath == EXIT_FASTPATH_EXIT_USERSPACE) return 0;
  if (fastpath != EXIT_FASTPATH_NONE) return 1;
  switch (n->reason) {
  case EXIT_INTERRUPT:
    vcpu->stat.irq_exits++;
    return 1;
  case EXIT_IRQ_WINDOW:
    n->irq_window = false;
    kvm_make_request(KVM_REQ_EVENT, vcpu);
    vcpu->stat.irq_window_exits++;
    return 1;
  case EXIT_NMI_WINDOW:
    n->nmi_window = false;
    vcpu->stat.nmi_window_exits++;
    kvm_make_request(KVM_REQ_EVENT, vcpu);
    return 1;
  case EXIT_HLT:
    return kvm_emulate_halt(vcpu);
  case EXIT_PAUSE:
    native_grow_ple_window(n);
    kvm_vcpu_on_spin(vcpu, true);
    return kvm_skip_emulated_instruction(vcpu);
  case EXIT_WRMSR:
    return kvm_emulate_wrmsr(vcpu);
  case EXIT_HYPERCALL:
    return kvm_emulate_hypercall(vcpu);
  case EXIT_APIC_WRITE:
    return native_apic_write(vcpu, n->qualification);
  }
  return 0;
}
