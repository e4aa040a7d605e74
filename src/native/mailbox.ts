// SPDX-License-Identifier: GPL-2.0-only
/** The patches in a mailbox, a mail or a bare diff, with git's own tools: `git mailsplit`, `git mailinfo`. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defined } from '../base/defined.js';
import { NativeError } from './native-error.js';
import { scratchDir } from './scratch.js';

/** One patch of a series. */
export interface MailedPatch {
  readonly subject: string;
  readonly diff: string;
}

const OUTPUT_MAX = 1 << 28;

export function git(args: readonly string[], cwd: string, input?: string | Buffer) {
  // WHY a ceiling: git must not take the directory for a part of a repository around it.
  const env = { ...process.env, LC_ALL: 'C', GIT_CEILING_DIRECTORIES: dirname(cwd), GIT_DIR: undefined };
  const done = spawnSync('git', [...args], {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: OUTPUT_MAX,
    ...defined({ input }),
  });
  if ((done.error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new NativeError('patch', 'no git on PATH: apt-get install git');
  if (done.error !== undefined) throw new NativeError('patch', `git ${args[0]}: ${done.error.message}`);
  return done;
}

const IS_DIFF = /^(diff --git|--- )/m;

/** Bytes as text: UTF-8 when they are that, else Latin-1, in which every byte is a character. */
export function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') ? bytes.toString('latin1') : text;
}

/** The patches of a mailbox, of one mail, or of a bare diff, in their order. NativeError `patch` when there is none. */
export function readSeries(given: string | Buffer, name: string): MailedPatch[] {
  const bytes = typeof given === 'string' ? Buffer.from(given) : given;
  if (bytes.includes(0)) throw new NativeError('patch', `${name} is not text: it has zero bytes`);
  const dir = scratchDir();
  try {
    writeFileSync(join(dir, 'mbox'), bytes);
    mkdirSync(join(dir, 'split'));
    const split = git(['mailsplit', '-b', '-osplit', 'mbox'], dir);
    const mails = split.status === 0 ? readdirSync(join(dir, 'split')).sort() : [];
    const patches = mails.flatMap((mail) => {
      const info = git(['mailinfo', '-k', 'message', 'patch'], dir, readFileSync(join(dir, 'split', mail)));
      const diff = existsSync(join(dir, 'patch')) ? textOf(readFileSync(join(dir, 'patch'))) : '';
      const subject = /^Subject: (.*)/m.exec(info.stdout)?.[1] ?? name;
      return IS_DIFF.test(diff) ? [{ subject, diff }] : [];
    });
    const text = textOf(bytes);
    const all = patches.length === 0 && IS_DIFF.test(text) ? [{ subject: name, diff: text }] : patches;
    if (all.length === 0) throw new NativeError('patch', `${name} contains no patch`);
    return all;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
