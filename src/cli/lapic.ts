// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel lapic --serve`: the model's local APICs for a guest program from outside, over standard input and output. */
import { Command } from 'commander';
import { reject } from '../base/faults.js';
import { OK } from './exit.js';
import type { Io } from './io.js';

/** Requests in as they come, replies out a chunk at a time, until the client closes its end. */
async function serve(io: Io, input: AsyncIterable<Uint8Array | string>): Promise<void> {
  const [{ createLapicServer }, { linux_6_12 }] = await Promise.all([
    import('../machine/lapic-protocol.js'),
    import('../series/linux-6.12.js'),
  ]);
  const server = createLapicServer(linux_6_12);
  const decoder = new TextDecoder();
  let rest = '';
  let number = 0;
  const answer = (line: string): string => {
    number++;
    if (line.trim() === '') return '';
    const reply = server.handle(line);
    if (server.complaint !== '') io.err(`kvmodel: line ${number}: ${server.complaint}\n`);
    return `${reply}\n`;
  };
  for await (const chunk of input) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    let out = '';
    let from = 0;
    for (let to = rest.indexOf('\n'); to !== -1; to = rest.indexOf('\n', from)) {
      out += answer(rest.slice(from, to));
      from = to + 1;
    }
    rest = rest.slice(from);
    if (out !== '') io.out(out);
  }
  if (rest !== '') io.out(answer(rest));
}

/** `input` is where requests come from: this process's standard input, or a test's lines. */
export function define(
  io: Io,
  exit: (code: number) => void,
  input: AsyncIterable<Uint8Array | string> = process.stdin,
): Command {
  return new Command('lapic')
    .option('--serve', 'answer the line protocol of docs/lapic-serve.md on stdin and stdout')
    .action(async (options: { serve?: boolean }) => {
      if (options.serve !== true) reject('lapic', 'option', 'the command line', '--serve', 'nothing to do');
      await serve(io, input);
      exit(OK);
    });
}
