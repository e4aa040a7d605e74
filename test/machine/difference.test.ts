// SPDX-License-Identifier: GPL-2.0-only
import { expect, it } from 'vitest';
import { differenceClaim } from '../../properties/difference.js';
import { ask } from '../../src/explore/ask.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { boot } from '../../src/machine/boot.js';
import { differenceBetween } from '../../src/machine/difference.js';
import { ownKnobs } from '../../src/series/knob-settings.js';
import { kernelByName, pin } from '../../src/series/registry.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { overridden } from '../series/overridden.js';

const options = { seed: 1, runs: 30, events: 40_000, states: 0 };

function asked(kernel: Kernel, world: number) {
  const property = differenceClaim(pin, kernel).properties[world];
  return ask(machineEngine, kernel, { ...property, given: { ...property.given, events: 600 } }, options);
}

it('is in the first field of the first machine that the second has otherwise', () => {
  const scenario = { cpus: 1, tasks: [{ comm: 'A' }, { comm: 'B' }] };
  const [a, b] = [boot(pin, scenario), boot(pin, scenario)];
  expect(differenceBetween(a, b)).toBeNull();
  b.rq[0].yld_count = 7;
  Object.assign(b.rq[0], { of_a_series: 1 });
  expect(differenceBetween(a, b)).toEqual({ field: 'rq[0].yld_count', left: '0', right: '7' });
  b.se[b.task[2].se].on_rq = 5;
  expect(differenceBetween(a, b)?.field).toBe('B.se.on_rq');
});

it('is none between a kernel and itself, in any world', () => {
  for (const world of [0, 1, 2, 3]) {
    const { verdict, evidence } = asked({ ...pin, name: 'the same' }, world);
    expect([world, verdict]).toEqual([world, 'holds']);
    expect(evidence.events).toBeGreaterThan(300);
  }
});

it('is found and shrunk to the event that shows it', () => {
  const lazy = overridden(pin, 'lazy', { yield_task_fair() {} });
  const { verdict, example } = asked(lazy, 0);
  expect(verdict).toBe('refuted');
  expect(example?.events.filter((e) => e.ev === 'yield' || e.ev === 'yield_to').length).toBe(1);
  expect(example?.events.length).toBeLessThanOrEqual(3);
  expect(example?.message).toContain('on v6.12.117 it is');
});

it('is seen behind a knob that is off at first, for the other values are tried', () => {
  const knobs = { fast_yield: { file: '/sys/x', type: 'bool' as const, initial: 0 } };
  const yields = pin.table['yield_task_fair'];
  const hidden = {
    ...overridden(pin, 'hidden', {
      yield_task_fair(this: vmlinux_x86, rq: never) {
        if ((this.m.knobs?.['fast_yield'] ?? 0) === 0) yields.call(this, rq);
      },
    }),
    knobs,
  };
  expect(ownKnobs(pin, hidden)).toEqual({ fast_yield: [0, 1] });
  const { verdict, example } = asked(hidden, 0);
  expect(verdict).toBe('refuted');
  expect(example?.events.some((e) => e.ev === 'knob' && e.value === 1)).toBe(true);
});

it('knows what a release changes in features', () => {
  const rc1 = kernelByName('v6.19-rc1');
  expect(ownKnobs(pin, rc1)).toEqual({ NEXT_BUDDY: [0, 1], preempt: expect.any(Array) });
});
