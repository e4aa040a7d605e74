// SPDX-License-Identifier: GPL-2.0-only
/** Machines of local APICs: both drivers agree on them, and one event in the middle of another is what it says. */
import { sample } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vectorsOf } from '../../properties/lapic/page.js';
import { mapWorlds, racingWorlds, worldOf } from '../../properties/lapic/worlds.js';
import { Decoder } from '../../src/explore/decode.js';
import { machineEngine as engine } from '../../src/explore/machine-engine.js';
import { NotModelled } from '../../src/lib/bug.js';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import { reduce } from '../../src/machine/reduce.js';
import { mix32 } from '../../src/machine/rng.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { pin } from '../../src/series/registry.js';

const xapic: Scenario = { cpus: 1, apics: { vcpus: 3, mode: 'xapic' } };

describe('a machine of local APICs', () => {
  it.each([...racingWorlds, ...mapWorlds].map((w) => [JSON.stringify(w.apics), w] as const))(
    'is the same under reduce and drive: %s',
    (_, world) => {
      const drawn = worldOf([world]);
      const [scenario] = sample(drawn.scenario, 1);
      const driven = boot(pin, scenario);
      let reduced = boot(pin, scenario);
      const decoder = new Decoder(drawn, engine, driven, scenario);
      const kinds = new Set<string>();
      for (let i = 1; i <= 60; i++) {
        const event = decoder.event(driven, mix32(i));
        kinds.add(event.ev);
        drive(pin, driven, [event]);
        reduced = reduce(pin, reduced, event).machine;
        expect(reduced, `event ${i}: ${JSON.stringify(event)}`).toEqual(driven);
      }
      expect(kinds.size).toBeGreaterThan(2);
    },
  );

  const take = { ev: 'window', vcpu: 1 } as const;
  const send = (vector: number) => ({ ev: 'write_icr', vcpu: 0, low: 0x4000 | vector, dest: 1 }) as const;
  const vectorsAfter = (events: MachineEvent[]) => {
    const m = boot(pin, xapic);
    drive(pin, m, events);
    return { irr: vectorsOf(m.vcpu[1], 0x200), isr: vectorsOf(m.vcpu[1], 0x100) };
  };

  it('does not model an hour of the shortest period in one event', () => {
    const write = (reg: number, value: number) => ({ ev: 'mmio_write', vcpu: 0, reg, value }) as const;
    const m = boot(pin, xapic);
    drive(pin, m, [write(0x320, 0x2_0041), write(0x380, 1), { ev: 'advance', ns: 1_000_000 }]);
    expect(() => drive(pin, m, [{ ev: 'advance', ns: 3_600_000_000_000 }])).toThrow(NotModelled);
  });

  it('lets the receiver come in before the bit of the sender is set', () => {
    const amid = { ev: 'amid', fn: 'kvm_lapic_set_vector', of: send(0x51), other: take } as const;
    expect(vectorsAfter([send(0x41), amid])).toEqual({ irr: [0x51], isr: [0x41] });
    expect(vectorsAfter([send(0x41), send(0x51), take])).toEqual({ irr: [0x41], isr: [0x51] });
  });

  it('lets nobody come in on himself, nor where a lock keeps him out', () => {
    const own = { ev: 'amid', fn: 'kvm_lapic_set_vector', of: send(0x51), other: { ev: 'window', vcpu: 0 } } as const;
    const held = { ev: 'amid', fn: 'kvm_recalculate_phys_map', of: send(0x51), other: take } as const;
    expect(vectorsAfter([own, held])).toEqual({ irr: [], isr: [] });
  });

  it('knows none of these events without them', () => {
    const m = boot(pin, { cpus: 1, tasks: [{ comm: 'a' }] });
    expect([send(0x41), take, { ev: 'stall', ns: 5 } as const].map((e) => engine.legal(m, e))).toEqual([
      false,
      false,
      false,
    ]);
    const before = JSON.stringify(m.sched_clock.toString());
    drive(pin, m, [send(0x41), take, { ev: 'stall', ns: 5 }]);
    expect(JSON.stringify(m.sched_clock.toString())).toBe(before);
  });
});
