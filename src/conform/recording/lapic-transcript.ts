// SPDX-License-Identifier: GPL-2.0-only
/**
 * Recordings of operations on a real KVM's local APICs: JSON lines, a header a session and a line an operation.
 *
 * Header: `{"hdr":1,"mode","seed","ncpu","tsc_khz","d"}`; `d` lists the registers that are not zero, `[cpu, "reg",
 * "value"]` in hex, offsets as in KVM_GET_LAPIC. An operation: `n`, `c` (vCPU), `op`, what it was given, what came of
 * it, and in `d` the registers of all vCPUs that changed since the line before. The current count (0x390) never is in d.
 */
import { BadInput, type Fault, shown } from '../../base/faults.js';
import { parseBounded } from '../../base/json-bounds.js';

export const LAPIC_MODES = [
  'xapic-flat',
  'xapic-cluster',
  'x2apic',
  'modeswitch',
  'pvipi',
  'pvipi-xapic',
  'initsipi',
  'timer',
] as const;

/** [vCPU, offset in the register page, value] */
export type RegisterChange = readonly [number, number, number];

export interface LapicHeader {
  readonly mode: string;
  readonly seed: number;
  readonly ncpu: number;
  readonly tsc_khz: number;
  readonly d: readonly RegisterChange[];
}

export type LapicOpName = 'mw' | 'mr' | 'wrmsr' | 'rdmsr' | 'win' | 'msi' | 'pvipi' | 'mpstate' | 'restart' | 'delay';

/** One operation; fields that its kind does not have are zero, empty or null. */
export interface LapicOp {
  /** line in the file, from 1 */
  readonly line: number;
  readonly n: number;
  /** vCPU; 0 for msi, which none of them does */
  readonly c: number;
  readonly op: LapicOpName;
  /** register offset, MSR, MSI address, or ICR of a PV IPI */
  readonly a: number;
  /** value written; MSI data; loops of a delay */
  readonly v: bigint;
  /** PV IPI: low and high half of the bitmap, and the id of bit 0 */
  readonly lo: bigint;
  readonly hi: bigint;
  readonly min: number;
  /** value read, MP state, result of the hypercall or of KVM_SIGNAL_MSI; null where nothing came back */
  readonly r: bigint | null;
  readonly gp: boolean;
  readonly vec: readonly number[];
  /** start segment after a SIPI; null when the line has none */
  readonly cs: number | null;
  /** guest TSC before and after; null outside of timer sessions */
  readonly t0: bigint | null;
  readonly t1: bigint | null;
  readonly d: readonly RegisterChange[];
}

export interface LapicSession {
  /** line of the header */
  readonly line: number;
  readonly header: LapicHeader;
  readonly ops: readonly LapicOp[];
}

const HEX = /^[0-9a-f]{1,16}$/;
const NEEDS: Readonly<Record<LapicOpName, readonly string[]>> = {
  mw: ['c', 'a', 'v'],
  mr: ['c', 'a', 'r'],
  wrmsr: ['c', 'a', 'v'],
  rdmsr: ['c', 'a', 'r'],
  win: ['c'],
  msi: ['addr', 'data', 'rc'],
  pvipi: ['c', 'lo', 'hi', 'min', 'icr', 'r'],
  mpstate: ['c', 'r'],
  restart: ['c'],
  delay: ['c', 'v'],
};

type Line = Record<string, unknown>;

/** Collects faults of one file. */
class Reader {
  readonly faults: Fault[] = [];
  line = 0;

  fault(code: string, field: string, expected: string, got: unknown): void {
    this.faults.push({ code, place: `line ${this.line}${field === '' ? '' : ` ${field}`}`, expected, got: shown(got) });
  }

  hex(o: Line, field: string): bigint {
    const x = o[field];
    if (typeof x === 'string' && HEX.test(x)) return BigInt(`0x${x}`);
    this.fault('hex', field, 'up to 16 lower-case hex digits in quotes', x);
    return 0n;
  }

  integer(o: Line, field: string, low: number, high: number): number {
    const x = o[field];
    if (typeof x === 'number' && Number.isSafeInteger(x) && x >= low && x <= high) return x;
    this.fault('range', field, `an integer from ${low} to ${high}`, x);
    return low;
  }

  changes(o: Line, ncpu: number): RegisterChange[] {
    const d = o['d'];
    if (!Array.isArray(d)) {
      this.fault('type', 'd', 'a list of [vCPU, "offset", "value"]', d);
      return [];
    }
    const found: RegisterChange[] = [];
    d.forEach((entry: unknown, i) => {
      const ok =
        Array.isArray(entry) &&
        entry.length === 3 &&
        Number.isInteger(entry[0]) &&
        entry[0] >= 0 &&
        entry[0] < ncpu &&
        typeof entry[1] === 'string' &&
        HEX.test(entry[1]) &&
        typeof entry[2] === 'string' &&
        HEX.test(entry[2]);
      if (!ok) {
        this.fault('type', `d[${i}]`, `[vCPU below ${ncpu}, "offset", "value"]`, entry);
        return;
      }
      const reg = Number.parseInt(entry[1], 16);
      if (reg > 0x3ff || reg % 4 !== 0)
        this.fault('range', `d[${i}]`, 'an offset below 400, a multiple of 4', entry[1]);
      found.push([entry[0], reg, Number.parseInt(entry[2], 16) >>> 0]);
    });
    return found;
  }
}

