// SPDX-License-Identifier: GPL-2.0-only
/** From acceptance to EOI: nothing lost, nothing twice, the highest first, nested, and the caches that say so. */

import {
  KVM_MP_STATE_HALTED,
  KVM_MP_STATE_RUNNABLE,
  KVM_REQ_EVENT,
  type kvm_vcpu,
} from '../../src/arch/x86/kvm_host.js';
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Property, type Step } from '../vocabulary.js';
import { deliverable, highest, IRR, ISR, isOn, priority, reg, vectorsOf } from './page.js';
import { everyWorld, priorityWorlds, racingWorlds, worldOf } from './worlds.js';

const apicOf = (k: vmlinux_x86, id: number): kvm_vcpu => k.m.vcpu[id];

/** An accepted interrupt is in IRR until it is taken, and is taken once. */
export const nothingLost = always('what is accepted stays in IRR until it is taken, and nothing else is in IRR', {
  of: 'lapic.1',
  given: worldOf(everyWorld),
  watch: () => {
    const requested = new Map<number, Set<number>>();
    const of = (id: number): Set<number> => {
      const set = requested.get(id) ?? new Set();
      requested.set(id, set);
      return set;
    };
    const compare = (step: Step): void => {
      for (const vcpu of step.m.vcpu) {
        const expected = [...of(vcpu.id)].sort((a, b) => a - b).join();
        const got = vectorsOf(vcpu, IRR).join();
        if (expected !== got) step.fail(`vCPU ${vcpu.id}: accepted and not taken: ${expected}; in IRR: ${got}`);
      }
    };
    return {
      probes: {
        __apic_accept_irq: {
          leave: (_, result, args) => {
            const [apic, mode, vector] = args as [kvm_lapic, number, number];
            if (result === 1 && mode <= 0x100) of(apic.vcpu).add(vector);
          },
        },
        kvm_apic_ack_interrupt: {
          leave: (step, _, args) => {
            const [vcpu, vector] = args as [kvm_vcpu, number];
            if (!of(vcpu.id).delete(vector)) step.fail(`vCPU ${vcpu.id} takes ${vector}, which nobody sent`);
            step.reach();
          },
        },
        kvm_lapic_reset: { leave: (_, __, args) => of((args[0] as kvm_vcpu).id).clear() },
      },
      after: compare,
    };
  },
  fault: {
    says: 'apic_clear_irr() clears the whole word',
    funcs: {
      apic_clear_irr(this: vmlinux_x86, vec: number, apic: kvm_lapic) {
        apic.regs[(IRR + ((vec >> 5) << 4)) >> 2] = 0;
        apic.irr_pending = this.apic_search_irr(apic) !== -1;
      },
    },
  },
});

/** What is taken is the highest of IRR, and above PPR. */
export const highestFirst = always('the vector taken is the highest in IRR, and its class is above PPR', {
  of: 'lapic.2',
  given: worldOf(everyWorld),
  watch: () => ({
    probes: {
      kvm_apic_ack_interrupt: {
        enter: (step, args) => {
          const [vcpu, vector] = args as [kvm_vcpu, number];
          step.reach();
          if (vector !== highest(vcpu, IRR)) step.fail(`takes ${vector}, IRR has ${highest(vcpu, IRR)}`);
          if (vector >> 4 <= priority(vcpu) >> 4) step.fail(`takes ${vector} at PPR ${priority(vcpu).toString(16)}`);
        },
      },
    },
  }),
  fault: {
    says: 'apic_has_interrupt_for_ppr() compares whole vectors',
    funcs: {
      apic_has_interrupt_for_ppr(this: vmlinux_x86, apic: kvm_lapic, ppr: number) {
        const irr = this.apic_find_highest_irr(apic);
        return irr === -1 || irr <= ppr ? -1 : irr;
      },
    },
  },
});

