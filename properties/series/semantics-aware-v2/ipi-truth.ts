// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which IPIs a guest waits for, as the guest itself would say: from what it writes to its ICR, which interrupts its
 * vCPUs take, and which of them they end. Nothing here looks at what a kernel remembers, except `believes`.
 */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { KVM_HC_SEND_IPI } from '../../../src/arch/x86/x86.js';
import {
  APIC_DEST_ALLBUT,
  APIC_DEST_ALLINC,
  APIC_DEST_LOGICAL,
  APIC_DEST_SELF,
  APIC_DM_FIXED,
  APIC_MODE_MASK,
  APIC_SHORT_MASK,
} from '../../../src/lapic/apicdef.js';
import { toNumber, type u64 } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { NULL } from '../../../src/sched/sched.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import type { Monitor, Probe, Step } from '../../vocabulary.js';
import { now } from './monitors.js';

/** ns: the series' window as released */
export const WINDOW = 50_000_000;

/** One interrupt that one vCPU sent to another with delivery mode fixed, not ended yet. */
export interface Ipi {
  /** vCPUs, by pointer */
  from: number;
  to: number;
  vector: number;
  /** ns since boot */
  at: number;
  /** one destination without shorthand; more of them, or a shorthand; or by KVM_HC_SEND_IPI */
  how: 'unicast' | 'many' | 'hypercall';
  /** the receiver is in its handler */
  taken: boolean;
}

/** Told as it happens; `sent` behind the exit, if there was one. */
export interface IpiWatcher {
  /** what the ICR write (or hypercall) by `from` asks for, before anybody else sees it */
  sending?(step: Step, from: number, ipis: readonly Ipi[]): void;
  sent?(step: Step, from: number, ipis: readonly Ipi[]): void;
  /** `receiver` ends `vector`; those that this answers are open no longer */
  ending?(step: Step, receiver: number, vector: number, answered: readonly Ipi[]): void;
  ended?(step: Step, receiver: number, vector: number, answered: readonly Ipi[]): void;
}

/** Sent and not ended, in the order of sending, and the probes that keep it so. */
export interface IpiTruth {
  open: Ipi[];
  probes: Record<string, Probe>;
}

export function ipiTruth(watcher: IpiWatcher = {}): IpiTruth {
  let from: number = NULL;
  let ipis: Ipi[] = [];
  let receiver: number = NULL;
  let vector = 0;
  let answered: Ipi[] = [];
  const begin = (step: Step, sender: number, sent: Ipi[]): void => {
    from = sender;
    ipis = sent;
    truth.open.push(...sent);
    watcher.sending?.(step, from, ipis);
  };
  const probes: Record<string, Probe> = {
    guestIcr: {
      enter(step, args) {
        const [cpu, low, dest] = args as [number, number, number];
        const sender = guestOf(step.m, cpu);
        begin(step, sender, sender === NULL ? [] : sentBy(step.m, sender, low, dest));
      },
      leave(step) {
        if (from !== NULL) watcher.sent?.(step, from, ipis);
      },
    },
    exitHypercall: {
      enter(step, args) {
        const sender = guestOf(step.m, args[0] as number);
        begin(step, sender, sender === NULL ? [] : sentByHypercall(step.m, sender, args.slice(1) as u64[]));
      },
      leave(step) {
        if (from !== NULL) watcher.sent?.(step, from, ipis);
      },
    },
    guestTakes: {
      enter(_step, args) {
        const { id } = args[0] as kvm_vcpu;
        for (const it of truth.open) if (it.to === id && it.vector === args[1]) it.taken = true;
      },
    },
    guestEoi: {
      enter(step, args) {
        receiver = guestOf(step.m, args[0] as number);
        if (receiver === NULL) return;
        vector = step.m.actor[step.m.vcpu[receiver].pid].handlers.at(-1)?.vector ?? NULL;
        const answers = (it: Ipi): boolean => it.to === receiver && it.vector === vector && it.taken;
        answered = truth.open.filter(answers);
        truth.open = truth.open.filter((it) => !answers(it));
        watcher.ending?.(step, receiver, vector, answered);
      },
      leave(step) {
        if (receiver !== NULL) watcher.ended?.(step, receiver, vector, answered);
      },
    },
  };
  const truth: IpiTruth = { open: [], probes };
  return truth;
}

const guestOf = (m: machine, cpu: number): number => m.vcpuOfTask[m.rq[cpu].curr];

