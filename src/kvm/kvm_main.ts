// SPDX-License-Identifier: GPL-2.0-only
/**
 * virt/kvm/kvm_main.c (6.12.117): directed yield, halting and waking, requests and kicks, preempt notifiers,
 * KVM_CREATE_VCPU and KVM_RUN.
 *
 * Not mirrored: memory, MMU notifiers, devices, buses, dirty rings, async page faults, destroying anything.
 *
 * What sleeps or waits here, and how it goes on (see sched/kernel-stack):
 *   yield_to() > 0      the caller is descheduled inside; the tails `...Yielded` run when it is back
 *   kvm_vcpu_block()    schedule() inside of its loop; `kvm_vcpu_blockLoop` is the loop from its head
 *   kvm_vcpu_halt()     the polling loop is a frame that waits for time: `kvm_vcpu_haltPoll` is one turn of it,
 *                       taken at every event on that CPU and at vcpu->halt.stop; its locals are in vcpu->halt
 */
import { EEXIST, EINTR, EINVAL } from '../lib/errno.js';
import { CALL_FUNCTION_SINGLE_VECTOR, CALL_FUNCTION_VECTOR } from '../lib/irq_vectors.js';
import { add, type bool, gt, le, lt, mul_u32_u32, sub, to_u32, type u32, u64 } from '../lib/types.js';
import { NULL, TASK_INTERRUPTIBLE, TASK_RUNNING, type task_struct } from '../sched/sched.js';
import type { vmlinux } from '../vmlinux/vmlinux.js';
import {
  EXITING_GUEST_MODE,
  IN_GUEST_MODE,
  KVM_MAX_VCPU_IDS,
  KVM_REQ_UNBLOCK,
  KVM_REQUEST_NO_ACTION,
  KVM_REQUEST_NO_WAKEUP,
  KVM_REQUEST_WAIT,
  type kvm,
  type kvm_ptr,
  type kvm_vcpu,
  newKvm,
  newVcpu,
  OUTSIDE_GUEST_MODE,
  type vcpu_ptr,
} from './kvm_host.js';

/** virt/kvm/kvm_main.c: vcpu_load() */
export function vcpu_load(this: vmlinux, vcpu: kvm_vcpu): void {
  const cpu = this.m.cpu;
  this.m.kvm_running_vcpu[cpu] = vcpu.id;
  this.get_current().preempt_notifier = vcpu.id;
  this.kvm_arch_vcpu_load(vcpu, cpu);
}

/** virt/kvm/kvm_main.c: vcpu_put() */
export function vcpu_put(this: vmlinux, vcpu: kvm_vcpu): void {
  this.kvm_arch_vcpu_put(vcpu);
  this.get_current().preempt_notifier = NULL;
  this.m.kvm_running_vcpu[this.m.cpu] = NULL;
}

/** virt/kvm/kvm_main.c: kvm_request_needs_ipi() */
export function kvm_request_needs_ipi(this: vmlinux, vcpu: kvm_vcpu, req: number): bool {
  const mode = this.kvm_vcpu_exiting_guest_mode(vcpu);
  // waiting is for the vCPU to be out of the guest and out of the shadow page tables, whatever it was in
  if (req & KVM_REQUEST_WAIT) return mode !== OUTSIDE_GUEST_MODE;
  return mode === IN_GUEST_MODE;
}

/**
 * virt/kvm/kvm_main.c: kvm_kick_many_cpus()
 *
 * MODEL: the call function interrupt makes its CPU leave the guest in the same event, and that is waited for.
 */
export function kvm_kick_many_cpus(this: vmlinux, cpus: readonly number[], _wait: bool): bool {
  if (cpus.length === 0) return false;
  this.smp_call_function_many(cpus);
  return true;
}

/** kernel/smp.c: smp_call_function_many(), of ack_kick(), which does nothing: the interrupt is all. */
export function smp_call_function_many(this: vmlinux, cpus: readonly number[]): void {
  const callsite = 'smp_call_function_many_cond';
  if (cpus.some((cpu) => !this.cpu_online(cpu))) {
    this.smp_call_function_many(cpus.filter((cpu) => this.cpu_online(cpu)));
    return;
  }
  if (cpus.length === 0) return;
  if (cpus.length === 1) {
    this.trace_ipi_send_cpu(cpus[0], callsite, 'generic_smp_call_function_single_interrupt');
    this.m.host_irq[cpus[0]].push(CALL_FUNCTION_SINGLE_VECTOR);
  } else {
    const ascending = [...cpus].sort((a, b) => a - b);
    this.trace_ipi_send_cpumask(ascending, callsite, 'generic_smp_call_function_single_interrupt');
    for (const cpu of ascending) this.m.host_irq[cpu].push(CALL_FUNCTION_VECTOR);
  }
}

