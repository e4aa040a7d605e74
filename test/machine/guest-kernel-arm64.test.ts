// SPDX-License-Identifier: GPL-2.0-only
/** A kernel that runs in a guest on arm64: WFI, SGIs, the virtual timer, hypercalls. */
import { describe, expect, it } from 'vitest';
import type { Program } from '../../src/guest/instructions.js';
import { toBigInt, toNumber, u64 } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import type { GuestKernelSpec, Scenario, TaskSpec } from '../../src/scenario/scenario.js';
import { arm64 } from '../arch/arm64.js';

const US = 1_000;
const MS = 1_000_000;

/** Runs it for so many ns. */
function run(kernel: GuestKernelSpec, ns: number, vcpus = 1, more: Partial<Scenario> = {}) {
  const cpus = [...Array(vcpus).keys()].map((i) => [i]);
  const a = arm64({ cpus: vcpus, vms: [{ name: 'vm', vcpus, cpus, kernel }], ...more });
  a.runUntil(ns);
  return { ...a, guest: a.m.guest[0]!.os!.m };
}

const task = (m: machine, comm: string) => m.task.find((it) => it.comm === comm)!;
const laps = (m: machine, comm: string): number => m.actor[task(m, comm).id]!.laps;
const ran = (m: machine, comm: string): number => toNumber(m.se[task(m, comm).se]!.sum_exec_runtime);

const sleeper: Program = [
  { op: 'sleep', ns: 500 * US },
  { op: 'compute', ns: 20 * US },
];

describe('the kernel in a guest on arm64', () => {
  it('shares a vCPU among its tasks', () => {
    const { guest } = run({ tasks: [{ comm: 'a' }, { comm: 'b' }] }, 200 * MS);
    expect(ran(guest, 'a') / ran(guest, 'b')).toBeCloseTo(1, 1);
    expect(ran(guest, 'a') + ran(guest, 'b')).toBeGreaterThan(195 * MS);
  });

  it('wakes sleepers by the virtual timer, and waits for it in WFI, which traps', () => {
    const { guest, v, m } = run({ tasks: [{ comm: 's', program: sleeper }] }, 100 * MS);
    expect(laps(guest, 's')).toBeGreaterThan(150);
    expect(v[0]!.arch.wfi_exit_stat).toBeGreaterThan(150);
    expect(ran(m, 'vm/0')).toBeLessThan(20 * MS);
  });

  it('stands still on its CPU where WFI does not trap, and its thread runs', () => {
    const knobs = { kvm_wfi_trap_policy: 1 };
    const { guest, v, m } = run({ tasks: [{ comm: 's', program: sleeper }] }, 100 * MS, 1, { knobs });
    expect(laps(guest, 's')).toBeGreaterThan(150);
    expect(v[0]!.arch.wfi_exit_stat).toBe(0);
    expect(ran(m, 'vm/0')).toBeGreaterThan(95 * MS);
    expect(ran(guest, 's')).toBeLessThan(10 * MS);
  });

  it('wakes tasks on another vCPU by an SGI', () => {
    const ping: Program = [{ op: 'compute', ns: 10 * US }, { op: 'wake', task: 'pong' }, { op: 'wait' }];
    const pong: Program = [{ op: 'wait' }, { op: 'compute', ns: 10 * US }, { op: 'wake', task: 'ping' }];
    const tasks: TaskSpec[] = [
      { comm: 'ping', cpus: [0], program: ping },
      { comm: 'pong', cpus: [1], program: pong },
    ];
    const { guest } = run({ tasks }, 20 * MS, 2);
    expect(laps(guest, 'ping')).toBeGreaterThan(400);
    expect(Math.abs(laps(guest, 'ping') - laps(guest, 'pong'))).toBeLessThanOrEqual(1);
  });

  it('counts the time for which it was not on a CPU as its own, without stolen time', () => {
    const { guest, m } = run({ tasks: [{ comm: 'a' }] }, 200 * MS, 1, { tasks: [{ comm: 'host' }] });
    expect(ran(m, 'vm/0')).toBeLessThan(110 * MS);
    expect(ran(guest, 'a')).toBeGreaterThan(180 * MS);
  });
});

describe('SMCCC', () => {
  const ids = [0x8000_0000, 0x8600_ff01, 0x8600_0000, 0xc500_0020, 0xc500_0022];
  it('answers what KVM has, and NOT_SUPPORTED for the rest', () => {
    const a = arm64({ cpus: 1, vms: [{ name: 'vm', vcpus: 1 }] });
    a.pass(1 * US);
    const call = (nr: number, a0 = 0): bigint[] => {
      a.does({ ev: 'hypercall', cpu: 0, nr, a0, a1: 0, a2: 0, a3: 0 });
      return a.arch(0).regs.map(toBigInt);
    };
    expect(ids.map((nr) => call(nr)[0])).toEqual([0x10001n, 0xb66fb428n, 3n, 2n ** 64n - 1n, 2n ** 64n - 1n]);
    expect(call(0x8000_0001, 0xc500_0020)[0]).toBe(0n);
    expect(call(0x8000_0001, 0xc500_0022)[0]).toBe(2n ** 64n - 1n);
    expect(a.arch(0).hvc_exit_stat).toBe(ids.length + 2);
    a.arch(0).regs[0] = u64(0);
  });

  it.each([
    [0x8400_0000, 'PSCI call 0x84000000'],
    [0x95c1_ba5e, 'PSCI call 0x95c1ba5e'],
    [0x95c1_ba61, 'PSCI call 0x95c1ba61'],
    [0x8400_0050, 'kvm_trng_call()'],
    [0xc400_0053, 'kvm_trng_call()'],
    [0x8600_0001, 'kvm_ptp_get_time()'],
  ])('lets %d in, which is not modelled: %s', (nr, what) => {
    const a = arm64({ cpus: 1, vms: [{ name: 'vm', vcpus: 1 }] });
    a.pass(1 * US);
    expect(() => a.does({ ev: 'hypercall', cpu: 0, nr, a0: 0, a1: 0, a2: 0, a3: 0 })).toThrow(what);
  });

  it('denies what is next to PSCI 0.1', () => {
    const a = arm64({ cpus: 1, vms: [{ name: 'vm', vcpus: 1 }] });
    a.pass(1 * US);
    a.does({ ev: 'hypercall', cpu: 0, nr: 0x95c1_ba62, a0: 0, a1: 0, a2: 0, a3: 0 });
    expect(toBigInt(a.arch(0).regs[0])).toBe(2n ** 64n - 1n);
  });
});
