/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel/sched/core.c of the tree, and the driver that calls its entry points.
 *
 * The tree's file comes first, so that the driver sees what is static in it. An operation is what an interrupt or
 * a system call would do on a CPU: the driver becomes that CPU, `current` is that CPU's running task, and after a
 * context switch the C stack simply goes on as the next task.
 */
#include "kernel/sched/core.c"
#include "native.h"
#include "native-probe.h"
#ifdef NATIVE_MACHINE
#include "machine.h"
#endif

/* SD_SHARE_LLC had another name before 6.9. */
#ifdef NATIVE_HAVE_SD_SHARE_LLC
#define NATIVE_SD_LLC SD_SHARE_LLC
#else
#define NATIVE_SD_LLC SD_SHARE_PKG_RESOURCES
#endif
#ifdef NATIVE_HAVE_sched_tick
#define native_tick() sched_tick()
#else
#define native_tick() scheduler_tick()
#endif
#ifdef NATIVE_HAVE_sched_move_task_autogroup
#define native_sched_move_task(p) sched_move_task(p, false)
#else
#define native_sched_move_task(p) sched_move_task(p)
#endif

/* It had another name before 6.6, and another meaning. */
#ifdef NATIVE_HAVE_base_slice
#define native_base_slice sysctl_sched_base_slice
#else
#define native_base_slice sysctl_sched_min_granularity
#endif

struct task_struct init_task ____cacheline_aligned;
struct mm_struct init_mm;
struct task_struct *native_current = &init_task;
int native_cpu;
unsigned long native_irqs_on = 1;
native_u64 native_now;
unsigned long native_warns;

unsigned long volatile jiffies;
u64 jiffies_64;
unsigned long __per_cpu_offset[NR_CPUS];
struct cpumask __cpu_possible_mask, __cpu_online_mask, __cpu_present_mask, __cpu_active_mask, __cpu_dying_mask;
#ifdef NATIVE_HAVE_cpu_enabled_mask
struct cpumask __cpu_enabled_mask;
#endif
atomic_t __num_online_cpus;
unsigned int nr_cpu_ids = NR_CPUS;
enum system_states system_state;
bool static_key_initialized = true;

/* [1 + n] has bit n alone: cpumask_of() points here. */
const unsigned long cpu_bit_bitmap[BITS_PER_LONG + 1][BITS_TO_LONGS(NR_CPUS)] = {
  [1] = { 1UL << 0 }, [2] = { 1UL << 1 }, [3] = { 1UL << 2 }, [4] = { 1UL << 3 },
  [5] = { 1UL << 4 }, [6] = { 1UL << 5 }, [7] = { 1UL << 6 }, [8] = { 1UL << 7 },
};
const unsigned long cpu_all_bits[BITS_TO_LONGS(NR_CPUS)] = { (1UL << NR_CPUS) - 1 };

/* The tasks and groups of the run, by the numbers that operations use; the root group is group 0. */
struct task_struct *native_task[NATIVE_MAX_TASKS];
struct task_group *native_group[NATIVE_MAX_GROUPS];
int native_nr_tasks, native_nr_groups, native_nr_cpus;

static struct css_set *native_css_set[NATIVE_MAX_GROUPS];
static struct cgroup native_cgroup;
/* who forks: not on any queue, only `current` while a task is made */
static struct task_struct *native_parent;
/* reschedule IPIs sent to each CPU */
unsigned long native_reschedules[NR_CPUS];
/* wake-ups, and one piece of work, on their way to another CPU */
static struct llist_node *native_ipi[NR_CPUS];
static struct irq_work *native_irq_work[NR_CPUS];

unsigned long long notrace sched_clock(void)
{
  return native_now;
}

ktime_t ktime_get(void)
{
  return native_now;
}

/* ---- timers: armed, cancelled, fired by SERVER_TIMER alone ---- */

#ifdef NATIVE_HAVE_clock_base_get_time
static struct hrtimer_clock_base native_clock_base;
#endif

static void native_init_timer(struct hrtimer *timer)
{
  memset(timer, 0, sizeof(*timer));
#ifdef NATIVE_HAVE_clock_base_get_time
  timer->base = &native_clock_base;
  native_clock_base.get_time = ktime_get;
#endif
}

