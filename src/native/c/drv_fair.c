/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel/sched/fair.c of the tree; the state that an operation leaves, as words; and single functions on given
 * operands. Members have other names in other trees: native-probe.h says which ones this tree has.
 */
#include "kernel/sched/fair.c"
#include "native.h"
#include "native-probe.h"
#ifdef NATIVE_MACHINE
#include "machine.h"
#else
#define NATIVE_MACHINE_SCHEMA
#endif

extern struct task_struct *native_task[];
extern struct task_group *native_group[];
/* threads of the kernel, behind the tasks; by the number 2000 and up */
extern struct task_struct *native_thread[];
extern int native_nr_threads;
extern int native_nr_tasks, native_nr_groups, native_nr_cpus, native_cpu;
extern struct task_struct *native_current;
extern unsigned long native_reschedules[];
native_u64 native_decay_load(native_u64 val, native_u64 n);
unsigned int native_accumulate_pelt_segments(native_u64 periods, unsigned int d1, unsigned int d3);

#ifdef NATIVE_HAVE_cfs_rq_nr_queued
#define cfs_nr_queued(c) (c)->nr_queued
#else
#define cfs_nr_queued(c) (c)->nr_running
#endif
#ifdef NATIVE_HAVE_cfs_rq_h_nr_queued
#define cfs_h_nr_queued(c) (c)->h_nr_queued
#else
#define cfs_h_nr_queued(c) (c)->h_nr_running
#endif
#ifdef NATIVE_HAVE_cfs_rq_h_nr_runnable
#define cfs_h_nr_runnable(c) (c)->h_nr_runnable
#elif defined(NATIVE_HAVE_cfs_rq_h_nr_delayed)
#define cfs_h_nr_runnable(c) (cfs_h_nr_queued(c) - (c)->h_nr_delayed)
#else
#define cfs_h_nr_runnable(c) cfs_h_nr_queued(c)
#endif
#ifdef NATIVE_HAVE_cfs_rq_sum_w_vruntime
#define cfs_sum_w_vruntime(c) (c)->sum_w_vruntime
#define set_sum_w_vruntime(c, x) ((c)->sum_w_vruntime = (x))
#elif defined(NATIVE_HAVE_cfs_rq_avg_vruntime)
#define cfs_sum_w_vruntime(c) (c)->avg_vruntime
#define set_sum_w_vruntime(c, x) ((c)->avg_vruntime = (x))
#else
#define cfs_sum_w_vruntime(c) 0
#define set_sum_w_vruntime(c, x) ((void)(x))
#endif
#ifdef NATIVE_HAVE_cfs_rq_sum_weight
#define cfs_sum_weight(c) (c)->sum_weight
#define set_sum_weight(c, x) ((c)->sum_weight = (x))
#elif defined(NATIVE_HAVE_cfs_rq_avg_load)
#define cfs_sum_weight(c) (c)->avg_load
#define set_sum_weight(c, x) ((c)->avg_load = (x))
#else
#define cfs_sum_weight(c) 0
#define set_sum_weight(c, x) ((void)(x))
#endif
#ifdef NATIVE_HAVE_cfs_rq_last
#define cfs_last(c) (c)->last
#else
#define cfs_last(c) NULL
#endif
#ifdef NATIVE_HAVE_cfs_rq_skip
#define cfs_skip(c) (c)->skip
#else
#define cfs_skip(c) NULL
#endif
#ifdef NATIVE_HAVE_se_deadline
#define se_deadline(s) (s)->deadline
#define set_deadline(s, x) ((s)->deadline = (x))
#else
#define se_deadline(s) 0
#define set_deadline(s, x) ((void)(x))
#endif
#ifdef NATIVE_HAVE_se_vlag
#define se_vlag(s) (s)->vlag
#define set_vlag(s, x) ((s)->vlag = (x))
#else
#define se_vlag(s) 0
#define set_vlag(s, x) ((void)(x))
#endif
#ifdef NATIVE_HAVE_se_slice
#define se_slice(s) (s)->slice
#define set_slice(s, x) ((s)->slice = (x))
#else
#define se_slice(s) 0
#define set_slice(s, x) ((void)(x))
#endif
#ifdef NATIVE_HAVE_cfs_rq_zero_vruntime
#define cfs_zero_vruntime(c) (c)->zero_vruntime
#else
#define cfs_zero_vruntime(c) (c)->min_vruntime
#endif
#ifdef NATIVE_HAVE_base_slice
#define native_base_slice sysctl_sched_base_slice
#else
#define native_base_slice sysctl_sched_min_granularity
#endif
#ifdef NATIVE_HAVE_tg_cfs_rq
#define group_queue(g, cpu) tg_cfs_rq(native_group[g], cpu)
#define group_entity(g, cpu) tg_se(native_group[g], cpu)
#else
#define group_queue(g, cpu) native_group[g]->cfs_rq[cpu]
#define group_entity(g, cpu) native_group[g]->se[cpu]
#endif
#ifdef NATIVE_HAVE_se_sched_delayed
#define se_sched_delayed(s) (s)->sched_delayed
#else
#define se_sched_delayed(s) 0
#endif
#ifdef NATIVE_HAVE_se_rel_deadline
#define se_rel_deadline(s) (s)->rel_deadline
#define set_rel_deadline(s, x) ((s)->rel_deadline = (x))
#else
#define se_rel_deadline(s) 0
#define set_rel_deadline(s, x) ((void)(x))
#endif
#ifdef NATIVE_HAVE_se_custom_slice
#define se_custom_slice(s) (s)->custom_slice
#define set_custom_slice(s, x) ((s)->custom_slice = (x))
#else
#define se_custom_slice(s) 0
#define set_custom_slice(s, x) ((void)(x))
#endif
#ifdef NATIVE_HAVE_se_min_slice
#define se_min_slice(s) (s)->min_slice
#else
#define se_min_slice(s) 0
#endif
#ifdef NATIVE_HAVE_se_min_vruntime
#define se_min_vruntime(s) (s)->min_vruntime
#else
#define se_min_vruntime(s) 0
#endif

