// SPDX-License-Identifier: GPL-2.0-only
/** Interrupts of vCPUs that have threads: under every way of delivery they come once, and wake who sleeps. */

import { boolean, constantFrom, integer, record } from 'fast-check';
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { IN_GUEST_MODE } from '../../src/kvm/kvm_host.js';
import { cloneMachine } from '../../src/machine/clone.js';
import type { machine } from '../../src/machine/state.js';
import { vcpuStateOf } from '../../src/machine/vcpu-life.js';
import type { Scenario, VmSpec } from '../../src/scenario/scenario.js';
import { NULL } from '../../src/sched/sched.js';
import { rebind } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { BIG_MACHINE_SLICE, FAR_FROM_WRAP } from '../arbitraries.js';
import { always, type Monitor, type Property, type Step, stateless, type Weights, type World } from '../vocabulary.js';
import { highest, IRR, ISR } from './page.js';

const WEIGHTS: Weights = { advance: 8, tick: 4, ipi: 18, eoi: 14, hlt: 8, if: 4, intr: 2 };

/** A VM of two or three vCPUs, on one or two CPUs, with all ways to deliver an interrupt. */
function vms(weights: Weights, ways: readonly Partial<VmSpec>[]): World {
  const scenario = record({
    way: constantFrom(...ways),
    vcpus: integer({ min: 2, max: 3 }),
    cpus: integer({ min: 1, max: 2 }),
    free: boolean(),
  }).map(({ way, vcpus, cpus, free }): Scenario => {
    const bound = free ? {} : { cpus: [...Array(vcpus).keys()].map((i) => [i % cpus]) };
    return {
      cpus,
      base_slice: BIG_MACHINE_SLICE,
      vruntime_offset: FAR_FROM_WRAP,
      vms: [{ name: 'vm', vcpus, ...way, ...bound }],
    };
  });
  return { scenario, weights, length: 60, keep: (s) => (s.vms ?? []).length > 0 };
}

const WAYS: readonly Partial<VmSpec>[] = [
  { vendor: 'vmx' },
  { vendor: 'vmx', x2apic: false, pv_eoi: true },
  { vendor: 'vmx', apicv: true },
  { vendor: 'vmx', apicv: true, ipiv: true },
  { vendor: 'svm' },
  { vendor: 'svm', x2apic: false, apicv: true },
];
const ACCELERATED = WAYS.filter((way) => way.apicv === true);

/** Vectors whose handlers have not written EOI, as the guest knows it. */
function inService(m: machine, vcpu: kvm_vcpu): number {
  const open = m.actor[vcpu.pid].handlers.filter((h) => !h.ended).map((h) => h.vector);
  return Math.max(0, ...open);
}

/** Every IPI is taken once; nobody who could take it runs on without it, or sleeps. */
function takenOnce(): Monitor {
  const open = new Map<number, Set<number>>();
  /** what each guest has written to CR8 last */
  const cr8: number[] = [];
  const of = (id: number): Set<number> => {
    const set = open.get(id) ?? new Set();
    open.set(id, set);
    return set;
  };
  return {
    probes: {
      guestTakes: {
        enter: (step, args) => {
          const [vcpu, vector, nmi] = args as [kvm_vcpu, number, boolean];
          if (nmi) return;
          if (!of(vcpu.id).delete(vector)) step.fail(`vCPU ${vcpu.id} takes ${vector}, which nobody sent (any more)`);
          step.reach();
        },
      },
    },
    before(step) {
      const { event, m } = step;
      if (event.ev === 'cr8') cr8[event.vcpu] = event.value;
      if (event.ev !== 'ipi') return;
      const sender = step.kernel.guestOn(event.cpu);
      const target = sender === NULL ? undefined : m.kvm[m.vcpu[sender].kvm].vcpus[event.to];
      if (target !== undefined) of(target).add(event.vector);
    },
    after(step) {
      for (const vcpu of step.m.vcpu) if (vcpu.pid !== NULL) whyNot(step, vcpu, of(vcpu.id), cr8[vcpu.id] ?? 0);
    },
  };
}

function whyNot(step: Step, vcpu: kvm_vcpu, sent: ReadonlySet<number>, cr8: number): void {
  const first = Math.max(-1, ...sent);
  if (first === -1 || !vcpu.arch.if_flag || first >> 4 <= Math.max(inService(step.m, vcpu) >> 4, cr8)) return;
  const state = vcpuStateOf(step.m, vcpu);
  if (state === 'inGuest') step.fail(`vCPU ${vcpu.id} is in its guest with interrupts on, and has not taken ${first}`);
  if (state === 'blocked') step.fail(`vCPU ${vcpu.id} sleeps in HLT, and ${first} was sent to it`);
}

