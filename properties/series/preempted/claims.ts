// SPDX-License-Identifier: GPL-2.0-only
/** What is promised of vcpu_is_preempted() on arm64, E1 to E9. */
import type { kvm_vcpu } from '../../../src/arch/arm64/kvm_host.js';
import type { vmlinux_arm64 } from '../../../src/vmlinux/vmlinux-arm64.js';
import { MS } from '../../arbitraries.js';
import { always, type Claim, type Monitor, type Property } from '../../vocabulary.js';
import { E2, E3, E4 } from './beside.js';
import { silent, turned } from './faults.js';
import {
  baseOf,
  filled,
  flagOf,
  idleOnes,
  isThere,
  nameOf,
  now,
  onCpu,
  osOf,
  spinners,
  stateOf,
  vcpusOf,
} from './monitors.js';
import { calls, idleHost, isInit, isRelease, overcommitted } from './worlds.js';

/** A put that writes the opposite where a proposal writes. */
const never = {
  says: 'the word is never set',
  funcs: {
    kvm_update_vcpu_preempted() {},
    kvm_update_pvlock_preempted() {},
    kvm_update_pvsched_preempted() {},
  },
};
const everSet = {
  says: 'the word is set while the vCPU runs as well',
  funcs: {
    kvm_write_guest_cached(this: vmlinux_arm64, kvm: { id: number }, ghc: { gpa: unknown }) {
      return this.kvm_put_guest(this.m.kvm[kvm.id], ghc.gpa as never, 1 as never, 1);
    },
    kvm_update_pvlock_preempted(this: vmlinux_arm64, v: kvm_vcpu) {
      this.kvm_put_guest(this.m.kvm[v.kvm], v.arch.pv_preempted!.base, 1 as never, 8);
    },
    kvm_update_pvsched_preempted(this: vmlinux_arm64, v: kvm_vcpu) {
      const base = v.arch.pv_preempted?.base;
      if (base !== undefined && baseOf(v) !== null) this.kvm_put_guest(this.m.kvm[v.kvm], base, 1 as never, 4);
    },
  },
};

type Look = Parameters<NonNullable<Monitor['after']>>[0];

/** Told of each wake-up to an idle vCPU without a CPU, and how many idle ones have one. */
function misplaced(look: (step: Look, withCpu: number) => void): Monitor {
  let idle = new Map<number, boolean>();
  return {
    notes: () => null,
    before({ m }) {
      idle = idleOnes(m);
    },
    after(step) {
      for (const target of filled(step.m, idle))
        if (idle.get(target) === false) look(step, [...idle.values()].filter(Boolean).length);
    },
  };
}

const E1: Property[] = [
  always('no wake-up goes to an idle vCPU without a CPU while another idle vCPU has one', {
    of: 'E1.1',
    means: 'as many vCPUs as CPUs, on a host that is idle; tasks of the guest may run anywhere',
    given: idleHost(),
    watch: () =>
      misplaced((step, on) => {
        step.reach();
        if (on > 0) step.fail(`a task of the guest is woken to an idle vCPU without a CPU; ${on} idle ones have one`);
      }),
    fault: turned,
  }),
];

const E5: Property[] = [
  always("less than 1 % of a guest's CPU time is spent in osq_lock()", {
    of: 'E5.1',
    means: 'two vCPUs a CPU, four tasks that want one lock; over 10 ms at least',
    given: overcommitted(),
    watch() {
      let [last, queued, total, spins] = [-1, 0, 0, 0];
      return {
        notes: () => null,
        after({ m }) {
          const at = now(m);
          if (last >= 0) {
            queued += (at - last) * spins;
            total += (at - last) * m.rq.length;
          }
          last = at;
          spins = spinners(m).filter((it) => it.queued).length;
        },
        end(step) {
          if (total < 20 * MS) return;
          step.reach();
          if (queued * 100 > total) step.fail(`${queued} ns of ${total} in osq_lock()`);
        },
      };
    },
    fault: silent,
  }),
];

/** Looks at each vCPU that has a word, after each event. */
const eachFlag = (look: (step: Look, v: kvm_vcpu, flag: boolean) => void): Monitor => ({
  notes: () => null,
  after(step) {
    for (const v of vcpusOf(step.m)) {
      const flag = flagOf(step.m, v);
      // written at a put or a load: of a vCPU that has run since it has a word
      if (flag !== null && v.pid >= 0) look(step, v, flag);
    }
  },
});

const isDescheduled = (state: string): boolean => state === 'preempted' || state === 'woken';

const E6: Property[] = [
  always('a vCPU reported as preempted is runnable and has no CPU', {
    of: 'E6.1',
    given: calls(),
    watch: () =>
      eachFlag((step, v, flag) => {
        if (!flag) return;
        step.reach();
        const state = stateOf(step.m, v);
        if (!isDescheduled(state)) step.fail(`${nameOf(step.m, v)} is told to be preempted, and is ${state}`);
      }),
    fault: everSet,
  }),
  always('a runnable vCPU that has no CPU is reported as preempted', {
    of: 'E6.2',
    given: calls(),
    watch: () =>
      eachFlag((step, v, flag) => {
        const state = stateOf(step.m, v);
        if (!isDescheduled(state)) return;
        step.reach();
        if (!flag) step.fail(`${nameOf(step.m, v)} is ${state}, and is not told to be preempted`);
      }),
    fault: never,
  }),
];

