// SPDX-License-Identifier: GPL-2.0-only
/** The timer: once an arming, never early, one tick for all that was missed, and any access without a crash. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import type { kvm_lapic } from '../../src/lapic/lapic.js';
import {
  S64_ZERO,
  s64_add,
  s64_div,
  s64_lt,
  s64_mul,
  s64_sub,
  s64_toNumber,
  to_s64,
  toNumber,
} from '../../src/lib/types.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Monitor, type Property, type Step } from '../vocabulary.js';
import { isOn, isSoftwareEnabled, reg } from './page.js';
import { TimerModel } from './timer-model.js';
import { countWorlds, hostileWorlds, resumeWorlds, stallWorlds, timerWorlds, worldOf } from './worlds.js';

/** ns by which a deadline's timer may fire before it, the entry waiting for the rest. */
const ADVANCE = 5000;

/** A timer interrupts once an arming, or once a period, and not before its time. */
export const onceAndNotEarly = always(
  'a timer expires once an arming in one-shot and deadline mode, and never before its time',
  {
    of: 'lapic.11',
    given: worldOf(timerWorlds),
    watch: () => {
      /** armings not yet expired, by vCPU */
      const armed = new Map<number, boolean>();
      return {
        probes: {
          __start_apic_timer: { enter: (_, args) => void armed.set((args[0] as kvm_lapic).vcpu, true) },
          apic_timer_expired: {
            enter: (step, args) => {
              const apic = args[0] as kvm_lapic;
              const { kernel: k, m } = step;
              const t = apic.lapic_timer;
              if (t.pending !== 0) return;
              step.reach();
              const now = toNumber(m.sched_clock);
              if (k.apic_lvtt_oneshot(apic) && now < s64_toNumber(t.target_expiration)) {
                step.fail(
                  `one-shot timer of vCPU ${apic.vcpu} expires ${s64_toNumber(t.target_expiration) - now} ns early`,
                );
              }
              const tsc = toNumber(k.kvm_read_l1_tsc(m.vcpu[apic.vcpu], k.rdtsc()));
              if (k.apic_lvtt_tscdeadline(apic) && tsc + ADVANCE < toNumber(t.tscdeadline)) {
                step.fail(`deadline ${toNumber(t.tscdeadline)} expires at ${tsc}`);
              }
              if (!k.apic_lvtt_period(apic)) {
                if (armed.get(apic.vcpu) !== true) step.fail(`timer of vCPU ${apic.vcpu} expires again, not armed`);
                armed.set(apic.vcpu, false);
              }
            },
          },
          // a timer that was one-shot or periodic and is made the other goes on
          restart_apic_timer: { enter: (_, args) => void armed.set((args[0] as kvm_lapic).vcpu, true) },
          apic_update_lvtt: { leave: (_, __, args) => void armed.set((args[0] as kvm_lapic).vcpu, true) },
        },
      };
    },
    fault: {
      says: 'TMICT is taken for ns whatever the divider',
      funcs: {
        start_sw_period(this: vmlinux_x86, apic: kvm_lapic) {
          if (apic.lapic_timer.period === S64_ZERO) return;
          this.hrtimer_start(apic.lapic_timer.timer, this.ktime_get());
        },
      },
    },
  },
);

/** After a pause of the host a periodic timer ticks once, and then in the future. */
export const noCatchingUp = always(
  'a periodic timer that is late ticks once for all that it missed; its next expiry is not in the past',
  {
    of: 'lapic.12',
    means: 'late: by any time after its expiry, however many periods that is',
    given: worldOf(stallWorlds),
    watch: () => ({
      probes: {
        apic_timer_fn: {
          leave: (step, restart, args) => {
            if (restart !== 1) return;
            const { expires } = step.m.hrtimer[args[0] as number];
            const behind = toNumber(step.m.sched_clock) - toNumber(expires);
            step.reach();
            if (behind > 0) step.fail(`the next tick is ${behind} ns in the past`);
          },
        },
      },
    }),
    fault: {
      says: 'advance_periodic_target_expiration() adds a period, and that is all',
      funcs: {
        advance_periodic_target_expiration(this: vmlinux_x86, apic: kvm_lapic) {
          const t = apic.lapic_timer;
          t.target_expiration = s64_add(t.target_expiration, t.period);
        },
      },
    },
  },
);

/** Whatever a guest or userspace writes, KVM neither dies nor warns. */
export const anyAccessIsSafe = always(
  'no access of a guest, no message and no state from userspace makes KVM die or warn',
  {
    of: 'lapic.13',
    given: worldOf(hostileWorlds),
    watch: () => ({
      after: (step) => {
        for (const { id, arch } of step.m.vcpu) {
          const { period } = arch.apic.lapic_timer;
          if (s64_lt(S64_ZERO, period)) step.reach();
          if (s64_lt(period, S64_ZERO)) step.fail(`vCPU ${id}: a negative period`);
        }
      },
    }),
    fault: {
      says: 'apic_get_tmcct() divides by a period of 0',
      funcs: {
        apic_get_tmcct(this: vmlinux_x86, apic: kvm_lapic) {
          if (this.kvm_lapic_get_reg(apic, 0x380) === 0) return 0;
          const { target_expiration, period } = apic.lapic_timer;
          const left = s64_sub(target_expiration, to_s64(this.ktime_get()));
          return s64_toNumber(s64_sub(left, s64_mul(s64_div(left, period), period))) / apic.divide_count;
        },
      },
    },
  },
);

