// SPDX-License-Identifier: GPL-2.0-only
/**
 * The CPU under the kernel and the guest on it: the hardware's part. Entry
 * with an event, exits; and the calls by which the machine lets a guest do things.
 *
 * A vCPU's thread is running in the guest (`waitsForExit`), polling in kvm_vcpu_halt() (`waitsForTime`), off its CPU
 * or about to unwind with frames on its kernel stack, or outside KVM_RUN without any.
 *
 * For the machine:
 *   exit...        the guest on this CPU exits; the handler and vcpu_run() go on until it is in the guest again,
 *                  asleep, polling, or off the CPU
 *   guest...       the guest does something that exits or not, as the VM is set up
 *   settleCpu      after every event, for every CPU: what has been left to do there is done
 */
import { EXITING_GUEST_MODE } from '../../kvm/kvm_host.js';
import {
  APIC_BASE_MSR,
  APIC_DEFAULT_PHYS_BASE,
  APIC_DEST_MASK,
  APIC_DEST_NOSHORT,
  APIC_DEST_PHYSICAL,
  APIC_DM_FIXED,
  APIC_EOI,
  APIC_ICR,
  APIC_ICR2,
  APIC_INT_LEVELTRIG,
  APIC_MODE_MASK,
  APIC_SHORT_MASK,
} from '../../lapic/apicdef.js';
import { NotModelled } from '../../lib/bug.js';
import {
  CALL_FUNCTION_SINGLE_VECTOR,
  CALL_FUNCTION_VECTOR,
  LOCAL_TIMER_VECTOR,
  RESCHEDULE_VECTOR,
} from '../../lib/irq_vectors.js';
import { type bool, ge, or, shl, shr, to_u32, type u32, u64, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { type kvm_vcpu, TYPE_LINEAR_APIC_INST_WRITE } from './kvm_host.js';
import { POSTED_INTR_VECTOR, POSTED_INTR_WAKEUP_VECTOR } from './posted_intr.js';
import {
  SVM_EXIT_EXCP_DB,
  SVM_EXIT_HLT,
  SVM_EXIT_INTR,
  SVM_EXIT_IRET,
  SVM_EXIT_MSR,
  SVM_EXIT_NPF,
  SVM_EXIT_PAUSE,
  SVM_EXIT_VINTR,
  SVM_EXIT_VMMCALL,
} from './svm.js';
import {
  EXIT_REASON_APIC_ACCESS,
  EXIT_REASON_APIC_WRITE,
  EXIT_REASON_EXTERNAL_INTERRUPT,
  EXIT_REASON_HLT,
  EXIT_REASON_INTERRUPT_WINDOW,
  EXIT_REASON_MSR_READ,
  EXIT_REASON_MSR_WRITE,
  EXIT_REASON_NMI_WINDOW,
  EXIT_REASON_PAUSE_INSTRUCTION,
  EXIT_REASON_PREEMPTION_TIMER,
  EXIT_REASON_VMCALL,
  INTR_INFO_INTR_TYPE_MASK,
  INTR_TYPE_HARD_EXCEPTION,
  INTR_TYPE_NMI_INTR,
} from './vmx.js';

/* ---- the host's interrupts ---- */

/** The host takes an interrupt on this CPU, in the kernel. */
export function hostIrq(this: vmlinux_x86, vector: number): void {
  this.m.hardirq = 1;
  switch (vector) {
    case LOCAL_TIMER_VECTOR:
      this.sched_tick();
      break;
    case POSTED_INTR_WAKEUP_VECTOR:
      this.pi_wakeup_handler();
      break;
    case CALL_FUNCTION_SINGLE_VECTOR:
    case CALL_FUNCTION_VECTOR:
      // generic_smp_call_function_single_interrupt(); ack_kick() does nothing
      this.__flush_smp_call_function_queue();
      break;
    default: // what the others are sent for is set already: need_resched, or EXITING_GUEST_MODE
      break;
  }
  this.m.hardirq = 0;
}

/** The interrupt that made this vCPU exit: its handler, or what the machine gave in place of one. */
export function hostIrqOfExit(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const h = vcpu.arch.exit_handler;
  if (h.fn === '') {
    this.hostIrq(vcpu.arch.exit_intr_info & 0xff);
    return;
  }
  vcpu.arch.exit_handler = { fn: '', args: [] };
  this.m.hardirq = 1;
  (this as unknown as Record<string, (...args: number[]) => unknown>)[h.fn](...h.args);
  this.m.hardirq = 0;
}

/** arch/x86/include/asm/apic.h: __apic_send_IPI_self(): it comes when interrupts are on again: after this event. */
export function __apic_send_IPI_self(this: vmlinux_x86, vector: number): void {
  this.m.host_irq[this.m.cpu].push(vector);
}

/* ---- the CPU in the guest ---- */

/**
 * The guest has come to an instruction behind the STI: its shadow is over as soon as time has passed. Whatever looks at
 * the shadow of a guest that runs, or lets it exit, comes here first.
 */
export function guestGoesOn(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const { arch } = vcpu;
  if (arch.int_shadow && arch.shadow_since !== this.m.sched_clock) arch.int_shadow = false;
}

/** The guest takes an interrupt or NMI: as through an interrupt gate into CPL 0. */
export function guestTakes(this: vmlinux_x86, vcpu: kvm_vcpu, vector: number, nmi: bool): void {
  const arch = vcpu.arch;
  arch.irq_frames.push({ vector, cpl: arch.cpl, if_flag: arch.if_flag });
  arch.taken.push(vector);
  arch.cpl = 0;
  arch.if_flag = false;
  arch.int_shadow = false;
  if (nmi) arch.nmi_masked = true;
}

/** VM entry delivers the event it was given. */
export function deliverEvent(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const event = vcpu.arch.event_inj;
  if (event === -1) return;
  vcpu.arch.event_inj = -1;
  const type = event & INTR_INFO_INTR_TYPE_MASK;
  // MODEL: the guest's handler of an exception takes no time and goes on behind the instruction
  if (type === INTR_TYPE_HARD_EXCEPTION) vcpu.arch.int_shadow = false;
  else this.guestTakes(vcpu, event & 0xff, type === INTR_TYPE_NMI_INTR);
}

/** VM entry is complete: the guest runs, first with what entry delivers and what waits in the virtual APIC. */
export function guestEntered(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.at_iret = false;
  this.deliverEvent(vcpu);
  // a notification that came while interrupts were off on the way in
  const waiting = this.m.host_irq[this.m.cpu];
  const at = waiting.indexOf(POSTED_INTR_VECTOR);
  if (at >= 0) {
    waiting.splice(at, 1);
    this.processPosted(vcpu);
  }
  this.evaluateVirtualInterrupt(vcpu);
}

/* ---- exits; each says whether there was a guest to exit ---- */

/** The guest on the CPU exits with a reason (VMX) or code (SVM), and the kernel goes on behind the entry. */
export function vmExit(this: vmlinux_x86, cpu: number, vmxReason: u32, svmCode: u32, qualification: u64): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const vcpu = this.m.vcpu[id];
  this.guestGoesOn(vcpu);
  vcpu.arch.exit_reason = this.m.kvm[vcpu.kvm].arch.vendor === 'vmx' ? vmxReason : svmCode;
  vcpu.arch.exit_qualification = qualification;
  this.resumeKernelStack(cpu);
  return true;
}

