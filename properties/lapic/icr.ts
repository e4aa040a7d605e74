// SPDX-License-Identifier: GPL-2.0-only
/** From what a guest or device writes to who receives it; and what INIT and SIPI do to the receiver. */

import { KVM_MP_STATE_INIT_RECEIVED, KVM_MP_STATE_RUNNABLE, type kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import type { MachineEvent } from '../../src/scenario/events.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Property, type Step } from '../vocabulary.js';
import { named, plain } from './delivery.js';
import { highest, IRR, ISR, isOn, isSoftwareEnabled, isX2apic, reg } from './page.js';
import { farWorlds, resetWorlds, worldOf } from './worlds.js';

const FIXED = 0;
const LOWEST = 1;
const INIT = 5;
const SIPI = 6;
const LEVEL = 1 << 15;
const ASSERT = 1 << 14;
const LOGICAL = 1 << 11;
const SHORTHAND = 3 << 18;
const SELF = 1 << 18;
/** of the low half of an x2APIC ICR */
const RESERVED = 0xfff3_2000;

/** A message as it was written, before any function of the kernel has seen it. */
interface Message {
  /** null: no APIC sends it */
  sender: kvm_vcpu | null;
  low: number;
  dest: number;
  /** MSI with a redirection hint */
  hint: boolean;
}

/** What the event sends; null when it sends nothing. */
function messageOf(step: Step): Message | null {
  const { event, m } = step;
  if (event.ev === 'msi') {
    const { address, data } = event;
    const low = (data & 0x87ff) | ((address & 4) !== 0 ? LOGICAL : 0) | ASSERT;
    return { sender: null, low, dest: (address >>> 12) & 0xff, hint: (address & 8) !== 0 };
  }
  if (!('vcpu' in event)) return null;
  const sender = m.vcpu[event.vcpu];
  if (!isOn(sender)) return null;
  const x2 = isX2apic(sender);
  const message = (low: number, dest: number): Message | null =>
    x2 && (low & RESERVED) >>> 0 !== 0 ? null : { sender, low, dest, hint: false };
  switch (event.ev) {
    case 'write_icr':
      return message(event.low, x2 ? event.dest : event.dest & 0xff);
    case 'wrmsr':
      if (!x2) return null;
      if (event.msr === 0x830) return message(event.value, event.high);
      if (event.msr === 0x83f && event.high === 0 && event.value < 0x100) return message(SELF | event.value, 0);
      return null;
    case 'mmio_write':
      return !x2 && event.reg === 0x300 ? message(event.value, reg(sender, 0x310) >>> 24) : null;
    default:
      return null;
  }
}

/** Lowest priority among all is fixed: physical broadcast, and by a shorthand whatever stands beside it. */
function isForAll({ sender, low, dest }: Message): boolean {
  if ((low & LOGICAL) !== 0 || dest !== 0xff || (low & SHORTHAND) === SELF) return false;
  return sender === null || !isX2apic(sender) || (low & SHORTHAND) !== 0;
}

/** Who is to receive what the event sends, by vCPU; `one`: one of them at most. */
function receivers(step: Step): { who: number[]; one: boolean; vector: number; mode: number } | null {
  const { event, m } = step;
  if (event.ev === 'pv_ipi') return pvReceivers(step, event);
  const it = messageOf(step);
  if (it === null) return null;
  const written = (it.low >>> 8) & 7;
  if ((it.low & LEVEL) !== 0 && (it.low & ASSERT) === 0 && (written <= LOWEST || written === INIT)) return null;
  const mode = written === LOWEST && isForAll(it) ? FIXED : written;
  const irq = {
    ...{ shorthand: it.low & SHORTHAND, dest_id: it.dest, dest_mode: it.low & LOGICAL, msi_redir_hint: it.hint },
    ...{ vector: it.low & 0xff, delivery_mode: mode << 8, level: true, trig_mode: it.low & LEVEL },
  };
  const src = it.sender === null ? null : it.sender.arch.apic;
  const who = m.vcpu.filter((v) => isOn(v) && named(v, irq, src) && (mode > LOWEST || isSoftwareEnabled(v)));
  return { who: who.map((v) => v.id), one: mode === LOWEST || it.hint, vector: it.low & 0xff, mode };
}

/** KVM_HC_SEND_IPI names APICs by their x2APIC id, or in xAPIC mode by their xAPIC id. */
function pvReceivers({ m }: Step, event: Extract<MachineEvent, { ev: 'pv_ipi' }>): ReturnType<typeof receivers> {
  const { icr, bitmap, min, more = [] } = event;
  if ((icr & (LOGICAL | SHORTHAND)) !== 0 || m.kvm[0].arch.apic_map === null) return null;
  const mode = (icr >>> 8) & 7;
  if ((icr & LEVEL) !== 0 && (icr & ASSERT) === 0 && (mode <= LOWEST || mode === INIT)) return null;
  const words = [bitmap, ...more];
  const has = (id: number): boolean => {
    const bit = id - min;
    return bit >= 0 && bit < 32 * words.length && ((words[bit >> 5] >>> (bit & 31)) & 1) === 1;
  };
  const idOf = (v: kvm_vcpu): number => (isX2apic(v) ? v.vcpu_id : reg(v, 0x20) >>> 24);
  const who = m.vcpu.filter((v) => isOn(v) && has(idOf(v)) && (mode > LOWEST || isSoftwareEnabled(v)));
  return { who: who.map((v) => v.id), one: false, vector: icr & 0xff, mode };
}

/**
 * WHY fewer by a logical id: the map has software enabled APICs only, and then who is not among them is sent no NMI, SMI,
 * INIT or SIPI by it; by the scan he is.
 */
function mayMiss({ m, event }: Step, mode: number, id: number): boolean {
  const logical = event.ev === 'msi' ? (event.address & 4) !== 0 : event.ev !== 'pv_ipi';
  return logical && mode > LOWEST && !isSoftwareEnabled(m.vcpu[id]);
}

interface Arrival {
  vcpu: number;
  mode: number;
  vector: number;
}

const sendsByItself = (event: MachineEvent): boolean =>
  ['write_icr', 'msi', 'pv_ipi'].includes(event.ev) ||
  (event.ev === 'wrmsr' && (event.msr === 0x830 || event.msr === 0x83f)) ||
  (event.ev === 'mmio_write' && event.reg === 0x300);

/** Every IPI and MSI arrives where what was written says, ids and bits at their very ends included. */
export const reachIsWritten = always(
  'what is written to ICR, SELF IPI, an MSI or a PV IPI arrives at exactly the APICs that it names, in its mode',
  {
    of: 'lapic.21',
    given: worldOf(farWorlds),
    watch: () => {
      let expected: ReturnType<typeof receivers> = null;
      let arrived: Arrival[] = [];
      let asked = false;
      return {
        probes: {
          __apic_accept_irq: {
            leave: (_, result, args) => {
              const [{ vcpu }, mode, vector] = args as [kvm_lapic, number, number];
              if (result === 1) arrived.push({ vcpu, mode: mode >>> 8, vector });
            },
          },
        },
        before: (step) => {
          arrived = [];
          asked = sendsByItself(step.event) && plain(step);
          expected = asked ? receivers(step) : null;
        },
        after: (step) => {
          if (!asked) return;
          const say = `${JSON.stringify(step.event)} arrives at ${arrived.map((a) => a.vcpu)}`;
          if (expected === null) {
            if (arrived.length > 0) step.fail(`${say}, and is no message`);
            return;
          }
          const { who, one, vector, mode } = expected;
          // an ExtINT, or a mode that is none, is nobody's
          if (mode === 7 || mode === 3) return;
          const got = arrived.map((a) => a.vcpu).sort((a, b) => a - b);
          if (who.length > 0) step.reach();
          if (
            arrived.some((a) => a.mode !== mode || (mode !== 4 && mode !== 2 && mode !== INIT && a.vector !== vector))
          )
            step.fail(`${say} in mode ${arrived.map((a) => a.mode)} with vector ${arrived.map((a) => a.vector)}`);
          const must = who.filter((id) => got.includes(id) || !mayMiss(step, mode, id));
          if (!one && got.join() !== must.join()) step.fail(`${say}, names ${who}`);
          if (one && (got.length > 1 || got.some((id) => !who.includes(id)))) step.fail(`${say}, one of ${who}`);
        },
      };
    },
    fault: {
      says: 'a physical destination is compared by its low five bits',
      funcs: {
        kvm_apic_match_physical_addr(this: vmlinux_x86, apic: kvm_lapic, mda: number) {
          return (mda & 0x1f) === (this.kvm_x2apic_id(apic) & 0x1f);
        },
        kvm_apic_map_get_dest_lapic: () => false,
      },
    },
  },
);

/** What a vCPU waits for: nothing, or after INIT for a SIPI. */
interface Waiting {
  init: boolean;
  sipi: number | null;
  waits: boolean;
}

function afterReset(vcpu: kvm_vcpu): string | null {
  const expect = (offset: number, value: number): string | null =>
    reg(vcpu, offset) === value ? null : `0x${offset.toString(16)} is 0x${reg(vcpu, offset).toString(16)}`;
  const faults = [
    ...[0x80, 0x380, 0x3e0].map((r) => expect(r, 0)),
    ...[0x320, 0x330, 0x340, 0x360, 0x370].map((r) => expect(r, 0x1_0000)),
    expect(0xe0, 0xffff_ffff),
    expect(0xf0, 0xff),
    isX2apic(vcpu) ? null : expect(0xd0, 0),
    highest(vcpu, IRR) !== -1 ? 'IRR is not empty' : highest(vcpu, ISR) !== -1 ? 'ISR is not empty' : null,
  ];
  return faults.find((fault) => fault !== null) ?? null;
}

export const initAndSipi = always(
  'INIT resets the APIC, keeps its mode and id, drops a SIPI that waits; a vCPU that was reset starts at the SIPI; each kicks its vCPU',
  {
    of: 'lapic.22',
    given: worldOf(resetWorlds),
    watch: () => {
      const state: Waiting[] = [];
      const kicked = new Set<number>();
      const of = (id: number): Waiting => {
        state[id] ??= { init: false, sipi: null, waits: false };
        return state[id];
      };
      return {
        notes: () => state,
        probes: {
          kvm_vcpu_kick: { enter: (_, args) => void kicked.add((args[0] as kvm_vcpu).id) },
          __apic_accept_irq: {
            // SMI, NMI, INIT, SIPI, and a paravirtual kick
            leave: (step, result, args) => {
              const [{ vcpu }, mode] = args as [kvm_lapic, number];
              if (result === 1 && mode > 0x100 && mode !== 0x700 && !kicked.has(vcpu))
                step.fail(`vCPU ${vcpu} is not kicked for what is sent to it in mode ${mode >> 8}`);
            },
            enter: (_, args) => {
              const [{ vcpu }, mode, vector, level, trig] = args as [kvm_lapic, number, number, number, number];
              kicked.delete(vcpu);
              if (mode >>> 8 === INIT && (trig === 0 || level !== 0))
                Object.assign(of(vcpu), { init: true, sipi: null });
              if (mode >>> 8 === SIPI) of(vcpu).sipi = vector;
            },
          },
        },
        after: (step) => {
          const { event, m } = step;
          if (event.ev !== 'enter' && event.ev !== 'window') return;
          const vcpu = m.vcpu[event.vcpu];
          const it = of(vcpu.id);
          const wasReset = it.init;
          if (it.init) it.waits = vcpu.id !== 0;
          const started = it.sipi !== null && it.waits ? it.sipi : null;
          if (started !== null) it.waits = false;
          Object.assign(it, { init: false, sipi: null });
          const expected = it.waits ? KVM_MP_STATE_INIT_RECEIVED : KVM_MP_STATE_RUNNABLE;
          const { mp_state, sipi_cs_base } = vcpu.arch;
          if (wasReset) step.reach();
          if (mp_state !== expected) step.fail(`vCPU ${vcpu.id}: mp_state ${mp_state}, should be ${expected}`);
          if (started !== null && sipi_cs_base !== started << 12)
            step.fail(`vCPU ${vcpu.id} starts at 0x${sipi_cs_base.toString(16)}, SIPI said 0x${started.toString(16)}`);
          const fault = wasReset ? afterReset(vcpu) : null;
          if (fault !== null) step.fail(`vCPU ${vcpu.id} after INIT: ${fault}`);
        },
      };
    },
    fault: {
      says: 'an INIT leaves the APIC as it is',
      funcs: { kvm_lapic_reset() {} },
    },
  },
);

export const icrProperties: readonly Property[] = [reachIsWritten, initAndSipi];
