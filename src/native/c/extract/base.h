/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What single functions of the kernel are compiled against when they are taken out of their file: integer types,
 * annotations, and the primitives that do nothing, or the obvious, when there is one CPU and nothing else runs.
 * All in our own words; names and semantics are the kernel's.
 */
#ifndef EXTRACT_BASE_H
#define EXTRACT_BASE_H

typedef unsigned char u8, __u8, uint8_t;
typedef signed char s8, __s8, int8_t;
typedef unsigned short u16, __u16, uint16_t, __le16;
typedef short s16, __s16, int16_t;
typedef unsigned int u32, __u32, uint32_t, __le32, uint;
typedef int s32, __s32, int32_t;
typedef unsigned long long u64, __u64, __le64;
typedef long long s64, __s64;
typedef unsigned long uint64_t, ulong;
typedef long int64_t;
typedef unsigned long size_t, uintptr_t;
typedef long ssize_t;
typedef unsigned short ushort;
typedef _Bool bool;
typedef s64 ktime_t;
typedef int pid_t;
typedef unsigned short umode_t;
typedef struct { int counter; } atomic_t;
typedef struct { s64 counter; } atomic64_t;
typedef struct { long counter; } atomic_long_t;
typedef struct { int unused; } spinlock_t, raw_spinlock_t, rwlock_t, seqcount_t, lockdep_map_t;
struct mutex { int unused; };
struct rw_semaphore { int unused; };
struct srcu_struct { int unused; };
struct list_head { struct list_head *next, *prev; };
struct hlist_head { void *first; };
struct xarray { void *slot[16]; };
struct rcuwait { struct task_struct *task; };
struct pid { struct task_struct *task; };
struct cpumask { unsigned long bits[1]; };
typedef struct cpumask cpumask_t;
typedef struct cpumask cpumask_var_t[1];
struct preempt_notifier { int registered; };
struct sched_info { u64 run_delay; };
struct mm_struct;
struct task_struct;

#define true 1
#define false 0
#define NULL ((void *)0)
#define inline __inline__ __attribute__((__unused__))
#define __always_inline inline
#define noinline
#define noinstr
#define notrace
#define asmlinkage
#define __weak
#define __init
#define __exit
#define __user
#define __rcu
#define __percpu
#define __iomem
#define __force
#define __must_check
#define __maybe_unused __attribute__((__unused__))
#define __always_unused __attribute__((__unused__))
#define __read_mostly
#define __ro_after_init
#define __cold
#define __packed __attribute__((__packed__))
#define __aligned(x) __attribute__((__aligned__(x)))
#define __printf(a, b)
#define __acquires(x)
#define __releases(x)
#define __must_hold(x)
#define __counted_by(x)
#define __randomize_layout
#define fallthrough __attribute__((__fallthrough__))
#define likely(x) (!!(x))
#define unlikely(x) (!!(x))
#define barrier() do {} while (0)
#define EXPORT_SYMBOL_GPL(x)
#define IS_ENABLED(x) 0

#define BITS_PER_LONG 64
#define BITS_PER_BYTE 8
#define BIT(nr) (1UL << (nr))
#define BIT_ULL(nr) (1ULL << (nr))
#define BIT_MASK(nr) (1UL << ((nr) % BITS_PER_LONG))
#define BIT_WORD(nr) ((nr) / BITS_PER_LONG)
#define BITS_TO_LONGS(nr) (((nr) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, bits) unsigned long name[BITS_TO_LONGS(bits)]
#define DECLARE_HASHTABLE(name, bits) struct hlist_head name[1 << (bits)]
#define GENMASK(h, l) ((~0UL << (l)) & (~0UL >> (BITS_PER_LONG - 1 - (h))))
#define GENMASK_ULL(h, l) ((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define UL(x) (x##UL)
#define ULL(x) (x##ULL)
#define _UL(x) (x##UL)
#define _ULL(x) (x##ULL)
#define _AC(x, y) (x##y)
#define _BITUL(x) (1UL << (x))
#define UINT_MAX (~0U)
#define INT_MAX ((int)(~0U >> 1))
#define ULONG_MAX (~0UL)
#define U32_MAX ((u32)~0U)
#define U64_MAX ((u64)~0ULL)
#define USHRT_MAX ((unsigned short)~0U)
#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define HWEIGHT(x) __builtin_popcountll(x)
#define __fls(x) (63UL - __builtin_clzll(x))
#define offsetof(type, member) __builtin_offsetof(type, member)
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define lower_32_bits(n) ((u32)((n) & 0xffffffff))
#define upper_32_bits(n) ((u32)(((u64)(n)) >> 32))

