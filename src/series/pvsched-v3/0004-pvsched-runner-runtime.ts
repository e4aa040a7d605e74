// SPDX-License-Identifier: GPL-2.0-only
/**
 * pvsched v3: the runtime of a runner
 *
 * A runner is a vCPU's thread with a page that its guest has attached. What happens to it (enters, exits, halts, an interrupt) is one
 * event each; every event settles the budgets, asks the policy, applies what it says, and charges the next stretch for that.
 *
 * Left out: what no machine here reaches: nested guests, protected ones and emulated real mode (which revoke the attachment), threads
 * that exit, a vCPU that another thread runs, a scheduler that refuses.
 */

import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { type guest_memory, loadWord, storeWord } from '../../kvm/guest-memory.js';
import { EINVAL, EIO } from '../../lib/errno.js';
import { HRTIMER_NORESTART, type hrtimer_ptr } from '../../lib/hrtimer.js';
import {
  add,
  and,
  type bool,
  gt,
  not,
  or,
  shl,
  sub,
  to_u32,
  u64 as to_u64,
  U64_MAX,
  type u64,
  ZERO,
} from '../../lib/types.js';
import type { task_ptr } from '../../sched/sched.js';
import { SCHED_NORMAL } from '../../sched/sched.js';
import type { Patch } from '../series.js';
import {
  PVSCHED_BUDGET_DRAIN_CS_GENERIC,
  PVSCHED_BUDGET_DRAIN_GENERIC,
  PVSCHED_BUDGET_REFILL,
  PVSCHED_RUNTIME_GUEST,
  PVSCHED_RUNTIME_HOST,
  type pvsched_runtime_accounting,
  type pvsched_runtime_sample,
} from './0001-pvsched-budgets-as-debt.js';
import {
  flagsOf,
  PVSCHED_CLASS_BASELINE,
  PVSCHED_CLASS_CS,
  PVSCHED_CLASS_TASK,
  PVSCHED_INTENT_FLAG_IDLE,
  type pvsched_guest_area,
  type pvsched_params,
  type pvsched_selection,
} from './0003-pvsched-default-policy.js';
import type { Adds, pvsched_v3 } from './adds.js';

/** enum pvsched_reconcile_event; VMENTRY is none of them: it applies nothing */
export const PVSCHED_RECONCILE_RUN_ENTER = 0;
export const PVSCHED_RECONCILE_VMEXIT = 1;
export const PVSCHED_RECONCILE_CANCEL = 2;
export const PVSCHED_RECONCILE_RUN_LEAVE = 3;
export const PVSCHED_RECONCILE_HALT = 4;
export const PVSCHED_RECONCILE_UNHALT = 5;
export const PVSCHED_RECONCILE_INJECT = 6;

/** enum pvsched_runner_position */
export const PVSCHED_RUNNER_QEMU = 0;
export const PVSCHED_RUNNER_HOST = 1;
export const PVSCHED_RUNNER_GUEST = 2;
export const PVSCHED_RUNNER_BLOCKED = 3;

/** facts of an event */
export const PVSCHED_RUNNER_MODE_NO_TICKET = 1;
export const PVSCHED_RUNNER_MODE_HLT_EXIT = 2;

/** what the host is in a hurry for by itself */
export const PVSCHED_RUNNER_REASON_HALT = 1;
export const PVSCHED_RUNNER_REASON_INJECT = 2;

/** include/uapi/linux/pvsched.h: offsets in the page */
export const PAGE_STATUS = 48;
export const PAGE_TASK_INTENT = 64;
export const PAGE_CS_STATE = 72;
export const PAGE_INTERRUPT_ACK = 80;
export const PAGE_GUEST_RESERVED = 88;
export const PAGE_APPLIED_STATE = 128;
export const PAGE_INTERRUPT_TICKET = 136;
export const PVSCHED_STATUS_DISABLED = 0;
export const PVSCHED_STATUS_ENABLED = 1;
/** applied_state: byte 3 has hints, byte 4 flags, byte 5 the class */
export const APPLIED_HINTS = 24;
export const APPLIED_FLAGS = 32;
export const APPLIED_BOOST = 40;
export const PVSCHED_HINT_KICK_DEBOOST = 1;
export const PVSCHED_APPLIED_CS_THROTTLED = 1;
export const PVSCHED_APPLIED_TOTAL_THROTTLED = 2;

