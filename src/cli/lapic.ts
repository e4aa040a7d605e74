// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel lapic --serve`: the model's local APICs for a guest program from outside, over standard input and output. */
import { readSync, writeSync } from 'node:fs';
import { Command } from 'commander';
import { reject } from '../base/faults.js';
import { ascii } from '../base/text.js';
import { OK } from './exit.js';
import type { Io } from './io.js';

/** Takes text as it comes and gives the replies to the lines that are whole. */
async function responder(io: Io): Promise<{ take(text: string): string; end(): string }> {
  const [{ createLapicServer }, { linux_6_12 }] = await Promise.all([
    import('../machine/lapic-protocol.js'),
    import('../series/linux-6.12.js'),
  ]);
  const server = createLapicServer(linux_6_12);
  let rest = '';
  let number = 0;
  const answer = (line: string): string => {
    number++;
    if (line.trim() === '') return '';
    const reply = server.handle(line);
    if (server.complaint !== '') io.err(ascii(`kvmodel: line ${number}: ${server.complaint}\n`));
    return `${reply}\n`;
  };
  return {
    take(text) {
      rest += text;
      let out = '';
      let from = 0;
      for (let to = rest.indexOf('\n'); to !== -1; to = rest.indexOf('\n', from)) {
        out += answer(rest.slice(from, to));
        from = to + 1;
      }
      rest = rest.slice(from);
      return out;
    },
    end: () => (rest === '' ? '' : answer(rest)),
  };
}

/** Requests in as they come, replies out a chunk at a time, until the client closes its end. */
async function serve(io: Io, input: AsyncIterable<Uint8Array | string>): Promise<void> {
  const replies = await responder(io);
  const decoder = new TextDecoder();
  for await (const chunk of input) {
    const out = replies.take(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }));
    if (out !== '') io.out(out);
  }
  io.out(replies.end());
}

/**
 * The same on this process's own descriptors, which block.
 *
 * WHY: a client that waits for each reply gets twice as many of them; nothing else is to be done meanwhile.
 * False when standard input does not block, before anything was read.
 */
async function serveBlocking(io: Io): Promise<boolean> {
  const replies = await responder(io);
  const buffer = Buffer.alloc(65_536);
  for (let first = true; ; first = false) {
    let n: number;
    try {
      n = readSync(0, buffer);
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      if (code === 'EOF') break;
      if (code === 'EAGAIN' && first) return false;
      if (code === 'EAGAIN') continue;
      throw e;
    }
    if (n === 0) break;
    writeAll(replies.take(buffer.toString('latin1', 0, n)));
  }
  writeAll(replies.end());
  return true;
}

/** Everything to standard output; a client that has gone ends it in silence. */
function writeAll(text: string): void {
  let left = Buffer.from(text, 'latin1');
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (e) {
      const { code } = e as NodeJS.ErrnoException;
      if (code === 'EPIPE') process.exit(0);
      if (code !== 'EAGAIN') throw e;
    }
  }
}

/** `input` is where requests come from: this process's standard input when null, or a test's lines. */
export function define(
  io: Io,
  exit: (code: number) => void,
  input: AsyncIterable<Uint8Array | string> | null = null,
): Command {
  return new Command('lapic')
    .option('--serve', 'answer the line protocol of docs/lapic-serve.md on stdin and stdout')
    .action(async (options: { serve?: boolean }) => {
      if (options.serve !== true) reject('lapic', 'option', 'the command line', '--serve', 'nothing to do');
      if (input !== null) await serve(io, input);
      else if (!(await serveBlocking(io))) await serve(io, process.stdin);
      exit(OK);
    });
}
