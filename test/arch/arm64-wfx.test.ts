// SPDX-License-Identifier: GPL-2.0-only
/** WFI, WFE, WFIT and WFET on a machine of arm64: what each does, when it traps, and what ends it. */
import { describe, expect, it } from 'vitest';
import { KVM_WFX_NOTRAP, KVM_WFX_TRAP, VTIMER_PPI } from '../../src/arch/arm64/kvm_host.js';
import { toNumber } from '../../src/lib/types.js';
import { legal } from '../../src/machine/event-table.js';
import type { Scenario } from '../../src/scenario/scenario.js';
import { pinArm64 } from '../../src/series/registry.js';
import { arm64 } from './arm64.js';

const MS = 1_000_000;
const US = 1_000;
const one = (more: Partial<Scenario> = {}, vm: object = {}): Omit<Scenario, 'arch'> => ({
  cpus: 1,
  vms: [{ name: 'vm', vcpus: 1, ...vm }],
  ...more,
});
/** WFI does not trap: an assigned device's LPIs come without the host */
const direct = (more: Partial<Scenario> = {}): Omit<Scenario, 'arch'> => one({ gic: 'v4', ...more }, { vlpis: 1 });

describe('WFI that traps', () => {
  it('halts; an LPI through KVM wakes, and the instruction is behind', () => {
    const { m, k, v, arch, does, traps, traced, pass } = arm64(one());
    expect(traps(0)).toBe('twi');
    does({ ev: 'wfi', cpu: 0 });
    expect(traced()).toContain('kvm_wfx_arm64');
    expect([k.kvm_vcpu_is_blocking(v[0]!), arch(0).in_wfi, arch(0).pc, m.rq[0]!.curr]).toEqual([true, true, 0, 0]);
    pass(3 * MS);
    does({ ev: 'lpi', cpu: 0, vcpu: 0, intid: 8192, direct: false });
    expect([arch(0).in_wfi, arch(0).pc, arch(0).running, k.guestOn(0)]).toEqual([false, 4, [8192], v[0]!.id]);
    expect(arch(0).wfi_exit_stat).toBe(1);
  });

  it('halts until the virtual timer, whose interrupt comes once', () => {
    const { runUntil, arch, traces, m } = arm64(
      one(
        {},
        {
          programs: [{ op: 'timer', ns: 900 * US, vector: VTIMER_PPI }, { op: 'wfi' }, { op: 'compute', ns: 100 * US }],
        },
      ),
    );
    runUntil(10 * MS);
    const laps = m.actor.reduce((sum, actor) => sum + actor.laps, 0);
    expect(laps).toBe(9);
    const raised = traces.filter((t) => t.event === 'vgic_update_irq_pending' && t.fields['level'] === true);
    // the last one is not through yet
    expect(raised.length).toBe(laps + 1);
    expect(arch(0).wfi_exit_stat).toBe(10);
    // off its CPU for nine tenths of the time
    const ran = toNumber(m.se[m.task[m.vcpu[0]!.pid]!.se]!.sum_exec_runtime);
    expect(ran).toBeLessThan(1.1 * MS);
  });

  it('with the interrupt pending does not wait; masked, it wakes without being taken', () => {
    const { arch, does, k, v } = arm64(one());
    does(
      { ev: 'if', cpu: 0, on: false },
      { ev: 'wfi', cpu: 0 },
      { ev: 'lpi', cpu: 0, vcpu: 0, intid: 8192, direct: false },
    );
    expect([arch(0).running, k.guestOn(0), arch(0).wfi_exit_stat]).toEqual([[], v[0]!.id, 1]);
    does({ ev: 'wfi', cpu: 0 });
    expect(arch(0).wfi_exit_stat).toBe(1);
    does({ ev: 'if', cpu: 0, on: true });
    expect(arch(0).running).toEqual([8192]);
  });
});