/** virt/kvm/kvm_main.c: kvm_make_vcpu_request() */
export function kvm_make_vcpu_request(
  this: vmlinux,
  vcpu: kvm_vcpu,
  req: number,
  tmp: number[],
  current_cpu: number,
): void {
  if (!(req & KVM_REQUEST_NO_ACTION)) this.__kvm_make_request(req, vcpu);
  if (!(req & KVM_REQUEST_NO_WAKEUP) && this.kvm_vcpu_wake_up(vcpu)) return;

  if (this.kvm_request_needs_ipi(vcpu, req)) {
    // RACE: the vCPU may be elsewhere by now; then it has left the guest, which is all that is wanted.
    const cpu = vcpu.cpu;
    if (cpu !== -1 && cpu !== current_cpu && !tmp.includes(cpu)) tmp.push(cpu);
  }
}

/** virt/kvm/kvm_main.c: kvm_make_vcpus_request_mask(): `vcpu_bitmap` holds vcpu_idx, ascending. */
export function kvm_make_vcpus_request_mask(
  this: vmlinux,
  kvm: kvm,
  req: number,
  vcpu_bitmap: readonly number[],
): bool {
  const me = this.m.cpu;
  const cpus: number[] = [];
  for (const i of vcpu_bitmap) {
    if (i >= kvm.vcpus.length) continue;
    this.kvm_make_vcpu_request(this.m.vcpu[kvm.vcpus[i]], req, cpus, me);
  }
  return this.kvm_kick_many_cpus(cpus, (req & KVM_REQUEST_WAIT) !== 0);
}

/** virt/kvm/kvm_main.c: kvm_make_all_cpus_request() */
export function kvm_make_all_cpus_request(this: vmlinux, kvm: kvm, req: number): bool {
  const me = this.m.cpu;
  const cpus: number[] = [];
  for (const v of kvm.vcpus) this.kvm_make_vcpu_request(this.m.vcpu[v], req, cpus, me);
  return this.kvm_kick_many_cpus(cpus, (req & KVM_REQUEST_WAIT) !== 0);
}

/** virt/kvm/kvm_main.c: kvm_vcpu_init() */
export function kvm_vcpu_init(this: vmlinux, vcpu: kvm_vcpu): void {
  vcpu.cpu = -1;
  vcpu.pid = NULL;
  vcpu.wait = NULL;
  this.kvm_vcpu_set_in_spin_loop(vcpu, false);
  this.kvm_vcpu_set_dy_eligible(vcpu, false);
  vcpu.preempted = false;
  vcpu.ready = false;
}

/** virt/kvm/kvm_main.c: grow_halt_poll_ns(): a u32 that wraps, and no cap: the next halt clamps. */
export function grow_halt_poll_ns(this: vmlinux, vcpu: kvm_vcpu): void {
  const old = vcpu.halt_poll_ns;
  let val = old;
  const grow_start = this.m.kvm_params.halt_poll_ns_grow_start;
  const grow = this.m.kvm_params.halt_poll_ns_grow;
  if (grow !== 0) {
    val = to_u32(mul_u32_u32(val, grow));
    if (val < grow_start) val = grow_start;
    vcpu.halt_poll_ns = val;
  }
  this.trace_kvm_halt_poll_ns_grow(vcpu.vcpu_id, val, old);
}

/** virt/kvm/kvm_main.c: shrink_halt_poll_ns() */
export function shrink_halt_poll_ns(this: vmlinux, vcpu: kvm_vcpu): void {
  const old = vcpu.halt_poll_ns;
  const shrink = this.m.kvm_params.halt_poll_ns_shrink;
  const grow_start = this.m.kvm_params.halt_poll_ns_grow_start;
  let val = shrink === 0 ? 0 : Math.trunc(old / shrink);
  if (val < grow_start) val = 0;
  vcpu.halt_poll_ns = val;
  this.trace_kvm_halt_poll_ns_shrink(vcpu.vcpu_id, val, old);
}

