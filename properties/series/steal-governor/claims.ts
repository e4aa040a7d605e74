// SPDX-License-Identifier: GPL-2.0-only
/** What is promised of preferred CPUs and of the steal governor, and what its author warns of: F1 to F7. */
import { shl, toNumber, type u64, ZERO } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import type { Scenario } from '../../../src/scenario/scenario.js';
import { PF_KTHREAD, type sched_entity, type task_struct } from '../../../src/sched/sched.js';
import type { governed } from '../../../src/series/steal-governor/adds.js';
import { MS } from '../../arbitraries.js';
import { agrees, always, type Claim, type Monitor, type Property } from '../../vocabulary.js';
import { besideUngoverned, guestsOf, isNarrow, now, preferredOf, timeOf } from './monitors.js';
import { crowded, unequal, visited } from './worlds.js';

/** A governor that does this in place of its work. */
const works = (does: (k: governed) => void) => ({
  steal_governor_work(this: governed) {
    const it = this.m.preferred!;
    const at = toNumber(this.m.sched_clock);
    this.steal_governor_ratio(at - it.last);
    it.last = at;
    it.due = at + 100 * MS;
    does(this);
  },
});

const PREEMPTED_MIN = 30;
const LATE = 350 * MS;

const F1: Property[] = [
  agrees('where all guests run the governor, their vCPUs are preempted less often than where none does', {
    of: 'F1.1',
    means: 'two guests of two vCPUs on two CPUs, 420 ms; where without it there are 30',
    given: crowded(),
    watch: (scenario) =>
      besideUngoverned(scenario, (it, not) => {
        if (not.preempted < PREEMPTED_MIN) return undefined;
        return it.preempted < not.preempted ? null : `${it.preempted} times, and ${not.preempted} without`;
      }),
    fault: { says: 'the governor looks and does nothing', funcs: works(() => {}) },
  }),
];

const F2: Property[] = [
  always('a task of a guest keeps its affinity, and stays on a CPU that it allows', {
    of: 'F2.1',
    means: 'of tasks that are bound to a CPU which is not preferred',
    given: crowded({ bound: true }),
    watch() {
      const affinity = new Map<task_struct, string>();
      return {
        notes: () => null,
        after(step) {
          for (const os of guestsOf(step.m)) {
            for (const p of os.m.task) {
              if (p.flags & PF_KTHREAD || p.id === os.m.rq[p.cpu].idle) continue;
              const cpus = affinity.get(p) ?? p.cpus_ptr.join(', ');
              affinity.set(p, cpus);
              if (isNarrow(os) && !p.cpus_ptr.some((cpu) => preferredOf(os)!.mask.includes(cpu))) step.reach();
              if (p.cpus_ptr.join(', ') !== cpus)
                step.fail(`${p.comm} may be on ${p.cpus_ptr.join(', ')}, and was bound to ${cpus}`);
              else if (!p.cpus_ptr.includes(p.cpu)) step.fail(`${p.comm} is on ${p.cpu}, and may be on ${cpus}`);
            }
          }
        },
      };
    },
    fault: {
      says: 'a CPU that is not preferred takes no fair task',
      funcs: {
        is_cpu_allowed(this: governed, p: task_struct, cpu: number) {
          return (p.flags & PF_KTHREAD) !== 0 || (p.cpus_ptr.includes(cpu) && this.cpu_preferred(cpu));
        },
      },
    },
  }),
];

/** What the first guest prefers, when its governor looked last and what had been stolen by then. */
function looked(m: machine): { mask: string; last: number; steal: number } {
  const it = preferredOf(guestsOf(m)[0]);
  return { mask: it?.mask.join(', ') ?? '', last: it?.last ?? 0, steal: toNumber(it?.last_steal ?? ZERO) };
}

const F3: Property[] = [
  always('while the stolen time lies between the thresholds, the preferred CPUs stay', {
    of: 'F3.1',
    means:
      'a guest beside a task of the host that takes 2 to 16 % of one of two CPUs: more than 2, at most 5 % of both',
    given: visited(),
    watch() {
      let before = { mask: '', last: 0, steal: 0 };
      return {
        notes: () => null,
        before({ m }) {
          before = looked(m);
        },
        after(step) {
          const after = looked(step.m);
          if (after.last === before.last) return;
          const share = Math.floor(((after.last - before.last) * 2) / 10_000);
          const ratio = Math.floor((after.steal - before.steal) / share);
          if (ratio <= 200 || ratio > 500) return;
          step.reach();
          if (after.mask !== before.mask)
            step.fail(`${ratio} of 10000 are stolen: CPUs ${before.mask} become ${after.mask}`);
        },
      };
    },
    fault: {
      says: 'the governor takes a CPU each time that it does not give one back',
      funcs: works((k) => {
        const { mask } = k.m.preferred!;
        k.m.preferred!.mask = mask.length > 1 ? [0] : [0, 1];
      }),
    },
  }),
  always('a CPU that has been given back is not taken again at the next look', {
    of: 'F3.2',
    means: 'two guests that want more than their half: with one vCPU each, nothing is stolen any more',
    given: crowded(),
    watch() {
      const gone = new Map<number, number>();
      let looks = 0;
      return {
        notes: () => null,
        before({ m }) {
          looks = guestsOf(m).reduce((sum, os) => sum + (preferredOf(os)?.last ?? 0), 0);
        },
        after(step) {
          if (guestsOf(step.m).reduce((sum, os) => sum + (preferredOf(os)?.last ?? 0), 0) === looks) return;
          for (const os of guestsOf(step.m)) {
            const at = preferredOf(os)?.last ?? -1;
            const since = gone.get(os.vm);
            if (isNarrow(os)) gone.set(os.vm, since ?? at);
            else {
              gone.delete(os.vm);
              if (since !== undefined && at - since < 150 * MS)
                step.fail(`${step.m.vmNames[os.vm]} takes its CPU again ${at - since} ns after it gave it back`);
            }
            if (since !== undefined) step.reach();
          }
        },
      };
    },
    fault: {
      says: 'a CPU is given back, and taken at the next look',
      funcs: works((k) => {
        k.m.preferred!.mask = [0];
      }),
    },
  }),
];

