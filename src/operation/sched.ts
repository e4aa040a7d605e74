// SPDX-License-Identifier: GPL-2.0-only
/**
 * The language in which the model and the kernel's own C code are driven side by side: one operation a kernel entry
 * point, and the state of the scheduler after each. Recorded sequences are JSON, one object a line.
 */

import { DEPTH_MAX, parseBounded, tooDeepAt } from '../base/json-bounds.js';

/** CPUs of a recorded machine, at most: those of the C engine. */
const CPUS_MAX = 64;

/** The operations, by name; their meaning is with the members of `Operation`. */
export const OPS = [
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
  'AFFINITY',
  'SERVER_TIMER',
  'GROUP_IDLE',
  'LLC',
  'SETSCHED',
  'RR_SLICE',
  'CPU_DOWN',
  'CPU_UP',
  'SYSCTL',
] as const;
export type OpName = (typeof OPS)[number];

/** What SYSCTL writes, by its number. */
export const SYSCTL_NAMES: readonly string[] = [
  'latency_ns',
  'wakeup_granularity_ns',
  'idle_min_granularity_ns',
  'child_runs_first',
  'tunable_scaling',
];

/**
 * One operation. It runs on `cpu`, with current that runqueue's curr; tasks and groups are counted from 0, group 0
 * is the root.
 *
 *   BASE_SLICE a            sysctl_sched_base_slice = a (ns); before 6.6, where it was called so, sysctl_sched_min_granularity
 *   GROUP a                 a cgroup below group a; returns its number
 *   SHARES id, a            sched_group_set_shares(group id, scale_load(a))
 *   FORK a, b, cpu, flags   a task of nice a in group b, pinned to cpu, or with flags 1 allowed on every CPU; with flags
 *                           2 a child of current, unless that is idle, with its policy and nice value; returns its number
 *   ADVANCE a               the clock moves on by a ns, nothing runs
 *   TICK                    sched_tick()
 *   SCHEDULE                schedule()
 *   RESCHED                 schedule() if need_resched(): returns whether it was
 *   BLOCK a                 current goes to sleep in state a (1 interruptible, 2 not); -16 when idle
 *   WAKE id                 try_to_wake_up(task, TASK_NORMAL, 0), and the interrupt it may send
 *   YIELD                   sched_yield(); -16 when idle
 *   YIELD_TO id             yield_to(task, true); -16 when idle
 *   NICE id, a              set_user_nice()
 *   SETATTR id, a, b, flags policy flags (0 normal, 3 batch, 5 idle), nice a, slice b ns (0: default);
 *                           flags 1 or 2 (FIFO, RR): a is the priority, 1 to 99
 *   SETSCHED id, a, b, flags b 0: sched_setscheduler_nocheck() to policy flags, which may have SCHED_RESET_ON_FORK, and
 *                           priority a; b 1: the same from an interrupt, without priority inheritance; b 2 and 3:
 *                           sched_set_fifo() and _low(); b 4: sched_set_normal() to nice a
 *   RR_SLICE a              sched_rr_timeslice = a (jiffies)
 *   MOVE id, a              the task changes to group a
 *   YIELD_RAW               the class hook yield_task alone
 *   YIELD_TO_RAW id         the class hook yield_to_task alone
 *   FEATURE id, a           scheduler feature number id (their order in features.h) on or off
 *   VTIME id, a, cpu        the virtual time that the empty queue of group id starts from; -16 when it is not empty
 *   AFFINITY id, a          set_cpus_allowed_ptr() of the CPUs whose bits are set in a; -16 for moving a running task
 *   SERVER_TIMER            the timer of the CPU's fair server fires if it is due: returns whether it was; before there are
 *                           fair servers, the timer of def_rt_bandwidth
 *   GROUP_IDLE id, a        sched_group_set_idle(): cpu.idle of group id
 *   LLC a                   the CPUs whose bits are set in a share a last-level cache, and are one scheduling domain
 *   SYSCTL id, a            number id of SYSCTL_NAMES = a; -22 where the kernel has none of that name
 *   CPU_DOWN id             CPU id is to go offline: its hotplug thread is woken, and takes it down once it is current there;
 *                           -16 while another CPU goes down, -22 for CPU 0 and for what is not online
 *   CPU_UP id               CPU id comes back; -16 while a CPU goes down, -22 when it is online
 *
 * On a CPU that is offline, every operation is refused with -22. The hotplug threads and the stoppers, two tasks a CPU,
 * are made by the first CPU_DOWN; they stand behind the tasks and cannot be named by an operation.
 */
export interface Operation {
  op: OpName;
  cpu: number;
  id: number;
  a: number | bigint;
  b: number | bigint;
  flags: number;
}

/** An operation of whose members only some are not 0. */
export const operation = (op: OpName, members: Partial<Omit<Operation, 'op'>> = {}): Operation => ({
  op,
  cpu: members.cpu ?? 0,
  id: members.id ?? 0,
  a: members.a ?? 0,
  b: members.b ?? 0,
  flags: members.flags ?? 0,
});

