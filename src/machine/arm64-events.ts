// SPDX-License-Identifier: GPL-2.0-only
/** Events that only arm64 machines have: WFI and WFE, and LPIs of devices. */
import { VGIC_MIN_LPI } from '../arch/arm64/kvm_host.js';
import { NULL } from '../sched/sched.js';
import type { vmlinux_arm64 } from '../vmlinux/vmlinux-arm64.js';
import { executesWfx, vcpuDoing } from './legality.js';
import type { EventOf, Rule, Rules } from './rules.js';
import type { machine, machine_arm64 } from './state.js';

export type Arm64Kind = 'wfi' | 'wfe' | 'wfit' | 'wfet' | 'lpi';

type Wfx = EventOf<'wfi' | 'wfe' | 'wfit' | 'wfet'>;

/** The kernel and its machine by the type that they have where the event is legal. */
export const asArm64 = (k: unknown): vmlinux_arm64 => k as vmlinux_arm64;
export const arm64Machine = (m: machine): machine_arm64 => m as unknown as machine_arm64;

const wfx = <E extends Wfx>(wfe: boolean): Rule<E> => ({
  legal: (m, e) => vcpuDoing(m, e.cpu, e.ev) !== NULL,
  perform: (k, _, e) => void asArm64(k).guestWfx(e.cpu, wfe, 'ns' in e ? e.ns : null),
});

export const arm64Events: Rules<Arm64Kind> = {
  wfi: wfx<EventOf<'wfi'>>(false),
  wfe: wfx<EventOf<'wfe'>>(true),
  wfit: wfx<EventOf<'wfit'>>(false),
  wfet: wfx<EventOf<'wfet'>>(true),
  lpi: {
    legal(m, e) {
      const vcpu = m.vcpu[e.vcpu];
      if (vcpu === undefined || e.intid < VGIC_MIN_LPI || !executesWfx(m, vcpu.id)) return false;
      // by the ITS itself: only what is mapped there
      return !e.direct || arm64Machine(m).vcpu[e.vcpu].arch.vgic_cpu.its_vpe.vlpi_count > 0;
    },
    perform(k, _, e) {
      const arm64 = asArm64(k);
      if (!e.direct) arm64.hostTakes(e.cpu, 'irqfdInjects', e.vcpu, e.intid);
      else if (arm64.gicInjects(arm64.m.vcpu[e.vcpu], e.intid))
        arm64.hostTakes(e.cpu, 'vgic_v4_doorbell_handler', e.vcpu);
    },
  },
};
