// SPDX-License-Identifier: GPL-2.0-only
/**
 * Single functions of model and C code on the same operands, the extreme ones above all: each call has a queue, its
 * current entity and an entity of its own, set up from the operands, and everything that it may change is compared.
 */
import { type i64, mul_u64_u32_shr, s64, u64 } from '../../lib/types.js';
import type { NativeEngine } from '../../native/engine.js';
import { allocTask } from '../../sched/boot-sched.js';
import { type cfs_rq, NULL, type sched_entity } from '../../sched/sched.js';
import type { vmlinux_6_1 } from '../../series/linux-v6.1/adds.js';
import type { Kernel } from '../../vmlinux/bind.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { Random } from './generate.js';
import { modelEngine } from './model-engine.js';

type Operands = Readonly<Record<string, bigint>>;

interface Scratch {
  readonly k: vmlinux_x86;
  readonly c: cfs_rq;
  readonly s: sched_entity;
  readonly curr: sched_entity;
  readonly a: Operands;
}

const U = (x: bigint) => u64(BigInt.asUintN(64, x));
const S = (x: bigint) => s64(BigInt.asIntN(64, x));
const N = (x: bigint) => Number(BigInt.asUintN(32, x));
const signed = (x: i64): bigint => BigInt.asIntN(64, BigInt(x as unknown as number | bigint));

/** What is called, and what it returns as a number; the operands x, y and z are the function's own. */
const CALLS: Readonly<Record<string, (t: Scratch) => bigint>> = {
  mul_u64_u32_shr: ({ a }) => signed(mul_u64_u32_shr(U(a.x!), N(a.y!), N(a.z!))),
  calc_delta_fair: ({ k, s, a }) => signed(k.calc_delta_fair(U(a.x!), s)),
  __calc_delta: ({ k, s, a }) => signed(k.__calc_delta(U(a.x!), U(a.y!), s.load)),
  decay_load: ({ k, a }) => signed(k.decay_load(U(a.x!), U(a.y!))),
  __accumulate_pelt_segments: ({ k, a }) => BigInt(k.__accumulate_pelt_segments(U(a.x!), N(a.y!), N(a.z!))),
  avg_vruntime: ({ k, c }) => signed(k.avg_vruntime(c)),
  vruntime_eligible: ({ k, c, a }) => BigInt(k.vruntime_eligible(c, U(a.x!))),
  entity_eligible: ({ k, c, s }) => BigInt(k.entity_eligible(c, s)),
  entity_lag: ({ k, s, a }) => signed(k.entity_lag(U(a.x!), s)),
  update_deadline: ({ k, c, s }) => nothing(k.update_deadline(c, s)),
  place_entity: ({ k, c, s, a }) => nothing(k.place_entity(c, s, N(a.x!))),
  reweight_entity: ({ k, c, s, a }) => nothing(k.reweight_entity(c, s, U(a.x!))),
  reweight_eevdf: ({ k, s, a }) => nothing(k.reweight_eevdf(s, U(a.x!), U(a.y!))),
  update_entity_lag: ({ k, c, s }) => nothing(k.update_entity_lag(c, s)),
  // before EEVDF
  __sched_period: ({ k, a }) => signed(cfs(k).__sched_period(U(a.x!))),
  sched_slice: ({ k, c, s }) => signed(cfs(k).sched_slice(c, s)),
  sched_vslice: ({ k, c, s }) => signed(cfs(k).sched_vslice(c, s)),
  wakeup_gran: ({ k, s }) => signed(cfs(k).wakeup_gran(s)),
  wakeup_preempt_entity: ({ k, s, curr }) => BigInt(cfs(k).wakeup_preempt_entity(curr, s)),
  update_min_vruntime: ({ k, c }) => nothing(cfs(k).update_min_vruntime(c)),
};
const nothing = (_: unknown) => 0n;
/** The kernel that has the function, for it is in its table. */
const cfs = (k: vmlinux_x86) => k as vmlinux_6_1;

/** The functions that can be called singly. */
export const SINGLE_FUNCTIONS: readonly string[] = Object.keys(CALLS);

