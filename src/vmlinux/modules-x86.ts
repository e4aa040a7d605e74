// SPDX-License-Identifier: GPL-2.0-only
/** The modules that x86 adds to the table: its half of KVM, the local APIC, its tracepoints. */
export * from '../arch/x86/avic.js';
export * from '../arch/x86/guest-cpu.js';
export * from '../arch/x86/hyperv.js';
export * from '../arch/x86/kvm.js';
export * from '../arch/x86/kvm_host.js';
export * from '../arch/x86/kvm-x86-ops.js';
export * from '../arch/x86/kvm-x86-ops-vcpu.js';
export * from '../arch/x86/posted_intr.js';
export * from '../arch/x86/svm.js';
export * from '../arch/x86/vcpu-exits.js';
export * from '../arch/x86/vcpu-userspace.js';
export * from '../arch/x86/virtual-interrupts.js';
export * from '../arch/x86/vmx.js';
export * from '../arch/x86/x86.js';
export * from '../arch/x86/x86-apic.js';
export * from '../arch/x86/x86-tsc.js';
export * from '../lapic/ioapic.js';
export * from '../lapic/irq.js';
export * from '../lapic/irq_comm.js';
export * from '../lapic/lapic.js';
export * from '../trace/kvm_x86.js';