/* Some releases have the one, some the other, some both. */
#ifdef NATIVE_HAVE_hrtimer_setup
void hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *), clockid_t clock,
                   enum hrtimer_mode mode)
{
  native_init_timer(timer);
  timer->function = function;
}
#endif
#ifdef NATIVE_HAVE_hrtimer_init
void hrtimer_init(struct hrtimer *timer, clockid_t clock, enum hrtimer_mode mode)
{
  native_init_timer(timer);
}
#endif

#ifdef NATIVE_HAVE_hrtimer_state
#define native_queued(timer) ((timer)->state)
#else
#define native_queued(timer) ((timer)->is_queued)
#endif

void hrtimer_start_range_ns(struct hrtimer *timer, ktime_t at, u64 slack, const enum hrtimer_mode mode)
{
  hrtimer_set_expires_range_ns(timer, at, slack);
  native_queued(timer) = 1;
#ifdef NATIVE_MACHINE
  native_timer_starts(timer);
#endif
}

int hrtimer_try_to_cancel(struct hrtimer *timer)
{
  int was = native_queued(timer);

  native_queued(timer) = 0;
  return was;
}

int hrtimer_cancel(struct hrtimer *timer)
{
  return hrtimer_try_to_cancel(timer);
}

bool hrtimer_active(const struct hrtimer *timer)
{
  return native_queued(timer);
}

/* Moves the expiry on by whole intervals until it lies after `now`; how many. */
u64 hrtimer_forward(struct hrtimer *timer, ktime_t now, ktime_t interval)
{
  u64 n = 0;

  if (now < hrtimer_get_expires(timer)) return 0;
  if (interval < 1) interval = 1;
  n = (now - hrtimer_get_expires(timer)) / interval + 1;
  hrtimer_add_expires_ns(timer, n * interval);
  return n;
}

/* The timer of this CPU's fair server, if it is due; before there was one, that of the real-time tasks' bandwidth. */
static native_s64 native_server_timer(void)
{
#if defined(NATIVE_HAVE_rq_fair_server) || defined(NATIVE_HAVE_def_rt_bandwidth)
#ifdef NATIVE_HAVE_rq_fair_server
  struct hrtimer *timer = &this_rq()->fair_server.dl_timer;
#else
  struct hrtimer *timer = &def_rt_bandwidth.rt_period_timer;
#endif

  if (!native_queued(timer) || hrtimer_get_expires(timer) > native_now) return 0;
  native_queued(timer) = 0;
  local_irq_disable();
  if (timer->function(timer) == HRTIMER_RESTART) native_queued(timer) = 1;
  local_irq_enable();
  return 1;
#else
  return NATIVE_BAD_OP;
#endif
}

/* ---- CPUs ---- */

#ifndef NATIVE_MACHINE
/* No registers to change: the caller's stack goes on as `next`. */
struct task_struct *__switch_to(struct task_struct *prev, struct task_struct *next)
{
  native_current = next;
  return prev;
}
#endif

/* The interrupt is sent for the first that is queued. */
static void native_call_single(int cpu)
{
#ifdef NATIVE_MACHINE
  if (!native_ipi[cpu] && !native_irq_work[cpu]) native_send_vector(cpu, CALL_FUNCTION_SINGLE_VECTOR);
#endif
}

void __smp_call_single_queue(int cpu, struct llist_node *node)
{
  native_call_single(cpu);
  node->next = native_ipi[cpu];
  native_ipi[cpu] = node;
}

/* false when it is queued already, wherever that is */
bool irq_work_queue_on(struct irq_work *work, int cpu)
{
  int other;

  for (other = 0; other < native_nr_cpus; other++)
    if (native_irq_work[other] == work) return false;
  native_call_single(cpu);
  native_irq_work[cpu] = work;
  return true;
}

static void native_enter(int cpu)
{
  native_cpu = cpu;
  native_current = cpu_rq(cpu)->curr;
}

/* The other CPUs take their IPI, until none has one; work comes before wake-ups. */
static bool native_deliver_to(int cpu)
{
  struct llist_node *list = native_ipi[cpu];
  struct irq_work *work = native_irq_work[cpu];

  if (!list && !work) return false;
  native_ipi[cpu] = NULL;
  native_irq_work[cpu] = NULL;
  native_enter(cpu);
  local_irq_disable();
  if (work) work->func(work);
  if (list) sched_ttwu_pending(llist_reverse_order(list));
  local_irq_enable();
  return true;
}

static void native_deliver(void)
{
  bool more = true;
  int cpu;

  while (more) {
    more = false;
    for (cpu = 0; cpu < native_nr_cpus; cpu++)
      if (native_deliver_to(cpu)) more = true;
  }
}

