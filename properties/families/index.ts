// SPDX-License-Identifier: GPL-2.0-only
/** The families, asked of every kernel and every series. */

import { interrupts } from '../lapic/index.js';
import type { Claim, Recorded, Verdict } from '../vocabulary.js';
import { accounts } from './accounts.js';
import { fairness } from './fairness.js';
import { hotplug } from './hotplug.js';
import { kvm } from './kvm.js';
import { lag } from './lag.js';
import { overflow } from './overflow.js';
import { pick } from './pick.js';
import { realtime } from './realtime.js';
import { starvation } from './starvation.js';
import { time } from './time.js';
import { wakeup } from './wakeup.js';
import { yields } from './yield.js';

const everywhere = {
  'v6.12.117': 'holds',
  'v6.19-rc1': 'holds',
  'v6.19': 'holds',
  'v6.19-rc1+semantics-aware-v2': 'holds',
} as const;

/** Linux does not keep it. */
const nowhere = {
  'v6.12.117': 'refuted',
  'v6.19-rc1': 'refuted',
  'v6.19': 'refuted',
  'v6.19-rc1+semantics-aware-v2': 'refuted',
} as const;

/** Refuted on the release candidate, and so on what is based on it. */
const notOnRc1 = { ...everywhere, 'v6.19-rc1': 'refuted', 'v6.19-rc1+semantics-aware-v2': 'refuted' } as const;
const notOn6_19 = { ...notOnRc1, 'v6.19': 'refuted' } as const;

export const families: readonly Claim[] = [
  starvation,
  fairness,
  time,
  lag,
  pick,
  yields,
  wakeup,
  realtime,
  accounts,
  overflow,
  interrupts,
  kvm,
  hotplug,
];

/** Verdicts that were seen on EEVDF, by property and kernel. */
const onEevdf: Recorded = {
  ...Object.fromEntries(families.flatMap((claim) => claim.properties.map((p) => [p.id, everywhere]))),
  'overflow.1': { ...everywhere, 'v6.19-rc1+semantics-aware-v2': 'refuted' },
  // of v6.19 itself: vlag and vprot are one word, and a reweight writes a lag over the protection of who runs
  'overflow.3': notOn6_19,
  // of v6.19 itself: place_entity() counts curr, which is reweighted, among the others, and inflates its lag once more
  'lag.1': notOn6_19,
  // NEXT_BUDDY is on in the release candidate, and a wakee is asked before whoever is protected
  'pick.2': notOnRc1,
  // of v6.19 itself: whoever is picked again is not protected anew, and each tick asks it to reschedule
  'pick.3': notOn6_19,
  'pick.5': notOnRc1,
  // fixed in v7.0 (b3d99f43c72b), and in 6.12.117
  'time.5': notOn6_19,
  // of Linux: nothing is pushed or pulled when a waiting task becomes more urgent than what another CPU runs
  'realtime.3': nowhere,
  // of Linux: when the first of the pushable tasks can go nowhere, those behind it are not tried
  'realtime.4': nowhere,
  // of Linux: a task that the fair server puts off its CPU is not pushed to an idle one
  'realtime.5': nowhere,
  // yield_to_deboost() and yield_task_fair() both update the clock
  'wakeup.3': { ...everywhere, 'v6.19-rc1+semantics-aware-v2': 'refuted' },
  // the series asks for vCPUs preempted in user mode in a second round, and for receivers of its IPIs first: by design
  'kvm.2': { ...everywhere, 'v6.19-rc1+semantics-aware-v2': 'refuted' },
  'kvm.3': { ...everywhere, 'v6.19-rc1+semantics-aware-v2': 'refuted' },
  // of Linux itself: the list of vCPUs to wake on a CPU, and the CPU that their descriptors name, stay when the CPU goes
  'hotplug.8': {
    'v6.12.117': 'refuted',
    'v6.19-rc1': 'refuted',
    'v6.19': 'refuted',
    'v6.19-rc1+semantics-aware-v2': 'refuted',
  },
  // fixed in June 2026, in 6.12.117 and not in v6.19
  'lapic.7': notOn6_19,
};

/** What is about EEVDF: its lag, its deadlines, its delayed sleepers, its server. */
const EEVDF_ALONE = [
  'accounts.2',
  'accounts.3',
  'accounts.5',
  'fairness.1',
  'fairness.3',
  'kvm.6',
  'lag.1',
  'lag.2',
  'lag.3',
  'lag.4',
  'lag.5',
  'overflow.1',
  'overflow.2',
  'overflow.3',
  'pick.1',
  'pick.2',
  'pick.3',
  'pick.5',
  'pick.6',
  'realtime.5',
  'starvation.1',
  'time.5',
  'yield.1',
  'yield.2',
  'yield.3',
  'yield.5',
  'yield.6',
];

/** On CFS. Of Linux: as above. */
const onCfs: Readonly<Record<string, Verdict>> = {
  ...Object.fromEntries(EEVDF_ALONE.map((id) => [id, 'vacuous'])),
  'realtime.3': 'refuted',
  'realtime.4': 'refuted',
};

/** Verdicts that were seen, by property and kernel. */
export const recorded: Recorded = Object.fromEntries(
  Object.entries(onEevdf).map(([id, verdicts]) => [id, { ...verdicts, 'v6.1': onCfs[id] ?? 'holds' }]),
);
