// SPDX-License-Identifier: GPL-2.0-only
/** A patch that adds a knob is asked everything with the knob set otherwise as well. */
import { expect, it } from 'vitest';
import { yields } from '../../properties/families/yield.js';
import { ask } from '../../src/explore/ask.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { namedKernel, subjectOfSpec } from '../../src/loader/check-subject.js';
import type { CheckReport, PropertyResult } from '../../src/report/check-report.js';
import { exitCode, findings, unrecordedFailures, withSetting } from '../../src/report/verdicts.js';

const cwd = new URL('../cli/patches', import.meta.url).pathname;
const series = './free-feature.ts';
const names = ['v6.12.117', 'v6.12.117+free-feature[FREE_YIELD=1]', 'v6.12.117+free-feature'];

it('on a kernel of its own, which a token can name, and which alone is refuted', async () => {
  const { kernels } = await subjectOfSpec({ series, cwd, prefixes: false }, false);
  expect(kernels.map((k) => k.name)).toEqual(names);
  expect((await namedKernel(names[1], cwd, series, false)).sched_feat).toMatchObject({ FREE_YIELD: true });
  const property = yields.properties.find((p) => p.id === 'yield.3');
  if (property === undefined) throw new Error('no yield.3');
  const options = { seed: 1, runs: 20, events: 2_000, states: 1, unshrunk: true };
  const verdicts = kernels.map((kernel) => ask(machineEngine, kernel, property, options).verdict);
  expect(verdicts).toEqual(['holds', 'refuted', 'holds']);
});

it('and what it loses then is a finding, and no success', () => {
  const verdicts = { [names[0]]: 'holds', [names[1]]: 'refuted', [names[2]]: 'holds' } as const;
  const lost = { id: 'yield.3', verdicts, recorded: {}, evidence: {} } as unknown as PropertyResult;
  const claim = { id: 'yield', words: '', verdicts, evidence: '', properties: [lost] };
  const report = { series: 'free-feature', kernels: names, claims: [claim], changed: [] } as unknown as CheckReport;
  expect(findings(claim, report)).toEqual([lost]);
  expect(unrecordedFailures(report)).toEqual([{ property: 'yield.3', verdict: 'refuted', kernel: names[1] }]);
  expect(withSetting(names[1])).toBe(' with FREE_YIELD=1');
  expect(exitCode(report, 'unix')).toBe(1);
});