/** What an integer of the recorded state is: a number within +-(2^53 - 1), a decimal string beyond. */
export type Word = number | string;

/** Members as `RQ_FIELDS`, `CFS_FIELDS`, `SE_FIELDS`, `TASK_FIELDS` name them; u64 printed as signed. */
export interface CpuState {
  rq: Word[];
  /** one a group */
  cfs: Word[][];
  /** the group's entity on this CPU; null for the root */
  gse: (Word[] | null)[];
}
export interface ConformState {
  /** sched_clock() */
  now: Word;
  /** WARN_ON() hits so far */
  w: Word;
  cpu: CpuState[];
  /** one a task */
  t: Word[][];
}

export const RQ_FIELDS = [
  'curr',
  'need_resched',
  'nr_running',
  'clock',
  'clock_task',
  'nr_switches',
  'clock_update_flags',
] as const;
/** As later kernels name them: sum_w_vruntime and sum_weight are the fields avg_vruntime and avg_load of 6.12. */
export const CFS_FIELDS = [
  'load',
  'nr_queued',
  'h_nr_queued',
  'h_nr_runnable',
  'sum_w_vruntime',
  'sum_weight',
  'zero_vruntime',
  'avg_vruntime()',
  'curr',
  'next',
  'load_avg',
] as const;
export const SE_FIELDS = [
  'weight',
  'on_rq',
  'sched_delayed',
  'rel_deadline',
  'custom_slice',
  'vruntime',
  'deadline',
  'vlag',
  'slice',
  'min_vruntime',
  'min_slice',
  'exec_start',
  'sum_exec_runtime',
  'prev_sum_exec_runtime',
] as const;
export const TASK_FIELDS = ['on_rq', 'state', 'cpu', 'static_prio', 'eligible', ...SE_FIELDS] as const;

export interface RecordedStep {
  /** number within the sequence, from 0 */
  i: number;
  op: Operation;
  /** what the entry point returned */
  r: number;
  state: ConformState;
}

/** A recorded run: `setup` from the initial state, then the steps. */
export interface Sequence {
  seq: number;
  kind: string;
  /** version of the kernel that was recorded; empty in recordings that do not say */
  tree: string;
  /** columns that the tree has no member for: they are not compared; left out when there is none */
  absent?: string[];
  cpus: number;
  setup: Operation[];
  setup_r: number[];
  /** after the setup */
  state: ConformState;
  steps: RecordedStep[];
}

/** Something wrong with a recording. */
export interface RecordingFault {
  /** 1-based */
  line: number;
  /** what is wrong: the place in the line, what was expected, what was found */
  message: string;
}

/** The sequences of a recording and all its faults; a sequence with a fault is left out. */
export interface Recording {
  sequences: Sequence[];
  faults: RecordingFault[];
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Reads values of one line and notes what is not as it should be. */
class LineReader {
  readonly faults: RecordingFault[] = [];
  constructor(readonly line: number) {}

  fault(place: string, expected: string, found: Json | undefined): void {
    const text = found === undefined ? 'nothing' : JSON.stringify(found);
    const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
    this.faults.push({ line: this.line, message: `${place}: expected ${expected}, found ${shown}` });
  }

  object(value: Json | undefined, place: string): { [key: string]: Json } {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
    this.fault(place, 'an object', value);
    return {};
  }

  array(value: Json | undefined, place: string): Json[] {
    if (Array.isArray(value)) return value;
    this.fault(place, 'an array', value);
    return [];
  }

  integer(value: Json | undefined, place: string): number {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    this.fault(place, 'an integer', value);
    return 0;
  }

  word(value: Json, place: string): Word {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    if (typeof value === 'string' && /^-?\d+$/.test(value)) return value;
    this.fault(place, 'an integer, as a number or as decimal digits', value);
    return 0;
  }

  names(value: Json | undefined, place: string): string[] {
    return this.array(value, place).map((item, i) => {
      if (typeof item !== 'string') this.fault(`${place}[${i}]`, 'the name of a column', item);
      return String(item);
    });
  }

  words(value: Json | undefined, place: string, fields: readonly string[]): Word[] {
    const list = this.array(value, place);
    if (Array.isArray(value) && list.length !== fields.length) {
      this.fault(place, `${fields.length} values (${fields.join(', ')})`, list.length);
    }
    return list.map((item, i) => this.word(item, `${place}[${i}] (${fields[i] ?? 'too many'})`));
  }

