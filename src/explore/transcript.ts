// SPDX-License-Identifier: GPL-2.0-only
/** A run told event by event, on one kernel or on two beside each other. */
import { KernelBug, NotModelled } from '../lib/bug.js';
import { sub, toBigInt } from '../lib/types.js';
import { cloneMachine } from '../machine/clone.js';
import type { machine } from '../machine/state.js';
import type { TranscriptStep } from '../report/check-report.js';
import { traceText } from '../report/trace-text.js';
import type { MachineEvent } from '../scenario/events.js';
import type { Scenario } from '../scenario/scenario.js';
import type { trace_event } from '../trace/trace-event.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { changesBetween, knownFields } from './changes.js';
import type { Engine } from './engine.js';

/** One kernel on its way through the events. */
class Teller {
  private readonly traces: trace_event[] = [];
  private readonly m: machine;
  private readonly bound: vmlinux_x86;
  private stopped: string | null = null;

  constructor(
    private readonly engine: Engine,
    readonly kernel: Kernel,
    scenario: Scenario,
    private readonly known: ReadonlySet<string>,
  ) {
    this.m = engine.boot(kernel, scenario);
    this.bound = bind(kernel, this.m, (event) => this.traces.push(event));
  }

  /** What the event did: tracepoints, then changed fields. */
  tell(event: MachineEvent): string[] {
    if (this.stopped !== null) return [];
    this.traces.length = 0;
    const legal = this.engine.legal(this.m, event);
    const before = cloneMachine(this.m);
    try {
      this.engine.apply(this.bound, event);
    } catch (thrown) {
      if (!(thrown instanceof KernelBug || thrown instanceof NotModelled)) throw thrown;
      this.stopped = thrown.message;
    }
    const did = [...this.traces.map(traceText), ...changesBetween(before, this.m, this.known)];
    if (this.stopped !== null) did.unshift(this.stopped);
    if (did.length > 0) return did;
    if (!legal) return ['(not legal here)'];
    return ['advance', 'step'].includes(event.ev) ? did : ['(no effect but on bookkeeping)'];
  }

  get ns(): string {
    return String(toBigInt(sub(this.m.sched_clock, this.m.bootClock)));
  }
}

/**
 * Tells a run on each of the kernels. `pin` is a kernel without any series: fields that its machines lack are a
 * series' own and come first. The time is the last kernel's.
 */
export function transcriptOf(
  engine: Engine,
  pin: Kernel,
  kernels: readonly Kernel[],
  scenario: Scenario,
  events: readonly MachineEvent[],
): TranscriptStep[] {
  const known = knownFields(engine.boot(pin, scenario));
  const tellers = kernels.map((kernel) => new Teller(engine, kernel, scenario, known));
  return events.map((event, index) => {
    const did: Record<string, string[]> = {};
    for (const teller of tellers) did[teller.kernel.name] = teller.tell(event);
    return { index, ns: tellers[tellers.length - 1].ns, event, did };
  });
}
