// SPDX-License-Identifier: GPL-2.0-only
/** Of A9, A11, A16, A17: two senders, answers that KVM does not see, receivers that INIT resets, clocks that differ, Hyper-V. */

import { HV_HYPERCALL_FAST, HVCALL_SEND_IPI } from '../../../src/arch/x86/hyperv.js';
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { APIC_DM_INIT } from '../../../src/lapic/apicdef.js';
import { le, sub, u64 } from '../../../src/lib/types.js';
import { apply } from '../../../src/machine/apply.js';
import { cloneMachine } from '../../../src/machine/clone.js';
import type { semantics_aware } from '../../../src/series/semantics-aware-v2/adds.js';
import { rebind } from '../../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../../src/vmlinux/vmlinux-x86.js';
import { always, type Monitor, type Property, type Step, stateless } from '../../vocabulary.js';
import { withFunctions } from './fork.js';
import { believed, believes, contextOf, hex, type Ipi, knowing, sayIpi, vcpuName, WINDOW } from './ipi-truth.js';
import { AGES, vmScope, vmWorld } from './kvm-worlds.js';
import { now } from './monitors.js';

const VECTOR = 0x40;
const OTHER = 0x51;

const nothingTracked = { says: 'nothing is tracked', funcs: { kvm_track_ipi_communication() {} } };

/** The window is not looked at. */
const noWindow = {
  says: 'the window is not looked at',
  funcs: {
    kvm_vcpu_is_ipi_receiver(this: unknown, sender: kvm_vcpu, receiver: kvm_vcpu) {
      const context = contextOf(sender);
      return context?.pending_ipi === true && context.last_ipi_receiver === receiver.vcpu_idx;
    },
  },
};

export const remembersItsSender: Property = always(
  'when a vCPU ends an IPI, last_ipi_sender is the vCPU that sent it, also where two have sent',
  {
    of: 'A9.3',
    given: vmWorld({ vcpus: [3, 4], cpus: [2, 3] }),
    scope: vmScope(
      4,
      [
        { ev: 'ipi', cpu: 0, to: 2, vector: VECTOR },
        { ev: 'ipi', cpu: 1, to: 2, vector: OTHER },
        { ev: 'eoi', cpu: 2 },
      ],
      { pcpus: 3, n: 3 },
    ),
    watch: () =>
      knowing(() => ({
        ending(step, receiver, vector, answered) {
          const context = contextOf(step.m.vcpu[receiver]);
          const tracked = answered.filter((it) => it.how === 'unicast');
          if (context === undefined || tracked.length === 0) return;
          step.reach();
          if (tracked.some((it) => step.m.vcpu[it.from].vcpu_idx === context.last_ipi_sender)) return;
          const known = context.last_ipi_sender < 0 ? 'nobody' : `vCPU ${context.last_ipi_sender}`;
          step.fail(
            `${vcpuName(step.m, receiver)} ends ${hex(vector)}, which answers ${sayIpi(step.m, tracked[0])}, and ` +
              `remembers ${known} as its sender`,
          );
        },
      })),
    fault: nothingTracked,
  },
);

/** Awaited and answered long since, or sent too long ago. */
function agesOut(): Monitor {
  const sent = new Map<string, number>();
  return knowing((open) => ({
    sending(_step, from, ipis) {
      for (const it of ipis) sent.set(`${from} ${it.to}`, it.at);
    },
    after(step) {
      const { m } = step;
      for (const [s, r] of believed(step)) {
        if (open().some((it) => it.from === s && it.to === r)) continue;
        const age = now(m) - (sent.get(`${s} ${r}`) ?? 0);
        step.reach();
        if (age <= WINDOW) continue;
        step.fail(`${vcpuName(m, r)} has answered and is still awaited ${age} ns after the last IPI to it`);
      }
    },
  }));
}

