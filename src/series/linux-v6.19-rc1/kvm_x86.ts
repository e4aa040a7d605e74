// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/kvm as of v6.19-rc1, where it is not the pin's. */
import {
  EXIT_FASTPATH_EXIT_USERSPACE,
  EXIT_FASTPATH_NONE,
  EXIT_FASTPATH_REENTER_GUEST,
  KVM_APIC_PV_EOI_PENDING,
  KVM_MP_STATE_AP_RESET_HOLD,
  KVM_MP_STATE_HALTED,
  KVM_MP_STATE_INIT_RECEIVED,
  KVM_MP_STATE_RUNNABLE,
  KVM_REQ_EVENT,
  type kvm_lapic_irq,
  type kvm_vcpu,
} from '../../arch/x86/kvm_host.js';
import { kvm_arch_vcpu_ioctl_set_mpstate as set_mpstate_before } from '../../arch/x86/x86-apic.js';
import { KVM_REQ_UNBLOCK } from '../../kvm/kvm_host.js';
import {
  APIC_BASE_MSR,
  APIC_DEST_MASK,
  APIC_ICR,
  APIC_ICR_BUSY,
  APIC_ICR2,
  APIC_INT_ASSERT,
  APIC_INT_LEVELTRIG,
  APIC_MODE_MASK,
  APIC_SHORT_MASK,
  APIC_VECTOR_MASK,
  KVM_APIC_INIT,
  KVM_APIC_SIPI,
  MSR_IA32_TSC_DEADLINE,
  X2APIC_ICR_RESERVED_BITS,
} from '../../lapic/apicdef.js';
import type { int_out, kvm_lapic } from '../../lapic/lapic.js';
import { KernelBug } from '../../lib/bug.js';
import { EWOULDBLOCK } from '../../lib/errno.js';
import { type bool, or, shl, shr, to_u32, u64, ZERO } from '../../lib/types.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { vmlinux_6_19 } from './adds.js';

/* ---- 8c8e90f79c56: the CPL at sched_out ---- */

/** arch/x86/kvm/vmx/vmx.c: vmx_get_cpl_no_cache(). MODEL: there is no register cache to bypass. */
export function vmx_get_cpl_no_cache(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  return vcpu.arch.cpl;
}

