// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH 3/8] kvm: x86: vcpu boosting/unboosting framework
 *
 * After an exit that leaves the inner loop of vcpu_enter_guest(), the host reads what the guest asks for and makes the vCPU's
 * thread SCHED_RR or SCHED_NORMAL. All ones in the MSR are an exit and nothing else.
 */
import {
  EXIT_FASTPATH_EXIT_HANDLED,
  EXIT_FASTPATH_EXIT_USERSPACE,
  EXIT_FASTPATH_REENTER_GUEST,
  type kvm_vcpu,
} from '../../arch/x86/kvm_host.js';
import { handle_fastpath_set_msr_irqoff as fastpathBefore } from '../../arch/x86/x86-apic.js';
import { type kvm_vcpu as generic_vcpu, OUTSIDE_GUEST_MODE } from '../../kvm/kvm_host.js';
import { EINVAL } from '../../lib/errno.js';
import { and, type bool, shr, to_u32, U64_MAX, type u32, u64 } from '../../lib/types.js';
import { MAX_RT_PRIO, NULL, SCHED_FIFO, SCHED_NORMAL, SCHED_RR } from '../../sched/sched.js';
import type { vmlinux_6_5 } from '../linux-v6.5/adds.js';
import { handle_fastpath_set_msr_irqoff as fastpathOn65 } from '../linux-v6.5/kvm.js';
import type { Patch } from '../series.js';
import {
  MSR_KVM_PV_SCHED,
  pv_sched_of,
  setPvSched,
  VCPU_BOOST_BOOSTED,
} from './0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import type { Adds, pvsched } from './adds.js';

/** include/uapi/linux/kvm_para.h: boost_req */
export const VCPU_REQ_UNBOOST = 1;
export const VCPU_REQ_BOOST = 2;
/** offset of the word that the guest writes: boost_req in its first byte, preempt_disabled in the second */
export const SCHEDINFO = 8;
const SHARED_BYTES = 16;
/** include/linux/kvm_host.h: what a boosted thread is */
export const VCPU_BOOST_POLICY = SCHED_RR;
export const VCPU_BOOST_PRIO = 8;

declare module '../../kvm/kvm_host.js' {
  interface kvm_vcpu {
    boost?: { policy: number; priority: u32 };
  }
}

/** What the vCPU's thread becomes. */
const boost_of = (vcpu: generic_vcpu) => {
  vcpu.boost ??= { policy: VCPU_BOOST_POLICY, priority: VCPU_BOOST_PRIO };
  return vcpu.boost;
};

export const boostReqOf = (schedinfo: u64): number => to_u32(and(schedinfo, u64(0xff)));
export const preemptDisabledOf = (schedinfo: u64): bool => and(shr(schedinfo, 8), u64(0xff)) !== u64(0);

/** virt/kvm/kvm_main.c: kvm_vcpu_set_boost_prio(), new. As posted: nothing calls it. */
export function kvm_vcpu_set_boost_prio(this: pvsched, vcpu: kvm_vcpu, policy: number, priority: u32): number {
  if (priority >= MAX_RT_PRIO) return -EINVAL;
  if (policy !== SCHED_FIFO && policy !== SCHED_RR) return -EINVAL;
  vcpu.boost = { policy, priority };
  return 0;
}

/** virt/kvm/kvm_main.c: kvm_vcpu_set_sched(), new: 0, or what the scheduler refuses with. */
export function kvm_vcpu_set_sched(this: pvsched, vcpu: kvm_vcpu, boost: bool): number {
  const boosted = pv_sched_of(vcpu).boost === VCPU_BOOST_BOOSTED;
  if (boosted !== boost) {
    // As posted: back to SCHED_NORMAL, whatever it was before.
    const { policy, priority } = boost ? boost_of(vcpu) : { policy: SCHED_NORMAL, priority: 0 };
    if (vcpu.pid === NULL) return -EINVAL;
    // MODEL: it warns once of a task that others wait for with priority inheritance; there is none here
    // RACE: another CPU boosts or unboosts it behind the look at its status
    const r = this.sched_setscheduler_pi_nocheck(this.m.task[vcpu.pid], policy, priority, false);
    if (r !== 0) return r;
  }
  // As posted: also when nothing changes, so that every exit has the guest's memory written at the next entry.
  // RACE: another CPU changes policy or status before this one has stored it
  this.kvm_set_vcpu_boosted(vcpu, boost);
  return 0;
}

