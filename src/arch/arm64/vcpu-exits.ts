// SPDX-License-Identifier: GPL-2.0-only
/**
 * The CPU under the kernel and the guest on it: the hardware's part, and the calls by which the machine lets a guest do
 * things. Names that x86 has as well mean the same there: the machine calls them without knowing whose CPU it is.
 *
 * A guest in WFI or WFE that does not trap stands still on its CPU: its thread runs, its code does not. What ends that is an
 * interrupt for the guest, masked or not; one for the host, which makes it exit; the deadline of WFIT and WFET; the event stream.
 */
import type { Actor } from '../../guest/actor.js';
import { EXITING_GUEST_MODE } from '../../kvm/kvm_host.js';
import { NotModelled } from '../../lib/bug.js';
import {
  CALL_FUNCTION_SINGLE_VECTOR,
  CALL_FUNCTION_VECTOR,
  LOCAL_TIMER_VECTOR,
  RESCHEDULE_VECTOR,
} from '../../lib/irq_vectors.js';
import { add, type bool, ge, min, or, shl, sub, toNumber, U64_MAX, u64 } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import {
  ARM_EXCEPTION_IRQ,
  ARM_EXCEPTION_TRAP,
  ESR_ELx_EC_SHIFT,
  ESR_ELx_EC_SYS64,
  ESR_ELx_EC_WFx,
  ESR_ELx_WFx_ISS_RV,
  ESR_ELx_WFx_ISS_WFE,
  ESR_ELx_WFx_ISS_WFxT,
  HCR_TWE,
  HCR_TWI,
  type kvm,
  type kvm_vcpu,
  VTIMER_PPI,
} from './kvm_host.js';

/** ns. MODEL: a WFE that traps, with a kvm_vcpu_on_spin() that finds nobody, until the guest looks at its lock again. */
const WFE_EXIT_NS = 5_000;
/** ns: a second, in which any spinner gets its lock or is preempted */
const NO_EXIT_NS = 1_000_000_000;
/** ns: ARCH_TIMER_EVT_STREAM_PERIOD_US: the counter sends an event that often */
const EVENT_STREAM_NS = 100_000;

/* ---- the host's interrupts ---- */

/** The host takes an interrupt on this CPU, in the kernel. */
export function hostIrq(this: vmlinux_arm64, vector: number): void {
  this.m.hardirq = 1;
  if (vector === LOCAL_TIMER_VECTOR) this.sched_tick();
  else if (vector === CALL_FUNCTION_SINGLE_VECTOR || vector === CALL_FUNCTION_VECTOR) {
    this.__flush_smp_call_function_queue();
  }
  this.m.hardirq = 0;
}

/** The interrupt that made this vCPU exit: its handler, or what the machine gave in place of one. */
export function hostIrqOfExit(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { handler, args, vector } = vcpu.arch.exit;
  if (handler === '') {
    this.hostIrq(vector);
    return;
  }
  this.m.hardirq = 1;
  (this as unknown as Record<string, (...args: number[]) => unknown>)[handler](...args);
  this.m.hardirq = 0;
}

/** The host takes an interrupt on the CPU, whose handler is `fn` of the table: its guest exits for it, if it runs one. */
export function hostTakes(this: vmlinux_arm64, cpu: number, fn: keyof vmlinux_arm64 & string, ...args: number[]): void {
  this.m.cpu = cpu;
  if (this.exitExternalInterrupt(cpu, RESCHEDULE_VECTOR, fn, ...args)) return;
  this.m.hardirq = 1;
  (this as unknown as Record<string, (...args: number[]) => unknown>)[fn](...args);
  this.m.hardirq = 0;
}

/** A device's interrupt, which makes an LPI of a vCPU of it. */
export function irqfdInjects(this: vmlinux_arm64, vcpuId: number, intid: number): void {
  const vcpu = this.m.vcpu[vcpuId];
  this.kvm_vgic_inject_irq(this.m.kvm[vcpu.kvm], vcpu, intid, true);
}

/* ---- the CPU in the guest ---- */

