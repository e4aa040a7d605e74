// SPDX-License-Identifier: GPL-2.0-only
/** Before 118964562969 (v6.11): a vCPU thread that is scheduled out outside of KVM_RUN counts as preempted. */
import type { kvm_vcpu, vcpu_ptr } from '../../kvm/kvm_host.js';
import { NULL, type task_struct } from '../../sched/sched.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** virt/kvm/kvm_main.c: kvm_sched_out() */
export function kvm_sched_out(this: vmlinux, pn: vcpu_ptr, _next: task_struct): void {
  const vcpu: kvm_vcpu = this.preempt_notifier_to_vcpu(pn);

  vcpu.scheduled_out = true;

  if (this.task_is_runnable(this.get_current())) {
    vcpu.preempted = true;
    vcpu.ready = true;
  }
  this.kvm_arch_vcpu_put(vcpu);
  this.m.kvm_running_vcpu[this.m.cpu] = NULL;
}

export default defineSeries({
  id: 'revert-118964562969',
  title: 'a vCPU is preempted although it does not want to run',
  base: 'v6.12.117',
  notices: 'preempted or ready while wants_to_run is false',
  patches: [
    {
      subject: 'Revert "KVM: Mark a vCPU as preempted/ready iff it\'s scheduled out while running"',
      commit: '118964562969',
      funcs: { kvm_sched_out },
    },
  ],
});
