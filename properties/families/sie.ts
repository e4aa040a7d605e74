// SPDX-License-Identifier: GPL-2.0-only
/** The family of s390: vCPUs are woken and interrupted by what they let in, and diagnoses come to what their counters say. */
import type { kvm_vcpu } from '../../src/arch/s390/kvm_host.js';
import { asS390, s390Machine } from '../../src/machine/s390-events.js';
import type { machine } from '../../src/machine/state.js';
import type { vmlinux_s390 } from '../../src/vmlinux/vmlinux-s390.js';
import { anyhow } from '../series/semantics-aware-v2-s390/worlds.js';
import { always, type Claim, type Monitor, type Recorded, type Step, stateless } from '../vocabulary.js';

const given = anyhow();

const nameOf = (m: machine, v: kvm_vcpu): string => `${m.vmNames[v.kvm]}/${v.vcpu_idx}`;

/** Looks at every vCPU that has run after each event. */
function each(look: (step: Step, v: kvm_vcpu) => void): Monitor {
  return stateless({
    after(step) {
      for (const v of s390Machine(step.m).vcpu) if (v.pid >= 0) look(step, v);
    },
  });
}

/** Yields that the scheduler took up, forwarded and ignored diagnoses, beside the counters. */
function accounts(): Monitor {
  let [yielded, forwarded] = [0, 0];
  const sum = (m: machine, of: (v: kvm_vcpu) => number): number =>
    s390Machine(m).vcpu.reduce((total, v) => total + of(v), 0);
  return {
    notes: () => ({ yielded, forwarded }),
    probes: {
      kvm_vcpu_yield_to: {
        leave: ({ event }, result) => {
          if (event.ev === 'diag9c' && (result as number) > 0) yielded++;
        },
      },
      smp_yield_cpu: {
        enter: () => {
          forwarded++;
        },
      },
    },
    after(step) {
      const { m } = step;
      if (step.event.ev !== 'diag9c') return;
      const all = sum(m, ({ arch }) => arch.stat.instruction_diagnose_9c);
      const ignored = sum(m, ({ arch }) => arch.stat.diag_9c_ignored);
      const told = sum(m, ({ arch }) => arch.stat.diag_9c_forward);
      if (yielded + told > 0) step.reach();
      if (told !== forwarded) step.fail(`diag_9c_forward is ${told}, and the hypervisor was told ${forwarded} times`);
      if (all - ignored - told !== yielded)
        step.fail(`${all} diagnoses, ${ignored} ignored, ${told} forwarded, and ${yielded} yields`);
    },
  };
}

/** Forwarded yields in each jiffy. */
function budget(): Monitor {
  let [jiffy, spent] = ['', 0];
  return {
    notes: () => ({ jiffy, spent }),
    probes: {
      smp_yield_cpu: {
        enter(step, args) {
          const k = asS390(step.kernel);
          const here = String(k.get_jiffies_64().toString());
          spent = here === jiffy ? spent + 1 : 1;
          jiffy = here;
          step.reach();
          const { diag9c_forwarding_hz } = s390Machine(step.m).kvm_s390_params;
          const most = Math.floor(diag9c_forwarding_hz / step.m.HZ);
          if (spent > most) step.fail(`${spent} forwarded yields in a jiffy, whose budget is ${most}`);
          if ((s390Machine(step.m).lpar.lpar_preempted & (1 << (args[0] as number))) === 0)
            step.fail(`CPU ${args[0]} has not been taken away`);
        },
      },
    },
  };
}

export const sie: Claim = {
  id: 'sie',
  words: 'interrupts come through, and diagnoses are accounted for',
  properties: [
    always('no vCPU sleeps in an enabled wait with an interrupt that it lets in', {
      of: 'sie.1',
      given,
      watch: () =>
        each((step, v) => {
          if (v.wait < 0 || step.m.task[v.pid].__state === 0) return;
          step.reach();
          if (asS390(step.kernel).kvm_s390_vcpu_has_irq(v, false))
            step.fail(`${nameOf(step.m, v)} sleeps, and kvm_s390_vcpu_has_irq() says that it has an interrupt`);
        }),
      fault: { says: 'nobody wakes a vCPU that blocks', funcs: { kvm_vcpu_wake_up: (): boolean => false } },
    }),
    always('a guest in SIE that lets external interrupts in has none waiting', {
      of: 'sie.2',
      given,
      watch: () =>
        each((step, v) => {
          const k = asS390(step.kernel);
          if (v.cpu < 0 || k.guestOn(v.cpu) !== v.id || k.psw_extint_disabled(v)) return;
          step.reach();
          if (k.deliverable_irqs(v) !== 0)
            step.fail(`${nameOf(step.m, v)} is in SIE, and deliverable_irqs() are there`);
        }),
      fault: {
        says: 'a call leaves no intervention request',
        funcs: {
          kvm_s390_set_cpuflags(this: vmlinux_s390, v: kvm_vcpu, flags: number) {
            v.arch.sie_block.cpuflags = (v.arch.sie_block.cpuflags | (flags & ~0x0100_0000)) >>> 0;
          },
        },
      },
    }),
    always('a diagnose 0x9c that is neither ignored nor forwarded has yielded, and each is one of the three', {
      of: 'sie.3',
      given,
      watch: accounts,
      fault: {
        says: 'a diagnose comes to nothing, and is not counted as ignored',
        funcs: {
          __diag_time_slice_end_directed(this: vmlinux_s390, v: kvm_vcpu) {
            v.arch.stat.instruction_diagnose_9c++;
            return 0;
          },
        },
      },
    }),
    always('diagnoses 0x9c are forwarded to CPUs that were taken away, at most diag9c_forwarding_hz / HZ in a jiffy', {
      of: 'sie.4',
      given,
      watch: budget,
      fault: { says: 'every CPU counts as taken away', funcs: { arch_vcpu_is_preempted: (): boolean => true } },
    }),
  ],
};

/** Seen on the pin, on v6.19-rc1 and with the series. */
const kernels = ['v6.12.117-s390', 'v6.19-rc1-s390', 'v6.19-rc1-s390+semantics-aware-v2-s390'];
export const recordedSie: Recorded = Object.fromEntries(
  sie.properties.map(({ id }) => [id, Object.fromEntries(kernels.map((name) => [name, 'holds']))]),
);
