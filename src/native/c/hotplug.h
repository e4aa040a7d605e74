/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs that come and go: what kernel/cpu.c, smpboot.c, kthread.c and stop_machine.c do around the scheduler's own
 * callbacks. Included by drv_core.c.
 *
 * Each CPU has two threads, made by the first CPU_DOWN: the stopper and the hotplug thread. They are tasks like
 * any other to the scheduler. What they do while they are current is done here, right after the operation that made
 * them current; whoever they wait for does not run as a task.
 */
#ifndef NATIVE_HOTPLUG_H
#define NATIVE_HOTPLUG_H

struct native_stop_work {
  cpu_stop_fn_t fn;
  void *arg;
};

#define NATIVE_STOP_WORKS 8
static struct native_stop_work native_stop_works[NR_CPUS][NATIVE_STOP_WORKS];
static int native_nr_stop_works[NR_CPUS];
struct task_struct *native_thread[2 * NR_CPUS];
int native_nr_threads;
static struct task_struct *native_cpuhp[NR_CPUS];
/* the CPU on its way down, and where the thread that asked for it runs */
static int native_going_down = -1, native_control;
/* bits of the domains that LLC made, as they are with every CPU up */
static unsigned long native_llc_bits[NR_CPUS];

/* idle threads, stoppers and hotplug threads are all there is of kernel threads */
bool kthread_is_per_cpu(struct task_struct *p)
{
  return p->flags & PF_KTHREAD;
}

/*
 * Balancing is left out. Before 6.10 a CPU without domains that runs out of work goes on to age its averages when some
 * CPU had two tasks at once: nobody did.
 */
static void native_schedule(void)
{
  NATIVE_IF_rd_overload(this_rq()->rd->overload = 0;)
  schedule();
}

/* ---- the threads ---- */

static struct task_struct *native_make_thread(int cpu)
{
  struct kernel_clone_args args = {};
  struct task_struct *p = native_make_task();

  p->pid = p->tgid = 2001 + native_nr_threads;
  p->flags = PF_KTHREAD | PF_NO_SETAFFINITY;
  p->static_prio = p->normal_prio = NICE_TO_PRIO(0);
  set_load_weight(p, false);
  p->cgroups = args.cset = native_css_set[0];
  cpumask_copy(&p->cpus_mask, cpumask_of(cpu));
  p->nr_cpus_allowed = 1;
  native_parent->normal_prio = p->normal_prio;
  native_cpu = cpu;
  native_current = native_parent;
  sched_fork(0, p);
  /* before 6.6 the child is placed beside whoever runs there */
  native_enter(cpu);
  sched_cgroup_fork(p, &args);
  WRITE_ONCE(p->__state, TASK_INTERRUPTIBLE);
  native_thread[native_nr_threads++] = p;
  return p;
}

static void native_make_threads(void)
{
  int cpu;

  if (native_cpuhp[0]) return;
  for (cpu = 0; cpu < native_nr_cpus; cpu++) {
    sched_set_stop_task(cpu, native_make_thread(cpu));
    native_cpuhp[cpu] = native_make_thread(cpu);
  }
}

/* current goes to sleep in `state` */
static void native_sleep(unsigned int state)
{
  WRITE_ONCE(native_current->__state, state);
  native_schedule();
}

/* ---- kernel/stop_machine.c ---- */

static void native_queue_stop(int cpu, cpu_stop_fn_t fn, void *arg)
{
  int n = native_nr_stop_works[cpu]++;

  BUG_ON(n >= NATIVE_STOP_WORKS);
  native_stop_works[cpu][n].fn = fn;
  native_stop_works[cpu][n].arg = arg;
  wake_up_process(cpu_rq(cpu)->stop);
}

bool stop_one_cpu_nowait(unsigned int cpu, cpu_stop_fn_t fn, void *arg, struct cpu_stop_work *work)
{
  native_queue_stop(cpu, fn, arg);
  return true;
}

static void native_stopper(int cpu)
{
  while (native_nr_stop_works[cpu]) {
    struct native_stop_work work = native_stop_works[cpu][0];

    memmove(native_stop_works[cpu], native_stop_works[cpu] + 1, (NATIVE_STOP_WORKS - 1) * sizeof(work));
    native_nr_stop_works[cpu]--;
    work.fn(work.arg);
  }
}

