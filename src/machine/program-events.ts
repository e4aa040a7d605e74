// SPDX-License-Identifier: GPL-2.0-only
/** A program goes on: what it asks for is an event like any other, made by whoever runs the program. */
import { CPUSTAT_RUNNING } from '../arch/s390/kvm_host.js';
import { type Request, stepActor } from '../guest/actor.js';
import { NotModelled } from '../lib/bug.js';
import { toNumber } from '../lib/types.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { type Arm64Kind, arm64Events } from './arm64-events.js';
import { type GuestKind, guestEvents } from './guest-events.js';
import { guestStep } from './guest-kernel.js';
import { type HostKind, hostEvents } from './host-events.js';
import { isIdle, vcpuDoing } from './legality.js';
import type { EventOf, Rule, Rules } from './rules.js';
import { type S390Kind, s390Events, s390Machine } from './s390-events.js';
import type { machine } from './state.js';

type Asked = EventOf<GuestKind | HostKind | Arm64Kind | S390Kind>;

const rules = { ...hostEvents, ...guestEvents, ...arm64Events, ...s390Events };

export const programEvents: Rules<'step'> = {
  step: {
    legal: (m, e) =>
      !isIdle(m, e.cpu) && (m.vcpuOfTask[m.rq[e.cpu].curr] === NULL || vcpuDoing(m, e.cpu, 'step') !== NULL),
    perform(k, m, e) {
      const p = m.rq[e.cpu].curr;
      const id = m.vcpuOfTask[p];
      const [guest, self] = id === NULL ? [null, NULL] : [m.guest[m.vcpu[id].kvm], m.vcpu[id].vcpu_idx];
      if (guest?.os !== undefined) {
        k.guestAsks(e.cpu, guestStep(k, guest.os, self));
        return;
      }
      const request = stepActor(m.programs, m.actor[p], guest, self);
      if (request.ask === 'timerVector') k.guestTimerVector(e.cpu, request.vector);
      else if (request.ask === 'timerCount') k.guestTimerCount(e.cpu, request.ns);
      else perform(k, m, asked(m, e.cpu, request));
    },
  },
};

function perform(k: vmlinux_x86, m: machine, event: Asked | null): void {
  if (event !== null) (rules[event.ev] as unknown as Rule<Asked>).perform(k, m, event);
}

/** What the program of current on the CPU asks for, as an event; null for nothing. */
function asked(m: machine, cpu: number, request: Exclude<Request, Timer>): Asked | null {
  const p = m.rq[cpu].curr;
  switch (request.ask) {
    case 'nothing':
    // of tasks in a guest's kernel alone
    case 'wait':
    case 'wake':
    case 'preemptCount':
    case 'softirq':
    case 'mutexLock':
    case 'mutexUnlock':
    case 'downWrite':
    case 'upWrite':
      return null;
    case 'ipi':
      return { ev: 'ipi', cpu, to: request.to, vector: request.vector };
    case 'cpl':
      return { ev: 'cpl', cpu, cpl: request.cpl };
    case 'wfit':
    case 'wfet':
      return { ev: request.ask, cpu, ns: request.ns };
    case 'diag9c':
      // arch_spin_lock_wait() of the guest, at first: an owner that runs is not yielded to. Asking is no exit.
      return request.unlessRunning && runs(m, cpu, request.to) ? null : { ev: 'diag9c', cpu, to: request.to };
    case 'yieldTo': {
      const task = m.task.findIndex((it) => it.comm === request.task);
      return task === NULL || task === p ? null : { ev: 'yield_to', cpu, task };
    }
    case 'sleep':
      m.actor[p].wakeAt = toNumber(m.sched_clock) + request.ns;
      return { ev: 'block', cpu };
    case 'exit':
      if (m.vcpuOfTask[p] !== NULL) throw new NotModelled('a vCPU that leaves KVM_RUN');
      return { ev: 'block', cpu };
    default:
      return { ev: request.ask, cpu };
  }
}

/** Whether SIGP SENSE RUNNING by the guest on the CPU would say that this vCPU of it runs. */
function runs(m: machine, cpu: number, to: number): boolean {
  const { kvm } = m.vcpu[m.vcpuOfTask[m.rq[cpu].curr]];
  const target = s390Machine(m).vcpu[m.kvm[kvm].vcpus[to]];
  return (target.arch.sie_block.cpuflags & CPUSTAT_RUNNING) !== 0;
}

type Timer = Extract<Request, { ask: 'timerVector' | 'timerCount' }>;
