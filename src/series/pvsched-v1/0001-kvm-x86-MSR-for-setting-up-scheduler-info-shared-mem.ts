// SPDX-License-Identifier: GPL-2.0-only
/**
 * [RFC PATCH 1/8] kvm: x86: MSR for setting up scheduler info shared memory
 *
 * The guest names a page by MSR_KVM_PV_SCHED; the host writes there, at the next entry, whether the vCPU is boosted. Nobody boosts
 * yet. The page is 8 bytes here and 16 from patch 3 on.
 */

import { __do_cpuid_funcKvmFeatures as featuresBefore } from '../../arch/x86/kvm.js';
import { KVM_FEATURE_PV_SCHED, KVM_MSR_ENABLED, type kvm_vcpu } from '../../arch/x86/kvm_host.js';
import {
  kvm_get_msr_common as getBefore,
  kvm_set_msr_common as setBefore,
  vcpu_enter_guestShared as sharedBefore,
} from '../../arch/x86/x86.js';
import type { gfn_to_hva_cache } from '../../kvm/guest-memory.js';
import type { msr_data } from '../../lapic/lapic.js';
import { and, type bool, not, type u32, u64, ZERO } from '../../lib/types.js';
import type { Patch } from '../series.js';
import type { Adds, pvsched } from './adds.js';

/** include/uapi/linux/kvm_para.h, arch/x86/include/uapi/asm/kvm_para.h */
export const MSR_KVM_PV_SCHED = 0x4b564da0;
export const VCPU_BOOST_DISABLED = 0;
export const VCPU_BOOST_NORMAL = 1;
export const VCPU_BOOST_BOOSTED = 2;
/** include/linux/kvm_host.h */
export const KVM_REQ_VCPU_BOOST_UPDATE = 6;
/** offset of boost_status in the shared structure */
const BOOST_STATUS = 0;

/** struct kvm_vcpu_arch.pv_sched */
export interface pv_sched {
  boost: number;
  msr_val: u64;
  data: gfn_to_hva_cache;
}

declare module '../../arch/x86/kvm_host.js' {
  interface kvm_vcpu_arch {
    pv_sched?: pv_sched;
  }
}

/** The record as kzalloc() leaves it. */
export function pv_sched_of(vcpu: kvm_vcpu): pv_sched {
  vcpu.arch.pv_sched ??= {
    boost: VCPU_BOOST_DISABLED,
    msr_val: ZERO,
    data: { gpa: ZERO, len: 0, generation: 0, bad: true },
  };
  return vcpu.arch.pv_sched;
}

/** arch/x86/include/asm/kvm_host.h: kvm_arch_vcpu_pv_sched_enabled(), new */
export function kvm_arch_vcpu_pv_sched_enabled(this: pvsched, vcpu: kvm_vcpu): bool {
  return pv_sched_of(vcpu).msr_val !== ZERO;
}

/** arch/x86/include/asm/kvm_host.h: kvm_arch_vcpu_set_boost_status(), new */
export function kvm_arch_vcpu_set_boost_status(this: pvsched, vcpu: kvm_vcpu, boost: number): void {
  pv_sched_of(vcpu).boost = boost;
}

/** include/linux/kvm_host.h: kvm_set_vcpu_boosted(), new: every call has the guest's word written at the next entry. */
export function kvm_set_vcpu_boosted(this: pvsched, vcpu: kvm_vcpu, boosted: bool): void {
  this.kvm_arch_vcpu_set_boost_status(vcpu, boosted ? VCPU_BOOST_BOOSTED : VCPU_BOOST_NORMAL);
  // As posted: no kick; a vCPU that is past its requests learns at the entry after next.
  this.kvm_make_request(KVM_REQ_VCPU_BOOST_UPDATE, vcpu);
}

/** Bytes of the shared structure that the cache covers; patch 3 has 16. */
const STATUS_BYTES = 8;