#ifdef NATIVE_HAVE_rq_fair_server
#define server_of(rq) (&(rq)->fair_server)
#define server_timer(rq) native_timer(&(rq)->fair_server.dl_timer)
#else
/* a server that nobody starts */
static struct {
  native_s64 runtime, deadline;
  int dl_throttled, dl_defer_armed, dl_defer_running, dl_server_active;
} native_no_server;
#define server_of(rq) (&native_no_server)
#define server_timer(rq) (-1)
#endif
#ifdef NATIVE_HAVE_rt_rq_rt_time
#define rt_member(rq, member) (rq)->rt.member
#else
#define rt_member(rq, member) 0
#endif
#if defined(NATIVE_HAVE_rt_rq_rt_time) && defined(NATIVE_HAVE_def_rt_bandwidth)
#define rt_period_timer() native_timer(&def_rt_bandwidth.rt_period_timer)
#else
#define rt_period_timer() (-1)
#endif
#ifdef NATIVE_HAVE_dl_server_active
#define server_active(rq) server_of(rq)->dl_server_active
#else
#define server_active(rq) 0
#endif
#ifdef NATIVE_HAVE_hrtimer_state
#define native_queued(timer) ((timer)->state)
#else
#define native_queued(timer) ((timer)->is_queued)
#endif

/* What whoever compares has to know: columns read from a member of another name, and columns that are 0 for want of one. */
#define OTHER_NAME(column, member) "\"" column "\",\"" member "\","
#define OTHER_NAMES                                                                                                \
  NATIVE_UNLESS_cfs_rq_nr_queued(OTHER_NAME("nr_queued", "nr_running"))                                            \
  NATIVE_UNLESS_cfs_rq_h_nr_queued(OTHER_NAME("h_nr_queued", "h_nr_running"))                                      \
  NATIVE_UNLESS_cfs_rq_h_nr_runnable(                                                                              \
      NATIVE_IF_cfs_rq_h_nr_delayed(OTHER_NAME("h_nr_runnable", "h_nr_queued - h_nr_delayed")))                    \
  NATIVE_UNLESS_cfs_rq_sum_w_vruntime(NATIVE_IF_cfs_rq_avg_vruntime(OTHER_NAME("sum_w_vruntime", "avg_vruntime"))) \
  NATIVE_UNLESS_cfs_rq_sum_weight(NATIVE_IF_cfs_rq_avg_load(OTHER_NAME("sum_weight", "avg_load")))                 \
  NATIVE_UNLESS_cfs_rq_zero_vruntime(OTHER_NAME("zero_vruntime", "min_vruntime"))
