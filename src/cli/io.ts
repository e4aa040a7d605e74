// SPDX-License-Identifier: GPL-2.0-only
/** Where a command reads and writes: the process's own streams, or a test's strings. */
import { INTERRUPTED } from '../base/exit-codes.js';
import { wrap } from '../base/text.js';
import { BARE, invocationOf } from './invocation.js';

export interface Interrupt {
  /** with the exit code that a shell gives to the signal */
  happened: Promise<number>;
  /** nobody listens any more */
  done(): void;
}

export interface Io {
  /** results */
  out(text: string): void;
  /** progress and complaints */
  err(text: string): void;
  /** may progress be drawn in place? */
  errIsTty: boolean;
  /** the stream behind `err`, for what draws in place */
  errStream?: NodeJS.WritableStream;
  cwd: string;
  /** the command that was given, for the reader to give again: `npx kvmodel`, `./kvmodel` */
  invocation: string;
  env: Readonly<Record<string, string | undefined>>;
  /** From here on ^C and SIGTERM are heard rather than the end of the process; a second one is. */
  onInterrupt?(): Interrupt;
  /** Ends the process once all is written, whatever still runs in it. */
  leave?(code: number): void;
  /** everything on standard input */
  stdin(): Promise<string>;
  /** somebody who types and reads; absent where input or output is a file or a pipe */
  terminal?: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream };
}

const WRITE_FAILS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EIO: 'the device gives an error',
  EBADF: 'not open',
};

const WIDTH = { least: 60, usual: 80, most: 400 };

/** Characters a line of a report: COLUMNS where it is set and makes sense. */
export function columnsOf(io: Pick<Io, 'env'>): number {
  const given = io.env['COLUMNS'] ?? '';
  if (!/^\d{1,6}$/.test(given) || Number(given) === 0) return WIDTH.usual;
  return Math.min(WIDTH.most, Math.max(WIDTH.least, Number(given)));
}

/** Says what is legal and likely a mistake. */
export const warnOn =
  (io: Pick<Io, 'err'>) =>
  (words: string): void =>
    io.err(`${wrap(`kvmodel: warning: ${words}`, 80, '  ').join('\n')}\n`);

/** As a shell counts them. */
const SIGNALS: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: INTERRUPTED, SIGTERM: 143 };

function onInterrupt(): Interrupt {
  let heard = (_: NodeJS.Signals): void => undefined;
  const happened = new Promise<number>((resolve) => {
    heard = (signal) => resolve(SIGNALS[signal] ?? INTERRUPTED);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, heard);
  const done = (): void => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, heard);
  };
  return { happened, done };
}

/** Ends this process. WHY kept: `process.exit` is taken from a user's file once that is loaded. */
export const exit: (code: number) => never = process.exit.bind(process);

/** The streams of this process. A reader of stdout that goes away ends the process in silence, as `yes | head` does. */
export function processIo(): Io {
  process.stdout.on('error', (e: NodeJS.ErrnoException) => {
    if (e.code === 'EPIPE') exit(0);
    process.stderr.write(`kvmodel: standard output: ${WRITE_FAILS[e.code ?? ''] ?? e.message}\n`);
    exit(2);
  });
  process.stderr.on('error', () => undefined);
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    errIsTty: process.stderr.isTTY === true,
    errStream: process.stderr,
    cwd: process.cwd(),
    invocation: invocationOf({ script: process.argv[1] ?? BARE, cwd: process.cwd(), env: process.env }),
    env: process.env,
    onInterrupt,
    leave: (code) => {
      process.stdout.write('', () => exit(code));
    },
    ...(process.stdin.isTTY && process.stdout.isTTY
      ? { terminal: { input: process.stdin, output: process.stdout } }
      : {}),
    stdin: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
  };
}