describe('WFI that does not trap', () => {
  it('leaves the thread running; its interrupt comes without an exit', () => {
    const { arch, does, k, v, traps, traced, pass, m } = arm64(direct());
    // decided at the load that follows the guest's boot
    does({ ev: 'wfi', cpu: 0 }, { ev: 'lpi', cpu: 0, vcpu: 0, intid: 8192, direct: true }, { ev: 'eoi', cpu: 0 });
    expect(traps(0)).toBe('');
    traced();
    does({ ev: 'wfi', cpu: 0 });
    pass(3 * MS);
    expect([arch(0).standing, m.rq[0]!.curr, k.guestOn(0)]).toEqual(['wfi', v[0]!.pid, v[0]!.id]);
    does({ ev: 'lpi', cpu: 0, vcpu: 0, intid: 8193, direct: true });
    expect([arch(0).standing, arch(0).running]).toEqual(['no', [8193]]);
    expect(traced().filter((event) => event === 'kvm_exit')).toEqual([]);
  });

  it('is over with any exit', () => {
    const { arch, does, traps } = arm64(direct());
    does({ ev: 'wfi', cpu: 0 });
    if (traps(0) !== '')
      does({ ev: 'lpi', cpu: 0, vcpu: 0, intid: 8192, direct: true }, { ev: 'eoi', cpu: 0 }, { ev: 'wfi', cpu: 0 });
    expect(arch(0).standing).toBe('wfi');
    does({ ev: 'tick', cpu: 0 });
    expect(arch(0).standing).toBe('no');
  });

  it('rings the doorbell of a vCPU that blocked', () => {
    const { arch, does, k, v } = arm64({ ...direct(), knobs: { kvm_wfi_trap_policy: KVM_WFX_TRAP } });
    does({ ev: 'wfi', cpu: 0 });
    expect([k.kvm_vcpu_is_blocking(v[0]!), arch(0).vgic_cpu.its_vpe.doorbell]).toEqual([true, true]);
    does({ ev: 'lpi', cpu: 0, vcpu: 0, intid: 8192, direct: true });
    expect([arch(0).running, arch(0).vgic_cpu.its_vpe.resident]).toEqual([[8192], true]);
  });
});

describe('timed forms', () => {
  it('WFIT halts until its deadline', () => {
    const { arch, does, k, v, pass } = arm64(one());
    does({ ev: 'wfit', cpu: 0, ns: 2 * MS });
    expect([k.kvm_vcpu_is_blocking(v[0]!), arch(0).in_wfit]).toEqual([true, true]);
    pass(2 * MS - 1);
    expect(k.guestOn(0)).toBe(-1);
    pass(1);
    expect([k.guestOn(0), arch(0).in_wfit, arch(0).pc]).toEqual([v[0]!.id, false, 4]);
  });

  it('stand still until then where they do not trap; WFE ends with the event stream', () => {
    const { arch, does, pass } = arm64({
      ...one(),
      knobs: { kvm_wfi_trap_policy: KVM_WFX_NOTRAP, kvm_wfe_trap_policy: KVM_WFX_NOTRAP },
    });
    does({ ev: 'wfit', cpu: 0, ns: 2 * MS });
    pass(2 * MS - 1);
    expect(arch(0).standing).toBe('wfi');
    pass(1);
    expect(arch(0).standing).toBe('no');
    does({ ev: 'wfet', cpu: 0, ns: 30 * US });
    pass(30 * US);
    expect(arch(0).standing).toBe('no');
    does({ ev: 'wfe', cpu: 0 });
    expect(arch(0).standing).toBe('wfe');
    pass(100 * US);
    expect(arch(0).standing).toBe('no');
  });

  it('of WFET, the deadline counts only when it is past', () => {
    const { arch, does, k, v } = arm64({ ...one(), knobs: { kvm_wfe_trap_policy: KVM_WFX_TRAP } });
    does({ ev: 'wfet', cpu: 0, ns: 5 * MS });
    expect([arch(0).wfe_exit_stat, k.guestOn(0)]).toEqual([1, v[0]!.id]);
  });
});

