// SPDX-License-Identifier: GPL-2.0-only
/** A search put aside in a file, and taken up again: only the same search. */
import { createHash } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { reject } from '../base/faults.js';
import { VERSION } from '../base/version.js';
import type { SavedGraph } from '../explore/state-graph.js';
import { readBytes } from './files.js';

const SCHEMA = 'kvmodel-search-2';
const MAX = 2 ** 32;

interface SearchFile {
  schema: string;
  key: string;
  graph: SavedGraph;
}

/** What makes a search this one: everything but how far it goes. */
export const searchKey = (what: Record<string, unknown>): string =>
  createHash('sha256')
    .update(JSON.stringify([VERSION, what]))
    .digest('hex');

/** As a whole or not at all. Throws BadInput where it cannot be written. */
export function writeSearch(path: string, key: string, graph: SavedGraph, cwd: string): void {
  const to = resolve(cwd, path);
  const aside = `${to}.${process.pid}`;
  try {
    writeFileSync(aside, serialize({ schema: SCHEMA, key, graph } satisfies SearchFile));
    renameSync(aside, to);
  } catch (e) {
    rmSync(aside, { force: true });
    reject(path, 'file', path, 'a place for a search', (e as NodeJS.ErrnoException).code ?? String(e));
  }
}

export function readSearch(path: string, key: string, cwd: string): SavedGraph {
  const expected = 'a search that --save put aside, of the same scenario, kernel, menu and expressions';
  let file: Partial<SearchFile> | null = null;
  try {
    file = deserialize(readBytes(path, cwd, expected, MAX)) as Partial<SearchFile>;
  } catch (e) {
    if (e instanceof Error && e.name === 'BadInput') throw e;
    reject(path, 'search', path, expected, 'something else');
  }
  if (file?.schema !== SCHEMA || file.graph === undefined) reject(path, 'search', path, expected, 'something else');
  if (file.key !== key) reject(path, 'search', path, expected, 'another search, or one of another version');
  return file.graph;
}
