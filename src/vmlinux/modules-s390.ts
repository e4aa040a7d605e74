// SPDX-License-Identifier: GPL-2.0-only
/** The modules that s390 adds to the table: its half of KVM, SIE and the CPU under it, its tracepoints. */
export * from '../arch/s390/diag.js';
export * from '../arch/s390/guest-cpu.js';
export * from '../arch/s390/intercept.js';
export * from '../arch/s390/interrupt.js';
export * from '../arch/s390/kvm_host.js';
export * from '../arch/s390/kvm-s390.js';
export * from '../arch/s390/sigp.js';
export * from '../arch/s390/smp.js';
export * from '../arch/s390/vcpu-exits.js';
export * from '../trace/kvm_s390.js';
