// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH 5/8] kvm: x86: upper bound for preemption based boost duration
 *
 * A guest that stays with preemption disabled is not boosted for longer than pvsched_max_preempt_disabled_us, as the host counts it:
 * from the exit at which it first saw the bit, to the exits after.
 */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { type bool, ge, mul, sub, u64 as to_u64, type u64, ZERO } from '../../lib/types.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { Patch } from '../series.js';
import { pv_sched_of } from './0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import {
  boostReqOf,
  preemptDisabledOf,
  SCHEDINFO,
  VCPU_REQ_BOOST,
} from './0003-kvm-x86-vcpu-boosting-unboosting-framework.js';
import type { Adds, pvsched } from './adds.js';

declare module './0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js' {
  interface pv_sched {
    preempt_disabled?: bool;
    /** ktime at which the host first saw the bit; 0 without it */
    preempt_disabled_ts?: u64;
  }
}

export const knobs = {
  pvsched_max_preempt_disabled_us: {
    file: '/sys/module/kvm/parameters/pvsched_max_preempt_disabled_us',
    type: 'u32',
    initial: 3000,
  },
} as const satisfies Record<string, Knob>;

/** arch/x86/kvm/x86.c: kvm_vcpu_update_preempt_disabled(), new: only a change of the bit moves the time. */
export function kvm_vcpu_update_preempt_disabled(this: pvsched, vcpu: kvm_vcpu, preempt_disabled: bool): void {
  const pv_sched = pv_sched_of(vcpu);
  if ((pv_sched.preempt_disabled ?? false) === preempt_disabled) return;
  pv_sched.preempt_disabled = preempt_disabled;
  pv_sched.preempt_disabled_ts = preempt_disabled ? this.ktime_get() : ZERO;
}

/** arch/x86/kvm/x86.c: kvm_vcpu_exceeds_preempt_disabled_duration(), new */
export function kvm_vcpu_exceeds_preempt_disabled_duration(this: pvsched, vcpu: kvm_vcpu): bool {
  const us = knobValue(this.m, 'pvsched_max_preempt_disabled_us', knobs.pvsched_max_preempt_disabled_us);
  const { preempt_disabled, preempt_disabled_ts = ZERO } = pv_sched_of(vcpu);
  if (us === 0 || preempt_disabled !== true) return false;
  return ge(sub(this.ktime_get(), preempt_disabled_ts), mul(to_u64(us), to_u64(1000)));
}

/** arch/x86/kvm/x86.c: kvm_vcpu_needs_boost(). As posted: preemption disabled asks for nothing by itself any more. */
export function kvm_vcpu_needs_boost(this: pvsched, vcpu: kvm_vcpu, schedinfo: u64): bool {
  const asks =
    boostReqOf(schedinfo) === VCPU_REQ_BOOST ||
    this.kvm_cpu_has_pending_timer(vcpu) !== 0 ||
    this.kvm_cpu_has_interrupt(vcpu);
  return asks && !this.kvm_vcpu_exceeds_preempt_disabled_duration(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_vcpu_do_pv_sched() */
export function kvm_vcpu_do_pv_sched(this: pvsched, vcpu: kvm_vcpu): void {
  if (!this.kvm_arch_vcpu_pv_sched_enabled(vcpu)) return;
  // RACE: other vCPUs of the guest may write the page; it is read once
  const schedinfo = this.kvm_read_guest_offset_cached(this.m.kvm[vcpu.kvm], pv_sched_of(vcpu).data, SCHEDINFO);
  if (schedinfo === null) return;
  this.kvm_vcpu_update_preempt_disabled(vcpu, preemptDisabledOf(schedinfo));
  // RACE: what the guest asks for may be another thing by now
  this.kvm_vcpu_set_sched(vcpu, this.kvm_vcpu_needs_boost(vcpu, schedinfo));
}

export default {
  subject: 'kvm: x86: upper bound for preemption based boost duration',
  funcs: { kvm_vcpu_needs_boost, kvm_vcpu_do_pv_sched },
  adds: { kvm_vcpu_update_preempt_disabled, kvm_vcpu_exceeds_preempt_disabled_duration },
  knobs,
} satisfies Patch<Adds>;