/** PAUSE, often enough for an exit. Nothing when the VM may spin (pause_in_guest). */
export function exitPause(this: vmlinux_x86, cpu: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL || this.m.kvm[this.m.vcpu[id].kvm].arch.pause_in_guest) return false;
  // WHY: hardware ignores PAUSE loops at CPL > 0; AMD's filter does not
  if (this.m.kvm[this.m.vcpu[id].kvm].arch.vendor === 'vmx' && this.m.vcpu[id].arch.cpl > 0) return false;
  return this.vmExit(cpu, EXIT_REASON_PAUSE_INSTRUCTION, SVM_EXIT_PAUSE, ZERO);
}

/** HLT. */
export function exitHlt(this: vmlinux_x86, cpu: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  if (this.m.kvm[this.m.vcpu[id].kvm].arch.hlt_in_guest) throw new NotModelled('HLT without an exit');
  return this.vmExit(cpu, EXIT_REASON_HLT, SVM_EXIT_HLT, ZERO);
}

/**
 * An interrupt of the host: LOCAL_TIMER_VECTOR is the tick. `fn`, a function of the table with its arguments, runs
 * in place of the vector's handler: what the device that interrupts has to say.
 */
export function exitExternalInterrupt(
  this: vmlinux_x86,
  cpu: number,
  vector: number,
  fn: (keyof vmlinux_x86 & string) | '' = '',
  ...args: number[]
): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.exit_intr_info = 0x8000_0000 + vector;
  this.m.vcpu[id].arch.exit_handler = { fn, args };
  const done = this.vmExit(cpu, EXIT_REASON_EXTERNAL_INTERRUPT, SVM_EXIT_INTR, ZERO);
  this.m.vcpu[id].arch.exit_intr_info = 0;
  return done;
}

