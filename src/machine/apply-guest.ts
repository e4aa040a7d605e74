// SPDX-License-Identifier: GPL-2.0-only
/** The half of `apply` that concerns what runs on a CPU: interrupts on it, guests, and programs. */
import type { Request } from '../guest/actor.js';
import { NotModelled } from '../lib/bug.js';
import { toNumber } from '../lib/types.js';
import { NULL, TASK_INTERRUPTIBLE } from '../sched/sched.js';
import type { vmlinux } from '../series/vmlinux.js';
import type { MachineEvent } from './events.js';
import type { machine } from './state.js';

/** An interrupt on the CPU runs `handler`; a guest there exits for it. */
export function interrupt(_k: vmlinux, m: machine, cpu: number, handler: () => void): void {
  m.cpu = cpu;
  handler();
}

/** need_resched is set on the CPU and current can be preempted: it goes through schedule(). */
export function reschedule(k: vmlinux, m: machine, cpu: number): void {
  m.cpu = cpu;
  k.schedule();
}

/** Lets what is left to do on the CPU go on; whether there was anything. */
export function settleGuest(_k: vmlinux, _m: machine, _cpu: number): boolean {
  return false;
}

/** A guest event. */
export function performGuest(_k: vmlinux, m: machine, event: MachineEvent): void {
  if (m.vcpu.length > 0) throw new NotModelled(`guest event ${event.ev}`);
}

/** What the program of current on the CPU asks for. */
export function performRequest(k: vmlinux, m: machine, cpu: number, request: Request): void {
  const p = m.task[m.rq[cpu].curr];
  switch (request.ask) {
    case 'nothing':
      return;
    case 'yield':
      k.do_sched_yield();
      return;
    case 'yieldTo': {
      const target = m.task.find((it) => it.comm === request.task);
      if (target !== undefined && target.id !== p.id) k.yield_to(target, true);
      return;
    }
    case 'sleep':
      m.actor[p.id].wakeAt = toNumber(m.sched_clock) + request.ns;
      p.__state = TASK_INTERRUPTIBLE;
      k.schedule();
      return;
    case 'exit':
      if (m.vcpuOfTask[p.id] !== NULL) throw new NotModelled('a vCPU that leaves KVM_RUN');
      p.__state = TASK_INTERRUPTIBLE;
      k.schedule();
      return;
    default:
      throw new NotModelled(`guest program: ${request.ask}`);
  }
}
