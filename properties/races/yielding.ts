// SPDX-License-Identifier: GPL-2.0-only
/**
 * Directed yields beside what other CPUs do meanwhile: a wake-up that moves the target (C9), and a boost in the middle of a scan (C8).
 *
 * The locks that yield_to() and a wake-up take are put into the machine here: run queues by their CPU, and p->pi_lock where the
 * kernel takes it (lockPi()). A CPU that wants a lock which another has stands still.
 */
import type { kvm_vcpu } from '../../src/kvm/kvm_host.js';
import { boot } from '../../src/machine/boot.js';
import { drive } from '../../src/machine/drive.js';
import type { machine } from '../../src/machine/state.js';
import { IDLE, type Litmus, type Stepped, type SteppedKernel } from '../../src/races/one-order.js';
import { NULL, type rq, type task_struct } from '../../src/sched/sched.js';
import { bind, type Kernel } from '../../src/vmlinux/bind.js';

/** Puts a function in the place of the kernel's, for this CPU. */
function shadow(k: SteppedKernel, name: string, value: (...args: unknown[]) => Stepped): void {
  Object.defineProperty(k, name, { value });
}

/* ---- a wake-up that moves the target ---- */

const CPUS = 3;
/** The lock behind those of the run queues. */
const PI = CPUS;

interface Locks {
  /** the CPU that holds it, or -1: of run queues by CPU, then the target's pi_lock */
  holders: number[];
  /** by CPU: what it stands still for */
  wants: number[][];
  /** what has been written without its lock */
  fault: string | null;
}
type Locked = machine & { races: Locks };

const isFree = (m: Locked, cpu: number, locks: readonly number[]): boolean =>
  locks.every((lock) => m.races.holders[lock] === NULL || m.races.holders[lock] === cpu);

function* takes(m: Locked, cpu: number, locks: number[], says: string): Generator<string, void> {
  yield says;
  while (!isFree(m, cpu, locks)) {
    m.races.wants[cpu] = locks;
    yield IDLE;
  }
  m.races.wants[cpu] = [];
  for (const lock of locks) m.races.holders[lock] = cpu;
}

function drops(m: Locked, cpu: number, locks: readonly number[]): void {
  for (const lock of locks) if (m.races.holders[lock] === cpu) m.races.holders[lock] = NULL;
}

const RUN_QUEUES = [0, 1, 2];

/** The functions of yield_to() that take locks, let them go, and name a buddy. */
function withLocks(k: SteppedKernel, m: Locked, cpu: number): SteppedKernel {
  const { double_rq_lock, schedule } = k;
  shadow(k, 'lockPi', function* (): Generator<string, void> {
    yield* takes(m, cpu, [PI], 'yield_to(): takes p->pi_lock');
  });
  shadow(k, 'double_rq_lock', function* (rq1: unknown, rq2: unknown): Generator<string, void> {
    drops(m, cpu, RUN_QUEUES);
    const both = [(rq1 as rq).id, (rq2 as rq).id];
    yield* takes(m, cpu, both, 'yield_to(): takes the locks of both run queues');
    yield* double_rq_lock.call(k, rq1, rq2);
  });
  shadow(k, 'schedule', function* (): Generator<string, void> {
    drops(m, cpu, [...RUN_QUEUES, PI]);
    yield* schedule.call(k);
  });
  for (const [name, at] of [
    ['classYieldToTask', 2],
    ['yield_to_task_fair', 1],
  ] as const) {
    const original = k[name];
    if (original === undefined) continue;
    shadow(k, name, function* (...args: unknown[]): Stepped {
      const p = args[at] as task_struct;
      if (m.races.holders[p.cpu] !== cpu)
        m.races.fault = `CPU ${cpu} names ${p.comm} next on CPU ${p.cpu}, whose lock it does not hold`;
      return yield* original.apply(k, args);
    });
  }
  return k;
}

/** a and b on CPU 0; the target asleep on CPU 1, where c runs; CPU 2 idle. */
function asleepBesideBusy(kernel: Kernel): Locked {
  const m = boot(kernel, {
    cpus: CPUS,
    tasks: [
      { comm: 'a', cpus: [0] },
      { comm: 'b', cpus: [0] },
      { comm: 'target', cpus: [1] },
      { comm: 'c', cpus: [1] },
    ],
  }) as Locked;
  const target = targetOf(m);
  const c = m.task.find((p) => p.comm === 'c') as task_struct;
  if (m.rq[1].curr === c.id) drive(kernel, m, [{ ev: 'block', cpu: 1 }]);
  drive(kernel, m, [
    { ev: 'block', cpu: 1 },
    { ev: 'wake', cpu: 0, task: c.id },
  ]);
  bind(kernel, m).set_cpus_allowed_common(target, [1, 2]);
  m.races = { holders: [NULL, NULL, NULL, NULL], wants: [[], [], []], fault: null };
  return m;
}

