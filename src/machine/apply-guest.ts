// SPDX-License-Identifier: GPL-2.0-only
/** The half of `apply` that concerns what runs on a CPU: interrupts on it, guests, and programs. */
import { LOCAL_TIMER_VECTOR } from '../arch/x86/vcpu-exits.js';
import { acknowledge, type Request, takeInterrupt } from '../guest/actor.js';
import type { kvm_vcpu } from '../kvm/kvm_host.js';
import { APIC_BASE_MSR, APIC_DM_FIXED, APIC_LVTT, APIC_TMICT } from '../lapic/apicdef.js';
import { NotModelled } from '../lib/bug.js';
import { toNumber, u64 } from '../lib/types.js';
import type { EventKind, MachineEvent } from '../scenario/events.js';
import { NULL, TASK_INTERRUPTIBLE } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import { guestOn } from './legal-events.js';
import type { machine } from './state.js';

/** Interrupt handlers that the machine has: functions of the table. */
type HandlerName = 'sched_tick' | 'hrtimerExpire' | 'sched_ttwu_pending' | 'wakeTask' | 'noHandler';

/** An interrupt on the CPU: the guest there exits for it, its handler runs. */
export function interrupt(k: vmlinux, m: machine, cpu: number, handler: HandlerName, ...args: number[]): void {
  m.cpu = cpu;
  if (k.exitExternalInterrupt(cpu, LOCAL_TIMER_VECTOR, handler, ...args)) return;
  m.hardirq = 1;
  (k as unknown as Record<string, (...args: number[]) => void>)[handler](...args);
  m.hardirq = 0;
}

/**
 * Current on the CPU is preempted if need_resched is set and it is in userspace or idle; whether it was. A vCPU's
 * thread looks at need_resched by itself: the guest has exited for it, halt polling ends.
 */
export function reschedule(k: vmlinux, m: machine, cpu: number): boolean {
  const p = m.task[m.rq[cpu].curr];
  if (p.tif_need_resched !== 1 || k.notReturned(p)) return false;
  m.cpu = cpu;
  k.schedule();
  return true;
}

/**
 * Lets what is left to do on the CPU go on. Interrupts that entered the guest are taken by its program; handlers that
 * have written EOI return.
 */
export function settleGuest(k: vmlinux, m: machine, cpu: number): void {
  k.settleCpu(cpu);
  const id = m.vcpuOfTask[m.rq[cpu].curr];
  if (id === NULL) return;
  const vcpu = m.vcpu[id];
  const actor = m.actor[vcpu.pid];
  for (;;) {
    for (const vector of vcpu.arch.taken) {
      takeInterrupt(actor, vector, actor.program >= 0 ? m.guest[vcpu.kvm].handler_ns : -1);
    }
    vcpu.arch.taken = [];
    if (k.guestOn(cpu) === id) actor.window_ns = pauseWindowNs(m, vcpu);
    if (actor.handlers.at(-1)?.ended !== true || k.guestOn(cpu) !== id) return;
    actor.handlers.pop();
    k.guestIret(cpu);
    k.settleCpu(cpu);
  }
}

/** A guest event; nothing when no vCPU is in guest mode on the CPU. */
export function performGuest(k: vmlinux, m: machine, event: Extract<MachineEvent, { cpu: number }>): void {
  const { cpu } = event;
  if (event.ev === 'pollEnd') {
    if (k.pollingOn(cpu) !== NULL) k.resumeKernelStack(cpu);
    return;
  }
  if (guestOn(m, cpu, event.ev as EventKind) === NULL) return;
  switch (event.ev) {
    case 'pause':
      k.exitPause(cpu);
      return;
    case 'hlt':
      k.exitHlt(cpu);
      return;
    case 'ipi':
      sendIpi(k, m, cpu, event.to, event.vector);
      return;
    case 'icr':
      k.guestIcr(cpu, event.low >>> 0, event.dest >>> 0);
      return;
    case 'eoi':
      endInterrupt(k, m, cpu);
      return;
    case 'cpl':
      k.guestSetCpl(cpu, event.cpl);
      return;
    case 'if':
      k.guestSetIf(cpu, event.on, event.shadow);
      return;
    case 'hypercall':
      k.exitHypercall(cpu, u64(event.nr), u64(event.a0), u64(event.a1), u64(event.a2), u64(event.a3));
      return;
    case 'intr':
      k.exitExternalInterrupt(cpu, LOCAL_TIMER_VECTOR, 'noHandler');
      return;
  }
}

