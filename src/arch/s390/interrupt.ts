// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/s390/kvm/interrupt.c (6.12.117): external interrupts of a vCPU: what is pending, deliverable and delivered; how SIGP and the clock
 * comparator inject; the enabled wait and what ends it.
 *
 * MODEL: no floating interrupts, no I/O, no machine checks, no CPU timer, no stop and no restart: of their halves of these
 * functions nothing is here. Of the lowcore, the old PSW is kept for each handler, and new PSWs are masked.
 */
import { NotModelled } from '../../lib/bug.js';
import { EBUSY, EINVAL, EOPNOTSUPP } from '../../lib/errno.js';
import { HRTIMER_NORESTART, HRTIMER_RESTART, type hrtimer_ptr } from '../../lib/hrtimer.js';
import {
  add,
  and,
  type bool,
  ge,
  lt,
  ONE,
  S64_ZERO,
  s64_ge,
  s64_lt,
  sub,
  to_s64,
  type u16,
  type u32,
  type u64,
  ZERO,
} from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';
import {
  CPUSTAT_EXT_INT,
  CPUSTAT_IO_INT,
  CPUSTAT_STOP_INT,
  CPUSTAT_WAIT,
  CR0_CLOCK_COMPARATOR_SIGN,
  CR0_CLOCK_COMPARATOR_SUBMASK,
  CR0_CPU_TIMER_SUBMASK,
  CR0_EMERGENCY_SIGNAL_SUBMASK,
  CR0_EXTERNAL_CALL_SUBMASK,
  EXT_IRQ_CLK_COMP,
  EXT_IRQ_EMERGENCY_SIG,
  EXT_IRQ_EXTERNAL_CALL,
  IRQ_PEND_EXT_CLOCK_COMP,
  IRQ_PEND_EXT_CPU_TIMER,
  IRQ_PEND_EXT_EMERGENCY,
  IRQ_PEND_EXT_EXTERNAL,
  IRQ_PEND_RESTART,
  IRQ_PEND_SIGP_STOP,
  KVM_S390_INT_CLOCK_COMP,
  KVM_S390_INT_EMERGENCY,
  KVM_S390_INT_EXTERNAL_CALL,
  type kvm,
  type kvm_vcpu,
  LCTL_CR0,
  PENDING_EXT,
  PSW_MASK_EXT,
  PSW_MASK_IO,
  PSW_MASK_MCHECK,
} from './kvm_host.js';

/** struct kvm_s390_irq: what is injected, and by whom. */
export interface kvm_s390_irq {
  type: u32;
  /** u.extcall.code, u.emerg.code */
  code: u16;
}

/** arch/s390/kvm/kvm-s390.h: kvm_s390_get_tod_clock_fast() */
export function kvm_s390_get_tod_clock_fast(this: vmlinux_s390, _kvm: kvm): u64 {
  return this.ktime_get();
}

/* ---- what the guest lets in ---- */

/** arch/s390/kvm/interrupt.c: psw_extint_disabled() */
export function psw_extint_disabled(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return and(vcpu.arch.sie_block.gpsw.mask, PSW_MASK_EXT) === ZERO;
}

/** arch/s390/kvm/interrupt.c: psw_ioint_disabled() */
export function psw_ioint_disabled(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return and(vcpu.arch.sie_block.gpsw.mask, PSW_MASK_IO) === ZERO;
}

/** arch/s390/kvm/interrupt.c: psw_mchk_disabled() */
export function psw_mchk_disabled(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return and(vcpu.arch.sie_block.gpsw.mask, PSW_MASK_MCHECK) === ZERO;
}

/** arch/s390/kvm/interrupt.c: psw_interrupts_disabled() */
export function psw_interrupts_disabled(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  if (!this.psw_extint_disabled(vcpu) || !this.psw_ioint_disabled(vcpu)) return false;
  return !!this.psw_mchk_disabled(vcpu);
}

const enabled = (vcpu: kvm_vcpu, submask: u64): bool => and(vcpu.arch.sie_block.gcr0, submask) !== ZERO;

