// SPDX-License-Identifier: GPL-2.0-only
/** A menu of events from words: `tick,block,wake,advance:1000000` is every tick, block and wake that there is, and 1 ms. */
import { type Fault, oneOf } from '../base/faults.js';
import type { machine } from '../machine/state.js';
import type { EventKind, MachineEvent } from '../scenario/events.js';

/** Kinds with a CPU alone. */
const ON_CPU: readonly EventKind[] = [
  ...(['tick', 'resched', 'schedule', 'yield', 'block'] as const),
  ...(['pause', 'hlt', 'eoi', 'intr', 'step', 'pollEnd'] as const),
];
const KINDS: readonly EventKind[] = [...ON_CPU, 'advance', 'wake', 'yield_to', 'nice', 'shares', 'ipi'];

/** Moves that a search takes at most. */
export const MOVES_MAX = 255;

/** What a scenario is searched with when nothing is said. */
export function usualMenu(m: machine): string {
  const slice = Number(m.sysctl_sched_base_slice);
  return `advance:${slice},tick,yield,block,wake${m.vcpu.length > 0 ? ',pause,hlt' : ''}`;
}

/** The events, and what is wrong with the words. */
export function menuOf(text: string, m: machine): { menu: MachineEvent[]; faults: Fault[] } {
  const faults: Fault[] = [];
  const cpus = [...m.rq.keys()];
  // boot makes the idle threads first, and stoppers behind the rest
  const tasks = m.task.flatMap((p) => (p.id >= cpus.length && (p.flags & 0x20_0000) === 0 ? [p.id] : []));
  const menu = text.split(',').flatMap((word): MachineEvent[] => {
    const [kind, given] = word.split(':') as [EventKind, string | undefined];
    const fault = (expected: string): MachineEvent[] => {
      faults.push({ code: 'menu', place: '--menu', expected, got: JSON.stringify(word) });
      return [];
    };
    const value = Number(given);
    const needs = ['advance', 'nice', 'shares'].includes(kind);
    if (!KINDS.includes(kind)) return fault(oneOf('a kind of event', kind, KINDS));
    if (needs && (given === undefined || !/^-?\d+$/.test(given))) return fault(`${kind}:NUMBER`);
    if (!needs && given !== undefined) return fault(kind);
    if (kind === 'advance') return value > 0 ? [{ ev: kind, ns: value }] : fault('advance:NS');
    if (kind === 'wake') return cpus.slice(0, 1).flatMap((cpu) => tasks.map((task) => ({ ev: kind, cpu, task })));
    if (kind === 'yield_to') return cpus.flatMap((cpu) => tasks.map((task) => ({ ev: kind, cpu, task })));
    if (kind === 'nice') return tasks.map((task) => ({ ev: kind, cpu: 0, task, nice: value }));
    if (kind === 'shares')
      return m.task_group.slice(1).map((_, i) => ({ ev: kind, cpu: 0, group: i + 1, shares: value }));
    if (kind === 'ipi')
      return cpus.flatMap((cpu) => m.vcpu.map((v) => ({ ev: kind, cpu, to: v.vcpu_idx, vector: 0x31 })));
    return cpus.map((cpu) => ({ ev: kind, cpu }) as MachineEvent);
  });
  if (menu.length > MOVES_MAX)
    faults.push({ code: 'menu', place: '--menu', expected: `at most ${MOVES_MAX} events`, got: String(menu.length) });
  return { menu, faults };
}
