// SPDX-License-Identifier: GPL-2.0-only
/** What a run comes to: how late a guest's tasks are, how long host tasks wait, how long vCPU threads are real-time. */
import { toNumber } from '../../../src/lib/types.js';
import { apply } from '../../../src/machine/apply.js';
import { boot } from '../../../src/machine/boot.js';
import { nextEvent } from '../../../src/machine/next-event.js';
import type { machine } from '../../../src/machine/state.js';
import type { Scenario } from '../../../src/scenario/scenario.js';
import { NULL, SCHED_RR } from '../../../src/sched/sched.js';
import { kernelByName } from '../../../src/series/registry.js';
import { bind } from '../../../src/vmlinux/bind.js';
import { guestState, inGuest, isRealTime, now, ranOf } from './monitors.js';

/** Looks after each event. */
export class Outcome {
  /** ns from when a sleep of a guest's task is over to when it runs, by comm */
  readonly delays = new Map<string, number[]>();
  /** ns, longest wait of a runnable host task */
  longestWait = 0;
  /** ns that host tasks had */
  hostRan = 0;
  /** ns in which a vCPU's thread was real-time, all threads */
  boosted = 0;
  /** exits of all vCPUs */
  exits = 0;
  private readonly due = new Map<string, number>();
  private readonly since: number[] = [];
  private last = -1;
  private wasBoosted = 0;

  look(m: machine): void {
    const at = now(m);
    if (this.last >= 0) this.boosted += this.wasBoosted * (at - this.last);
    this.last = at;
    this.wasBoosted = m.vcpu.filter((v) => isRealTime(m, v)).length;
    this.exits = m.vcpu.reduce((sum, v) => sum + v.stat.exits, 0);
    this.hosts(m, at);
    for (const v of m.vcpu) this.guest(m, v, at);
  }

  private hosts(m: machine, at: number): void {
    this.hostRan = 0;
    for (const p of m.task) {
      if (m.vcpuOfTask[p.id] !== NULL || m.rq[p.cpu].idle === p.id) continue;
      this.hostRan += ranOf(m, p.id);
      const waits = p.on_rq === 1 && m.se[p.se].sched_delayed === 0 && m.rq[p.cpu].curr !== p.id;
      if (!waits) this.since[p.id] = -1;
      else if ((this.since[p.id] ?? -1) < 0) this.since[p.id] = at;
      else this.longestWait = Math.max(this.longestWait, at - this.since[p.id]);
    }
  }

  private guest(m: machine, v: machine['vcpu'][number], at: number): void {
    const state = guestState(m, v);
    if (state === null) return;
    const { os } = state;
    const boot = toNumber(m.bootClock);
    for (const p of os.m.task) {
      const wakeAt = os.m.actor[p.id]?.wakeAt ?? -1;
      if (wakeAt >= 0 && os.task[p.id].timerCpu === v.vcpu_idx) this.due.set(p.comm, wakeAt - boot);
    }
    const due = this.due.get(state.curr.comm);
    const runs = inGuest(m, v) && state.plain && (os.m.actor[state.curr.id]?.wakeAt ?? -1) < 0;
    if (due === undefined || !runs) return;
    this.due.delete(state.curr.comm);
    const all = this.delays.get(state.curr.comm) ?? [];
    all.push(at - due);
    this.delays.set(state.curr.comm, all);
  }
}

export const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / Math.max(1, all.length);
export const longest = (all: readonly number[]): number => Math.max(0, ...all);

const EVENTS_MAX = 30_000;
const known = new Map<string, Outcome>();

/** The same scenario on another kernel, its vCPU threads SCHED_RR 8 from boot on where asked. */
export function outcomeOn(kernel: string, scenario: Scenario, isStatic = false): Outcome {
  const key = `${kernel} ${isStatic} ${JSON.stringify(scenario)}`;
  const before = known.get(key);
  if (before !== undefined) return before;
  const linked = kernelByName(kernel);
  const m = boot(linked, scenario);
  const k = bind(linked, m);
  const outcome = new Outcome();
  if (isStatic) {
    m.vcpuOfTask.forEach((vcpu, task) => {
      if (vcpu === NULL) return;
      apply(k, { ev: 'setattr', cpu: m.task[task].cpu, task, policy: SCHED_RR, nice: 0, slice: 0, priority: 8 });
    });
  }
  for (let i = 0; i < EVENTS_MAX && now(m) < (scenario.until ?? 0); i++) {
    const event = nextEvent(m);
    if (event === null) break;
    apply(k, event);
    outcome.look(m);
  }
  if (known.size > 400) known.clear();
  known.set(key, outcome);
  return outcome;
}
