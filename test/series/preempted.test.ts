// SPDX-License-Identifier: GPL-2.0-only
/** vcpu_is_preempted() of arm64 as proposed: calls, addresses, errors, where KVM writes, and what the guest reads. */
import { describe, expect, it } from 'vitest';
import { loadBytes } from '../../src/kvm/guest-memory.js';
import { EEXIST, EFAULT, EINVAL, ENXIO } from '../../src/lib/errno.js';
import { toNumber, U64_MAX, u64 } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { perCpuGpa, VMM_GPA } from '../../src/series/preempted/flag.js';
import { findSeries, seriesKernel } from '../../src/series/registry.js';
import { rebind } from '../../src/vmlinux/bind.js';
import { arm64 } from '../arch/arm64.js';

const MS = 1_000_000;
const idle = {
  tasks: [
    {
      comm: 's',
      program: [
        { op: 'sleep' as const, ns: 3 * MS },
        { op: 'compute' as const, ns: MS },
      ],
    },
  ],
};

/** Two vCPUs that run a kernel, on one CPU each unless said otherwise. */
function guest(id: string, more: Partial<Scenario> = {}, kernel: object = idle) {
  return arm64(
    { cpus: 2, vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], kernel: kernel as never }], ...more },
    seriesKernel(findSeries(id)!),
  );
}
type Machine = ReturnType<typeof guest>;

/** What the guest's scheduler is told of its CPUs. */
function preempted({ m, k }: Machine): boolean[] {
  const os = m.guest[0]!.os!;
  const g = rebind(k as never, os.m as never) as unknown as { vcpu_is_preempted(cpu: number): boolean };
  (g as unknown as { ram: unknown }).ram = m.guest[0]!.memory;
  return os.m.rq.map((rq) => g.vcpu_is_preempted(rq.cpu));
}
const baseOf = ({ v }: Machine, i: number): number | null => {
  const base = v[i]!.arch.pv_preempted?.base ?? U64_MAX;
  return base === U64_MAX ? null : toNumber(base);
};
const bytes = (m: machine, gpa: number, len: number): number => loadBytes(m.guest[0]!.memory!, gpa, len);

const own = ['preempted-rfc-2020', 'preempted-2021', 'preempted-openeuler'];
const late = [
  'preempted-zengruan-v1',
  'preempted-zengruan-v2',
  'preempted-zengruan-v3',
  'preempted-usama-rfc',
  'preempted-usama-v2',
];
const placed = late.slice(1);

describe('a guest that boots', () => {
  it.each(own)('%s: every vCPU has told its host where its word is', (id) => {
    const a = guest(id);
    const offset = id === 'preempted-openeuler' ? 128 : 71;
    expect([baseOf(a, 0), baseOf(a, 1)]).toEqual([perCpuGpa(0, offset), perCpuGpa(1, offset)]);
  });

  it('preempted-usama-v3: set up by an early initcall, the boot CPU is asked about', () => {
    const a = guest('preempted-usama-v3');
    const { gpa, on } = a.m.guest[0]!.os!.m.pv_preempted!;
    expect([gpa, on]).toEqual([[VMM_GPA, VMM_GPA + 64], true]);
    preempted(a);
    expect(a.m.guest[0]!.os!.m.pv_preempted!.warned).toBe(false);
  });

  it.each(late)('%s: the boot CPU is never asked about', (id) => {
    const a = guest(id);
    const { gpa, on, warned } = a.m.guest[0]!.os!.m.pv_preempted!;
    expect([gpa[0], gpa[1]! > 0, on]).toEqual([-1, true, true]);
    if (placed.includes(id)) {
      // the VMM gave every vCPU one all the same, and KVM writes it
      expect([baseOf(a, 0), baseOf(a, 1)]).toEqual([VMM_GPA, VMM_GPA + 64]);
      preempted(a);
      expect([warned, a.m.guest[0]!.os!.m.pv_preempted!.warned]).toEqual([false, true]);
    } else expect(baseOf(a, 0)).toBeNull();
  });

  it('on a host without the calls, nothing is preempted', () => {
    const a = guest('wfx-v6');
    expect(preempted(a)).toEqual([false, false]);
  });

  it('of 2021 switches the static call on although the boot CPU failed', () => {
    const refuses = (id: string) => {
      const kernel = seriesKernel(findSeries(id)!);
      const table = { ...kernel.table, kvm_gfn_to_hva_cache_init: () => -EFAULT };
      const a = arm64(
        { cpus: 2, vms: [{ name: 'vm', vcpus: 2, kernel: idle as never }] },
        { ...kernel, name: 'x', table },
      );
      return a.m.guest[0]!.os!.m.pv_preempted?.on === true;
    };
    expect([refuses('preempted-2021'), refuses('preempted-rfc-2020')]).toEqual([true, false]);
  });
});

