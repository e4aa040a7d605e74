// SPDX-License-Identifier: GPL-2.0-only
/** A command in a real pseudo-terminal, and the picture that somebody in front of it sees. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { quoted } from '../../src/base/text.js';

/** util-linux's script(1), which every Debian has: it makes the terminal. */
export const hasTerminals = existsSync('/usr/bin/script');

const ESC = String.fromCharCode(27);
const SEQUENCE = new RegExp(`^${ESC}(?:\\[([?\\d;]*)([A-Za-z])|[78=>]|\\(.)`);

/** As much of a VT100 as is used here; anything else is a fault of whoever wrote it. */
export class Picture {
  private cells: string[][];
  private x = 0;
  private y = 0;
  private aside: { cells: string[][]; x: number; y: number } | null = null;
  private rest = '';
  /** SGR sequences but the one that ends them */
  colours = 0;

  constructor(
    private columns: number,
    private rows: number,
  ) {
    this.cells = this.blank();
  }

  private blank(): string[][] {
    return Array.from({ length: this.rows }, () => Array<string>(this.columns).fill(' '));
  }

  get lines(): string[] {
    return this.cells.map((row) => row.join('').trimEnd());
  }

  /** the alternate screen is shown */
  get isAlternate(): boolean {
    return this.aside !== null;
  }

  get text(): string {
    return this.lines.join('\n');
  }

  resize(columns: number, rows: number): void {
    [this.columns, this.rows] = [columns, rows];
    const old = this.cells;
    this.cells = this.blank();
    for (const [y, row] of this.cells.entries()) for (const x of row.keys()) row[x] = old[y]?.[x] ?? ' ';
    this.y = Math.min(this.y, rows - 1);
  }

  write(text: string): void {
    this.rest += text;
    while (this.rest !== '') {
      if (this.rest[0] !== ESC) {
        this.character(this.rest[0]);
        this.rest = this.rest.slice(1);
        continue;
      }
      const found = SEQUENCE.exec(this.rest);
      if (found === null) {
        if (this.rest.length > 20) throw new Error(`no sequence: ${JSON.stringify(this.rest.slice(0, 20))}`);
        return;
      }
      this.rest = this.rest.slice(found[0].length);
      if (found[2] !== undefined) this.control(found[1], found[2]);
    }
  }

  private character(c: string): void {
    if (c === '\r') this.x = 0;
    else if (c === '\n') this.down();
    else if (c === '\b') this.x = Math.max(0, this.x - 1);
    else if (c >= ' ') {
      if (this.x >= this.columns) {
        this.x = 0;
        this.down();
      }
      this.cells[this.y][this.x] = c;
      this.x++;
    }
  }

  private down(): void {
    if (this.y < this.rows - 1) this.y++;
    else {
      this.cells.shift();
      this.cells.push(Array<string>(this.columns).fill(' '));
    }
  }

  private alternate(): void {
    this.aside = { cells: this.cells, x: this.x, y: this.y };
    this.cells = this.blank();
  }

  /** The screen that was there, and the cursor where it stood. */
  private usual(): void {
    if (this.aside === null) return;
    const { cells, x, y } = this.aside;
    this.cells = this.blank();
    for (const [i, row] of this.cells.entries()) for (const j of row.keys()) row[j] = cells[i]?.[j] ?? ' ';
    [this.x, this.y, this.aside] = [x, Math.min(y, this.rows - 1), null];
  }

  private control(given: string, letter: string): void {
    const [first, second = first] = given.split(';').map((it) => Number(it.replace('?', '')) || 0);
    const n = Math.max(1, first);
    const at = Math.min(this.x, this.columns - 1);
    if (letter === 'H')
      [this.y, this.x] = [Math.min(n, this.rows) - 1, given.includes(';') ? Math.max(1, second) - 1 : 0];
    else if (letter === 'G') this.x = n - 1;
    else if (letter === 'A') this.y = Math.max(0, this.y - n);
    else if (letter === 'B') this.y = Math.min(this.rows - 1, this.y + n);
    else if (letter === 'C') this.x = Math.min(this.columns - 1, this.x + n);
    else if (letter === 'D') this.x = Math.max(0, this.x - n);
    else if (letter === 'K') this.cells[this.y].fill(' ', first === 0 ? at : 0, first === 1 ? at + 1 : this.columns);
    else if (letter === 'J') {
      this.cells[this.y].fill(' ', at);
      for (let y = this.y + 1; y < this.rows; y++) this.cells[y].fill(' ');
    } else if (letter === 'm') this.colours += first === 0 ? 0 : 1;
    else if (given === '?1049' && letter === 'h') this.alternate();
    else if (given === '?1049' && letter === 'l') this.usual();
    else if (given !== '?25' && given !== '?2004') throw new Error(`no control: ${given}${letter}`);
  }
}

/** A shell's line in a terminal of that size. */
export class Terminal {
  readonly picture: Picture;
  private readonly child: ChildProcess;
  private changed = (): void => undefined;
  private line = '';
  /** its exit, once it has ended */
  readonly ended: Promise<void>;

  constructor(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}, columns = 80, rows = 24) {
    this.picture = new Picture(columns, rows);
    const command = argv.map(quoted).join(' ');
    // WHY stty twice: that what comes behind is as it was shows that the terminal was restored
    const line = `tty; stty cols ${columns} rows ${rows}; stty -g; sh -c ${quoted(`echo pid $$; exec ${command}`)}; echo "code $?"; stty -g; read end`;
    this.child = spawn('/usr/bin/script', ['-qefc', line, '/dev/null'], {
      cwd,
      env: { PATH: process.env['PATH'], HOME: cwd, TERM: 'xterm', SHELL: '/bin/sh', ...env },
    });
    this.child.stdout?.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      this.line += text;
      this.picture.write(text);
      this.changed();
    });
    this.ended = new Promise((resolve) => this.child.on('exit', () => resolve()));
  }

  /** Everything that was written to it, in order. */
  get written(): string {
    return this.line;
  }

  /** of the command */
  get pid(): number {
    return Number(/^pid (\d+)/m.exec(this.line)?.[1]);
  }

  type(keys: string): void {
    this.child.stdin?.write(keys);
  }

  resize(columns: number, rows: number): void {
    const [tty = ''] = /\/dev\/pts\/\d+/.exec(this.line) ?? [];
    this.picture.resize(columns, rows);
    execFileSync('stty', ['-F', tty, 'cols', String(columns), 'rows', String(rows)]);
  }

  /** Waits until the picture is so; after a while says what it is instead. */
  async until(what: string | RegExp, ms = 30_000): Promise<Picture> {
    const holds = (): boolean =>
      typeof what === 'string' ? this.picture.text.includes(what) : what.test(this.picture.text);
    await new Promise<void>((resolve, fail) => {
      const late = setTimeout(() => fail(new Error(`never ${what}:\n${this.picture.text}`)), ms);
      this.changed = () => {
        if (!holds()) return;
        clearTimeout(late);
        this.changed = () => undefined;
        resolve();
      };
      this.changed();
    });
    return this.picture;
  }

  end(): void {
    this.child.kill('SIGKILL');
  }
}
