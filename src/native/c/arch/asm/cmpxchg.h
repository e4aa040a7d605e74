/* SPDX-License-Identifier: GPL-2.0-only */
/* One thread runs everything, but the builtins cost nothing and stay right if that changes. */
#ifndef NATIVE_ASM_CMPXCHG_H
#define NATIVE_ASM_CMPXCHG_H
#define arch_cmpxchg(p, o, n)                                                                                      \
  ({                                                                                                               \
    __typeof__(*(p)) native_was = (__typeof__(*(p)))(o);                                                           \
    __typeof__(*(p)) native_new = (__typeof__(*(p)))(n);                                                           \
    __atomic_compare_exchange(native_plain(p), native_plain(&native_was), native_plain(&native_new), 0,            \
                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                                 \
    native_was;                                                                                                    \
  })
#define native_plain(p) ((__typeof__(*(p)) *)(p))
#define arch_xchg(p, n)                                                                                            \
  ({                                                                                                               \
    __typeof__(*(p)) native_new = (__typeof__(*(p)))(n), native_was;                                               \
    __atomic_exchange(native_plain(p), native_plain(&native_new), native_plain(&native_was), __ATOMIC_SEQ_CST);    \
    native_was;                                                                                                    \
  })
#define arch_cmpxchg_local arch_cmpxchg
#define arch_cmpxchg64 arch_cmpxchg
#define arch_cmpxchg64_local arch_cmpxchg
#endif