/** -EOWNERDEAD: somebody else has changed the thread */
export const EOWNERDEAD = 130;
export const ESHUTDOWN = 108;

/** struct pvsched_runner_runtime, with its attachment */
export interface pvsched_runner {
  task: task_ptr;
  /** the attached page */
  gpa: number;
  active: bool;
  position: number;
  accounting: pvsched_runtime_accounting;
  baseline: pvsched_params;
  applied: pvsched_params;
  applied_class: number;
  expected_nice: number;
  last_guest_area: pvsched_guest_area;
  last_guest_area_valid: bool;
  reasons: number;
  /** 0 for none; the last one that was given out lives as long as the runner */
  interrupt_ticket: u64;
  last_ticket: u64;
  idle_hold_ns: u64;
  /** the hold ends then; 0: none was begun since the guest went idle */
  idle_hold_end_ns: u64;
  idle_holding: bool;
  deboost_notify: bool;
  cutoff_timer: hrtimer_ptr;
  /** the CPU on which inject_work is queued, or -1 */
  inject_work: number;
  restore_failed: bool;
  last_fault: number;
}

declare module '../../kvm/kvm_host.js' {
  interface kvm_vcpu {
    pvsched?: pvsched_runner;
  }
}

/** virt/pvsched/runner_runtime.c: pvsched_cutoff_timer(), new: that it interrupts the guest is all. */
export function pvsched_cutoff_timer(this: pvsched_v3, _timer: hrtimer_ptr): number {
  return HRTIMER_NORESTART;
}

const throttledIn = ({ accounting: { cs, generic } }: pvsched_runner): bool => cs.throttled || generic.throttled;

/** virt/pvsched/runner_runtime.c: pvsched_arm_cutoff_locked(), new: the guest is left when what pays for its boost is used up. */
export function pvsched_arm_cutoff_locked(this: pvsched_v3, r: pvsched_runner): void {
  const { domain, cs, generic } = r.accounting;
  if (domain === PVSCHED_BUDGET_REFILL) return;
  let remaining = this.pvsched_budget_remaining(generic);
  if (domain === PVSCHED_BUDGET_DRAIN_CS_GENERIC) remaining = min(remaining, this.pvsched_budget_remaining(cs));
  if (r.idle_holding) {
    const now = this.ktime_get();
    remaining = min(remaining, gt(r.idle_hold_end_ns, now) ? sub(r.idle_hold_end_ns, now) : ZERO);
  }
  this.pvsched_start_cutoff(r, remaining);
}

const min = (a: u64, b: u64): u64 => (gt(a, b) ? b : a);

/** hrtimer_start(), HRTIMER_MODE_REL_PINNED_HARD */
export function pvsched_start_cutoff(this: pvsched_v3, r: pvsched_runner, ns: u64): void {
  this.hrtimer_start(r.cutoff_timer, add(this.ktime_get(), ns));
}

const same = (a: pvsched_params, b: pvsched_params): bool =>
  a.prio.sched_policy === b.prio.sched_policy &&
  a.prio.nice === b.prio.nice &&
  a.prio.rt_prio === b.prio.rt_prio &&
  a.custom_slice === b.custom_slice &&
  a.slice_ns === b.slice_ns;

/** virt/pvsched/runner_runtime.c: pvsched_apply(), new: -EOWNERDEAD where the thread is no longer what it was made. */
export function pvsched_apply(this: pvsched_v3, r: pvsched_runner, params: pvsched_params, boost: number): number {
  const p = this.m.task[r.task];
  // WHY first: an administrator's own choice is not overwritten, not even by the same
  if (!this.pvsched_default_ops_owned(p, r.baseline, r.applied, r.expected_nice)) return -EOWNERDEAD;
  if (!same(r.applied, params)) {
    const ret = this.pvsched_default_ops_apply(p, params);
    if (ret !== 0) return ret;
    r.applied = { ...params, prio: { ...params.prio } };
    if (params.prio.sched_policy === SCHED_NORMAL) r.expected_nice = params.prio.nice;
  }
  r.applied_class = boost;
  return 0;
}

