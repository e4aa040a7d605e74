// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/arm64/kvm/arch_timer.c (6.12.117): the virtual timer, and WFIT's deadline.
 *
 * MODEL: of the timers, the virtual one; with VHE the physical one would be another of the same kind. No offsets: guest and
 * host read one counter of ns. The comparator of a CPU stands in the table of timers: see `comparator`.
 */
import { NotModelled } from '../../lib/bug.js';
import { HRTIMER_NORESTART, HRTIMER_RESTART, type hrtimer_ptr } from '../../lib/hrtimer.js';
import { add, type bool, le, lt, min, sub, U64_MAX, type u64, ZERO } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_arm64 } from '../../vmlinux/vmlinux-arm64.js';
import { type arch_timer, KVM_REG_ARM_TIMER_CNT, type kvm_vcpu, VTIMER_PPI } from './kvm_host.js';

/** arch/arm64/kvm/arch_timer.c: kvm_phys_timer_read() */
export function kvm_phys_timer_read(this: vmlinux_arm64): u64 {
  return this.ktime_get();
}

/** arch/arm64/kvm/arch_timer.c: soft_timer_start() */
export function soft_timer_start(this: vmlinux_arm64, hrt: hrtimer_ptr, ns: u64): void {
  this.hrtimer_start(hrt, add(this.ktime_get(), ns));
}

/** arch/arm64/kvm/arch_timer.c: soft_timer_cancel() */
export function soft_timer_cancel(this: vmlinux_arm64, hrt: hrtimer_ptr): void {
  this.hrtimer_cancel(hrt);
}

/** arch/arm64/kvm/arch_timer.c: kvm_arm_timer_get_reg(): of the registers, the virtual counter. */
export function kvm_arm_timer_get_reg(this: vmlinux_arm64, _vcpu: kvm_vcpu, regid: u64): u64 {
  if (regid !== KVM_REG_ARM_TIMER_CNT) throw new NotModelled('a register of the timer other than its counter');
  return this.kvm_phys_timer_read();
}

