/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_ATOMIC_H
#define NATIVE_ASM_ATOMIC_H
#include <linux/types.h>
#include <asm/cmpxchg.h>
#include <asm/barrier.h>

/* arch_atomic_*() and arch_atomic64_*() of one integer type, on the compiler's builtins. */
#define native_atomic(prefix, atomic_type, int_type)                                                               \
  static __always_inline int_type prefix##_read(const atomic_type *v) { return READ_ONCE(v->counter); }            \
  static __always_inline void prefix##_set(atomic_type *v, int_type i) { WRITE_ONCE(v->counter, i); }              \
  native_atomic_op(prefix, atomic_type, int_type, add) native_atomic_op(prefix, atomic_type, int_type, sub)        \
  native_atomic_op(prefix, atomic_type, int_type, and) native_atomic_op(prefix, atomic_type, int_type, or)         \
  native_atomic_op(prefix, atomic_type, int_type, xor)
#define native_atomic_op(prefix, atomic_type, int_type, op)                                                        \
  static __always_inline void prefix##_##op(int_type i, atomic_type *v)                                            \
  {                                                                                                                \
    __atomic_fetch_##op(&v->counter, i, __ATOMIC_RELAXED);                                                         \
  }                                                                                                                \
  static __always_inline int_type prefix##_##op##_return(int_type i, atomic_type *v)                               \
  {                                                                                                                \
    return __atomic_##op##_fetch(&v->counter, i, __ATOMIC_SEQ_CST);                                                \
  }                                                                                                                \
  static __always_inline int_type prefix##_fetch_##op(int_type i, atomic_type *v)                                  \
  {                                                                                                                \
    return __atomic_fetch_##op(&v->counter, i, __ATOMIC_SEQ_CST);                                                  \
  }

native_atomic(arch_atomic, atomic_t, int)

#define ATOMIC64_INIT(i) { (i) }
native_atomic(arch_atomic64, atomic64_t, s64)

/* Before 6.5 the architecture had to define these, too. */
#define arch_atomic_xchg(v, new) arch_xchg(&(v)->counter, (new))
#define arch_atomic_cmpxchg(v, old, new) arch_cmpxchg(&(v)->counter, (old), (new))
#define arch_atomic64_xchg arch_atomic_xchg
#define arch_atomic64_cmpxchg arch_atomic_cmpxchg

#define arch_atomic_add_return arch_atomic_add_return
#define arch_atomic_sub_return arch_atomic_sub_return
#define arch_atomic_fetch_add arch_atomic_fetch_add
#define arch_atomic_fetch_sub arch_atomic_fetch_sub
#define arch_atomic_fetch_and arch_atomic_fetch_and
#define arch_atomic_fetch_or arch_atomic_fetch_or
#define arch_atomic_fetch_xor arch_atomic_fetch_xor
#define arch_atomic64_add_return arch_atomic64_add_return
#define arch_atomic64_sub_return arch_atomic64_sub_return
#define arch_atomic64_fetch_add arch_atomic64_fetch_add
#define arch_atomic64_fetch_sub arch_atomic64_fetch_sub
#define arch_atomic64_fetch_and arch_atomic64_fetch_and
#define arch_atomic64_fetch_or arch_atomic64_fetch_or
#define arch_atomic64_fetch_xor arch_atomic64_fetch_xor
#endif