function readHeader(reader: Reader, o: Line): LapicHeader {
  const mode = o['mode'];
  if (typeof mode !== 'string' || !(LAPIC_MODES as readonly string[]).includes(mode)) {
    reader.fault('mode', 'mode', `one of ${LAPIC_MODES.join(', ')}`, mode);
  }
  const ncpu = reader.integer(o, 'ncpu', 1, 255);
  return {
    mode: typeof mode === 'string' ? mode : '',
    seed: reader.integer(o, 'seed', 0, Number.MAX_SAFE_INTEGER),
    ncpu,
    tsc_khz: reader.integer(o, 'tsc_khz', 1, 0xffff_ffff),
    d: reader.changes(o, ncpu),
  };
}

/** What the hypercall or KVM_SIGNAL_MSI returned: a JSON integer; of reads: hex. */
function readResult(reader: Reader, o: Line, op: LapicOpName): bigint | null {
  const low = -0x8000_0000;
  if (op === 'msi') return BigInt(reader.integer(o, 'rc', low, 0x7fff_ffff));
  if (op === 'pvipi' || op === 'mpstate') return BigInt(reader.integer(o, 'r', low, 0x7fff_ffff));
  if (op === 'mr' || op === 'rdmsr') return reader.hex(o, 'r');
  return null;
}

function readTimes(reader: Reader, o: Line, timed: boolean): [bigint | null, bigint | null] {
  if (!timed && o['t0'] === undefined && o['t1'] === undefined) return [null, null];
  const t0 = BigInt(reader.integer(o, 't0', 0, Number.MAX_SAFE_INTEGER));
  const t1 = BigInt(reader.integer(o, 't1', 0, Number.MAX_SAFE_INTEGER));
  if (t1 < t0) reader.fault('order', 't1', `no less than t0 (${t0})`, Number(t1));
  return [t0, t1];
}

function readVectors(reader: Reader, o: Line): number[] {
  const vec = o['vec'];
  if (vec === undefined) return [];
  if (Array.isArray(vec) && vec.every((v) => Number.isInteger(v) && v >= 0 && v <= 255)) return vec as number[];
  reader.fault('type', 'vec', 'a list of vectors from 0 to 255', vec);
  return [];
}

function readOp(reader: Reader, o: Line, header: LapicHeader, n: number): LapicOp | null {
  const name = o['op'];
  if (typeof name !== 'string' || !Object.hasOwn(NEEDS, name)) {
    reader.fault('op', 'op', `one of ${Object.keys(NEEDS).join(', ')}`, name);
    return null;
  }
  const op = name as LapicOpName;
  if (o['n'] !== n) reader.fault('order', 'n', String(n), o['n']);
  const before = reader.faults.length;
  for (const field of NEEDS[op]) {
    if (o[field] === undefined) reader.fault('missing', field, `a field of ${op}`, undefined);
  }
  if (reader.faults.length > before) return null;
  const has = (field: string): boolean => NEEDS[op].includes(field);
  const [t0, t1] = readTimes(reader, o, header.mode === 'timer');
  return {
    line: reader.line,
    n,
    c: has('c') ? reader.integer(o, 'c', 0, header.ncpu - 1) : 0,
    op,
    a: Number(
      has('a') ? reader.hex(o, 'a') : has('addr') ? reader.hex(o, 'addr') : has('icr') ? reader.hex(o, 'icr') : 0n,
    ),
    v: has('v') ? reader.hex(o, 'v') : has('data') ? reader.hex(o, 'data') : 0n,
    lo: has('lo') ? reader.hex(o, 'lo') : 0n,
    hi: has('hi') ? reader.hex(o, 'hi') : 0n,
    min: has('min') ? Number(reader.hex(o, 'min')) : 0,
    r: readResult(reader, o, op),
    gp: o['gp'] === 1,
    vec: readVectors(reader, o),
    cs: o['cs'] === undefined ? null : Number(reader.hex(o, 'cs')),
    t0,
    t1,
    d: reader.changes(o, header.ncpu),
  };
}

/**
 * Reads a recording. `name` is what its faults are told under.
 *
 * Throws BadInput with every fault and its line: no JSON, an unknown operation, a missing field, a value out of range, an
 * operation before the first header, a gap in `n` (a file that was cut in the middle loses its end, not its middle).
 */
export function parseLapicTranscript(text: string, name = 'recording'): LapicSession[] {
  const reader = new Reader();
  const sessions: { line: number; header: LapicHeader; ops: LapicOp[] }[] = [];
  const lines = text.split('\n');
  lines.forEach((source, i) => {
    reader.line = i + 1;
    if (source.trim() === '') return;
    let o: unknown;
    try {
      o = parseBounded(source);
    } catch {
      const cut = i === lines.length - 1 ? ' (the file ends here without a newline: truncated?)' : '';
      reader.fault('json', '', 'a JSON object', `${source.slice(0, 30)}${cut}`);
      return;
    }
    if (typeof o !== 'object' || o === null || Array.isArray(o)) {
      reader.fault('json', '', 'a JSON object', o);
      return;
    }
    const line = o as Line;
    if (line['hdr'] !== undefined) {
      sessions.push({ line: i + 1, header: readHeader(reader, line), ops: [] });
      return;
    }
    const session = sessions.at(-1);
    if (session === undefined) {
      reader.fault('header', '', 'a session to begin with a header', source.slice(0, 30));
      return;
    }
    const op = readOp(reader, line, session.header, session.ops.length);
    if (op !== null) session.ops.push(op);
  });
  if (sessions.length === 0 && reader.faults.length === 0) reader.fault('empty', '', 'at least one session', 'none');
  if (reader.faults.length > 0) throw new BadInput(name, reader.faults);
  return sessions;
}
