// SPDX-License-Identifier: GPL-2.0-only
/** Executes operations on a kernel of the model, and shows the scheduler's state in the recorded form. */
import { type i64, u64 } from '../../lib/types.js';
import { cloneMachine } from '../../machine/clone.js';
import type { ConformState, CpuState, Operation, Word } from '../../operation/sched.js';
import { initSched, newSchedState } from '../../sched/boot-sched.js';
import { NULL, type rq, type sched_entity } from '../../sched/sched.js';
import { bind, type Kernel } from '../../vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { performOperation } from './operation-table.js';
import { averageOf, isEligible, stateWords } from './state-words.js';
import { taskNumber, tasksInOrder } from './task-order.js';

/** One scheduler under test, from its initial state: sched_clock 1 s, all CPUs idle, HZ 1000. */
export interface Engine {
  /** Executes one operation and returns what its entry point returned. */
  execute(op: Operation): number;
  /** The state now. Reading it changes nothing. */
  state(): ConformState;
  /**
   * All 64-bit words of the state in the order of the native engine, signed: numbers within +-(2^53 - 1), BigInts
   * beyond. `more` adds clocks, load tracking and the shape of the trees.
   */
  words(more: boolean): (number | bigint)[];
}

/** A 64-bit integer as the recording prints it. */
export function word(x: i64): Word {
  const v = x as unknown as number | bigint;
  return typeof v === 'number' ? v : v.toString();
}

/** The machine of an engine: a scheduler, and nothing of KVM. */
function newMachine(kernel: Kernel, cpus: number): kernel_state_x86 {
  const sched_feat = kernel.sched_feat ?? {};
  const sched = newSchedState({ cpus, HZ: 1000, NO_HZ_COMMON: false, now: u64(1_000_000_000), sched_feat });
  // WHY copied: a literal with a spread in it has not always the same hidden class; a copy has.
  return cloneMachine({
    ...sched,
    cpu: 0,
    hardirq: 0,
    hrtimer: [],
    kvm: [],
    vcpu: [],
    kvm_running_vcpu: Array.from({ length: cpus }, () => NULL),
    host_irq: Array.from({ length: cpus }, () => []),
  } as unknown as kernel_state_x86);
}

const warnedAt = new WeakMap<kernel_state_x86, Set<string>>();
/** reschedule IPIs sent to each CPU */
const reschedules = new WeakMap<kernel_state_x86, number[]>();
const withOnce = new WeakMap<Kernel, Kernel>();

function warned(k: vmlinux_x86, where: string): void {
  const places = warnedAt.get(k.m);
  if (places === undefined || places.has(where)) return;
  places.add(where);
  k.m.warns++;
}

/** WARN_ONCE() as it counts in C: the model's reports a place each time, the recorded `w` each place once. */
function warnOnce(this: vmlinux_x86, condition: boolean, where: string): boolean {
  if (condition) warned(this, where);
  return condition;
}

function countingOnce(kernel: Kernel): Kernel {
  let counting = withOnce.get(kernel);
  if (counting === undefined) {
    const trace_ipi_send_cpu = kernel.table['trace_ipi_send_cpu']!;
    // What the interrupt of a queued wake-up is to the driver is no reschedule IPI.
    const counted = function (this: vmlinux_x86, cpu: number, callsite: string, callback: string): void {
      const sent = reschedules.get(this.m);
      if (sent !== undefined && callsite !== '__smp_call_single_queue') sent[cpu]++;
      trace_ipi_send_cpu.call(this, cpu, callsite, callback);
    };
    const table = { ...kernel.table, warnOn: warnOnce, trace_ipi_send_cpu: counted };
    counting = { ...kernel, table: Object.freeze(table) };
    withOnce.set(kernel, counting);
  }
  return counting;
}

/** An engine of the model; its kernel can be looked at and called. */
export interface ModelEngine extends Engine {
  readonly kernel: vmlinux_x86;
}

