// SPDX-License-Identifier: GPL-2.0-only
/** What registers and pins say after a write, a restored state and an EOI. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Property, type Step, stateless } from '../vocabulary.js';
import { IRR, ISR, isX2apic, reg, vectorsOf } from './page.js';
import { icrWorlds, pinWorlds, restoreWorlds, worldOf } from './worlds.js';

const ICR = 0x300;
const BUSY = 1 << 12;
/** of LVTT: TSC-deadline mode, or with the periodic bit the reserved one */
const DEADLINE = 1 << 18;

/** x2APIC's ICR is one register of 64 bits on Intel, and split into ICR and ICR2 on AMD, also in the saved state. */
export const icrIsWhereHardwareHasIt = always(
  "in x2APIC mode ICR's high half is in the page at 0x304 on Intel and at 0x310 on AMD",
  {
    of: 'lapic.18',
    given: worldOf(icrWorlds),
    watch: () => {
      /** by vCPU: high half of what was written last */
      let written: number[] = [];
      return {
        probes: {
          kvm_x2apic_icr_write: {
            leave: (step, r, args) => {
              const { vcpu } = args[0] as kvm_lapic;
              if (r === 0 && step.event.ev === 'write_icr') written[vcpu] = step.event.dest;
            },
          },
          kvm_lapic_reset: { enter: (_, args) => void delete written[(args[0] as kvm_vcpu).id] },
        },
        after: (step) => {
          const high = step.m.kvm[0].arch.vendor === 'svm' ? 0x310 : 0x304;
          for (const vcpu of step.m.vcpu) {
            if (!isX2apic(vcpu)) delete written[vcpu.id];
            const expected = written[vcpu.id];
            if (expected === undefined) continue;
            if (expected !== 0) step.reach();
            const got = reg(vcpu, high);
            const where = `vCPU ${vcpu.id}: 0x${high.toString(16)} of the page`;
            if (got !== expected)
              step.fail(`${where} has 0x${got.toString(16)}, ICR's high half is 0x${expected.toString(16)}`);
            if ((reg(vcpu, ICR) & BUSY) !== 0) step.fail(`vCPU ${vcpu.id}: ICR is busy`);
          }
        },
        notes: () => written,
        end() {
          written = [];
        },
      };
    },
    fault: {
      says: 'kvm_x2apic_icr_write() splits it on Intel, not on AMD',
      funcs: {
        isX2apicIcrSplit(this: vmlinux_x86, vcpu: kvm_vcpu) {
          return this.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
        },
      },
    },
  },
);

/** A timer of before KVM_SET_LAPIC is no timer of after it. */
export const restoredTimer = always(
  'after KVM_SET_LAPIC of a one-shot or periodic timer with TMICT 0 no timer is armed',
  {
    of: 'lapic.19',
    given: worldOf(restoreWorlds),
    watch: () => {
      let armed = false;
      const runs = (step: Step, vcpu: kvm_vcpu): string => {
        const { timer, hv_timer_in_use } = vcpu.arch.apic.lapic_timer;
        return hv_timer_in_use ? 'preemption timer' : step.m.hrtimer[timer].queued === 1 ? 'hrtimer' : '';
      };
      return {
        probes: {
          kvm_apic_set_state: {
            enter: (step, args) => {
              armed = runs(step, args[0] as kvm_vcpu) !== '';
            },
            leave: (step, r, args) => {
              const vcpu = args[0] as kvm_vcpu;
              // a deadline is kept; the reserved mode is taken for one that has passed
              if (r !== 0 || reg(vcpu, 0x380) !== 0 || (reg(vcpu, 0x320) & DEADLINE) !== 0) return;
              if (armed) step.reach();
              const left = runs(step, vcpu);
              if (left !== '') step.fail(`vCPU ${vcpu.id}: TMICT is 0, and the ${left} of before runs on`);
            },
          },
        },
      };
    },
    fault: {
      says: 'cancel_apic_timer() stops nothing',
      funcs: { cancel_apic_timer() {}, hrtimer_cancel: () => 0 },
    },
  },
);

/** A level-triggered pin that waits for an EOI waits for one that will come. */
export const remoteIrrIsTrue = always(
  'Remote IRR of a pin whose vector stays is set only while an APIC has that vector in IRR or ISR',
  {
    of: 'lapic.20',
    given: worldOf(pinWorlds),
    watch: () =>
      stateless({
        after: (step) => {
          step.m.kvm[0].arch.vioapic?.redirtbl.forEach((entry, pin) => {
            if (entry.remote_irr === 0) return;
            step.reach();
            const has = (vcpu: kvm_vcpu): boolean =>
              vectorsOf(vcpu, IRR).includes(entry.vector) || vectorsOf(vcpu, ISR).includes(entry.vector);
            if (!step.m.vcpu.some(has)) step.fail(`pin ${pin}: Remote IRR is set, and nobody has ${entry.vector}`);
          });
        },
      }),
    fault: {
      says: 'kvm_ioapic_update_eoi() hears nothing',
      funcs: { kvm_ioapic_update_eoi() {} },
    },
  },
);

export const registerProperties: readonly Property[] = [icrIsWhereHardwareHasIt, restoredTimer, remoteIrrIsTrue];