describe('the word', () => {
  const widths: Record<string, number> = { 'preempted-rfc-2020': 1, 'preempted-2021': 1, 'preempted-openeuler': 4 };
  it.each([...own, ...late])('%s: is set while a vCPU waits in WFI, and clear while it runs', (id) => {
    const a = guest(id);
    a.runUntil(2 * MS);
    // vCPU 1 has nothing to do; vCPU 0 sleeps until 3 ms
    expect(preempted(a)[1]).toBe(true);
    a.runUntil(3.5 * MS);
    const awake = a.m.rq.map((rq) => rq.curr !== rq.idle);
    expect(awake.filter(Boolean).length).toBe(1);
    expect(preempted(a)[1]).toBe(!awake[1]);
    const width = widths[id] ?? 6;
    expect(bytes(a.m, baseOf(a, 1)!, width)).toBe(awake[1] ? 0 : 1);
  });

  it('of the alternatives is not set in WFI, but when the CPU is taken away', () => {
    for (const id of ['preempted-gated', 'preempted-not-blocking']) {
      const a = guest(id, { cpus: 1, vms: [{ name: 'vm', vcpus: 2, kernel: { tasks: [{ comm: 'a', cpus: [1] }] } }] });
      a.runUntil(10 * MS);
      expect(preempted(a), id).toEqual([false, false]);
      const b = guest(id, {
        cpus: 1,
        tasks: [{ comm: 'host' }],
        vms: [{ name: 'vm', vcpus: 2, kernel: { tasks: [{ comm: 'a', cpus: [1] }] } }],
      });
      const seen = new Set<string>();
      for (let t = 1; t < 40; t++) {
        b.runUntil(t * MS);
        seen.add(preempted(b).join());
      }
      expect([...seen].sort(), id).toEqual(['false,false', 'false,true']);
    }
  });

  it('is written where the guest said last, whatever that is, by v1', () => {
    const a = guest('preempted-zengruan-v1');
    a.runUntil(3.2 * MS);
    const cpu = a.m.rq.findIndex((rq) => rq.curr !== rq.idle);
    for (const gpa of [13, 2 ** 40]) {
      a.does({ ev: 'hypercall', cpu, nr: 0xc500_0041, a0: gpa, a1: 0, a2: 0, a3: 0 });
      expect([toNumber(a.arch(cpu).regs[0]!), baseOf(a, cpu)]).toEqual([0, gpa]);
    }
  });
});

