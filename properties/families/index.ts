// SPDX-License-Identifier: GPL-2.0-only
/** The families, asked of every kernel and every series. */

import { interrupts } from '../lapic/index.js';
import type { Claim, Recorded, RecordedVerdict } from '../vocabulary.js';
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

const vacuousThere = {
  'v6.12.117': 'vacuous',
  'v6.19-rc1': 'vacuous',
  'v6.19': 'vacuous',
  'v6.19-rc1+semantics-aware-v2': 'vacuous',
} as const;

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

/** What is about CFS: promises that EEVDF makes as well, by its own bounds. */
const CFS_ALONE = ['fairness.4', 'fairness.5', 'hotplug.9', 'kvm.20', 'starvation.4', 'starvation.5', 'starvation.6'];

/** Verdicts that were seen on EEVDF, by property and kernel. */
const onEevdf: Recorded = {
  ...Object.fromEntries(families.flatMap((claim) => claim.properties.map((p) => [p.id, everywhere]))),
  ...Object.fromEntries(CFS_ALONE.map((id) => [id, vacuousThere])),
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
  'hotplug.8': nowhere,
  // fixed in June 2026, in 6.12.117 and not in v6.19
  'lapic.7': notOn6_19,
};

/** What is about EEVDF: its lag, its deadlines, its delayed sleepers, its server, and bounds that follow from those. */
const EEVDF_ALONE = [
  'accounts.2',
  'accounts.3',
  'accounts.5',
  'fairness.1',
  'fairness.2',
  'fairness.3',
  'hotplug.4',
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
  'starvation.2',
  'starvation.3',
  'time.5',
  'yield.1',
  'yield.2',
  'yield.3',
  'yield.5',
  'yield.6',
];

/** What v2.6.38 and v2.6.39 are older than. */
const LATER = [
  'hotplug.8',
  'kvm.1',
  'kvm.2',
  'kvm.3',
  'kvm.4',
  'kvm.5',
  'kvm.7',
  'kvm.8',
  'kvm.13',
  'kvm.15',
  'kvm.17',
  'kvm.18',
  'kvm.19',
  'kvm.21',
  'kvm.22',
  'yield.7',
];

type Verdicts = Readonly<Record<string, RecordedVerdict>>;
const all = (ids: readonly string[], verdict: RecordedVerdict): Verdicts =>
  Object.fromEntries(ids.map((id) => [id, verdict]));

/** Of the pin, and not mirrored of them: see `borrowed` of these releases. */
const ofLapic = families
  .flatMap(({ properties }) => properties.map(({ id }) => id))
  .filter((id) => id.startsWith('lapic.'));

/** Of Linux, from the push and pull of v2.6.25 on: as above. */
const onCfs: Verdicts = {
  ...all(EEVDF_ALONE, 'vacuous'),
  ...all(ofLapic, 'skipped'),
  'realtime.3': 'refuted',
  'realtime.4': 'refuted',
};
const in2011: Verdicts = { ...onCfs, ...all(LATER, 'unpromised') };

/** By kernel; what is not said holds. */
const ofCfs: Readonly<Record<string, Verdicts>> = {
  // IPI virtualization came with v6.0, and hotplug.8 as above
  'v6.1': { ...onCfs, 'hotplug.8': 'refuted', 'kvm.18': 'unpromised', 'kvm.22': 'unpromised' },
  'v6.5': { ...onCfs, 'hotplug.8': 'refuted', 'kvm.18': 'unpromised' },
  // no yield_to()
  'v2.6.38': { ...in2011, 'yield.4': 'vacuous' },
  'v2.6.38+directed-yield-v7': in2011,
  'v2.6.39': in2011,
};

/** Verdicts that were seen, by property and kernel. */
export const recorded: Recorded = Object.fromEntries(
  Object.entries(onEevdf).map(([id, verdicts]) => [
    id,
    {
      ...verdicts,
      ...Object.fromEntries(Object.entries(ofCfs).map(([kernel, verdictOf]) => [kernel, verdictOf[id] ?? 'holds'])),
    },
  ]),
);
