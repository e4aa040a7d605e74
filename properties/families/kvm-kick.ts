// SPDX-License-Identifier: GPL-2.0-only
/** Reaching a vCPU: kicks, wake-ups and requests; and what being scheduled in and out leaves behind. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { EXITING_GUEST_MODE } from '../../src/kvm/kvm_host.js';
import { toBigInt, ZERO } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { vcpuStateOf } from '../../src/machine/vcpu-life.js';
import { NULL } from '../../src/sched/sched.js';
import type { vmlinux } from '../../src/vmlinux/vmlinux.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { always, type Monitor, type Property, type Step, stateless } from '../vocabulary.js';
import { busy } from './kvm-worlds.js';

/** vCPUs that a thread runs. */
const ran = (m: machine): kvm_vcpu[] => m.vcpu.filter((vcpu) => vcpu.pid !== NULL);

const heard = always(
  'no CPU runs on with need_resched set, a wake-up queued for it or its guest asked to exit: each was sent an interrupt',
  {
    of: 'kvm.10',
    given: busy,
    watch: () =>
      stateless({
        probes: { smp_send_reschedule: { enter: (step) => step.reach() } },
        after(step) {
          const { m } = step;
          for (const rq of m.rq) {
            const p = m.task[rq.curr];
            if (rq.wake_list.length > 0) step.fail(`CPU ${rq.cpu}: ${p.comm} runs on with wake-ups queued for the CPU`);
            if (p.tif_need_resched !== 0) step.fail(`CPU ${rq.cpu}: ${p.comm} runs on with need_resched set`);
          }
          for (const vcpu of ran(m)) {
            if (vcpu.mode === EXITING_GUEST_MODE) step.fail(`vCPU ${vcpu.id} is in its guest, asked to exit by nobody`);
          }
        },
      }),
    fault: { says: 'the reschedule interrupt is not sent', funcs: { smp_send_reschedule(): void {} } },
  },
);

/** A request is served before the guest runs on. */
const served = always('no vCPU is in its guest while a request waits for it', {
  of: 'kvm.11',
  given: busy,
  watch: () =>
    stateless({
      probes: { kvm_make_vcpu_request: { enter: (step) => step.reach() } },
      after(step) {
        for (const vcpu of ran(step.m)) {
          if (step.kernel.guestOn(vcpu.cpu) !== vcpu.id || vcpu.requests === ZERO) continue;
          step.fail(`vCPU ${vcpu.id} is in its guest with requests ${toBigInt(vcpu.requests).toString(16)}`);
        }
      },
    }),
  fault: { says: 'requests are made without a kick', funcs: { kvm_kick_many_cpus: () => false } },
});

const sleepersSleep = always(
  'a request that wakes nobody leaves a vCPU in HLT asleep, and is still there when it wakes',
  {
    of: 'kvm.12',
    given: busy,
    watch: () => {
      let asleep: number[] = [];
      return {
        notes: () => asleep,
        before(step) {
          const { m, event } = step;
          asleep =
            event.ev === 'apicv'
              ? ran(m)
                  .filter((v) => vcpuStateOf(m, v) === 'blocked')
                  .map((v) => v.id)
              : [];
        },
        after(step) {
          const { m, kernel } = step;
          for (const id of asleep) {
            step.reach();
            const vcpu = m.vcpu[id];
            if (vcpuStateOf(m, vcpu) !== 'blocked') step.fail(`vCPU ${id} was asleep and is woken to update APICv`);
            const owed = kernel.kvm_vcpu_apicv_activated(vcpu) !== vcpu.arch.apic.apicv_active;
            if (owed && vcpu.requests === ZERO)
              step.fail(`vCPU ${id} sleeps, APICv is to change, and no request is there`);
          }
        },
      };
    },
    fault: {
      says: 'kvm_make_vcpu_request() wakes for every request',
      funcs: {
        kvm_make_vcpu_request(this: vmlinux_x86, vcpu: kvm_vcpu, req: number) {
          this.__kvm_make_request(req, vcpu);
          this.kvm_vcpu_kick(vcpu);
        },
      },
    },
  },
);

/** What kvm_sched_in() and kvm_sched_out() are there for, against where the threads are. */
function flagsAreTrue(step: Step): void {
  const { m } = step;
  for (const vcpu of ran(m)) {
    const p = m.task[vcpu.pid];
    if (!vcpu.wants_to_run) continue;
    const say = (what: string): void => step.fail(`vCPU ${vcpu.id} ${what}`);
    const { preempted, ready } = vcpu;
    if (m.rq[p.cpu].curr === p.id) {
      if (preempted || ready) say(`runs, preempted ${preempted}, ready ${ready}`);
      if (vcpu.cpu !== p.cpu) say(`runs on CPU ${p.cpu}, vcpu->cpu is ${vcpu.cpu}`);
      if (m.kvm_running_vcpu[p.cpu] !== vcpu.id) say(`runs, CPU ${p.cpu} says vCPU ${m.kvm_running_vcpu[p.cpu]}`);
      continue;
    }
    if (m.kvm_running_vcpu.includes(vcpu.id)) say('is off its CPU, and the CPU says that it runs');
    if (p.__state !== 0) {
      if (preempted || ready) say(`sleeps, preempted ${preempted}, ready ${ready}`);
    } else {
      step.reach();
      if (!ready) say('waits for a CPU and is not ready');
      if (vcpu.wait === NULL && !preempted) say('was preempted outside of a block, and is not said to be');
      if (preempted && vcpu.arch.preempted_in_kernel !== (vcpu.arch.cpl === 0))
        say(`was preempted at CPL ${vcpu.arch.cpl}, preempted_in_kernel ${vcpu.arch.preempted_in_kernel}`);
    }
  }
}

