// SPDX-License-Identifier: GPL-2.0-only
/**
 * What kind of state a machine is in, in 16 bits: who is queued, who runs, who sleeps although queued, on which side of zero lags
 * are, what is asked of a CPU, where vCPUs are in their lives. It knows neither names nor times, so it costs little; two kinds may
 * share a number, and then the second is not seen as new.
 */
import { S64_ZERO, s64_lt, ZERO } from '../lib/types.js';
import { mix32 } from '../machine/rng.js';
import type { machine } from '../machine/state.js';
import { NULL } from '../sched/sched.js';

const STATES = 1 << 16;

/** Up to 3, then by powers of two. */
const bucket = (n: number): number => (n <= 3 ? n : 35 - Math.clz32(n | 0));

export function abstractState(m: machine): number {
  let sum = m.rq.length;
  for (const rq of m.rq) {
    const cfs = m.cfs_rq[rq.cfs];
    let h = bucket(rq.nr_running) | (rq.curr === rq.idle ? 64 : 0);
    if ((cfs as { next?: number }).next !== undefined && (cfs as { next?: number }).next !== NULL) h |= 128;
    sum = (sum + mix32(h ^ 0x51)) | 0;
  }
  // WHY a sum: machines that differ in who is who are of one kind
  for (const se of m.se) {
    if (se.on_rq === 0 && se.task === NULL) continue;
    let h = se.on_rq | (se.sched_delayed << 1) | (se.task === NULL ? 8 : 0);
    if (se.cfs_rq !== NULL && m.cfs_rq[se.cfs_rq]?.curr === se.id) h |= 16;
    if (se.vlag !== undefined) h |= s64_lt(se.vlag, S64_ZERO) ? 32 : s64_lt(S64_ZERO, se.vlag) ? 64 : 0;
    if (se.task !== NULL) {
      const p = m.task[se.task];
      h |= (p.policy & 7) << 8;
      if (p.__state !== 0) h |= 1 << 11;
    }
    sum = (sum + mix32(h)) | 0;
  }
  for (const v of m.vcpu) {
    let h = (v.preempted ? 1 : 0) | (v.ready ? 2 : 0) | ((v.mode & 3) << 2) | ((v.arch.mp_state & 7) << 4);
    const { apic } = v.arch;
    h |=
      (apic.irr_pending ? 128 : 0) |
      (apic.sw_enabled ? 256 : 0) |
      ((apic.isr_count & 3) << 9) |
      (v.requests === ZERO ? 0 : 2048);
    sum = (sum + mix32(h ^ 0xa5a5)) | 0;
  }
  return mix32(sum) & (STATES - 1);
}
