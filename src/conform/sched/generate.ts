// SPDX-License-Identifier: GPL-2.0-only
/**
 * Random operation sequences for differential runs, in ten kinds and one of its own.
 *
 * Pure: all chance comes from the numbers passed in. Most values come from menus of boundaries (the clamps of
 * slices and shares, ticks just early and just late, one and a full tick), because that is where widths, signs and
 * comparisons differ; the rest is drawn evenly.
 */
import { FEATURE_NAMES } from '../../native/format.js';
import { type Operation, type OpName, operation, SYSCTL_NAMES } from '../../operation/sched.js';

/** A source of u32. */
export type Random = () => number;

/** Marsaglia's xorshift, 32 bits of state: the same numbers everywhere, for one seed. */
export function xorshift32(seed: number): Random {
  // A seed of 0 would stay 0; multiplying spreads neighbouring seeds.
  let x = (Math.imul(seed | 0, 0x9e3779b1) ^ 0x6a09e667) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x;
  };
}

export const KINDS = [
  'flat-nice0',
  'flat-mixed',
  'groups',
  'nested-groups',
  'yieldto-flat',
  'yieldto-groups',
  'extreme-attr',
  'everything',
  'realtime',
  'realtime-storm',
] as const;
/** CPUs go down and come back. WHY not one of the others: which of those a seed makes goes by their number. */
export const HOTPLUG = 'hotplug';
export type Kind = (typeof KINDS)[number] | typeof HOTPLUG;

/** A sequence: `setup` builds tasks and groups on an idle machine, then come `ops`. */
export interface OperationSequence {
  readonly kind: Kind;
  /** every operation but ADVANCE is followed by a RESCHED on its CPU, as on the way back to user space */
  readonly eager_resched: boolean;
  /** after setup */
  readonly tasks: number;
  /** after setup, including the root group */
  readonly groups: number;
  /** ns */
  readonly base_slice: number;
  readonly cpus: number;
  readonly setup: readonly Operation[];
  readonly ops: readonly Operation[];
}

export interface SequenceOptions {
  readonly cpus: number;
  /** operations after setup */
  readonly length: number;
  /** most tasks; 2 to 64 */
  readonly maxTasks?: number;
  /** may start empty queues at virtual times next to a wrap (operation VTIME); true when left out */
  readonly wraps?: boolean;
  /** may switch scheduler features, before anything else and in between (operation FEATURE); true when left out */
  readonly features?: boolean;
  /** what there is to switch and to set; that of the pin when left out */
  readonly menu?: Menu;
  /** longest single step of the clock, ns */
  readonly maxAdvance?: number;
  /** where to look closer */
  readonly focus?: Focus;
}

/** Features and sysctls that are drawn, by their numbers in FEATURE_NAMES and SYSCTL_NAMES. */
export interface Menu {
  readonly features: readonly number[];
  readonly sysctls: readonly number[];
}

/** What a patch is about: the operations that lead there, and the times that its comparisons may turn on. */
export interface Focus {
  /** how often each operation is drawn, beside what its kind draws */
  readonly weights: Partial<Record<OpName, number>>;
  /** ns */
  readonly times: readonly number[];
}

interface Shape {
  readonly groups: boolean;
  readonly nested: boolean;
  readonly nice: 'zero' | 'mixed' | 'extreme';
  /** some tasks become SCHED_FIFO or SCHED_RR; in a storm most of them are, and all may run on several CPUs */
  readonly realtime?: boolean;
  readonly storm?: boolean;
  /** how often each operation is drawn, relative to the others */
  readonly weights: Partial<Record<OpName, number>>;
}

const RUN = { ADVANCE: 30, TICK: 24, RESCHED: 12, SCHEDULE: 4, BLOCK: 5, WAKE: 12, YIELD: 5, FORK: 1 } as const;
const TUNE = { NICE: 3, SETATTR: 3 } as const;
const GROUP = { SHARES: 3, MOVE: 3, GROUP: 1 } as const;
const TO = { YIELD_TO: 24, YIELD: 6, YIELD_TO_RAW: 1, YIELD_RAW: 1 } as const;