/* The stopper is current: what it has to do, and back to sleep. Whether it was. */
static bool native_run_stopper(int cpu)
{
  if (!cpu_rq(cpu)->stop || cpu_rq(cpu)->curr != cpu_rq(cpu)->stop) return false;
  native_enter(cpu);
  native_stopper(cpu);
  native_sleep(TASK_INTERRUPTIBLE);
  return true;
}

/* The CPU takes the interrupts that are on their way to it: queued wake-ups (on 6.1 a stopper's, too), and to schedule. */
static void native_resched(int cpu)
{
  native_deliver_to(cpu);
  native_enter(cpu);
  if (need_resched()) native_schedule();
}

/* More than there can be tasks to push. */
#define NATIVE_PUSHES_MAX 200

/*
 * The stopper pushes until nobody is left. A real-time task that has to wait where it was pushed to is pulled back at
 * once, as long as the CPU is not offline to its class: that has no end.
 */
static void native_push_all(int cpu)
{
  int n = 0;

  while (native_run_stopper(cpu)) BUG_ON(++n > NATIVE_PUSHES_MAX);
}

/*
 * The grace period of a thread on a CPU that it was the last to want: it sleeps, others run, and are pushed away if
 * the CPU is on its way down; then the CPU is idle and the thread is woken there.
 */
static void native_wait(int cpu)
{
  struct task_struct *self = native_current;

  native_sleep(TASK_UNINTERRUPTIBLE);
  native_push_all(cpu);
  native_enter(cpu);
  wake_up_process(self);
  native_resched(cpu);
  native_push_all(cpu);
  native_enter(cpu);
  BUG_ON(native_current != self);
}

void synchronize_rcu(void)
{
  if (native_going_down >= 0 && native_current == native_cpuhp[native_going_down]) native_wait(native_going_down);
}

/* ---- kernel/cpu.c ---- */

void set_cpu_online(unsigned int cpu, bool online)
{
  if (cpumask_test_cpu(cpu, &__cpu_online_mask) == online) return;
  if (online) cpumask_set_cpu(cpu, &__cpu_online_mask);
  else cpumask_clear_cpu(cpu, &__cpu_online_mask);
  atomic_add(online ? 1 : -1, &__num_online_cpus);
}

/*
 * Instead of partition_sched_domains(), when LLC has made domains: every CPU that was in one leaves its root domain and
 * enters it again, then those that are in one now do so.
 */
static void native_rebuild_domains(unsigned long before)
{
  int cpu, other;

  for (cpu = 0; cpu < native_nr_cpus; cpu++)
    if (native_llc_bits[cpu]) break;
  if (cpu == native_nr_cpus) return;
  for (cpu = 0; cpu < native_nr_cpus; cpu++) {
    if (!(before >> cpu & 1)) continue;
    rq_attach_root(cpu_rq(cpu), &def_root_domain);
    native_set_domain(cpu, 0);
  }
  for (cpu = 0; cpu < native_nr_cpus; cpu++) {
    unsigned long span = 0;

    if (!cpu_active(cpu)) continue;
    for (other = 0; other < native_nr_cpus; other++)
      if (cpu_active(other) && native_llc_bits[cpu] >> other & 1) span |= 1UL << other;
    rq_attach_root(cpu_rq(cpu), &def_root_domain);
    native_set_domain(cpu, span & (span - 1) ? span : 0);
  }
}

static unsigned long native_active_bits(void)
{
  unsigned long bits = 0;
  int cpu;

  for (cpu = 0; cpu < native_nr_cpus; cpu++)
    if (cpu_active(cpu)) bits |= 1UL << cpu;
  return bits;
}

/* take_cpu_down(), on the CPU itself, after every other CPU came to the same point */
static int native_take_cpu_down(void *unused)
{
  int cpu = native_cpu;

  if (cpu != native_going_down) return 0;
  local_irq_disable();
  set_cpu_online(cpu, false);
  sched_cpu_dying(cpu);
  local_irq_enable();
  return 0;
}

