// SPDX-License-Identifier: GPL-2.0-only
/** The machine itself as an engine. */
import { apicLegal } from '../machine/apics.js';
import { apply } from '../machine/apply.js';
import { boot } from '../machine/boot.js';
import { checkKvm } from '../machine/invariants-kvm.js';
import { checkSched } from '../machine/invariants-sched.js';
import { guestOn, isHostTask } from '../machine/legal-events.js';
import { nextEvent } from '../machine/next-event.js';
import type { machine } from '../machine/state.js';
import { vcpuStateOf } from '../machine/vcpu-life.js';
import type { MachineEvent } from '../scenario/events.js';
import { NULL } from '../sched/sched.js';
import type { Engine } from './engine.js';

/** A task that is not a CPU's idle thread. */
function isTask(m: machine, id: number): boolean {
  const p = m.task[id];
  return p !== undefined && m.rq[p.cpu].idle !== id;
}

function pollsOn(m: machine, cpu: number): boolean {
  const vcpu = m.task[m.rq[cpu].curr].preempt_notifier;
  return vcpu !== NULL && vcpuStateOf(m, m.vcpu[vcpu]) === 'polling';
}

function legal(m: machine, event: MachineEvent): boolean {
  if ('cpu' in event && event.cpu >= m.rq.length) return false;
  switch (event.ev) {
    case 'advance':
      return event.ns > 0;
    case 'tick':
      return true;
    case 'apicv':
      return m.kvm[event.vm]?.arch.enable_apicv === true;
    case 'knob':
      return true;
    case 'resched':
      return m.task[m.rq[event.cpu].curr].tif_need_resched === 1;
    case 'schedule':
    case 'yield':
    case 'block':
      return isHostTask(m, m.task[m.rq[event.cpu].curr]);
    case 'yield_to':
      return (
        isTask(m, event.task) && m.rq[event.cpu].curr !== event.task && isHostTask(m, m.task[m.rq[event.cpu].curr])
      );
    case 'wake':
      return isTask(m, event.task) && m.task[event.task].__state !== 0 && isHostTask(m, m.task[event.task]);
    case 'nice':
    case 'setattr':
      return isTask(m, event.task);
    case 'move':
      return isTask(m, event.task) && m.task[event.task].sched_task_group !== event.group;
    case 'shares':
      return event.group > 0 && event.group < m.task_group.length && event.shares > 0;
    case 'pollEnd':
      return pollsOn(m, event.cpu);
    case 'step':
      return m.rq[event.cpu].curr !== m.rq[event.cpu].idle;
    default:
      return 'cpu' in event ? guestOn(m, event.cpu, event.ev) !== NULL : apicLegal(m, event);
  }
}

const witness = (m: machine): string[] => [...checkSched(m), ...checkKvm(m)];

export const machineEngine: Engine = { boot, apply, next: nextEvent, legal, witness };
