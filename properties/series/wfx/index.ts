// SPDX-License-Identifier: GPL-2.0-only
/** Which claims and objections are asked of which version of WFx trap control. */
import type { Claim } from '../../vocabulary.js';
import { promises } from './claims.js';
import { objections } from './objections.js';

export { recorded } from './recorded.js';

/** Versions whose author promises it; the others are not asked, or promise nothing of the kind. */
const PROMISED: Readonly<Record<string, readonly string[]>> = {
  D1: ['wfx-v1', 'wfx-v2', 'wfx-v3', 'wfx-v4', 'wfx-v5', 'wfx-v6', 'wfx-2026'],
  D2: ['wfx-v2'],
  D3: ['wfx-v3', 'wfx-v4', 'wfx-v5', 'wfx-v6', 'wfx-2026'],
  D4: ['wfx-v1', 'wfx-v2', 'wfx-v3', 'wfx-v4', 'wfx-v5', 'wfx-v6', 'wfx-2026', 'wfx-nohz-full'],
  D5: ['wfx-v1', 'wfx-v2', 'wfx-v3', 'wfx-v4', 'wfx-v5', 'wfx-v6', 'wfx-2026'],
  D6: ['wfx-2026'],
  D7: ['wfx-v1', 'wfx-v2', 'wfx-v3', 'wfx-v4', 'wfx-v6', 'wfx-2026'],
};

/** Promised by others than the series' own base: what was there before promises nothing. */
const OWN = ['D2', 'D3', 'D6'];

export const versions: readonly string[] = PROMISED['D4'];

/** The claims of one version and every objection. */
export function claimsOf(series: string): readonly Claim[] {
  const own = promises
    .filter(({ id }) => PROMISED[id].includes(series))
    .map((claim): Claim => (OWN.includes(claim.id) ? { ...claim, promisedBy: series } : claim));
  return [...own, ...objections];
}