static struct css_set *native_make_css_set(struct task_group *tg)
{
  struct css_set *cset = native_alloc(sizeof(*cset));

  cset->subsys[cpu_cgrp_id] = &tg->css;
  cset->dfl_cgrp = &native_cgroup;
  return cset;
}

static struct task_struct *native_make_task(void)
{
  struct task_struct *p = native_alloc(sizeof(*p));

  *p = init_task;
#ifdef NATIVE_MACHINE
  native_new_task(p);
#endif
  /* as dup_task_struct() does: init_task is the idle task of CPU 0, and may be about to be switched from */
  clear_tsk_need_resched(p);
  refcount_set(&p->usage, 2);
  p->flags = 0;
  p->signal = native_alloc(sizeof(*p->signal));
  p->sighand = native_alloc(sizeof(*p->sighand));
  p->cpus_ptr = &p->cpus_mask;
  p->group_leader = p->parent = p->real_parent = p;
  INIT_LIST_HEAD(&p->tasks);
  INIT_LIST_HEAD(&p->se.group_node);
  INIT_LIST_HEAD(&p->rt.run_list);
  raw_spin_lock_init(&p->pi_lock);
  return p;
}

static void native_make_init_task(void)
{
  struct task_struct *p = &init_task;

  refcount_set(&p->usage, 2);
  p->flags = PF_KTHREAD | PF_IDLE;
  p->prio = p->static_prio = p->normal_prio = NICE_TO_PRIO(0);
  p->policy = SCHED_NORMAL;
  p->cpus_ptr = &p->cpus_mask;
  cpumask_setall(&p->cpus_mask);
  p->nr_cpus_allowed = NR_CPUS;
  p->active_mm = &init_mm;
  p->sched_task_group = &root_task_group;
  p->cgroups = native_css_set[0] = native_make_css_set(&root_task_group);
  p->signal = native_alloc(sizeof(*p->signal));
  p->sighand = native_alloc(sizeof(*p->sighand));
  p->group_leader = p->parent = p->real_parent = p;
  p->timer_slack_ns = 50000;
  p->rt.time_slice = RR_TIMESLICE;
#ifdef NATIVE_HAVE_task_max_allowed_capacity
  p->max_allowed_capacity = SCHED_CAPACITY_SCALE;
#endif
  INIT_LIST_HEAD(&p->tasks);
  INIT_LIST_HEAD(&p->se.group_node);
  INIT_LIST_HEAD(&p->rt.run_list);
  plist_node_init(&p->pushable_tasks, MAX_PRIO);
  raw_spin_lock_init(&p->pi_lock);
}

asmlinkage long sys_sched_yield(void);

extern char __per_cpu_start[], __per_cpu_end[];

static void native_set_domain(int cpu, unsigned long bits);
/* the CPU on which the operation runs */
static int native_cpu_of_op;
#include "hotplug.h"

/* The order of start_kernel(), as far as the scheduler hears of it. */
void native_boot(int cpus)
{
  int cpu;

  native_nr_cpus = cpus;
  native_now = NSEC_PER_SEC;
  jiffies = jiffies_64 = native_now / TICK_NSEC;
  nr_cpu_ids = cpus;
  for (cpu = 0; cpu < cpus; cpu++) {
    void *area = native_alloc(__per_cpu_end - __per_cpu_start);

    memcpy(area, __per_cpu_start, __per_cpu_end - __per_cpu_start);
    __per_cpu_offset[cpu] = (char *)area - __per_cpu_start;
    cpumask_set_cpu(cpu, &__cpu_possible_mask);
    cpumask_set_cpu(cpu, &__cpu_present_mask);
    cpumask_set_cpu(cpu, &__cpu_online_mask);
    cpumask_set_cpu(cpu, &__cpu_active_mask);
  }
  atomic_set(&__num_online_cpus, cpus);
  native_make_init_task();
  sched_clock_init();
  sched_init();
  system_state = SYSTEM_RUNNING;
  NATIVE_IF_schedstat(force_schedstat_enabled();)
  native_group[0] = &root_task_group;
  native_nr_groups = 1;
  for (cpu = 0; cpu < cpus; cpu++) {
    if (cpu) {
      struct task_struct *idle = native_make_task();

      idle->flags = PF_KTHREAD | PF_IDLE;
      __sched_fork(0, idle);
      init_idle(idle, cpu);
    }
    balance_push_set(cpu, false);
    native_enter(cpu);
    set_rq_online(cpu_rq(cpu));
  }
#ifdef NATIVE_HAVE_sched_init_dl_servers
  native_enter(0);
  sched_init_dl_servers();
#endif
  native_parent = native_make_task();
  native_parent->cgroups = native_css_set[0];
  native_enter(0);
}

