// SPDX-License-Identifier: GPL-2.0-only
/**
 * The status of a boost in pvsched-v1, a word without a lock: the vCPU's own exit, an interrupt from elsewhere and the VM's switch each look
 * at it, change the thread's policy, and store it.
 *
 * The request in the guest's memory is written by the guest on that vCPU alone, which does not run while its host reads; what others
 * write there is B13.
 */
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import type { machine } from '../../src/machine/state.js';
import type { Cpu, Litmus, SteppedKernel } from '../../src/races/one-order.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import { MSR_KVM_PV_SCHED } from '../../src/series/pvsched-v1/0001-kvm-x86-MSR-for-setting-up-scheduler-info-shared-mem.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import { BOOST, BOOSTED, isRealTime, sayPolicy, statusOf, UNBOOST } from '../series/pvsched-v1/monitors.js';

const VECTOR = 0x41;
const ICR_ASSERT = 1 << 14;
const PAGE = 0x2000;

const asks = (request: number): MachineEvent => ({ ev: 'store', vm: 0, gpa: PAGE + 8, value: request });
const exit: MachineEvent = { ev: 'intr', cpu: 1 };

/** Two vCPUs in the guest, each on a CPU of its own; vCPU 1 has enabled the MSR, then this happens. */
function enabled(kernel: Kernel, ...events: MachineEvent[]): machine {
  const m = boot(kernel, {
    cpus: 2,
    knobs: { halt_poll_ns: 0, kvm_pv_sched: 1 },
    vms: [{ name: 'vm', vcpus: 2, cpus: [[0], [1]], vendor: 'svm', memory: true }],
  });
  drive(kernel, m, [{ ev: 'wrmsr', vcpu: 1, msr: MSR_KVM_PV_SCHED, value: PAGE | 1, high: 0 }, ...events]);
  return m;
}

const sends: Cpu = {
  cpu: 0,
  does: 'vCPU 0 sends vector 41 to vCPU 1',
  run: (k) => k.guestIcr(0, ICR_ASSERT | VECTOR, 1),
};
const exits: Cpu = { cpu: 1, does: 'vCPU 1 exits and enters again', run: (k) => k.exitExternalInterrupt(1, 0xfd) };
const switchesOff: Cpu = {
  cpu: 0,
  does: 'the VM is switched off',
  run: (k: SteppedKernel) => k.kvm_set_pv_sched_enabled(k.m.kvm[0], false),
};

/** The status is the policy of the thread. */
function agree(m: machine): string | null {
  const [, v] = m.vcpu;
  if ((statusOf(v) === BOOSTED) === isRealTime(m, v)) return null;
  return `vCPU 1 has status ${statusOf(v)} and is ${sayPolicy(m, v)}`;
}

/** The tests of a kernel that boosts vCPUs; none for another. */
export function boostingTests(kernel: Kernel): Litmus[] {
  if (kernel.table.kvm_set_pv_sched_enabled === undefined) return [];
  return [
    {
      name: 'boosting: an interrupt against an exit that asks for nothing',
      says: 'the status is the policy of the thread when both have come to rest (B11)',
      boot: () => enabled(kernel, asks(UNBOOST)),
      cpus: [sends, exits],
      check: agree,
    },
    {
      name: 'boosting: an interrupt against the exit that unboosts',
      says: 'the status is the policy of the thread when both have come to rest (B11)',
      boot: () => enabled(kernel, asks(BOOST), exit, asks(UNBOOST)),
      cpus: [sends, exits],
      check: agree,
    },
    {
      name: 'boosting: the switch against an exit that boosts',
      says: 'the threads of a VM that is switched off are not real-time (B6)',
      boot: () => enabled(kernel, asks(BOOST)),
      cpus: [switchesOff, exits],
      check: (m) =>
        isRealTime(m, m.vcpu[1]) ? `vCPU 1 is switched off, has status ${statusOf(m.vcpu[1])}, and is real-time` : null,
    },
  ];
}
