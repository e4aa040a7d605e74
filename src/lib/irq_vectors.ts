// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/include/asm/irq_vectors.h (6.12.117): what interrupts of the host are called by. */
export const LOCAL_TIMER_VECTOR = 0xec;
export const CALL_FUNCTION_SINGLE_VECTOR = 0xfb;
export const CALL_FUNCTION_VECTOR = 0xfc;
export const RESCHEDULE_VECTOR = 0xfd;
