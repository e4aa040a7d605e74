// SPDX-License-Identifier: GPL-2.0-only
/** Events that only s390 machines have: diagnoses of a guest, and its enabled wait. */
import { NULL } from '../sched/sched.js';
import type { vmlinux_s390 } from '../vmlinux/vmlinux-s390.js';
import { vcpuDoing } from './legality.js';
import type { Rules } from './rules.js';
import type { machine, machine_s390 } from './state.js';

export type S390Kind = 'diag44' | 'diag9c' | 'enabledWait';

/** The kernel and its machine by the type that they have where the event is legal. */
export const asS390 = (k: unknown): vmlinux_s390 => k as vmlinux_s390;
export const s390Machine = (m: machine): machine_s390 => m as unknown as machine_s390;

export const s390Events: Rules<S390Kind> = {
  diag44: {
    legal: (m, e) => vcpuDoing(m, e.cpu, e.ev) !== NULL,
    perform: (k, _, e) => void asS390(k).guestDiag44(e.cpu),
  },
  diag9c: {
    legal: (m, e) => vcpuDoing(m, e.cpu, e.ev) !== NULL,
    perform: (k, _, e) => void asS390(k).guestDiag9c(e.cpu, e.to),
  },
  enabledWait: {
    legal: (m, e) => vcpuDoing(m, e.cpu, e.ev) !== NULL,
    perform: (k, _, e) => void asS390(k).guestWaits(e.cpu),
  },
};
