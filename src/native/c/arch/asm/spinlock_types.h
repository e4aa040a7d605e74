/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_SPINLOCK_TYPES_H
#define NATIVE_ASM_SPINLOCK_TYPES_H
typedef struct {
  volatile unsigned int held;
} arch_spinlock_t;
#define __ARCH_SPIN_LOCK_UNLOCKED { 0 }
/* readers, or -1 for a writer */
typedef struct {
  volatile int held;
} arch_rwlock_t;
#define __ARCH_RW_LOCK_UNLOCKED { 0 }
#endif
