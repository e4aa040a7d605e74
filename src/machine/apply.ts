// SPDX-License-Identifier: GPL-2.0-only
/**
 * The one recipe: what an event does to a machine. `drive` and `reduce` both run exactly this.
 *
 * An event is atomic for the machine: after it, every CPU has gone on as far as it can without time passing
 * (`settle`): tails of kernel functions have run, needed reschedules have happened if the machine is eager, and
 * interrupts that entered a guest have been taken by its program.
 */

import { APICV_INHIBIT_REASON_ABSENT } from '../arch/x86/kvm_host.js';
import { assert } from '../base/assert.js';
import { elapse, stepActor } from '../guest/actor.js';
import { add, toNumber, u64 } from '../lib/types.js';
import type { ApicEvent, EventKind, MachineEvent } from '../scenario/events.js';
import { NULL, TASK_INTERRUPTIBLE, type task_struct } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { apicLegal, performAmid, performApic } from './apics.js';
import { interrupt, performGuest, performRequest, reschedule, settleGuest } from './apply-guest.js';
import { setKnob } from './knobs.js';
import { guestOn, isHostTask } from './legal-events.js';
import { runsOnItsOwn } from './next-event.js';
import type { machine } from './state.js';

type Handler<K extends EventKind> = (k: vmlinux, m: machine, event: Extract<MachineEvent, { ev: K }>) => void;

/** Applies one event to the machine that `k` is bound to. An illegal event changes nothing but the step count. */
export function apply(k: vmlinux, event: MachineEvent): void {
  const m = k.m as machine;
  m.steps++;
  if ('cpu' in event) {
    if (event.cpu < 0 || event.cpu >= m.rq.length) return;
    m.cpu = event.cpu;
  }
  (perform[event.ev] as Handler<EventKind>)(k, m, event as never);
  settle(k, m);
}

const current = (m: machine, cpu: number): task_struct => m.task[m.rq[cpu].curr];

/** The event's task when it exists and is not an idle task. */
function taskOf(m: machine, id: number): task_struct | null {
  const p = m.task[id];
  return p === undefined || m.rq[p.cpu].idle === id ? null : p;
}