/** For how long at a stretch a sender is thought to wait for somebody who has answered each time without any delay. */
function thoughtToWait(): Monitor {
  const since = new Map<string, number>();
  return {
    ...knowing((open) => ({
      after(step) {
        const { m } = step;
        const pairs = believed(step).map(([s, r]) => `${s} ${r}`);
        for (const pair of since.keys()) if (!pairs.includes(pair)) since.delete(pair);
        for (const pair of pairs) waits(step, open(), pair);
        function waits(at: Step, ipis: readonly Ipi[], pair: string): void {
          const [s, r] = pair.split(' ').map(Number);
          const ipi = ipis.find((it) => it.from === s && it.to === r);
          if (ipi !== undefined && now(m) > ipi.at) since.delete(pair);
          if (ipi !== undefined) return;
          const begun = since.get(pair) ?? now(m);
          since.set(pair, begun);
          if (now(m) > begun) at.reach();
          if (now(m) - begun <= WINDOW) return;
          at.fail(
            `each IPI of ${vcpuName(m, s)} to ${vcpuName(m, r)} was answered at once, and for ${now(m) - begun} ns the ` +
              'one has been thought to wait for the other',
          );
        }
      },
    })),
    // which IPIs are open is not all: since when counts as well
    notes: () => [...since],
  };
}

/** Nobody waits for a vCPU that an INIT has reset: its IRR is empty and its handlers are gone. */
function forgetsTheReset(): Monitor {
  let waiting: number[] = [];
  return stateless({
    probes: {
      kvm_vcpu_reset: {
        enter(step, args) {
          const [receiver, init] = args as [kvm_vcpu, boolean];
          waiting = !init ? [] : believed(step).flatMap(([s, r]) => (r === receiver.id ? [s] : []));
        },
        leave(step, _result, args) {
          const { id } = args[0] as kvm_vcpu;
          for (const s of waiting) {
            step.reach();
            if (believes(step.kernel, step.m, s, id) !== true) continue;
            step.fail(
              `an INIT resets ${vcpuName(step.m, id)}, which will not answer any more; ${vcpuName(step.m, s)} is still ` +
                'thought to wait for it',
            );
          }
          waiting = [];
        },
      },
    },
  });
}

const LIVELY = { advance: 20, tick: 3, ipi: 20, eoi: 20 };