/** virt/pvsched/runner_runtime.c: pvsched_restore_locked(), new */
export function pvsched_restore_locked(this: pvsched_v3, r: pvsched_runner): number {
  return this.pvsched_apply(r, r.baseline, PVSCHED_CLASS_BASELINE);
}

/** virt/pvsched/runner_runtime.c: pvsched_deactivate_locked(), new: no more service, and the guest can tell. */
export function pvsched_deactivate_locked(this: pvsched_v3, vcpu: kvm_vcpu, r: pvsched_runner): void {
  if (r.active) this.pvsched_shm_bridge_publish_status(vcpu, r.gpa, PVSCHED_STATUS_DISABLED);
  r.active = false;
  this.hrtimer_cancel(r.cutoff_timer);
  r.interrupt_ticket = ZERO;
  r.reasons = 0;
}

/** virt/pvsched/runner_runtime.c: pvsched_fail_locked(), new: one try to restore, and that was it. */
export function pvsched_fail_locked(this: pvsched_v3, vcpu: kvm_vcpu, r: pvsched_runner, ret: number): number {
  this.pvsched_deactivate_locked(vcpu, r);
  if (ret === -EOWNERDEAD) return ret;
  r.last_fault = ret;
  const restored = this.pvsched_restore_locked(r);
  if (restored !== 0 && restored !== -EOWNERDEAD) {
    this.warnOn(true, 'pvsched_fail_locked: pvsched_restore_locked()');
    r.restore_failed = true;
    r.last_fault = restored;
  }
  return ret;
}

/** virt/pvsched/shm_bridge.c: pvsched_shm_bridge_publish_status(), new */
export function pvsched_shm_bridge_publish_status(this: pvsched_v3, vcpu: kvm_vcpu, gpa: number, status: number): void {
  const memory = this.pvschedMemoryOf(vcpu);
  const upper = and(loadWord(memory, gpa + PAGE_STATUS), not(to_u64(0xffff_ffff)));
  storeWord(memory, gpa + PAGE_STATUS, or(upper, to_u64(status)));
}

/** The VM's memory. MODEL: the page is pinned: a slot that goes away takes it from the guest, not from the host. */
export function pvschedMemoryOf(this: pvsched_v3, vcpu: kvm_vcpu): guest_memory {
  return this.memoryOf(this.m.kvm[vcpu.kvm]) as guest_memory;
}

/** virt/pvsched/shm_bridge.c: pvsched_shm_bridge_snapshot(), new: the acknowledgement first. */
export function pvsched_shm_bridge_snapshot(this: pvsched_v3, vcpu: kvm_vcpu, gpa: number): pvsched_guest_area {
  const memory = this.pvschedMemoryOf(vcpu);
  // RACE: the guest writes meanwhile; who sees the acknowledgement sees the critical section that it was made in
  const interrupt_ack = loadWord(memory, gpa + PAGE_INTERRUPT_ACK);
  // RACE: each word is whole, the three together are not
  const cs_state = loadWord(memory, gpa + PAGE_CS_STATE);
  // RACE: as above
  const task_intent = loadWord(memory, gpa + PAGE_TASK_INTENT);
  let reserved = false;
  for (let at = PAGE_GUEST_RESERVED; at < PAGE_APPLIED_STATE; at += 8)
    if (loadWord(memory, gpa + at) !== ZERO) reserved = true;
  return { task_intent, cs_state, interrupt_ack, reserved };
}

/** virt/pvsched/runner_runtime.c: pvsched_ack_ticket_locked(), new */
export function pvsched_ack_ticket_locked(this: pvsched_v3, r: pvsched_runner, guest: pvsched_guest_area): void {
  if (r.interrupt_ticket !== ZERO && guest.interrupt_ack === r.interrupt_ticket) r.interrupt_ticket = ZERO;
}

