// SPDX-License-Identifier: GPL-2.0-only
/**
 * pvsched v3: budgets as debt
 *
 * Two budgets a vCPU: one for critical sections, one for every boost. What is charged is debt; at its limit a budget is throttled, and
 * stays so until all of the debt has been recovered, 1:1 with time in which it is not charged.
 *
 * Of a stretch on the host it is known how long it was and how much of it the thread had a CPU, and not in which order.
 */
import { EINVAL } from '../../lib/errno.js';
import { add, type bool, ge, gt, sub, U64_MAX, type u64, ZERO } from '../../lib/types.js';
import type { Patch } from '../series.js';
import type { Adds, pvsched_v3 } from './adds.js';

/** enum pvsched_budget_account: what a stretch of time does to the two budgets */
export const PVSCHED_BUDGET_REFILL = 0;
export const PVSCHED_BUDGET_DRAIN_CS_GENERIC = 1;
export const PVSCHED_BUDGET_DRAIN_GENERIC = 2;

/** enum pvsched_runtime_phase */
export const PVSCHED_RUNTIME_HOST = 0;
export const PVSCHED_RUNTIME_GUEST = 1;

/** struct pvsched_budget, ns */
export interface pvsched_budget {
  limit_ns: u64;
  debt_ns: u64;
  throttled: bool;
}

/** struct pvsched_runtime_sample: clock and CPU time of the thread; the second is read only while something is charged */
export interface pvsched_runtime_sample {
  wall_ns: u64;
  runtime_ns: u64;
  runtime_valid: bool;
}

/** struct pvsched_runtime_accounting */
export interface pvsched_runtime_accounting {
  cs: pvsched_budget;
  generic: pvsched_budget;
  /** up to here everything is settled */
  anchor: pvsched_runtime_sample;
  guest_start_ns: u64;
  domain: number;
  phase: number;
}

/** virt/pvsched/accounting.c: pvsched_budget_recover(), new */
export function pvsched_budget_recover(this: pvsched_v3, budget: pvsched_budget, recovery_ns: u64): void {
  if (ge(recovery_ns, budget.debt_ns)) {
    budget.debt_ns = ZERO;
    budget.throttled = false;
  } else {
    budget.debt_ns = sub(budget.debt_ns, recovery_ns);
  }
}

/** virt/pvsched/accounting.c: pvsched_budget_charge(), new: debt saturates. */
export function pvsched_budget_charge(this: pvsched_v3, budget: pvsched_budget, charge_ns: u64): void {
  if (gt(charge_ns, sub(U64_MAX, budget.debt_ns))) budget.debt_ns = U64_MAX;
  else budget.debt_ns = add(budget.debt_ns, charge_ns);
  if (ge(budget.debt_ns, budget.limit_ns)) budget.throttled = true;
}

/** virt/pvsched/accounting.c: pvsched_budget_update(), new */
export function pvsched_budget_update(this: pvsched_v3, budget: pvsched_budget, elapsed_ns: u64, drain: bool): void {
  if (elapsed_ns === ZERO) return;
  if (drain) this.pvsched_budget_charge(budget, elapsed_ns);
  else this.pvsched_budget_recover(budget, elapsed_ns);
}

/** virt/pvsched/accounting.c: pvsched_accounting_update(), new: a stretch that is one thing all through. */
export function pvsched_accounting_update(
  this: pvsched_v3,
  accounting: pvsched_runtime_accounting,
  elapsed_ns: u64,
  domain: number,
): void {
  this.pvsched_budget_update(accounting.cs, elapsed_ns, domain === PVSCHED_BUDGET_DRAIN_CS_GENERIC);
  this.pvsched_budget_update(accounting.generic, elapsed_ns, domain !== PVSCHED_BUDGET_REFILL);
}

/** virt/pvsched/runner_runtime.c: pvsched_budget_remaining(), new */
export function pvsched_budget_remaining(this: pvsched_v3, budget: pvsched_budget): u64 {
  return budget.throttled || ge(budget.debt_ns, budget.limit_ns) ? ZERO : sub(budget.limit_ns, budget.debt_ns);
}

