// SPDX-License-Identifier: GPL-2.0-only
/**
 * What the kernel did, operation by operation: the lines that one call of the scheduler has printed, put together.
 *
 * A line of sched_stat_runtime belongs to what follows on its CPU: to the wake-up or fork whose queue's current it names, to the switch
 * that its task leaves by, else to a tick, or to a schedule() that kept current.
 */
import { Cast, IDLE, type Player, type Who } from './cast.js';
import type { Named, Standing, TraceEvent } from './events.js';
import type { Recording } from './read-trace.js';

interface Common {
  /** of the file */
  line: number;
  /** ns since the first line */
  at: number;
  /** the CPU that executes it */
  by: number;
  /** the CPU whose queue it is about */
  cpu: number;
  /** how long the current of `cpu` ran until now since its last update, as sched_stat_runtime says; null when it says nothing */
  ran: { who: Who; ns: number } | null;
  /** need_resched on `by` before it and after it; null where the recording does not show it */
  before: boolean | null;
  after: boolean | null;
  /** where tasks stand after it */
  standings: ReadonlyMap<Who, Standing>;
}

/** By sched_yield(), or by yield_to() to that task; null: not that anybody knew. */
type Yields = 'nobody' | Who | null;

export type Operation = Common &
  (
    | { is: 'tick' }
    /** schedule() that kept current */
    | { is: 'same'; yields: Yields }
    | { is: 'requeue'; task: Who; move: boolean }
    | { is: 'nice'; task: Who; prio: number }
    | { is: 'wake' | 'fork'; task: Who }
    | { is: 'migrate'; task: Who; to: number }
    | { is: 'switch'; prev: Who; state: string; next: Who; yields: Yields }
  );

/** Lines of a CPU that no operation has yet. */
interface Pending {
  line: number;
  at: number;
  before: boolean | null;
  ran: { who: Who; ns: number } | null;
  hardirq: boolean | null;
  wakes: Who | null;
  /** the CPU that `wakes` is woken on, where sched_wakeup is not recorded */
  wakesOn: number | null;
  standings: Map<Who, Standing>;
  tick: boolean;
  picked: boolean;
  requeue: { task: Who; move: boolean } | null;
  yields: Yields;
}

/** HvCallNotifyLongSpinWait, KVM_HC_SCHED_YIELD, PAUSE: kvm_vcpu_on_spin(), or a yield to one vCPU */
function isSpin(event: string, text: string): boolean {
  if (event === 'kvm_hv_hypercall') return /\bcode 0x8\b/.test(text);
  if (event === 'kvm_hypercall') return /\bnr 0xb\b/.test(text);
  return event === 'kvm_exit' && /\breason (?:PAUSE\w*|pause)\b/.test(text);
}

/** DEQUEUE_SAVE, DEQUEUE_MOVE of kernel/sched/sched.h */
const SAVE = 0x2;
const MOVE = 0x4;

export class Assembly {
  readonly cast = new Cast();
  readonly operations: Operation[] = [];
  /** by CPU; undefined before its first line */
  readonly curr: (Who | undefined)[] = [];
  /** of each CPU that has lines, who ran on it when they begin */
  readonly ranAtFirst = new Map<number, Who>();
  /** directed yields that nothing but an exit of the guest shows */
  yieldsTaken = 0;
  private readonly pending = new Map<number, Pending>();
  private readonly shown: (boolean | null)[] = [];
  /** vCPUs whose exit makes KVM yield to another: until they enter again */
  private readonly spins = new Set<Who>();
  private readonly exiting = new Set<Who>();
  private readonly prio = new Map<Who, { prio: number; from: number }>();
  private readonly lastCpu = new Map<Who, number>();
  private readonly foreseen = new Map<number, Player['begins']>();
  private readonly wakeups: boolean;
  /** sched_waking or sched_wakeup is recorded */
  readonly anyWakes: boolean;
  private readonly idled = new Set<number>();

  constructor(recording: Recording) {
    this.wakeups = recording.events.some((it) => it.is === 'wakeup');
    this.anyWakes = this.wakeups || recording.events.some((it) => it.is === 'waking');
    for (const event of recording.events) this.foresee(event);
    for (const event of recording.events) this.take(event);
    for (const cpu of [...this.pending.keys()]) this.flush(cpu, null);
  }

