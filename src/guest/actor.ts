// SPDX-License-Identifier: GPL-2.0-only
/**
 * A program in execution, and a VM's guest-side world. Knows nothing of the host: it counts down CPU time that it is
 * given and says what it asks for.
 *
 * A guest's spinlocks live here: ticket locks hand over in order, also to a waiter whose vCPU is not running;
 * test-and-set locks go to whoever looks first.
 */
import type { guest_memory } from '../kvm/guest-memory.js';
import type { GuestKernel } from './guest-kernel.js';
import type { Instruction, Program } from './instructions.js';

/** What a task does by itself. */
export interface Actor {
  /** index into the machine's programs; -1: runs for ever, or events decide */
  program: number;
  pc: number;
  /** ns left of the present instruction; 0: due; -1: not begun */
  left: number;
  /** host: wall time at which a sleeping task is woken, ns; -1 when none */
  wakeAt: number;
  /** guest: vectors being handled, outermost first, with ns left of the handler (-1: events decide), and whether
   * it has written EOI and is about to return */
  handlers: { vector: number; left: number; ended: boolean }[];
  /** guest: spinning on this lock; SPIN_NONE; SPIN_ACK on acknowledgement of its IPIs */
  spinning: number;
  /** ns of spinning that make a PAUSE exit, as the CPU was last told */
  window_ns: number;
  /** ns left until the next PAUSE exit while spinning */
  pauseIn: number;
  /** guest: IPIs sent and not yet ended by their receivers, [vcpu_idx, vector] */
  unacked: [number, number][];
  /** whole runs of the program, a measure of throughput */
  laps: number;
  /** guest whose CPU can stand still without an exit (WFI, WFE) */
  standby?: {
    /** ns that it stands still at most; 0: it does not; -1: until an interrupt */
    ns: number;
    /** an interrupt was taken since the last `wfi` ended */
    woken: boolean;
  };
}

export const SPIN_NONE = -1;
export const SPIN_ACK = -2;

/** A VM's guest-side world. */
export interface GuestVm {
  /** what its spin loops execute, when not PAUSE */
  relax?: 'wfe' | 'diag9c';
  lockKind: 'ticket' | 'tas';
  /** per lock: vcpu_idx of the holder or -1, and who waits, in order */
  locks: { holder: number; queue: number[] }[];
  /** ns from interrupt entry to the EOI */
  handler_ns: number;
  /** what its host sees of its memory; none shares any when absent */
  memory?: guest_memory;
  /** the kernel that the guest runs, in place of programs of its vCPUs */
  os?: GuestKernel;
}

/** What a program asks of the machine. */
export type Request =
  | { ask: 'nothing' }
  | { ask: 'pause' }
  | { ask: 'hlt' }
  | { ask: 'wfi' }
  | { ask: 'wfe' }
  | { ask: 'wfit'; ns: number }
  | { ask: 'wfet'; ns: number }
  | { ask: 'diag44' }
  | { ask: 'enabledWait' }
  /** to a vCPU by its index; `unlessRunning`: only if its CPU is not running it */
  | { ask: 'diag9c'; to: number; unlessRunning: boolean }
  | { ask: 'ipi'; to: number; vector: number }
  | { ask: 'timerVector'; vector: number }
  | { ask: 'timerCount'; ns: number }
  | { ask: 'eoi' }
  | { ask: 'cpl'; cpl: number }
  | { ask: 'yield' }
  | { ask: 'yieldTo'; task: string }
  | { ask: 'sleep'; ns: number }
  | { ask: 'wait' }
  | { ask: 'wake'; task: string }
  | { ask: 'preemptCount'; add: number }
  | { ask: 'softirq'; ns: number }
  | { ask: 'mutexLock' | 'mutexUnlock' | 'downWrite' | 'upWrite'; index: number }
  | { ask: 'exit' };

const NOTHING: Request = { ask: 'nothing' };
/** so many mutexes a guest's kernel may have, and so many semaphores */
export const MUTEXES = 8;

export function createActor(program: number): Actor {
  return {
    program,
    pc: 0,
    left: -1,
    wakeAt: -1,
    handlers: [],
    spinning: SPIN_NONE,
    window_ns: 1,
    pauseIn: 0,
    unacked: [],
    laps: 0,
  };
}

