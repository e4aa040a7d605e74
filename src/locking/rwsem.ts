// SPDX-License-Identifier: GPL-2.0-only
/**
 * kernel/locking/rwsem.c (6.12.117): a rw_semaphore as its writers have it.
 *
 * Not mirrored: readers, and with them their owners' flags and the time for which is spun for them; signals.
 */
import { add, type bool, S64_ZERO, s64_diff, s64_gt, u64 } from '../lib/types.js';
import { MAX_RT_PRIO, NULL, TASK_RUNNING, TASK_UNINTERRUPTIBLE, type task_ptr } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import type { sleeping_lock } from './mutex.js';

export const RWSEM_WRITER_LOCKED = 1;
export const RWSEM_FLAG_WAITERS = 2;
export const RWSEM_FLAG_HANDOFF = 4;

/** struct rwsem_waiter, of type RWSEM_WAITING_FOR_WRITE */
export interface rwsem_waiter {
  task: task_ptr;
  /** in jiffies */
  timeout: u64;
  handoff_set: bool;
}

/** enum owner_state, as far as writers own. */
const OWNER_NULL = 1;
const OWNER_WRITER = 2;

/** kernel/locking/rwsem.c: rwsem_write_trylock() */
export function rwsem_write_trylock(this: vmlinux, sem: sleeping_lock): bool {
  if (sem.flags !== 0) return false;
  sem.flags = RWSEM_WRITER_LOCKED;
  sem.owner = this.get_current().id;
  return true;
}

/** kernel/locking/rwsem.c: rwsem_try_write_lock_unqueued() */
export function rwsem_try_write_lock_unqueued(this: vmlinux, sem: sleeping_lock): bool {
  if (sem.flags & (RWSEM_WRITER_LOCKED | RWSEM_FLAG_HANDOFF)) return false;
  sem.flags |= RWSEM_WRITER_LOCKED;
  sem.owner = this.get_current().id;
  return true;
}

/** kernel/locking/rwsem.c: rwsem_try_write_lock() */
export function rwsem_try_write_lock(this: vmlinux, sem: sleeping_lock, waiter: rwsem_waiter): bool {
  const first = sem.waiters[0];
  const has_handoff = (sem.flags & RWSEM_FLAG_HANDOFF) !== 0;
  if (has_handoff && first.handoff_set && waiter !== first) return false;

  if (sem.flags & RWSEM_WRITER_LOCKED) {
    const { prio } = this.m.task[waiter.task];
    const late = s64_gt(s64_diff(this.get_jiffies_64(), waiter.timeout), S64_ZERO);
    if (has_handoff || (prio >= MAX_RT_PRIO && !late)) return false;
    sem.flags |= RWSEM_FLAG_HANDOFF;
    first.handoff_set = true;
    return false;
  }
  sem.flags = (sem.flags | RWSEM_WRITER_LOCKED) & ~RWSEM_FLAG_HANDOFF;
  if (sem.waiters.length === 1) sem.flags &= ~RWSEM_FLAG_WAITERS;
  sem.waiters = sem.waiters.filter((it) => it !== waiter);
  sem.owner = this.get_current().id;
  return true;
}

/** kernel/locking/rwsem.c: rwsem_can_spin_on_owner() */
export function rwsem_can_spin_on_owner(this: vmlinux, index: number): bool {
  if (this.need_resched()) return false;
  const { owner } = this.sleepingLock(index);
  return owner === NULL || this.owner_on_cpu(owner);
}

/* ---- spinning ---- */

/**
 * kernel/locking/rwsem.c: rwsem_optimistic_spin(): whether it has the lock, unless the call has not returned.
 *
 * Split: it goes on in rwsem_optimistic_spinLoop().
 */
export function rwsem_optimistic_spin(this: vmlinux, index: number): bool {
  if (!this.osq_lock(this.sleepingLock(index).osq, index)) {
    this.whenBack(this.get_current(), 'rwsem_optimistic_spinQueued', index);
    return false;
  }
  return this.rwsem_optimistic_spinLoop(index, OWNER_NULL, NULL);
}

/** rwsem_optimistic_spin(): behind osq_lock(). */
export function rwsem_optimistic_spinQueued(this: vmlinux, index: number, queued: number): bool {
  return queued ? this.rwsem_optimistic_spinLoop(index, OWNER_NULL, NULL) : false;
}

/**
 * rwsem_optimistic_spin(): a turn of its loop, which is one of rwsem_spin_on_owner() as well: of `owner`, or at its head.
 * `prev_owner_state` is that of the turn before.
 */
