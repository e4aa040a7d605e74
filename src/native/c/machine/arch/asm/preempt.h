/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATIVE_ASM_PREEMPT_H
#define NATIVE_ASM_PREEMPT_H
#include <linux/compiler.h>
#define PREEMPT_ENABLED 0
/* Of each CPU, as on x86: every task is switched from and to with the same count. */
extern int native_preempt_counts[];
extern int native_cpu;
static __always_inline int preempt_count(void) { return native_preempt_counts[native_cpu]; }
static __always_inline void preempt_count_set(int count) { native_preempt_counts[native_cpu] = count; }
#define init_task_preempt_count(p) do { } while (0)
#define init_idle_preempt_count(p, cpu) do { native_preempt_counts[cpu] = 0; } while (0)
static __always_inline void set_preempt_need_resched(void) { }
static __always_inline void clear_preempt_need_resched(void) { }
static __always_inline bool test_preempt_need_resched(void) { return false; }
static __always_inline void __preempt_count_add(int n) { native_preempt_counts[native_cpu] += n; }
static __always_inline void __preempt_count_sub(int n) { native_preempt_counts[native_cpu] -= n; }
static __always_inline bool __preempt_count_dec_and_test(void) { return !--native_preempt_counts[native_cpu]; }
#define should_resched(offset) (preempt_count() == (offset) && tif_need_resched())
#endif
