// SPDX-License-Identifier: GPL-2.0-only
/** B1, B4, B7: what a boost brings the guest, and what it costs the host. */
import { add, u64 } from '../../../src/lib/types.js';
import type { Scenario } from '../../../src/scenario/scenario.js';
import { TASK_RUNNING } from '../../../src/sched/sched.js';
import type { pvsched } from '../../../src/series/pvsched-v1/adds.js';
import { MS, US } from '../../arbitraries.js';
import { always, type Claim, type Monitor, type Property, type Step, sometimes } from '../../vocabulary.js';
import { baseOf, nameOf, now, ranOf, sliceOf, threadOf } from './monitors.js';
import { longest, mean, Outcome, outcomeOn } from './outcome.js';
import { cyclictest, guests, rawVms, waker } from './worlds.js';

/** Compares a run, when it is over, with the same on the base. */
function against(scenario: Scenario, end: (step: Step, here: Outcome, base: Outcome) => void): Monitor {
  const here = new Outcome();
  return {
    after: (step) => here.look(step.m),
    // a run that was cut says nothing of averages
    end(step) {
      if (now(step.m) < (scenario.until ?? 0)) return;
      // on the base the same run comes to the same
      const hasSeries = (step.kernel as Partial<pvsched>).kvm_vcpu_set_sched !== undefined;
      end(step, here, hasSeries ? outcomeOn(baseOf(step.kernel), scenario) : here);
    },
  };
}

const us = (ns: number): string => `${Math.round(ns / 1000)} us`;
const noBoost = { says: 'nobody is boosted', funcs: { kvm_vcpu_set_sched: () => 0 } };
const forEver = { says: 'who was boosted stays so', funcs: { kvm_vcpu_needs_boost: () => true } };

function delays(scenario: Scenario, comm: string, of: (all: readonly number[]) => number, what: string): Monitor {
  return against(scenario, (step, here, base) => {
    const [mine, theirs] = [here, base].map((it) => it.delays.get(comm) ?? []);
    if (mine.length < 5 || theirs.length < 5 || of(theirs) < 500 * US) return;
    step.reach();
    if (of(mine) <= of(theirs) / 2) return;
    step.fail(
      `${what} ${comm} is ${us(of(mine))} late in ${mine.length} turns, and ${us(of(theirs))} on ${baseOf(step.kernel)}`,
    );
  });
}

const B1: Property[] = [
  always(
    'beside a busy host on AMD, a real-time task of the guest waits at most half as long on average as without the series',
    {
      of: 'B1.1',
      means:
        'from the end of its sleep to its first instruction; where that takes 500 us and more without the series (the same run on it)',
      given: cyclictest({ vendors: ['svm'] }),
      watch: (scenario) => delays(scenario, 'rt', mean, 'on average'),
      fault: noBoost,
    },
  ),
  always(
    'beside a busy host on AMD, the longest wait of a real-time task of the guest is at most half of that without the series',
    {
      of: 'B1.2',
      means: 'from the end of its sleep to its first instruction; where it is 500 us and more without the series',
      given: cyclictest({ vendors: ['svm'] }),
      watch: (scenario) => delays(scenario, 'rt', longest, 'at most'),
      fault: noBoost,
    },
  ),
  sometimes(
    'beside a busy host, the average wait of a real-time task of the guest is a tenth of that without the series',
    {
      of: 'B1.3',
      given: cyclictest(),
      watch: (scenario) =>
        against(scenario, (step, here, base) => {
          const [mine, theirs] = [here, base].map((it) => it.delays.get('rt') ?? []);
          if (mine.length < 5 || mean(theirs) < 500 * US || mean(mine) * 10 > mean(theirs)) return;
          step.reach(`${us(mean(mine))} in place of ${us(mean(theirs))} on average`);
        }),
      fault: noBoost,
    },
  ),
  always(
    'beside a busy host on Intel, with the VMX-preemption timer, a real-time task of the guest waits at most half as long on average as without the series',
    {
      of: 'B1.4',
      means:
        'from the end of its sleep to its first instruction; where that takes 500 us and more without the series (the same run on it)',
      given: cyclictest({ vendors: ['vmx'] }),
      watch: (scenario) => delays(scenario, 'rt', mean, 'on average'),
      fault: noBoost,
    },
  ),
];

