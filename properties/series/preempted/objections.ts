// SPDX-License-Identifier: GPL-2.0-only
/** What reviewers object to vcpu_is_preempted() on arm64, ER1 to ER5, and what the years between added. */
import type { kvm_vcpu } from '../../../src/arch/arm64/kvm_host.js';
import type { vmlinux_arm64 } from '../../../src/vmlinux/vmlinux-arm64.js';
import { US } from '../../arbitraries.js';
import { always, type Claim, type Property } from '../../vocabulary.js';
import { silent } from './faults.js';
import { baseOf, flagOf, isThere, nameOf, now, onCpu, spinners, stateOf, vcpuAt, vcpusOf } from './monitors.js';
import { besideHogs, calls } from './worlds.js';

const ER1: Property[] = [
  always('a vCPU that waits in WFI is not reported as preempted', {
    of: 'ER1.1',
    given: calls(),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of vcpusOf(step.m)) {
          const flag = flagOf(step.m, v);
          if (flag === null || stateOf(step.m, v) !== 'blocked') continue;
          step.reach();
          if (flag) step.fail(`${nameOf(step.m, v)} waits in WFI, and is told to be preempted`);
        }
      },
    }),
    fault: {
      says: 'a vCPU that blocks has its word set',
      funcs: {
        kvm_arch_vcpu_blocking(this: vmlinux_arm64, v: kvm_vcpu) {
          const base = v.arch.pv_preempted?.base;
          if (base !== undefined && baseOf(v) !== null) this.kvm_put_guest(this.m.kvm[v.kvm], base, 1 as never, 1);
        },
      },
    },
  }),
];

const takesAnything = {
  says: 'whatever a guest says is taken',
  funcs: {
    kvm_smccc_call_handlerLetIn(this: vmlinux_arm64, v: kvm_vcpu) {
      const ghc = { gpa: v.arch.regs[1], len: 0, generation: 0, bad: false };
      v.arch.pv_preempted = { base: v.arch.regs[1], ghc };
      return [0 as never];
    },
    kvm_smccc_default_allowed: () => true,
    kvm_update_vcpu_preempted() {},
  },
};

const ER3: Property[] = [
  always('the host never writes outside the memory slots of the guest', {
    of: 'ER3.1',
    given: calls({ odd: true }),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of vcpusOf(step.m)) {
          const base = baseOf(v);
          if (base === null) continue;
          step.reach();
          if (!isThere(step.m, v, base))
            step.fail(`the word of ${nameOf(step.m, v)} is at 0x${base.toString(16)}, where there is no memory`);
        }
      },
    }),
    fault: takesAnything,
  }),
  always('the structure of a vCPU is aligned to its 64 bytes', {
    of: 'ER3.2',
    given: calls({ odd: true }),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const v of vcpusOf(step.m)) {
          const base = baseOf(v);
          if (base === null) continue;
          step.reach();
          if (base % 64 !== 0) step.fail(`the structure of ${nameOf(step.m, v)} is at 0x${base.toString(16)}`);
        }
      },
    }),
    fault: takesAnything,
  }),
];

/** ns: two periods of the event stream */
const TWO_EVENTS = 200 * US;

const ER6: Property[] = [
  always('a vCPU that waits in WFE for a preempted one notices within 200 us', {
    of: 'ER6.1',
    means:
      'in osq_lock(), while the waiter has its own CPU: the word is no line that WFE watches, and the event stream ends WFE every 100 us',
    given: besideHogs(),
    watch() {
      const since = new Map<string, number>();
      return {
        notes: () => [...since],
        after(step) {
          const { m } = step;
          const late = new Set<string>();
          for (const { vcpu, waitsFor, queued } of spinners(m)) {
            if (!queued || waitsFor < 0 || onCpu(m, vcpuAt(m, waitsFor))) continue;
            const key = `${vcpu} ${waitsFor}`;
            late.add(key);
            const from = since.get(key) ?? now(m);
            since.set(key, from);
            step.reach();
            if (now(m) - from > TWO_EVENTS)
              step.fail(`vCPU ${vcpu} waits for vCPU ${waitsFor}, which has had no CPU for ${now(m) - from} ns`);
          }
          for (const key of since.keys()) if (!late.has(key)) since.delete(key);
        },
      };
    },
    fault: silent,
  }),
];

const objection = (id: string, words: string, properties: Property[]): Claim => ({ id, words, properties });
const unanswerable = (id: string, words: string, why: string): Claim => ({
  ...{ id, words, properties: [], unanswerable: why },
});

export const objections: readonly Claim[] = [
  objection('ER1', 'a vCPU in WFI chose to idle: not preempted', ER1),
  unanswerable('ER2', 'version the structure; a name space of KVM', 'names and versions change nothing that runs'),
  objection('ER3', 'check the address and its alignment', ER3),
  unanswerable(
    'ER4',
    'the host picks the wrong vCPU; use pvcy instead',
    "the patches of WFE's polling (pvcy) are not known",
  ),
  unanswerable('ER5', 'the documentation has the flag the wrong way', 'documentation does not run'),
  objection('ER6', 'it interacts with waiting in WFE', ER6),
  unanswerable('ER7', 'do not mix PV locks and preemption', 'a matter of taste: no proposal here has PV locks on'),
  unanswerable('ER8', 'extend stolen time instead', 'no such proposal was made'),
];
