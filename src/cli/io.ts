// SPDX-License-Identifier: GPL-2.0-only
/** Where a command reads and writes: the process's own streams, or a test's strings. */
import { BARE, invocationOf } from './invocation.js';

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
  /** everything on standard input */
  stdin(): Promise<string>;
}

/** The streams of this process. A reader of stdout that goes away ends the process in silence, as `yes | head` does. */
export function processIo(): Io {
  process.stdout.on('error', (e: NodeJS.ErrnoException) => {
    if (e.code === 'EPIPE') process.exit(0);
    throw e;
  });
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
    stdin: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
  };
}
