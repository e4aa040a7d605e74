// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/kvm/vmx/posted_intr.c (6.12.117). */
export {};
