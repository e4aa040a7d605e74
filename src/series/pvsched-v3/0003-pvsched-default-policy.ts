// SPDX-License-Identifier: GPL-2.0-only
/**
 * pvsched v3: the default policy
 *
 * From what the guest says of its CPU (the current task, one that is to run next, what kind of critical section it is in) to what its
 * vCPU's thread becomes, and which budget pays for that.
 */
import { and, type bool, not, shr, u64 as to_u64, toNumber, type u64, ZERO } from '../../lib/types.js';
import {
  MAX_PRIO,
  MAX_RT_PRIO,
  NICE_TO_PRIO,
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_IDLE,
  SCHED_NORMAL,
  SCHED_RR,
  type task_struct,
} from '../../sched/sched.js';
import { type Knob, knobValue } from '../../vmlinux/bind.js';
import type { Patch } from '../series.js';
import type { Adds, pvsched_v3 } from './adds.js';

/** enum pvsched_boost: what a value that was applied is for */
export const PVSCHED_CLASS_BASELINE = 0;
export const PVSCHED_CLASS_TASK = 1;
export const PVSCHED_CLASS_CS = 2;

/** flags of task_intent, its byte 6; every other bit is reserved */
export const PVSCHED_INTENT_FLAG_PENDING_VALID = 1;
export const PVSCHED_INTENT_FLAG_IDLE = 2;
/** cs_state: NMI, hardirq, softirq, preemption disabled */
const PVSCHED_CS_VALID_MASK = to_u64(0xf);

/** struct pvsched_prio_desc */
export interface pvsched_prio_desc {
  sched_policy: number;
  nice: number;
  rt_prio: number;
}

/** struct pvsched_default_params */
export interface pvsched_params {
  prio: pvsched_prio_desc;
  custom_slice: bool;
  slice_ns: u64;
}

/** struct pvsched_default_guest_area, as the host has read it; `reserved`: a word that must be 0 is not */
export interface pvsched_guest_area {
  task_intent: u64;
  cs_state: u64;
  interrupt_ack: u64;
  reserved: bool;
}

/** struct pvsched_map_input */
export interface pvsched_map_input {
  guest: pvsched_guest_area;
  reasons: number;
  ticket_live: bool;
  cs_throttled: bool;
  generic_throttled: bool;
  hold_offered: bool;
}

/** What a policy makes of that; `held`: PVSCHED_MAP_HELD */
export interface pvsched_selection {
  params: pvsched_params;
  class: number;
  held: bool;
}

const parameter = (name: string, initial: number): Knob => ({
  file: `/sys/module/pvsched/parameters/${name}`,
  type: 'u32',
  initial,
});

/** WHY read at each use: they are written when the module is loaded, and never again. */
export const knobs = {
  cs_rt_prio: parameter('cs_rt_prio', 60),
  deadline_rt_prio: parameter('deadline_rt_prio', 50),
  guest_rt_cap: parameter('guest_rt_cap', 50),
} as const satisfies Record<string, Knob>;

export const byteOf = (word: u64, byte: number): number => toNumber(and(shr(word, 8 * byte), to_u64(0xff)));
const signed = (byte: number): number => (byte << 24) >> 24;

/** struct pvsched_prio_desc in bytes 0 to 2 of task_intent, the current task, or 3 to 5, the pending one. */
export const descOf = (intent: u64, from: 0 | 3): pvsched_prio_desc => ({
  sched_policy: byteOf(intent, from),
  nice: signed(byteOf(intent, from + 1)),
  rt_prio: byteOf(intent, from + 2),
});

export const flagsOf = (intent: u64): number => byteOf(intent, 6);

const isPrio = (prio: number): bool => prio >= 1 && prio < MAX_RT_PRIO;

interface Config {
  cs: number;
  deadline: number;
  cap: number;
}

const configOf = ({ m }: pvsched_v3): Config => ({
  cs: knobValue(m, 'cs_rt_prio', knobs.cs_rt_prio),
  deadline: knobValue(m, 'deadline_rt_prio', knobs.deadline_rt_prio),
  cap: knobValue(m, 'guest_rt_cap', knobs.guest_rt_cap),
});

/** virt/pvsched/default_policy.c: pvsched_default_policy_config_valid(), new: critical sections come before everything. */
export function pvsched_default_policy_config_valid(this: pvsched_v3): bool {
  const { cs, deadline, cap } = configOf(this);
  return isPrio(cs) && isPrio(deadline) && isPrio(cap) && cs > deadline && cs > cap;
}