/** VMCALL or VMMCALL: KVM reads RAX and a0 to a3, Hyper-V RCX, RDX and R8. RAX has the result once the call is back. */
export function exitHypercall(this: vmlinux_x86, cpu: number, rax: u64, ...a: u64[]): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const [rbx, rcx, rdx, rsi, r8 = ZERO] = a;
  this.m.vcpu[id].arch.regs = { rax, rbx, rcx, rdx, rsi, r8 };
  return this.vmExit(cpu, EXIT_REASON_VMCALL, SVM_EXIT_VMMCALL, ZERO);
}

/** WRMSR that is intercepted. `arch.gp` says whether it was refused. */
export function exitWrmsr(this: vmlinux_x86, cpu: number, msr: u32, data: u64): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const regs = this.m.vcpu[id].arch.regs;
  regs.rcx = u64(msr);
  regs.rax = u64(to_u32(data));
  regs.rdx = shr(data, 32);
  return this.vmExit(cpu, EXIT_REASON_MSR_WRITE, SVM_EXIT_MSR, u64(1));
}

/** RDMSR that is intercepted: the value is in regs.rdx:rax. */
export function exitRdmsr(this: vmlinux_x86, cpu: number, msr: u32): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.regs.rcx = u64(msr);
  return this.vmExit(cpu, EXIT_REASON_MSR_READ, SVM_EXIT_MSR, ZERO);
}

/** A 32-bit store to a register of the xAPIC page that exits, to be emulated as MMIO. */
export function exitMmio(this: vmlinux_x86, cpu: number, offset: number, value: u32): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const vcpu = this.m.vcpu[id];
  vcpu.arch.regs.rax = u64(value);
  // VMX traps the page as the APIC-access page while APICv or a TPR shadow is there, else as MMIO
  return this.vmExit(cpu, EXIT_REASON_APIC_ACCESS, SVM_EXIT_NPF, u64(TYPE_LINEAR_APIC_INST_WRITE | offset));
}

/** kvm_emulate_instruction(), of a 32-bit store of RAX to the APIC page. */
export function emulateApicAccess(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const offset = to_u32(vcpu.arch.exit_qualification) & 0xfff;
  this.apic_mmio_write(vcpu, u64(APIC_DEFAULT_PHYS_BASE + offset), 4, to_u32(vcpu.arch.regs.rax));
  return this.kvm_skip_emulated_instruction(vcpu);
}

/* ---- what a guest does; each says whether there was a guest to do it ---- */

/**
 * STI (`on`) or CLI: with it on, what waited for it comes, behind the instruction that follows. With `shadow` that is the
 * guest's next, and not just any: its next event, or the passing of time.
 */
export function guestSetIf(this: vmlinux_x86, cpu: number, on: bool, shadow: bool = false): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { arch } = this.m.vcpu[id];
  arch.int_shadow = shadow && on && !arch.if_flag;
  arch.shadow_since = this.m.sched_clock;
  arch.if_flag = on;
  this.settleGuest(cpu);
  return true;
}

/** It goes to another privilege level. */
export function guestSetCpl(this: vmlinux_x86, cpu: number, cpl: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { arch } = this.m.vcpu[id];
  arch.cpl = cpl;
  if (arch.int_shadow) {
    arch.int_shadow = false;
    this.settleGuest(cpu);
  }
  return true;
}

