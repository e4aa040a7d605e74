// SPDX-License-Identifier: GPL-2.0-only
/** Calls one mirrored function of the model with stand-ins for all others, and tells what it did as the C side does. */
import * as arm64 from '../../arch/arm64/boot-vm.js';
import * as s390 from '../../arch/s390/boot-vm.js';
import { bootVm, newKvmState } from '../../arch/x86/boot-vm.js';
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { u64 } from '../../lib/types.js';
import type { CType, HeldCall, HeldEnding, HeldEvent, HeldResult, Value } from '../../native/extract/engine.js';
import { allocTask, initSched, newSchedState } from '../../sched/boot-sched.js';
import type { task_struct } from '../../sched/sched.js';
import { type AnyFunction, bind, type Kernel } from '../../vmlinux/bind.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { Case } from './cases.js';
import { type Field, type HeldParameters, NR_CPUS, NR_TASKS, NR_VCPUS } from './fields.js';

/** As many as the C side allows. */
const MAX_CALLS = 400;

/** The model's machine for held functions: four vCPUs of one VM, four CPUs, eight tasks. */
export function heldMachine(kernel: Kernel, vendor: 'vmx' | 'svm'): kernel_state_x86 & { held: HeldParameters } {
  const m = {
    cpu: 0,
    hrtimer: [],
    knobs: {},
    ...newSchedState({ cpus: NR_CPUS, HZ: 1000, now: u64(1_000_000_000) }),
    ...newKvmState(NR_CPUS),
    held: { jiffies: 0, exit: 0, kicked: 0 },
  } as unknown as kernel_state_x86 & { held: HeldParameters };
  const k = bind(kernel, m);
  initSched(k, NR_CPUS);
  bootVm(k, { vendor, vcpus: NR_VCPUS });
  for (let i = m.task.length; i < NR_TASKS; i++) allocTask(k);
  return m;
}

/** The same of a kernel for arm64. WHY as of x86: fields are reached by their paths, whatever the machine's type. */
export function heldArm64Machine(kernel: Kernel): kernel_state_x86 & { held: HeldParameters } {
  const m = {
    cpu: 0,
    hrtimer: [],
    knobs: {},
    ...newSchedState({ cpus: NR_CPUS, HZ: 1000, now: u64(1_000_000_000) }),
    ...arm64.newKvmState(NR_CPUS),
    held: { jiffies: 0, exit: 0, kicked: 0 },
  } as unknown as vmlinux_arm64['m'] & { held: HeldParameters };
  const k = bind(kernel as unknown as Kernel<vmlinux_arm64>, m);
  initSched(k, NR_CPUS);
  arm64.bootVm(k, { vcpus: NR_VCPUS });
  for (let i = m.task.length; i < NR_TASKS; i++) allocTask(k);
  return m as unknown as kernel_state_x86 & { held: HeldParameters };
}

/** ... and for s390. */
export function heldS390Machine(kernel: Kernel): kernel_state_x86 & { held: HeldParameters } {
  const m = {
    cpu: 0,
    hrtimer: [],
    knobs: {},
    ...newSchedState({ cpus: NR_CPUS, HZ: 1000, now: u64(1_000_000_000) }),
    ...s390.newKvmState(NR_CPUS),
    held: { jiffies: 0, exit: 0, kicked: 0 },
  } as unknown as vmlinux_s390['m'] & { held: HeldParameters };
  const k = bind(kernel as unknown as Kernel<vmlinux_s390>, m);
  initSched(k, NR_CPUS);
  s390.bootVm(k, { vcpus: NR_VCPUS });
  for (let i = m.task.length; i < NR_TASKS; i++) allocTask(k);
  return m as unknown as kernel_state_x86 & { held: HeldParameters };
}

class Endless extends Error {}

/** What the recorder knows of a stand-in's parameters and answer. */
export interface Known {
  readonly takes: readonly string[];
  readonly answer: CType;
}

/** Stand-ins that may leave the caller's CPU: in the model the rest of the caller then runs as a frame. */
const SLEEPERS = new Set([
  ...['kvm_vcpu_on_spin', 'kvm_vcpu_block', 'kvm_vcpu_halt', 'kvm_vcpu_wfi', 'schedule', 'vcpu_block', 'vcpu_run'],
  ...['kvm_arch_vcpu_ioctl_run', 'xfer_to_guest_mode_work'],
]);

/** Those that return a vCPU and not its number. */
const OBJECTS = new Set(['preempt_notifier_to_vcpu']);

/** One mirrored function, its callees replaced, on a machine. */
export class ModelSide {
  private readonly k: vmlinux_x86;
  private readonly m: kernel_state_x86;
  private call!: HeldCall;
  private events: { call: string; args: Value[]; changes: Map<number, Value> }[] = [];
  private seen: Value[] = [];
  private readonly asked = new Map<string, number>();
  private sleeps = false;
  notModelled = '';

  constructor(
    kernel: Kernel,
    machine: kernel_state_x86,
    private readonly as: string,
    private readonly one: Case,
    mirrored: ReadonlySet<string>,
    private readonly known: ReadonlyMap<string, Known>,
    private readonly fields: readonly Field[],
    private readonly followed: readonly number[],
  ) {
    this.m = machine;
    const table: Record<string, AnyFunction> = { ...kernel.table };
    for (const name of Object.keys(table)) {
      if (!mirrored.has(name) || name === as || name === 'get_current' || one.plain?.includes(name)) continue;
      table[name] = this.standIn(name);
    }
    const side = this;
    // jiffies is a variable, in C
    table['get_jiffies_64'] = () => (machine as unknown as { held: HeldParameters }).held.jiffies;
    table['heldReturns'] = (has: number, value: number) => (has ? value : undefined);
    // the turn of a busy loop that the model leaves out finds nothing
    table['whileBusy'] = function (this: vmlinux_x86, p: task_struct, fn: string, ...args: number[]) {
      side.record('kvm_vcpu_check_block', [args[0]!]);
      side.answer('kvm_vcpu_check_block');
      p.kernel_stack.push({ fn, args, waits: 0 });
    };
    this.k = bind({ ...kernel, table: Object.freeze(table) }, machine);
  }

