// SPDX-License-Identifier: GPL-2.0-only
/** The claims on WFx trap control: recorded verdicts are found again, planted faults are noticed, refutations have a cause. */
import { describe, expect, it } from 'vitest';
import { claimsOf, familiesOfArm64, recorded } from '../../properties/claims.js';
import { versions } from '../../properties/series/wfx/index.js';
import type { Property, Verdict } from '../../properties/vocabulary.js';
import { KVM_WFX_TRAP, type kvm_vcpu } from '../../src/arch/arm64/kvm_host.js';
import { machineEngine } from '../../src/explore/machine-engine.js';
import { runRandom } from '../../src/explore/random.js';
import { baseKernel, findSeries, kernelByName, seriesKernel } from '../../src/series/registry.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_arm64 } from '../../src/vmlinux/vmlinux-arm64.js';

const propertiesOf = (id: string): Property[] => claimsOf(id).flatMap((claim) => claim.properties);
const byId = (id: string, property: string): Property => propertiesOf(id).find((p) => p.id === property) as Property;

function verdict(kernel: Kernel, property: Property): Verdict {
  if (property.about !== undefined && kernel.table[property.about] === undefined) return 'vacuous';
  const whole = property.given.whole === true;
  const limits = whole ? { runs: 2, events: 2_500 } : { runs: 25, events: 1_300 };
  const found = runRandom({ engine: machineEngine, kernel, property, seed: 1, ...limits, unshrunk: true });
  if (found.failure !== null) return 'refuted';
  if (property.word === 'sometimes') return found.witness === null ? 'unreachable' : 'holds';
  return found.reached === 0 ? 'vacuous' : 'holds';
}

/** With these functions in place of some that the kernel has. */
function instead(kernel: Kernel, funcs: Readonly<Record<string, AnyFunction>>): Kernel {
  const there = Object.fromEntries(Object.entries(funcs).filter(([name]) => kernel.table[name] !== undefined));
  return { ...kernel, name: `${kernel.name}, changed`, table: Object.freeze({ ...kernel.table, ...there }) };
}

const kernelOf = (id: string): Kernel => seriesKernel(findSeries(id)!);

describe('claims on WFx trap control', () => {
  it.each(versions.map((id) => [id]))('%s: each has properties, or a reason why no model can answer', (id) => {
    const claims = claimsOf(id);
    expect(claims.map((claim) => claim.id).filter((it) => it.startsWith('DR'))).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((n) => `DR${n}`),
    );
    for (const claim of claims) {
      expect(claim.words.length).toBeLessThanOrEqual(60);
      expect(claim.properties.length === 0).toBe(claim.unanswerable !== undefined);
      for (const [i, p] of claim.properties.entries()) expect(p.id).toBe(`${claim.id}.${i + 1}`);
    }
    for (const p of propertiesOf(id)) {
      const names = [baseKernel(findSeries(id)!).name, kernelOf(id).name];
      expect(Object.keys(recorded[p.id] ?? {}), p.id).toEqual(expect.arrayContaining(names));
    }
  });

  // of every version what it changes, and of the one that was merged everything
  const cases = versions.flatMap((id) => {
    const [base, own] = [baseKernel(findSeries(id)!).name, kernelOf(id).name];
    const changes = (p: Property): boolean => recorded[p.id]![base] !== recorded[p.id]![own];
    return propertiesOf(id)
      .filter((p) => id === 'wfx-v6' || changes(p))
      .map((p) => [p.id, id, p] as const);
  });
  it.each(cases)('%s on %s: as recorded', (_property, id, p) => {
    const kernel = kernelOf(id);
    expect(verdict(kernel, p)).toBe(recorded[p.id]![kernel.name]);
  });

  const noticed = [
    ...propertiesOf('wfx-v6').map((p) => ['wfx-v6', p] as const),
    ...propertiesOf('wfx-v2')
      .filter(({ about }) => about !== undefined)
      .map((p) => ['wfx-v2', p] as const),
    ...propertiesOf('wfx-2026')
      .filter(({ claim }) => claim === 'D6')
      .map((p) => ['wfx-2026', p] as const),
  ].filter(([id, p]) => recorded[p.id]![kernelOf(id).name] !== 'vacuous' || p.fault.funcs['vcpu_clear_wfx_traps']);
  it.each(noticed.map(([id, p]) => [p.id, p.fault.says, id, p] as const))('%s notices that %s', (_id, _says, id, p) => {
    expect(verdict(instead(kernelOf(id), p.fault.funcs), p)).toBe(p.word === 'sometimes' ? 'unreachable' : 'refuted');
  });
});

describe('the family of arm64', () => {
  const family = familiesOfArm64.flatMap((claim) => claim.properties).map((p) => [p.id, p] as const);
  const pin = kernelByName('v6.12.117-arm64');
  it.each(family)('%s: as recorded, and notices its fault', (id, p) => {
    expect(verdict(pin, p)).toBe(recorded[id]![pin.name]);
    expect(verdict(instead(pin, p.fault.funcs), p)).toBe('refuted');
  });
});

describe('a refutation goes away with its cause', () => {
  const clears = {
    vcpu_clear_wfi_trap(this: vmlinux_arm64, v: kvm_vcpu) {
      v.arch.hcr_el2 &= ~(1 << 13);
    },
  };
  const asked = {
    kvm_should_clear_wfx_trap(this: vmlinux_arm64, p: number) {
      return p === 1 || (p === 0 && this.single_task_running());
    },
  };
  it('D3.1 on v4: with a helper that clears, and notrap without a GICv4', () => {
    const p = byId('wfx-v4', 'D3.1');
    expect(verdict(instead(kernelOf('wfx-v4'), clears), p)).toBe('refuted');
    expect(verdict(instead(kernelOf('wfx-v4'), asked), p)).toBe('refuted');
    expect(verdict(instead(kernelOf('wfx-v4'), { ...clears, ...asked }), p)).toBe('holds');
    expect(verdict(instead(kernelOf('wfx-v4'), clears), byId('wfx-v4', 'DR6.1'))).toBe('holds');
  });

  it('D1.1, DR7.1 and DR7.2 on v5: decided at each load again', () => {
    const { kvm_arch_vcpu_loadTraps } = kernelByName('v6.12.117-arm64').table as Record<string, AnyFunction>;
    const kernel = instead(kernelOf('wfx-v5'), { kvm_arch_vcpu_loadTraps: kvm_arch_vcpu_loadTraps! });
    for (const id of ['D1.1', 'DR7.1', 'DR7.2']) {
      expect(verdict(kernelOf('wfx-v5'), byId('wfx-v5', id)), id).toBe('refuted');
      expect(verdict(kernel, byId('wfx-v5', id)), id).toBe('holds');
    }
  });

  it('DR1.1, DR2.1 and DR3.1 on v6: where the host traps', () => {
    for (const id of ['DR1.1', 'DR2.1', 'DR3.1']) {
      const p = byId('wfx-v6', id);
      const given = { ...p.given, scenario: p.given.scenario.map((s) => ({ ...s, knobs: TRAPS })) };
      expect(verdict(kernelOf('wfx-v6'), { ...p, given }), id).toBe('holds');
    }
  });
});

const TRAPS = { kvm_wfi_trap_policy: KVM_WFX_TRAP, kvm_wfe_trap_policy: KVM_WFX_TRAP };