/** IRET from the innermost handler: CPL and RFLAGS.IF are back, NMIs unmasked, whatever it was the handler of. */
export function guestIret(this: vmlinux_x86, cpu: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const { arch } = this.m.vcpu[id];
  const frame = arch.irq_frames.pop();
  if (frame === undefined) return false;
  arch.cpl = frame.cpl;
  arch.if_flag = frame.if_flag;
  arch.int_shadow = false;
  // without vNMI a CPU of AMD does not know of the mask: it is KVM's
  if (this.m.kvm[this.m.vcpu[id].kvm].arch.vendor === 'vmx') arch.nmi_masked = false;
  else if (arch.vmcb.intercept_iret) this.vmExit(cpu, 0, SVM_EXIT_IRET, ZERO);
  this.settleGuest(cpu);
  return true;
}

/** It writes the ICR: low word, and the destination as the high word has it. */
export function guestIcr(this: vmlinux_x86, cpu: number, icr_low: u32, dest: u32): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const vcpu = this.m.vcpu[id];
  const kvm = this.m.kvm[vcpu.kvm];
  const apic = vcpu.arch.apic;
  const x2apic = this.apic_x2apic_mode(apic);
  const high = x2apic ? dest : (dest << 24) >>> 0;
  const unicast =
    (icr_low & APIC_SHORT_MASK) === APIC_DEST_NOSHORT &&
    (icr_low & APIC_DEST_MASK) === APIC_DEST_PHYSICAL &&
    (icr_low & APIC_MODE_MASK) === APIC_DM_FIXED &&
    (icr_low & APIC_INT_LEVELTRIG) === 0;

  if (apic.apicv_active && kvm.arch.vendor === 'vmx' && (kvm.arch.enable_ipiv || !x2apic)) {
    // the CPU stores to the APIC page itself: without an exit, or with one behind the store
    apic.regs[APIC_ICR >> 2] = icr_low;
    if (x2apic) apic.regs[(APIC_ICR >> 2) + 1] = high;
    else apic.regs[APIC_ICR2 >> 2] = high;
    vcpu.arch.int_shadow = false;
    const target = this.kvm_get_vcpu_by_id(kvm, dest);
    if (kvm.arch.enable_ipiv && unicast && target !== NULL) {
      this.ipivSend(this.m.vcpu[target], icr_low & 0xff);
      this.settleGuest(cpu);
      return true;
    }
    return this.vmExit(cpu, EXIT_REASON_APIC_WRITE, 0, u64(APIC_ICR));
  }
  if (apic.apicv_active && kvm.arch.vendor === 'svm' && (!x2apic || this.m.kvm_x86_params.x2avic)) {
    vcpu.arch.int_shadow = false;
    return this.avicSend(cpu, vcpu, icr_low, high, unicast ? this.kvm_get_vcpu_by_id(kvm, dest) : NULL);
  }
  if (x2apic) return this.exitWrmsr64(cpu, APIC_BASE_MSR + (APIC_ICR >> 4), icr_low, high);
  this.exitMmio(cpu, APIC_ICR2, high);
  // RACE: it may have been descheduled between its two stores; the second comes when it is back
  if (this.guestOn(cpu) !== id) throw new NotModelled('a guest descheduled between ICR2 and ICR');
  return this.exitMmio(cpu, APIC_ICR, icr_low);
}

/** exitWrmsr() with the two halves as EDX:EAX have them. */
export function exitWrmsr64(this: vmlinux_x86, cpu: number, msr: u32, low: u32, high: u32): bool {
  return this.exitWrmsr(cpu, msr, or(u64(low), shl(u64(high), 32)));
}

/** It ends the interrupt in service: in guest memory (PV EOI), by the CPU (APICv), or with an exit. */
export function guestEoi(this: vmlinux_x86, cpu: number): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  const vcpu = this.m.vcpu[id];
  const { arch } = vcpu;
  const kvm = this.m.kvm[vcpu.kvm];
  const x2apic = this.apic_x2apic_mode(arch.apic);

  if (this.pv_eoi_enabled(vcpu) && (arch.pv_eoi.memory & 1) !== 0) {
    arch.pv_eoi.memory &= ~1;
    if (arch.int_shadow) {
      arch.int_shadow = false;
      this.settleGuest(cpu);
    }
    return true;
  }
  if (arch.apic.apicv_active && (kvm.arch.vendor === 'vmx' || !x2apic || this.m.kvm_x86_params.x2avic)) {
    arch.int_shadow = false;
    return this.virtualEoi(cpu, vcpu);
  }
  return x2apic ? this.exitWrmsr64(cpu, APIC_BASE_MSR + (APIC_EOI >> 4), 0, 0) : this.exitMmio(cpu, APIC_EOI, 0);
}

