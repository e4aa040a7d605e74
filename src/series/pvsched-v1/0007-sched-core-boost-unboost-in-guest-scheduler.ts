// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH 7/8] sched/core: boost/unboost in guest scheduler
 *
 * The guest's side: it writes what it wants into a structure of its own on each CPU, and makes its host look only to be unboosted. In the host
 * the same code runs with the key off.
 */

import { kvm_guest_cpu_init as cpuInitBefore, kvm_guest_init as initBefore } from '../../arch/x86/kvm.js';
import { KVM_FEATURE_PV_SCHED, KVM_MSR_ENABLED } from '../../arch/x86/kvm_host.js';
import { exit_to_user_mode_prepare as prepareBefore } from '../../irq/common.js';
import { preempt_count_add as addBefore, preempt_count_sub as subBefore } from '../../irq/preempt.js';
import type { bool } from '../../lib/types.js';
import { enqueue_task as enqueueBefore, pick_next_task as pickBefore } from '../../sched/core.js';
import type { rq, task_struct } from '../../sched/sched.js';
import { enqueue_task as enqueueOnCfs } from '../linux-v6.1/core.js';
import type { vmlinux_6_5 } from '../linux-v6.5/adds.js';
import type { Patch } from '../series.js';
import {
  MSR_KVM_PV_SCHED,
  VCPU_BOOST_BOOSTED,
  VCPU_BOOST_NORMAL,
} from './0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import { SCHEDINFO, VCPU_REQ_BOOST, VCPU_REQ_UNBOOST } from './0003-kvm-x86-vcpu-boosting-unboosting-framework.js';
import type { Adds, pvsched } from './adds.js';

declare module '../../vmlinux/vmlinux.js' {
  interface kernel_state {
    /** static key pv_sched_enabled of a kernel in a guest */
    pv_sched_key?: boolean;
  }
}

/** Where the per-CPU structures are in the guest's memory, 64 bytes apart. MODEL: per-CPU memory is at a fixed address. */
export const PV_SCHED_GPA = 0x10_0000;
export const pvSchedGpa = (cpu: number): number => PV_SCHED_GPA + 64 * cpu;

/** A byte of the word that the guest writes: 0 for boost_req, 1 for preempt_disabled. */
function store(k: pvsched, byte: 0 | 1, value: number): void {
  k.this_irq_cpu().ops.push({ op: 'store', gpa: pvSchedGpa(k.m.cpu) + SCHEDINFO, byte, value });
}

/** include/linux/sched.h: pv_sched_enabled(), new */
export function pv_sched_enabled(this: pvsched): bool {
  return this.m.pv_sched_key === true;
}

/** arch/x86/kernel/kvm.c: pv_sched_vcpu_update(), new: an exit for the host to look at the request; `status` is what the caller saw. */
export function pv_sched_vcpu_update(this: pvsched, status: number): void {
  const when = { gpa: pvSchedGpa(this.m.cpu), value: status };
  this.this_irq_cpu().ops.push({ op: 'wrmsr', msr: MSR_KVM_PV_SCHED, low: 0xffff_ffff, high: 0xffff_ffff, when });
}

/** include/linux/sched.h: pv_sched_boost_vcpu_lazy(), new */
export function pv_sched_boost_vcpu_lazy(this: pvsched): void {
  store(this, 0, VCPU_REQ_BOOST);
}

/** include/linux/sched.h: pv_sched_unboost_vcpu_lazy(), new */
export function pv_sched_unboost_vcpu_lazy(this: pvsched): void {
  store(this, 0, VCPU_REQ_UNBOOST);
}

/** include/linux/sched.h: pv_sched_boost_vcpu(), new. As posted: nothing calls it. */
export function pv_sched_boost_vcpu(this: pvsched): void {
  this.pv_sched_boost_vcpu_lazy();
  // RACE: the host may boost or unboost between the look and the exit
  this.pv_sched_vcpu_update(VCPU_BOOST_NORMAL);
}

/** include/linux/sched.h: pv_sched_unboost_vcpu(), new. As posted: silent wherever preemption is disabled. */
export function pv_sched_unboost_vcpu(this: pvsched): void {
  this.pv_sched_unboost_vcpu_lazy();
  // RACE: the host may boost or unboost between the look and the exit
  if (this.preempt_count() === 0) this.pv_sched_vcpu_update(VCPU_BOOST_BOOSTED);
}