const flags = always('preempted, ready, vcpu->cpu and the running vCPU of a CPU say where each vCPU is', {
  of: 'kvm.13',
  since: 'v5.3',
  given: busy,
  watch: (): Monitor => stateless({ after: flagsAreTrue }),
  fault: {
    says: 'kvm_sched_in() leaves preempted as it is',
    funcs: {
      kvm_sched_in(this: vmlinux, pn: number, cpu: number) {
        const vcpu = this.preempt_notifier_to_vcpu(pn);
        vcpu.ready = false;
        this.m.kvm_running_vcpu[cpu] = vcpu.id;
        this.kvm_arch_vcpu_load(vcpu, cpu);
        vcpu.scheduled_out = false;
      },
    },
  },
});

const scheduledOut = always('scheduled_out is set exactly while a vCPU in KVM_RUN is off its CPU', {
  of: 'kvm.18',
  since: 'v6.11',
  given: busy,
  watch: (): Monitor =>
    stateless({
      after(step) {
        const { m } = step;
        for (const vcpu of ran(m)) {
          if (!vcpu.wants_to_run) continue;
          const p = m.task[vcpu.pid];
          const isOff = m.rq[p.cpu].curr !== p.id;
          if (isOff) step.reach();
          if (vcpu.scheduled_out !== isOff)
            step.fail(`vCPU ${vcpu.id} ${isOff ? 'is off its CPU' : 'runs'}, scheduled_out ${vcpu.scheduled_out}`);
        }
      },
    }),
  fault: {
    says: 'kvm_sched_in() leaves scheduled_out as it is',
    funcs: {
      kvm_sched_in(this: vmlinux, pn: number, cpu: number) {
        const vcpu = this.preempt_notifier_to_vcpu(pn);
        vcpu.preempted = false;
        vcpu.ready = false;
        this.m.kvm_running_vcpu[cpu] = vcpu.id;
        this.kvm_arch_vcpu_load(vcpu, cpu);
      },
    },
  },
});

/** Whether the thread of a vCPU is asleep where kvm_vcpu_wake_up() finds it. */
const isAsleep = (m: machine, vcpu: kvm_vcpu): boolean => vcpu.wait !== NULL && m.task[vcpu.wait].__state !== 0;

const wokenReady = always('a vCPU that kvm_vcpu_wake_up() wakes is ready from then on', {
  of: 'kvm.19',
  since: 'v5.3',
  given: busy,
  watch: () => {
    let asleep = false;
    return stateless({
      probes: {
        kvm_vcpu_wake_up: {
          enter({ m }, [vcpu]) {
            asleep = isAsleep(m, vcpu as kvm_vcpu);
          },
          leave(step, _woke, [arg]) {
            if (!asleep) return;
            const vcpu = arg as kvm_vcpu;
            step.reach();
            if (!vcpu.ready) step.fail(`vCPU ${vcpu.id} was woken and is not ready`);
          },
        },
      },
    });
  },
  fault: {
    says: 'who wakes does not say so',
    funcs: {
      kvm_vcpu_wake_up(this: vmlinux, vcpu: kvm_vcpu) {
        return this.__kvm_vcpu_wake_up(vcpu);
      },
    },
  },
});

/** Who sleeps and is sent something that ends its halt is runnable at once. */
const wokenOnce = always(
  'kvm_vcpu_wake_up() says that it woke a vCPU if and only if its thread was asleep in a block',
  {
    of: 'kvm.14',
    given: busy,
    watch: () => {
      let asleep = false;
      return stateless({
        probes: {
          kvm_vcpu_wake_up: {
            enter(step, args) {
              const vcpu = args[0] as kvm_vcpu;
              asleep = isAsleep(step.m, vcpu);
            },
            leave(step, woke, args) {
              const vcpu = args[0] as kvm_vcpu;
              if (asleep) step.reach();
              if (woke !== asleep)
                step.fail(`vCPU ${vcpu.id}, asleep ${asleep}: kvm_vcpu_wake_up() is ${String(woke)}`);
            },
          },
        },
      });
    },
    fault: { says: 'rcuwait_wake_up() finds nobody', funcs: { rcuwait_wake_up: () => 0 } },
  },
);

/** What a vCPU spins before PAUSE exits: a new start for who was away. */
const freshWindow = always('with ple_window_shrink 0, a vCPU that comes back to its CPU has the initial PLE window', {
  of: 'kvm.15',
  since: 'v3.18',
  means: 'the window: arch.ple_window of the vCPU, in cycles, on VMX; the initial one: the parameter ple_window',
  given: busy,
  watch: () => {
    let away: number[] = [];
    return {
      notes: () => away,
      before(step) {
        away = ran(step.m)
          .filter((v) => vcpuStateOf(step.m, v) === 'preempted')
          .map((v) => v.id);
      },
      after(step) {
        const { m, event } = step;
        if (event.ev === 'pause') return;
        for (const id of away) {
          const vcpu = m.vcpu[id];
          if (vcpuStateOf(m, vcpu) !== 'inGuest' || m.kvm[vcpu.kvm].arch.vendor !== 'vmx') continue;
          step.reach();
          const { ple_window } = m.kvm_x86_params;
          if (vcpu.arch.ple_window !== ple_window)
            step.fail(`vCPU ${id} is back, its window is ${vcpu.arch.ple_window}`);
        }
      },
    };
  },
  fault: { says: 'vmx_vcpu_load() leaves the window', funcs: { vmx_shrink_ple_window(): void {} } },
});

export const kickProperties: readonly Property[] = [
  heard,
  served,
  sleepersSleep,
  flags,
  scheduledOut,
  wokenOnce,
  wokenReady,
  freshWindow,
];
