// SPDX-License-Identifier: GPL-2.0-only
/** Halting: how long a vCPU polls before it sleeps, how that length follows what its halts were like, and what ends it. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { toNumber } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { vcpuStateOf } from '../../src/machine/vcpu-life.js';
import { NULL } from '../../src/sched/sched.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { TimerModel } from '../lapic/timer-model.js';
import { always, type Monitor, type Property, stateless } from '../vocabulary.js';
import { busy, halting } from './kvm-worlds.js';

const now = (m: machine): number => toNumber(m.sched_clock);

/** A halt in progress. */
interface Halt {
  /** ns */
  start: number;
  /** ns that it may poll */
  window: number;
}

/**
 * The window after a halt of `ns` ns (Documentation/virt/kvm/halt-polling.rst): a halt that polling covered leaves it,
 * one that was short but not covered lengthens it, one longer than the longest window shortens it.
 */
function windowAfter(window: number, ns: number, { kvm_params: p }: machine): number {
  const { halt_poll_ns: max, halt_poll_ns_grow: grow, halt_poll_ns_grow_start: start, halt_poll_ns_shrink: shrink } = p;
  if (max === 0) return 0;
  if (ns <= window) return window;
  if (window !== 0 && ns > max) {
    const shorter = shrink === 0 ? 0 : Math.floor(window / shrink);
    return shorter < start ? 0 : shorter;
  }
  if (window < max && ns < max && grow !== 0) return Math.max(window * grow, start);
  return window;
}

/** The vCPU whose thread is current on the CPU where the kernel runs; null when it is another task. */
function running({ m, kernel }: { m: machine; kernel: vmlinux_x86 }): kvm_vcpu | null {
  const id = m.vcpuOfTask[kernel.get_current().id];
  return id === NULL ? null : m.vcpu[id];
}

const windowFollows = always(
  'the halt-polling window is kept by a halt that it covered, grows after a short one, shrinks after a long one',
  {
    of: 'kvm.7',
    since: 'v4.3',
    means:
      'the window: halt_poll_ns of the vCPU; covered: a halt no longer than it; short: shorter than the parameter halt_poll_ns, long: longer',
    given: halting,
    watch: () => {
      const open = new Map<number, Halt>();
      return {
        notes: () => [...open],
        probes: {
          kvm_vcpu_halt: {
            enter(step, args) {
              const vcpu = args[0] as kvm_vcpu;
              const window = Math.min(vcpu.halt_poll_ns, step.m.kvm_params.halt_poll_ns);
              open.set(vcpu.id, { start: now(step.m), window });
            },
          },
          trace_kvm_vcpu_wakeup: {
            enter(step) {
              const vcpu = running(step);
              const halt = vcpu === null ? undefined : open.get(vcpu.id);
              if (vcpu === null || halt === undefined) return;
              open.delete(vcpu.id);
              const ns = now(step.m) - halt.start;
              const expected = windowAfter(halt.window, ns, step.m);
              if (expected !== halt.window) step.reach();
              if (vcpu.halt_poll_ns === expected) return;
              const was = `vCPU ${vcpu.id}: window ${halt.window} ns, a halt of ${ns} ns`;
              step.fail(`${was}: ${vcpu.halt_poll_ns} ns, should be ${expected}`);
            },
          },
        },
      };
    },
    fault: { says: 'the window never grows', funcs: { grow_halt_poll_ns(): void {} } },
  },
);

/** Whether the vCPU has the CPU to itself, so that it may poll. */
const isAlone = (m: machine, vcpu: kvm_vcpu): boolean => m.rq[vcpu.cpu].nr_running === 1;

