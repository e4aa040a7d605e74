// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH 3/5] KVM: arm64: Support pvlock preempted via shared structure
 *
 * The guest says where the structure is. As posted: whatever it says is taken, with success, each time anew.
 */
import { kvm_arch_vcpu_load as loadBefore } from '../../arch/arm64/arm.js';
import { SMCCC_RET_SUCCESS } from '../../arch/arm64/hypercalls.js';
import type { kvm_vcpu } from '../../arch/arm64/kvm_host.js';
import type { u32, u64 } from '../../lib/types.js';
import { pvOf } from '../preempted/flag.js';
import {
  type HostAdds,
  putLast as kvm_arch_vcpu_put,
  kvm_arm_is_pvlock_preempted_ready,
  kvm_init_pvlock,
  kvm_update_pvlock_preempted,
  type pvlock_host,
} from '../preempted/ipa.js';
import type { PatchArm64 } from '../series-arm64.js';
import {
  kvm_smccc_call_handlerLetIn as callBefore,
  pv_lock,
} from './0002-KVM-arm64-Implement-PV_LOCK_FEATURES-call.js';

export type { HostAdds };

/** arch/arm64/kvm/arm.c: kvm_arch_vcpu_load(): last of all */
export function kvm_arch_vcpu_load(this: pvlock_host, vcpu: kvm_vcpu, cpu: number): void {
  loadBefore.call(this, vcpu, cpu);
  if (this.kvm_arm_is_pvlock_preempted_ready(vcpu)) this.kvm_update_pvlock_preempted(vcpu, 0);
}

/** kvm_smccc_call_handler(): a call. */
export function kvm_smccc_call_handlerLetIn(this: pvlock_host, vcpu: kvm_vcpu, func_id: u32): u64[] {
  if (func_id !== pv_lock.PREEMPTED) return callBefore.call(this, vcpu, func_id);
  pvOf(vcpu).base = this.smccc_get_arg1(vcpu);
  return [SMCCC_RET_SUCCESS];
}

export default {
  subject: 'KVM: arm64: Support pvlock preempted via shared structure',
  funcs: { kvm_arch_vcpu_load, kvm_arch_vcpu_put, kvm_smccc_call_handlerLetIn },
  adds: { kvm_arm_is_pvlock_preempted_ready, kvm_init_pvlock, kvm_update_pvlock_preempted },
} satisfies PatchArm64<HostAdds>;
