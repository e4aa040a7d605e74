/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One process of the scheduler, KVM and the local APICs of a tree: what its drivers share in the kernel's world.
 *
 * Every task has a stack of its own. The driver lets the task that is current on a CPU go on; it comes back when that task
 * is in userspace, runs its guest, polls in kvm_vcpu_halt(), or has just got the CPU back in schedule().
 */
#ifndef NATIVE_MACHINE_H
#define NATIVE_MACHINE_H
#include "native.h"

#define CALL_FUNCTION_SINGLE_VECTOR 0xfb
#define MACHINE_MAX_VCPUS 32
#define MACHINE_MAX_VMS 4
#define MACHINE_MAX_FRAMES 32
#define MACHINE_MAX_VECTORS 64
#define MACHINE_APIC_REGS 64
#define MACHINE_ANY_CPU (-2)
/* in an operation's flags: it ran on no CPU of the host */
#define MACHINE_NO_CPU 0x40000000
/* KNOB of this number: current is not rescheduled by itself */
#define MACHINE_LAZY 100

struct task_struct;
struct hrtimer;
struct kvm;
struct kvm_vcpu;

/* Where a task's thread of execution is. */
enum native_place { NATIVE_IN_USERSPACE, NATIVE_IN_GUEST, NATIVE_POLLS, NATIVE_BACK };

struct native_stack {
  void *sp;
  enum native_place place;
  /* it has been on a CPU */
  _Bool begun;
  /* it runs this vCPU; NULL for other tasks */
  struct kvm_vcpu *vcpu;
  /* what it is to do in the kernel */
  const struct native_op *command;
};

/* ---- stacks.c ---- */
struct native_stack *native_stack_of(struct task_struct *p);
void native_new_task(struct task_struct *p);
/* The task that is current on the CPU goes on, until it comes to a place. */
void native_go_on(int cpu);
void native_come_to(enum native_place place);

/* ---- main.c: a run that is followed ---- */
enum native_note_kind { NATIVE_DELIVERED = 1, NATIVE_IRET };
void native_note(unsigned int what, unsigned int a, unsigned int b);
void native_probe_stops(void);
/* What a value points to, which says of which; NATIVE_NUMBER for anything else. */
enum native_class {
  NATIVE_NUMBER, NATIVE_TASK, NATIVE_IDLE_TASK, NATIVE_RQ, NATIVE_CFS_RQ, NATIVE_TASK_SE, NATIVE_GROUP_SE, NATIVE_VCPU,
  NATIVE_KVM, NATIVE_APIC, NATIVE_TASK_GROUP,
};
int native_value_is(native_u64 value, int which[2]);
int native_sched_value_is(native_u64 value, int which[2]);
/* the number of the group that the task is in */
int native_group_of(struct task_struct *p);
int native_vcpu_index(const struct kvm_vcpu *vcpu);

/* ---- drv_core.c ---- */
native_s64 native_sched_op(const struct native_op *op);
void native_on_cpu(int cpu);
_Bool native_calls_wait(int cpu);
void native_take_calls(int cpu);
/* the tasks whose wake-up is on its way to the CPU, each a bit */
native_s64 native_wakes_queued(int cpu);
/* the CPU whose fair server's timer it is, -1 for another */
int native_server_of(struct hrtimer *timer);
/* whatever it waits for has come */
void native_wake(struct task_struct *p);
void native_start_task(struct task_struct *prev);

/* ---- drv_machine.c ---- */
void native_send_vector(int cpu, int vector);
void native_timer_starts(struct hrtimer *timer);
native_s64 *native_dump_machine(native_s64 *w);
/* the interrupt for which the guest on this CPU has exited */
void native_take_interrupt(void);

/* ---- drv_kvm.c ---- */
struct kvm *native_make_kvm(void);
struct kvm_vcpu *native_make_vcpu(struct kvm *kvm, unsigned int id);
long native_kvm_run(struct kvm_vcpu *vcpu);
struct kvm_vcpu *native_running_vcpu(int cpu);
native_s64 native_set_kvm_param(int which, native_s64 value);

/* ---- drv_x86.c ---- */
void native_boot_x86(unsigned int tsc_khz);
void native_init_vm(struct kvm *kvm);
void native_create_vcpu(struct kvm_vcpu *vcpu);
/* as a booted guest has it: in protected mode, APIC enabled */
void native_guest_booted(struct kvm_vcpu *vcpu, _Bool x2apic, _Bool halted);

/* What the schema says of the words behind the scheduler's; drv_machine.c writes them. */
#define MACHINE_CPU_FIELDS(X)                                                                                      \
  X("running_vcpu", native_vcpu_index(native_running_vcpu(cpu)))                                                   \
  X("interrupts", native_vectors[cpu].n)                                                                           \
  X("wakes", native_wakes_queued(cpu))
