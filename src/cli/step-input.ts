// SPDX-License-Identifier: GPL-2.0-only
/** Where commands of the stepper come from: a script, or somebody at a terminal. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { completions, execute } from '../step/commands.js';
import type { Stepper } from '../step/stepper.js';
import type { Io } from './io.js';

const PROMPT = '(kvmodel) ';
const HISTORY = 500;

/** Each line is echoed as it would stand on a terminal, so that what follows has its question. */
export async function scripted(stepper: Stepper, text: string, say: (lines: readonly string[]) => void): Promise<void> {
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trim().startsWith('#')) continue;
    say([`${PROMPT}${line.trim()}`]);
    const said = await execute(stepper, line);
    if (said === null) return;
    say(said);
  }
}

/** An empty line is the last command again, ^C ends what runs and keeps the place, ^D ends it. */
export async function typed(
  stepper: Stepper,
  { env }: Pick<Io, 'env'>,
  terminal: NonNullable<Io['terminal']>,
  stop: { asked: boolean },
  say: (lines: readonly string[]) => void,
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
  let running = false;
  lines.on('SIGINT', () => {
    if (running) stop.asked = true;
    else {
      terminal.output.write('\n');
      lines.prompt();
    }
  });
  let last = '';
  lines.prompt();
  for await (const line of lines) {
    const command = line.trim() === '' ? last : line.trim();
    if (line.trim() !== '') remember(file, command);
    last = command;
    running = true;
    stop.asked = false;
    const said = await execute(stepper, command);
    running = false;
    if (said === null) break;
    say(said);
    lines.prompt();
  }
  lines.close();
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
