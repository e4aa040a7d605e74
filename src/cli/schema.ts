// SPDX-License-Identifier: GPL-2.0-only
/** `kvmodel schema`: what a scenario may look like, for editors that check JSON. */
import { Command } from 'commander';
import { OK } from '../base/exit-codes.js';
import type { Io } from './io.js';

const EXAMPLES = `
Examples:
  kvmodel schema > scenario.schema.json
`;

export function define(io: Io, exit: (code: number) => void): Command {
  return new Command('schema').addHelpText('after', EXAMPLES).action(async () => {
    const { scenarioJsonSchema } = await import('../scenario/json-schema.js');
    io.out(`${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
    exit(OK);
  });
}
