// SPDX-License-Identifier: GPL-2.0-only
/** Operations and states in their form on the pipe: fixed records and 64-bit words, little endian. */
import type { ConformState, CpuState, Word } from '../operation/sched.js';

/** The columns, as the native process describes them. */
export interface Schema {
  readonly ops: readonly string[];
  readonly head: readonly string[];
  readonly rq: readonly string[];
  readonly rq_more: readonly string[];
  readonly cfs: readonly string[];
  readonly cfs_more: readonly string[];
  readonly task: readonly string[];
  readonly task_more: readonly string[];
  readonly se: readonly string[];
  readonly se_more: readonly string[];
  readonly pelt: readonly string[];
  readonly tg_more: readonly string[];
  readonly calls: readonly string[];
  readonly call_args: readonly string[];
  readonly call_results: readonly string[];
  readonly features: readonly string[];
  /** of SYSCTL_NAMES, those that the tree has */
  readonly sysctls: readonly string[];
  /** columns that this tree has under another name: column, member, column, member ... */
  readonly other_names: readonly string[];
  /** columns that this tree has no member for: they are 0 and mean nothing */
  readonly absent: readonly string[];
  readonly hz: number;
}

/** What the tree calls the columns that it has under another name. */
export const membersOf = ({ other_names }: Schema): ReadonlyMap<string, string> =>
  new Map(other_names.flatMap((name, i) => (i % 2 === 0 ? [[name, other_names[i + 1]!] as const] : [])));

/** Lists come with a null at their end. */
export function parseSchema(json: string): Schema {
  const raw = JSON.parse(json) as Record<string, unknown>;
  const clean = Object.entries(raw).map(([key, value]) => [
    key,
    Array.isArray(value) ? value.filter((name) => name !== null) : value,
  ]);
  return Object.fromEntries(clean) as Schema;
}

/** SCHED_FEAT by the numbers that FEATURE takes: the model's order, whatever a tree's own is. */
export const FEATURE_NAMES: readonly string[] = [
  'PLACE_LAG',
  'PLACE_DEADLINE_INITIAL',
  'PLACE_REL_DEADLINE',
  'RUN_TO_PARITY',
  'PREEMPT_SHORT',
  'NEXT_BUDDY',
  'PICK_BUDDY',
  'CACHE_HOT_BUDDY',
  'DELAY_DEQUEUE',
  'DELAY_ZERO',
  'WAKEUP_PREEMPTION',
  'HRTICK',
  'HRTICK_DL',
  'DOUBLE_TICK',
  'NONTASK_CAPACITY',
  'TTWU_QUEUE',
  'SIS_UTIL',
  'WARN_DOUBLE_CLOCK',
  'RT_PUSH_IPI',
  'RT_RUNTIME_SHARE',
  'LB_MIN',
  'ATTACH_AGE_LOAD',
  'WA_IDLE',
  'WA_WEIGHT',
  'WA_BIAS',
  'UTIL_EST',
  'LATENCY_WARN',
  'NI_RANDOM',
  // of CFS
  'GENTLE_FAIR_SLEEPERS',
  'START_DEBIT',
  'LAST_BUDDY',
  'SIS_PROP',
  'UTIL_EST_FASTUP',
  'ALT_PERIOD',
  'BASE_SLICE',
];

/** An operation of any engine, by name; what the numbers mean depends on it. */
export interface PipeOperation {
  readonly op: string;
  readonly cpu: number;
  readonly id: number;
  readonly flags: number;
  readonly a: number | bigint;
  readonly b: number | bigint;
}

/** Bytes of one operation on the pipe. */
export const OP_BYTES = 32;

/** Writes operations at `at` of `view`: op, cpu, id, flags as 32 bits, a and b as 64. `codes` numbers them. */
export function encodeOperations(
  codes: ReadonlyMap<string, number>,
  ops: readonly PipeOperation[],
  view: DataView,
  at: number,
): void {
  let offset = at;
  for (const op of ops) {
    view.setUint32(offset, codes.get(op.op)!, true);
    view.setInt32(offset + 4, op.cpu, true);
    view.setInt32(offset + 8, op.id, true);
    view.setUint32(offset + 12, op.flags, true);
    setS64(view, offset + 16, op.a);
    setS64(view, offset + 24, op.b);
    offset += OP_BYTES;
  }
}

