// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/locking/osq_lock.c (6.12.117): who spins for a sleeping lock, one behind the other, a CPU each.
 *
 * MODEL: nobody queues or leaves in the middle of another: what the loops of unqueueing wait for has happened.
 *
 * The wait takes time: osq_lock() leaves a busy loop (see kernel-stack) whose turns the machine calls when something may have
 * changed. On arm64 the loop waits in WFE, and turns when an event comes.
 */
import type { bool } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';

/** kernel/locking/osq_lock.c: struct optimistic_spin_node, of a CPU; -1 for no neighbour. */
export interface optimistic_spin_node {
  next: number;
  prev: number;
  locked: number;
}

/** include/linux/osq_lock.h: struct optimistic_spin_queue: the last CPU, -1 for OSQ_UNLOCKED_VAL. */
export interface optimistic_spin_queue {
  tail: number;
}

/** this_cpu_ptr(&osq_node), or another CPU's. */
export function osqNode(this: vmlinux, cpu: number): optimistic_spin_node {
  this.m.osq_node ??= this.m.rq.map(() => ({ next: -1, prev: -1, locked: 0 }));
  return this.m.osq_node[cpu];
}

/**
 * kernel/locking/osq_lock.c: osq_lock(): whether it has the lock, unless the call has not returned.
 *
 * Split: it goes on in osq_lockTurn() and osq_lockUnqueue().
 */
export function osq_lock(this: vmlinux, lock: optimistic_spin_queue, sem: number): bool {
  const curr = this.m.cpu;
  const node = this.osqNode(curr);
  node.locked = 0;
  node.next = -1;
  const prev = lock.tail;
  lock.tail = curr;
  if (prev === -1) return true;
  node.prev = prev;
  this.osqNode(prev).next = curr;
  this.whileBusy(this.get_current(), 'osq_lockTurn', sem);
  return false;
}

/** osq_lock(): a look of its wait. `sem` is the lock's index. */
export function osq_lockTurn(this: vmlinux, sem: number): bool {
  const node = this.osqNode(this.m.cpu);
  if (node.locked !== 0) return true;
  // RACE: the previous CPU's vCPU may have left its CPU: the word that says so is no line that WFE watches
  if (!this.need_resched() && !this.vcpu_is_preempted(node.prev)) {
    this.whileBusy(this.get_current(), 'osq_lockTurn', sem);
    return false;
  }
  this.osq_lockUnqueue(this.sleepingLock(sem).osq);
  return false;
}

/** osq_lock(): steps A to C: out of the queue. */
export function osq_lockUnqueue(this: vmlinux, lock: optimistic_spin_queue): void {
  const curr = this.m.cpu;
  const { prev } = this.osqNode(curr);
  this.osqNode(prev).next = -1;
  const next = this.osq_wait_next(lock, curr, prev);
  if (next === -1) return;
  this.osqNode(next).prev = prev;
  this.osqNode(prev).next = next;
}

/** kernel/locking/osq_lock.c: osq_wait_next() */
export function osq_wait_next(this: vmlinux, lock: optimistic_spin_queue, curr: number, old_cpu: number): number {
  if (lock.tail === curr) {
    lock.tail = old_cpu;
    return -1;
  }
  const node = this.osqNode(curr);
  const { next } = node;
  node.next = -1;
  return next;
}

/** kernel/locking/osq_lock.c: osq_unlock() */
export function osq_unlock(this: vmlinux, lock: optimistic_spin_queue): void {
  const curr = this.m.cpu;
  if (lock.tail === curr) {
    lock.tail = -1;
    return;
  }
  const next = this.osq_wait_next(lock, curr, -1);
  if (next !== -1) this.osqNode(next).locked = 1;
}
