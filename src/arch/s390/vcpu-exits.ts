// SPDX-License-Identifier: GPL-2.0-only
/**
 * The CPU under the kernel and the guest on it: SIE and what it does without the host, and the calls by which the machine lets a guest
 * do things. Names that x86 has as well mean the same there: the machine calls them without knowing whose CPU it is.
 *
 * SIE is left for an instruction that is intercepted, for an enabled wait, for an intervention request (CPUSTAT_EXT_INT) as soon as
 * the guest is enabled for it, and for any interrupt of the host. The clock comparator interrupts the guest without the host.
 */
import type { Actor } from '../../guest/actor.js';
import { NotModelled } from '../../lib/bug.js';
import {
  CALL_FUNCTION_SINGLE_VECTOR,
  CALL_FUNCTION_VECTOR,
  LOCAL_TIMER_VECTOR,
  RESCHEDULE_VECTOR,
} from '../../lib/irq_vectors.js';
import { add, and, type bool, not, or, U64_MAX, type u16, u64, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import {
  CPUSTAT_EXT_INT,
  CPUSTAT_RUNNING,
  EXT_IRQ_CLK_COMP,
  EXT_NEW_PSW,
  ICPT_EXTINT,
  ICPT_EXTREQ,
  ICPT_INST,
  ICPT_WAIT,
  KERNEL_PSW,
  type kvm_vcpu,
  PSW_MASK_PSTATE,
  PSW_MASK_WAIT,
  SIGP_EMERGENCY_SIGNAL,
  SIGP_EXTERNAL_CALL,
} from './kvm_host.js';

/** ns. DEVIATION DV-682: spin_retry (1000) looks at a lock, each of two ns, until its owner is yielded to */
const SPIN_RETRY_NS = 2_000;
/** ns: a second, in which any spinner gets its answer or is preempted */
const UNBOUNDED_NS = 1_000_000_000;
/** How programs call external interrupts: 16 and the code's low byte; SIGP's go by the bit of ec_mask that they are sent for. */
export const CLOCK_COMPARATOR = 16 + (EXT_IRQ_CLK_COMP & 0xff);
/** a call by SIGP for which another one's handler has done everything already */
export const NOTHING_LEFT = 255;

/* ---- the host's interrupts ---- */

/** The host takes an interrupt on this CPU, in the kernel. */
export function hostIrq(this: vmlinux_s390, vector: number): void {
  this.m.hardirq = 1;
  if (vector === LOCAL_TIMER_VECTOR) this.sched_tick();
  else if (vector === CALL_FUNCTION_SINGLE_VECTOR || vector === CALL_FUNCTION_VECTOR) {
    this.__flush_smp_call_function_queue();
  }
  this.m.hardirq = 0;
}

/** The interrupt that SIE was left for: its handler, or what the machine gave in place of one. */
export function hostIrqOfExit(this: vmlinux_s390, vcpu: kvm_vcpu): void {
  const { handler, args, vector } = vcpu.arch.exit;
  if (handler === '') {
    this.hostIrq(vector);
    return;
  }
  this.m.hardirq = 1;
  (this as unknown as Record<string, (...args: number[]) => unknown>)[handler](...args);
  this.m.hardirq = 0;
}

/* ---- the CPU in SIE ---- */

/** An external interrupt: the PSWs are swapped, and the guest's handler is the next thing that its code does. 0, as the lowcore is there. */
export function swapsPsw(this: vmlinux_s390, vcpu: kvm_vcpu, code: u16): number {
  const { arch } = vcpu;
  const { gpsw } = arch.sie_block;
  // psw_idle_exit() of the guest: a wait is over behind the handler
  const mask = and(gpsw.mask, not(PSW_MASK_WAIT));
  gpsw.mask = EXT_NEW_PSW;
  if (code === EXT_IRQ_CLK_COMP) {
    // clock_comparator_interrupt() of the guest
    arch.sie_block.ckc = U64_MAX;
    this.handles(vcpu, CLOCK_COMPARATOR, mask);
    return 0;
  }
  // smp_handle_ext_call() of the guest: everything that it was called for, one after the other
  const bits = arch.ec_mask;
  arch.ec_mask = 0;
  let outer = mask;
  for (let bit = 0; bit < 16; bit++) {
    if ((bits & (1 << bit)) === 0) continue;
    this.handles(vcpu, bit, outer);
    outer = EXT_NEW_PSW;
  }
  if (bits === 0) this.handles(vcpu, NOTHING_LEFT, mask);
  return 0;
}

/** A handler of the guest is to run, and to go back to a PSW. */
export function handles(this: vmlinux_s390, vcpu: kvm_vcpu, vector: number, mask: u64): void {
  vcpu.arch.irq_frames.push({ vector, mask });
  vcpu.arch.taken.push(vector);
}

/** The guest runs, or waits. */
export function guestEntered(this: vmlinux_s390, _vcpu: kvm_vcpu): void {}

/** SIE of the guest on the CPU goes on as far as it does without time passing. */
export function settleSie(this: vmlinux_s390, cpu: number): void {
  for (;;) {
    const id = this.guestOn(cpu);
    if (id === NULL) return;
    const vcpu = this.m.vcpu[id];
    const { sie_block } = vcpu.arch;
    this.m.cpu = cpu;
    const requested = (sie_block.cpuflags & CPUSTAT_EXT_INT) !== 0;
    if (this.ckc_irq_pending(vcpu)) {
      if (!requested) {
        this.swapsPsw(vcpu, EXT_IRQ_CLK_COMP);
        return;
      }
      sie_block.eic = EXT_IRQ_CLK_COMP;
      this.sieExit(cpu, ICPT_EXTINT);
    } else if (requested && !this.psw_extint_disabled(vcpu)) this.sieExit(cpu, ICPT_EXTREQ);
    else if (and(sie_block.gpsw.mask, PSW_MASK_WAIT) !== ZERO && vcpu.arch.waited_at !== this.m.sched_clock) {
      vcpu.arch.waited_at = this.m.sched_clock;
      this.sieExit(cpu, ICPT_WAIT);
    } else return;
  }
}

/* ---- exits; each says whether there was a guest to exit ---- */

/** SIE on the CPU is left, and the kernel goes on behind it. */
export function sieExit(this: vmlinux_s390, cpu: number, icptcode: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.sie_block.icptcode = icptcode;
  this.resumeKernelStack(cpu);
  return true;
}

/** ... for an instruction: its opcode, r1 and r3, and the address of its second operand. */
export function exitInstruction(this: vmlinux_s390, cpu: number, ipa: u16, base_disp: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { arch } = this.m.vcpu[id];
  arch.sie_block.ipa = ipa;
  arch.base_disp = u64(base_disp);
  arch.sie_block.gpsw.addr += 4;
  return this.sieExit(cpu, ICPT_INST);
}

/** ... for an interrupt of the host; `fn`, a function of the table with its arguments, runs in place of the vector's handler. */
export function exitExternalInterrupt(
  this: vmlinux_s390,
  cpu: number,
  vector: number,
  fn: (keyof vmlinux_s390 & string) | '' = '',
  ...args: number[]
): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  Object.assign(this.m.vcpu[id].arch.exit, { vector, handler: fn, args });
  return this.sieExit(cpu, 0);
}

