// SPDX-License-Identifier: GPL-2.0-only
/** WFx trap control as posted: interfaces, and the mistakes that each version has. */
import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../src/scenario/scenario.js';
import { findSeries, pinArm64, seriesKernel } from '../../src/series/registry.js';
import { arm64 } from '../arch/arm64.js';

const EINVAL = 22;
/** A machine whose guest has booted. */
function on(id: string, more: Partial<Scenario> = {}, vm: object = {}) {
  const a = arm64({ cpus: 1, vms: [{ name: 'vm', vcpus: 1, ...vm }], ...more }, seriesKernel(findSeries(id)!));
  while (!a.arch(0).initialized) a.does({ ev: 'advance', ns: 4_000_000 }, { ev: 'tick', cpu: 0 });
  return a;
}

/** The traps of vCPU 0 after a load, beside so many host tasks. */
function loaded(a: ReturnType<typeof arm64>): string {
  a.m.cpu = 0;
  a.k.kvm_arch_vcpu_put(a.v[0]!);
  a.k.kvm_arch_vcpu_load(a.v[0]!, 0);
  return a.traps(0);
}
const company = { tasks: [{ comm: 'other' }] };
const direct = { gic: 'v4' } as const;

describe('v1', () => {
  it('has a capability that userspace cannot find, and that leaves WFI trapped without direct injection', () => {
    const a = on('wfx-v1', company);
    const kvm = a.k.m.kvm[0]!;
    expect(loaded(a)).toBe('twe twi');
    expect(a.k.kvm_vm_ioctl_check_extension(kvm, 236)).toBe(0);
    expect(a.k.kvm_vm_ioctl_enable_cap(kvm, 235, 0)).toBe(-EINVAL);
    expect(a.k.kvm_vm_ioctl_enable_cap(kvm, 236, 0)).toBe(0);
    expect(loaded(a)).toBe('twi');
    const b = on('wfx-v1', { ...company, ...direct }, { vlpis: 1 });
    b.does({ ev: 'vm_ioctl', vm: 0, nr: 236, arg: 0 });
    expect(loaded(b)).toBe('');
  });
});

describe('v2', () => {
  it('traps beyond the threshold; WFI always where interrupts need the host', () => {
    const a = on('wfx-v2', { tasks: [{ comm: 'a' }, { comm: 'b' }] });
    const set = (depth: number): string => {
      a.does({ ev: 'vm_ioctl', vm: 0, nr: 236, arg: depth });
      return loaded(a);
    };
    expect(a.k.kvm_vm_ioctl_check_extension(a.k.m.kvm[0]!, 236)).toBe(1);
    expect(loaded(a)).toBe('twe twi');
    expect([set(2), set(3), set(1000), set(0)]).toEqual(['twe twi', 'twi', 'twi', 'twe twi']);
  });
});

describe('v3', () => {
  it('never passes through without a GICv4, whatever it is asked', () => {
    const knobs = { kvm_interrupt_passthrough: 1 };
    expect(loaded(on('wfx-v3', { knobs }))).toBe('twe twi');
    expect(loaded(on('wfx-v3', { knobs, ...company, ...direct }, { vlpis: 1 }))).toBe('');
    expect(loaded(on('wfx-v3', { knobs, ...company, ...direct }))).toBe('twi');
    expect(loaded(on('wfx-v3', { knobs: { kvm_interrupt_passthrough: 2 } }))).toBe('twe twi');
  });
});

describe('v4', () => {
  it('tells WFI from WFE; notrap needs a GICv4, and for WFI direct injection', () => {
    const knobs = (wfi: number, wfe: number) => ({ knobs: { kvm_wfi_trap_policy: wfi, kvm_wfe_trap_policy: wfe } });
    expect(loaded(on('wfx-v4', knobs(1, 1)))).toBe('twe twi');
    expect(loaded(on('wfx-v4', { ...knobs(1, 2), ...company, ...direct }, { vlpis: 1 }))).toBe('twe');
    expect(loaded(on('wfx-v4', { ...knobs(1, 1), ...company, ...direct }))).toBe('twi');
  });
});

describe('v5', () => {
  it('keeps what was decided at KVM_ARM_VCPU_INIT, before any LPI was mapped', () => {
    const a = on('wfx-v5', direct, { vlpis: 1 });
    expect([loaded(a), a.arch(0).vgic_cpu.its_vpe.vlpi_count]).toEqual(['twi', 1]);
    const b = on('wfx-v5', { ...company, ...direct }, { vlpis: 1 });
    expect(b.m.rq[0]!.nr_running).toBe(2);
    const before = loaded(b);
    for (let i = 0; i < 20; i++) b.does({ ev: 'advance', ns: 4_000_000 }, { ev: 'tick', cpu: 0 });
    expect(loaded(b)).toBe(before);
    expect(before).toBe('twe twi');
  });
});

describe('v6', () => {
  it('is what the pin has', () => {
    const pin = seriesKernel(findSeries('wfx-v6')!).table;
    for (const name of ['kvm_vcpu_should_clear_twi', 'kvm_vcpu_should_clear_twe', 'kvm_arch_vcpu_loadTraps'])
      expect(pin[name]).toBe(pinArm64.table[name]);
  });

  it('upholds notrap without a GICv4, and in company', () => {
    const knobs = { kvm_wfi_trap_policy: 1, kvm_wfe_trap_policy: 1 };
    expect(loaded(on('wfx-v6', { ...company, knobs }))).toBe('');
  });
});

describe('2026', () => {
  it('passes its selftest: mask, each bit, both, none, and a bit that is not known', () => {
    const a = on('wfx-2026', company);
    const kvm = a.k.m.kvm[0]!;
    expect(a.k.kvm_vm_ioctl_check_extension(kvm, 248)).toBe(3);
    expect([1, 2, 3, 0].map((mask) => a.k.kvm_vm_ioctl_enable_cap(kvm, 248, mask))).toEqual([0, 0, 0, 0]);
    expect(a.k.kvm_vm_ioctl_enable_cap(kvm, 248, 2 ** 31)).toBe(-EINVAL);
  });

  it('stores nothing of a mask with an unknown bit; works at the next load', () => {
    const a = on('wfx-2026', company);
    a.does({ ev: 'vm_ioctl', vm: 0, nr: 248, arg: 5 });
    expect(loaded(a)).toBe('twe twi');
    a.does({ ev: 'vm_ioctl', vm: 0, nr: 248, arg: 1 });
    expect(a.traps(0)).toBe('twe twi');
    expect(loaded(a)).toBe('twe');
  });
});

describe('on nohz_full CPUs alone', () => {
  it('traps by default, and not a lone vCPU on such a CPU', () => {
    expect(loaded(on('wfx-nohz-full', direct, { vlpis: 1 }))).toBe('twe twi');
    const knobs = { nohz_full: 1 };
    expect(loaded(on('wfx-nohz-full', { ...direct, knobs }, { vlpis: 1 }))).toBe('');
    expect(loaded(on('wfx-nohz-full', { ...direct, ...company, knobs }, { vlpis: 1 }))).toBe('twe twi');
  });
});
