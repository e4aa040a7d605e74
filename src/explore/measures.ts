// SPDX-License-Identifier: GPL-2.0-only
/** What yields cost and bring, and who waits how long: the same programs on every kernel, from the catalogue. */

import type { Monitor, Probe, Step } from '../../properties/vocabulary.js';
import type { kvm_vcpu } from '../arch/x86/kvm_host.js';
import type { Program } from '../guest/instructions.js';
import { KernelBug, NotModelled } from '../lib/bug.js';
import { s64_diff, s64_toNumber, sub, toNumber, type u64, ZERO } from '../lib/types.js';
import { cloneMachine } from '../machine/clone.js';
import { drawBelow, hashText, seedRng } from '../machine/rng.js';
import type { machine } from '../machine/state.js';
import { vcpuStateOf } from '../machine/vcpu-life.js';
import type { Measures, Spread } from '../report/check-report.js';
import { catalogueOf } from '../scenario/catalogue.js';
import type { Scenario } from '../scenario/scenario.js';
import { NULL, type rq, type task_struct } from '../sched/sched.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import type { Engine } from './engine.js';
import { PreemptedMeter } from './measures-preempted.js';
import { S390Meter } from './measures-s390.js';
import { WfxMeter } from './measures-wfx.js';
import { probedKernel } from './probes.js';

/** Events of one scenario at most: a guard, no limit that the catalogue reaches. */
const EVENTS_MAX = 400_000;

/** What a meter probes. */
export const MEASURED = [
  'yield_to_task_fair',
  'context_switch',
  'yield_to',
  'kvm_vcpu_yield_to',
  'kvm_vcpu_on_spin',
] as const;

/** Collects over all scenarios of one kernel. */
class Meter {
  private readonly costs: number[] = [];
  private yields = 0;
  private missed = 0;
  private boosts = 0;
  private wrong = 0;
  private longestTask = 0;
  private longestVcpu = 0;
  private shareVms = 0;
  private shareGroups = 0;
  private guestShort = 0;
  private readonly handOvers: number[] = [];
  /** within kvm_vcpu_on_spin(), and within kvm_vcpu_yield_to() */
  private spins = false;
  private asks = false;
  private readonly wfx = new WfxMeter();
  private wfxRuns = 0;
  private readonly preempted = new PreemptedMeter();
  private preemptedRuns = 0;
  private readonly s390 = new S390Meter();
  private s390Runs = 0;

  /** Watches one run; `end` adds what can only be said afterwards. */
  monitor(scenario: Scenario): Monitor & { probes: Record<(typeof MEASURED)[number], Probe> } {
    const waits = new Waits();
    const shares = new Shares(scenario);
    const guests = new GuestShares(scenario);
    const locks = new Locks(this.handOvers);
    const inGuests = (scenario.vms ?? []).some(({ kernel }) => kernel !== undefined);
    const placed = scenario.arch === 'arm64' && inGuests ? this.preempted.run() : null;
    if (placed !== null) this.preemptedRuns++;
    const waiting = scenario.arch === 'arm64' && !inGuests ? this.wfx.run() : null;
    if (waiting !== null) this.wfxRuns++;
    if (scenario.arch === 's390') this.s390Runs++;
    const awaited = new Map<number, number>(); // CPU: task that a yield wants to run there next
    let before: { se: number; vruntime: u64; ran: u64 }[] = [];
    return {
      ...(placed === null ? {} : { before: ({ m }: Step) => placed.before(m) }),
      after: (step) => {
        waits.look(step.m);
        shares.look(step.m);
        guests.look(step.m);
        locks.look(step.m);
        waiting?.look(step.m, (cpu) => step.kernel.guestOn(cpu));
        placed?.after(step.m);
      },
      end: (step) => {
        placed?.end(step.m);
        if (scenario.arch === 's390') this.s390.end(step.m, scenario);
        this.longestTask = Math.max(this.longestTask, waits.longestTask);
        this.longestVcpu = Math.max(this.longestVcpu, waits.longestVcpu);
        this.shareVms = Math.max(this.shareVms, shares.vms(step.m));
        this.shareGroups = Math.max(this.shareGroups, shares.groups(step.m));
        this.guestShort = Math.max(this.guestShort, guests.short(step.m));
      },
      probes: {
        yield_to_task_fair: {
          enter: (step, args) => {
            before = hierarchy(step, (args[0] as rq).curr);
          },
          leave: (step, yielded, args) => {
            if (yielded !== true) return;
            const target = args[1] as task_struct;
            this.yields++;
            awaited.set(target.cpu, target.id);
            this.costs.push(costOf(step, before));
          },
        },
        context_switch: {
          enter: (_, args) => {
            const { cpu } = args[0] as rq;
            const wanted = awaited.get(cpu);
            if (wanted === undefined) return;
            awaited.delete(cpu);
            if ((args[2] as task_struct).id !== wanted) this.missed++;
          },
        },
        yield_to: {
          // schedule() has been: without a context switch it chose the yielder again
          leave: (step, result, args) => {
            const target = args[0] as task_struct;
            if (target.cpu === step.m.cpu && awaited.delete(target.cpu)) this.missed++;
            // v2.6.39 asks without kvm_vcpu_yield_to()
            const vcpu = step.m.vcpuOfTask[target.id];
            if (this.spins && !this.asks && vcpu !== NULL) this.boosted(step.m, result as number, step.m.vcpu[vcpu]);
          },
        },
        ...this.boostProbes(),
      },
    };
  }

