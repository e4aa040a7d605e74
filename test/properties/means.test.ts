// SPDX-License-Identifier: GPL-2.0-only
/** A sentence with a number or a bound in it says what that is: who reads a report has nothing else. */
import { expect, it } from 'vitest';
import { claimsOf, families } from '../../properties/claims.js';

const all = [...claimsOf('semantics-aware-v2'), ...families].flatMap((claim) => claim.properties);
/** Words for amounts; a bare `1` or `0` is an answer or a knob. */
const AMOUNT =
  /\b\d+ (ns|us|ms)\b|slices?\b|granularit|tenth|ninth|\bwithin (its|two|both|the limit)|\bbounds?\b|\bshares?\b|\bcap\b|\bgap\b|\bwindows?\b|\bcounts?\b|\blate\b/;
/** Of these the word is a name: base_slice_ns, cpu.shares and isr_count, or it is compared and not measured. */
const NAMES = ['accounts.1', 'lapic.6', 'accounts.4', 'accounts.5', 'pick.5', 'wakeup.1'];

it('every sentence with an amount in it has its meaning beside it', () => {
  const without = all.filter((p) => AMOUNT.test(p.says) && p.means === undefined && !NAMES.includes(p.id));
  expect(without.map((p) => `${p.id} ${p.says}`)).toEqual([]);
});

it('no sentence leans on the one before', () => {
  const leaning = all.filter((p) => /^(the same|also|so do|nor |so does)/i.test(p.says) || /, too$/.test(p.says));
  expect(leaning.map((p) => p.id)).toEqual([]);
});
