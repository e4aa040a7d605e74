// SPDX-License-Identifier: GPL-2.0-only
/** B18 to B20, B22: when a boost begins, and when it ends. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { APIC_DM_FIXED } from '../../../src/lapic/apicdef.js';
import type { kvm_lapic } from '../../../src/lapic/lapic.js';
import { toNumber, ZERO } from '../../../src/lib/types.js';
import type { pvsched_prio_desc } from '../../../src/series/pvsched-v3/0003-pvsched-default-policy.js';
import {
  PVSCHED_RUNNER_HOST,
  type pvsched_runner,
} from '../../../src/series/pvsched-v3/0004-pvsched-runner-runtime.js';
import { MSR_PVSCHED_KICK } from '../../../src/series/pvsched-v3/0006-pvsched-attach-a-page-of-a-guest.js';
import type { pvsched_v3 } from '../../../src/series/pvsched-v3/adds.js';
import { US } from '../../arbitraries.js';
import { always, type Claim, leadsTo, type Monitor, type Property, type Step } from '../../vocabulary.js';
import { guestState, inGuest, nameOf, now } from '../pvsched-v1/monitors.js';
import { longest, mean, Outcome, outcomeOn } from '../pvsched-v1/outcome.js';
import { REALTIME, waker } from '../pvsched-v1/worlds.js';
import { mixed } from './budgets.js';
import { afterEvents, appliedOf, BASE, BASELINE, CS, isBoosted, runnerOf, Since, wordAt } from './monitors.js';
import { eventful, guests } from './worlds.js';

/** Events behind which a thread is what the policy says: RUN_ENTER, VMEXIT, CANCEL, HALT. */
const SETTERS = [0, 1, 2, 4];

const us = (ns: number): string => `${Math.round(ns / 1000)} us`;

const noBoost = {
  says: 'nothing is applied',
  funcs: { pvsched_default_ops_apply: () => 0, pvsched_default_ops_owned: () => true },
};

function late(of: (all: readonly number[]) => number, what: string): Property['watch'] {
  return (scenario) => {
    const here = new Outcome();
    return {
      after: (step) => here.look(step.m),
      end(step) {
        if (now(step.m) < (scenario.until ?? 0)) return;
        const [mine, theirs] = [here, outcomeOn(BASE, scenario)].map((it) => it.delays.get('rt') ?? []);
        if (mine.length < 5 || theirs.length < 5 || of(theirs) < 500 * US) return;
        step.reach();
        if (of(mine) > of(theirs) / 2)
          step.fail(`${what} rt is ${us(of(mine))} late in ${mine.length} turns, and ${us(of(theirs))} on ${BASE}`);
      },
    };
  };
}

const busy = (vendors: readonly ('svm' | 'vmx')[]) =>
  guests({
    tasks: ({ sleep, work }) => [waker('rt', sleep, work, REALTIME), { comm: 'hog' }],
    until: 100,
    vendors,
    events: 14_000,
  });

const B18: Property[] = [
  always(
    'beside a busy host on AMD, a real-time task of the guest waits at most half as long on average as without the series',
    {
      of: 'B18.1',
      means:
        'from the end of its sleep to its first instruction; where that takes 500 us and more without (the same run)',
      given: busy(['svm']),
      watch: late(mean, 'on average'),
      fault: noBoost,
    },
  ),
  always(
    'beside a busy host on AMD, the longest wait of a real-time task of the guest is at most half of that without the series',
    {
      of: 'B18.2',
      means: 'as B18.1',
      given: busy(['svm']),
      watch: late(longest, 'at most'),
      fault: noBoost,
    },
  ),
  always(
    'beside a busy host on Intel, with the VMX-preemption timer, a real-time task of the guest waits at most half as long on average as without the series',
    {
      of: 'B18.3',
      means: 'as B18.1',
      given: busy(['vmx']),
      watch: late(mean, 'on average'),
      fault: noBoost,
    },
  ),
  always(
    'on AMD and on Intel, a task that is the only one of its guest waits at most half as long on average as without the series',
    {
      of: 'B18.4',
      means: 'as B18.1',
      given: guests({
        tasks: ({ sleep, work }) => [waker('rt', sleep, work, REALTIME)],
        until: 100,
        host: [{ comm: 'host' }, { comm: 'host2' }],
        events: 14_000,
      }),
      watch: late(mean, 'on average'),
      fault: noBoost,
    },
  ),
];

