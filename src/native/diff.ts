// SPDX-License-Identifier: GPL-2.0-only
/** A unified diff as data: files, and hunks of lines; paths are checked before anything is done with them. */
import { NativeError } from './native-error.js';

export interface Hunk {
  /** 1-based first line before and after, by its header */
  readonly oldAt: number;
  readonly newAt: number;
  /** what stands behind the second @@: usually the function */
  readonly heading: string;
  /** each with ' ', '-' or '+' in front */
  readonly lines: readonly string[];
}

/** What a patch does to one file. Paths are relative to the tree; null is /dev/null. */
export interface FileDiff {
  readonly from: string | null;
  readonly to: string | null;
  readonly hunks: readonly Hunk[];
  /** content that is not in the text: a binary patch */
  readonly binary: boolean;
  /** the file that it is made from stays */
  readonly copied: boolean;
  /** blob before, by git's index line */
  readonly blob: string | null;
}

/** The file that is touched, by the name that it has afterwards. */
export const fileOf = (diff: FileDiff): string => diff.to ?? diff.from ?? '';

const OCTAL = /\\([0-7]{3}|.)/g;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** A path as git quotes it. */
function unquoted(text: string): string {
  if (!text.startsWith('"')) return text;
  const inner = text.slice(1, text.lastIndexOf('"'));
  const bytes = inner.replace(OCTAL, (_, e: string) =>
    e.length === 3 ? String.fromCharCode(Number.parseInt(e, 8)) : (ESCAPES[e] ?? e),
  );
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

/** The name in a `---` or `+++` line: up to the tab before the date. */
function named(line: string): string {
  const text = line.slice(4);
  return unquoted(text.startsWith('"') ? text : text.replace(/\t.*$/, '').trimEnd());
}

interface Draft {
  from: string | undefined;
  to: string | undefined;
  hunks: Hunk[];
  binary: boolean;
  copied: boolean;
  blob: string | null;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/;
const isNull = (name: string): boolean => name === '/dev/null' || name === 'dev/null';

class Parser {
  private at = 0;
  private readonly files: Draft[] = [];
  private current: Draft | null = null;
  private readonly lines: readonly string[];

  constructor(text: string) {
    const lines = text.split('\n');
    const isCrlf = lines.slice(0, -1).every((line) => line.endsWith('\r'));
    this.lines = isCrlf ? lines.map((line) => line.replace(/\r$/, '')) : lines;
  }

  private open(): Draft {
    const draft: Draft = { from: undefined, to: undefined, hunks: [], binary: false, copied: false, blob: null };
    this.files.push(draft);
    this.current = draft;
    return draft;
  }

  /** Names of `diff --git a/x b/x`, for a file without hunks: both halves are the same. */
  private header(line: string): void {
    const draft = this.open();
    const names = line.slice('diff --git '.length);
    const quoted = /^("(?:\\.|[^"\\])*") ("(?:\\.|[^"\\])*")$/.exec(names);
    const half = names.slice(0, (names.length - 1) / 2);
    draft.from = quoted === null ? half : unquoted(quoted[1]!);
    draft.to = quoted === null ? names.slice(half.length + 1) : unquoted(quoted[2]!);
  }

  private extended(line: string): boolean {
    const draft = this.current;
    if (draft === null || draft.hunks.length > 0) return false;
    const [, verb, side, name] = /^(rename|copy) (from|to) (.*)$/.exec(line) ?? [];
    if (verb !== undefined) {
      // WHY a/ and b/: these lines have no prefix, all others do
      if (side === 'from') draft.from = `a/${unquoted(name!)}`;
      else draft.to = `b/${unquoted(name!)}`;
      draft.copied ||= verb === 'copy';
    } else if (/^new file mode /.test(line)) draft.from = '/dev/null';
    else if (/^deleted file mode /.test(line)) draft.to = '/dev/null';
    else if (/^(GIT binary patch|Binary files .* differ)/.test(line)) draft.binary = true;
    else {
      const blob = /^index ([0-9a-f]{7,64})\.\./.exec(line)?.[1];
      if (blob === undefined) return false;
      draft.blob = blob;
    }
    return true;
  }

  private hunk(match: RegExpExecArray): void {
    const [, oldAt, oldN, newAt, newN, heading] = match;
    let [oldLeft, newLeft] = [Number(oldN ?? 1), Number(newN ?? 1)];
    const lines: string[] = [];
    for (this.at++; this.at < this.lines.length && (oldLeft > 0 || newLeft > 0); this.at++) {
      // a mailer or an editor may have taken the blank off an empty line
      const line = this.lines[this.at] === '' ? ' ' : this.lines[this.at]!;
      if (line.startsWith('\\')) continue;
      if (!/^[ +-]/.test(line)) break;
      if (line[0] !== '+') oldLeft--;
      if (line[0] !== '-') newLeft--;
      lines.push(line);
    }
    if (oldLeft !== 0 || newLeft !== 0) {
      const where = this.current?.to ?? this.current?.from ?? 'the patch';
      throw new NativeError('patch', `${where}: a hunk has other lengths than its header says: ${match[0]}`);
    }
    this.current?.hunks.push({ oldAt: Number(oldAt), newAt: Number(newAt), heading: heading!.trim(), lines });
  }

  parse(): Draft[] {
    while (this.at < this.lines.length) {
      const line = this.lines[this.at]!;
      const match = this.current === null ? null : HUNK.exec(line);
      if (match !== null) {
        this.hunk(match);
        continue;
      }
      if (line.startsWith('diff --git ')) this.header(line);
      else if (line.startsWith('--- ') && this.lines[this.at + 1]?.startsWith('+++ ') === true) {
        const draft = this.current !== null && this.current.hunks.length === 0 ? this.current : this.open();
        draft.from = named(line);
        draft.to = named(this.lines[++this.at]!);
      } else this.extended(line);
      this.at++;
    }
    return this.files;
  }
}

/** Why a path is none inside of a tree; null when it is one. */
export function pathFault(path: string): string | null {
  if (path === '' || path.includes('\0')) return 'no name';
  if (path.startsWith('/')) return 'an absolute path';
  const parts = path.split('/');
  if (parts.includes('..')) return 'a path that leads out of the tree';
  return parts.some((part) => part === '.git' || part === '' || part === '.') ? 'not a plain path' : null;
}

/** As many leading directories as `patch -p1` takes off; none when the tree knows the name as it is. */
function stripped(name: string, inTree: (path: string) => boolean): string {
  const one = /^[^/]+\/+(.*)$/.exec(name)?.[1];
  if (one === undefined || (/^[abciow]\//.test(name) === false && pathFault(name) === null && inTree(name)))
    return name;
  return one;
}

/** The files of a diff; `pathOf` gives each name that it uses the path in the tree. */
export function filesOfDiff(text: string, pathOf: (name: string) => string): FileDiff[] {
  const path = (name: string | undefined): string | null => (name === undefined || isNull(name) ? null : pathOf(name));
  return new Parser(text)
    .parse()
    .map((draft) => ({ ...draft, from: path(draft.from), to: path(draft.to) }))
    .filter((file) => file.from !== null || file.to !== null);
}

/**
 * The files that a patch touches. `inTree` says which paths exist, for a diff without a/ and b/.
 * NativeError `patch` names every path that leads elsewhere, before anything is read or written.
 */
export function parseDiff(text: string, inTree: (path: string) => boolean): FileDiff[] {
  const faults: string[] = [];
  const files = filesOfDiff(text, (name) => {
    const path = name.startsWith('/') ? name : stripped(name, inTree);
    const fault = pathFault(path);
    if (fault !== null) faults.push(`${name}: ${fault}`);
    return path;
  });
  if (faults.length > 0) {
    const all = [...new Set(faults)];
    throw new NativeError('patch', `a patch may only name files of the tree: ${all[0]}`, all);
  }
  return files;
}
