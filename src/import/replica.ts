// SPDX-License-Identifier: GPL-2.0-only
/** The model's machine beside a recording: how it begins, and how time passes on it as it did for the kernel. */
import { sub, toBigInt, toNumber } from '../lib/types.js';
import { apply } from '../machine/apply.js';
import { boot } from '../machine/boot.js';
import { legal } from '../machine/event-table.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario, TaskSpec } from '../scenario/scenario.js';
import { RQCF_REQ_SKIP, type sched_entity, type task_struct } from '../sched/sched.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { commsOf, IDLE, type Player, type Who } from './cast.js';
import type { Standing } from './events.js';
import { Assembly, type Operation } from './operations.js';
import type { Recording } from './read-trace.js';

/** Between a recording's time and the model's where one CPU's clock is no reason to wait for another's. */
const NEAR_NS = 50_000;
/** More than anybody lags, ns. */
const FAR = 1_000_000_000n;
/** Operations that are looked through for the next on a CPU. */
const AHEAD = 1000;

const RT_PRIO_MAX = 99;
const NICE_0 = 120;

function taskSpec(player: Player, comm: string): TaskSpec {
  const { prio, begins, pid } = player;
  const spec: TaskSpec = { comm, pid, ...(begins === 'unborn' ? { unborn: true } : { asleep: true }) };
  if (prio >= 100) return prio === NICE_0 ? spec : { ...spec, nice: Math.max(-20, Math.min(19, prio - NICE_0)) };
  return { ...spec, policy: 'fifo', rt_priority: Math.max(1, Math.min(RT_PRIO_MAX, RT_PRIO_MAX - prio)) };
}

/** Its operations are `assembly.operations`; `at` is the one that goes on. */
export class Replica {
  protected readonly m: machine;
  protected readonly k: vmlinux_x86;
  protected readonly assembly: Assembly;
  protected readonly scenario: Scenario;
  protected readonly events: MachineEvent[] = [];
  /** the recording says how long tasks ran, exactly */
  protected readonly exact: boolean;
  protected readonly start: number;
  /** index of the operation */
  protected at = 0;
  /** tasks whose place the recording has named */
  protected readonly given = new Set<Who>();
  /** tasks of which nothing says yet where they stand */
  protected readonly guessed = new Set<Who>();
  /** CPUs whose V is known */
  protected readonly knowsV = new Set<number>();

  constructor(kernel: Kernel, recording: Recording, name: string) {
    this.assembly = new Assembly(recording);
    const { cast, operations } = this.assembly;
    const comms = commsOf(cast);
    this.scenario = {
      name,
      cpus: recording.cpus,
      hz: hzOf(operations),
      eager: false,
      tasks: cast.all.map((player) => taskSpec(player, comms[player.who])),
      events: this.events,
    };
    const slices = cast.all.flatMap(({ first }) =>
      first?.slice === undefined || first.slice === 0 ? [] : [first.slice],
    );
    const slice = mostFrequent(slices);
    if (slice !== null) this.scenario.base_slice = slice;
    if (cast.all.length === 0) this.scenario.tasks = [{ comm: 'nobody', asleep: true }];
    this.exact = operations.some(({ ran }) => ran !== null);
    this.m = boot(kernel, this.scenario);
    this.k = bind(kernel, this.m);
    this.start = toNumber(this.m.sched_clock);
  }

  /* ---- the model ---- */

  protected task(who: Who, cpu: number): task_struct {
    return this.m.task[who === IDLE ? this.m.rq[cpu].idle : this.m.rq.length + who];
  }

  protected se(who: Who): sched_entity {
    return this.m.se[this.task(who, 0).se];
  }

  protected current(cpu: number): Who {
    const { curr, idle } = this.m.rq[cpu];
    return curr === idle ? IDLE : curr - this.m.rq.length;
  }

  protected needs(cpu: number): boolean {
    return this.m.task[this.m.rq[cpu].curr].tif_need_resched === 1;
  }

  protected name(who: Who): string {
    return who === IDLE ? 'the idle task' : (this.scenario.tasks?.[who]?.comm ?? '?');
  }

  protected happen(event: MachineEvent): boolean {
    if (!legal(this.m, event)) return false;
    this.events.push(event);
    apply(this.k, event);
    return true;
  }

  /* ---- the beginning ---- */

  /** Whoever is runnable when the recording begins is queued, and who runs then runs. */
  protected begin(): void {
    const { cast, ranAtFirst } = this.assembly;
    for (const player of cast.all) {
      if (player.begins === 'unborn') continue;
      const delayed = player.begins === 'asleep' && player.first?.delayed === true;
      if (player.begins === 'running' || player.begins === 'queued' || delayed)
        this.happen({ ev: 'wake', cpu: player.cpu, task: this.m.rq.length + player.who, target: player.cpu });
      if (player.first !== null) this.givenAtFirst(player, player.first, delayed);
      else if (player.prio >= 100) this.guessAtFirst(player);
    }
    for (const [cpu, who] of ranAtFirst)
      if (who !== IDLE) this.happen({ ev: 'switch', cpu, task: this.m.rq.length + who });
    for (const player of cast.all) if (player.begins === 'running' && player.first !== null) this.protect(player);
    for (let cpu = 0; cpu < this.m.rq.length; cpu++) this.happen({ ev: 'need_resched', cpu, on: false });
  }

