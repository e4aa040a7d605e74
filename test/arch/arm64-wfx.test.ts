// SPDX-License-Identifier: GPL-2.0-only
/** WFI, WFE, WFIT and WFET on arm64: what each does, and when it traps at all. */
import { describe, expect, it } from 'vitest';
import type { arm64, arm64_vcpu } from '../../src/arch/arm64/handle_exit.js';
import * as wfx from '../../src/arch/arm64/handle_exit.js';
import { add, u64 } from '../../src/lib/types.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import { tableOf } from '../../src/vmlinux/bind.js';
import { type TestMachine, testMachine } from '../kvm/machine.js';

const { kvm_arch_vcpu_load, kvm_arch_vcpu_put, ...rest } = tableOf(wfx);

/** arm64's handlers on vCPUs whose threads are otherwise the test machine's; its exit handler is kvm_handle_wfx(). */
function machine(vcpus: number, cpus = 1, affinity: number[][] = []): TestMachine {
  const kernel = {
    ...linux_6_12,
    name: 'arm64',
    table: Object.freeze({
      ...linux_6_12.table,
      ...rest,
      // running, for the run loop that is not arm64's
      kvm_arch_vcpu_runnable(this: arm64, v: TestMachine['m']['vcpu'][number]): boolean {
        return (!v.arm64?.in_wfi && v.arch.mp_state === 0) || wfx.kvm_arch_vcpu_runnable.call(this, v);
      },
      vmx_handle_exit(this: arm64, v: TestMachine['m']['vcpu'][number]): number {
        if (v.arch.exit_reason !== 40) return 1;
        return this.kvm_handle_wfx(v, syndrome.value);
      },
    }),
  };
  const tm = testMachine(cpus, { vendor: 'vmx', vcpus, x2apic: true }, affinity, kernel);
  for (const v of tm.m.vcpu) v.arm64 = wfx.newArm64Vcpu();
  return tm;
}
const syndrome = { value: 0 };
const exitWith = (tm: TestMachine, cpu: number, esr: number): void => {
  syndrome.value = esr;
  tm.k.exitPause(cpu);
  tm.settle();
};
const arch = (tm: TestMachine, i: number): arm64_vcpu => tm.v(i).arm64 as arm64_vcpu;

describe('WFx', () => {
  it('WFE yields to another vCPU, from EL0 to any', () => {
    const tm = machine(2);
    tm.advance(4_000_000);
    tm.tick(0);
    tm.advance(3_900_000);
    arch(tm, 0).priv = false;
    exitWith(tm, 0, wfx.ESR_ELx_WFx_ISS_WFE);
    expect(tm.m.rq[0].curr).toBe(tm.t(1).id); // preempted at EL0: not for a spinner at EL1
    arch(tm, 1).priv = false;
    exitWith(tm, 0, wfx.ESR_ELx_WFx_ISS_WFE);
    expect(tm.m.rq[0].curr).toBe(tm.t(0).id);
    expect(arch(tm, 1).wfe_exit_stat).toBe(2);
  });

  it('WFI halts until the vgic has something', () => {
    const tm = machine(1);
    exitWith(tm, 0, 0);
    expect(tm.k.kvm_vcpu_is_blocking(tm.v(0))).toBe(true);
    expect([arch(tm, 0).in_wfi, arch(tm, 0).in_wfit, arch(tm, 0).wfi_exit_stat]).toEqual([true, false, 1]);
    arch(tm, 0).vgic_pending = true;
    tm.m.cpu = 0;
    tm.k.kvm_vcpu_wake_up(tm.v(0));
    tm.settle();
    expect(arch(tm, 0).in_wfi).toBe(false);
    expect(tm.k.guestOn(0)).toBe(tm.v(0).id);
  });

  it('a timed wait whose time is past goes on at once; WFET takes no other notice of its time', () => {
    const tm = machine(1);
    const timed = wfx.ESR_ELx_WFx_ISS_WFxT | wfx.ESR_ELx_WFx_ISS_RV;
    arch(tm, 0).rt = u64(1);
    exitWith(tm, 0, timed);
    expect(tm.k.guestOn(0)).toBe(tm.v(0).id);
    arch(tm, 0).rt = add(tm.m.sched_clock, u64(1_000_000));
    exitWith(tm, 0, timed | wfx.ESR_ELx_WFx_ISS_WFE);
    expect(tm.k.guestOn(0)).toBe(tm.v(0).id);
    exitWith(tm, 0, timed);
    expect(arch(tm, 0).in_wfit).toBe(true);
    tm.advance(1_000_000);
    tm.m.cpu = 0;
    tm.k.kvm_vcpu_wake_up(tm.v(0)); // the background timer
    tm.settle();
    expect(arch(tm, 0).in_wfit).toBe(false);
  });
});

describe('traps', () => {
  it('are decided at load: WFE by company, WFI by company and by who delivers interrupts', () => {
    const tm = machine(1);
    const v = tm.v(0);
    const load = (): string => {
      tm.m.cpu = 0;
      wfx.kvm_arch_vcpu_load.call(tm.k as unknown as arm64, v, 0);
      const { hcr_el2 } = arch(tm, 0);
      return `${hcr_el2 & wfx.HCR_TWE ? 'twe' : ''} ${hcr_el2 & wfx.HCR_TWI ? 'twi' : ''}`.trim();
    };
    expect(load()).toBe('twi');
    arch(tm, 0).vlpi_count = 1;
    expect(load()).toBe('');
    tm.host('other', [0]);
    expect(load()).toBe('twe twi');
    tm.m.arm64 = { kvm_wfi_trap_policy: wfx.KVM_WFX_NOTRAP, kvm_wfe_trap_policy: wfx.KVM_WFX_NOTRAP };
    expect(load()).toBe('');
    tm.m.arm64 = { kvm_wfi_trap_policy: wfx.KVM_WFX_TRAP, kvm_wfe_trap_policy: wfx.KVM_WFX_TRAP };
    expect(load()).toBe('twe twi');
    expect([typeof kvm_arch_vcpu_load, typeof kvm_arch_vcpu_put]).toEqual(['function', 'function']);
  });
});
