// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import type { World } from '../../properties/vocabulary.js';
import { Decoder } from '../../src/explore/decode.js';
import { machineEngine as engine } from '../../src/explore/machine-engine.js';
import { KernelBug, NotModelled } from '../../src/lib/bug.js';
import { add, u64 } from '../../src/lib/types.js';
import { canonical } from '../../src/machine/canonical.js';
import { cloneMachine } from '../../src/machine/clone.js';
import { FingerprintSet, fingerprint } from '../../src/machine/fingerprint.js';
import { mix32, nextRng } from '../../src/machine/rng.js';
import type { machine } from '../../src/machine/state.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName } from '../../src/series/registry.js';
import type { trace_event } from '../../src/trace/trace-event.js';
import { bind, type Kernel } from '../../src/vmlinux/bind.js';

const weights: World['weights'] = {
  ...{ advance: 20, tick: 10, yield: 3, yield_to: 6, block: 4, wake: 6, nice: 2, setattr: 1, shares: 1, schedule: 2 },
  ...{ pause: 8, hlt: 2, ipi: 4, eoi: 4, cpl: 2, intr: 2 },
};

/** beyond 2^40: nearer to a wrap, virtual times count as they are */
const vruntime_offset = '2000000000000';

const host: Scenario = {
  cpus: 1,
  vruntime_offset,
  tasks: [{ comm: 'A' }, { comm: 'B' }, { comm: 'C', nice: 5 }, { comm: 'D', asleep: true }],
};
const scenarios: Scenario[] = [
  host,
  { ...host, cpus: 2 },
  {
    ...host,
    groups: [{ name: 'g' }, { name: 'h', parent: 'g', shares: 512 }],
    tasks: [{ comm: 'A', group: 'h' }, { comm: 'B', group: 'g' }, { comm: 'C' }],
  },
  { cpus: 2, vruntime_offset, tasks: [{ comm: 'A' }], vms: [{ name: 'vm', vcpus: 3 }] },
];
const kernels: Kernel[] = ['v6.12.117', 'v6.19-rc1', 'v6.19-rc1+semantics-aware-v2'].map((name) => kernelByName(name));

const key = (m: machine): string => JSON.stringify(fingerprint(m));

/** Without what only says when: the machines stand at different times. */
const happened = (traces: trace_event[]): string => JSON.stringify(traces.map(({ ts: _, ...rest }) => rest));

/** Why a run cannot go on: the kernel died, or does what is not modelled. */
function ended(step: () => void): string | null {
  try {
    step();
    return null;
  } catch (thrown) {
    if (thrown instanceof KernelBug || thrown instanceof NotModelled) return thrown.message;
    throw thrown;
  }
}

describe.each(kernels)('the canonical form of a machine on $name', (kernel) => {
  it.each(scenarios.map((s, i) => [i, s] as const))('does what the machine does, scenario %i', (i, scenario) => {
    const world = { scenario, weights, length: 0 } as never;
    let x = i + 1;
    for (let run = 0; run < 6; run++) {
      const m = engine.boot(kernel, scenario);
      const decoder = new Decoder(world, engine, m);
      const real = bind(kernel, m);
      for (let at = 0; at < 60; at++) {
        x = nextRng(x);
        const event = decoder.event(m, x);
        if (ended(() => engine.apply(real, event)) !== null) break;
      }
      const twin = canonical(m);
      expect(key(twin)).toBe(key(m));
      const [seenM, seenTwin]: trace_event[][] = [[], []];
      const a = bind(kernel, m, (event) => seenM.push(event));
      const b = bind(kernel, twin, (event) => seenTwin.push(event));
      for (let at = 0; at < 60; at++) {
        x = nextRng(x);
        const event = decoder.event(m, x);
        const end = ended(() => engine.apply(a, event));
        expect(ended(() => engine.apply(b, event))).toBe(end);
        if (end !== null) break;
        expect(happened(seenTwin), JSON.stringify(event)).toBe(happened(seenM));
        if (key(twin) !== key(m)) expect(canonical(twin), JSON.stringify(event)).toEqual(canonical(m));
        expect(key(twin), JSON.stringify(event)).toBe(key(m));
      }
    }
  });
});

describe('a fingerprint', () => {
  it('differs where the machine will do something else', () => {
    const m = engine.boot(kernels[1], host);
    const others: ((n: machine) => void)[] = [
      (n) => (n.se[m.task[2].se].vruntime = n.se[m.task[2].se].deadline),
      (n) => (n.se[m.task[2].se].slice = n.TICK_NSEC),
      (n) => (n.cfs_rq[0].next = 2),
      (n) => (n.task[1].tif_need_resched = 1),
      (n) => (n.sched_feat.RUN_TO_PARITY = false),
      (n) => (n.rng = 5),
    ];
    const keys = others.map((change) => {
      const n = cloneMachine(m);
      change(n);
      return key(n);
    });
    expect(new Set([key(m), ...keys]).size).toBe(others.length + 1);
  });

  it('merges states that differ in when they happen, and not near a wrap', () => {
    const at = (offset: string) => key(engine.boot(kernels[1], { ...host, vruntime_offset: offset }));
    expect(at('2000000000000')).toBe(at('7000000000001'));
    expect(at('0')).not.toBe(at('1'));
    const m = engine.boot(kernels[1], host);
    const n = cloneMachine(m);
    n.sched_clock = add(n.sched_clock, u64(1000));
    expect(key(n)).not.toBe(key(m));
  });

  it('counts what is given with it', () => {
    const m = engine.boot(kernels[0], host);
    const keys = [undefined, null, 0, '', [], [0], { a: 1 }, { b: 1 }, { a: 1n }, [[1], 2], [1, [2]]].map((notes) =>
      JSON.stringify(fingerprint(m, notes)),
    );
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('a set of fingerprints', () => {
  it('knows what is in it, through growth', () => {
    const set = new FingerprintSet();
    const at = (i: number) => ({ lo: i === 0 ? 0 : mix32(i), hi: i === 0 ? 0 : mix32(~i) });
    for (let i = 0; i < 20_000; i++) expect(set.add(at(i))).toBe(true);
    for (let i = 0; i < 20_000; i++) expect(set.add(at(i))).toBe(false);
    expect(set.size).toBe(20_000);
    expect(set.bytes / set.size).toBeLessThanOrEqual(32);
  });
});
