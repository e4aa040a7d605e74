/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine around the kernel: interrupts, time, guests that act, and the end of every event, in which each CPU goes on
 * for as long as it can without time passing. The order of all of it is that of src/machine of the model.
 */
#include <linux/kvm_host.h>
#include <linux/hrtimer.h>
#include <linux/sched/task.h>
#include "native-probe.h"
#include "vendor.h"
#include "lapic.h"
#include "x86.h"

extern struct task_struct *native_task[];
extern int native_nr_tasks, native_nr_cpus;
unsigned long native_cpu_irqs_on[NR_CPUS] = { [0 ... NR_CPUS - 1] = 1 };
int native_preempt_counts[NR_CPUS];

#ifdef NATIVE_HAVE_hrtimer_state
#define native_queued(timer) ((timer)->state)
#else
#define native_queued(timer) ((timer)->is_queued)
#endif
#ifdef NATIVE_HAVE_sched_tick
#define native_tick() sched_tick()
#else
#define native_tick() scheduler_tick()
#endif

static struct kvm *native_kvm[MACHINE_MAX_VMS];
static struct kvm_vcpu *native_vcpu[MACHINE_MAX_VCPUS];
static int native_nr_vms, native_nr_vcpus;

/* ---- interrupts of the host, on their way ---- */

static struct {
  int n;
  u8 vector[MACHINE_MAX_VECTORS];
} native_vectors[NR_CPUS];

void native_send_vector(int cpu, int vector)
{
  if (native_vectors[cpu].n >= MACHINE_MAX_VECTORS) native_end(NATIVE_HANG, "", 0, "a CPU has more interrupts waiting than there is room for");
  native_vectors[cpu].vector[native_vectors[cpu].n++] = vector;
}

static int native_next_vector(int cpu)
{
  int vector = native_vectors[cpu].vector[0];

  if (!native_vectors[cpu].n) return -1;
  memmove(native_vectors[cpu].vector, native_vectors[cpu].vector + 1, --native_vectors[cpu].n);
  return vector;
}

/* kernel/smp.c, for functions that do nothing: the interrupts are all. */
void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info, bool wait)
{
  int cpu, n = 0;

  for_each_cpu_and(cpu, mask, cpu_online_mask) n++;
  for_each_cpu_and(cpu, mask, cpu_online_mask)
    if (cpu != native_cpu) native_send_vector(cpu, n == 1 ? 0xfb : 0xfc);
}

/* ---- handlers ---- */

enum native_handler { HANDLE_NOTHING, HANDLE_VECTOR, HANDLE_TICK, HANDLE_TIMER, HANDLE_WAKE };

struct native_interrupt {
  enum native_handler handler;
  int vector;
  void *what;
};

static struct native_interrupt native_interrupt;

static void native_expire(struct hrtimer *timer)
{
  native_queued(timer) = 0;
  if (timer->function(timer) == HRTIMER_RESTART) native_queued(timer) = 1;
}

/* What the CPU takes now, with interrupts off. */
void native_take_interrupt(void)
{
  struct native_interrupt it = native_interrupt;
  unsigned long flags = native_cpu_irqs_on[native_cpu];

  native_interrupt.handler = HANDLE_NOTHING;
  native_cpu_irqs_on[native_cpu] = 0;
  __preempt_count_add(HARDIRQ_OFFSET);
  switch (it.handler) {
  case HANDLE_VECTOR:
    if (it.vector == 0xfb || it.vector == 0xfc) native_take_calls(native_cpu);
    break;
  case HANDLE_TICK:
    native_tick();
    break;
  case HANDLE_TIMER:
    native_expire(it.what);
    break;
  case HANDLE_WAKE:
    native_wake(it.what);
    break;
  case HANDLE_NOTHING:
    break;
  }
  __preempt_count_sub(HARDIRQ_OFFSET);
  native_cpu_irqs_on[native_cpu] = flags;
}

/* ---- who is on a CPU, and goes on ---- */

static enum native_place native_place_on(int cpu)
{
  native_on_cpu(cpu);
  return native_stack_of(current)->place;
}

