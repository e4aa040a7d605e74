// SPDX-License-Identifier: GPL-2.0-only
/** What reviewers object to WFx trap control, DR1 to DR7. DR1 to DR4 are Quentin Perret's. */
import { HCR_TWE, HCR_TWI, type kvm_vcpu } from '../../../src/arch/arm64/kvm_host.js';
import { KVM_CAP_ARM_WFX_TRAP_RUNQUEUE_DEPTH } from '../../../src/series/wfx-v2/0001-KVM-arm64-Add-KVM_CAP-to-control-WFx-trapping.js';
import type { vmlinux_arm64 } from '../../../src/vmlinux/vmlinux-arm64.js';
import { MS, US } from '../../arbitraries.js';
import { always, type Claim, leadsTo, type Monitor, type Property } from '../../vocabulary.js';
import { isDirect, leaves, nameOf, now, onCpu, say, type Traps, trapsOf, utilOf, vcpusOf } from './monitors.js';
import { anyhow, lone } from './worlds.js';

const alwaysTraps = {
  says: 'everything traps',
  funcs: {
    kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, v: kvm_vcpu) {
      v.arch.hcr_el2 |= HCR_TWE | HCR_TWI;
    },
  },
};
const neverTraps = {
  says: 'nothing ever traps',
  funcs: {
    kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, v: kvm_vcpu) {
      v.arch.hcr_el2 &= ~(HCR_TWE | HCR_TWI);
    },
  },
};

/** ns of the guest's own work, and of the time that it was watched. */
class Demand {
  private last = -1;
  private works = false;
  busy = 0;
  total = 0;

  look(step: Parameters<NonNullable<Monitor['after']>>[0], v: kvm_vcpu): void {
    const at = now(step.m);
    if (this.last >= 0) {
      this.total += at - this.last;
      if (this.works) this.busy += at - this.last;
    }
    this.last = at;
    this.works = step.kernel.guestOn(Math.max(v.cpu, 0)) === v.id && v.arch.standing === 'no';
  }
}

/** util_avg of 1024 that a thread may have beyond its guest's work: what PELT adds for its bursts and its geometric series. */
const UTIL_MARGIN = 256;

const DR1: Property[] = [
  always("the utilisation of a lone vCPU's thread is what its guest needs", {
    of: 'DR1.1',
    means: `util_avg at the end of 300 ms, and 1024 times the share of time in which the guest worked; ${UTIL_MARGIN} more is allowed`,
    given: lone({ visitor: false }),
    watch() {
      const demand = new Demand();
      return {
        after: (step) => demand.look(step, vcpusOf(step.m)[0]),
        end(step) {
          const v = vcpusOf(step.m)[0];
          if (demand.total < 200 * MS) return;
          step.reach();
          const needs = Math.round((1024 * demand.busy) / demand.total);
          const util = utilOf(step.m, v);
          if (util > needs + UTIL_MARGIN) step.fail(`util_avg is ${util} of 1024, and the guest needs ${needs}`);
        },
      };
    },
    fault: neverTraps,
  }),
];

const DR2: Property[] = [
  always('a task that shares the CPU for a while does not change how the vCPU waits', {
    of: 'DR2.1',
    means: 'the traps are the same at every load once the guest has booted',
    given: lone({ visitor: true, ms: 120 }),
    watch() {
      let first: Traps | null = null;
      return {
        notes: () => first,
        probes: {
          kvm_arch_vcpu_load: {
            leave(step, _, args) {
              const v = args[0] as kvm_vcpu;
              if (!isDirect(step.m, v)) return;
              const traps = trapsOf(v);
              if (first === null) {
                first = traps;
                return;
              }
              step.reach();
              if (traps.twe !== first.twe || traps.twi !== first.twi)
                step.fail(`${nameOf(step.m, v)}: ${say(traps)}; at an earlier load ${say(first)}`);
            },
          },
        },
      };
    },
    fault: {
      says: 'every other load traps',
      funcs: {
        kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, v: kvm_vcpu) {
          v.arch.hcr_el2 ^= HCR_TWE | HCR_TWI;
        },
      },
    },
  }),
  leadsTo('a vCPU that has its CPU for itself traps no more within 20 ms', {
    of: 'DR2.2',
    means: 'nobody else there is runnable; a sleeper whose dequeue is delayed is not. 20 ms is five ticks at 250 Hz',
    given: lone({ visitor: true, ms: 200, busy: true }),
    watch() {
      let since = -1;
      return {
        notes: () => since,
        after(step) {
          const { m } = step;
          const v = vcpusOf(m)[0];
          const others = m.task.some(
            (p) =>
              p.on_rq === 1 &&
              p.id !== v.pid &&
              m.rq[p.cpu].idle !== p.id &&
              p.cpu === v.cpu &&
              m.se[p.se].sched_delayed === 0,
          );
          if (!onCpu(m, v) || others || !trapsOf(v).twe) {
            since = -1;
            return;
          }
          if (since < 0) since = now(m);
          step.reach();
          if (now(m) - since > 20 * MS)
            step.fail(
              `${nameOf(m, v)} has had CPU ${v.cpu} for itself for ${Math.round((now(m) - since) / US)} us, and WFE still traps`,
            );
        },
      };
    },
    fault: alwaysTraps,
  }),
];