const F4: Property[] = [
  always('a guest that runs the governor gets as much CPU time as one that does not', {
    of: 'F4.1',
    means: 'two guests that want all of two CPUs; four fifths at least, after 350 ms',
    given: crowded({ one: true }),
    watch: () => ({
      notes: () => null,
      end(step) {
        if (now(step.m) < LATE) return;
        step.reach();
        const [it, other] = [timeOf(step.m, 0), timeOf(step.m, 1)];
        if (it * 5 < other * 4) step.fail(`${it} ns, and ${other} ns`);
      },
    }),
    fault: {
      says: "the first guest's vCPUs age four times as fast",
      funcs: {
        calc_delta_fair(this: { m: machine }, delta: u64, se: sched_entity) {
          const vcpu = this.m.vcpuOfTask[se.task] ?? -1;
          return vcpu >= 0 && this.m.vcpu[vcpu].kvm === 0 ? shl(delta, 2) : delta;
        },
      },
    },
  }),
];

const LAPS_MIN = 20;

const asMuchDone = (scenario: Scenario): Monitor =>
  besideUngoverned(scenario, (it, not) => {
    if (not.laps < LAPS_MIN) return undefined;
    return it.laps < 0.95 * not.laps ? `${it.laps} runs of programs, and ${not.laps} without` : null;
  });

/** Both guests keep the vCPU that lies on CPU 0 of the host. */
const together = {
  says: 'all guests prefer the same CPU of the host',
  funcs: works((k) => {
    k.m.preferred!.mask = [(k.m as machine).vmNames[0] === 'vm1' ? 1 : 0];
  }),
};

const F5: Property[] = [
  agrees('where all guests run the governor, they get as much done as where none does', {
    of: 'F5.1',
    means: 'each wants more than its half; whole runs of all programs: 95 % at least, where there are 20',
    given: crowded(),
    watch: asMuchDone,
    fault: together,
  }),
  agrees('the same where one guest has more to do than a CPU gives, and the other is idle most of the time', {
    of: 'F5.2',
    given: unequal(),
    watch: asMuchDone,
    fault: together,
  }),
];

const F6: Property[] = [
  always('the first CPU is always preferred, and a nonexistent CPU never is', {
    of: 'F6.1',
    given: crowded(),
    watch: () => ({
      notes: () => null,
      after(step) {
        for (const os of guestsOf(step.m)) {
          const mask = preferredOf(os)?.mask;
          if (mask === undefined) continue;
          if (isNarrow(os)) step.reach();
          if (mask[0] !== 0 || mask.some((cpu) => cpu >= os.m.rq.length))
            step.fail(`${step.m.vmNames[os.vm]} prefers CPUs ${mask.join(', ')}`);
        }
      },
    }),
    fault: {
      says: 'the first core goes first',
      funcs: works((k) => {
        k.m.preferred!.mask = k.m.preferred!.mask.slice(-1);
      }),
    },
  }),
];

const F7: Property[] = [
  always('a fair task that may be on a preferred CPU leaves another within two ticks', {
    of: 'F7.1',
    means: 'of the time in which it runs there and its vCPU has a CPU',
    given: crowded({ long: true }),
    watch() {
      const ran = new Map<string, number>();
      let last = 0;
      return {
        notes: () => null,
        after(step) {
          const { m } = step;
          const passed = now(m) - last;
          last = now(m);
          for (const os of guestsOf(m)) {
            for (const rq of os.m.rq) {
              const key = `${os.vm} ${rq.cpu}`;
              const p = os.m.task[rq.curr];
              const mask = preferredOf(os)?.mask ?? [];
              const should = mask.length > 0 && !mask.includes(rq.cpu) && p.cpus_ptr.some((cpu) => mask.includes(cpu));
              if (!should || rq.curr === rq.idle) {
                ran.delete(key);
                continue;
              }
              step.reach();
              const { pid } = m.vcpu[m.kvm[os.vm].vcpus[rq.cpu]];
              const here = pid >= 0 && m.rq[m.task[pid].cpu].curr === pid;
              const ns = (ran.get(key) ?? -passed) + (here ? passed : 0);
              ran.set(key, Math.max(0, ns));
              if (ns > 2 * toNumber(os.m.TICK_NSEC)) step.fail(`${p.comm} has run for ${ns} ns on CPU ${rq.cpu}`);
            }
          }
        },
      };
    },
    fault: { says: 'nothing is pushed', funcs: { sched_push_current_non_preferred_cpu() {} } },
  }),
];

const claim = (id: string, words: string, properties: Property[]): Claim => ({
  ...{ id, words, properties, promisedBy: 'steal-governor' },
});

export const claims: readonly Claim[] = [
  claim('F1', 'vCPUs are preempted less often if all guests run it', F1),
  claim('F2', 'no affinity is broken', F2),
  claim('F3', 'no oscillation between the thresholds', F3),
  claim('F4', 'one guest without it may end up with more CPU', F4),
  claim('F5', 'what only computes loses a little', F5),
  claim('F6', 'the first housekeeping core stays preferred', F6),
  claim('F7', 'fair tasks are pushed off CPUs that are not preferred', F7),
];