static struct kvm_vcpu *native_guest_on(int cpu)
{
  return native_place_on(cpu) == NATIVE_IN_GUEST ? native_stack_of(current)->vcpu : NULL;
}

/* What has got the CPU back goes on from there. */
static void native_unwind(int cpu)
{
  while (native_place_on(cpu) == NATIVE_BACK) native_go_on(cpu);
}

static void native_resume(int cpu)
{
  native_go_on(cpu);
  native_unwind(cpu);
}

static bool native_exit_guest(int cpu, enum native_exit reason, u64 qualification)
{
  struct kvm_vcpu *vcpu = native_guest_on(cpu);

  if (!vcpu) return false;
  native_goes_on(vcpu);
  native_guest(vcpu)->reason = reason;
  native_guest(vcpu)->qualification = qualification;
  native_resume(cpu);
  return true;
}

static void native_interrupts(int cpu, struct native_interrupt it)
{
  native_on_cpu(cpu);
  native_interrupt = it;
  if (native_exit_guest(cpu, EXIT_INTERRUPT, 0)) return;
  native_interrupt = it;
  native_take_interrupt();
}

/* ---- a busy loop ---- */

/* Polling in kvm_vcpu_halt() is the only one that may last; what ends it at once is looked at here already. */
void native_relax(void)
{
  if (irqs_disabled()) native_end(NATIVE_DEADLOCK, "", 0, "a CPU waits with interrupts off for another");
  if (need_resched() || !single_task_running()) return;
  native_come_to(NATIVE_POLLS);
}

/* ---- the end of an event ---- */

static bool native_leaves_guest(struct kvm_vcpu *vcpu)
{
  return vcpu->mode == EXITING_GUEST_MODE || need_resched() || signal_pending(current);
}

static void native_takes_vector(int cpu, int vector)
{
  struct kvm_vcpu *vcpu = native_guest_on(cpu);

  /* the CPU has been in the host since it was sent, for another reason, and took it there */
  if (vcpu && vector >= 0xfb && !native_calls_wait(cpu) && !native_leaves_guest(vcpu)) return;
  native_interrupts(cpu, (struct native_interrupt){ HANDLE_VECTOR, vector });
}

/* The guest on the CPU exits as often as it has an open window. */
static void native_settle_windows(int cpu)
{
  for (;;) {
    struct kvm_vcpu *vcpu = native_guest_on(cpu);
    struct native_guest *n;

    if (!vcpu) return;
    n = native_guest(vcpu);
    native_goes_on(vcpu);
    if (n->nmi_window && !n->nmi_masked && !n->int_shadow) native_exit_guest(cpu, EXIT_NMI_WINDOW, 0);
    else if (n->irq_window && n->if_flag && !n->int_shadow) native_exit_guest(cpu, EXIT_IRQ_WINDOW, 0);
    else return;
  }
}

static void native_settle_cpu(int cpu)
{
  int vector;

  native_unwind(cpu);
  if (native_place_on(cpu) == NATIVE_POLLS) native_resume(cpu);
  while ((vector = native_next_vector(cpu)) >= 0) {
    native_takes_vector(cpu, vector);
    if (native_place_on(cpu) == NATIVE_POLLS) native_resume(cpu);
  }
  native_settle_windows(cpu);
}

/* Handlers that have written EOI return. */
static void native_settle_guest(int cpu)
{
  native_settle_cpu(cpu);
  for (;;) {
    struct kvm_vcpu *vcpu = native_guest_on(cpu);
    struct native_guest *n;
    struct native_frame *frame;

    if (!vcpu) return;
    n = native_guest(vcpu);
    if (!n->nr_frames || !n->frames[n->nr_frames - 1].ended) return;
    frame = &n->frames[--n->nr_frames];
    native_note(NATIVE_IRET, native_vcpu_index(vcpu), frame->vector);
    n->cpl = frame->cpl;
    n->if_flag = frame->if_flag;
    n->int_shadow = n->nmi_masked = false;
    native_settle_windows(cpu);
    native_settle_cpu(cpu);
  }
}

