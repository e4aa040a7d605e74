// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/include/asm/kvm-x86-ops.h (6.12.117): the static calls into kvm_intel or kvm_amd. */
export {};