  protected givenAtFirst(player: Player, first: Standing, delayed: boolean): void {
    const se = this.se(player.who);
    const { vruntime } = first;
    const deadline = first.deadline ?? String(BigInt(vruntime) + toBigInt(se.slice));
    const vlag = player.begins === 'asleep' ? (first.vlag ?? '0') : deadline;
    const place = { ev: 'place', task: this.m.rq.length + player.who, vruntime, deadline, vlag } as const;
    this.happen(delayed ? { ...place, delayed: true } : place);
    this.given.add(player.who);
    if (player.begins !== 'asleep') this.knowsV.add(player.cpu);
  }

  /** Nothing says where it stands: a sleeper comes back without lag, and who is queued comes behind all others, until it comes. */
  protected guessAtFirst({ who, begins }: Player): void {
    this.guessed.add(who);
    if (begins !== 'queued') return;
    const vruntime = s64(this.se(who).vruntime);
    const deadline = String(vruntime + FAR);
    this.happen({ ev: 'place', task: this.m.rq.length + who, vruntime: String(vruntime), deadline, vlag: '0' });
  }

  /** Of who runs the recording first says where it is after its first update: here it stands before. */
  protected protect(player: Player): void {
    const { first, who } = player;
    if (first === null) return;
    const ran = this.assembly.operations.find((it) => it.ran?.who === who)?.ran?.ns ?? 0;
    const weight = toBigInt(this.se(who).load.weight) >> 10n;
    const vruntime = BigInt(first.vruntime) - (BigInt(ran) * 1024n) / (weight === 0n ? 1024n : weight);
    const deadline = first.deadline ?? first.vruntime;
    this.happen({
      ev: 'place',
      task: this.m.rq.length + who,
      vruntime: String(vruntime),
      deadline,
      vlag: deadline,
    });
  }

  /* ---- time ---- */

  /** Lets time pass until the operation: so long that current of its CPU has run exactly as long as the recording says. */
  protected passTime(op: Operation): void {
    const { m } = this;
    const now = toNumber(m.sched_clock);
    const shown = this.start + op.at;
    const who = this.current(op.cpu);
    if (who === IDLE || !this.exact) {
      if (shown > now) this.happen({ ev: 'advance', ns: shown - now });
      return;
    }
    const ns = this.ranIn(op, who);
    const rq = m.rq[op.cpu];
    // clock_task may lag behind the clock
    const behind = toNumber(rq.clock) - toNumber(rq.clock_task);
    const exactly = ns === 0 ? now : toNumber(this.se(who).exec_start) + ns + behind;
    const until = m.rq.length === 1 || Math.abs(exactly - shown) < NEAR_NS ? exactly : shown;
    if (until > now) this.happen({ ev: 'advance', ns: until - now });
    const { counted, unseen } = this.ranFor(op, who);
    if (counted !== ns) this.happen({ ev: 'ran', cpu: op.cpu, ns: ns + unseen });
  }

  /**
   * ns that current has run when the operation reads the clock. A wake-up that updates nothing reads it as well, and the schedule() that
   * it asks for does not read it again (rq_clock_skip_update()): what that counts has passed by then.
   */
  protected ranIn(op: Operation, who: Who): number {
    if (op.ran !== null) return op.ran.who === who ? op.ran.ns : 0;
    if (op.is !== 'wake' && op.is !== 'fork') return 0;
    const next = this.nextOn(op);
    const schedules = next !== undefined && (next.is === 'switch' || next.is === 'same');
    return schedules && next.ran?.who === who ? next.ran.ns : 0;
  }

  protected nextOn(op: Operation): Operation | undefined {
    const { operations } = this.assembly;
    for (let i = this.at + 1; i < operations.length && i < this.at + AHEAD; i++)
      if (operations[i].cpu === op.cpu) return operations[i];
    return undefined;
  }

  /** ns that update_curr() would count in the operation, and those that pass without being seen: schedule() may leave the clock as it is. */
  protected ranFor(op: Operation, who: Who): { counted: number; unseen: number } {
    const rq = this.m.rq[op.cpu];
    const since = toNumber(sub(this.m.sched_clock, rq.clock));
    const schedules = (op.is === 'switch' || op.is === 'same') && op.yields === null;
    const unseen = schedules && (rq.clock_update_flags & RQCF_REQ_SKIP) !== 0 ? since : 0;
    const clock = toNumber(rq.clock_task) + since - unseen;
    return { counted: clock - toNumber(this.se(who).exec_start), unseen };
  }
}

export const s64 = (value: Parameters<typeof toBigInt>[0]): bigint => BigInt.asIntN(64, toBigInt(value));

/** Of the ticks on one CPU, the period that most lie apart: 1, 3.3, 4 or 10 ms. */
function hzOf(operations: readonly Operation[]): number {
  const votes = new Map<number, number>();
  const last = new Map<number, number>();
  for (const op of operations) {
    if (op.is !== 'tick') continue;
    const before = last.get(op.cpu);
    last.set(op.cpu, op.at);
    if (before === undefined) continue;
    for (const hz of [100, 250, 300, 1000]) {
      const off = Math.abs(op.at - before - 1e9 / hz);
      if (off < 1e9 / hz / 20) votes.set(hz, (votes.get(hz) ?? 0) + 1);
    }
  }
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? 250;
}

function mostFrequent(numbers: readonly number[]): number | null {
  const votes = new Map<number, number>();
  for (const n of numbers) votes.set(n, (votes.get(n) ?? 0) + 1);
  return [...votes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}
