// SPDX-License-Identifier: GPL-2.0-only
/** What a guest's kernel makes its vCPU do on arm64, and what its vCPU tells it. */
import type { CpuRequest } from '../../guest/guest-kernel.js';
import type { irq_cpu } from '../../irq/preempt.js';
import { CALL_FUNCTION_SINGLE_VECTOR, LOCAL_TIMER_VECTOR, RESCHEDULE_VECTOR } from '../../lib/irq_vectors.js';
import { u64 as asU64, type bool, type u64 } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { ESR_ELx_EC_HVC64, type kvm_vcpu, VTIMER_PPI } from './kvm_host.js';

/** arch/arm64/kernel/smp.c: enum ipi_msg_type: SGIs of a kernel */
const IPI_RESCHEDULE = 0;
const IPI_CALL_FUNC = 1;

/** What the kernel in the guest asks of its vCPU, which is on the CPU. Its timer's interrupt is no choice, and it has no MSRs. */
export function guestAsks(this: vmlinux_arm64, cpu: number, request: CpuRequest): void {
  switch (request.ask) {
    case 'hlt':
      this.guestWfx(cpu, false, null);
      return;
    case 'pause':
      this.guestWfx(cpu, true, null);
      return;
    case 'eoi':
      this.guestEoi(cpu);
      return;
    case 'iret':
      this.guestIret(cpu);
      return;
    case 'ipi': {
      const { kvm } = this.m.vcpu[this.guestOn(cpu)];
      const sgi = request.vector === RESCHEDULE_VECTOR ? IPI_RESCHEDULE : IPI_CALL_FUNC;
      this.guestIpi(cpu, this.m.vcpu[this.m.kvm[kvm].vcpus[request.to]], sgi);
      return;
    }
    case 'timer':
      this.guestTimerSet(cpu, request.at);
      return;
    case 'cpl':
      this.guestSetCpl(cpu, request.cpl);
      return;
    case 'if':
      this.guestSetIf(cpu, request.on);
      return;
    default:
  }
}

/** The guest writes CNTV_CVAL_EL0, for the time that is `at` ns, and CNTV_CTL_EL0: no exit. */
export function guestTimerSet(this: vmlinux_arm64, cpu: number, at: number): void {
  const id = this.guestOn(cpu);
  if (id === NULL) return;
  const vcpu = this.m.vcpu[id];
  vcpu.arch.timer.cval = asU64(at);
  vcpu.arch.timer.enabled = true;
  this.comparatorSet(vcpu);
}

/** An interrupt as a kernel calls it. */
export function vectorInGuest(this: vmlinux_arm64, intid: number): number {
  if (intid === VTIMER_PPI) return LOCAL_TIMER_VECTOR;
  if (intid === IPI_RESCHEDULE) return RESCHEDULE_VECTOR;
  return intid === IPI_CALL_FUNC ? CALL_FUNCTION_SINGLE_VECTOR : intid;
}

/** The exclusive monitor of a CPU that stands in WFE is cleared. */
export function guestEvent(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  if (vcpu.arch.standing === 'wfe') vcpu.arch.standing = 'no';
}

/** Nothing but its memory. */
export function sharedWithGuest(this: vmlinux_arm64, _vcpu: kvm_vcpu, _cpu: irq_cpu): void {}

/** It executes HVC, with a function of SMCCC in x0. */
export function exitHypercall(this: vmlinux_arm64, cpu: number, x0: u64, x1: u64, x2: u64, x3: u64): bool {
  const id = this.guestOn(cpu);
  if (id === NULL) return false;
  this.m.vcpu[id].arch.regs = [x0, x1, x2, x3];
  return this.exitTrap(cpu, ESR_ELx_EC_HVC64, 0);
}

/** The same of a kernel that boots, before its vCPU has a thread: the answer's x0. */
export function guestCalls(
  this: vmlinux_arm64,
  kvm: number,
  vcpu_idx: number,
  x0: u64,
  x1: u64,
  x2: u64,
  x3: u64,
): u64 {
  const vcpu = this.m.vcpu[this.m.kvm[kvm].vcpus[vcpu_idx]];
  vcpu.arch.regs = [x0, x1, x2, x3];
  this.handle_hvc(vcpu);
  return vcpu.arch.regs[0];
}
