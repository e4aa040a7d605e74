// SPDX-License-Identifier: GPL-2.0-only
/** Small machines on which two CPUs are in lockless code at the same time, and what must hold in every order. */
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import { checkKvm } from '../../src/machine/invariants-kvm.js';
import type { machine } from '../../src/machine/state.js';
import { vcpuStateOf } from '../../src/machine/vcpu-life.js';
import type { Cpu, Litmus, SteppedKernel } from '../../src/races/one-order.js';
import type { VmSpec } from '../../src/scenario/scenario.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { boostingTests } from './boosting.js';
import { trackingTests } from './tracking.js';
import { yieldingTests } from './yielding.js';

const VECTOR = 0x41;
const OTHER = 0x51;
const ICR_ASSERT = 1 << 14;

/** vCPU 0 in the guest on CPU 0, vCPU 1 on CPU 1; halts are not polled. */
function pair(kernel: Kernel, vm: Partial<VmSpec>): machine {
  return boot(kernel, {
    cpus: 2,
    knobs: { halt_poll_ns: 0 },
    vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], ...vm }],
  });
}

const sends = (vector: number): Cpu => ({
  cpu: 0,
  does: `vCPU 0 sends vector ${vector.toString(16)} to vCPU 1`,
  run: (k: SteppedKernel) => k.guestIcr(0, ICR_ASSERT | vector, 1),
});
const halts: Cpu = {
  cpu: 1,
  does: 'vCPU 1 halts',
  *run(k, m) {
    // an interrupt that the CPU delivered before the HLT has its handler run first; the guest does not halt in there
    if (m.vcpu[1].arch.taken.length === 0) yield* k.exitHlt(1);
  },
};
const exits: Cpu = { cpu: 1, does: 'vCPU 1 exits and enters again', run: (k) => k.exitExternalInterrupt(1, 0xfd) };
const spins: Cpu = { cpu: 1, does: 'vCPU 1 makes a PAUSE exit', run: (k) => k.exitPause(1) };
const ends: Cpu = { cpu: 1, does: 'vCPU 1 writes EOI', run: (k) => k.guestEoi(1) };

const opens: Cpu = { cpu: 1, does: 'vCPU 1 sets RFLAGS.IF', run: (k) => k.guestSetIf(1, true) };

/** How often vCPU 1's guest has taken the vector. */
function taken(m: machine, vector: number): number {
  return m.actor[m.vcpu[1].pid].handlers.filter((h) => h.vector === vector).length;
}

function arrives(m: machine, vector: number, times = 1): string | null {
  const got = taken(m, vector);
  if (got === times) return null;
  const state = vcpuStateOf(m, m.vcpu[1]);
  return `vector ${vector.toString(16)} was taken ${got} times, not ${times}; vCPU 1 is ${state}`;
}

const SETUPS: readonly [string, Partial<VmSpec>][] = [
  ['VMX', { vendor: 'vmx' }],
  ['VMX with posted interrupts', { vendor: 'vmx', apicv: true }],
  ['SVM', { vendor: 'svm' }],
  ['SVM with AVIC', { vendor: 'svm', apicv: true, x2apic: false }],
];

/** Every litmus test, for a kernel. */
export function litmusTests(kernel: Kernel): Litmus[] {
  return [...deliveryTests(kernel), ...yieldingTests(kernel), ...trackingTests(kernel), ...boostingTests(kernel)];
}

function deliveryTests(kernel: Kernel): Litmus[] {
  return SETUPS.flatMap(([name, vm]): Litmus[] => [
    {
      name: `halt against interrupt, ${name}`,
      says: 'an interrupt for a vCPU that halts is taken, once',
      boot: () => pair(kernel, vm),
      cpus: [sends(VECTOR), halts],
      check: (m) => arrives(m, VECTOR),
    },
    {
      name: `entry against interrupt, ${name}`,
      says: 'an interrupt for a vCPU on its way into the guest is taken, once',
      boot: () => pair(kernel, vm),
      cpus: [sends(VECTOR), exits],
      check: (m) => arrives(m, VECTOR),
    },
    {
      name: `spin against interrupt, ${name}`,
      says: 'an interrupt for a vCPU in kvm_vcpu_on_spin() is taken, once',
      boot: () => pair(kernel, vm),
      cpus: [sends(VECTOR), spins],
      check: (m) => arrives(m, VECTOR),
    },
    {
      name: `EOI against interrupt, ${name}`,
      says: 'an interrupt that comes while another is ended is taken when that one has returned',
      boot: () => withInService(kernel, pair(kernel, vm)),
      cpus: [sends(OTHER), ends],
      check: (m) => arrives(m, OTHER),
    },
    {
      name: `injection against interrupt, ${name}`,
      says: 'irr_pending is not false while IRR holds a vector',
      boot: () => withPending(kernel, pair(kernel, vm)),
      cpus: [sends(OTHER), opens],
      check: (m) => checkKvm(m)[0] ?? null,
    },
  ]);
}

/** vCPU 1 handles VECTOR and has interrupts on again, as a nesting guest does. */
function withInService(kernel: Kernel, m: machine): machine {
  drive(kernel, m, [
    { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
    { ev: 'if', cpu: 1, on: true },
  ]);
  return m;
}

/** vCPU 1 has interrupts off, and VECTOR waits for it. */
function withPending(kernel: Kernel, m: machine): machine {
  drive(kernel, m, [
    { ev: 'if', cpu: 1, on: false },
    { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
  ]);
  return m;
}
