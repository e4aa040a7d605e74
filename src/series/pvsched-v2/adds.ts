// SPDX-License-Identifier: GPL-2.0-only
/** The functions that the series adds, and the kernel as they see it. */
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type * as patch1 from './0001-pvsched-paravirt-scheduling-framework.js';
import type * as patch2 from './0002-kvm-Implement-the-paravirt-sched-framework-for-kvm.js';
import type * as patch3 from './0003-kvm-interface-for-managing-pvsched-driver-for-guest-V.js';

export interface Adds {
  pvschedDrivers: typeof patch1.pvschedDrivers;
  pvsched_validate_vcpu_ops: typeof patch1.pvsched_validate_vcpu_ops;
  pvsched_register_vcpu_ops: typeof patch1.pvsched_register_vcpu_ops;
  pvsched_unregister_vcpu_ops: typeof patch1.pvsched_unregister_vcpu_ops;
  pvsched_get_vcpu_ops: typeof patch1.pvsched_get_vcpu_ops;
  pvsched_put_vcpu_ops: typeof patch1.pvsched_put_vcpu_ops;
  pvsched_get_available_drivers: typeof patch1.pvsched_get_available_drivers;
  pvsched_nop_vcpu_register: typeof patch1.pvsched_nop_vcpu_register;
  pvsched_nop_vcpu_unregister: typeof patch1.pvsched_nop_vcpu_unregister;
  pvsched_nop_vcpu_notify_event: typeof patch1.pvsched_nop_vcpu_notify_event;
  pvschedOpsOf: typeof patch2.pvschedOpsOf;
  __vcpu_pvsched_notify: typeof patch2.__vcpu_pvsched_notify;
  kvm_replace_pvsched_ops: typeof patch3.kvm_replace_pvsched_ops;
}

export type pvsched_v2 = vmlinux_x86 & Adds;
