// SPDX-License-Identifier: GPL-2.0-only
import { expect, it } from 'vitest';
import { traced } from '../../src/report/happenings.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { graphLines } from '../../src/step/function-graph.js';

it('has every call closed, tracepoints inside of who hits them, and no function that Linux lacks', () => {
  const lines: string[] = [];
  traced(linux_6_12, namedScenario('two-spinners') as Scenario, 16, {
    before: (m, event) => lines.push(...graphLines(linux_6_12, m, event)),
  });
  const LINE = /^ {0,1}\d+\) (?: {14}| {2}0\.000 us {4})\| {2}((?: {2})*)(.+)$/;
  let depth = 0;
  const open: string[] = [];
  for (const line of lines) {
    const [, indent, text] = LINE.exec(line) ?? [];
    expect(text, line).toBeDefined();
    if (text === '}') {
      depth--;
      open.pop();
    }
    expect(indent.length, line).toBe(2 * depth);
    if (text.startsWith('/* sched_switch:')) expect(open).toContain('__schedule');
    if (text.endsWith('{')) {
      open.push(text.slice(0, text.indexOf('(')));
      depth++;
    }
    expect(text).not.toMatch(/^[a-z]+[A-Z]/);
  }
  expect(depth).toBe(0);
  expect(lines.some((line) => line.includes('yield_to() {'))).toBe(true);
});