/** virt/pvsched/policy.c: pvsched_prio_desc_valid(), new */
export function pvsched_prio_desc_valid(this: pvsched_v3, { sched_policy, nice, rt_prio }: pvsched_prio_desc): bool {
  switch (sched_policy) {
    case SCHED_NORMAL:
    case SCHED_BATCH:
      return nice >= -20 && nice <= 19 && rt_prio === 0;
    case SCHED_FIFO:
    case SCHED_RR:
      return nice === 0 && isPrio(rt_prio);
    case SCHED_IDLE:
    case SCHED_DEADLINE:
      return nice === 0 && rt_prio === 0;
    default:
      return false;
  }
}

/** virt/pvsched/policy.c: pvsched_default_guest_valid(), new: a guest that breaks a rule of the page has said nothing. */
export function pvsched_default_guest_valid(this: pvsched_v3, guest: pvsched_guest_area): bool {
  const { task_intent: intent } = guest;
  const flags = flagsOf(intent);
  const pending = descOf(intent, 3);
  if (!this.pvsched_prio_desc_valid(descOf(intent, 0))) return false;
  if (flags > 3 || byteOf(intent, 7) !== 0) return false;
  if (flags & PVSCHED_INTENT_FLAG_PENDING_VALID) {
    if (!this.pvsched_prio_desc_valid(pending)) return false;
  } else if (pending.sched_policy !== 0 || pending.nice !== 0 || pending.rt_prio !== 0) {
    return false;
  }
  return and(guest.cs_state, not(PVSCHED_CS_VALID_MASK)) === ZERO && !guest.reserved;
}

/** virt/pvsched/default_policy.c: pvsched_default_policy_map(), new: what a task of the guest is on the host. */
export function pvsched_default_policy_map(this: pvsched_v3, guest: pvsched_prio_desc): pvsched_prio_desc {
  const { cap, deadline } = configOf(this);
  switch (guest.sched_policy) {
    case SCHED_FIFO:
    case SCHED_RR:
      return { sched_policy: SCHED_FIFO, nice: 0, rt_prio: Math.min(guest.rt_prio, cap) };
    case SCHED_IDLE:
      return { sched_policy: SCHED_IDLE, nice: 0, rt_prio: 0 };
    case SCHED_DEADLINE:
      return { sched_policy: SCHED_FIFO, nice: 0, rt_prio: deadline };
    default:
      return { sched_policy: SCHED_NORMAL, nice: guest.nice, rt_prio: 0 };
  }
}

/** virt/pvsched/default_policy.c: pvsched_default_policy_prio(), new: the lower the more urgent. */
export function pvsched_default_policy_prio(this: pvsched_v3, prio: pvsched_prio_desc): number {
  if (prio.sched_policy === SCHED_FIFO) return MAX_RT_PRIO - 1 - prio.rt_prio;
  if (prio.sched_policy === SCHED_IDLE) return MAX_PRIO;
  return NICE_TO_PRIO(prio.nice);
}

/** virt/pvsched/default_policy.c: pvsched_above_baseline(), new */
export function pvsched_above_baseline(this: pvsched_v3, prio: pvsched_prio_desc, nice: number): bool {
  return prio.sched_policy === SCHED_FIFO || (prio.sched_policy === SCHED_NORMAL && prio.nice < nice);
}

/**
 * virt/pvsched/default_policy.c: pvsched_default_policy_select(), new
 *
 * Throttled, nobody rises above the baseline; whoever asks for less than that has it nevertheless.
 */
export function pvsched_default_policy_select(
  this: pvsched_v3,
  baseline_nice: number,
  guest: pvsched_guest_area,
  cs_throttled: bool,
  generic_throttled: bool,
): pvsched_prio_desc {
  const clamped = (desc: pvsched_prio_desc): pvsched_prio_desc => {
    const prio = this.pvsched_default_policy_map(desc);
    if (!generic_throttled || !this.pvsched_above_baseline(prio, baseline_nice)) return prio;
    return { sched_policy: SCHED_NORMAL, nice: baseline_nice, rt_prio: 0 };
  };
  if (!generic_throttled && guest.cs_state !== ZERO && !cs_throttled)
    return { sched_policy: SCHED_FIFO, nice: 0, rt_prio: configOf(this).cs };

  const current = clamped(descOf(guest.task_intent, 0));
  if ((flagsOf(guest.task_intent) & PVSCHED_INTENT_FLAG_PENDING_VALID) === 0) return current;
  const pending = clamped(descOf(guest.task_intent, 3));
  const isMoreUrgent = this.pvsched_default_policy_prio(pending) < this.pvsched_default_policy_prio(current);
  return isMoreUrgent ? pending : current;
}

