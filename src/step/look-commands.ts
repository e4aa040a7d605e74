// SPDX-License-Identifier: GPL-2.0-only
/** Commands that look at the machine, the calls and the source, and change nothing. */
import { oneOf } from '../base/faults.js';
import { changesBetween, knownFields } from '../explore/changes.js';
import { eventText } from '../report/event-text.js';
import { type StepCommand, whole } from './command.js';
import { parseExpression } from './expression.js';
import { INFO } from './info-command.js';
import { nextEvents } from './next-events.js';
import { CommandFault, type Stepper } from './stepper.js';

export const looking: StepCommand[] = [
  {
    name: 'print',
    aliases: ['p', 'inspect', 'call'],
    usage: 'print EXPR',
    says: 'a field, a record, arithmetic, or what a function of the kernel returns (on a copy)',
    examples: ['print rq[0].cfs->next->vruntime', 'p task["vm0/1"]', 'p avg_vruntime(cfs_rq[0]) - se[2].vruntime'],
    run(stepper, rest) {
      if (rest === '') throw new CommandFault('an expression expected: help print');
      return stepper.printed(rest);
    },
  },
  {
    name: 'x',
    aliases: [],
    usage: 'x EXPR',
    says: 'a 64-bit number in hexadecimal',
    run(stepper, rest) {
      const { value } = stepper.evaluate(rest);
      if (typeof value !== 'number' && typeof value !== 'bigint') throw new CommandFault('a number expected');
      return [`${rest} = 0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`];
    },
  },
  {
    name: 'ptype',
    aliases: ['whatis'],
    usage: 'ptype EXPR',
    says: 'the members of a record',
    run(stepper, rest) {
      const { value } = stepper.evaluate(rest);
      if (typeof value !== 'object' || value === null) return [`type = ${typeof value}`];
      const members = Object.entries(value).map(
        ([name, of]) =>
          `  ${typeof of === 'object' && of !== null ? (Array.isArray(of) ? `array[${of.length}]` : 'struct') : typeof of} ${name};`,
      );
      return ['type = struct {', ...members, '}'];
    },
  },
  {
    name: 'display',
    aliases: [],
    usage: 'display EXPR',
    says: 'prints it at every stop',
    run(stepper, rest) {
      if (rest !== '') stepper.displays.push({ id: stepper.newId(), text: rest, expression: parseExpression(rest) });
      return stepper.displays.flatMap(({ text }) => stepper.printed(text));
    },
  },
  {
    name: 'undisplay',
    aliases: [],
    usage: 'undisplay N',
    says: 'prints it no more',
    run(stepper, rest) {
      const i = stepper.displays.findIndex(({ id }) => String(id) === rest);
      if (i < 0) throw new CommandFault(`no display ${rest}: info display lists them`);
      stepper.displays.splice(i, 1);
      return [];
    },
  },
  {
    name: 'backtrace',
    aliases: ['bt', 'where'],
    usage: 'backtrace',
    says: 'the open calls, the innermost first',
    run: (stepper) => stepper.backtrace(),
  },
  framing('frame', ['f'], 'selects a call', (frame, rest) => (rest === '' ? frame : whole(rest, 'which frame'))),
  framing('up', [], 'to the caller', (frame, rest) => frame + (rest === '' ? 1 : whole(rest, 'how many'))),
  framing('down', [], 'to who was called', (frame, rest) => frame - (rest === '' ? 1 : whole(rest, 'how many'))),
  {
    name: 'list',
    aliases: ['l'],
    usage: 'list [FUNC]',
    says: 'the mirrored source here; of a function: its C in the kernel tree, where one is installed',
    run: async (stepper, rest) => {
      if (rest === '') return stepper.source();
      if (stepper.line.kernel.table[rest] === undefined) throw new CommandFault(`the kernel has no function ${rest}`);
      const c = await stepper.outside.cSource(rest);
      return c === null
        ? [`${rest}(): its C is not at hand: no kernel tree is installed, or it has no such function`]
        : [c.place, ...c.lines];
    },
  },
  {
    name: 'info',
    aliases: ['i'],
    usage: `info ${Object.keys(INFO).join('|')} [N]`,
    says: 'what the machine or the stepper holds',
    examples: ['info rq', 'info cfs 0', 'info lapic 1', 'info breakpoints'],
    run(stepper, rest) {
      const [what = '', arg = ''] = rest.split(/\s+/);
      const names = Object.keys(INFO);
      const name = names.find((it) => it === what) ?? names.find((it) => what !== '' && it.startsWith(what));
      if (name === undefined)
        throw new CommandFault(`expected ${oneOf('one of', what, names)}, got ${what === '' ? 'nothing' : what}`);
      return INFO[name](stepper, arg);
    },
  },
  {
    name: 'events',
    aliases: [],
    usage: 'events [N | next]',
    says: 'the events around the place, or around N; next: what may happen here, for inject',
    examples: ['events next'],
    run(stepper, rest) {
      if (rest === 'next') return nextLines(stepper);
      const middle = rest === '' ? stepper.line.place.event : whole(rest, 'around which event');
      const { events } = stepper.line;
      const from = Math.max(0, Math.min(middle - 5, events.length - 12));
      const rows = [...Array(Math.min(12, events.length - from)).keys()].map((i) => from + i);
      return rows.map((i) => `${i === stepper.line.place.event ? '>' : ' '} ${stepper.eventLine(i)}`);
    },
  },
  {
    name: 'diff',
    aliases: [],
    usage: 'diff [N M]',
    says: 'what differs between two places; with --against: between the kernels, here',
    examples: ['diff 3 4', 'diff'],
    run(stepper, rest) {
      const known = knownFields(stepper.line.machineBefore(0));
      const place = stepper.line.place;
      const changes = rest === '' ? between(stepper, known) : inTime(stepper, rest, known);
      stepper.line.go(place);
      return changes.length === 0 ? ['No difference but in bookkeeping.'] : changes;
    },
  },
];

