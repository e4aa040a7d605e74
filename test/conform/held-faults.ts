// SPDX-License-Identifier: GPL-2.0-only
/** Faults to plant in mirrored functions of KVM: each has to be found by holding that function alone. */
import type { kvm, kvm_vcpu } from '../../src/arch/x86/kvm_host.js';
import type { u64 } from '../../src/lib/types.js';
import type { AnyFunction } from '../../src/vmlinux/bind.js';
import type { vmlinux } from '../../src/vmlinux/vmlinux.js';
import type { vmlinux_x86 } from '../../src/vmlinux/vmlinux-x86.js';

export interface HeldFault {
  /** the function it is in */
  readonly in: string;
  readonly what: string;
  /** the function in its place; `right` is the original, to be called with `this` */
  plant(right: AnyFunction): AnyFunction;
}

const fault = (name: string, what: string, plant: (right: AnyFunction) => AnyFunction): HeldFault => ({
  in: name,
  what,
  plant,
});
/** Does what the original does, with something before or after. */
const around = (
  name: string,
  what: string,
  body: (k: vmlinux_x86, right: () => unknown, args: never[]) => unknown,
): HeldFault =>
  fault(
    name,
    what,
    (right) =>
      function (this: vmlinux_x86, ...args: never[]) {
        return body(this, () => right.apply(this, args), args);
      },
  );