static bool native_reschedule(int cpu)
{
  static const struct native_op schedule_op = { .op = NATIVE_SCHEDULE };

  if (native_place_on(cpu) != NATIVE_IN_USERSPACE || !need_resched()) return false;
  /* a thread of the kernel's that has not run yet comes to its loop first */
  if (!native_stack_of(current)->begun) native_go_on(cpu);
  native_stack_of(current)->command = &schedule_op;
  native_go_on(cpu);
  return true;
}

static bool native_is_stirred(int cpu)
{
  return native_vectors[cpu].n || native_place_on(cpu) != NATIVE_IN_USERSPACE;
}

/* need_resched is served by operations of their own */
static bool native_lazy;

/* `entered`: the CPU on which the event ran, -1 for none, MACHINE_ANY_CPU when it may have run on any. */
static void native_settle(int entered)
{
  unsigned long rescheduled = 0;
  bool moved = true;
  int round, cpu;

  for (round = 0; moved; round++) {
    moved = false;
    if (round > 10000) native_end(NATIVE_HANG, "", 0, "the machine does not come to rest within an event");
    for (cpu = 0; cpu < native_nr_cpus; cpu++) {
      bool in_kernel = cpu == entered || entered == MACHINE_ANY_CPU || rescheduled >> cpu & 1 || native_is_stirred(cpu);

      native_settle_guest(cpu);
      if (!in_kernel || native_lazy || !native_reschedule(cpu)) continue;
      moved = true;
      rescheduled |= 1UL << cpu;
    }
    for (cpu = 0; cpu < native_nr_cpus; cpu++)
      if (native_vectors[cpu].n) moved = true;
  }
}

/* ---- time ---- */

static struct {
  struct hrtimer *timer;
  int cpu;
  /* in the order of ties: fair servers by CPU, then APICs by vCPU */
  int rank;
} native_timers[MACHINE_MAX_VCPUS + 4 * NR_CPUS];
static int native_nr_timers;

static int native_rank(struct hrtimer *timer)
{
  int i = native_server_of(timer);

  if (i >= 0) return i;
  for (i = 0; i < native_nr_vcpus; i++)
    if (timer == &native_vcpu[i]->arch.apic->lapic_timer.timer) break;
  return NR_CPUS + i;
}

void native_timer_starts(struct hrtimer *timer)
{
  int i;

  for (i = 0; i < native_nr_timers; i++)
    if (native_timers[i].timer == timer) break;
  if (i == ARRAY_SIZE(native_timers)) native_end(NATIVE_NO_MEMORY, "", 0, "too many timers");
  if (i == native_nr_timers) {
    native_timers[i].timer = timer;
    native_timers[i].rank = native_rank(timer);
    native_nr_timers++;
  }
  native_timers[i].cpu = native_cpu;
}

static void native_pass(s64 ns)
{
  if (ns <= 0) return;
  native_now += ns;
  jiffies = jiffies_64 = native_now / TICK_NSEC;
}

static void native_advance(s64 ns)
{
  s64 end = native_now + ns;

  for (;;) {
    s64 best_at = 0;
    int i, best = -1;

    for (i = 0; i < native_nr_timers; i++) {
      s64 at = hrtimer_get_expires(native_timers[i].timer);

      if (!native_queued(native_timers[i].timer) || at > end) continue;
      if (best >= 0 && (at > best_at || (at == best_at && native_timers[i].rank > native_timers[best].rank))) continue;
      best = i;
      best_at = at;
    }
    if (best < 0) break;
    native_pass(best_at - native_now);
    i = native_timers[best].cpu;
    native_interrupts(i, (struct native_interrupt){ HANDLE_TIMER, 0, native_timers[best].timer });
    native_settle(i);
  }
  native_pass(end - native_now);
}

/* ---- machines ---- */

