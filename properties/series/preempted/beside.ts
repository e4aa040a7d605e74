// SPDX-License-Identifier: GPL-2.0-only
/** What a guest that asks does better or worse than one that does not: E2, E3 and E4, over two runs of one scenario. */
import type { machine } from '../../../src/machine/state.js';
import type { Scenario } from '../../../src/scenario/scenario.js';
import { rebuilt, runBeside } from '../../rebuilt.js';
import { agrees, type Monitor, type Property } from '../../vocabulary.js';
import { silent, turned } from './faults.js';
import { filled, idleOnes, now, onCpu, osOf, spinners, vcpuAt } from './monitors.js';
import { aioHost, overcommitted } from './worlds.js';

/** What is counted in a run. */
class Tally {
  /** wake-ups to idle vCPUs whose threads had no CPU */
  misplaced = 0;
  /** ns that vCPUs with a CPU spun for vCPUs without one: for the owner of a lock, or behind it in the queue */
  lost = 0;
  private idle = new Map<number, boolean>();
  private last = -1;
  private waiting = 0;

  before(m: machine): void {
    this.idle = idleOnes(m);
  }

  after(m: machine): void {
    for (const target of filled(m, this.idle)) if (this.idle.get(target) === false) this.misplaced++;
    const at = now(m);
    if (this.last >= 0) this.lost += this.waiting * (at - this.last);
    this.last = at;
    this.waiting = spinners(m).filter(({ waitsFor }) => waitsFor >= 0 && !onCpu(m, vcpuAt(m, waitsFor))).length;
  }
}

/** Times that tasks of the guest have been through their programs. */
const lapsOf = (m: machine): number => (osOf(m)?.m.actor ?? []).reduce((sum, { laps }) => sum + laps, 0);

/** Events of the run beside, at most: a guest that does not ask has more of them, up to six times as many here. */
const EVENTS = 100_000;

interface Outcome {
  misplaced: number;
  lost: number;
  laps: number;
}

function without(bound: object, scenario: Scenario, until: number): Outcome {
  const tally = new Tally();
  const asksNobody = rebuilt(bound, 'arm64', silent.funcs);
  const m = runBeside(asksNobody, scenario, EVENTS, (it) => now(it) < until, tally);
  return { misplaced: tally.misplaced, lost: tally.lost, laps: lapsOf(m) };
}

/** At the end of a run: what came of it, and of one without asking until the same time. */
function beside(scenario: Scenario, judge: (asks: Outcome, not: Outcome) => string | null | undefined): Monitor {
  const tally = new Tally();
  return {
    before: ({ m }) => tally.before(m),
    after: ({ m }) => tally.after(m),
    end(step) {
      const { m, kernel } = step;
      const asks = { misplaced: tally.misplaced, lost: tally.lost, laps: lapsOf(m) };
      const fault = judge(asks, without(kernel, scenario, now(m)));
      if (fault === undefined) return;
      step.reach();
      if (fault !== null) step.fail(fault);
    },
  };
}

const MISPLACED_MIN = 20;
const wakeups = (asks: Outcome, not: Outcome): string =>
  `${asks.misplaced} wake-ups to idle vCPUs without a CPU, and ${not.misplaced} without asking`;

export const E2: Property[] = [
  agrees('a guest that asks sends a tenth at most as many wake-ups to idle vCPUs without a CPU as one that does not', {
    of: 'E2.1',
    means: 'workers and their completions on an idle host; where the guest that does not ask sends 20',
    given: aioHost({ spread: false }),
    watch: (scenario) =>
      beside(scenario, (asks, not) => {
        if (not.misplaced < MISPLACED_MIN) return undefined;
        return asks.misplaced * 10 > not.misplaced ? wakeups(asks, not) : null;
      }),
    fault: turned,
  }),
  agrees('of tasks that start on different vCPUs, fewer wake-ups go to idle vCPUs without a CPU when the guest asks', {
    of: 'E2.2',
    means: 'the same; fewer than without asking, where those are 20',
    given: aioHost({ spread: true }),
    watch: (scenario) =>
      beside(scenario, (asks, not) => {
        if (not.misplaced < MISPLACED_MIN) return undefined;
        return asks.misplaced >= not.misplaced ? wakeups(asks, not) : null;
      }),
    fault: turned,
  }),
];

const LOST_MIN = 500_000;

export const E3: Property[] = [
  agrees('a guest that asks spins for vCPUs without a CPU for half as long at most as one that does not', {
    of: 'E3.1',
    means:
      'two vCPUs a CPU and one lock, until the same time; for its owner or for who is before in its queue; where that is 500 us',
    given: overcommitted(),
    watch: (scenario) =>
      beside(scenario, (asks, not) => {
        if (not.lost < LOST_MIN) return undefined;
        return asks.lost * 2 > not.lost ? `${asks.lost} ns, and ${not.lost} ns without asking` : null;
      }),
    fault: silent,
  }),
];

const LAPS_MIN = 20;

export const E4: Property[] = [
  agrees('with a CPU for each vCPU, a guest that asks gets as much done as one that does not', {
    of: 'E4.1',
    means: 'whole runs of all programs: 95 % at least, where there are 20',
    given: aioHost(),
    watch: (scenario) =>
      beside(scenario, (asks, not) => {
        if (not.laps < LAPS_MIN) return undefined;
        return asks.laps < 0.95 * not.laps ? `${asks.laps} runs of programs, and ${not.laps} without asking` : null;
      }),
    fault: { says: 'every vCPU counts as preempted', funcs: { vcpu_is_preempted: () => true } },
  }),
];
