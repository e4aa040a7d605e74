// SPDX-License-Identifier: GPL-2.0-only
/**
 * The recorded run on the model: what only the world decides (wake-ups, sleeps, when a CPU comes out of the kernel) goes in, what the
 * scheduler decides is compared. Where the model decides otherwise that is counted, the model is put where the kernel was, and the rest
 * goes on from there.
 */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { add, s64_toBigInt, toNumber } from '../lib/types.js';
import type { MachineEvent } from '../scenario/events.js';
import { type sched_entity, TASK_NEW, TASK_RUNNING } from '../sched/sched.js';
import type { Kernel } from '../vmlinux/bind.js';
import { IDLE, type Who } from './cast.js';
import { causeOf } from './cause.js';
import { type Difference, type Imported, queueLines } from './difference.js';
import type { Standing } from './events.js';
import type { Operation } from './operations.js';
import type { Note, Recording } from './read-trace.js';
import { Replica, s64 } from './replica.js';

/** Differences that are told at length. */
const SHOWN = 10;
/** A preemption that the model asks for, in a recording without flags, has to come before current has run for so long. */
const PATIENCE_NS = 10_000_000;

const RT_PRIO_MAX = 99;
const NICE_0 = 120;

/** Runs the recording on the kernel. Throws what the kernel throws. */
export function importTrace(kernel: Kernel, recording: Recording, name: string): Imported {
  return new Rebuild(kernel, recording, name).result();
}

class Rebuild extends Replica {
  private readonly out: Imported;
  /** it says where tasks stand */
  private readonly placed: boolean;
  /** by CPU: a decision about need_resched that the recording has not confirmed yet */
  private readonly open: (Operation | null)[];
  /** by CPU: when the model asked for a preemption that has not come */
  private readonly asked: (number | null)[];
  /** woken while they ran */
  private readonly wokenRunning = new Set<Who>();
  /** tasks queued at first that have come */
  private readonly seen = new Set<Who>();
  private readonly lostLines: { line: number; cpu: number | null }[];
  private lostSeen = 0;
  /** by CPU: line of the last loss that may explain what follows */
  private readonly lostAt: (number | null)[];

  constructor(
    private readonly kernel: Kernel,
    private readonly recording: Recording,
    name: string,
  ) {
    super(kernel, recording, name);
    const { operations } = this.assembly;
    this.placed = operations.some(({ standings }) => standings.size > 0);
    this.open = Array.from({ length: recording.cpus }, () => null);
    this.asked = Array.from({ length: recording.cpus }, () => null);
    this.lostAt = Array.from({ length: recording.cpus }, () => null);
    this.lostLines = [...recording.lost].sort((a, b) => a.line - b.line);
    this.out = {
      scenario: this.scenario,
      decisions: 0,
      alike: 0,
      times: 0,
      timesAlike: 0,
      differences: [],
      differing: 0,
      notes: [...recording.notes],
      told: { migrations: 0, placements: 0, yields: this.assembly.yieldsTaken },
    };
  }

  result(): Imported {
    const { cast, operations } = this.assembly;
    if (cast.left > 0)
      this.note(null, 'limit', `${cast.left} events of tasks beyond the ${cast.all.length}th are left out`);
    if (!this.assembly.anyWakes) this.note(null, 'missing', 'no wake-up is recorded: tasks are woken where they come');
    this.begin();
    for (this.at = 0; this.at < operations.length; this.at++) {
      try {
        this.operate(operations[this.at]);
      } catch (thrown) {
        // a result: what is behind it cannot be asked
        if (!(thrown instanceof KernelBug) && !(thrown instanceof NotModelled)) throw thrown;
        this.events.pop();
        this.note(operations[this.at].line, 'limit', `the model ends here: ${thrown.message}`);
        break;
      }
    }
    return this.out;
  }

  private readonly note = (line: number | null, kind: Note['kind'], says: string): unknown =>
    this.out.notes.push({ line, kind, says });

  /* ---- operations ---- */

