/* SPDX-License-Identifier: GPL-2.0-only */
/* What the scheduler, KVM and the APICs call in the rest of the kernel, where its structures have to be known. */
#include <linux/kvm_host.h>
#include <linux/sched/task.h>
#include <linux/pid.h>
#include "vendor.h"
#include <linux/msi.h>
#include "mmu.h"

/* ---- per-CPU and global data that others define ---- */
DEFINE_PER_CPU_ALIGNED(struct pcpu_hot, pcpu_hot);
DEFINE_PER_CPU(unsigned long, cpu_dr7);
DEFINE_PER_CPU(unsigned long, arch_freq_scale) = SCHED_CAPACITY_SCALE;
struct cpuinfo_x86 boot_cpu_data;
unsigned int tsc_khz;

unsigned long long native_clock_tsc(void)
{
  return native_now * tsc_khz / 1000000;
}

/* ---- pids: one of each task ---- */
struct native_pid {
  struct pid pid;
  struct task_struct *task;
};

struct pid *get_task_pid(struct task_struct *task, enum pid_type type)
{
  struct native_pid *pid;

  if (!task->thread_pid) {
    pid = native_alloc(sizeof(*pid));
    pid->task = task;
    task->thread_pid = &pid->pid;
  }
  return task->thread_pid;
}

struct task_struct *get_pid_task(struct pid *pid, enum pid_type type)
{
  return get_task_struct(((struct native_pid *)pid)->task);
}

void put_pid(struct pid *pid) { }
pid_t __task_pid_nr_ns(struct task_struct *task, enum pid_type type, struct pid_namespace *ns) { return task->pid; }

/* ---- CPUID: x2APIC, from KVM_SET_CPUID2 on ---- */
struct kvm_cpuid_entry2 *kvm_find_cpuid_entry_index(struct kvm_vcpu *vcpu, u32 function, u32 index)
{
  static struct kvm_cpuid_entry2 entry;

  memset(&entry, 0, sizeof(entry));
  entry.function = function;
  if (function == 1) entry.ecx = 1 << 21;
  return &entry;
}

struct kvm_cpuid_entry2 *kvm_find_cpuid_entry(struct kvm_vcpu *vcpu, u32 function)
{
  return kvm_find_cpuid_entry_index(vcpu, function, 0);
}

u64 kvm_vcpu_reserved_gpa_bits_raw(struct kvm_vcpu *vcpu)
{
  return rsvd_bits(46, 63);
}

/* ---- mutexes: nobody else runs while one is held, but one taken twice would hang ---- */
void mutex_lock(struct mutex *lock)
{
  if (atomic_long_xchg(&lock->owner, 1)) native_end(NATIVE_DEADLOCK, "", 0, "a mutex is taken that is already held");
}

int mutex_lock_killable(struct mutex *lock)
{
  mutex_lock(lock);
  return 0;
}

void mutex_unlock(struct mutex *lock)
{
  atomic_long_set(&lock->owner, 0);
}

void *__kvmalloc_node_noprof(DECL_BUCKET_PARAMS(size, b), gfp_t flags, int node) { return native_alloc(size); }
unsigned long get_zeroed_page_noprof(gfp_t gfp) { return ALIGN((unsigned long)native_alloc(2 * PAGE_SIZE), PAGE_SIZE); }

/* the destination of a message, of 8 bits or of 32 */
u32 x86_msi_msg_get_destid(struct msi_msg *msg, bool extid)
{
  return (msg->address_lo >> 12 & 0xff) | (extid ? msg->address_hi & 0xffffff00 : 0);
}

ktime_t ktime_get_with_offset(enum tk_offsets offset) { return native_now; }
ktime_t ktime_get_raw(void) { return native_now; }

/* No page of a guest is ever swapped out. */
void kvm_async_pf_vcpu_init(struct kvm_vcpu *vcpu)
{
  INIT_LIST_HEAD(&vcpu->async_pf.done);
  INIT_LIST_HEAD(&vcpu->async_pf.queue);
  spin_lock_init(&vcpu->async_pf.lock);
}
