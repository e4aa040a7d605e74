// SPDX-License-Identifier: GPL-2.0-only
/** Events of a vCPU on a CPU: what its guest does there, by itself or as its program asks. */

import type { kvm_vcpu } from '../arch/x86/kvm_host.js';
import { acknowledge } from '../guest/actor.js';
import { LOCAL_TIMER_VECTOR } from '../lib/irq_vectors.js';
import { u64 } from '../lib/types.js';
import type { EventKind } from '../scenario/events.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { vcpuDoing } from './legality.js';
import type { Rules } from './rules.js';
import type { machine } from './state.js';

export type GuestKind = 'pollEnd' | 'pause' | 'hlt' | 'ipi' | 'icr' | 'eoi' | 'cpl' | 'if' | 'hypercall' | 'intr';

/** The life of the vCPU on the CPU says which of these it may do. */
const legal = (m: machine, e: { ev: EventKind; cpu: number }): boolean => vcpuDoing(m, e.cpu, e.ev) !== NULL;

const vcpuOn = (m: machine, cpu: number): kvm_vcpu => m.vcpu[m.vcpuOfTask[m.rq[cpu].curr]];

export const guestEvents: Rules<GuestKind> = {
  pollEnd: { legal, perform: (k, _, e) => k.resumeKernelStack(e.cpu) },
  pause: { legal, perform: (k, _, e) => void k.exitPause(e.cpu) },
  hlt: { legal, perform: (k, _, e) => void k.exitHlt(e.cpu) },
  ipi: { legal, perform: (k, m, e) => sendIpi(k, m, e.cpu, e.to, e.vector) },
  icr: { legal, perform: (k, _, e) => void k.guestIcr(e.cpu, e.low >>> 0, e.dest >>> 0) },
  eoi: { legal, perform: (k, m, e) => endInterrupt(k, m, e.cpu) },
  cpl: { legal, perform: (k, _, e) => void k.guestSetCpl(e.cpu, e.cpl) },
  if: { legal, perform: (k, _, e) => void k.guestSetIf(e.cpu, e.on, e.shadow) },
  hypercall: {
    legal,
    perform: (k, _, e) => void k.exitHypercall(e.cpu, u64(e.nr), u64(e.a0), u64(e.a1), u64(e.a2), u64(e.a3)),
  },
  intr: { legal, perform: (k, _, e) => void k.exitExternalInterrupt(e.cpu, LOCAL_TIMER_VECTOR, 'noHandler') },
};

/** An IPI to a vCPU of the same VM; its sender may wait for the EOI. */
function sendIpi(k: vmlinux_x86, m: machine, cpu: number, to: number, vector: number): void {
  const target = m.kvm[vcpuOn(m, cpu).kvm].vcpus[to];
  if (target === undefined) return;
  k.guestIpi(cpu, m.vcpu[target], vector);
}

/** The innermost handler of the guest writes EOI, if one runs; it returns as soon as the guest runs on. */
function endInterrupt(k: vmlinux_x86, m: machine, cpu: number): void {
  const vcpu = vcpuOn(m, cpu);
  const handler = m.actor[vcpu.pid].handlers.at(-1);
  if (handler === undefined || handler.ended) return;
  handler.ended = true;
  const peers = m.kvm[vcpu.kvm].vcpus.filter((it) => m.vcpu[it].pid !== NULL).map((it) => m.actor[m.vcpu[it].pid]);
  acknowledge(peers, vcpu.vcpu_idx, handler.vector);
  k.guestEoi(cpu);
}
