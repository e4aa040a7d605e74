// SPDX-License-Identifier: GPL-2.0-only
/** What an event changed, field by field, in kernel names: `A.vruntime +2800000`, `rq0.curr A -> B`. */

import * as x86_kvm_host from '../arch/x86/kvm_host.js';
import { bigintAsText } from '../base/stable-json.js';
import * as kvm_host from '../kvm/kvm_host.js';
import { type s64, s64_diff, s64_toBigInt, toBigInt, type u64 } from '../lib/types.js';
import type { machine } from '../machine/state.js';
import { registerText } from '../report/register-names.js';

/** Bookkeeping that changes at every event and tells nothing. */
const QUIET = new Set([
  ...['sched_clock', 'steps', 'rng', 'cpu', 'warns', 'actor', 'nextTick', 'hrtimer', 'programs', 'bootClock'],
  ...['clock', 'clock_task', 'clock_pelt', 'clock_pelt_idle', 'clock_idle', 'lost_idle_time', 'clock_update_flags'],
  ...['nr_switches', 'nr_running', 'ttwu_count', 'ttwu_local', 'next_balance', 'fair_server', 'dl_server', 'donor'],
  ...['avg', 'avg_vruntime', 'avg_load', 'zero_vruntime', 'tasks_timeline', 'load', 'h_nr_queued', 'h_nr_runnable'],
  ...['h_nr_delayed', 'idle_nr_running', 'idle_h_nr_running', 'removed', 'last_update_tg_load_avg', 'load_avg'],
  ...['tg_load_avg_contrib', 'propagate', 'prop_runnable_sum', 'h_load', 'run_node', 'min_vruntime', 'min_slice'],
  ...['exec_start', 'sum_exec_runtime', 'prev_sum_exec_runtime', 'nr_migrations', 'runnable_weight', 'stat'],
  ...[
    'recent_used_cpu',
    'wakee_flips',
    'last_wakee',
    'wakee_flip_decay_ts',
    'nvcsw',
    'nivcsw',
    'idle_stamp',
    'avg_idle',
    'kernel_stack',
    'on_cpu',
    'rel_deadline',
    'wake_cpu',
  ],
  ...['isr_count', 'highest_isr_cache', 'irr_pending', 'kvm_running_vcpu', 'valid_wakeup'],
]);

/** Higher is told earlier. What no list names (a series' own fields) is told first. */
const WEIGHT: Readonly<Record<string, number>> = {
  vruntime: 8,
  deadline: 7,
  next: 6,
  last_boosted_vcpu: 6,
  dy_eligible: 5,
  in_spin_loop: 5,
  vlag: 4,
  preempted: 4,
  ready: 4,
  sched_delayed: 4,
  mode: 3,
  on_rq: 3,
  __state: 3,
  regs: 3,
  slice: 3,
  tif_need_resched: 2,
};
const OWN_FIELD = 9;

/** KVM_REQ_* by its bit */
const REQUEST = new Map(
  Object.entries({ ...kvm_host, ...x86_kvm_host })
    .filter(([name]) => /^KVM_REQ_(?!OUTSIDE_GUEST_MODE)/.test(name))
    .map(([name, value]) => [Number(value) & kvm_host.KVM_REQUEST_MASK, name.slice('KVM_REQ_'.length)]),
);

/** Fields of an entity that its task has as well, under the same name. */
const BOTH = new Set(['on_rq']);

/** Fields of the pin's records, as met in a fresh machine: any other field belongs to a series. */
type Change = { text: string; weight: number };

function registerName(offset: number): string {
  const name = registerText(offset);
  return name.startsWith('0x') ? `apic[${name}]` : name;
}

/** Pointers by what they point to. */
function pointerText(field: string, value: unknown, m: machine): string {
  if (field !== 'curr' && field !== 'next') return valueText(value);
  return (value as number) < 0 ? 'NULL' : seName(m, value as number);
}

const hex = (value: unknown): string => `0x${BigInt(value as number | bigint).toString(16)}`;

const wholeText = (value: unknown): string => JSON.stringify(value, bigintAsText) ?? 'nothing';