/** The fixed interrupts to others that this ICR value asks for, by the rules of x2APIC mode. */
function sentBy(m: machine, from: number, low: number, dest: number): Ipi[] {
  if ((low & APIC_MODE_MASK) !== APIC_DM_FIXED) return [];
  const shorthand = (low & APIC_SHORT_MASK) >>> 0;
  const peers = m.kvm[m.vcpu[from].kvm].vcpus;
  const wanted = peers.filter((id) => isDestination(m, from, id, low, shorthand, dest));
  const how = wanted.length === 1 && shorthand === 0 ? 'unicast' : 'many';
  return toOthers(m, from, wanted, low & 0xff, how);
}

function isDestination(m: machine, from: number, id: number, low: number, shorthand: number, dest: number): boolean {
  if (shorthand === APIC_DEST_SELF) return id === from;
  if (shorthand === APIC_DEST_ALLINC) return true;
  if (shorthand === APIC_DEST_ALLBUT) return id !== from;
  const apicId = m.vcpu[id].vcpu_id;
  if (dest === 0xffff_ffff) return true;
  if ((low & APIC_DEST_LOGICAL) === 0) return apicId === dest;
  // a cluster of sixteen, and a bit for each
  return dest >>> 16 === apicId >>> 4 && ((dest >>> (apicId & 15)) & 1) === 1;
}

/** KVM_HC_SEND_IPI: a bitmap of APIC IDs from a2 on, and the low half of an ICR. */
function sentByHypercall(m: machine, from: number, [nr, bitmap, , min, icr]: u64[]): Ipi[] {
  if (toNumber(nr) !== KVM_HC_SEND_IPI || m.vcpu[from].arch.cpl > 0) return [];
  const low = toNumber(icr);
  if ((low & APIC_MODE_MASK) !== APIC_DM_FIXED) return [];
  const first = toNumber(min);
  const peers = m.kvm[m.vcpu[from].kvm].vcpus;
  const wanted = peers.filter((id) => {
    const bit = m.vcpu[id].vcpu_id - first;
    return bit >= 0 && Math.floor(toNumber(bitmap) / 2 ** bit) % 2 === 1;
  });
  return toOthers(m, from, wanted, low & 0xff, 'hypercall');
}

function toOthers(m: machine, from: number, wanted: readonly number[], vector: number, how: Ipi['how']): Ipi[] {
  return wanted.filter((to) => to !== from).map((to) => ({ from, to, vector, at: now(m), how, taken: false }));
}

export interface Context {
  last_ipi_sender: number;
  last_ipi_receiver: number;
  pending_ipi: boolean;
  ipi_time_ns: u64;
}
/** What the series keeps in a vCPU; undefined on kernels without. */
export const contextOf = (vcpu: kvm_vcpu): Context | undefined => (vcpu.arch as { ipi_context?: Context }).ipi_context;

interface Believer {
  kvm_vcpu_is_ipi_receiver?(sender: kvm_vcpu, receiver: kvm_vcpu): boolean;
}

/** Does the kernel take `receiver` for one that `sender` waits for? null: it tracks nothing. */
export function believes(kernel: vmlinux_x86, m: machine, sender: number, receiver: number): boolean | null {
  const it = kernel as unknown as Believer;
  if (it.kvm_vcpu_is_ipi_receiver === undefined) return null;
  return it.kvm_vcpu_is_ipi_receiver(m.vcpu[sender], m.vcpu[receiver]);
}

/** [sender, receiver] of everything that the kernel takes for awaited; empty where nothing is tracked. */
export function believed({ kernel, m }: Step): [number, number][] {
  if ((kernel as unknown as Believer).kvm_vcpu_is_ipi_receiver === undefined) return [];
  const pairs: [number, number][] = [];
  for (const { vcpus } of m.kvm) {
    for (const s of vcpus) for (const r of vcpus) if (s !== r && believes(kernel, m, s, r) === true) pairs.push([s, r]);
  }
  return pairs;
}

/** `vm/1`, for messages. */
export const vcpuName = (m: machine, id: number): string => `vCPU ${m.vcpu[id].vcpu_idx}`;

export const hex = (vector: number): string => `0x${vector.toString(16)}`;

export const sayIpi = (m: machine, it: Ipi): string =>
  `${vcpuName(m, it.from)}'s IPI ${hex(it.vector)} to ${vcpuName(m, it.to)} of ${it.at} ns`;

/** A monitor that knows the truth. */
export const knowing = (
  watch: (open: () => readonly Ipi[]) => IpiWatcher & Pick<Monitor, 'after' | 'before'>,
): Monitor => {
  const watcher = watch(() => truth.open);
  const truth = ipiTruth(watcher);
  const { before, after } = watcher;
  return {
    notes: () => truth.open,
    probes: truth.probes,
    ...(before === undefined ? {} : { before: before.bind(watcher) }),
    ...(after === undefined ? {} : { after: after.bind(watcher) }),
  };
};
