// SPDX-License-Identifier: GPL-2.0-only
/** What may happen to a machine next: of each kind, by the table of events, which asks the lives of its vCPUs. */
import { legal } from '../machine/event-table.js';
import type { machine } from '../machine/state.js';
import type { MachineEvent } from '../scenario/events.js';
import { TASK_RUNNING } from '../sched/sched.js';

/** Kinds that need a CPU and nothing else. */
const ON_CPU = [
  'tick',
  'resched',
  'schedule',
  'yield',
  'block',
  'step',
  'pollEnd',
  'pause',
  'hlt',
  'wfi',
  'wfe',
  'eoi',
  'intr',
] as const;

/** Legal events of the kinds that tasks and CPUs do; time may always pass, and knobs and VMM events may always come. */
export function legalNext(m: machine): MachineEvent[] {
  const out: MachineEvent[] = [];
  for (const { cpu } of m.rq) for (const ev of ON_CPU) out.push({ ev, cpu });
  for (const { id, __state, cpu } of m.task) if (__state !== TASK_RUNNING) out.push({ ev: 'wake', cpu, task: id });
  for (const { cpu, curr } of m.rq)
    for (const { id, on_rq } of m.task) if (on_rq === 1 && id !== curr) out.push({ ev: 'yield_to', cpu, task: id });
  return out.filter((event) => legal(m, event));
}
