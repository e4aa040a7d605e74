/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations on local APICs, and the calls out of them that are recorded: between the drivers and TypeScript.
 * One line a name; the names are the protocol.
 */
#ifndef NATIVE_LAPIC_H
#define NATIVE_LAPIC_H
#include "../native.h"

/* What each takes beside the vCPU (cpu) stands in src/operation/apic.ts. */
#define LAPIC_OPS(X)                                                                                               \
  X(CREATE) X(ADD_VCPU) X(ADVANCE) X(FIRE) X(MMIO_READ) X(MMIO_WRITE) X(RDMSR) X(WRMSR) X(FASTPATH) X(SET_CR8)     \
  X(GET_CR8) X(GET_INTERRUPT) X(HAS_INTERRUPT) X(HAS_INJECTABLE) X(APIC_HAS) X(ACCEPT_PIC) X(EOI) X(EOI_ACCELERATED) \
  X(NODECODE) X(HV_WRITE) X(HV_READ) X(GET_STATE) X(STAGE) X(SET_STATE) X(EVENTS) X(GET_MP_STATE) X(SET_MP_STATE)  \
  X(MSI) X(MSI_INATOMIC) X(SINGLE_VCPU) X(DEST_VCPUS) X(DELIVER) X(LOCAL) X(NMI_WATCHDOG) X(PV_IPI)                \
  X(PENDING_TIMER) X(INJECT_TIMER) X(HV_EXPIRED) X(TO_HV_TIMER) X(TO_SW_TIMER) X(RESTART_HV_TIMER) X(MIGRATE)      \
  X(WAIT_EXPIRE) X(PV_EOI_MEMORY) X(VAPIC_ADDR) X(VAPIC_MEMORY) X(SYNC_FROM) X(SYNC_TO) X(INHIBIT) X(UPDATE_APICV) \
  X(POST) X(SYNC_PIR) X(CLEAR_IRR) X(SCAN_IOAPIC) X(IOAPIC_READ) X(IOAPIC_WRITE) X(IOAPIC_IRQ) X(MCG) X(MODE) X(SMM) \
  X(CPUID) X(QUIRKS) X(PARAM) X(TSC_OFFSET) X(EXTINT) X(ROUTE) X(TAKE_REQUESTS) X(RESET) X(UPDATE_PPR) X(NMI)      \
  X(MATCH) X(COMPARE) X(REPORT_TPR) X(FREE)
#define LAPIC_OP_ENUM(name) LAPIC_##name,
enum lapic_op { LAPIC_OPS(LAPIC_OP_ENUM) LAPIC_NR_OPS };

/* Calls out of the APICs, in the order in which they are made. */
#define LAPIC_CALLS(X)                                                                                             \
  X(KICK) X(REQUEST_ALL) X(REQUEST_MASK) X(DELIVER_INTERRUPT) X(SYNC_PIR_TO_IRR) X(HWAPIC_IRR_UPDATE)              \
  X(HWAPIC_ISR_UPDATE) X(UPDATE_CR8_INTERCEPT) X(SET_VIRTUAL_APIC_MODE) X(REFRESH_APICV) X(APICV_PRE_RESTORE)      \
  X(APICV_POST_RESTORE) X(SET_HV_TIMER) X(CANCEL_HV_TIMER) X(DELIVER_SIPI) X(HRTIMER_START) X(HRTIMER_CANCEL)      \
  X(DELAY) X(VCPU_RESET) X(PV_EOI_READ) X(PV_EOI_WRITE) X(PIC_READ_IRQ)
#define LAPIC_CALL_ENUM(name) LAPIC_CALL_##name,
enum lapic_call { LAPIC_CALLS(LAPIC_CALL_ENUM) LAPIC_NR_CALLS };

#define LAPIC_MAX_VCPUS 16

/* Bits of CREATE's flags. */
enum {
  LAPIC_ICR_SPLIT = 1,
  LAPIC_X2APIC = 2,
  LAPIC_TSC_DEADLINE = 4,
  LAPIC_SPLIT_IRQCHIP = 8,
  LAPIC_APICV = 16,
  LAPIC_HASHING = 32,
  LAPIC_X2APIC_FORMAT = 64,
  LAPIC_NO_BROADCAST_QUIRK = 128,
  LAPIC_CMCI = 256,
  LAPIC_ADVANCE_TIMER = 512,
  LAPIC_HV_TIMER = 1024,
  LAPIC_INTEL = 2048,
  LAPIC_PI_INJECT = 4096,
  LAPIC_MWAIT_IN_GUEST = 8192,
  LAPIC_HLT_IN_GUEST = 16384,
  LAPIC_POSTING = 32768,
  LAPIC_CR8_INTERCEPT = 65536,
  LAPIC_NO_LINT0_QUIRK = 1 << 17,
  LAPIC_NO_HOLE_QUIRK = 1 << 18,
  LAPIC_RUNNING = 1 << 19,
};

/* drv_x86.c */
struct kvm_vcpu;
native_s64 lapic_fastpath(struct kvm_vcpu *vcpu, unsigned int msr, native_u64 data);
void lapic_scan_ioapic(struct kvm_vcpu *vcpu);
void lapic_process_nmi(struct kvm_vcpu *vcpu);
void lapic_boot(unsigned int flags, unsigned int khz);
void lapic_set_tsc_khz(struct kvm_vcpu *vcpu, unsigned int khz);
void lapic_set_param(unsigned int which, native_s64 value);
#endif