/** Polls while it may, and no longer; sleeps only then. */
function pollsAsLong(): Monitor {
  const open = new Map<number, Halt & { crowded: boolean }>();
  return {
    notes: () => [...open],
    probes: {
      kvm_vcpu_halt: {
        enter(step, args) {
          const vcpu = args[0] as kvm_vcpu;
          const { m } = step;
          const window = Math.min(vcpu.halt_poll_ns, m.kvm_params.halt_poll_ns);
          open.set(vcpu.id, { start: now(m), window, crowded: !isAlone(m, vcpu) });
        },
      },
      // kvm_vcpu_block(): the waiter is published: polling is over
      prepare_to_rcuwait: {
        enter(step, args) {
          const vcpu = args[0] as kvm_vcpu;
          const halt = open.get(vcpu.id);
          if (halt === undefined) return;
          const polled = now(step.m) - halt.start;
          const alone = isAlone(step.m, vcpu) && !halt.crowded && step.kernel.get_current().tif_need_resched === 0;
          if (halt.window > 0 && alone) {
            step.reach();
            if (polled < halt.window) step.fail(`vCPU ${vcpu.id} sleeps after ${polled} of ${halt.window} ns`);
          }
          open.delete(vcpu.id);
        },
      },
    },
    after(step) {
      const { m } = step;
      for (const vcpu of m.vcpu) {
        if (vcpu.pid === NULL || vcpuStateOf(m, vcpu) !== 'polling') continue;
        const halt = open.get(vcpu.id);
        if (halt === undefined) continue;
        if (!isAlone(m, vcpu)) step.fail(`vCPU ${vcpu.id} polls, and ${m.rq[vcpu.cpu].nr_running} tasks are runnable`);
        if (now(m) - halt.start >= Math.max(halt.window, 1))
          step.fail(`vCPU ${vcpu.id} polls for ${now(m) - halt.start} ns, its window is ${halt.window}`);
      }
    },
  };
}

const pollsTheWindow = always(
  'a vCPU in HLT polls for its window while nobody else wants its CPU, and sleeps then, not before',
  {
    of: 'kvm.8',
    since: 'v4.0',
    means: 'its window: halt_poll_ns of the vCPU when the halt began',
    given: halting,
    watch: pollsAsLong,
    fault: {
      says: 'kvm_vcpu_can_poll() looks at the time alone',
      funcs: { kvm_vcpu_can_poll: (cur: number, stop: number) => cur < stop },
    },
  },
);

export const nothingToDo = always(
  'a vCPU that polls or sleeps in HLT has nothing to do: no interrupt, expired timer, INIT, NMI or request to unblock',
  {
    of: 'kvm.9',
    given: busy,
    watch: () =>
      stateless({
        after(step) {
          const { m, kernel } = step;
          for (const vcpu of m.vcpu) {
            if (vcpu.pid === NULL) continue;
            const state = vcpuStateOf(m, vcpu);
            if (state !== 'blocked' && state !== 'polling') continue;
            step.reach();
            const p = m.task[vcpu.pid];
            if (state === 'blocked' && vcpu.wait !== p.id)
              step.fail(`vCPU ${vcpu.id} sleeps, and its rcuwait is empty`);
            if (kernel.kvm_arch_vcpu_runnable(vcpu)) step.fail(`vCPU ${vcpu.id} is ${state} and runnable`);
            if (kernel.kvm_cpu_has_pending_timer(vcpu)) step.fail(`vCPU ${vcpu.id} is ${state}, its timer has expired`);
          }
        },
      }),
    fault: {
      says: 'kvm_vcpu_check_block() does not look at interrupts',
      funcs: { kvm_vcpu_check_block: () => 0, kvm_vcpu_wake_up: () => false },
    },
  },
);

const timerWakes = always('a vCPU that halts with its timer armed does not sleep or poll past the expiry', {
  of: 'kvm.16',
  given: halting,
  watch: () => {
    const model = new TimerModel();
    return {
      notes: () => model.timers,
      probes: model.probes(() => {}),
      after(step) {
        const { m, event } = step;
        for (const vcpu of m.vcpu) {
          const { due } = model.of(vcpu.id);
          if (vcpu.pid === NULL || due === null) continue;
          const state = vcpuStateOf(m, vcpu);
          if (state !== 'blocked' && state !== 'polling') continue;
          step.reach();
          if (due < now(m) || (due === now(m) && event.ev === 'advance'))
            step.fail(`vCPU ${vcpu.id} is ${state} at ${now(m)}, its timer was due at ${due}`);
        }
      },
    };
  },
  fault: {
    says: 'a halt leaves the preemption timer armed, which counts in the guest only',
    funcs: { kvm_lapic_switch_to_sw_timer(): void {} },
  },
});

export const haltProperties: readonly Property[] = [windowFollows, pollsTheWindow, nothingToDo, timerWakes];