export function rwsem_optimistic_spinLoop(
  this: vmlinux,
  index: number,
  prev_owner_state: number,
  owner: task_ptr,
): bool {
  const sem = this.sleepingLock(index);
  const current = this.get_current();
  const spunOn = owner === NULL ? sem.owner : owner;
  if (spunOn !== NULL && sem.owner === spunOn) {
    if (this.need_resched() || !this.owner_on_cpu(spunOn)) {
      this.osq_unlock(sem.osq);
      return false;
    }
    this.whileBusy(current, 'rwsem_optimistic_spinLoop', index, prev_owner_state, spunOn);
    return false;
  }
  const owner_state = sem.owner === NULL ? OWNER_NULL : OWNER_WRITER;
  const taken = this.rwsem_try_write_lock_unqueued(sem);
  const gives_up =
    owner_state !== OWNER_WRITER &&
    (this.need_resched() || (current.prio < MAX_RT_PRIO && prev_owner_state !== OWNER_WRITER));
  if (taken || gives_up) {
    this.osq_unlock(sem.osq);
    return taken;
  }
  this.whileBusy(current, 'rwsem_optimistic_spinLoop', index, owner_state, NULL);
  return false;
}

/* ---- locking ---- */

/** kernel/locking/rwsem.c: __down_write_common(), which down_write() is */
export function __down_write_common(this: vmlinux, index: number): void {
  this.preempt_count_add(1);
  if (this.rwsem_write_trylock(this.sleepingLock(index))) this.preempt_count_sub(1);
  else this.rwsem_down_write_slowpath(index);
}

/**
 * kernel/locking/rwsem.c: rwsem_down_write_slowpath(); preemption is enabled where __down_write_common() would.
 *
 * Split: it goes on in rwsem_down_write_slowpathSpun(), rwsem_down_write_slowpathLoop(), rwsem_down_write_slowpathHandoff(),
 * rwsem_down_write_slowpathSleep(), rwsem_down_write_slowpathSlept().
 */
export function rwsem_down_write_slowpath(this: vmlinux, index: number): void {
  const current = this.get_current();
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
  const sem = this.sleepingLock(index);
  const current = this.get_current();
  const timeout = add(this.get_jiffies_64(), u64(Math.ceil(this.m.HZ / 250)));
  sem.waiters.push({ task: current.id, timeout, handoff_set: false });
  if (sem.waiters.length > 1) this.rwsem_cond_wake_waiter(sem);
  else sem.flags |= RWSEM_FLAG_WAITERS;
  current.__state = TASK_UNINTERRUPTIBLE;
  this.rwsem_down_write_slowpathLoop(index);
}

/** rwsem_down_write_slowpath() from the head of its loop, or from its label `trylock_again`. */
export function rwsem_down_write_slowpathLoop(this: vmlinux, index: number): void {
  const sem = this.sleepingLock(index);
  const current = this.get_current();
  const waiter = sem.waiters.find((it) => it.task === current.id) as rwsem_waiter;
  if (this.rwsem_try_write_lock(sem, waiter)) {
    current.__state = TASK_RUNNING;
    this.preempt_count_sub(1);
    return;
  }
  if (waiter.handoff_set) this.rwsem_down_write_slowpathHandoff(index, sem.owner);
  else this.rwsem_down_write_slowpathSleep(index);
}

/** rwsem_down_write_slowpath(): a turn of rwsem_spin_on_owner() of the waiter to whom the lock is handed. */
export function rwsem_down_write_slowpathHandoff(this: vmlinux, index: number, owner: task_ptr): void {
  const now = this.sleepingLock(index).owner;
  if (now === NULL) this.rwsem_down_write_slowpathLoop(index);
  else if (now !== owner || this.need_resched() || !this.owner_on_cpu(owner))
    this.rwsem_down_write_slowpathSleep(index);
  else this.whileBusy(this.get_current(), 'rwsem_down_write_slowpathHandoff', index, owner);
}

/** rwsem_down_write_slowpath(): the waiter sleeps. */
export function rwsem_down_write_slowpathSleep(this: vmlinux, index: number): void {
  const current = this.get_current();
  this.schedule_preempt_disabled();
  this.whenBack(current, 'rwsem_down_write_slowpathSlept', index);
}

/** rwsem_down_write_slowpath(): the waiter is back. */
export function rwsem_down_write_slowpathSlept(this: vmlinux, index: number): void {
  this.get_current().__state = TASK_UNINTERRUPTIBLE;
  this.rwsem_down_write_slowpathLoop(index);
}

/** kernel/locking/rwsem.c: rwsem_cond_wake_waiter() */
export function rwsem_cond_wake_waiter(this: vmlinux, sem: sleeping_lock): void {
  if (!(sem.flags & RWSEM_WRITER_LOCKED)) this.rwsem_mark_wake(sem);
}

/** kernel/locking/rwsem.c: rwsem_mark_wake(), of a writer at the head, with RWSEM_WAKE_ANY; and wake_up_q() behind it */
export function rwsem_mark_wake(this: vmlinux, sem: sleeping_lock): void {
  this.wake_up_process(this.m.task[sem.waiters[0].task]);
}

/** kernel/locking/rwsem.c: rwsem_wake() */
export function rwsem_wake(this: vmlinux, sem: sleeping_lock): void {
  if (sem.waiters.length > 0) this.rwsem_mark_wake(sem);
}

/** kernel/locking/rwsem.c: __up_write() */
export function __up_write(this: vmlinux, index: number): void {
  const sem = this.sleepingLock(index);
  sem.owner = NULL;
  sem.flags &= ~RWSEM_WRITER_LOCKED;
  if (sem.flags & RWSEM_FLAG_WAITERS) this.rwsem_wake(sem);
}