/* The hotplug thread of the CPU is current, and the CPU goes down as far as it can by its own. */
static void native_cpuhp_down(int cpu)
{
  unsigned long before = native_active_bits();
  int tries;

  sched_cpu_deactivate(cpu);
  native_rebuild_domains(before);
  /* WHY not in there: its wait would go round without the others. The fair server counts until its runtime is used up. */
  for (tries = 0; cpu_rq(cpu)->nr_running != 1; tries++) {
    BUG_ON(tries == 4);
    native_wait(cpu);
  }
  sched_cpu_wait_empty(cpu);
  native_sleep(TASK_INTERRUPTIBLE);
}

/* takedown_cpu(): the hotplug thread parks, all CPUs stop, the CPU is gone. */
static void native_takedown(int cpu)
{
  int other;

  native_enter(native_control);
  wake_up_process(native_cpuhp[cpu]);
  native_resched(cpu);
  BUG_ON(native_current != native_cpuhp[cpu]);
  native_sleep(TASK_PARKED);

  native_enter(native_control);
  for (other = 0; other < native_nr_cpus; other++)
    if (cpu_online(other)) native_queue_stop(other, native_take_cpu_down, NULL);
  for (other = 0; other < native_nr_cpus; other++)
    if (cpu_online(other)) native_resched(other);
  for (other = 0; other < native_nr_cpus; other++) {
    if (cpu_rq(other)->curr != cpu_rq(other)->stop) continue;
    native_enter(other);
    native_stopper(other);
    native_sleep(other == cpu ? TASK_PARKED : TASK_INTERRUPTIBLE);
  }
}

/* Whether the hotplug thread of the CPU that is to go down is current; if so the CPU goes down. */
static bool native_run_cpuhp(void)
{
  int cpu = native_going_down;

  if (cpu < 0 || cpu_rq(cpu)->curr != native_cpuhp[cpu]) return false;
  native_enter(cpu);
  native_cpuhp_down(cpu);
  native_takedown(cpu);
  native_going_down = -1;
  return true;
}

/* Threads of the kernel that an operation made current. */
static bool native_run_threads(void)
{
  bool ran = native_run_cpuhp();
  int cpu;

  for (cpu = 0; cpu < native_nr_cpus; cpu++)
    while (native_run_stopper(cpu)) ran = true;
  return ran;
}

/* cpu_down(): the hotplug thread of the CPU is woken; the rest follows when it gets the CPU. */
static native_s64 native_cpu_down(int cpu)
{
  if (cpu <= 0 || cpu >= native_nr_cpus || !cpu_online(cpu)) return NATIVE_BAD_OP;
  if (native_going_down >= 0) return NATIVE_IDLE;
  native_make_threads();
  native_going_down = cpu;
  native_control = native_cpu_of_op;
  set_cpu_dying(cpu, true);
  native_enter(native_control);
  wake_up_process(native_cpuhp[cpu]);
  return 0;
}

/* cpu_up(): all of it, for nothing else runs on the CPU. */
static native_s64 native_cpu_up(int cpu)
{
  int control = native_cpu_of_op;

  if (cpu < 0 || cpu >= native_nr_cpus || cpu_online(cpu)) return NATIVE_BAD_OP;
  if (native_going_down >= 0) return NATIVE_IDLE;
  set_cpu_dying(cpu, false);
  native_enter(cpu);
  sched_cpu_starting(cpu);
  set_cpu_online(cpu, true);

  /* stop_machine_unpark() */
  wake_up_state(cpu_rq(cpu)->stop, TASK_PARKED);
  native_resched(cpu);
  while (native_run_stopper(cpu)) { }

  native_enter(control);
  wake_up_state(native_cpuhp[cpu], TASK_PARKED);
  native_resched(cpu);
  BUG_ON(native_current != native_cpuhp[cpu]);
  {
    unsigned long before = native_active_bits();

    /* what sched_cpu_activate() begins with, for the domains are made in between */
    balance_push_set(cpu, false);
    set_cpu_active(cpu, true);
    native_rebuild_domains(before);
  }
  sched_cpu_activate(cpu);
  native_sleep(TASK_INTERRUPTIBLE);
  return 0;
}
#endif