/** ns of CPU time until the actor does something by itself; Infinity when it never does. */
export function dueIn(actor: Actor, vm: GuestVm | null, self: number): number {
  const depth = actor.handlers.length;
  if (depth > 0) {
    const { left, ended } = actor.handlers[depth - 1];
    return left < 0 || ended ? Number.POSITIVE_INFINITY : left;
  }
  if (actor.spinning !== SPIN_NONE) return spinOver(actor, vm as GuestVm, self) ? 0 : actor.pauseIn;
  if (actor.program < 0) return Number.POSITIVE_INFINITY;
  const still = actor.standby?.ns ?? 0;
  if (still !== 0) return still < 0 ? Number.POSITIVE_INFINITY : still;
  return Math.max(actor.left, 0);
}

function spinOver(actor: Actor, vm: GuestVm, self: number): boolean {
  if (actor.spinning === SPIN_ACK) return actor.unacked.length === 0;
  const holder = vm.locks[actor.spinning].holder;
  return holder === self || (holder === -1 && vm.lockKind === 'tas');
}

/** The actor had the CPU for `ns`, not beyond what `dueIn` said. */
export function elapse(actor: Actor, ns: number): void {
  const depth = actor.handlers.length;
  if (depth > 0) {
    const handler = actor.handlers[depth - 1];
    if (handler.left > 0) handler.left = Math.max(0, handler.left - ns);
    return;
  }
  if (actor.spinning !== SPIN_NONE) actor.pauseIn = Math.max(0, actor.pauseIn - ns);
  else if (actor.standby !== undefined && actor.standby.ns !== 0) {
    if (actor.standby.ns > 0) actor.standby.ns = Math.max(0, actor.standby.ns - ns);
  } else if (actor.left > 0) actor.left = Math.max(0, actor.left - ns);
}

/** The guest takes an interrupt. `handlerNs` -1: it lasts until an event ends it. */
export function takeInterrupt(actor: Actor, vector: number, handlerNs: number): void {
  actor.handlers.push({ vector, left: handlerNs, ended: false });
  if (actor.standby !== undefined) actor.standby.woken = true;
}

/** Does what is due and says what it asks for. Call when `dueIn` is 0. */
export function stepActor(programs: readonly Program[], actor: Actor, vm: GuestVm | null, self: number): Request {
  if (actor.handlers.length > 0) {
    return { ask: 'eoi' };
  }
  if (actor.program < 0) return NOTHING;
  const program = programs[actor.program];
  if (actor.spinning !== SPIN_NONE) {
    if (!spinOver(actor, vm as GuestVm, self)) return spinAgain(actor, vm as GuestVm);
    if (actor.spinning !== SPIN_ACK) takeLock(vm as GuestVm, actor.spinning, self);
    actor.spinning = SPIN_NONE;
    return proceed(program, actor, NOTHING);
  }
  return execute(program, program[actor.pc], actor, vm, self);
}

/** A PLE window's worth of PAUSEs is over, a WFE that the loop has come to, or s390's spin_retry. */
function spinAgain(actor: Actor, vm: GuestVm): Request {
  actor.pauseIn = actor.window_ns;
  if (vm.relax === 'diag9c') return yieldToHolder(actor, vm, false);
  return { ask: vm.relax ?? 'pause' };
}

/** arch/s390/lib/spinlock.c: arch_spin_lock_classic(), of what it tells the host. Nobody is told of who waits for answers. */
function yieldToHolder(actor: Actor, vm: GuestVm, unlessRunning: boolean): Request {
  const to = actor.spinning < 0 ? -1 : vm.locks[actor.spinning].holder;
  return to < 0 ? NOTHING : { ask: 'diag9c', to, unlessRunning };
}

