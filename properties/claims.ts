// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which claims are asked of what: the families of every kernel, the claims and objections of each series that has any,
 * and the verdicts that are recorded. The files beside (`series/`, one file a subject) hold them; here is the index.
 */
import type { Kernel } from '../src/vmlinux/bind.js';
import { families, recorded as recordedFamilies } from './families/index.js';
import { recordedSie, sie } from './families/sie.js';
import { waiting } from './families/waiting.js';
import * as directedYieldV7 from './series/directed-yield-v7/index.js';
import * as preempted from './series/preempted/index.js';
import { distributions } from './series/pvsched-v1/distributions.js';
import * as pvschedV1 from './series/pvsched-v1/index.js';
import * as pvschedV3 from './series/pvsched-v3/index.js';
import * as semanticsAwareV2 from './series/semantics-aware-v2/index.js';
import * as semanticsAwareV2S390 from './series/semantics-aware-v2-s390/index.js';
import * as stealGovernor from './series/steal-governor/index.js';
import * as wfx from './series/wfx/index.js';
import type { Claim, Distributions, Recorded } from './vocabulary.js';

export { families };

/** ... of arm64: the scheduler's functions are the same in every table, and asked of x86's kernels. */
export const familiesOfArm64: readonly Claim[] = [waiting];
/** ... of s390. */
export const familiesOfS390: readonly Claim[] = [sie];

/** The families of the kernels of an architecture; x86's when absent. */
export const familiesOf = (arch: Kernel['arch']): readonly Claim[] =>
  arch === undefined ? families : arch === 'arm64' ? familiesOfArm64 : familiesOfS390;

/** By a series' id: its author's claims and its reviewers' objections, in that order. */
const bySeries: Readonly<Record<string, readonly Claim[]>> = {
  'semantics-aware-v2': semanticsAwareV2.claims,
  'semantics-aware-v2-s390': semanticsAwareV2S390.claims,
  'pvsched-v1': pvschedV1.claims,
  'pvsched-v3': pvschedV3.claims,
  'directed-yield-v7': directedYieldV7.claims,
  'v2.6.39': directedYieldV7.claims,
  'steal-governor': stealGovernor.claims,
  ...Object.fromEntries(preempted.versions.map((id) => [id, preempted.claims])),
  ...Object.fromEntries(wfx.versions.map((id) => [id, wfx.claimsOf(id)])),
};

/** Recorded verdicts by property id, then by kernel name. */
export const recorded: Recorded = {
  ...recordedFamilies,
  ...recordedSie,
  ...semanticsAwareV2.recorded,
  ...semanticsAwareV2S390.recorded,
  ...pvschedV1.recorded,
  ...pvschedV3.recorded,
  ...directedYieldV7.recorded,
  ...wfx.recorded,
  ...preempted.recorded,
  ...stealGovernor.recorded,
};

/** What some series are measured by besides. */
export function distributionsOf(series: string): Distributions | null {
  return ['pvsched-v1', 'pvsched-v2', 'pvsched-v3'].includes(series) ? distributions : null;
}

/** The claims of a series of the registry; none for one that nobody has written any for. */
export function claimsOf(series: string): readonly Claim[] {
  return bySeries[series] ?? [];
}
