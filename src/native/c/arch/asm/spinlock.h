/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_SPINLOCK_H
#define NATIVE_ASM_SPINLOCK_H
#include <asm/spinlock_types.h>
/* One thread runs all CPUs, one operation after the other: a lock that is found held is a deadlock. */
void native_deadlock(const volatile void *lock) __attribute__((noreturn, cold));
static inline int arch_spin_is_locked(arch_spinlock_t *lock) { return lock->held != 0; }
static inline int arch_spin_is_contended(arch_spinlock_t *lock) { (void)lock; return 0; }
static inline int arch_spin_value_unlocked(arch_spinlock_t lock) { return !lock.held; }
static inline void arch_spin_lock(arch_spinlock_t *lock)
{
  if (lock->held) native_deadlock(lock);
  lock->held = 1;
}
static inline int arch_spin_trylock(arch_spinlock_t *lock) { return lock->held ? 0 : (lock->held = 1); }
static inline void arch_spin_unlock(arch_spinlock_t *lock) { lock->held = 0; }
static inline void arch_read_lock(arch_rwlock_t *lock)
{
  if (lock->held < 0) native_deadlock(lock);
  lock->held++;
}
static inline void arch_write_lock(arch_rwlock_t *lock)
{
  if (lock->held) native_deadlock(lock);
  lock->held = -1;
}
static inline int arch_read_trylock(arch_rwlock_t *lock) { return lock->held < 0 ? 0 : (lock->held++, 1); }
static inline int arch_write_trylock(arch_rwlock_t *lock) { return lock->held ? 0 : (lock->held = -1, 1); }
static inline void arch_read_unlock(arch_rwlock_t *lock) { lock->held--; }
static inline void arch_write_unlock(arch_rwlock_t *lock) { lock->held = 0; }
static inline int arch_rwlock_is_contended(arch_rwlock_t *lock) { (void)lock; return 0; }
#endif
