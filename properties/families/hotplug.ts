// SPDX-License-Identifier: GPL-2.0-only
/**
 * CPUs of the host that go offline and come back: nobody is left behind, nobody is sent there, and what a task is owed and
 * allowed goes with it.
 */
import { s64_diff, s64_toNumber, sub, toBigInt, u64 } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import type { TaskSpec } from '../../src/scenario/scenario.js';
import {
  type cfs_rq,
  DEQUEUE_SLEEP,
  NULL,
  PF_KTHREAD,
  type rq,
  type sched_entity,
  TASK_RUNNING,
  type task_struct,
} from '../../src/sched/sched.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { MS, US } from '../arbitraries.js';
import { SeenStep } from '../seen-step.js';
import { always, type Claim, type Monitor, type Step, stateless, type World } from '../vocabulary.js';
import { type HostWorld, hostTasks } from './host-worlds.js';
import { nothingToDo } from './kvm-halt.js';
import { vmWorld, WAYS } from './kvm-worlds.js';
import { comesBack } from './lag.js';

const COMING_AND_GOING = { cpu_down: 5, cpu_up: 4 } as const;

const ofEveryKind: HostWorld = {
  layouts: ['flat', 'groups', 'nested'],
  weights: { advance: 30, tick: 24, block: 8, wake: 16, nice: 3, shares: 2, ...COMING_AND_GOING },
  cpus: [2, 3, 4],
  weighted: true,
  tasks: { min: 2, max: 6 },
  events: 5_000,
};

/** On CPUs that come and go; every third task is bound to a CPU that may go. */
function goingCpus(options: HostWorld): World {
  const world = hostTasks(options);
  const bound = (task: TaskSpec, i: number): TaskSpec => (i % 3 === 1 ? { ...task, cpus: [1] } : task);
  return { ...world, scenario: world.scenario.map((s) => ({ ...s, tasks: (s.tasks ?? []).map(bound) })) };
}

const tasks = goingCpus(ofEveryKind);

/** Slices that do not follow the number of CPUs, as the base slice does: a deadline stays as far ahead as it was. */
const sameSlice = goingCpus({ ...ofEveryKind, slices: [400 * US, 3 * MS, 20 * MS] });

const guests = (ways: typeof WAYS): World =>
  vmWorld({
    weights: { advance: 12, tick: 14, ipi: 16, eoi: 10, hlt: 12, intr: 3, pause: 4, wake: 3, ...COMING_AND_GOING },
    vcpus: [2, 4],
    cpus: [2, 3],
    ways,
    host: true,
    events: 5_000,
  });

const offline = (m: machine, cpu: number): boolean => m.cpuhp?.online[cpu] === 0;
const ownTasks = (m: machine): task_struct[] => m.task.filter((p) => (p.flags & PF_KTHREAD) === 0);

/** After each event every task is where it can run. */
function nobodyLost(): Monitor {
  return stateless({
    probes: { __balance_push_cpu_stop: { enter: (step) => step.reach() } },
    after(step) {
      const { m } = step;
      if (m.cpuhp === undefined) return;
      for (const p of ownTasks(m)) {
        if (p.on_rq !== 0 && offline(m, p.cpu)) step.fail(`${p.comm} is queued on CPU ${p.cpu}, which is offline`);
        if (p.__state === TASK_RUNNING && p.on_rq !== 1) step.fail(`${p.comm} is runnable, and on no runqueue`);
      }
      for (const rq of m.rq) {
        if (!offline(m, rq.cpu)) continue;
        if (rq.curr !== rq.idle) step.fail(`CPU ${rq.cpu} is offline and runs ${m.task[rq.curr].comm}`);
        if (rq.nr_running !== 0) step.fail(`CPU ${rq.cpu} is offline with nr_running ${rq.nr_running}`);
      }
    },
  });
}

/** A mask changes where no CPU of it is active, and then to all. */
function keepsAffinity(): Monitor {
  let masks = new Map<number, string>();
  const given = new Set<number>();
  return stateless({
    before({ m }) {
      masks = new Map(ownTasks(m).map((p) => [p.id, p.cpus_ptr.join()]));
      given.clear();
    },
    probes: {
      do_set_cpus_allowed: {
        enter(step, [arg]) {
          const p = arg as task_struct;
          step.reach();
          given.add(p.id);
          const left = p.cpus_ptr.filter((cpu) => step.kernel.cpu_active(cpu));
          if (left.length > 0) step.fail(`${p.comm} may run on CPU ${left[0]}, and its affinity is given up`);
        },
      },
    },
    after(step) {
      for (const p of ownTasks(step.m)) {
        const was = masks.get(p.id);
        if (was === undefined || was === p.cpus_ptr.join() || given.has(p.id)) continue;
        step.fail(`${p.comm} was allowed on CPUs ${was} and is on ${p.cpus_ptr.join()}, and nobody gave it up`);
      }
    },
  });
}