const DR3: Property[] = [
  always('a CPU whose guest has nothing to do can go idle', {
    of: 'DR3.1',
    means: 'no vCPU stands in WFI on its CPU, its thread running, for 500 us and more',
    given: lone({ visitor: false, ms: 60 }),
    watch() {
      let since = -1;
      let waited = -1;
      return {
        notes: () => [since, waited],
        after(step) {
          const { m } = step;
          const v = vcpusOf(m)[0];
          const waits = m.actor[v.pid]?.handlers.length === 0 && v.arch.timer.enabled;
          if (waits) step.reach();
          waited = waits ? now(m) : -1;
          if (!onCpu(m, v) || v.arch.standing !== 'wfi') {
            since = -1;
            return;
          }
          if (since < 0) since = now(m);
          else if (now(m) - since >= 500 * US)
            step.fail(
              `${nameOf(m, v)} stands in WFI for ${Math.round((now(m) - since) / US)} us, and CPU ${v.cpu} is not idle`,
            );
        },
      };
    },
    fault: neverTraps,
  }),
];

const DR4: Property[] = [
  always('a threshold that a VM has set decides how its vCPUs wait until it sets another', {
    of: 'DR4.1',
    about: 'nr_running_this_cpu' as never,
    given: anyhow({ ioctls: [KVM_CAP_ARM_WFX_TRAP_RUNQUEUE_DEPTH], hosts: [1, 2] }),
    watch() {
      const seen = new Map<number, boolean>();
      return {
        notes: () => [...seen],
        before({ event }) {
          if (event.ev === 'vm_ioctl') seen.clear();
        },
        probes: {
          kvm_arch_vcpu_load: {
            leave(step, _, args) {
              const v = args[0] as kvm_vcpu;
              const { twe } = trapsOf(v);
              const before = seen.get(v.id);
              seen.set(v.id, twe);
              if (before === undefined) return;
              step.reach();
              if (before !== twe)
                step.fail(
                  `WFE of ${nameOf(step.m, v)} ${twe ? 'traps' : 'does not trap'} at this load; at the last one it ${twe ? 'did not' : 'did'}`,
                );
            },
          },
        },
      };
    },
    fault: {
      says: 'every other load traps',
      funcs: {
        kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, v: kvm_vcpu) {
          v.arch.hcr_el2 ^= HCR_TWE;
        },
      },
    },
  }),
  always('without being asked for anything else, WFI and WFE trap', {
    of: 'DR4.2',
    given: anyhow(),
    watch: () => leaves(() => ({ twe: true, twi: true })),
    fault: neverTraps,
  }),
];

const DR6: Property[] = [
  always('a function that is called to clear a trap leaves it clear', {
    of: 'DR6.1',
    given: anyhow({ policies: [0, 1, 2] }),
    watch: () => {
      const leave = (
        step: Parameters<NonNullable<Monitor['after']>>[0],
        _: unknown,
        args: readonly unknown[],
      ): void => {
        step.reach();
        const v = args[0] as kvm_vcpu;
        if (trapsOf(v).twi) step.fail(`WFI of ${nameOf(step.m, v)} traps when its trap has just been cleared`);
      };
      return { notes: () => null, probes: { vcpu_clear_wfx_traps: { leave }, vcpu_clear_wfi_trap: { leave } } };
    },
    fault: {
      says: 'they set it',
      funcs: {
        vcpu_clear_wfx_traps(this: vmlinux_arm64, v: kvm_vcpu) {
          v.arch.hcr_el2 |= HCR_TWI;
        },
        kvm_arch_vcpu_loadTraps(this: vmlinux_arm64 & { vcpu_clear_wfx_traps?(v: kvm_vcpu): void }, v: kvm_vcpu) {
          this.vcpu_clear_wfx_traps?.(v);
        },
      },
    },
  }),
];

const DR7: Property[] = [
  always('a vCPU that is loaded in company has WFE trap, whatever it was initialised beside', {
    of: 'DR7.1',
    given: anyhow({ hosts: [1, 2] }),
    watch: () => leaves(({ m }) => (m.rq[m.cpu].nr_running > 1 ? { twe: true } : null)),
    fault: neverTraps,
  }),
  always('where LPIs come without the host, WFI of a vCPU that is loaded alone does not trap', {
    of: 'DR7.2',
    means: 'LPIs that the guest has mapped, after it was initialised',
    given: anyhow({ direct: true }),
    watch: () => leaves(({ m }, v) => (m.rq[m.cpu].nr_running === 1 && isDirect(m, v) ? { twi: false } : null)),
    fault: {
      says: 'everything traps',
      funcs: {
        kvm_arch_vcpu_loadTraps(this: vmlinux_arm64, v: kvm_vcpu) {
          v.arch.hcr_el2 |= HCR_TWE | HCR_TWI;
        },
      },
    },
  }),
];

const objection = (id: string, words: string, properties: Property[]): Claim => ({ id, words, properties });

export const objections: readonly Claim[] = [
  objection('DR1', 'a lone vCPU in WFI ruins its load tracking', DR1),
  objection('DR2', "co-scheduling a task flips the vCPU's behaviour", DR2),
  objection('DR3', 'a guest in WFI keeps the host from idling', DR3),
  objection('DR4', "nobody controls a runqueue's depth; trap by default", DR4),
  {
    id: 'DR5',
    words: 'traps are not guaranteed; nothing may depend on them',
    properties: [],
    unanswerable: 'what an implementation of the architecture may do is not in the code',
  },
  objection('DR6', 'the helper ignores the policy and sets TWI again', DR6),
  objection('DR7', 'a question of the moment is frozen at init', DR7),
];