/** virt/kvm/kvm_main.c: kvm_vcpu_check_block(): -EINTR when there is something to do, 0 to go on waiting. */
export function kvm_vcpu_check_block(this: vmlinux, vcpu: kvm_vcpu): number {
  if (this.kvm_arch_vcpu_runnable(vcpu)) return -EINTR;
  if (this.kvm_cpu_has_pending_timer(vcpu)) return -EINTR;
  if (this.signal_pending(this.get_current())) return -EINTR;
  if (this.kvm_check_request(KVM_REQ_UNBLOCK, vcpu)) return -EINTR;
  return 0;
}

/** include/linux/rcuwait.h: rcuwait_active() */
export function rcuwait_active(this: vmlinux, w: kvm_vcpu): bool {
  return w.wait !== NULL;
}

/** include/linux/rcuwait.h: prepare_to_rcuwait() */
export function prepare_to_rcuwait(this: vmlinux, w: kvm_vcpu): void {
  w.wait = this.get_current().id;
}

/** kernel/rcu/update.c: finish_rcuwait() */
export function finish_rcuwait(this: vmlinux, w: kvm_vcpu): void {
  w.wait = NULL;
  this.get_current().__state = TASK_RUNNING;
}

/** kernel/exit.c: rcuwait_wake_up(): nonzero when it changed the waiter's state. */
export function rcuwait_wake_up(this: vmlinux, w: kvm_vcpu): number {
  // RACE: (smp_mb) the barrier here pairs with set_current_state(): either the waiter sees the condition or we see the waiter.
  return w.wait === NULL ? 0 : Number(this.wake_up_process(this.m.task[w.wait]));
}

/**
 * virt/kvm/kvm_main.c: kvm_vcpu_block(): whether it slept.
 *
 * Split: it goes on in kvm_vcpu_blockLoop().
 */
export function kvm_vcpu_block(this: vmlinux, vcpu: kvm_vcpu): bool {
  vcpu.stat.blocking = 1;
  this.kvm_arch_vcpu_blocking(vcpu);
  this.prepare_to_rcuwait(vcpu);
  return this.kvm_vcpu_blockLoop(vcpu.id, 0);
}

/** kvm_vcpu_block() from the head of its loop; `waited` is 0 or 1. */
export function kvm_vcpu_blockLoop(this: vmlinux, vcpuId: number, waited: number): bool {
  const vcpu = this.m.vcpu[vcpuId];
  const current = this.get_current();

  // RACE: the waiter is published
  current.__state = TASK_INTERRUPTIBLE;
  // RACE: (smp_mb) set_current_state() is a full barrier between publishing the waiter and looking for work.
  if (this.kvm_vcpu_check_block(vcpu) === 0) {
    // RACE: whoever has work from here on has to see the waiter and its state
    this.schedule();
    this.whenBack(current, 'kvm_vcpu_blockLoop', vcpuId, 1);
    return true;
  }

  this.finish_rcuwait(vcpu);
  this.kvm_arch_vcpu_unblocking(vcpu);
  vcpu.stat.blocking = 0;
  return waited !== 0;
}

/** virt/kvm/kvm_main.c: update_halt_poll_stats(), without histograms. */
export function update_halt_poll_stats(this: vmlinux, vcpu: kvm_vcpu, start: u64, end: u64, success: bool): void {
  const stats = vcpu.stat;
  const poll_ns = sub(end, start);

  stats.halt_attempted_poll++;
  if (success) {
    stats.halt_successful_poll++;
    if (!this.vcpu_valid_wakeup(vcpu)) stats.halt_poll_invalid++;
    stats.halt_poll_success_ns = add(stats.halt_poll_success_ns, poll_ns);
  } else {
    stats.halt_poll_fail_ns = add(stats.halt_poll_fail_ns, poll_ns);
  }
}

/** virt/kvm/kvm_main.c: kvm_vcpu_max_halt_poll_ns() */
export function kvm_vcpu_max_halt_poll_ns(this: vmlinux, vcpu: kvm_vcpu): u32 {
  const kvm = this.m.kvm[vcpu.kvm];
  if (kvm.override_halt_poll_ns) return kvm.max_halt_poll_ns;
  return this.m.kvm_params.halt_poll_ns;
}

