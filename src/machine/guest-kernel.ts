// SPDX-License-Identifier: GPL-2.0-only
/**
 * Runs the kernel inside a guest on the CPU time that its vCPUs get: one machine in the other, the same mirrored code.
 *
 * The guest's clock is the host's, whoever has the CPU. What its kernel does in a moment happens at once in the guest's
 * machine; what it asks of its CPU meanwhile (IPIs, timer, MSRs, HLT) waits in `asks` and is performed one by one, each as
 * an exit or not, before the guest goes on.
 * MODEL: so what the code does after such an instruction in the same moment, it has done before the exit.
 * MODEL: the IRET follows the switch to another task at once: the frame does not stay on the old task's stack.
 */
import { assert } from '../base/assert.js';
import { dueIn, elapse, type Request, stepActor } from '../guest/actor.js';
import {
  type CpuRequest,
  type GuestCpu,
  type GuestKernel,
  type GuestTask,
  NOT_SPINNING,
} from '../guest/guest-kernel.js';
import type { irq_cpu } from '../irq/preempt.js';
import { TIMER_SOFTIRQ } from '../irq/softirq.js';
import { type guest_memory, loadWord, storeByte, storeWord } from '../kvm/guest-memory.js';
import { LOCAL_TIMER_VECTOR } from '../lib/irq_vectors.js';
import { and, toNumber, u64, ZERO } from '../lib/types.js';
import { WHILE_BUSY } from '../sched/kernel-stack.js';
import { NULL, TASK_INTERRUPTIBLE } from '../sched/sched.js';
import { rebind } from '../vmlinux/bind.js';
import type { vmlinux_x86 } from '../vmlinux/vmlinux-x86.js';
import type { machine } from './state.js';

const NMI_VECTOR = 2;
const NOTHING: CpuRequest = { ask: 'nothing' };

const bound = new WeakMap<machine, { g: vmlinux_x86; tp: vmlinux_x86['tp'] }>();

/** The guest's kernel, which is its host's, bound to the guest's machine as the vCPU executes it now. */
function kernelOf(k: vmlinux_x86, os: GuestKernel, vcpu: number): vmlinux_x86 {
  const { tp } = k;
  let it = bound.get(os.m);
  if (it === undefined || it.tp !== tp || Object.getPrototypeOf(it.g) !== Object.getPrototypeOf(k)) {
    const vm = os.m.vmNames[0];
    it = { g: rebind(k, os.m, tp === null ? null : (event) => tp({ ...event, vm })), tp };
    bound.set(os.m, it);
  }
  (it.g as { ram?: guest_memory | undefined }).ram = (k.m as machine).guest[os.vm].memory;
  os.m.cpu = vcpu;
  os.m.sched_clock = k.m.sched_clock;
  const { vcpus } = k.m.kvm[os.vm];
  for (let i = 0; i < vcpus.length; i++) k.sharedWithGuest(k.m.vcpu[vcpus[i]], (os.m.irq_cpu as irq_cpu[])[i]);
  return it.g;
}

const top = (cpu: GuestCpu) => cpu.contexts[cpu.contexts.length - 1];
/** The task in a busy loop of its kernel on the vCPU: it spins for a lock. */
function spins(os: GuestKernel, vcpu: number): boolean {
  const [frame] = os.m.task[currentOf(os, vcpu)].kernel_stack;
  return frame?.waits === WHILE_BUSY && os.cpu[vcpu].contexts.length === 0;
}

/** ... waiting in WFE: it looks when an event comes, and only then. */
const waitsInWfe = (os: GuestKernel, vcpu: number): boolean =>
  os.eoiLast !== undefined && os.m.task[currentOf(os, vcpu)].kernel_stack[0]?.fn === 'osq_lockTurn';

/** An interrupt or a store that ends the wait of osq_lock() in WFE. */
const isPassedOn = (os: GuestKernel, vcpu: number): boolean => os.m.osq_node?.[vcpu].locked === 1;

const currentOf = (os: GuestKernel, vcpu: number): number => os.m.rq[vcpu].curr;
const isIdleOn = (os: GuestKernel, vcpu: number): boolean => currentOf(os, vcpu) === os.m.rq[vcpu].idle;

/** ns of CPU time until the guest on the vCPU does something by itself. */
export function guestDueIn(os: GuestKernel, vcpu: number): number {
  const cpu = os.cpu[vcpu];
  if (cpu.asks.length > 0) return 0;
  if (cpu.contexts.length > 0) return top(cpu).left;
  if (isIdleOn(os, vcpu)) return 0;
  if (spins(os, vcpu)) {
    if (cpu.pauseIn >= 0) return cpu.pauseIn;
    return waitsInWfe(os, vcpu) ? 0 : Number.POSITIVE_INFINITY;
  }
  return dueIn(os.m.actor[currentOf(os, vcpu)], null, NULL);
}