  private read(i: number): Value {
    return this.fields[i]!.get(this.m);
  }

  private changes(numbers: readonly number[] | null): Map<number, Value> {
    const changed = new Map<number, Value>();
    const n = numbers === null ? this.fields.length : numbers.length;
    for (let j = 0; j < n; j++) {
      const i = numbers === null ? j : numbers[j]!;
      const now = this.read(i);
      if (now === this.seen[i]) continue;
      this.seen[i] = now;
      changed.set(i, now);
    }
    return changed;
  }

  private record(name: string, args: Value[]): void {
    if (this.events.length >= MAX_CALLS) throw new Endless();
    this.events.push({ call: name, args, changes: this.changes(this.followed) });
    const nth = this.events.filter((event) => event.call === name).length - 1;
    for (const write of this.call.writes) {
      if (write.call !== name || write.nth !== nth) continue;
      this.fields[write.field]!.set(this.m, write.value);
      this.seen[write.field] = this.read(write.field);
    }
  }

  private answer(name: string): Value {
    const list = this.call.answers.get(name);
    if (list === undefined || list.length === 0) return 0;
    const at = this.asked.get(name) ?? 0;
    this.asked.set(name, at + 1);
    return list[at % list.length]!;
  }

  private number(arg: unknown): Value {
    if (typeof arg === 'boolean') return Number(arg);
    if (typeof arg === 'number' || typeof arg === 'bigint') return arg;
    if (arg === null || arg === undefined) return -1;
    const object = arg as Record<string, unknown>;
    if ('vcpu_idx' in object || 'kernel_stack' in object) return object['id'] as number;
    if ('vcpus' in object) return object['id'] as number;
    if ('regs' in object && 'vcpu' in object) return object['vcpu'] as number;
    return Math.max(
      0,
      this.m.vcpu.findIndex((vcpu) => (vcpu.arch.pi_desc as unknown) === object),
    );
  }

  private standIn(name: string): AnyFunction {
    const known = this.known.get(name);
    const takes = known?.takes;
    return (...args: unknown[]) => {
      const n = takes === undefined ? args.length : takes.length;
      const numbers: Value[] = [];
      for (let i = 0; i < n; i++) numbers.push(takes?.[i] === 'opaque' ? 0 : this.number(args[i]));
      this.record(name, numbers);
      const type = known?.answer ?? { kind: 's', size: 4 };
      if (type.kind === 'v') return this.returns(name, undefined);
      const value = this.answer(name);
      if (OBJECTS.has(name)) return this.m.vcpu[Number(value)];
      return this.returns(name, type.kind === 'b' ? value !== 0 : value);
    };
  }

  /** The answer; or, from a callee that slept, none yet, and the answer when the caller is back. */
  private returns(name: string, value: unknown): unknown {
    if (!this.sleeps || !SLEEPERS.has(name)) return value;
    const has = value === undefined ? 0 : 1;
    this.k.get_current().kernel_stack.push({ fn: 'heldReturns', args: [has, Number(value ?? 0)], waits: 0 });
    return value;
  }

  /** Runs what is left on the stack, innermost first; what the outermost returned at last. */
  private unwind(value: unknown): unknown {
    const p = this.k.get_current();
    let result = value;
    while (p.kernel_stack.length > 0) {
      const stack = p.kernel_stack;
      const frame = stack[0]!;
      p.kernel_stack = [];
      result = (this.k as unknown as Record<string, AnyFunction>)[frame.fn]!.apply(this.k, frame.args);
      if (p.kernel_stack.length === 0) {
        stack.shift();
        p.kernel_stack = stack;
        if (stack.length > 0 && (typeof result === 'number' || typeof result === 'boolean'))
          stack[0]!.args.push(Number(result));
      } else for (let i = 1; i < stack.length; i++) p.kernel_stack.push(stack[i]!);
    }
    return result;
  }

  /** One call; `sleeps`: callees that can sleep do. */
  run(call: HeldCall, args: readonly unknown[], sleeps: boolean): HeldResult {
    this.call = call;
    this.events = [];
    this.asked.clear();
    this.sleeps = sleeps;
    this.notModelled = '';
    const m = this.m;
    m.cpu = call.cpu;
    m.rq[call.cpu]!.curr = call.task;
    m.warns = 0;
    m.task[call.task]!.kernel_stack = [];
    this.fields.forEach((f, i) => {
      f.set(m, call.state[i]!);
    });
    this.seen = this.fields.map((f) => f.get(m));
    let ending: HeldEnding = 'returned';
    let value: unknown = 0;
    try {
      const returned =
        this.one.call === undefined
          ? ((this.k as unknown as Record<string, AnyFunction>)[this.as] as AnyFunction).apply(this.k, [...args])
          : this.one.call(this.k, m, call.args);
      value = this.unwind(returned);
    } catch (error) {
      if (error instanceof NotModelled) this.notModelled = error.what;
      else if (error instanceof KernelBug) ending = error.kind === 'BUG_ON' ? 'BUG' : 'trap';
      else if (error instanceof Endless) ending = 'endless';
      else throw error;
    }
    m.task[call.task]!.kernel_stack = [];
    const events: HeldEvent[] = this.events;
    return { ending, value: this.number(value ?? 0), warnings: m.warns, events, changes: this.changes(null) };
  }
}