/**
 * virt/kvm/kvm_main.c: kvm_vcpu_halt()
 *
 * Split: it goes on in kvm_vcpu_haltCheck(), kvm_vcpu_haltPoll(), kvm_vcpu_haltBlock(), kvm_vcpu_haltBlocked(),
 * kvm_vcpu_haltOut().
 */
export function kvm_vcpu_halt(this: vmlinux, vcpu: kvm_vcpu): void {
  const max_halt_poll_ns = this.kvm_vcpu_max_halt_poll_ns(vcpu);
  const h = vcpu.halt;
  h.halt_poll_allowed = !this.kvm_arch_no_poll(vcpu);

  if (vcpu.halt_poll_ns > max_halt_poll_ns) vcpu.halt_poll_ns = max_halt_poll_ns;

  h.do_halt_poll = h.halt_poll_allowed && vcpu.halt_poll_ns !== 0;
  h.start = h.cur = h.poll_end = this.ktime_get();
  if (h.do_halt_poll) {
    h.stop = add(h.start, u64(vcpu.halt_poll_ns));
    this.kvm_vcpu_haltCheck(vcpu.id);
  } else {
    this.kvm_vcpu_haltBlock(vcpu.id);
  }
}

/** kvm_vcpu_halt(): the head of the polling loop's body: done, or a turn that ends now and the next one later. */
export function kvm_vcpu_haltCheck(this: vmlinux, vcpuId: number): void {
  const vcpu = this.m.vcpu[vcpuId];
  const h = vcpu.halt;
  if (this.kvm_vcpu_check_block(vcpu) < 0) {
    h.polling = false;
    this.kvm_vcpu_haltOut(vcpuId, 0);
    return;
  }
  h.poll_end = h.cur = this.ktime_get();
  if (!this.kvm_vcpu_can_poll(h.cur, h.stop)) {
    h.polling = false;
    this.kvm_vcpu_haltBlock(vcpuId);
    return;
  }
  h.polling = true;
  this.whileBusy(this.get_current(), 'kvm_vcpu_haltPoll', vcpuId);
}

/**
 * kvm_vcpu_halt(): a turn of the polling loop some time later: it was going round all the while, so the turn
 * that ends now found nothing, and the next one begins.
 */
export function kvm_vcpu_haltPoll(this: vmlinux, vcpuId: number): void {
  const vcpu = this.m.vcpu[vcpuId];
  const h = vcpu.halt;
  h.poll_end = h.cur = this.ktime_get();
  if (this.kvm_vcpu_can_poll(h.cur, h.stop)) {
    this.kvm_vcpu_haltCheck(vcpuId);
    return;
  }
  h.polling = false;
  this.kvm_vcpu_haltBlock(vcpuId);
}

/** kvm_vcpu_halt(): polling is over or was not tried. */
export function kvm_vcpu_haltBlock(this: vmlinux, vcpuId: number): void {
  const current = this.get_current();
  const waited = this.kvm_vcpu_block(this.m.vcpu[vcpuId]);
  if (this.notReturned(current)) this.whenBack(current, 'kvm_vcpu_haltBlocked', vcpuId);
  else this.kvm_vcpu_haltBlocked(vcpuId, Number(waited));
}

/** kvm_vcpu_halt() after kvm_vcpu_block() has returned `waited`. */
export function kvm_vcpu_haltBlocked(this: vmlinux, vcpuId: number, waited: number): void {
  const vcpu = this.m.vcpu[vcpuId];
  const h = vcpu.halt;
  h.cur = this.ktime_get();
  if (waited) vcpu.stat.halt_wait_ns = add(vcpu.stat.halt_wait_ns, sub(h.cur, h.poll_end));
  this.kvm_vcpu_haltOut(vcpuId, waited);
}