export const ageing: Property[] = [
  always('with APICv, whose EOIs KVM does not see, a receiver that has answered is awaited for ipi_window_ns at most', {
    of: 'A11.3',
    means: 'counted from the last IPI that was sent to it; the window is 50 ms',
    given: vmWorld({ vm: { apicv: true }, weights: LIVELY, advances: AGES }),
    watch: agesOut,
    fault: noWindow,
  }),
  always('with APICv, a sender that gets each answer at once is not thought to wait for longer than ipi_window_ns', {
    of: 'A11.4',
    means: '50 ms at a stretch, in which it has waited for nobody',
    given: vmWorld({ vm: { apicv: true }, weights: LIVELY, vcpus: [2, 2], cpus: [2] }),
    scope: vmScope(
      6,
      [
        { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
        { ev: 'eoi', cpu: 1 },
        { ev: 'advance', ns: 40_000_000 },
      ],
      { vm: { apicv: true } },
    ),
    watch: thoughtToWait,
    fault: noWindow,
  }),
  always('a receiver that an INIT resets is no longer awaited', {
    of: 'A11.5',
    given: vmWorld({ cpus: [2] }),
    scope: vmScope(3, [
      { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
      { ev: 'icr', cpu: 0, low: APIC_DM_INIT | (1 << 14), dest: 1 },
      { ev: 'eoi', cpu: 1 },
    ]),
    watch: forgetsTheReset,
    fault: noWindow,
  }),
];

/** ns by which the clock of the receiver's CPU is behind the sender's. */
const BEHIND = 1_000;

export const clocksThatDiffer: Property = always(
  'an EOI ends the wait for it, although the clock of its CPU is 1 us behind that of the sender',
  {
    of: 'A16.3',
    means:
      'ktime_get_mono_fast_ns() is not ordered between CPUs; asked of IPIs that are answered in less than the difference',
    given: vmWorld({ weights: { advance: 4, tick: 4, ipi: 24, eoi: 24 }, cpus: [2, 3], vcpus: [2, 3] }),
    watch: endsOnALateClock,
    fault: {
      says: 'an EOI ends the wait only for IPIs that are not of the future',
      funcs: {
        kvm_clear_ipi_on_eoi(this: semantics_aware, apic: { vcpu: number }) {
          const receiver = this.m.vcpu[apic.vcpu];
          for (const id of this.m.kvm[receiver.kvm].vcpus) {
            const sent = contextOf(this.m.vcpu[id]);
            if (sent?.last_ipi_receiver !== receiver.vcpu_idx) continue;
            if (le(sent.ipi_time_ns, this.ktime_get_mono_fast_ns())) sent.pending_ipi = false;
          }
        },
      },
    },
  },
);

/** On copies of the machine the EOI happens by a clock that is right, and by one that is late. */
function endsOnALateClock(): Monitor {
  return knowing((open) => ({
    before(step) {
      const { event, m } = step;
      if (event.ev !== 'eoi') return;
      const receiver = m.vcpuOfTask[m.rq[event.cpu].curr];
      const fresh = open().filter((it) => it.to === receiver && it.taken && now(m) - it.at < BEHIND);
      if (fresh.length !== 1 || open().some((it) => it.to === receiver && it.from !== fresh[0].from)) return;
      const { from, to } = fresh[0];
      if (m.vcpu[from].cpu === event.cpu || believes(step.kernel, m, from, to) !== true) return;
      const after = (clock: (k: vmlinux_x86) => vmlinux_x86): boolean => {
        const there = cloneMachine(m);
        const k = rebind(step.kernel, there);
        apply(clock(k), event);
        return believes(k, there, from, to) === true;
      };
      // by the sender's own clock it is ended, so that no other cause counts
      if (after((k) => k)) return;
      step.reach();
      if (!after((k) => lateOn(k, event.cpu))) return;
      step.fail(
        `${vcpuName(m, to)} ends ${hex(fresh[0].vector)} on CPU ${event.cpu}, whose clock is ${BEHIND} ns behind: the age of ` +
          `${sayIpi(m, fresh[0])} is negative, vast as a u64, and it is awaited still`,
      );
    },
  }));
}

function lateOn(k: vmlinux_x86, cpu: number): vmlinux_x86 {
  const original = k.ktime_get_mono_fast_ns;
  return withFunctions(k, {
    ktime_get_mono_fast_ns(this: vmlinux_x86) {
      const time = original.call(this);
      return this.m.cpu === cpu ? sub(time, u64(BEHIND)) : time;
    },
  });
}

export const callOfWindows: Property = always(
  'a call by way of HVCALL_SEND_IPI, as a Windows guest makes it, makes its receiver awaited',
  {
    of: 'A17.5',
    given: vmWorld({ weights: { advance: 8, ipi: 20, eoi: 8 } }),
    scope: vmScope(2, [
      { ev: 'ipi', cpu: 0, to: 1, vector: VECTOR },
      { ev: 'eoi', cpu: 1 },
    ]),
    watch: () =>
      stateless({
        before(step) {
          const { event, m } = step;
          if (event.ev !== 'ipi' || believes(step.kernel, m, 0, 0) === null) return;
          const sender = m.vcpuOfTask[m.rq[event.cpu].curr];
          const receiver = sender < 0 ? -1 : (m.kvm[m.vcpu[sender].kvm].vcpus[event.to] ?? -1);
          if (receiver < 0 || receiver === sender || m.vcpu[sender].arch.cpl !== 0) return;
          const there = byHyperV(step, sender, receiver, event.vector);
          if (there === null) return;
          step.reach();
          if (there) return;
          step.fail(
            `${vcpuName(m, sender)} sends ${hex(event.vector)} to ${vcpuName(m, receiver)} by HVCALL_SEND_IPI, and it is not awaited`,
          );
        },
      }),
    fault: nothingTracked,
  },
);

/** Whether the receiver is awaited after the hypercall, on a copy of the machine; null when no guest made it. */
function byHyperV(step: Step, sender: number, receiver: number, vector: number): boolean | null {
  const m = cloneMachine(step.m);
  const k = rebind(step.kernel, m) as semantics_aware;
  m.vcpu[sender].arch.hyperv_enabled = true;
  m.cpu = m.vcpu[sender].cpu;
  const control = u64(HVCALL_SEND_IPI | HV_HYPERCALL_FAST);
  const mask = u64(2 ** m.vcpu[receiver].vcpu_idx);
  if (!k.exitHypercall(m.cpu, u64(0), u64(0), control, u64(vector), u64(0), mask)) return null;
  return believes(k, m, sender, receiver);
}