#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) do { *(volatile __typeof__(x) *)&(x) = (v); } while (0)
#define data_race(x) (x)
#define smp_load_acquire(p) READ_ONCE(*(p))
#define smp_store_release(p, v) WRITE_ONCE(*(p), v)
#define smp_store_mb(var, v) WRITE_ONCE(var, v)
#define smp_mb() do {} while (0)
#define smp_rmb() do {} while (0)
#define smp_wmb() do {} while (0)
#define smp_mb__after_atomic() do {} while (0)
#define smp_mb__before_atomic() do {} while (0)
#define smp_mb__after_srcu_read_unlock() do {} while (0)
#define rcu_read_lock() do {} while (0)
#define rcu_read_unlock() do {} while (0)
#define rcu_dereference(p) (p)
#define rcu_access_pointer(p) (p)
#define rcu_dereference_protected(p, c) (p)
#define srcu_read_lock(s) (0)
#define srcu_read_unlock(s, i) do { (void)(i); } while (0)
#define kvm_vcpu_srcu_read_lock(v) do {} while (0)
#define kvm_vcpu_srcu_read_unlock(v) do {} while (0)
#define preempt_disable() do {} while (0)
#define preempt_enable() do {} while (0)
#define local_irq_disable() do {} while (0)
#define local_irq_enable() do {} while (0)
#define local_irq_save(f) do { (f) = 0; } while (0)
#define local_irq_restore(f) do { (void)(f); } while (0)
#define guest_state_enter_irqoff() do {} while (0)
#define guest_state_exit_irqoff() do {} while (0)
#define spin_lock(l) do {} while (0)
#define spin_unlock(l) do {} while (0)
#define raw_spin_lock(l) do {} while (0)
#define raw_spin_unlock(l) do {} while (0)
#define mutex_lock(l) do {} while (0)
#define mutex_unlock(l) do {} while (0)
#define mutex_init(l) do {} while (0)
#define down_read(l) do {} while (0)
#define up_read(l) do {} while (0)
#define down_write(l) do {} while (0)
#define up_write(l) do {} while (0)
#define lockdep_assert_held_write(l) do {} while (0)
#define lockdep_assert_irqs_disabled() do {} while (0)
#define might_sleep() do {} while (0)
#define cpu_relax() do {} while (0)
#define cond_resched() do {} while (0)
#define BUILD_BUG_ON(x) do {} while (0)
#define kvm_lockdep_assert(x) do {} while (0)
#define array_index_nospec(i, n) (i)
#define instrumentation_begin() do {} while (0)
#define instrumentation_end() do {} while (0)
#define pr_warn_once(...) do {} while (0)
#define pr_err_once(...) do {} while (0)
#define pr_debug(...) do {} while (0)
#define pr_info(...) do {} while (0)
#define vcpu_unimpl(...) do {} while (0)
#define KVM_STATS_LOG_HIST_UPDATE(a, v) do { (void)(v); } while (0)