static native_s64 native_make_group(int parent)
{
  struct task_group *tg;

  if (native_nr_groups >= NATIVE_MAX_GROUPS || parent < 0 || parent >= native_nr_groups) return NATIVE_BAD_OP;
  tg = sched_create_group(native_group[parent]);
  if (IS_ERR(tg)) return PTR_ERR(tg);
  sched_online_group(tg, native_group[parent]);
  native_group[native_nr_groups] = tg;
  native_css_set[native_nr_groups] = native_make_css_set(tg);
  return native_nr_groups++;
}

static bool native_is_idle(void)
{
  return native_current == this_rq()->idle;
}

/* `flags` 1: allowed on every CPU; 2: a child of what runs there, if anything does, not of a parent of this nice value. */
static native_s64 native_fork(int cpu, int nice, int group, unsigned int flags)
{
  bool heir = flags & 2 && !native_is_idle();
  struct task_struct *parent = heir ? native_current : native_parent;
  struct kernel_clone_args args = {};
  struct task_struct *p;

  if (native_nr_tasks >= NATIVE_MAX_TASKS || group < 0 || group >= native_nr_groups) return NATIVE_BAD_OP;
  p = native_make_task();
  p->pid = p->tgid = native_nr_tasks + 1;
  /* a child has its parent's nice value */
  if (!heir) parent->static_prio = parent->normal_prio = NICE_TO_PRIO(nice);
  p->policy = parent->policy;
  p->static_prio = parent->static_prio;
  p->normal_prio = parent->normal_prio;
  p->rt_priority = parent->rt_priority;
  p->sched_reset_on_fork = parent->sched_reset_on_fork;
  NATIVE_IF_se_custom_slice(if (heir) p->se.custom_slice = parent->se.custom_slice, p->se.slice = parent->se.slice;)
  set_load_weight(p, false);
  p->cgroups = args.cset = native_css_set[group];
  cpumask_copy(&p->cpus_mask, flags & 1 ? cpu_possible_mask : cpumask_of(cpu));
  p->nr_cpus_allowed = flags & 1 ? native_nr_cpus : 1;
  native_current = parent;
  sched_fork(0, p);
  /* before 6.6 the child is placed beside whoever runs there */
  native_enter(cpu);
  sched_cgroup_fork(p, &args);
  native_task[native_nr_tasks] = p;
  wake_up_new_task(p);
  return native_nr_tasks++;
}

static native_s64 native_raw_yield(struct task_struct *to)
{
  struct task_struct *curr = native_current;
  struct rq *rq = this_rq(), *other = to ? task_rq(to) : rq;
  native_s64 r = 0;

  local_irq_disable();
  double_rq_lock(rq, other);
  if (!to) curr->sched_class->yield_task(rq);
  else if (curr->sched_class->yield_to_task) r = curr->sched_class->yield_to_task(rq, to);
  double_rq_unlock(rq, other);
  local_irq_enable();
  return r;
}

static native_s64 native_setattr(struct task_struct *p, const struct native_op *op)
{
  struct sched_attr attr = {
    .size = sizeof(attr),
    .sched_policy = op->flags,
    .sched_runtime = op->b,
  };

  if (rt_policy(op->flags)) attr.sched_priority = op->a;
  else attr.sched_nice = op->a;

  return sched_setattr_nocheck(p, &attr);
}

/* What a handler of an interrupt may do: priority inheritance is left alone. Nice value and slice stay. */
static native_s64 native_set_from_interrupt(struct task_struct *p, const struct native_op *op)
{
  struct sched_attr attr = {
    .size = sizeof(attr),
    .sched_policy = op->flags,
    .sched_priority = op->a,
    .sched_nice = PRIO_TO_NICE(p->static_prio),
  };
  native_s64 r;

  NATIVE_IF_se_custom_slice(if (p->se.custom_slice) attr.sched_runtime = p->se.slice;)
  local_irq_disable();
  preempt_count_add(HARDIRQ_OFFSET);
  r = __sched_setscheduler(p, &attr, false, false);
  preempt_count_sub(HARDIRQ_OFFSET);
  local_irq_enable();
  return r;
}

