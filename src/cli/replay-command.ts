// SPDX-License-Identifier: GPL-2.0-only
/** The command under each counterexample that replays it. */
import { relative, resolve } from 'node:path';
import { quoted } from '../base/text.js';
import type { Subject } from '../explore/subject.js';
import type { Case } from '../loader/counterexample.js';
import { writeNew } from '../loader/files.js';
import { BARE } from './invocation.js';
import type { Io } from './io.js';

/** Of the check that found it. */
export interface ReplaySettings {
  readonly series: string;
  readonly against?: string;
  readonly out?: string;
  readonly seed?: number;
  readonly runs?: number;
  readonly format: string;
}

type ReplayCommand = (c: Pick<Case, 'kernel' | 'against' | 'property' | 'scenario' | 'events'>) => string;

/** How a counterexample is replayed: by a token, by a file that is written here, or by finding it again. */
export async function replayCommands(settings: ReplaySettings, subject: Subject, io: Io): Promise<ReplayCommand> {
  const { caseFile, tokenOf, TOKEN_MAX } = await import('../loader/counterexample.js');
  const { looksLikeFile } = await import('../loader/series-file.js');
  const checked = new Set(
    subject.claims.flatMap((c) => c.properties.filter((p) => p.int64 === 'checked').map((p) => p.id)),
  );
  const patch = [settings.series, settings.against].find((name) => name !== undefined && looksLikeFile(name));
  const written = new Set<string>();
  // a mail is read where another kvmodel is, or none
  const command = settings.format === 'mail' ? BARE : io.invocation;
  return ({ kernel, against, property, scenario, events }) => {
    const c: Case = {
      kernel,
      property,
      scenario,
      events,
      ...(against === undefined ? {} : { against }),
      ...(patch === undefined ? {} : { patch }),
      ...(checked.has(property) ? { int64: 'checked' as const } : {}),
    };
    if (settings.out !== undefined) {
      const path = `${settings.out}/${property}.json`;
      if (!written.has(path)) writeNew(path, caseFile(c), io.cwd);
      written.add(path);
      return `${command} replay ${quoted(relative(io.cwd, resolve(io.cwd, path)))}`;
    }
    const token = tokenOf(c);
    if (token.length <= TOKEN_MAX) return `${command} replay ${token}`;
    const again = ['--only', property, '--seed', String(settings.seed ?? 1)];
    if (settings.runs !== undefined) again.push('--runs', String(settings.runs));
    return `${command} check ${quoted(settings.series)} ${again.join(' ')} --out kvmodel-out`;
  };
}
