// SPDX-License-Identifier: GPL-2.0-only
/** The whole machine beside one process of C: they agree on random guests, and a planted fault is noticed. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CEngine } from '../../src/conform/machine/c-engine.js';
import { compareEvents, machineDifferential } from '../../src/conform/machine/differ.js';
import { fitted, whyNotInC } from '../../src/conform/machine/fit.js';
import { drawEvent, drawScenario, KINDS } from '../../src/conform/machine/generate.js';
import { ModelMachine } from '../../src/conform/machine/model.js';
import { xorshift32 } from '../../src/conform/sched/generate.js';
import { stateWords } from '../../src/conform/sched/state-words.js';
import { type MachineEngine, openMachineEngine } from '../../src/native/machine-engine.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { bind } from '../../src/vmlinux/bind.js';
import { because, missing } from '../native/tree.js';
import { withFault } from './faults.js';
import { type MachineFault, machineFaults } from './machine-faults.js';

const MINUTE = 60_000;
const LENGTH = 200;

/** Two vCPUs that share a CPU, the second of which is preempted while the first spins. */
const TWO: Scenario = {
  cpus: 1,
  hz: 1000,
  base_slice: 700_000,
  knobs: { enable_preemption_timer: 0 },
  tasks: [],
  vms: [{ name: 'vm', vcpus: 2, vendor: 'vmx', cpus: [[0], [0]] }],
};

describe.skipIf(missing !== null)(`the machine beside C${because}`, { timeout: 5 * MINUTE }, () => {
  let native: MachineEngine;
  beforeAll(async () => {
    native = await openMachineEngine({ cpus: 2 });
  }, 5 * MINUTE);
  afterAll(() => native?.close());

  const found = (fault: MachineFault) =>
    machineDifferential(withFault(linux_6_12, fault), native, {
      cpus: 2,
      seed: fault.seed ?? 1,
      events: 1500,
      length: LENGTH,
      shrinks: false,
    }).finding;

  it('agrees in every word of runqueues, vCPUs and APICs', () => {
    const { finding, events, notModelled } = machineDifferential(linux_6_12, native, {
      cpus: 2,
      seed: 1,
      events: 4000,
      length: LENGTH,
    });
    expect(finding).toBe(null);
    expect(events).toBeGreaterThanOrEqual(4000);
    expect(notModelled).toBe(0);
  });

  it('shows each planted fault', () => {
    expect(machineFaults.length).toBeGreaterThanOrEqual(60);
    const missed = machineFaults.filter((fault) => found(fault) === null).map((fault) => `${fault.in}() ${fault.what}`);
    expect(missed).toEqual([]);
  });

  it('shrinks what shows a fault', () => {
    const fault = machineFaults.find((f) => f.in === 'kvm_vcpu_yield_to')!;
    const { finding } = machineDifferential(withFault(linux_6_12, fault), native, {
      cpus: 2,
      seed: 2,
      events: 1500,
      length: LENGTH,
    });
    expect(['pause', 'step']).toContain(finding!.events.at(-1)!.ev);
    expect(finding!.events.length).toBeLessThan(16);
  });

  it('boosts in C whom the model boosts', async () => {
    const one = await openMachineEngine({ cpus: 1 });
    try {
      const slices = Array.from({ length: 5 }, () => [
        { ev: 'advance' as const, ns: 1_000_000 },
        { ev: 'tick' as const, cpu: 0 },
      ]).flat();
      const { difference, events } = compareEvents(linux_6_12, one, TWO, [...slices, { ev: 'pause', cpu: 0 }]);
      expect([difference, events.length]).toEqual([null, 11]);
      const [fault] = machineFaults;
      const other = compareEvents(withFault(linux_6_12, fault!), one, TWO, [...slices, { ev: 'pause', cpu: 0 }]);
      expect(other.difference).toMatchObject({ event: 10, field: 'cpu[0].rq.yld_count' });
    } finally {
      one.close();
    }
  });

  it('takes the place of the model, programs of guests included, and comes to the same states', () => {
    const c = new CEngine({ engine: () => native, probed: [], kernel: linux_6_12, name: 'C' });
    let events = 0;
    for (const kind of KINDS) {
      const scenario = drawScenario(xorshift32(kind.length), kind, 2);
      const [m, inC] = [new ModelMachine(linux_6_12, scenario), c.boot(linux_6_12, scenario)];
      const k = bind(c.kernel, inC);
      const random = xorshift32(7);
      for (let n = 0; n < LENGTH; n++, events++) {
        const event = drawEvent(random, m.m, kind);
        expect(c.legal(inC, event) || event.ev === 'setattr').toBe(true);
        if (!c.legal(inC, event)) continue;
        m.apply(event);
        c.apply(k, event);
        expect(stateWords(k, 2, true, [0, 0])).toEqual(stateWords(bind(linux_6_12, m.m), 2, true, [0, 0]));
        expect(inC.actor).toEqual(m.m.actor);
        expect(inC.guest).toEqual(m.m.guest);
      }
    }
    expect(events).toBe(2 * LENGTH);
  });

  it('says which machines C cannot be, and throws where one is asked', () => {
    const amd: Scenario = { ...TWO, vms: [{ name: 'vm', vcpus: 1, vendor: 'svm' }] };
    expect(whyNotInC(amd)).toBe('kvm_amd');
    expect(whyNotInC(fitted({ ...amd, hz: 250 }))).toBe(null);
    const c = new CEngine({ engine: () => native, probed: [], kernel: linux_6_12, name: 'C' });
    const k = bind(c.kernel, c.boot(linux_6_12, amd));
    expect(() => c.apply(k, { ev: 'tick', cpu: 0 })).toThrow('kvm_amd, on a machine in C');
  });
});
