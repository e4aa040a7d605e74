// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 6/9] KVM: x86: Add IPI tracking infrastructure
 *
 * A context a vCPU, two module parameters, and who may be reset when. Nobody tracks yet.
 * MODEL: the weak kvm_vcpu_is_ipi_receiver() of virt/kvm, false, is what other architectures link; here it is x86's.
 */
import {
  KVM_MP_STATE_RUNNABLE,
  KVM_MP_STATE_UNINITIALIZED,
  KVM_REQ_EVENT,
  KVM_REQ_TLB_FLUSH_GUEST,
  type kvm_vcpu,
} from '../../arch/x86/kvm_host.js';
import { kvm_arch_vcpu_destroy as destroyedBefore } from '../../arch/x86/x86.js';
import { type bool, le, sub, u64, ZERO } from '../../lib/types.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { Patch } from '../series.js';
import type { Adds, semantics_aware } from './adds.js';

/** struct kvm_vcpu_arch.ipi_context */
export interface ipi_context {
  /** vcpu_idx; -1 for nobody */
  last_ipi_sender: number;
  last_ipi_receiver: number;
  pending_ipi: bool;
  /** ns */
  ipi_time_ns: u64;
}

declare module '../../arch/x86/kvm_host.js' {
  interface kvm_vcpu_arch {
    ipi_context?: ipi_context;
  }
}

export const knobs = {
  ipi_tracking_enabled: { file: '/sys/module/kvm/parameters/ipi_tracking_enabled', type: 'bool', initial: 1 },
  ipi_window_ns: { file: '/sys/module/kvm/parameters/ipi_window_ns', type: 'ulong', initial: 50_000_000 },
} as const satisfies Record<string, Knob>;

/** static bool ipi_tracking_enabled */
export const ipi_tracking_enabled = (kernel: vmlinux_x86): bool =>
  knobValue(kernel.m, 'ipi_tracking_enabled', knobs.ipi_tracking_enabled) !== 0;

/** static unsigned long ipi_window_ns */
export const ipi_window_ns = (kernel: vmlinux_x86): u64 =>
  u64(knobValue(kernel.m, 'ipi_window_ns', knobs.ipi_window_ns));

/** The context, as kvm_arch_vcpu_create() leaves it when nothing has been tracked. */
export function ipi_context_of(vcpu: kvm_vcpu): ipi_context {
  vcpu.arch.ipi_context ??= { last_ipi_sender: -1, last_ipi_receiver: -1, pending_ipi: false, ipi_time_ns: ZERO };
  return vcpu.arch.ipi_context;
}

/** arch/x86/kvm/lapic.c: kvm_track_ipi_communication(), new: `sender` has sent to `receiver`, and to nobody else. */
export function kvm_track_ipi_communication(
  this: semantics_aware,
  sender: kvm_vcpu | null,
  receiver: kvm_vcpu | null,
): void {
  if (sender === null || receiver === null || sender.id === receiver.id) return;
  if (!ipi_tracking_enabled(this)) return;

  const sent = ipi_context_of(sender);
  // RACE: four plain words of two vCPUs, none of them under a lock; the receiver may have ended the interrupt already
  sent.last_ipi_receiver = receiver.vcpu_idx;
  // RACE: the new receiver, and pending_ipi of the IPI before
  sent.pending_ipi = true;
  // RACE: pending, and the time of the IPI before
  sent.ipi_time_ns = this.ktime_get_mono_fast_ns();

  // RACE: awaited, and the receiver's EOI finds nobody to tell
  // As posted: one sender only; a second IPI from elsewhere overwrites the first.
  ipi_context_of(receiver).last_ipi_sender = sender.vcpu_idx;
}

/** arch/x86/kvm/lapic.c: kvm_vcpu_is_ipi_receiver(), new: whether `sender` waits for `receiver`, not too long since. */
export function kvm_vcpu_is_ipi_receiver(this: semantics_aware, sender: kvm_vcpu, receiver: kvm_vcpu): bool {
  if (!ipi_tracking_enabled(this)) return false;

  const context = ipi_context_of(sender);
  const then = context.ipi_time_ns;
  const now = this.ktime_get_mono_fast_ns();
  // RACE: the time is of one IPI, what follows may be of the next
  const pending_ipi = context.pending_ipi;
  // RACE: pending_ipi is of one IPI, the receiver may be of the next
  return pending_ipi && context.last_ipi_receiver === receiver.vcpu_idx && le(sub(now, then), ipi_window_ns(this));
}

