// SPDX-License-Identifier: GPL-2.0-only
/**
 * Two CPUs in the same lockless code: what one does in the middle of what the other does, at every point there is.
 *
 * A point is a call of a mirrored function: that is where the mirrored code has its READ_ONCE, WRITE_ONCE and barriers.
 * At a point of the one CPU the other's whole action runs, and the first continues with what it finds. So of all orders
 * those with two changes of CPU are tried, all of them; races that need a third are not found. Sequentially consistent.
 *
 * The scheduler's functions have no points inside: they run under the run queue's lock.
 */
import * as core from '../../src/sched/core.js';
import * as cpupri from '../../src/sched/cpupri.js';
import * as deadline from '../../src/sched/deadline.js';
import * as fair from '../../src/sched/fair.js';
import * as idle from '../../src/sched/idle.js';
import * as pelt from '../../src/sched/pelt.js';
import * as rt from '../../src/sched/rt.js';
import * as sched from '../../src/sched/sched.js';
import * as sched_class from '../../src/sched/sched-class.js';
import * as stats from '../../src/sched/stats.js';
import * as stop_task from '../../src/sched/stop_task.js';
import * as syscalls from '../../src/sched/syscalls.js';
import * as topology from '../../src/sched/topology.js';
import type { AnyFunction, Kernel } from '../../src/vmlinux/bind.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

const LOCKED = new Set(
  [core, cpupri, deadline, fair, idle, pelt, rt, sched, sched_class, stats, stop_task, syscalls, topology].flatMap(
    (module) => Object.keys(module),
  ),
);

/** A kernel in which another CPU can step in. */
export interface Interleavable {
  readonly kernel: Kernel;
  /**
   * Runs `action`, with `intruder` at its n-th point, on another CPU: m.cpu is as before when it is over. Returns the
   * name of the function whose call was that point; '' when the action has fewer points, and the intruder did not run.
   */
  run(k: vmlinux_x86, action: () => void, n: number, intruder: () => void): string;
}

/** The kernel with points. Bind it and do everything with it, also what needs no interleaving. */
export function interleavable(kernel: Kernel): Interleavable {
  let left = 0;
  let locked = 0;
  let at = '';
  let intruder: () => void = () => {};

  function point(k: vmlinux_x86, name: string): void {
    // names with a hump are ours: before them nothing of Linux has happened since the last point
    if (left === 0 || locked > 0 || !/^[a-z0-9_]+$/.test(name)) return;
    left--;
    if (left > 0) return;
    at = name;
    const { cpu } = k.m;
    intruder();
    k.m.cpu = cpu;
  }

  const table: Record<string, AnyFunction> = {};
  for (const [name, fn] of Object.entries(kernel.table)) {
    table[name] = LOCKED.has(name)
      ? function (this: vmlinux_x86, ...args: unknown[]) {
          point(this, name);
          locked++;
          try {
            return fn.apply(this, args);
          } finally {
            locked--;
          }
        }
      : function (this: vmlinux_x86, ...args: unknown[]) {
          point(this, name);
          return fn.apply(this, args);
        };
  }

  return {
    kernel: { ...kernel, name: kernel.name, table: Object.freeze(table) },
    run(_k, action, n, other) {
      left = n;
      locked = 0;
      at = '';
      intruder = other;
      try {
        action();
      } finally {
        left = 0;
      }
      return at;
    },
  };
}

/** What an interleaving is tried on, made anew for every point. */
export interface Race {
  k: vmlinux_x86;
  /** on the one CPU */
  action: () => void;
  /** on the other */
  intruder: () => void;
  /** what is wrong in the end; empty when nothing is */
  faults: () => string[];
}

/** Where it went wrong, and how. */
export interface RaceFault {
  /** ordinal of the point, 1-based, and the function that was about to be called */
  point: number;
  before: string;
  faults: string[];
}

/** Tries the intruder at every point of the action. Returns how many there were, and every one that went wrong. */
export function tryEveryPoint(it: Interleavable, make: () => Race): { points: number; faults: RaceFault[] } {
  const faults: RaceFault[] = [];
  for (let n = 1; ; n++) {
    const race = make();
    const before = it.run(race.k, race.action, n, race.intruder);
    if (before === '') return { points: n - 1, faults };
    const found = race.faults();
    if (found.length > 0) faults.push({ point: n, before, faults: found });
  }
}