/** virt/pvsched/default_policy.c: pvsched_default_policy_class(), new: nothing but critical sections has their priority. */
export function pvsched_default_policy_class(this: pvsched_v3, prio: pvsched_prio_desc, baseline_nice: number): number {
  if (prio.sched_policy === SCHED_FIFO && prio.rt_prio === configOf(this).cs) return PVSCHED_CLASS_CS;
  return this.pvsched_above_baseline(prio, baseline_nice) ? PVSCHED_CLASS_TASK : PVSCHED_CLASS_BASELINE;
}

/** virt/pvsched/default_policy.c: pvsched_default_ops_hold(), new: an idle guest keeps its boost on its way to HLT. */
export function pvsched_default_ops_hold(
  this: pvsched_v3,
  offered: bool,
  applied: pvsched_prio_desc,
  target: pvsched_prio_desc,
): bool {
  const isAsHigh = target.sched_policy === SCHED_FIFO && target.rt_prio >= applied.rt_prio;
  return offered && applied.sched_policy === SCHED_FIFO && !isAsHigh;
}

/** virt/pvsched/default_policy.c: pvsched_default_ops_map(), new: with what the host itself is in a hurry for. */
export function pvsched_default_ops_map(
  this: pvsched_v3,
  baseline: pvsched_params,
  applied: pvsched_params,
  input: pvsched_map_input,
): pvsched_selection {
  const { nice } = baseline.prio;
  const { guest, cs_throttled, generic_throttled } = input;
  let params = {
    ...baseline,
    prio: this.pvsched_default_policy_select(nice, guest, cs_throttled, generic_throttled),
  };
  if ((input.reasons !== 0 || input.ticket_live) && !cs_throttled && !generic_throttled)
    params.prio = { sched_policy: SCHED_FIFO, nice: 0, rt_prio: configOf(this).cs };
  const held = this.pvsched_default_ops_hold(input.hold_offered, applied.prio, params.prio);
  if (held) params = { ...applied, prio: { ...applied.prio } };
  return { params, class: this.pvsched_default_policy_class(params.prio, nice), held };
}

/** virt/pvsched/default_policy.c: pvsched_default_ops_capture(), new: null for -EOPNOTSUPP: a thread that is more than SCHED_NORMAL. */
export function pvsched_default_ops_capture(this: pvsched_v3, p: task_struct): pvsched_params | null {
  const state = this.sched_get_task_state(p);
  if (state.policy !== SCHED_NORMAL || state.reset_on_fork) return null;
  return {
    prio: { sched_policy: SCHED_NORMAL, nice: state.nice, rt_prio: 0 },
    custom_slice: state.custom_slice,
    slice_ns: state.slice_ns,
  };
}

/** virt/pvsched/default_policy.c: pvsched_default_ops_apply(), new */
export function pvsched_default_ops_apply(this: pvsched_v3, p: task_struct, params: pvsched_params): number {
  const { prio, custom_slice, slice_ns } = params;
  return this.sched_setattr_nocheck_nopi(p, {
    sched_policy: prio.sched_policy,
    sched_flags: 0,
    sched_nice: prio.nice,
    sched_priority: prio.rt_prio,
    sched_runtime: prio.sched_policy === SCHED_NORMAL && custom_slice ? slice_ns : ZERO,
  });
}

/** virt/pvsched/default_policy.c: pvsched_default_ops_owned(), new: the thread has what it was given; else somebody else cares for it. */
export function pvsched_default_ops_owned(
  this: pvsched_v3,
  p: task_struct,
  baseline: pvsched_params,
  applied: pvsched_params,
  expected_nice: number,
): bool {
  const state = this.sched_get_task_state(p);
  return (
    state.policy === applied.prio.sched_policy &&
    state.nice === expected_nice &&
    state.rt_priority === applied.prio.rt_prio &&
    state.custom_slice === baseline.custom_slice &&
    (!state.custom_slice || state.slice_ns === baseline.slice_ns) &&
    !state.reset_on_fork
  );
}

export default {
  subject: 'pvsched: the default policy',
  adds: {
    pvsched_default_policy_config_valid,
    pvsched_prio_desc_valid,
    pvsched_default_guest_valid,
    pvsched_default_policy_map,
    pvsched_default_policy_prio,
    pvsched_above_baseline,
    pvsched_default_policy_select,
    pvsched_default_policy_class,
    pvsched_default_ops_hold,
    pvsched_default_ops_map,
    pvsched_default_ops_capture,
    pvsched_default_ops_apply,
    pvsched_default_ops_owned,
  },
  knobs,
} satisfies Patch<Adds>;