  private operate(op: Operation): void {
    this.losses(op.line);
    this.consistent(op);
    this.confirm(op);
    this.passTime(op);
    const cpu = op.by;
    switch (op.is) {
      case 'tick':
        this.happen({ ev: 'tick', cpu: op.cpu });
        this.decided(op);
        break;
      case 'same':
        this.keeps(op);
        break;
      case 'requeue':
        this.happen({ ev: 'requeue', cpu, task: this.m.rq.length + op.task, move: op.move });
        this.decided(op);
        break;
      case 'nice':
        this.renice(op);
        this.decided(op);
        break;
      case 'wake':
      case 'fork':
        this.wake(op);
        break;
      case 'migrate':
        this.migrate(op);
        break;
      case 'switch':
        this.switches(op);
        break;
    }
    this.compareTimes(op);
    this.patience(op);
  }

  private losses(line: number): void {
    while (this.lostSeen < this.lostLines.length && this.lostLines[this.lostSeen].line < line) {
      const { cpu, line: at } = this.lostLines[this.lostSeen++];
      for (let c = 0; c < this.lostAt.length; c++) if (cpu === null || cpu === c) this.lostAt[c] = at;
    }
  }

  /** A switch away from a task that does not run here: events between are lost. */
  private consistent(op: Operation): void {
    if (op.is !== 'switch' || this.current(op.cpu) === op.prev) return;
    if (op.prev !== IDLE || this.current(op.cpu) !== IDLE) {
      this.note(
        op.line,
        'missing',
        `${this.name(op.prev)} leaves CPU ${op.cpu}, where ${this.name(this.current(op.cpu))} was`,
      );
      this.lostAt[op.cpu] = op.line;
    }
    this.open[op.cpu] = null;
    this.makeRunnable(op, op.prev);
    this.happen({ ev: 'switch', cpu: op.cpu, task: this.task(op.prev, op.cpu).id });
  }

  /** Runnable on the operation's CPU, whatever the recording lacks of how that came. */
  private makeRunnable(op: Operation, who: Who): void {
    if (who === IDLE) return;
    const p = this.task(who, op.cpu);
    const se = this.se(who);
    if (p.__state === TASK_NEW) {
      this.note(op.line, 'missing', `sched_wakeup_new of ${this.name(who)} is missing`);
      this.happen({ ev: 'fork', cpu: op.cpu, task: p.id, target: op.cpu });
    } else if (p.on_rq === 0 || se.sched_delayed === 1) {
      if (this.assembly.anyWakes) {
        this.note(op.line, 'missing', `sched_wakeup of ${this.name(who)} is missing`);
        this.lostAt[op.cpu] = op.line;
      }
      this.happen({ ev: 'wake', cpu: op.cpu, task: p.id, target: op.cpu });
    }
    if (p.cpu === op.cpu) return;
    if (this.m.rq[p.cpu].curr === p.id) {
      this.note(op.line, 'missing', `sched_switch away from ${this.name(who)} on CPU ${p.cpu} is missing`);
      this.happen({ ev: 'switch', cpu: p.cpu, task: this.m.rq[p.cpu].idle });
    }
    this.note(op.line, 'missing', `sched_migrate_task of ${this.name(who)} to CPU ${op.cpu} is missing`);
    this.happen({ ev: 'migrate', cpu: op.cpu, task: p.id, target: op.cpu });
  }

  private renice(op: Operation & { is: 'nice' }): void {
    const task = this.m.rq.length + op.task;
    if (op.prio >= 100 && this.task(op.task, 0).prio >= 100) {
      this.happen({ ev: 'nice', cpu: op.by, task, nice: Math.max(-20, Math.min(19, op.prio - NICE_0)) });
      return;
    }
    const policy = op.prio >= 100 ? 0 : 1;
    const priority = policy === 0 ? 0 : Math.max(1, Math.min(RT_PRIO_MAX, RT_PRIO_MAX - op.prio));
    const nice = policy === 0 ? Math.max(-20, Math.min(19, op.prio - NICE_0)) : 0;
    this.happen({ ev: 'setattr', cpu: op.by, task, policy, nice, slice: 0, priority });
  }