/** arch/s390/kvm/interrupt.c: ckc_interrupts_enabled(). MODEL: nobody single-steps it. */
export function ckc_interrupts_enabled(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return !this.psw_extint_disabled(vcpu) && enabled(vcpu, CR0_CLOCK_COMPARATOR_SUBMASK);
}

/** arch/s390/kvm/interrupt.c: ckc_irq_pending(): behind the comparator's time, not at it. */
export function ckc_irq_pending(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  const now = this.kvm_s390_get_tod_clock_fast(this.m.kvm[vcpu.kvm]);
  const { ckc } = vcpu.arch.sie_block;
  if (enabled(vcpu, CR0_CLOCK_COMPARATOR_SIGN)) {
    if (s64_ge(to_s64(ckc), to_s64(now))) return false;
  } else if (ge(ckc, now)) return false;
  return this.ckc_interrupts_enabled(vcpu);
}

/** arch/s390/kvm/interrupt.c: cpu_timer_interrupts_enabled(). A guest that is modelled enables none. */
export function cpu_timer_interrupts_enabled(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return !this.psw_extint_disabled(vcpu) && enabled(vcpu, CR0_CPU_TIMER_SUBMASK);
}

/** arch/s390/kvm/interrupt.c: cpu_timer_irq_pending() */
export function cpu_timer_irq_pending(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  if (!this.cpu_timer_interrupts_enabled(vcpu)) return false;
  return s64_lt(to_s64(this.kvm_s390_get_cpu_timer(vcpu)), S64_ZERO);
}

/** arch/s390/kvm/kvm-s390.c: kvm_s390_get_cpu_timer() */
export function kvm_s390_get_cpu_timer(this: vmlinux_s390, _vcpu: kvm_vcpu): u64 {
  throw new NotModelled('the CPU timer of a guest');
}

/** arch/s390/kvm/interrupt.c: kvm_cpu_has_pending_timer() */
export function kvm_cpu_has_pending_timer(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  return this.ckc_irq_pending(vcpu) || this.cpu_timer_irq_pending(vcpu) ? 1 : 0;
}

/** arch/s390/kvm/interrupt.c: pending_irqs_no_gisa(). MODEL: no floating ones. */
export function pending_irqs_no_gisa(this: vmlinux_s390, vcpu: kvm_vcpu): u32 {
  return vcpu.arch.local_int.pending_irqs;
}

/** arch/s390/kvm/interrupt.c: pending_irqs(). MODEL: no GISA. */
export function pending_irqs(this: vmlinux_s390, vcpu: kvm_vcpu): u32 {
  return this.pending_irqs_no_gisa(vcpu);
}

const cleared = (mask: u32, irq: number): u32 => (mask & ~(1 << irq)) >>> 0;

/** arch/s390/kvm/interrupt.c: deliverable_irqs(). A stop is never delivered. */
export function deliverable_irqs(this: vmlinux_s390, vcpu: kvm_vcpu): u32 {
  let active_mask = this.pending_irqs(vcpu);
  if (active_mask === 0) return 0;
  if (this.psw_extint_disabled(vcpu)) active_mask = (active_mask & ~PENDING_EXT) >>> 0;
  // MODEL: no I/O interrupt can be pending
  this.psw_ioint_disabled(vcpu);
  if (!enabled(vcpu, CR0_EXTERNAL_CALL_SUBMASK)) active_mask = cleared(active_mask, IRQ_PEND_EXT_EXTERNAL);
  if (!enabled(vcpu, CR0_EMERGENCY_SIGNAL_SUBMASK)) active_mask = cleared(active_mask, IRQ_PEND_EXT_EMERGENCY);
  if (!enabled(vcpu, CR0_CLOCK_COMPARATOR_SUBMASK)) active_mask = cleared(active_mask, IRQ_PEND_EXT_CLOCK_COMP);
  if (!enabled(vcpu, CR0_CPU_TIMER_SUBMASK)) active_mask = cleared(active_mask, IRQ_PEND_EXT_CPU_TIMER);
  // ... and no machine check
  this.psw_mchk_disabled(vcpu);
  return cleared(active_mask, IRQ_PEND_SIGP_STOP);
}

