// SPDX-License-Identifier: GPL-2.0-only
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import { gapsOf, type ModuleCoverage, mergedCoverage, unreachedIn } from '../../src/workers/coverage.js';

const range = (startOffset: number, endOffset: number, count: number) => ({ startOffset, endOffset, count });

describe('gaps', () => {
  it('are where the innermost range was never counted', () => {
    expect(gapsOf([range(0, 100, 1), range(10, 50, 1), range(20, 30, 0)])).toEqual([[20, 30]]);
    expect(gapsOf([range(0, 100, 0), range(40, 60, 1)])).toEqual([
      [0, 40],
      [60, 100],
    ]);
    expect(gapsOf([range(0, 100, 1), range(10, 20, 0), range(20, 30, 0)])).toEqual([[10, 30]]);
    expect(gapsOf([range(0, 100, 1), range(10, 30, 0), range(15, 20, 1), range(16, 18, 0)])).toEqual([
      [10, 15],
      [16, 18],
      [20, 30],
    ]);
  });

  it('count only where every realm has one', () => {
    const module = { file: '/a.js', text: '', map: '', functions: [] };
    const [merged] = mergedCoverage([
      [{ ...module, gaps: [[0, 10] as [number, number], [20, 40] as [number, number]] }],
      [{ ...module, gaps: [[5, 30] as [number, number]] }],
    ]);
    expect(merged.gaps).toEqual([
      [5, 10],
      [20, 30],
    ]);
  });
});

describe('coverage of a module', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kvmodel-coverage-'));
  afterAll(() => rmSync(dir, { recursive: true }));

  it('says file, line and text of what never ran, in TypeScript', () => {
    const source = [
      'interface Unused { a: number }',
      '',
      'export function taken(x: number): number {',
      '  if (x > 1000) {',
      '    // far away',
      '    return x - 1;',
      '  }',
      '  return x;',
      '}',
      '',
      'export function neverCalled(): void {}',
      '',
      'export const also = (u: Unused): number => (u.a > 0 ? u.a : -u.a);',
    ].join('\n');
    writeFileSync(join(dir, 'patch.ts'), source);
    const js = ts.transpileModule(source, {
      fileName: 'patch.ts',
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022, sourceMap: true },
    });
    writeFileSync(join(dir, 'patch.mjs'), js.outputText.replace('patch.js.map', 'patch.mjs.map'));
    writeFileSync(join(dir, 'patch.mjs.map'), js.sourceMapText ?? '');
    const main = `
      import { createJiti } from ${JSON.stringify(import.meta.resolve('jiti'))};
      const { Coverage } = await createJiti(import.meta.url).import(${JSON.stringify(join(process.cwd(), 'src/workers/coverage.ts'))});
      const coverage = new Coverage();
      await coverage.start();
      const { taken, also } = await import('./patch.mjs');
      for (let i = 0; i < 100; i++) { taken(i); also({ a: i + 1 }); }
      console.log(JSON.stringify(await coverage.take((file) => file.endsWith('patch.mjs'))));
    `;
    writeFileSync(join(dir, 'main.mjs'), main);
    const seen = JSON.parse(execFileSync(process.execPath, [join(dir, 'main.mjs')], { encoding: 'utf8' }));
    const found = unreachedIn(seen as ModuleCoverage[], (file) => file.slice(dir.length + 1));
    expect(found).toEqual([
      { function: 'taken', file: 'patch.ts', line: 6, text: 'return x - 1;' },
      { function: 'neverCalled', file: 'patch.ts', line: 11, text: 'export function neverCalled(): void {}' },
      { function: 'also', file: 'patch.ts', line: 13, text: source.split('\n')[12] },
    ]);
  });
});
