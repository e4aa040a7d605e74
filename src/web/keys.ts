// SPDX-License-Identifier: GPL-2.0-only
/** What can be done, by which keys: buttons, keyboard and the sheet of keys are made from this. Letters are gdb's. */
import type { PageEvent } from './page-machine.js';

export interface Key {
  /** as KeyboardEvent.key has them */
  readonly keys: readonly string[];
  readonly name: string;
  readonly says: string;
  /** on a button in the bar */
  readonly sign?: string;
  readonly event?: PageEvent;
  /** what is no event of the page: focus, a link to copy */
  readonly act?: 'search' | 'link' | 'theme' | 'zoomIn' | 'zoomOut' | 'zoomAll' | 'axis' | 'fold' | 'toggle';
}

const move = (
  by: Extract<PageEvent, { type: 'move' }>['by'],
  back: boolean,
  keys: readonly string[],
  name: string,
  says: string,
  sign: string,
): Key => ({ keys, name, says, sign, event: { type: 'move', by, back } });

export const KEYS: readonly Key[] = [
  move('end', true, ['Home'], 'restart', 'to the beginning', '|◀'),
  {
    keys: ['C'],
    name: 'reverse-continue',
    says: 'back to where the search was last met',
    event: { type: 'continue', back: true },
  },
  move('event', true, ['ArrowLeft'], 'reverse-event', 'to before this event, or the one before', '◀'),
  move('finish', true, ['F'], 'reverse-finish', 'back to before the present call', '⇤'),
  move('next', true, ['N'], 'reverse-next', 'back, calls as a whole', '↶'),
  move('step', true, ['S', 'ArrowUp'], 'reverse-step', 'one step back', '↑'),
  move('step', false, ['s', 'ArrowDown'], 'step', 'the next call, return, write or tracepoint', '↓'),
  move('next', false, ['n'], 'next', 'the same, calls as a whole; between events a whole event', '↷'),
  move('finish', false, ['f'], 'finish', 'until the present call returns', '⇥'),
  move('event', false, ['ArrowRight'], 'event', 'to before the next event', '▶'),
  {
    keys: ['c'],
    name: 'continue',
    says: 'until what is searched for comes again, or the end',
    event: { type: 'continue', back: false },
  },
  move('end', false, ['End'], 'end', 'to the end', '▶|'),
  {
    keys: ['/'],
    name: 'search',
    says: 'a function, tracepoint, field (se[3].vruntime) or event; c and C go on',
    act: 'search',
  },
  { keys: ['Escape'], name: 'interrupt', says: 'ends a search that runs; closes this sheet', event: { type: 'close' } },
  {
    keys: ['d'],
    name: 'difference',
    says: 'to the next difference of two kernels',
    event: { type: 'difference', back: false },
  },
  { keys: ['D'], name: 'reverse-difference', says: '... to the one before', event: { type: 'difference', back: true } },
  {
    keys: ['t'],
    name: 'toggle',
    says: 'takes the present event out, and shows what becomes of the run',
    act: 'toggle',
  },
  { keys: ['r'], name: 'restore', says: 'the run as it was opened', event: { type: 'restore' } },
  { keys: [']'], name: 'next CPU', says: 'the queue of the next CPU', event: { type: 'cpu', by: 1 } },
  { keys: ['['], name: 'CPU before', says: '... of the one before', event: { type: 'cpu', by: -1 } },
  { keys: ['z'], name: 'fold', says: 'folds the present call, or unfolds it', act: 'fold' },
  { keys: ['1'], name: 'changes', says: 'what changed', event: { type: 'show', view: 'changes' } },
  { keys: ['2'], name: 'lapic', says: 'the local APICs', event: { type: 'show', view: 'lapic' } },
  {
    keys: ['3'],
    name: 'properties',
    says: 'what properties say of this run',
    event: { type: 'show', view: 'properties' },
  },
  { keys: ['4'], name: 'next events', says: 'what may happen here', event: { type: 'show', view: 'next' } },
  { keys: ['5'], name: 'kernels', says: 'two kernels side by side', event: { type: 'show', view: 'kernels' } },
  { keys: ['+', '='], name: 'zoom in', says: 'the tracks, around the present place', act: 'zoomIn' },
  { keys: ['-'], name: 'zoom out', says: '... out', act: 'zoomOut' },
  { keys: ['0'], name: 'zoom all', says: '... to the whole run', act: 'zoomAll' },
  { keys: ['x'], name: 'axis', says: 'tracks over time, or over events', act: 'axis' },
  { keys: ['.'], name: 'link', says: 'copies a link to this place', act: 'link' },
  { keys: ['l'], name: 'light', says: 'light, dark, or as the system has it', act: 'theme' },
  { keys: ['g'], name: 'gallery', says: 'another run', event: { type: 'gallery' } },
  { keys: ['?'], name: 'keys', says: 'this sheet', event: { type: 'keys' } },
];

export const keyFor = (key: string): Key | undefined => KEYS.find(({ keys }) => keys.includes(key));