/** arch/s390/kvm/interrupt.c: kvm_s390_is_stop_irq_pending() */
export function kvm_s390_is_stop_irq_pending(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return (vcpu.arch.local_int.pending_irqs & (1 << IRQ_PEND_SIGP_STOP)) !== 0;
}

/** arch/s390/kvm/interrupt.c: kvm_s390_is_restart_irq_pending() */
export function kvm_s390_is_restart_irq_pending(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return (vcpu.arch.local_int.pending_irqs & (1 << IRQ_PEND_RESTART)) !== 0;
}

/** arch/s390/kvm/interrupt.c: kvm_s390_ext_call_pending(), without sclp.has_sigpif. */
export function kvm_s390_ext_call_pending(this: vmlinux_s390, vcpu: kvm_vcpu): bool {
  return (vcpu.arch.local_int.pending_irqs & (1 << IRQ_PEND_EXT_EXTERNAL)) !== 0;
}

/** arch/s390/kvm/interrupt.c: kvm_s390_vcpu_has_irq() */
export function kvm_s390_vcpu_has_irq(this: vmlinux_s390, vcpu: kvm_vcpu, exclude_stop: bool): bool {
  if (this.deliverable_irqs(vcpu) !== 0) return true;
  if (this.kvm_cpu_has_pending_timer(vcpu) !== 0) return true;
  if (
    this.kvm_s390_ext_call_pending(vcpu) &&
    !this.psw_extint_disabled(vcpu) &&
    enabled(vcpu, CR0_EXTERNAL_CALL_SUBMASK)
  )
    return true;
  return !exclude_stop && this.kvm_s390_is_stop_irq_pending(vcpu);
}

/* ---- the enabled wait ---- */

/** arch/s390/kvm/interrupt.c: __set_cpu_idle() */
export function __set_cpu_idle(this: vmlinux_s390, vcpu: kvm_vcpu): void {
  this.kvm_s390_set_cpuflags(vcpu, CPUSTAT_WAIT);
  const { arch } = this.m.kvm[vcpu.kvm];
  arch.idle_mask = (arch.idle_mask | (1 << vcpu.vcpu_idx)) >>> 0;
}

/** arch/s390/kvm/interrupt.c: __unset_cpu_idle() */
export function __unset_cpu_idle(this: vmlinux_s390, vcpu: kvm_vcpu): void {
  this.kvm_s390_clear_cpuflags(vcpu, CPUSTAT_WAIT);
  const { arch } = this.m.kvm[vcpu.kvm];
  arch.idle_mask = cleared(arch.idle_mask, vcpu.vcpu_idx);
}

/** arch/s390/kvm/interrupt.c: __calculate_sltime(): ns until the comparator's time; 0 when it is past, and when none is set. */
export function __calculate_sltime(this: vmlinux_s390, vcpu: kvm_vcpu): u64 {
  const now = this.kvm_s390_get_tod_clock_fast(this.m.kvm[vcpu.kvm]);
  const { ckc } = vcpu.arch.sie_block;
  let sltime = ZERO;
  if (this.ckc_interrupts_enabled(vcpu)) {
    if (enabled(vcpu, CR0_CLOCK_COMPARATOR_SIGN)) {
      if (s64_lt(to_s64(now), to_s64(ckc))) sltime = sub(ckc, now);
    } else if (lt(now, ckc)) sltime = sub(ckc, now);
    if (sltime === ZERO) return ZERO;
    if (this.cpu_timer_interrupts_enabled(vcpu)) {
      const cputm = this.kvm_s390_get_cpu_timer(vcpu);
      if (s64_lt(to_s64(cputm), S64_ZERO)) return ZERO;
      return lt(sltime, cputm) ? sltime : cputm;
    }
  } else if (this.cpu_timer_interrupts_enabled(vcpu)) {
    sltime = this.kvm_s390_get_cpu_timer(vcpu);
    if (s64_lt(to_s64(sltime), S64_ZERO)) return ZERO;
  }
  return sltime;
}

