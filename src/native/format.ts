// SPDX-License-Identifier: GPL-2.0-only
/**
 * Operations and states as the recorded vectors write them, and their form on the pipe.
 *
 * An operation enters the kernel through one of its entry points on CPU `cpu`, with that CPU's running task as
 * current; what is left out is 0. A state is rows of 64-bit words; the schema names the columns. u64 fields are
 * written as the signed number with the same bits.
 */

/** A signed 64-bit integer: a number within +-(2^53 - 1), a BigInt beyond, as src/lib/types holds them. */
export type Word = number | bigint;

export const OP_NAMES = [
  'BASE_SLICE',
  'GROUP',
  'SHARES',
  'FORK',
  'ADVANCE',
  'TICK',
  'SCHEDULE',
  'RESCHED',
  'BLOCK',
  'WAKE',
  'YIELD',
  'YIELD_TO',
  'NICE',
  'SETATTR',
  'MOVE',
  'YIELD_RAW',
  'YIELD_TO_RAW',
  'FEATURE',
  'VTIME',
] as const;
export type OpName = (typeof OP_NAMES)[number];

/** One operation; absent members are 0. */
export interface Operation {
  readonly op: OpName;
  readonly cpu?: number;
  readonly id?: number;
  readonly a?: Word;
  readonly b?: Word;
  readonly flags?: number;
}

export interface CpuState {
  readonly rq: readonly Word[];
  /** one row a group, the root first */
  readonly cfs: readonly (readonly Word[])[];
  /** the groups' entities on this CPU; null for the root */
  readonly gse: readonly (readonly Word[] | null)[];
}

/** The observable state after an operation. */
export interface State {
  readonly now: Word;
  /** WARN_ON hits so far */
  readonly w: Word;
  readonly cpu: readonly CpuState[];
  readonly t: readonly (readonly Word[])[];
}

/** The columns, as the native process describes them. */
export interface Schema {
  readonly ops: readonly string[];
  readonly head: readonly string[];
  readonly rq: readonly string[];
  readonly rq_more: readonly string[];
  readonly cfs: readonly string[];
  readonly cfs_more: readonly string[];
  readonly task: readonly string[];
  readonly se: readonly string[];
  readonly se_more: readonly string[];
  readonly pelt: readonly string[];
  readonly tg_more: readonly string[];
  readonly calls: readonly string[];
  readonly call_args: readonly string[];
  readonly call_results: readonly string[];
  readonly features: readonly string[];
  readonly hz: number;
}

/** The columns of the vectors' format, in its order. */
export const COLUMNS = {
  rq: ['curr', 'need_resched', 'nr_running', 'clock', 'clock_task', 'nr_switches', 'clock_update_flags'],
  cfs: [
    ...['load', 'nr_queued', 'h_nr_queued', 'h_nr_runnable', 'sum_w_vruntime', 'sum_weight', 'zero_vruntime'],
    ...['avg_vruntime()', 'curr', 'next', 'load_avg'],
  ],
  task: ['on_rq', 'state', 'cpu', 'static_prio', 'eligible'],
  se: [
    ...['weight', 'on_rq', 'sched_delayed', 'rel_deadline', 'custom_slice', 'vruntime', 'deadline', 'vlag', 'slice'],
    ...['min_vruntime', 'min_slice', 'exec_start', 'sum_exec_runtime', 'prev_sum_exec_runtime'],
  ],
} as const;

/** Lists come with a null at their end. */
export function parseSchema(json: string): Schema {
  const raw = JSON.parse(json) as Record<string, unknown>;
  const clean = Object.entries(raw).map(([key, value]) => [
    key,
    Array.isArray(value) ? value.filter((name) => name !== null) : value,
  ]);
  return Object.fromEntries(clean) as Schema;
}

/** Bytes of one operation on the pipe. */
export const OP_BYTES = 32;
const opCode = new Map<string, number>(OP_NAMES.map((name, i) => [name, i]));

/** Writes operations at `at` of `view`, little endian: op, cpu, id, flags as 32 bits, a and b as 64. */
export function encodeOperations(ops: readonly Operation[], view: DataView, at: number): void {
  let offset = at;
  for (const op of ops) {
    view.setUint32(offset, opCode.get(op.op)!, true);
    view.setInt32(offset + 4, op.cpu ?? 0, true);
    view.setInt32(offset + 8, op.id ?? 0, true);
    view.setUint32(offset + 12, op.flags ?? 0, true);
    view.setBigInt64(offset + 16, BigInt(op.a ?? 0), true);
    view.setBigInt64(offset + 24, BigInt(op.b ?? 0), true);
    offset += OP_BYTES;
  }
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);
const TWO_32 = 0x1_0000_0000;

/** The 64-bit word at `at`. */
export function wordAt(view: DataView, at: number): Word {
  const high = view.getInt32(at + 4, true);
  // Fast for all that is well within 2^53; the rest is sorted out exactly.
  if (high > -0x20_0000 && high < 0x1f_ffff) return high * TWO_32 + view.getUint32(at, true);
  const exact = view.getBigInt64(at, true);
  return exact > SAFE || exact < -SAFE ? exact : Number(exact);
}

/** Reads the words of a state into rows; `more` when they carry the further columns. */
export function decodeState(schema: Schema, words: readonly Word[], more: boolean): State {
  let at = 5;
  const take = (n: number) => {
    at += n;
    return words.slice(at - n, at);
  };
  const [now, w, cpus, tasks, groups] = words as [Word, Word, number, number, number];
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
  const t = Array.from({ length: tasks }, () => take(schema.task.length + widths.se));
  return { now, w, cpu, t };
}

/** The name of word `index` of a state: `cpu[0].cfs[1].sum_w_vruntime`, `t[3].se.vruntime`. */
export function wordName(schema: Schema, words: readonly Word[], index: number, more: boolean): string {
  if (index < schema.head.length) return schema.head[index]!;
  const [, , cpus, tasks, groups] = words as [Word, Word, number, number, number];
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
  for (let i = 0; i < tasks; i++) {
    const name = within(`t[${i}]`, [...schema.task, ...se.map((n) => `se.${n}`)]);
    if (name !== null) return name;
  }
  for (let g = 0; g < groups; g++) {
    const name = within(`group[${g}]`, schema.tg_more);
    if (name !== null) return name;
  }
  return `word ${index}`;
}
