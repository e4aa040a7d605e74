// SPDX-License-Identifier: GPL-2.0-only
/** What goes on by itself: interrupts of a CPU, needed reschedules, and the rest of what sleeps within a function. */

import { assert } from '../base/assert.js';
import { takeInterrupt } from '../guest/actor.js';
import { LOCAL_TIMER_VECTOR } from '../lib/irq_vectors.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { guestTakes, lookAtSpinners } from './guest-kernel.js';
import { dropInterrupts, isOnline } from './hotplug-events.js';
import type { machine } from './state.js';

/** Interrupt handlers that the machine has: functions of the table. */
type HandlerName = 'sched_tick' | 'hrtimerExpire' | 'wakeTask' | 'noHandler';

/** An interrupt on the CPU: the guest there exits for it, its handler runs. */
export function interrupt(k: vmlinux_x86, m: machine, cpu: number, handler: HandlerName, ...args: number[]): void {
  m.cpu = cpu;
  if (k.exitExternalInterrupt(cpu, LOCAL_TIMER_VECTOR, handler, ...args)) return;
  m.hardirq = 1;
  (k as unknown as Record<string, (...args: number[]) => void>)[handler](...args);
  m.hardirq = 0;
}

/**
 * Current on the CPU is preempted if need_resched is set and it is in userspace or idle; whether it was. A vCPU's
 * thread looks at need_resched by itself: the guest has exited for it, halt polling ends.
 */
export function reschedule(k: vmlinux_x86, m: machine, cpu: number): boolean {
  const p = m.task[m.rq[cpu].curr];
  if (p.tif_need_resched !== 1 || k.notReturned(p)) return false;
  m.cpu = cpu;
  k.schedule();
  return true;
}

/**
 * Lets what is left to do on the CPU go on. Interrupts that entered the guest are taken by its program; handlers that
 * have written EOI return.
 */
export function settleGuest(k: vmlinux_x86, m: machine, cpu: number): void {
  k.settleCpu(cpu);
  const id = m.vcpuOfTask[m.rq[cpu].curr];
  if (id === NULL) return;
  const vcpu = m.vcpu[id];
  const actor = m.actor[vcpu.pid];
  for (;;) {
    const { os, handler_ns } = m.guest[vcpu.kvm];
    for (const vector of vcpu.arch.taken) {
      if (os === undefined) takeInterrupt(actor, vector, actor.program >= 0 ? handler_ns : -1);
      else guestTakes(k, os, vcpu.vcpu_idx, k.vectorInGuest(vector), handler_ns);
    }
    vcpu.arch.taken = [];
    if (k.guestOn(cpu) === id) k.tellGuest(vcpu, actor);
    if (actor.handlers.at(-1)?.ended !== true || k.guestOn(cpu) !== id) return;
    actor.handlers.pop();
    k.guestIret(cpu);
    k.settleCpu(cpu);
  }
}

/** For `settle`: the event ran on no CPU of the host, or may have run on any. */
export const NO_CPU = -1;
export const ANY_CPU = -2;

/**
 * Everything that happens without time passing, CPU by CPU, until nothing does: interrupts on their way, the rest of
 * kernel functions whose task is back, needed reschedules. `entered` is the CPU on which the event ran.
 *
 * A CPU looks at need_resched on its way out of the kernel: when it was in there. Of a flag that another CPU has set, or a
 * wake-up that it has queued, it learns by the interrupt that is sent with it; of the flag at its next tick as well.
 */
export function settle(k: vmlinux_x86, m: machine, entered: number = ANY_CPU): void {
  let rescheduled: readonly number[] = NONE;
  for (let round = 0; ; round++) {
    assert(round < 10_000, 'the machine does not come to rest within an event');
    let moved = false;
    for (let cpu = 0; cpu < m.rq.length; cpu++) {
      const inKernel = cpu === entered || entered === ANY_CPU || rescheduled.includes(cpu) || isStirred(m, cpu);
      if (!isOnline(m, cpu)) continue;
      settleGuest(k, m, cpu);
      if (!m.eager || !inKernel || !reschedule(k, m, cpu)) continue;
      moved = true;
      rescheduled = [...rescheduled, cpu];
    }
    if (k.runKernelThreads()) moved = true;
    dropInterrupts(m);
    if (!moved && !m.host_irq.some(waits)) break;
  }
  lookInGuests(k, m);
}

/** Spinners of kernels in guests look once more. */
function lookInGuests(k: vmlinux_x86, m: machine): void {
  for (const guest of m.guest) {
    if (guest.os === undefined) continue;
    const { vcpus } = m.kvm[guest.os.vm];
    lookAtSpinners(k, guest.os, (i) => {
      const vcpu = m.vcpu[vcpus[i]];
      return vcpu.cpu >= 0 && k.guestOn(vcpu.cpu) === vcpu.id;
    });
  }
}

const NONE: readonly number[] = [];
const waits = (vectors: readonly number[]): boolean => vectors.length > 0;

/** An interrupt is on its way to the CPU, or current there is in the middle of a call. */
function isStirred(m: machine, cpu: number): boolean {
  return m.host_irq[cpu].length > 0 || m.task[m.rq[cpu].curr].kernel_stack.length > 0;
}
