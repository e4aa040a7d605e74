// SPDX-License-Identifier: GPL-2.0-only
/**
 * The thread of a vCPU in userspace, as a VMM's is: KVM_RUN for as long as nothing ends it, and between two of them the
 * ioctls that another thread of the VMM asks for.
 */

import { KVM_EXIT_IOAPIC_EOI, type vcpu_ioctl } from '../../kvm/kvm_host.js';
import { MSR_IA32_APICBASE } from '../../lapic/apicdef.js';
import { NotModelled } from '../../lib/bug.js';
import { EAGAIN, EINTR } from '../../lib/errno.js';
import { s64, to_u64, type u32, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { kvm_vcpu } from './kvm_host.js';

/** The current task of this CPU begins KVM_RUN. Its return value when it is back at once, else 0. */
export function vcpuRun(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return this.kvm_vcpu_ioctlRun(vcpu);
}

/** The vCPU's thread in userspace: KVM_RUN, as long as there is no reason not to. */
export function vcpuRunOf(this: vmlinux_x86, vcpuId: number): void {
  const current = this.get_current();
  for (;;) {
    const r = this.vcpuRun(this.m.vcpu[vcpuId]);
    if (this.notReturned(current)) {
      this.whenBack(current, 'vcpuRunReturned', vcpuId);
      return;
    }
    if (!this.runsAgain(vcpuId, r)) return;
  }
}

/** KVM_RUN has returned r to the vCPU's thread. */
export function vcpuRunReturned(this: vmlinux_x86, vcpuId: number, r: number): void {
  if (this.runsAgain(vcpuId, r)) this.vcpuRunOf(vcpuId);
}

/** Whether userspace goes on at once: after an AP's INIT, for an EOI that its IOAPIC has heard of, and after its ioctls. */
export function runsAgain(this: vmlinux_x86, vcpuId: number, r: number): boolean {
  const vcpu = this.m.vcpu[vcpuId];
  const { run } = vcpu;
  if (vcpu.ioctls.length > 0) {
    for (const call of vcpu.ioctls) this.vcpuIoctl(vcpu, call);
    vcpu.ioctls = [];
    if (r === -EINTR) return true;
  }
  if (r === -EAGAIN) return true;
  if (r === 0 && run.exit_reason === KVM_EXIT_IOAPIC_EOI) return true;
  if (run.immediate_exit) return false;
  throw new NotModelled(`userspace after KVM_RUN returned ${r}, exit_reason ${run.exit_reason}`);
}

/**
 * Another thread of the VMM wants an ioctl made, which takes the vCPU's mutex: it is left to the vCPU's own thread, which a
 * signal brings out of KVM_RUN. One that has not begun KVM_RUN yet finds the signal there.
 */
export function vcpuAsk(this: vmlinux_x86, vcpu: kvm_vcpu, call: vcpu_ioctl): void {
  vcpu.ioctls.push(call);
  if (vcpu.pid !== NULL) this.signal_wake_up_state(this.m.task[vcpu.pid]);
}

/** kvm_arch_vcpu_ioctl(): loads the vCPU, does what was asked, and puts it. */
export function vcpuIoctl(this: vmlinux_x86, vcpu: kvm_vcpu, call: vcpu_ioctl): void {
  this.vcpu_load(vcpu);
  switch (call.nr) {
    case 'set_lapic':
      this.vcpuSetLapic(vcpu, call.reg, call.value);
      break;
    case 'restore':
      this.vcpuRestore(vcpu);
      break;
    case 'tsc_offset':
      this.kvm_vcpu_write_tsc_offset(vcpu, to_u64(s64(call.cycles)));
      break;
  }
  this.vcpu_put(vcpu);
}

/** KVM_GET_LAPIC, one register changed, KVM_SET_LAPIC. */
export function vcpuSetLapic(this: vmlinux_x86, vcpu: kvm_vcpu, reg: number, value: u32): void {
  const regs = new Array<number>(256).fill(0);
  this.kvm_vcpu_ioctl_get_lapic(vcpu, { regs });
  regs[reg >> 2] = value;
  this.kvm_vcpu_ioctl_set_lapic(vcpu, { regs });
}

/**
 * Everything is saved, the vCPU reset, and everything set again, as on a fresh vCPU of another host.
 *
 * WHY the deadline behind the page: only LVTT's mode makes it one.
 * MODEL: of KVM_GET_VCPU_EVENTS and the registers, what interrupts depend on.
 */
export function vcpuRestore(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const { arch } = vcpu;
  const mp_state = this.kvm_arch_vcpu_ioctl_get_mpstate(vcpu);
  const regs = new Array<number>(256).fill(0);
  this.kvm_vcpu_ioctl_get_lapic(vcpu, { regs });
  const { apic_base, if_flag, cpl, hflags, nmi_masked, nmi_pending, int_shadow, interrupt } = arch;
  const msrs = { st: arch.st.msr_val, pv_eoi: arch.pv_eoi.msr_val, gprs: arch.regs };
  const injected = { ...interrupt };
  const deadline = this.kvm_get_lapic_tscdeadline_msr(vcpu);

  arch.hflags = 0;
  this.kvm_vcpu_reset(vcpu, false);

  this.kvm_apic_set_base(vcpu, { host_initiated: true, index: MSR_IA32_APICBASE, data: apic_base });
  arch.regs = msrs.gprs;
  Object.assign(arch, { if_flag, cpl, hflags });
  this.kvm_vcpu_ioctl_set_lapic(vcpu, { regs });
  if (injected.injected) this.kvm_queue_interrupt(vcpu, injected.nr, injected.soft);
  arch.nmi_pending = nmi_pending;
  this.kvm_x86_set_nmi_mask(vcpu, nmi_masked);
  arch.int_shadow = int_shadow;
  arch.st.msr_val = msrs.st;
  arch.pv_eoi.msr_val = msrs.pv_eoi;
  if (deadline !== ZERO) this.kvm_set_lapic_tscdeadline_msr(vcpu, deadline);
  this.kvm_arch_vcpu_ioctl_set_mpstate(vcpu, mp_state);
}