describe('calls', () => {
  /** x0 of what the running vCPU is answered; -1 for NOT_SUPPORTED. */
  function call(a: Machine, nr: number, a0 = 0): number {
    const cpu = a.m.rq.findIndex((rq) => rq.curr !== rq.idle && a.k.guestOn(rq.cpu) >= 0);
    a.does({ ev: 'hypercall', cpu, nr, a0, a1: 0, a2: 0, a3: 0 });
    const vcpu = a.v.find((it) => it.cpu === cpu)!;
    return vcpu.arch.regs[0] === U64_MAX ? -1 : toNumber(vcpu.arch.regs[0]!);
  }
  const busy = { tasks: [{ comm: 'a', cpus: [0] }] };
  const on = (id: string): Machine => {
    const a = guest(id, {}, busy);
    a.runUntil(MS);
    return a;
  };

  it('of the RFC: a second INIT is ignored with success; RELEASE always succeeds; then any address in a slot', () => {
    const a = on('preempted-rfc-2020');
    expect(call(a, 0x8000_0001, 0xc500_0022)).toBe(0);
    expect(call(a, 0xc500_0022)).toBe(-1);
    expect([call(a, 0xc500_0023, 0x5000), baseOf(a, 0)]).toEqual([0, perCpuGpa(0, 71)]);
    expect([call(a, 0xc500_0024), baseOf(a, 0), call(a, 0xc500_0024)]).toEqual([0, null, 0]);
    expect(a.v[0]!.arch.pv_preempted!.ghc.len).toBe(64);
    expect([call(a, 0xc500_0023, 2 ** 40), baseOf(a, 0)]).toEqual([-1, null]);
    expect([call(a, 0xc500_0023, 0x5003), baseOf(a, 0)]).toEqual([0, 0x5003]);
  });

  it('of 2021: the same under other numbers, and RELEASE empties the cache', () => {
    const a = on('preempted-2021');
    expect([call(a, 0x8000_0001, 0xc500_0060), call(a, 0xc500_0060), call(a, 0xc500_0023)]).toEqual([0, -1, -1]);
    expect([call(a, 0xc500_0062), a.v[0]!.arch.pv_preempted!.ghc.len]).toEqual([0, 0]);
  });

  it('of the proposals with a structure of the VMM: it is zeroed, and named', () => {
    const asks: [string, number, number][] = [
      ['preempted-zengruan-v2', 0xc600_0021, 0],
      ['preempted-zengruan-v3', 0x8600_0001, 1],
      ['preempted-usama-rfc', 0xc600_0021, 0],
      ['preempted-usama-v2', 0xc600_0002, 0],
    ];
    for (const [id, nr, a0] of asks) {
      const a = on(id);
      expect(call(a, nr, a0), id).toBe(VMM_GPA);
      a.v[0]!.arch.pv_preempted!.base = U64_MAX;
      expect(call(a, nr, a0), id).toBe(-1);
    }
    const a = on('preempted-usama-v2');
    a.k.m.kvm[0]!.arch.smccc_feat.vendor_hyp_bmap = 3;
    expect(call(a, 0xc600_0002)).toBe(-1);
    expect(call(on('preempted-zengruan-v3'), 0x8600_0001, 7)).toBe(-1);
    expect(call(on('preempted-zengruan-v3'), 0x8600_0001, 0)).toBe(0);
    expect(call(on('preempted-zengruan-v2'), 0xc600_0020, 0xc600_0021)).toBe(0);
  });

  it('of openEuler: the features leave KICK_CPU out', () => {
    const a = on('preempted-openeuler');
    expect([0x90, 0x91, 0x92, 0x93].map((n) => call(a, 0xc500_0090, 0xc500_0000 + n))).toEqual([0, 0, 0, -1]);
    expect([call(a, 0xc500_0091, 7), baseOf(a, 0), call(a, 0xc500_0092), baseOf(a, 0)]).toEqual([0, 7, 0, null]);
    expect(() => call(a, 0xc500_0093)).toThrow('PV_SCHED_KICK_CPU');
  });

  it('the attribute: another, unreadable, not aligned, a second one, in no slot', () => {
    const a = on('preempted-usama-v2');
    const set = (group: number, attr: number, value: number | null): number =>
      a.k.kvm_arm_vcpu_arch_set_attr(a.v[0]!, { group, attr, value: value === null ? null : u64(value) });
    expect([set(2, 0, 64), set(3, 1, 64), set(3, 0, null), set(3, 0, 65), set(3, 0, 64)]).toEqual([
      ...[-ENXIO, -ENXIO, -EFAULT, -EINVAL, -EEXIST],
    ]);
    a.v[0]!.arch.pv_preempted!.base = U64_MAX;
    expect([set(3, 0, 2 ** 40), set(3, 0, 128), baseOf(a, 0)]).toEqual([-EINVAL, 0, 128]);
  });
});
