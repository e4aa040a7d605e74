// SPDX-License-Identifier: GPL-2.0-only
/** Tracepoints as binary records, and the `format` file that says how to read them: names as the kernel's, sizes as they are written here. */
import type { trace_event } from '../trace/trace-event.js';

type Fields = trace_event['fields'];

interface Field {
  name: string;
  type: 'comm' | 'text' | 'int' | 'long' | 'u64';
  offset: number;
  size: number;
}

export interface Layout {
  fields: readonly Field[];
  size: number;
  /** from `format:` on */
  text: string;
}

/** common_type, common_flags, common_preempt_count, common_pid */
const COMMON = [
  'field:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;',
  'field:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;',
  'field:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;',
  'field:int common_pid;\toffset:4;\tsize:4;\tsigned:1;',
];
const COMMON_SIZE = 8;
const SIZES = { comm: 16, text: 64, int: 4, long: 8, u64: 8 } as const;
const DECLARED = { comm: 'char', text: 'char', int: 'int', long: 'long', u64: 'u64' } as const;
const FORMATS = { comm: '%s', text: '%s', int: '%d', long: '%ld', u64: '%llu' } as const;

/** prev_state by letter, and the bit of R+: one above what TASK_REPORT has */
const STATES: Readonly<Record<string, number>> = { R: 0, S: 1, D: 2, T: 4, t: 8, X: 0x10, Z: 0x20, P: 0x40, I: 0x80 };
const PREEMPTED = 0x100;
const STATE_FLAGS = Object.entries(STATES)
  .filter(([, bit]) => bit > 0)
  .map(([letter, bit]) => `{ 0x${bit.toString(16)}, "${letter}" }`)
  .join(', ');

const SWITCH =
  '"prev_comm=%s prev_pid=%d prev_prio=%d prev_state=%s%s ==> next_comm=%s next_pid=%d next_prio=%d", REC->prev_comm, ' +
  `REC->prev_pid, REC->prev_prio, (REC->prev_state & 0xff) ? __print_flags(REC->prev_state & 0xff, "|", ${STATE_FLAGS}) : "R", ` +
  'REC->prev_state & 0x100 ? "+" : "", REC->next_comm, REC->next_pid, REC->next_prio';
const WOKEN = '"comm=%s pid=%d prio=%d target_cpu=%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu';
const PRINTS: Readonly<Record<string, string>> = {
  sched_switch: SWITCH,
  sched_waking: WOKEN,
  sched_wakeup: WOKEN,
  sched_wakeup_new: WOKEN,
  sched_stat_runtime: '"comm=%s pid=%d runtime=%llu [ns]", REC->comm, REC->pid, REC->runtime',
};

function typeOf(name: string, value: unknown): Field['type'] {
  if (/(?:^|_)comm$/.test(name)) return 'comm';
  if (name === 'prev_state') return 'long';
  if (/(?:^|_)(?:pid|prio|cpu)$/.test(name)) return 'int';
  if (typeof value === 'boolean') return 'int';
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? 'long' : 'u64';
  return /^-?\d+$|^0x[0-9a-f]+$/i.test(String(value)) ? 'u64' : 'text';
}

/** The layout of an event, by the fields of the first of its kind. */
export function formatOf(event: string, values: Fields): Layout {
  const fields: Field[] = [];
  let offset = COMMON_SIZE;
  for (const [name, value] of Object.entries(values)) {
    const type = typeOf(name, value);
    const size = SIZES[type];
    const align = type === 'comm' || type === 'text' ? 1 : size;
    offset = Math.ceil(offset / align) * align;
    fields.push({ name, type, offset, size });
    offset += size;
  }
  const lines = fields.map(({ name, type, offset: at, size }) => {
    const array = type === 'comm' || type === 'text' ? `[${size}]` : '';
    return `field:${DECLARED[type]} ${name}${array};\toffset:${at};\tsize:${size};\tsigned:${type === 'u64' ? 0 : 1};`;
  });
  const generic = `"${fields.map(({ name, type }) => `${name}=${FORMATS[type]}`).join(' ')}"${fields.map(({ name }) => `, REC->${name}`).join('')}`;
  const text = [
    'format:',
    ...COMMON.map((line) => `\t${line}`),
    '',
    ...lines.map((line) => `\t${line}`),
    '',
    `print fmt: ${PRINTS[event] ?? generic}`,
    '',
  ].join('\n');
  return { fields, size: Math.ceil(offset / 8) * 8, text };
}

/** One record. */
export function packed(layout: Layout, id: number, pid: number, values: Fields): Uint8Array {
  const bytes = new Uint8Array(layout.size);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, id, true);
  view.setInt32(4, pid, true);
  for (const { name, type, offset, size } of layout.fields) {
    const value = values[name];
    if (type === 'comm' || type === 'text') {
      bytes.set(new TextEncoder().encode(String(value ?? '')).subarray(0, size - 1), offset);
    } else if (type === 'int') view.setInt32(offset, Number(value ?? 0), true);
    else view.setBigUint64(offset, BigInt.asUintN(64, numberOf(name, value)), true);
  }
  return bytes;
}

function numberOf(name: string, value: unknown): bigint {
  const text = String(value ?? 0);
  if (name === 'prev_state' && STATES[text[0]] !== undefined)
    return BigInt(STATES[text[0]] | (text.endsWith('+') ? PREEMPTED : 0));
  if (typeof value === 'boolean') return value ? 1n : 0n;
  return /^-?\d+$|^0x[0-9a-f]+$/i.test(text) ? BigInt(text) : 0n;
}
