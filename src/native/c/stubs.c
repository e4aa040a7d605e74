/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the scheduler calls in the rest of the kernel and may expect to work: memory, accounting that nobody reads. Without the kernel's headers, because signatures differ by version and
 * the linker does not look at them. Everything not listed here becomes a trap that says its name.
 */
#include "native.h"

#define GFP_ANY unsigned int gfp

/* ---- memory: an arena without free(), emptied by the reset ------------------------------------------------------ */

struct kmem_cache {
  unsigned long size;
};

/* the caches behind kmalloc(); only their addresses are used */
void *kmalloc_caches[1024];

void *__kmem_cache_create_args(const char *name, unsigned int size, void *args, unsigned int flags)
{
  struct kmem_cache *cache = native_alloc(sizeof(*cache));

  (void)name, (void)args, (void)flags;
  cache->size = size;
  return cache;
}

void *kmem_cache_create(const char *name, unsigned int size, unsigned int align, unsigned int flags, void *ctor)
{
  (void)align, (void)ctor;
  return __kmem_cache_create_args(name, size, 0, flags);
}

void *kmem_cache_alloc_noprof(struct kmem_cache *cache, GFP_ANY) { (void)gfp; return native_alloc(cache->size); }
void *kmem_cache_alloc(struct kmem_cache *cache, GFP_ANY) { (void)gfp; return native_alloc(cache->size); }
void *__kmalloc_noprof(unsigned long size, GFP_ANY) { (void)gfp; return native_alloc(size); }
void *__kmalloc(unsigned long size, GFP_ANY) { (void)gfp; return native_alloc(size); }
void *__kmalloc_cache_noprof(void *cache, GFP_ANY, unsigned long size) { (void)cache, (void)gfp; return native_alloc(size); }
void *kmalloc_trace(void *cache, GFP_ANY, unsigned long size) { (void)cache, (void)gfp; return native_alloc(size); }
void *__kmalloc_cache_node_noprof(void *cache, GFP_ANY, int node, unsigned long size)
{
  (void)cache, (void)gfp, (void)node;
  return native_alloc(size);
}
void *kmalloc_node_trace(void *cache, GFP_ANY, int node, unsigned long size)
{
  (void)cache, (void)gfp, (void)node;
  return native_alloc(size);
}
/* of a size that is constant only to a compiler that optimises */
void *__kmalloc_node_noprof(unsigned long size, GFP_ANY, int node) { (void)gfp, (void)node; return native_alloc(size); }
void *__kmalloc_node(unsigned long size, GFP_ANY, int node) { (void)gfp, (void)node; return native_alloc(size); }
void kfree(const void *p) { (void)p; }
void kmem_cache_free(void *cache, void *p) { (void)cache, (void)p; }

/* A per-CPU object: one behind each CPU's area, at the distance that per_cpu_ptr() adds. */
extern unsigned long __per_cpu_offset[];
extern int native_nr_cpus;
#define DYNAMIC_BYTES 65536
static char dynamic[DYNAMIC_BYTES] __attribute__((aligned(64), section(".data..percpu")));
static unsigned long dynamic_used;

void *pcpu_alloc_noprof(unsigned long size, unsigned long align, int reserved, GFP_ANY)
{
  unsigned long at = (dynamic_used + align - 1) & -align;

  (void)reserved, (void)gfp;
  if (at + size > DYNAMIC_BYTES) native_end(NATIVE_NO_MEMORY, __FILE__, __LINE__, "per-CPU memory is used up");
  dynamic_used = at + size;
  return dynamic + at;
}
void *__alloc_percpu(unsigned long size, unsigned long align) { return pcpu_alloc_noprof(size, align, 0, 0); }
void *__alloc_percpu_gfp(unsigned long size, unsigned long align, GFP_ANY) { return pcpu_alloc_noprof(size, align, 0, gfp); }
void free_percpu(void *p) { (void)p; }

/* ---- the rest of the kernel, as far as it only wants to be told ---------------------------------------------------- */

