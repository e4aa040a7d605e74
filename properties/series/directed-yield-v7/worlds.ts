// SPDX-License-Identifier: GPL-2.0-only
/** Where the claims of the directed yield are asked: two guests on the same CPUs, host threads, one VM of spinners. */
import { constantFrom, integer, record } from 'fast-check';
import type { Program } from '../../../src/guest/instructions.js';
import type { Scenario, VmSpec } from '../../../src/scenario/scenario.js';
import { MS, US } from '../../arbitraries.js';
import type { World } from '../../vocabulary.js';

/** vCPU i on CPU i mod n, in any order of what it may do. */
export function spinners(vcpus: readonly [number, number], cpus: readonly number[], events: number): World {
  const [min, max] = vcpus;
  const scenario = record({ vcpus: integer({ min, max }), cpus: constantFrom(...cpus) }).map(
    (draw): Scenario => ({
      cpus: draw.cpus,
      hz: 1000,
      vms: [{ name: 'vm', vcpus: draw.vcpus, cpus: [...Array(draw.vcpus).keys()].map((i) => [i % draw.cpus]) }],
    }),
  );
  return {
    scenario,
    weights: { advance: 14, tick: 12, pause: 24, hlt: 3, ipi: 4, resched: 4 },
    advances: [10 * US, 100 * US, 1 * MS, 4 * MS],
    length: 40,
    events,
    keep: (s) => (s.vms?.[0]?.vcpus ?? 0) >= min,
  };
}

export type Layout = 'flat' | 'groups' | 'nested';

/**
 * A guest whose vCPUs share a lock beside one of as many endless loops, on as many CPUs; neither ever sleeps, so each is due half of
 * every CPU. Each loop begins a part of a slice after the one before.
 */
export function lockBesideLoops(layouts: readonly Layout[]): World {
  const scenario = record({
    layout: constantFrom(...layouts),
    cpus: constantFrom(2, 3, 4),
    apart: constantFrom(1_500, 1_000, 400).map((us) => us * US),
    hold: constantFrom(500, 200).map((us) => us * US),
    later: constantFrom(2_250, 1_300, 3_100).map((us) => us * US),
  }).map((draw): Scenario => {
    const cpus = [...Array(draw.cpus).keys()].map((cpu) => [cpu]);
    const fights: Program = [
      { op: 'compute', ns: draw.apart },
      { op: 'lock', lock: 0 },
      { op: 'compute', ns: draw.hold },
      { op: 'unlock', lock: 0 },
    ];
    const loop = (i: number): Program => [
      { op: 'timer', ns: 1 * MS + i * draw.later, vector: 0x40 },
      { op: 'hlt' },
      { op: 'compute', ns: 10_000 * MS },
    ];
    const of = (name: string): Partial<VmSpec> => {
      if (draw.layout === 'flat') return {};
      return { group: draw.layout === 'groups' ? name : cpus.map((_, i) => `${name}-${i}`) };
    };
    const inner = ['locks', 'loops'].flatMap((parent) => cpus.map((_, i) => ({ name: `${parent}-${i}`, parent })));
    const groups = [{ name: 'locks' }, { name: 'loops' }, ...(draw.layout === 'nested' ? inner : [])];
    return {
      cpus: draw.cpus,
      hz: 1000,
      ...(draw.layout === 'flat' ? {} : { groups }),
      vms: [
        { name: 'locks', vcpus: draw.cpus, cpus, programs: fights, ...of('locks') },
        { name: 'loops', vcpus: draw.cpus, cpus, programs: cpus.map((_, i) => loop(i)), ...of('loops') },
      ],
      // 26 us of spinning: a sixteenth of the exits that the default makes, and no fewer reasons to sleep or yield
      knobs: { ple_window: 65_536 },
      until: 240 * MS,
    };
  });
  return {
    scenario,
    weights: {},
    length: 60_000,
    shrinks: 12,
    whole: true,
    keep: (s) => s.vms?.length === 2,
  };
}
