// SPDX-License-Identifier: GPL-2.0-only
/** What follows `info`. */
import { nextEvent } from '../machine/next-event.js';
import { eventText } from '../report/event-text.js';
import { lapicLines, queueLines, runqueueLines, taskLines, timerLines, vcpuLines } from './info.js';
import { CommandFault, type Stepper } from './stepper.js';
import { valueText } from './text.js';

/** All of them, or the one that is named. */
function each(arg: string, of: number, what: string, lines: (i: number) => string[]): string[] {
  if (arg === '') return [...Array(of).keys()].flatMap(lines);
  const i = /^\d+$/.test(arg) ? Number(arg) : -1;
  if (i < 0 || i >= of) throw new CommandFault(`${what}: 0 to ${of - 1} expected, got ${arg}`);
  return lines(i);
}

export const INFO: Readonly<Record<string, (stepper: Stepper, arg: string) => string[]>> = {
  rq: ({ line }, arg) => each(arg, line.machine.rq.length, 'CPU', (i) => runqueueLines(line.machine, line.kernel, i)),
  cfs: ({ line }, arg) =>
    each(arg, line.machine.cfs_rq.length, 'cfs_rq', (i) => queueLines(line.machine, line.kernel, i)),
  se: (stepper, arg) => stepper.printed(`se[${arg}]`),
  task: (stepper, arg) =>
    arg === ''
      ? taskLines(stepper.line.machine)
      : stepper.printed(`task[${/^\d+$/.test(arg) ? arg : JSON.stringify(arg)}]`),
  vcpu: (stepper, arg) =>
    arg === ''
      ? vcpuLines(stepper.line.machine)
      : stepper.printed(`vcpu[${/^\d+$/.test(arg) ? arg : JSON.stringify(arg)}]`),
  lapic: ({ line }, arg) => each(arg, line.machine.vcpu.length, 'vCPU', (i) => lapicLines(line.machine, i)),
  timers: ({ line }) => timerLines(line.machine),
  args: (stepper) => {
    const { m, locals } = stepper.scope;
    return locals.size === 0
      ? ['no arguments']
      : [...locals].map(([name, value]) => `${name} = ${valueText(value, null, m)}`);
  },
  next: (stepper) => {
    const event = nextEvent(stepper.line.machine);
    return [event === null ? 'nothing happens by itself' : `by itself: ${eventText(event, stepper.names)}`];
  },
  kernels: ({ line, other }) => [line.kernel.name, ...(other === null ? [] : [`against ${other.kernel.name}`])],
  breakpoints: ({ stops }) =>
    stops.length === 0
      ? ['no breakpoints']
      : stops.map(
          (it) =>
            `${it.id}  ${it.kind} ${it.what}${it.when === null ? '' : ` if ${it.when.text}`}${it.enabled ? '' : '  disabled'}  hit ${it.hits}`,
        ),
  checkpoints: ({ checkpoints }) =>
    checkpoints.length === 0
      ? ['no checkpoints']
      : checkpoints.map(({ id, place }) => `${id}  event ${place.event}, step ${place.step}`),
  display: ({ displays }) =>
    displays.length === 0 ? ['no displays'] : displays.map(({ id, text }) => `${id}  ${text}`),
};
