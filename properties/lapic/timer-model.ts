// SPDX-License-Identifier: GPL-2.0-only
/**
 * The timer of a local APIC as the SDM has it, in ns, from the registers that are written alone.
 *
 *   tick     ns of one count                  divider of TDCR, at a bus cycle of 1 ns
 *   period   ns of the whole count            TMICT * tick; KVM lengthens short periods of periodic timers
 *   due      ns at which it expires next; null when it does not run
 */

import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import { s64_toNumber, toNumber } from '../../src/lib/types.js';
import type { Probe, Step } from '../vocabulary.js';
import { isOn, reg } from './page.js';

const MODES = 3 << 17;
const ONE_SHOT = 0;
const PERIODIC = 1 << 17;
const DEADLINE = 2 << 17;

export interface Timer {
  mode: number;
  tick: number;
  period: number;
  due: number | null;
  /** TSC of the deadline that is armed */
  deadline: number;
  /** false from LVTT's reserved mode on, of which nobody promises anything, to the next count */
  known: boolean;
}

const now = ({ m }: Step): number => toNumber(m.sched_clock);

function tickOf(tdcr: number): number {
  const n = (tdcr & 3) | ((tdcr & 8) >> 1);
  return n === 7 ? 1 : 2 << n;
}

/** Follows the timers of all vCPUs; `expired` is told of each expiry before the model goes on. */
export class TimerModel {
  readonly timers: Timer[] = [];
  /** kvm.min_timer_period_us */
  private readonly shortest = (step: Step): number => step.m.kvm_x86_params.min_timer_period_us * 1000;

  of(vcpu: number): Timer {
    this.timers[vcpu] ??= { mode: ONE_SHOT, tick: 2, period: 0, due: null, deadline: 0, known: true };
    return this.timers[vcpu];
  }

  /** The count that a read of TMCCT finds; null in the reserved mode. */
  count(vcpu: number, at: number): number | null {
    const t = this.of(vcpu);
    if (!t.known) return null;
    if (t.mode === DEADLINE) return 0;
    if (t.due === null || t.period === 0) return 0;
    return Math.floor((Math.max(0, t.due - at) % t.period) / t.tick);
  }

  probes(expired: (step: Step, vcpu: number) => void): Record<string, Probe> {
    return {
      kvm_lapic_reg_write: { leave: (step, r, args) => this.written(step, r, args as [kvm_lapic, number, number]) },
      kvm_set_lapic_tscdeadline_msr: { enter: (step, args) => this.deadlineSet(step, args[0] as kvm_vcpu, args[1]) },
      apic_timer_expired: {
        enter: (step, args) => {
          const { vcpu } = args[0] as kvm_lapic;
          expired(step, vcpu);
          this.expire(step, vcpu);
        },
      },
      kvm_apic_set_state: {
        leave: (step, r, args) => {
          if (r === 0) this.restored(step, args[0] as kvm_vcpu, (args[1] as { regs: number[] }).regs);
        },
      },
      kvm_lapic_reset: {
        enter: (_, args) => {
          const t = this.of((args[0] as kvm_vcpu).id);
          Object.assign(t, { mode: ONE_SHOT, tick: 2, period: 0, due: null, deadline: 0, known: true });
        },
      },
    };
  }

  private expire(step: Step, vcpu: number): void {
    const t = this.of(vcpu);
    if (t.due === null) return;
    t.due = t.mode === PERIODIC ? Math.max(t.due + t.period, now(step)) : null;
  }

  private written(step: Step, r: unknown, [apic, offset, value]: [kvm_lapic, number, number]): void {
    if (r !== 0) return;
    const t = this.of(apic.vcpu);
    switch (offset) {
      case 0x320:
        this.modeSet(step, apic.vcpu);
        return;
      case 0xf0:
        if ((value & 0x100) === 0) this.modeSet(step, apic.vcpu);
        return;
      case 0x380:
        if (t.mode === DEADLINE) return;
        t.due = null;
        if (t.mode === MODES) return;
        t.known = true;
        t.period = this.limited(step, t, value * t.tick);
        if (t.period !== 0) t.due = now(step) + t.period;
        return;
      case 0x3e0:
        this.dividerSet(step, apic, tickOf(value));
    }
  }

  /** KVM scales what is left, and starts again even a count that has run out. */
  private dividerSet(step: Step, apic: kvm_lapic, tick: number): void {
    const t = this.of(apic.vcpu);
    const before = t.tick;
    t.tick = tick;
    if (tick === before || t.period === 0) return;
    const left = t.due === null ? 0 : Math.max(0, t.due - now(step));
    t.period = this.limited(step, t, reg(step.m.vcpu[apic.vcpu], 0x380) * tick);
    const runs = t.mode === PERIODIC || (t.mode === ONE_SHOT && apic.lapic_timer.pending === 0);
    t.due = runs ? now(step) + Math.floor((left * tick) / before) : null;
  }

  private limited(step: Step, t: Timer, period: number): number {
    return t.mode === PERIODIC && period !== 0 ? Math.max(period, this.shortest(step)) : period;
  }

  private modeSet(step: Step, vcpu: number): void {
    const t = this.of(vcpu);
    // without the TSC-deadline timer in its CPUID, an APIC has one mode bit
    const { arch } = step.m.vcpu[vcpu];
    const mode = reg(step.m.vcpu[vcpu], 0x320) & (arch.cpuid.tsc_deadline ? MODES : PERIODIC);
    if (mode === t.mode) return;
    const timed = (it: number): boolean => it === DEADLINE;
    if (timed(mode) !== timed(t.mode)) Object.assign(t, { period: 0, due: null, deadline: 0, known: true });
    t.mode = mode;
    if (mode === MODES) t.known = false;
    t.period = this.limited(step, t, t.period);
  }

  /** KVM_SET_LAPIC: the count that is left stands in TMCCT; none left is a period, or in one-shot mode at once. */
  private restored(step: Step, vcpu: kvm_vcpu, regs: readonly number[]): void {
    const t = this.of(vcpu.id);
    this.modeSet(step, vcpu.id);
    t.tick = tickOf(reg(vcpu, 0x3e0));
    if (t.mode === DEADLINE) {
      t.due = t.deadline === 0 ? null : Math.max(now(step), t.deadline - s64_toNumber(vcpu.arch.tsc_offset));
      return;
    }
    t.due = null;
    if (t.mode === MODES) return;
    t.known = true;
    t.period = this.limited(step, t, reg(vcpu, 0x380) * t.tick);
    if (t.period === 0) return;
    const left = Math.min(regs[0x390 >> 2] * t.tick, t.period);
    t.due = now(step) + (left === 0 && t.mode === PERIODIC ? t.period : left);
  }

  private deadlineSet(step: Step, vcpu: kvm_vcpu, data: unknown): void {
    const t = this.of(vcpu.id);
    if (!isOn(vcpu) || t.mode !== DEADLINE) return;
    t.deadline = toNumber(data as never);
    // the guest's TSC counts ns here, from tsc_offset on
    t.due = t.deadline === 0 ? null : Math.max(now(step), t.deadline - s64_toNumber(vcpu.arch.tsc_offset));
  }
}
