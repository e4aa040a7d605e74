// SPDX-License-Identifier: GPL-2.0-only
/**
 * Objects are kept by what the compiler read, wherever the tree lies: a patch that changes one file has one object compiled,
 * and so has every later step of its series.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { cacheDir } from './cache-dir.js';
import { unfinished } from './scratch.js';

/** Where things lie in this build, and what stands for it: the directory of the tree as `$tree`. The longest first. */
export type Roots = readonly (readonly [dir: string, name: string])[];

interface Entry {
  /** the tree that it was compiled from: paths in it are of that tree */
  readonly tree: string;
  readonly read: readonly (readonly [path: string, sha256: string])[];
}

const KEPT = 12;
const FILES = ['o', 'gcno'] as const;

const hashes = new Map<string, { size: number; mtimeMs: number; hash: string }>();

function hashOf(path: string): string {
  const { size, mtimeMs } = statSync(path);
  const known = hashes.get(path);
  if (known?.size === size && known.mtimeMs === mtimeMs) return known.hash;
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex');
  hashes.set(path, { size, mtimeMs, hash });
  return hash;
}

const named = (path: string, roots: Roots): string => {
  for (const [dir, name] of roots) if (path.startsWith(`${dir}/`)) return name + path.slice(dir.length);
  return path;
};
const here = (path: string, roots: Roots): string => {
  for (const [dir, name] of roots) if (path.startsWith(`${name}/`)) return dir + path.slice(name.length);
  return path;
};

function isSame(entry: Entry, roots: Roots): boolean {
  return entry.read.every(([path, hash]) => {
    const now = here(path, roots);
    return existsSync(now) && hashOf(now) === hash;
  });
}

const read = (path: string): Entry => JSON.parse(readFileSync(path, 'utf8')) as Entry;

function restore(place: string, id: string, object: string, roots: Roots): string {
  const entry = read(join(place, `${id}.json`));
  const stem = object.replace(/\.o$/, '');
  for (const kind of FILES)
    if (existsSync(join(place, `${id}.${kind}`))) copyFileSync(join(place, `${id}.${kind}`), `${stem}.${kind}`);
  writeFileSync(`${stem}.d`, `${basename(object)}: ${entry.read.map(([path]) => here(path, roots)).join(' \\\n ')}\n`);
  return entry.tree;
}

function store(place: string, object: string, roots: Roots, tree: string): void {
  const stem = object.replace(/\.o$/, '');
  const dependencies = readFileSync(`${stem}.d`, 'utf8')
    .replace(/\\\n/g, ' ')
    .replace(/^[^:]*:/, '');
  const paths = [...new Set(dependencies.split(/\s+/).filter((path) => path.startsWith('/')))].sort();
  const entry: Entry = { tree, read: paths.map((path) => [named(path, roots), hashOf(path)] as const) };
  const id = createHash('sha256').update(JSON.stringify(entry.read)).digest('hex').slice(0, 20);
  if (existsSync(join(place, `${id}.json`))) return;
  mkdirSync(place, { recursive: true });
  const put = (kind: string, write: (path: string) => void) => {
    const path = join(place, `${id}.${kind}`);
    write(unfinished(path));
    renameSync(unfinished(path), path);
  };
  for (const kind of FILES)
    if (existsSync(`${stem}.${kind}`)) put(kind, (path) => copyFileSync(`${stem}.${kind}`, path));
  // Last: an entry without it is none.
  put('json', (path) => writeFileSync(path, JSON.stringify(entry)));
  for (const old of idsIn(place).slice(KEPT))
    for (const kind of ['json', ...FILES]) rmSync(join(place, `${old}.${kind}`), { force: true });
}

/** Newest first. */
function idsIn(place: string): string[] {
  if (!existsSync(place)) return [];
  return readdirSync(place)
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ id: name.slice(0, -5), at: statSync(join(place, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at)
    .map(({ id }) => id);
}

/**
 * `object` (an absolute path), from the cache or compiled by `compile`, which writes a .d file beside it. `how` is everything
 * else that decides what comes out. Returns the tree that the object was compiled from.
 */
export async function cachedObject(
  how: readonly string[],
  object: string,
  roots: Roots,
  tree: string,
  compile: () => Promise<void>,
): Promise<string> {
  const plain = how.map((word) => roots.reduce((text, [dir, name]) => text.replaceAll(dir, name), word));
  const key = createHash('sha256').update(plain.join('\0')).digest('hex').slice(0, 20);
  const place = cacheDir('objects', key);
  for (const id of idsIn(place)) {
    try {
      if (isSame(read(join(place, `${id}.json`)), roots)) return restore(place, id, object, roots);
    } catch {
      // Another process has just removed it.
    }
  }
  await compile();
  try {
    store(place, object, roots, tree);
  } catch {
    // The object is there; that it is not kept costs the next build its time.
  }
  return tree;
}