#define memset __builtin_memset
#define memcpy __builtin_memcpy
#define snprintf(...) (0)
#define preempt_notifier_init(n, ops) do {} while (0)
#define preempt_notifier_register(n) do { extract_notifiers[extract_task_id(current)] = extract_notifier_id(n); } while (0)
#define preempt_notifier_unregister(n) do { extract_notifiers[extract_task_id(current)] = -1; } while (0)
#define sizeof_field(t, m) sizeof(((t *)0)->m)
#define xfer_to_guest_mode_prepare() do {} while (0)
#define per_cpu_ptr(p, cpu) ((p) - extract_cpu + (cpu))
#define this_cpu_ptr(p) (p)
#define per_cpu(v, cpu) ((v##__per_cpu)[cpu])
#define _ASM_EXTABLE_UA(from, to) ""
#define boot_cpu_has(x) 0
#define static_cpu_has(x) 0
#define cpu_feature_enabled(x) 0
#define rcuwait_init(w) do { (w)->task = NULL; } while (0)
#define rcu_assign_pointer(p, v) ((p) = (v))
#define min(a, b) ({ __typeof__(a) min_a = (a); __typeof__(b) min_b = (b); min_a < min_b ? min_a : min_b; })
#define max(a, b) ({ __typeof__(a) max_a = (a); __typeof__(b) max_b = (b); max_a > max_b ? max_a : max_b; })
#define min_t(t, a, b) min((t)(a), (t)(b))
#define max_t(t, a, b) max((t)(a), (t)(b))
#define clamp(v, lo, hi) min(max(v, lo), hi)
#define swap(a, b) do { __typeof__(a) swap_a = (a); (a) = (b); (b) = swap_a; } while (0)

#define atomic_read(v) READ_ONCE((v)->counter)
#define atomic_set(v, i) WRITE_ONCE((v)->counter, i)
#define atomic_inc(v) ((void)(v)->counter++)
#define atomic_dec(v) ((void)(v)->counter--)
#define atomic_add(i, v) ((void)((v)->counter += (i)))
#define xchg(p, v) ({ __typeof__(*(p)) xchg_old = *(p); *(p) = (v); xchg_old; })
#define atomic_xchg(v, i) xchg(&(v)->counter, i)
#define cmpxchg(p, o, n) ({ __typeof__(*(p)) cmp_old = *(p); if (cmp_old == (o)) *(p) = (n); cmp_old; })
#define try_cmpxchg(p, po, n) ({ bool cmp_ok = *(p) == *(po); if (cmp_ok) *(p) = (n); else *(po) = *(p); cmp_ok; })
#define try_cmpxchg64(p, po, n) try_cmpxchg(p, po, n)

static inline void set_bit(long nr, volatile void *p) { ((volatile unsigned long *)p)[nr / 64] |= 1UL << (nr % 64); }
static inline void clear_bit(long nr, volatile void *p) { ((volatile unsigned long *)p)[nr / 64] &= ~(1UL << (nr % 64)); }
static inline bool test_bit(long nr, const volatile void *p) { return ((const volatile unsigned long *)p)[nr / 64] >> (nr % 64) & 1; }
static inline bool test_and_set_bit(long nr, volatile void *p) { bool old = test_bit(nr, p); set_bit(nr, p); return old; }
static inline bool test_and_clear_bit(long nr, volatile void *p) { bool old = test_bit(nr, p); clear_bit(nr, p); return old; }
#define __set_bit set_bit
#define __clear_bit clear_bit
#define __test_and_clear_bit test_and_clear_bit
#define __test_and_set_bit test_and_set_bit
static inline bool bitmap_empty(const unsigned long *p, unsigned int bits)
{
	for (unsigned int i = 0; i < bits; i++)
		if (test_bit(i, p))
			return false;
	return true;
}
static inline void bitmap_zero(unsigned long *p, unsigned int bits)
{
	for (unsigned int i = 0; i < bits; i++)
		clear_bit(i, p);
}
static inline unsigned long find_next_bit(const unsigned long *p, unsigned long size, unsigned long i)
{
	while (i < size && !test_bit(i, p))
		i++;
	return i;
}
#define for_each_set_bit(i, p, size) \
	for ((i) = find_next_bit(p, size, 0); (i) < (size); (i) = find_next_bit(p, size, (i) + 1))