/* The sum of two times, or the largest time when it does not fit. */
long long ktime_add_safe(long long a, long long b)
{
  long long sum;

  return __builtin_add_overflow(a, b, &sum) || sum < 0 ? 9223372036LL * 1000000000 : sum;
}
/* HZ is 1000 */
unsigned long __msecs_to_jiffies(unsigned int ms) { return ms; }
/* what a timer's clock says; older trees have it inline */
long long hrtimer_cb_get_time(const void *timer) { (void)timer; return native_now; }
/* the time of day of the longest wait, which only /proc shows */
void ktime_get_real_ts64(void *ts) { (void)ts; }
void rcu_note_context_switch(_Bool preempt) { (void)preempt; }
void call_rcu(void *head, void *function) { (void)head, (void)function; }
void open_softirq(int nr, void *action) { (void)nr, (void)action; }
void raise_softirq(unsigned int nr) { (void)nr; }
_Bool set_kthread_struct(void *p) { (void)p; return 1; }
void kthread_set_per_cpu(void *p, int cpu) { (void)p, (void)cpu; }
void __cgroup_account_cputime(void *cgroup, unsigned long long ns) { (void)cgroup, (void)ns; }
void __cgroup_account_cputime_field(void *cgroup, int index, unsigned long long ns) { (void)cgroup, (void)index, (void)ns; }
void wq_worker_tick(void *p) { (void)p; }
void add_taint(unsigned int flag, int lockdep) { (void)flag, (void)lockdep; }
int ___ratelimit(void *state, const char *function) { (void)state, (void)function; return 0; }
_Bool __do_once_start(_Bool *done, unsigned long *flags) { (void)flags; return !*done; }
void __do_once_done(_Bool *done, void *key, unsigned long *flags, void *module)
{
  (void)key, (void)flags, (void)module;
  *done = 1;
}
/* as asm/smp.h has it, for trees in which the architecture brings it whole */
extern unsigned long native_reschedules[];
void smp_send_reschedule(int cpu) { native_reschedules[cpu]++; }
/* one lock for everything: nothing runs at the same time */
void mutex_lock(void *lock) { (void)lock; }
void mutex_unlock(void *lock) { (void)lock; }
/* what a patch to kernel/sched may well call beside that */
void rcu_all_qs(void) { }
void finish_rcuwait(void *wait) { (void)wait; }
int rcuwait_wake_up(void *wait) { (void)wait; return 0; }
void kvfree_call_rcu(void *head, void *p) { (void)head, (void)p; }
void __put_task_struct(void *p) { (void)p; }
void put_task_stack(void *p) { (void)p; }
void put_task_struct_rcu_user(void *p) { (void)p; }
_Bool queue_work_on(int cpu, void *queue, void *work) { (void)cpu, (void)queue, (void)work; return 1; }
_Bool irq_work_queue(void *work) { (void)work; return 1; }
int mod_timer(void *timer, unsigned long expires) { (void)timer, (void)expires; return 0; }
void add_timer(void *timer) { (void)timer; }
int timer_delete(void *timer) { (void)timer; return 0; }
int _printk(const char *what, ...) { (void)what; return 0; }
int _printk_deferred(const char *what, ...) { (void)what; return 0; }
int __printk_ratelimit(const char *function) { (void)function; return 0; }
void down_read(void *sem) { (void)sem; }
void up_read(void *sem) { (void)sem; }
void down_write(void *sem) { (void)sem; }
void up_write(void *sem) { (void)sem; }
int in_lock_functions(unsigned long address) { (void)address; return 0; }
int oops_in_progress;

/* ---- complaints ---------------------------------------------------------------------------------------------------- */

extern unsigned long native_warns;

void warn_slowpath_fmt(const char *file, int line, unsigned int taint, const char *what, ...)
{
  (void)taint;
  native_warns++;
  native_warn(file, line, what);
}
void __warn_printk(const char *what, ...) { native_warn("", 0, what); }
void panic(const char *what, ...) { native_end(NATIVE_PANIC, "", 0, what); }
void native_bug(const char *file, int line, const char *function) { native_end(NATIVE_BUG, file, line, function); }
void native_deadlock(const volatile void *lock)
{
  (void)lock;
  native_end(NATIVE_DEADLOCK, "", 0, "a lock is taken that is already held");
}