/** virt/pvsched/runner_runtime.c: pvsched_sample(), new */
export function pvsched_sample(this: pvsched_v3, r: pvsched_runner): pvsched_runtime_sample {
  const drain = r.accounting.domain !== PVSCHED_BUDGET_REFILL;
  return {
    wall_ns: this.ktime_get(),
    runtime_ns: drain ? this.task_sched_runtime(this.m.task[r.task]) : ZERO,
    runtime_valid: drain,
  };
}

/** virt/pvsched/runner_runtime.c: pvsched_idle_hold_offered(), new: once for each time that the guest goes idle. */
export function pvsched_idle_hold_offered(
  this: pvsched_v3,
  r: pvsched_runner,
  event: number,
  guest: pvsched_guest_area,
  throttled: bool,
  now: u64,
): bool {
  if ((flagsOf(guest.task_intent) & PVSCHED_INTENT_FLAG_IDLE) === 0) {
    resetHold(r);
    return false;
  }
  const spent = r.idle_hold_end_ns !== ZERO && !gt(r.idle_hold_end_ns, now);
  const local = event === PVSCHED_RECONCILE_VMEXIT || event === PVSCHED_RECONCILE_CANCEL;
  return local && r.idle_hold_ns !== ZERO && !throttled && !spent;
}

/** pvsched_idle_hold_reset() */
function resetHold(r: pvsched_runner): void {
  r.idle_hold_end_ns = ZERO;
  r.idle_holding = false;
}

const POSITIONS: Readonly<Record<number, number>> = {
  [PVSCHED_RECONCILE_HALT]: PVSCHED_RUNNER_BLOCKED,
  [PVSCHED_RECONCILE_RUN_LEAVE]: PVSCHED_RUNNER_QEMU,
};

const accountOf = (boost: number): number => {
  if (boost === PVSCHED_CLASS_CS) return PVSCHED_BUDGET_DRAIN_CS_GENERIC;
  return boost === PVSCHED_CLASS_TASK ? PVSCHED_BUDGET_DRAIN_GENERIC : PVSCHED_BUDGET_REFILL;
};

/** What an event says to do: nothing but return, or to apply something first. */
interface Outcome {
  selected: pvsched_selection | null;
  ret: number;
}

/**
 * virt/pvsched/runner_runtime.c: pvsched_runner_reconcile_locked(), new
 *
 * Split: it goes on in pvsched_reconcileEvent(), pvsched_reconcileCommit().
 */
export function pvsched_runner_reconcile_locked(this: pvsched_v3, vcpu: kvm_vcpu, event: number, mode: number): number {
  const r = vcpu.pvsched as pvsched_runner;
  const injected = event === PVSCHED_RECONCILE_INJECT;
  if (!injected) r.position = POSITIONS[event] ?? PVSCHED_RUNNER_HOST;
  if (r.restore_failed) return r.last_fault === 0 ? -EIO : r.last_fault;
  if (!r.active) return -ESHUTDOWN;

  const there = r.position === PVSCHED_RUNNER_HOST || r.position === PVSCHED_RUNNER_BLOCKED;
  if (injected && (!there || r.accounting.phase !== PVSCHED_RUNTIME_HOST || !r.last_guest_area_valid)) return 0;

  const sample = this.pvsched_sample(r);
  const closes =
    event === PVSCHED_RECONCILE_VMEXIT ||
    (event === PVSCHED_RECONCILE_RUN_LEAVE && r.accounting.phase === PVSCHED_RUNTIME_GUEST);
  const settled = closes
    ? this.pvsched_runtime_guest_close(r.accounting, sample)
    : this.pvsched_runtime_settle(r.accounting, sample);
  if (settled !== 0) {
    resetHold(r);
    return this.pvsched_fail_locked(vcpu, r, settled);
  }
  if (throttledIn(r)) {
    r.interrupt_ticket = ZERO;
    r.reasons = 0;
  }
  const { selected, ret } = this.pvsched_reconcileEvent(vcpu, event, mode, sample.wall_ns);
  return selected === null ? ret : this.pvsched_reconcileCommit(vcpu, selected, ret);
}