/** arch/x86/include/asm/kvm-x86-ops.h: get_cpl_no_cache(): svm_get_cpl() on AMD, which never had a cache. */
export function kvm_x86_get_cpl_no_cache(this: vmlinux_6_19, vcpu: kvm_vcpu): number {
  return this.m.kvm[vcpu.kvm].arch.vendor === 'vmx' ? this.vmx_get_cpl_no_cache(vcpu) : this.svm_get_cpl(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_put() */
export function kvm_arch_vcpu_put(this: vmlinux_6_19, vcpu: kvm_vcpu): void {
  if (vcpu.preempted) {
    vcpu.arch.preempted_in_kernel = this.kvm_x86_get_cpl_no_cache(vcpu) === 0;
    this.kvm_steal_time_set_preempted(vcpu);
  }
  this.kvm_x86_vcpu_put(vcpu);
}

/* ---- e9cb61055fee: whoever becomes RUNNABLE has used up its kick ---- */

/** arch/x86/kvm/x86.h: kvm_set_mp_state(), new */
export function kvm_set_mp_state(this: vmlinux_x86, vcpu: kvm_vcpu, mp_state: number): void {
  vcpu.arch.mp_state = mp_state;
  if (mp_state === KVM_MP_STATE_RUNNABLE) vcpu.arch.pv.pv_unhalted = false;
}

/** arch/x86/kvm/x86.c: __kvm_emulate_halt() */
export function __kvm_emulate_halt(this: vmlinux_6_19, vcpu: kvm_vcpu, state: number, _reason: number): number {
  vcpu.stat.halt_exits++;
  this.kvm_set_mp_state(vcpu, this.kvm_vcpu_has_events(vcpu) ? KVM_MP_STATE_RUNNABLE : state);
  return 1;
}

/** vcpu_block(): the vCPU has something to do. */
export function vcpu_blockEnd(this: vmlinux_6_19, vcpu: kvm_vcpu): number {
  if (this.kvm_apic_accept_events(vcpu) < 0) return 0;
  switch (vcpu.arch.mp_state) {
    case KVM_MP_STATE_HALTED:
    case KVM_MP_STATE_AP_RESET_HOLD:
      this.kvm_set_mp_state(vcpu, KVM_MP_STATE_RUNNABLE);
      vcpu.arch.apf.halted = false;
      break;
    case KVM_MP_STATE_RUNNABLE:
      vcpu.arch.apf.halted = false;
      break;
    case KVM_MP_STATE_INIT_RECEIVED:
      break;
    default:
      this.warnOn(true, 'vcpu_block: mp_state');
  }
  return 1;
}

/** arch/x86/kvm/lapic.c: kvm_apic_accept_events() */
export function kvm_apic_accept_events(this: vmlinux_6_19, vcpu: kvm_vcpu): number {
  const apic = vcpu.arch.apic;

  if (!this.kvm_apic_has_pending_init_or_sipi(vcpu)) return 0;

  if (!this.kvm_apic_init_sipi_allowed(vcpu)) {
    this.warnOn(vcpu.arch.mp_state === KVM_MP_STATE_INIT_RECEIVED, 'kvm_apic_accept_events: INIT_RECEIVED');
    apic.pending_events &= ~(1 << KVM_APIC_SIPI);
    return 0;
  }

  if ((apic.pending_events & (1 << KVM_APIC_INIT)) !== 0) {
    apic.pending_events &= ~(1 << KVM_APIC_INIT);
    this.kvm_vcpu_reset(vcpu, true);
    if (this.kvm_vcpu_is_bsp(vcpu)) this.kvm_set_mp_state(vcpu, KVM_MP_STATE_RUNNABLE);
    else this.kvm_set_mp_state(vcpu, KVM_MP_STATE_INIT_RECEIVED);
  }
  if ((apic.pending_events & (1 << KVM_APIC_SIPI)) !== 0) {
    apic.pending_events &= ~(1 << KVM_APIC_SIPI);
    if (vcpu.arch.mp_state === KVM_MP_STATE_INIT_RECEIVED) {
      this.kvm_x86_vcpu_deliver_sipi_vector(vcpu, apic.sipi_vector & 0xff);
      this.kvm_set_mp_state(vcpu, KVM_MP_STATE_RUNNABLE);
    }
  }
  return 0;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_ioctl_set_mpstate() */
export function kvm_arch_vcpu_ioctl_set_mpstate(this: vmlinux_6_19, vcpu: kvm_vcpu, mp_state: number): number {
  const r = set_mpstate_before.call(this, vcpu, mp_state);
  // the state it took, by kvm_set_mp_state()
  if (r === 0) this.kvm_set_mp_state(vcpu, vcpu.arch.mp_state);
  return r;
}

/* ---- aeeb4c7fff52: an ICR write is fast whenever its destination is found fast ---- */

function icrToLapicIrq(kernel: vmlinux_x86, apic: kvm_lapic, icr_low: number, icr_high: number): kvm_lapic_irq {
  return {
    vector: icr_low & APIC_VECTOR_MASK,
    delivery_mode: icr_low & APIC_MODE_MASK,
    dest_mode: icr_low & APIC_DEST_MASK,
    level: (icr_low & APIC_INT_ASSERT) !== 0,
    trig_mode: icr_low & APIC_INT_LEVELTRIG,
    shorthand: icr_low & APIC_SHORT_MASK,
    dest_id: kernel.apic_x2apic_mode(apic) ? icr_high : icr_high >>> 24,
    msi_redir_hint: false,
  };
}

/** arch/x86/kvm/lapic.c: __kvm_x2apic_icr_write(), new: 1 for #GP, -EWOULDBLOCK when the fast way does not do. */
export function __kvm_x2apic_icr_write(this: vmlinux_x86, apic: kvm_lapic, data: u64, fast: bool): number {
  let low = to_u32(data);
  const high = to_u32(shr(data, 32));
  if ((low & X2APIC_ICR_RESERVED_BITS) !== 0) return 1;

  low = (low & ~APIC_ICR_BUSY) >>> 0;
  if (fast) {
    const irq = icrToLapicIrq(this, apic, low, high);
    const ignored: int_out = { value: -1 };
    if (!this.kvm_irq_delivery_to_apic_fast(this.m.kvm[this.m.vcpu[apic.vcpu].kvm], apic, irq, ignored, null)) {
      return -EWOULDBLOCK;
    }
    // behind the acceptance, as it can be told only now
    this.trace_kvm_apic_ipi(low, irq.dest_id);
  } else {
    this.kvm_apic_send_ipi(apic, low, high);
  }

  const icr = or(u64(low), shl(u64(high), 32));
  if (this.isX2apicIcrSplit(this.m.vcpu[apic.vcpu])) {
    this.kvm_lapic_set_reg(apic, APIC_ICR, low);
    this.kvm_lapic_set_reg(apic, APIC_ICR2, high);
  } else {
    this.kvm_lapic_set_reg64(apic, APIC_ICR, icr);
  }
  this.trace_kvm_apic(1, APIC_ICR, icr);
  return 0;
}

/** arch/x86/kvm/lapic.c: kvm_x2apic_icr_write() */
export function kvm_x2apic_icr_write(this: vmlinux_6_19, apic: kvm_lapic, data: u64): number {
  return this.__kvm_x2apic_icr_write(apic, data, false);
}

/** arch/x86/kvm/lapic.c: kvm_x2apic_icr_write_fast(), new */
export function kvm_x2apic_icr_write_fast(this: vmlinux_6_19, apic: kvm_lapic, data: u64): number {
  return this.__kvm_x2apic_icr_write(apic, data, true);
}

/** arch/x86/kvm/x86.c: handle_fastpath_set_x2apic_icr_irqoff(), folded into its caller since: 0 when the IPI is sent. */
export function handle_fastpath_set_x2apic_icr_irqoff(this: vmlinux_6_19, vcpu: kvm_vcpu, data: u64): number {
  if (!this.lapic_in_kernel(vcpu) || !this.apic_x2apic_mode(vcpu.arch.apic)) return 1;
  return this.kvm_x2apic_icr_write_fast(vcpu.arch.apic, data);
}

/* ---- 0a94b2042419: so is a deadline, with or without the preemption timer ---- */

/** arch/x86/kvm/x86.c: handle_fastpath_set_tscdeadline(), folded into its caller since */
export function handle_fastpath_set_tscdeadline(this: vmlinux_x86, vcpu: kvm_vcpu, data: u64): number {
  this.kvm_set_lapic_tscdeadline_msr(vcpu, data);
  return 0;
}

/* ---- fixes of 2026 that the pin carries and rc1 lacks ---- */

/** arch/x86/kvm/x86.c: handle_fastpath_set_msr_irqoff(), handle_fastpath_wrmsr() since: trace, then skip. */
export function handle_fastpath_set_msr_irqoff(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const msr = to_u32(vcpu.arch.regs.rcx);
  const data = this.kvm_read_edx_eax(vcpu);
  if (msr === APIC_BASE_MSR + (APIC_ICR >> 4)) {
    if (this.handle_fastpath_set_x2apic_icr_irqoff(vcpu, data) !== 0) return EXIT_FASTPATH_NONE;
  } else if (msr === MSR_IA32_TSC_DEADLINE) {
    if (this.handle_fastpath_set_tscdeadline(vcpu, data) !== 0) return EXIT_FASTPATH_NONE;
  } else {
    return EXIT_FASTPATH_NONE;
  }
  this.trace_kvm_msr(1, msr, data, false);
  return this.kvm_skip_emulated_instruction(vcpu) ? EXIT_FASTPATH_REENTER_GUEST : EXIT_FASTPATH_EXIT_USERSPACE;
}

/** arch/x86/kvm/lapic.c: apic_update_ppr(): nobody looks at the TPR threshold again when PPR changes. */
export function apic_update_ppr(this: vmlinux_x86, apic: kvm_lapic): void {
  const ppr: int_out = { value: 0 };
  if (this.__apic_update_ppr(apic, ppr) && this.apic_has_interrupt_for_ppr(apic, ppr.value) !== -1) {
    this.kvm_make_request(KVM_REQ_EVENT, this.m.vcpu[apic.vcpu]);
  }
}

/** arch/x86/kvm/lapic.c: apic_timer_expired(): injected at once under APICv, in KVM_RUN or not. */
export function apic_timer_expired(this: vmlinux_x86, apic: kvm_lapic, from_timer_fn: bool): void {
  const vcpu = this.m.vcpu[apic.vcpu];
  const ktimer = apic.lapic_timer;

  if (ktimer.pending !== 0) return;

  if (this.apic_lvtt_tscdeadline(apic) || ktimer.hv_timer_in_use) ktimer.expired_tscdeadline = ktimer.tscdeadline;

  if (!from_timer_fn && apic.apicv_active) {
    this.warnOn(this.kvm_get_running_vcpu() !== vcpu.id, 'apic_timer_expired: not the running vCPU');
    this.kvm_apic_inject_pending_timer_irqs(apic);
    return;
  }

  if (this.kvm_use_posted_timer_interrupt(vcpu)) {
    if (ktimer.expired_tscdeadline !== ZERO && ktimer.timer_advance_ns !== 0) this.__kvm_wait_lapic_expire(vcpu);
    this.kvm_apic_inject_pending_timer_irqs(apic);
    return;
  }

  ktimer.pending++;
  this.kvm_make_request(KVM_REQ_UNBLOCK, vcpu);
  if (from_timer_fn) this.kvm_vcpu_kick(vcpu);
}

/** arch/x86/kvm/lapic.c: apic_sync_pv_eoi_from_guest(): pending without the MSR enabled is the kernel's death. */
export function apic_sync_pv_eoi_from_guest(this: vmlinux_x86, vcpu: kvm_vcpu, apic: kvm_lapic): void {
  if (!this.pv_eoi_enabled(vcpu)) throw new KernelBug('BUG_ON', 'apic_sync_pv_eoi_from_guest: PV EOI is off');
  if ((vcpu.arch.apic_attention & (1 << KVM_APIC_PV_EOI_PENDING)) === 0) {
    throw new KernelBug('BUG_ON', 'apic_sync_pv_eoi_from_guest: not pending');
  }
  if (this.pv_eoi_test_and_clr_pending(vcpu)) return;
  const vector = this.apic_set_eoi(apic);
  this.trace_kvm_pv_eoi(apic, vector);
}