static inline void cpumask_clear(struct cpumask *m) { m->bits[0] = 0; }
static inline void cpumask_set_cpu(unsigned int cpu, struct cpumask *m) { m->bits[0] |= 1UL << cpu; }
#define __cpumask_set_cpu cpumask_set_cpu
static inline bool cpumask_empty(const struct cpumask *m) { return !m->bits[0]; }

#define time_after(a, b) ((long)((b) - (a)) < 0)
#define time_before(a, b) time_after(b, a)

/* xarray of the vCPUs: slots from 0 on */
static inline void *xa_load(struct xarray *xa, unsigned long i) { return i < ARRAY_SIZE(xa->slot) ? xa->slot[i] : NULL; }
static inline void *xa_find_from(struct xarray *xa, unsigned long *index, unsigned long from, unsigned long last)
{
	for (unsigned long i = from; i <= last && i < ARRAY_SIZE(xa->slot); i++) {
		if (!xa->slot[i])
			continue;
		*index = i;
		return xa->slot[i];
	}
	return NULL;
}
#define xa_for_each_range(xa, index, entry, start, last) \
	for ((index) = (start), (entry) = xa_find_from(xa, &(index), (start), (last)); (entry); \
	     (entry) = (index) == ~0UL ? NULL : xa_find_from(xa, &(index), (index) + 1, (last)))

static inline bool list_empty_careful(const struct list_head *h) { return !h->next || h->next == h; }
#define list_empty list_empty_careful

/* static calls go to where they point to, which the driver stands for */
#define static_call(name) name
#define static_call_cond(name) name
#define kvm_x86_call(func) kvm_x86_##func
#define static_branch_unlikely(k) 0
#define static_branch_likely(k) 0
#define static_key_false(k) 0

/* ---- what the driver provides ---- */
extern int extract_cpu;
extern struct task_struct *extract_current;
#define current extract_current
#define smp_processor_id() extract_cpu
#define raw_smp_processor_id() extract_cpu
#define get_cpu() extract_cpu
#define put_cpu() do {} while (0)
#define __this_cpu_write(v, x) ((v##__per_cpu)[extract_cpu] = (x))
#define __this_cpu_read(v) ((v##__per_cpu)[extract_cpu])
#define this_cpu_write __this_cpu_write
#define this_cpu_read __this_cpu_read
#define this_cpu_cpumask_var_ptr(v) (&(v##__per_cpu)[extract_cpu])
#define set_current_state(s) do { current->__state = (s); } while (0)
#define __set_current_state set_current_state
#define TASK_RUNNING 0
#define TASK_INTERRUPTIBLE 1
#define nr_cpu_ids 4U
#define cpu_online(cpu) ((unsigned int)(cpu) < nr_cpu_ids)
#define get_pid_task(p, type) ((p)->task)
#define put_task_struct(t) do { (void)(t); } while (0)
#define PIDTYPE_PID 0

extern unsigned long extract_jiffies;
#define jiffies extract_jiffies
#define HZ 1000

bool extract_warn(bool condition);
void extract_bug(void) __attribute__((__noreturn__));
#define WARN_ON(x) extract_warn(!!(x))
#define WARN_ON_ONCE(x) extract_warn(!!(x))
#define WARN(x, ...) extract_warn(!!(x))
#define WARN_ONCE(x, ...) extract_warn(!!(x))
#define KVM_BUG_ON(x, kvm) extract_warn(!!(x))
#define BUG_ON(x) do { if (x) extract_bug(); } while (0)
#define BUG() extract_bug()

#define EPERM 1
#define ENOENT 2
#define ESRCH 3
#define EINTR 4
#define EIO 5
#define E2BIG 7
#define EAGAIN 11
#define ENOMEM 12
#define EFAULT 14
#define EBUSY 16
#define EEXIST 17
#define EINVAL 22
#define ENOSYS 38
#define ERANGE 34
#define EOPNOTSUPP 95
#define ENOTSUPP 524

#endif