#define MACHINE_VM_FIELDS(X) X("last_boosted_vcpu", kvm->last_boosted_vcpu)
#define MACHINE_VCPU_FIELDS(X)                                                                                     \
  X("place", native_place_of(v))                                                                                   \
  X("cpu", v->cpu)                                                                                                 \
  X("pid", native_pid_index(v))                                                                                    \
  X("mode", v->mode)                                                                                               \
  X("requests", v->requests & NATIVE_REQUESTS)                                                                     \
  X("wait", native_task_number(v->wait.task))                                                                      \
  X("wants_to_run", v->wants_to_run)                                                                               \
  X("preempted", v->preempted)                                                                                     \
  X("ready", v->ready)                                                                                             \
  X("scheduled_out", v->scheduled_out)                                                                             \
  X("in_spin_loop", v->spin_loop.in_spin_loop)                                                                     \
  X("dy_eligible", v->spin_loop.dy_eligible)                                                                       \
  X("halt_poll_ns", v->halt_poll_ns)                                                                               \
  X("exit_reason", v->run->exit_reason)                                                                            \
  X("stat.halt_successful_poll", v->stat.generic.halt_successful_poll)                                             \
  X("stat.halt_attempted_poll", v->stat.generic.halt_attempted_poll)                                               \
  X("stat.halt_poll_invalid", v->stat.generic.halt_poll_invalid)                                                   \
  X("stat.halt_wakeup", v->stat.generic.halt_wakeup)                                                               \
  X("stat.halt_poll_success_ns", v->stat.generic.halt_poll_success_ns)                                             \
  X("stat.halt_poll_fail_ns", v->stat.generic.halt_poll_fail_ns)                                                   \
  X("stat.halt_wait_ns", v->stat.generic.halt_wait_ns)                                                             \
  X("stat.blocking", v->stat.generic.blocking)                                                                     \
  X("stat.directed_yield_attempted", v->stat.directed_yield_attempted)                                             \
  X("stat.directed_yield_successful", v->stat.directed_yield_successful)                                           \
  X("stat.preemption_reported", v->stat.preemption_reported)                                                       \
  X("stat.preemption_other", v->stat.preemption_other)                                                             \
  X("stat.halt_exits", v->stat.halt_exits)                                                                         \
  X("stat.hypercalls", v->stat.hypercalls)                                                                         \
  X("stat.irq_injections", v->stat.irq_injections)                                                                 \
  X("stat.req_event", v->stat.req_event)                                                                           \
  X("stat.exits", v->stat.exits)                                                                                   \
  X("stat.irq_exits", v->stat.irq_exits)                                                                           \
  X("stat.irq_window_exits", v->stat.irq_window_exits)                                                             \
  X("stat.signal_exits", v->stat.signal_exits)                                                                     \
  X("mp_state", v->arch.mp_state)                                                                                  \
  X("preempted_in_kernel", v->arch.preempted_in_kernel)                                                            \
  X("at_instruction_boundary", v->arch.at_instruction_boundary)                                                    \
  X("pv_unhalted", v->arch.pv.pv_unhalted)                                                                         \
  X("interrupt.injected", v->arch.interrupt.injected)                                                              \
  X("interrupt.nr", v->arch.interrupt.nr)                                                                          \
  X("exception.pending", v->arch.exception.pending)                                                                \
  X("nmi_pending", v->arch.nmi_pending)                                                                            \
  X("cpl", n->cpl)                                                                                                 \
  X("if", n->if_flag)                                                                                              \
  X("irq_window", n->irq_window)                                                                                   \
  X("handlers", n->nr_frames)                                                                                      \
  X("ple_window", n->ple_window)                                                                                   \
  X("apic_timer", native_apic_timer(v))                                                                            \
  X("apic_timer_pending", atomic_read(&v->arch.apic->lapic_timer.pending))                                         \
  X("irr_pending", v->arch.apic->irr_pending)                                                                      \
  X("isr_count", v->arch.apic->isr_count)                                                                          \
  X("highest_isr_cache", v->arch.apic->highest_isr_cache)
#define NATIVE_MACHINE_SCHEMA                                                                                      \
  JSON_LIST("machine_cpu", MACHINE_CPU_FIELDS(JSON_FIELD)) JSON_LIST("machine_vm", MACHINE_VM_FIELDS(JSON_FIELD))  \
  JSON_LIST("machine_vcpu", MACHINE_VCPU_FIELDS(JSON_FIELD))
#endif
