// SPDX-License-Identifier: GPL-2.0-only
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/machine/boot.js';
import { differenceBetween } from '../../src/machine/difference.js';
import type { machine } from '../../src/machine/state.js';
import { happenings } from '../../src/report/happenings.js';
import { catalogue, namedScenario } from '../../src/scenario/catalogue.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import { type Detail, framesAt, machineAt } from '../../src/step/detail.js';
import { UNSIGNED } from '../../src/step/fields.js';
import { Timeline } from '../../src/step/timeline.js';

const EVENTS = 60;
const text = (m: machine): string => JSON.stringify(m, (_, it) => (typeof it === 'bigint' ? `${it}n` : it));

function lineOf(name: string, kernel = linux_6_12): Timeline {
  const scenario = namedScenario(name);
  if (scenario === undefined) throw new Error(`no scenario ${name}`);
  return new Timeline(kernel, boot(kernel, scenario), happenings(kernel, scenario, EVENTS).events);
}

describe('an event in detail', () => {
  it.each(catalogue.map(({ name }) => name))('writes what running it changes: %s', (name) => {
    const line = lineOf(name);
    for (let event = 0; event < line.length; event += 7) {
      const detail = line.detailAt(event);
      expect(detail.died).toBeNull();
      const made = machineAt(line.machineBefore(event), detail, detail.steps.length);
      expect(differenceBetween(line.machineBefore(event + 1), made), `event ${event}`).toBeNull();
      expect(text(made) === text(line.machineBefore(event + 1)), `event ${event}`).toBe(true);
    }
  });

  it('has a return for every call, of the same function and depth', () => {
    const { steps }: Detail = lineOf('two-spinners').detailAt(12);
    expect(steps.length).toBeGreaterThan(100);
    for (const [i, step] of steps.entries()) {
      if (step.kind !== 'return') continue;
      expect(steps[step.call]).toMatchObject({ kind: 'call', fn: step.fn, depth: step.depth });
      expect(framesAt({ steps, died: null }, i)).toContain(step.call);
    }
    expect(framesAt({ steps, died: null }, steps.length)).toEqual([]);
  });

  it('names the place in the source of each write', () => {
    const written = lineOf('two-spinners')
      .detailAt(12)
      .steps.filter((it) => it.kind === 'write' && it.path[0] === 'se');
    expect(written.length).toBeGreaterThan(0);
    // of the module that runs; the command maps it back to its source
    for (const { at } of written) expect(at.text).toMatch(/src\/(?:sched|lib|machine)\/\w+\.[jt]s:\d+:\d+$/);
  });

  it('is the same on a kernel with a series', () => {
    const line = lineOf('two-spinners', kernelByName('semantics-aware-v2'));
    const detail = line.detailAt(12);
    const made = machineAt(line.machineBefore(12), detail, detail.steps.length);
    expect(text(made) === text(line.machineBefore(13))).toBe(true);
  });
});

it('fields without sign are those that the headers declare so', () => {
  const headers = ['src/sched/sched.ts', 'src/kvm/kvm_host.ts', 'src/lib/hrtimer.ts'].map((it) =>
    readFileSync(it, 'utf8'),
  );
  const declared = [...headers.join('\n').matchAll(/^ {2}(?:readonly )?(\w+)\??: u64;/gm)].map(([, name]) => name);
  expect(declared.length).toBeGreaterThan(40);
  expect(declared.filter((name) => !UNSIGNED.has(name))).toEqual([]);
});
