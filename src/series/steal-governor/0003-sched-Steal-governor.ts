// SPDX-License-Identifier: GPL-2.0-only
/** The steal governor, a module of a guest: as time is stolen, fewer CPUs are preferred; when it is not, more. */
import { guestKernelBoots as bootsBefore } from '../../arch/x86/guest-cpu.js';
import { EINVAL } from '../../lib/errno.js';
import { add, lt, sub, toNumber, type u64, ZERO } from '../../lib/types.js';
import { knobValue } from '../../vmlinux/bind.js';
import type { Patch } from '../series.js';
import { sched_tick as tickBefore } from './0002-sched-core-Push-current-from-non-preferred-CPUs.js';
import type { Adds, governed } from './adds.js';

const knobs = {
  steal_governor: { file: 'modprobe steal_governor', type: 'bool', initial: 0 },
  interval_ms: { file: '/sys/module/steal_governor/parameters/interval_ms', type: 'u32', initial: 1000 },
  high_threshold: { file: '/sys/module/steal_governor/parameters/high_threshold', type: 'u32', initial: 500 },
  low_threshold: { file: '/sys/module/steal_governor/parameters/low_threshold', type: 'u32', initial: 200 },
} as const satisfies Patch['knobs'];

const parameter = (k: governed, name: keyof typeof knobs): number => knobValue(k.m, name, knobs[name]);

/** interval_ms as the module takes it */
const INTERVAL_MIN = 100;
const INTERVAL_MAX = 100_000;
const intervalNs = (k: governed): number =>
  Math.min(INTERVAL_MAX, Math.max(INTERVAL_MIN, parameter(k, 'interval_ms'))) * 1_000_000;

/** The steal clocks of all active CPUs. */
function stolen(k: governed): u64 {
  let sum = ZERO;
  for (const { cpu } of k.m.rq) if (k.cpu_active(cpu)) sum = add(sum, k.paravirt_steal_clock(cpu));
  return sum;
}

const activeCpus = (k: governed): number[] => k.m.rq.map(({ cpu }) => cpu).filter((cpu) => k.cpu_active(cpu));

/** module_init(): -EINVAL for thresholds that leave nothing between them. With it the stoppers of the CPUs are there. */
export function steal_governor_init(this: governed): number {
  if (parameter(this, 'low_threshold') >= parameter(this, 'high_threshold')) return -EINVAL;
  const cpu = this.m.cpu;
  for (const rq of this.m.rq) this.sched_set_stop_task(rq.cpu, this.makeThread(rq.cpu, 'migration'));
  this.m.cpu = cpu;
  const last = toNumber(this.m.sched_clock);
  this.m.preferred = {
    ...{ mask: activeCpus(this), push_pending: this.m.rq.map(() => false) },
    ...{ due: last + intervalNs(this), last, last_steal: stolen(this) },
  };
  return 0;
}

/** What was stolen since the last time, in ten thousandths of the active CPUs' time; a clock that went back counts as 0. */
export function steal_governor_ratio(this: governed, delta_ns: number): number {
  const steal = stolen(this);
  const { last_steal } = this.m.preferred!;
  const delta = lt(steal, last_steal) ? 0 : toNumber(sub(steal, last_steal));
  this.m.preferred!.last_steal = steal;
  const denominator = Math.max(1, Math.floor((delta_ns * activeCpus(this).length) / 10_000));
  return Math.floor(delta / denominator);
}

/** The work: one CPU less, one more, or none. MODEL: a core has one CPU, CPU 0 is the first that keeps house. */
export function steal_governor_work(this: governed): void {
  const it = this.m.preferred!;
  const now = toNumber(this.m.sched_clock);
  const ratio = this.steal_governor_ratio(now - it.last);
  it.last = now;
  it.due = now + intervalNs(this);
  const active = activeCpus(this);
  const last = it.mask.at(-1);
  if (ratio > parameter(this, 'high_threshold')) {
    if (last !== undefined && last !== active[0]) it.mask.pop();
  } else if (ratio <= parameter(this, 'low_threshold')) {
    const missing = active.find((cpu) => !it.mask.includes(cpu));
    if (missing !== undefined) it.mask = [...it.mask, missing].sort((a, b) => a - b);
  }
  if (it.mask.length > 0 && it.mask.every((cpu) => this.cpu_active(cpu))) return;
  it.mask = active;
  it.due = -1;
}

/** arch/x86: the guest has booted, and its modules are loaded. */
export function guestKernelBoots(this: governed, vcpu: number): void {
  bootsBefore.call(this, vcpu);
  if (vcpu === 0 && parameter(this, 'steal_governor') === 1) this.steal_governor_init();
}

/** kernel/sched/core.c: sched_tick(). MODEL: the work, of a worker, takes no time and runs in the first tick behind its timer. */
export function sched_tick(this: governed): void {
  const { preferred } = this.m;
  if (preferred !== undefined && preferred.due >= 0 && toNumber(this.m.sched_clock) >= preferred.due)
    this.steal_governor_work();
  tickBefore.call(this);
}

export default {
  subject: 'sched: Steal governor',
  knobs,
  funcs: { guestKernelBoots, sched_tick },
  adds: { steal_governor_init, steal_governor_work, steal_governor_ratio },
} satisfies Patch<Adds>;
