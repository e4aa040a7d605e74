// SPDX-License-Identifier: GPL-2.0-only
/** Which events are legal now: for generators, for exhaustive search and for the page. */

import type { EventKind, MachineEvent } from '../scenario/events.js';
import { NULL, type task_struct } from '../sched/sched.js';
import type { machine } from './state.js';
import { vcpuLife, vcpuStateOf } from './vcpu-life.js';

/** Values that are tried for events with a free parameter. */
export const MENU = {
  advance: [
    1, 1000, 100_000, 600_000, 600_001, 700_000, 1_000_000, 2_800_000, 4_000_000, 6_000_000, 6_000_001, 50_000_000,
    50_000_001,
  ],
  nice: [-20, -5, -1, 0, 1, 5, 19],
  shares: [2, 512, 1024, 2048, 262_144],
  slice: [0, 100_000, 700_000, 3_000_000, 10_000_000, 100_000_000],
  vector: [0x31, 0x41, 0xf1],
} as const;

/** Current's vCPU id when a vCPU is in guest mode on the CPU and may do `kind`; NULL otherwise. */
export function guestOn(m: machine, cpu: number, kind: EventKind): number {
  const p = m.task[m.rq[cpu].curr];
  if (p.preempt_notifier === NULL) return NULL;
  const vcpu = m.vcpu[p.preempt_notifier];
  return vcpuLife.may(vcpuStateOf(m, vcpu)).includes(kind) ? vcpu.id : NULL;
}

/** A task that is neither idle nor runs a vCPU. */
export function isHostTask(m: machine, p: task_struct): boolean {
  return m.rq[p.cpu].idle !== p.id && m.vcpuOfTask[p.id] === NULL;
}

function hostOn(m: machine, cpu: number): boolean {
  return isHostTask(m, m.task[m.rq[cpu].curr]);
}

function cpusWhere(m: machine, legal: (cpu: number) => boolean): number[] {
  const cpus: number[] = [];
  for (let cpu = 0; cpu < m.rq.length; cpu++) if (legal(cpu)) cpus.push(cpu);
  return cpus;
}

/** The events of a kind that are legal now, with the parameters of MENU; in a fixed order. */
export function legalEvents(m: machine, kind: EventKind): MachineEvent[] {
  switch (kind) {
    case 'advance':
      return MENU.advance.map((ns) => ({ ev: 'advance', ns }));
    case 'tick':
      return cpusWhere(m, () => true).map((cpu) => ({ ev: 'tick', cpu }));
    case 'resched':
      return cpusWhere(m, (cpu) => m.task[m.rq[cpu].curr].tif_need_resched === 1).map((cpu) => ({
        ev: 'resched',
        cpu,
      }));
    case 'schedule':
    case 'yield':
    case 'block':
      return cpusWhere(m, (cpu) => hostOn(m, cpu)).map((cpu) => ({ ev: kind, cpu }));
    case 'step':
    case 'knob':
    case 'icr':
    case 'apicv':
    case 'hypercall':
    case 'mmio_write':
    case 'mmio_read':
    case 'wrmsr':
    case 'rdmsr':
    case 'write_icr':
    case 'pv_ipi':
    case 'msi':
    case 'pin':
    case 'redirect':
    case 'window':
    case 'enter':
    case 'set_lapic':
    case 'set_sregs':
    case 'stall':
    case 'amid':
      return [];
    case 'yield_to':
    case 'wake':
    case 'nice':
    case 'setattr':
    case 'move':
      return taskEvents(m, kind);
    case 'shares':
      return m.task_group
        .slice(1)
        .flatMap((tg) => MENU.shares.map((shares): MachineEvent => ({ ev: 'shares', cpu: 0, group: tg.id, shares })));
    default:
      return cpusWhere(m, (cpu) => guestOn(m, cpu, kind) !== NULL).flatMap((cpu) => guestEvents(m, cpu, kind));
  }
}

function taskEvents(m: machine, kind: 'yield_to' | 'wake' | 'nice' | 'setattr' | 'move'): MachineEvent[] {
  const tasks = m.task.filter((p) => m.rq[p.cpu].idle !== p.id);
  switch (kind) {
    case 'yield_to':
      return cpusWhere(m, (cpu) => hostOn(m, cpu)).flatMap((cpu) =>
        tasks.filter((p) => p.id !== m.rq[cpu].curr).map((p): MachineEvent => ({ ev: 'yield_to', cpu, task: p.id })),
      );
    case 'wake':
      return tasks
        .filter((p) => p.__state !== 0 && isHostTask(m, p))
        .map((p) => ({ ev: 'wake', cpu: p.cpu, task: p.id }));
    case 'nice':
      return tasks.flatMap((p) =>
        MENU.nice.map((nice): MachineEvent => ({ ev: 'nice', cpu: p.cpu, task: p.id, nice })),
      );
    case 'setattr':
      return tasks.flatMap((p) =>
        MENU.slice.map(
          (slice): MachineEvent => ({
            ev: 'setattr',
            cpu: p.cpu,
            task: p.id,
            policy: 0,
            nice: p.static_prio - 120,
            slice,
            priority: 0,
          }),
        ),
      );
    case 'move':
      return tasks.flatMap((p) =>
        m.task_group
          .filter((tg) => tg.id !== p.sched_task_group)
          .map((tg): MachineEvent => ({ ev: 'move', cpu: p.cpu, task: p.id, group: tg.id })),
      );
  }
}

function guestEvents(m: machine, cpu: number, kind: EventKind): MachineEvent[] {
  const vcpu = m.vcpu[guestOn(m, cpu, kind)];
  const arch = vcpu.arch;
  switch (kind) {
    case 'ipi':
      return m.kvm[vcpu.kvm].vcpus.flatMap((_, to) =>
        MENU.vector.map((vector): MachineEvent => ({ ev: 'ipi', cpu, to, vector })),
      );
    case 'eoi':
      return m.actor[vcpu.pid].handlers.at(-1)?.ended === false ? [{ ev: 'eoi', cpu }] : [];
    case 'cpl':
      return [{ ev: 'cpl', cpu, cpl: arch.cpl === 0 ? 3 : 0 }];
    case 'if':
      return [{ ev: 'if', cpu, on: !arch.if_flag }];
    case 'hlt':
      // with interrupts off it would be the guest's last instruction: no guest does that
      return arch.if_flag ? [{ ev: 'hlt', cpu }] : [];
    case 'pause':
    case 'intr':
      return [{ ev: kind, cpu }];
    default:
      return [];
  }
}