/** The timer of a vCPU that waits, so many ns from now. DEVIATION DV-682: it interrupts a ns behind its time, when the comparator's is past. */
export function ckcTimerStart(this: vmlinux_s390, vcpu: kvm_vcpu, sltime: u64): void {
  this.hrtimer_start(vcpu.arch.ckc_timer, add(add(this.ktime_get(), sltime), ONE));
}

/**
 * arch/s390/kvm/interrupt.c: kvm_s390_handle_wait(): -EOPNOTSUPP, to userspace, for a wait that nothing can end.
 *
 * Split: it goes on in kvm_s390_handle_waitHalt(), kvm_s390_handle_waitWoken(). MODEL: a comparator that is never reached sets no timer.
 */
export function kvm_s390_handle_wait(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  vcpu.arch.stat.exit_wait_state++;
  if (this.kvm_arch_vcpu_runnable(vcpu)) return 0;
  if (this.psw_interrupts_disabled(vcpu)) return -EOPNOTSUPP;

  if (!this.ckc_interrupts_enabled(vcpu) && !this.cpu_timer_interrupts_enabled(vcpu)) {
    this.__set_cpu_idle(vcpu);
    return this.kvm_s390_handle_waitHalt(vcpu);
  }
  const sltime = this.__calculate_sltime(vcpu);
  if (sltime === ZERO) return 0;

  this.__set_cpu_idle(vcpu);
  this.ckcTimerStart(vcpu, sltime);
  return this.kvm_s390_handle_waitHalt(vcpu);
}

/** kvm_s390_handle_wait() from its label `no_timer`. */
export function kvm_s390_handle_waitHalt(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  this.kvm_vcpu_halt(vcpu);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_s390_handle_waitWoken', vcpu.id);
    return 0;
  }
  return this.kvm_s390_handle_waitWoken(vcpu.id);
}

/** kvm_s390_handle_wait() behind the halt. */
export function kvm_s390_handle_waitWoken(this: vmlinux_s390, vcpuId: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  vcpu.valid_wakeup = false;
  this.__unset_cpu_idle(vcpu);
  this.hrtimer_cancel(vcpu.arch.ckc_timer);
  return 0;
}

/** arch/s390/kvm/interrupt.c: kvm_s390_vcpu_wakeup(). MODEL: no guest of a guest to kick. */
export function kvm_s390_vcpu_wakeup(this: vmlinux_s390, vcpu: kvm_vcpu): void {
  vcpu.valid_wakeup = true;
  this.kvm_vcpu_wake_up(vcpu);
}

/** arch/s390/kvm/interrupt.c: kvm_s390_idle_wakeup(), the callback of ckc_timer. */
export function kvm_s390_idle_wakeup(this: vmlinux_s390, timer: hrtimer_ptr): number {
  const vcpu = this.m.vcpu[this.m.hrtimer[timer].owner];
  const sltime = this.__calculate_sltime(vcpu);
  if (sltime !== ZERO && this.hrtimer_forward(timer, this.ktime_get(), sltime) !== ZERO) return HRTIMER_RESTART;
  this.kvm_s390_vcpu_wakeup(vcpu);
  return HRTIMER_NORESTART;
}

/* ---- delivery ---- */

/** arch/s390/kvm/interrupt.c: __reset_intercept_indicators(). MODEL: of the indicators, those of external interrupts. */
export function __reset_intercept_indicators(this: vmlinux_s390, vcpu: kvm_vcpu): void {
  this.kvm_s390_clear_cpuflags(vcpu, (CPUSTAT_IO_INT | CPUSTAT_EXT_INT | CPUSTAT_STOP_INT) >>> 0);
  vcpu.arch.sie_block.lctl = 0;
}

/** arch/s390/kvm/interrupt.c: set_intercept_indicators_ext() */
export function set_intercept_indicators_ext(this: vmlinux_s390, vcpu: kvm_vcpu): void {
  if ((this.pending_irqs_no_gisa(vcpu) & PENDING_EXT) === 0) return;
  if (this.psw_extint_disabled(vcpu)) this.kvm_s390_set_cpuflags(vcpu, CPUSTAT_EXT_INT);
  else vcpu.arch.sie_block.lctl |= LCTL_CR0;
}

