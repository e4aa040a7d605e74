// SPDX-License-Identifier: GPL-2.0-only
/** What may happen next: what the machine would do by itself, and what else is legal, of which the lives of vCPUs say most. */
import { legal } from '../machine/event-table.js';
import { nextEvent } from '../machine/next-event.js';
import type { machine } from '../machine/state.js';
import { vcpuLife, vcpuStateOf } from '../machine/vcpu-life.js';
import type { MachineEvent } from '../scenario/events.js';

export interface NextEvent {
  readonly event: MachineEvent;
  readonly why: string;
}

/** ns that somebody may want to pass: one, a tick's part, a slice. */
const WAITS = [1, 1_000_000, 4_000_000];

/** Every legal event of the usual kinds, each with where it comes from. */
export function nextEvents(m: machine): NextEvent[] {
  const own = nextEvent(m);
  const found: NextEvent[] = own === null ? [] : [{ event: own, why: 'by itself' }];
  const add = (event: MachineEvent, why: string): void => {
    if (!legal(m, event)) return;
    if (found.some((it) => JSON.stringify(it.event) === JSON.stringify(event))) return;
    found.push({ event, why });
  };
  for (const { id, cpu } of m.vcpu) {
    const state = vcpuStateOf(m, m.vcpu[id]);
    const here = m.rq.find(({ curr }) => curr === m.vcpu[id].pid)?.cpu ?? cpu;
    const comm = m.vcpu[id].pid >= 0 ? m.task[m.vcpu[id].pid].comm : `vCPU ${id}`;
    for (const kind of vcpuLife.may(state))
      for (const event of byGuest(m, kind, here, id)) add(event, `${comm} is ${state}`);
  }
  for (const { cpu, curr } of m.rq) {
    const { comm } = m.task[curr];
    for (const ev of ['tick', 'resched'] as const) add({ ev, cpu }, `CPU ${cpu}`);
    for (const ev of ['schedule', 'yield', 'block'] as const) add({ ev, cpu }, `${comm} runs on CPU ${cpu}`);
    for (const { id } of m.task) {
      if (m.task[id].__state !== 0) add({ ev: 'wake', cpu, task: id }, `${m.task[id].comm} sleeps`);
      else if (id !== curr) add({ ev: 'yield_to', cpu, task: id }, `${comm} runs on CPU ${cpu}`);
    }
  }
  for (const ns of WAITS) add({ ev: 'advance', ns }, 'time');
  return found;
}

/** Events of that kind that a guest may cause; those with many operands once or twice. */
function byGuest(m: machine, kind: string, cpu: number, vcpu: number): MachineEvent[] {
  switch (kind) {
    case 'step':
    case 'pause':
    case 'hlt':
    case 'wfi':
    case 'wfe':
    case 'diag44':
    case 'enabledWait':
    case 'eoi':
    case 'intr':
    case 'pollEnd':
      return [{ ev: kind, cpu }];
    case 'diag9c': {
      const { kvm, vcpu_idx } = m.vcpu[vcpu];
      return m.kvm[kvm].vcpus.flatMap((_, to) => (to === vcpu_idx ? [] : [{ ev: 'diag9c', cpu, to }]));
    }
    case 'cpl':
      return [0, 3].map((cpl) => ({ ev: 'cpl', cpu, cpl }));
    case 'if':
      return [true, false].map((on) => ({ ev: 'if', cpu, on }));
    case 'ipi': {
      const { kvm } = m.vcpu[vcpu];
      const others = m.vcpu.filter((it) => it.kvm === kvm && it.id !== vcpu);
      return others.map((it) => ({ ev: 'ipi', cpu, to: it.vcpu_idx, vector: 0xfd }));
    }
    default:
      return [];
  }
}
