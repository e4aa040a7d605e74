// SPDX-License-Identifier: GPL-2.0-only
/** The whole machine: one tree of plain values. */
import type { Program } from '../guest/instructions.js';
import type { u64 } from '../lib/types.js';
import type { kernel_state } from '../series/vmlinux.js';

/** What a task does by itself: its program and how far it is. Parallel to `task`. */
export interface Actor {
  /** index into `programs`; -1: runs for ever, or events decide */
  program: number;
  pc: number;
  /** ns left of the present instruction; -1 when it has no duration or has not begun */
  left: number;
  /** host: wall time at which a sleeping task is woken, ns; -1 when none */
  wakeAt: number;
  /** guest: interrupt vectors in service in the guest, outermost first, with ns left of the handler */
  handlers: { vector: number; left: number }[];
  /** guest: spinning on this lock, -1 none, -2 on acknowledgement of its IPIs */
  spinning: number;
  /** ns left until the next PAUSE exit while spinning */
  pauseIn: number;
  /** guest: IPIs sent and not yet ended by their receivers, [vcpu, vector] */
  unacked: [number, number][];
  /** guest: deadline of the halt-polling phase, ns; -1 when not polling */
  pollUntil: number;
  /** whole runs of the program, a measure of throughput */
  laps: number;
}

/** A VM's guest-side world. Parallel to `kvm`. */
export interface GuestVm {
  lockKind: 'ticket' | 'tas';
  /** per lock: holding vcpu id or -1, and who waits in order */
  locks: { holder: number; queue: number[] }[];
  handler_ns: number;
}

export interface machine extends kernel_state {
  /** names for reports: tasks have comm; groups here, index = task_group id */
  groupNames: string[];
  vmNames: string[];
  programs: Program[];
  actor: Actor[];
  guest: GuestVm[];
  /** per CPU: absolute ns of the next tick when programs run */
  nextTick: number[];
  /** schedule() by itself wherever need_resched is set after an event */
  eager: boolean;
  /** state of the one generator, 32 bits, never 0 */
  rng: number;
  /** events applied so far */
  steps: number;
  /** sched_clock at boot */
  bootClock: u64;
}