/** Kicks of a guest: an exit by the register. */
function kicks(judge: (step: Step, v: kvm_vcpu) => string | null): Monitor {
  return {
    notes: () => null,
    probes: {
      kvm_set_msr_common: {
        enter(step, args) {
          const [v, msr] = args as [kvm_vcpu, { index: number }];
          if (msr.index !== MSR_PVSCHED_KICK) return;
          step.reach();
          const broken = judge(step, v);
          if (broken !== null) step.fail(`${nameOf(step.m, v)} makes its host look, ${broken}`);
        },
      },
    },
  };
}

const nices = guests({
  tasks: ({ sleep, work }) => [
    waker('eager', sleep, work, { nice: -10 }),
    { comm: 'hog', nice: 5 },
    { comm: 'low', nice: 19 },
  ],
});

const B19: Property[] = [
  always('a guest makes its host look only where that has asked for it', {
    of: 'B19.1',
    means: 'PVSCHED_HINT_KICK_DEBOOST in the page',
    given: mixed,
    watch: () => kicks((step, v) => (appliedOf(step.m, v)?.hint === true ? null : 'which has not asked for it')),
    fault: {
      says: 'the hint is not looked at, and not set',
      funcs: {
        pvsched_guest_do_kick(this: pvsched_v3) {
          this.wrmsr(MSR_PVSCHED_KICK, 0, 0);
        },
        pvsched_publish_applied_locked() {},
      },
    },
  }),
  always('a guest whose vCPU was not boosted when it was entered does not make its host look', {
    of: 'B19.2',
    means: 'applied_state says BASELINE; among fair tasks of different nice values',
    given: nices,
    watch() {
      const entered = new Map<number, number>();
      const look = kicks((_step, v) =>
        entered.get(v.id) === BASELINE ? 'for it has switched between tasks that its host does not boost' : null,
      );
      return {
        notes: () => [...entered],
        probes: {
          ...look.probes,
          kvm_x86_vcpu_run: {
            leave(_step, _result, args) {
              const [v] = args as [kvm_vcpu];
              const r = runnerOf(v);
              if (r !== null) entered.set(v.id, r.applied_class);
            },
          },
        },
      };
    },
    fault: {
      says: 'each switch makes the host look',
      funcs: {
        pvsched_guest_best: () => 0,
        trace_sched_switch(this: pvsched_v3) {
          if (this.m.pvsched_publishing === true) this.wrmsr(MSR_PVSCHED_KICK, 0, 0);
        },
      },
    },
  }),
  leadsTo('a boost is taken back before a fair task of the guest executes a user instruction for 20 us', {
    of: 'B19.3',
    means: 'a leaked boost; a fair task of nice 0 and up, the vCPU in the guest and in nothing else',
    given: mixed,
    watch() {
      const since = new Since();
      return {
        notes: () => [...since.at],
        after(step) {
          for (const v of step.m.vcpu) {
            const state = guestState(step.m, v);
            const plain =
              state?.plain === true && state.user && state.fair && inGuest(step.m, v) && runnerOf(v) !== null;
            if (plain) step.reach();
            const ns = since.look(step, v, plain && isBoosted(step.m, v));
            if (ns > 20 * US)
              step.fail(
                `${nameOf(step.m, v)} has run ${state?.curr.comm} of its guest for ${ns} ns, real-time all the while`,
              );
          }
        },
      };
    },
    fault: { says: 'the guest never makes its host look', funcs: { pvsched_guest_do_kick() {} } },
  }),
];

/** Fixed interrupts that were accepted while their vCPU was in the host, and that its guest has not begun to handle. */
function accepted(): Monitor {
  let open: { v: number; vector: number }[] = [];
  return {
    notes: () => open,
    after(step) {
      const { m } = step;
      open = open.filter(({ v, vector }) => {
        const contexts = m.guest[m.vcpu[v].kvm].os?.cpu[m.vcpu[v].vcpu_idx].contexts ?? [];
        const r = runnerOf(m.vcpu[v]);
        const throttled = r === null || r.accounting.cs.throttled || r.accounting.generic.throttled;
        return !throttled && !contexts.some((it) => it.vector === vector) && !m.vcpu[v].arch.taken.includes(vector);
      });
      for (const { v, vector } of open) {
        step.reach();
        if (isBoosted(m, m.vcpu[v])) continue;
        step.fail(`0x${vector.toString(16)} waits for ${nameOf(m, m.vcpu[v])}, which is not boosted`);
        return;
      }
    },
    probes: {
      __apic_accept_irq: {
        leave(step, result, args) {
          const [apic, mode, vector] = args as [kvm_lapic, number, number];
          const v = step.m.vcpu[apic.vcpu];
          const r = runnerOf(v);
          if (result !== 1 || mode !== APIC_DM_FIXED || r?.position !== PVSCHED_RUNNER_HOST || !r.last_guest_area_valid)
            return;
          open.push({ v: v.id, vector });
        },
      },
    },
  };
}

