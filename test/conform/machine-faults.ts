// SPDX-License-Identifier: GPL-2.0-only
/** Faults to plant in the model's KVM, run loop and APIC: each has to show on a machine with guests. */
import type { kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import { KVM_REQ_EVENT } from '../../src/arch/x86/kvm_host.js';
import { add, u64 } from '../../src/lib/types.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';
import { called, type Fault, fault, missing, result } from './faults.js';

/** The function, and something behind it. */
const then = (name: Fault['in'], what: string, more: (k: vmlinux_x86, args: never[]) => void): Fault =>
  fault(
    name,
    what,
    (right) =>
      function (this: vmlinux_x86, ...args: never[]) {
        const r = right.apply(this, args);
        more(this, args);
        return r;
      },
  );
const vcpuOf = (args: never[]): kvm_vcpu => args[0] as kvm_vcpu;

/** A fault, and the sequence in which it shows first: those before are not run. */
export type MachineFault = Fault & { readonly seed?: number };
const from = (seed: number, it: Fault): MachineFault => ({ ...it, seed });

export const machineFaults: readonly MachineFault[] = [
  // directed yield
  missing('kvm_vcpu_yield_to', 0),
  result('kvm_vcpu_eligible_for_directed_yield', 'says the contrary', (r) => !r),
  from(7, missing('kvm_vcpu_set_dy_eligible')),
  from(
    7,
    result('vcpu_dy_runnable', 'always', () => true),
  ),
  from(
    18,
    result('vcpu_dy_runnable', 'never', () => false),
  ),
  from(
    48,
    result('kvm_arch_vcpu_preempted_in_kernel', 'always', () => true),
  ),
  from(
    48,
    called('kvm_vcpu_on_spin', 'in user mode', ([me]) => [me, false]),
  ),
  then('kvm_vcpu_on_spinYielded', 'forgets who was boosted', (k, [me]) => {
    k.m.kvm[k.m.vcpu[me as unknown as number].kvm].last_boosted_vcpu = 0;
  }),
  missing('kvm_vcpu_on_spinYielded'),
  // scheduled in and out
  then('kvm_sched_out', 'is not ready', (k, [pn]) => {
    k.m.vcpu[pn as unknown as number].ready = false;
  }),
  then('kvm_sched_out', 'is preempted when it sleeps', (k, [pn]) => {
    k.m.vcpu[pn as unknown as number].preempted = true;
  }),
  then('kvm_sched_in', 'stays preempted', (k, [pn]) => {
    k.m.vcpu[pn as unknown as number].preempted = true;
  }),
  then('kvm_sched_in', 'stays scheduled out', (k, [pn]) => {
    k.m.vcpu[pn as unknown as number].scheduled_out = true;
  }),
  then('kvm_arch_vcpu_load', 'keeps the CPU it was on', (_, args) => {
    vcpuOf(args).cpu = 0;
  }),
  missing('kvm_steal_time_set_preempted'),
  // halting
  from(7, missing('grow_halt_poll_ns')),
  from(31, missing('shrink_halt_poll_ns')),
  result('kvm_vcpu_check_block', 'waits whatever there is', () => 0),
  from(
    7,
    result('kvm_vcpu_max_halt_poll_ns', 'half of it', (r: never) => Math.trunc(r / 2)),
  ),
  from(
    14,
    result('kvm_vcpu_can_poll', 'beside others, too', () => true),
  ),
  from(
    14,
    result('kvm_vcpu_can_poll', 'never', () => false),
  ),
  from(
    29,
    then('update_halt_poll_stats', 'counts a success as a failure', (_, args) => {
      vcpuOf(args).stat.halt_attempted_poll++;
    }),
  ),
  then('kvm_vcpu_haltBlocked', 'counts a ns more of waiting', (k, [id]) => {
    const { stat } = k.m.vcpu[id as unknown as number];
    stat.halt_wait_ns = add(stat.halt_wait_ns, u64(1));
  }),
  then('kvm_vcpu_block', 'forgets that it blocks', (_, args) => {
    vcpuOf(args).stat.blocking = 0;
  }),
  // waking and kicking
  then('kvm_vcpu_wake_up', 'is never ready', (_, args) => {
    vcpuOf(args).ready = false;
  }),
  missing('kvm_vcpu_kick'),
  result('kvm_arch_vcpu_should_kick', 'never', () => false),
  fault(
    'kvm_vcpu_kick',
    'wakes, and sends no IPI',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        this.kvm_vcpu_wake_up(vcpu);
      },
  ),
  missing('finish_rcuwait'),
  // run loop, entry, events
  result('xfer_to_guest_mode_work_pending', 'never', () => false),
  then('kvm_vcpu_halt', 'asks for an event', (k, args) => k.kvm_make_request(KVM_REQ_EVENT, vcpuOf(args))),
  result('handle_fastpath_hlt', 'goes the slow way', () => 0),
  then('__kvm_emulate_halt', 'counts twice', (_, args) => {
    vcpuOf(args).stat.halt_exits++;
  }),
  result('kvm_cpu_has_injectable_intr', 'says no', () => false),
  from(6, missing('kvm_pv_kick_cpu_op')),
  from(1, missing('kvm_sched_yield')),
  // scheduler below
  missing('yield_task_fair'),
  from(4, missing('set_next_buddy')),
  from(
    4,
    called('try_to_wake_up', 'for another state', ([p, , flags]) => [p, 1 as never, flags]),
  ),
  missing('resched_curr'),
  from(
    29,
    result('single_task_running', 'always', () => true),
  ),
  // KVM beside these
  from(
    7,
    result('kvm_arch_no_poll', 'always', () => true),
  ),
  from(
    7,
    result('kvm_vcpu_is_blocking', 'never', () => false),
  ),
  missing('prepare_to_rcuwait'),
  result('rcuwait_wake_up', 'says no', () => 0),
  then('vcpu_blockEnd', 'stays halted', (_, args) => {
    vcpuOf(args).arch.pv.pv_unhalted = true;
  }),
  then('kvm_arch_vcpu_put', 'forgets where it was', (_, args) => {
    vcpuOf(args).arch.preempted_in_kernel = false;
  }),
  then('vcpu_enter_guestRequests', 'asks for an event once more', (k, args) =>
    k.kvm_make_request(KVM_REQ_EVENT, vcpuOf(args)),
  ),
  then('kvm_queue_interrupt', 'of another vector', (_, args) => {
    vcpuOf(args).arch.interrupt.nr ^= 1;
  }),
  missing('kvm_x86_enable_irq_window'),
  result('vmx_interrupt_blocked', 'never', () => false),
  // local APIC
  missing('apic_set_isr'),
  missing('apic_clear_isr'),
  result('kvm_apic_has_interrupt', 'says none', () => -1),
  missing('apic_timer_expired'),
  missing('start_apic_timer'),
  result('kvm_apic_match_dest', 'says no', () => false),
  // around it
  then('vcpu_load', 'is not known to run', (k) => {
    k.m.kvm_running_vcpu[k.m.cpu] = -1;
  }),
  missing('kvm_vcpu_on_spinEnd'),
  from(7, missing('kvm_vcpu_haltOut')),
  missing('sched_tick'),
  missing('update_curr'),
  then('hrtimer_start', 'a ns later', (k, [timer]) => {
    const it = k.m.hrtimer[timer as unknown as number];
    it.expires = add(it.expires, u64(1));
  }),
];
