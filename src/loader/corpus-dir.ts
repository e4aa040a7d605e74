// SPDX-License-Identifier: GPL-2.0-only
/**
 * A corpus on disk:
 *
 *   entries/HASH.json     runs worth keeping, each a counterexample file: `replay` and `step` take it. Named by its content
 *   findings/HASH.json    what broke, shrunk; .token and .txt beside it. Named by its cause
 *   campaigns/HASH.json   what each campaign did
 *
 * Every file appears whole, by rename, and none is written twice; so several processes may share a folder, and one that is
 * killed, or finds the disk full, takes nothing with it. Anything else in the folder is read as put in by hand: tokens,
 * counterexamples, scenarios with events.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { BadInput, reject } from '../base/faults.js';
import { count } from '../base/text.js';
import type { Entry } from '../fuzz/input.js';
import { type CorpusImage, emptyImage, type FindingFiles } from '../fuzz/merge.js';
import { readScenario } from '../scenario/read-scenario.js';
import { type Case, caseFile, looksLikeToken, readCaseFile, readToken, TOKEN_MAX, tokenOf } from './counterexample.js';

const PARTS = ['entries', 'findings', 'campaigns'] as const;
const UNFINISHED = /^\.tmp-(\d+)-/;
/** an unfinished file of a process that is gone */
const STALE_MS = 3_600_000;

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 20);

/** An entry, or why a file is none. */
export interface ReadEntry {
  /** relative to the folder */
  file: string;
  entry: Entry | null;
  kernel: string;
  isFinding: boolean;
  why: string;
}

export class CorpusDir {
  private n = 0;
  /** the first thing that could not be written, and how many could not */
  unwritten: { why: string; files: number } | null = null;

  private constructor(readonly path: string) {}

  /** Makes the folder where it is missing. Throws BadInput when that cannot be. */
  static open(path: string, cwd: string, mustExist = false): CorpusDir {
    const full = resolve(cwd, path);
    const expected = mustExist ? 'a corpus (a folder)' : 'a folder for a corpus, to write to';
    if (mustExist && !existsSync(full)) reject(path, 'file', path, expected, 'no such folder');
    try {
      if (existsSync(full) && !statSync(full).isDirectory()) reject(path, 'file', path, expected, 'a file');
      if (!mustExist) for (const part of PARTS) mkdirSync(join(full, part), { recursive: true });
    } catch (e) {
      if (e instanceof BadInput) throw e;
      reject(path, 'file', path, expected, (e as NodeJS.ErrnoException).code ?? String(e));
    }
    const dir = new CorpusDir(full);
    if (!mustExist) dir.sweep();
    return dir;
  }

  /** A run worth keeping; nothing happens where it is there already. */
  addEntry(entry: Entry, kernel: string, patch?: string): void {
    const text = caseFile(caseOf(entry, kernel, patch));
    this.put(`entries/${hashOf(text)}.json`, text);
  }

  /** A finding by its cause; a shorter one takes the place of a longer. */
  addFinding(cause: string, c: Case, text: string): string {
    const name = `findings/${hashOf(cause)}`;
    const json = caseFile(c);
    const known = this.read(`${name}.json`);
    if (known !== null && known.length <= json.length) return name;
    const token = tokenOf(c);
    if (token.length <= TOKEN_MAX) this.put(`${name}.token`, `${token}\n`, true);
    this.put(`${name}.txt`, text, true);
    this.put(`${name}.json`, json, true);
    return name;
  }

  addCampaign(text: string): void {
    this.put(`campaigns/${hashOf(text)}.json`, text);
  }

  /** Everything that is there, findings first, in the order of names. */
  entries(): ReadEntry[] {
    const files = [
      ...this.list('findings').filter((it) => it.endsWith('.json')),
      ...this.list('.').filter((it) => statSync(join(this.path, it), { throwIfNoEntry: false })?.isFile() === true),
      ...this.list('entries'),
    ];
    return files.map((file) => this.entryIn(file));
  }

  remove(file: string): void {
    rmSync(join(this.path, file), { force: true });
  }