  operation(value: Json | undefined, place: string, cpus: number): Operation {
    const o = this.object(value, place);
    const known = ['op', 'cpu', 'id', 'a', 'b', 'flags'];
    for (const key of Object.keys(o)) {
      if (!known.includes(key)) this.fault(`${place}.${key}`, `one of ${known.join(', ')}`, key);
    }
    const name = OPS.find((op) => op === o['op']);
    if (name === undefined) this.fault(`${place}.op`, `an operation (${OPS.join(', ')})`, o['op']);
    const member = (key: string): number => (o[key] === undefined ? 0 : this.integer(o[key], `${place}.${key}`));
    const argument = (key: string): number | bigint => {
      const read = o[key] === undefined ? 0 : this.word(o[key], `${place}.${key}`);
      return typeof read === 'string' ? BigInt(read) : read;
    };
    const cpu = member('cpu');
    if (cpu < 0 || cpu >= cpus) this.fault(`${place}.cpu`, `a CPU from 0 to ${cpus - 1}`, cpu);
    return {
      op: name ?? 'ADVANCE',
      cpu,
      id: member('id'),
      a: argument('a'),
      b: argument('b'),
      flags: member('flags'),
    };
  }

  state(value: Json | undefined, place: string, cpus: number): ConformState {
    const o = this.object(value, place);
    const list = this.array(o['cpu'], `${place}.cpu`);
    if (Array.isArray(o['cpu']) && list.length !== cpus) this.fault(`${place}.cpu`, `${cpus} CPUs`, list.length);
    const cpu = list.map((item, i) => this.cpu(item, `${place}.cpu[${i}]`));
    const t = this.array(o['t'], `${place}.t`).map((item, i) => this.words(item, `${place}.t[${i}]`, TASK_FIELDS));
    return { now: this.word(o['now'] ?? null, `${place}.now`), w: this.word(o['w'] ?? null, `${place}.w`), cpu, t };
  }

  private cpu(value: Json, place: string): CpuState {
    const o = this.object(value, place);
    return {
      rq: this.words(o['rq'], `${place}.rq`, RQ_FIELDS),
      cfs: this.array(o['cfs'], `${place}.cfs`).map((q, g) => this.words(q, `${place}.cfs[${g}]`, CFS_FIELDS)),
      gse: this.array(o['gse'], `${place}.gse`).map((e, g) =>
        e === null ? null : this.words(e, `${place}.gse[${g}]`, SE_FIELDS),
      ),
    };
  }
}

function readHeader(reader: LineReader, o: { [key: string]: Json }): Sequence {
  const cpus = reader.integer(o['cpus'], 'cpus');
  if (cpus < 1 || cpus > CPUS_MAX) reader.fault('cpus', `1 to ${CPUS_MAX}`, cpus);
  return {
    seq: reader.integer(o['seq'], 'seq'),
    kind: typeof o['kind'] === 'string' ? o['kind'] : '',
    tree: typeof o['tree'] === 'string' ? o['tree'] : '',
    ...(o['absent'] === undefined ? {} : { absent: reader.names(o['absent'], 'absent') }),
    cpus,
    setup: reader.array(o['setup'], 'setup').map((op, i) => reader.operation(op, `setup[${i}]`, cpus)),
    setup_r: reader.array(o['setup_r'], 'setup_r').map((r, i) => reader.integer(r, `setup_r[${i}]`)),
    state: reader.state(o['state'], 'state', cpus),
    steps: [],
  };
}

function readStep(reader: LineReader, o: { [key: string]: Json }, sequence: Sequence | null): RecordedStep {
  const i = reader.integer(o['i'], 'i');
  if (sequence === null) reader.fault('i', 'a header line before the first step', i);
  else if (i !== sequence.steps.length) reader.fault('i', `step ${sequence.steps.length}`, i);
  return {
    i,
    op: reader.operation(o['op'], 'op', sequence?.cpus ?? CPUS_MAX),
    r: reader.integer(o['r'], 'r'),
    state: reader.state(o['state'], 'state', sequence?.cpus ?? 1),
  };
}

/** Reads a recording: its sequences, and every fault with its line. Empty lines are skipped. */
export function readRecording(text: string): Recording {
  const sequences: Sequence[] = [];
  const faults: RecordingFault[] = [];
  let current: Sequence | null = null;
  const faulty = new Set<Sequence>();
  for (const [n, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const reader = new LineReader(n + 1);
    let value: Json;
    try {
      value = parseBounded(line) as Json;
    } catch {
      const deep = tooDeepAt(line) >= 0;
      reader.fault('line', deep ? `JSON of at most ${DEPTH_MAX} levels` : 'JSON', line.slice(0, 100));
      faults.push(...reader.faults);
      if (current !== null) faulty.add(current);
      continue;
    }
    const o = reader.object(value, 'line');
    if ('seq' in o) {
      current = readHeader(reader, o);
      sequences.push(current);
    } else {
      const step: RecordedStep = readStep(reader, o, current);
      current?.steps.push(step);
    }
    if (reader.faults.length > 0 && current !== null) faulty.add(current);
    faults.push(...reader.faults);
  }
  const good = sequences.filter((sequence) => !faulty.has(sequence));
  return { sequences: good, faults };
}