const halting = guests({
  tasks: ({ sleep, work }) => [waker('one', sleep, work), waker('two', sleep + 300 * US, work)],
  sleeps: [500 * US, 300 * US],
  until: 60,
  length: 8_000,
});

const B4: Property[] = [
  always('a host task waits at most a tick longer than with a vCPU that is real-time for good', {
    of: 'B4.1',
    means: 'its longest wait in the run, and in the same run without the series and every vCPU SCHED_RR 8',
    given: cyclictest({ until: 1_300, length: 12_000, sleeps: [2 * MS, 5_300 * US], events: 16_000 }),
    watch(scenario) {
      const here = new Outcome();
      return {
        after: (step) => here.look(step.m),
        end(step) {
          const there = outcomeOn(baseOf(step.kernel), scenario, true);
          const tick = 1e9 / (scenario.hz ?? 250);
          step.reach();
          if (here.longestWait <= there.longestWait + tick) return;
          step.fail(`a host task waits ${us(here.longestWait)}, and ${us(there.longestWait)} with a static policy`);
        },
      };
    },
    fault: {
      says: 'who was boosted stays so, and there is no server for fair tasks',
      funcs: { kvm_vcpu_needs_boost: () => true, dl_server_start() {} },
    },
  }),
  always('a host task waits no longer than without the series plus the time for which the guest is urgent', {
    of: 'B4.2',
    means:
      'its longest wait in the run, and in the same run without the series; more is allowed by two slices and two ticks',
    given: cyclictest(),
    watch: (scenario) =>
      against(scenario, (step, here, base) => {
        const more = (2 * 1e9) / (scenario.hz ?? 250) + 2 * sliceOf(step.m);
        step.reach();
        if (here.longestWait <= base.longestWait + more) return;
        step.fail(`a host task waits ${us(here.longestWait)}, and ${us(base.longestWait)} on ${baseOf(step.kernel)}`);
      }),
    fault: forEver,
  }),
];

const B7: Property[] = [
  always('a vCPU that was boosted before it sleeps gets no CPU time until it is woken', {
    of: 'B7.1',
    given: rawVms({ vcpus: 2, weights: { hlt: 12 } }),
    watch() {
      const asleep = new Map<number, number>();
      return {
        notes: () => [...asleep],
        after(step) {
          for (const v of step.m.vcpu) {
            const p = threadOf(step.m, v);
            if (p === undefined || v.stat.blocking === 0 || p.__state === TASK_RUNNING) {
              asleep.delete(v.id);
              continue;
            }
            const ran = ranOf(step.m, p.id);
            const before = asleep.get(v.id) ?? ran;
            asleep.set(v.id, before);
            step.reach();
            if (ran !== before || step.m.rq.some((rq) => rq.curr === p.id))
              step.fail(`${nameOf(step.m, v)} sleeps in kvm_vcpu_block() and has had ${ran - before} ns since`);
          }
        },
      };
    },
    fault: {
      says: 'a tick is charged to everybody',
      funcs: {
        sched_tick(this: pvsched) {
          for (const se of this.m.se) se.sum_exec_runtime = add(se.sum_exec_runtime, u64(1_000));
          this.resched_curr(this.m.rq[this.m.cpu]);
        },
      },
    },
  }),
  always('beside a guest of fair tasks that halts often, a host task keeps what it has without the series', {
    of: 'B7.2',
    means: 'of CPU time in the run, less a twentieth of it, two slices and two ticks',
    given: halting,
    watch: (scenario) =>
      against(scenario, (step, here, base) => {
        const less = now(step.m) / 20 + (2 * 1e9) / (scenario.hz ?? 250) + 2 * sliceOf(step.m);
        step.reach();
        if (here.hostRan >= base.hostRan - less) return;
        step.fail(
          `the host task has had ${us(here.hostRan)}, and ${us(base.hostRan)} on ${baseOf(step.kernel)}, of ${now(step.m) / MS} ms`,
        );
      }),
    fault: forEver,
  }),
];

export const latency: Claim[] = [
  { id: 'B1', words: 'boosts reduce guest latency under host load', properties: B1 },
  { id: 'B4', words: 'the host hardly notices, unlike with static RT', properties: B4 },
  { id: 'B7', words: 'boosting a vCPU that sleeps does not hurt the host', properties: B7 },
];