const pingPong = guests({
  tasks: ({ work }) => [
    { comm: 'ping', cpus: [0], program: [{ op: 'compute', ns: work }, { op: 'wake', task: 'pong' }, { op: 'wait' }] },
    { comm: 'pong', cpus: [1], program: [{ op: 'wait' }, { op: 'compute', ns: work }, { op: 'wake', task: 'ping' }] },
    { comm: 'hog', cpus: [0] },
    { comm: 'hog1', cpus: [1] },
  ],
  vcpus: 2,
  host: [
    { comm: 'host', cpus: [0] },
    { comm: 'host1', cpus: [1] },
  ],
  until: 40,
});

/** Two vCPUs whose guest sends NMIs from one to the other, by events amid its programs. */
const nmis = eventful({ vcpus: 2, weights: { icr: 4, store: 0, wrmsr: 0 } });

const B20: Property[] = [
  always(
    'while a ticket is not acknowledged and no budget is throttled, the thread has the priority of critical sections',
    {
      of: 'B20.1',
      means: 'of NMIs: a fixed interrupt is acknowledged in the moment in which it is taken',
      given: nmis,
      watch: () =>
        afterEvents((step, v, r, event) => {
          const { cs, generic } = r.accounting;
          if (r.interrupt_ticket === ZERO || cs.throttled || generic.throttled || !SETTERS.includes(event)) return;
          step.reach();
          if (r.applied_class !== CS)
            step.fail(`${nameOf(step.m, v)} has ticket ${toNumber(r.interrupt_ticket)}, and class ${r.applied_class}`);
        }),
      fault: {
        says: 'tickets are not looked at',
        funcs: {
          pvsched_default_ops_map(this: pvsched_v3, baseline: { prio: pvsched_prio_desc }) {
            return { params: baseline, class: BASELINE, held: false };
          },
        },
      },
    },
  ),
  leadsTo(
    'an interrupt that is accepted for a vCPU in the host makes its thread real-time until its guest handles it',
    {
      of: 'B20.2',
      means: 'a lost boost; where no budget is throttled; fixed interrupts, without APICv',
      given: pingPong,
      watch: accepted,
      fault: { says: 'nobody is told of interrupts', funcs: { kvm_pvsched_vcpu_inject_intr() {} } },
    },
  ),
  leadsTo('a ticket is acknowledged within 100 us in the guest', {
    of: 'B20.3',
    means: 'a leaked boost; of interrupts and NMIs',
    given: nmis,
    watch() {
      const since = new Since();
      return {
        notes: () => [...since.at],
        after(step) {
          for (const v of step.m.vcpu) {
            const ticket = runnerOf(v)?.interrupt_ticket ?? ZERO;
            if (ticket !== ZERO) step.reach();
            const open = ticket !== ZERO && inGuest(step.m, v) && wordAt(step.m, v, 80) !== ticket;
            const ns = since.look(step, v, open);
            if (ns > 100 * US)
              step.fail(`${nameOf(step.m, v)} has been in its guest for ${ns} ns with ticket ${toNumber(ticket)}`);
          }
        },
      };
    },
    fault: { says: 'nobody acknowledges', funcs: { __pvsched_guest_cs_update() {} } },
  }),
];

const B22: Property[] = [
  always('an idle guest keeps a boost for 200 us at most on its way to HLT', {
    of: 'B22.1',
    means: 'idle_hold_us, and a nanosecond; of boosts that nothing else asks for',
    given: eventful({ idle: true, weights: { intr: 12 } }),
    watch() {
      const since = new Since();
      const look = afterEvents((step, v, r) => {
        if (r.idle_holding) step.reach();
        const ns = since.look(step, v, r.idle_holding);
        if (ns > 200 * US + 1) step.fail(`${nameOf(step.m, v)} has kept its boost for ${ns} ns, idle`);
      });
      return { ...look, notes: () => [...since.at] };
    },
    fault: {
      says: 'the hold begins anew at each exit',
      funcs: {
        pvsched_idle_hold_offered(this: pvsched_v3, r: pvsched_runner): boolean {
          r.idle_hold_end_ns = ZERO;
          return true;
        },
      },
    },
  }),
];

export const requests: Claim[] = [
  { id: 'B18', words: 'urgent tasks of a guest are served promptly', properties: B18 },
  { id: 'B19', words: 'asking costs no exit, giving back is prompt', properties: B19 },
  { id: 'B20', words: 'an interrupt keeps the boost until it is handled', properties: B20 },
  { id: 'B22', words: 'an idle guest keeps its boost for a moment', properties: B22 },
];