/** The interrupts that wait at the guest's CPU interface: the first of them; -1 for none. SGIs and PPIs go before LPIs. */
export function pendingInterrupt(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  const { lr, its_vpe } = vcpu.arch.vgic_cpu;
  const direct = its_vpe.resident ? its_vpe.vpt : [];
  const sgi = direct.filter((intid) => intid < 16).reduce((word, intid) => word | (1 << intid), lr.pending);
  if (sgi !== 0) return 31 - Math.clz32(sgi & -sgi);
  return direct.find((intid) => intid >= 16) ?? lr.lpis[0] ?? -1;
}

/** The guest acknowledges an interrupt: to EL1, masked; its handler of the timer masks the timer first of all. */
export function guestTakes(this: vmlinux_arm64, vcpu: kvm_vcpu, intid: number): void {
  const { arch } = vcpu;
  const { lr, its_vpe } = arch.vgic_cpu;
  const at = its_vpe.vpt.indexOf(intid);
  if (intid < 32 && (lr.pending & (1 << intid)) !== 0) {
    lr.pending = (lr.pending & ~(1 << intid)) >>> 0;
    lr.active = (lr.active | (1 << intid)) >>> 0;
  } else if (its_vpe.resident && at >= 0) its_vpe.vpt.splice(at, 1);
  else lr.lpis.splice(lr.lpis.indexOf(intid), 1);
  arch.irq_frames.push({ intid, priv: arch.priv, masked: arch.masked });
  arch.running.push(intid);
  arch.taken.push(intid);
  arch.priv = true;
  arch.masked = true;
  if (intid !== VTIMER_PPI) return;
  // arch_timer_handler_virt() of the guest
  arch.timer.enabled = false;
  this.comparatorSet(vcpu);
}

/** What waits for the guest comes: it ends WFI and WFE, and is taken unless masked or another one runs. */
export function evaluateInterrupts(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { arch } = vcpu;
  const intid = this.pendingInterrupt(vcpu);
  if (arch.standing !== 'no' && (intid >= 0 || ge(this.m.sched_clock, arch.standing_until))) arch.standing = 'no';
  if (intid >= 0 && !arch.masked && arch.running.length === 0) this.guestTakes(vcpu, intid);
}

/** __kvm_adjust_pc(), and the guest runs, first with what waits for it. */
export function guestEntered(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { arch } = vcpu;
  if (arch.increment_pc) {
    arch.pc += 4;
    arch.increment_pc = false;
  }
  this.evaluateInterrupts(vcpu);
}

/* ---- exits; each says whether there was a guest to exit ---- */

/** The guest on the CPU exits, and the kernel goes on behind the entry. What it waited in, it is behind. */
export function vmExit(this: vmlinux_arm64, cpu: number, code: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { arch } = this.m.vcpu[id];
  arch.standing = 'no';
  arch.exit.code = code;
  this.resumeKernelStack(cpu);
  return true;
}

/** It exits for a trap, with the syndrome of its class. */
export function exitTrap(this: vmlinux_arm64, cpu: number, ec: number, iss: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.fault.esr_el2 = ((ec << ESR_ELx_EC_SHIFT) | iss) >>> 0;
  return this.vmExit(cpu, ARM_EXCEPTION_TRAP);
}

/** An interrupt of the host; `fn`, a function of the table with its arguments, runs in place of the vector's handler. */
export function exitExternalInterrupt(
  this: vmlinux_arm64,
  cpu: number,
  vector: number,
  fn: (keyof vmlinux_arm64 & string) | '' = '',
  ...args: number[]
): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  Object.assign(this.m.vcpu[id].arch.exit, { vector, handler: fn, args });
  return this.vmExit(cpu, ARM_EXCEPTION_IRQ);
}

/* ---- what a guest does; each says whether there was a guest to do it ---- */

/**
 * WFI or WFE, with a deadline if it is a timed one: nothing when there is something to wake up for; a trap where HCR_EL2 has
 * one; else the CPU stands still, in the guest.
 */