/* flags: 1 x2APIC, 2 halted; a: vCPUs */
static native_s64 native_make_vm(const struct native_op *op)
{
  struct kvm *kvm;
  int i;

  if (!native_nr_vms) native_boot_x86(2000000);
  if (native_nr_vms >= MACHINE_MAX_VMS || native_nr_vcpus + op->a > MACHINE_MAX_VCPUS) return NATIVE_BAD_OP;
  native_on_cpu(op->cpu);
  kvm = native_kvm[native_nr_vms++] = native_make_kvm();
  for (i = 0; i < op->a; i++) {
    /* others find it when it is made */
    native_vcpu[native_nr_vcpus] = native_make_vcpu(kvm, i);
    native_nr_vcpus++;
  }
  for (i = native_nr_vcpus - op->a; i < native_nr_vcpus; i++)
    native_guest_booted(native_vcpu[i], op->flags & 1, op->flags & 2);
  return native_nr_vms - 1;
}

/* FORK, of the thread of vCPU a number of `flags` >> 8, less one */
static native_s64 native_fork_task(const struct native_op *op)
{
  struct native_op fork = *op;
  native_s64 r;

  fork.flags &= 0xff;
  native_on_cpu(op->cpu);
  r = native_sched_op(&fork);
  if (r >= 0 && op->flags >> 8) {
    struct native_stack *stack = native_stack_of(native_task[r]);

    stack->vcpu = native_vcpu[(op->flags >> 8) - 1];
    stack->place = NATIVE_BACK;
    get_task_pid(native_task[r], PIDTYPE_PID);
  }
  return r;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
  struct kvm *kvm = container_of(xa, struct kvm, vcpu_array);
  int i;

  for (i = 0; i < native_nr_vcpus; i++)
    if (native_vcpu[i]->kvm == kvm && native_vcpu[i]->vcpu_idx == index) return native_vcpu[i];
  return NULL;
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
  return *index <= max ? xa_load(xa, *index) : NULL;
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long max, xa_mark_t filter)
{
  ++*index;
  return xa_find(xa, index, max, filter);
}

/* ---- operations ---- */

static bool native_write_register(int cpu, struct kvm_vcpu *vcpu, u32 offset, u32 low, u32 high)
{
  if (apic_x2apic_mode(vcpu->arch.apic)) {
    kvm_rcx_write(vcpu, APIC_BASE_MSR + (offset >> 4));
    kvm_rax_write(vcpu, low);
    kvm_rdx_write(vcpu, high);
    return native_exit_guest(cpu, EXIT_WRMSR, 1);
  }
  kvm_rax_write(vcpu, low);
  return native_exit_guest(cpu, EXIT_APIC_WRITE, offset);
}

static void native_icr(int cpu, struct kvm_vcpu *vcpu, u32 low, u32 dest)
{
  if (!apic_x2apic_mode(vcpu->arch.apic)) {
    native_write_register(cpu, vcpu, APIC_ICR2, dest << 24, 0);
    if (native_guest_on(cpu) != vcpu) return;
    dest = 0;
  }
  native_write_register(cpu, vcpu, APIC_ICR, low, dest);
}

static native_s64 native_guest_acts(struct kvm_vcpu *vcpu, const struct native_op *op)
{
  struct native_guest *n = native_guest(vcpu);

  switch (op->op) {
  case NATIVE_PAUSE:
    /* hardware ignores PAUSE loops at CPL > 0 */
    if (!n->cpl) native_exit_guest(op->cpu, EXIT_PAUSE, 0);
    return 0;
  case NATIVE_HLT:
    native_exit_guest(op->cpu, EXIT_HLT, 0);
    return 0;
  case NATIVE_ICR:
    native_icr(op->cpu, vcpu, op->a, op->b);
    return 0;
  case NATIVE_GUEST_EOI:
    if (!n->nr_frames || n->frames[n->nr_frames - 1].ended) return 0;
    n->frames[n->nr_frames - 1].ended = true;
    native_write_register(op->cpu, vcpu, APIC_EOI, 0, 0);
    return 0;
  case NATIVE_CPL:
    n->cpl = op->a;
    if (!n->int_shadow) return 0;
    n->int_shadow = false;
    native_settle_windows(op->cpu);
    return 0;
  case NATIVE_IF:
    n->int_shadow = op->b && op->a && !n->if_flag;
    n->shadow_since = native_now;
    n->if_flag = op->a;
    native_settle_windows(op->cpu);
    return 0;
  case NATIVE_STORE:
    native_write_register(op->cpu, vcpu, op->id, op->a, 0);
    return 0;
  case NATIVE_WRMSR:
    kvm_rcx_write(vcpu, op->id);
    kvm_rax_write(vcpu, (u32)op->a);
    kvm_rdx_write(vcpu, (u64)op->a >> 32);
    native_exit_guest(op->cpu, EXIT_WRMSR, 1);
    return 0;
  case NATIVE_HYPERCALL:
    kvm_rax_write(vcpu, op->id);
    kvm_rbx_write(vcpu, op->a);
    kvm_rcx_write(vcpu, op->b);
    kvm_rdx_write(vcpu, op->flags);
    kvm_rsi_write(vcpu, 0);
    native_exit_guest(op->cpu, EXIT_HYPERCALL, 0);
    return 0;
  }
  return NATIVE_BAD_OP;
}