#define ABSENT                                                                                                     \
  NATIVE_UNLESS_cfs_rq_sum_w_vruntime(NATIVE_UNLESS_cfs_rq_avg_vruntime("\"sum_w_vruntime\","))                    \
  NATIVE_UNLESS_cfs_rq_sum_weight(NATIVE_UNLESS_cfs_rq_avg_load("\"sum_weight\","))                                \
  NATIVE_UNLESS_cfs_rq_h_nr_runnable(NATIVE_UNLESS_cfs_rq_h_nr_delayed("\"h_nr_runnable\","))                      \
  NATIVE_UNLESS_avg_vruntime("\"avg_vruntime()\",")                                                                \
  NATIVE_UNLESS_entity_eligible("\"eligible\",")                                                                   \
  NATIVE_UNLESS_cfs_rq_last("\"last\",")                                                                           \
  NATIVE_UNLESS_cfs_rq_skip("\"skip\",")                                                                           \
  NATIVE_UNLESS_se_deadline("\"deadline\",")                                                                       \
  NATIVE_UNLESS_se_vlag("\"vlag\",")                                                                               \
  NATIVE_UNLESS_se_slice("\"slice\",")                                                                             \
  NATIVE_UNLESS_se_sched_delayed("\"sched_delayed\",")                                                             \
  NATIVE_UNLESS_se_rel_deadline("\"rel_deadline\",")                                                               \
  NATIVE_UNLESS_se_custom_slice("\"custom_slice\",")                                                               \
  NATIVE_UNLESS_se_min_slice("\"min_slice\",")                                                                     \
  NATIVE_UNLESS_se_min_vruntime("\"min_vruntime\",")                                                               \
  NATIVE_UNLESS_rt_rq_rt_time("\"rt_throttled\",\"rt_time\",\"rt_runtime\",\"rt_period_timer\",")                   \
  NATIVE_UNLESS_dl_server_active("\"server_active\",")                                                             \
  NATIVE_UNLESS_rq_fair_server("\"server_timer\",\"server_runtime\",\"server_deadline\",\"server_throttled\","      \
                               "\"server_armed\",\"server_running\",")

#define SYSCTLS                                                                                                    \
  NATIVE_IF_latency("\"latency_ns\",")                                                                             \
  NATIVE_IF_wakeup_granularity("\"wakeup_granularity_ns\",")                                                       \
  NATIVE_IF_idle_min_granularity("\"idle_min_granularity_ns\",")                                                   \
  NATIVE_IF_child_runs_first("\"child_runs_first\",")                                                              \
  NATIVE_IF_update_scaling("\"tunable_scaling\",")

/* Every list is name and expression; the schema and the dump are both made of it, so they agree. */
#define HEAD_FIELDS(X)                                                                                             \
  X("now", native_now)                                                                                             \
  X("w", native_warns)                                                                                             \
  X("cpus", native_nr_cpus)                                                                                        \
  X("tasks", native_nr_tasks + native_nr_threads)                                                                  \
  X("groups", native_nr_groups)
#define RQ_FIELDS(X)                                                                                               \
  X("curr", native_task_index(rq->curr))                                                                           \
  X("need_resched", test_tsk_need_resched(rq->curr))                                                               \
  X("nr_running", rq->nr_running)                                                                                  \
  X("clock", rq->clock)                                                                                            \
  X("clock_task", rq->clock_task)                                                                                  \
  X("nr_switches", rq->nr_switches)                                                                                \
  X("clock_update_flags", rq->clock_update_flags)
#define CFS_FIELDS(X)                                                                                              \
  X("load", cfs->load.weight)                                                                                      \
  X("nr_queued", cfs_nr_queued(cfs))                                                                               \
  X("h_nr_queued", cfs_h_nr_queued(cfs))                                                                           \
  X("h_nr_runnable", cfs_h_nr_runnable(cfs))                                                                       \
  X("sum_w_vruntime", cfs_sum_w_vruntime(cfs))                                                                     \
  X("sum_weight", cfs_sum_weight(cfs))                                                                             \
  X("zero_vruntime", cfs_zero_vruntime(cfs))                                                                       \
  X("avg_vruntime()", native_avg_vruntime(cfs))                                                                    \
  X("curr", native_entity_index(cfs->curr))                                                                        \
  X("next", native_entity_index(cfs->next))                                                                        \
  X("load_avg", cfs->avg.load_avg)
#define TASK_FIELDS(X)                                                                                             \
  X("on_rq", p->on_rq)                                                                                             \
  X("state", p->__state)                                                                                           \
  X("cpu", task_cpu(p))                                                                                            \
  X("static_prio", p->static_prio)                                                                                 \
  X("eligible", native_eligible(&p->se))
#define SE_FIELDS(X)                                                                                               \
  X("weight", se->load.weight)                                                                                     \
  X("on_rq", se->on_rq)                                                                                            \
  X("sched_delayed", se_sched_delayed(se))                                                                         \
  X("rel_deadline", se_rel_deadline(se))                                                                           \
  X("custom_slice", se_custom_slice(se))                                                                           \
  X("vruntime", se->vruntime)                                                                                      \
  X("deadline", se_deadline(se))                                                                                      \
  X("vlag", se_vlag(se))                                                                                              \
  X("slice", se_slice(se))                                                                                            \
  X("min_vruntime", se_min_vruntime(se))                                                                           \
  X("min_slice", se_min_slice(se))                                                                                 \
  X("exec_start", se->exec_start)                                                                                  \
  X("sum_exec_runtime", se->sum_exec_runtime)                                                                      \
  X("prev_sum_exec_runtime", se->prev_sum_exec_runtime)

