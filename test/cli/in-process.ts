// SPDX-License-Identifier: GPL-2.0-only
/** A command run in this process: its exit code, and both streams as text. */
import type { Io } from '../../src/cli/io.js';
import { kvmodel } from '../../src/cli/kvmodel.js';

export interface Said {
  code: number;
  out: string;
  err: string;
}

/** Streams that gather text, in a folder; nothing is on standard input unless it is given. */
export function gathering(cwd: string, stdin = ''): { io: Io; got: { out: string; err: string } } {
  const got = { out: '', err: '' };
  const io: Io = {
    out: (text) => {
      got.out += text;
    },
    err: (text) => {
      got.err += text;
    },
    errIsTty: false,
    cwd,
    invocation: 'kvmodel',
    env: {},
    stdin: async () => stdin,
  };
  return { io, got };
}

export async function kvmodelIn(cwd: string, argv: readonly string[], stdin = ''): Promise<Said> {
  const { io, got } = gathering(cwd, stdin);
  return { code: await kvmodel(argv, io), ...got };
}

export const conformIn = (cwd: string, argv: readonly string[]): Promise<Said> => kvmodelIn(cwd, ['conform', ...argv]);
