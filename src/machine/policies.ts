// SPDX-License-Identifier: GPL-2.0-only
/** Scheduling policies as scenarios name them. */
import { SCHED_BATCH, SCHED_FIFO, SCHED_IDLE, SCHED_NORMAL, SCHED_RR } from '../sched/sched.js';

export const POLICY = {
  normal: SCHED_NORMAL,
  batch: SCHED_BATCH,
  idle: SCHED_IDLE,
  fifo: SCHED_FIFO,
  rr: SCHED_RR,
} as const;
