// SPDX-License-Identifier: GPL-2.0-only
/** What is known of a runner of pvsched-v3: its budgets, what was applied to its thread, and what its page says. */
import type { kvm_vcpu } from '../../../src/arch/x86/kvm_host.js';
import { loadWord } from '../../../src/kvm/guest-memory.js';
import { toNumber } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import { SCHED_FIFO } from '../../../src/sched/sched.js';
import { byteOf } from '../../../src/series/pvsched-v3/0003-pvsched-default-policy.js';
import type { pvsched_runner } from '../../../src/series/pvsched-v3/0004-pvsched-runner-runtime.js';
import type { Monitor, Step } from '../../vocabulary.js';
import { memoryOf, now } from '../pvsched-v1/monitors.js';

export const BASE = 'v6.19';
export const SERIES = `${BASE}+pvsched-v3`;
/** the kernel that everything here is held against C on */
export const PIN = 'v6.12.117';
export const [BASELINE, TASK, CS] = [0, 1, 2];

/** The runner of an attached vCPU; null without one. */
export const runnerOf = (v: kvm_vcpu): pvsched_runner | null => (v.pvsched?.active === true ? v.pvsched : null);

/** Its thread is SCHED_FIFO, which nothing else makes it here. */
export const isBoosted = (m: machine, v: kvm_vcpu): boolean => m.task[v.pid]?.policy === SCHED_FIFO;

/** ns of debt beyond the limit */
export const overdrawn = ({ limit_ns, debt_ns }: pvsched_runner['accounting']['cs']): number =>
  toNumber(debt_ns) - toNumber(limit_ns);

/** A word of the attached page, by its offset. */
export function wordAt(m: machine, v: kvm_vcpu, offset: number) {
  const memory = memoryOf(m, v);
  const r = runnerOf(v);
  return memory === undefined || r === null ? null : loadWord(memory, r.gpa + offset);
}

/** applied_state as the guest reads it: the class, and the hint. */
export function appliedOf(m: machine, v: kvm_vcpu): { boost: number; hint: boolean } | null {
  const word = wordAt(m, v, 128);
  return word === null ? null : { boost: byteOf(word, 5), hint: (byteOf(word, 3) & 1) !== 0 };
}

/** Looks at each vCPU whose event the runtime has dealt with. */
export function afterEvents(look: (step: Step, v: kvm_vcpu, r: pvsched_runner, event: number) => void): Monitor {
  return {
    notes: () => null,
    probes: {
      pvsched_runner_reconcile_locked: {
        leave(step, _result, args) {
          const [v, event] = args as [kvm_vcpu, number];
          const r = runnerOf(v);
          if (r !== null) look(step, v, r, event);
        },
      },
    },
  };
}

/** ns since boot at which each vCPU's thread began to be boosted, while it is. */
export class Since {
  readonly at = new Map<number, number>();

  look({ m }: Step, v: kvm_vcpu, is: boolean): number {
    if (!is) {
      this.at.delete(v.id);
      return 0;
    }
    const at = this.at.get(v.id) ?? now(m);
    this.at.set(v.id, at);
    return now(m) - at;
  }
}