static native_s64 native_event(const struct native_op *op)
{
  struct kvm_vcpu *vcpu;

  switch (op->op) {
  case NATIVE_TICK:
    native_interrupts(op->cpu, (struct native_interrupt){ HANDLE_TICK });
    return 0;
  case NATIVE_INTR:
    native_interrupts(op->cpu, (struct native_interrupt){ HANDLE_NOTHING });
    return 0;
  case NATIVE_WAKE:
    if (op->id < 0 || op->id >= native_nr_tasks) return NATIVE_NO_TASK;
    native_interrupts(op->cpu, (struct native_interrupt){ HANDLE_WAKE, 0, native_task[op->id] });
    return 0;
  case NATIVE_POLL_END:
    if (native_place_on(op->cpu) == NATIVE_POLLS) native_resume(op->cpu);
    return 0;
  case NATIVE_RESCHED:
    native_reschedule(op->cpu);
    return 0;
  case NATIVE_SCHEDULE:
  case NATIVE_YIELD:
  case NATIVE_YIELD_TO:
  case NATIVE_BLOCK:
    if (native_place_on(op->cpu) != NATIVE_IN_USERSPACE || is_idle_task(current)) return NATIVE_IDLE;
    native_stack_of(current)->command = op;
    native_go_on(op->cpu);
    return 0;
  case NATIVE_NICE:
  case NATIVE_SETATTR:
  case NATIVE_SHARES:
  case NATIVE_MOVE: {
    struct native_op of_task = *op;

    of_task.flags &= ~MACHINE_NO_CPU;
    native_on_cpu(op->cpu);
    return native_sched_op(&of_task);
  }
  }
  vcpu = native_guest_on(op->cpu);
  return vcpu ? native_guest_acts(vcpu, op) : NATIVE_IDLE;
}

/* A system call was made on the CPU, whose guest runs: the way back to the guest looks at what it has left. */
static void native_after_syscall(int cpu)
{
  struct kvm_vcpu *vcpu = native_guest_on(cpu);

  if (vcpu && native_leaves_guest(vcpu)) native_send_vector(cpu, 0xfd);
}

native_s64 native_exec(const struct native_op *op)
{
  native_s64 r;

  if (op->cpu < 0 || op->cpu >= native_nr_cpus) return NATIVE_BAD_OP;
  switch (op->op) {
  case NATIVE_VM:
    return native_make_vm(op);
  case NATIVE_FORK:
    return native_fork_task(op);
  case NATIVE_GROUP:
  case NATIVE_BASE_SLICE:
  case NATIVE_LLC:
  case NATIVE_FEATURE:
  case NATIVE_VTIME:
  case NATIVE_GROUP_IDLE:
    native_on_cpu(op->cpu);
    return native_sched_op(op);
  case NATIVE_KNOB:
    if (op->id == MACHINE_LAZY) {
      native_lazy = op->a;
      return 0;
    }
    return native_set_kvm_param(op->id, op->a);
  case NATIVE_PASS:
    if (op->flags & MACHINE_NO_CPU) {
      native_settle(MACHINE_ANY_CPU);
      return 0;
    }
    break;
  case NATIVE_ADVANCE:
    native_advance(op->a);
    native_settle(-1);
    return 0;
  }
  r = native_event(op);
  if (op->flags & MACHINE_NO_CPU) {
    native_settle(-1);
    return r;
  }
  native_after_syscall(op->cpu);
  native_settle(op->cpu);
  return r;
}

