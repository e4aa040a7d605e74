// SPDX-License-Identifier: GPL-2.0-only
/** The tracepoints of a run with who was current: what the trace formats are printed from. */
import type { machine } from '../machine/state.js';
import type { trace_event } from '../trace/trace-event.js';

/** One hit, with the task that was current on its CPU. */
export interface RecordedEvent {
  event: trace_event;
  comm: string;
  pid: number;
}

/** A listener for `bind` that hands to `into` what it hears of the host, or of the kernel in the VM by that name. */
export function recorder(
  m: machine,
  into: (recorded: RecordedEvent) => void,
  vm?: string,
): (event: trace_event) => void {
  const traced = vm === undefined ? m : m.guest[m.vmNames.indexOf(vm)]?.os?.m;
  return (event) => {
    if (event.vm !== vm || traced === undefined) return;
    const curr = traced.task[traced.rq[event.cpu].curr];
    into({ event, comm: curr.comm, pid: curr.pid });
  };
}

/** The idle task's comm as trace tools print it. */
export const commOf = (comm: string, pid: number): string => (pid === 0 ? '<idle>' : comm);
