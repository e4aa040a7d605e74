// SPDX-License-Identifier: GPL-2.0-only
/** The commands of the stepper: gdb's and rr's words, abbreviations and habits. */
import { BadInput, oneOf } from '../base/faults.js';
import { count, wrap } from '../base/text.js';
import { checkEvents, parseJson } from '../scenario/read-scenario.js';
import { type StepCommand, times, whole } from './command.js';
import { ExpressionFault } from './expression.js';
import { INFO } from './info-command.js';
import { looking } from './look-commands.js';
import { CommandFault, type Stepper } from './stepper.js';
import { added, stopping } from './stop-commands.js';
import { screenCommands } from './tui-commands.js';

const moving = (
  name: string,
  aliases: readonly string[],
  says: string,
  move: (stepper: Stepper) => boolean,
): StepCommand => ({
  name,
  aliases,
  usage: `${name} [N]`,
  says,
  run(stepper, rest) {
    times(rest, () => move(stepper));
    return 'where';
  },
});

const going: StepCommand[] = [
  moving('step', ['s', 'stepi', 'si'], 'the next call, return, write or tracepoint', (it) => it.step(false)),
  moving('next', ['n', 'nexti', 'ni'], 'the same, calls as a whole; between events a whole event', (it) =>
    it.next(false),
  ),
  moving('finish', ['fin'], 'until the selected call returns', (it) => it.finish(false)),
  moving('reverse-step', ['rs', 'reverse-stepi', 'rsi'], 'one step back', (it) => it.step(true)),
  moving('reverse-next', ['rn', 'reverse-nexti', 'rni'], 'back, calls as a whole', (it) => it.next(true)),
  moving('reverse-finish', ['rfin', 'rf'], 'back to before the selected call', (it) => it.finish(true)),
  {
    name: 'continue',
    aliases: ['c', 'fg'],
    usage: 'continue',
    says: 'until a breakpoint or watchpoint, or the end of the run',
    run: async (stepper) => ({ first: await stepper.continue(false) }),
  },
  {
    name: 'reverse-continue',
    aliases: ['rc'],
    usage: 'reverse-continue',
    says: 'back to the last of them; with watch FIELD: to who wrote it last',
    run: async (stepper) => ({ first: await stepper.continue(true) }),
  },
  {
    name: 'until',
    aliases: ['u', 'advance'],
    usage: 'until EVENT | FUNC | TRACEPOINT',
    says: 'continue to there, once',
    examples: ['until 40', 'until yield_to'],
    async run(stepper, rest) {
      if (/^\d+$/.test(rest)) {
        stepper.go({ event: Number(rest), step: 0 });
        return 'where';
      }
      await added(stepper, rest, true);
      return { first: await stepper.continue(false) };
    },
  },
  {
    name: 'seek',
    aliases: ['goto'],
    usage: 'seek EVENT | diff | end',
    says: 'to before that event; to where two kernels part',
    examples: ['seek 0', 'seek diff'],
    run(stepper, rest) {
      if (rest === 'diff') {
        if (stepper.other === null) throw new CommandFault('one kernel: start with --against KERNEL');
        if (stepper.parting === null) return ['The kernels do not differ in this run.'];
        stepper.go({ event: stepper.parting.behind, step: 0 });
      } else stepper.go({ event: rest === 'end' ? Number.MAX_SAFE_INTEGER : whole(rest, 'which event'), step: 0 });
      return 'where';
    },
  },
  {
    name: 'when',
    aliases: ['where-am-i'],
    usage: 'when',
    says: 'the place',
    run: () => 'where',
  },
  {
    name: 'checkpoint',
    aliases: ['ch'],
    usage: 'checkpoint',
    says: 'remembers the place',
    run(stepper) {
      const id = stepper.newId();
      stepper.checkpoints.push({ id, place: stepper.line.place });
      return [`Checkpoint ${id}: event ${stepper.line.place.event}, step ${stepper.line.place.step}`];
    },
  },
  {
    name: 'restart',
    aliases: ['run', 'r'],
    usage: 'restart [CHECKPOINT]',
    says: 'to the beginning, or to a checkpoint',
    run(stepper, rest) {
      const known = stepper.checkpoints.find(({ id }) => String(id) === rest);
      if (rest !== '' && known === undefined)
        throw new CommandFault(`no checkpoint ${rest}: info checkpoints lists them`);
      stepper.go(known?.place ?? { event: 0, step: 0 });
      return 'where';
    },
  },
];

/* ---- other events ---- */

