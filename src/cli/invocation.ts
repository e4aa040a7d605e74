// SPDX-License-Identifier: GPL-2.0-only
/** What the reader of a report types to run this very kvmodel again. */
import { realpathSync } from 'node:fs';
import { basename, delimiter, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { quoted } from '../base/text.js';

/** What a recipient elsewhere types who has kvmodel: never `npx`, which would run whatever is registered by that name. */
export const BARE = 'kvmodel';

interface Process {
  /** process.argv[1] */
  script: string;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

const real = (path: string): string | null => {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
};

/** `npx kvmodel` in a clone, `kvmodel` where the PATH has it, `./kvmodel` or `node dist/src/cli/main.js` otherwise. */
export function invocationOf({ script, cwd, env }: Process): string {
  const steps = script.split(sep);
  if (steps.includes('_npx') || steps.includes('.bin')) return `npx ${BARE}`;
  const own = real(script);
  if (env['npm_lifecycle_event'] === 'start' && env['npm_package_name'] === BARE) return `npx ${BARE}`;
  const onPath = (env['PATH'] ?? '').split(delimiter).some((dir) => dir !== '' && real(join(dir, BARE)) === own);
  if (own !== null && onPath) return BARE;
  const from = relative(cwd, resolve(cwd, script));
  const shorter = from.length < script.length ? from : script;
  const path = isAbsolute(shorter) || shorter.startsWith('.') ? shorter : `./${shorter}`;
  return basename(script).endsWith('.js') ? `node ${quoted(path.replace(/^\.\//, ''))}` : quoted(path);
}