  private wake(op: Operation & { is: 'wake' | 'fork' }): void {
    const p = this.task(op.task, op.cpu);
    if (p.__state === TASK_RUNNING && op.is === 'wake') {
      this.wokenRunning.add(op.task);
      return;
    }
    const isNew = p.__state === TASK_NEW;
    if (p.on_rq === 1 && p.cpu !== op.cpu && !isNew) {
      // still queued where it went to sleep: the kernel took it off first
      this.happen({ ev: 'migrate', cpu: op.by, task: p.id, target: op.cpu });
    }
    this.happen({ ev: isNew ? 'fork' : 'wake', cpu: op.by, task: p.id, target: op.cpu });
    if (p.on_rq === 1 && p.cpu !== op.cpu) this.happen({ ev: 'migrate', cpu: op.by, task: p.id, target: op.cpu });
    this.decided(op);
    if (op.after !== null) this.confirmAs(op.cpu, op.after, op.line, op.at);
  }

  private migrate(op: Operation & { is: 'migrate' }): void {
    const p = this.task(op.task, op.cpu);
    if (p.on_rq !== 1 || p.cpu === op.to) return;
    this.out.told.migrations++;
    this.happen({ ev: 'migrate', cpu: op.by, task: p.id, target: op.to });
    this.decided(op);
  }

  /* ---- need_resched ---- */

  /** The kernel has just decided whether current of the CPU is to go. */
  private decided(op: Operation): void {
    this.open[op.cpu] = op;
    if (this.needs(op.cpu)) this.asked[op.cpu] ??= this.ranAll(op.cpu);
  }

  private ranAll(cpu: number): number {
    const who = this.current(cpu);
    return who === IDLE ? 0 : toNumber(this.se(who).sum_exec_runtime);
  }

  /** What the recording shows of need_resched before the operation. */
  private confirm(op: Operation): void {
    if (op.before !== null) this.confirmAs(op.by, op.before, op.line, op.at);
  }

  private confirmAs(cpu: number, shown: boolean, line: number, at: number): void {
    const needs = this.needs(cpu);
    const after = this.open[cpu];
    this.open[cpu] = null;
    if (after !== null) {
      this.out.decisions++;
      if (needs === shown) this.out.alike++;
      else
        this.differs({
          line,
          at,
          cpu,
          kernel: shown ? `asks ${this.name(this.current(cpu))} to go` : `lets ${this.name(this.current(cpu))} run on`,
          model: needs ? 'asks it to go' : 'lets it run on',
          why: after,
        });
    }
    if (needs === shown) return;
    this.happen({ ev: 'need_resched', cpu, on: shown });
    this.asked[cpu] = null;
  }

  /** Without flags, a preemption that does not come shows by current running on. */
  private patience(op: Operation): void {
    const { cpu } = op;
    const since = this.asked[cpu];
    if (since === null) return;
    if (!this.needs(cpu)) {
      this.asked[cpu] = null;
      return;
    }
    if (op.before !== null || this.ranAll(cpu) - since < PATIENCE_NS) return;
    this.out.decisions++;
    const after = this.open[cpu] ?? op;
    const who = this.name(this.current(cpu));
    this.differs({
      line: op.line,
      at: op.at,
      cpu,
      kernel: `lets ${who} run on for ${PATIENCE_NS / 1e6} ms`,
      model: 'asks it to go',
      why: after,
    });
    this.open[cpu] = null;
    this.asked[cpu] = null;
    this.happen({ ev: 'need_resched', cpu, on: false });
  }

  /* ---- schedule() ---- */

  private keeps(op: Operation & { is: 'same' }): void {
    const { cpu } = op;
    const prev = this.current(cpu);
    if (prev === IDLE) return;
    const queue = this.queueNow(cpu);
    this.open[cpu] = null;
    this.out.decisions++;
    if (op.yields === 'nobody') this.happen({ ev: 'yield', cpu });
    else if (op.yields !== null) this.happen({ ev: 'yield_to', cpu, task: this.task(op.yields, cpu).id });
    else this.happen({ ev: this.needs(cpu) ? 'resched' : 'schedule', cpu });
    const picked = this.current(cpu);
    if (picked === prev) {
      this.out.alike++;
      return;
    }
    this.differs(
      { ...op, kernel: `picks ${this.name(prev)} again`, model: `picks ${this.name(picked)}`, why: op },
      queue,
    );
    this.adapt(op, prev, picked);
    this.happen({ ev: 'switch', cpu, task: this.task(prev, cpu).id });
  }

