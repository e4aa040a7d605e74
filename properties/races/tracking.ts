// SPDX-License-Identifier: GPL-2.0-only
/**
 * IPI tracking of semantics-aware-v2 while sender and receiver go on at the same time: whom a sender awaits when all
 * have come to rest. Two halves of a claim: who has answered is awaited no more (else it is stale), who has not is
 * still awaited (else it is clobbered).
 */
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import type { machine } from '../../src/machine/state.js';
import type { Cpu, Litmus } from '../../src/races/one-order.js';
import { litmusOf, parseCase } from '../../src/races/world.js';
import type { semantics_aware } from '../../src/series/semantics-aware-v2/adds.js';
import type { Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

const FIRST = 0x41;
const SECOND = 0x51;
/** of a lower class than FIRST: it waits for the end of that */
const LATER = 0x31;
const ICR_ASSERT = 1 << 14;

/** Whether vCPU `sender` awaits vCPU `receiver`. */
function awaits(m: machine, plain: vmlinux_x86, sender: number, receiver: number): boolean {
  return (plain as semantics_aware).kvm_vcpu_is_ipi_receiver(m.vcpu[sender], m.vcpu[receiver]);
}

/** Every vCPU in the guest on a CPU of its own. */
function idle(kernel: Kernel, vcpus: number): machine {
  return boot(kernel, {
    cpus: vcpus,
    knobs: { halt_poll_ns: 0 },
    vms: [{ name: 'vm', vcpus, cpus: Array.from({ length: vcpus }, (_, i) => [i]), vendor: 'vmx' }],
  });
}

/** vCPU 1 has FIRST in service, from vCPU 0, and interrupts on again. */
function answering(kernel: Kernel, vcpus: number): machine {
  const m = idle(kernel, vcpus);
  drive(kernel, m, [
    { ev: 'ipi', cpu: 0, to: 1, vector: FIRST },
    { ev: 'if', cpu: 1, on: true },
  ]);
  return m;
}

const sends = (from: number, vector: number, to: number): Cpu => ({
  cpu: from,
  does: `vCPU ${from} sends vector ${vector.toString(16)} to vCPU ${to}`,
  run: (k) => k.guestIcr(from, ICR_ASSERT | vector, to),
});
const ends: Cpu = { cpu: 1, does: `vCPU 1 writes EOI for ${FIRST.toString(16)}`, run: (k) => k.guestEoi(1) };

/** The tests of a kernel that has IPI tracking; none for another. */
export function trackingTests(kernel: Kernel): Litmus[] {
  if (kernel.table.kvm_track_ipi_communication === undefined) return [];
  return [
    {
      ...litmusOf(kernel, parseCase('vmx: ipi 1 41 |'), (m, plain) =>
        awaits(m, plain, 0, 1) ? 'stale: vCPU 0 still awaits vCPU 1' : null,
      ),
      name: 'tracking: an answer against its question',
      says: 'an IPI that its receiver has ended is no longer awaited (A12.4, A16)',
    },
    {
      name: 'tracking: two questions at once',
      says: 'IPIs of two senders whose receiver has ended both are awaited no more (A12.4)',
      boot: () => {
        const m = idle(kernel, 3);
        drive(kernel, m, [{ ev: 'if', cpu: 1, on: false }]);
        return m;
      },
      cpus: [sends(0, FIRST, 1), sends(2, SECOND, 1)],
      check: (m, plain) => {
        const { handlers } = m.actor[m.vcpu[1].pid];
        drive(kernel, m, [{ ev: 'if', cpu: 1, on: true }]);
        for (let i = 0; i < 2; i++) drive(kernel, m, [{ ev: 'eoi', cpu: 1 }]);
        if (handlers.length > 0) return `vCPU 1 has not ended ${handlers.length} of two interrupts`;
        const stale = [0, 2].filter((sender) => awaits(m, plain, sender, 1));
        return stale.length === 0 ? null : `stale: vCPU ${stale.join(' and ')} still awaits vCPU 1`;
      },
    },
    {
      name: 'tracking: an answer against the next question to somebody else',
      says: 'an IPI that its receiver has not ended is awaited, whatever another vCPU ends (A12.3, A16)',
      boot: () => answering(kernel, 3),
      cpus: [sends(0, SECOND, 2), ends],
      check: (m, plain) => (awaits(m, plain, 0, 2) ? null : 'clobbered: vCPU 0 does not await vCPU 2'),
    },
    {
      name: 'tracking: an answer against the next question',
      says: 'an IPI that its receiver has not ended is awaited, whatever else it ends (A12.1)',
      boot: () => answering(kernel, 2),
      cpus: [sends(0, SECOND, 1), ends],
      check: (m, plain) => (awaits(m, plain, 0, 1) ? null : 'clobbered: vCPU 0 does not await vCPU 1'),
    },
    {
      name: 'tracking: a question against an EOI of nothing that was tracked',
      says: 'nobody is awaited to whom nothing was sent',
      boot: () => answering(kernel, 3),
      cpus: [sends(0, SECOND, 2), ends],
      check: (m, plain) => (awaits(m, plain, 1, 0) || awaits(m, plain, 2, 0) ? 'spurious: vCPU 0 is awaited' : null),
    },
    {
      name: 'tracking: an answer against a question of somebody else',
      says: 'a sender whose IPI comes while its receiver ends another is told of its answer as well (A9.3, A12.4)',
      boot: () => answering(kernel, 3),
      cpus: [sends(2, LATER, 1), ends],
      check: (m, plain) => {
        const { handlers } = m.actor[m.vcpu[1].pid];
        drive(kernel, m, [{ ev: 'if', cpu: 1, on: true }]);
        for (let i = 0; i < 2; i++) drive(kernel, m, [{ ev: 'eoi', cpu: 1 }]);
        if (handlers.length > 0) return `vCPU 1 has not ended ${handlers.length} of two interrupts`;
        return awaits(m, plain, 2, 1)
          ? 'lost: vCPU 1 forgets who sent what it ends next, and vCPU 2 still awaits it'
          : null;
      },
    },
  ];
}