/** A fixed IPI without shorthand, physical, to a vCPU of the same VM; its sender may wait for the EOI. */
function sendIpi(k: vmlinux, m: machine, cpu: number, to: number, vector: number): void {
  const vcpu = m.vcpu[m.vcpuOfTask[m.rq[cpu].curr]];
  const target = m.kvm[vcpu.kvm].vcpus[to];
  if (target === undefined) return;
  k.guestIcr(cpu, APIC_DM_FIXED | vector, m.vcpu[target].vcpu_id);
}

/** The innermost handler of the guest on the CPU writes EOI; it returns as soon as the guest runs on. */
function endInterrupt(k: vmlinux, m: machine, cpu: number): void {
  const vcpu = m.vcpu[m.vcpuOfTask[m.rq[cpu].curr]];
  const handler = m.actor[vcpu.pid].handlers.at(-1);
  if (handler === undefined || handler.ended) return;
  handler.ended = true;
  endOf(k, m, cpu, handler.vector);
}

function endOf(k: vmlinux, m: machine, cpu: number, vector: number): void {
  const vcpu = m.vcpu[m.vcpuOfTask[m.rq[cpu].curr]];
  const peers = m.kvm[vcpu.kvm].vcpus.filter((it) => m.vcpu[it].pid !== NULL).map((it) => m.actor[m.vcpu[it].pid]);
  acknowledge(peers, vcpu.vcpu_idx, vector);
  k.guestEoi(cpu);
}

/** What the program of current on the CPU asks for. */
export function performRequest(k: vmlinux, m: machine, cpu: number, request: Request): void {
  const p = m.task[m.rq[cpu].curr];
  switch (request.ask) {
    case 'nothing':
      return;
    case 'pause':
      k.exitPause(cpu);
      return;
    case 'hlt':
      k.exitHlt(cpu);
      return;
    case 'ipi':
      sendIpi(k, m, cpu, request.to, request.vector);
      return;
    case 'eoi':
      endOf(k, m, cpu, request.vector);
      return;
    case 'cpl':
      k.guestSetCpl(cpu, request.cpl);
      return;
    case 'timerVector':
      storeApic(k, m, cpu, APIC_LVTT, request.vector);
      return;
    case 'timerCount':
      // TDCR is 0 after reset: a count is two bus cycles
      storeApic(k, m, cpu, APIC_TMICT, Math.max(1, Math.floor(request.ns / (2 * busCycleNs(m, cpu)))));
      return;
    case 'yield':
      k.do_sched_yield();
      return;
    case 'yieldTo': {
      const target = m.task.find((it) => it.comm === request.task);
      if (target !== undefined && target.id !== p.id) k.yield_to(target, true);
      return;
    }
    case 'sleep':
      m.actor[p.id].wakeAt = toNumber(m.sched_clock) + request.ns;
      p.__state = TASK_INTERRUPTIBLE;
      k.schedule();
      return;
    case 'exit':
      if (m.vcpuOfTask[p.id] !== NULL) throw new NotModelled('a vCPU that leaves KVM_RUN');
      p.__state = TASK_INTERRUPTIBLE;
      k.schedule();
      return;
  }
}

function busCycleNs(m: machine, cpu: number): number {
  return m.kvm[m.vcpu[m.vcpuOfTask[m.rq[cpu].curr]].kvm].arch.apic_bus_cycle_ns;
}

/** The guest stores to a register of its APIC. */
function storeApic(k: vmlinux, m: machine, cpu: number, register: number, value: number): void {
  const { apic } = m.vcpu[m.vcpuOfTask[m.rq[cpu].curr]].arch;
  if (k.apic_x2apic_mode(apic)) k.exitWrmsr64(cpu, APIC_BASE_MSR + (register >> 4), value, 0);
  else k.exitMmio(cpu, register, value);
}

/** ns of spinning that make a PAUSE exit. MODEL: a PAUSE takes 40 cycles; VMX counts cycles, SVM counts PAUSEs. */
function pauseWindowNs(m: machine, vcpu: kvm_vcpu): number {
  const vmx = m.kvm[vcpu.kvm].arch.vendor === 'vmx';
  const cycles = vmx ? vcpu.arch.ple_window : vcpu.arch.vmcb.pause_filter_count * 40;
  return Math.max(1, Math.floor((cycles * 1e6) / m.tsc_khz));
}
