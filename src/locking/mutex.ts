// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/locking/mutex.c (6.12.117): a lock that is spun for while its owner runs, and slept for else.
 *
 * Not mirrored: wait/wound, debugging, signals (mutex_lock() is not interrupted). A kernel in a guest has such locks, by index;
 * tasks of a host have none.
 */
import type { bool } from '../lib/types.js';
import { NULL, TASK_RUNNING, TASK_UNINTERRUPTIBLE, type task_ptr } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { optimistic_spin_queue } from './osq_lock.js';
import type { rwsem_waiter } from './rwsem.js';

export const MUTEX_FLAG_WAITERS = 1;
export const MUTEX_FLAG_HANDOFF = 2;
export const MUTEX_FLAG_PICKUP = 4;

/** include/linux/mutex_types.h: struct mutex, whose owner's low bits stand apart; of a rw_semaphore what writers see. */
export interface sleeping_lock {
  owner: task_ptr;
  flags: number;
  osq: optimistic_spin_queue;
  /** of a mutex */
  wait_list: task_ptr[];
  /** of a rw_semaphore */
  waiters: rwsem_waiter[];
}

const newLock = (): sleeping_lock => ({ owner: NULL, flags: 0, osq: { tail: -1 }, wait_list: [], waiters: [] });

/** The lock of that index, made when it is first named. */
export function sleepingLock(this: vmlinux, index: number): sleeping_lock {
  this.m.sleeping_lock ??= [];
  while (this.m.sleeping_lock.length <= index) this.m.sleeping_lock.push(newLock());
  return this.m.sleeping_lock[index];
}

/** include/linux/sched.h: owner_on_cpu() */
export function owner_on_cpu(this: vmlinux, owner: task_ptr): bool {
  const p = this.m.task[owner];
  return p.on_cpu !== 0 && !this.vcpu_is_preempted(this.task_cpu(p));
}

/** kernel/sched/core.c: schedule_preempt_disabled(). Split: it goes on in schedule_preempt_disabledBack(). */
export function schedule_preempt_disabled(this: vmlinux): void {
  const current = this.get_current();
  this.preempt_count_sub(1);
  this.schedule();
  this.whenBack(current, 'schedule_preempt_disabledBack');
}

/** schedule_preempt_disabled(): the task is back. */
export function schedule_preempt_disabledBack(this: vmlinux): void {
  this.preempt_count_add(1);
}

/* ---- the owner ---- */

/** kernel/locking/mutex.c: __mutex_trylock_common(): NULL when current has it; else whose it is. */
export function __mutex_trylock_common(this: vmlinux, lock: sleeping_lock, handoff: bool): task_ptr {
  const curr = this.get_current().id;
  if (lock.owner !== NULL) {
    if (lock.flags & MUTEX_FLAG_PICKUP) {
      if (lock.owner !== curr) return lock.owner;
      lock.flags &= ~MUTEX_FLAG_PICKUP;
      return NULL;
    }
    if (handoff) lock.flags |= MUTEX_FLAG_HANDOFF;
    return lock.owner;
  }
  lock.owner = curr;
  return NULL;
}

/** kernel/locking/mutex.c: __mutex_trylock() */
export function __mutex_trylock(this: vmlinux, lock: sleeping_lock): bool {
  return this.__mutex_trylock_common(lock, false) === NULL;
}

/** kernel/locking/mutex.c: mutex_can_spin_on_owner() */
export function mutex_can_spin_on_owner(this: vmlinux, lock: sleeping_lock): bool {
  if (this.need_resched()) return false;
  return lock.owner === NULL || this.owner_on_cpu(lock.owner);
}

/* ---- spinning ---- */

/**
 * kernel/locking/mutex.c: mutex_optimistic_spin(): whether it has the lock, unless the call has not returned.
 *
 * Split: it goes on in mutex_optimistic_spinQueued(), mutex_optimistic_spinLoop(), mutex_optimistic_spinFail().
 */
export function mutex_optimistic_spin(this: vmlinux, index: number, waiter: bool): bool {
  const lock = this.sleepingLock(index);
  if (!waiter) {
    if (!this.mutex_can_spin_on_owner(lock)) return this.mutex_optimistic_spinFail();
    if (!this.osq_lock(lock.osq, index)) {
      this.whenBack(this.get_current(), 'mutex_optimistic_spinQueued', index);
      return false;
    }
  }
  return this.mutex_optimistic_spinLoop(index, Number(waiter));
}

/** mutex_optimistic_spin(): behind osq_lock(). */
export function mutex_optimistic_spinQueued(this: vmlinux, index: number, queued: number): bool {
  return queued ? this.mutex_optimistic_spinLoop(index, 0) : this.mutex_optimistic_spinFail();
}

/** mutex_optimistic_spin(): a turn of its loop, which is one of mutex_spin_on_owner() as well. */
export function mutex_optimistic_spinLoop(this: vmlinux, index: number, waiter: number): bool {
  const lock = this.sleepingLock(index);
  const owner = this.__mutex_trylock_common(lock, false);
  if (owner === NULL) {
    if (!waiter) this.osq_unlock(lock.osq);
    return true;
  }
  if (this.mutex_spin_on_owner(owner)) {
    this.whileBusy(this.get_current(), 'mutex_optimistic_spinLoop', index, waiter);
    return false;
  }
  if (!waiter) this.osq_unlock(lock.osq);
  return this.mutex_optimistic_spinFail();
}