describe('WFE that traps', () => {
  it('yields to another vCPU; from EL1 not to one that was preempted at EL0', () => {
    let asked = 0;
    const kvm_vcpu_yield_to = (): number => {
      asked++;
      return 0;
    };
    const kernel = { ...pinArm64, table: Object.freeze({ ...pinArm64.table, kvm_vcpu_yield_to }) };
    const { m, does, v, arch, pass } = arm64({ cpus: 1, vms: [{ name: 'vm', vcpus: 2 }] }, kernel);
    pass(4 * MS);
    does({ ev: 'cpl', cpu: 0, cpl: 3 }, { ev: 'tick', cpu: 0 });
    const first = m.rq[0]!.curr === v[0]!.pid ? 1 : 0;
    expect([v[first]!.preempted, arch(first).priv]).toEqual([true, false]);
    does({ ev: 'wfe', cpu: 0 });
    expect(asked).toBe(0);
    does({ ev: 'cpl', cpu: 0, cpl: 3 }, { ev: 'wfe', cpu: 0 });
    expect(asked).toBe(1);
  });

  it('is what spin loops do', () => {
    const held = { op: 'lock', lock: 0 } as const;
    const holder = [
      { op: 'compute', ns: 10 * US },
      held,
      { op: 'compute', ns: 2 * MS },
      { op: 'unlock', lock: 0 },
    ] as const;
    const { runUntil, arch } = arm64({
      cpus: 2,
      tasks: [{ comm: 'hog', cpus: [1] }],
      vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], programs: [[...holder], [...holder]] }],
    });
    runUntil(30 * MS);
    expect(arch(1).wfe_exit_stat).toBeGreaterThan(100);
  });
});

describe('SGIs', () => {
  it('are taken by who runs, after an exit that a kick makes; with nASSGIreq without one', () => {
    for (const nassgireq of [false, true]) {
      const gic = nassgireq ? 'v4.1' : 'v3';
      const { arch, does, traces } = arm64({
        cpus: 2,
        gic,
        vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], nassgireq }],
      });
      traces.length = 0;
      does({ ev: 'ipi', cpu: 0, to: 1, vector: 5 });
      expect(arch(1).running).toEqual([5]);
      const exits = traces.filter((t) => t.event === 'kvm_exit' && t.cpu === 1);
      expect(exits.length).toBe(nassgireq ? 0 : 1);
    }
  });
});

describe('traps', () => {
  it('are decided at load: WFE by company, WFI by company and by who delivers interrupts', () => {
    const load = (scenario: Omit<Scenario, 'arch'>, vlpis = 0): string => {
      const { m, k, v, arch, traps } = arm64(scenario);
      arch(0).vgic_cpu.its_vpe.vlpi_count = vlpis;
      m.cpu = 0;
      k.kvm_arch_vcpu_put(v[0]!);
      k.kvm_arch_vcpu_load(v[0]!, 0);
      return traps(0);
    };
    const company = { tasks: [{ comm: 'other' }] };
    expect(load(one())).toBe('twi');
    expect(load(one(), 1)).toBe('');
    expect(load(one(company), 1)).toBe('twe twi');
    const both = (policy: number) => ({ knobs: { kvm_wfi_trap_policy: policy, kvm_wfe_trap_policy: policy } });
    expect(load(one({ ...company, ...both(KVM_WFX_NOTRAP) }))).toBe('');
    expect(load(one(both(KVM_WFX_TRAP)), 1)).toBe('twe twi');
  });
});

describe('an arm64 machine', () => {
  it('has none of the events of an x86 one', () => {
    const { m } = arm64(one());
    const x86 = [
      ...(['pause', 'hlt'] as const).map((ev) => ({ ev, cpu: 0 })),
      { ev: 'icr', cpu: 0, low: 0x41, dest: 0 } as const,
      { ev: 'cr8', vcpu: 0, value: 0 } as const,
      { ev: 'rdmsr', vcpu: 0, msr: 0x802 } as const,
      { ev: 'restore', vcpu: 0 } as const,
      { ev: 'apicv', cpu: 0, vm: 0, on: true } as const,
    ];
    for (const event of x86) expect([event.ev, legal(m, event)]).toEqual([event.ev, false]);
  });
});
