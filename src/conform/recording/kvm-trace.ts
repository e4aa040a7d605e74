// SPDX-License-Identifier: GPL-2.0-only
/**
 * Holds kvm_vcpu_on_spin() against ftrace of a real KVM with kprobes on it: every candidate it asks about, in order,
 * whom it yields to, and what it remembers for the next time.
 *
 * The recording gives what the model cannot know: when a vCPU is scheduled in and out, what the hooks answer, what
 * yield_to() returns. The model decides with it, and the recording says whether Linux decided the same. Lines used
 * (the rest is passed over), `vcpu` being the vcpu_id:
 *
 *   on_spin: ... vcpu=V kmode=K            on_spin_ret: ... vcpu=V
 *   dy_has_pending: ... vcpu=V ret=R       preempted_in_kernel: ... vcpu=V ret=R
 *   yield_to_task_fair_ret: ... p=PID ret=1                        a yield, as it happens
 *   yield_to_vcpu_ret: ... target=V ret=R                          its result, when the yielder is back
 *   sched_out: ... vcpu=V preempted=P ready=R     sched_in: ... vcpu=V
 */

import { bootVm, newKvmState } from '../../arch/x86/boot-vm.js';
import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import { BadInput, type Fault, reject } from '../../base/faults.js';
import { KVM_MAX_VCPUS } from '../../kvm/kvm_host.js';
import { u64 } from '../../lib/types.js';
import { initSched, newSchedState } from '../../sched/boot-sched.js';
import { type AnyFunction, bind, type Kernel } from '../../vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';

/** One line of the recording. */
interface Line {
  /** 1-based, in the file */
  number: number;
  task: string;
  event: string;
  values: Record<string, number>;
}

/** What was compared. */
export interface KvmTraceResult {
  /** kvm_vcpu_on_spin() calls */
  calls: number;
  /** hooks asked and yields made in them */
  decisions: number;
  differences: { line: number; linux: string; model: string }[];
}

/** A line of ftrace is shorter; what is longer is no event, and matching it would take time. */
const LINE_MAX = 4096;
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  on_spin: ['vcpu', 'kmode'],
  on_spin_ret: ['vcpu'],
  dy_has_pending: ['vcpu', 'ret'],
  preempted_in_kernel: ['vcpu', 'ret'],
  yield_to_task_fair_ret: ['p', 'ret'],
  yield_to_vcpu_ret: ['target', 'ret'],
  sched_out: ['vcpu', 'preempted', 'ready'],
  sched_in: ['vcpu'],
};

const EVENTS =
  /^\s*(\S.*-\d+)\s+\[\d+\]\s+\S+\s+[\d.]+: (on_spin|on_spin_ret|dy_has_pending|preempted_in_kernel|yield_to_task_fair_ret|yield_to_vcpu_ret|sched_out|sched_in): (.*)$/;

/** The lines used. Throws BadInput with every line that lacks a field or names a vCPU that no VM has. */
function parse(text: string, input: string): Line[] {
  const lines: Line[] = [];
  const faults: Fault[] = [];
  text.split('\n').forEach((raw, i) => {
    const match = raw.length > LINE_MAX ? null : EVENTS.exec(raw);
    if (match === null) return;
    const values: Record<string, number> = {};
    for (const [, key, value] of match[3].matchAll(/\b([a-z]+)=(-?\d+)\b/g)) values[key] = Number(value);
    const line = { number: i + 1, task: match[1], event: match[2], values };
    const wrong = FIELDS[line.event].map((field) => fieldFault(line, field)).filter((f) => f !== null);
    if (wrong.length === 0) lines.push(line);
    faults.push(...wrong);
  });
  if (faults.length > 0) throw new BadInput(input, faults);
  if (!lines.some((l) => l.event === 'on_spin'))
    reject(
      input,
      'recording',
      'the file',
      'a call of kvm_vcpu_on_spin() (a line `on_spin: ... vcpu=V kmode=K`)',
      'none',
    );
  return lines;
}

function fieldFault(line: Line, field: string): Fault | null {
  const value = line.values[field];
  const place = `line ${line.number}`;
  if (value === undefined) return { code: 'field', place, expected: `${field}= in ${line.event}`, got: 'nothing' };
  const names = field === 'vcpu' || field === 'target';
  if (!names || (value >= 0 && value < KVM_MAX_VCPUS)) return null;
  return { code: 'range', place, expected: `${field}=0 to ${KVM_MAX_VCPUS - 1}`, got: String(value) };
}

/** What one call asks and is told, in the order of the recording, and where in it. */
interface Call {
  me: number;
  kmode: boolean;
  answers: { at: number; line: Line }[];
}

/** Replays every scenario of the recording on the kernel. Throws BadInput where the text is no such recording. */
export function replayKvmTrace(kernel: Kernel, text: string, input = 'recording'): KvmTraceResult {
  const result: KvmTraceResult = { calls: 0, decisions: 0, differences: [] };
  const lines = parse(text, input);
  const pids = pidsOf(lines);
  const vcpus = lines.reduce((most, l) => Math.max(most, l.values['vcpu'] ?? 0, l.values['target'] ?? 0), 0) + 1;
  const replay = new Replay(kernel, vcpus, lines, pids, result);
  lines.forEach((line, at) => {
    replay.step(line, at);
  });
  return result;
}