/** Who sleeps where the CPU has gone. */
function wakesElsewhere(): Monitor {
  let asleep: number[] = [];
  return stateless({
    before({ m }) {
      asleep = ownTasks(m).flatMap((p) =>
        p.on_rq === 0 && p.__state !== TASK_RUNNING && offline(m, p.cpu) ? [p.id] : [],
      );
    },
    after(step) {
      const { m, kernel } = step;
      for (const p of asleep.map((id) => m.task[id])) {
        if (p.__state !== TASK_RUNNING) continue;
        step.reach();
        if (!kernel.cpu_active(p.cpu)) step.fail(`${p.comm} is woken on CPU ${p.cpu}, which is not active`);
      }
    },
  });
}

/** Of another monitor: what it looks at counts as seen only while a task is pushed away. */
function whilePushed(of: () => Monitor): () => Monitor {
  return () => {
    const inner = of();
    let pushed = false;
    const quiet = (step: Step): Step =>
      pushed ? step : new SeenStep(step, { reach: () => {}, fail: (message) => step.fail(message) });
    const probes = Object.entries(inner.probes ?? {}).map(([name, probe]) => [
      name,
      {
        enter: (step: Step, args: readonly unknown[]) => probe.enter?.(quiet(step), args),
        leave: (step: Step, result: unknown, args: readonly unknown[]) => probe.leave?.(quiet(step), result, args),
      },
    ]);
    return {
      ...inner,
      probes: {
        ...Object.fromEntries(probes),
        __balance_push_cpu_stop: {
          enter: () => {
            pushed = true;
          },
          leave: () => {
            pushed = false;
          },
        },
      },
    };
  };
}

/** Nobody sends an interrupt to a CPU that is offline. */
function noKick(): Monitor {
  const sent = (step: Step, [cpu]: readonly unknown[]): void => {
    const { m } = step;
    if (m.rq.some((rq) => offline(m, rq.cpu))) step.reach();
    if (offline(m, Number(cpu))) step.fail(`an IPI is sent to CPU ${cpu}, which is offline`);
  };
  return stateless({
    probes: { smp_send_reschedule: { enter: sent }, __smp_call_single_queue: { enter: sent } },
  });
}

/**
 * On CFS a task that leaves without sleeping takes vruntime - min_vruntime with it, and is as far from the other queue's. Where
 * min_vruntime moves within either call, either end of it may count.
 */
function keepsItsDistance(): Monitor {
  /** by entity: vruntime without min_vruntime, once it has left */
  const left = new Map<number, sched_entity['vruntime']>();
  let from: sched_entity['vruntime'] | undefined;
  const between = (x: sched_entity['vruntime'], a: sched_entity['vruntime'], b: sched_entity['vruntime']): boolean =>
    s64_toNumber(s64_diff(x, a)) >= 0 && s64_toNumber(s64_diff(b, x)) >= 0;
  return {
    notes: () => [...left],
    probes: {
      dequeue_entity: {
        leave(_step, _gone, args) {
          const [, se, flags] = args as [cfs_rq, sched_entity, number];
          if (se.task === NULL || (flags & DEQUEUE_SLEEP) !== 0) left.delete(se.id);
          else left.set(se.id, se.vruntime);
        },
      },
      enqueue_entity: {
        enter(_step, [queue]) {
          from = (queue as cfs_rq).min_vruntime;
        },
        leave(step, _result, args) {
          const [queue, se] = args as [cfs_rq, sched_entity];
          const distance = left.get(se.id);
          left.delete(se.id);
          if (distance === undefined || from === undefined) return;
          step.reach();
          const base = sub(se.vruntime, distance);
          if (between(base, from, queue.min_vruntime ?? from)) return;
          const now = s64_toNumber(s64_diff(se.vruntime, queue.min_vruntime ?? from));
          step.fail(`${step.m.task[se.task].comm} is ${now} ns from min_vruntime, and left with ${toBigInt(distance)}`);
        },
      },
    },
  };
}

