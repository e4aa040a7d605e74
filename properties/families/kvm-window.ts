// SPDX-License-Identifier: GPL-2.0-only
/** Windows of time: how long a guest may spin before it exits for it, and how long its halt may be polled. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { add, sub, toNumber, u64 } from '../../src/lib/types.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { US } from '../arbitraries.js';
import { always, type Property } from '../vocabulary.js';
import { vmWorld } from './kvm-worlds.js';

/** Hardly anything but PAUSE, by vCPUs that nobody else wants the CPUs of: windows get as long as they get. */
const spinsOn = vmWorld({ weights: { pause: 40, advance: 1 }, vcpus: [1, 2], cpus: [1, 2], alone: true, length: 60 });

const growsOnly = always('a PLE window that is made longer is no shorter afterwards, and within its maximum', {
  of: 'kvm.21',
  since: 'v3.18',
  about: '__grow_ple_window',
  means: 'but for ple_window_grow 0, which sets it back, and a maximum below it',
  given: spinsOn,
  watch: () => ({
    probes: {
      __grow_ple_window: {
        leave(step, result, args) {
          const [val, , modifier, max] = args as [number, number, number, number];
          if (modifier < 1) return;
          step.reach();
          const after = result as number;
          step.near(after);
          if (after < Math.min(val, max) || after > max)
            step.fail(`a window of ${val} cycles, at most ${max}, becomes ${after}`);
        },
      },
    },
  }),
  fault: {
    says: '__grow_ple_window() adds in 16 bits',
    funcs: {
      __grow_ple_window: (val: number, _base: number, modifier: number, max: number) =>
        Math.min((val * Math.max(2, modifier)) & 0xffff, max),
    },
  },
});

/** Halts that an interrupt ends soon, so that windows grow, while root sets the longest one. */
const retuned = vmWorld({
  weights: { advance: 10, hlt: 6, ipi: 30, eoi: 24, pollEnd: 4, knob: 3 },
  vcpus: [4, 6],
  cpus: [4],
  alone: true,
  advances: [1 * US, 5 * US, 20 * US, 60 * US, 150 * US],
  knobs: { halt_poll_ns: [5000, 10_000, 40_000, 200_000, 200_000] },
  length: 80,
});

const pollsNoLonger = always('a halt is polled no longer than the maximum that is in force when it begins', {
  of: 'kvm.22',
  since: 'v6.2',
  about: 'kvm_vcpu_halt',
  means: 'the maximum: halt_poll_ns, which may be lowered after the window of the vCPU has grown',
  given: retuned,
  watch: () => ({
    probes: {
      kvm_vcpu_halt: {
        enter(step, args) {
          const [vcpu] = args as [kvm_vcpu];
          if (vcpu.halt_poll_ns > step.kernel.kvm_vcpu_max_halt_poll_ns(vcpu)) step.reach();
        },
        leave(step, _, args) {
          const [vcpu] = args as [kvm_vcpu];
          const { do_halt_poll, start, stop } = vcpu.halt;
          const most = step.kernel.kvm_vcpu_max_halt_poll_ns(vcpu);
          if (!do_halt_poll) return;
          const ns = toNumber(sub(stop, start));
          step.near(most - ns);
          if (ns > most) step.fail(`vCPU ${vcpu.id} is going to poll for ${ns} ns, the longest is ${most}`);
        },
      },
    },
  }),
  fault: {
    says: 'kvm_vcpu_halt() takes the window as it has grown',
    funcs: {
      kvm_vcpu_halt(this: vmlinux_x86, vcpu: kvm_vcpu) {
        const h = vcpu.halt;
        h.halt_poll_allowed = !this.kvm_arch_no_poll(vcpu);
        h.do_halt_poll = h.halt_poll_allowed && vcpu.halt_poll_ns !== 0;
        h.start = h.cur = h.poll_end = this.ktime_get();
        if (h.do_halt_poll) {
          h.stop = add(h.start, u64(vcpu.halt_poll_ns));
          this.kvm_vcpu_haltCheck(vcpu.id);
        } else this.kvm_vcpu_haltBlock(vcpu.id);
      },
    },
  },
});

export const windowProperties: readonly Property[] = [growsOnly, pollsNoLonger];
