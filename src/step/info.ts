// SPDX-License-Identifier: GPL-2.0-only
/** What `info` shows of a machine: runqueues as sched_debug has them, tasks, vCPUs, a local APIC's registers. */
import { columns } from '../base/text.js';
import { toBigInt } from '../lib/types.js';
import type { machine } from '../machine/state.js';
import { vcpuStateOf } from '../machine/vcpu-life.js';
import { registerText } from '../report/register-names.js';
import type { Kernel } from '../vmlinux/bind.js';
import { fairQueue } from './queue.js';

const signed = (n: bigint): string => (n < 0n ? String(n) : `+${n}`);

/** One fair queue: V, and its entities in order. A deadline is told from the vruntime on. */
export function queueLines(m: machine, kernel: Kernel, id: number): string[] {
  const { cpu, group, nr_running, V, entities } = fairQueue(m, kernel, id);
  const of = group === '' ? '' : ` of ${group}`;
  const head = `cfs_rq[${id}]${of} on CPU ${cpu}: ${nr_running} queued${V === null ? '' : `, V ${V}`}`;
  if (entities.length === 0) return [head];
  const rows = entities.map((se) => [
    `  se[${se.id}]`,
    se.name,
    String(se.vruntime),
    signed(se.deadline),
    String(se.slice),
    se.lag === null ? '' : String(se.lag),
    se.eligible === null ? '' : se.eligible ? 'yes' : 'no',
    String(se.weight),
    se.marks.join(' '),
  ]);
  const titles = ['', 'who', 'vruntime', 'deadline', 'slice', 'lag', 'elig', 'weight', ''];
  return [head, ...columns([titles, ...rows], [2, 3, 4, 5, 7])];
}

/** One CPU: who runs, and its fair queues from the root down. */
export function runqueueLines(m: machine, kernel: Kernel, cpu: number): string[] {
  const rq = m.rq[cpu];
  const curr = m.task[rq.curr];
  const resched = curr.tif_need_resched !== 0 ? ', need_resched' : '';
  const rt = rq.rt.queue.map((id) => m.task[id].comm).join(' ');
  return [
    `rq[${cpu}]: curr ${curr.comm} [task ${curr.id}], nr_running ${rq.nr_running}, clock ${toBigInt(rq.clock)}${resched}`,
    ...(rt === '' ? [] : [`  real-time: ${rt}`]),
    ...m.cfs_rq
      .filter((q) => q.rq === cpu && (q.tg === 0 || q.nr_running > 0))
      .flatMap((q) => queueLines(m, kernel, q.id)),
  ];
}

const STATES: Readonly<Record<number, string>> = { 0: 'R', 1: 'S', 2: 'D', 128: 'P', 512: 'W', 1026: 'I', 2048: 'N' };

export function taskLines(m: machine): string[] {
  const rows = m.task.map((p) => {
    const se = m.se[p.se];
    return [
      `task[${p.id}]`,
      p.comm,
      String(p.cpu),
      STATES[p.__state] ?? String(p.__state),
      p.on_cpu !== 0 ? 'runs' : p.on_rq !== 0 ? 'queued' : '',
      p.sched_class.replace('_sched_class', ''),
      String(p.prio),
      m.groupNames[p.sched_task_group] ?? '',
      `se[${se.id}]`,
    ];
  });
  return columns([['', 'comm', 'cpu', 'state', '', 'class', 'prio', 'group', ''], ...rows], [2, 6]);
}

export function vcpuLines(m: machine): string[] {
  if (m.vcpu.length === 0) return ['no vCPU in this machine'];
  const rows = m.vcpu.map((vcpu) => [
    `vcpu[${vcpu.id}]`,
    vcpu.pid >= 0 ? m.task[vcpu.pid].comm : '',
    m.vmNames[vcpu.kvm] ?? '',
    vcpuStateOf(m, vcpu),
    String(vcpu.cpu),
    vcpu.preempted ? 'yes' : 'no',
    vcpu.ready ? 'yes' : 'no',
    `0x${toBigInt(vcpu.requests).toString(16)}`,
  ]);
  return columns([['', 'thread', 'vm', 'life', 'cpu', 'preempted', 'ready', 'requests'], ...rows], [4]);
}

/** Where the 256-bit registers of a local APIC begin. */
const BITMAPS = { ISR: 0x100, TMR: 0x180, IRR: 0x200 } as const;

/** The register page of a vCPU's local APIC; null where it has none: arm64, or an APIC that userspace keeps. */
export function apicRegs(m: machine, vcpu: number): readonly number[] | null {
  const arch = m.vcpu[vcpu]?.arch as { apic?: { regs?: readonly number[] } | null } | undefined;
  return arch?.apic?.regs ?? null;
}

/** Vectors that are set in one of the 256-bit registers. */
export function vectorsIn(regs: readonly number[], bitmap: keyof typeof BITMAPS): string {
  const set: string[] = [];
  for (let v = 0; v < 256; v++)
    if ((((regs[(BITMAPS[bitmap] >> 2) + ((v >> 5) << 2)] ?? 0) >>> (v & 31)) & 1) === 1)
      set.push(`0x${v.toString(16)}`);
  return set.length === 0 ? 'none' : set.join(' ');
}

/** Registers of a local APIC that are not 0, and the vectors in IRR and ISR. */
export function lapicLines(m: machine, vcpu: number): string[] {
  const regs = apicRegs(m, vcpu);
  if (regs === null) return [`vcpu[${vcpu}] has no local APIC`];
  const isBitmap = (offset: number): boolean => offset >= 0x100 && offset < 0x280;
  const rows = [...regs.keys()]
    .map((i) => ({ offset: i << 2, value: regs[i] >>> 0 }))
    .filter(({ offset, value }) => value !== 0 && !isBitmap(offset))
    .map(({ offset, value }) => [`  0x${offset.toString(16)}`, registerText(offset), `0x${value.toString(16)}`]);
  return [
    `local APIC of vcpu[${vcpu}]`,
    `  IRR ${vectorsIn(regs, 'IRR')}`,
    `  ISR ${vectorsIn(regs, 'ISR')}`,
    `  TMR ${vectorsIn(regs, 'TMR')}`,
    ...columns(rows),
  ];
}

export function timerLines(m: machine): string[] {
  const since = (ns: bigint): string => String(ns - toBigInt(m.bootClock));
  const timers = m.hrtimer
    .filter(({ queued }) => queued !== 0)
    .map(({ id, expires, function: callback, cpu }) => [
      `hrtimer[${id}]`,
      callback,
      `CPU ${cpu}`,
      since(toBigInt(expires)),
    ]);
  const ticks = m.nextTick.flatMap((ns, cpu) => (ns < 0 ? [] : [['tick', '', `CPU ${cpu}`, since(BigInt(ns))]]));
  if (timers.length + ticks.length === 0) return ['no timer is armed'];
  return columns([['timer', 'callback', '', 'expires, ns since boot'], ...timers, ...ticks], [3]);
}
