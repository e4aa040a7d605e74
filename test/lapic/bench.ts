// SPDX-License-Identifier: GPL-2.0-only
/** vCPUs whose APICs are on, for tests that say one thing about them. */
import { u64 } from '../../src/lib/types.js';
import { createLapicMachine, type LapicMachine, type LapicOptions, startAps } from '../../src/machine/lapic-machine.js';
import { linux_6_12 } from '../../src/series/linux-6.12.js';
import type { trace_event } from '../../src/trace/trace-event.js';

export interface Bench extends LapicMachine {
  traces: trace_event[];
  write(cpu: number, register: number, value: number): number;
  /** MSR; true when it is #GP */
  wrmsr(cpu: number, msr: number, value: number | bigint): boolean;
  x2apic(...cpus: number[]): Bench;
  names(): string[];
}

/** Every vCPU runs, with its APIC enabled in xAPIC mode, flat logical id 1 << index. */
export function bench(vcpus = 4, options: Partial<LapicOptions> = {}): Bench {
  const traces: trace_event[] = [];
  const machine = createLapicMachine(linux_6_12, { vcpus, ...options, tp: (e) => void traces.push(e) });
  startAps(machine);
  const b: Bench = {
    ...machine,
    traces,
    write: (cpu, register, value) => machine.k.kvm_lapic_reg_write(machine.vcpus[cpu].arch.apic, register, value >>> 0),
    wrmsr: (cpu, msr, value) =>
      machine.k.kvm_set_msr_commonApic(machine.vcpus[cpu], { host_initiated: false, index: msr, data: u64(value) }) ===
      1,
    x2apic(...cpus) {
      for (const c of cpus) b.wrmsr(c, 0x1b, 0xfee0_0c00 + (c === 0 ? 0x100 : 0));
      return b;
    },
    names: () => traces.map((t) => t.event),
  };
  machine.vcpus.forEach((_, i) => {
    b.write(i, 0xf0, 0x1ff);
    b.write(i, 0xd0, (1 << i) << 24);
  });
  traces.length = 0;
  return b;
}