/** pvsched_runner_reconcile_locked(): what the event is, and what the policy makes of it. */
export function pvsched_reconcileEvent(
  this: pvsched_v3,
  vcpu: kvm_vcpu,
  event: number,
  mode: number,
  now: u64,
): Outcome {
  const r = vcpu.pvsched as pvsched_runner;
  const throttled = throttledIn(r);
  const baseline = { params: r.baseline, class: PVSCHED_CLASS_BASELINE, held: false };

  if (event === PVSCHED_RECONCILE_UNHALT) {
    resetHold(r);
    const kept = { params: r.applied, class: r.applied_class, held: false };
    return { selected: throttled ? baseline : kept, ret: 0 };
  }
  if (event === PVSCHED_RECONCILE_RUN_LEAVE) {
    resetHold(r);
    this.hrtimer_cancel(r.cutoff_timer);
    r.reasons = 0;
    return { selected: baseline, ret: 0 };
  }

  const fresh = event !== PVSCHED_RECONCILE_INJECT;
  let guest = r.last_guest_area;
  if (fresh) {
    guest = this.pvsched_shm_bridge_snapshot(vcpu, r.gpa);
    this.pvsched_ack_ticket_locked(r, guest);
    const halts = event === PVSCHED_RECONCILE_VMEXIT && (mode & PVSCHED_RUNNER_MODE_HLT_EXIT) !== 0;
    if (halts || event === PVSCHED_RECONCILE_HALT) {
      resetHold(r);
      if (!throttled) r.reasons |= PVSCHED_RUNNER_REASON_HALT;
    }
  } else {
    if (!throttled) r.reasons |= PVSCHED_RUNNER_REASON_INJECT;
    // who sleeps was boosted before; the reason is there when it wakes
    if (r.position === PVSCHED_RUNNER_BLOCKED) return { selected: null, ret: 0 };
  }

  let offered = false;
  if (fresh) {
    r.last_guest_area = guest;
    r.last_guest_area_valid = this.pvsched_default_guest_valid(guest);
    if (!r.last_guest_area_valid) return { selected: baseline, ret: -EINVAL };
    offered = this.pvsched_idle_hold_offered(r, event, guest, throttled, now);
  }
  const selected = this.pvsched_default_ops_map(r.baseline, r.applied, {
    guest,
    reasons: r.reasons,
    ticket_live: r.interrupt_ticket !== ZERO,
    cs_throttled: r.accounting.cs.throttled,
    generic_throttled: r.accounting.generic.throttled,
    hold_offered: offered,
  });
  if (selected.held) selected.class = r.applied_class;
  if (this.pvschedForbids(r, selected.class)) {
    resetHold(r);
    return { selected: null, ret: this.pvsched_fail_locked(vcpu, r, -EINVAL) };
  }
  if (selected.held && r.idle_hold_end_ns === ZERO) r.idle_hold_end_ns = add(now, r.idle_hold_ns);
  return { selected, ret: 0 };
}

/** pvsched_map_locked(): a class whose budget is throttled. */
export function pvschedForbids(this: pvsched_v3, r: pvsched_runner, boost: number): bool {
  const { cs, generic } = r.accounting;
  if (boost === PVSCHED_CLASS_TASK) return generic.throttled;
  return boost === PVSCHED_CLASS_CS && (cs.throttled || generic.throttled);
}

/** pvsched_runner_reconcile_locked(): what was selected is applied, and the time from now on charged for it. */
export function pvsched_reconcileCommit(
  this: pvsched_v3,
  vcpu: kvm_vcpu,
  { params, class: boost, held }: pvsched_selection,
  event_ret: number,
): number {
  const r = vcpu.pvsched as pvsched_runner;
  const domain = held ? PVSCHED_BUDGET_DRAIN_CS_GENERIC : accountOf(boost);
  const begins = r.accounting.domain === PVSCHED_BUDGET_REFILL && domain !== PVSCHED_BUDGET_REFILL;
  const runtime = begins ? this.task_sched_runtime(this.m.task[r.task]) : null;
  const ret = this.pvsched_apply(r, params, boost);
  if (ret !== 0) {
    resetHold(r);
    return this.pvsched_fail_locked(vcpu, r, ret);
  }
  this.warnOn(this.pvsched_runtime_commit(r.accounting, domain, runtime) !== 0, 'pvsched_runtime_commit()');
  r.idle_holding = held;
  return event_ret;
}