const perform: { [K in EventKind]: Handler<K> } = {
  advance: (k, m, e) => advance(k, m, e.ns),
  tick(k, m, e) {
    m.nextTick[e.cpu] = toNumber(m.sched_clock) + toNumber(m.TICK_NSEC);
    interrupt(k, m, e.cpu, 'sched_tick');
  },
  resched(k, m, e) {
    reschedule(k, m, e.cpu);
  },
  schedule(k, m, e) {
    if (isHostTask(m, current(m, e.cpu))) k.schedule();
  },
  yield(k, m, e) {
    if (isHostTask(m, current(m, e.cpu))) k.do_sched_yield();
  },
  yield_to(k, m, e) {
    const p = taskOf(m, e.task);
    if (p !== null && p.id !== m.rq[e.cpu].curr && isHostTask(m, current(m, e.cpu))) k.yield_to(p, true);
  },
  block(k, m, e) {
    const p = current(m, e.cpu);
    if (!isHostTask(m, p)) return;
    p.__state = TASK_INTERRUPTIBLE;
    k.schedule();
  },
  wake(k, m, e) {
    const p = taskOf(m, e.task);
    if (p === null || !isHostTask(m, p)) return;
    m.actor[p.id].wakeAt = -1;
    interrupt(k, m, e.cpu, 'wakeTask', p.id);
  },
  nice(k, m, e) {
    const p = taskOf(m, e.task);
    if (p !== null) k.set_user_nice(p, e.nice);
  },
  setattr(k, m, e) {
    const p = taskOf(m, e.task);
    if (p !== null) {
      k.sched_setattr_nocheck(p, {
        sched_policy: e.policy,
        sched_flags: 0,
        sched_nice: e.nice,
        sched_priority: e.priority,
        sched_runtime: u64(e.slice),
      });
    }
  },
  shares(k, m, e) {
    if (e.group > 0 && e.group < m.task_group.length) {
      k.sched_group_set_shares(m.task_group[e.group], k.scale_load(u64(e.shares)));
    }
  },
  move(k, m, e) {
    const p = taskOf(m, e.task);
    if (p !== null && e.group >= 0 && e.group < m.task_group.length) {
      p.cpu_cgrp = e.group;
      k.sched_move_task(p, false);
    }
  },
  step(k, m, e) {
    const p = current(m, e.cpu);
    if (m.rq[e.cpu].idle === p.id) return;
    const id = m.vcpuOfTask[p.id];
    if (id === NULL) {
      performRequest(k, m, e.cpu, stepActor(m.programs, m.actor[p.id], null, NULL));
    } else if (guestOn(m, e.cpu, 'pause') !== NULL) {
      const vcpu = m.vcpu[id];
      performRequest(k, m, e.cpu, stepActor(m.programs, m.actor[p.id], m.guest[vcpu.kvm], vcpu.vcpu_idx));
    }
  },
  apicv(k, m, e) {
    const kvm = m.kvm[e.vm];
    if (kvm === undefined) return;
    if (e.on) k.kvm_clear_apicv_inhibit(kvm, APICV_INHIBIT_REASON_ABSENT);
    else k.kvm_set_apicv_inhibit(kvm, APICV_INHIBIT_REASON_ABSENT);
  },
  knob: (k, m, e) => setKnob(k, m, e.name, e.value),
  mmio_write: apic,
  mmio_read: apic,
  wrmsr: apic,
  rdmsr: apic,
  write_icr: apic,
  pv_ipi: apic,
  msi: apic,
  pin: apic,
  redirect: apic,
  window: apic,
  enter: apic,
  set_lapic: apic,
  set_sregs: apic,
  stall(k, m, e) {
    if (!apicLegal(m, e)) return;
    m.sched_clock = add(m.sched_clock, u64(e.ns));
    advance(k, m, 0);
  },
  amid(k, m, e) {
    if (apicLegal(m, e)) performAmid(k, m, e);
  },
  pollEnd: performGuest,
  pause: performGuest,
  hlt: performGuest,
  ipi: performGuest,
  icr: performGuest,
  eoi: performGuest,
  cpl: performGuest,
  if: performGuest,
  hypercall: performGuest,
  intr: performGuest,
};

function apic(k: vmlinux, m: machine, event: ApicEvent): void {
  if (apicLegal(m, event)) performApic(k, m, event);
}

/** Lets `ns` pass. Timers that are due on the way fire at their expiry, in the order of (expiry, id). */
function advance(k: vmlinux, m: machine, ns: number): void {
  const end = toNumber(m.sched_clock) + ns;
  for (;;) {
    const timer = nextTimer(m, end);
    if (timer === NULL) break;
    pass(m, toNumber(m.hrtimer[timer].expires) - toNumber(m.sched_clock));
    fire(k, m, timer);
    settle(k, m);
  }
  pass(m, end - toNumber(m.sched_clock));
}

/** The timer to fire next, not after `end`; NULL when there is none. */
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

/** The clock goes on, and whoever has a CPU for itself uses it. A negative `ns` (a timer in the past) is no time. */
function pass(m: machine, ns: number): void {
  if (ns <= 0) return;
  m.sched_clock = add(m.sched_clock, u64(ns));
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    if (runsOnItsOwn(m, cpu)) elapse(m.actor[m.rq[cpu].curr], ns);
  }
}

function fire(k: vmlinux, m: machine, timer: number): void {
  interrupt(k, m, m.hrtimer[timer].cpu, 'hrtimerExpire', timer);
}

/**
 * Everything that goes on without time passing, CPU by CPU, until nothing does: queued remote wake-ups, the rest of
 * kernel functions whose task is back, needed reschedules.
 */
export function settle(k: vmlinux, m: machine): void {
  for (let round = 0; ; round++) {
    assert(round < 10_000, 'the machine does not come to rest within an event');
    let moved = false;
    for (let cpu = 0; cpu < m.rq.length; cpu++) {
      if (m.rq[cpu].wake_list.length > 0) {
        moved = true;
        interrupt(k, m, cpu, 'sched_ttwu_pending');
      }
      settleGuest(k, m, cpu);
      if (m.eager && reschedule(k, m, cpu)) moved = true;
    }
    if (!moved) return;
  }
}