/** arch/s390/kvm/interrupt.c: set_intercept_indicators(). MODEL: of external interrupts alone. */
export function set_intercept_indicators(this: vmlinux_s390, vcpu: kvm_vcpu): void {
  this.set_intercept_indicators_ext(vcpu);
}

/** arch/s390/kvm/interrupt.c: __deliver_external_call() */
export function __deliver_external_call(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { local_int, stat } = vcpu.arch;
  const code = local_int.extcall;
  local_int.extcall = 0;
  local_int.pending_irqs = cleared(local_int.pending_irqs, IRQ_PEND_EXT_EXTERNAL);
  stat.deliver_external_call++;
  this.trace_kvm_s390_deliver_interrupt(vcpu.vcpu_id, KVM_S390_INT_EXTERNAL_CALL, code, 0);
  return this.swapsPsw(vcpu, EXT_IRQ_EXTERNAL_CALL);
}

/** arch/s390/kvm/interrupt.c: __deliver_emergency_signal(): of one sender, the one with the lowest number. */
export function __deliver_emergency_signal(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { local_int, stat } = vcpu.arch;
  const cpu_addr = Math.min(...local_int.sigp_emerg_pending);
  local_int.sigp_emerg_pending = local_int.sigp_emerg_pending.filter((it) => it !== cpu_addr);
  if (local_int.sigp_emerg_pending.length === 0)
    local_int.pending_irqs = cleared(local_int.pending_irqs, IRQ_PEND_EXT_EMERGENCY);
  stat.deliver_emergency_signal++;
  this.trace_kvm_s390_deliver_interrupt(vcpu.vcpu_id, KVM_S390_INT_EMERGENCY, cpu_addr, 0);
  return this.swapsPsw(vcpu, EXT_IRQ_EMERGENCY_SIG);
}

/** arch/s390/kvm/interrupt.c: __deliver_ckc() */
export function __deliver_ckc(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { local_int, stat } = vcpu.arch;
  stat.deliver_ckc++;
  this.trace_kvm_s390_deliver_interrupt(vcpu.vcpu_id, KVM_S390_INT_CLOCK_COMP, 0, 0);
  const rc = this.swapsPsw(vcpu, EXT_IRQ_CLK_COMP);
  local_int.pending_irqs = cleared(local_int.pending_irqs, IRQ_PEND_EXT_CLOCK_COMP);
  return rc;
}

/**
 * arch/s390/kvm/interrupt.c: kvm_s390_deliver_pending_interrupts(): the one of highest priority first, until the guest is masked.
 */
export function kvm_s390_deliver_pending_interrupts(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  const { local_int } = vcpu.arch;
  this.__reset_intercept_indicators(vcpu);

  local_int.pending_irqs = cleared(local_int.pending_irqs, IRQ_PEND_EXT_CLOCK_COMP);
  if (this.ckc_irq_pending(vcpu)) local_int.pending_irqs |= 1 << IRQ_PEND_EXT_CLOCK_COMP;
  local_int.pending_irqs = cleared(local_int.pending_irqs, IRQ_PEND_EXT_CPU_TIMER);
  if (this.cpu_timer_irq_pending(vcpu)) local_int.pending_irqs |= 1 << IRQ_PEND_EXT_CPU_TIMER;

  let rc = 0;
  for (;;) {
    const irqs = this.deliverable_irqs(vcpu);
    if (irqs === 0 || rc !== 0) break;
    switch (31 - Math.clz32(irqs)) {
      case IRQ_PEND_EXT_EMERGENCY:
        rc = this.__deliver_emergency_signal(vcpu);
        break;
      case IRQ_PEND_EXT_EXTERNAL:
        rc = this.__deliver_external_call(vcpu);
        break;
      case IRQ_PEND_EXT_CLOCK_COMP:
        rc = this.__deliver_ckc(vcpu);
        break;
      default:
        throw new NotModelled(`an interrupt of type ${31 - Math.clz32(irqs)}`);
    }
  }
  this.set_intercept_indicators(vcpu);
  return rc;
}

