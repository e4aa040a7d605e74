// SPDX-License-Identifier: GPL-2.0-only
/** The five families, asked of every kernel and every series. */

import { interrupts } from '../lapic/index.js';
import type { Claim, Recorded } from '../vocabulary.js';
import { fairness } from './fairness.js';
import { kvm } from './kvm.js';
import { overflow } from './overflow.js';
import { starvation } from './starvation.js';

export const families: readonly Claim[] = [starvation, fairness, overflow, interrupts, kvm];

const everywhere = { 'v6.12.117': 'holds', 'v6.19-rc1': 'holds', 'v6.19-rc1+semantics-aware-v2': 'holds' } as const;

/** Verdicts that were seen, by property and kernel. */
export const recorded: Recorded = {
  'starvation.1': everywhere,
  'starvation.2': everywhere,
  'starvation.3': everywhere,
  'fairness.1': everywhere,
  'fairness.2': everywhere,
  'fairness.3': everywhere,
  'overflow.1': { ...everywhere, 'v6.19-rc1+semantics-aware-v2': 'refuted' },
  'overflow.2': everywhere,
  // of v6.19-rc1 itself: vlag and vprot are one word, and a reweight writes a lag over the protection of who runs
  'overflow.3': { ...everywhere, 'v6.19-rc1': 'refuted', 'v6.19-rc1+semantics-aware-v2': 'refuted' },
  'overflow.4': everywhere,
  ...Object.fromEntries([...interrupts.properties, ...kvm.properties].map((p) => [p.id, everywhere])),
  // the series asks for vCPUs preempted in user mode in a second round, and for receivers of its IPIs first: by design
  'kvm.2': { ...everywhere, 'v6.19-rc1+semantics-aware-v2': 'refuted' },
  'kvm.3': { ...everywhere, 'v6.19-rc1+semantics-aware-v2': 'refuted' },
  // fixed in June 2026, in 6.12.117 and not in v6.19-rc1
  'lapic.7': { ...everywhere, 'v6.19-rc1': 'refuted', 'v6.19-rc1+semantics-aware-v2': 'refuted' },
};
