// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which parts of a machine decide what it will do, and relative to what.
 *
 * Two machines that differ only in what is said here to be dead, in how long they have run, or in where their virtual
 * times began, will do the same for ever. `fingerprint` and `canonical` are both derived from these rules; a field
 * that no rule names counts as it is, so a new field splits states and never merges them.
 */
import { NotModelled } from '../lib/bug.js';
import { add, div, ge, lt, mul, rem, s64, s64_diff, s64_lt, s64_neg, sub, to_u64, u64, ZERO } from '../lib/types.js';
import type { cfs_rq, sched_avg, sched_entity } from '../sched/sched.js';
import type { machine } from './state.js';

/**
 * `raw`: counts as it is. `dead`: does not count. `constant`: the same in all machines that are compared. `clock`: ns, relative to sched_clock. `clock0`: the same, but 0 means never. `phase`: ns within the jiffy. `jiffies`:
 * relative to the present jiffy. `average`: a last_update_time; an average that was never updated takes its phase from
 * the clock. `virtual`: relative to zero_vruntime, where no virtual time wraps; see `isFar`.
 */
export type Treatment = 'raw' | 'dead' | 'constant' | 'clock' | 'clock0' | 'average' | 'phase' | 'jiffies' | 'virtual';

// biome-ignore lint/suspicious/noExplicitAny: rules are about records of every type
type AnyRecord = any;
export type Rule = Treatment | Rules | ((record: AnyRecord, m: machine) => Treatment | Rules);
export interface Rules {
  readonly [field: string]: Rule;
}

/** What only placement among CPUs looks at. */
const smp = (live: Treatment) => (_: AnyRecord, m: machine) => (m.rq.length > 1 ? live : 'dead');

/** PELT steers shares of groups and placement among CPUs; with neither it steers nothing. */
const pelt = (live: Treatment) => (_: AnyRecord, m: machine) =>
  m.task_group.length > 1 || m.rq.length > 1 ? live : 'dead';

const queueOf = (se: sched_entity, m: machine): cfs_rq => m.cfs_rq[se.cfs_rq];
const isCurr = (se: sched_entity, m: machine): boolean => se.cfs_rq >= 0 && queueOf(se, m).curr === se.id;
const inTree = (se: sched_entity, m: machine): boolean => se.on_rq !== 0 && !isCurr(se, m);
const placed = (se: sched_entity, m: machine): boolean => se.on_rq !== 0 || isCurr(se, m);
/** Of any class: they all account what they ran since exec_start. */
const runs = (se: sched_entity, m: machine): boolean =>
  isCurr(se, m) || (se.task >= 0 && m.rq[m.task[se.task].cpu].curr === se.task);

/** virtual ns: beyond any slice and any lag of the lightest entity there is */
const NEAR = s64(2 ** 38);
/**
 * WHY not always virtual: from v6.18 on one word holds lag and the end of protection, and reweighting the running
 * entity leaves lag there. Lag does not move with the virtual clock.
 */
function protection(e: sched_entity): Treatment {
  const away = s64_diff(to_u64(e.vlag), e.vruntime);
  return s64_lt(away, NEAR) && s64_lt(s64_neg(NEAR), away) ? 'virtual' : 'raw';
}

/** Off the queue: lag. Current, and delayed after that: until when it is protected. In the tree: overwritten before use. */
function lagOrProtection(e: sched_entity, m: machine): Treatment {
  if (isCurr(e, m)) return protection(e);
  if (!inTree(e, m)) return 'raw';
  return e.sched_delayed !== 0 ? protection(e) : 'dead';
}

const inTreeOnly = (live: Treatment) => (se: sched_entity, m: machine) => (inTree(se, m) ? live : 'dead');

const avg: Rules = { last_update_time: 'average' };
const hasPelt = (m: machine): boolean => m.task_group.length > 1 || m.rq.length > 1;
const averages = (_: AnyRecord, m: machine): Treatment | Rules => (hasPelt(m) ? avg : 'dead');

