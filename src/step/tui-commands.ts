// SPDX-License-Identifier: GPL-2.0-only
/** Commands of the full-screen view: gdb's `tui` and `layout`. They say what is shown; whoever has the terminal draws it. */
import { oneOf } from '../base/faults.js';
import { type StepCommand, whole } from './command.js';
import { LAYOUTS, type ScreenState } from './screen.js';
import { CommandFault, type Stepper } from './stepper.js';

function screenOf({ screen }: Stepper): ScreenState {
  if (screen === null) throw new CommandFault('the full-screen view needs a terminal for input and output');
  return screen;
}

/** A number below `most`, or null for `auto`. */
function chosen(arg: string, what: string, most: number): number | null {
  if (arg === 'auto') return null;
  const n = whole(arg, what);
  if (n >= most)
    throw new CommandFault(`${what}: ${most === 0 ? 'this machine has none' : `0 to ${most - 1} expected`}, got ${n}`);
  return n;
}

const WORDS = ['enable', 'disable', 'cpu', 'vcpu'] as const;

export const screenCommands: StepCommand[] = [
  {
    name: 'tui',
    aliases: [],
    usage: 'tui enable | disable | cpu N | vcpu N',
    says: 'the full-screen view; whose queue and local APIC it shows (auto: of the present CPU)',
    examples: ['tui enable', 'tui cpu 1', 'tui vcpu auto'],
    run(stepper, rest) {
      const [word = '', arg = ''] = rest.split(/\s+/);
      const screen = screenOf(stepper);
      const { machine } = stepper.line;
      if (word === 'enable' || word === 'disable') screen.isOn = word === 'enable';
      else if (word === 'cpu') screen.cpu = chosen(arg, 'which CPU', machine.rq.length);
      else if (word === 'vcpu') screen.vcpu = chosen(arg, 'which vCPU', machine.vcpu.length);
      else
        throw new CommandFault(`tui: expected ${oneOf('one of', word, WORDS)}, got ${word === '' ? 'nothing' : word}`);
      return [];
    },
  },
  {
    name: 'layout',
    aliases: ['la'],
    usage: `layout ${LAYOUTS.join(' | ')}`,
    says: 'what fills the full-screen view; turns it on',
    examples: ['layout src'],
    run(stepper, rest) {
      const layout = LAYOUTS.find((it) => it === rest) ?? LAYOUTS.find((it) => rest !== '' && it.startsWith(rest));
      if (layout === undefined)
        throw new CommandFault(
          `layout: expected ${oneOf('one of', rest, LAYOUTS)}, got ${rest === '' ? 'nothing' : rest}`,
        );
      Object.assign(screenOf(stepper), { isOn: true, layout });
      return [];
    },
  },
  {
    name: 'refresh',
    aliases: [],
    usage: 'refresh',
    says: 'draws the full-screen view again',
    run(stepper) {
      screenOf(stepper);
      return [];
    },
  },
];
