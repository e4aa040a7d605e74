// SPDX-License-Identifier: GPL-2.0-only
/** The driver for stepping: the pure reducer. The same recipe, run on a draft of an immutable machine. */
import { enablePatches, type Patch, produceWithPatches } from 'immer';
import type { MachineEvent } from '../scenario/events.js';
import type { trace_event } from '../trace/trace-event.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import { apply } from './apply.js';
import type { machine } from './state.js';

enablePatches();

export interface Reduced {
  /** the machine after the event; shares what did not change with the one before */
  machine: machine;
  /** from before to after */
  patches: Patch[];
  /** from after to before: a step back */
  inversePatches: Patch[];
  /** tracepoints hit, in order */
  traces: trace_event[];
}

/** (machine, event) -> the next machine. Never changes what it is given; throws what the kernel throws. */
export function reduce(kernel: Kernel, before: machine, event: MachineEvent): Reduced {
  const traces: trace_event[] = [];
  const [after, patches, inversePatches] = produceWithPatches(before, (draft) => {
    apply(
      bind(kernel, draft as unknown as machine, (t) => traces.push(t)),
      event,
    );
  });
  return { machine: after, patches, inversePatches, traces };
}
