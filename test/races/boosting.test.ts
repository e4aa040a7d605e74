// SPDX-License-Identifier: GPL-2.0-only
/** The status of a boost of pvsched-v1 in every order: what is lost and what is left behind. */
import { beforeAll, expect, it } from 'vitest';
import { boostingTests } from '../../properties/races/boosting.js';
import { settle } from '../../src/machine/settle.js';
import type { StepTable } from '../../src/races/one-order.js';
import { steppedTableOf } from '../../src/races/series-modules.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { kernelByName } from '../../src/series/registry.js';
import { interleave } from './interleave.js';

const kernel = kernelByName('pvsched-v1');
const recorded: Record<string, RegExp> = {
  'an interrupt against an exit that asks for nothing': /^vCPU 1 has status 1 and is real-time/,
  'an interrupt against the exit that unboosts': /^vCPU 1 has status 2 and is SCHED_NORMAL/,
  'the switch against an exit that boosts': /^vCPU 1 is switched off, has status \d, and is real-time/,
};

let table: StepTable;
beforeAll(async () => {
  table = await steppedTableOf(kernel);
});

it.each(boostingTests(kernel))('$name: as recorded, and only between look and store', (litmus) => {
  const found = interleave(table, kernel, litmus, (k, m) => settle(k, m as never), {});
  expect(found.broken?.message).toMatch(recorded[litmus.name.replace('boosting: ', '')]);
  expect(found.broken?.steps.some(({ until }) => /^kvm_(vcpu_set_sched|set_pv_sched_enabled)\(\)/.test(until))).toBe(
    true,
  );
});

it('are asked of a kernel only that boosts', () => {
  expect(boostingTests(linux_6_12)).toEqual([]);
});
