// SPDX-License-Identifier: GPL-2.0-only
/** The tree keeps its own manners. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { deadExports } from './dead-exports.js';
import { floorFaults } from './floors.js';
import { compareConstants, constantsOf, definesOf } from './kernel-constants.js';
import {
  bannedFaults,
  constantFaults,
  lengthFaults,
  licenceFaults,
  pieceFaults,
  tagFaults,
  tagsOf,
} from './manners.js';
import { allPaths, deadFiles, definesFunction, importCircles, kernelTree, read, sourceFiles } from './tree.js';

const paths = allPaths();
const files = sourceFiles(paths);

describe('the tree', () => {
  it('has files at all', () => {
    expect(files.length).toBeGreaterThan(50);
  });

  it('carries the licence in every source', () => {
    const sources = paths.filter((p) => /\.(tsx?|css|c|h|sh|py)$/.test(p) || p === '.ci/run');
    expect(sources.flatMap((p) => licenceFaults(p, read(p)))).toEqual([]);
  });

  it('keeps to its floors', () => {
    expect(files.flatMap(floorFaults)).toEqual([]);
  });

  it('imports values in no circle', () => {
    expect(importCircles(files)).toEqual([]);
  });

  it('uses no banned word', () => {
    expect(files.flatMap(bannedFaults)).toEqual([]);
  });

  it('tags every mirrored function', () => {
    expect(files.flatMap(tagFaults)).toEqual([]);
  });

  it('defines each constant of the kernel once', () => {
    expect(constantFaults(files)).toEqual([]);
  });

  it('names the pieces of a function that is split in its comment', () => {
    expect(files.flatMap(pieceFaults)).toEqual([]);
  });

  it('has no file and no function that is too long', () => {
    expect(files.flatMap(lengthFaults)).toEqual([]);
  });

  it('has no file that nothing imports', () => {
    expect(deadFiles(files)).toEqual([]);
  });

  it('exports nothing that the product does not use', () => {
    expect(deadExports(files)).toEqual([]);
  });

  it('names no path of the machine it was written on', () => {
    const own = paths.filter((p) => !p.startsWith('test/tidy/') && !/\.(gz|png|lock)$/.test(p));
    const bad = own.filter((p) => /(^|[^\w.])\/(work|root|home)\/\w/.test(read(p)));
    expect(bad).toEqual([]);
  });
});

describe('the kernel', () => {
  const tree = kernelTree();
  const why = 'no kernel tree: set KVMODEL_TREE, or unpack the package linux-source-6.12 in /usr/src';
  it.skipIf(tree === null)(`has every function under the name of its tag (${tree ?? why})`, () => {
    const texts = new Map<string, string>();
    const faults: string[] = [];
    for (const tag of files.filter((f) => !f.path.startsWith('src/series/')).flatMap(tagsOf)) {
      const path = `${tree}/${tag.kernelPath}`;
      if (!texts.has(path)) texts.set(path, existsSync(path) ? readFileSync(path, 'latin1') : '');
      if (!definesFunction(texts.get(path) as string, tag.kernelName))
        faults.push(`${tag.file}:${tag.line}: ${tag.kernelPath} has no ${tag.kernelName}()`);
    }
    expect(faults).toEqual([]);
  });

  it.skipIf(tree === null)(`defines its constants as the model does (${tree ?? why})`, () => {
    const { compared, faults } = compareConstants(constantsOf(files), definesOf(tree as string));
    expect(faults).toEqual([]);
    expect(compared).toBeGreaterThan(340);
  });
});

describe('decisions', () => {
  it('have a status and a date', () => {
    for (const path of paths.filter((p) => p.startsWith('docs/adr/'))) {
      expect(read(path).split('\n\n')[1], path).toMatch(/^(Accepted|Superseded by \d+), \d{4}-\d{2}-\d{2}\.$/);
    }
  });
});
