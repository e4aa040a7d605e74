// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH v2 1/5] pvsched: paravirt scheduling framework
 *
 * A table of drivers by name, each with three callbacks and the events it wants to hear of. What a vCPU's thread becomes is the
 * driver's business; the one that comes built in does nothing.
 */
import { EEXIST, EINVAL, ENOSPC } from '../../lib/errno.js';
import type { u32 } from '../../lib/types.js';
import type { task_ptr } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import type { Adds, pvsched_v2 } from './adds.js';

/** include/linux/pvsched.h: events, bits; bit 8, INTR_INJ, is defined there and raised nowhere */
export const PVSCHED_VCPU_VMENTER = 1;
export const PVSCHED_VCPU_VMEXIT = 2;
export const PVSCHED_VCPU_HALT = 4;
export const PVSCHED_NAME_MAX = 32;
export const PVSCHED_MAX = 8;

/** struct pvsched_vcpu_ops. Callbacks are functions of the table, by name; '' for none. */
export interface pvsched_vcpu_ops {
  name: string;
  events: u32;
  /** jhash() of the name. MODEL: the name itself; no two names that are used hash alike */
  key: string;
  pvsched_vcpu_register: string;
  pvsched_vcpu_unregister: string;
  pvsched_vcpu_notify_event: string;
  /** references to the module, or to the BPF program, that it lives in */
  refs: number;
}

declare module '../../vmlinux/vmlinux.js' {
  interface kernel_state {
    /** registered drivers, in the order of the list; absent until somebody looks */
    pvsched_vcpu_ops_list?: pvsched_vcpu_ops[];
  }
}

const builtIn = (): pvsched_vcpu_ops => ({
  name: 'pvsched_nop',
  events: PVSCHED_VCPU_VMENTER | PVSCHED_VCPU_VMEXIT | PVSCHED_VCPU_HALT,
  key: 'pvsched_nop',
  pvsched_vcpu_register: 'pvsched_nop_vcpu_register',
  pvsched_vcpu_unregister: 'pvsched_nop_vcpu_unregister',
  pvsched_vcpu_notify_event: 'pvsched_nop_vcpu_notify_event',
  refs: 0,
});

/** kernel/sched/pvsched.c: the list, with the driver that is there from late_initcall() on. */
export function pvschedDrivers(this: pvsched_v2): pvsched_vcpu_ops[] {
  this.m.pvsched_vcpu_ops_list ??= [builtIn()];
  return this.m.pvsched_vcpu_ops_list;
}

/** kernel/sched/pvsched.c: pvsched_validate_vcpu_ops(), new: all three callbacks are mandatory. */
export function pvsched_validate_vcpu_ops(this: pvsched_v2, ops: pvsched_vcpu_ops): number {
  const all = ops.pvsched_vcpu_register && ops.pvsched_vcpu_unregister && ops.pvsched_vcpu_notify_event;
  return all ? 0 : -EINVAL;
}

/** kernel/sched/pvsched.c: pvsched_register_vcpu_ops(), new */
export function pvsched_register_vcpu_ops(this: pvsched_v2, ops: pvsched_vcpu_ops): number {
  const drivers = this.pvschedDrivers();
  let ret = 0;
  // As posted: one more than the limit, and what follows overwrites the error: there is no limit.
  if (drivers.length > PVSCHED_MAX) ret = -ENOSPC;
  if (drivers.some((it) => it.key === ops.key)) {
    ret = -EEXIST;
  } else {
    ret = this.pvsched_validate_vcpu_ops(ops);
    if (ret === 0) drivers.push(ops);
  }
  return ret;
}

/** kernel/sched/pvsched.c: pvsched_unregister_vcpu_ops(), new. MODEL: the grace period takes no time. */
export function pvsched_unregister_vcpu_ops(this: pvsched_v2, ops: pvsched_vcpu_ops): void {
  const drivers = this.pvschedDrivers();
  const at = drivers.findIndex((it) => it.key === ops.key);
  if (at >= 0) drivers.splice(at, 1);
}

/** kernel/sched/pvsched.c: pvsched_get_vcpu_ops(), new: the driver with a reference to it; null for a name that nobody has. */
export function pvsched_get_vcpu_ops(this: pvsched_v2, name: string): pvsched_vcpu_ops | null {
  if (name.length >= PVSCHED_NAME_MAX) return null;
  const ops = this.pvschedDrivers().find((it) => it.name === name) ?? null;
  if (ops !== null) ops.refs++;
  return ops;
}

/** kernel/sched/pvsched.c: pvsched_put_vcpu_ops(), new */
export function pvsched_put_vcpu_ops(this: pvsched_v2, ops: pvsched_vcpu_ops): void {
  ops.refs--;
}

/** kernel/sched/pvsched.c: pvsched_get_available_drivers(), new: what /proc/sys/kernel/pvsched_available_drivers shows. */
export function pvsched_get_available_drivers(this: pvsched_v2): string {
  return this.pvschedDrivers()
    .map((it) => it.name)
    .join(' ');
}

/** kernel/sched/pvsched.c: pvsched_nop_vcpu_register(), new */
export function pvsched_nop_vcpu_register(this: pvsched_v2, _pid: task_ptr): number {
  return 0;
}

/** kernel/sched/pvsched.c: pvsched_nop_vcpu_unregister(), new */
export function pvsched_nop_vcpu_unregister(this: pvsched_v2, _pid: task_ptr): void {}

/** kernel/sched/pvsched.c: pvsched_nop_vcpu_notify_event(), new */
export function pvsched_nop_vcpu_notify_event(this: pvsched_v2, _addr: number, _pid: task_ptr, _event: u32): void {}

export default {
  subject: 'pvsched: paravirt scheduling framework',
  adds: {
    pvschedDrivers,
    pvsched_validate_vcpu_ops,
    pvsched_register_vcpu_ops,
    pvsched_unregister_vcpu_ops,
    pvsched_get_vcpu_ops,
    pvsched_put_vcpu_ops,
    pvsched_get_available_drivers,
    pvsched_nop_vcpu_register,
    pvsched_nop_vcpu_unregister,
    pvsched_nop_vcpu_notify_event,
  },
} satisfies Patch<Adds>;
