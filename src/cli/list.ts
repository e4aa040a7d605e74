// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel list` */
import { Command } from 'commander';
import { columns } from '../base/text.js';
import type { Io } from './io.js';

export function define(io: Io, _exit: (code: number) => void): Command {
  return new Command('list').action(async () => {
    const { catalogue } = await import('../scenario/catalogue.js');
    io.out(`${columns(catalogue.map((s) => [s.name, s.says])).join('\n')}\n`);
  });
}