/** Makes an engine on `kernel` with `cpus` CPUs. */
export function modelEngine(kernel: Kernel, cpus: number): ModelEngine {
  const k = bind(countingOnce(kernel), newMachine(kernel, cpus));
  warnedAt.set(k.m, new Set());
  const sent = Array.from({ length: cpus }, () => 0);
  reschedules.set(k.m, sent);
  initSched(k, cpus);
  const firstTask = k.m.task.length;
  return {
    kernel: k,
    execute: (op) => execute(k, firstTask, op),
    state: () => stateOf(k, firstTask),
    words: (more) => stateWords(k, firstTask, more, sent),
  };
}

function execute(k: vmlinux_x86, firstTask: number, op: Operation): number {
  const m = k.m;
  m.cpu = op.cpu;
  const r = performOperation({ k, firstTask }, op);
  const waits = ({ cpu, wake_list }: rq): boolean => wake_list.length > 0 || m.rd.rto_push_work === cpu;
  do {
    // RESCHED is an operation of its own: nobody hears of the interrupts that ask for it.
    for (const vectors of m.host_irq) vectors.length = 0;
    // The interrupts of what is queued for a CPU come in right after the operation; one may queue for another CPU.
    while (m.rq.some(waits)) {
      for (const rq of m.rq) {
        if (!waits(rq)) continue;
        m.cpu = rq.cpu;
        k.__flush_smp_call_function_queue();
      }
    }
  } while (k.runKernelThreads());
  for (const vectors of m.host_irq) vectors.length = 0;
  return r;
}

/** How the recording names an entity: a task's number, 1000 + g for that of group g, -1 for NULL and idle tasks. */
function entityName(k: vmlinux_x86, firstTask: number, id: number): number {
  if (id === NULL) return NULL;
  const se = k.m.se[id];
  if (se.task !== NULL) return taskNumber(k, firstTask, se.task);
  return 1000 + k.m.cfs_rq[se.my_q].tg;
}

function seWords(se: sched_entity): Word[] {
  return [
    word(se.load.weight),
    se.on_rq,
    se.sched_delayed,
    se.rel_deadline,
    se.custom_slice,
    word(se.vruntime),
    word(se.deadline),
    word(se.vlag),
    word(se.slice),
    word(se.min_vruntime),
    word(se.min_slice),
    word(se.exec_start),
    word(se.sum_exec_runtime),
    word(se.prev_sum_exec_runtime),
  ];
}

function cpuState(k: vmlinux_x86, firstTask: number, cpu: number): CpuState {
  const m = k.m;
  const rq = m.rq[cpu];
  const curr = m.task[rq.curr];
  const cfs: Word[][] = [];
  const gse: (Word[] | null)[] = [];
  for (const tg of m.task_group) {
    const q = m.cfs_rq[tg.cfs_rq[cpu]];
    const V = averageOf(k, q);
    cfs.push([
      word(q.load.weight),
      q.nr_running,
      q.h_nr_queued,
      q.h_nr_runnable,
      word(q.avg_vruntime),
      word(q.avg_load),
      word(q.min_vruntime ?? q.zero_vruntime),
      word(V),
      entityName(k, firstTask, q.curr),
      entityName(k, firstTask, q.next),
      word(q.avg.load_avg),
    ]);
    gse.push(tg.se[cpu] === NULL ? null : seWords(m.se[tg.se[cpu]]));
  }
  return {
    rq: [
      taskNumber(k, firstTask, rq.curr),
      curr.tif_need_resched,
      rq.nr_running,
      word(rq.clock),
      word(rq.clock_task),
      word(rq.nr_switches),
      rq.clock_update_flags,
    ],
    cfs,
    gse,
  };
}

/** The state of the scheduler that `k` is bound to, in the recorded form; tasks are counted from `firstTask`. */
export function stateOf(k: vmlinux_x86, firstTask: number): ConformState {
  const m = k.m;
  const t: Word[][] = [];
  const { tasks, threads } = tasksInOrder(k, firstTask);
  for (const id of [...tasks, ...threads]) {
    const p = m.task[id];
    const se = m.se[p.se];
    t.push([p.on_rq, p.__state, p.cpu, p.static_prio, isEligible(k, se) ? 1 : 0, ...seWords(se)]);
  }
  return { now: word(m.sched_clock), w: m.warns, cpu: m.rq.map((rq) => cpuState(k, firstTask, rq.cpu)), t };
}