/** kvm_vcpu_halt() from its label `out`. */
export function kvm_vcpu_haltOut(this: vmlinux, vcpuId: number, waited: number): void {
  const vcpu = this.m.vcpu[vcpuId];
  const h = vcpu.halt;
  // with the time spent polling
  const halt_ns = sub(h.cur, h.start);

  // WHY !waited and not "found while polling": work found by the first look in kvm_vcpu_block() counts as well.
  if (h.do_halt_poll) this.update_halt_poll_stats(vcpu, h.start, h.poll_end, !waited);

  if (h.halt_poll_allowed) {
    // read again: it may have been changed meanwhile
    const max_halt_poll_ns = this.kvm_vcpu_max_halt_poll_ns(vcpu);
    const max = u64(max_halt_poll_ns);

    if (!this.vcpu_valid_wakeup(vcpu)) {
      this.shrink_halt_poll_ns(vcpu);
    } else if (max_halt_poll_ns !== 0) {
      if (le(halt_ns, u64(vcpu.halt_poll_ns))) {
        // polling covered it
      } else if (vcpu.halt_poll_ns !== 0 && gt(halt_ns, max)) {
        this.shrink_halt_poll_ns(vcpu);
      } else if (vcpu.halt_poll_ns < max_halt_poll_ns && lt(halt_ns, max)) {
        this.grow_halt_poll_ns(vcpu);
      }
    } else {
      vcpu.halt_poll_ns = 0;
    }
  }

  this.trace_kvm_vcpu_wakeup(halt_ns, waited !== 0, this.vcpu_valid_wakeup(vcpu));
}

/** virt/kvm/kvm_main.c: kvm_vcpu_wake_up() */
export function kvm_vcpu_wake_up(this: vmlinux, vcpu: kvm_vcpu): bool {
  if (!this.__kvm_vcpu_wake_up(vcpu)) return false;
  // RACE: the vCPU may be running already; then `ready` stays true on a running vCPU until it is scheduled in again.
  vcpu.ready = true;
  vcpu.stat.halt_wakeup++;
  return true;
}

/** virt/kvm/kvm_main.c: kvm_vcpu_kick() */
export function kvm_vcpu_kick(this: vmlinux, vcpu: kvm_vcpu): void {
  if (this.kvm_vcpu_wake_up(vcpu)) return;

  const me = this.m.cpu;
  if (vcpu.id === this.m.kvm_running_vcpu[me]) {
    if (vcpu.mode === IN_GUEST_MODE) vcpu.mode = EXITING_GUEST_MODE;
    return;
  }

  // RACE: the vCPU may be elsewhere by the time of the IPI; then it has left the guest, which is all that is wanted.
  if (this.kvm_arch_vcpu_should_kick(vcpu)) {
    const cpu = vcpu.cpu;
    if (cpu !== me && cpu >= 0 && this.cpu_online(cpu)) this.smp_send_reschedule(cpu, 'kvm_vcpu_kick');
  }
}

/** virt/kvm/kvm_main.c: kvm_vcpu_yield_to(): 1 yielded, 0 nothing done, -ESRCH pointless. */
export function kvm_vcpu_yield_to(this: vmlinux, target: kvm_vcpu): number {
  if (target.pid === NULL) return 0;
  return Number(this.yield_to(this.m.task[target.pid], true));
}

/**
 * virt/kvm/kvm_main.c: kvm_vcpu_eligible_for_directed_yield()
 *
 * Asking changes the answer: every question about a spinning vCPU turns dy_eligible over, so that answers
 * alternate no, yes, no, ...
 */
export function kvm_vcpu_eligible_for_directed_yield(this: vmlinux, vcpu: kvm_vcpu): bool {
  const eligible = !vcpu.spin_loop.in_spin_loop || vcpu.spin_loop.dy_eligible;
  if (vcpu.spin_loop.in_spin_loop) this.kvm_vcpu_set_dy_eligible(vcpu, !vcpu.spin_loop.dy_eligible);
  return eligible;
}

/** virt/kvm/kvm_main.c: vcpu_dy_runnable(). MODEL: no async page faults. */
export function vcpu_dy_runnable(this: vmlinux, vcpu: kvm_vcpu): bool {
  return this.kvm_arch_dy_runnable(vcpu);
}

/**
 * virt/kvm/kvm_main.c: kvm_vcpu_on_spin()
 *
 * Split: it goes on in kvm_vcpu_on_spinYielded(), kvm_vcpu_on_spinEnd().
 */
