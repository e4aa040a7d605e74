// SPDX-License-Identifier: GPL-2.0-only
/** The modules that arm64 adds to the table: its half of KVM, the virtual timer, the vgic, its tracepoints. */
export * from '../arch/arm64/arch_timer.js';
export * from '../arch/arm64/arm.js';
export * from '../arch/arm64/guest-cpu.js';
export * from '../arch/arm64/handle_exit.js';
export * from '../arch/arm64/hypercalls.js';
export * from '../arch/arm64/irq-gic-v4.js';
export * from '../arch/arm64/kvm_emulate.js';
export * from '../arch/arm64/kvm_host.js';
export * from '../arch/arm64/setup.js';
export * from '../arch/arm64/sys_regs.js';
export * from '../arch/arm64/vcpu-exits.js';
export * from '../arch/arm64/vgic/vgic.js';
export * from '../arch/arm64/vgic/vgic-v3.js';
export * from '../arch/arm64/vgic/vgic-v4.js';
export * from '../arch/arm64/vmm.js';
export * from '../trace/kvm_arm64.js';
