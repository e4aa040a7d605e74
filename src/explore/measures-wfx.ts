// SPDX-License-Identifier: GPL-2.0-only
/**
 * What a host pays for vCPUs that wait without it: Quentin Perret's four concerns about WFx traps, as figures. Over the arm64
 * scenarios of the catalogue, apart for the time in which WFI of a vCPU traps and in which it does not.
 */
import { HCR_TWE, HCR_TWI, type kvm_vcpu } from '../arch/arm64/kvm_host.js';
import { toNumber } from '../lib/types.js';
import { arm64Machine } from '../machine/arm64-events.js';
import type { machine } from '../machine/state.js';
import type { WfxMeasures } from '../report/check-report.js';

/** of 1024: the little CPUs of a common big.LITTLE machine */
const LITTLE = 446;
/** arch/arm64: capacity of the big ones */
const BIG = 1024;

/** include/linux/sched/topology.h, kernel/sched/fair.c: fits_capacity(): with a margin of a quarter. */
const fits = (util: number, capacity: number): boolean => util * 1280 < capacity * 1024;

/** include/linux/sched/cpufreq.h: map_util_perf(), as schedutil asks for frequencies: per mille of the highest. */
const wanted = (util: number): number => Math.min(1000, Math.floor((1000 * (util + (util >> 2))) / BIG));

/** Time-weighted sums of what is seen in one state of the trap. */
class Sums {
  ns = 0;
  util = 0;
  busy = 0;
  freq = 0;
  misfit = 0;

  add(ns: number, util: number, busy: boolean): void {
    this.ns += ns;
    this.util += ns * util;
    this.freq += ns * wanted(util);
    if (busy) this.busy += ns;
    if (!fits(util, LITTLE)) this.misfit += ns;
  }

  mean(sum: number): number {
    return this.ns === 0 ? 0 : Math.round(sum / this.ns);
  }
}

interface Seen {
  util: number;
  busy: boolean;
  stands: boolean;
  twi: boolean;
  traps: number;
  /** the runqueue's answer now is another than the one at the last load, as WFE's trap shows */
  stale: boolean;
}

/** Collects over all runs of one kernel. */
export class WfxMeter {
  private readonly trapped = new Sums();
  private readonly untrapped = new Sums();
  private flips = 0;
  private standing = 0;
  private longestStale = 0;

  /** A watcher of one run. */
  run(): { look(m: machine, guestOn: (cpu: number) => number): void } {
    let last = -1;
    let seen: Seen[] = [];
    const staleSince: number[] = [];
    return {
      look: (m, guestOn) => {
        const now = toNumber(m.sched_clock);
        if (last >= 0 && now > last) for (const it of seen) this.passed(now - last, it);
        const before = seen;
        seen = arm64Machine(m)
          .vcpu.filter((v) => v.pid >= 0)
          .map((v) => seenOf(m, v, guestOn));
        seen.forEach((it, i) => {
          if (before[i] !== undefined && before[i].traps !== it.traps) this.flips++;
          if (!it.stale) staleSince[i] = -1;
          else if ((staleSince[i] ?? -1) < 0) staleSince[i] = now;
          else this.longestStale = Math.max(this.longestStale, now - staleSince[i]);
        });
        last = now;
      },
    };
  }

  private passed(ns: number, it: Seen): void {
    (it.twi ? this.trapped : this.untrapped).add(ns, it.util, it.busy);
    if (it.stands) this.standing += ns;
  }

  result(): WfxMeasures {
    const of = (sums: Sums) => ({
      ns: sums.ns,
      util: sums.mean(sums.util),
      demand: sums.mean(BIG * sums.busy),
      frequency: sums.mean(sums.freq),
      misfit: sums.mean(1000 * sums.misfit),
    });
    const { flips, longestStale, standing } = this;
    return { trapped: of(this.trapped), untrapped: of(this.untrapped), flips, longestStale, standing };
  }
}

function seenOf(m: machine, v: kvm_vcpu, guestOn: (cpu: number) => number): Seen {
  const { arch } = v;
  const onCpu = v.cpu >= 0 && m.rq[v.cpu].curr === v.pid;
  const alone = onCpu && m.rq[v.cpu].nr_running === 1;
  const inGuest = onCpu && guestOn(v.cpu) === v.id;
  const stands = inGuest && arch.standing !== 'no';
  const twe = (arch.hcr_el2 & HCR_TWE) !== 0;
  return {
    util: toNumber(m.se[m.task[v.pid].se].avg.util_avg),
    busy: inGuest && !stands,
    stands: stands && alone,
    twi: (arch.hcr_el2 & HCR_TWI) !== 0,
    traps: arch.hcr_el2 & (HCR_TWE | HCR_TWI),
    stale: onCpu && alone === twe,
  };
}