/** kvm_set_msr_common(): MSR_KVM_PV_SCHED */
export function kvm_set_msr_commonPvSched(this: pvsched, vcpu: kvm_vcpu, data: u64): number {
  return setPvSched(this, vcpu, data, STATUS_BYTES);
}

/** The same with a structure of so many bytes. */
export function setPvSched(k: pvsched, vcpu: kvm_vcpu, data: u64, bytes: number): number {
  if (!k.guest_pv_has(vcpu, KVM_FEATURE_PV_SCHED)) return 1;
  if (and(data, u64(KVM_MSR_ENABLED)) === ZERO) return 0;

  const pv_sched = pv_sched_of(vcpu);
  const gpa = and(data, not(u64(KVM_MSR_ENABLED)));
  if (gpa === ZERO) {
    pv_sched.msr_val = ZERO;
    k.kvm_set_vcpu_boosted(vcpu, false);
  }
  // As posted: no else. Address 0 is memory like any other, so that "disabled" ends as enabled with the page at 0.
  if (k.kvm_gfn_to_hva_cache_init(k.m.kvm[vcpu.kvm], pv_sched.data, gpa, bytes) === 0) {
    pv_sched.msr_val = data;
    k.kvm_set_vcpu_boosted(vcpu, false);
  } else {
    // As posted: the write succeeds, and the guest may have this printed as often as it likes; the page of before is neither
    // read nor written until a memory slot changes, so that nothing unboosts.
    k.printk('kvm: failed to set up the shared page of MSR_KVM_PV_SCHED');
  }
  return 0;
}

/** arch/x86/kvm/x86.c: record_vcpu_boost_status(), new: a page that is not there is left alone. */
export function record_vcpu_boost_status(this: pvsched, vcpu: kvm_vcpu): void {
  const { msr_val, data, boost } = pv_sched_of(vcpu);
  if (msr_val === ZERO) return;
  // RACE: (pagefault_disable) the guest reads and writes the page meanwhile
  this.kvm_write_guest_offset_cached(this.m.kvm[vcpu.kvm], data, BOOST_STATUS, u64(boost));
}

/** arch/x86/kvm/x86.c: kvm_set_msr_common() */
export function kvm_set_msr_common(this: pvsched, vcpu: kvm_vcpu, msr_info: msr_data): number {
  if (msr_info.index === MSR_KVM_PV_SCHED) return this.kvm_set_msr_commonPvSched(vcpu, msr_info.data);
  return setBefore.call(this, vcpu, msr_info);
}

/** arch/x86/kvm/x86.c: kvm_get_msr_common(). As posted: without a look at the guest's features. */
export function kvm_get_msr_common(this: pvsched, vcpu: kvm_vcpu, msr_info: msr_data): number {
  if (msr_info.index !== MSR_KVM_PV_SCHED) return getBefore.call(this, vcpu, msr_info);
  msr_info.data = pv_sched_of(vcpu).msr_val;
  return 0;
}

/** vcpu_enter_guest(): what the guest reads of its host: steal time, then the status. */
export function vcpu_enter_guestShared(this: pvsched, vcpu: kvm_vcpu): void {
  sharedBefore.call(this, vcpu);
  if (this.kvm_check_request(KVM_REQ_VCPU_BOOST_UPDATE, vcpu)) this.record_vcpu_boost_status(vcpu);
}

/** __do_cpuid_func(): the feature is offered. */
export function __do_cpuid_funcKvmFeatures(this: pvsched): u32 {
  return featuresBefore.call(this) | (1 << KVM_FEATURE_PV_SCHED);
}

export default {
  subject: 'kvm: x86: MSR for setting up scheduler info shared memory',
  funcs: { kvm_set_msr_common, kvm_get_msr_common, vcpu_enter_guestShared, __do_cpuid_funcKvmFeatures },
  adds: {
    kvm_arch_vcpu_pv_sched_enabled,
    kvm_arch_vcpu_set_boost_status,
    kvm_set_vcpu_boosted,
    kvm_set_msr_commonPvSched,
    record_vcpu_boost_status,
  },
} satisfies Patch<Adds>;