/* Beyond the vectors' format, on request: load tracking, tree shape, group load, the clocks behind. */
#define RQ_MORE(X)                                                                                                 \
  X("clock_pelt", rq->clock_pelt)                                                                                  \
  X("lost_idle_time", rq->lost_idle_time)                                                                          \
  X("nr_uninterruptible", (int)rq->nr_uninterruptible)                                                             \
  X("avg_idle", rq->avg_idle)                                                                                      \
  X("yld_count", rq->yld_count)                                                                                    \
  X("reschedules", native_reschedules[cpu])                                                                        \
  X("rt_nr_running", rq->rt.rt_nr_running)                                                                         \
  X("rr_nr_running", rq->rt.rr_nr_running)                                                                         \
  X("rt_queued", rq->rt.rt_queued)                                                                                 \
  X("rt_first", native_rt_first(&rq->rt))                                                                          \
  X("rt_highest", rq->rt.highest_prio.curr)                                                                        \
  X("rt_next_highest", rq->rt.highest_prio.next)                                                                   \
  X("pushable_first", native_pushable(rq->rt.pushable_tasks.node_list.next, rq))                                   \
  X("rt_overloaded", rq->rt.overloaded)                                                                            \
  X("in_rto_mask", cpumask_test_cpu(cpu, rq->rd->rto_mask))                                                        \
  X("rto_cpu", rq->rd->rto_cpu)                                                                                    \
  X("rto_loop", rq->rd->rto_loop)                                                                                  \
  X("rto_loop_next", atomic_read(&rq->rd->rto_loop_next))                                                          \
  X("cpupri", rq->rd->cpupri.cpu_to_pri[cpu])                                                                      \
  X("dl_nr_running", rq->dl.dl_nr_running)                                                                         \
  X("server_active", server_active(rq))                                                                            \
  X("server_timer", server_timer(rq))                                                                              \
  X("server_runtime", server_of(rq)->runtime)                                                                      \
  X("server_deadline", server_of(rq)->deadline)                                                                    \
  X("server_throttled", server_of(rq)->dl_throttled)                                                               \
  X("server_armed", server_of(rq)->dl_defer_armed)                                                                 \
  X("server_running", server_of(rq)->dl_defer_running)                                                             \
  X("rt_throttled", rt_member(rq, rt_throttled))                                                                   \
  X("rt_time", rt_member(rq, rt_time))                                                                             \
  X("rt_runtime", rt_member(rq, rt_runtime))                                                                       \
  X("rt_period_timer", rt_period_timer())                                                                          \
  AVG_FIELDS(X, "rt", &rq->avg_rt)                                                                                 \
  AVG_FIELDS(X, "dl", &rq->avg_dl)
/* A class' share of the CPU; its load is its running. */
#define AVG_FIELDS(X, name, avg)                                                                                   \
  X(name "_last_update_time", (avg)->last_update_time)                                                             \
  X(name "_util_sum", (avg)->util_sum)                                                                             \
  X(name "_period_contrib", (avg)->period_contrib)                                                                 \
  X(name "_util_avg", (avg)->util_avg)
#define TASK_MORE(X)                                                                                               \
  X("prio", p->prio)                                                                                               \
  X("normal_prio", p->normal_prio)                                                                                 \
  X("rt_priority", p->rt_priority)                                                                                 \
  X("policy", p->policy)                                                                                           \
  X("time_slice", p->rt.time_slice)                                                                                \
  X("rt_on_rq", p->rt.on_rq)                                                                                       \
  X("rt_behind", native_rt_behind(p))                                                                              \
  X("pushable_behind", native_pushable(p->pushable_tasks.node_list.next, task_rq(p)))
#define PELT_FIELDS(X)                                                                                             \
  X("last_update_time", avg->last_update_time)                                                                     \
  X("load_sum", avg->load_sum)                                                                                     \
  X("runnable_sum", avg->runnable_sum)                                                                             \
  X("util_sum", avg->util_sum)                                                                                     \
  X("period_contrib", avg->period_contrib)                                                                         \
  X("load_avg", avg->load_avg)                                                                                     \
  X("runnable_avg", avg->runnable_avg)                                                                             \
  X("util_avg", avg->util_avg)