/** What has expired is no longer pending behind an entry, unless it is masked: its interrupt is requested. */
function requested(step: Step, vcpu: kvm_vcpu): void {
  const { apic, mp_state } = vcpu.arch;
  const masked = (reg(vcpu, 0x320) & 0x1_0000) !== 0;
  if (apic.lapic_timer.pending === 0 || masked || mp_state !== 0 || !isOn(vcpu) || !isSoftwareEnabled(vcpu)) return;
  step.fail(`timer of vCPU ${vcpu.id} has expired, and behind an entry its interrupt is not requested`);
}

/** Watches that every timer has expired when it was due; `after` time passes, for what is due at this very instant. */
function expireInTime(): Monitor {
  const model = new TimerModel();
  return {
    notes: () => model.timers,
    probes: model.probes((step, vcpu) => {
      const { due, known } = model.of(vcpu);
      if (due !== null) step.reach();
      // one whose interrupt is pending already goes on unseen
      else if (known && step.m.vcpu[vcpu].arch.apic.lapic_timer.pending === 0)
        step.fail(`timer of vCPU ${vcpu} expires, and does not run`);
    }),
    after: (step) => {
      const now = toNumber(step.m.sched_clock);
      const passes = step.event.ev === 'advance' || step.event.ev === 'stall';
      const { event } = step;
      if (event.ev === 'enter' || event.ev === 'window') requested(step, step.m.vcpu[event.vcpu]);
      for (const { id, arch } of step.m.vcpu) {
        const { due, known } = model.of(id);
        const late = due !== null && (due < now || (due === now && passes));
        if (late && known && isOn(step.m.vcpu[id]))
          step.fail(`timer of vCPU ${id} was due at ${due}, it is ${now}, pending ${arch.apic.lapic_timer.pending}`);
      }
    },
  };
}

/** What is armed expires: at its time, or as soon as the host has time for it. */
export const armedExpires = always(
  'a timer that is armed has expired when its time has come, once for each period, and one that was stopped does not; the next entry requests its interrupt',
  {
    of: 'lapic.26',
    given: worldOf([...timerWorlds, ...stallWorlds]),
    watch: expireInTime,
    fault: {
      says: 'a periodic timer is not started again',
      funcs: {
        apic_timer_fn(this: vmlinux_x86, timer: number) {
          this.apic_timer_expired(this.m.vcpu[this.m.hrtimer[timer].owner].arch.apic, true);
          return 0;
        },
      },
    },
  },
);

/** A guest that moves to another host misses no tick. */
export const restoredExpires = always(
  'a timer that KVM_SET_LAPIC restores expires when the count that it brings is over',
  {
    of: 'lapic.28',
    means: 'the count: TMCCT of the page that is set, in as many bus cycles each as its divider says',
    given: worldOf(resumeWorlds),
    watch: expireInTime,
    fault: {
      says: 'KVM_SET_LAPIC leaves the timer stopped',
      funcs: {
        __start_apic_timer(this: vmlinux_x86, apic: kvm_lapic, count: number) {
          apic.lapic_timer.pending = 0;
          if (count === 0x380 && this.set_target_expiration(apic, count)) this.restart_apic_timer(apic);
        },
      },
    },
  },
);

/** The count goes down from TMICT as the divider says, and is 0 where nothing runs. */
export const countsDown = always('a read of TMCCT finds what is left of the count, by the divider', {
  of: 'lapic.27',
  means: 'the count: TMICT less one for every so many bus cycles as the divider in TDCR says, 1 to 128',
  given: worldOf(countWorlds),
  watch: () => {
    const model = new TimerModel();
    return {
      notes: () => model.timers,
      probes: {
        ...model.probes(() => {}),
        kvm_lapic_reg_read: {
          leave: (step, r, args) => {
            const [{ vcpu }, offset, len, data] = args as [kvm_lapic, number, number, { value: number }];
            if (r !== 0 || offset !== 0x390 || len !== 4) return;
            const expected = model.count(vcpu, toNumber(step.m.sched_clock));
            if (expected === null) return;
            if (expected !== 0) step.reach();
            if (data.value !== expected) step.fail(`vCPU ${vcpu}: TMCCT is ${data.value}, should be ${expected}`);
          },
        },
      },
    };
  },
  fault: { says: 'the divider is always 2', funcs: { update_divide_count() {} } },
});

export const timerProperties: readonly Property[] = [
  onceAndNotEarly,
  noCatchingUp,
  anyAccessIsSafe,
  armedExpires,
  countsDown,
  restoredExpires,
];