/** The vCPU had its CPU for `ns`. */
export function guestElapse(os: GuestKernel, vcpu: number, ns: number): void {
  const cpu = os.cpu[vcpu];
  if (cpu.asks.length > 0) return;
  if (cpu.contexts.length > 0) top(cpu).left = Math.max(0, top(cpu).left - ns);
  else if (spins(os, vcpu)) {
    if (cpu.pauseIn > 0) cpu.pauseIn = Math.max(0, cpu.pauseIn - ns);
  } else if (!isIdleOn(os, vcpu)) elapse(os.m.actor[currentOf(os, vcpu)], ns);
}

/** The vCPU takes an interrupt or an NMI. */
export function guestTakes(k: vmlinux_x86, os: GuestKernel, vcpu: number, vector: number, handlerNs: number): void {
  const g = kernelOf(k, os, vcpu);
  const cpu = os.cpu[vcpu];
  const curr = os.m.task[currentOf(os, vcpu)];
  const user =
    cpu.contexts.length === 0 && curr.kernel_stack.length === 0 && !isIdleOn(os, vcpu) && os.task[curr.id].user;
  const kind = vector === NMI_VECTOR ? 'nmi' : 'irq';
  // what the interrupted code has still to ask comes after the IRET
  cpu.contexts.push({ kind, vector, left: handlerNs, user, restarts: 0, asks: cpu.asks });
  cpu.asks = [];
  g.this_irq_cpu().user_mode = user;
  if (kind === 'nmi') {
    g.irqentry_nmi_enter();
    settleGuestCpu(g, os, vcpu);
    return;
  }
  g.irqentry_enter();
  g.irq_enter_rcu();
  settleGuestCpu(g, os, vcpu);
  // sysvec_apic_timer_interrupt(), sysvec_reschedule_ipi(): apic_eoi() is the first that they do
  if (os.eoiLast === undefined) cpu.asks.push({ ask: 'eoi' });
}

function holds(memory: guest_memory, { gpa, value, mask }: { gpa: number; value: number; mask?: number }): boolean {
  const word = loadWord(memory, gpa);
  return toNumber(mask === undefined ? word : and(word, u64(mask))) === value;
}

/** What the CPU does without its host's help, up to the first that may exit: stores to shared pages, MSRs left alone. */
function storesDone(cpu: GuestCpu, memory: guest_memory): void {
  for (; cpu.asks.length > 0; cpu.asks.shift()) {
    const [ask] = cpu.asks;
    if (ask.ask === 'store') storeByte(memory, ask.gpa, ask.byte, ask.value);
    else if (ask.ask === 'store64') storeWord(memory, ask.gpa, ask.word);
    else if (ask.ask === 'echo') {
      const word = loadWord(memory, ask.from);
      if (word !== ZERO) storeWord(memory, ask.to, word);
    } else if (ask.ask !== 'wrmsr' || ask.when === undefined || holds(memory, ask.when)) return;
  }
}

/** Does what is due on the vCPU and says what it asks of it. Call when `guestDueIn` is 0. */
export function guestStep(k: vmlinux_x86, os: GuestKernel, vcpu: number): CpuRequest {
  const cpu = os.cpu[vcpu];
  const asked = cpu.asks.length > 0;
  storesDone(cpu, (k.m as machine).guest[os.vm].memory as guest_memory);
  const ask = cpu.asks.shift();
  if (ask !== undefined) return ask;
  // stores were all that was due: a handler with time left goes on
  if (asked) return NOTHING;
  if (cpu.contexts.length === 0 && isIdleOn(os, vcpu)) return { ask: 'hlt' };
  const g = kernelOf(k, os, vcpu);
  let returns: CpuRequest[] = [];
  if (spins(os, vcpu)) return spinStep(k, g, os, vcpu);
  if (cpu.contexts.length === 0) taskStep(g, os, vcpu);
  else returns = contextEnds(g, os, vcpu);
  settleGuestCpu(g, os, vcpu, returns);
  return cpu.asks.shift() ?? NOTHING;
}

/** A turn of a spin loop, and PAUSE or WFE if that was not the last. */
function spinStep(k: vmlinux_x86, g: vmlinux_x86, os: GuestKernel, vcpu: number): CpuRequest {
  const cpu = os.cpu[vcpu];
  g.resumeKernelStack(vcpu);
  settleGuestCpu(g, os, vcpu);
  if (!spins(os, vcpu) || cpu.asks.length > 0) return cpu.asks.shift() ?? NOTHING;
  cpu.pauseIn = pauseWindow(k, os, vcpu);
  return os.eoiLast === undefined || waitsInWfe(os, vcpu) ? { ask: 'pause' } : NOTHING;
}

