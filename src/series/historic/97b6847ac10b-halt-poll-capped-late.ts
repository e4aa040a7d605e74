// SPDX-License-Identifier: GPL-2.0-only
/** Before 97b6847ac10b (v6.2): the polling window is capped when it grows, and only then. */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import { add, mul_u32_u32, to_u32, u64 } from '../../lib/types.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import { defineSeries } from '../series.js';

/** virt/kvm/kvm_main.c: grow_halt_poll_ns() */
export function grow_halt_poll_ns(this: vmlinux, vcpu: kvm_vcpu): void {
  const old = vcpu.halt_poll_ns;
  let val = old;
  const { halt_poll_ns_grow_start, halt_poll_ns_grow } = this.m.kvm_params;
  if (halt_poll_ns_grow !== 0) {
    val = to_u32(mul_u32_u32(val, halt_poll_ns_grow));
    if (val < halt_poll_ns_grow_start) val = halt_poll_ns_grow_start;
    const max = this.kvm_vcpu_max_halt_poll_ns(vcpu);
    if (val > max) val = max;
    vcpu.halt_poll_ns = val;
  }
  this.trace_kvm_halt_poll_ns_grow(vcpu.vcpu_id, val, old);
}

/** virt/kvm/kvm_main.c: kvm_vcpu_halt(): the window is taken as it is. */
export function kvm_vcpu_halt(this: vmlinux, vcpu: kvm_vcpu): void {
  const h = vcpu.halt;
  h.halt_poll_allowed = !this.kvm_arch_no_poll(vcpu);
  h.do_halt_poll = h.halt_poll_allowed && vcpu.halt_poll_ns !== 0;
  h.start = h.cur = h.poll_end = this.ktime_get();
  if (h.do_halt_poll) {
    h.stop = add(h.start, u64(vcpu.halt_poll_ns));
    this.kvm_vcpu_haltCheck(vcpu.id);
  } else {
    this.kvm_vcpu_haltBlock(vcpu.id);
  }
}

export default defineSeries({
  id: 'revert-97b6847ac10b',
  title: 'a lowered maximum does not reach a vCPU whose window has grown',
  base: 'v6.12.117',
  notices: 'a poll that lasts longer than the maximum in force',
  patches: [
    {
      subject: 'Revert "KVM: Cap vcpu->halt_poll_ns before halting rather than after"',
      commit: '97b6847ac10b',
      funcs: { grow_halt_poll_ns, kvm_vcpu_halt },
    },
  ],
});