const changing: StepCommand[] = [
  {
    name: 'toggle',
    aliases: [],
    usage: 'toggle N',
    says: 'takes event N out, and shows what becomes of the run; restart keeps it so',
    run(stepper, rest) {
      const n = whole(rest, 'which event');
      const { events } = stepper.line;
      if (n >= events.length) throw new CommandFault(`the run has ${count(events.length, 'event')}`);
      const out = stepper.eventLine(n);
      const left = stepper.become(events.filter((_, i) => i !== n));
      return { first: [`Without ${out}: ${left}`] };
    },
  },
  {
    name: 'inject',
    aliases: [],
    usage: 'inject EVENT',
    says: 'puts an event in, before the one that comes next',
    examples: ['inject {"ev":"tick","cpu":0}'],
    run(stepper, rest) {
      const [event] = checkEvents([parseJson(rest, 'inject')], 'inject');
      const { events, place } = stepper.line;
      const now = stepper.become([...events.slice(0, place.event), event, ...events.slice(place.event)]);
      return { first: [now] };
    },
  },
  {
    name: 'save',
    aliases: [],
    usage: 'save FILE',
    says: 'writes the run as a file that step, run and replay take',
    run(stepper, rest) {
      if (rest === '') throw new CommandFault('a file expected');
      return [stepper.outside.save(rest, stepper.line.events)];
    },
  },
  {
    name: 'help',
    aliases: ['h'],
    usage: 'help [COMMAND]',
    says: 'what there is',
    run(_, rest) {
      if (rest === '') return stepCommands.flatMap(({ usage, says }) => helpLines(usage, says));
      const { usage, says, aliases, examples = [] } = found(rest);
      return [
        usage,
        `  ${says}`,
        ...(aliases.length > 0 ? [`  also: ${aliases.join(', ')}`] : []),
        ...examples.map((it) => `  (kvmodel) ${it}`),
      ];
    },
  },
  { name: 'quit', aliases: ['q', 'exit'], usage: 'quit', says: 'ends it', run: () => 'quit' },
];

/** Where what a command does begins, in the list of all. */
const SAYS = 26;

/** The usage, and beside or below it what it does. */
function helpLines(usage: string, says: string): string[] {
  const told = wrap(says, 80 - SAYS).map((line) => ' '.repeat(SAYS) + line);
  if (usage.length >= SAYS) return [...wrap(usage, 80, '    '), ...told];
  return [usage + told[0].slice(usage.length), ...told.slice(1)];
}

export const stepCommands: readonly StepCommand[] = [...going, ...stopping, ...looking, ...changing, ...screenCommands];

function found(word: string): StepCommand {
  const exact = stepCommands.find(({ name, aliases }) => name === word || aliases.includes(word));
  if (exact !== undefined) return exact;
  const near = stepCommands.filter(({ name }) => name.startsWith(word));
  if (near.length === 1) return near[0];
  const names = stepCommands.map(({ name }) => name);
  if (near.length > 1) throw new CommandFault(`${word} may be ${near.map(({ name }) => name).join(' or ')}`);
  throw new CommandFault(`expected ${oneOf('a command', word, names)}, got ${word}: help lists them`);
}

/** Runs one line; null ends it. What was typed wrong is said, and changes nothing. */
export async function execute(stepper: Stepper, typed: string): Promise<string[] | null> {
  const [, word = '', rest = ''] = /^\s*(\S+)\s*(.*?)\s*$/.exec(typed) ?? [];
  if (word === '' || word.startsWith('#')) return [];
  try {
    const said = await found(word).run(stepper, rest);
    if (said === 'quit') return null;
    if (said === 'where') return stepper.where();
    return 'first' in said ? [...said.first, ...stepper.where()] : [...said];
  } catch (thrown) {
    if (thrown instanceof CommandFault || thrown instanceof ExpressionFault) return [thrown.message];
    if (thrown instanceof BadInput)
      return thrown.faults.map(({ place, expected, got }) => `${place}: expected ${expected}, got ${got}`);
    throw thrown;
  }
}

/** What a line may go on with. */
export function completions(stepper: Stepper, typed: string): string[] {
  const [, head = '', last = ''] = /^(.*?)([\w.-]*)$/.exec(typed) ?? [];
  if (head.trim() === '') return stepCommands.map(({ name }) => name).filter((name) => name.startsWith(last));
  const words = /^\s*(?:i|info)\s+$/.test(head)
    ? Object.keys(INFO)
    : [...Object.keys(stepper.line.kernel.table), ...Object.keys(stepper.line.machine), ...stepper.scope.locals.keys()];
  return words.filter((word) => last !== '' && word.startsWith(last)).sort();
}