function setUp({ k, c, s, curr, a }: Scratch): void {
  const clock = k.rq_clock_task(k.rq_of(c));
  if (k.m.sysctl_sched_min_granularity === undefined) k.m.sysctl_sched_base_slice = N(a.base_slice!);
  else k.m.sysctl_sched_min_granularity = N(a.base_slice!);
  c.tasks_timeline.rb_node = NULL;
  c.tasks_timeline.rb_leftmost = NULL;
  if (c.min_vruntime === undefined) c.zero_vruntime = U(a.zero_vruntime!);
  else c.min_vruntime = U(a.zero_vruntime!);
  c.avg_vruntime = S(a.sum_w_vruntime!);
  c.avg_load = U(a.sum_weight!);
  c.load.weight = U(a.load!);
  c.load.inv_weight = 0;
  c.nr_running = N(a.nr_queued!);
  c.curr = a.curr_is === 1n ? curr.id : a.curr_is === 2n ? s.id : NULL;
  for (const se of [s, curr]) {
    se.cfs_rq = c.id;
    se.exec_start = clock;
    se.load.inv_weight = 0;
    se.avg.load_avg = U(0n);
    se.avg.load_sum = U(0n);
    se.min_vruntime = U(0n);
    se.min_slice = U(0n);
  }
  curr.load.weight = U(a.curr_weight!);
  curr.vruntime = U(a.curr_vruntime!);
  curr.on_rq = N(a.curr_on_rq!);
  s.load.weight = U(a.weight!);
  s.vruntime = U(a.vruntime!);
  s.deadline = U(a.deadline!);
  s.vlag = S(a.vlag!);
  s.slice = U(a.slice!);
  s.on_rq = N(a.on_rq!);
  s.custom_slice = N(a.custom_slice!);
  s.rel_deadline = N(a.rel_deadline!);
  if (s.on_rq && c.curr !== s.id) k.__enqueue_entity(c, s);
}

function results({ c, s }: Scratch, r: bigint): bigint[] {
  const entity = [s.load.weight, s.vruntime, s.deadline, s.vlag, s.slice].map(signed);
  const queue = [c.min_vruntime ?? c.zero_vruntime, c.avg_vruntime, c.avg_load, c.load.weight].map(signed);
  return [r, ...entity, BigInt(s.rel_deadline), signed(s.min_vruntime), ...queue];
}

// ---- operands ------------------------------------------------------------------------------------------------------

const P = (n: number) => 1n << BigInt(n);
const EDGES = [
  0n,
  1n,
  2n,
  1023n,
  1024n,
  1025n,
  P(31) - 1n,
  P(31),
  P(32) - 1n,
  P(32),
  P(53),
  P(62),
  P(63) - 1n,
  P(63),
  P(64) - 1n,
];
const SLICES = [0n, 1n, 99_999n, 100_000n, 700_000n, 1_400_000n, 3_000_000n, 100_000_000n, P(32)];
/** of nice 19, 5, 0, -5 and -20, of the least and the largest shares; scaled */
const WEIGHTS = [15n, 335n, 1024n, 3121n, 88_761n, 2n, 262_144n].map((w) => w << 10n);

class OperandMaker {
  constructor(private readonly random: Random) {}

  private below(n: number): number {
    return this.random() % n;
  }

  private of<T>(menu: readonly T[]): T {
    return menu[this.below(menu.length)]!;
  }

  private any(): bigint {
    return (BigInt(this.random()) << 32n) | BigInt(this.random());
  }

  /** An edge, something near one, something near 0 or anything. */
  private u64(): bigint {
    const kind = this.below(8);
    if (kind === 0) return this.any();
    if (kind < 3) return this.of(EDGES) + BigInt(this.below(2000) - 1000);
    if (kind < 5) return BigInt(this.below(20_000_000) - 10_000_000);
    return this.of(EDGES);
  }

  private near(base: bigint): bigint {
    return this.below(4) === 0 ? this.u64() : base + BigInt(this.below(40_000_000) - 20_000_000);
  }

  private weight(): bigint {
    return this.below(2) === 0 ? this.of(WEIGHTS) : BigInt(2048 + this.below(300_000_000));
  }

  /** Operands for `name`; weights are such as an entity can have, because others divide by 0. */
  operands(name: string): Operands {
    const zero = this.u64();
    const on_rq = BigInt(this.below(2));
    const slice = this.of(SLICES);
    const common = {
      base_slice: this.of([700_000n, 1_400_000n, 2_800_000n]),
      zero_vruntime: zero,
      sum_w_vruntime: this.below(2) === 0 ? this.u64() : BigInt(this.below(2 ** 31)) - P(30),
      sum_weight: this.below(3) === 0 ? 0n : BigInt(2 + this.below(2_000_000)),
      load: this.weight() * 4n,
      nr_queued: BigInt(this.below(5)),
      curr_is: BigInt(this.below(3)),
      curr_weight: this.weight(),
      curr_vruntime: this.near(zero),
      curr_on_rq: BigInt(this.below(2)),
      weight: this.weight(),
      vruntime: this.near(zero),
      deadline: this.near(zero),
      vlag: this.below(2) === 0 ? this.u64() : BigInt(this.below(40_000_000) - 20_000_000),
      slice,
      on_rq,
      custom_slice: BigInt(this.below(2)),
      rel_deadline: BigInt(this.below(2)),
    };
    return { ...common, ...this.own(name, zero, common) };
  }