#define CFS_MORE(X)                                                                                                \
  X("root", native_node_index(cfs->tasks_timeline.rb_root.rb_node))                                                \
  X("leftmost", native_node_index(cfs->tasks_timeline.rb_leftmost))                                                \
  X("tg_load_avg_contrib", cfs->tg_load_avg_contrib)                                                               \
  X("propagate", cfs->propagate)                                                                                   \
  X("prop_runnable_sum", cfs->prop_runnable_sum)                                                                   \
  X("last", native_entity_index(cfs_last(cfs)))                                                                    \
  X("skip", native_entity_index(cfs_skip(cfs)))
#define SE_MORE(X)                                                                                                 \
  X("left", native_child(se, 0))                                                                                   \
  X("right", native_child(se, 1))                                                                                  \
  X("red", native_is_red(se))                                                                                      \
  X("inv_weight", se->load.inv_weight)                                                                             \
  X("runnable_weight", native_runnable_weight(se))
#define TG_MORE(X)                                                                                                 \
  X("shares", tg->shares)                                                                                          \
  X("load_avg", atomic_long_read(&tg->load_avg))

static int native_task_index(struct task_struct *p)
{
  return p->flags & PF_IDLE ? -1 : p->pid - 1;
}

/* task number, 1000 + group number, or -1 for NULL */
static int native_entity_index(struct sched_entity *se)
{
  int g;

  if (!se) return -1;
  if (entity_is_task(se)) return native_task_index(task_of(se));
  for (g = 1; g < native_nr_groups; g++)
    if (group_entity(g, cpu_of(rq_of(se->cfs_rq))) == se) return 1000 + g;
  return -2;
}

/* The task whose place in its priority's list this is; -1 for the head of the list. */
static int native_rt_place(struct list_head *place, struct rt_rq *rt_rq)
{
  if (place >= rt_rq->active.queue && place < rt_rq->active.queue + MAX_RT_PRIO) return -1;
  return native_task_index(container_of(place, struct task_struct, rt.run_list));
}

static int native_rt_first(struct rt_rq *rt_rq)
{
  int prio = find_first_bit(rt_rq->active.bitmap, MAX_RT_PRIO);

  return prio < MAX_RT_PRIO ? native_rt_place(rt_rq->active.queue[prio].next, rt_rq) : -1;
}

/* Who is behind the task among its equals. */
static int native_rt_behind(struct task_struct *p)
{
  return p->rt.on_list ? native_rt_place(p->rt.run_list.next, &task_rq(p)->rt) : -1;
}

/* The task that this is the place of in its CPU's list of pushable tasks; -1 for the head, and for a task on no list. */
static int native_pushable(struct list_head *place, struct rq *rq)
{
  if (place == &rq->rt.pushable_tasks.node_list || place->next == place) return -1;
  return native_task_index(container_of(place, struct task_struct, pushable_tasks.node_list));
}

static native_s64 __attribute__((unused)) native_timer(struct hrtimer *timer)
{
  return native_queued(timer) ? hrtimer_get_expires(timer) : -1;
}

static int native_node_index(struct rb_node *node)
{
  return node ? native_entity_index(rb_entry(node, struct sched_entity, run_node)) : -1;
}

static bool native_in_tree(struct sched_entity *se)
{
  return se->on_rq && se->cfs_rq->curr != se;
}

static int native_child(struct sched_entity *se, int right)
{
  if (!native_in_tree(se)) return -1;
  return native_node_index(right ? se->run_node.rb_right : se->run_node.rb_left);
}

static int native_is_red(struct sched_entity *se)
{
  return native_in_tree(se) ? !(se->run_node.__rb_parent_color & 1) : -1;
}

static unsigned long native_runnable_weight(struct sched_entity *se)
{
  return entity_is_task(se) ? 0 : se->runnable_weight;
}

#ifdef NATIVE_MACHINE
int native_group_of(struct task_struct *p)
{
  int i;

  for (i = 0; i < native_nr_groups; i++)
    if (p->sched_task_group == native_group[i]) return i;
  return -1;
}

int native_sched_value_is(native_u64 value, int which[2])
{
  int i, cpu;

  for (i = 0; i < native_nr_tasks; i++) {
    which[0] = i;
    if (value == (native_u64)native_task[i]) return NATIVE_TASK;
    if (value == (native_u64)&native_task[i]->se) return NATIVE_TASK_SE;
  }
  for (cpu = 0; cpu < native_nr_cpus; cpu++) {
    which[1] = cpu;
    for (i = 0; i < native_nr_groups; i++) {
      which[0] = i;
      if (value == (native_u64)group_queue(i, cpu)) return NATIVE_CFS_RQ;
      if (i && value == (native_u64)group_entity(i, cpu)) return NATIVE_GROUP_SE;
      if (value == (native_u64)native_group[i]) return NATIVE_TASK_GROUP;
    }
    which[0] = cpu;
    if (value == (native_u64)cpu_rq(cpu)) return NATIVE_RQ;
    if (value == (native_u64)cpu_rq(cpu)->idle) return NATIVE_IDLE_TASK;
  }
  which[0] = which[1] = 0;
  return NATIVE_NUMBER;
}
#endif

