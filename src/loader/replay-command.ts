// SPDX-License-Identifier: GPL-2.0-only
/** The command under each counterexample that replays it. */
import { relative, resolve } from 'node:path';
import { defined } from '../base/defined.js';
import { quoted } from '../base/text.js';
import type { Subject } from '../explore/subject.js';
import { type Case, caseFile, TOKEN_MAX, tokenOf } from './counterexample.js';
import { looksLikeFile, writeNew } from './files.js';

/** Of the check that found it. */
export interface ReplaySettings {
  readonly series: string;
  readonly against?: string;
  readonly out?: string;
  readonly seed?: number;
  readonly runs?: number;
}

/** By whom: `command` is what the reader types to run kvmodel. */
export interface Reader {
  readonly cwd: string;
  readonly command: string;
}

type ReplayCommand = (c: Pick<Case, 'kernel' | 'against' | 'property' | 'scenario' | 'events'>) => string;

/** How a counterexample is replayed: by a token, by a file that is written here, or by finding it again. */
export function replayCommands(subject: Subject, settings: ReplaySettings, { cwd, command }: Reader): ReplayCommand {
  const checked = new Set(
    subject.claims.flatMap((c) => c.properties.filter((p) => p.int64 === 'checked').map((p) => p.id)),
  );
  const patch = [settings.series, settings.against].find((name) => name !== undefined && looksLikeFile(name));
  const written = new Set<string>();
  return ({ kernel, against, property, scenario, events }) => {
    const int64 = checked.has(property) ? ('checked' as const) : undefined;
    const c: Case = { kernel, property, scenario, events, ...defined({ against, patch, int64 }) };
    if (settings.out !== undefined) {
      const path = `${settings.out}/${property}.json`;
      if (!written.has(path)) writeNew(path, caseFile(c), cwd);
      written.add(path);
      return `${command} replay ${quoted(relative(cwd, resolve(cwd, path)))}`;
    }
    const token = tokenOf(c);
    if (token.length <= TOKEN_MAX) return `${command} replay ${token}`;
    const again = ['--only', property, '--seed', String(settings.seed ?? 1)];
    if (settings.runs !== undefined) again.push('--runs', String(settings.runs));
    return `${command} check ${quoted(settings.series)} ${again.join(' ')} --out kvmodel-out`;
  };
}
