// SPDX-License-Identifier: GPL-2.0-only
/** The family of arm64: vCPUs that wait in WFI and WFE, trapped or not, are woken by what they wait for. */
import type { kvm_vcpu } from '../../src/arch/arm64/kvm_host.js';
import { gt, le } from '../../src/lib/types.js';
import { asArm64 } from '../../src/machine/arm64-events.js';
import type { vmlinux_arm64 } from '../../src/vmlinux/vmlinux-arm64.js';
import { nameOf, vcpusOf } from '../series/wfx/monitors.js';
import { anyhow } from '../series/wfx/worlds.js';
import { always, type Claim, type Monitor, type Step, stateless } from '../vocabulary.js';

const given = anyhow({ policies: [0, 1, 2] });

/** Looks at every vCPU after each event. */
function each(look: (step: Step, v: kvm_vcpu) => void): Monitor {
  return stateless({
    after(step) {
      for (const v of vcpusOf(step.m)) if (v.pid >= 0) look(step, v);
    },
  });
}

/** Asleep in kvm_vcpu_block(). */
const blocks = ({ m }: Step, v: kvm_vcpu): boolean => v.wait >= 0 && m.task[v.pid].__state !== 0;

const deaf = {
  says: 'nobody wakes a vCPU that blocks',
  funcs: { kvm_vcpu_wake_up: (): boolean => false },
};

export const waiting: Claim = {
  id: 'waiting',
  words: 'a vCPU that waits is woken by what it waits for',
  properties: [
    always('no vCPU sleeps in WFI with an interrupt pending for it', {
      of: 'waiting.1',
      given,
      watch: () =>
        each((step, v) => {
          if (!blocks(step, v)) return;
          step.reach();
          if (asArm64(step.kernel).kvm_vgic_vcpu_pending_irq(v) !== 0)
            step.fail(`${nameOf(step.m, v)} sleeps, and kvm_vgic_vcpu_pending_irq() says that it has an interrupt`);
        }),
      fault: deaf,
    }),
    always('no vCPU sleeps in WFIT beyond its deadline', {
      of: 'waiting.2',
      given: anyhow({ policies: [0, 2], weights: { wfit: 20, wfi: 2, lpi: 2, ipi: 1 } }),
      watch: () =>
        each((step, v) => {
          if (!blocks(step, v) || !v.arch.in_wfit) return;
          step.reach();
          if (gt(step.m.sched_clock, v.arch.rt)) step.fail(`${nameOf(step.m, v)} sleeps, and its deadline is past`);
        }),
      fault: deaf,
    }),
    always('a guest that runs with interrupts enabled has none waiting, except while it handles one', {
      of: 'waiting.3',
      given,
      watch: () =>
        each((step, v) => {
          const { arch } = v;
          const runs = v.cpu >= 0 && step.kernel.guestOn(v.cpu) === v.id;
          if (!runs || arch.masked || arch.running.length > 0) return;
          step.reach();
          const { vgic_cpu } = arch;
          const held = vgic_cpu.lpi_pending.length > 0 || vgic_cpu.pending_latch !== 0;
          const waits = asArm64(step.kernel).pendingInterrupt(v);
          if (waits >= 0 || held)
            step.fail(`${nameOf(step.m, v)} runs with interrupts on, and ${held ? 'KVM' : 'its GIC'} has one for it`);
        }),
      fault: { says: 'nobody kicks a vCPU that runs', funcs: { kvm_arch_vcpu_should_kick: (): boolean => false } },
    }),
    always('no vCPU stands in WFI or WFE beyond its end, nor with an interrupt at its CPU', {
      of: 'waiting.4',
      given: anyhow({ policies: [1] }),
      watch: () =>
        each((step, v) => {
          const { arch } = v;
          if (arch.standing === 'no') return;
          step.reach();
          if (le(arch.standing_until, step.m.sched_clock))
            step.fail(`${nameOf(step.m, v)} stands in ${arch.standing} beyond its end`);
          if (asArm64(step.kernel).pendingInterrupt(v) >= 0)
            step.fail(`${nameOf(step.m, v)} stands in ${arch.standing} with an interrupt at its CPU interface`);
        }),
      fault: {
        says: 'an interrupt leaves a CPU in WFI where it is',
        funcs: {
          evaluateInterrupts(this: vmlinux_arm64, v: kvm_vcpu) {
            const intid = this.pendingInterrupt(v);
            if (v.arch.standing === 'no' && intid >= 0 && !v.arch.masked && v.arch.running.length === 0)
              this.guestTakes(v, intid);
          },
        },
      },
    }),
  ],
};