export function guestWfx(this: vmlinux_arm64, cpu: number, wfe: bool, ns: number | null): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const vcpu = this.m.vcpu[id];
  const { arch } = vcpu;
  const now = this.m.sched_clock;
  if (ns !== null) arch.rt = add(now, u64(ns));
  if (this.pendingInterrupt(vcpu) >= 0 || ns === 0) return true;
  if (arch.hcr_el2 & (wfe ? HCR_TWE : HCR_TWI)) {
    const timed = ns === null ? 0 : ESR_ELx_WFx_ISS_WFxT | ESR_ELx_WFx_ISS_RV;
    return this.exitTrap(cpu, ESR_ELx_EC_WFx, (wfe ? ESR_ELx_WFx_ISS_WFE : 0) | timed);
  }
  arch.pc += 4;
  arch.standing = wfe ? 'wfe' : 'wfi';
  arch.standing_until = ns === null ? U64_MAX : arch.rt;
  if (wfe) {
    const event = (Math.floor(toNumber(now) / EVENT_STREAM_NS) + 1) * EVENT_STREAM_NS;
    arch.standing_until = min(arch.standing_until, u64(event));
  }
  return true;
}

/** It goes to EL0 (a CPL of 3) or to EL1. */
export function guestSetCpl(this: vmlinux_arm64, cpu: number, cpl: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.priv = cpl === 0;
  return true;
}

/** It clears PSTATE.I (`on`) or sets it. */
export function guestSetIf(this: vmlinux_arm64, cpu: number, on: bool, _shadow: bool = false): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.masked = !on;
  this.evaluateInterrupts(this.m.vcpu[id]);
  return true;
}

/** It ends the interrupt that it acknowledged last, in its list register: no exit. */
export function guestEoi(this: vmlinux_arm64, cpu: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const vcpu = this.m.vcpu[id];
  const { lr } = vcpu.arch.vgic_cpu;
  const intid = vcpu.arch.running.pop();
  if (intid === undefined) return true;
  if (intid < 32) lr.active = (lr.active & ~(1 << intid)) >>> 0;
  if (intid === VTIMER_PPI) {
    // the list register's HW bit: with it, the host's own PPI is no more active
    vcpu.arch.timer.phys_active = false;
    this.comparatorSet(vcpu);
  }
  this.evaluateInterrupts(vcpu);
  return true;
}

/** ERET from the innermost handler. */
export function guestIret(this: vmlinux_arm64, cpu: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { arch } = this.m.vcpu[id];
  const frame = arch.irq_frames.pop();
  if (frame === undefined) return false;
  arch.priv = frame.priv;
  arch.masked = frame.masked;
  this.evaluateInterrupts(this.m.vcpu[id]);
  return true;
}

/** It writes ICC_SGI1R_EL1, which traps: an SGI to one vCPU of its VM. */
export function guestIpi(this: vmlinux_arm64, cpu: number, target: kvm_vcpu, sgi: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.exit.value = or(shl(u64(sgi & 0xf), 24), u64(1 << target.vcpu_id));
  return this.exitTrap(cpu, ESR_ELx_EC_SYS64, 0);
}

/** It chooses the interrupt of its timer: it has none to choose, the virtual timer's is its PPI. */
export function guestTimerVector(this: vmlinux_arm64, _cpu: number, vector: number): void {
  if (vector !== VTIMER_PPI)
    throw new NotModelled(`a timer under interrupt ${vector}: the virtual timer's is ${VTIMER_PPI}`);
}

/** It writes CNTV_CVAL_EL0 and CNTV_CTL_EL0: no exit. */
export function guestTimerCount(this: vmlinux_arm64, cpu: number, ns: number): void {
  const id = this.guestOn(cpu);
  if (id === NULL) return;
  const vcpu = this.m.vcpu[id];
  vcpu.arch.timer.cval = add(this.m.sched_clock, u64(ns));
  vcpu.arch.timer.enabled = true;
  this.comparatorSet(vcpu);
}