function execute(program: Program, it: Instruction, actor: Actor, vm: GuestVm | null, self: number): Request {
  switch (it.op) {
    case 'compute':
      if (actor.left < 0) {
        actor.left = it.ns;
        return NOTHING;
      }
      return proceed(program, actor, NOTHING);
    case 'lock':
      return lock(program, it.lock, actor, vm as GuestVm, self);
    case 'unlock':
      unlock(vm as GuestVm, it.lock);
      return proceed(program, actor, NOTHING);
    case 'waitAck':
      if (actor.unacked.length === 0) return proceed(program, actor, NOTHING);
      actor.spinning = SPIN_ACK;
      actor.pauseIn = actor.window_ns;
      return NOTHING;
    case 'ipi':
      actor.unacked.push([it.to, it.vector]);
      return proceed(program, actor, { ask: 'ipi', to: it.to, vector: it.vector });
    case 'timer':
      // two stores to the APIC, each of which may exit
      if (actor.left < 0) {
        actor.left = 0;
        return { ask: 'timerVector', vector: it.vector };
      }
      return proceed(program, actor, { ask: 'timerCount', ns: it.ns });
    case 'user':
      return proceed(program, actor, { ask: 'cpl', cpl: 3 });
    case 'kernel':
      return proceed(program, actor, { ask: 'cpl', cpl: 0 });
    case 'hlt':
    case 'pause':
    case 'diag44':
    case 'enabledWait':
    case 'wfe':
    case 'yield':
      return proceed(program, actor, { ask: it.op });
    case 'diag9c':
      return proceed(program, actor, { ask: 'diag9c', to: it.to, unlessRunning: false });
    case 'wfi':
      return idle(program, actor);
    case 'wfit':
    case 'wfet':
    case 'sleep':
      return proceed(program, actor, { ask: it.op, ns: it.ns });
    case 'yieldTo':
      return proceed(program, actor, { ask: 'yieldTo', task: it.task });
    case 'wait':
      return proceed(program, actor, { ask: 'wait' });
    case 'wake':
      return proceed(program, actor, { ask: 'wake', task: it.task });
    case 'preemptDisable':
    case 'preemptEnable':
      return proceed(program, actor, { ask: 'preemptCount', add: it.op === 'preemptDisable' ? 1 : -1 });
    case 'softirq':
      return proceed(program, actor, { ask: 'softirq', ns: it.ns });
    case 'mutexLock':
    case 'mutexUnlock':
      return proceed(program, actor, { ask: it.op, index: it.mutex });
    case 'downWrite':
    case 'upWrite':
      // WHY apart: semaphores are numbered from the last index of a mutex on
      return proceed(program, actor, { ask: it.op, index: MUTEXES + it.sem });
    case 'exit':
      actor.program = -1;
      return { ask: 'exit' };
  }
}

function proceed(program: Program, actor: Actor, request: Request): Request {
  actor.left = -1;
  actor.pc++;
  if (actor.pc >= program.length) {
    actor.pc = 0;
    actor.laps++;
  }
  return request;
}

/**
 * The idle loop: with interrupts masked, it looks whether it was asked to reschedule, and waits if not. Any exit ends the WFI, and
 * the loop goes round.
 */
function idle(program: Program, actor: Actor): Request {
  if (actor.standby?.woken !== true) return { ask: 'wfi' };
  actor.standby.woken = false;
  return proceed(program, actor, NOTHING);
}

function lock(program: Program, index: number, actor: Actor, vm: GuestVm, self: number): Request {
  const it = vm.locks[index];
  if (it.holder === -1 && it.queue.length === 0) {
    it.holder = self;
    return proceed(program, actor, NOTHING);
  }
  it.queue.push(self);
  actor.spinning = index;
  actor.pauseIn = actor.window_ns;
  return vm.relax === 'diag9c' ? yieldToHolder(actor, vm, true) : NOTHING;
}

function takeLock(vm: GuestVm, index: number, self: number): void {
  const it = vm.locks[index];
  it.holder = self;
  it.queue = it.queue.filter((waiter) => waiter !== self);
}

function unlock(vm: GuestVm, index: number): void {
  const it = vm.locks[index];
  it.holder = vm.lockKind === 'ticket' && it.queue.length > 0 ? (it.queue.shift() as number) : -1;
}

/** `receiver` ended `vector`: one such IPI of each sender that waits is acknowledged. */
export function acknowledge(senders: readonly Actor[], receiver: number, vector: number): void {
  for (const sender of senders) {
    const i = sender.unacked.findIndex(([to, v]) => to === receiver && v === vector);
    if (i >= 0) sender.unacked.splice(i, 1);
  }
}