export function kvm_vcpu_on_spin(this: vmlinux, me: kvm_vcpu, yield_to_kernel_mode: bool): void {
  const kvm = this.m.kvm[me.kvm];
  const current = this.get_current();
  const last_boosted_vcpu = kvm.last_boosted_vcpu;
  let yielded = 0;
  let tries = 3;

  this.kvm_vcpu_set_in_spin_loop(me, true);
  // who was boosted last comes last: first those after it, then from the start up to and with it
  for (let pass = 0; pass < 2 && yielded === 0 && tries !== 0; pass++) {
    for (let i = 0; i < kvm.vcpus.length; i++) {
      if (pass === 0 && i <= last_boosted_vcpu) {
        i = last_boosted_vcpu;
        continue;
      } else if (pass !== 0 && i > last_boosted_vcpu) break;
      // RACE: another spinner may store last_boosted_vcpu meanwhile; READ_ONCE() has read it, once.
      const vcpu = this.m.vcpu[kvm.vcpus[i]];
      if (!vcpu.ready) continue;
      if (vcpu.id === me.id) continue;
      if (this.kvm_vcpu_is_blocking(vcpu) && !this.vcpu_dy_runnable(vcpu)) continue;

      // one that was preempted in user mode does not hold what a spinner in the kernel waits for; one with a
      // pending interrupt may, and one that was woken, not preempted, always may
      if (
        vcpu.preempted &&
        yield_to_kernel_mode &&
        !this.kvm_arch_dy_has_pending_interrupt(vcpu) &&
        !this.kvm_arch_vcpu_preempted_in_kernel(vcpu)
      ) {
        continue;
      }
      if (!this.kvm_vcpu_eligible_for_directed_yield(vcpu)) continue;

      yielded = this.kvm_vcpu_yield_to(vcpu);
      if (yielded > 0) {
        this.whenBack(current, 'kvm_vcpu_on_spinYielded', me.id, i);
        return;
      }
      if (yielded < 0) {
        tries--;
        if (tries === 0) break;
      }
    }
  }
  this.kvm_vcpu_on_spinEnd(me);
}

/** kvm_vcpu_on_spin() when the yielder is back: only now is the boost noted, and in_spin_loop over. */
export function kvm_vcpu_on_spinYielded(this: vmlinux, meId: number, boosted: number): void {
  const me = this.m.vcpu[meId];
  this.m.kvm[me.kvm].last_boosted_vcpu = boosted;
  this.kvm_vcpu_on_spinEnd(me);
}

/** kvm_vcpu_on_spin(): its end, whether it yielded or not. */
export function kvm_vcpu_on_spinEnd(this: vmlinux, me: kvm_vcpu): void {
  this.kvm_vcpu_set_in_spin_loop(me, false);
  // not eligible in the spin loop to come
  this.kvm_vcpu_set_dy_eligible(me, false);
}

/** virt/kvm/kvm_main.c: kvm_create_vm(): the VM's pointer. `arch` says what userspace and the modules ask for. */
export function kvm_create_vm(this: vmlinux, arch: object): kvm_ptr {
  const id = this.m.kvm.length;
  this.m.kvm.push(newKvm(id, arch));
  const kvm = this.m.kvm[id];
  this.kvm_arch_init_vm(kvm);
  return id;
}

/** kmem_cache_zalloc() of a vCPU. */
export function kvm_vcpuAlloc(this: vmlinux, kvm: kvm, vcpu_id: number): kvm_vcpu {
  const id = this.m.vcpu.length;
  this.m.vcpu.push(newVcpu(id, kvm.id, vcpu_id, kvm.vcpus.length, this.newVcpuArch(id)));
  return this.m.vcpu[id];
}

/**
 * virt/kvm/kvm_main.c: kvm_vm_ioctl_create_vcpu(): 0 (there are no file descriptors here) or -errno.
 *
 * The vCPU's pointer is the last of `m.vcpu`; its vcpu_idx the last of `kvm.vcpus`.
 */
