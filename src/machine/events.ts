// SPDX-License-Identifier: GPL-2.0-only
/**
 * Everything that can happen to a machine. A run is a list of these; a counterexample is a short one.
 *
 * `cpu` is the CPU on which the kernel executes. An event that is not legal in the present state (a PAUSE exit where
 * no vCPU is in guest mode) does nothing: a shrunk list stays a list.
 */
export type MachineEvent =
  /** time passes, in ns; timers due on the way fire at their expiry, in order */
  | { ev: 'advance'; ns: number }
  /** the periodic tick: sched_tick() */
  | { ev: 'tick'; cpu: number }
  /** return from interrupt: schedule() if need_resched(). An eager machine does this by itself after every event */
  | { ev: 'resched'; cpu: number }
  /** schedule() by current, still runnable (cond_resched() that found work) */
  | { ev: 'schedule'; cpu: number }
  /** sched_yield() by current */
  | { ev: 'yield'; cpu: number }
  /** yield_to(task, true) by current */
  | { ev: 'yield_to'; cpu: number; task: number }
  /** current sleeps, TASK_INTERRUPTIBLE */
  | { ev: 'block'; cpu: number }
  /** try_to_wake_up(task) executed on cpu */
  | { ev: 'wake'; cpu: number; task: number }
  | { ev: 'nice'; cpu: number; task: number; nice: number }
  /** sched_setattr(): policy SCHED_NORMAL 0, FIFO 1, RR 2, BATCH 3, IDLE 5; slice in ns, 0 = default; priority for FIFO and RR */
  | { ev: 'setattr'; cpu: number; task: number; policy: number; nice: number; slice: number; priority: number }
  /** cpu.shares of a group, unscaled */
  | { ev: 'shares'; cpu: number; group: number; shares: number }
  /** cgroup change */
  | { ev: 'move'; cpu: number; task: number; group: number }
  /** a vCPU in guest mode on cpu executes PAUSE long enough for an exit */
  | { ev: 'pause'; cpu: number }
  | { ev: 'hlt'; cpu: number }
  /** it writes the ICR: fixed, physical, no shorthand, to vCPU `to` of its VM */
  | { ev: 'ipi'; cpu: number; to: number; vector: number }
  /** it writes any ICR value */
  | { ev: 'icr'; cpu: number; low: number; dest: number }
  /** it ends the interrupt in service: register write, accelerated or PV as the VM is set up */
  | { ev: 'eoi'; cpu: number }
  /** it goes to CPL 0 or 3 */
  | { ev: 'cpl'; cpu: number; cpl: number }
  /** STI / CLI */
  | { ev: 'if'; cpu: number; on: boolean }
  /** it makes a hypercall */
  | { ev: 'hypercall'; cpu: number; nr: number; a0: number; a1: number; a2: number; a3: number }
  /** an external interrupt other than the tick makes it exit */
  | { ev: 'intr'; cpu: number }
  /** the program of current on cpu completes its present instruction and begins the next */
  | { ev: 'step'; cpu: number }
  /** the deadline of the halt-polling phase of the vCPU on cpu passes */
  | { ev: 'pollEnd'; cpu: number }
  /** a knob: sysctl, debugfs, module parameter or SCHED_FEAT by its kernel name */
  | { ev: 'knob'; name: string; value: number };

export type EventKind = MachineEvent['ev'];
