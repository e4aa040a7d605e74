// SPDX-License-Identifier: GPL-2.0-only
/** What the page is doing: choosing a run, stepping through one, looking for a place, or showing its keys; as a statechart. */
import { assign, fromPromise, setup } from 'xstate';
import type { MachineEvent } from '../scenario/events.js';
import type { PageTarget } from '../step/page-data.js';
import type { Place } from '../step/timeline.js';
import type { Link } from './link.js';
import type { Session } from './session.js';

export const VIEWS = ['changes', 'lapic', 'properties', 'next', 'kernels'] as const;
export type View = (typeof VIEWS)[number];

export type Move = 'step' | 'next' | 'finish' | 'event' | 'end';

export interface Opening {
  target: PageTarget;
  link: Link | null;
  /** what of a link could not be read, or is not here */
  faults: readonly string[];
}

export type PageEvent =
  | ({ type: 'open' } & Opening)
  | { type: 'gallery' }
  | { type: 'move'; by: Move; back: boolean }
  | { type: 'go'; place: Place }
  | { type: 'continue'; back: boolean }
  | { type: 'find'; text: string; back: boolean }
  | { type: 'difference'; back: boolean }
  | { type: 'interrupt' }
  | { type: 'toggle'; event: number }
  | { type: 'take'; event: MachineEvent }
  | { type: 'restore' }
  | { type: 'show'; view: View }
  | { type: 'cpu'; by: number }
  | { type: 'recorded' }
  | { type: 'say'; words: string }
  | { type: 'keys' }
  | { type: 'close' };

/** What goes on until it is found. */
export type Search = { for: 'text' | 'difference'; text: string; back: boolean };

export interface PageContext {
  opening: Opening | null;
  session: Session | null;
  /** what a link says and the page cannot do */
  missing: readonly string[];
  fault: string;
  view: View;
  /** the CPU whose queue is shown: the event's own when null */
  cpu: number | null;
  /** counts whatever may have changed the session, which is not copied */
  turn: number;
  search: Search;
}

/** Runs are opened by whoever makes the machine. */
export interface Opened {
  session: Session;
  missing: string[];
}

function move({ stepper }: Session, by: Move, back: boolean): void {
  const { event, step } = stepper.line.place;
  if (by === 'end') stepper.go({ event: back ? 0 : Number.MAX_SAFE_INTEGER, step: 0 });
  else if (by === 'event') stepper.go({ event: back ? (step > 0 ? event : event - 1) : event + 1, step: 0 });
  else stepper[by](back);
}

const machineSetup = setup({
  types: { context: {} as PageContext, events: {} as PageEvent },
  actors: {
    open: fromPromise<Opened, Opening>(async () => {
      throw new Error('nothing opens runs');
    }),
    search: fromPromise<string, { session: Session; search: Search }>(({ input: { session, search } }) => {
      if (search.for === 'difference') return session.nextDifference(search.back);
      return search.text === '' ? session.continue(search.back) : session.find(search.text, search.back);
    }),
  },
});

type Named<T extends PageEvent['type']> = Extract<PageEvent, { type: T }>;

/** A command changes the session, which is not copied, says what came of it, and turns the page. */
function command<T extends PageEvent['type']>(run: (session: Session, event: Named<T>) => string) {
  return {
    actions: [
      ({ context, event }: { context: PageContext; event: Named<T> }): void => {
        if (context.session !== null) context.session.said = run(context.session, event);
      },
      assign<PageContext, Named<T>, undefined, PageEvent, never>({ turn: ({ context }) => context.turn + 1 }),
    ],
  };
}

/** Standing at a place. */
const commands = {
  move: command<'move'>((session, { by, back }) => {
    move(session, by, back);
    return '';
  }),
  go: command<'go'>((session, { place }) => {
    session.stepper.go(place);
    return '';
  }),
  toggle: command<'toggle'>((session, { event }) => {
    session.toggle(event);
    return `Without event ${event}: this is what becomes of the run.`;
  }),
  take: command<'take'>((session, { event }) => {
    session.take(event);
    return 'A branch: what followed follows the new event.';
  }),
  restore: command<'restore'>((session) => {
    session.become([]);
    return 'The run as it was opened.';
  }),
  say: command<'say'>((_, { words }) => words),
  recorded: command<'recorded'>((session) => session.said),
};

const say = ({ session }: PageContext, words: string): void => {
  if (session !== null) session.said = words;
};

const turned = ({ context }: { context: PageContext }): number => context.turn + 1;

export const pageMachine = machineSetup.createMachine({
  id: 'page',
  type: 'parallel',
  context: {
    opening: null,
    session: null,
    missing: [],
    fault: '',
    view: 'changes',
    cpu: null,
    turn: 0,
    search: { for: 'text', text: '', back: false },
  },
  states: {
    run: {
      initial: 'gallery',
      on: {
        open: {
          target: '.opening',
          reenter: true,
          actions: assign({
            opening: ({ event }) => ({ target: event.target, link: event.link, faults: event.faults }),
          }),
        },
        gallery: { target: '.gallery', actions: assign({ session: null, missing: [] }) },
      },
      states: {
        gallery: {},
        opening: {
          invoke: {
            src: 'open',
            input: ({ context }) => context.opening as Opening,
            onDone: {
              target: 'standing',
              actions: assign({
                session: ({ event }) => event.output.session,
                missing: ({ event }) => event.output.missing,
                cpu: null,
                turn: turned,
              }),
            },
            onError: {
              target: 'failed',
              actions: assign({ session: null, fault: ({ event }) => String((event.error as Error).message) }),
            },
          },
        },
        standing: {
          on: {
            ...commands,
            continue: {
              target: 'searching',
              // what was looked for last
              actions: assign({
                search: ({ context, event }) => ({ ...context.search, for: 'text', back: event.back }),
              }),
            },
            find: {
              target: 'searching',
              actions: assign({ search: ({ event }) => ({ for: 'text', text: event.text, back: event.back }) }),
            },
            difference: {
              target: 'searching',
              actions: assign({
                search: ({ context, event }) => ({ ...context.search, for: 'difference', back: event.back }),
              }),
            },
          },
        },
        searching: {
          invoke: {
            src: 'search',
            input: ({ context }) => ({ session: context.session as Session, search: context.search }),
            onDone: {
              target: 'standing',
              actions: [({ context, event }) => say(context, event.output), assign({ turn: turned })],
            },
            onError: {
              target: 'standing',
              actions: [({ context, event }) => say(context, (event.error as Error).message), assign({ turn: turned })],
            },
          },
          on: { interrupt: { actions: ({ context }) => context.session?.interrupt() } },
        },
        failed: {},
      },
    },
    view: {
      on: {
        show: { actions: assign({ view: ({ event }) => event.view }) },
        cpu: {
          actions: assign({
            cpu: ({ context, event }) => {
              const cpus = context.session?.line.machine.rq.length ?? 1;
              const from = context.cpu ?? 0;
              return (from + event.by + cpus) % cpus;
            },
          }),
        },
      },
    },
    sheet: {
      initial: 'closed',
      states: { closed: { on: { keys: 'open' } }, open: { on: { keys: 'closed', close: 'closed' } } },
    },
  },
});
