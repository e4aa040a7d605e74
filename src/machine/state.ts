// SPDX-License-Identifier: GPL-2.0-only
/** The whole machine: one tree of plain values. */
import type { Actor, GuestVm } from '../guest/actor.js';
import type { Program } from '../guest/instructions.js';
import type { u64 } from '../lib/types.js';
import type { kernel_state_arm64 } from '../vmlinux/vmlinux-arm64.js';
import type { kernel_state_s390 } from '../vmlinux/vmlinux-s390.js';
import type { kernel_state_x86 } from '../vmlinux/vmlinux-x86.js';

/** What every machine has beside its kernel's state. */
export interface machine_ours {
  /** names for reports: tasks have comm; groups here, index = task_group id */
  groupNames: string[];
  vmNames: string[];
  programs: Program[];
  /** parallel to `task` */
  actor: Actor[];
  /** vCPU that a task runs, by task; NULL for host tasks. Parallel to `task` */
  vcpuOfTask: number[];
  /** parallel to `kvm` */
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

export interface machine extends kernel_state_x86, machine_ours {
  guest: GuestVm[];
}

/** The machine of an arm64 kernel. */
export interface machine_arm64 extends kernel_state_arm64, machine_ours {
  guest: GuestVm[];
}

/** The machine of an s390 kernel. */
export interface machine_s390 extends kernel_state_s390, machine_ours {
  guest: GuestVm[];
}
