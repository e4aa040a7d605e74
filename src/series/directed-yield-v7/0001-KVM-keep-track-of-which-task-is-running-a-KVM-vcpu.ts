// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH] KVM: keep track of which task is running a KVM vcpu
 *
 * vcpu->pid names the thread of the last ioctl, and is written with the vCPU's mutex held; v7 moved it there. Nothing reads it yet.
 */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { Patch } from '../series.js';
import type { Adds, directed_yield } from './adds.js';

/**
 * virt/kvm/kvm_main.c: vcpu_load()
 *
 * MODEL: synchronize_rcu() for the old pid takes no time; nobody in the model holds one that long. MODEL: the machine itself finds
 * the thread of a vCPU by vcpu.pid, so KVM_RUN sets it before this patch as well; no mirrored function of v2.6.38 reads it. MODEL: a
 * machine boots without threads of a VMM, and whoever is idle then is no vCPU's: until its first KVM_RUN a vCPU has no pid.
 */
export function vcpu_load(this: directed_yield, vcpu: kvm_vcpu): void {
  const current = this.get_current();
  if (current.id !== this.this_rq().idle && vcpu.pid !== current.id) vcpu.pid = current.id;
  this.m.kvm_running_vcpu[this.m.cpu] = vcpu.id;
  current.preempt_notifier = vcpu.id;
  this.kvm_arch_vcpu_load(vcpu, this.m.cpu);
}

export default {
  subject: 'KVM: keep track of which task is running a KVM vcpu',
  commit: '34bb10b79de7',
  funcs: { vcpu_load },
} satisfies Patch<Adds>;
