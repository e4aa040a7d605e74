// SPDX-License-Identifier: GPL-2.0-only
/** What is promised of vcpu_is_preempted() on arm64, E1 to E9. */
import type { kvm_vcpu } from '../../../src/arch/arm64/kvm_host.js';
import { toNumber } from '../../../src/lib/types.js';
import { apply } from '../../../src/machine/apply.js';
import { boot } from '../../../src/machine/boot.js';
import { nextEvent } from '../../../src/machine/next-event.js';
import type { Scenario } from '../../../src/scenario/scenario.js';
import { bind, type Kernel } from '../../../src/vmlinux/bind.js';
import type { vmlinux_arm64 } from '../../../src/vmlinux/vmlinux-arm64.js';
import { MS, US } from '../../arbitraries.js';
import { agrees, always, type Claim, type Monitor, type Property } from '../../vocabulary.js';
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
  vcpuAt,
  vcpusOf,
} from './monitors.js';
import { aioHost, besideHogs, calls, idleHost, isInit, isRelease, overcommitted } from './worlds.js';

/** The guest is told the opposite, or nothing. */
const turned = {
  says: 'the guest is told the opposite of what its word says',
  funcs: {
    vcpu_is_preempted(this: vmlinux_arm64, cpu: number) {
      const pv = this.m.pv_preempted;
      const memory = this.ram;
      if (pv === undefined || memory === undefined || pv.gpa[cpu] < 0) return false;
      const gpa = pv.gpa[cpu];
      const word = memory.words.find((it) => it.gpa === gpa - (gpa % 8));
      return word === undefined || toNumber(word.value) === 0;
    },
  },
};
const silent = { says: 'the guest does not ask', funcs: { vcpu_is_preempted: () => false } };
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

/** Counts the wake-ups of a guest that go to idle vCPUs, by whether those were on a CPU. */
function placements(
  look: (step: Parameters<NonNullable<Monitor['after']>>[0], on: number, off: number) => void,
  end = false,
): Monitor {
  let idle = new Map<number, boolean>();
  let [on, off] = [0, 0];
  return {
    notes: () => [on, off],
    before({ m }) {
      idle = idleOnes(m);
    },
    after(step) {
      for (const target of filled(step.m, idle)) {
        const there = idle.get(target);
        if (there === undefined) continue;
        if (there) on++;
        else off++;
        if (!end && !there) look(step, [...idle.values()].filter(Boolean).length, off);
      }
    },
    end(step) {
      if (end) look(step, on, off);
    },
  };
}

const E1: Property[] = [
  always('no wake-up goes to an idle vCPU without a CPU while another idle vCPU has one', {
    of: 'E1.1',
    means: 'as many vCPUs as CPUs, on a host that is idle; tasks of the guest may run anywhere',
    given: idleHost(),
    watch: () =>
      placements((step, on) => {
        step.reach();
        if (on > 0) step.fail(`a task of the guest is woken to an idle vCPU without a CPU; ${on} idle ones have one`);
      }),
    fault: turned,
  }),
];

const E2: Property[] = [
  always('of the wake-ups to idle vCPUs, less than a tenth goes to those without a CPU', {
    of: 'E2.1',
    means: 'three workers and their completions for 5 ms; 20 such wake-ups at least',
    given: aioHost(),
    watch: () =>
      placements((step, on, off) => {
        if (on + off < 20) return;
        step.reach();
        if (off * 10 > on) step.fail(`${off} to idle vCPUs without a CPU, ${on} to those with one`);
      }, true),
    fault: turned,
  }),
];

/** ns: a period of the event stream, in which who waits in WFE sees nothing, and two of handlers */
const NOTICED = 150 * US;

const E3: Property[] = [
  always('nobody spins for more than 150 us for a lock whose owner has no CPU', {
    of: 'E3.1',
    means:
      'vCPUs that share their CPUs with tasks of the host; the owner of a mutex or semaphore, of whoever spins with a CPU',
    given: besideHogs(2, 2),
    watch() {
      const since = new Map<number, number>();
      return {
        notes: () => [...since],
        after(step) {
          const { m } = step;
          const lost = new Set<number>();
          for (const { vcpu, waitsFor, queued } of spinners(m)) {
            if (queued || waitsFor < 0 || onCpu(m, vcpuAt(m, waitsFor))) continue;
            lost.add(vcpu);
            const from = since.get(vcpu) ?? now(m);
            since.set(vcpu, from);
            step.reach();
            if (now(m) - from > NOTICED)
              step.fail(`vCPU ${vcpu} has spun for ${now(m) - from} ns for vCPU ${waitsFor}, which has no CPU`);
          }
          for (const vcpu of since.keys()) if (!lost.has(vcpu)) since.delete(vcpu);
        },
      };
    },
    fault: silent,
  }),
];

/** Laps of all tasks of the guest, after so many ns. */
function lapsOf(kernel: Kernel, scenario: Scenario, until: number): number {
  const m = boot(kernel, scenario);
  const k = bind(kernel, m);
  for (let i = 0; i < 40_000 && now(m) < until; i++) {
    const event = nextEvent(m);
    if (event === null) break;
    apply(k, event);
  }
  return (osOf(m)?.m.actor ?? []).reduce((sum, actor) => sum + actor.laps, 0);
}

const E4: Property[] = [
  agrees('with a CPU for each vCPU, a guest that asks gets as much done as one that does not', {
    of: 'E4.1',
    means: 'whole runs of all programs: 95 % at least, where there are 20',
    given: aioHost(),
    watch: (scenario) => ({
      end(step) {
        const table = Object.getPrototypeOf(step.kernel) as Kernel['table'];
        const with_ = (osOf(step.m)?.m.actor ?? []).reduce((sum, actor) => sum + actor.laps, 0);
        if (with_ < 20) return;
        const all: Record<string, Kernel['table'][string]> = {};
        for (let it: object | null = table; it !== null && it !== Object.prototype; it = Object.getPrototypeOf(it))
          for (const [name, fn] of Object.entries(it)) all[name] ??= fn;
        const without = lapsOf(
          { name: 'does not ask', arch: 'arm64', table: { ...all, vcpu_is_preempted: () => false } },
          scenario,
          now(step.m),
        );
        step.reach();
        if (with_ < 0.95 * without) step.fail(`${with_} runs of programs, and ${without} without asking`);
      },
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
const eachFlag = (
  look: (step: Parameters<NonNullable<Monitor['after']>>[0], v: kvm_vcpu, flag: boolean) => void,
): Monitor => ({
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
  always('a vCPU that is told to be preempted can run, and has no CPU', {
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
  always('a vCPU that can run and has no CPU is told to be preempted', {
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
      if (gives === 'store' && event.ev === 'store')
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
  always('what the guest reads of a vCPU is whether that is off its CPU, at any time', {
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
