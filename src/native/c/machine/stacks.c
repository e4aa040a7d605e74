/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks with stacks of their own, and the context switch between them. */
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/smp.h>
#include "machine.h"

void native_swap(void **save, void *to);
void *native_fresh_stack(int n, void (*start)(void));
struct task_struct *__switch_to_asm(struct task_struct *prev, struct task_struct *next);
void __real_schedule(void);
void __wrap_schedule(void);

static int native_nr_stacks;
static void *native_driver_sp;
/* whether a task's stack is in use, and not the driver's */
static bool native_on_task;
/* who was current before the switch; NULL when the driver lets a task go on */
static struct task_struct *native_before;

static void native_task_main(void);

void native_new_task(struct task_struct *p)
{
  p->stack = NULL;
}

struct native_stack *native_stack_of(struct task_struct *p)
{
  struct native_stack *stack = p->stack;

  if (!stack) {
    stack = p->stack = native_alloc(sizeof(*stack));
    stack->sp = native_fresh_stack(native_nr_stacks++, native_task_main);
  }
  return stack;
}

void native_come_to(enum native_place place)
{
  struct native_stack *stack = native_stack_of(current);

  stack->place = place;
  native_probe_stops();
  native_on_task = false;
  native_swap(&stack->sp, native_driver_sp);
}

void native_go_on(int cpu)
{
  native_on_cpu(cpu);
  native_before = NULL;
  native_on_task = true;
  native_swap(&native_driver_sp, native_stack_of(current)->sp);
}

struct task_struct *__switch_to_asm(struct task_struct *prev, struct task_struct *next)
{
  struct native_stack *from = native_stack_of(prev), *to = native_stack_of(next);

  if (!native_on_task) native_end(NATIVE_BUG, __FILE__, __LINE__, "schedule() in an interrupt");
  native_probe_stops();
  native_before = prev;
  native_current = next;
  native_swap(&from->sp, to->sp);
  return native_before;
}

/*
 * What follows schedule() in a vCPU's thread is done when the driver comes to its CPU: no CPU goes on by itself while another
 * is in the middle of an event.
 */
void __wrap_schedule(void)
{
  __real_schedule();
  if (native_on_task && native_stack_of(current)->vcpu) native_come_to(NATIVE_BACK);
}

static void native_vcpu_main(struct native_stack *me)
{
  long r;

  native_come_to(NATIVE_BACK);
  do r = native_kvm_run(me->vcpu);
  while (r == -EAGAIN);
  native_end(NATIVE_PANIC, "", 0, "KVM_RUN has returned to userspace");
}

static void native_task_main(void)
{
  struct native_stack *me = native_stack_of(current);

  me->begun = true;
  if (native_before) native_start_task(native_before);
  if (me->vcpu) native_vcpu_main(me);
  for (;;) {
    native_come_to(NATIVE_IN_USERSPACE);
    native_sched_op(me->command);
  }
}
