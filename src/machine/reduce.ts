// SPDX-License-Identifier: GPL-2.0-only
/**
 * The driver for stepping: the pure reducer. The recipe runs on a plain machine, and what it changed there is told to a draft of the
 * immutable one: Immer shares what stayed, freezes what is new and makes the patches.
 *
 * WHY not the recipe on the draft: every read of it goes through a proxy, and an event reads a thousand times what it writes.
 */
import { enablePatches, type Patch, produceWithPatches } from 'immer';
import type { MachineEvent } from '../scenario/events.js';
import type { trace_event } from '../trace/trace-event.js';
import { bind, type Kernel } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import { apply } from './apply.js';
import { type Changed, changedIn, GONE } from './changed.js';
import { cloneMachine, copyPlain } from './clone.js';
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

/** A plain machine that is alike one that was returned, bound to its kernel. */
interface Plain {
  readonly like: machine;
  readonly kernel: Kernel;
  readonly k: vmlinux_x86;
  traces: trace_event[];
}

/** The last: who goes on from there need not copy it. */
let last: Plain | null = null;

function plainOf(kernel: Kernel, before: machine): Pick<Plain, 'k' | 'kernel' | 'traces'> {
  if (last?.like === before && last.kernel === kernel) return last;
  const plain = { kernel, traces: [] as trace_event[] };
  return Object.assign(plain, { k: bind(kernel, cloneMachine(before), (hit) => void plain.traces.push(hit)) });
}

/** (machine, event) -> the next machine. Never changes what it is given; throws what the kernel throws. */
export function reduce(kernel: Kernel, before: machine, event: MachineEvent): Reduced {
  const plain = plainOf(kernel, before);
  // what throws leaves it halfway
  last = null;
  plain.traces = [];
  apply(plain.k, event);
  const changed = changedIn(before, plain.k.m) ?? [];
  const [after, patches, inversePatches] = produceWithPatches(before, (draft) => {
    assign(draft as unknown as Members, changed);
  });
  last = Object.assign(plain, { like: after });
  return { machine: after, patches, inversePatches, traces: plain.traces };
}

type Members = Record<string | number, unknown>;

function assign(draft: Members, changed: readonly Changed[]): void {
  for (const { key, value, inside } of changed)
    if (value === GONE) delete draft[key];
    else if (inside === null) draft[key] = copyPlain(value);
    else assign(draft[key] as Members, inside);
}
