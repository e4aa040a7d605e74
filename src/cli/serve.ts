// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel serve`: the stepper page, for a browser on this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import { reject } from '../base/faults.js';
import type { Io } from './io.js';
import { Options } from './options.js';
import { pageTarget, pageWith } from './page-file.js';
import { STEP_EVENTS } from './step-target.js';

const LOOPBACK = '127.0.0.1';

interface Flags {
  kernel?: string;
  against?: string;
  events?: string;
  port?: string;
}

const EXAMPLES = `
Examples:
  kvmodel serve
  kvmodel serve two-spinners --against v6.19-rc1
  kvmodel serve k1.AbCd... --port 8080

It listens on ${LOOPBACK} alone; ^C ends it.
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('serve')
    .argument('[target]', 'a scenario, a token, or a file of a counterexample; a choice of them when absent')
    .option('--kernel <k>', "on this kernel or series; the counterexample's, or the pin, when absent")
    .option('--against <k>', 'beside this kernel: shows where the two part')
    .option('--events <n>', `of a scenario whose programs run: events at most, ${STEP_EVENTS} when absent`)
    .option('--port <n>', 'listen there; any free port when absent')
    .addHelpText('after', EXAMPLES)
    .action(async (target: string | undefined, flags: Flags) => exit(await serve(target, flags, io)));
}

async function serve(name: string | undefined, flags: Flags, io: Io): Promise<number> {
  const o = new Options();
  const limit = o.whole('--events', flags.events, 1, 1_000_000) ?? STEP_EVENTS;
  const port = o.whole('--port', flags.port, 1, 65_535) ?? 0;
  o.done();
  const { html, policy } = pageWith({ target: name === undefined ? null : await pageTarget(name, flags, limit, io) });
  const server = createServer((request, response) => answer(request, response, html, policy));
  const interrupt = io.onInterrupt?.();
  const at = await listening(server, port);
  io.out(`http://${LOOPBACK}:${at}/\n`);
  await interrupt?.happened;
  interrupt?.done();
  server.closeAllConnections();
  server.close();
  return OK;
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, fail) => {
    server.once('error', (e: NodeJS.ErrnoException) => {
      try {
        reject('command line', 'usage', '--port', 'a port that is free', `${port}: ${e.code ?? e.message}`);
      } catch (fault) {
        fail(fault);
      }
    });
    server.listen(port, LOOPBACK, () => resolve((server.address() as AddressInfo).port));
  });
}

/** One page, for whoever asks this machine by a name that is only ever its own. */
function answer(request: IncomingMessage, response: ServerResponse, html: string, policy: string): void {
  const { port } = request.socket.address() as AddressInfo;
  const say = (code: number, text: string, headers: Record<string, string> = {}): void => {
    response.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8', ...headers }).end(text);
  };
  // WHY: a name of somebody else's that resolves to this address would be another origin's
  const isOurs = [`${LOOPBACK}:${port}`, `localhost:${port}`].includes(request.headers.host ?? '');
  if (!isOurs) say(421, `ask for http://${LOOPBACK}:${port}/\n`);
  else if (request.method !== 'GET' && request.method !== 'HEAD') say(405, 'GET alone\n', { Allow: 'GET, HEAD' });
  else if ((request.url ?? '').split('?')[0] !== '/') say(404, 'the page is /\n');
  else give(response, html, policy, request.method === 'HEAD');
}

function give(response: ServerResponse, html: string, policy: string, headersAlone: boolean): void {
  response.writeHead(200, {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': `${policy}; frame-ancestors 'none'`,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-store',
  });
  response.end(headersAlone ? undefined : html);
}