/** What may happen between the events here, as `inject` takes it; inside of an event, behind it. */
function nextLines({ line, names }: Stepper): string[] {
  const { event, step } = line.place;
  const at = step === 0 ? event : Math.min(line.length, event + 1);
  const own = JSON.stringify(line.events[at]);
  const rows = nextEvents(line.machineBefore(at)).map(({ event: it }) => {
    const json = JSON.stringify(it);
    return `${json === own ? '>' : ' '} ${eventText(it, names).padEnd(20)} inject ${json}`;
  });
  return [`before event ${at}; knobs may be written as well`, ...rows];
}

/** From the other kernel's machine to this one's, behind as many events. */
function between({ line, other }: Stepper, known: ReadonlySet<string>): string[] {
  const { event } = line.place;
  if (other === null)
    throw new CommandFault('one kernel: diff N M compares two places, or start with --against KERNEL');
  if (event > other.length) return [`${other.kernel.name} died before`];
  return [
    `${other.kernel.name} -> ${line.kernel.name}:`,
    ...changesBetween(other.copyBefore(event), line.machineBefore(event), known),
  ];
}

function inTime({ line }: Stepper, rest: string, known: ReadonlySet<string>): string[] {
  const [n, m] = rest.split(/\s+/).map((it) => Math.min(line.length, whole(it, 'which events')));
  if (m === undefined) throw new CommandFault('two events expected: diff N M');
  const was = line.copyBefore(n);
  return changesBetween(was, line.machineBefore(m), known);
}

function framing(
  name: string,
  aliases: readonly string[],
  says: string,
  to: (frame: number, rest: string) => number,
): StepCommand {
  return {
    name,
    aliases,
    usage: `${name} [N]`,
    says,
    run(stepper, rest) {
      const frame = to(stepper.frame, rest);
      const most = stepper.line.frames.length - 1;
      if (frame < 0) throw new CommandFault('the innermost call is selected');
      if (frame > most) throw new CommandFault(most < 0 ? 'no call is open' : 'the outermost call is selected');
      stepper.frame = frame;
      return stepper.backtrace().slice(frame, frame + 1);
    },
  };
}
