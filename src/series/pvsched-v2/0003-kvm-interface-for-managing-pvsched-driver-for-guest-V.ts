// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH v2 3/5] kvm: interface for managing pvsched driver for guest VMs
 *
 * Userspace gives a VM another driver. MODEL: the ioctls pass names; here a name is the place of its driver in the list, from 1 on, and
 * 0 is the empty name. Locks and the grace period take no time.
 */
import type { kvm } from '../../arch/x86/kvm_host.js';
import { kvm_arch_vm_ioctl as ioctlBefore } from '../../arch/x86/x86.js';
import { EINVAL } from '../../lib/errno.js';
import type { u32 } from '../../lib/types.js';
import type { Patch } from '../series.js';
import {
  PVSCHED_VCPU_REGISTER,
  PVSCHED_VCPU_UNREGISTER,
} from './0002-kvm-Implement-the-paravirt-sched-framework-for-kvm.js';
import type { Adds, pvsched_v2 } from './adds.js';

/** include/uapi/linux/kvm.h */
export const KVM_GET_PVSCHED_OPS = 0xe4;
export const KVM_REPLACE_PVSCHED_OPS = 0xe5;

/** virt/kvm/kvm_main.c: kvm_replace_pvsched_ops(), new: '' takes the driver away; a name that nobody has changes nothing. */
export function kvm_replace_pvsched_ops(this: pvsched_v2, kvm: kvm, name: string): number {
  const ops = name === '' ? null : this.pvsched_get_vcpu_ops(name);
  if (name !== '' && ops === null) return -EINVAL;

  const old = kvm.pvsched_ops;
  if (old !== undefined) {
    for (const id of kvm.vcpus) this.__vcpu_pvsched_notify(this.m.vcpu[id], PVSCHED_VCPU_UNREGISTER, 0);
    const driver = this.pvschedDrivers().find((it) => it.name === old);
    if (driver !== undefined) this.pvsched_put_vcpu_ops(driver);
  }
  if (ops === null) delete kvm.pvsched_ops;
  else kvm.pvsched_ops = ops.name;
  // As posted: a vCPU that never ran has no thread to register, which warns.
  if (ops !== null) {
    for (const id of kvm.vcpus) {
      const r = this.__vcpu_pvsched_notify(this.m.vcpu[id], PVSCHED_VCPU_REGISTER, 0);
      this.warnOn(r !== 0, 'kvm_replace_pvsched_ops: __vcpu_pvsched_notify()');
    }
  }
  return 0;
}

/** arch/x86/kvm/x86.c: kvm_arch_vm_ioctl() */
export function kvm_arch_vm_ioctl(this: pvsched_v2, kvm: kvm, ioctl: number, arg: u32): number {
  const drivers = this.pvschedDrivers();
  switch (ioctl) {
    case KVM_GET_PVSCHED_OPS:
      return 1 + drivers.findIndex((it) => it.name === kvm.pvsched_ops);
    case KVM_REPLACE_PVSCHED_OPS:
      if (arg > drivers.length) return -EINVAL;
      return this.kvm_replace_pvsched_ops(kvm, arg === 0 ? '' : drivers[arg - 1].name);
    default:
      return ioctlBefore.call(this, kvm, ioctl, arg);
  }
}

export default {
  subject: 'kvm: interface for managing pvsched driver for guest VMs',
  funcs: { kvm_arch_vm_ioctl },
  adds: { kvm_replace_pvsched_ops },
} satisfies Patch<Adds>;
