// SPDX-License-Identifier: GPL-2.0-only
/** Time passes: the clock, the timers that are due on the way, and whoever has a CPU meanwhile. */
import { elapse } from '../guest/actor.js';
import { KernelBug, NotModelled } from '../lib/bug.js';
import type { hrtimer } from '../lib/hrtimer.js';
import { add, toNumber, u64 } from '../lib/types.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { guestElapse } from './guest-kernel.js';
import { preemptionTimerAt, runsOnItsOwn, standsFor } from './next-event.js';
import { interrupt, settle } from './settle.js';
import type { machine } from './state.js';

/** expirations in one `advance`; an hour of the shortest period that KVM allows has 18 million */
const EXPIRATIONS_MAX = 100_000;

/** Its callback restarts it without moving it. */
export const stuckTimer = (timer: hrtimer): KernelBug =>
  new KernelBug('soft lockup', `${timer.function}(), a timer that expires again and again at once`);

/** Lets `ns` pass. Timers that are due on the way fire at their expiry, in the order of (expiry, id). */
export function advance(k: vmlinux_x86, m: machine, ns: number): void {
  const end = toNumber(m.sched_clock) + ns;
  let halfway = Number.NaN;
  for (let fired = 0; ; fired++) {
    const timer = nextTimer(m, end);
    const cpu = nextPreemption(m, timer === NULL ? end : toNumber(m.hrtimer[timer].expires) - 1);
    if (cpu !== NULL) {
      // the guest exits: settleGuest() sees it
      pass(m, (preemptionTimerAt(m, cpu) ?? 0) - toNumber(m.sched_clock));
      settle(k, m, cpu);
      continue;
    }
    if (timer === NULL) break;
    if (fired === EXPIRATIONS_MAX / 2) halfway = toNumber(m.sched_clock);
    if (fired >= EXPIRATIONS_MAX && halfway === toNumber(m.sched_clock)) throw stuckTimer(m.hrtimer[timer]);
    if (fired >= EXPIRATIONS_MAX) throw new NotModelled(`an advance in which timers expire over ${fired} times`);
    pass(m, toNumber(m.hrtimer[timer].expires) - toNumber(m.sched_clock));
    interrupt(k, m, m.hrtimer[timer].cpu, 'hrtimerExpire', timer);
    settle(k, m, m.hrtimer[timer].cpu);
  }
  pass(m, end - toNumber(m.sched_clock));
}

/** The host is busy for `ns`: what expires meanwhile fires when they are over. */
export function stall(k: vmlinux_x86, m: machine, ns: number): void {
  m.sched_clock = add(m.sched_clock, u64(ns));
  advance(k, m, 0);
}

/** The timer to fire next, not after `end`; NULL when none is left. */
function nextTimer(m: machine, end: number): number {
  let best: number = NULL;
  let bestAt = end;
  for (const t of m.hrtimer) {
    if (t.queued !== 1) continue;
    const at = toNumber(t.expires);
    if (at < bestAt || (at === bestAt && best === NULL)) {
      best = t.id;
      bestAt = at;
    }
  }
  return best;
}

/** The CPU on which a guest's preemption timer runs down first, not after `end` and not now; NULL when on none. */
function nextPreemption(m: machine, end: number): number {
  let best: number = NULL;
  if (m.vcpu.length === 0) return best;
  const now = toNumber(m.sched_clock);
  let bestAt = end + 1;
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    const at = preemptionTimerAt(m, cpu);
    if (at === null || at <= now || at >= bestAt) continue;
    best = cpu;
    bestAt = at;
  }
  return best;
}

/** The clock goes on, and whoever has a CPU uses it. A negative `ns` (a timer in the past) is no time. */
function pass(m: machine, ns: number): void {
  if (ns <= 0) return;
  m.sched_clock = add(m.sched_clock, u64(ns));
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    if (runsOnItsOwn(m, cpu)) elapseOn(m, cpu, ns);
  }
}

function elapseOn(m: machine, cpu: number, ns: number): void {
  const p = m.rq[cpu].curr;
  const id = m.vcpuOfTask[p];
  const os = id === NULL ? undefined : m.guest[m.vcpu[id].kvm].os;
  // a vCPU that stands still does so whoever runs in it
  if (os === undefined || standsFor(m.actor[p]) !== null) elapse(m.actor[p], ns);
  else guestElapse(os, m.vcpu[id].vcpu_idx, ns);
}
