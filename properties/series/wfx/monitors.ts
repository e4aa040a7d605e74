// SPDX-License-Identifier: GPL-2.0-only
/** What is known of the traps: how HCR_EL2 has them, what the rule makes of a load, and how vCPUs wait. */
import { HCR_TWE, HCR_TWI, type kvm_vcpu } from '../../../src/arch/arm64/kvm_host.js';
import { s64_diff, s64_toNumber, toNumber } from '../../../src/lib/types.js';
import { arm64Machine } from '../../../src/machine/arm64-events.js';
import type { machine } from '../../../src/machine/state.js';
import { NULL } from '../../../src/sched/sched.js';
import type { Monitor, Step } from '../../vocabulary.js';

/** ns since boot */
export const now = (m: machine): number => s64_toNumber(s64_diff(m.sched_clock, m.bootClock));

export const vcpusOf = (m: machine): readonly kvm_vcpu[] => arm64Machine(m).vcpu;
export const nameOf = (m: machine, v: kvm_vcpu): string => `${m.vmNames[v.kvm]}/${v.vcpu_idx}`;

export interface Traps {
  twe: boolean;
  twi: boolean;
}

export const trapsOf = ({ arch }: kvm_vcpu): Traps => ({
  twe: (arch.hcr_el2 & HCR_TWE) !== 0,
  twi: (arch.hcr_el2 & HCR_TWI) !== 0,
});

export const say = ({ twe, twi }: Traps): string =>
  `WFE ${twe ? 'traps' : 'does not'}, WFI ${twi ? 'traps' : 'does not'}`;

/** Interrupts of the vCPU come without its host. */
export const isDirect = (m: machine, v: kvm_vcpu): boolean =>
  v.arch.vgic_cpu.its_vpe.vlpi_count !== 0 || arm64Machine(m).kvm[v.kvm].arch.nassgireq;

/** The rule of before, with a threshold for the tasks on the CPU. */
export function ruleOf(m: machine, v: kvm_vcpu, depth = 1): Traps {
  const { nr_running } = m.rq[m.cpu];
  // single_task_running() is asked for exactly one; a threshold for no more than that
  const alone = depth === 1 ? nr_running === 1 : nr_running <= depth;
  return { twe: !alone, twi: !(alone && isDirect(m, v)) };
}

/** Looks at each load of a vCPU: right behind it, before anything else happens. */
export function atLoad(look: (step: Step, v: kvm_vcpu, traps: Traps) => void): Monitor {
  return {
    notes: () => null,
    probes: {
      kvm_arch_vcpu_load: { leave: (step, _, args) => look(step, args[0] as kvm_vcpu, trapsOf(args[0] as kvm_vcpu)) },
    },
  };
}

/** Fails where a load leaves other traps than these; `expected` null says nothing. */
export function leaves(expected: (step: Step, v: kvm_vcpu) => Partial<Traps> | null): Monitor {
  return atLoad((step, v, traps) => {
    const want = expected(step, v);
    if (want === null) return;
    step.reach();
    for (const which of ['twe', 'twi'] as const) {
      if (want[which] === undefined || want[which] === traps[which]) continue;
      const { nr_running } = step.m.rq[step.m.cpu];
      const insn = which === 'twe' ? 'WFE' : 'WFI';
      step.fail(
        `${nameOf(step.m, v)} is loaded with ${nr_running} runnable, and ${insn} ${traps[which] ? 'traps' : 'does not trap'}`,
      );
    }
  });
}

/** It runs in the guest on its CPU. */
export const onCpu = (m: machine, v: kvm_vcpu): boolean => v.pid !== NULL && v.cpu >= 0 && m.rq[v.cpu].curr === v.pid;

export const utilOf = (m: machine, v: kvm_vcpu): number => toNumber(m.se[m.task[v.pid].se].avg.util_avg);
