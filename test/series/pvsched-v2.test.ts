// SPDX-License-Identifier: GPL-2.0-only
/** pvsched v2: drivers by name, and what KVM tells the driver of a VM. */
import { describe, expect, it } from 'vitest';
import { EEXIST, EINVAL } from '../../src/lib/errno.js';
import { toNumber } from '../../src/lib/types.js';
import { apply } from '../../src/machine/apply.js';
import { boot } from '../../src/machine/boot.js';
import { nextEvent } from '../../src/machine/next-event.js';
import type { machine } from '../../src/machine/state.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { link } from '../../src/series/link.js';
import type { pvsched_vcpu_ops } from '../../src/series/pvsched-v2/0001-pvsched-paravirt-scheduling-framework.js';
import type { pvsched_v2 } from '../../src/series/pvsched-v2/adds.js';
import pvschedV2 from '../../src/series/pvsched-v2/index.js';
import { pin } from '../../src/series/registry.js';
import { bind } from '../../src/vmlinux/bind.js';

const kernel = link(pin, pvschedV2 as never);

/** A driver whose callbacks write down what they hear. */
const told: string[] = [];
const withDriver = {
  ...kernel,
  table: {
    ...kernel.table,
    test_register: (pid: number) => void told.push(`register ${pid}`),
    test_unregister: (pid: number) => void told.push(`unregister ${pid}`),
    test_notify: (addr: number, _pid: number, events: number) => void told.push(`${addr}:${events}`),
  },
};
const driver = (name: string, events = 15): pvsched_vcpu_ops => ({
  name,
  key: name,
  events,
  pvsched_vcpu_register: 'test_register',
  pvsched_vcpu_unregister: 'test_unregister',
  pvsched_vcpu_notify_event: 'test_notify',
  refs: 0,
});

const halts: Scenario = {
  cpus: 1,
  vms: [
    {
      name: 'vm',
      vcpus: 1,
      programs: [{ op: 'compute', ns: 1000 }, { op: 'timer', ns: 5000, vector: 0x50 }, { op: 'hlt' }],
    },
  ],
};

function machineOf(scenario: Scenario): { m: machine; k: pvsched_v2 } {
  const m = boot(withDriver, scenario);
  return { m, k: bind(withDriver, m) as unknown as pvsched_v2 };
}

describe('the drivers of pvsched v2', () => {
  it('have one that is built in, and names that are taken', () => {
    const { k } = machineOf(halts);
    expect(k.pvsched_get_available_drivers()).toBe('pvsched_nop');
    expect(k.pvsched_register_vcpu_ops(driver('a'))).toBe(0);
    expect(k.pvsched_register_vcpu_ops(driver('a'))).toBe(-EEXIST);
    expect(k.pvsched_register_vcpu_ops({ ...driver('b'), pvsched_vcpu_notify_event: '' })).toBe(-EINVAL);
    expect(k.pvsched_get_available_drivers()).toBe('pvsched_nop a');
    expect(k.pvsched_get_vcpu_ops('nobody')).toBe(null);
    expect(k.pvsched_get_vcpu_ops('x'.repeat(32))).toBe(null);
  });

  it('have no limit, whatever PVSCHED_MAX says', () => {
    const { k } = machineOf(halts);
    for (let i = 0; i < 20; i++) expect(k.pvsched_register_vcpu_ops(driver(`d${i}`))).toBe(0);
  });
});

describe('KVM tells the driver of a VM', () => {
  it('of halts, exits and entries, in the order in which they are', () => {
    const { m, k } = machineOf(halts);
    k.pvsched_register_vcpu_ops(driver('test'));
    const end = toNumber(m.bootClock) + 20_000;
    expect(k.kvm_replace_pvsched_ops(m.kvm[0], 'test')).toBe(0);
    told.length = 0;
    for (let event = nextEvent(m); event !== null && toNumber(m.sched_clock) < end; event = nextEvent(m))
      apply(k, event);
    expect(told.filter((it) => it !== '0:1' && it !== '0:2').every((it) => it === '0:4')).toBe(true);
    expect(told).toContain('0:4');
    // an exit comes between two entries, and no halt without an exit before
    const order = told.map((it) => it.slice(2)).join('');
    expect(order).not.toMatch(/11|22|14|44/);
  });

  it('only of what it wants to hear', () => {
    const { m, k } = machineOf(halts);
    k.pvsched_register_vcpu_ops(driver('halts', 4));
    k.kvm_replace_pvsched_ops(m.kvm[0], 'halts');
    told.length = 0;
    for (let i = 0; i < 40; i++) apply(k, nextEvent(m) ?? { ev: 'advance', ns: 1 });
    expect([...new Set(told)]).toEqual(['0:4']);
  });

  it('warns when a vCPU has no thread yet, and keeps the driver that it has when a name is unknown', () => {
    const { m, k } = machineOf({ cpus: 1, vms: [{ name: 'vm', vcpus: 2 }], tasks: [{ comm: 'other', nice: -20 }] });
    k.pvsched_register_vcpu_ops(driver('test'));
    const idle = m.vcpu.filter((vcpu) => vcpu.pid < 0).length;
    expect(k.kvm_replace_pvsched_ops(m.kvm[0], 'test')).toBe(0);
    expect(m.warns).toBe(2 * idle);
    expect(k.kvm_replace_pvsched_ops(m.kvm[0], 'nobody')).toBe(-EINVAL);
    expect(m.kvm[0].pvsched_ops).toBe('test');
    expect(k.kvm_arch_vm_ioctl(m.kvm[0], 0xe5, 0)).toBe(0);
    expect(m.kvm[0].pvsched_ops).toBe(undefined);
    expect(k.kvm_arch_vm_ioctl(m.kvm[0], 0xe5, 99)).toBe(-EINVAL);
  });
});