/* The kernel's functions may write to their queue: they get a copy. */
static native_s64 native_avg_vruntime(struct cfs_rq *cfs)
{
#ifdef NATIVE_HAVE_avg_vruntime
  struct cfs_rq copy = *cfs;

  return avg_vruntime(&copy);
#else
  return 0;
#endif
}

static native_s64 native_eligible(struct sched_entity *se)
{
#ifdef NATIVE_HAVE_entity_eligible
  struct cfs_rq copy = *cfs_rq_of(se);

  return entity_eligible(&copy, se);
#else
  return 0;
#endif
}

#define DUMP(name, value) *w++ = (native_s64)(value);

static native_s64 *native_dump_pelt(native_s64 *w, const struct sched_avg *avg)
{
  PELT_FIELDS(DUMP)
  return w;
}

static native_s64 *native_dump_cpu(native_s64 *w, int cpu, int extended)
{
  struct rq *rq = cpu_rq(cpu);
  int g;

  RQ_FIELDS(DUMP)
  if (extended) {
    RQ_MORE(DUMP)
  }
  for (g = 0; g < native_nr_groups; g++) {
    struct cfs_rq *cfs = group_queue(g, cpu);

    CFS_FIELDS(DUMP)
    if (extended) {
      CFS_MORE(DUMP)
      w = native_dump_pelt(w, &cfs->avg);
    }
  }
  for (g = 1; g < native_nr_groups; g++) {
    struct sched_entity *se = group_entity(g, cpu);

    SE_FIELDS(DUMP)
    if (extended) {
      SE_MORE(DUMP)
      w = native_dump_pelt(w, &se->avg);
    }
  }
  return w;
}

int native_dump(native_s64 *words, int extended)
{
  native_s64 *w = words;
  int i;

  HEAD_FIELDS(DUMP)
  for (i = 0; i < native_nr_cpus; i++) w = native_dump_cpu(w, i, extended);
  for (i = 0; i < native_nr_tasks + native_nr_threads; i++) {
    struct task_struct *p = i < native_nr_tasks ? native_task[i] : native_thread[i - native_nr_tasks];
    struct sched_entity *se = &p->se;

    TASK_FIELDS(DUMP)
    if (extended) {
      TASK_MORE(DUMP)
    }
    SE_FIELDS(DUMP)
    if (extended) {
      SE_MORE(DUMP)
      w = native_dump_pelt(w, &se->avg);
    }
  }
  for (i = 0; extended && i < native_nr_groups; i++) {
    struct task_group *tg = native_group[i];

    TG_MORE(DUMP)
  }
#ifdef NATIVE_MACHINE
  w = native_dump_machine(w);
#endif
  return w - words;
}

/* An empty queue's virtual time, so that runs can start next to any wrap. */
native_s64 native_set_vtime(const struct native_op *op)
{
  struct cfs_rq *cfs;

  if (op->id < 0 || op->id >= native_nr_groups) return NATIVE_BAD_OP;
  cfs = group_queue(op->id, op->cpu);
  if (cfs_nr_queued(cfs)) return NATIVE_IDLE;
  cfs_zero_vruntime(cfs) = op->a;
  return 0;
}

/* debugfs files, by the numbers that SYSCTL takes; in a tree that lacks one it is a bad operation. */
native_s64 native_set_sysctl(unsigned int which, native_s64 value)
{
  switch (which) {
#ifdef NATIVE_HAVE_latency
  case 0:
    sysctl_sched_latency = value;
    return 0;
#endif
#ifdef NATIVE_HAVE_wakeup_granularity
  case 1:
    sysctl_sched_wakeup_granularity = value;
    return 0;
#endif
#ifdef NATIVE_HAVE_idle_min_granularity
  case 2:
    sysctl_sched_idle_min_granularity = value;
    return 0;
#endif
#ifdef NATIVE_HAVE_child_runs_first
  case 3:
    sysctl_sched_child_runs_first = value;
    return 0;
#endif
#ifdef NATIVE_HAVE_update_scaling
  case 4:
    if (value < 0 || value >= SCHED_TUNABLESCALING_END) return NATIVE_BAD_OP;
    sysctl_sched_tunable_scaling = value;
    return sched_update_scaling();
#endif
  }
  return NATIVE_BAD_OP;
}

