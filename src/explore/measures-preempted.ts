// SPDX-License-Identifier: GPL-2.0-only
/**
 * Where the wake-ups of a guest's kernel go, and what its spinners wait for: the counters of the tables about arm64's
 * vcpu_is_preempted(). "Preempted" is what the host knows: the vCPU's thread has no CPU, whatever the guest is told.
 */
import { toNumber } from '../lib/types.js';
import type { machine } from '../machine/state.js';
import type { PreemptedMeasures } from '../report/check-report.js';
import { WHILE_BUSY } from '../sched/kernel-stack.js';

type Os = NonNullable<machine['guest'][number]['os']>;

const hasCpu = (m: machine, os: Os, cpu: number): boolean => {
  const { pid } = m.vcpu[m.kvm[os.vm].vcpus[cpu]];
  return pid >= 0 && m.rq[m.task[pid].cpu].curr === pid;
};

/** Collects over all runs of one kernel. */
export class PreemptedMeter {
  private readonly sums: PreemptedMeasures = { available: 0, preempted: 0, lost: 0, laps: 0 };

  /** A watcher of one run. */
  run(): { before(m: machine): void; after(m: machine): void; end(m: machine): void } {
    let idle: { os: Os; cpu: number; there: boolean }[] = [];
    let [last, lost] = [-1, 0];
    return {
      before(m) {
        idle = oses(m).flatMap((os) =>
          os.m.rq
            .filter((rq) => rq.curr === rq.idle && rq.nr_running === 0 && rq.wake_list.length === 0)
            .map(({ cpu }) => ({ os, cpu, there: hasCpu(m, os, cpu) })),
        );
      },
      after: (m) => {
        for (const { os, cpu, there } of idle) {
          const rq = os.m.rq[cpu];
          if (rq.nr_running === 0 && rq.wake_list.length === 0) continue;
          if (there) this.sums.available++;
          else this.sums.preempted++;
        }
        const at = toNumber(m.sched_clock);
        if (last >= 0) this.sums.lost += lost * (at - last);
        last = at;
        lost = oses(m).reduce((sum, os) => sum + waitsForNobody(m, os), 0);
      },
      end: (m) => {
        for (const os of oses(m)) for (const { laps } of os.m.actor) this.sums.laps += laps;
      },
    };
  }

  result(): PreemptedMeasures {
    return { ...this.sums };
  }
}

const oses = (m: machine): Os[] => m.guest.flatMap(({ os }) => os ?? []);

/** vCPUs with a CPU on which a task spins for a lock whose owner's vCPU has none. */
function waitsForNobody(m: machine, os: Os): number {
  return os.m.task.filter((p) => {
    const [frame] = p.kernel_stack;
    if (frame?.waits !== WHILE_BUSY || os.m.rq[p.cpu].curr !== p.id || !hasCpu(m, os, p.cpu)) return false;
    const owner = os.m.sleeping_lock?.[frame.args[0]].owner ?? -1;
    return owner >= 0 && !hasCpu(m, os, os.m.task[owner].cpu);
  }).length;
}
