// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH 6/8] kvm: x86: enable/disable global/per-guest vcpu boost feature
 *
 * A module parameter, off, and a switch for each VM, on. Until here there is none: a guest that wrote the MSR is boosted.
 */

import type { kvm, kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { kvm_arch_vm_ioctl as ioctlBefore } from '../../arch/x86/x86.js';
import { EINVAL } from '../../lib/errno.js';
import { type bool, type u32, ZERO } from '../../lib/types.js';
import { NULL, SCHED_NORMAL } from '../../sched/sched.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { Patch } from '../series.js';
import {
  KVM_REQ_VCPU_BOOST_UPDATE,
  pv_sched_of,
  VCPU_BOOST_BOOSTED,
  VCPU_BOOST_DISABLED,
  VCPU_BOOST_NORMAL,
} from './0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import { VCPU_BOOST_POLICY, VCPU_BOOST_PRIO } from './0003-kvm-x86-vcpu-boosting-unboosting-framework.js';
import type { Adds, pvsched } from './adds.js';

/** include/uapi/linux/kvm.h: numbers of the ioctls; KVM_CAP_PV_SCHED is 600 */
export const KVM_SET_PV_SCHED_ENABLED = 0xe0;
export const KVM_GET_PV_SCHED_ENABLED = 0xe1;

declare module '../../kvm/kvm_host.js' {
  interface kvm {
    /** absent for true, as a VM is created */
    pv_sched_enabled?: bool;
  }
}

export const knobs = {
  kvm_pv_sched: { file: '/sys/module/kvm/parameters/kvm_pv_sched', type: 'bool', initial: 0 },
} as const satisfies Record<string, Knob>;

/** include/linux/kvm_host.h: kvm_pv_sched_enabled(), new: the static key and the VM's own switch */
export function kvm_pv_sched_enabled(this: pvsched, kvm: kvm): bool {
  return knobValue(this.m, 'kvm_pv_sched', knobs.kvm_pv_sched) !== 0 && kvm.pv_sched_enabled !== false;
}

/** arch/x86/include/asm/kvm_host.h: kvm_arch_vcpu_pv_sched_enabled() */
export function kvm_arch_vcpu_pv_sched_enabled(this: pvsched, vcpu: kvm_vcpu): bool {
  return this.kvm_pv_sched_enabled(this.m.kvm[vcpu.kvm]) && pv_sched_of(vcpu).msr_val !== ZERO;
}

/** include/linux/kvm_host.h: kvm_set_vcpu_boosted() */
export function kvm_set_vcpu_boosted(this: pvsched, vcpu: kvm_vcpu, boosted: bool): void {
  const enabled = this.kvm_pv_sched_enabled(this.m.kvm[vcpu.kvm]);
  const boost = !enabled ? VCPU_BOOST_DISABLED : boosted ? VCPU_BOOST_BOOSTED : VCPU_BOOST_NORMAL;
  this.kvm_arch_vcpu_set_boost_status(vcpu, boost);
  this.kvm_make_request(KVM_REQ_VCPU_BOOST_UPDATE, vcpu);
}

/** virt/kvm/kvm_main.c: kvm_vcpu_set_sched() */
export function kvm_vcpu_set_sched(this: pvsched, vcpu: kvm_vcpu, boost: bool): number {
  const boosted = pv_sched_of(vcpu).boost === VCPU_BOOST_BOOSTED;
  if (boosted !== boost && (this.kvm_arch_vcpu_pv_sched_enabled(vcpu) || !boost)) {
    const { policy, priority } = boost
      ? (vcpu.boost ?? { policy: VCPU_BOOST_POLICY, priority: VCPU_BOOST_PRIO })
      : { policy: SCHED_NORMAL, priority: 0 };
    if (vcpu.pid === NULL) return -EINVAL;
    // RACE: another CPU boosts or unboosts it behind the look at its status
    const r = this.sched_setscheduler_pi_nocheck(this.m.task[vcpu.pid], policy, priority, false);
    if (r !== 0) return r;
  }
  // RACE: another CPU changes policy or status before this one has stored it
  this.kvm_set_vcpu_boosted(vcpu, boost);
  return 0;
}

/** virt/kvm/kvm_main.c: kvm_set_pv_sched_enabled(), new: stores, then takes the boost from every vCPU. */
export function kvm_set_pv_sched_enabled(this: pvsched, kvm: kvm, enabled: bool): void {
  kvm.pv_sched_enabled = enabled;
  // RACE: a vCPU that evaluates an exit of its own meanwhile may be boosted behind the walk
  for (const id of kvm.vcpus) this.kvm_vcpu_set_sched(this.m.vcpu[id], false);
}

/** virt/kvm/kvm_main.c: set_kvm_pv_sched(), new: what the parameter does when it is written with another value. */
export function param_set_kvm_pv_sched(this: pvsched, value: number): void {
  if (value === knobValue(this.m, 'kvm_pv_sched', knobs.kvm_pv_sched)) return;
  this.m.knobs ??= {};
  this.m.knobs['kvm_pv_sched'] = value;
  // As posted: a VM's own choice is overwritten, in both directions.
  for (const kvm of this.m.kvm) this.kvm_set_pv_sched_enabled(kvm, value !== 0);
}

/** arch/x86/kvm/x86.c: kvm_arch_vm_ioctl() */
export function kvm_arch_vm_ioctl(this: pvsched, kvm: kvm, ioctl: number, arg: u32): number {
  switch (ioctl) {
    case KVM_SET_PV_SCHED_ENABLED:
      if (arg > 1) return -EINVAL;
      this.kvm_set_pv_sched_enabled(kvm, arg !== 0);
      return 0;
    case KVM_GET_PV_SCHED_ENABLED:
      return Number(kvm.pv_sched_enabled !== false);
    default:
      return ioctlBefore.call(this, kvm, ioctl, arg);
  }
}

export default {
  subject: 'kvm: x86: enable/disable global/per-guest vcpu boost feature',
  funcs: { kvm_arch_vcpu_pv_sched_enabled, kvm_set_vcpu_boosted, kvm_vcpu_set_sched, kvm_arch_vm_ioctl },
  adds: { kvm_pv_sched_enabled, kvm_set_pv_sched_enabled, param_set_kvm_pv_sched },
  knobs,
} satisfies Patch<Adds>;
