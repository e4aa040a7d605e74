// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel lapic --serve`: the model's local APICs for a guest program from outside, over standard input and output. */
import { readSync, writeSync } from 'node:fs';
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { reject } from '../base/faults.js';
import { ascii } from '../base/text.js';
import { exit, type Io } from './io.js';

/** No request is longer; what is longer is dropped up to its end, so that a client without newlines takes no memory. */
const LINE_MAX = 4096;

/** Takes text as it comes and gives the replies to the lines that are whole. */
async function responder(io: Io): Promise<{ take(text: string): string; end(): string }> {
  const [{ createLapicServer }, { linux_6_12 }] = await Promise.all([
    import('../machine/lapic-protocol.js'),
    import('../series/linux-6.12.js'),
  ]);
  const server = createLapicServer(linux_6_12);
  let rest = '';
  let number = 0;
  /** the end of the line that was too long has not come yet */
  let dropping = false;
  const complain = (why: string): void => io.err(ascii(`kvmodel: line ${number}: ${why}\n`));
  const answer = (line: string): string => {
    number++;
    if (line.trim() === '') return '';
    const reply = server.handle(line.length > LINE_MAX ? '?' : line);
    if (line.length > LINE_MAX) complain(`expected a request of at most ${LINE_MAX} characters, got a longer one`);
    else if (server.complaint !== '') complain(server.complaint);
    return `${reply}\n`;
  };
  return {
    take(text) {
      let out = '';
      let from = 0;
      for (let to = text.indexOf('\n'); to !== -1; to = text.indexOf('\n', from)) {
        out += dropping ? '' : answer(rest + text.slice(from, to));
        dropping = false;
        rest = '';
        from = to + 1;
      }
      if (dropping) return out;
      rest += text.slice(from);
      if (rest.length > LINE_MAX) {
        out += answer(rest);
        rest = '';
        dropping = true;
      }
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
      if (code === 'EPIPE') exit(0);
      if (code !== 'EAGAIN') throw e;
    }
  }
}

const EXAMPLES = `
Examples:
  printf 'help\\n' | kvmodel lapic --serve
  qemu-stub | kvmodel lapic --serve      (docs/lapic-serve.md has the protocol)
`;

/** `input` is where requests come from: this process's standard input when null, or a test's lines. */
export function define(
  io: Io,
  exit: (code: number) => void,
  input: AsyncIterable<Uint8Array | string> | null = null,
): Command {
  return new Command('lapic')
    .option('--serve', 'answer the line protocol of docs/lapic-serve.md on stdin and stdout')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { serve?: boolean }) => {
      if (options.serve !== true) reject('lapic', 'option', 'the command line', '--serve', 'nothing to do');
      if (input !== null) await serve(io, input);
      else if (!(await serveBlocking(io))) await serve(io, process.stdin);
      exit(OK);
    });
}