/** arch/x86/kernel/kvm.c: kvm_guest_init() */
export function kvm_guest_init(this: pvsched): void {
  initBefore.call(this);
  if (this.kvm_para_has_feature(KVM_FEATURE_PV_SCHED)) this.m.pv_sched_key = true;
}

/** arch/x86/kernel/kvm.c: kvm_guest_cpu_init(). As posted: a CPU that goes offline leaves the MSR as it is. */
export function kvm_guest_cpu_init(this: pvsched): void {
  cpuInitBefore.call(this);
  if (this.pv_sched_enabled()) this.wrmsr(MSR_KVM_PV_SCHED, pvSchedGpa(this.m.cpu) | KVM_MSR_ENABLED, 0);
}

/** sched_class_above(p->sched_class, &fair_sched_class) */
export const aboveFair = (k: pvsched, p: task_struct): bool => k.sched_class_above(p.sched_class, 'fair_sched_class');

const boostIfUrgent = (k: pvsched, rq: rq, p: task_struct): void => {
  if (k.pv_sched_enabled() && k.cpu_of(rq) === k.m.cpu && aboveFair(k, p)) k.pv_sched_boost_vcpu_lazy();
};

/** kernel/sched/core.c: enqueue_task(). As posted: what is queued for another CPU asks for nothing there. */
export function enqueue_task(this: pvsched, rq: rq, p: task_struct, flags: number): void {
  boostIfUrgent(this, rq, p);
  enqueueBefore.call(this, rq, p, flags);
}

/** kernel/sched/core.c: enqueue_task(), where v6.5 counts a task as waiting before it is queued. */
export function enqueue_taskOnCfs(this: pvsched & vmlinux_6_5, rq: rq, p: task_struct, flags: number): void {
  boostIfUrgent(this, rq, p);
  enqueueOnCfs.call(this, rq, p, flags);
}

/** kernel/sched/core.c: pick_next_task(), and behind it in __schedule(): the idle task changes nothing. */
export function pick_next_task(this: pvsched, rq: rq): task_struct {
  const next = pickBefore.call(this, rq);
  if (this.pv_sched_enabled()) {
    if (aboveFair(this, next)) this.pv_sched_boost_vcpu_lazy();
    else if (next.sched_class === 'fair_sched_class') this.pv_sched_unboost_vcpu();
  }
  return next;
}

/** kernel/sched/core.c: preempt_count_add(): the outermost tells the host. */
export function preempt_count_add(this: pvsched, val: number): void {
  const outermost = this.preempt_count() === 0;
  addBefore.call(this, val);
  if (outermost && this.pv_sched_enabled()) store(this, 1, 1);
}

/** kernel/sched/core.c: preempt_count_sub() */
export function preempt_count_sub(this: pvsched, val: number): void {
  if (this.preempt_count() === val && this.pv_sched_enabled()) store(this, 1, 0);
  subBefore.call(this, val);
}

/** include/linux/entry-common.h: exit_to_user_mode_prepare() */
export function exit_to_user_mode_prepare(this: pvsched): void {
  const current = this.get_current();
  prepareBefore.call(this);
  if (this.get_current().id !== current.id || this.notReturned(current)) return;
  if (this.pv_sched_enabled() && !aboveFair(this, current)) this.pv_sched_unboost_vcpu();
}

export default {
  subject: 'sched/core: boost/unboost in guest scheduler',
  funcs: {
    kvm_guest_init,
    kvm_guest_cpu_init,
    enqueue_task,
    pick_next_task,
    preempt_count_add,
    preempt_count_sub,
    exit_to_user_mode_prepare,
  },
  rebased: { 'v6.5': { enqueue_task: enqueue_taskOnCfs } },
  adds: {
    pv_sched_enabled,
    pv_sched_vcpu_update,
    pv_sched_boost_vcpu_lazy,
    pv_sched_unboost_vcpu_lazy,
    pv_sched_boost_vcpu,
    pv_sched_unboost_vcpu,
  },
} satisfies Patch<Adds>;
