// SPDX-License-Identifier: GPL-2.0-only
/** Where commands of the stepper come from: a script, or somebody at a terminal. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { completions, execute } from '../step/commands.js';
import type { Stepper } from '../step/stepper.js';
import { FullScreen } from './full-screen.js';
import type { Io } from './io.js';

const PROMPT = '(kvmodel) ';
const HISTORY = 500;
/** ms after which a command that still runs is shown to be running */
const PATIENCE = 150;

type Terminal = NonNullable<Io['terminal']>;
type Say = (lines: readonly string[]) => void;

/** Each line is echoed as it would stand on a terminal, so that what follows has its question. */
export async function scripted(stepper: Stepper, text: string, say: Say): Promise<void> {
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trim().startsWith('#')) continue;
    say([`${PROMPT}${line.trim()}`]);
    const said = await execute(stepper, line);
    if (said === null) return;
    say(said);
  }
}

/**
 * An empty line is the last command again, ^C ends what runs and keeps the place, ^D ends it. `tui` begins with the full-screen view.
 */
export async function typed(
  stepper: Stepper,
  { env }: Pick<Io, 'env'>,
  terminal: Terminal,
  stop: { asked: boolean },
  say: Say,
  tui: boolean,
): Promise<void> {
  const view = new FullScreen(stepper, terminal, env);
  stepper.screen = view.state;
  view.state.isOn = tui;
  try {
    await converse(stepper, view, env, terminal, stop, say);
  } finally {
    view.leave();
  }
}

async function converse(
  stepper: Stepper,
  view: FullScreen,
  env: Io['env'],
  terminal: Terminal,
  stop: { asked: boolean },
  say: Say,
): Promise<void> {
  const file = join(env['XDG_STATE_HOME'] || join(homedir(), '.local/state'), 'kvmodel', 'step_history');
  const lines = createInterface({
    ...terminal,
    prompt: PROMPT,
    historySize: HISTORY,
    history: pastOf(file),
    completer: (text: string) => {
      const [, last = ''] = /([\w.-]*)$/.exec(text) ?? [];
      return [completions(stepper, text), last];
    },
  });
  const state = { isRunning: false };
  lines.on('SIGINT', () => {
    if (state.isRunning) stop.asked = true;
    else {
      // what was typed is given up
      lines.write(null, { ctrl: true, name: 'e' });
      lines.write(null, { ctrl: true, name: 'u' });
      if (view.isOpen) view.again();
      else terminal.output.write('\n');
      lines.prompt();
    }
  });
  const ends = listen(view, lines, terminal, state);
  let last = '';
  view.tell(stepper.where());
  view.update();
  lines.prompt();
  for await (const line of lines) {
    const command = line.trim() === '' ? last : line.trim();
    if (line.trim() !== '') remember(file, command);
    last = command;
    state.isRunning = true;
    stop.asked = false;
    const shown = setTimeout(() => view.isOpen && view.again(), PATIENCE);
    const said = await execute(stepper, command);
    clearTimeout(shown);
    state.isRunning = false;
    if (said === null) break;
    if (said.length > 0 || !view.isOpen) view.tell([`${PROMPT}${command}`, ...said]);
    if (!view.update()) say(said);
    lines.prompt();
  }
  ends();
  lines.close();
}

interface Key {
  name?: string;
  ctrl?: boolean;
}

/** What the view hears besides lines: keys that page and draw, another size, ^Z. Returns what ends that. */
function listen(view: FullScreen, lines: Interface, terminal: Terminal, state: { isRunning: boolean }): () => void {
  const redrawn = (): void => {
    if (!view.isOpen || state.isRunning) return;
    view.update();
    lines.prompt(true);
  };
  const pressed = (_: string | undefined, { name, ctrl }: Key = {}): void => {
    if (!view.isOpen || state.isRunning) return;
    if (name === 'pageup' || name === 'pagedown') {
      view.page(name === 'pagedown');
      lines.prompt(true);
    } else if (ctrl === true && name === 'l') redrawn();
  };
  terminal.output.on('resize', redrawn);
  terminal.input.on('keypress', pressed);
  lines.on('SIGTSTP', () => {
    view.leave();
    (terminal.input as { setRawMode?: (on: boolean) => void }).setRawMode?.(false);
    process.once('SIGCONT', () => {
      (terminal.input as { setRawMode?: (on: boolean) => void }).setRawMode?.(true);
      view.update();
      lines.prompt(true);
    });
    process.kill(process.pid, 'SIGTSTP');
  });
  return () => {
    terminal.output.off('resize', redrawn);
    terminal.input.off('keypress', pressed);
  };
}

/** The newest first, as readline wants them. */
function pastOf(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((it) => it !== '')
    .reverse()
    .slice(0, HISTORY);
}

function remember(file: string, command: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    appendFileSync(file, `${command}\n`);
  } catch {
    // a folder that cannot be written: then nothing is remembered
  }
}