  image(): CorpusImage {
    const out = emptyImage();
    for (const file of this.list('entries')) out.entries.set(basename(file), this.read(file) ?? '');
    for (const file of this.list('campaigns')) out.campaigns.set(basename(file), this.read(file) ?? '');
    for (const file of this.list('findings').filter((it) => it.endsWith('.json'))) {
      const stem = file.replace(/\.json$/, '');
      const files: FindingFiles = {
        json: this.read(file) ?? '',
        text: this.read(`${stem}.txt`) ?? '',
        token: this.read(`${stem}.token`) ?? '',
      };
      out.findings.set(basename(stem), files);
    }
    return out;
  }

  writeImage({ entries, findings, campaigns }: CorpusImage): void {
    for (const [name, text] of entries) this.put(`entries/${name}`, text, true);
    for (const [name, text] of campaigns) this.put(`campaigns/${name}`, text, true);
    for (const [name, { json, text, token }] of findings) {
      if (token !== '') this.put(`findings/${name}.token`, token, true);
      this.put(`findings/${name}.txt`, text, true);
      this.put(`findings/${name}.json`, json, true);
    }
  }

  /** Throws BadInput where something could not be written. */
  mustBeWritten(path: string): void {
    const { unwritten } = this;
    if (unwritten === null) return;
    reject(
      path,
      'file',
      path,
      'a folder to write to',
      `${unwritten.why}, ${count(unwritten.files, 'file')} not written`,
    );
  }

  private entryIn(file: string): ReadEntry {
    const isFinding = file.startsWith('findings/');
    const none = (why: string): ReadEntry => ({ file, entry: null, kernel: '', isFinding, why });
    try {
      const text = this.read(file) ?? '';
      const first = text.trim();
      if (first === '') return none('it is empty');
      const c = looksLikeToken(first)
        ? readToken(first)
        : isCase(text)
          ? readCaseFile(text, file)
          : scenarioCase(text, file);
      const { property, scenario, events, kernel } = c;
      return { file, entry: { property, scenario, events }, kernel, isFinding, why: '' };
    } catch (e) {
      if (!(e instanceof BadInput)) throw e;
      const [fault] = e.faults;
      const more = e.faults.length > 1 ? ` (and ${count(e.faults.length - 1, 'fault')} more)` : '';
      return none(`${fault.place}: expected ${fault.expected}, got ${fault.got}${more}`);
    }
  }

  private list(part: string): string[] {
    const dir = join(this.path, part);
    if (!existsSync(dir)) return [];
    const names = readdirSync(dir).filter((it) => !it.startsWith('.'));
    return names.sort().map((it) => (part === '.' ? it : `${part}/${it}`));
  }

  private read(file: string): string | null {
    try {
      return readFileSync(join(this.path, file), 'utf8');
    } catch {
      return null; // another process may have taken it away
    }
  }

  /** Whole or not at all. */
  private put(file: string, text: string, over = false): void {
    const to = join(this.path, file);
    if (!over && existsSync(to)) return;
    const aside = join(this.path, `.tmp-${process.pid}-${this.n++}`);
    try {
      const fd = openSync(aside, 'wx');
      try {
        // WHY not writeSync: that may write a part and say nothing
        writeFileSync(fd, text);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
      renameSync(aside, to);
    } catch (e) {
      rmSync(aside, { force: true });
      this.unwritten ??= { why: (e as NodeJS.ErrnoException).code ?? String(e), files: 0 };
      this.unwritten.files++;
    }
  }

  /** What a killed process left unfinished. */
  private sweep(): void {
    for (const name of readdirSync(this.path)) {
      if (!UNFINISHED.test(name)) continue;
      const stat = statSync(join(this.path, name), { throwIfNoEntry: false });
      if (stat !== undefined && Date.now() - stat.mtimeMs > STALE_MS) rmSync(join(this.path, name), { force: true });
    }
  }
}

const isCase = (text: string): boolean => /"schema":\s*"kvmodel-counterexample/.test(text);

/** A scenario put in by hand: what holds of every machine is asked of it. */
function scenarioCase(text: string, file: string): Case {
  const { events = [], ...scenario } = readScenario(text, file);
  const property = scenario.vms === undefined ? 'structure.1' : 'structure.4';
  return { kernel: '', property, scenario, events };
}

export function caseOf({ property, scenario, events }: Entry, kernel: string, patch?: string): Case {
  return { kernel, property, scenario, events, ...(patch === undefined ? {} : { patch }) };
}