/** pid of the thread that runs a vCPU, from the tasks that are scheduled out as it. */
function pidsOf(lines: readonly Line[]): Map<number, number> {
  const pids = new Map<number, number>();
  for (const l of lines) {
    if (l.event === 'sched_out' || l.event === 'sched_in') {
      pids.set(Number(l.task.slice(l.task.lastIndexOf('-') + 1)), l.values['vcpu']);
    }
  }
  return pids;
}

class Replay {
  private readonly k: vmlinux_x86;
  private readonly m: kernel_state_x86;
  /** by vcpu_id: the rest of its call, left when it yielded */
  private readonly frames = new Map<number, ReturnType<vmlinux_x86['get_current']>['kernel_stack']>();
  private call: Call | null = null;
  private position = 0;

  constructor(
    kernel: Kernel,
    vcpus: number,
    private readonly lines: readonly Line[],
    private readonly pids: ReadonlyMap<number, number>,
    private readonly result: KvmTraceResult,
  ) {
    const m = {
      cpu: 0,
      hrtimer: [],
      knobs: {},
      ...newSchedState({ cpus: 1, HZ: 250, now: u64(1_000_000_000) }),
      ...newKvmState(1),
    } as kernel_state_x86;
    this.m = m;
    const hooks: Record<string, AnyFunction> = {
      kvm_arch_dy_has_pending_interrupt: (vcpu: kvm_vcpu) => this.answer('dy_has_pending', vcpu) !== 0,
      kvm_arch_vcpu_preempted_in_kernel: (vcpu: kvm_vcpu) => this.answer('preempted_in_kernel', vcpu) !== 0,
      kvm_vcpu_yield_to: (vcpu: kvm_vcpu) => this.answer('yield', vcpu),
    };
    this.k = bind({ ...kernel, table: Object.freeze({ ...kernel.table, ...hooks }) }, m);
    initSched(this.k, 1);
    bootVm(this.k, { vendor: 'svm', vcpus, x2apic: true });
  }

  step(line: Line, at: number): void {
    this.flags(line);
    const me = line.values['vcpu'];
    if (line.event === 'on_spin') this.begin(line, at);
    if (line.event === 'on_spin_ret') this.end(me);
  }

  /** preempted and ready, as scheduling has them. */
  private flags(line: Line): void {
    if (line.event !== 'sched_out' && line.event !== 'sched_in') return;
    const vcpu = this.m.vcpu[line.values['vcpu']];
    vcpu.preempted = line.values['preempted'] === 1;
    vcpu.ready = line.values['ready'] === 1;
  }

  private begin(line: Line, at: number): void {
    const call: Call = { me: line.values['vcpu'], kmode: line.values['kmode'] === 1, answers: [] };
    for (let i = at + 1; i < this.lines.length; i++) {
      const l = this.lines[i];
      if (l.task !== line.task) continue;
      if (l.event === 'on_spin_ret' || l.event === 'sched_out') break;
      // a yield shows twice: as it happens, and when it returns
      if (l.event === 'yield_to_vcpu_ret' && l.values['ret'] === 1) continue;
      call.answers.push({ at: i, line: l });
    }
    const flags = this.m.vcpu.map((v) => [v.preempted, v.ready] as const);
    this.result.calls++;
    this.call = call;
    this.position = at;
    const current = this.k.get_current();
    current.kernel_stack = [];
    this.k.kvm_vcpu_on_spin(this.m.vcpu[call.me], call.kmode);
    if (call.answers.length > 0) this.differ(call.answers[0].line, this.shown(call.answers[0].line), 'nothing more');
    this.call = null;
    this.m.vcpu.forEach((v, i) => {
      [v.preempted, v.ready] = flags[i];
    });
    // what was left waits for the line that says that the call returned
    this.frames.set(call.me, current.kernel_stack);
    current.kernel_stack = [];
  }

  private end(me: number): void {
    const current = this.k.get_current();
    current.kernel_stack = this.frames.get(me) ?? [];
    this.k.unwindKernelStack(0);
    this.frames.delete(me);
  }

  /** The model asks: is it what Linux asked next? Then what Linux was told. */
  private answer(what: 'dy_has_pending' | 'preempted_in_kernel' | 'yield', vcpu: kvm_vcpu): number {
    const call = this.call;
    if (call === null) throw new Error('a hook outside of a call');
    this.result.decisions++;
    const next = call.answers.shift();
    const model = `${what} vcpu ${vcpu.vcpu_id}`;
    if (next === undefined) {
      this.differ(this.lines[this.position], 'nothing more', model);
      return 0;
    }
    // what other CPUs did until then
    for (let i = this.position + 1; i < next.at; i++) this.flags(this.lines[i]);
    this.position = next.at;
    if (this.shown(next.line) !== model) this.differ(next.line, this.shown(next.line), model);
    return next.line.values['ret'];
  }

  private shown(line: Line): string {
    if (line.event === 'yield_to_task_fair_ret') return `yield vcpu ${this.pids.get(line.values['p']) ?? '?'}`;
    if (line.event === 'yield_to_vcpu_ret') return `yield vcpu ${line.values['target']}`;
    return `${line.event} vcpu ${line.values['vcpu']}`;
  }

  private differ(line: Line, linux: string, model: string): void {
    this.result.differences.push({ line: line.number, linux, model });
  }
}