const SHAPES: Readonly<Record<Kind, Shape>> = {
  'flat-nice0': { groups: false, nested: false, nice: 'zero', weights: RUN },
  'flat-mixed': { groups: false, nested: false, nice: 'mixed', weights: { ...RUN, ...TUNE } },
  groups: { groups: true, nested: false, nice: 'mixed', weights: { ...RUN, ...GROUP } },
  'nested-groups': { groups: true, nested: true, nice: 'mixed', weights: { ...RUN, ...GROUP } },
  'yieldto-flat': { groups: false, nested: false, nice: 'mixed', weights: { ...RUN, ...TO } },
  'yieldto-groups': { groups: true, nested: true, nice: 'mixed', weights: { ...RUN, ...TO, SHARES: 2 } },
  'extreme-attr': { groups: true, nested: true, nice: 'extreme', weights: { ...RUN, ...TUNE, ...GROUP, SETATTR: 8 } },
  realtime: {
    groups: true,
    nested: true,
    nice: 'mixed',
    realtime: true,
    weights: { ...RUN, ...GROUP, YIELD_TO: 16, NICE: 3, SETATTR: 8, SERVER_TIMER: 16, AFFINITY: 2 },
  },
  'realtime-storm': {
    groups: false,
    nested: false,
    nice: 'mixed',
    realtime: true,
    storm: true,
    weights: {
      ...{ ...RUN, ADVANCE: 12, TICK: 12, BLOCK: 12, WAKE: 24, NICE: 2, FORK: 2 },
      ...{ SETATTR: 8, SETSCHED: 12, RR_SLICE: 1, SERVER_TIMER: 6, AFFINITY: 6 },
    },
  },
  hotplug: {
    groups: true,
    nested: true,
    nice: 'extreme',
    realtime: true,
    weights: { ...RUN, ...TUNE, ...GROUP, FORK: 3, YIELD_TO: 3, AFFINITY: 3, SERVER_TIMER: 3, CPU_DOWN: 4, CPU_UP: 2 },
  },
  everything: {
    groups: true,
    nested: true,
    nice: 'extreme',
    realtime: true,
    weights: { ...RUN, ...TO, ...TUNE, ...GROUP, AFFINITY: 2, GROUP_IDLE: 1, SERVER_TIMER: 3 },
  },
};

const ADVANCES = [0, 1, 999, 1_000, 50_000, 99_999, 100_000, 699_999, 999_999, 1_000_000, 1_000_001, 1_400_000];
const LONG_ADVANCES = [2_800_000, 4_000_000, 10_000_000, 99_999_999, 1_000_000_000, 10_000_000_000];
const SLICES = [0, 1, 99_999, 100_000, 100_001, 700_000, 1_400_000, 3_000_000, 99_999_999, 100_000_000, 100_000_001];
const BASE_SLICES = [100_000, 700_000, 1_400_000, 2_100_000, 2_800_000, 3_000_000];
const SHARES = [1, 2, 3, 15, 512, 1023, 1024, 1025, 2048, 65_536, 262_143, 262_144, 262_145];
const NICES = [-20, -19, -10, -5, -1, 0, 1, 5, 10, 18, 19];
const POLICIES = [0, 0, 0, 3, 5];
/** SCHED_FIFO and SCHED_RR, and their priorities */
const [REALTIME, PRIORITIES] = [
  [1, 2],
  [1, 2, 50, 98, 99],
];
/** SCHED_RESET_ON_FORK */
const RESET_ON_FORK = 0x4000_0000;
/** Virtual times next to 0, to both ends of s64, and far from everything. */
const VTIMES = [0n, -1n, -1_000_000n, 1_000_000_000n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n - 5_000_000n, 2n ** 62n];
const RT_PUSH_IPI = 18;
/** Positions in features.h of the features that mirrored code asks for. */
const FEATURES = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 15, 17, RT_PUSH_IPI, 21, 25];