const TWO_32 = 0x1_0000_0000;

/** As 64 bits, two's complement; numbers are safe integers. */
function setS64(view: DataView, at: number, x: number | bigint): void {
  if (typeof x === 'bigint') {
    view.setBigInt64(at, x, true);
    return;
  }
  const high = Math.floor(x / TWO_32);
  view.setUint32(at, x - high * TWO_32, true);
  view.setInt32(at + 4, high, true);
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The 64-bit word at `at`. */
export function wordAt(view: DataView, at: number): number | bigint {
  const high = view.getInt32(at + 4, true);
  // Fast for all that is well within 2^53; the rest is sorted out exactly.
  if (high > -0x20_0000 && high < 0x1f_ffff) return high * TWO_32 + view.getUint32(at, true);
  const exact = view.getBigInt64(at, true);
  return exact > SAFE || exact < -SAFE ? exact : Number(exact);
}

/** As recordings print it. */
const printed = (x: number | bigint): Word => (typeof x === 'bigint' ? x.toString() : x);

/** Reads the words of a state into rows; `more` when they carry the further columns. */
export function decodeState(schema: Schema, words: readonly (number | bigint)[], more: boolean): ConformState {
  let at = 5;
  const take = (n: number) => {
    at += n;
    return words.slice(at - n, at).map(printed);
  };
  const [now, w, cpus, tasks, groups] = words as number[];
  const widths = {
    rq: schema.rq.length + (more ? schema.rq_more.length : 0),
    cfs: schema.cfs.length + (more ? schema.cfs_more.length + schema.pelt.length : 0),
    se: schema.se.length + (more ? schema.se_more.length + schema.pelt.length : 0),
  };
  const cpu: CpuState[] = [];
  for (let c = 0; c < cpus; c++) {
    const rq = take(widths.rq);
    const cfs = Array.from({ length: groups }, () => take(widths.cfs));
    const gse = Array.from({ length: groups }, (_, g) => (g === 0 ? null : take(widths.se)));
    cpu.push({ rq, cfs, gse });
  }
  const task = schema.task.length + (more ? schema.task_more.length : 0) + widths.se;
  const t = Array.from({ length: tasks }, () => take(task));
  return { now: printed(now), w: printed(w), cpu, t };
}

/** The name of word `index` of a state: `cpu[0].cfs[1].sum_w_vruntime`, `t[3].se.vruntime`. */
export function wordName(schema: Schema, words: readonly (number | bigint)[], index: number, more: boolean): string {
  if (index < schema.head.length) return schema.head[index]!;
  const [, , cpus, tasks, groups] = words as number[];
  const rq = [...schema.rq, ...(more ? schema.rq_more : [])];
  const cfs = [...schema.cfs, ...(more ? [...schema.cfs_more, ...schema.pelt.map((n) => `avg.${n}`)] : [])];
  const se = [...schema.se, ...(more ? [...schema.se_more, ...schema.pelt.map((n) => `avg.${n}`)] : [])];
  let at = index - schema.head.length;
  const within = (prefix: string, columns: readonly string[]) => {
    if (at < columns.length) return `${prefix}.${columns[at]}`;
    at -= columns.length;
    return null;
  };
  for (let c = 0; c < cpus; c++) {
    let name = within(`cpu[${c}].rq`, rq);
    for (let g = 0; name === null && g < groups; g++) name = within(`cpu[${c}].cfs[${g}]`, cfs);
    for (let g = 1; name === null && g < groups; g++) name = within(`cpu[${c}].gse[${g}]`, se);
    if (name !== null) return name;
  }
  const task = [...schema.task, ...(more ? schema.task_more : []), ...se.map((n) => `se.${n}`)];
  for (let i = 0; i < tasks; i++) {
    const name = within(`t[${i}]`, task);
    if (name !== null) return name;
  }
  for (let g = 0; g < groups; g++) {
    const name = within(`group[${g}]`, schema.tg_more);
    if (name !== null) return name;
  }
  return `word ${index}`;
}
