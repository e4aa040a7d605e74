// SPDX-License-Identifier: GPL-2.0-only
/** Does anybody wait longer than the scheduler promises; does a VM that waits for itself get on? */
import { s64_diff, s64_toNumber } from '../../src/lib/types.js';
import type { machine } from '../../src/machine/state.js';
import { NULL, type task_struct } from '../../src/sched/sched.js';
import { always, type Claim, leadsTo, type Monitor, type Step } from '../vocabulary.js';
import { waitBound } from './bounds.js';
import { CFS_LETTERS, cfsWaitBound } from './cfs-bounds.js';
import { contendedVms, mixedTasks } from './worlds.js';

const time = (m: machine): number => s64_toNumber(s64_diff(m.sched_clock, m.bootClock));

/** Runnable, in the fair class and not about to leave. */
function waits(m: machine, task: number): boolean {
  const p = m.task[task];
  const se = m.se[p.se];
  return p.__state === 0 && p.sched_class === 'fair_sched_class' && se.on_rq !== 0 && se.sched_delayed === 0;
}

type Bound = (step: Step, p: task_struct) => number;
const eevdf: Bound = ({ m }, p) => waitBound(m, p);

/** Notes since when every task waits, and for how long it may. */
function waiting(isSubject: (m: machine, task: number) => boolean, boundOf: Bound): Monitor {
  let since: { at: number; bound: number }[] = [];
  const look = (step: Step): void => {
    const { m } = step;
    for (const p of m.task) {
      if (m.rq[p.cpu].idle === p.id || !isSubject(m, p.id)) continue;
      if (m.rq[p.cpu].curr === p.id || !waits(m, p.id)) {
        since[p.id] = { at: -1, bound: 0 };
        continue;
      }
      const note = since[p.id] ?? { at: -1, bound: 0 };
      if (note.at < 0) note.at = time(m);
      // what it may wait is what the fullest queue since then would allow; looked at with every tick
      if (note.bound === 0 || step.event.ev === 'tick') note.bound = Math.max(note.bound, boundOf(step, p));
      since[p.id] = note;
      const waited = time(m) - note.at;
      if (waited > m.sysctl_sched_base_slice) step.reach();
      step.near(note.bound - waited);
      if (waited > note.bound) {
        step.fail(`${p.comm} is runnable and has waited ${waited} ns; its bound is ${Math.round(note.bound)} ns`);
      }
    }
  };
  return {
    after: look,
    notes: () => since,
    end() {
      since = [];
    },
  };
}

const isHost = (m: machine, task: number): boolean => m.vcpuOfTask[task] === NULL;
const isVcpu = (m: machine, task: number): boolean => m.vcpuOfTask[task] !== NULL;

/** Nobody is preempted by the tick any more. */
const deafTick = { says: 'entity_tick() does nothing', funcs: { entity_tick(): void {} } };

/** The letters of bounds.ts, for who has only the report. */
const BOUND =
  'r: the slice; T: a tick; L = r + T: what it may be ahead by; w, W: its weight and that of its queue; ' +
  'S: CPU time it is to get; r_max: the longest slice on the queue; from the leaf up to the root';

export const starvation: Claim = {
  id: 'starvation',
  words: 'nobody waits longer than slices and weights allow',
  properties: [
    always('a runnable task is on its CPU within (L + S + r) * W / w + r_max + T, level by level', {
      of: 'starvation.1',
      about: 'vruntime_eligible',
      means: BOUND,
      given: mixedTasks(1, 160),
      watch: () => waiting(isHost, eevdf),
      fault: deafTick,
    }),
    always('a runnable vCPU is on its CPU within (L + S + r) * W / w + r_max + T of its thread, level by level', {
      of: 'starvation.2',
      about: 'vruntime_eligible',
      means: BOUND,
      given: contendedVms(60),
      watch: () => waiting(isVcpu, eevdf),
      fault: deafTick,
    }),
    leadsTo('a VM whose vCPUs wait for each other completes something within its bound', {
      of: 'starvation.3',
      about: 'vruntime_eligible',
      means: 'the bound: twice what all its vCPUs may wait (starvation.2) and compute, one after the other',
      given: contendedVms(80),
      watch: () => progress(eevdf),
      fault: {
        says: 'entity_tick() and kvm_vcpu_on_spin() do nothing',
        funcs: { entity_tick(): void {}, kvm_vcpu_on_spin(): void {} },
      },
    }),
    always('on CFS, a runnable task is on its CPU within the sum of (v - min_vruntime + B) * w_j + G + P + T', {
      of: 'starvation.4',
      about: 'check_preempt_tick',
      means: CFS_LETTERS,
      given: mixedTasks(1, 160),
      watch: () => waiting(isHost, cfsWaitBound),
      fault: deafTick,
    }),
    always('on CFS, a runnable vCPU is on its CPU within the sum of (v - min_vruntime + B) * w_j + G + P + T', {
      of: 'starvation.5',
      about: 'check_preempt_tick',
      means: CFS_LETTERS,
      given: contendedVms(60),
      watch: () => waiting(isVcpu, cfsWaitBound),
      fault: deafTick,
    }),
    leadsTo('on CFS, a VM whose vCPUs wait for each other completes something within its bound', {
      of: 'starvation.6',
      about: 'check_preempt_tick',
      means: 'the bound: twice what all its vCPUs may wait (starvation.5) and compute, one after the other',
      given: contendedVms(80),
      watch: () => progress(cfsWaitBound),
      fault: {
        says: 'entity_tick() and kvm_vcpu_on_spin() do nothing',
        funcs: { entity_tick(): void {}, kvm_vcpu_on_spin(): void {} },
      },
    }),
  ],
};

/**
 * Somebody of a VM goes on: at the latest when every vCPU that others wait for has had its turn and its longest
 * instruction (n vCPUs, one after the other).
 */
function progress(boundOf: Bound): Monitor {
  const last: { mark: string; at: number }[] = [];
  return {
    after(step) {
      const { m } = step;
      for (const kvm of m.kvm) {
        const threads = kvm.vcpus.map((v) => m.vcpuOfTask.indexOf(v));
        const mark = threads.map((t) => `${m.actor[t].laps}.${m.actor[t].pc}.${m.actor[t].unacked.length}`).join(' ');
        const note = last[kvm.id];
        if (note === undefined || note.mark !== mark) {
          last[kvm.id] = { mark, at: time(m) };
          continue;
        }
        const still = time(m) - note.at;
        if (still <= m.sysctl_sched_base_slice) continue;
        step.reach();
        let bound = 0;
        for (const t of threads) bound += boundOf(step, m.task[t]) + longestInstruction(m, t);
        step.near(2 * bound - still);
        if (still > 2 * bound) {
          step.fail(`${m.vmNames[kvm.id]} has not got on for ${still} ns; its bound is ${Math.round(2 * bound)} ns`);
        }
      }
    },
    notes: () => last,
  };
}

function longestInstruction(m: machine, task: number): number {
  const program = m.programs[m.actor[task].program] ?? [];
  let longest = 0;
  for (const it of program) if (it.op === 'compute') longest = Math.max(longest, it.ns);
  return longest * m.task.length;
}