/**
 * ns of spinning until the host hears of it; -1 for never: cpu_relax() of arm64 is no instruction that traps. Of WFE that traps, how
 * long it takes until the loop is back; one that does not is over when it is.
 */
function pauseWindow(k: vmlinux_x86, os: GuestKernel, vcpu: number): number {
  const { window_ns } = (k.m as machine).actor[k.m.vcpu[k.m.kvm[os.vm].vcpus[vcpu]].pid];
  if (os.eoiLast === undefined) return window_ns;
  return waitsInWfe(os, vcpu) && window_ns < WFE_NEVER_TRAPS ? window_ns : -1;
}

/** ns: more than any window in which a spinner is heard of */
const WFE_NEVER_TRAPS = 1_000_000;

/**
 * Spinners look, all the time that their vCPUs run: what they wait for may have happened anywhere, in the guest or to one of its
 * vCPUs. Who waits in WFE is told by a store that hands the queue on.
 */
export function lookAtSpinners(k: vmlinux_x86, os: GuestKernel, inGuest: (vcpu: number) => boolean): void {
  for (let vcpu = 0; vcpu < os.cpu.length; vcpu++) {
    const cpu = os.cpu[vcpu];
    if (!spins(os, vcpu)) cpu.pauseIn = NOT_SPINNING;
    if (!spins(os, vcpu) || cpu.asks.length > 0 || !inGuest(vcpu)) continue;
    if (waitsInWfe(os, vcpu)) {
      if (isPassedOn(os, vcpu)) k.guestEvent(k.m.vcpu[k.m.kvm[os.vm].vcpus[vcpu]]);
      continue;
    }
    const g = kernelOf(k, os, vcpu);
    g.resumeKernelStack(vcpu);
    settleGuestCpu(g, os, vcpu);
    if (cpu.pauseIn === NOT_SPINNING) cpu.pauseIn = pauseWindow(k, os, vcpu);
  }
}

/** The guest has booted: every vCPU has its timer to set, or halts. */
export function guestBooted(k: vmlinux_x86, os: GuestKernel): void {
  const first = kernelOf(k, os, 0);
  // ret_from_fork(): a task that runs for the first time comes from its kernel
  for (const p of os.m.task) if (os.m.rq[p.cpu].idle !== p.id) first.whenBack(p, 'exit_to_user_mode_prepareAgain');
  for (let vcpu = 0; vcpu < os.cpu.length; vcpu++) {
    const g = kernelOf(k, os, vcpu);
    (g as { hvc?: vmlinux_x86['hvc'] | undefined }).hvc = (...x) => k.guestCalls(os.vm, vcpu, ...x);
    g.guestKernelBoots(vcpu);
    (g as { hvc?: vmlinux_x86['hvc'] | undefined }).hvc = undefined;
    os.cpu[vcpu].asks.push({ ask: 'lvtt', vector: LOCAL_TIMER_VECTOR });
    settleGuestCpu(g, os, vcpu);
  }
}

/* ---- interrupts ---- */

/** ... up to the IRET, if it comes to that: the IRET, and what the interrupted code asks for after it. */
function contextEnds(g: vmlinux_x86, os: GuestKernel, vcpu: number): CpuRequest[] {
  const cpu = os.cpu[vcpu];
  const context = top(cpu);
  if (context.kind === 'softirq') return softirqEnds(g, os, vcpu);
  if (context.kind === 'nmi') {
    cpu.contexts.pop();
    g.this_irq_cpu().user_mode = context.user;
    g.irqentry_nmi_exit();
    return [{ ask: 'iret' }, ...context.asks];
  }
  os.m.hardirq = 1;
  if (context.vector === LOCAL_TIMER_VECTOR) timerInterrupt(g, os, vcpu);
  else g.hostIrq(context.vector);
  os.m.hardirq = 0;
  // handle_percpu_devid_irq(): chip->irq_eoi() once the handler has returned
  if (os.eoiLast !== undefined) cpu.asks.push({ ask: 'eoi' });
  if (!g.__irq_exit_rcu()) return irqReturns(g, os, vcpu);
  softirqBegins(g, os, vcpu);
  return [];
}

