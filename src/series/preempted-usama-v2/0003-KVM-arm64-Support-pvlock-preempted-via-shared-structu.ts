// SPDX-License-Identifier: GPL-2.0-only
/**
 * [v2 3/6] KVM: arm64: Support pvlock preempted via shared structure
 *
 * As the RFC, behind one call.
 */
import { kvm_arch_init_vm as initBefore, kvm_arch_vcpu_load as loadBefore } from '../../arch/arm64/arm.js';
import {
  kvm_smccc_test_fw_bmap as bmapBefore,
  kvm_smccc_call_handlerLetIn as callBefore,
} from '../../arch/arm64/hypercalls.js';
import type { kvm, kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import type { bool, u32, u64 } from '../../lib/types.js';
import {
  type HostAdds,
  ipaAnswer,
  putBetween as kvm_arch_vcpu_put,
  kvm_arm_is_pvlock_preempted_ready,
  kvm_init_pvlock,
  kvm_update_pvlock_preempted,
  type pvlock_host,
} from '../preempted/ipa.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  KVM_REG_ARM_VENDOR_HYP_BIT_PV_LOCK,
  pv_lock_call,
} from './0002-KVM-arm64-Add-SMCCC-paravirtualised-lock-calls.js';

export type { HostAdds };

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_load(): last of all */
export function kvm_arch_vcpu_load(this: pvlock_host, vcpu: kvm_vcpu, cpu: number): void {
  loadBefore.call(this, vcpu, cpu);
  if (this.kvm_arm_is_pvlock_preempted_ready(vcpu)) this.kvm_update_pvlock_preempted(vcpu, 0);
}

/** kvm_smccc_call_handler(): a call. */
export function kvm_smccc_call_handlerLetIn(this: pvlock_host, vcpu: kvm_vcpu, func_id: u32): u64[] {
  if (func_id === pv_lock_call) return [ipaAnswer(this, vcpu)];
  return callBefore.call(this, vcpu, func_id);
}

/** arch/arm64/kvm/hypercalls.c: kvm_smccc_test_fw_bmap(), of its time kvm_hvc_call_allowed() */
export function kvm_smccc_test_fw_bmap(this: pvlock_host, vcpu: kvm_vcpu, func_id: u32): bool {
  if (func_id !== pv_lock_call) return bmapBefore.call(this, vcpu, func_id);
  return (this.m.kvm[vcpu.kvm].arch.smccc_feat.vendor_hyp_bmap & (1 << KVM_REG_ARM_VENDOR_HYP_BIT_PV_LOCK)) !== 0;
}

/** arch/arm64/kvm/arm.c: kvm_arch_init_vm(): the bit is on unless userspace clears it, as all are. */
export function kvm_arch_init_vm(this: pvlock_host, kvm: kvm): number {
  kvm.arch.smccc_feat.vendor_hyp_bmap |= 1 << KVM_REG_ARM_VENDOR_HYP_BIT_PV_LOCK;
  return initBefore.call(this, kvm);
}

export default {
  subject: 'KVM: arm64: Support pvlock preempted via shared structure',
  funcs: {
    kvm_arch_vcpu_load,
    kvm_arch_vcpu_put,
    kvm_smccc_call_handlerLetIn,
    kvm_smccc_test_fw_bmap,
    kvm_arch_init_vm,
  },
  adds: { kvm_arm_is_pvlock_preempted_ready, kvm_init_pvlock, kvm_update_pvlock_preempted },
} satisfies PatchArm64<HostAdds>;
