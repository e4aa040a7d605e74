// SPDX-License-Identifier: GPL-2.0-only
/** B21, B23: what the page says, and what it may say. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { ZERO } from '../../../src/lib/types.js';
import {
  descOf,
  flagsOf,
  type pvsched_guest_area,
  type pvsched_prio_desc,
} from '../../../src/series/pvsched-v3/0003-pvsched-default-policy.js';
import type { pvsched_runner } from '../../../src/series/pvsched-v3/0004-pvsched-runner-runtime.js';
import type { pvsched_v3 } from '../../../src/series/pvsched-v3/adds.js';
import { always, type Claim, type Monitor, type Property, type Step } from '../../vocabulary.js';
import { nameOf } from '../pvsched-v1/monitors.js';
import { keepsIt } from './budgets.js';
import { afterEvents } from './monitors.js';
import { eventful } from './worlds.js';

/** Events behind which a thread is what the policy says: RUN_ENTER, VMEXIT, CANCEL, HALT. */
const SETTERS = [0, 1, 2, 4];

/** The lower the more urgent, worked out from the page alone: 0 to 98 of real-time, 100 to 139 of fair tasks, 140 idle. */
function urgencyOf({ sched_policy, nice, rt_prio }: pvsched_prio_desc, cap: number): number {
  if (sched_policy === 1 || sched_policy === 2) return 99 - Math.min(rt_prio, cap);
  if (sched_policy === 6) return 99 - 50;
  return sched_policy === 5 ? 140 : 120 + nice;
}

const B21: Property[] = [
  always('a thread is as urgent as the most urgent task that its guest tells of, and no more', {
    of: 'B21.1',
    means: 'behind an exit that is not for HLT; no critical section, ticket, reason or hold; with a budget left',
    given: eventful({ vcpus: 2 }),
    watch: () =>
      afterEvents((step, v, r, event) => {
        const { last_guest_area: guest, accounting } = r;
        const plain = guest.cs_state === ZERO && r.interrupt_ticket === ZERO && r.reasons === 0 && !r.idle_holding;
        if (event !== 1 || !plain || !r.last_guest_area_valid || accounting.generic.throttled) return;
        step.reach();
        const pending = (flagsOf(guest.task_intent) & 1) !== 0 ? urgencyOf(descOf(guest.task_intent, 3), 50) : 999;
        const wanted = Math.min(urgencyOf(descOf(guest.task_intent, 0), 50), pending);
        const p = step.m.task[r.task];
        const is = urgencyOf({ sched_policy: p.policy, nice: p.static_prio - 120, rt_prio: p.rt_priority }, 99);
        if (is !== wanted) step.fail(`${nameOf(step.m, v)} has urgency ${is}; its page says ${wanted}`);
      }),
    fault: {
      says: 'a pending task is never looked at',
      funcs: {
        pvsched_default_policy_prio: () => 0,
      },
    },
  }),
  always('a page that breaks the rules of the protocol leaves its thread at its baseline', {
    of: 'B21.2',
    given: eventful({ vcpus: 2, lies: true }),
    watch: () =>
      afterEvents((step, v, r, event) => {
        // on an interrupt and behind a sleep nothing new is read
        if (r.last_guest_area_valid || !SETTERS.includes(event)) return;
        step.reach();
        const p = step.m.task[r.task];
        const { sched_policy, nice } = r.baseline.prio;
        if (p.policy !== sched_policy || p.static_prio - 120 !== nice)
          step.fail(`the page of ${nameOf(step.m, v)} is not valid, and it has policy ${p.policy}`);
      }),
    fault: keepsIt,
  }),
];

/** Every word of guests' memory that is none of the host's. */
const theirs = ({ m }: Step): string =>
  JSON.stringify(
    m.guest.map(({ memory }) =>
      (memory?.words ?? [])
        .filter(({ gpa }) => ![48, 56, 128, 136].includes(gpa % 4096))
        .map(({ gpa, value }) => [gpa, String(value)]),
    ),
  );

function onlyOwnWords(): Monitor {
  let words = '';
  const probe = {
    enter(step: Step) {
      words = theirs(step);
    },
    leave(step: Step) {
      step.reach();
      if (theirs(step) !== words) step.fail('the host has written to a word of the guest');
    },
  };
  return {
    notes: () => null,
    probes: { pvsched_publish_applied_locked: probe, pvsched_shm_bridge_publish_status: probe },
  };
}

const B23: Property[] = [
  always(
    'nothing that a guest writes to page and device, and no page that goes away, makes the host warn, die or print',
    {
      of: 'B23.1',
      given: eventful({ lies: true, vcpus: 2, events: 8_000 }),
      watch: () => ({
        notes: () => null,
        after(step) {
          for (const v of step.m.vcpu) if (v.pvsched?.last_guest_area_valid === false && v.pvsched.active) step.reach();
          if (step.traces.some((t) => t.system === 'printk')) step.fail('a line in the log of the host');
        },
      }),
      fault: {
        says: 'a page that is not valid is worth a warning',
        funcs: {
          pvsched_default_guest_valid(this: pvsched_v3, guest: pvsched_guest_area): boolean {
            return !this.warnOn(guest.reserved || flagsOf(guest.task_intent) > 3, 'pvsched_default_guest_valid');
          },
        },
      },
    },
  ),
  always('the host writes nothing of an attached page but its own words', {
    of: 'B23.2',
    means: 'applied_state and interrupt_ticket at an entry, the status when service ends',
    given: eventful({ lies: true }),
    watch: onlyOwnWords,
    fault: {
      says: 'the host acknowledges in place of its guest',
      funcs: {
        pvsched_publish_applied_locked(this: pvsched_v3, v: kvm_vcpu, r: pvsched_runner) {
          const memory = this.pvschedMemoryOf(v);
          const at = r.gpa + 80;
          memory.words = [...memory.words.filter(({ gpa }) => gpa !== at), { gpa: at, value: this.ktime_get() }];
        },
      },
    },
  }),
];

export const pages: Claim[] = [
  { id: 'B21', words: 'a thread is what its guest says that it runs', properties: B21 },
  { id: 'B23', words: 'memory safety, whatever the page holds', properties: B23 },
];