  private own(name: string, zero: bigint, common: { curr_is: bigint }): Partial<Record<string, bigint>> {
    const xyz = { x: this.u64(), y: this.u64(), z: this.u64() };
    switch (name) {
      case 'mul_u64_u32_shr':
        return { ...xyz, z: BigInt(this.below(64)) };
      case '__calc_delta':
        return { ...xyz, y: this.weight() };
      case 'decay_load':
        return { ...xyz, y: this.below(3) === 0 ? this.u64() : BigInt(this.below(2100)) };
      case '__accumulate_pelt_segments':
        return { x: BigInt(this.below(3000)), y: BigInt(this.below(1024)), z: BigInt(this.below(1024)) };
      case 'vruntime_eligible':
      case 'entity_lag':
        return { ...xyz, x: this.near(zero) };
      case 'place_entity':
        // ENQUEUE_INITIAL or a wake-up; a placed entity is not queued.
        return {
          x: this.of([0n, 1n, 0x80n]),
          y: 0n,
          z: 0n,
          on_rq: 0n,
          curr_is: common.curr_is === 2n ? 1n : common.curr_is,
        };
      case 'reweight_entity':
        return { x: this.weight(), y: 0n, z: 0n };
      case 'reweight_eevdf':
        return { x: this.near(zero), y: this.weight(), z: 0n };
      case 'update_entity_lag':
        return { ...xyz, on_rq: 1n };
      default:
        return xyz;
    }
  }
}

// ---- comparison ------------------------------------------------------------------------------------------------------

export interface SingleDifference {
  readonly name: string;
  readonly operands: Operands;
  /** `r`, `vruntime` ... */
  readonly field: string;
  readonly model: string;
  readonly native: string;
}

export interface SingleResult {
  readonly functions: number;
  readonly calls: number;
  /** that the tree does not have, or not with these parameters */
  readonly absent: readonly string[];
  readonly differences: readonly SingleDifference[];
}

/** mul_u64_u32_shr() is an operation on integers here. */
export const isMirrored = (kernel: Kernel, name: string): boolean =>
  kernel.table[name] !== undefined || name === 'mul_u64_u32_shr';

/** Calls every function `calls` times on both; at most one difference a function. */
export function compareSingleFunctions(
  kernel: Kernel,
  native: NativeEngine,
  random: Random,
  calls: number,
): SingleResult {
  const maker = new OperandMaker(random);
  const k = modelEngine(kernel, 1).kernel;
  const [task, other] = [allocTask(k), allocTask(k)];
  const place = { k, c: k.m.cfs_rq[k.m.rq[0]!.cfs]!, s: k.m.se[task.se]!, curr: k.m.se[other.se]! };
  const differences: SingleDifference[] = [];
  const { calls: there, call_results: columns } = native.schema;
  const known = SINGLE_FUNCTIONS.filter((name) => there.includes(name) && isMirrored(kernel, name));
  const compared = (at: number) => !native.schema.absent.includes(columns[at]!);
  let done = 0;
  for (const name of known) {
    const rows = Array.from({ length: calls }, () => maker.operands(name));
    const wrapped = rows.map((a) =>
      Object.fromEntries(Object.entries(a).map(([key, x]) => [key, BigInt.asIntN(64, x)])),
    );
    native.reset();
    const theirs = native.call(name, wrapped);
    for (const [i, a] of wrapped.entries()) {
      const scratch: Scratch = { ...place, a };
      setUp(scratch);
      const ours = results(scratch, CALLS[name]!(scratch));
      done++;
      const expected = theirs.rows[i];
      const at = expected === undefined ? 0 : ours.findIndex((x, j) => x !== BigInt(expected[j] ?? 0) && compared(j));
      if (at < 0) continue;
      const said = expected === undefined ? String(theirs.ending?.what) : String(expected[at]);
      differences.push({
        name,
        operands: a,
        field: columns[at]!,
        model: String(ours[at]),
        native: said,
      });
      break;
    }
  }
  return {
    functions: known.length,
    calls: done,
    absent: SINGLE_FUNCTIONS.filter((name) => !there.includes(name) && isMirrored(kernel, name)),
    differences,
  };
}
