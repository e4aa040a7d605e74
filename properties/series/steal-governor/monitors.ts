// SPDX-License-Identifier: GPL-2.0-only
/** What is looked at: masks of guests, vCPUs that are preempted, what guests get done. */
import type { GuestKernel } from '../../../src/guest/guest-kernel.js';
import { s64_diff, s64_toNumber, toNumber } from '../../../src/lib/types.js';
import type { machine } from '../../../src/machine/state.js';
import type { Scenario } from '../../../src/scenario/scenario.js';
import type { preferred_cpus } from '../../../src/series/steal-governor/adds.js';
import { rebuilt, runBeside } from '../../rebuilt.js';
import type { Monitor, Step } from '../../vocabulary.js';

/** ns since boot */
export const now = (m: machine): number => s64_toNumber(s64_diff(m.sched_clock, m.bootClock));

export const guestsOf = (m: machine): GuestKernel[] => m.guest.flatMap(({ os }) => os ?? []);
export const preferredOf = (os: GuestKernel): preferred_cpus | undefined => os.m.preferred;
/** Whether its governor has given CPUs back. */
export const isNarrow = (os: GuestKernel): boolean => (preferredOf(os)?.mask.length ?? os.m.rq.length) < os.m.rq.length;

/** CPU time of the VM's vCPUs, ns. */
export const timeOf = (m: machine, vm: number): number =>
  m.kvm[vm].vcpus.reduce((sum, id) => sum + toNumber(m.se[m.task[m.vcpu[id].pid].se].sum_exec_runtime), 0);

/** Times that tasks of the guests have been through their programs. */
const lapsOf = (m: machine): number =>
  guestsOf(m).reduce((sum, { m: its }) => its.actor.reduce((n, a) => n + a.laps, sum), 0);

/** How often vCPUs were preempted. */
class Preemptions {
  count = 0;
  private was: boolean[] = [];
  before(m: machine): void {
    this.was = m.vcpu.map(({ preempted }) => preempted);
  }
  after(m: machine): void {
    for (const { id, preempted } of m.vcpu) if (preempted && !this.was[id]) this.count++;
  }
}

interface Outcome {
  preempted: number;
  laps: number;
}

/** Events of the run beside, at most. */
const EVENTS = 40_000;

/** The same machine, and no guest runs its governor. */
function ungoverned(bound: object, scenario: Scenario, until: number): Outcome {
  const vms = (scenario.vms ?? []).map((vm) => ({ ...vm, kernel: { ...vm.kernel!, knobs: {} } }));
  const tally = new Preemptions();
  const m = runBeside(rebuilt(bound), { ...scenario, vms }, EVENTS, (it) => now(it) < until, tally);
  return { preempted: tally.count, laps: lapsOf(m) };
}

/** At the end of a run: what came of it, and without governors until the same time. Undefined: nothing to judge. */
export function besideUngoverned(
  scenario: Scenario,
  judge: (governed: Outcome, not: Outcome) => string | null | undefined,
): Monitor {
  const tally = new Preemptions();
  return {
    before: ({ m }) => tally.before(m),
    after: ({ m }) => tally.after(m),
    end(step: Step) {
      if (guestsOf(step.m).every((os) => preferredOf(os) === undefined)) return;
      const governed = { preempted: tally.count, laps: lapsOf(step.m) };
      const fault = judge(governed, ungoverned(step.kernel, scenario, now(step.m)));
      if (fault === undefined) return;
      step.reach();
      if (fault !== null) step.fail(fault);
    },
  };
}
