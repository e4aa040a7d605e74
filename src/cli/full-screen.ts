// SPDX-License-Identifier: GPL-2.0-only
/**
 * The full-screen view on a terminal: the alternate screen, every row written anew, and the terminal as it was whatever ends the view.
 * What the rows say is src/step/screen.ts's; the line at the bottom is readline's.
 */
import { clearLine, cursorTo } from 'node:readline';
import {
  type ScreenRow,
  type ScreenState,
  type Size,
  screenRows,
  type Told,
  toldLines,
  toldRoom,
} from '../step/screen.js';
import type { Stepper } from '../step/stepper.js';
import { exit, type Io } from './io.js';

type Terminal = NonNullable<Io['terminal']>;

/** xterm's and everybody's: another screen, and back with what was there. */
const ENTER = '\x1b[?1049h';
const LEAVE = '\x1b[0m\x1b[?25h\x1b[?1049l';
const BOLD = '\x1b[1m';
const NORMAL = '\x1b[0m';
const USUAL: Size = { columns: 80, rows: 24 };

/** What a shell gives to a process that the signal ends. */
const ENDINGS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export class FullScreen {
  readonly state: ScreenState = { isOn: false, layout: 'all', cpu: null, vcpu: null };
  private isShown = false;
  private told: Told = { lines: [], from: 0 };
  private drawn: readonly ScreenRow[] = [];
  private readonly isPlain: boolean;
  private readonly restores = (): void => this.leave();
  private readonly endings = Object.entries(ENDINGS).map(([signal, code]) => ({ signal, end: () => this.end(code) }));

  constructor(
    private readonly stepper: Stepper,
    private readonly terminal: Terminal,
    env: Io['env'],
  ) {
    this.isPlain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  }

  /** Is it drawn, and not only asked for? */
  get isOpen(): boolean {
    return this.isShown;
  }

  private get size(): Size {
    const { columns = USUAL.columns, rows = USUAL.rows } = this.terminal.output as Partial<Size>;
    return { columns, rows };
  }

  /** What the last command printed. */
  tell(lines: readonly string[]): void {
    this.told = { lines, from: 0 };
  }

  /** Shows what is asked for now, or the usual screen again. True while the view is on. */
  update(): boolean {
    if (!this.state.isOn) this.leave();
    else {
      this.enter();
      this.drawn = screenRows(this.stepper, this.state, this.told, this.size);
      this.again();
    }
    return this.isShown;
  }

  /** A pane on or back in what was printed. */
  page(on: boolean): void {
    const room = toldRoom(this.size);
    const most = Math.max(0, toldLines(this.told, this.size.columns).length - room);
    const from = this.told.from + (on ? room : -room);
    this.told = { ...this.told, from: Math.max(0, Math.min(most, from)) };
    this.update();
  }

  /** The same picture; the cursor is left where commands are typed. */
  again(): void {
    const { output } = this.terminal;
    output.write('\x1b[?25l');
    for (const [y, { text, isTitle }] of this.drawn.entries()) {
      cursorTo(output, 0, y);
      clearLine(output, 0);
      output.write(isTitle && !this.isPlain ? `${BOLD}${text}${NORMAL}` : text);
    }
    cursorTo(output, 0, this.size.rows - 1);
    clearLine(output, 0);
    output.write('\x1b[?25h');
  }

  private enter(): void {
    if (this.isShown) return;
    this.isShown = true;
    this.terminal.output.write(ENTER);
    process.on('exit', this.restores);
    // WHY before others: what is said of the fault has to stand on the usual screen
    process.prependListener('uncaughtException', this.restores);
    process.prependListener('unhandledRejection', this.restores);
    for (const { signal, end } of this.endings) process.on(signal, end);
  }

  /** The terminal as it was. */
  leave(): void {
    if (!this.isShown) return;
    this.isShown = false;
    this.terminal.output.write(LEAVE);
    process.off('exit', this.restores);
    process.off('uncaughtException', this.restores);
    process.off('unhandledRejection', this.restores);
    for (const { signal, end } of this.endings) process.off(signal, end);
  }

  private end(code: number): void {
    this.leave();
    (this.terminal.input as { setRawMode?: (on: boolean) => void }).setRawMode?.(false);
    exit(code);
  }
}
