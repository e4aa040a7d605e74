// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where pvsched-v3 is asked: guests that run a kernel, whose programs decide; and the same with events in between that write to their
 * pages, detach and attach them, interrupt, and change what their threads are.
 */
import { APIC_DM_NMI } from '../../../src/lapic/apicdef.js';
import type { Scenario } from '../../../src/scenario/scenario.js';
import {
  MSR_PVSCHED_DOORBELL,
  MSR_PVSCHED_KICK,
} from '../../../src/series/pvsched-v3/0006-pvsched-attach-a-page-of-a-guest.js';
import { PVSCHED_GPA } from '../../../src/series/pvsched-v3/0007-pvsched-guest-core.js';
import { MS, US } from '../../arbitraries.js';
import type { World } from '../../vocabulary.js';
import { byEvents, type GuestWorld, guests as guestsOfV1, REALTIME, waker } from '../pvsched-v1/worlds.js';

/** Guests with the device; parameters of the module as they are when it is loaded. */
export function guests(options: GuestWorld, knobs: Scenario['knobs'] = {}): World {
  const world = guestsOfV1(options);
  return {
    ...world,
    scenario: world.scenario.map((s) => ({ ...s, knobs: { kvm_pv_sched: 1, ...knobs } })),
    keep: (s) => world.keep?.(s) === true && Object.entries(knobs).every(([name, value]) => s.knobs?.[name] === value),
  };
}

/** Budgets that a run of some ten ms uses up, us. */
export const SMALL = { cs_budget_us: 400, generic_budget_us: 4_000 };

/** A guest whose real-time task never sleeps; another wakes now and then, without which nothing would switch and nothing be published. */
export const rogue = (until: number, knobs?: Scenario['knobs']): World =>
  guests(
    {
      tasks: () => [
        { comm: 'rogue', ...REALTIME },
        waker('other', 5 * MS, 10 * US, { policy: 'fifo', rt_priority: 60 }),
      ],
      until,
      length: 12_000,
      events: 16_000,
    },
    knobs,
  );

export const PAGE = PVSCHED_GPA;
export const OTHER = 0x9000;
const msr = (index: number, low: number) => ({ msr: index, low, high: 0 });
export const ATTACH = msr(MSR_PVSCHED_DOORBELL, PAGE);
export const DETACH = msr(MSR_PVSCHED_DOORBELL, 0);
export const KICK = msr(MSR_PVSCHED_KICK, 0);

/** task_intent words: policy, nice and priority of the current task in its lower bytes, flags in the seventh */
const FIFO_50 = 1 + 50 * 0x1_0000;
const NICE_19 = 19 * 0x100;
const PENDING_FIFO = (1 + 99 * 0x1_0000) * 0x100_0000 + 2 ** 48;
const INTENTS = [0, FIFO_50, NICE_19, 5, PENDING_FIFO, 2 ** 49, 6];
/** none of which the protocol allows */
const NONSENSE = [7, 1, 0x300, 2 ** 50, 100 * 0x1_0000 + 1, 2 ** 40];

export interface Eventful {
  vcpus?: number;
  /** anything in the page; addresses that are no page; memory that goes away */
  lies?: boolean;
  weights?: World['weights'];
  knobs?: Scenario['knobs'];
  events?: number;
  idle?: boolean;
}

/** A guest with a task that sleeps and one that does not, beside a host task. */
export function eventful(options: Eventful = {}): World {
  const { vcpus = 1, lies = false, knobs = {}, idle = false } = options;
  const world = guests(
    {
      tasks: ({ sleep, work }) => [waker('rt', sleep, work, REALTIME), ...(idle ? [] : [{ comm: 'hog' }])],
      vcpus,
    },
    knobs,
  );
  const weights = { intr: 4, ipi: 3, store: 6, wrmsr: 3, ...(lies ? { memslot: 2, icr: 1 } : {}), ...options.weights };
  return {
    ...byEvents(world, weights, [
      ...[ATTACH, ATTACH, KICK, DETACH],
      ...(lies ? [msr(MSR_PVSCHED_DOORBELL, PAGE + 8), msr(MSR_PVSCHED_DOORBELL, OTHER)] : []),
    ]),
    stores: {
      gpas: [
        PAGE + 64,
        PAGE + 64,
        PAGE + 72,
        PAGE + 80,
        ...(lies ? [PAGE, PAGE + 8, PAGE + 88, PAGE + 128, OTHER + 64] : []),
      ],
      values: [...INTENTS, 0, 0, 2, 4, ...(lies ? NONSENSE : [])],
    },
    icrs: [0x4000 | APIC_DM_NMI],
    ...(options.events === undefined ? {} : { events: options.events }),
  };
}
