/* SPDX-License-Identifier: GPL-2.0-only */
/* virt/kvm/kvm_main.c of the tree, and what the driver needs of what is static in it. */
#include "virt/kvm/kvm_main.c"
#include "machine.h"

/* kvm_create_vm() without memory, buses and files. */
struct kvm *native_make_kvm(void)
{
  struct kvm *kvm = native_alloc(sizeof(*kvm));

  /* of kvm_init() */
  kvm_preempt_ops.sched_in = kvm_sched_in;
  kvm_preempt_ops.sched_out = kvm_sched_out;
  mutex_init(&kvm->lock);
  mutex_init(&kvm->irq_lock);
  refcount_set(&kvm->users_count, 1);
  kvm->max_vcpus = KVM_MAX_VCPUS;
  native_init_vm(kvm);
  preempt_notifier_inc();
  return kvm;
}

/* kvm_vm_ioctl_create_vcpu() without a file. */
struct kvm_vcpu *native_make_vcpu(struct kvm *kvm, unsigned int id)
{
  struct kvm_vcpu *vcpu = native_alloc(2 * sizeof(*vcpu));

  kvm->created_vcpus++;
  vcpu->run = native_alloc(PAGE_SIZE);
  kvm_vcpu_init(vcpu, kvm, id);
  vcpu->vcpu_idx = atomic_read(&kvm->online_vcpus);
  native_create_vcpu(vcpu);
  atomic_inc(&kvm->online_vcpus);
  /* kvm_arch_vcpu_postcreate() with one stable TSC */
  vcpu_load(vcpu);
  vcpu_put(vcpu);
  vcpu->arch.msr_kvm_poll_control = 1;
  return vcpu;
}

long native_kvm_run(struct kvm_vcpu *vcpu)
{
  struct file file = { .private_data = vcpu };

  return kvm_vcpu_ioctl(&file, KVM_RUN, 0);
}

struct kvm_vcpu *native_running_vcpu(int cpu)
{
  return per_cpu(kvm_running_vcpu, cpu);
}

native_s64 native_set_kvm_param(int which, native_s64 value)
{
  unsigned int *params[] = { &halt_poll_ns, &halt_poll_ns_grow, &halt_poll_ns_grow_start, &halt_poll_ns_shrink };

  if (which < 0 || which >= ARRAY_SIZE(params)) return NATIVE_BAD_OP;
  *params[which] = value;
  return 0;
}
