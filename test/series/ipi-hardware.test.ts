// SPDX-License-Identifier: GPL-2.0-only
/** AR13: what semantics-aware-v2 still sees of an IPI when hardware or the guest takes the exits away. */
import { describe, expect, it } from 'vitest';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import type { machine } from '../../src/machine/state.js';
import type { VmSpec } from '../../src/scenario/scenario.js';
import { kernelByName } from '../../src/series/registry.js';
import type { semantics_aware } from '../../src/series/semantics-aware-v2/adds.js';
import { bind } from '../../src/vmlinux/bind.js';

const kernel = kernelByName('semantics-aware-v2');

/** vCPU 0 sends to vCPU 1, which handles it and ends it: is it tracked, and is it still awaited then and 50 ms later? */
function ask(options: Partial<VmSpec>): { tracked: boolean; afterEoi: boolean; afterWindow: boolean } {
  const m: machine = boot(kernel, {
    cpus: 2,
    vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], x2apic: true, ...options }],
  });
  const awaited = (): boolean => (bind(kernel, m) as semantics_aware).kvm_vcpu_is_ipi_receiver(m.vcpu[0], m.vcpu[1]);
  drive(kernel, m, [{ ev: 'ipi', cpu: 0, to: 1, vector: 0x40 }]);
  const tracked = awaited();
  drive(kernel, m, [
    { ev: 'advance', ns: 10_000 },
    { ev: 'eoi', cpu: 1 },
    { ev: 'advance', ns: 1_000_000 },
    { ev: 'tick', cpu: 1 },
  ]);
  const afterEoi = awaited();
  drive(kernel, m, [{ ev: 'advance', ns: 50_000_000 }]);
  return { tracked, afterEoi, afterWindow: awaited() };
}

describe('an IPI that was handled and ended', () => {
  it('is awaited no more when ICR and EOI both exit', () => {
    expect(ask({})).toEqual({ tracked: true, afterEoi: false, afterWindow: false });
  });

  it('is awaited to the end of the window with APICv, whose EOI does not exit', () => {
    expect(ask({ apicv: true })).toEqual({ tracked: true, afterEoi: true, afterWindow: false });
  });

  it('is awaited to the end of the window with PV EOI, which comes by another way', () => {
    expect(ask({ pv_eoi: true })).toEqual({ tracked: true, afterEoi: true, afterWindow: false });
  });

  it('was never seen with IPI virtualization', () => {
    expect(ask({ apicv: true, ipiv: true })).toEqual({ tracked: false, afterEoi: false, afterWindow: false });
  });
});