/* ---- what a guest does; each says whether there was a guest to do it ---- */

/** Diagnose 0x44: the time slice ends. */
export function guestDiag44(this: vmlinux_s390, cpu: number): bool {
  return this.exitInstruction(cpu, 0x8300, 0x44);
}

/** Diagnose 0x9c: it ends for the CPU whose address is in general register 1. */
export function guestDiag9c(this: vmlinux_s390, cpu: number, cpu_addr: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.gprs[1] = u64(cpu_addr);
  return this.exitInstruction(cpu, 0x8310, 0x9c);
}

/** LPSWE with an enabled wait. */
export function guestWaits(this: vmlinux_s390, cpu: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { gpsw } = this.m.vcpu[id].arch.sie_block;
  gpsw.mask = or(KERNEL_PSW, PSW_MASK_WAIT);
  gpsw.addr += 4;
  this.m.vcpu[id].arch.waited_at = U64_MAX;
  this.settleSie(cpu);
  return true;
}

/** It goes to the problem state (a CPL of 3) or to the supervisor's. */
export function guestSetCpl(this: vmlinux_s390, cpu: number, cpl: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { gpsw } = this.m.vcpu[id].arch.sie_block;
  gpsw.mask = cpl === 0 ? and(gpsw.mask, not(PSW_MASK_PSTATE)) : or(gpsw.mask, PSW_MASK_PSTATE);
  return true;
}

/** It enables its CPU for interrupts (STOSM) or disables it (STNSM). */
export function guestSetIf(this: vmlinux_s390, cpu: number, on: bool, _shadow: bool = false): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { gpsw } = this.m.vcpu[id].arch.sie_block;
  gpsw.mask = on ? or(gpsw.mask, KERNEL_PSW) : and(gpsw.mask, not(KERNEL_PSW));
  this.settleSie(cpu);
  return true;
}

/** External interrupts are not ended by anything. */
export function guestEoi(this: vmlinux_s390, cpu: number): bool {
  return this.guestOn(cpu) !== NULL;
}

/** LPSWE of the old PSW, from the innermost handler. */
export function guestIret(this: vmlinux_s390, cpu: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { arch } = this.m.vcpu[id];
  const frame = arch.irq_frames.pop();
  if (frame === undefined) return false;
  arch.sie_block.gpsw.mask = frame.mask;
  this.settleSie(cpu);
  return true;
}

