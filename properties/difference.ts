// SPDX-License-Identifier: GPL-2.0-only
/**
 * Does a kernel do what its base does? Both get the same events, and everything that the base keeps is compared after
 * each. A difference is no fault; it says what a patch does first, and "none" says that a check asked of nothing new.
 */
import { type Arbitrary, boolean, constantFrom, record } from 'fast-check';
import { KernelBug, NotModelled } from '../src/lib/bug.js';
import { apply } from '../src/machine/apply.js';
import { boot } from '../src/machine/boot.js';
import { cloneMachine } from '../src/machine/clone.js';
import { differenceBetween } from '../src/machine/difference.js';
import type { machine } from '../src/machine/state.js';
import type { Scenario } from '../src/scenario/scenario.js';
import { ownKnobs } from '../src/series/knob-settings.js';
import { bind, type Kernel } from '../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../src/vmlinux/vmlinux-x86.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP, hz } from './arbitraries.js';
import { anyOrder, contendedVms } from './families/worlds.js';
import { everyWorld, worldOf } from './lapic/worlds.js';
import { clients, anyhow as s390Anyhow } from './series/semantics-aware-v2-s390/worlds.js';
import { anyhow, lone } from './series/wfx/worlds.js';
import { agrees, type Claim, type Monitor, type Property, type World } from './vocabulary.js';

export const DIFFERENCE = 'difference';

/** events compared in all runs of one world together, at most */
const EVENTS = 4_000;
/** a difference is looked at, not filed: it need not be the very smallest */
const SHRINKS = 600;

/** Runs the base beside the machine that it watches. */
function besideBase(base: Kernel, booted: () => machine): Monitor {
  let m: machine | null = booted();
  const k: vmlinux_x86 = bind(base, m);
  /** What the base died of in this event; null when it lives. */
  const follow = (event: Parameters<typeof apply>[1]): KernelBug | null => {
    try {
      apply(k, event);
    } catch (thrown) {
      if (thrown instanceof KernelBug) return thrown;
      if (!(thrown instanceof NotModelled)) throw thrown;
      m = null; // nothing to compare with from here on
    }
    return null;
  };
  return {
    after(step) {
      if (m === null) return;
      const died = follow(step.event);
      if (died !== null) step.fail(`${base.name} dies here (${died.message}), this kernel does not`);
      if (m === null) return;
      step.reach();
      const found = differenceBetween(m, step.m);
      if (found !== null) step.fail(`${found.field} is ${found.right}; on ${base.name} it is ${found.left}`);
    },
    bug(step, bug) {
      if (m === null || follow(step.event) !== null) return;
      step.fail(`${bug.message}; ${base.name} does not die`);
    },
    // counted in the machine, and compared like everything else
    warn() {},
  };
}

/** The kernel that the last machine was booted on, for runs of the same scenario. */
function bootsOf(base: Kernel): (scenario: Scenario) => machine {
  let last: { scenario: Scenario; m: machine } | null = null;
  return (scenario) => {
    if (last?.scenario !== scenario) last = { scenario, m: boot(base, scenario) };
    return cloneMachine(last.m);
  };
}

/** A VM that does what it likes beside a host task. */
const busyVm: Arbitrary<Scenario> = record({
  cpus: constantFrom(1, 2),
  vcpus: constantFrom(2, 3),
  vendor: constantFrom('vmx' as const, 'svm' as const),
  apicv: boolean(),
  grouped: boolean(),
  hz,
}).map((draw) => ({
  cpus: draw.cpus,
  hz: draw.hz,
  base_slice: BIG_MACHINE_SLICE,
  vruntime_offset: FAR_FROM_WRAP,
  ...(draw.grouped ? { groups: [{ name: 'g' }] } : {}),
  tasks: [{ comm: 'task' }],
  vms: [
    {
      name: 'vm',
      vcpus: draw.vcpus,
      vendor: draw.vendor,
      apicv: draw.apicv && draw.vendor === 'vmx',
      ...(draw.grouped ? { group: 'g' } : {}),
    },
  ],
}));

const guestsAnyhow: World = {
  scenario: busyVm,
  weights: {
    ...{ advance: 20, tick: 8, pause: 14, hlt: 5, ipi: 8, icr: 2, eoi: 6, intr: 3, cpl: 3, if: 2, wake: 4 },
    ...{ yield: 2, yield_to: 3, block: 2, nice: 1, shares: 1 },
  },
  length: 80,
};

/** The world, where what a series brings is turned from time to time. */
function turning(world: World, knobs: Readonly<Record<string, readonly number[]>>): World {
  if (Object.keys(knobs).length === 0) return world;
  return { ...world, knobs, weights: { ...world.weights, knob: 4 } };
}

/** The questions whether `kernel` does what `base` does, in worlds of host tasks, of VMs, and of local APICs. */
export function differenceClaim(base: Kernel, kernel: Kernel): Claim {
  const knobs = ownKnobs(base, kernel);
  const booted = bootsOf(base);
  const ask = (id: number, says: string, world: World): Property =>
    agrees(says, {
      of: `${DIFFERENCE}.${id}`,
      given: { ...world, events: EVENTS, shrinks: SHRINKS },
      watch: (scenario) => besideBase(base, () => booted(scenario)),
      fault: { says: 'a yield does nothing', funcs: { yield_task_fair(): void {}, kvm_apic_send_ipi(): void {} } },
    });
  const arm64 = [
    ask(1, 'host tasks in any order of events', turning(anyOrder(FAR_FROM_WRAP), knobs)),
    ask(2, 'arm64 VMs in any order of events', turning(anyhow({ ioctls: [236, 248] }), knobs)),
    ask(3, 'an arm64 VM whose program waits, beside a visitor', { ...lone({ visitor: true, ms: 60 }), length: 400 }),
  ];
  if (kernel.arch === 'arm64') return { id: DIFFERENCE, words: 'does what its base does', properties: arm64 };
  const s390 = [
    ask(1, 'host tasks in any order of events', turning(anyOrder(FAR_FROM_WRAP), knobs)),
    ask(2, 's390 VMs in any order of events', turning(s390Anyhow(), knobs)),
    ask(3, 's390 VMs whose programs lock and wait', { ...clients([2, 4]), length: 400 }),
  ];
  if (kernel.arch === 's390') return { id: DIFFERENCE, words: 'does what its base does', properties: s390 };
  return {
    id: DIFFERENCE,
    words: 'does what its base does',
    properties: [
      ask(1, 'host tasks in any order of events', turning(anyOrder(FAR_FROM_WRAP), knobs)),
      ask(2, 'a VM in any order of events', turning(guestsAnyhow, knobs)),
      ask(3, 'VMs whose programs contend', { ...contendedVms(30), length: 400 }),
      ask(4, 'local APICs in any order of events', turning(worldOf(everyWorld), knobs)),
    ],
  };
}