const se: Rules = {
  run_node: inTreeOnly('raw'),
  deadline: (e: sched_entity, m: machine) => (e.rel_deadline !== 0 ? 'raw' : placed(e, m) ? 'virtual' : 'dead'),
  min_vruntime: inTreeOnly('virtual'),
  min_slice: inTreeOnly('raw'),
  vruntime: (e: sched_entity, m: machine) => (placed(e, m) ? 'virtual' : 'dead'),
  vlag: lagOrProtection,
  exec_start: (e: sched_entity, m: machine) => (runs(e, m) ? 'clock' : 'dead'),
  sum_exec_runtime: 'dead',
  prev_sum_exec_runtime: 'dead',
  nr_migrations: 'dead',
  avg: averages,
};

const cfsRq: Rules = {
  zero_vruntime: 'virtual',
  min_vruntime: 'virtual',
  avg: averages,
  removed: pelt('raw'),
  last_update_tg_load_avg: pelt('clock0'),
  tg_load_avg_contrib: pelt('raw'),
  propagate: pelt('raw'),
  prop_runnable_sum: pelt('raw'),
  h_load: smp('raw'),
  h_load_next: 'dead',
  last_h_load_update: smp('jiffies'),
};

const rq: Rules = {
  clock: 'clock',
  clock_task: 'clock',
  clock_pelt: pelt('clock'),
  clock_pelt_idle: pelt('clock0'),
  clock_idle: pelt('clock0'),
  lost_idle_time: pelt('raw'),
  nr_switches: 'dead',
  nr_uninterruptible: 'dead',
  yld_count: 'dead',
  ttwu_count: 'dead',
  ttwu_local: 'dead',
  fair_server: { deadline: 'clock0' },
  // balancing is not mirrored, and nothing else reads these
  next_balance: 'dead',
  idle_stamp: 'dead',
  avg_idle: 'dead',
  max_idle_balance_cost: 'dead',
  avg_rt: 'dead',
  avg_dl: 'dead',
};

/** Waiting is added up for steal time and for nothing else. */
const schedInfo: Rules = { pcount: 'dead', last_arrival: 'dead', last_queued: 'clock0' };
const hasStealTime = (m: machine): boolean => m.vcpu.some((v) => v.arch.st.msr_val !== ZERO);

const task: Rules = {
  sched_info: (_: AnyRecord, m: machine) => (hasStealTime(m) ? schedInfo : 'dead'),
  nvcsw: 'dead',
  nivcsw: 'dead',
  wakee_flips: smp('raw'),
  wakee_flip_decay_ts: smp('jiffies'),
  last_wakee: smp('raw'),
  recent_used_cpu: smp('raw'),
};

const vcpu: Rules = {
  stat: 'dead',
  // kvm_vcpu_halt()'s locals
  halt: { start: 'clock0', cur: 'clock0', poll_end: 'clock0', stop: 'clock0' },
  arch: { apic: { lapic_timer: { target_expiration: 'clock0' } } },
};

const hrtimer: Rules = {
  expires: (timer: { queued: number }) => (timer.queued !== 0 ? 'clock' : 'dead'),
};

const actor: Rules = {
  wakeAt: (a: { wakeAt: number }) => (a.wakeAt >= 0 ? 'clock' : 'raw'),
  pollUntil: (a: { pollUntil: number }) => (a.pollUntil >= 0 ? 'clock' : 'raw'),
  laps: 'dead',
};

/** The whole tree. Rules for an array are those of its elements. */
export const machineRules: Rules = {
  sched_clock: smp('phase'),
  bootClock: 'constant',
  steps: 'dead',
  warns: 'dead',
  cpu: 'dead',
  groupNames: 'constant',
  vmNames: 'constant',
  vcpuOfTask: 'constant',
  programs: 'constant',
  nextTick: 'clock',
  rq,
  cfs_rq: cfsRq,
  se,
  task,
  task_group: { load_avg: pelt('raw') },
  vcpu,
  hrtimer,
  actor,
};

/** Times of series' own fields are known by their name's ending; 0 is never. */
const TIME_NAME = /time_ns$/;

/** What becomes of one field of a record. */
export function treatmentOf(rules: Rules | undefined, field: string, record: unknown, m: machine): Treatment | Rules {
  const rule = rules?.[field];
  if (rule === undefined) return TIME_NAME.test(field) ? 'clock0' : 'raw';
  return typeof rule === 'function' ? rule(record, m) : rule;
}

/** The queue whose zero_vruntime a virtual time of this record counts from. */
function zeroOf(record: AnyRecord, m: machine): u64 {
  const queue = record.zero_vruntime === undefined ? m.cfs_rq[record.cfs_rq] : record;
  return queue.min_vruntime ?? queue.zero_vruntime;
}