const isRecord = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** The same value, or records that read the same. WHY not by their texts alone: most are alike, and texts are slow. */
const same = (a: unknown, b: unknown): boolean =>
  a === b || (isRecord(a) && isRecord(b) && (isAlike(a as object, b as object) || wholeText(a) === wholeText(b)));

/** Record by record and value by value; what is not alike may still read the same. */
function isAlike(a: object, b: object): boolean {
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!isAlikeValue(a[i], b[i])) return false;
    return true;
  }
  const keys = Object.keys(a);
  if (Array.isArray(b) || keys.length !== Object.keys(b).length) return false;
  for (const key of keys) if (!isAlikeValue((a as never)[key], (b as never)[key])) return false;
  return true;
}

const isAlikeValue = (a: unknown, b: unknown): boolean =>
  a === b || (isRecord(a) && isRecord(b) && isAlike(a as object, b as object));

/** Longer records are told by their first characters. */
const RECORD = 60;

function valueText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const text = wholeText(value);
  return text.length > RECORD ? `${text.slice(0, RECORD - 3)}...` : text;
}

/** An entity by its task's name, or its group's and CPU. */
export function seName(m: machine, se: number): string {
  const task = m.se[se]?.task;
  if (task !== undefined && task >= 0) return m.task[task].comm;
  const tg = m.task_group.findIndex((group) => group.se.includes(se));
  const cpu = tg < 0 ? -1 : m.task_group[tg].se.indexOf(se);
  return tg < 0 ? `se${se}` : `${m.groupNames[tg]}.se[${cpu}]`;
}

function cfsName(m: machine, id: number): string {
  const { tg, rq } = m.cfs_rq[id];
  return tg === 0 ? `rq${rq}.cfs` : `${m.groupNames[tg]}.cfs_rq[${rq}]`;
}

/** vCPUs by the thread that runs them. */
function vcpuName(m: machine, id: number): string {
  const pid = m.vcpu[id].pid;
  return pid >= 0 ? m.task[pid].comm : `vcpu${id}`;
}

function recordName(m: machine, table: string, index: number): string {
  switch (table) {
    case 'se':
      return seName(m, index);
    case 'cfs_rq':
      return cfsName(m, index);
    case 'rq':
      return `rq${index}`;
    case 'task':
      return m.task[index].comm;
    case 'task_group':
      return m.groupNames[index] ?? `tg${index}`;
    case 'vcpu':
      return vcpuName(m, index);
    case 'kvm':
      return m.vmNames[index] ?? `kvm${index}`;
    default:
      return `${table}[${index}]`;
  }
}

function compare(
  name: string,
  field: string,
  was: unknown,
  is: unknown,
  m: machine,
  out: Change[],
  known: ReadonlySet<string>,
): void {
  if (was === is || QUIET.has(field)) return;
  if (field === 'regs') {
    compareRegisters(name, was as number[], is as number[], out);
    return;
  }
  if (Array.isArray(is) && Array.isArray(was) && is.length > LISTED) {
    compareLists(name, field, was, is, m, out, known);
    return;
  }
  if (typeof is === 'object' && is !== null && typeof was === 'object' && was !== null && !Array.isArray(is)) {
    for (const inner of Object.keys(is)) {
      const path = field === 'arch' || field === 'apic' ? name : `${name}.${field}`;
      compare(path, inner, (was as never)[inner], (is as never)[inner], m, out, known);
    }
    return;
  }
  if (same(was, is)) return;
  if (field === 'requests') {
    out.push({ text: `${name}.requests ${requestsText(was as u64, is as u64)}`, weight: WEIGHT.ready });
    return;
  }
  const weight = known.has(field) ? (WEIGHT[field] ?? 1) : OWN_FIELD;
  out.push({ text: `${name}.${field} ${changeText(field, was, is, m)}`, weight });
}

/** The bits of vcpu->requests that came and went: `+EVENT -UNBLOCK`. */
function requestsText(was: u64, is: u64): string {
  const [before, after] = [toBigInt(was), toBigInt(is)];
  const words: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    const [a, b] = [(before >> BigInt(bit)) & 1n, (after >> BigInt(bit)) & 1n];
    if (a !== b) words.push(`${b === 1n ? '+' : '-'}${REQUEST.get(bit) ?? `bit ${bit}`}`);
  }
  return words.join(' ');
}