/** arch/x86/kvm/x86.c: kvm_vcpu_needs_boost(), new */
export function kvm_vcpu_needs_boost(this: pvsched, vcpu: kvm_vcpu, schedinfo: u64): bool {
  return (
    boostReqOf(schedinfo) === VCPU_REQ_BOOST ||
    this.kvm_cpu_has_pending_timer(vcpu) !== 0 ||
    this.kvm_cpu_has_interrupt(vcpu) ||
    preemptDisabledOf(schedinfo)
  );
}

/** arch/x86/kvm/x86.c: kvm_vcpu_do_pv_sched(), new: a page that cannot be read changes nothing. */
export function kvm_vcpu_do_pv_sched(this: pvsched, vcpu: kvm_vcpu): void {
  if (!this.kvm_arch_vcpu_pv_sched_enabled(vcpu)) return;
  // RACE: other vCPUs of the guest may write the page; it is read once
  const schedinfo = this.kvm_read_guest_offset_cached(this.m.kvm[vcpu.kvm], pv_sched_of(vcpu).data, SCHEDINFO);
  if (schedinfo === null) return;
  // RACE: what the guest asks for may be another thing by now
  this.kvm_vcpu_set_sched(vcpu, this.kvm_vcpu_needs_boost(vcpu, schedinfo));
}

/** kvm_set_msr_common(): MSR_KVM_PV_SCHED, of a structure that has what the guest asks as well */
export function kvm_set_msr_commonPvSched(this: pvsched, vcpu: kvm_vcpu, data: u64): number {
  return setPvSched(this, vcpu, data, SHARED_BYTES);
}

/** arch/x86/kvm/x86.c: handle_fastpath_set_msr_irqoff(): all ones are for the hook that follows the exit. */
export function handle_fastpath_set_msr_irqoff(this: pvsched, vcpu: kvm_vcpu): number {
  const msr = to_u32(vcpu.arch.regs.rcx);
  const data = this.kvm_read_edx_eax(vcpu);
  // As posted: no look at whether the guest has the feature, or has it enabled.
  if (msr !== MSR_KVM_PV_SCHED || data !== U64_MAX) return fastpathBefore.call(this, vcpu);
  const skipped = this.kvm_skip_emulated_instruction(vcpu);
  this.trace_kvm_msr(1, msr, data, false);
  return skipped ? EXIT_FASTPATH_EXIT_HANDLED : EXIT_FASTPATH_EXIT_USERSPACE;
}

/** The same where v6.5 leaves its inner loop for IPIs. */
export function handle_fastpath_set_msr_irqoffOn65(this: pvsched & vmlinux_6_5, vcpu: kvm_vcpu): number {
  const msr = to_u32(vcpu.arch.regs.rcx);
  const data = this.kvm_read_edx_eax(vcpu);
  if (msr !== MSR_KVM_PV_SCHED || data !== U64_MAX) return fastpathOn65.call(this, vcpu);
  const skipped = this.kvm_skip_emulated_instruction(vcpu);
  this.trace_kvm_msr(1, msr, data, false);
  return skipped ? EXIT_FASTPATH_EXIT_HANDLED : EXIT_FASTPATH_EXIT_USERSPACE;
}

/** vcpu_enter_guest(): behind the VM exit, whose fast path said `exit_fastpath`. */
export function vcpu_enter_guestRan(this: pvsched, vcpuId: number, fastpath: number): number {
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
  this.kvm_vcpu_do_pv_sched(vcpu);

  if (vcpu.arch.apic_attention) this.kvm_lapic_sync_from_vapic(vcpu);

  return this.kvm_x86_handle_exit(vcpu, exit_fastpath);
}

export default {
  subject: 'kvm: x86: vcpu boosting/unboosting framework',
  funcs: { handle_fastpath_set_msr_irqoff, vcpu_enter_guestRan, kvm_set_msr_commonPvSched },
  rebased: { 'v6.5': { handle_fastpath_set_msr_irqoff: handle_fastpath_set_msr_irqoffOn65 } },
  adds: { kvm_vcpu_set_boost_prio, kvm_vcpu_set_sched, kvm_vcpu_needs_boost, kvm_vcpu_do_pv_sched },
} satisfies Patch<Adds>;
