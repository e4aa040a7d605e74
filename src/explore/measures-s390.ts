// SPDX-License-Identifier: GPL-2.0-only
/** Diagnoses 0x9c of s390's guests, as Christian Borntraeger counted them: by how many vCPUs there are for each CPU. */

import { s390Machine } from '../machine/s390-events.js';
import type { machine } from '../machine/state.js';
import type { S390Measures } from '../report/check-report.js';
import type { Scenario } from '../scenario/scenario.js';

/** Collects over all runs of one kernel. */
export class S390Meter {
  private readonly sums = { diag9c: 0, ignored: 0, forwarded: 0 };
  private readonly byRatio = new Map<number, { diag9c: number; laps: number }>();

  /** At the end of a run. */
  end(m: machine, { cpus, vms = [] }: Scenario): void {
    let diag9c = 0;
    for (const { arch } of s390Machine(m).vcpu) {
      diag9c += arch.stat.instruction_diagnose_9c;
      this.sums.ignored += arch.stat.diag_9c_ignored;
      this.sums.forwarded += arch.stat.diag_9c_forward;
    }
    this.sums.diag9c += diag9c;
    const ratio = vms.reduce((sum, { vcpus }) => sum + vcpus, 0) / cpus;
    // of four CPUs and more, where vCPUs of a VM are on the same and on different ones
    if (cpus < 4) return;
    const before = this.byRatio.get(ratio) ?? { diag9c: 0, laps: 0 };
    const laps = m.vcpu.reduce((sum, { pid }) => sum + (m.actor[pid]?.laps ?? 0), 0);
    this.byRatio.set(ratio, { diag9c: before.diag9c + diag9c, laps: before.laps + laps });
  }

  result(): S390Measures {
    const at = [...this.byRatio].map(([ratio, { diag9c, laps }]): [number, number] => [
      ratio,
      laps === 0 ? 0 : Math.round((1000 * diag9c) / laps),
    ]);
    return { ...this.sums, perThousandLaps: Object.fromEntries(at) };
  }
}