/** virt/pvsched/runtime_accounting.c: pvsched_runtime_budget_settle(), new: in the order that is worst for the vCPU. */
export function pvsched_runtime_budget_settle(
  this: pvsched_v3,
  budget: pvsched_budget,
  recovery_ns: u64,
  charge_ns: u64,
): void {
  const possible_cutoff = ge(budget.debt_ns, budget.limit_ns) || ge(charge_ns, sub(budget.limit_ns, budget.debt_ns));
  const keep_throttled = budget.throttled || possible_cutoff;

  this.pvsched_budget_recover(budget, recovery_ns);
  this.pvsched_budget_charge(budget, charge_ns);
  if (keep_throttled && budget.debt_ns !== ZERO) budget.throttled = true;
}

const max = (a: u64, b: u64): u64 => (gt(a, b) ? a : b);
const since = (now: u64, then: u64): u64 => (gt(now, then) ? sub(now, then) : ZERO);

/** virt/pvsched/runtime_accounting.c: pvsched_runtime_advance_anchor(), new: no nanosecond is settled twice. */
export function pvsched_runtime_advance_anchor(
  this: pvsched_v3,
  runtime: pvsched_runtime_accounting,
  sample: pvsched_runtime_sample,
): void {
  const { anchor } = runtime;
  anchor.wall_ns = max(anchor.wall_ns, sample.wall_ns);
  // what refills both does not look at the thread's time
  if (runtime.domain === PVSCHED_BUDGET_REFILL) return;
  this.warnOn(!sample.runtime_valid, 'pvsched_runtime_advance_anchor: !runtime_valid');
  anchor.runtime_ns = max(anchor.runtime_ns, sample.runtime_ns);
  anchor.runtime_valid = true;
}

/** virt/pvsched/runtime_accounting.c: pvsched_runtime_settle_host(), new */
export function pvsched_runtime_settle_host(
  this: pvsched_v3,
  runtime: pvsched_runtime_accounting,
  sample: pvsched_runtime_sample,
): void {
  const wall_ns = since(sample.wall_ns, runtime.anchor.wall_ns);
  const cpu_ns = since(sample.runtime_ns, runtime.anchor.runtime_ns);
  const off_cpu_ns = since(wall_ns, cpu_ns);

  switch (runtime.domain) {
    case PVSCHED_BUDGET_REFILL:
      this.pvsched_budget_recover(runtime.cs, wall_ns);
      this.pvsched_budget_recover(runtime.generic, wall_ns);
      break;
    case PVSCHED_BUDGET_DRAIN_CS_GENERIC:
      this.pvsched_runtime_budget_settle(runtime.cs, off_cpu_ns, cpu_ns);
      this.pvsched_runtime_budget_settle(runtime.generic, off_cpu_ns, cpu_ns);
      break;
    default:
      // a task's boost leaves the critical sections' budget alone, which recovers all the while
      this.pvsched_budget_recover(runtime.cs, wall_ns);
      this.pvsched_runtime_budget_settle(runtime.generic, off_cpu_ns, cpu_ns);
  }
  this.pvsched_runtime_advance_anchor(runtime, sample);
}

const isKnown = ({ domain, anchor }: pvsched_runtime_accounting): bool =>
  domain === PVSCHED_BUDGET_REFILL || anchor.runtime_valid;
const fits = ({ domain }: pvsched_runtime_accounting, sample: pvsched_runtime_sample): bool =>
  domain === PVSCHED_BUDGET_REFILL || sample.runtime_valid;