/** Those of CFS, by name: positions differ from its own features.h. */
const CFS_FEATURES = [
  ...['GENTLE_FAIR_SLEEPERS', 'START_DEBIT', 'LAST_BUDDY', 'SIS_PROP', 'UTIL_EST_FASTUP', 'ALT_PERIOD', 'BASE_SLICE'],
];
const PIN_MENU: Menu = { features: FEATURES, sysctls: [] };
/** ns, around what they are at first with 1, 2, 4 and 8 CPUs */
const LATENCIES = [0, 1, 750_000, 2_250_000, 6_000_000, 12_000_000, 18_000_000, 24_000_000, 4_294_967_295];
const GRANULARITIES = [0, 1, 100_000, 750_000, 1_000_000, 2_000_000, 3_000_000, 100_000_000];

/** What the tree has of what mirrored code reads. Sysctls are those of CFS: a tree without its latency has none. */
export function menuOf(schema: { readonly features: readonly string[]; readonly sysctls: readonly string[] }): Menu {
  const isThere = (id: number): boolean => schema.features.includes(FEATURE_NAMES[id]!);
  const known = [...FEATURES, ...CFS_FEATURES.map((name) => FEATURE_NAMES.indexOf(name))];
  const sysctls = SYSCTL_NAMES.flatMap((name, id) => (schema.sysctls.includes(name) ? [id] : []));
  return {
    features: known.filter(isThere),
    sysctls: sysctls.includes(SYSCTL_NAMES.indexOf('latency_ns')) ? sysctls : [],
  };
}

/** The native engine takes more; a state with more takes long to compare. */
const [MOST_TASKS, MOST_GROUPS] = [80, 8];

class SequenceMaker {
  private readonly shape: Shape;
  private readonly menu: Menu;
  private readonly draw: OpName[];
  /** so far */
  private tasks = 0;
  private groups = 1;

  constructor(
    private readonly random: Random,
    private readonly kind: Kind,
    private readonly options: SequenceOptions,
  ) {
    this.shape = SHAPES[kind];
    this.menu = options.menu ?? PIN_MENU;
    this.draw = Object.entries(this.shape.weights).flatMap(([op, n]) => new Array<OpName>(n).fill(op as OpName));
    if (options.features !== false) this.draw.push('FEATURE');
    if (options.features !== false && this.menu.sysctls.length > 0) this.draw.push('SYSCTL');
    if (options.cpus > 1 && this.shape.weights.AFFINITY === undefined) this.draw.push('AFFINITY');
    for (const [op, n] of Object.entries(options.focus?.weights ?? {})) {
      if (this.possible(op as OpName)) this.draw.push(...new Array<OpName>(n).fill(op as OpName));
    }
  }

  /** Whether the operation can be drawn in sequences of this kind. */
  private possible(op: OpName): boolean {
    if (op === 'SHARES' || op === 'MOVE' || op === 'GROUP' || op === 'GROUP_IDLE') return this.shape.groups;
    return op !== 'FEATURE' || this.options.features !== false;
  }

  private below(n: number): number {
    return this.random() % n;
  }

  private chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  private of<T>(menu: readonly T[]): T {
    return menu[this.below(menu.length)]!;
  }

  private nice(): number {
    if (this.shape.nice === 'zero') return 0;
    if (this.shape.nice === 'extreme') return this.of(NICES);
    return this.below(40) - 20;
  }

  private shares(): number {
    return this.chance(2) ? this.of(SHARES) : 1 + this.below(262_144);
  }

  private slice(): number {
    return this.chance(2) ? this.of(SLICES) : this.below(100_000_000);
  }

  private advance(): number {
    const times = this.options.focus?.times ?? [];
    if (times.length > 0 && this.chance(2)) return Math.max(0, this.of(times) + this.below(3) - 1);
    const most =
      this.options.maxAdvance ??
      (this.shape.nice === 'extreme' || this.shape.realtime === true ? 10_000_000_000 : 100_000_000);
    const ns = this.chance(12) ? this.of(LONG_ADVANCES) : this.chance(3) ? this.below(4_000_000) : this.of(ADVANCES);
    return Math.min(ns, most);
  }

