// SPDX-License-Identifier: GPL-2.0-only
/** A command run in this process: its exit code and both streams as text. */
import type { Io } from '../../src/cli/io.js';
import { kvmodel } from '../../src/cli/kvmodel.js';

export async function kvmodelIn(
  cwd: string,
  argv: readonly string[],
): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' };
  const io: Io = {
    out: (text) => {
      said.out += text;
    },
    err: (text) => {
      said.err += text;
    },
    errIsTty: false,
    cwd,
    env: {},
    invocation: 'kvmodel',
    stdin: async () => '',
  };
  return { code: await kvmodel(argv, io), ...said };
}

export const conformIn = (cwd: string, argv: readonly string[]) => kvmodelIn(cwd, ['conform', ...argv]);
