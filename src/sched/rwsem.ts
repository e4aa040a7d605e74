// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/locking/rwsem.c (6.12.117): a rw_semaphore as its writers have it.
 *
 * Not mirrored: readers, and with them their owners' flags and the time for which is spun for them; the handoff to a waiter that
 * has waited for 4 ms. The lock's fields are those of a mutex.
 */
import type { bool } from '../lib/types.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { NULL, TASK_RUNNING, TASK_UNINTERRUPTIBLE } from './sched.js';

/** kernel/locking/rwsem.c: rwsem_try_write_lock_unqueued(), and rwsem_write_trylock(), whose count no reader changes here */
export function rwsem_try_write_lock_unqueued(this: vmlinux, index: number): bool {
  const sem = this.sleepingLock(index);
  if (sem.owner !== NULL) return false;
  sem.owner = this.get_current().id;
  return true;
}

/** kernel/locking/rwsem.c: rwsem_can_spin_on_owner() */
export function rwsem_can_spin_on_owner(this: vmlinux, index: number): bool {
  if (this.need_resched()) return false;
  const { owner } = this.sleepingLock(index);
  return owner === NULL || this.owner_on_cpu(owner);
}

/** kernel/locking/rwsem.c: rwsem_spin_on_owner(): one look at a writer: whether to go on. */
export function rwsem_spin_on_owner(this: vmlinux, owner: number): bool {
  return !this.need_resched() && this.owner_on_cpu(owner);
}

/**
 * kernel/locking/rwsem.c: rwsem_optimistic_spin(): whether it has the lock, unless the call has not returned.
 *
 * Split: it goes on in rwsem_optimistic_spinLoop().
 */
export function rwsem_optimistic_spin(this: vmlinux, index: number): bool {
  if (!this.osq_lock(this.sleepingLock(index).osq, index)) {
    this.whenBack(this.get_current(), 'rwsem_optimistic_spinLoop', index);
    return false;
  }
  return this.rwsem_optimistic_spinLoop(index, 1);
}

/** rwsem_optimistic_spin(): a turn of its loop; `queued` says that it has the queue. */
export function rwsem_optimistic_spinLoop(this: vmlinux, index: number, queued: number): bool {
  if (!queued) return false;
  const sem = this.sleepingLock(index);
  if (sem.owner !== NULL && this.rwsem_spin_on_owner(sem.owner)) {
    this.whileBusy(this.get_current(), 'rwsem_optimistic_spinLoop', index, 1);
    return false;
  }
  const taken = this.rwsem_try_write_lock_unqueued(index);
  this.osq_unlock(sem.osq);
  return taken;
}

/**
 * kernel/locking/rwsem.c: rwsem_down_write_slowpath(), behind rwsem_write_trylock(), as __down_write_common() has them
 *
 * Split: it goes on in rwsem_down_write_slowpathSpun(), rwsem_down_write_slowpathLoop().
 */
export function rwsem_down_write_slowpath(this: vmlinux, index: number): void {
  const current = this.get_current();
  this.preempt_count_add(1);
  if (this.rwsem_try_write_lock_unqueued(index)) {
    this.preempt_count_sub(1);
    return;
  }
  const spun = this.rwsem_can_spin_on_owner(index) && this.rwsem_optimistic_spin(index);
  if (this.notReturned(current)) this.whenBack(current, 'rwsem_down_write_slowpathSpun', index);
  else this.rwsem_down_write_slowpathSpun(index, Number(spun));
}

/** rwsem_down_write_slowpath(): behind the spin. */
export function rwsem_down_write_slowpathSpun(this: vmlinux, index: number, spun: number): void {
  if (spun) {
    this.preempt_count_sub(1);
    return;
  }
  this.sleepingLock(index).wait_list.push(this.get_current().id);
  this.rwsem_down_write_slowpathLoop(index);
}

/** rwsem_down_write_slowpath() from the head of its loop: rwsem_try_write_lock() is for the first waiter. */
export function rwsem_down_write_slowpathLoop(this: vmlinux, index: number): void {
  const sem = this.sleepingLock(index);
  const current = this.get_current();
  current.__state = TASK_UNINTERRUPTIBLE;
  if (sem.wait_list[0] === current.id && this.rwsem_try_write_lock_unqueued(index)) {
    sem.wait_list.shift();
    current.__state = TASK_RUNNING;
    this.preempt_count_sub(1);
    return;
  }
  this.schedule_preempt_disabled();
  this.whenBack(current, 'rwsem_down_write_slowpathLoop', index);
}

/** kernel/locking/rwsem.c: __up_write(): the first waiter is woken by rwsem_wake(). */
export function __up_write(this: vmlinux, index: number): void {
  const sem = this.sleepingLock(index);
  sem.owner = NULL;
  if (sem.wait_list.length > 0) this.wakeTask(sem.wait_list[0]);
}
