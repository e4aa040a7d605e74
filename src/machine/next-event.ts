// SPDX-License-Identifier: GPL-2.0-only
/**
 * What happens next when programs run: the machine's own event queue, computed from its state.
 *
 * Ties are decided here and nowhere else. At the same instant: first host sleepers wake, by task; then halt polling
 * ends, by CPU; then ticks, by CPU; then programs go on, by CPU. Timers, a guest's preemption timer among them, need no
 * place: they fire inside `advance`.
 * MODEL: an idle CPU has no tick (NO_HZ_IDLE).
 */
import { comparatorAt } from '../arch/s390/kvm_host.js';
import { type Actor, dueIn } from '../guest/actor.js';
import { timeOfTsc } from '../lib/tsc.js';
import { toNumber } from '../lib/types.js';
import type { MachineEvent } from '../scenario/events.js';
import { NULL } from '../sched/sched.js';
import { guestDueIn } from './guest-kernel.js';
import { isOnline } from './hotplug-events.js';
import { s390Machine } from './s390-events.js';
import type { machine } from './state.js';
import { vcpuStateOf } from './vcpu-life.js';

/** ns until the program on the CPU does something by itself; Infinity when nothing there counts time. */
export function programDueIn(m: machine, cpu: number): number {
  const p = m.rq[cpu].curr;
  if (p === m.rq[cpu].idle) return Number.POSITIVE_INFINITY;
  const id = m.vcpuOfTask[p];
  if (id === NULL) return dueIn(m.actor[p], null, NULL);
  const vcpu = m.vcpu[id];
  if (vcpuStateOf(m, vcpu) !== 'inGuest') return Number.POSITIVE_INFINITY;
  const guest = m.guest[vcpu.kvm];
  if (guest.os !== undefined) return standsFor(m.actor[p]) ?? guestDueIn(guest.os, vcpu.vcpu_idx);
  return dueIn(m.actor[p], guest, vcpu.vcpu_idx);
}

/** ns for which the vCPU stands still on its CPU, in WFI or WFE; null when it does not. */
export function standsFor({ standby }: Actor): number | null {
  if (standby === undefined || standby.ns === 0) return null;
  return standby.ns < 0 ? Number.POSITIVE_INFINITY : standby.ns;
}

/** Whether what is current on the CPU uses CPU time by itself: a host task, or a guest that is in guest mode. */
export function runsOnItsOwn(m: machine, cpu: number): boolean {
  const p = m.rq[cpu].curr;
  if (p === m.rq[cpu].idle) return false;
  const id = m.vcpuOfTask[p];
  return id === NULL || vcpuStateOf(m, m.vcpu[id]) === 'inGuest';
}

/** When the VMX preemption timer of the guest on the CPU has run down, ns; null when none runs there, or the CPU has none. */
export function preemptionTimerAt(m: machine, cpu: number): number | null {
  const id = m.vcpuOfTask[m.rq[cpu].curr];
  if (id === NULL) return null;
  if (m.vcpu[id].arch.apic === undefined) return comparatorOf(m, id);
  if (!m.vcpu[id].arch.apic.lapic_timer.hv_timer_in_use) return null;
  if (vcpuStateOf(m, m.vcpu[id]) !== 'inGuest') return null;
  return toNumber(timeOfTsc(m.vcpu[id].arch.vmcs.hv_deadline_tsc, m.tsc_khz));
}

/** The same of an s390 CPU's clock comparator, which interrupts a guest in SIE by itself; null on arm64. */
function comparatorOf(m: machine, id: number): number | null {
  const vcpu = s390Machine(m).vcpu[id];
  if (vcpu.arch.sie_block === undefined || vcpuStateOf(m, m.vcpu[id]) !== 'inGuest') return null;
  return comparatorAt(vcpu);
}

/** When halt polling on the CPU ends at the latest, ns; null when nobody polls there. */
function pollEndsAt(m: machine, cpu: number): number | null {
  const id = m.vcpuOfTask[m.rq[cpu].curr];
  return id !== NULL && m.vcpu[id].halt.polling ? toNumber(m.vcpu[id].halt.stop) : null;
}

/** Where the timer of a sleeper expires: it has moved when its CPU has gone. */
const wakesOn = (m: machine, cpu: number): number =>
  isOnline(m, cpu) ? cpu : m.rq.findIndex((rq) => isOnline(m, rq.cpu));

/** The next event, an `advance` to the next instant at which something is due included; null when nothing ever is. */
export function nextEvent(m: machine): MachineEvent | null {
  const now = toNumber(m.sched_clock);
  let wait = Number.POSITIVE_INFINITY;

  for (let p = 0; p < m.actor.length; p++) {
    const at = m.actor[p].wakeAt;
    if (at < 0) continue;
    if (at <= now) return { ev: 'wake', cpu: wakesOn(m, m.task[p].cpu), task: p };
    wait = Math.min(wait, at - now);
  }
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    const until = pollEndsAt(m, cpu);
    if (until === null) continue;
    if (until <= now) return { ev: 'pollEnd', cpu };
    wait = Math.min(wait, until - now);
  }
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    if (m.rq[cpu].curr === m.rq[cpu].idle) continue;
    if (m.nextTick[cpu] <= now) return { ev: 'tick', cpu };
    wait = Math.min(wait, m.nextTick[cpu] - now);
  }
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    const due = programDueIn(m, cpu);
    if (due <= 0) return { ev: 'step', cpu };
    wait = Math.min(wait, due);
  }
  for (let cpu = 0; cpu < m.rq.length; cpu++) {
    const at = preemptionTimerAt(m, cpu);
    if (at !== null) wait = Math.min(wait, Math.max(0, at - now));
  }
  for (const t of m.hrtimer) if (t.queued === 1) wait = Math.min(wait, Math.max(0, toNumber(t.expires) - now));
  return wait === Number.POSITIVE_INFINITY ? null : { ev: 'advance', ns: wait };
}