/** arch/x86/kvm/lapic.c: kvm_vcpu_clear_ipi_context(), new: forgets what it received and what it sent. */
export function kvm_vcpu_clear_ipi_context(this: semantics_aware, vcpu: kvm_vcpu): void {
  const context = ipi_context_of(vcpu);
  context.pending_ipi = false;
  // RACE: a sender may store its number just before it is forgotten
  context.last_ipi_sender = -1;
  // RACE: its own thread may have begun to send the next
  context.last_ipi_receiver = -1;
}

/** arch/x86/kvm/lapic.c: kvm_vcpu_reset_ipi_context(), new */
export function kvm_vcpu_reset_ipi_context(this: semantics_aware, vcpu: kvm_vcpu): void {
  this.kvm_vcpu_clear_ipi_context(vcpu);
  ipi_context_of(vcpu).ipi_time_ns = ZERO;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_create() */
export function kvm_arch_vcpu_create(this: semantics_aware, vcpu: kvm_vcpu): number {
  vcpu.arch.mp_state = this.kvm_vcpu_is_reset_bsp(vcpu) ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_UNINITIALIZED;

  const r = this.kvm_create_lapic(vcpu);
  if (r < 0) return r;

  vcpu.arch.pending_external_vector = -1;
  vcpu.arch.preempted_in_kernel = false;

  const err = this.kvm_x86_vcpu_create(vcpu);
  if (err !== 0) return err;

  this.kvm_vcpu_reset_ipi_context(vcpu);

  this.vcpu_load(vcpu);
  this.kvm_set_tsc_khz(vcpu, this.m.tsc_khz);
  this.kvm_vcpu_reset(vcpu, false);
  this.vcpu_put(vcpu);
  return 0;
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_destroy() */
export function kvm_arch_vcpu_destroy(this: semantics_aware, vcpu: kvm_vcpu): void {
  destroyedBefore.call(this, vcpu);
  this.kvm_vcpu_reset_ipi_context(vcpu);
}

/** arch/x86/kvm/x86.c: kvm_vcpu_reset(), on RESET and on INIT */
export function kvm_vcpu_reset(this: semantics_aware, vcpu: kvm_vcpu, init_event: bool): void {
  const arch = vcpu.arch;
  this.kvm_lapic_reset(vcpu, init_event);
  this.kvm_vcpu_clear_ipi_context(vcpu);

  this.warnOn(this.is_smm(vcpu), 'kvm_vcpu_reset: in SMM');
  arch.hflags = 0;

  arch.smi_pending = false;
  arch.smi_count = 0;
  arch.nmi_queued = 0;
  arch.nmi_pending = 0;
  arch.nmi_injected = false;
  this.kvm_clear_interrupt_queue(vcpu);
  this.kvm_clear_exception_queue(vcpu);

  this.kvm_make_request(KVM_REQ_EVENT, vcpu);
  arch.st.msr_val = ZERO;
  arch.apf.halted = false;

  if (!init_event) arch.smbase = 0x30000;

  arch.regs = { rax: ZERO, rbx: ZERO, rcx: ZERO, rdx: u64(0x600), rsi: ZERO, r8: ZERO };

  this.kvm_x86_vcpu_reset(vcpu, init_event);

  arch.if_flag = false;

  if (init_event) this.kvm_make_request(KVM_REQ_TLB_FLUSH_GUEST, vcpu);
}

export default {
  subject: 'KVM: x86: Add IPI tracking infrastructure',
  knobs,
  funcs: {
    kvm_arch_vcpu_create,
    kvm_arch_vcpu_destroy,
    kvm_vcpu_reset,
  },
  adds: {
    kvm_track_ipi_communication,
    kvm_vcpu_is_ipi_receiver,
    kvm_vcpu_clear_ipi_context,
    kvm_vcpu_reset_ipi_context,
  },
} satisfies Patch<Adds>;