/** kernel/locking/mutex.c: mutex_spin_on_owner(): one look: whether to go on. */
export function mutex_spin_on_owner(this: vmlinux, owner: task_ptr): bool {
  return this.owner_on_cpu(owner) && !this.need_resched();
}

/** mutex_optimistic_spin() from its label `fail`. */
export function mutex_optimistic_spinFail(this: vmlinux): bool {
  if (this.need_resched()) {
    this.get_current().__state = TASK_RUNNING;
    this.schedule_preempt_disabled();
  }
  return false;
}

/* ---- locking ---- */

/**
 * kernel/locking/mutex.c: __mutex_lock_common(), which mutex_lock() is.
 *
 * Split: it goes on in __mutex_lock_commonSpun(), __mutex_lock_commonLoop(), __mutex_lock_commonSlept(), __mutex_lock_commonSpunAgain(),
 * __mutex_lock_commonAcquired().
 */
export function __mutex_lock_common(this: vmlinux, index: number): void {
  const current = this.get_current();
  this.preempt_count_add(1);
  if (this.__mutex_trylock(this.sleepingLock(index))) {
    this.preempt_count_sub(1);
    return;
  }
  const spun = this.mutex_optimistic_spin(index, false);
  if (this.notReturned(current)) this.whenBack(current, '__mutex_lock_commonSpun', index);
  else this.__mutex_lock_commonSpun(index, Number(spun));
}

/** __mutex_lock_common(): behind the first spin; `spun` is absent where that ended in schedule(). */
export function __mutex_lock_commonSpun(this: vmlinux, index: number, spun = 0): void {
  const lock = this.sleepingLock(index);
  const current = this.get_current();
  if (spun || this.__mutex_trylock(lock)) {
    this.preempt_count_sub(1);
    return;
  }
  // __mutex_add_waiter()
  lock.wait_list.push(current.id);
  if (lock.wait_list.length === 1) lock.flags |= MUTEX_FLAG_WAITERS;
  current.__state = TASK_UNINTERRUPTIBLE;
  this.__mutex_lock_commonLoop(index);
}

/** __mutex_lock_common() from the head of its loop. */
export function __mutex_lock_commonLoop(this: vmlinux, index: number): void {
  const current = this.get_current();
  if (this.__mutex_trylock(this.sleepingLock(index))) {
    this.__mutex_lock_commonAcquired(index);
    return;
  }
  this.schedule_preempt_disabled();
  this.whenBack(current, '__mutex_lock_commonSlept', index);
}

/** __mutex_lock_common(): the waiter is back. */
export function __mutex_lock_commonSlept(this: vmlinux, index: number): void {
  const lock = this.sleepingLock(index);
  const current = this.get_current();
  const first = lock.wait_list[0] === current.id;
  current.__state = TASK_UNINTERRUPTIBLE;
  if (this.__mutex_trylock_common(lock, first) === NULL) {
    this.__mutex_lock_commonAcquired(index);
    return;
  }
  const spun = first && this.mutex_optimistic_spin(index, true);
  if (this.notReturned(current)) this.whenBack(current, '__mutex_lock_commonSpunAgain', index);
  else this.__mutex_lock_commonSpunAgain(index, Number(spun));
}

/** __mutex_lock_common(): the first waiter has spun. */
export function __mutex_lock_commonSpunAgain(this: vmlinux, index: number, spun = 0): void {
  if (spun) this.__mutex_lock_commonAcquired(index);
  else this.__mutex_lock_commonLoop(index);
}

/** __mutex_lock_common() from its label `acquired`. */
export function __mutex_lock_commonAcquired(this: vmlinux, index: number): void {
  const lock = this.sleepingLock(index);
  const current = this.get_current();
  current.__state = TASK_RUNNING;
  // __mutex_remove_waiter()
  lock.wait_list = lock.wait_list.filter((waiter) => waiter !== current.id);
  if (lock.wait_list.length === 0) lock.flags = 0;
  this.preempt_count_sub(1);
}

/** kernel/locking/mutex.c: __mutex_unlock_slowpath(), behind __mutex_unlock_fast(), which is its first case */
export function __mutex_unlock_slowpath(this: vmlinux, index: number): void {
  const lock = this.sleepingLock(index);
  const handoff = (lock.flags & MUTEX_FLAG_HANDOFF) !== 0;
  if (!handoff) {
    lock.owner = NULL;
    if (!(lock.flags & MUTEX_FLAG_WAITERS)) return;
  }
  const next = lock.wait_list.length > 0 ? lock.wait_list[0] : NULL;
  if (handoff) this.__mutex_handoff(lock, next);
  if (next !== NULL) this.wake_up_process(this.m.task[next]);
}

/** kernel/locking/mutex.c: __mutex_handoff() */
export function __mutex_handoff(this: vmlinux, lock: sleeping_lock, task: task_ptr): void {
  lock.owner = task;
  lock.flags &= MUTEX_FLAG_WAITERS;
  if (task !== NULL) lock.flags |= MUTEX_FLAG_PICKUP;
}