/* ---- single functions ---------------------------------------------------------------------------------------- */

/* The operands: three of the function's own, then a queue, its current entity, and the entity. */
#define CALL_ARGS(X)                                                                                               \
  X(x) X(y) X(z)                                                                                                   \
  X(base_slice)                                                                                                    \
  X(zero_vruntime) X(sum_w_vruntime) X(sum_weight) X(load) X(nr_queued)                                            \
  X(curr_is) X(curr_weight) X(curr_vruntime) X(curr_on_rq)                                                         \
  X(weight) X(vruntime) X(deadline) X(vlag) X(slice) X(on_rq) X(custom_slice) X(rel_deadline)
#define CALL_RESULTS(X)                                                                                            \
  X("r", r)                                                                                                        \
  X("weight", s->load.weight)                                                                                      \
  X("vruntime", s->vruntime)                                                                                       \
  X("deadline", se_deadline(s))                                                                                       \
  X("vlag", se_vlag(s))                                                                                               \
  X("slice", se_slice(s))                                                                                             \
  X("rel_deadline", se_rel_deadline(s))                                                                            \
  X("min_vruntime", se_min_vruntime(s))                                                                            \
  X("zero_vruntime", cfs_zero_vruntime(c))                                                                         \
  X("sum_w_vruntime", cfs_sum_w_vruntime(c))                                                                       \
  X("sum_weight", cfs_sum_weight(c))                                                                               \
  X("load", c->load.weight)

struct call_args {
#define CALL_ARG(name) native_s64 name;
  CALL_ARGS(CALL_ARG)
};

/* The flags of enqueueing were renumbered: the operand has those of 6.12. Before 6.6 it is no flags but a truth value. */
#ifdef NATIVE_HAVE_ENQUEUE_INITIAL
#define CALL_ENQUEUE_FLAGS ((a->x & 0x80 ? ENQUEUE_INITIAL : 0) | (a->x & 1 ? ENQUEUE_WAKEUP : 0))
#else
#define CALL_ENQUEUE_FLAGS a->x
#endif
/* Function, and the expression for `r`; `a` are the operands, `c` the queue, `s` the entity. */
#define CALLS(X)                                                                                                   \
  X(mul_u64_u32_shr, mul_u64_u32_shr(a->x, a->y, a->z))                                                            \
  NATIVE_IF_calc_delta_fair(X(calc_delta_fair, calc_delta_fair(a->x, s)))                                          \
  NATIVE_IF___calc_delta(X(__calc_delta, __calc_delta(a->x, a->y, &s->load)))                                      \
  X(decay_load, native_decay_load(a->x, a->y))                                                                     \
  X(__accumulate_pelt_segments, native_accumulate_pelt_segments(a->x, a->y, a->z))                                 \
  NATIVE_IF_avg_vruntime(X(avg_vruntime, avg_vruntime(c)))                                                         \
  NATIVE_IF_vruntime_eligible(X(vruntime_eligible, vruntime_eligible(c, a->x)))                                    \
  NATIVE_IF_entity_eligible(X(entity_eligible, entity_eligible(c, s)))                                             \
  NATIVE_IF_entity_lag(X(entity_lag, entity_lag(a->x, s)))                                                         \
  NATIVE_IF_update_deadline(X(update_deadline, (update_deadline(c, s), 0)))                                        \
  NATIVE_IF_place_entity(X(place_entity, (place_entity(c, s, CALL_ENQUEUE_FLAGS), 0)))                             \
  NATIVE_IF_reweight_entity(X(reweight_entity, (reweight_entity(c, s, a->x), 0)))                                  \
  NATIVE_IF_reweight_eevdf(X(reweight_eevdf, (reweight_eevdf(s, a->x, a->y), 0)))                                  \
  NATIVE_IF_update_entity_lag(X(update_entity_lag, (update_entity_lag(c, s), 0)))                                  \
  NATIVE_IF___sched_period(X(__sched_period, __sched_period(a->x)))                                                \
  NATIVE_IF_sched_slice(X(sched_slice, sched_slice(c, s)))                                                         \
  NATIVE_IF_sched_vslice(X(sched_vslice, sched_vslice(c, s)))                                                      \
  NATIVE_IF_wakeup_gran(X(wakeup_gran, wakeup_gran(s)))                                                            \
  NATIVE_IF_wakeup_preempt_entity(X(wakeup_preempt_entity, wakeup_preempt_entity(curr, s)))                        \
  NATIVE_IF_update_min_vruntime(X(update_min_vruntime, (update_min_vruntime(c), 0)))

