// SPDX-License-Identifier: GPL-2.0-only
/** Preferred CPUs and the steal governor, function by function, and where nobody has loaded it. */
import { describe, expect, it } from 'vitest';
import { toNumber, u64 } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { nextEvent } from '../../src/machine/next-event.js';
import type { machine } from '../../src/machine/state.js';
import { namedScenario } from '../../src/scenario/catalogue.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { kernelByName } from '../../src/series/registry.js';
import type { governed } from '../../src/series/steal-governor/adds.js';
import { bind, rebind } from '../../src/vmlinux/bind.js';

const kernel = kernelByName('steal-governor');
const MS = 1_000_000;

/** A guest of three CPUs: its machine and its kernel. */
function guest(knobs: Record<string, number> = { steal_governor: 1 }): { m: machine; g: governed } {
  const tasks = [
    { comm: 'free' },
    { comm: 'bound', cpus: [2] },
    { comm: 'rt', policy: 'fifo', rt_priority: 1 } as const,
  ];
  const host = boot(kernel, { cpus: 1, vms: [{ name: 'vm', vcpus: 3, kernel: { tasks, knobs } }] });
  const { m } = host.guest[0].os!;
  return { m: m as machine, g: rebind(bind(kernel, host), m as machine) as unknown as governed };
}
const taskOf = (m: machine, comm: string) => m.task.find((p) => p.comm === comm)!;

describe('is_cpu_allowed()', () => {
  it('refuses fair tasks that may be on a preferred CPU, and nobody else', () => {
    const { m, g } = guest();
    m.preferred!.mask = [0, 1];
    const allowed = (comm: string): boolean[] => [0, 1, 2].map((cpu) => g.is_cpu_allowed(taskOf(m, comm), cpu));
    expect(allowed('free')).toEqual([true, true, false]);
    expect(allowed('bound')).toEqual([false, false, true]);
    expect(allowed('rt')).toEqual([true, true, true]);
    // amidst a change of its affinity
    taskOf(m, 'free').cpus_ptr = [1, 2];
    expect(allowed('free')).toEqual([false, true, true]);
  });
});

describe('the governor', () => {
  const steals = (m: machine, ns: number): void => {
    m.irq_cpu![0].steal = u64(ns);
  };
  const look = (m: machine, g: governed, steal: number): number[] => {
    steals(m, steal);
    m.sched_clock = u64(m.preferred!.due);
    g.steal_governor_work();
    return m.preferred!.mask;
  };

  it('takes the last CPU above 5 %, never the first, and gives the first missing one back at 2 %', () => {
    const { m, g } = guest();
    // of 3 s: 5 % is 150 ms
    expect(look(m, g, 150 * MS)).toEqual([0, 1, 2]);
    expect(look(m, g, 301 * MS)).toEqual([0, 1]);
    expect(look(m, g, 602 * MS)).toEqual([0]);
    expect(look(m, g, 1_000 * MS)).toEqual([0]);
    expect(look(m, g, 1_061 * MS)).toEqual([0]);
    expect(look(m, g, 1_121 * MS)).toEqual([0, 1]);
    // a clock that goes back is no steal
    expect(look(m, g, 5 * MS)).toEqual([0, 1, 2]);
  });

  it('divides the time first, by ten thousand, into something', () => {
    const { m, g } = guest();
    steals(m, 7);
    expect(g.steal_governor_ratio(3)).toBe(7);
    steals(m, 107);
    expect(g.steal_governor_ratio(9_999)).toBe(50);
  });

  it('gives up for good when its mask makes no sense', () => {
    const { m, g } = guest();
    m.preferred!.mask = [0, 7];
    expect(look(m, g, 100 * MS)).toEqual([0, 1, 2]);
    expect(m.preferred!.due).toBe(-1);
  });

  it('is not loaded with thresholds that leave nothing between them, nor unasked', () => {
    expect(guest({}).m.preferred).toBeUndefined();
    const { m, g } = guest({ steal_governor: 1, low_threshold: 500 });
    expect(m.preferred).toBeUndefined();
    expect(g.steal_governor_init()).toBe(-22);
  });
});

function run(name: string, of = kernel, change: (s: Scenario) => void = () => {}): machine {
  const scenario = structuredClone(namedScenario(name)!);
  change(scenario);
  const m = boot(of, scenario);
  const k = bind(of, m);
  const end = toNumber(m.sched_clock) + scenario.until!;
  for (;;) {
    const event = nextEvent(m);
    if (event === null || toNumber(m.sched_clock) >= end) return m;
    apply(k, event);
  }
}

const short = (s: Scenario): void => {
  s.until = 50 * MS;
};

it('changes nothing in a guest that has not loaded it, and nothing on a host', () => {
  const off = (s: Scenario): void => {
    short(s);
    for (const vm of s.vms ?? []) vm.kernel!.knobs = {};
  };
  const [there, base] = [kernel, kernelByName('v6.19')].map((of) => run('governor-all', of, off));
  expect(there).toEqual(base);
});

it('pushes what runs on a CPU that is given back, and leaves alone who is bound to it', () => {
  const m = run('governor-affinity', kernel, (s) => {
    s.until = 150 * MS;
  });
  for (const { os } of m.guest) {
    expect(os!.m.preferred!.mask).toEqual([0]);
    const on = (comm: RegExp): number[] => os!.m.task.filter((p) => comm.test(p.comm)).map((p) => p.cpu);
    expect([on(/^worker/), on(/^bound/)]).toEqual([[0, 0], [1]]);
  }
});

it('costs the guest that runs it alone: the other one gets what it leaves', () => {
  const shares = (name: string): number[] => {
    const m = run(name);
    return m.kvm.map(({ vcpus }) =>
      vcpus.reduce((sum, id) => sum + toNumber(m.se[m.task[m.vcpu[id].pid].se].sum_exec_runtime), 0),
    );
  };
  const [all, one] = [shares('governor-all'), shares('governor-one')];
  expect(Math.abs(all[0] / all[1] - 1)).toBeLessThan(0.2);
  expect(one[1] / one[0]).toBeGreaterThan(2);
});