const FAR_LEAST = u64(2 ** 40);
const FAR_MOST = u64(2 ** 62);
/**
 * Virtual times of the queue are nowhere near a wrap, at 0 or at 2^63. Code that compares them as they should not be
 * compared (unsigned, with U64_MAX) does the same at all such places, and something else elsewhere: near a wrap,
 * virtual times count as they are.
 */
function isFar(zero: u64): boolean {
  return ge(zero, FAR_LEAST) && lt(zero, FAR_MOST);
}

/** A time relative to what it counts from; 0 where it means never. As stored: number or BigInt. */
export function relative(treatment: Treatment, value: unknown, record: unknown, m: machine): unknown {
  const time = value as u64;
  if (treatment === 'clock0' && time === ZERO) return 'never';
  if (treatment === 'average' && time === ZERO) return rem(m.sched_clock, PELT_PERIOD);
  if (treatment === 'virtual') {
    const zero = zeroOf(record, m);
    return isFar(zero) ? sub(time, zero) : time;
  }
  if (treatment === 'phase') return rem(time, m.TICK_NSEC);
  if (treatment === 'jiffies') return sub(time, div(m.sched_clock, m.TICK_NSEC));
  return sub(time, m.sched_clock);
}

/** Where canonical machines stand: a day after boot and a phase, virtual times well past a wrap. */
const DAY = u64(86_400_000_000_000);
const VIRTUAL = u64(2 ** 41);

/** ns: PELT's period of 1024 us */
const PELT_PERIOD = u64(2 ** 20);

/** Something was never averaged, so the phase of the clock in PELT's period matters. */
function hasFreshAverage(m: machine): boolean {
  const fresh = ({ avg: { last_update_time } }: { avg: sched_avg }): boolean => last_update_time === ZERO;
  return hasPelt(m) && (m.se.some(fresh) || m.cfs_rq.some(fresh));
}

/** The canonical sched_clock: in the same phase of the jiffy and of PELT's period, where the fingerprint counts them. */
function canonicalClock(m: machine): u64 {
  let modulus = m.rq.length > 1 ? m.TICK_NSEC : u64(1);
  if (hasFreshAverage(m)) modulus = mul(modulus, PELT_PERIOD);
  return add(mul(div(DAY, modulus), modulus), rem(m.sched_clock, modulus));
}

function rebased(treatment: Treatment, value: unknown, record: unknown, m: machine): unknown {
  const rel = relative(treatment, value, record, m);
  if (rel === 'never') return value;
  switch (treatment) {
    case 'virtual':
      return isFar(zeroOf(record, m)) ? add(rel as u64, VIRTUAL) : value;
    case 'phase':
      return canonicalClock(m);
    case 'jiffies':
      return add(rel as u64, div(canonicalClock(m), m.TICK_NSEC));
    case 'average':
      return value === ZERO ? value : add(rel as u64, canonicalClock(m));
    default:
      return add(rel as u64, canonicalClock(m));
  }
}

function rewritten(value: unknown, rules: Rules | undefined, m: machine): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => rewritten(item, rules, m));
  const out: Record<string, unknown> = {};
  for (const [field, inner] of Object.entries(value)) {
    const treatment = treatmentOf(rules, field, value, m);
    if (typeof treatment === 'object') out[field] = rewritten(inner, treatment, m);
    else if (treatment === 'raw' || treatment === 'constant') out[field] = rewritten(inner, undefined, m);
    else if (treatment === 'dead') out[field] = zeroed(inner);
    else
      out[field] = Array.isArray(inner)
        ? inner.map((t) => rebased(treatment, t, value, m))
        : rebased(treatment, inner, value, m);
  }
  return out;
}

/** Dead numbers become 0; records keep their shape. */
function zeroed(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return 0;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(zeroed);
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, zeroed(inner)]));
}

/** A machine that will do the same as this one, with dead fields zeroed and all times moved to a fixed place. */
export function canonical(m: machine): machine {
  if (m.guest.some((guest) => guest.os !== undefined))
    throw new NotModelled('every order of a guest that runs a kernel');
  const out = rewritten(m, machineRules, m) as machine;
  // no part of what a machine will do on one CPU, but it has to stand somewhere
  out.sched_clock = canonicalClock(m);
  return out;
}