  /** Of directed yields that KVM asks for. */
  private boostProbes(): Record<'kvm_vcpu_on_spin' | 'kvm_vcpu_yield_to', Probe> {
    return {
      kvm_vcpu_on_spin: {
        enter: () => {
          this.spins = true;
          this.asks = false;
        },
        leave: () => {
          this.spins = false;
        },
      },
      kvm_vcpu_yield_to: {
        enter: () => {
          this.asks = true;
        },
        leave: (step, result, args) => {
          this.asks = false;
          this.boosted(step.m, result as number, args[0] as kvm_vcpu);
        },
      },
    };
  }

  private boosted(m: machine, result: number, target: kvm_vcpu): void {
    if (result <= 0) return;
    this.boosts++;
    if (!helps(m, m.cpu, target)) this.wrong++;
  }

  result(): Measures {
    return {
      yieldCost: spread(this.costs),
      longestWaitTask: this.longestTask,
      longestWaitVcpu: this.longestVcpu,
      shareErrorVms: this.shareVms,
      shareErrorGroups: this.shareGroups,
      guestShort: this.guestShort,
      lockHandOver: spread(this.handOvers),
      yieldsMissed: this.missed,
      yields: this.yields,
      boostsWrong: this.wrong,
      boosts: this.boosts,
      ...(this.wfxRuns === 0 ? {} : { wfx: this.wfx.result() }),
      ...(this.preemptedRuns === 0 ? {} : { preempted: this.preempted.result() }),
      ...(this.s390Runs === 0 ? {} : { s390: this.s390.result() }),
    };
  }
}

/** The entities of a task, itself first, with vruntime and ns run so far. */
function hierarchy({ m }: Step, task: number): { se: number; vruntime: u64; ran: u64 }[] {
  const out: { se: number; vruntime: u64; ran: u64 }[] = [];
  for (let se = m.task[task].se; se >= 0; se = m.se[se].parent) {
    out.push({ se, vruntime: m.se[se].vruntime, ran: m.se[se].sum_exec_runtime });
  }
  return out;
}

type CalcDelta = vmlinux_x86 & { calc_delta_fair(delta: u64, se: unknown): u64 };

/** Virtual ns beyond what was executed, at the level where it is most. */
function costOf({ m, kernel }: Step, before: readonly { se: number; vruntime: u64; ran: u64 }[]): number {
  let most = 0;
  for (const { se, vruntime, ran } of before) {
    const now = m.se[se];
    const executed = sub(now.sum_exec_runtime, ran);
    const virtual = executed === ZERO ? 0 : toNumber((kernel as CalcDelta).calc_delta_fair(executed, now));
    most = Math.max(most, s64_toNumber(s64_diff(now.vruntime, vruntime)) - virtual);
  }
  return most;
}

/** The target holds the lock that the yielder waits for, or has the IPI whose end it waits for. */
function helps(m: machine, cpu: number, target: kvm_vcpu): boolean {
  const yielder = m.vcpu[m.kvm_running_vcpu[cpu]];
  if (yielder === undefined) return false;
  const actor = m.actor[yielder.pid];
  if (actor === undefined) return false;
  if (actor.spinning >= 0) return m.guest[yielder.kvm].locks[actor.spinning].holder === target.vcpu_idx;
  return actor.unacked.some(([to]) => to === target.vcpu_idx);
}

/** Since when each task is runnable without running. */
class Waits {
  private readonly since: number[] = [];
  longestTask = 0;
  longestVcpu = 0;

  look(m: machine): void {
    const now = toNumber(m.sched_clock);
    for (let id = 0; id < m.task.length; id++) {
      const p = m.task[id];
      const waiting =
        p.on_rq === 1 && m.se[p.se].sched_delayed === 0 && m.rq[p.cpu].curr !== id && m.rq[p.cpu].idle !== id;
      if (!waiting) {
        this.since[id] = -1;
        continue;
      }
      if ((this.since[id] ?? -1) < 0) this.since[id] = now;
      const waited = now - this.since[id];
      if (m.vcpu[m.vcpuOfTask[id]] === undefined) this.longestTask = Math.max(this.longestTask, waited);
      else this.longestVcpu = Math.max(this.longestVcpu, waited);
    }
  }
}