/** hrtimer_interrupt(): what has expired, in the order of its expiry: the tick and sleeps. */
function timerInterrupt(g: vmlinux_x86, os: GuestKernel, vcpu: number): void {
  const now = toNumber(os.m.sched_clock);
  const cpu = os.cpu[vcpu];
  cpu.armed = -1;
  const due = os.m.actor
    .map((actor, task) => ({ at: actor.wakeAt, task }))
    .filter(({ task }) => os.task[task].timerCpu === vcpu)
    .concat({ at: cpu.nextTick, task: TICK })
    .filter(({ at }) => at >= 0 && at <= now)
    .sort((a, b) => a.at - b.at || a.task - b.task);
  for (const { task } of due) {
    if (task === TICK) {
      const jiffy = toNumber(os.m.TICK_NSEC);
      cpu.nextTick += (Math.floor((now - cpu.nextTick) / jiffy) + 1) * jiffy;
      g.sched_tick();
    } else {
      os.m.actor[task].wakeAt = -1;
      g.wakeTask(task);
    }
  }
}

/** Stands for the timer of the tick, before all tasks that sleep until the same time. */
const TICK = -1;

/** Softirqs run on the way out of the interrupt, with interrupts on, as long as their work takes. */
function softirqBegins(g: vmlinux_x86, os: GuestKernel, vcpu: number): void {
  const cpu = os.cpu[vcpu];
  g.__do_softirq();
  cpu.contexts.push({ kind: 'softirq', vector: 0, left: cpu.softirq_ns, user: false, restarts: 0, asks: [] });
  cpu.softirq_ns = 0;
  cpu.asks.push({ ask: 'if', on: true });
}

function softirqEnds(g: vmlinux_x86, os: GuestKernel, vcpu: number): CpuRequest[] {
  const cpu = os.cpu[vcpu];
  const context = top(cpu);
  if (g.__do_softirqEnd(context.restarts) !== 0) {
    context.restarts++;
    context.left = cpu.softirq_ns;
    cpu.softirq_ns = 0;
    return [];
  }
  cpu.contexts.pop();
  cpu.asks.push({ ask: 'if', on: false });
  return irqReturns(g, os, vcpu);
}

function irqReturns(g: vmlinux_x86, os: GuestKernel, vcpu: number): CpuRequest[] {
  const cpu = os.cpu[vcpu];
  const context = cpu.contexts.pop();
  assert(context?.kind === 'irq', 'an interrupt that returns');
  g.this_irq_cpu().user_mode = context.user;
  g.irqentry_exit();
  return [{ ask: 'iret' }, ...context.asks];
}

/* ---- tasks ---- */

function taskStep(g: vmlinux_x86, os: GuestKernel, vcpu: number): void {
  const p = currentOf(os, vcpu);
  const request = stepActor(os.m.programs, os.m.actor[p], null, NULL);
  if (request.ask === 'nothing') return;
  systemCall(g, os, vcpu, request);
  // the way back to the program, unless it sleeps: then it is a frame of its kernel stack
  if (currentOf(os, vcpu) === p && !g.notReturned(os.m.task[p])) leavesKernel(g, os.task[p]);
}

function leavesKernel(g: vmlinux_x86, task: GuestTask): void {
  g.this_irq_cpu().user_mode = task.user;
  if (task.user) g.exit_to_user_mode_prepare();
  else g.irqentry_exit_cond_resched();
}

function systemCall(g: vmlinux_x86, os: GuestKernel, vcpu: number, request: Request): void {
  const p = currentOf(os, vcpu);
  const it = os.task[p];
  switch (request.ask) {
    case 'sleep':
      os.m.actor[p].wakeAt = toNumber(os.m.sched_clock) + request.ns;
      it.timerCpu = vcpu;
      goesToSleep(g, os, vcpu);
      return;
    case 'wait':
      if (it.credits > 0) it.credits--;
      else {
        it.waiting = true;
        goesToSleep(g, os, vcpu);
      }
      return;
    case 'wake':
      wakes(g, os, request.task);
      return;
    case 'exit':
      goesToSleep(g, os, vcpu);
      return;
    case 'yield':
      g.do_sched_yield();
      if (currentOf(os, vcpu) !== p) g.whenBack(os.m.task[p], wayOut(it));
      return;
    case 'cpl':
      it.user = request.cpl === 3;
      return;
    case 'preemptCount':
      if (request.add > 0) g.preempt_count_add(request.add);
      else g.preempt_count_sub(-request.add);
      return;
    case 'mutexLock':
    case 'downWrite':
      if (request.ask === 'mutexLock') g.__mutex_lock_common(request.index);
      else g.__down_write_common(request.index);
      if (g.notReturned(os.m.task[p])) g.whenBack(os.m.task[p], wayOut(it));
      return;
    case 'mutexUnlock':
      g.__mutex_unlock_slowpath(request.index);
      return;
    case 'upWrite':
      g.__up_write(request.index);
      return;
    case 'softirq':
      os.cpu[vcpu].softirq_ns += request.ns;
      g.__raise_softirq_irqoff(TIMER_SOFTIRQ);
      return;
    default:
      assert(false, `a request of a guest's task: ${request.ask}`);
  }
}

