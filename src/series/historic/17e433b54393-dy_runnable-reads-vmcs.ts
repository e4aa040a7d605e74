// SPDX-License-Identifier: GPL-2.0-only
/** Before 17e433b54393 (v5.3): whether another vCPU is runnable is asked of the VMCS that is loaded, the asker's. */
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { bool } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { defineSeries } from '../series.js';

/** arch/x86/kvm/x86.c: kvm_arch_dy_runnable(): kvm_arch_vcpu_runnable(), whose VMCS reads are of the loaded vCPU. */
export function kvm_arch_dy_runnable(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  const loaded = this.kvm_get_running_vcpu();
  if (loaded < 0) return this.kvm_arch_vcpu_runnable(vcpu);
  const { if_flag, int_shadow } = vcpu.arch;
  vcpu.arch.if_flag = this.m.vcpu[loaded].arch.if_flag;
  vcpu.arch.int_shadow = this.m.vcpu[loaded].arch.int_shadow;
  const runnable = this.kvm_arch_vcpu_runnable(vcpu);
  vcpu.arch.if_flag = if_flag;
  vcpu.arch.int_shadow = int_shadow;
  return runnable;
}

export default defineSeries({
  id: 'revert-17e433b54393',
  title: 'a blocking candidate is judged by the interrupt flag of the spinner',
  base: 'v6.12.117',
  notices: 'the answer about a candidate changes with the RFLAGS of who asks',
  patches: [
    {
      subject: 'Revert "KVM: Fix leak vCPU VMCS value into other pCPU"',
      commit: '17e433b54393',
      funcs: { kvm_arch_dy_runnable },
    },
  ],
});