#define CALL_ENUM(name, expression) CALL_##name##_code,
enum call_code { CALLS(CALL_ENUM) };

/* On a queue and an entity of its own, so that no run is disturbed. */
int native_call(unsigned int function, const native_s64 *args, native_s64 *w)
{
  const struct call_args *a = (const struct call_args *)args;
  static struct cfs_rq queue;
  static struct task_struct task, other;
  struct cfs_rq *c = &queue;
  struct sched_entity *s = &task.se, *curr = &other.se;
  native_s64 r = NATIVE_BAD_OP;

  memset(&queue, 0, sizeof(queue));
  memset(&task, 0, sizeof(task));
  memset(&other, 0, sizeof(other));
  init_cfs_rq(c);
  c->rq = cpu_rq(0);
  c->tg = &root_task_group;
  s->cfs_rq = curr->cfs_rq = c;
  s->exec_start = curr->exec_start = rq_clock_task(cpu_rq(0));
  native_base_slice = a->base_slice;
  cfs_zero_vruntime(c) = a->zero_vruntime;
  set_sum_w_vruntime(c, a->sum_w_vruntime);
  set_sum_weight(c, a->sum_weight);
  c->load.weight = a->load;
  cfs_nr_queued(c) = a->nr_queued;
  c->curr = a->curr_is == 1 ? curr : a->curr_is == 2 ? s : NULL;
  curr->load.weight = a->curr_weight;
  NATIVE_IF_se_h_load(curr->h_load.weight = a->curr_weight;)
  curr->vruntime = a->curr_vruntime;
  curr->on_rq = a->curr_on_rq;
  s->load.weight = a->weight;
  NATIVE_IF_se_h_load(s->h_load.weight = a->weight;)
  s->vruntime = a->vruntime;
  set_deadline(s, a->deadline);
  set_vlag(s, a->vlag);
  set_slice(s, a->slice);
  s->on_rq = a->on_rq;
  set_custom_slice(s, a->custom_slice);
  set_rel_deadline(s, a->rel_deadline);
  s->avg.load_avg = s->avg.load_sum = 0;
  if (s->on_rq && c->curr != s) __enqueue_entity(c, s);

  switch (function) {
#define CALL_CASE(name, expression)                                                                                \
  case CALL_##name##_code:                                                                                         \
    r = expression;                                                                                                \
    break;
    CALLS(CALL_CASE)
  }
  native_s64 *start = w;
  CALL_RESULTS(DUMP)
  return w - start;
}

/* ---- schema ---------------------------------------------------------------------------------------------------- */

#define JSON_FIELD(name, value) "\"" name "\","
#define JSON_NAME(name) "\"" #name "\","
#define JSON_NAME2(name, expression) "\"" #name "\","
#define JSON_FEATURE(name, enabled) "\"" #name "\","
#define SCHED_FEAT JSON_FEATURE
#define JSON_LIST(name, list) "\"" name "\":[" list "null],"

/* Lists end in null, which the reader drops: a preprocessor cannot leave out the last comma. */
const char *native_schema(void)
{
  return "{" JSON_LIST("ops", NATIVE_OPS(JSON_NAME)) JSON_LIST("head", HEAD_FIELDS(JSON_FIELD))
      JSON_LIST("rq", RQ_FIELDS(JSON_FIELD)) JSON_LIST("rq_more", RQ_MORE(JSON_FIELD))
      JSON_LIST("cfs", CFS_FIELDS(JSON_FIELD)) JSON_LIST("cfs_more", CFS_MORE(JSON_FIELD))
      JSON_LIST("task", TASK_FIELDS(JSON_FIELD)) JSON_LIST("task_more", TASK_MORE(JSON_FIELD))
      JSON_LIST("se", SE_FIELDS(JSON_FIELD))
      JSON_LIST("se_more", SE_MORE(JSON_FIELD)) JSON_LIST("pelt", PELT_FIELDS(JSON_FIELD))
      JSON_LIST("tg_more", TG_MORE(JSON_FIELD)) JSON_LIST("calls", CALLS(JSON_NAME2))
      JSON_LIST("call_args", CALL_ARGS(JSON_NAME)) JSON_LIST("call_results", CALL_RESULTS(JSON_FIELD))
      JSON_LIST("other_names", OTHER_NAMES) JSON_LIST("absent", ABSENT)
      JSON_LIST("sysctls", SYSCTLS) NATIVE_MACHINE_SCHEMA
      "\"features\":["
#include "kernel/sched/features.h"
      "null],\"hz\":" __stringify(HZ) "}";
}