const targetOf = (m: machine): task_struct => m.task.find((p) => p.comm === 'target') as task_struct;

const stands =
  (cpu: number) =>
  (m: machine): boolean =>
    isFree(m as Locked, cpu, (m as Locked).races.wants[cpu]);

function wakeUpTest(kernel: Kernel): Litmus {
  return {
    name: 'yielding: to a task that is woken meanwhile',
    says: 'no buddy is set on a run queue whose lock is not held (C9)',
    boot: () => asleepBesideBusy(kernel),
    stops: ['yield_to'],
    cpus: [
      {
        cpu: 0,
        does: 'a yields to the target',
        *run(k, machine) {
          const m = machine as Locked;
          yield* withLocks(k, m, 0).yield_to(targetOf(m), true);
          drops(m, 0, [...RUN_QUEUES, PI]);
        },
        awake: stands(0),
      },
      {
        cpu: 2,
        does: 'an interrupt wakes the target',
        *run(k, machine) {
          const m = machine as Locked;
          // MODEL: CPU 2's run queue is free, and locked for this one step
          yield* takes(m, 2, [PI], 'try_to_wake_up(): takes p->pi_lock');
          yield* k.wake_up_process(targetOf(m));
          drops(m, 2, [PI]);
        },
        awake: stands(2),
      },
    ],
    check: (m) => (m as Locked).races.fault,
  };
}

/* ---- a boost in the middle of a scan ---- */

type Scanned = machine & { races: { asked: number[] } };

const VCPUS = 5;
/** Whom the other spinner has boosted. */
const BOOSTED = 3;

/** vCPU 0 on CPU 0; on CPU 1 all others, of which each is off its CPU in kvm_vcpu_on_spin() and was not asked yet. */
function spinners(kernel: Kernel): Scanned {
  const m = boot(kernel, {
    cpus: 2,
    knobs: { halt_poll_ns: 0 },
    vms: [{ name: 'vm', vcpus: VCPUS, cpus: [...Array(VCPUS).keys()].map((i) => [i === 0 ? 0 : 1]) }],
  }) as Scanned;
  for (const vcpu of m.vcpu.slice(1)) {
    vcpu.ready = true;
    vcpu.spin_loop.in_spin_loop = true;
    vcpu.spin_loop.dy_eligible = false;
  }
  m.races = { asked: [] };
  return m;
}

function scanTest(kernel: Kernel): Litmus {
  return {
    name: 'yielding: a scan while another spinner boosts',
    says: 'a scan that boosts nobody asks every other vCPU once (C8)',
    boot: () => spinners(kernel),
    cpus: [
      {
        cpu: 0,
        does: 'vCPU 0 makes a PAUSE exit',
        *run(k, machine) {
          const { asked } = (machine as Scanned).races;
          const { kvm_vcpu_eligible_for_directed_yield: ask } = k;
          shadow(k, 'kvm_vcpu_eligible_for_directed_yield', function* (vcpu: unknown): Stepped {
            asked.push((vcpu as kvm_vcpu).id);
            return yield* ask.call(k, vcpu);
          });
          yield* k.exitPause(0);
        },
      },
      {
        cpu: 1,
        does: `vCPU 1 is back from a yield to vCPU ${BOOSTED}`,
        run: (k) => k.kvm_vcpu_on_spinYielded(1, BOOSTED),
      },
    ],
    check(m) {
      const { asked } = (m as Scanned).races;
      const others = [...Array(VCPUS).keys()].slice(1);
      const once = others.every((id) => asked.filter((it) => it === id).length === 1);
      return once ? null : `vCPU 0 asks ${asked.join(', ')} in one scan of vCPUs ${others.join(', ')}`;
    },
  };
}

/** The tests of a kernel that has directed yields; none for another. The kernels of 2011 ask nobody whether it is eligible. */
export function yieldingTests(kernel: Kernel): Litmus[] {
  const { yield_to_task_fair, kvm_vcpu_on_spinSlept } = kernel.table;
  if (yield_to_task_fair === undefined) return [];
  return [wakeUpTest(kernel), ...(kvm_vcpu_on_spinSlept === undefined ? [scanTest(kernel)] : [])];
}
