// SPDX-License-Identifier: GPL-2.0-only
/** A9, A11, A12, A17, AR13: which IPIs the series remembers, for how long, and what an EOI makes it forget. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { kvm_apic_set_irq as setIrq } from '../../../src/lapic/lapic.js';
import { toNumber, type u64 } from '../../../src/lib/types.js';
import { getKnob } from '../../../src/machine/knobs.js';
import type { machine } from '../../../src/machine/state.js';
import { NULL } from '../../../src/sched/sched.js';
import type { semantics_aware } from '../../../src/series/semantics-aware-v2/adds.js';
import { always, type Claim, type Monitor, type Property, type Step, sometimes, stateless } from '../../vocabulary.js';
import {
  believed,
  believes,
  contextOf,
  hex,
  type Ipi,
  ipiTruth,
  knowing,
  sayIpi,
  vcpuName,
  WINDOW,
} from './ipi-truth.js';
import { ageing, callOfWindows, remembersItsSender } from './kvm-answers.js';
import { AGES, sendsAndWaits, vmScope, vmWorld } from './kvm-worlds.js';
import { now } from './monitors.js';

const VECTOR = 0x40;
const OTHER = 0x51;

const icr = { advance: 12, tick: 6, icr: 30, eoi: 18 };
const nothingTracked = { says: 'nothing is tracked', funcs: { kvm_track_ipi_communication() {} } };
const noEoi = { says: 'an EOI is not looked at', funcs: { kvm_clear_ipi_on_eoi() {} } };

/** Right after sending, what was sent is awaited. */
function isTracked(wanted: (ipis: readonly Ipi[]) => boolean): Monitor {
  return knowing(() => ({
    sent(step, from, ipis) {
      if (ipis.length === 0 || !wanted(ipis)) return;
      for (const it of ipis) {
        const answer = believes(step.kernel, step.m, from, it.to);
        if (answer === null) return;
        step.reach();
        if (answer) continue;
        const how = { unicast: '', many: ', to several or with a shorthand,', hypercall: ', by KVM_HC_SEND_IPI,' };
        step.fail(`${sayIpi(step.m, it)}${how[it.how]} was just sent and is not awaited`);
      }
    },
  }));
}

