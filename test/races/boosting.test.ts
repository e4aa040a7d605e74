// SPDX-License-Identifier: GPL-2.0-only
/** The status of a boost of pvsched-v1 in every order: what is lost and what is left behind. */
import { beforeAll, expect, it } from 'vitest';
import { boostingTests } from '../../properties/races/boosting.js';
import { settle } from '../../src/machine/settle.js';
import type { Litmus, StepTable } from '../../src/races/one-order.js';
import { steppedTableOf } from '../../src/races/series-modules.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import { overridden } from '../series/overridden.js';
import { interleave } from './interleave.js';

const kernel = kernelByName('pvsched-v1');
const recorded: Record<string, RegExp | null> = {
  'an interrupt against a guest that unboosts': /^vCPU 1 asks for no boost, has handled its interrupts, has status 2/,
  'the request, written while the host reads it': null,
  'one page of two vCPUs': /^vCPU 1 has asked for a boost/,
  'an interrupt against an exit that asks for nothing': /^vCPU 1 has status 1 and is real-time/,
  'an interrupt against the exit that unboosts': /^vCPU 1 has status 2 and is SCHED_NORMAL/,
  'the switch against an exit that boosts': /^vCPU 1 is switched off, has status \d, and is real-time/,
};

let table: StepTable;
beforeAll(async () => {
  table = await steppedTableOf(kernel);
});

const BETWEEN = /^kvm_(vcpu_set_sched|set_pv_sched_enabled|vcpu_do_pv_sched)\(\)/;

it.each(boostingTests(kernel))('$name: as recorded, and only between look and store', (litmus) => {
  const found = interleave(table, kernel, litmus, (k, m) => settle(k, m as never), { first: true });
  const expected = recorded[litmus.name.replace('boosting: ', '')];
  if (expected === null) {
    expect({ broken: found.broken, complete: found.complete }).toEqual({ broken: null, complete: true });
    expect(found.ends).toBeGreaterThan(1);
    return;
  }
  expect(found.broken?.message).toMatch(expected);
  expect(found.broken?.steps.some(({ until }) => BETWEEN.test(until))).toBe(true);
});

it('a host that hears of no request is found by the test that holds', async () => {
  const deaf = overridden(kernel, 'deaf', { kvm_vcpu_needs_boost: () => false });
  const litmus = boostingTests(deaf).find(({ name }) => recorded[name.replace('boosting: ', '')] === null) as Litmus;
  const found = interleave(await steppedTableOf(deaf), deaf, litmus, (k, m) => settle(k, m as never), { first: true });
  expect(found.broken?.message).toBe('the page asks for a boost, and vCPU 1 is SCHED_NORMAL');
});

it('are asked of a kernel only that boosts', () => {
  expect(boostingTests(linux_6_12)).toEqual([]);
});