/* ---- after every event ---- */

/** Whether the VMX preemption timer of the guest on the CPU has run down. */
export function preemptionTimerDue(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return this.kvm_lapic_hv_timer_in_use(vcpu) && ge(this.rdtsc(), vcpu.arch.vmcs.hv_deadline_tsc);
}

/** The guest on the CPU exits as often as there is something that makes it: kicks, windows, its timer. */
export function settleGuest(this: vmlinux_x86, cpu: number): void {
  for (;;) {
    const id = this.guestOn(cpu);
    if (id === NULL) return;
    const vcpu = this.m.vcpu[id];
    const { arch } = vcpu;
    this.m.cpu = cpu;
    this.guestGoesOn(vcpu);
    if (this.preemptionTimerDue(vcpu)) {
      this.vmExit(cpu, EXIT_REASON_PREEMPTION_TIMER, 0, ZERO);
      continue;
    }
    const vmx = this.m.kvm[vcpu.kvm].arch.vendor === 'vmx';
    if (!vmx && arch.vmcb.nmi_singlestep) {
      // an instruction was executed, with TF set
      arch.int_shadow = false;
      this.vmExit(cpu, 0, SVM_EXIT_EXCP_DB, ZERO);
      continue;
    }
    if (arch.nmi_window && !arch.nmi_masked && !arch.int_shadow) {
      this.vmExit(cpu, EXIT_REASON_NMI_WINDOW, 0, ZERO);
      continue;
    }
    if (arch.irq_window && arch.if_flag && !arch.int_shadow) {
      this.vmExit(cpu, EXIT_REASON_INTERRUPT_WINDOW, SVM_EXIT_VINTR, ZERO);
      continue;
    }
    this.evaluateVirtualInterrupt(vcpu);
    return;
  }
}

/** An interrupt of the host comes through on the CPU: in the guest, a notification is no reason to exit. */
export function takeHostIrq(this: vmlinux_x86, cpu: number, vector: number): void {
  const id = this.guestOn(cpu);
  this.m.cpu = cpu;
  if (id !== NULL && vector === POSTED_INTR_VECTOR) {
    this.processPosted(this.m.vcpu[id]);
    return;
  }
  // WHY: the CPU has been in the host since it was sent, for another reason, and took it there
  const wakes = this.m.rq[cpu].wake_list.length > 0 || this.m.rd.rto_push_work === cpu;
  if (id !== NULL && vector >= CALL_FUNCTION_SINGLE_VECTOR && !wakes && !this.leavesGuest(this.m.vcpu[id])) return;
  if (!this.exitExternalInterrupt(cpu, vector)) this.hostIrq(vector);
}

/** Whether the CPU, once it has an interrupt, does not go back to this guest before it has looked at something. */
export function leavesGuest(this: vmlinux_x86, vcpu: kvm_vcpu): bool {
  return vcpu.mode === EXITING_GUEST_MODE || this.need_resched() || this.signal_pending(this.get_current());
}

/**
 * A system call was made on the CPU, whose guest runs: the way back to the guest looks at what it has left.
 *
 * MODEL: events of a VMM or an administrator name a CPU, not a thread; the guest there is not descheduled for them.
 */
export function afterSyscall(this: vmlinux_x86, cpu: number): void {
  const id = this.guestOn(cpu);
  if (id === NULL) return;
  this.m.cpu = cpu;
  if (this.leavesGuest(this.m.vcpu[id])) this.m.host_irq[cpu].push(RESCHEDULE_VECTOR);
}

/**
 * After an event: everything on the CPU goes as far as it can: calls that were left return, halt polling looks
 * again, the host's interrupts are taken, the guest exits where it has to. Does not reschedule host tasks.
 */
export function settleCpu(this: vmlinux_x86, cpu: number): void {
  this.unwindKernelStack(cpu);
  if (this.pollingOn(cpu) !== NULL) this.resumeKernelStack(cpu);
  for (;;) {
    const vector = this.m.host_irq[cpu].shift();
    if (vector === undefined) break;
    this.takeHostIrq(cpu, vector);
    if (this.pollingOn(cpu) !== NULL) this.resumeKernelStack(cpu);
  }
  this.settleGuest(cpu);
}