export const heldFaults: readonly HeldFault[] = [
  // directed yield
  fault(
    'kvm_vcpu_on_spin',
    'begins with the one boosted last',
    (right) =>
      function (this: vmlinux_x86, me: kvm_vcpu, kernel: boolean) {
        const kvm = this.m.kvm[me.kvm] as kvm;
        kvm.last_boosted_vcpu = Math.max(0, kvm.last_boosted_vcpu - 1);
        return right.call(this, me, kernel);
      },
  ),
  fault(
    'kvm_vcpu_on_spin',
    'tries four times',
    (right) =>
      function (this: vmlinux_x86, me: kvm_vcpu, kernel: boolean) {
        let failed = false;
        const kvm_vcpu_yield_to = (vcpu: kvm_vcpu): number => {
          const r = this.kvm_vcpu_yield_to(vcpu);
          if (r >= 0 || failed) return r;
          failed = true;
          return 0;
        };
        return right.call(Object.create(this, { kvm_vcpu_yield_to: { value: kvm_vcpu_yield_to } }), me, kernel);
      },
  ),
  around('kvm_vcpu_on_spin', 'leaves in_spin_loop set', (k, right, [me]) => {
    right();
    k.kvm_vcpu_set_in_spin_loop(me, true);
  }),
  fault(
    'kvm_vcpu_on_spin',
    'takes a spinner in user mode for one in the kernel',
    (right) =>
      function (this: vmlinux_x86, me: kvm_vcpu) {
        return right.call(this, me, true);
      },
  ),
  fault(
    'kvm_vcpu_eligible_for_directed_yield',
    'asks without turning over',
    () => (vcpu: kvm_vcpu) => !vcpu.spin_loop.in_spin_loop || vcpu.spin_loop.dy_eligible,
  ),
  fault(
    'kvm_vcpu_eligible_for_directed_yield',
    'turns over first',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        if (vcpu.spin_loop.in_spin_loop) this.kvm_vcpu_set_dy_eligible(vcpu, !vcpu.spin_loop.dy_eligible);
        return !vcpu.spin_loop.in_spin_loop || vcpu.spin_loop.dy_eligible;
      },
  ),
  around('kvm_vcpu_yield_to', 'says true for -ESRCH', (_k, right) => Number(right()) !== 0),
  fault(
    'vcpu_dy_runnable',
    'asks kvm_arch_vcpu_runnable()',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        return this.kvm_arch_vcpu_runnable(vcpu);
      },
  ),
  around('kvm_arch_dy_runnable', 'forgets pv_unhalted', (_k, right, [vcpu]) => {
    const arch = (vcpu as kvm_vcpu).arch;
    const unhalted = arch.pv.pv_unhalted;
    arch.pv.pv_unhalted = false;
    const answer = right();
    arch.pv.pv_unhalted = unhalted;
    return answer;
  }),
  // halt polling
  fault(
    'grow_halt_poll_ns',
    'caps at halt_poll_ns',
    (right) =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        right.call(this, vcpu);
        vcpu.halt_poll_ns = Math.min(vcpu.halt_poll_ns, this.m.kvm_params.halt_poll_ns);
      },
  ),
  fault(
    'grow_halt_poll_ns',
    'does not wrap',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        const old = vcpu.halt_poll_ns;
        const p = this.m.kvm_params;
        const val = p.halt_poll_ns_grow === 0 ? old : Math.max(old * p.halt_poll_ns_grow, p.halt_poll_ns_grow_start);
        vcpu.halt_poll_ns = val;
        this.trace_kvm_halt_poll_ns_grow(vcpu.vcpu_id, val, old);
      },
  ),
  fault(
    'shrink_halt_poll_ns',
    'leaves it alone when the factor is 0',
    (right) =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        if (this.m.kvm_params.halt_poll_ns_shrink !== 0) right.call(this, vcpu);
      },
  ),
  around('kvm_vcpu_check_block', 'looks at the timer first', (k, right, [vcpu]) =>
    k.kvm_cpu_has_pending_timer(vcpu) ? -4 : right(),
  ),
  fault(
    'kvm_vcpu_check_block',
    'does not look at requests',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        if (this.kvm_arch_vcpu_runnable(vcpu) || this.kvm_cpu_has_pending_timer(vcpu)) return -4;
        return this.signal_pending(this.get_current()) ? -4 : 0;
      },
  ),
  around('update_halt_poll_stats', 'counts a failure as a success', (_k, right, [vcpu]) => {
    const before = (vcpu as kvm_vcpu).stat.halt_successful_poll;
    right();
    (vcpu as kvm_vcpu).stat.halt_successful_poll = before + 1;
  }),
  around('kvm_vcpu_halt', 'clamps after halting', (_k, right, [vcpu]) => {
    const v = vcpu as kvm_vcpu;
    const ns = v.halt_poll_ns;
    const r = right();
    if (v.halt_poll_ns === 0) v.halt_poll_ns = ns;
    return r;
  }),
  around('kvm_vcpu_max_halt_poll_ns', 'ignores the VM', (k) => k.m.kvm_params.halt_poll_ns),
  fault(
    'kvm_vcpu_can_poll',
    'forgets need_resched()',
    () =>
      function (this: vmlinux_x86, cur: u64, stop: u64) {
        return this.single_task_running() && Number(cur as never) < Number(stop as never);
      },
  ),
  // blocking, waking, scheduling
  fault(
    'kvm_vcpu_block',
    'publishes the waiter first',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        vcpu.stat.blocking = 1;
        this.prepare_to_rcuwait(vcpu);
        this.kvm_arch_vcpu_blocking(vcpu);
        return this.kvm_vcpu_blockLoop(vcpu.id, 0);
      },
  ),
  fault(
    'kvm_vcpu_wake_up',
    'is ready before it is woken',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        vcpu.ready = true;
        if (!this.__kvm_vcpu_wake_up(vcpu)) return false;
        vcpu.stat.halt_wakeup++;
        return true;
      },
  ),
  around('kvm_vcpu_kick', 'kicks its own CPU, too', (k, right, [vcpu]) => {
    right();
    if ((vcpu as kvm_vcpu).cpu === k.m.cpu) k.smp_send_reschedule(k.m.cpu, 'kvm_vcpu_kick');
  }),
  fault(
    'kvm_sched_in',
    'clears scheduled_out before it loads',
    () =>
      function (this: vmlinux, pn: number, cpu: number) {
        const vcpu = this.preempt_notifier_to_vcpu(pn);
        vcpu.preempted = false;
        vcpu.ready = false;
        vcpu.scheduled_out = false;
        this.m.kvm_running_vcpu[cpu] = vcpu.id;
        this.kvm_arch_vcpu_load(vcpu, cpu);
      },
  ),
  fault(
    'kvm_sched_out',
    'takes wants_to_run for granted',
    () =>
      function (this: vmlinux, pn: number) {
        const vcpu = this.preempt_notifier_to_vcpu(pn);
        vcpu.scheduled_out = true;
        if (this.task_is_runnable(this.get_current())) {
          vcpu.preempted = true;
          vcpu.ready = true;
        }
        this.kvm_arch_vcpu_put(vcpu);
        this.m.kvm_running_vcpu[this.m.cpu] = -1;
      },
  ),
  around('kvm_check_request', 'does not take it away', (k, _right, [req, vcpu]) => k.kvm_test_request(req, vcpu)),
  // x86
  around('__grow_ple_window', 'is not cut at max', (_k, _right, [val, base, modifier]) => {
    if (Number(modifier) < 1) return base;
    return Number(modifier) < Number(base) ? Number(val) * Number(modifier) : Number(val) + Number(modifier);
  }),
  around('__shrink_ple_window', 'stops at 0', (_k, _right, [val, base, modifier, min]) => {
    if (Number(modifier) < 1) return base;
    const less =
      Number(modifier) < Number(base)
        ? Math.trunc(Number(val) / Number(modifier))
        : Math.max(0, Number(val) - Number(modifier));
    return Math.max(less, Number(min));
  }),
  fault(
    'svm_grow_ple_window',
    'is 32 bits wide',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        const p = this.m.kvm_x86_params;
        const old = vcpu.arch.vmcb.pause_filter_count;
        if (this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm] as kvm)) return;
        const now = this.__grow_ple_window(
          old,
          p.pause_filter_count,
          p.pause_filter_count_grow,
          p.pause_filter_count_max,
        );
        vcpu.arch.vmcb.pause_filter_count = now;
        if (now !== old) this.trace_kvm_ple_window_update(vcpu.vcpu_id, now, old);
      },
  ),
  fault(
    'handle_pause',
    'skips the instruction first',
    () =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        if (!this.kvm_pause_in_guest(this.m.kvm[vcpu.kvm] as kvm)) this.vmx_grow_ple_window(vcpu);
        const r = this.kvm_skip_emulated_instruction(vcpu);
        this.kvm_vcpu_on_spin(vcpu, true);
        return r;
      },
  ),
  around('pause_interception', 'spins in the kernel at any CPL', (k, _right, [vcpu]) => {
    k.svm_get_cpl(vcpu);
    k.svm_grow_ple_window(vcpu);
    k.kvm_vcpu_on_spin(vcpu, true);
    return k.kvm_skip_emulated_instruction(vcpu);
  }),
  around('vmx_vcpu_load', 'shrinks after every load', (k, _right, [vcpu, cpu]) => {
    if (!k.kvm_pause_in_guest(k.m.kvm[(vcpu as kvm_vcpu).kvm] as kvm)) k.vmx_shrink_ple_window(vcpu);
    k.vmx_vcpu_pi_load(vcpu, cpu);
  }),
  around('kvm_arch_vcpu_put', 'forgets where it was preempted', (_k, right, [vcpu]) => {
    const was = (vcpu as kvm_vcpu).arch.preempted_in_kernel;
    right();
    (vcpu as kvm_vcpu).arch.preempted_in_kernel = was;
  }),
  around('process_nmi', 'keeps all that are queued', (_k, right, [vcpu]) => {
    const arch = (vcpu as kvm_vcpu).arch;
    const queued = arch.nmi_queued;
    right();
    arch.nmi_queued = queued;
  }),
  around('vcpu_block', 'clears pv_unhalted at any wake-up', (_k, right, [vcpu]) => {
    const r = right();
    (vcpu as kvm_vcpu).arch.pv.pv_unhalted = false;
    return r;
  }),
  around(
    'kvm_vcpu_has_events',
    'is true with RFLAGS.IF alone',
    (k, right, [vcpu]) => right() === true || k.kvm_arch_interrupt_allowed(vcpu) !== 0,
  ),
  // exceptions, MSRs, the interrupt shadow, AVIC
  around('kvm_complete_insn_gp', 'skips the instruction that faults, too', (k, right, [vcpu, err]) => {
    const r = right();
    if (Number(err) !== 0) k.kvm_skip_emulated_instruction(vcpu);
    return r;
  }),
  around('kvm_emulate_wrmsr', 'skips the instruction itself', (k, _right, [vcpu]) => {
    const data = k.kvm_read_edx_eax(vcpu);
    const ecx = Number((vcpu as kvm_vcpu).arch.regs.rcx) >>> 0;
    const r = k.kvm_set_msr_with_filter(vcpu, ecx, data);
    if (r < 0) return r;
    k.trace_kvm_msr(1, ecx, data, r !== 0);
    return k.kvm_skip_emulated_instruction(vcpu);
  }),
  fault(
    'handle_fastpath_set_msr_irqoff',
    'traces before it skips',
    (right) =>
      function (this: vmlinux_x86, vcpu: kvm_vcpu) {
        const traced = this.trace_kvm_msr.bind(this);
        const skip = this.kvm_skip_emulated_instruction.bind(this);
        const early = Object.create(this) as vmlinux_x86;
        const data = (): u64 => vcpu.arch.regs.rax;
        Object.defineProperty(early, 'kvm_skip_emulated_instruction', {
          value: (v: kvm_vcpu) => {
            traced(1, Number(vcpu.arch.regs.rcx) >>> 0, data(), false);
            return skip(v);
          },
        });
        Object.defineProperty(early, 'trace_kvm_msr', { value: () => {} });
        return right.call(early, vcpu);
      },
  ),
  around('kvm_check_and_inject_events', 'forgets an exception that was injected', (_k, right, [vcpu]) => {
    const ex = (vcpu as kvm_vcpu).arch.exception;
    const { injected } = ex;
    ex.injected = false;
    const r = right();
    ex.injected ||= injected;
    return r;
  }),
  around('kvm_event_needs_reinjection', 'does not ask for exceptions', (_k, _right, [vcpu]) => {
    const { arch } = vcpu as kvm_vcpu;
    return arch.interrupt.injected || arch.nmi_injected;
  }),
  around('kvm_vcpu_has_events', 'does not wake for an exception', (k, _right, [vcpu]) => {
    const v = vcpu as kvm_vcpu;
    return v.arch.pv.pv_unhalted || k.kvm_is_exception_pending(v);
  }),
  around('kvm_multiple_exception', 'never makes a double fault', (k, right, [vcpu]) => {
    k.kvm_make_request(14, vcpu);
    const ex = (vcpu as kvm_vcpu).arch.exception;
    ex.pending = false;
    ex.injected = false;
    return right();
  }),
  around('kvm_clear_exception_queue', 'leaves what was injected', (_k, _right, [vcpu]) => {
    (vcpu as kvm_vcpu).arch.exception.pending = false;
  }),
  around('kvm_smm_changed', 'does not look for a latched INIT', (k, _right, [vcpu, entering]) => {
    const { arch, vcpu_id } = vcpu as kvm_vcpu;
    k.trace_kvm_smm_transition(vcpu_id, arch.smbase as never, Boolean(entering));
    arch.hflags = entering ? arch.hflags | 2 : arch.hflags & ~6;
  }),
  around('kvm_vcpu_flush_tlb_all', 'leaves the request for the current one', (_k, _right, [vcpu]) => {
    (vcpu as kvm_vcpu).stat.tlb_flush++;
  }),
  around('record_steal_time', 'does not flush for the guest', (k, right, [vcpu]) => {
    const page = (vcpu as kvm_vcpu).arch.st.page;
    if (k.guest_pv_has(vcpu, 9)) page.preempted &= ~2;
    return right();
  }),
  around('kvm_arch_vcpu_load', 'migrates the timer, whatever CPU the vCPU came to meanwhile', (k, _right, args) => {
    const [vcpu, cpu] = args as unknown as [kvm_vcpu, number];
    k.kvm_x86_vcpu_load(vcpu, cpu);
    if (vcpu.cpu !== cpu) {
      if (k.kvm_lapic_hv_timer_in_use(vcpu)) k.kvm_lapic_restart_hv_timer(vcpu);
      if (vcpu.cpu === -1) k.kvm_make_request(24, vcpu);
      k.kvm_make_request(8, vcpu);
      vcpu.cpu = cpu;
    }
    k.kvm_make_request(16, vcpu);
  }),
  around('avic_refresh_virtual_apic_mode', 'leaves the VMCB alone', (k, _right, [vcpu]) => {
    const v = vcpu as kvm_vcpu;
    if (!k.lapic_in_kernel(v) || !(k.m.kvm[0] as kvm).arch.enable_apicv) return;
    if (k.kvm_vcpu_apicv_active(v)) k.avic_apicv_post_state_restore(v);
  }),
  around('iret_interception', 'goes on intercepting IRET', (k, _right, [vcpu]) => {
    const { arch, stat } = vcpu as kvm_vcpu;
    stat.nmi_window_exits++;
    arch.vmcb.awaiting_iret_completion = true;
    k.kvm_make_request(14, vcpu);
    return 1;
  }),
  around('svm_set_nmi_mask', 'intercepts IRET in any case', (k, _right, [vcpu, masked]) => {
    (vcpu as kvm_vcpu).arch.nmi_masked = Boolean(masked);
    k.svm_set_iret_intercept(vcpu);
  }),
];