/** arch/arm64/kvm/arch_timer.c: kvm_counter_compute_delta(): ns until the counter is at val; 0 when it is past. */
export function kvm_counter_compute_delta(this: vmlinux_arm64, _timer_ctx: arch_timer, val: u64): u64 {
  const now = this.kvm_phys_timer_read();
  return lt(now, val) ? sub(val, now) : ZERO;
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_compute_delta() */
export function kvm_timer_compute_delta(this: vmlinux_arm64, vcpu: kvm_vcpu): u64 {
  return this.kvm_counter_compute_delta(vcpu.arch.timer, vcpu.arch.timer.cval);
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_irq_can_fire() */
export function kvm_timer_irq_can_fire(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  const { timer } = vcpu.arch;
  this.warnOn(timer.loaded, 'kvm_timer_irq_can_fire: timer_ctx->loaded');
  return timer.enabled;
}

/** arch/arm64/kvm/arch_timer.c: vcpu_has_wfit_active(). MODEL: the CPU has FEAT_WFxT. */
export function vcpu_has_wfit_active(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  return vcpu.arch.in_wfit;
}

/** arch/arm64/kvm/arch_timer.c: wfit_delay_ns() */
export function wfit_delay_ns(this: vmlinux_arm64, vcpu: kvm_vcpu): u64 {
  return this.kvm_counter_compute_delta(vcpu.arch.timer, vcpu.arch.rt);
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_earliest_exp(): 0 as well when none can fire. */
export function kvm_timer_earliest_exp(this: vmlinux_arm64, vcpu: kvm_vcpu): u64 {
  let min_delta = U64_MAX;
  this.warnOn(vcpu.arch.timer.loaded, 'kvm_timer_earliest_exp: timer 0 loaded');
  if (this.kvm_timer_irq_can_fire(vcpu)) min_delta = min(min_delta, this.kvm_timer_compute_delta(vcpu));
  if (this.vcpu_has_wfit_active(vcpu)) min_delta = min(min_delta, this.wfit_delay_ns(vcpu));
  return min_delta === U64_MAX ? ZERO : min_delta;
}

/** arch/arm64/kvm/arch_timer.c: kvm_bg_timer_expire() */
export function kvm_bg_timer_expire(this: vmlinux_arm64, hrt: hrtimer_ptr): number {
  const vcpu = this.m.vcpu[this.m.hrtimer[hrt].owner];
  const ns = this.kvm_timer_earliest_exp(vcpu);
  if (ns !== ZERO) {
    this.hrtimer_forward(hrt, this.ktime_get(), ns);
    return HRTIMER_RESTART;
  }
  this.kvm_vcpu_wake_up(vcpu);
  return HRTIMER_NORESTART;
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_should_fire(): loaded or not, as the registers say. */
export function kvm_timer_should_fire(this: vmlinux_arm64, vcpu: kvm_vcpu): bool {
  const { timer } = vcpu.arch;
  if (!timer.loaded && !this.kvm_timer_irq_can_fire(vcpu)) return false;
  return timer.enabled && le(timer.cval, this.kvm_phys_timer_read());
}

/** arch/arm64/kvm/arch_timer.c: kvm_cpu_has_pending_timer(): WFIT has come to its time. */
export function kvm_cpu_has_pending_timer(this: vmlinux_arm64, vcpu: kvm_vcpu): number {
  return Number(this.vcpu_has_wfit_active(vcpu) && this.wfit_delay_ns(vcpu) === ZERO);
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_update_irq() */
export function kvm_timer_update_irq(this: vmlinux_arm64, vcpu: kvm_vcpu, new_level: bool): void {
  const { timer } = vcpu.arch;
  timer.level = new_level;
  this.trace_kvm_timer_update_irq(vcpu.vcpu_id, VTIMER_PPI, timer.level);
  const ret = this.kvm_vgic_inject_irq(this.m.kvm[vcpu.kvm], vcpu, VTIMER_PPI, timer.level);
  this.warnOn(ret !== 0, 'kvm_timer_update_irq: ret');
}

/** arch/arm64/kvm/arch_timer.c: kvm_arch_timer_handler(): the interrupt of the CPU's own virtual timer. */
export function kvm_arch_timer_handler(this: vmlinux_arm64, vcpuId: number): void {
  // it may come when the vCPU has just been put
  if (vcpuId === NULL) return;
  const vcpu = this.m.vcpu[vcpuId];
  if (this.kvm_timer_should_fire(vcpu)) this.kvm_timer_update_irq(vcpu, true);
}

/** arch/arm64/kvm/arch_timer.c: timer_save_state() */
export function timer_save_state(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { timer } = vcpu.arch;
  if (!timer.loaded) return;
  timer.loaded = false;
  this.comparatorSet(vcpu);
}

/** arch/arm64/kvm/arch_timer.c: timer_restore_state() */
export function timer_restore_state(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { timer } = vcpu.arch;
  if (timer.loaded) return;
  timer.loaded = true;
  this.comparatorSet(vcpu);
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_blocking() */
export function kvm_timer_blocking(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  if (!this.kvm_timer_irq_can_fire(vcpu) && !this.vcpu_has_wfit_active(vcpu)) return;
  this.soft_timer_start(vcpu.arch.timer.bg_timer, this.kvm_timer_earliest_exp(vcpu));
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_unblocking() */
export function kvm_timer_unblocking(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  this.soft_timer_cancel(vcpu.arch.timer.bg_timer);
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_vcpu_load_gic() */
export function kvm_timer_vcpu_load_gic(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { timer } = vcpu.arch;
  this.kvm_timer_update_irq(vcpu, this.kvm_timer_should_fire(vcpu));
  let phys_active = this.kvm_vgic_map_is_active(vcpu, VTIMER_PPI);
  phys_active ||= timer.level;
  // set_timer_irq_phys_active()
  timer.phys_active = phys_active;
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_vcpu_load(). MODEL: the GIC has an active state. */
export function kvm_timer_vcpu_load(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  this.kvm_timer_vcpu_load_gic(vcpu);
  this.kvm_timer_unblocking(vcpu);
  this.timer_restore_state(vcpu);
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_vcpu_put() */
export function kvm_timer_vcpu_put(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  this.timer_save_state(vcpu);
  if (this.kvm_vcpu_is_blocking(vcpu)) this.kvm_timer_blocking(vcpu);
}

/** arch/arm64/kvm/arch_timer.c: kvm_timer_vcpu_init() */
export function kvm_timer_vcpu_init(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  vcpu.arch.timer.bg_timer = this.hrtimer_init('kvm_bg_timer_expire', vcpu.id);
  vcpu.arch.timer.comparator = this.hrtimer_init('comparatorFires', vcpu.id);
}

/* ---- the CPU's own timer ---- */

/** The registers of the CPU's virtual timer were written, or what keeps it from interrupting has changed. */
export function comparatorSet(this: vmlinux_arm64, vcpu: kvm_vcpu): void {
  const { timer } = vcpu.arch;
  if (timer.loaded && timer.enabled && !timer.phys_active) this.hrtimer_start(timer.comparator, timer.cval);
  else this.hrtimer_cancel(timer.comparator);
}

/** The comparator interrupts its CPU. The host takes it, whoever runs there, and leaves it active. */
export function comparatorFires(this: vmlinux_arm64, hrt: hrtimer_ptr): number {
  const vcpu = this.m.vcpu[this.m.hrtimer[hrt].owner];
  vcpu.arch.timer.phys_active = true;
  this.kvm_arch_timer_handler(this.kvm_get_running_vcpu());
  return HRTIMER_NORESTART;
}