/** CPU time against that of equals. */
class Shares {
  private readonly equalVms: boolean;
  private readonly busy: number[] = [];
  private last = -1;
  private total = 0;

  constructor(scenario: Scenario) {
    const plain = (scenario.vms ?? []).map(({ name: _n, group: _g, ...rest }) => JSON.stringify(rest));
    this.equalVms = plain.length > 1 && plain.every((vm) => vm === plain[0]);
  }

  /** Adds up for how long each group had something to run. */
  look(m: machine): void {
    const now = toNumber(m.sched_clock);
    if (this.last >= 0 && now > this.last) {
      this.total += now - this.last;
      const runnable = new Set<number>();
      for (const p of m.task) if (p.on_rq === 1 && m.rq[p.cpu].idle !== p.id) runnable.add(p.sched_task_group);
      for (const group of runnable) this.busy[group] = (this.busy[group] ?? 0) + now - this.last;
    }
    this.last = now;
  }

  vms(m: machine): number {
    if (!this.equalVms) return 0;
    const ran = m.kvm.map((vm) => vm.vcpus.reduce((sum, v) => sum + ranOf(m, m.vcpu[v].pid), 0));
    return this.error(ran);
  }

  /** Groups are equal when parent and shares are, and comparable when both always had something to run. */
  groups(m: machine): number {
    const kinds = new Map<string, number[]>();
    for (const tg of m.task_group.slice(1)) {
      if ((this.busy[tg.id] ?? 0) < 0.99 * this.total) continue;
      const kind = `${tg.parent} ${toNumber(tg.shares)} ${tg.idle}`;
      const members = m.task.filter((p) => p.sched_task_group === tg.id);
      kinds.set(kind, [...(kinds.get(kind) ?? []), members.reduce((sum, p) => sum + ranOf(m, p.id), 0)]);
    }
    return Math.max(0, ...[...kinds.values()].map((ran) => this.error(ran)));
  }

  /** Largest distance from the mean, per mille of one CPU over the run. */
  private error(ran: readonly number[]): number {
    if (ran.length < 2 || this.total === 0) return 0;
    const mean = ran.reduce((a, b) => a + b, 0) / ran.length;
    const worst = Math.max(...ran.map((ns) => Math.abs(ns - mean)));
    return Math.round((1000 * worst) / this.total);
  }
}

/**
 * Guests that are bound to the CPUs they share, each with one vCPU a CPU: on every CPU each is due an equal part of the time in
 * which its vCPU there wants to run, and one that a PAUSE exit has put to sleep wants to.
 */
class GuestShares {
  private readonly apply: boolean;
  private readonly due: number[] = [];
  private last = -1;

  constructor({ vms = [], tasks = [] }: Scenario) {
    const bound = vms.every(({ cpus, policy }) => policy === undefined && Array.isArray(cpus?.[0]));
    this.apply = vms.length > 1 && tasks.length === 0 && bound;
  }

  look(m: machine): void {
    if (!this.apply) return;
    const now = toNumber(m.sched_clock);
    const passed = this.last < 0 ? 0 : now - this.last;
    this.last = now;
    if (passed === 0) return;
    const wanting: kvm_vcpu[][] = m.rq.map(() => []);
    for (const p of m.task) {
      // WHY not by vcpu.pid: there is none before the first KVM_RUN, which a starved vCPU never comes to
      const vcpu = m.vcpu[m.vcpuOfTask[p.id]];
      if (vcpu !== undefined && vcpuStateOf(m, vcpu) !== 'blocked') wanting[p.cpu].push(vcpu);
    }
    for (const here of wanting) for (const { kvm } of here) this.due[kvm] = (this.due[kvm] ?? 0) + passed / here.length;
  }

  short(m: machine): number {
    if (!this.apply) return 0;
    const lacks = m.kvm.map((vm) => {
      const ran = m.task.reduce((sum, p) => sum + (m.vcpu[m.vcpuOfTask[p.id]]?.kvm === vm.id ? ranOf(m, p.id) : 0), 0);
      const due = this.due[vm.id] ?? 0;
      return due === 0 ? 0 : Math.round((1000 * (due - ran)) / due);
    });
    return Math.max(0, ...lacks);
  }
}

/** Locks of guests, by guest and lock: who has it, and since when it has been free although somebody spins for it. */
class Locks {
  private readonly had: number[][] = [];
  private readonly freeSince: number[][] = [];

  constructor(private readonly handOvers: number[]) {}

  look(m: machine): void {
    for (let vm = 0; vm < m.guest.length; vm++) {
      const { locks } = m.guest[vm];
      for (let i = 0; i < locks.length; i++) this.lookAt(m, vm, i, locks[i].holder);
    }
  }