const E7: Property[] = [
  always('once a guest asks, each of its vCPUs has a word to be asked about', {
    of: 'E7.1',
    given: idleHost(),
    watch: () => ({
      notes: () => null,
      after(step) {
        const pv = osOf(step.m)?.m.pv_preempted;
        if (pv?.on !== true) return;
        step.reach();
        const without = pv.gpa.findIndex((gpa) => gpa < 0);
        if (without >= 0) step.fail(`vCPU ${without} has none`);
      },
    }),
    fault: {
      says: 'a CPU that comes up is not called back',
      funcs: {
        notify_cpu_starting(this: vmlinux_arm64, cpu: number) {
          if (this.m.pv_preempted !== undefined) this.m.pv_preempted.gpa[cpu] = -1;
        },
      },
    },
  }),
];

/** Words that a vCPU's host has no business with any more: by VM, address and what was there. */
function abandoned(gives: 'release' | 'store'): Monitor {
  const left = new Map<string, { vm: number; gpa: number; was: number }>();
  let before: (number | null)[] = [];
  const read = (m: Parameters<typeof flagOf>[0], vm: number, gpa: number): number =>
    Number(m.guest[vm].memory?.words.find((it) => it.gpa === gpa)?.value ?? 0);
  return {
    notes: () => [...left],
    before({ m }) {
      before = vcpusOf(m).map(baseOf);
    },
    after(step) {
      const { m, event } = step;
      for (const v of vcpusOf(m)) {
        const [was, base] = [before[v.id] ?? null, baseOf(v)];
        const released = gives === 'release' && event.ev === 'hypercall' && isRelease(event.nr) && base === null;
        if (released && was !== null && was % 8 === 0 && isThere(m, v, was))
          left.set(`${v.kvm} ${was}`, { vm: v.kvm, gpa: was, was: read(m, v.kvm, was) });
        if (event.ev === 'hypercall' && isInit(event.nr) && base !== null) left.delete(`${v.kvm} ${base}`);
      }
      // a store to a VM that is not there, or has no memory, is none
      if (gives === 'store' && event.ev === 'store' && m.guest[event.vm]?.memory !== undefined)
        left.set(`${event.vm} ${event.gpa}`, { vm: event.vm, gpa: event.gpa, was: read(m, event.vm, event.gpa) });
      if (gives === 'release' && event.ev === 'store') left.delete(`${event.vm} ${event.gpa}`);
      for (const { vm, gpa, was } of left.values()) {
        step.reach();
        const is = read(m, vm, gpa);
        if (is !== was) step.fail(`the host writes to ${m.vmNames[vm]}'s memory at 0x${gpa.toString(16)}: ${is}`);
      }
    },
  };
}

const E8: Property[] = [
  always('once a guest has taken its word back, its host does not write there', {
    of: 'E8.1',
    given: calls({ releases: true }),
    watch: () => abandoned('release'),
    fault: {
      says: 'the host writes where it wrote last',
      funcs: {
        kvm_arch_vcpu_put(this: vmlinux_arm64 & { lastBase?: unknown }, v: kvm_vcpu) {
          for (const gpa of [0x5000, 0x6000]) this.kvm_put_guest(this.m.kvm[v.kvm], gpa as never, 77 as never, 8);
          v.cpu = -1;
        },
      },
    },
  }),
  always('memory to which a guest has given another use is left alone by its host', {
    of: 'E8.2',
    means: 'as by a kexec, in which the boot CPU does not go down: no function takes its word back',
    given: calls({ stores: true }),
    watch: () => abandoned('store'),
    fault: {
      says: 'the host writes to memory that nobody has named',
      funcs: {
        kvm_arch_vcpu_load(this: vmlinux_arm64, v: kvm_vcpu, cpu: number) {
          v.cpu = cpu;
          this.kvm_vgic_load(v);
          this.kvm_timer_vcpu_load(v);
          this.kvm_arch_vcpu_loadTraps(v);
          for (const gpa of [0x5000, 0x6000]) this.kvm_put_guest(this.m.kvm[v.kvm], gpa as never, 77 as never, 8);
        },
      },
    },
  }),
];

const E9: Property[] = [
  always('at any time, what the guest reads of a vCPU says whether it is off its CPU', {
    of: 'E9.1',
    given: calls(),
    watch: () =>
      eachFlag((step, v, flag) => {
        // between the call and the next load nobody has written
        if (v.cpu < 0 === onCpu(step.m, v)) return;
        step.reach();
        if (flag === onCpu(step.m, v))
          step.fail(
            `${nameOf(step.m, v)} ${flag ? 'is told to be preempted' : 'is not'}, and is ${stateOf(step.m, v)}`,
          );
      }),
    fault: never,
  }),
];

const claim = (id: string, words: string, properties: Property[]): Claim => ({ id, words, properties });
export const promises: readonly Claim[] = [
  claim('E1', 'better wake-up choices, even on an idle host at 1:1', E1),
  claim('E2', 'few enqueues go to idle vCPUs that are preempted', E2),
  claim('E3', 'no busy wait for preempted lock owners', E3),
  claim('E4', 'no loss with as many CPUs as vCPUs', E4),
  claim('E5', 'osq_lock() falls below 1 % of the time', E5),
  claim('E6', 'preempted means runnable and descheduled', E6),
  claim('E7', 'every vCPU that is online is set up', E7),
  claim('E8', 'after a release the host never writes', E8),
  claim('E9', 'the flag is the state of the host', E9),
];