/* ---- the state, as words ---- */

/* Requests that the model knows; the others are of memory, clocks and the PMU. */
#define NATIVE_REQUEST(name) (1UL << ((name) & KVM_REQUEST_MASK))
#define NATIVE_REQUESTS                                                                                            \
  (NATIVE_REQUEST(KVM_REQ_EVENT) | NATIVE_REQUEST(KVM_REQ_UNBLOCK) | NATIVE_REQUEST(KVM_REQ_NMI) |                 \
   NATIVE_REQUEST(KVM_REQ_STEAL_UPDATE) | NATIVE_REQUEST(KVM_REQ_MIGRATE_TIMER) | NATIVE_REQUEST(KVM_REQ_APICV_UPDATE) | \
   NATIVE_REQUEST(KVM_REQ_TLB_FLUSH) | NATIVE_REQUEST(KVM_REQ_VM_DEAD))

int native_vcpu_index(const struct kvm_vcpu *vcpu)
{
  int i;

  for (i = 0; i < native_nr_vcpus; i++)
    if (native_vcpu[i] == vcpu) return i;
  return -1;
}

int native_value_is(native_u64 value, int which[2])
{
  int i;

  for (i = 0; i < native_nr_vcpus; i++) {
    which[0] = i;
    if (value == (native_u64)native_vcpu[i]) return NATIVE_VCPU;
    if (value == (native_u64)native_vcpu[i]->arch.apic) return NATIVE_APIC;
  }
  for (i = 0; i < native_nr_vms; i++) {
    which[0] = i;
    if (value == (native_u64)native_kvm[i]) return NATIVE_KVM;
  }
  return native_sched_value_is(value, which);
}

static int native_task_number(const struct task_struct *p)
{
  int i;

  for (i = 0; i < native_nr_tasks; i++)
    if (native_task[i] == p) return i;
  return -1;
}

static int native_pid_index(struct kvm_vcpu *vcpu)
{
  struct task_struct *p = vcpu->pid ? get_pid_task(vcpu->pid, PIDTYPE_PID) : NULL;

  if (p) put_task_struct(p);
  return native_task_number(p);
}

/* Of a thread that is off its CPU it says nothing. */
static int native_place_of(struct kvm_vcpu *vcpu)
{
  int cpu;

  for (cpu = 0; cpu < native_nr_cpus; cpu++)
    if (native_place_on(cpu) != NATIVE_IN_USERSPACE && native_stack_of(current)->vcpu == vcpu) return native_stack_of(current)->place;
  return -1;
}

static native_s64 native_apic_timer(struct kvm_vcpu *vcpu)
{
  struct hrtimer *timer = &vcpu->arch.apic->lapic_timer.timer;

  return native_queued(timer) ? hrtimer_get_expires(timer) : -1;
}

#define DUMP(name, value) *w++ = (native_s64)(value);

native_s64 *native_dump_machine(native_s64 *w)
{
  int cpu, i, k;

  for (cpu = 0; cpu < native_nr_cpus; cpu++) {
    MACHINE_CPU_FIELDS(DUMP)
  }
  for (i = 0; i < native_nr_vms; i++) {
    struct kvm *kvm = native_kvm[i];

    MACHINE_VM_FIELDS(DUMP)
  }
  for (i = 0; i < native_nr_vcpus; i++) {
    struct kvm_vcpu *v = native_vcpu[i];
    struct native_guest *n = native_guest(v);

    MACHINE_VCPU_FIELDS(DUMP)
    for (k = 0; k < MACHINE_APIC_REGS; k++) *w++ = *(u32 *)(v->arch.apic->regs + 16 * k);
  }
  for (i = 0; i < native_nr_tasks; i++) *w++ = native_group_of(native_task[i]);
  /* last, so that whoever reads the words knows how many there are */
  *w++ = native_nr_vms;
  *w++ = native_nr_vcpus;
  return w;
}