/**
 * virt/pvsched/runner_runtime.c: pvsched_runner_vmentry_locked(), new: it is too late to change the thread; what it has is published, and
 * who is to be looked at soon is interrupted at once.
 */
export function pvsched_runner_vmentry_locked(
  this: pvsched_v3,
  vcpu: kvm_vcpu,
  mode: number,
  interrupt_ready: bool,
): number {
  const r = vcpu.pvsched as pvsched_runner;
  r.position = PVSCHED_RUNNER_GUEST;
  if (!r.active || r.restore_failed) return -ESHUTDOWN;

  const guest = this.pvsched_shm_bridge_snapshot(vcpu, r.gpa);
  const was_host = r.accounting.phase === PVSCHED_RUNTIME_HOST;
  const ret = this.pvsched_runtime_guest_start(r.accounting, this.pvsched_sample(r));
  if (ret !== 0) return this.pvsched_fail_locked(vcpu, r, ret);
  if (was_host) this.pvsched_arm_cutoff_locked(r);

  const had_host_reason = r.reasons !== 0 || r.interrupt_ticket !== ZERO;
  this.pvsched_ack_ticket_locked(r, guest);
  const may = (mode & PVSCHED_RUNNER_MODE_NO_TICKET) === 0 && !throttledIn(r) && r.last_ticket !== U64_MAX;
  if (interrupt_ready && r.interrupt_ticket === ZERO && may) {
    r.last_ticket = add(r.last_ticket, to_u64(1));
    r.interrupt_ticket = r.last_ticket;
  }
  r.reasons = 0;
  if (throttledIn(r)) r.interrupt_ticket = ZERO;

  const asks = guest.cs_state !== ZERO && to_u32(guest.cs_state) < 16 && !throttledIn(r);
  if (had_host_reason && r.interrupt_ticket === ZERO && r.applied_class === PVSCHED_CLASS_CS && !asks)
    this.pvsched_start_cutoff(r, ZERO);
  this.pvsched_publish_applied_locked(vcpu, r);
  return 0;
}

/** virt/pvsched/runner_runtime.c: pvsched_publish_applied_locked(), new; and shm_bridge.c: pvsched_shm_bridge_publish_vmentry() */
export function pvsched_publish_applied_locked(this: pvsched_v3, vcpu: kvm_vcpu, r: pvsched_runner): void {
  const { cs, generic } = r.accounting;
  const flags =
    (cs.throttled ? PVSCHED_APPLIED_CS_THROTTLED : 0) | (generic.throttled ? PVSCHED_APPLIED_TOTAL_THROTTLED : 0);
  const hints = r.deboost_notify ? PVSCHED_HINT_KICK_DEBOOST : 0;
  const word = or(
    shl(to_u64(r.applied_class), APPLIED_BOOST),
    or(shl(to_u64(flags), APPLIED_FLAGS), shl(to_u64(hints), APPLIED_HINTS)),
  );
  const memory = this.pvschedMemoryOf(vcpu);
  // RACE: two words, each whole; the guest may see the first without the second
  storeWord(memory, r.gpa + PAGE_APPLIED_STATE, word);
  storeWord(memory, r.gpa + PAGE_INTERRUPT_TICKET, r.interrupt_ticket);
}

export default {
  subject: 'pvsched: the runtime of a runner',
  adds: {
    pvsched_cutoff_timer,
    pvsched_arm_cutoff_locked,
    pvsched_start_cutoff,
    pvsched_apply,
    pvsched_restore_locked,
    pvsched_deactivate_locked,
    pvsched_fail_locked,
    pvsched_shm_bridge_publish_status,
    pvschedMemoryOf,
    pvsched_shm_bridge_snapshot,
    pvsched_ack_ticket_locked,
    pvsched_sample,
    pvsched_idle_hold_offered,
    pvsched_runner_reconcile_locked,
    pvsched_reconcileEvent,
    pvschedForbids,
    pvsched_reconcileCommit,
    pvsched_runner_vmentry_locked,
    pvsched_publish_applied_locked,
  },
} satisfies Patch<Adds>;