/** Longer arrays are told by the elements that changed. */
const LISTED = 8;
/** ... of which the first are told */
const ELEMENTS = 4;

function compareLists(
  name: string,
  field: string,
  was: readonly unknown[],
  is: readonly unknown[],
  m: machine,
  out: Change[],
  known: ReadonlySet<string>,
): void {
  const weight = known.has(field) ? (WEIGHT[field] ?? 1) : OWN_FIELD;
  const longer = Math.max(was.length, is.length);
  const changed: number[] = [];
  for (let i = 0; i < longer; i++) if (!same(was[i], is[i])) changed.push(i);
  for (const i of changed.slice(0, ELEMENTS)) {
    out.push({ text: `${name}.${field}[${i}] ${changeText(field, was[i], is[i], m)}`, weight });
  }
  if (changed.length > ELEMENTS) out.push({ text: `${name}.${field}: ${changed.length} changed`, weight });
}

function changeText(field: string, was: unknown, is: unknown, m: machine): string {
  const numeric = (x: unknown): boolean => typeof x === 'number' || typeof x === 'bigint';
  // a field that a series brings and that nobody had set
  if (was === undefined) return `= ${numeric(is) ? pointerText(field, is, m) : valueText(is)}`;
  if (!numeric(was) || !numeric(is)) return `${valueText(was)} -> ${valueText(is)}`;
  if (field === 'vruntime' || field === 'deadline' || /time_ns$/.test(field)) {
    const d = s64_toBigInt(s64_diff(is as u64, was as u64));
    return d < 0n ? String(d) : `+${d}`;
  }
  if (field === 'apic_base') return `${hex(was)} -> ${hex(is)}`;
  if (field === 'vlag') return `= ${s64_toBigInt(is as s64)}`;
  return `${pointerText(field, was, m)} -> ${pointerText(field, is, m)}`;
}

function compareRegisters(name: string, was: number[], is: number[], out: Change[]): void {
  for (let i = 0; i < is.length; i++) {
    if (was[i] === is[i]) continue;
    out.push({ text: `${name}.${registerName(i << 2)} ${hex(was[i])} -> ${hex(is[i])}`, weight: WEIGHT.regs });
  }
}

const TABLES = ['se', 'cfs_rq', 'rq', 'task', 'task_group', 'kvm', 'vcpu'] as const;

/** Field names of the pin's own records: what a machine booted on the pin has. */
export function knownFields(m: machine): ReadonlySet<string> {
  const known = new Set<string>();
  const collect = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      if (typeof value[0] === 'object') value.forEach(collect);
      return;
    }
    for (const [field, inner] of Object.entries(value)) {
      known.add(field);
      collect(inner);
    }
  };
  for (const table of TABLES) collect(m[table]);
  return known;
}

/** Changes between two machines, most telling first. `known`: see `knownFields`. */
export function changesBetween(was: machine, is: machine, known: ReadonlySet<string>): string[] {
  const out: Change[] = [];
  for (const table of TABLES) {
    for (let i = 0; i < is[table].length; i++) {
      const before = was[table][i] as unknown as Record<string, unknown> | undefined;
      const after = is[table][i] as unknown as Record<string, unknown>;
      if (before === undefined) continue;
      const name = recordName(is, table, i);
      for (const field of Object.keys(after)) {
        if (table === 'rq' && field === 'curr') continue; // sched_switch says it
        const whose = table === 'se' && BOTH.has(field) ? `${name}.se` : name;
        compare(whose, field, before[field], after[field], is, out, known);
      }
    }
  }
  const host = out.sort((a, b) => b.weight - a.weight).map((change) => change.text);
  return [...host, ...is.guest.flatMap((_, vm) => guestChanges(was, is, vm, known))];
}

/** What changed in the kernel that runs in a guest: `vm: rt.vruntime +20000`. */
function guestChanges(was: machine, is: machine, vm: number, known: ReadonlySet<string>): string[] {
  const [before, after] = [was.guest[vm]?.os, is.guest[vm].os];
  if (before === undefined || after === undefined) return [];
  return changesBetween(before.m, after.m, known).map((text) => `${is.vmNames[vm]}: ${text}`);
}