export function kvm_vm_ioctl_create_vcpu(this: vmlinux, kvm: kvm, id: number): number {
  if (id >= KVM_MAX_VCPU_IDS) return -EINVAL;
  if (kvm.created_vcpus >= kvm.max_vcpus) return -EINVAL;
  let r = this.kvm_arch_vcpu_precreate(kvm, id);
  if (r !== 0) return r;
  kvm.created_vcpus++;

  const vcpu = this.kvm_vcpuAlloc(kvm, id);
  this.kvm_vcpu_init(vcpu);
  r = this.kvm_arch_vcpu_create(vcpu);
  if (r === 0 && this.kvm_get_vcpu_by_id(kvm, id) !== NULL) {
    r = -EEXIST;
    this.kvm_arch_vcpu_destroy(vcpu);
  }
  if (r !== 0) {
    this.m.vcpu.pop();
    kvm.created_vcpus--;
    return r;
  }
  kvm.vcpus.push(vcpu.id);
  this.kvm_arch_vcpu_postcreate(vcpu);
  return r;
}

/**
 * kvm_vcpu_ioctl(), of it KVM_RUN: the current task runs the vCPU until something is left to
 * userspace; the return value then, or a call that has not returned.
 */
export function kvm_vcpu_ioctlRun(this: vmlinux, vcpu: kvm_vcpu): number {
  const current = this.get_current();
  if (vcpu.pid !== current.id) {
    const r = this.kvm_arch_vcpu_run_pid_change(vcpu);
    if (r !== 0) return r;
    // MODEL: synchronize_rcu() for the old pid takes no time; nobody in the model holds it that long
    vcpu.pid = current.id;
  }
  vcpu.wants_to_run = !vcpu.run.immediate_exit;
  const r = this.kvm_arch_vcpu_ioctl_run(vcpu);
  if (this.notReturned(current)) {
    this.whenBack(current, 'kvm_vcpu_ioctlRan', vcpu.id);
    return 0;
  }
  return this.kvm_vcpu_ioctlRan(vcpu.id, r);
}

/** kvm_vcpu_ioctl(): KVM_RUN after kvm_arch_vcpu_ioctl_run() has returned r. */
export function kvm_vcpu_ioctlRan(this: vmlinux, vcpuId: number, r: number): number {
  const vcpu = this.m.vcpu[vcpuId];
  vcpu.wants_to_run = false;
  this.trace_kvm_userspace_exit(vcpu.run.exit_reason, r);
  return r;
}

/** virt/kvm/kvm_main.c: preempt_notifier_to_vcpu() */
export function preempt_notifier_to_vcpu(this: vmlinux, pn: vcpu_ptr): kvm_vcpu {
  return this.m.vcpu[pn];
}

/** virt/kvm/kvm_main.c: kvm_sched_in() */
export function kvm_sched_in(this: vmlinux, pn: vcpu_ptr, cpu: number): void {
  const vcpu = this.preempt_notifier_to_vcpu(pn);

  vcpu.preempted = false;
  vcpu.ready = false;

  this.m.kvm_running_vcpu[cpu] = vcpu.id;
  this.kvm_arch_vcpu_load(vcpu, cpu);

  // WHY last: kvm_arch_vcpu_load() shrinks the PLE window only of one that was scheduled out
  vcpu.scheduled_out = false;
}

/** virt/kvm/kvm_main.c: kvm_sched_out() */
export function kvm_sched_out(this: vmlinux, pn: vcpu_ptr, _next: task_struct): void {
  const vcpu = this.preempt_notifier_to_vcpu(pn);

  vcpu.scheduled_out = true;

  if (this.task_is_runnable(this.get_current()) && vcpu.wants_to_run) {
    vcpu.preempted = true;
    vcpu.ready = true;
  }
  this.kvm_arch_vcpu_put(vcpu);
  this.m.kvm_running_vcpu[this.m.cpu] = NULL;
}

/** virt/kvm/kvm_main.c: kvm_get_running_vcpu(): NULL when none. */
export function kvm_get_running_vcpu(this: vmlinux): vcpu_ptr {
  return this.m.kvm_running_vcpu[this.m.cpu];
}

/* ---- CPU hotplug ---- */

/**
 * virt/kvm/kvm_main.c: kvm_online_cpu()
 *
 * MODEL: virtualization can be enabled on every CPU. What kvm_arch_enable_virtualization_cpu() makes up for is a TSC that
 * went backwards; the one TSC of the machine never does.
 */
export function kvm_online_cpu(this: vmlinux, _cpu: number): number {
  return 0;
}

/** virt/kvm/kvm_main.c: kvm_offline_cpu(): every thread has been pushed away by now. */
export function kvm_offline_cpu(this: vmlinux, _cpu: number): number {
  return 0;
}
