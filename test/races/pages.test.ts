// SPDX-License-Identifier: GPL-2.0-only
/** The words of a page of pvsched-v3, written while the host reads them. */
import { beforeAll, expect, it } from 'vitest';
import { boostingTests } from '../../properties/races/boosting.js';
import { loadWord } from '../../src/kvm/guest-memory.js';
import { settle } from '../../src/machine/settle.js';
import type { Litmus, StepTable } from '../../src/races/one-order.js';
import { steppedTableOf } from '../../src/races/series-modules.js';
import type { pvsched_v3 } from '../../src/series/pvsched-v3/adds.js';
import { kernelByName } from '../../src/series/registry.js';
import { overridden } from '../series/overridden.js';
import { interleave } from './interleave.js';

const kernel = kernelByName('pvsched-v3');

let table: StepTable;
beforeAll(async () => {
  table = await steppedTableOf(kernel);
});

it.each(boostingTests(kernel))('$name: holds in every order', (litmus) => {
  const found = interleave(table, kernel, litmus, (k, m) => settle(k, m as never), { first: true });
  expect({ broken: found.broken, complete: found.complete }).toEqual({ broken: null, complete: true });
  expect(found.ends).toBeGreaterThan(1);
});

it('a host that reads the critical section before the acknowledgement is found', async () => {
  const hasty = overridden(kernel, 'hasty', {
    pvsched_ack_ticket_locked(this: pvsched_v3, r: { gpa: number; interrupt_ticket: unknown }) {
      // what is acknowledged by now, against a critical section that was read before
      const { memory } = this.m.guest?.[0] ?? {};
      if (memory !== undefined && loadWord(memory, r.gpa + 80) === r.interrupt_ticket) r.interrupt_ticket = 0;
    },
  });
  const litmus = boostingTests(hasty).find(({ name }) => name.includes('ticket')) as Litmus;
  const found = interleave(await steppedTableOf(hasty), hasty, litmus, (k, m) => settle(k, m as never), {
    first: true,
  });
  expect(found.broken?.message).toBe('vCPU 1 is in an interrupt, and has class 0');
});
