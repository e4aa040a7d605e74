// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which parts of a machine decide what it will do, and relative to what.
 *
 * Two machines that differ only in what is said here to be dead, in how long they have run, or in where their virtual
 * times began, will do the same for ever. `fingerprint` and `canonical` are both derived from these rules; a field
 * that no rule names counts as it is, so a new field splits states and never merges them.
 */
import { add, sub, toNumber, type u64, ZERO } from '../lib/types.js';
import type { cfs_rq, sched_entity } from '../sched/sched.js';
import type { machine } from './state.js';

/** `clock`: ns, relative to sched_clock. `clock0`: the same, but 0 means never. `virtual`: relative to zero_vruntime. */
export type Treatment = 'raw' | 'dead' | 'clock' | 'clock0' | 'virtual';

// biome-ignore lint/suspicious/noExplicitAny: rules are about records of every type
type AnyRecord = any;
export type Rule = Treatment | Rules | ((record: AnyRecord, m: machine) => Treatment | Rules);
export interface Rules {
  readonly [field: string]: Rule;
}

/** PELT steers shares of groups and placement among CPUs; with neither it steers nothing. */
const pelt = (live: Treatment) => (_: AnyRecord, m: machine) =>
  m.task_group.length > 1 || m.rq.length > 1 ? live : 'dead';

const queueOf = (se: sched_entity, m: machine): cfs_rq => m.cfs_rq[se.cfs_rq];
const isCurr = (se: sched_entity, m: machine): boolean => se.cfs_rq >= 0 && queueOf(se, m).curr === se.id;
const inTree = (se: sched_entity, m: machine): boolean => se.on_rq !== 0 && !isCurr(se, m);
const placed = (se: sched_entity, m: machine): boolean => se.on_rq !== 0 || isCurr(se, m);
const inTreeOnly = (live: Treatment) => (se: sched_entity, m: machine) => (inTree(se, m) ? live : 'dead');

const avg: Rules = { last_update_time: pelt('clock0') };
const sched_avg = (_: AnyRecord, m: machine): Treatment | Rules =>
  m.task_group.length > 1 || m.rq.length > 1 ? avg : 'dead';

const se: Rules = {
  run_node: inTreeOnly('raw'),
  deadline: (e: sched_entity, m: machine) => (e.rel_deadline !== 0 ? 'raw' : placed(e, m) ? 'virtual' : 'dead'),
  min_vruntime: inTreeOnly('virtual'),
  min_slice: inTreeOnly('raw'),
  vruntime: (e: sched_entity, m: machine) => (placed(e, m) ? 'virtual' : 'dead'),
  // lag while off the queue, a copy of the deadline while current, recomputed before use while in the tree
  vlag: (e: sched_entity, m: machine) => (isCurr(e, m) ? 'virtual' : inTree(e, m) ? 'dead' : 'raw'),
  exec_start: (e: sched_entity, m: machine) => (isCurr(e, m) ? 'clock' : 'dead'),
  sum_exec_runtime: 'dead',
  prev_sum_exec_runtime: 'dead',
  nr_migrations: 'dead',
  avg: sched_avg,
};

const cfsRq: Rules = {
  zero_vruntime: 'virtual',
  avg: sched_avg,
  removed: pelt('raw'),
  last_update_tg_load_avg: pelt('clock0'),
  tg_load_avg_contrib: pelt('raw'),
  propagate: pelt('raw'),
  prop_runnable_sum: pelt('raw'),
  h_load: pelt('raw'),
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
  fair_server: {
    deadline: 'clock0',
    dl_timer: { expires: (timer: { armed: number }) => (timer.armed !== 0 ? 'clock' : 'dead') },
  },
};

const task: Rules = {
  comm: 'dead',
  pid: 'dead',
};

const vcpu: Rules = {
  stat: 'dead',
  arch: { apic: { lapic_timer: { target_expiration: 'clock0' } } },
};

const hrtimer: Rules = {
  expires: (timer: { queued: number }) => (timer.queued !== 0 ? 'clock' : 'dead'),
};

const actor: Rules = {
  wakeAt: (a: { wakeAt: number }) => (a.wakeAt >= 0 ? 'clock' : 'raw'),
  laps: 'dead',
};

/** The whole tree. Rules for an array are those of its elements. */
export const machineRules: Rules = {
  sched_clock: 'clock',
  bootClock: 'dead',
  steps: 'dead',
  warns: 'dead',
  cpu: 'dead',
  groupNames: 'dead',
  vmNames: 'dead',
  programs: 'dead',
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
  if (record.zero_vruntime !== undefined) return record.zero_vruntime;
  return m.cfs_rq[record.cfs_rq].zero_vruntime;
}

/** A time relative to what it counts from; 0 where it means never. As stored: number or BigInt. */
export function relative(treatment: Treatment, value: unknown, record: unknown, m: machine): unknown {
  const time = value as u64;
  if (treatment === 'clock0' && time === ZERO) return 'never';
  if (treatment === 'virtual') return sub(time, zeroOf(record, m));
  return sub(time, m.sched_clock);
}

/** Where canonical machines stand: a day after boot, virtual times from where the kernel lets them begin. */
const CLOCK = 86_400_000_000_000 as unknown as u64;
const VIRTUAL = -1_048_576 as unknown as u64;

function rebased(treatment: Treatment, value: unknown, record: unknown, m: machine): unknown {
  const rel = relative(treatment, value, record, m);
  if (rel === 'never') return value;
  const moved = add(rel as u64, treatment === 'virtual' ? VIRTUAL : CLOCK);
  return moved;
}

function rewritten(value: unknown, rules: Rules | undefined, m: machine): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => rewritten(item, rules, m));
  const out: Record<string, unknown> = {};
  for (const [field, inner] of Object.entries(value)) {
    const treatment = treatmentOf(rules, field, value, m);
    if (typeof treatment === 'object') out[field] = rewritten(inner, treatment, m);
    else if (treatment === 'raw') out[field] = rewritten(inner, undefined, m);
    else if (treatment === 'dead') out[field] = zeroed(inner);
    else
      out[field] = Array.isArray(inner)
        ? inner.map((t) => rebased(treatment, t, value, m))
        : rebased(treatment, inner, value, m);
  }
  return out;
}

/** Dead numbers become 0; what is no number stays, for records keep their shape. */
function zeroed(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'bigint' ? 0 : value;
}

/** A machine that will do the same as this one, with dead fields zeroed and all times moved to a fixed place. */
export function canonical(m: machine): machine {
  return rewritten(m, machineRules, m) as machine;
}

/** Nanoseconds since boot, for messages. */
export function sinceBoot(m: machine): number {
  return toNumber(sub(m.sched_clock, m.bootClock));
}