const A9: Property[] = [
  always('a fixed IPI to exactly one other vCPU is tracked: its receiver is awaited from then on', {
    of: 'A9.1',
    given: vmWorld({ weights: icr }),
    scope: vmScope(4, [
      { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
      { ev: 'ipi', cpu: 1, to: 0, vector: OTHER },
      { ev: 'eoi', cpu: 0 },
      { ev: 'eoi', cpu: 1 },
    ]),
    watch: () => isTracked((ipis) => ipis[0].how === 'unicast'),
    fault: nothingTracked,
  }),
  always('nothing but a fixed IPI to exactly one other vCPU makes anybody awaited', {
    of: 'A9.2',
    given: vmWorld({ weights: { ...icr, pause: 6, cpl: 2 } }),
    watch: onlyBySending,
    fault: {
      says: 'every interrupt that one vCPU accepts from another is tracked, multicast as well',
      funcs: {
        kvm_apic_set_irq(this: semantics_aware, vcpu: kvm_vcpu, ...rest: never[]) {
          const sender = this.m.kvm_running_vcpu[this.m.cpu];
          if (sender !== NULL) this.kvm_track_ipi_communication(this.m.vcpu[sender], vcpu);
          return setIrq.apply(this, [vcpu, ...rest] as never);
        },
      },
    },
  }),
  remembersItsSender,
];

function onlyBySending(): Monitor {
  let sent: Ipi | null = null;
  let before: [number, number][] = [];
  let times: u64[] = [];
  const timesOf = (m: machine): u64[] => m.vcpu.map((v) => contextOf(v)?.ipi_time_ns as u64);
  return knowing(() => ({
    before(step) {
      sent = null;
      before = believed(step);
      times = timesOf(step.m);
    },
    sending(_step, _from, ipis) {
      if (ipis.length === 1 && ipis[0].how === 'unicast') sent = ipis[0];
    },
    sent(step, _from, ipis) {
      if (ipis.length === 1 || contextOf(step.m.vcpu[0]) === undefined) return;
      step.reach();
    },
    after(step) {
      for (const [s, r] of believed(step)) {
        if (sent?.from === s && sent.to === r) continue;
        if (before.some(([a, b]) => a === s && b === r)) continue;
        step.fail(`${vcpuName(step.m, s)} is thought to wait for ${vcpuName(step.m, r)}, to whom it has sent nothing`);
      }
      timesOf(step.m).forEach((time, s) => {
        if (time === times[s] || sent?.from === s) return;
        step.fail(`${vcpuName(step.m, s)} has sent no IPI to exactly one other; the time of its last one is written`);
      });
    },
  }));
}

const A11: Property[] = [
  always('no relation older than ipi_window_ns is used', {
    of: 'A11.1',
    means: 'whatever is written to the knob; 50 ms as released',
    given: vmWorld({
      weights: { advance: 22, tick: 4, ipi: 16, eoi: 6, pause: 10, knob: 3 },
      advances: AGES,
      knobs: { ipi_window_ns: [WINDOW, WINDOW, 1_000_000, 200_000_000] },
    }),
    scope: vmScope(5, [
      { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
      { ev: 'advance', ns: WINDOW },
      { ev: 'advance', ns: 1 },
      { ev: 'eoi', cpu: 1 },
    ]),
    watch: tooOld,
    fault: {
      says: 'the window is not looked at',
      funcs: {
        kvm_vcpu_is_ipi_receiver(this: unknown, sender: kvm_vcpu, receiver: kvm_vcpu) {
          const context = contextOf(sender);
          return context?.pending_ipi === true && context.last_ipi_receiver === receiver.vcpu_idx;
        },
      },
    },
  }),
  always('a lone IPI that nobody has answered is awaited for exactly 50 ms', {
    of: 'A11.2',
    means: 'ipi_window_ns is 50 ms: yes at 50,000,000 ns, no at 50,000,001 ns',
    given: vmWorld({
      weights: { advance: 20, ipi: 8, pause: 8 },
      vcpus: [2, 2],
      cpus: [2],
      advances: AGES,
      length: 12,
    }),
    scope: vmScope(5, [
      { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
      { ev: 'advance', ns: WINDOW - 1 },
      { ev: 'advance', ns: 1 },
      { ev: 'pause', cpu: 0 },
    ]),
    watch: () => {
      const last = new Map<number, Ipi>();
      return knowing(() => ({
        sending(_step, from, ipis) {
          for (const it of ipis) last.set(from, it);
        },
        after(step) {
          for (const [s, it] of last) {
            const answer = believes(step.kernel, step.m, s, it.to);
            if (answer === null) return;
            const due = now(step.m) - it.at <= WINDOW;
            if (now(step.m) - it.at >= WINDOW) step.reach();
            if (answer === due) continue;
            step.fail(`${sayIpi(step.m, it)} is ${due ? 'not ' : ''}awaited ${now(step.m) - it.at} ns later`);
          }
        },
      }));
    },
    fault: {
      says: 'the window is 49 ms',
      funcs: {
        kvm_vcpu_is_ipi_receiver(this: semantics_aware, sender: kvm_vcpu, receiver: kvm_vcpu) {
          const context = contextOf(sender);
          if (context?.pending_ipi !== true || context.last_ipi_receiver !== receiver.vcpu_idx) return false;
          return toNumber(this.ktime_get_mono_fast_ns()) - toNumber(context.ipi_time_ns) <= 49_000_000;
        },
      },
    },
  }),
  ...ageing,
];

/** Whoever is awaited has been sent something within the window, by our own clock and notes. */
function tooOld(): Monitor {
  const last = new Map<string, number>();
  const { probes } = ipiTruth({
    sending(_step, from, ipis) {
      for (const it of ipis) last.set(`${from} ${it.to}`, it.at);
    },
  });
  return {
    notes: () => [...last],
    probes,
    after(step) {
      const { m } = step;
      const window = getKnob(m, 'ipi_window_ns') ?? WINDOW;
      const awaited = believed(step);
      if (awaited.length === 0 && [...last.values()].some((at) => now(m) - at > window)) {
        if (contextOf(m.vcpu[0]) !== undefined) step.reach();
      }
      for (const [s, r] of awaited) {
        const at = last.get(`${s} ${r}`);
        if (at !== undefined && now(m) - at <= window) continue;
        const when = at === undefined ? 'was never sent anything' : `was last sent something ${now(m) - at} ns ago`;
        step.fail(
          `${vcpuName(m, s)} is thought to wait for ${vcpuName(m, r)}, who ${when}; the window is ${window} ns`,
        );
      }
    },
  };
}

/** Which open IPIs are awaited when an EOI begins must still be so when it is over. */
function survives(which: (it: Ipi, ender: number, vector: number) => boolean): Monitor {
  let held: Ipi[] = [];
  return knowing((open) => ({
    ending(step, receiver, vector) {
      held = open().filter(
        (it) => which(it, receiver, vector) && believes(step.kernel, step.m, it.from, it.to) === true,
      );
    },
    ended(step, receiver, vector) {
      for (const it of held) {
        step.reach();
        if (believes(step.kernel, step.m, it.from, it.to) === true) continue;
        step.fail(
          `${vcpuName(step.m, receiver)} ends ${vector < 0 ? 'nothing' : hex(vector)}, and ${sayIpi(step.m, it)}, which ` +
            'that does not answer, is awaited no more',
        );
      }
    },
  }));
}

const forgetsAll = {
  says: 'an EOI clears every context of the VM',
  funcs: {
    kvm_clear_ipi_on_eoi(this: semantics_aware, apic: { vcpu: number }) {
      for (const id of this.m.kvm[this.m.vcpu[apic.vcpu].kvm].vcpus) this.kvm_vcpu_clear_ipi_context(this.m.vcpu[id]);
    },
  },
};

const threeCpus = { pcpus: 3, n: 3 };

const A12: Property[] = [
  always("an EOI of some other interrupt does not end the wait for the receiver's answer", {
    of: 'A12.1',
    given: vmWorld(),
    scope: vmScope(5, [
      { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
      { ev: 'ipi', cpu: 0, to: 1, vector: OTHER },
      { ev: 'eoi', cpu: 1 },
    ]),
    watch: () => survives((it, ender, vector) => it.to === ender && it.vector !== vector),
    fault: forgetsAll,
  }),
  always('an EOI by a vCPU that itself waits for an answer does not end its wait', {
    of: 'A12.2',
    given: vmWorld(),
    scope: vmScope(5, [
      { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
      { ev: 'ipi', cpu: 1, to: 0, vector: OTHER },
      { ev: 'eoi', cpu: 0 },
      { ev: 'eoi', cpu: 1 },
    ]),
    watch: () => survives((it, ender) => it.from === ender),
    fault: forgetsAll,
  }),
  always('an EOI by a third vCPU changes nothing between a sender and its receiver', {
    of: 'A12.3',
    given: vmWorld({ vcpus: [3, 4], cpus: [2, 3] }),
    watch: () => survives((it, ender) => it.to !== ender && it.from !== ender),
    fault: forgetsAll,
  }),
  always('an IPI that its receiver has ended is no longer awaited', {
    of: 'A12.4',
    given: vmWorld({ vcpus: [3, 4], cpus: [2, 3] }),
    scope: vmScope(
      5,
      [
        { ev: 'ipi', cpu: 0, to: 2, vector: VECTOR },
        { ev: 'ipi', cpu: 1, to: 2, vector: OTHER },
        { ev: 'eoi', cpu: 2 },
      ],
      threeCpus,
    ),
    watch: () => answeredIsOver(),
    fault: noEoi,
  }),
];

/** After the EOI that answers the last IPI between two, the receiver is awaited no more. */
function answeredIsOver(): Monitor {
  return knowing((open) => ({
    ended(step, receiver, _vector, answered) {
      for (const it of answered) {
        if (open().some((other) => other.from === it.from && other.to === receiver)) continue;
        const answer = believes(step.kernel, step.m, it.from, receiver);
        if (answer === null) return;
        step.reach();
        if (answer) step.fail(`${sayIpi(step.m, it)} has been answered at ${now(step.m)} ns and is still awaited`);
      }
    },
  }));
}

/** At any time and between any two: awaited exactly while an IPI is under way. */
function waitIsExact(): Monitor {
  return knowing((open) => ({
    after(step) {
      const { m } = step;
      for (const { vcpus } of m.kvm) {
        for (const s of vcpus) for (const r of vcpus) if (s !== r) exactly(step, open(), s, r);
      }
    },
  }));
}

function exactly(step: Step, open: readonly Ipi[], s: number, r: number): void {
  const { m } = step;
  const answer = believes(step.kernel, m, s, r);
  if (answer === null) return;
  const ipi = open.find((it) => it.from === s && it.to === r);
  if (ipi !== undefined) step.reach();
  if (answer === (ipi !== undefined)) return;
  step.fail(
    ipi === undefined
      ? `${vcpuName(m, s)} waits for nobody and is thought to wait for ${vcpuName(m, r)} at ${now(m)} ns`
      : `${sayIpi(m, ipi)} is under way and not awaited at ${now(m)} ns`,
  );
}

const hypercall = (cpu: number, mask: number) =>
  ({ ev: 'hypercall', cpu, nr: 10, a0: mask, a1: 0, a2: 0, a3: VECTOR }) as const;

const A17: Property[] = [
  always('a call to one other CPU (smp_call_function_single()) makes its receiver awaited', {
    of: 'A17.1',
    given: vmWorld(),
    watch: () => isTracked((ipis) => ipis[0].how === 'unicast'),
    fault: nothingTracked,
  }),
  always('a call to several CPUs (smp_call_function_many(), TLB flush) by one ICR write makes its receivers awaited', {
    of: 'A17.2',
    given: vmWorld({ weights: icr, vcpus: [3, 4] }),
    watch: () => isTracked((ipis) => ipis[0].how === 'many'),
    fault: nothingTracked,
  }),
  always('a call to several CPUs by one ICR write each (x2apic_phys) makes all of its receivers awaited', {
    of: 'A17.3',
    means: 'asked for the first 10 us, of IPIs that are not even taken',
    given: vmWorld({ vcpus: [3, 4], weights: { advance: 4, ipi: 30 } }),
    watch: () =>
      knowing((open) => ({
        sent(step, from, ipis) {
          for (const it of open()) {
            if (ipis.length === 0 || it.from !== from || it.taken || now(step.m) - it.at > 10_000) continue;
            const answer = believes(step.kernel, step.m, from, it.to);
            if (answer === null) return;
            step.reach();
            if (!answer)
              step.fail(`${sayIpi(step.m, it)} is not even taken, and is no more awaited at ${now(step.m)} ns`);
          }
        },
      })),
    fault: nothingTracked,
  }),
  always('a call by way of KVM_HC_SEND_IPI, as a Linux guest of KVM makes it, makes its receivers awaited', {
    of: 'A17.4',
    given: vmWorld({ weights: { advance: 8, hypercall: 20, ipi: 4, eoi: 8 } }),
    scope: vmScope(3, [hypercall(0, 2), hypercall(1, 1), { ev: 'eoi', cpu: 1 }]),
    watch: () => isTracked((ipis) => ipis[0].how === 'hypercall'),
    fault: nothingTracked,
  }),
  callOfWindows,
];

/** An IPI that its receiver has not even taken is awaited. */
const AR13: Property[] = [
  always('with ICR and EOI exits: awaited exactly while an IPI is under way', {
    of: 'AR13.1',
    given: sendsAndWaits(),
    watch: waitIsExact,
    fault: noEoi,
  }),
  always('with APICv: awaited exactly while an IPI is under way', {
    of: 'AR13.2',
    given: sendsAndWaits({ apicv: true }),
    watch: waitIsExact,
    fault: nothingTracked,
  }),
  always('with IPI virtualization: awaited exactly while an IPI is under way', {
    of: 'AR13.3',
    given: sendsAndWaits({ apicv: true, ipiv: true }),
    watch: waitIsExact,
    fault: nothingTracked,
  }),
  always('with PV EOI: awaited exactly while an IPI is under way', {
    of: 'AR13.4',
    given: sendsAndWaits({ pv_eoi: true }),
    watch: waitIsExact,
    fault: nothingTracked,
  }),
  sometimes('with IPI virtualization, some IPI is tracked', {
    of: 'AR13.5',
    given: sendsAndWaits({ apicv: true, ipiv: true }),
    watch: () =>
      stateless({
        after(step) {
          const [pair] = believed(step);
          if (pair !== undefined) step.reach(`${vcpuName(step.m, pair[0])} awaits ${vcpuName(step.m, pair[1])}`);
        },
      }),
    fault: nothingTracked,
  }),
];

export const tracking: Claim[] = [
  { id: 'A9', words: 'unicast fixed IPIs are tracked precisely', properties: A9 },
  {
    id: 'A10',
    words: 'the context layout avoids cache line bouncing',
    properties: [],
    unanswerable:
      'about which words share a cache line and what that costs; the model has values and an order, neither addresses ' +
      'nor caches',
  },
  { id: 'A11', words: 'a 50 ms window ages out stale relations', properties: A11 },
  { id: 'A12', words: 'two-stage EOI clearing prevents unrelated EOIs', properties: A12 },
  { id: 'A17', words: 'captures IPIs of all synchronization primitives', properties: A17 },
  { id: 'AR13', words: 'dead weight with APICv and IPI virtualization', properties: AR13 },
];