  private switches(op: Operation & { is: 'switch' }): void {
    const { cpu, next } = op;
    this.makeRunnable(op, next);
    const queue = this.queueNow(cpu);
    this.out.decisions++;
    const unasked = this.leave(op);
    this.open[cpu] = null;
    this.asked[cpu] = null;
    this.wokenRunning.delete(op.prev);
    const picked = this.current(cpu);
    if (picked === next && !unasked) {
      this.out.alike++;
      this.arrived(op);
      return;
    }
    const state = op.state === 'R+' ? 'R' : op.state;
    const kernel = `${this.name(op.prev)} [${state}] ==> ${this.name(next)}`;
    const model = unasked ? `lets ${this.name(op.prev)} run on` : `picks ${this.name(picked)}`;
    this.differs({ ...op, kernel, model, why: op }, queue);
    if (picked !== next) {
      this.adapt(op, next, picked);
      this.happen({ ev: 'switch', cpu, task: this.task(next, cpu).id });
    }
    this.arrived(op);
  }

  /** Who was put behind all others has come: from here on its deadline is a slice away, as far as anybody knows. */
  private arrived(op: Operation & { is: 'switch' }): void {
    const { next } = op;
    if (this.placed || next === IDLE || this.assembly.cast.all[next].begins !== 'queued' || this.seen.has(next)) return;
    this.seen.add(next);
    this.guessed.delete(next);
    const se = this.se(next);
    const until = s64(add(se.vruntime, this.k.calc_delta_fair(se.slice, se)));
    if (se.on_rq !== 0 && s64(se.deadline) > until) this.guess(op, next, s64(se.vruntime), until);
  }

  /** prev leaves as it did; whether it was preempted where the model asked for nothing. */
  private leave(op: Operation & { is: 'switch' }): boolean {
    const { cpu, prev, state, yields } = op;
    if (prev === IDLE) {
      if (!this.needs(cpu)) this.happen({ ev: 'need_resched', cpu, on: true });
      this.happen({ ev: 'resched', cpu });
      return false;
    }
    if (!/^R/.test(state)) {
      this.happen({ ev: 'block', cpu, ...blockState(state) });
      return false;
    }
    if (yields === 'nobody') this.happen({ ev: 'yield', cpu });
    else if (yields !== null) this.happen({ ev: 'yield_to', cpu, task: this.task(yields, cpu).id });
    else if (this.needs(cpu) || this.asksByTick(op)) this.happen({ ev: 'resched', cpu });
    else if (this.wokenRunning.has(prev) || op.before === false) this.happen({ ev: 'schedule', cpu });
    else {
      this.happen({ ev: 'need_resched', cpu, on: true });
      this.happen({ ev: 'resched', cpu });
      return true;
    }
    return false;
  }

  /** Without flags, what current ran until a tick may stand with the switch that the tick asked for. */
  private asksByTick(op: Operation & { is: 'switch' }): boolean {
    if (op.before !== null || op.ran === null || this.wokenRunning.has(op.prev)) return false;
    this.happen({ ev: 'tick', cpu: op.cpu });
    return this.needs(op.cpu);
  }

  private queueNow(cpu: number): string[] {
    return this.out.differences.length < SHOWN ? queueLines(this.m, cpu) : [];
  }

  /**
   * Where nothing says where tasks stand, a pick does: who was picked was eligible and had the earliest deadline. A task of which that is
   * the first that is known is put there; one of which nothing is known yet, and that was not picked, goes behind it.
   */
  private adapt(op: Operation, real: Who, model: Who): void {
    if (this.placed || real === IDLE || model === IDLE || real === model) return;
    const se = this.se(real);
    const other = this.se(model);
    if (se.on_rq === 0 || other.on_rq === 0 || se.cfs_rq !== other.cfs_rq) return;
    const [at, by] = [s64(se.vruntime), s64(other.vruntime)];
    if (this.guessed.has(model) && !this.guessed.has(real)) {
      const behind = s64(se.deadline) + 1n - s64(other.deadline);
      this.guess(op, model, by + (behind > 0n ? behind : 0n), s64(other.deadline) + (behind > 0n ? behind : 0n));
      return;
    }
    this.guessed.delete(real);
    const [vruntime] = [at, by].sort((a, b) => Number(a - b));
    const latest = s64(other.deadline) - 1n;
    const own = s64(se.deadline);
    this.guess(op, real, vruntime, own < latest ? own : latest);
  }

