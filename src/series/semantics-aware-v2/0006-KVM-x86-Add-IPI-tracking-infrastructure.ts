// SPDX-License-Identifier: GPL-2.0-only
/**
 * [PATCH v2 6/9] KVM: x86: Add IPI tracking infrastructure
 *
 * A context a vCPU, two module parameters, and who may be reset when. Nobody tracks yet.
 * MODEL: the weak kvm_vcpu_is_ipi_receiver() of virt/kvm, false, is what other architectures link; here it is x86's.
 */
import {
  kvm_arch_vcpu_create as createdBefore,
  kvm_arch_vcpu_destroy as destroyedBefore,
  kvm_vcpu_reset as resetBefore,
} from '../../arch/x86/x86.js';
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import { type bool, le, sub, u64, ZERO } from '../../lib/types.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { vmlinux } from '../../vmlinux/vmlinux.js';
import type { semantics_aware } from './adds.js';

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
export const ipi_tracking_enabled = (kernel: vmlinux): bool =>
  knobValue(kernel.m, 'ipi_tracking_enabled', knobs.ipi_tracking_enabled) !== 0;

/** static unsigned long ipi_window_ns */
export const ipi_window_ns = (kernel: vmlinux): u64 => u64(knobValue(kernel.m, 'ipi_window_ns', knobs.ipi_window_ns));

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

/**
 * arch/x86/kvm/x86.c: kvm_arch_vcpu_create()
 *
 * MODEL: the context is reset before everything else, there just before vcpu_load(); nobody looks in between.
 */
export function kvm_arch_vcpu_create(this: semantics_aware, vcpu: kvm_vcpu): number {
  this.kvm_vcpu_reset_ipi_context(vcpu);
  return createdBefore.call(this, vcpu);
}

/** arch/x86/kvm/x86.c: kvm_arch_vcpu_destroy() */
export function kvm_arch_vcpu_destroy(this: semantics_aware, vcpu: kvm_vcpu): void {
  destroyedBefore.call(this, vcpu);
  this.kvm_vcpu_reset_ipi_context(vcpu);
}

/**
 * arch/x86/kvm/x86.c: kvm_vcpu_reset(), on RESET and on INIT
 *
 * MODEL: the context is cleared before everything else, there just after kvm_lapic_reset(); nobody looks in between.
 */
export function kvm_vcpu_reset(this: semantics_aware, vcpu: kvm_vcpu, init_event: bool): void {
  this.kvm_vcpu_clear_ipi_context(vcpu);
  resetBefore.call(this, vcpu, init_event);
}
