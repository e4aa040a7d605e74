// SPDX-License-Identifier: GPL-2.0-only
/** C beside a campaign: runs of any world on the nearest machine that there is in C, and a fault of the model found once. */
import { sample } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { families } from '../../properties/claims.js';
import { structure } from '../../properties/structure.js';
import { Beside, causeInC, isInC, scenarioInC } from '../../src/conform/machine/beside.js';
import { setupOperations } from '../../src/conform/machine/operations.js';
import { runCampaign } from '../../src/fuzz/campaign.js';
import type { Finding } from '../../src/fuzz/finding.js';
import { openMachineEngine } from '../../src/native/machine-engine.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { pin } from '../../src/series/registry.js';
import { because, missing } from '../native/tree.js';
import { overridden } from '../series/overridden.js';
import { localCrew, subjectOf } from './local-crew.js';

const MINUTE = 60_000;

describe('the nearest machine in C', () => {
  it('is there for most worlds, and its setup is operations', () => {
    const worlds = [...families, structure]
      .flatMap((claim) => claim.properties)
      .filter((p) => p.given.apics === undefined);
    const scenarios = worlds.flatMap((p) => sample(p.given.scenario, { numRuns: 3, seed: 1 }));
    const made = scenarios.flatMap((scenario) => scenarioInC(scenario) ?? []);
    expect(made.length).toBeGreaterThan(0.6 * scenarios.length);
    for (const scenario of made) expect(setupOperations(scenario).at(-1)?.op).toBe('PASS');
  });

  it('leaves out what the driver lacks, and nothing where that is all', () => {
    const scenario: Scenario = {
      cpus: 2,
      hz: 250,
      vruntime_offset: '5',
      tasks: [
        {
          comm: 'a',
          policy: 'fifo',
          rt_priority: 3,
          asleep: true,
          cpus: [0, 1],
          program: [{ op: 'yieldTo', task: 'a' }],
        },
      ],
      vms: [{ name: 'vm', vcpus: 1, apicv: true, cpus: [[1]] }],
    };
    expect(scenarioInC(scenario)).toEqual({
      cpus: 2,
      hz: 1000,
      base_slice: 2_800_000,
      features: {},
      knobs: { enable_preemption_timer: 0 },
      groups: [],
      tasks: [{ comm: 'a', nice: 0 }],
      vms: [{ name: 'vm', vcpus: 1, vendor: 'vmx', nice: 0, x2apic: true, halted: false, cpus: [[1]] }],
    });
    expect(scenarioInC({ cpus: 8, tasks: [{ comm: 'a' }] })).toBe(null);
    expect(scenarioInC({ cpus: 1, arch: 'arm64', tasks: [{ comm: 'a' }] })).toBe(null);
    expect(isInC({ ev: 'tick', cpu: 0 })).toBe(true);
    expect(isInC({ ev: 'block', cpu: 0, state: 'X' })).toBe(false);
  });
});

describe.skipIf(missing !== null)(`C beside a campaign${because}`, { timeout: 5 * MINUTE }, () => {
  const campaign = async (kernel: typeof pin, events: number): Promise<[Finding[], Beside]> => {
    const beside = new Beside(kernel, async (cpus) => [await openMachineEngine({ cpus })]);
    const subject = await subjectOf('v6.12.117', ['yield', 'kvm', 'structure']);
    const properties = subject.properties.filter((p) => p.given.length <= 80).map((p) => p.id);
    const plan = { properties, seed: 1, events, guided: true };
    const { findings } = await runCampaign(plan, localCrew(subject), {
      async beside({ scenario, events: list }, isKnown) {
        const found = await beside.hold(scenario, list, isKnown);
        if (found === null) return null;
        const { scenario: own, events: short, original, onBase } = found;
        const cause = causeInC(found);
        return {
          property: 'conform',
          scenario: own,
          events: [...short],
          message: cause,
          fn: '',
          onBase,
          cause,
          foundAt: original,
        };
      },
    });
    await beside.close();
    return [findings, beside];
  };

  it('agrees with the model in whatever it kept', async () => {
    const [findings, { runs, events }] = await campaign(pin, 2500);
    expect(findings).toEqual([]);
    expect(runs).toBeGreaterThan(40);
    expect(events).toBeGreaterThan(1000);
  });

  it('finds where the model does something else: each once, shrunk', async () => {
    const [findings] = await campaign(overridden(pin, 'no forfeit', { yield_task_fair(): void {} }), 2500);
    expect(findings.map((f) => f.property)).toContain('conform');
    const own = findings.filter((f) => f.property === 'conform');
    expect(new Set(own.map((f) => f.cause)).size).toBe(own.length);
    for (const { events } of own) {
      expect(events.length).toBeLessThan(8);
      // a guest that spins yields as well
      expect(['yield', 'yield_to', 'pause', 'hypercall']).toContain(events.at(-1)?.ev);
    }
  });
});