/** What the CPU decides of its guest's time: how long a spinner spins until its WFE traps, and whether it stands still. */
export function tellGuest(this: vmlinux_arm64, vcpu: kvm_vcpu, actor: Actor): void {
  const { arch } = vcpu;
  const window = arch.hcr_el2 & HCR_TWE ? WFE_EXIT_NS : NO_EXIT_NS;
  actor.window_ns = window;
  actor.pauseIn = Math.min(actor.pauseIn, window);
  if (actor.standby === undefined) return;
  const left = arch.standing_until === U64_MAX ? -1 : toNumber(sub(arch.standing_until, this.m.sched_clock));
  actor.standby.ns = arch.standing === 'no' ? 0 : left;
}

/* ---- after every event ---- */

/** Whether the CPU, once it has an interrupt, does not go back to this guest before it has looked at something. */
export function leavesGuest(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return vcpu.mode === EXITING_GUEST_MODE || this.need_resched() || this.signal_pending(this.get_current());
}

/** An interrupt of the host comes through on the CPU. */
export function takeHostIrq(this: vmlinux_arm64, cpu: number, vector: number): void {
  const id = this.guestOn(cpu);
  this.m.cpu = cpu;
  // WHY: the CPU has been in the host since it was sent, for another reason, and took it there
  const wakes = this.m.rq[cpu].wake_list.length > 0 || this.m.rd.rto_push_work === cpu;
  if (id !== NULL && vector >= CALL_FUNCTION_SINGLE_VECTOR && !wakes && !this.leavesGuest(this.m.vcpu[id])) return;
  if (!this.exitExternalInterrupt(cpu, vector)) this.hostIrq(vector);
}

/** A system call was made on the CPU, whose guest runs: the way back to the guest looks at what it has left. */
export function afterSyscall(this: vmlinux_arm64, cpu: number): void {
  const id = this.guestOn(cpu);
  if (id === NULL) return;
  this.m.cpu = cpu;
  if (this.leavesGuest(this.m.vcpu[id])) this.m.host_irq[cpu].push(RESCHEDULE_VECTOR);
}

/** After an event: everything on the CPU goes as far as it can. Does not reschedule host tasks. */
export function settleCpu(this: vmlinux_arm64, cpu: number): void {
  this.unwindKernelStack(cpu);
  if (this.pollingOn(cpu) !== NULL) this.resumeKernelStack(cpu);
  for (;;) {
    const vector = this.m.host_irq[cpu].shift();
    if (vector === undefined) break;
    this.takeHostIrq(cpu, vector);
    if (this.pollingOn(cpu) !== NULL) this.resumeKernelStack(cpu);
  }
  const id = this.guestOn(cpu);
  if (id !== NULL) this.evaluateInterrupts(this.m.vcpu[id]);
}

/** The vCPU's thread in userspace: KVM_ARM_VCPU_INIT, and KVM_RUN, which nothing that is modelled ends. */
export function vcpuRunOf(this: vmlinux_arm64, vcpuId: number): void {
  const current = this.get_current();
  this.kvm_arch_vcpu_ioctl_vcpu_init(this.m.vcpu[vcpuId]);
  this.guestBoots(this.m.kvm[this.m.vcpu[vcpuId].kvm]);
  const r = this.kvm_vcpu_ioctlRun(this.m.vcpu[vcpuId]);
  if (this.notReturned(current)) this.whenBack(current, 'vcpuRunReturned', vcpuId);
  else this.vcpuRunReturned(vcpuId, r);
}

/** Once every vCPU is initialised, the guest's drivers map their LPIs, and its GIC driver sets nASSGIreq. MODEL: at once. */
export function guestBoots(this: vmlinux_arm64, kvm: kvm): void {
  if (kvm.vcpus.some((id) => !this.m.vcpu[id].arch.initialized)) return;
  kvm.arch.nassgireq = kvm.arch.boots.nassgireq;
  for (const id of kvm.vcpus) this.m.vcpu[id].arch.vgic_cpu.its_vpe.vlpi_count = kvm.arch.boots.vlpis;
}

/** KVM_RUN has returned r to the vCPU's thread. */
export function vcpuRunReturned(this: vmlinux_arm64, vcpuId: number, r: number): void {
  throw new NotModelled(`userspace of vCPU ${vcpuId} after KVM_RUN returned ${r}`);
}