export const onceWithThreads = always(
  'an IPI to a vCPU is taken once; no vCPU runs its guest with interrupts enabled, or sleeps in HLT, without taking it',
  {
    of: 'lapic.14',
    given: vms({ ...WEIGHTS, apicv: 2, restore: 3, cr8: 3 }, WAYS),
    watch: takenOnce,
    fault: { says: 'kvm_vcpu_wake_up() wakes nobody', funcs: { kvm_vcpu_wake_up: () => false } },
  },
);

/** The vCPU whose thread is about to sleep on this CPU; null when it is somebody else who schedules. */
function sleeper(m: machine): kvm_vcpu | null {
  const p = m.task[m.rq[m.cpu].curr];
  const id = m.vcpuOfTask[p.id];
  return id !== NULL && m.vcpu[id].wait === p.id && p.__state !== 0 ? m.vcpu[id] : null;
}

const VECTOR = 0x51;

export const noSleepOverIt = always(
  'a deliverable interrupt that comes on the own CPU of a vCPU just before it sleeps in HLT keeps it awake',
  {
    of: 'lapic.15',
    given: vms({ ...WEIGHTS, hlt: 16, if: 0 }, WAYS),
    watch: () =>
      stateless({
        probes: {
          // kvm_vcpu_block(): the waiter is published, nothing was pending when it looked
          schedule: {
            enter(step) {
              const vcpu = sleeper(step.m);
              if (vcpu === null || !vcpu.arch.if_flag || highest(vcpu, ISR) >> 4 >= VECTOR >> 4) return;
              const m = cloneMachine(step.m);
              const k = rebind(step.kernel, m);
              // a timer of its own, say, whose handler runs here
              m.hardirq = 1;
              k.__apic_accept_irq(m.vcpu[vcpu.id].arch.apic, 0, VECTOR, 1, 0, null);
              m.hardirq = 0;
              step.reach();
              const state = m.task[m.rq[m.cpu].curr].__state;
              if (state !== 0)
                step.fail(`vCPU ${vcpu.id} accepts ${VECTOR} on its CPU and goes on to sleep, __state ${state}`);
            },
          },
        },
      }),
    fault: { says: 'kvm_vcpu_wake_up() wakes nobody', funcs: { kvm_vcpu_wake_up: () => false } },
  },
);

const SWITCHED: Weights = { ...WEIGHTS, apicv: 8, hlt: 2 };

export const sviIsTrue = always('in the guest under APICv of VMX, SVI is the highest vector in service', {
  of: 'lapic.16',
  given: vms(
    SWITCHED,
    ACCELERATED.filter((way) => way.vendor === 'vmx'),
  ),
  watch: () =>
    stateless({
      after(step) {
        for (const vcpu of step.m.vcpu) {
          const { apic, vmcs } = vcpu.arch;
          if (!apic.apicv_active || vcpu.mode !== IN_GUEST_MODE) continue;
          const isr = Math.max(highest(vcpu, ISR), 0);
          if (isr > 0) step.reach();
          const svi = vmcs.guest_intr_status >> 8;
          if (svi !== isr) step.fail(`vCPU ${vcpu.id}: SVI ${svi}, ISR has ${isr}: the next EOI retires nothing`);
        }
      },
    }),
  fault: { says: '__kvm_vcpu_update_apicv() leaves SVI alone', funcs: { kvm_apic_update_hwapic_isr() {} } },
});

export const lateIsSeen = always('what a CPU that has not yet been told that APICv is off puts into IRR is found', {
  of: 'lapic.17',
  given: vms(SWITCHED, ACCELERATED),
  watch: () =>
    stateless({
      probes: {
        kvm_apic_update_apicv: {
          leave(step, _, args) {
            const { id, arch } = args[0] as kvm_vcpu;
            if (arch.apic.apicv_active) return;
            const m = cloneMachine(step.m);
            const { apic } = m.vcpu[id].arch;
            apic.regs[(IRR + 0x70) >> 2] = 0x8000_0000;
            step.reach();
            const found = rebind(step.kernel, m).apic_find_highest_irr(apic);
            if (found !== 255) step.fail(`vCPU ${id}: 255 is in IRR, apic_find_highest_irr() is ${found}`);
          },
        },
      },
    }),
  fault: {
    says: 'kvm_apic_update_apicv() looks at IRR and believes it',
    funcs: {
      kvm_apic_update_apicv(this: vmlinux_x86, vcpu: kvm_vcpu) {
        const { apic } = vcpu.arch;
        apic.irr_pending = this.apic_search_irr(apic) !== -1;
        apic.isr_count = apic.apicv_active ? 1 : this.count_vectors(apic.regs, ISR);
        apic.highest_isr_cache = -1;
      },
    },
  },
});

export const threadProperties: readonly Property[] = [onceWithThreads, noSleepOverIt, sviIsTrue, lateIsSeen];