/* ---- injection ---- */

/** arch/s390/kvm/interrupt.c: __inject_ckc() */
export function __inject_ckc(this: vmlinux_s390, vcpu: kvm_vcpu): number {
  vcpu.arch.stat.inject_ckc++;
  this.trace_kvm_s390_inject_vcpu(vcpu.vcpu_id, KVM_S390_INT_CLOCK_COMP, 0, 0);
  vcpu.arch.local_int.pending_irqs |= 1 << IRQ_PEND_EXT_CLOCK_COMP;
  this.kvm_s390_set_cpuflags(vcpu, CPUSTAT_EXT_INT);
  return 0;
}

/** arch/s390/kvm/interrupt.c: __inject_extcall(), without sclp.has_sigpif: one at a time, whoever has sent it. */
export function __inject_extcall(this: vmlinux_s390, vcpu: kvm_vcpu, irq: kvm_s390_irq): number {
  const { local_int, stat } = vcpu.arch;
  const src_id = irq.code;
  stat.inject_external_call++;
  this.trace_kvm_s390_inject_vcpu(vcpu.vcpu_id, KVM_S390_INT_EXTERNAL_CALL, src_id, 0);
  if (this.kvm_get_vcpu_by_id(this.m.kvm[vcpu.kvm], src_id) === NULL) return -EINVAL;
  if (local_int.pending_irqs & (1 << IRQ_PEND_EXT_EXTERNAL)) return -EBUSY;
  local_int.pending_irqs |= 1 << IRQ_PEND_EXT_EXTERNAL;
  local_int.extcall = src_id;
  this.kvm_s390_set_cpuflags(vcpu, CPUSTAT_EXT_INT);
  return 0;
}

/** arch/s390/kvm/interrupt.c: __inject_sigp_emergency(): one of each sender. sigp.c has another of that name. */
export function __inject_sigp_emergency(this: vmlinux_s390, vcpu: kvm_vcpu, irq: kvm_s390_irq): number {
  const { local_int, stat } = vcpu.arch;
  stat.inject_emergency_signal++;
  this.trace_kvm_s390_inject_vcpu(vcpu.vcpu_id, KVM_S390_INT_EMERGENCY, irq.code, 0);
  if (this.kvm_get_vcpu_by_id(this.m.kvm[vcpu.kvm], irq.code) === NULL) return -EINVAL;
  if (!local_int.sigp_emerg_pending.includes(irq.code)) local_int.sigp_emerg_pending.push(irq.code);
  local_int.pending_irqs |= 1 << IRQ_PEND_EXT_EMERGENCY;
  this.kvm_s390_set_cpuflags(vcpu, CPUSTAT_EXT_INT);
  return 0;
}

/** arch/s390/kvm/interrupt.c: do_inject_vcpu() */
export function do_inject_vcpu(this: vmlinux_s390, vcpu: kvm_vcpu, irq: kvm_s390_irq): number {
  switch (irq.type) {
    case KVM_S390_INT_CLOCK_COMP:
      return this.__inject_ckc(vcpu);
    case KVM_S390_INT_EXTERNAL_CALL:
      return this.__inject_extcall(vcpu, irq);
    case KVM_S390_INT_EMERGENCY:
      return this.__inject_sigp_emergency(vcpu, irq);
    default:
      throw new NotModelled(`an interrupt of type 0x${irq.type.toString(16)}`);
  }
}

/** arch/s390/kvm/interrupt.c: kvm_s390_inject_vcpu() */
export function kvm_s390_inject_vcpu(this: vmlinux_s390, vcpu: kvm_vcpu, irq: kvm_s390_irq): number {
  const rc = this.do_inject_vcpu(vcpu, irq);
  if (rc === 0) this.kvm_s390_vcpu_wakeup(vcpu);
  return rc;
}