  /** A ticket lock names its next holder at once; that has it when it has seen so, and spins no more. */
  private lookAt(m: machine, vm: number, lock: number, holder: number): void {
    const actorOf = (vcpu: number): { spinning: number } | undefined => m.actor[m.vcpu[vcpu].pid];
    const { vcpus } = m.kvm[vm];
    this.had[vm] ??= [];
    this.freeSince[vm] ??= [];
    const has = holder >= 0 && actorOf(vcpus[holder])?.spinning !== lock ? holder : NULL;
    const had = this.had[vm][lock] ?? NULL;
    if (has === had) return;
    this.had[vm][lock] = has;
    const now = toNumber(m.sched_clock);
    const isWanted = had !== NULL && vcpus.some((v, i) => i !== had && actorOf(v)?.spinning === lock);
    const since = had === NULL ? (this.freeSince[vm][lock] ?? NULL) : isWanted ? now : NULL;
    this.freeSince[vm][lock] = has === NULL ? since : NULL;
    // from one to the other within an event takes no time
    if (has !== NULL && had !== NULL) this.handOvers.push(0);
    else if (has !== NULL && since !== NULL) this.handOvers.push(now - since);
  }
}

const ranOf = (m: machine, task: number): number => (task < 0 ? 0 : toNumber(m.se[m.task[task].se].sum_exec_runtime));

function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { min: 0, median: 0, max: 0 };
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted[sorted.length - 1] };
}

/** The scenario with every burst of computing up to 3 % longer or shorter; 0 leaves it as it is. */
function varied(scenario: Scenario, variation: number): Scenario {
  if (variation === 0) return scenario;
  const chance = { rng: seedRng(hashText(scenario.name ?? '', variation)) };
  const program = (p: Program): Program =>
    p.map((it) =>
      it.op === 'compute' ? { ...it, ns: Math.round(it.ns * (0.97 + drawBelow(chance, 61) / 1000)) } : it,
    );
  const each = (p: Program | Program[]): Program | Program[] =>
    Array.isArray(p[0]) ? (p as Program[]).map(program) : program(p as Program);
  const vary = <T extends { program?: Program; programs?: Program | Program[] }>(it: T): T => ({
    ...it,
    ...(it.program === undefined ? {} : { program: program(it.program) }),
    ...(it.programs === undefined ? {} : { programs: each(it.programs) }),
  });
  return {
    ...scenario,
    ...(scenario.tasks === undefined ? {} : { tasks: scenario.tasks.map(vary) }),
    ...(scenario.vms === undefined ? {} : { vms: scenario.vms.map(vary) }),
  };
}

/** Measures a kernel over scenarios whose programs decide what happens. The same for the same kernel, always. */
export function measure(
  engine: Engine,
  kernel: Kernel,
  scenarios: readonly Scenario[] = catalogueOf(kernel.arch),
  variation = 0,
): Measures {
  const meter = new Meter();
  for (const plain of scenarios) {
    const scenario = varied(plain, variation);
    if (scenario.events === undefined && scenario.until !== undefined)
      run(engine, kernel, scenario, meter.monitor(scenario));
  }
  return meter.result();
}

/** null for a kernel that dies at boot, which cannot be measured. */
function booted(engine: Engine, kernel: Kernel, scenario: Scenario): machine | null {
  try {
    // WHY a copy: see boot-cache.ts
    return cloneMachine(engine.boot(kernel, scenario));
  } catch (thrown) {
    if (thrown instanceof KernelBug) return null;
    throw thrown;
  }
}

function run(engine: Engine, kernel: Kernel, scenario: Scenario, monitor: Monitor): void {
  const probed = probedKernel(kernel, Object.keys(monitor.probes ?? {}));
  const m = booted(engine, probed.kernel, scenario);
  if (m === null) return;
  const bound = bind(probed.kernel, m);
  const step = new MeasureStep(m, bound);
  probed.listen(monitor, step);
  try {
    for (; step.index < EVENTS_MAX; step.index++) {
      if (toNumber(sub(m.sched_clock, m.bootClock)) >= (scenario.until ?? 0)) break;
      const event = engine.next(m);
      if (event === null) break;
      step.event = event;
      engine.apply(bound, event);
      monitor.after?.(step);
    }
  } catch (thrown) {
    // a run that comes to what is not modelled is measured as far as it came
    if (!(thrown instanceof NotModelled || thrown instanceof KernelBug)) throw thrown;
  } finally {
    probed.listen(null, null);
  }
  monitor.end?.(step);
}

class MeasureStep implements Step {
  index = 0;
  event!: Step['event'];
  readonly traces = [];
  readonly guestTraces = [];

  constructor(
    readonly m: machine,
    readonly kernel: vmlinux_x86,
  ) {}

  fail(): void {}
  reach(): void {}
  near(): void {}
}
