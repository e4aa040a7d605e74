// SPDX-License-Identifier: GPL-2.0-only
/** What pvsched is measured by: samples of one guest, and the table of them. */
import { describe, expect, it } from 'vitest';
import { distributionsOf } from '../../properties/claims.js';
import { samplesOf } from '../../properties/series/pvsched-v1/distributions.js';
import { distributionLines } from '../../src/report/measures-table.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName } from '../../src/series/registry.js';
import { exampleReport } from '../report/fixture.js';

const mean = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / all.length;
const of = (kernel: string, isStatic: boolean, name: string): number[][] =>
  samplesOf(kernelByName(kernel), isStatic, [{ ...(namedScenario(name) as Scenario), until: 60_000_000 }]);

describe('distributions of pvsched', () => {
  const [base, fixed, series] = (
    [
      ['v6.12.117', false],
      ['v6.12.117', true],
      ['pvsched-v1', false],
    ] as const
  ).map(([kernel, isStatic]) => of(kernel, isStatic, 'audio-2ms'));

  it('a callback ends late beside a busy host, less so with the series, not on vCPUs that are real-time for good', () => {
    expect(mean(base[0])).toBeGreaterThan(500);
    expect(mean(series[0])).toBeLessThan((3 * mean(base[0])) / 4);
    expect(Math.max(...fixed[0])).toBeLessThan(100);
  });
  it('who is real-time for good runs fair tasks as such, and keeps a host task waiting', () => {
    expect([base[1], series[1]].flat().every((us) => us === 0)).toBe(true);
    expect(Math.min(...fixed[1])).toBeGreaterThan(10_000);
    expect(Math.min(...fixed[2])).toBeGreaterThan(Math.max(...base[2]));
  });
  it('an IPI waits for its handler where its vCPU waits for its CPU', () => {
    const [plain] = [of('v6.12.117', false, 'guest-ping-pong')];
    expect(plain[3].length).toBeGreaterThan(10);
    expect(Math.max(...plain[3])).toBeGreaterThan(500);
  });
  it('are those of the two series, and stand beside the measures', () => {
    expect(distributionsOf('semantics-aware-v2')).toBeNull();
    expect(distributionsOf('pvsched-v2')).toBe(distributionsOf('pvsched-v1'));
    const table = {
      says: '2 guests, us',
      columns: ['base', 'static', 'patched'],
      rows: [{ says: 'late', of: [1, 2, 0].map((n) => ({ samples: n, mean: n, p99: 10 * n, max: 100 * n })) }],
    };
    expect(distributionLines({ ...exampleReport(), distributions: table })).toEqual([
      '',
      '2 guests, us',
      '             base  static  patched',
      'late: mean      1       2        -',
      '  99 of 100    10      20        -',
      '  max         100     200        -',
    ]);
  });
});