  private cpu(): number {
    return this.below(this.options.cpus);
  }

  private fork(cpu: number): Operation {
    this.tasks++;
    const storm = this.shape.storm === true;
    const anywhere = this.options.cpus > 1 && (storm || this.chance(2)) ? 1 : 0;
    return operation('FORK', { cpu, a: this.nice(), b: this.below(this.groups), flags: anywhere });
  }

  /** In a storm, some of them of whoever runs there, if anybody does. */
  private child(cpu: number): Operation {
    const op = this.fork(cpu);
    return this.shape.storm === true && this.chance(2) ? { ...op, flags: op.flags | 2 } : op;
  }

  private group(): Operation {
    const a = this.shape.nested ? this.below(this.groups) : 0;
    this.groups++;
    return operation('GROUP', { a });
  }

  private attributes(cpu: number, id: number): Operation {
    const isRealtime = this.shape.storm === true ? !this.chance(5) : this.shape.realtime === true && this.chance(4);
    if (isRealtime) return operation('SETATTR', { cpu, id, a: this.of(PRIORITIES), flags: this.of(REALTIME) });
    const flags = this.shape.nice === 'extreme' ? this.of(POLICIES) : 0;
    return operation('SETATTR', { cpu, id, a: this.nice(), b: this.slice(), flags });
  }

  private sysctl(): Operation {
    const id = this.of(this.menu.sysctls);
    const name = SYSCTL_NAMES[id]!;
    const few = name === 'child_runs_first' ? 2 : name === 'tunable_scaling' ? 4 : 0;
    if (few > 0) return operation('SYSCTL', { id, a: this.below(few) });
    return operation('SYSCTL', { id, a: this.of(name === 'latency_ns' ? LATENCIES : GRANULARITIES) });
  }

  /** sched_setscheduler() and its like: by policy and priority, some from an interrupt, or as kernel threads ask for it. */
  private policy(cpu: number, id: number): Operation {
    const b = this.of([0, 0, 0, 1, 1, 1, 2, 3, 4]);
    if (b === 4) return operation('SETSCHED', { cpu, id, a: this.nice(), b });
    const policy = this.chance(4) ? this.of(POLICIES) : this.of(REALTIME);
    const a = REALTIME.includes(policy) ? this.of(PRIORITIES) : 0;
    return operation('SETSCHED', { cpu, id, a, b, flags: b === 0 && this.chance(6) ? policy | RESET_ON_FORK : policy });
  }

  private operation(): Operation {
    const op = this.of(this.draw);
    const cpu = this.cpu();
    const id = this.below(this.tasks);
    switch (op) {
      case 'ADVANCE':
        return operation(op, { a: this.advance() });
      case 'BLOCK':
        return operation(op, { cpu, a: 1 + this.below(2) });
      case 'WAKE':
      case 'YIELD_TO':
      case 'YIELD_TO_RAW':
        return operation(op, { cpu, id });
      case 'NICE':
        return operation(op, { cpu, id, a: this.nice() });
      case 'SETATTR':
        return this.attributes(cpu, id);
      case 'SETSCHED':
        return this.policy(cpu, id);
      case 'RR_SLICE':
        return operation(op, { cpu, a: this.of([1, 2, 5, 100]) });
      case 'AFFINITY':
        return operation(op, { cpu, id, a: 1 + this.below(2 ** this.options.cpus - 1) });
      case 'CPU_DOWN':
      case 'CPU_UP':
        return operation(op, { cpu, id: this.cpu() });
      case 'GROUP_IDLE':
        return operation(op, { cpu, id: this.below(this.groups), a: this.below(2) });
      case 'FEATURE':
        return operation(op, { cpu, id: this.of(this.menu.features), a: this.below(2) });
      case 'SYSCTL':
        return this.sysctl();
      case 'FORK':
        return this.tasks < MOST_TASKS ? this.child(cpu) : operation('TICK', { cpu });
      case 'GROUP':
        return this.groups < MOST_GROUPS ? this.group() : operation('TICK', { cpu });
      case 'MOVE':
        return operation(op, { cpu, id, a: this.below(this.groups) });
      case 'SHARES':
        return operation(op, { cpu, id: 1 + this.below(this.groups - 1), a: this.shares() });
      default:
        return operation(op, { cpu });
    }
  }