/** In service, each is of a higher class than the one it interrupted. */
export const serviceNests = always('the classes of vectors in service rise from the outermost to the innermost', {
  of: 'lapic.3',
  given: worldOf(everyWorld.map((w) => ({ ...w, kinds: w.kinds.filter((k) => k !== 'set_lapic') }))),
  watch: () => ({
    after: (step) => {
      for (const vcpu of step.m.vcpu) {
        const classes = vectorsOf(vcpu, ISR).map((v) => v >> 4);
        if (classes.length > 1) step.reach();
        if (new Set(classes).size !== classes.length) step.fail(`vCPU ${vcpu.id}: ISR has classes ${classes.join()}`);
      }
    },
  }),
  fault: {
    says: '__apic_update_ppr() forgets what is in service',
    funcs: {
      __apic_update_ppr(this: vmlinux_x86, apic: kvm_lapic, out: { value: number }) {
        out.value = this.kvm_lapic_get_reg(apic, 0x80);
        this.kvm_lapic_set_reg(apic, 0xa0, out.value);
        return true;
      },
    },
  },
});

/** EOI ends the highest in service, and only that. */
export const eoiRetiresTheHighest = always(
  'an EOI retires exactly the highest vector in service; a spurious one changes nothing, and no IOAPIC hears of it',
  {
    of: 'lapic.4',
    given: worldOf(everyWorld),
    watch: () => {
      let before: number[] = [];
      let page = '';
      const isSpurious = (): boolean => page !== '';
      return {
        probes: {
          kvm_ioapic_send_eoi: {
            enter: (step) => {
              if (isSpurious()) step.fail('the IOAPIC hears of a spurious EOI');
            },
          },
          apic_set_eoi: {
            enter: (step, args) => {
              const { vcpu, regs } = args[0] as kvm_lapic;
              before = vectorsOf(apicOf(step.kernel, vcpu), ISR);
              page = before.length === 0 ? regs.join() : '';
            },
            leave: (step, result, args) => {
              const after = vectorsOf(apicOf(step.kernel, (args[0] as kvm_lapic).vcpu), ISR);
              if (before.length > 0) step.reach();
              if (after.join() !== before.slice(0, -1).join()) step.fail(`ISR was ${before}, is ${after}`);
              if (result !== (before.at(-1) ?? -1)) step.fail(`retired ${String(result)} of ${before}`);
              if (isSpurious() && page !== (args[0] as kvm_lapic).regs.join())
                step.fail('a spurious EOI changes the page');
              page = '';
            },
          },
        },
      };
    },
    fault: {
      says: 'apic_find_highest_isr() trusts a stale cache: apic_clear_isr() leaves it',
      funcs: {
        apic_clear_isr(this: vmlinux_x86, vec: number, apic: kvm_lapic) {
          if (this.__apic_test_and_clear_vector(vec, apic.regs, ISR)) --apic.isr_count;
        },
      },
    },
  },
);

/** An interrupt that may come does come, in a vCPU that lets it in, and wakes one that is halted. */
export const deliverableIsDelivered = always(
  'with RFLAGS.IF set what is deliverable is taken at the next entry; a halted vCPU with it is runnable',
  {
    of: 'lapic.5',
    given: worldOf(everyWorld),
    watch: () => {
      // WHY left out: what was in IRR when IA32_APICBASE switched the APIC off is nobody's promise
      const stale = new Set<number>();
      const waits = (vcpu: kvm_vcpu): boolean =>
        !stale.has(vcpu.id) && deliverable(vcpu) !== -1 && vcpu.arch.mp_state === KVM_MP_STATE_RUNNABLE;
      return {
        before: (step) => {
          for (const vcpu of step.m.vcpu) {
            if (highest(vcpu, IRR) === -1) stale.delete(vcpu.id);
            else if (!isOn(vcpu)) stale.add(vcpu.id);
            if (!waits(vcpu)) continue;
            vcpu.arch.mp_state = KVM_MP_STATE_HALTED;
            vcpu.arch.if_flag = true;
            const runs = step.kernel.kvm_arch_vcpu_runnable(vcpu);
            vcpu.arch.if_flag = false;
            vcpu.arch.mp_state = KVM_MP_STATE_RUNNABLE;
            step.reach();
            if (!runs) step.fail(`vCPU ${vcpu.id} stays halted with ${deliverable(vcpu)} deliverable`);
          }
        },
        after: (step) => {
          const { event } = step;
          if (event.ev !== 'window') return;
          const vcpu = step.m.vcpu[event.vcpu];
          if (waits(vcpu)) step.fail(`vCPU ${vcpu.id} has ${deliverable(vcpu)} deliverable after a window`);
        },
      };
    },
    fault: {
      says: 'an EOI does not ask for KVM_REQ_EVENT, nor does the fall of PPR',
      funcs: {
        apic_update_ppr(this: vmlinux_x86, apic: kvm_lapic) {
          this.__apic_update_ppr(apic, { value: 0 });
        },
        apic_set_eoi(this: vmlinux_x86, apic: kvm_lapic) {
          const vector = this.apic_find_highest_isr(apic);
          if (vector === -1) return vector;
          this.apic_clear_isr(vector, apic);
          this.apic_update_ppr(apic);
          this.kvm_ioapic_send_eoi(apic, vector);
          return vector;
        },
      },
    },
  },
);

