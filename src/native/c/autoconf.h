/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel configuration that the engine builds with, in place of .config: SMP, cgroup scheduling, no
 * preemption, HZ=1000. Options that only newer or only older trees know are harmless in the others.
 * Kbuild would make this file; without Kbuild it is written by hand.
 */
#define CONFIG_64BIT 1
#define CONFIG_MMU 1
/* as on x86_64: 128-bit products */
#define CONFIG_CC_HAS_INT128 1
#define CONFIG_ARCH_SUPPORTS_INT128 1
#define CONFIG_SMP 1
#define CONFIG_NR_CPUS 8
#define CONFIG_HOTPLUG_CPU 1
#define CONFIG_HZ 1000
#define CONFIG_HZ_1000 1
#define CONFIG_BUG 1
#define CONFIG_THREAD_INFO_IN_TASK 1
#define CONFIG_PREEMPT_NONE 1
#define CONFIG_PREEMPT_NONE_BUILD 1
#define CONFIG_CGROUPS 1
#define CONFIG_CGROUP_SCHED 1
#define CONFIG_FAIR_GROUP_SCHED 1
#define CONFIG_GROUP_SCHED_WEIGHT 1
/* 6.12 and older: feature bits changeable at run time and live SCHED_WARN_ON() */
#define CONFIG_SCHED_DEBUG 1
/* counted at run time: yields are asked for */
#define CONFIG_SCHEDSTATS 1
#define CONFIG_SCHED_INFO 1
#define CONFIG_HIGH_RES_TIMERS 1
#define CONFIG_TICK_ONESHOT 1
#define CONFIG_GENERIC_CLOCKEVENTS 1
#define CONFIG_TICK_CPU_ACCOUNTING 1
#define CONFIG_BASE_SMALL 0
#define CONFIG_INIT_ENV_ARG_LIMIT 32
#define CONFIG_LOG_BUF_SHIFT 17
#define CONFIG_DEFAULT_HOSTNAME "kvmodel"
#define CONFIG_PGTABLE_LEVELS 4
#define CONFIG_PAGE_SHIFT 12
#define CONFIG_HAVE_PAGE_SIZE_4KB 1
#define CONFIG_PAGE_SIZE_4KB 1
#define CONFIG_ILLEGAL_POINTER_VALUE 0
#define CONFIG_FLATMEM 1
#define CONFIG_SLUB 1
#define CONFIG_ARCH_HAS_CPU_RELAX 1
#define CONFIG_GENERIC_HWEIGHT 1
#define CONFIG_RCU_NEED_SEGCBLIST 1
#define CONFIG_TREE_RCU 1
#define CONFIG_TREE_SRCU 1
#define CONFIG_SRCU 1
#define CONFIG_CC_HAS_ASM_INLINE 1
#define CONFIG_ARCH_USE_BUILTIN_BSWAP 1
#define CONFIG_IRQ_WORK 1
#define CONFIG_MULTIUSER 1
#define CONFIG_POSIX_TIMERS 1
#define CONFIG_FUTEX 1
#define CONFIG_KERNFS 1

/* Locks inline: there is no kernel/locking. */
#define CONFIG_INLINE_SPIN_LOCK 1
#define CONFIG_INLINE_SPIN_LOCK_IRQ 1
#define CONFIG_INLINE_SPIN_LOCK_IRQSAVE 1
#define CONFIG_INLINE_SPIN_LOCK_BH 1
#define CONFIG_INLINE_SPIN_TRYLOCK 1
#define CONFIG_INLINE_SPIN_UNLOCK_BH 1
#define CONFIG_INLINE_SPIN_UNLOCK_IRQ 1
#define CONFIG_INLINE_SPIN_UNLOCK_IRQRESTORE 1
#define CONFIG_INLINE_READ_LOCK 1
#define CONFIG_INLINE_READ_UNLOCK 1
#define CONFIG_INLINE_WRITE_LOCK 1
#define CONFIG_INLINE_WRITE_UNLOCK 1
