// SPDX-License-Identifier: GPL-2.0-only
/** The model's machine beside the native one: what a scenario and each event are as operations, and the state behind each. */
import { KernelBug, NotModelled } from '../../lib/bug.js';
import { apply } from '../../machine/apply.js';
import { boot } from '../../machine/boot.js';
import { legal } from '../../machine/event-table.js';
import type { machine } from '../../machine/state.js';
import type { PipeOperation } from '../../native/format.js';
import type { MachineEvent } from '../../scenario/events.js';
import type { Scenario } from '../../scenario/scenario.js';
import { bind, type Kernel } from '../../vmlinux/bind.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { guestOperation, type Recorded, type RecordedCall, recordedCalls } from './guest-operations.js';
import { eventOperation, setupOperations } from './operations.js';
import { machineWords } from './words.js';

/** Of each event, the operation that stands for it in C; null for one that was not legal. */
export interface ModelStep {
  readonly op: PipeOperation | null;
  readonly words: readonly (number | bigint)[];
}

export interface ModelEnding {
  /** the event at which it ended */
  readonly event: number;
  readonly kind: string;
  readonly what: string;
}

const reschedules = new WeakMap<kernel_state_x86, number[]>();
const recordings = new WeakMap<kernel_state_x86, Recorded>();
const watching = new WeakMap<Kernel, Kernel>();

/** Callsites whose IPI is no reschedule IPI. */
const CALLS = ['__smp_call_single_queue', 'smp_call_function_many_cond'];

/** The kernel, counting the reschedule IPIs and noting what guests ask of their CPU. */
function watched(kernel: Kernel): Kernel {
  let found = watching.get(kernel);
  if (found === undefined) {
    const trace_ipi_send_cpu = kernel.table['trace_ipi_send_cpu']!;
    const counted = function (this: vmlinux_x86, cpu: number, callsite: string, callback: string): void {
      const sent = reschedules.get(this.m) ?? [];
      reschedules.set(this.m, sent);
      if (!CALLS.includes(callsite)) sent[cpu] = (sent[cpu] ?? 0) + 1;
      trace_ipi_send_cpu.call(this, cpu, callsite, callback);
    };
    const noted = recordedCalls(kernel, (m) => recordings.get(m) ?? null);
    found = { ...kernel, table: Object.freeze({ ...kernel.table, ...noted, trace_ipi_send_cpu: counted }) };
    watching.set(kernel, found);
  }
  return found;
}

/** A machine of the model, from its boot on. */
export class ModelMachine {
  readonly m: machine;
  readonly setup: readonly PipeOperation[];
  private readonly k: vmlinux_x86;
  private readonly calls: RecordedCall[] = [];

  constructor(kernel: Kernel, scenario: Scenario) {
    const own = watched(kernel);
    this.setup = setupOperations(scenario);
    this.m = boot(own, scenario);
    // as the C code is configured
    this.m.NO_HZ_COMMON = false;
    this.k = bind(own, this.m);
    recordings.set(this.m, { calls: this.calls, depth: 0 });
  }

  words(): readonly (number | bigint)[] {
    const sent = reschedules.get(this.m) ?? [];
    return machineWords(
      this.k,
      this.m.rq.map((_, cpu) => sent[cpu] ?? 0),
    );
  }

  /** What the event is in C, from the state before it; then the event. */
  apply(event: MachineEvent): ModelStep {
    if (!legal(this.m, event)) return { op: null, words: [] };
    let op = eventOperation(this.m, event);
    this.calls.length = 0;
    apply(this.k, event);
    // what a program asked for
    if (event.ev === 'step') op = guestOperation(event.cpu, this.calls);
    return { op, words: this.words() };
  }

  endingOf(error: unknown, event: number): ModelEnding {
    if (error instanceof KernelBug)
      return { event, kind: error.kind === 'BUG_ON' ? 'bug' : 'oops', what: error.message };
    if (error instanceof NotModelled) return { event, kind: 'not-modelled', what: error.message };
    return { event, kind: 'oops', what: error instanceof Error ? error.message : String(error) };
  }
}
