/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read behind compiler_types.h where lines are counted without optimisation: there gcc refuses to inline some functions
 * that it is told to inline always, and a call does as well.
 */
#undef __always_inline
#define __always_inline inline