/** The kernel's caches of the page never lie. */
export const cachesAreTrue = always(
  'isr_count counts ISR, highest_isr_cache is it or unknown, and irr_pending is true while IRR is not empty',
  {
    of: 'lapic.6',
    given: worldOf(racingWorlds),
    watch: () => ({
      after: (step) => {
        for (const { arch, id } of step.m.vcpu) {
          const vcpu = step.m.vcpu[id];
          const isr = vectorsOf(vcpu, ISR);
          const { isr_count, highest_isr_cache, irr_pending } = arch.apic;
          if (isr.length > 0) step.reach();
          if (isr_count !== isr.length) step.fail(`vCPU ${id}: isr_count ${isr_count}, ISR ${isr}`);
          if (highest_isr_cache !== -1 && highest_isr_cache !== isr.at(-1)) {
            step.fail(`vCPU ${id}: highest_isr_cache ${highest_isr_cache}, ISR ${isr}`);
          }
          if (!irr_pending && highest(vcpu, IRR) !== -1) step.fail(`vCPU ${id}: irr_pending lies`);
        }
      },
    }),
    fault: {
      says: 'kvm_apic_set_state() does not refresh them',
      funcs: { kvm_apic_update_apicv() {} },
    },
  },
);

/** What the hardware is told about priorities is up to date (June 2026; Fixes eb90f3417a0c). */
export const thresholdIsFresh = always('while TPR holds back the highest of IRR, a write that lowers it exits', {
  of: 'lapic.7',
  given: worldOf(priorityWorlds),
  watch: () => ({
    probes: {
      apic_set_tpr: {
        leave: (step, _, args) => {
          const vcpu = apicOf(step.kernel, (args[0] as kvm_lapic).vcpu);
          // where an event is requested, the entry sets it up anew; where a window is, the exit into it does
          if (step.kernel.kvm_test_request(KVM_REQ_EVENT, vcpu) || vcpu.arch.irq_window || !isOn(vcpu)) return;
          const irr = highest(vcpu, IRR) >> 4;
          const tpr = (reg(vcpu, 0x80) & 0xf0) >> 4;
          if (irr <= 0 || tpr < irr) return;
          step.reach();
          const vmx = step.m.kvm[0].arch.vendor === 'vmx';
          const { tpr_threshold } = vcpu.arch.vmcs;
          if (vmx && tpr_threshold < irr)
            step.fail(`vCPU ${vcpu.id}: TPR threshold ${tpr_threshold}, IRR class ${irr}`);
          if (!vmx && !vcpu.arch.vmcb.intercept_cr8_write) step.fail(`vCPU ${vcpu.id}: CR8 writes must exit`);
        },
      },
    },
  }),
  fault: {
    says: 'apic_update_ppr() leaves them as they were',
    funcs: {
      apic_update_ppr(this: vmlinux_x86, apic: kvm_lapic) {
        const ppr = { value: 0 };
        if (this.__apic_update_ppr(apic, ppr) && this.apic_has_interrupt_for_ppr(apic, ppr.value) !== -1) {
          this.kvm_make_request(KVM_REQ_EVENT, this.m.vcpu[apic.vcpu]);
        }
      },
    },
  },
});

export const serviceProperties: readonly Property[] = [
  nothingLost,
  highestFirst,
  serviceNests,
  eoiRetiresTheHighest,
  deliverableIsDelivered,
  cachesAreTrue,
  thresholdIsFresh,
];