/**
 * pcpu_ec_call() of the guest: a bit in the target's word, and SIGP, which exits, unless one is on its way for that bit: an external
 * call to a CPU that runs, an emergency signal to one that does not. MODEL: SENSE RUNNING, which tells, is no exit (ECB_SRSI).
 */
export function guestIpi(this: vmlinux_s390, cpu: number, target: kvm_vcpu, bit: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { arch } = target;
  if (arch.ec_mask & (1 << bit)) return true;
  arch.ec_mask |= 1 << bit;
  const running = (arch.sie_block.cpuflags & CPUSTAT_RUNNING) !== 0;
  this.m.vcpu[id].arch.gprs[3] = u64(target.vcpu_id);
  return this.exitInstruction(cpu, 0xae13, running ? SIGP_EXTERNAL_CALL : SIGP_EMERGENCY_SIGNAL);
}

/** It chooses the interrupt of its timer: there is the clock comparator's. */
export function guestTimerVector(this: vmlinux_s390, _cpu: number, vector: number): void {
  if (vector !== CLOCK_COMPARATOR)
    throw new NotModelled(`a timer under interrupt ${vector}: the clock comparator's is ${CLOCK_COMPARATOR}`);
}

/** SCKC: no exit. */
export function guestTimerCount(this: vmlinux_s390, cpu: number, ns: number): void {
  const id = this.guestOn(cpu);
  if (id === NULL) return;
  this.m.vcpu[id].arch.sie_block.ckc = add(this.m.sched_clock, u64(ns));
  this.settleSie(cpu);
}

/** What the CPU decides of its guest's time: how long it spins until it yields, and whether it waits in SIE. */
export function tellGuest(this: vmlinux_s390, vcpu: kvm_vcpu, actor: Actor): void {
  // nobody hears of who waits for an answer
  const window = actor.spinning >= 0 ? SPIN_RETRY_NS : UNBOUNDED_NS;
  actor.window_ns = window;
  actor.pauseIn = actor.spinning >= 0 ? Math.min(actor.pauseIn, window) : window;
  if (actor.standby !== undefined)
    actor.standby.ns = and(vcpu.arch.sie_block.gpsw.mask, PSW_MASK_WAIT) === ZERO ? 0 : -1;
}

/* ---- after every event ---- */

/** Whether the CPU, once it has an interrupt, does not go back to this guest before it has looked at something. */
export function leavesGuest(this: vmlinux_s390, _vcpu: kvm_vcpu): bool {
  return this.need_resched() || this.signal_pending(this.get_current());
}

/** An interrupt of the host comes through on the CPU. */
export function takeHostIrq(this: vmlinux_s390, cpu: number, vector: number): void {
  const id = this.guestOn(cpu);
  this.m.cpu = cpu;
  // WHY: the CPU has been in the host since it was sent, for another reason, and took it there
  const wakes = this.m.rq[cpu].wake_list.length > 0 || this.m.rd.rto_push_work === cpu;
  if (id !== NULL && vector >= CALL_FUNCTION_SINGLE_VECTOR && !wakes && !this.leavesGuest(this.m.vcpu[id])) return;
  if (!this.exitExternalInterrupt(cpu, vector)) this.hostIrq(vector);
}

/** A system call was made on the CPU, whose guest runs: the way back to the guest looks at what it has left. */
export function afterSyscall(this: vmlinux_s390, cpu: number): void {
  const id = this.guestOn(cpu);
  if (id === NULL) return;
  this.m.cpu = cpu;
  if (this.leavesGuest(this.m.vcpu[id])) this.m.host_irq[cpu].push(RESCHEDULE_VECTOR);
}

/** After an event: everything on the CPU goes as far as it can. Does not reschedule host tasks. */
export function settleCpu(this: vmlinux_s390, cpu: number): void {
  this.unwindKernelStack(cpu);
  if (this.pollingOn(cpu) !== NULL) this.resumeKernelStack(cpu);
  for (;;) {
    const vector = this.m.host_irq[cpu].shift();
    if (vector === undefined) break;
    this.takeHostIrq(cpu, vector);
    if (this.pollingOn(cpu) !== NULL) this.resumeKernelStack(cpu);
  }
  this.settleSie(cpu);
}

/** The vCPU's thread in userspace: KVM_RUN, and nothing that is modelled ends it. */
export function vcpuRunOf(this: vmlinux_s390, vcpuId: number): void {
  const current = this.get_current();
  const r = this.kvm_vcpu_ioctlRun(this.m.vcpu[vcpuId]);
  if (this.notReturned(current)) this.whenBack(current, 'vcpuRunReturned', vcpuId);
  else this.vcpuRunReturned(vcpuId, r);
}

/** KVM_RUN has returned r to the vCPU's thread. */
export function vcpuRunReturned(this: vmlinux_s390, vcpuId: number, r: number): void {
  throw new NotModelled(`userspace of vCPU ${vcpuId} after KVM_RUN returned ${r}`);
}