/** virt/pvsched/runtime_accounting.c: pvsched_runtime_accounting_init(), new: null for -EINVAL, a budget of nothing. */
export function pvsched_runtime_accounting_init(
  this: pvsched_v3,
  cs_limit_ns: u64,
  generic_limit_ns: u64,
  now: u64,
): pvsched_runtime_accounting | null {
  if (cs_limit_ns === ZERO || generic_limit_ns === ZERO) return null;
  return {
    cs: { limit_ns: cs_limit_ns, debt_ns: ZERO, throttled: false },
    generic: { limit_ns: generic_limit_ns, debt_ns: ZERO, throttled: false },
    anchor: { wall_ns: now, runtime_ns: ZERO, runtime_valid: false },
    guest_start_ns: ZERO,
    domain: PVSCHED_BUDGET_REFILL,
    phase: PVSCHED_RUNTIME_HOST,
  };
}

/** virt/pvsched/runtime_accounting.c: pvsched_runtime_settle(), new: 0, or -EINVAL amid a stretch in the guest. */
export function pvsched_runtime_settle(
  this: pvsched_v3,
  runtime: pvsched_runtime_accounting,
  sample: pvsched_runtime_sample,
): number {
  if (runtime.phase !== PVSCHED_RUNTIME_HOST || !isKnown(runtime) || !fits(runtime, sample)) return -EINVAL;
  this.pvsched_runtime_settle_host(runtime, sample);
  return 0;
}

/** virt/pvsched/runtime_accounting.c: pvsched_runtime_commit(), new: what is charged from now on. */
export function pvsched_runtime_commit(
  this: pvsched_v3,
  runtime: pvsched_runtime_accounting,
  domain: number,
  runtime_ns: u64 | null,
): number {
  const begins = runtime.domain === PVSCHED_BUDGET_REFILL && domain !== PVSCHED_BUDGET_REFILL;
  if (runtime.phase !== PVSCHED_RUNTIME_HOST || !isKnown(runtime)) return -EINVAL;
  if (begins) {
    if (runtime_ns === null) return -EINVAL;
    runtime.anchor.runtime_ns = runtime_ns;
    runtime.anchor.runtime_valid = true;
  }
  runtime.domain = domain;
  return 0;
}

/** virt/pvsched/runtime_accounting.c: pvsched_runtime_guest_start(), new: a stretch that is open already stays so. */
export function pvsched_runtime_guest_start(
  this: pvsched_v3,
  runtime: pvsched_runtime_accounting,
  sample: pvsched_runtime_sample,
): number {
  if (!isKnown(runtime)) return -EINVAL;
  if (runtime.phase === PVSCHED_RUNTIME_GUEST) return 0;
  if (!fits(runtime, sample)) return -EINVAL;
  this.pvsched_runtime_settle_host(runtime, sample);
  runtime.guest_start_ns = runtime.anchor.wall_ns;
  runtime.phase = PVSCHED_RUNTIME_GUEST;
  return 0;
}

/** virt/pvsched/runtime_accounting.c: pvsched_runtime_guest_close(), new: time in the guest is charged in full. */
export function pvsched_runtime_guest_close(
  this: pvsched_v3,
  runtime: pvsched_runtime_accounting,
  sample: pvsched_runtime_sample,
): number {
  if (!isKnown(runtime) || !fits(runtime, sample)) return -EINVAL;
  if (runtime.phase === PVSCHED_RUNTIME_GUEST) {
    this.pvsched_accounting_update(runtime, since(sample.wall_ns, runtime.guest_start_ns), runtime.domain);
    this.pvsched_runtime_advance_anchor(runtime, sample);
  } else {
    this.pvsched_runtime_settle_host(runtime, sample);
  }
  runtime.phase = PVSCHED_RUNTIME_HOST;
  return 0;
}

export default {
  subject: 'pvsched: budgets as debt',
  adds: {
    pvsched_budget_recover,
    pvsched_budget_charge,
    pvsched_budget_update,
    pvsched_budget_remaining,
    pvsched_accounting_update,
    pvsched_runtime_budget_settle,
    pvsched_runtime_advance_anchor,
    pvsched_runtime_settle_host,
    pvsched_runtime_accounting_init,
    pvsched_runtime_settle,
    pvsched_runtime_commit,
    pvsched_runtime_guest_start,
    pvsched_runtime_guest_close,
  },
} satisfies Patch<Adds>;
