// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH v2 2/5] kvm: Implement the paravirt sched framework for kvm
 *
 * KVM tells the VM's driver when a vCPU enters, exits and halts. An injected interrupt has an event, which nothing raises.
 */

import type { kvm_vcpu as x86_vcpu } from '../../arch/x86/kvm_host.js';
import { EXIT_FASTPATH_EXIT_HANDLED, EXIT_FASTPATH_REENTER_GUEST } from '../../arch/x86/kvm_host.js';
import { kvm_x86_prepare_switch_to_guest as prepareBefore } from '../../arch/x86/kvm-x86-ops-vcpu.js';
import { type kvm_vcpu, OUTSIDE_GUEST_MODE } from '../../kvm/kvm_host.js';
import { kvm_vcpu_ioctlRun as runBefore } from '../../kvm/kvm_main.js';
import { EINVAL, ENOENT } from '../../lib/errno.js';
import type { u32 } from '../../lib/types.js';
import { NULL, TASK_INTERRUPTIBLE } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import {
  PVSCHED_VCPU_HALT,
  PVSCHED_VCPU_VMENTER,
  PVSCHED_VCPU_VMEXIT,
  type pvsched_vcpu_ops,
} from './0001-pvsched-paravirt-scheduling-framework.js';
import type { Adds, pvsched_v2 } from './adds.js';

/** enum pvsched_vcpu_callback */
export const PVSCHED_VCPU_REGISTER = 0;
export const PVSCHED_VCPU_UNREGISTER = 1;
export const PVSCHED_VCPU_NOTIFY_EVENT = 2;

declare module '../../kvm/kvm_host.js' {
  interface kvm {
    /** the name of the driver that rcu_dereference(kvm->pvsched_ops) is; absent for none */
    pvsched_ops?: string;
  }
}

/** The VM's driver; null for none. */
export function pvschedOpsOf(this: pvsched_v2, vcpu: kvm_vcpu): pvsched_vcpu_ops | null {
  const name = this.m.kvm[vcpu.kvm].pvsched_ops;
  if (name === undefined) return null;
  return this.pvschedDrivers().find((it) => it.name === name) ?? null;
}

type Callback = (...args: number[]) => unknown;

/** virt/kvm/kvm_main.c: __vcpu_pvsched_notify(), new: 0, -ENOENT without a driver, -EINVAL for a vCPU that never ran. */
export function __vcpu_pvsched_notify(this: pvsched_v2, vcpu: kvm_vcpu, action: number, events: u32): number {
  const ops = this.pvschedOpsOf(vcpu);
  if (ops === null) return -ENOENT;
  if (this.warnOn(vcpu.pid === NULL, '__vcpu_pvsched_notify: !pid')) return -EINVAL;
  const callback = (name: string): Callback => (this as unknown as Record<string, Callback>)[name].bind(this);
  switch (action) {
    case PVSCHED_VCPU_REGISTER:
      // As posted: what it returns is dropped, here and below.
      callback(ops.pvsched_vcpu_register)(vcpu.pid);
      break;
    case PVSCHED_VCPU_UNREGISTER:
      callback(ops.pvsched_vcpu_unregister)(vcpu.pid);
      break;
    case PVSCHED_VCPU_NOTIFY_EVENT:
      // As posted: the address of the shared page is NULL.
      if ((ops.events & events) !== 0) callback(ops.pvsched_vcpu_notify_event)(0, vcpu.pid, ops.events & events);
      break;
    default:
      this.warnOn(true, '__vcpu_pvsched_notify: action');
  }
  return 0;
}

/** kvm_vcpu_ioctl(), of it KVM_RUN: the driver follows the vCPU to another thread. */
export function kvm_vcpu_ioctlRun(this: pvsched_v2, vcpu: x86_vcpu): number {
  const current = this.get_current();
  if (vcpu.pid !== current.id) {
    if (vcpu.pid !== NULL) this.__vcpu_pvsched_notify(vcpu, PVSCHED_VCPU_UNREGISTER, 0);
    const r = this.kvm_arch_vcpu_run_pid_change(vcpu);
    if (r !== 0) return r;
    vcpu.pid = current.id;
    this.__vcpu_pvsched_notify(vcpu, PVSCHED_VCPU_REGISTER, 0);
  }
  return runBefore.call(this, vcpu);
}

/** arch/x86/kvm/x86.c: kvm_x86_prepare_switch_to_guest(), and in vcpu_enter_guest() in front of it, preemption disabled. */
export function kvm_x86_prepare_switch_to_guest(this: pvsched_v2, vcpu: x86_vcpu): void {
  this.__vcpu_pvsched_notify(vcpu, PVSCHED_VCPU_NOTIFY_EVENT, PVSCHED_VCPU_VMENTER);
  prepareBefore.call(this, vcpu);
}

/** vcpu_enter_guest(): behind the VM exit, whose fast path said `exit_fastpath`. */
export function vcpu_enter_guestRan(this: pvsched_v2, vcpuId: number, fastpath: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  let exit_fastpath = fastpath;
  if (exit_fastpath === EXIT_FASTPATH_REENTER_GUEST) {
    if (this.kvm_lapic_enabled(vcpu)) this.kvm_x86_sync_pir_to_irr(vcpu);
    if (this.kvm_vcpu_exit_request(vcpu)) {
      exit_fastpath = EXIT_FASTPATH_EXIT_HANDLED;
    } else {
      vcpu.stat.exits++;
      return this.vcpu_enter_guestRun(vcpu, false);
    }
  }

  vcpu.mode = OUTSIDE_GUEST_MODE;
  this.kvm_x86_handle_exit_irqoff(vcpu);
  vcpu.stat.exits++;

  // interrupts are on, preemption is still off
  this.__vcpu_pvsched_notify(vcpu, PVSCHED_VCPU_NOTIFY_EVENT, PVSCHED_VCPU_VMEXIT);

  if (vcpu.arch.apic_attention) this.kvm_lapic_sync_from_vapic(vcpu);

  return this.kvm_x86_handle_exit(vcpu, exit_fastpath);
}

/** kvm_vcpu_block() from the head of its loop; `waited` is 0 or 1. */
export function kvm_vcpu_blockLoop(this: pvsched_v2, vcpuId: number, waited: number): boolean {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();
  // RACE: the waiter is published
  current.__state = TASK_INTERRUPTIBLE;
  // RACE: (smp_mb) set_current_state() is a full barrier between publishing the waiter and looking for work.
  if (this.kvm_vcpu_check_block(vcpu) === 0) {
    this.__vcpu_pvsched_notify(vcpu, PVSCHED_VCPU_NOTIFY_EVENT, PVSCHED_VCPU_HALT);
    // RACE: whoever has work from here on has to see the waiter and its state
    this.schedule();
    this.whenBack(current, 'kvm_vcpu_blockLoop', vcpuId, 1);
    return true;
  }
  this.finish_rcuwait(vcpu);
  this.kvm_arch_vcpu_unblocking(vcpu);
  vcpu.stat.blocking = 0;
  return waited !== 0;
}

export default {
  subject: 'kvm: Implement the paravirt sched framework for kvm',
  funcs: { kvm_vcpu_ioctlRun, kvm_x86_prepare_switch_to_guest, vcpu_enter_guestRan, kvm_vcpu_blockLoop },
  adds: { pvschedOpsOf, __vcpu_pvsched_notify },
} satisfies Patch<Adds>;
