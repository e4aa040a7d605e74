// SPDX-License-Identifier: GPL-2.0-only
/** [PATCH v2 6/9] KVM: x86: Add IPI tracking infrastructure: of it, the weak function of virt/kvm, which s390 links. */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import type { bool } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import type { Patch } from '../series.js';

interface Weak {
  kvm_vcpu_is_ipi_receiver(sender: kvm_vcpu, receiver: kvm_vcpu): bool;
}

/** virt/kvm/kvm_main.c: kvm_vcpu_is_ipi_receiver(), new, weak */
export function kvm_vcpu_is_ipi_receiver(this: vmlinux, _sender: kvm_vcpu, _receiver: kvm_vcpu): bool {
  return false;
}

export default {
  subject: 'KVM: x86: Add IPI tracking infrastructure',
  adds: { kvm_vcpu_is_ipi_receiver },
} satisfies Patch<Weak>;
