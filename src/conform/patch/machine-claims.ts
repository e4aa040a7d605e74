// SPDX-License-Identifier: GPL-2.0-only
/** Properties asked of machines in C, base beside patched: what is found, and which cannot be asked there. */
import type { MachineEvent } from '../../scenario/events.js';
import type { Scenario } from '../../scenario/scenario.js';
import type { PropertyRow } from '../sched/patch-check.js';

export interface ClaimExample {
  readonly id: string;
  readonly scenario: Scenario;
  /** shrunk; the property breaks at the last one */
  readonly events: readonly MachineEvent[];
  readonly message: string;
  /** the token of the counterexample, for `replay` on the model; null when it is too long for one */
  readonly token: string | null;
}

export interface MachineClaims {
  readonly rows: readonly PropertyRow[];
  readonly notAsked: readonly { readonly ids: readonly string[]; readonly why: string }[];
  /** of what the patched tree breaks and the base does not */
  readonly examples: readonly ClaimExample[];
}

const MIRROR = 'what C shows at its calls makes the pin break it, which the model does not: why is not known';

/** What cannot be asked of C, by property or by what it begins with, and why. */
const NOT_IN_C: readonly (readonly [RegExp, string])[] = [
  [/^realtime\./, 'machines in C have no real-time tasks here'],
  [/^hotplug\./, 'machines in C have no CPU hotplug'],
  [/^lag\.1$/, MIRROR],
  [/^accounts\.1$/, 'cfs_rq->idle_h_nr_running is not read back from C'],
  [/^kvm\.5$/, "it looks at the model's own stack of calls"],
  [/^kvm\.1[12]$|^lapic\.1[67]$/, 'the stand-in for the vendor has no APICv'],
  [/^lapic\.14$/, 'it looks at what a guest takes, which no function of C tells'],
];

/** Why a property of ours is not asked of C; null when it is. */
export const whyNotAsked = (id: string): string | null => NOT_IN_C.find(([ids]) => ids.test(id))?.[1] ?? null;
