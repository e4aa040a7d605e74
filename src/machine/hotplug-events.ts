// SPDX-License-Identifier: GPL-2.0-only
/** CPUs of the host go down and come back, as by a write to /sys/devices/system/cpu/cpuN/online. */
import { createActor } from '../guest/actor.js';
import { NULL } from '../sched/sched.js';
import type { Rules } from './rules.js';
import type { machine } from './state.js';

/** Whether the CPU takes part in anything: one that is offline runs nothing and takes no interrupt. */
export const isOnline = (m: machine, cpu: number): boolean => m.cpuhp === undefined || m.cpuhp.online[cpu] === 1;

/** A CPU is on its way down, and nothing else may go down or come up. */
const isBusy = (m: machine): boolean => m.cpuhp !== undefined && m.cpuhp.down !== NULL;

/** The tables beside `task` get their entries for threads that the kernel has made. */
function keepParallel(m: machine): void {
  for (let id = m.actor.length; id < m.task.length; id++) {
    m.actor[id] = createActor(-1);
    m.vcpuOfTask[id] = NULL;
  }
}

export const hotplugEvents: Rules<'cpu_down' | 'cpu_up'> = {
  cpu_down: {
    // CPU 0 of an x86 machine cannot go
    legal: (m, e) => e.target > 0 && e.target < m.rq.length && isOnline(m, e.target) && !isBusy(m),
    perform(k, m, e) {
      k._cpu_down(e.target);
      keepParallel(m);
    },
  },
  cpu_up: {
    legal: (m, e) => e.target > 0 && e.target < m.rq.length && !isOnline(m, e.target) && !isBusy(m),
    perform: (k, _, e) => k._cpu_up(e.target),
  },
};

/** What is sent to a CPU that is offline is lost. */
export function dropInterrupts(m: machine): void {
  if (m.cpuhp === undefined) return;
  for (const { cpu } of m.rq) if (m.host_irq[cpu].length > 0 && !isOnline(m, cpu)) m.host_irq[cpu] = [];
}
