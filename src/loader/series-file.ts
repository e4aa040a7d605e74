// SPDX-License-Identifier: GPL-2.0-only
/** A series in a TypeScript file outside the repository: type-checked, loaded, its shape checked, every fault said. */
import { existsSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { createJiti, type TransformOptions } from 'jiti';
import type { Claim, Property } from '../../properties/vocabulary.js';
import { BadInput, type Fault, reject, shown } from '../base/faults.js';
import { BRANCHES } from '../fuzz/branch-counts.js';
import type { Series } from '../series/series.js';
import { type CompiledFiles, noteCompiled } from './compiled-files.js';
import { readText } from './files.js';
import { installLoopGuard } from './loop-guard.js';

/** Far more than anybody writes by hand; the compiler would take minutes over it. */
const SOURCE_MAX = 1 << 20;

const JITI = { fsCache: false, moduleCache: false, interopDefault: false };

export interface SeriesFile {
  series: Series;
  /** properties that the file brings with it: its export `claims` */
  claims: Claim[];
}

/**
 * Loads the series that a file exports by default. Throws BadInput with every fault.
 *
 * @param warned told what is legal and likely a mistake
 * @param typed hold it against our declarations first; false where that was done already
 * @param known what another thread has compiled
 */
export async function loadSeriesFile(
  path: string,
  cwd: string,
  typed = true,
  warned?: (words: string) => void,
  known: CompiledFiles = {},
): Promise<SeriesFile> {
  const file = resolve(cwd, path);
  if (!existsSync(file) || !statSync(file).isFile()) reject(path, 'file', path, 'a TypeScript file', 'no such file');
  const { size } = statSync(file);
  if (size > SOURCE_MAX) reject(path, 'file', path, `a source of at most ${SOURCE_MAX >> 20} MiB`, `${size} bytes`);
  if (!/\.[cm]?[jt]s$/.test(file)) reject(path, 'file', path, 'a file that ends in .ts', shown(path));
  if (typed) {
    const { faults, warnings } = (await import('./user-code.js')).inspectUserCode(
      readText(path, cwd, 'a TypeScript file'),
      file,
      relative(cwd, file) || file,
    );
    if (faults.length > 0) throw new BadInput(path, faults);
    for (const words of warnings) warned?.(words);
  }
  const types = !typed ? [] : (await import('./type-check.js')).typeFaults(file, (f) => relative(cwd, f) || f);
  if (types.length > 0) throw new BadInput(path, types);
  const loaded = await load(file, path, cwd, known);
  const faults = [...shapeFaults(loaded.default, path), ...claimFaults(loaded.claims)];
  if (faults.length > 0) throw new BadInput(path, faults);
  return { series: loaded.default as Series, claims: (loaded.claims ?? []) as Claim[] };
}

interface Loaded {
  default?: unknown;
  claims?: unknown;
}

/** WHY a virtual module: the file must get our very own instance, not a second one that jiti makes from our files. */
async function load(file: string, path: string, cwd: string, known: CompiledFiles): Promise<Loaded> {
  const compile = file in known ? null : await compilerOf(cwd);
  installLoopGuard();
  const jiti = createJiti(import.meta.url, {
    ...JITI,
    transform: (opts) => {
      const name = opts.filename ?? file;
      const code = known[name] ?? compile?.(opts, name);
      if (code === undefined)
        return reject(path, 'load', name, 'what was imported when the check began', 'another file');
      noteCompiled(name, code);
      return { code };
    },
    virtualModules: { kvmodel: await import('../index.js') },
  });
  refuseToExit(path);
  try {
    return (await jiti.import(file)) as Loaded;
  } catch (e) {
    if (e instanceof BadInput) throw e;
    const message = e instanceof Error ? `${e.name}: ${e.message.split('\n')[0]}` : String(e);
    reject(path, 'load', path, 'a module that loads', message);
  }
}

/** WHY: an exit code is a verdict, which is not the patch's to give. For good: its functions run later. */
function refuseToExit(path: string): void {
  process.exit = (code) =>
    reject(path, 'exit', path, 'a patch that lets the process go on', `process.exit(${code ?? ''})`);
}

/** WHY imported late: two compilers come with it. */
async function compilerOf(cwd: string): Promise<(opts: TransformOptions, name: string) => string> {
  const { guardLoops } = await import('./user-code.js');
  // a campaign goes by the branches of what it is about
  const counts = BRANCHES in globalThis ? (await import('./counted-source.js')).countedSource : null;
  const plain = createJiti(import.meta.url, JITI);
  return (opts, name) => {
    // what node_modules brings is loaded as it is
    const own = !name.includes('/node_modules/');
    if (!own) return plain.transform(opts);
    const called = relative(cwd, name) || name;
    const guarded = guardLoops(opts.source, name, called);
    const source = counts === null ? guarded : counts(guarded, name, called, (line) => line + 1);
    return plain.transform({ ...opts, source });
  };
}

function shapeFaults(value: unknown, path: string): Fault[] {
  const fault = (code: string, place: string, expected: string, got: unknown): Fault => ({
    code,
    place,
    expected,
    got: shownSafely(got),
  });
  if (typeof value !== 'object' || value === null)
    return [fault('shape', path, 'a default export made by defineSeries()', value)];
  const series = value as Record<string, unknown>;
  const faults: Fault[] = [];
  for (const key of ['id', 'title', 'base']) {
    const text = series[key];
    if (typeof text !== 'string' || text === '') faults.push(fault('shape', key, 'a string', text));
  }
  if (typeof series['id'] === 'string' && !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(series['id']))
    faults.push(fault('shape', 'id', 'letters, digits, . _ and -, at most 64', series['id']));
  const patches = series['patches'];
  if (!Array.isArray(patches) || patches.length === 0) {
    faults.push(fault('empty', 'patches', 'an array of at least one patch', patches));
    return faults;
  }
  patches.forEach((patch, i) => {
    const at = `patches[${i}]`;
    if (typeof patch !== 'object' || patch === null) faults.push(fault('shape', at, 'a patch (an object)', patch));
    else if (typeof patch.subject !== 'string') faults.push(fault('shape', `${at}.subject`, 'a string', patch.subject));
  });
  return faults;
}

function claimFaults(claims: unknown): Fault[] {
  if (claims === undefined) return [];
  const expected = 'an array of claims, each with id, words and properties made by always() and the like';
  const right = (c: unknown): boolean => {
    const claim = c as Partial<Claim> | null;
    const { id, words, properties } = claim ?? {};
    return (
      typeof id === 'string' && typeof words === 'string' && Array.isArray(properties) && properties.every(isProperty)
    );
  };
  const list = Array.isArray(claims) ? claims : [];
  if (Array.isArray(claims) && claims.every(right)) return [];
  const at = list.findIndex((c) => !right(c));
  return [
    {
      code: 'shape',
      place: at < 0 ? 'claims' : `claims[${at}]`,
      expected,
      got: shownSafely(at < 0 ? claims : list[at]),
    },
  ];
}

/** What always(), sometimes(), leadsTo() or agrees() makes. */
function isProperty(value: unknown): boolean {
  const p = value as Partial<Property> | null;
  return typeof p?.id === 'string' && typeof p.says === 'string' && typeof p.watch === 'function';
}

/** A user's value may have cycles, or getters that throw. */
function shownSafely(value: unknown): string {
  try {
    return shown(value);
  } catch {
    return 'something that JSON cannot show';
  }
}