static native_s64 native_setsched(struct task_struct *p, const struct native_op *op)
{
  struct sched_param param = { .sched_priority = op->a };

  switch (op->b) {
  case 0:
    return sched_setscheduler_nocheck(p, op->flags, &param);
  case 1:
    return native_set_from_interrupt(p, op);
  case 2:
    sched_set_fifo(p);
    return 0;
  case 3:
    sched_set_fifo_low(p);
    return 0;
  case 4:
    sched_set_normal(p, op->a);
    return 0;
  }
  return NATIVE_BAD_OP;
}

/* Moving a running task is the stopper's work: left out. */
static native_s64 native_affinity(struct task_struct *p, unsigned long bits)
{
  struct cpumask mask = {};
  int cpu;

  for (cpu = 0; cpu < native_nr_cpus; cpu++)
    if (bits >> cpu & 1) cpumask_set_cpu(cpu, &mask);
  if (p->on_cpu && !cpumask_test_cpu(task_cpu(p), &mask)) return NATIVE_IDLE;
  return set_cpus_allowed_ptr(p, &mask);
}

/*
 * The CPUs share a last-level cache: one scheduling domain, without groups. Wake-ups look for an idle CPU in it;
 * balancing is never worth its cost.
 */
static void native_set_domain(int cpu, unsigned long bits)
{
  struct sched_domain *sd = NULL;
  struct cpumask span = {};
  int other;

  for (other = 0; other < native_nr_cpus; other++)
    if (bits >> other & 1) cpumask_set_cpu(other, &span);
  if (bits) {
    sd = native_alloc(sizeof(*sd) + cpumask_size());
    sd->span_weight = cpumask_weight(&span);
    sd->imbalance_pct = 117;
    sd->min_interval = sd->balance_interval = sd->span_weight;
    sd->max_newidle_lb_cost = ~0ULL;
    sd->flags = SD_WAKE_AFFINE | NATIVE_SD_LLC;
    cpumask_copy(sched_domain_span(sd), &span);
  }
  rcu_assign_pointer(cpu_rq(cpu)->sd, sd);
  rcu_assign_pointer(per_cpu(sd_llc, cpu), sd);
  per_cpu(sd_llc_size, cpu) = sd ? sd->span_weight : 1;
  per_cpu(sd_llc_id, cpu) = sd ? cpumask_first(&span) : cpu;
  NATIVE_IF_sd_share_id(per_cpu(sd_share_id, cpu) = per_cpu(sd_llc_id, cpu);)
}

static native_s64 native_llc(unsigned long bits)
{
  int cpu;

  for (cpu = 0; cpu < native_nr_cpus; cpu++)
    if (!cpu_active(cpu)) return NATIVE_BAD_OP;
  bits &= (1UL << native_nr_cpus) - 1;
  for (cpu = 0; cpu < native_nr_cpus; cpu++) {
    if (bits >> cpu & 1) native_llc_bits[cpu] = bits;
    if (bits >> cpu & 1 || !rcu_access_pointer(cpu_rq(cpu)->sd)) native_set_domain(cpu, native_llc_bits[cpu]);
  }
  return 0;
}