  /** How each pid begins, by the first tracepoint that names it: a probe may name it before. */
  private foresee(e: TraceEvent): void {
    const sees = ({ pid }: Named, begins: Player['begins']): void => {
      if (!this.foreseen.has(pid)) this.foreseen.set(pid, begins);
    };
    switch (e.is) {
      case 'switch':
        sees(e.prev, 'running');
        // a CPU that was idle had nobody queued, and where no wake-up is recorded anybody may have slept
        sees(e.next, this.idled.has(e.cpu) || !this.anyWakes ? 'asleep' : 'queued');
        if (e.next.pid === 0) this.idled.add(e.cpu);
        return;
      case 'waking':
      case 'wakeup':
        sees(e.task, 'asleep');
        return;
      case 'wakeup_new':
        sees(e.task, 'unborn');
        return;
      case 'fork':
        sees(e.child, 'unborn');
        return;
      case 'runtime':
        sees(e.task, 'running');
        return;
      case 'migrate':
        sees(e.task, 'queued');
        return;
      default:
    }
  }

  /** Who stands there: nobody where an entity pointer was NULL and the probe has printed what lies there. */
  private stander(e: TraceEvent & { is: 'standing' }): Who | undefined {
    const { pid, delayed } = e.standing;
    const who = this.cast.find(pid);
    const begins = this.foreseen.get(pid);
    if (who !== undefined || begins === undefined) return who;
    return this.cast.who({ pid, comm: '', prio: null }, delayed === true ? 'asleep' : begins, e.cpu) ?? undefined;
  }

  private take(e: TraceEvent): void {
    this.meet(e);
    if (e.resched !== null && e.is !== 'standing' && e.is !== 'enqueue') this.notice(e);
    switch (e.is) {
      case 'runtime':
        this.runtime(e);
        return;
      case 'waking': {
        this.flush(e.cpu, e);
        const p = this.open(e);
        p.wakes = this.cast.who(e.task, 'asleep', e.target ?? e.cpu);
        // without sched_wakeup it ends with what the queue's current has run, or with whatever comes next
        if (!this.wakeups && p.wakes !== null && p.wakes !== IDLE) p.wakesOn = e.target ?? e.cpu;
        return;
      }
      case 'wakeup':
      case 'wakeup_new':
        this.wakes(e, e);
        return;
      case 'switch':
        this.switches(e, e);
        return;
      case 'migrate':
        this.migrates(e, e);
        return;
      case 'fork':
        this.cast.who(e.child, 'unborn', e.cpu);
        return;
      case 'exit': {
        this.flush(e.cpu, e);
        const who = this.cast.find(e.task.pid);
        if (who !== undefined && who !== IDLE) this.exiting.add(who);
        return;
      }
      case 'kvm': {
        const who = this.cast.find(e.line.pid);
        if (who === undefined || who === IDLE) return;
        if (/^kvm_(?:entry|exit)$/.test(e.line.event)) this.cast.all[who].vcpu = true;
        if (isSpin(e.line.event, e.line.text)) this.spins.add(who);
        else if (e.line.event === 'kvm_entry') {
          this.flush(e.cpu, e);
          this.spins.delete(who);
        }
        return;
      }
      default:
        this.probed(e);
    }
  }

  /** The task that a line is of runs on its CPU when that is the first line there. */
  private meet(e: TraceEvent): void {
    if (this.curr[e.cpu] !== undefined) return;
    const prev: Named = e.is === 'switch' ? e.prev : { pid: e.line.pid, comm: e.line.comm, prio: null };
    const who = this.cast.who(prev, 'running', e.cpu) ?? IDLE;
    this.curr[e.cpu] = who;
    this.ranAtFirst.set(e.cpu, who);
    if (who !== IDLE && this.cast.all[who].begins !== 'running') this.ranAtFirst.set(e.cpu, IDLE);
  }

  /** need_resched was set and is not any more: schedule() has kept current. */
  private notice(e: TraceEvent): void {
    const was = this.shown[e.cpu];
    this.shown[e.cpu] = e.resched;
    if (was !== true || e.resched !== false || e.is === 'switch') return;
    if (!this.flush(e.cpu, e)) this.push({ ...this.bare(e), cpu: e.cpu, is: 'same', yields: null });
  }

  private bare(e: TraceEvent): Common {
    return {
      line: e.line.number,
      at: e.at,
      by: e.cpu,
      cpu: e.cpu,
      ran: null,
      before: null,
      after: null,
      standings: new Map(),
    };
  }

  private open(e: TraceEvent): Pending {
    let p = this.pending.get(e.cpu);
    if (p === undefined) {
      p = {
        line: e.line.number,
        at: e.at,
        before: e.is === 'standing' || e.is === 'enqueue' ? null : e.resched,
        ran: null,
        hardirq: e.hardirq,
        wakes: null,
        wakesOn: null,
        standings: new Map(),
        tick: false,
        picked: false,
        requeue: null,
        yields: null,
      };
      this.pending.set(e.cpu, p);
    }
    return p;
  }