function goesToSleep(g: vmlinux_x86, os: GuestKernel, vcpu: number): void {
  const p = os.m.task[currentOf(os, vcpu)];
  p.__state = TASK_INTERRUPTIBLE;
  g.schedule();
  g.whenBack(p, wayOut(os.task[p.id]));
}

/** What is left of a system call when its task is back; kernel mode goes on where it was. */
const wayOut = (task: GuestTask) => (task.user ? 'exit_to_user_mode_prepareAgain' : 'noHandler');

function wakes(g: vmlinux_x86, os: GuestKernel, comm: string): void {
  const task = os.m.task.findIndex((it) => it.comm === comm);
  const it = os.task[task];
  if (!it.waiting) {
    it.credits++;
    return;
  }
  it.waiting = false;
  g.wakeTask(task);
}

/* ---- after everything ---- */

/** What the code has left: rescheduling, the rest of sleepers that are back, and what it asked of the CPU. */
function settleGuestCpu(g: vmlinux_x86, os: GuestKernel, vcpu: number, returns: readonly CpuRequest[] = []): void {
  const cpu = os.cpu[vcpu];
  for (let round = 0; cpu.contexts.length === 0; round++) {
    assert(round < 1000, "a guest's CPU does not come to rest");
    g.this_irq_cpu().user_mode = os.task[currentOf(os, vcpu)].user;
    g.unwindKernelStack(vcpu);
    if (g.runStopper(vcpu)) continue;
    // do_idle(): need_resched ends the loop
    if (!isIdleOn(os, vcpu) || !g.need_resched()) break;
    g.schedule_idle();
  }
  const ops = g.this_irq_cpu().ops.splice(0);
  os.m.host_irq.forEach((vectors, to) => {
    for (const vector of vectors.splice(0)) cpu.asks.push({ ask: 'ipi', to, vector });
  });
  setTimer(os, vcpu);
  // WHY behind them: IPIs and the timer belong to what the kernel was asked to do, the ops to its way out.
  // exit_to_user_mode_prepare() of a system call: interrupts are off until it is back in user mode.
  const masked = returns.length === 0 && cpu.contexts.length === 0 && ops.some((it) => 'when' in it);
  if (masked) cpu.asks.push({ ask: 'if', on: false });
  for (const { op, ...rest } of ops) cpu.asks.push({ ask: op, ...rest } as CpuRequest);
  if (masked) cpu.asks.push({ ask: 'if', on: true });
  cpu.asks.push(...returns);
  storesDone(cpu, g.ram as guest_memory);
  setCpl(os, vcpu);
}

/** The tick runs while the CPU is not idle; the APIC's timer is set to whatever is first. */
function setTimer(os: GuestKernel, vcpu: number): void {
  const cpu = os.cpu[vcpu];
  if (isIdleOn(os, vcpu)) cpu.nextTick = -1;
  else if (cpu.nextTick < 0) cpu.nextTick = nextJiffy(os.m.sched_clock, os.m.TICK_NSEC);
  let first = cpu.nextTick < 0 ? Number.POSITIVE_INFINITY : cpu.nextTick;
  for (let p = 0; p < os.m.actor.length; p++) {
    const at = os.m.actor[p].wakeAt;
    if (at >= 0 && os.task[p].timerCpu === vcpu) first = Math.min(first, at);
  }
  // what is set and no longer wanted fires for nothing, as Linux leaves it when the tick stops for another event
  if (first === cpu.armed || first === Number.POSITIVE_INFINITY) return;
  cpu.armed = first;
  cpu.asks.push({ ask: 'timer', at: first });
}

function nextJiffy(now: u64, jiffy: u64): number {
  const ns = toNumber(jiffy);
  return (Math.floor(toNumber(now) / ns) + 1) * ns;
}

function setCpl(os: GuestKernel, vcpu: number): void {
  const cpu = os.cpu[vcpu];
  if (cpu.contexts.length > 0) return;
  const cpl = !isIdleOn(os, vcpu) && os.task[currentOf(os, vcpu)].user ? 3 : 0;
  if (cpl === cpu.cpl) return;
  cpu.cpl = cpl;
  cpu.asks.push({ ask: 'cpl', cpl });
}
