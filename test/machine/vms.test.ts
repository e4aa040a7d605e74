// SPDX-License-Identifier: GPL-2.0-only
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import { legal } from '../../src/machine/event-table.js';
import { checkKvm } from '../../src/machine/invariants-kvm.js';
import { nextEvent } from '../../src/machine/next-event.js';
import { reduce } from '../../src/machine/reduce.js';
import { nextRng } from '../../src/machine/rng.js';
import type { machine } from '../../src/machine/state.js';
import { vcpuLife, vcpuStateOf } from '../../src/machine/vcpu-life.js';
import { catalogue } from '../../src/scenario/catalogue.js';
import type { EventKind, MachineEvent } from '../../src/scenario/events.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { pinOf } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';
import { simulate } from '../bench/simulate.js';

const free: Scenario = {
  cpus: 3,
  vms: [{ name: 'vm', vcpus: 4, cpus: [[0], [1], [2], [2]] }],
  tasks: [{ comm: 'hog', cpus: [2] }],
};

const times = [1, 1000, 100_000, 600_000, 700_000, 1_000_000, 2_800_000, 4_000_000, 6_000_000, 50_000_000];

/** What the walk knows to do of a kind on a CPU. */
function candidates(m: machine, kind: EventKind, cpu: number): MachineEvent[] {
  const vcpu = m.vcpu[m.task[m.rq[cpu].curr].preempt_notifier];
  switch (kind) {
    case 'advance':
      return cpu === 0 ? times.map((ns) => ({ ev: 'advance', ns })) : [];
    case 'ipi':
      return [0, 1, 2, 3].flatMap((to) =>
        [0x31, 0x41, 0xf1].map((vector) => ({ ev: 'ipi', cpu, to, vector }) as const),
      );
    case 'cpl':
      return [{ ev: 'cpl', cpu, cpl: vcpu?.arch.cpl === 0 ? 3 : 0 }];
    case 'hlt':
      // with interrupts off it would be the guest's last instruction: no guest does that
      return vcpu?.arch.if_flag === true ? [{ ev: 'hlt', cpu }] : [];
    default:
      return [{ ev: kind, cpu } as MachineEvent];
  }
}

/** Legal events drawn from the machine's own state. */
function* walk(m: machine, n: number, seed: number): Generator<MachineEvent> {
  const kinds = ['advance', 'tick', 'tick', 'pause', 'hlt', 'ipi', 'ipi', 'ipi', 'eoi', 'eoi', 'cpl', 'intr'] as const;
  let state = seed;
  for (let i = 0; i < n; i++) {
    state = nextRng(state);
    const kind = kinds[state % kinds.length];
    // the last one awake would sleep for ever
    if (kind === 'hlt' && m.vcpu.filter((v) => vcpuStateOf(m, v) !== 'blocked').length < 2) continue;
    const events = m.rq.flatMap((_, cpu) => candidates(m, kind, cpu)).filter((e) => legal(m, e));
    state = nextRng(state);
    if (events.length > 0) yield events[state % events.length];
  }
}

describe('a machine with VMs', () => {
  for (const scenario of catalogue) {
    it(`${scenario.name}: the witness finds nothing and time goes on`, () => {
      const kernel = pinOf(scenario.arch);
      const m = boot(kernel, scenario);
      const faults: string[] = [];
      const n = simulate(bind(kernel, m), 20e6, 3000, () => faults.push(...checkKvm(m)));
      expect(faults).toEqual([]);
      expect(n).toBeGreaterThan(10);
    });
  }

  it('reduce and drive agree, event by event', () => {
    const driven = boot(linux_6_12, free);
    let reduced = boot(linux_6_12, free);
    for (const event of walk(driven, 120, 7)) {
      reduced = reduce(linux_6_12, reduced, event).machine;
      drive(linux_6_12, driven, [event]);
      expect(reduced).toEqual(driven);
    }
  });

  it('every vCPU moves along its life only', () => {
    const reachable = new Map(vcpuLife.states.map((s) => [s, new Set([s])]));
    // an event is atomic: a vCPU may go several steps of its life within one
    for (const seen of reachable.values()) {
      for (const s of seen) {
        for (const e of [
          'run',
          'leave',
          'entry',
          'exit',
          'poll',
          'pollEnd',
          'block',
          'wake',
          'schedOut',
          'schedIn',
        ] as const) {
          const next = vcpuLife.next(s, e);
          if (next !== null) seen.add(next);
        }
      }
    }
    const m = boot(linux_6_12, free);
    const k = bind(linux_6_12, m);
    const seen = new Set<string>();
    let before = m.vcpu.map((v) => vcpuStateOf(m, v));
    for (const event of walk(m, 4000, 3)) {
      drive(linux_6_12, m, [event]);
      const after = m.vcpu.map((v) => vcpuStateOf(m, v));
      after.forEach((s, i) => {
        seen.add(s);
        expect(reachable.get(before[i])?.has(s), `${before[i]} -> ${s} by ${event.ev}`).toBe(true);
      });
      before = after;
    }
    for (const s of ['blocked', 'inGuest', 'polling', 'preempted', 'woken']) expect([...seen]).toContain(s);
    expect(k.m).toBe(m);
  });

  it('the next event is never in the past and always the same', () => {
    const m = boot(linux_6_12, catalogue[0]);
    const a = nextEvent(m);
    expect(nextEvent(m)).toEqual(a);
    if (a?.ev === 'advance') expect(a.ns).toBeGreaterThanOrEqual(0);
  });
});

describe('a VM with a policy', () => {
  it('has vCPU threads that are real-time, and keep their nice value', () => {
    const m = boot(linux_6_12, {
      cpus: 2,
      vms: [{ name: 'vm', vcpus: 2, nice: 3, policy: 'rr', rt_priority: 7 }],
    });
    const threads = m.task.filter((p) => m.vcpuOfTask[p.id] >= 0);
    expect(threads.map((p) => [p.policy, p.prio, p.static_prio, p.sched_class])).toEqual([
      [2, 92, 123, 'rt_sched_class'],
      [2, 92, 123, 'rt_sched_class'],
    ]);
  });
});