  private *knobs(): Iterable<Operation> {
    if (this.options.features === false) return;
    if (this.shape.storm === true && this.chance(3)) yield operation('FEATURE', { id: RT_PUSH_IPI, a: 1 });
    if (!this.chance(3)) return;
    for (let n = 1 + this.below(3); n > 0; n--) {
      yield operation('FEATURE', { id: this.of(this.menu.features), a: this.below(2) });
      if (this.menu.sysctls.length > 0) yield this.sysctl();
    }
  }

  /** WHY: until sched_nr_latency tasks run on a queue, CFS names no last buddy; only a write to tunable_scaling moves it. */
  private *fewForLatency(): Iterable<Operation> {
    const [latency, scaling] = ['latency_ns', 'tunable_scaling'].map((name) => SYSCTL_NAMES.indexOf(name));
    if (this.options.features === false || this.menu.sysctls.length === 0 || !this.chance(2)) return;
    yield operation('SYSCTL', { id: latency!, a: this.of(LATENCIES) });
    yield operation('SYSCTL', { id: scaling!, a: this.below(3) });
  }

  private *virtualTimes(): Iterable<Operation> {
    if (this.options.wraps === false || !this.chance(2)) return;
    for (let id = 0; id < this.groups; id++) {
      for (let cpu = 0; cpu < this.options.cpus; cpu++) {
        yield operation('VTIME', { cpu, id, a: this.of(VTIMES) });
      }
    }
  }

  /** Which CPUs share a cache: none of them in a domain, all, pairs, or some alone. */
  private *caches(): Iterable<Operation> {
    const { cpus } = this.options;
    if (cpus < 2 || this.chance(3)) return;
    const size = this.of([cpus, cpus, 2, 3]);
    for (let cpu = 0; cpu + 1 < cpus; cpu += size) {
      yield operation('LLC', { a: (2 ** Math.min(size, cpus - cpu) - 1) * 2 ** cpu });
    }
  }

  private *setup(base_slice: number): Iterable<Operation> {
    const few = this.options.maxTasks ?? 8;
    const tasks = 1 + this.below(this.chance(4) ? few : Math.min(few, 5));
    yield operation('BASE_SLICE', { a: base_slice });
    yield* this.caches();
    yield* this.knobs();
    yield* this.fewForLatency();
    for (let n = this.shape.groups ? 1 + this.below(4) : 0; n > 0; n--) yield this.group();
    for (let g = 1; g < this.groups; g++) {
      if (this.chance(2)) yield operation('SHARES', { id: g, a: this.shares() });
    }
    yield* this.virtualTimes();
    while (this.tasks < tasks) {
      yield this.fork(this.cpu());
      if (this.shape.storm === true ? !this.chance(4) : this.shape.nice === 'extreme' && this.chance(3))
        yield this.attributes(0, this.tasks - 1);
    }
    for (let cpu = 0; cpu < this.options.cpus; cpu++) yield operation('SCHEDULE', { cpu });
  }

  sequence(): OperationSequence {
    const base_slice = this.of(BASE_SLICES);
    const eager_resched = !this.chance(3);
    const setup = [...this.setup(base_slice)];
    const { kind, tasks, groups } = this;
    const ops: Operation[] = [];
    while (ops.length < this.options.length) {
      const op = this.operation();
      ops.push(op);
      if (eager_resched && op.op !== 'ADVANCE') ops.push(operation('RESCHED', { cpu: op.cpu }));
    }
    ops.length = this.options.length;
    return { kind, eager_resched, tasks, groups, base_slice, cpus: this.options.cpus, setup, ops };
  }
}

/** A sequence of the given kind; the same numbers from `random` give the same sequence. */
export function generateSequence(random: Random, kind: Kind, options: SequenceOptions): OperationSequence {
  return new SequenceMaker(random, kind, options).sequence();
}