const stays = (p: task_struct): number => p.cpu;

export const hotplug: Claim = {
  id: 'hotplug',
  words: 'a CPU that goes offline leaves nobody behind',
  properties: [
    always('a CPU that is offline has nobody on its queue, and whoever was there is queued elsewhere', {
      of: 'hotplug.1',
      given: tasks,
      watch: nobodyLost,
      fault: {
        says: 'the stopper takes a task off and does not put it anywhere',
        funcs: {
          move_queued_task(this: vmlinux_x86, rq: rq, p: task_struct, new_cpu: number): rq {
            this.deactivate_task(rq, p, 0);
            this.set_task_cpu(p, new_cpu);
            return this.m.rq[new_cpu];
          },
        },
      },
    }),
    always('the affinity of a task is given up when none of its CPUs is active, and not before', {
      of: 'hotplug.2',
      given: tasks,
      watch: keepsAffinity,
      fault: {
        says: 'whoever is pushed may run everywhere from then on',
        funcs: {
          select_fallback_rq(this: vmlinux_x86, _cpu: number, p: task_struct): number {
            const all = this.m.rq.map((rq) => rq.cpu);
            this.do_set_cpus_allowed(p, all);
            return all.find((cpu) => this.cpu_active(cpu)) ?? NULL;
          },
        },
      },
    }),
    always('a task that slept on a CPU that has gone is woken on an active CPU', {
      of: 'hotplug.3',
      given: tasks,
      watch: wakesElsewhere,
      fault: { says: 'a wakee stays where it was', funcs: { select_task_rq: stays } },
    }),
    always('a task that is pushed away arrives on its new queue with the weight * lag it left with', {
      of: 'hotplug.4',
      about: 'update_entity_lag',
      given: sameSlice,
      watch: whilePushed(comesBack),
      fault: {
        says: 'whoever changes CPUs has no lag there',
        funcs: {
          migrate_task_rq_fair(this: vmlinux_x86, p: task_struct): void {
            const se = this.m.se[p.se];
            se.vlag = this.m.se[this.m.task[this.m.rq[0].idle].se].vlag;
          },
        },
      },
    }),
    always(
      'on CFS, a task that is pushed away is as far from min_vruntime of its new queue as it was from that of the old',
      {
        of: 'hotplug.9',
        about: 'check_preempt_tick',
        given: tasks,
        watch: whilePushed(keepsItsDistance),
        fault: {
          says: 'whoever is queued begins at min_vruntime',
          funcs: {
            // biome-ignore lint/suspicious/noExplicitAny: an override of whatever the base has there
            set_task_cpu(this: any, p: task_struct, new_cpu: number): void {
              const se = this.m.se[p.se];
              se.vruntime = sub(se.vruntime, u64(1));
              this.set_task_rq(p, new_cpu);
              p.cpu = new_cpu;
            },
          },
        },
      },
    ),
    always('no IPI goes to a CPU that is offline', {
      of: 'hotplug.5',
      given: tasks,
      watch: noKick,
      fault: { says: 'a wakee stays where it was', funcs: { select_task_rq: stays } },
    }),
    always('the threads of vCPUs are on CPUs that are online, whichever have gone', {
      of: 'hotplug.6',
      given: guests(WAYS),
      watch: nobodyLost,
      fault: {
        says: 'the stopper takes a task off and does not put it anywhere',
        funcs: {
          move_queued_task(this: vmlinux_x86, rq: rq, p: task_struct, new_cpu: number): rq {
            this.deactivate_task(rq, p, 0);
            this.set_task_cpu(p, new_cpu);
            return this.m.rq[new_cpu];
          },
        },
      },
    }),
    always('a vCPU that sleeps in HLT has nothing to do, whichever CPUs have gone, if KVM is told of each interrupt', {
      of: 'hotplug.7',
      given: guests(WAYS.filter((way) => way.ipiv !== true)),
      watch: nothingToDo.watch,
      fault: nothingToDo.fault,
    }),
    always('a vCPU that sleeps in HLT has nothing to do, whichever CPUs have gone, with IPI virtualization', {
      of: 'hotplug.8',
      since: 'v6.0',
      means: 'a posted interrupt notifies the CPU on which its vCPU went to sleep; one that is offline hears nothing',
      given: guests(WAYS.filter((way) => way.ipiv === true)),
      watch: nothingToDo.watch,
      fault: nothingToDo.fault,
    }),
  ],
};
