// SPDX-License-Identifier: GPL-2.0-only
/** APICs that the CPU virtualizes (APICv, AVIC): nothing is lost between page, descriptor and control block. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import type { kvm_lapic, kvm_lapic_state } from '../../src/lapic/lapic.js';
import { NULL } from '../../src/sched/sched.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Monitor, type Property, type Step, stateless, type World } from '../vocabulary.js';
import { highest, IRR, ISR, isSoftwareEnabled, priority, reg, vectorsOf } from './page.js';
import { virtualWorlds, worldOf } from './worlds.js';

const given: World = { ...worldOf(virtualWorlds), events: 8_000 };

/** Requested and not taken: in IRR, or posted. */
function waiting(vcpu: kvm_vcpu): number[] {
  const { pir } = vcpu.arch.pi_desc;
  const posted = [...Array(256).keys()].filter((vector) => (pir[vector >> 5] >>> (vector & 31)) & 1);
  return [...new Set([...vectorsOf(vcpu, IRR), ...posted])].sort((a, b) => a - b);
}

/** Follows every vector from where it is accepted, by KVM or by the CPU, to where it is taken. */
function followed(): Monitor {
  const requested = new Map<number, Set<number>>();
  const of = (id: number): Set<number> => {
    const set = requested.get(id) ?? new Set();
    requested.set(id, set);
    return set;
  };
  const takes = (step: Step, vcpu: kvm_vcpu, vector: number): void => {
    const sent = of(vcpu.id).delete(vector);
    // RVI may be stale then, see believes()
    if (!isSoftwareEnabled(vcpu)) return;
    step.reach();
    if (!sent) step.fail(`vCPU ${vcpu.id} takes ${vector}, which nobody sent`);
  };
  return {
    probes: {
      __apic_accept_irq: {
        leave(_, result, args) {
          const [apic, mode, vector] = args as [kvm_lapic, number, number];
          if (result === 1 && mode <= 0x100) of(apic.vcpu).add(vector);
        },
      },
      avicDeliver: {
        enter(_, args) {
          const [, low, , target] = args as [kvm_vcpu, number, number, number];
          if (target !== NULL) of(target).add(low & 0xff);
        },
      },
      virtualSelfIpi: { enter: (_, args) => void of((args[0] as kvm_vcpu).id).add(args[1] as number) },
      kvm_apic_ack_interrupt: { enter: (step, args) => takes(step, args[0] as kvm_vcpu, args[1] as number) },
      guestTakes: {
        enter(step, args) {
          const [vcpu, vector, nmi] = args as [kvm_vcpu, number, boolean];
          if (!nmi) takes(step, vcpu, vector);
        },
      },
      kvm_lapic_reset: {
        enter(step, args) {
          const [vcpu, init] = args as [kvm_vcpu, boolean];
          if (init || step.event.ev !== 'restore') of(vcpu.id).clear();
        },
      },
    },
    after(step) {
      const { m, event } = step;
      for (const vcpu of m.vcpu) {
        const expected = [...of(vcpu.id)].sort((a, b) => a - b).join();
        const got = waiting(vcpu).join();
        if (got !== expected)
          step.fail(`vCPU ${vcpu.id}: accepted and not taken: ${expected}; in IRR or posted: ${got}`);
      }
      if (event.ev !== 'window') return;
      const vcpu = m.vcpu[event.vcpu];
      const first = waiting(vcpu).at(-1) ?? -1;
      if (first >> 4 > priority(vcpu) >> 4 && vcpu.arch.mp_state === 0 && isSoftwareEnabled(vcpu))
        step.fail(`vCPU ${vcpu.id} has ${first} waiting above PPR 0x${priority(vcpu).toString(16)} after a window`);
    },
  };
}

export const virtualNothingLost = always(
  'under APICv and AVIC, whatever a VMM saves, restores or switches, what is accepted is taken once, and as soon as it may be',
  {
    of: 'lapic.31',
    given,
    watch: followed,
    fault: {
      says: 'KVM_GET_LAPIC does not look at what is posted',
      funcs: {
        kvm_vcpu_ioctl_get_lapic(this: vmlinux_x86, vcpu: kvm_vcpu, s: kvm_lapic_state) {
          return this.kvm_apic_get_state(vcpu, s);
        },
      },
    },
  },
);

/** What the CPU goes by in the guest, against the page that KVM keeps. */
function believes(step: Step, vcpu: kvm_vcpu): void {
  const { apic, vmcs, vmcb } = vcpu.arch;
  // WHY: vcpu_enter_guest() leaves RVI alone while the APIC is software disabled, as after an INIT
  if (!apic.apicv_active || !isSoftwareEnabled(vcpu)) return;
  const [isr, irr, tpr] = [Math.max(highest(vcpu, ISR), 0), Math.max(highest(vcpu, IRR), 0), reg(vcpu, 0x80) >> 4];
  if (isr > 0 || tpr > 0) step.reach();
  if (step.m.kvm[vcpu.kvm].arch.vendor === 'svm') {
    if (vmcb.v_tpr !== tpr) step.fail(`vCPU ${vcpu.id}: V_TPR ${vmcb.v_tpr}, TPR has ${tpr}`);
    return;
  }
  const [svi, rvi] = [vmcs.guest_intr_status >> 8, vmcs.guest_intr_status & 0xff];
  if (svi !== isr) step.fail(`vCPU ${vcpu.id}: SVI ${svi}, ISR has ${isr}`);
  if (rvi !== irr) step.fail(`vCPU ${vcpu.id}: RVI ${rvi}, IRR has ${irr}`);
}

export const virtualIsTrue = always(
  'at an entry under APICv, RVI and SVI are the highest in IRR and ISR; under AVIC, V_TPR is bits 7:4 of TPR',
  {
    of: 'lapic.32',
    given,
    watch: () =>
      stateless({
        probes: {
          evaluateVirtualInterrupt: {
            enter(step, args) {
              const { ev } = step.event;
              if (ev === 'enter' || ev === 'window') believes(step, args[0] as kvm_vcpu);
            },
          },
        },
      }),
    fault: {
      says: 'sync_lapic_to_cr8() leaves V_TPR alone while AVIC is active (d02e48830e3f)',
      funcs: {
        sync_lapic_to_cr8(this: vmlinux_x86, vcpu: kvm_vcpu) {
          if (!this.kvm_vcpu_apicv_active(vcpu)) vcpu.arch.vmcb.v_tpr = Number(this.kvm_get_cr8(vcpu)) & 0xf;
        },
      },
    },
  },
);

export const virtualProperties: readonly Property[] = [virtualNothingLost, virtualIsTrue];