static native_s64 native_do(const struct native_op *op)
{
  struct task_struct *p = op->id >= 0 && op->id < native_nr_tasks ? native_task[op->id] : NULL;

  switch (op->op) {
  case NATIVE_WAKE:
  case NATIVE_YIELD_TO:
  case NATIVE_NICE:
  case NATIVE_SETATTR:
  case NATIVE_SETSCHED:
  case NATIVE_MOVE:
  case NATIVE_AFFINITY:
  case NATIVE_YIELD_TO_RAW:
    if (!p) return NATIVE_NO_TASK;
  }

  switch (op->op) {
  case NATIVE_BASE_SLICE:
    native_base_slice = op->a;
    return 0;
  case NATIVE_SYSCTL:
    return native_set_sysctl(op->id, op->a);
  case NATIVE_GROUP:
    return native_make_group(op->a);
  case NATIVE_SHARES:
    if (op->id < 0 || op->id >= native_nr_groups) return NATIVE_BAD_OP;
    return sched_group_set_shares(native_group[op->id], scale_load(op->a));
  case NATIVE_FORK:
    return native_fork(op->cpu, op->a, op->b, op->flags);
  case NATIVE_ADVANCE:
    native_now += op->a;
    jiffies = jiffies_64 = native_now / TICK_NSEC;
    return 0;
  case NATIVE_TICK:
    local_irq_disable();
    native_tick();
    local_irq_enable();
    return 0;
  case NATIVE_SCHEDULE:
    native_schedule();
    return 0;
  case NATIVE_RESCHED:
    if (!need_resched()) return 0;
    native_schedule();
    return 1;
  case NATIVE_BLOCK:
    if (native_is_idle()) return NATIVE_IDLE;
    WRITE_ONCE(native_current->__state, op->a);
    native_schedule();
    return 0;
  case NATIVE_WAKE:
    return try_to_wake_up(p, TASK_NORMAL, 0);
  case NATIVE_YIELD:
    if (native_is_idle()) return NATIVE_IDLE;
    sys_sched_yield();
    return 0;
  case NATIVE_YIELD_TO:
    if (native_is_idle()) return NATIVE_IDLE;
    return yield_to(p, true);
  case NATIVE_NICE:
    set_user_nice(p, op->a);
    return 0;
  case NATIVE_SETATTR:
    return native_setattr(p, op);
  case NATIVE_SETSCHED:
    return native_setsched(p, op);
  case NATIVE_RR_SLICE:
    sched_rr_timeslice = op->a;
    return 0;
  case NATIVE_MOVE:
    if (op->a < 0 || op->a >= native_nr_groups) return NATIVE_BAD_OP;
    p->cgroups = native_css_set[op->a];
    native_sched_move_task(p);
    return 0;
  case NATIVE_YIELD_RAW:
    return native_is_idle() ? NATIVE_IDLE : native_raw_yield(NULL);
  case NATIVE_YIELD_TO_RAW:
    return native_is_idle() ? NATIVE_IDLE : native_raw_yield(p);
  case NATIVE_FEATURE:
    if (op->id < 0 || op->id >= __SCHED_FEAT_NR) return NATIVE_BAD_OP;
    if (op->a) sysctl_sched_features |= 1U << op->id;
    else sysctl_sched_features &= ~(1U << op->id);
    return 0;
  case NATIVE_VTIME:
    return native_set_vtime(op);
  case NATIVE_AFFINITY:
    return native_affinity(p, op->a);
  case NATIVE_SERVER_TIMER:
    return native_server_timer();
  case NATIVE_GROUP_IDLE:
    if (op->id < 0 || op->id >= native_nr_groups) return NATIVE_BAD_OP;
    return sched_group_set_idle(native_group[op->id], op->a);
  case NATIVE_LLC:
    return native_llc(op->a);
  case NATIVE_CPU_DOWN:
    return native_cpu_down(op->id);
  case NATIVE_CPU_UP:
    return native_cpu_up(op->id);
  }
  return NATIVE_BAD_OP;
}

#ifdef NATIVE_MACHINE
native_s64 native_sched_op(const struct native_op *op) { return native_do(op); }
void native_on_cpu(int cpu) { native_enter(cpu); }
bool native_calls_wait(int cpu) { return native_ipi[cpu] || native_irq_work[cpu]; }
void native_take_calls(int cpu) { native_deliver_to(cpu); }
native_s64 native_wakes_queued(int cpu)
{
  native_s64 tasks = 0;
  struct llist_node *node;
  int i;

  for (node = native_ipi[cpu]; node; node = node->next)
    for (i = 0; i < native_nr_tasks && i < 52; i++)
      if (node == &native_task[i]->wake_entry.llist) tasks |= 1LL << i;
  return tasks;
}
void native_wake(struct task_struct *p)
{
  try_to_wake_up(p, TASK_NORMAL | __TASK_STOPPED | __TASK_TRACED | TASK_PARKED, 0);
}
int native_server_of(struct hrtimer *timer)
{
  int cpu;

  for (cpu = 0; cpu < native_nr_cpus; cpu++) {
    NATIVE_IF_rq_fair_server(if (timer == &cpu_rq(cpu)->fair_server.dl_timer) return cpu;)
  }
  return -1;
}
void native_start_task(struct task_struct *prev) { schedule_tail(prev); }
#else
native_s64 native_exec(const struct native_op *op)
{
  native_s64 r;

  if (op->cpu < 0 || op->cpu >= native_nr_cpus || !cpu_online(op->cpu)) return NATIVE_BAD_OP;
  native_cpu_of_op = op->cpu;
  native_enter(op->cpu);
  r = native_do(op);
  do native_deliver();
  while (native_run_threads());
  return r;
}
#endif