  private runtime(e: TraceEvent & { is: 'runtime' }): void {
    const who = this.cast.who(e.task, 'running', e.cpu);
    if (who === null || who === IDLE) return;
    const open = this.pending.get(e.cpu);
    if (open?.ran !== null && open !== undefined) {
      this.flush(e.cpu, e);
    } else if (open !== undefined && open.requeue !== null) this.flush(e.cpu, e);
    const waker = this.pending.get(e.cpu);
    if (waker?.wakesOn != null && this.curr[waker.wakesOn] !== who) this.flush(e.cpu, e);
    const p = this.open(e);
    p.ran = { who, ns: e.ns };
    p.hardirq = e.hardirq;
    if (e.vruntime !== null) this.stands(p, who, { pid: e.task.pid, vruntime: e.vruntime });
  }

  private stands(p: Pending, who: Who, standing: Standing): void {
    p.standings.set(who, standing);
    const player = this.cast.all[who];
    if (player.first === null) player.first = standing;
  }

  /** Kprobes say what no tracepoint does. */
  private probed(e: TraceEvent): void {
    if (e.is === 'tick') {
      this.flush(e.cpu, e);
      this.open(e).tick = true;
    } else if (e.is === 'enqueue') {
      const task = this.cast.find(e.pid);
      if (task === undefined || task === IDLE || (e.flags & SAVE) === 0) return;
      this.open(e).requeue = { task, move: (e.flags & MOVE) !== 0 };
    } else if (e.is === 'yield' || e.is === 'yield_to') {
      const p = this.open(e);
      const to = e.is === 'yield_to' ? this.cast.find(e.pid) : undefined;
      p.yields = to === undefined || to === IDLE ? (p.yields ?? 'nobody') : to;
    } else if (e.is === 'standing') {
      const who = this.stander(e);
      if (who === undefined || who === IDLE) return;
      if (e.line.event === 'update_curr_ret' && !this.curr.includes(who)) return;
      const schedules = e.within === 'pick_task_fair' || e.within === 'dequeue_entity';
      const open = this.pending.get(e.cpu);
      if (schedules && (open?.tick === true || (open?.ran != null && open.hardirq === true))) this.flush(e.cpu, e);
      const p = this.open(e);
      if (e.within === 'pick_task_fair') p.picked = true;
      this.stands(p, who, e.standing);
    }
  }

  private wakes(e: TraceEvent, { task: named, target: to }: { task?: Named; target?: number | null }): void {
    if (named === undefined) return;
    const isNew = e.is === 'wakeup_new';
    const known = this.cast.find(named.pid);
    const cpu = to ?? (known === undefined ? e.cpu : (this.lastCpu.get(known) ?? e.cpu));
    const task = this.cast.who(named, isNew ? 'unborn' : 'asleep', cpu);
    if (task === null || task === IDLE) return;
    const open = this.pending.get(e.cpu);
    const own = open !== undefined && (open.wakes === task || (open.ran !== null && open.ran.who === this.curr[cpu]));
    if (!own || open?.tick === true) this.flush(e.cpu, e);
    const p = this.pending.get(e.cpu);
    this.pending.delete(e.cpu);
    this.sees(task, named.prio, e);
    // sched_wakeup is hit behind the check of preemption, sched_wakeup_new before it
    const after = cpu === e.cpu && e.is === 'wakeup' ? e.resched : null;
    const { begins } = this.cast.all[task];
    const is = isNew && begins === 'unborn' ? 'fork' : 'wake';
    this.push({ ...this.gathered(e, p), cpu, after, is, task });
  }

  private gathered(e: TraceEvent, p: Pending | undefined): Common {
    if (p === undefined) return this.bare(e);
    return { ...this.bare(e), ran: p.ran, before: p.before, standings: p.standings };
  }

  private migrates(e: TraceEvent, { task: named, to }: { task?: Named; to?: number }): void {
    if (named === undefined || to === undefined) return;
    const from = (e as { from?: number | null }).from ?? e.cpu;
    const open = this.pending.get(e.cpu);
    const task = this.cast.who(named, 'queued', from);
    // on its way from sched_waking to sched_wakeup: select_task_rq() has chosen
    if (task !== null && open?.wakes === task && open.wakesOn !== null) open.wakesOn = to;
    if (task === null || task === IDLE || open?.wakes === task) return;
    this.flush(e.cpu, e);
    this.push({ ...this.bare(e), cpu: to, is: 'migrate', task, to });
  }

