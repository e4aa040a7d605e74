// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/kvm/svm/avic.c (6.12.117). */
export {};
