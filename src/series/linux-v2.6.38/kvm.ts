// SPDX-License-Identifier: GPL-2.0-only
/**
 * virt/kvm/kvm_main.c, arch/x86/kvm/vmx.c, svm.c (v2.6.38): what KVM does about a vCPU that spins, halts and is woken; read at
 * 34bb10b79de7. No PLE window but the one of the module parameter, no halt polling, nothing that tells a preempted vCPU from any
 * other.
 */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { vcpu_ptr } from '../../kvm/kvm_host.js';
import { EINTR } from '../../lib/errno.js';
import { HRTIMER_NORESTART, type hrtimer_ptr } from '../../lib/hrtimer.js';
import { add, type bool, type u32, u64 } from '../../lib/types.js';
import { NULL, TASK_INTERRUPTIBLE, type task_struct } from '../../sched/sched.js';
import type { vmlinux_2_6_38 } from './adds.js';

/** ns that a vCPU sleeps at a pause exit */
const SPIN_SLEEP: u64 = u64(100_000);

/* ---- spinning ---- */

/**
 * virt/kvm/kvm_main.c: kvm_vcpu_on_spin(): off the CPU for 100 us, on the vCPU's own wait queue, so that whatever wakes the vCPU
 * ends it. Nothing is looked at after the state is set: an interrupt that is pending already waits as long.
 *
 * Split: it goes on in kvm_vcpu_on_spinSlept().
 */
export function kvm_vcpu_on_spin(this: vmlinux_2_6_38, me: kvm_vcpu, _yield_to_kernel_mode: bool): void {
  const current = this.get_current();
  this.prepare_to_rcuwait(me);
  current.__state = TASK_INTERRUPTIBLE;

  me.spin_timer ??= this.hrtimer_init('hrtimer_wakeup', me.id);
  this.hrtimer_start(me.spin_timer, add(this.ktime_get(), SPIN_SLEEP));
  this.schedule();
  this.whenBack(current, 'kvm_vcpu_on_spinSlept', me.id);
}

/** kvm_vcpu_on_spin() when the thread is back: schedule_hrtimeout() takes its timer away, finish_wait(). */
export function kvm_vcpu_on_spinSlept(this: vmlinux_2_6_38, vcpuId: number): void {
  const vcpu = this.m.vcpu[vcpuId];
  this.hrtimer_cancel(vcpu.spin_timer!);
  this.finish_rcuwait(vcpu);
}

/** kernel/hrtimer.c: hrtimer_wakeup() of the sleeper in kvm_vcpu_on_spin() */
export function hrtimer_wakeup(this: vmlinux_2_6_38, timer: hrtimer_ptr): number {
  const { wait } = this.m.vcpu[this.m.hrtimer[timer].owner];
  if (wait !== NULL) this.wake_up_process(this.m.task[wait]);
  return HRTIMER_NORESTART;
}

/** arch/x86/kvm/vmx.c: handle_pause(): past the PAUSE first. */
export function handle_pause(this: vmlinux_2_6_38, vcpu: kvm_vcpu): number {
  this.kvm_skip_emulated_instruction(vcpu);
  return this.pause_interception(vcpu);
}

/** arch/x86/kvm/svm.c: pause_interception(): the guest runs into the same PAUSE again. */
export function pause_interception(this: vmlinux_2_6_38, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  this.kvm_vcpu_on_spin(vcpu, false);
  if (this.notReturned(current)) this.whenBack(current, 'exitHandled', vcpu.id);
  return 1;
}

/** The end of an exit handler that goes on in the guest. */
export function exitHandled(this: vmlinux_2_6_38, _vcpuId: number): number {
  return 1;
}

/** v3.18 lets the window grow and shrink */
export function vmx_grow_ple_window(this: vmlinux_2_6_38, _vcpu: kvm_vcpu): void {}
export function vmx_shrink_ple_window(this: vmlinux_2_6_38, _vcpu: kvm_vcpu): void {}
export function svm_grow_ple_window(this: vmlinux_2_6_38, _vcpu: kvm_vcpu): void {}
export function svm_shrink_ple_window(this: vmlinux_2_6_38, _vcpu: kvm_vcpu): void {}

/* ---- halting and waking ---- */

/** virt/kvm/kvm_main.c: kvm_vcpu_block(), under the name of what HLT calls today: it sleeps at once. */
export function kvm_vcpu_halt(this: vmlinux_2_6_38, vcpu: kvm_vcpu): void {
  vcpu.halt.do_halt_poll = false;
  vcpu.halt.halt_poll_allowed = false;
  vcpu.halt.start = vcpu.halt.cur = vcpu.halt.poll_end = this.ktime_get();
  this.kvm_vcpu_haltBlock(vcpu.id);
}

/** Behind kvm_vcpu_block() comes nothing. */
export function kvm_vcpu_haltOut(this: vmlinux_2_6_38, _vcpuId: number, _waited: number): void {}

/** virt/kvm/kvm_main.c: kvm_vcpu_block(), the conditions of its loop. */
export function kvm_vcpu_check_block(this: vmlinux_2_6_38, vcpu: kvm_vcpu): number {
  if (this.kvm_arch_vcpu_runnable(vcpu)) return -EINTR;
  if (this.kvm_cpu_has_pending_timer(vcpu)) return -EINTR;
  return this.signal_pending(this.get_current()) ? -EINTR : 0;
}

/** virt/kvm/kvm_main.c: the part of kvm_vcpu_kick() that wakes. */
export function kvm_vcpu_wake_up(this: vmlinux_2_6_38, vcpu: kvm_vcpu): bool {
  if (!this.__kvm_vcpu_wake_up(vcpu)) return false;
  vcpu.stat.halt_wakeup++;
  return true;
}

/** virt/kvm/kvm_main.c: kvm_sched_in() */
export function kvm_sched_in(this: vmlinux_2_6_38, pn: vcpu_ptr, cpu: number): void {
  this.m.kvm_running_vcpu[cpu] = pn;
  this.kvm_arch_vcpu_load(this.m.vcpu[pn], cpu);
}

/** virt/kvm/kvm_main.c: kvm_sched_out() */
export function kvm_sched_out(this: vmlinux_2_6_38, pn: vcpu_ptr, _next: task_struct): void {
  this.kvm_arch_vcpu_put(this.m.vcpu[pn]);
  this.m.kvm_running_vcpu[this.m.cpu] = NULL;
}

/** arch/x86/kvm/x86.c: do_cpuid_ent(): of the features that the model has, none is as old. */
export function __do_cpuid_funcKvmFeatures(this: vmlinux_2_6_38): u32 {
  return 0;
}