  private switches(e: TraceEvent, s: { prev?: Named; next?: Named; state?: string }): void {
    if (s.prev === undefined || s.next === undefined) return;
    const prev = this.cast.who(s.prev, 'running', e.cpu);
    const next = this.cast.who(s.next, this.foreseen.get(s.next.pid) ?? 'queued', e.cpu);
    if (prev === null || next === null) return;
    const open = this.pending.get(e.cpu);
    if (open !== undefined) {
      const isTick = open.tick || (open.ran !== null && open.hardirq === true && open.yields === null);
      const isOther = open.ran !== null && open.ran.who !== prev;
      if (isTick || isOther || open.requeue !== null || open.wakesOn !== null) this.flush(e.cpu, e);
    }
    const p = this.pending.get(e.cpu);
    this.pending.delete(e.cpu);
    let yields = p?.yields ?? null;
    // the target of a directed yield that no probe names: whoever comes
    if (yields === null && this.spins.has(prev) && p?.before !== true && /^R/.test(s.state ?? 'R') && next !== IDLE)
      yields = this.cast.all[next].vcpu ? next : 'nobody';
    if (yields !== (p?.yields ?? null)) this.yieldsTaken++;
    this.spins.delete(prev);
    this.sees(prev, s.prev.prio, e);
    this.sees(next, s.next.prio, e);
    this.push({
      ...this.gathered(e, p),
      is: 'switch',
      prev,
      next,
      state: s.state ?? 'R',
      yields,
    });
    this.curr[e.cpu] = next;
    this.lastCpu.set(next, e.cpu);
    if (/^[XZ]/.test(s.state ?? '')) this.cast.died(prev);
    this.shown[e.cpu] = false;
  }

  /** A priority that is not the last one: somebody has set it in between, at what looks most like it. */
  private sees(task: Who, prio: number | null, e: TraceEvent): void {
    if (task === IDLE || prio === null) return;
    const last = this.prio.get(task);
    const from = this.operations.length;
    this.prio.set(task, { prio, from });
    if (last === undefined || last.prio === prio) return;
    for (let i = last.from; i < from; i++) {
      const it = this.operations[i];
      const requeues = it.is === 'requeue' && it.task === task && it.move;
      const updates =
        it.is === 'tick' && it.ran?.who === task && it.by === it.cpu && it.line !== 0 && this.quiet.has(i);
      if (!requeues && !updates) continue;
      this.operations[i] = { ...it, is: 'nice', task, prio };
      return;
    }
    this.push({ ...this.bare(e), is: 'nice', task, prio });
  }

  /** operations that came outside of a hard interrupt */
  private readonly quiet = new Set<number>();

  /** Closes what is pending on the CPU, if it is an operation of its own; whether it was a schedule(). */
  private flush(cpu: number, e: TraceEvent | null): boolean {
    const p = this.pending.get(cpu);
    this.pending.delete(cpu);
    if (p === undefined) return false;
    const about = p.ran === null ? cpu : this.curr.indexOf(p.ran.who);
    const common: Common = {
      line: p.line,
      at: p.at,
      by: cpu,
      cpu: about < 0 ? cpu : about,
      ran: p.ran,
      before: p.before,
      after: null,
      standings: p.standings,
    };
    if (p.wakesOn !== null && p.wakes !== null) {
      this.push({ ...common, cpu: p.wakesOn, is: 'wake', task: p.wakes });
      this.lastCpu.set(p.wakes, p.wakesOn);
      return false;
    }
    if (p.requeue !== null) {
      if (p.requeue.move) this.exiting.delete(p.requeue.task);
      this.push({ ...common, is: 'requeue', ...p.requeue });
      return false;
    }
    if (p.ran === null && !p.tick && !p.picked && p.yields === null) return false;
    const inIrq = p.tick || p.hardirq === true;
    const cleared = p.before === true && e?.resched === false;
    const spun = !inIrq && p.ran !== null && this.spins.delete(p.ran.who);
    if (p.yields !== null || (!inIrq && (p.picked || cleared || spun))) {
      this.push({ ...common, is: 'same', yields: p.yields ?? (spun ? 'nobody' : null) });
      this.shown[cpu] = false;
      return true;
    }
    const who = p.ran?.who;
    if (!inIrq && p.hardirq === false && who !== undefined && this.exiting.delete(who)) {
      // sched_autogroup_exit_task()
      this.push({ ...common, is: 'requeue', task: who, move: true });
      return false;
    }
    if (p.hardirq === false) this.quiet.add(this.operations.length);
    this.push({ ...common, is: 'tick' });
    return false;
  }

  private push(operation: Operation): void {
    this.operations.push(operation);
  }
}