  private guess(op: Operation, who: Who, vruntime: bigint, deadline: bigint): void {
    this.out.told.placements++;
    const vlag = String(s64_toBigInt(this.se(who).vlag));
    const task = this.task(who, op.cpu).id;
    this.happen({ ev: 'place', task, vruntime: String(vruntime), deadline: String(deadline), vlag });
  }

  /* ---- virtual times ---- */

  private compareTimes(op: Operation): void {
    for (const [who, standing] of op.standings) {
      const se = this.se(who);
      if (this.task(who, op.cpu).sched_class !== 'fair_sched_class') continue;
      const isKnown = this.given.has(who) || this.knowsV.has(this.task(who, op.cpu).cpu);
      const wanted = BigInt(standing.vruntime);
      const lag = se.on_rq === 0 && standing.vlag !== undefined ? BigInt(standing.vlag) : null;
      const deadline =
        se.on_rq !== 0 && se.rel_deadline === 0 && standing.deadline !== undefined ? BigInt(standing.deadline) : null;
      const alike =
        s64(se.vruntime) === wanted &&
        (lag === null || s64_toBigInt(se.vlag) === lag) &&
        (deadline === null || s64(se.deadline) === deadline);
      if (isKnown) {
        this.out.times++;
        if (alike) this.out.timesAlike++;
        else this.timeDiffers(op, who, se, standing);
      }
      this.given.add(who);
      if (se.on_rq !== 0) this.knowsV.add(this.task(who, op.cpu).cpu);
      if (alike) continue;
      this.happen({
        ev: 'place',
        task: this.task(who, op.cpu).id,
        vruntime: standing.vruntime,
        deadline: String(deadline ?? s64(se.deadline)),
        vlag: String(lag ?? s64_toBigInt(se.vlag)),
      });
    }
  }

  private timeDiffers(op: Operation, who: Who, se: sched_entity, standing: Standing): void {
    const off = s64(se.vruntime) - BigInt(standing.vruntime);
    const what =
      off !== 0n
        ? { kernel: `vruntime ${standing.vruntime}`, model: `vruntime ${s64(se.vruntime)}` }
        : se.on_rq === 0
          ? { kernel: `vlag ${standing.vlag}`, model: `vlag ${s64_toBigInt(se.vlag)}` }
          : { kernel: `deadline ${standing.deadline}`, model: `deadline ${s64(se.deadline)}` };
    this.differs({
      line: op.line,
      at: op.at,
      cpu: op.cpu,
      kernel: `${this.name(who)} has ${what.kernel} after ${op.is}`,
      model: what.model,
      why: op,
    });
  }

  /* ---- differences ---- */

  private cause(op: Operation): string {
    return causeOf(op, {
      all: this.assembly.cast.all,
      kernel: this.kernel.name,
      lost: this.lostAt[op.cpu],
      current: this.current(op.cpu),
      balanced: this.recording.cpus > 1 && this.out.told.migrations > 0,
      placed: this.placed,
      exact: this.exact,
      given: this.given,
      name: (who) => this.name(who),
      prio: (who) => this.task(who, op.cpu).prio,
    });
  }

  private differs(
    d: Pick<Difference, 'line' | 'at' | 'cpu' | 'kernel' | 'model'> & { why: Operation },
    queue: string[] = this.queueNow(d.cpu),
  ): void {
    this.out.differing++;
    if (this.out.differences.length >= SHOWN) return;
    const { why, line, at, cpu, kernel, model } = d;
    this.out.differences.push({ line, at, cpu, kernel, model, queue, cause: this.cause(why) });
  }
}

type Block = Extract<MachineEvent, { ev: 'block' }>;

/** By the letter that sched_switch prints first. */
function blockState(state: string): Pick<Block, 'state'> {
  const letter = state[0];
  if (letter === 'Z' || letter === 'X' || letter === 'x') return { state: 'X' };
  if (letter === 'D' || letter === 'I' || letter === 'T' || letter === 't' || letter === 'P') return { state: letter };
  return letter === 'S' ? {} : { state: 'D' };
}
