// SPDX-License-Identifier: GPL-2.0-only
/** A vCPU whose APIC is saved and restored on another host. */
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import { s64_toNumber, to_u32, toNumber } from '../../src/lib/types.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Property, type Step } from '../vocabulary.js';
import { isOn } from './page.js';
import { type Timer, TimerModel } from './timer-model.js';
import { vmmWorlds, worldOf } from './worlds.js';

const TMCCT = 0x390 >> 2;
const PPR = 0xa0 >> 2;
const LVR = 0x30 >> 2;
const VMM = ['restore', 'tsc_offset', 'cpuid'];

interface Saved {
  regs: number[];
  /** IA32_APICBASE, low half */
  base: number;
  mp_state: number;
  timer: Timer;
  /** one-shot now and periodic when it expired: kvm_apic_inject_pending_timer_irqs() has forgotten what is left of it */
  forgotten: boolean;
}

export const restoredIsTheSame = always(
  'a restored APIC is the one that was saved: its page, base, mp_state, and its timer to within a count',
  {
    of: 'lapic.29',
    means: 'a count: as many bus cycles as the divider in TDCR says',
    given: worldOf(vmmWorlds),
    watch: () => {
      const model = new TimerModel();
      let saved: Saved | null = null;
      return {
        notes: () => model.timers,
        probes: model.probes(() => {}),
        before: ({ event, m }: Step) => {
          saved = null;
          if (event.ev !== 'restore') return;
          const { arch } = m.vcpu[event.vcpu];
          // KVM_GET_MP_STATE takes an INIT or SIPI that waits
          if (arch.apic.pending_events !== 0) return;
          const timer = { ...model.of(event.vcpu) };
          const { apic, apic_base, mp_state } = arch;
          const forgotten = s64_toNumber(apic.lapic_timer.target_expiration) === 0;
          saved = { regs: [...apic.regs], base: to_u32(apic_base), mp_state, timer, forgotten };
        },
        after: (step) => {
          const { event, m } = step;
          if (saved === null || event.ev !== 'restore') return;
          const vcpu = m.vcpu[event.vcpu];
          // a VMM that takes x2APIC from the CPUID of an APIC in that mode is refused its base; and LVTT may have a mode that
          // the timer was not in before its CPUID had it
          if ((saved.base & 0x400) !== 0 && !vcpu.arch.cpuid.x2apic) return;
          if (saved.timer.mode !== model.of(vcpu.id).mode) return;
          const say = (what: string): void => step.fail(`vCPU ${vcpu.id} restored: ${what}`);
          step.reach();
          const base = to_u32(vcpu.arch.apic_base);
          if (base !== saved.base) say(`IA32_APICBASE 0x${saved.base.toString(16)}, is 0x${base.toString(16)}`);
          if (vcpu.arch.mp_state !== saved.mp_state) say(`mp_state ${saved.mp_state}, is ${vcpu.arch.mp_state}`);
          vcpu.arch.apic.regs.forEach((got, word) => {
            if (got === saved?.regs[word] || word === TMCCT || word === PPR || word === LVR) return;
            say(`0x${(word << 2).toString(16)} was 0x${saved?.regs[word].toString(16)}, is 0x${got.toString(16)}`);
          });
          const { timer } = saved;
          const { due } = model.of(vcpu.id);
          const left = timer.due === null ? 0 : timer.due - toNumber(m.sched_clock);
          // WHY within a period: TMCCT is what is left modulo it, so 0 in the last count and at the very instant of arming;
          // and a short period that KVM has lengthened is not in the page
          if (timer.period !== saved.regs[0x380 >> 2] * timer.tick || left < timer.tick || left >= timer.period) return;
          if (timer.due === null || !timer.known || !isOn(vcpu) || saved.forgotten) return;
          if (due === null || Math.abs(due - timer.due) >= timer.tick)
            say(`its timer was due at ${timer.due}, is at ${due}, it is ${toNumber(m.sched_clock)}`);
        },
      };
    },
    fault: {
      says: 'KVM_GET_LAPIC says nothing of what is left of the count',
      funcs: {
        kvm_apic_get_state(vcpu: { arch: { apic: { regs: number[] } } }, s: { regs: number[] }) {
          s.regs.splice(0, 256, ...vcpu.arch.apic.regs);
          return 0;
        },
      },
    },
  },
);

/** Whatever a VMM does between runs, what a guest was promised of its timer stays. */
export const expiresAcross = always('whatever a VMM restores or sets, a timer that is armed expires when it is due', {
  of: 'lapic.30',
  given: worldOf(vmmWorlds),
  watch: () => {
    const model = new TimerModel();
    return {
      notes: () => model.timers,
      probes: model.probes(() => {}),
      after: (step) => {
        const now = toNumber(step.m.sched_clock);
        for (const { id } of step.m.vcpu) {
          const { due, known, period } = model.of(id);
          // a deadline that another TSC has moved is armed anew at the next write
          if (due === null || !known || period === 0 || !isOn(step.m.vcpu[id])) continue;
          if (VMM.includes(step.event.ev)) step.reach();
          if (due < now || (due === now && step.event.ev === 'advance'))
            step.fail(`timer of vCPU ${id} was due at ${due}, it is ${now}`);
        }
      },
    };
  },
  fault: {
    says: 'KVM_SET_LAPIC leaves the timer stopped',
    funcs: {
      __start_apic_timer(this: vmlinux_x86, apic: kvm_lapic, count: number) {
        apic.lapic_timer.pending = 0;
        if (count === 0x380 && this.set_target_expiration(apic, count)) this.restart_apic_timer(apic);
      },
    },
  },
});

export const restoreProperties: readonly Property[] = [restoredIsTheSame, expiresAcross];
