// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which mirrored functions are held against their C text alone, and what of each the model leaves out.
 *
 * A function is called with the same state, arguments and answers on both sides; whatever it calls that is mirrored,
 * too, is a stand-in. So each function is held by itself, and its callees by themselves.
 */
import type { kvm_vcpu } from '../../kvm/kvm_host.js';
import type { Value } from '../../native/extract/engine.js';
import type { kernel_state, vmlinux } from '../../series/vmlinux.js';

/** What is special about one function; most need nothing. */
export interface Case {
  readonly file: string;
  /** in the kernel */
  readonly name: string;
  /** in the model's table, when that is another */
  readonly as?: string;
  /** mirrored functions that run as they are on the model's side, because C has them inline or does without */
  readonly plain?: readonly string[];
  /** values of arguments, by C's name of the parameter */
  readonly args?: Readonly<Record<string, readonly number[]>>;
  /** values of fields, by the end of their name */
  readonly state?: Readonly<Record<string, readonly number[]>>;
  /** what a stand-in answers */
  readonly answers?: Readonly<Record<string, readonly number[]>>;
  /** `nth` answer of a stand-in that is always this */
  readonly fixed?: (call: string, nth: number) => number | undefined;
  /** fields that others may write while a stand-in runs */
  readonly races?: readonly (readonly [call: string, field: string])[];
  /** the call on the model's side, when its parameters are others than C's */
  readonly call?: (k: vmlinux, m: kernel_state, args: readonly Value[]) => unknown;
  /** parameters that are smp_processor_id(), by C's name */
  readonly here?: readonly string[];
  /** what C asks and the model takes for granted: never compared, and always answered this */
  readonly granted?: Readonly<Record<string, number>>;
  /** SVM or VMX only */
  readonly vendor?: 'vmx' | 'svm';
  /** fields that are not compared, because the model does not keep them */
  readonly ignores?: readonly string[];
}

const v = (m: kernel_state, id: Value): kvm_vcpu => m.vcpu[Number(id)]!;
const of = (file: string, list: readonly (string | Omit<Case, 'file'>)[]): Case[] =>
  list.map((one) => (typeof one === 'string' ? { file, name: one } : { file, ...one }));

const POLL = {
  // with a signal pending or not; what is fixed is the turn of the loop that the model leaves out
  fixed: (call: string, nth: number) => (call === 'kvm_vcpu_check_block' && nth % 2 === 1 ? 0 : undefined),
};

export const GENERIC_CASES: readonly Case[] = [
  ...of('virt/kvm/kvm_main.c', [
    {
      name: 'kvm_vcpu_on_spin',
      answers: { kvm_vcpu_yield_to: [1, 0, 0, 0, -3, -3] },
      state: { ready: [1, 1, 1, 0] },
      races: [
        ['kvm_vcpu_yield_to', 'ready'],
        ['kvm_vcpu_yield_to', 'preempted'],
        ['kvm_vcpu_yield_to', 'last_boosted_vcpu'],
        ['kvm_vcpu_is_blocking', 'preempted'],
      ],
    },
    'kvm_vcpu_eligible_for_directed_yield',
    { name: 'kvm_vcpu_yield_to', answers: { yield_to: [1, 0, -3] } },
    'vcpu_dy_runnable',
    'grow_halt_poll_ns',
    'shrink_halt_poll_ns',
    'update_halt_poll_stats',
    'kvm_vcpu_max_halt_poll_ns',
    'kvm_vcpu_check_block',
    { name: 'kvm_vcpu_block', answers: { kvm_vcpu_check_block: [0, 0, -4] } },
    {
      name: 'kvm_vcpu_halt',
      answers: { kvm_vcpu_check_block: [0, 0, 0, -4] },
      races: [
        ['kvm_vcpu_block', 'halt_poll_ns'],
        ['kvm_vcpu_check_block', 'halt_poll_ns'],
      ],
      ...POLL,
    },
    { name: 'kvm_vcpu_wake_up', races: [['__kvm_vcpu_wake_up', 'ready']] },
    { name: 'kvm_vcpu_kick', races: [['kvm_arch_vcpu_should_kick', 'cpu']] },
    {
      name: 'kvm_sched_in',
      here: ['cpu'],
      call: (k, _m, [pn, cpu]) => k.kvm_sched_in(Number(pn), Number(cpu)),
    },
    {
      name: 'kvm_sched_out',
      call: (k, m, [pn, next]) => k.kvm_sched_out(Number(pn), m.task[Number(next)]!),
    },
    { name: 'preempt_notifier_to_vcpu', call: (k, _m, [pn]) => k.preempt_notifier_to_vcpu(Number(pn)).id },
    'vcpu_load',
    'vcpu_put',
    'kvm_request_needs_ipi',
    'kvm_get_running_vcpu',
    { name: 'kvm_vcpu_init', call: (k, m, [id]) => k.kvm_vcpu_init(v(m, id!)) },
  ]),
  ...of('include/linux/kvm_host.h', [
    ...['__kvm_make_request', 'kvm_make_request', 'kvm_request_pending', 'kvm_test_request', 'kvm_clear_request'],
    ...['kvm_check_request', 'kvm_vcpu_exiting_guest_mode', 'kvm_vcpu_can_poll', '__kvm_vcpu_wake_up'],
    ...['kvm_vcpu_is_blocking', 'kvm_vcpu_set_in_spin_loop', 'kvm_vcpu_set_dy_eligible'],
    { name: 'kvm_get_vcpu_by_id', args: { id: [-1, 0, 1, 2, 3, 4, 5, 1024, 4096] } },
  ]),
  ...of('include/linux/rcuwait.h', ['rcuwait_active', 'prepare_to_rcuwait']),
  ...of('kernel/exit.c', ['rcuwait_wake_up']),
  ...of('kernel/rcu/update.c', ['finish_rcuwait']),
];

export const X86_CASES: readonly Case[] = [
  ...of('arch/x86/kvm/x86.h', [
    ...['__grow_ple_window', '__shrink_ple_window', 'kvm_event_needs_reinjection', 'kvm_queue_interrupt'],
    ...['kvm_clear_interrupt_queue', 'kvm_pause_in_guest'],
  ]),
  ...of('arch/x86/kvm/vmx/vmx.c', [
    { name: 'grow_ple_window', as: 'vmx_grow_ple_window', vendor: 'vmx' },
    { name: 'shrink_ple_window', as: 'vmx_shrink_ple_window', vendor: 'vmx' },
    { name: 'handle_pause', vendor: 'vmx' },
    { name: 'vmx_vcpu_load', vendor: 'vmx' },
    { name: 'vmx_vm_init', vendor: 'vmx' },
  ]),
  ...of('arch/x86/kvm/svm/svm.c', [
    { name: 'grow_ple_window', as: 'svm_grow_ple_window', vendor: 'svm' },
    { name: 'shrink_ple_window', as: 'svm_shrink_ple_window', vendor: 'svm' },
    { name: 'pause_interception', vendor: 'svm' },
    { name: 'svm_vcpu_load', vendor: 'svm' },
    { name: 'svm_vm_init', vendor: 'svm' },
  ]),
  ...of('arch/x86/kvm/x86.c', [
    ...['kvm_arch_dy_has_pending_interrupt', 'kvm_arch_vcpu_preempted_in_kernel', 'kvm_arch_dy_runnable'],
    ...['kvm_arch_vcpu_in_kernel', 'kvm_arch_vcpu_should_kick', 'kvm_arch_no_poll', 'kvm_arch_interrupt_allowed'],
    ...['kvm_arch_vcpu_runnable', 'kvm_vcpu_running', 'kvm_vcpu_has_events', 'kvm_vcpu_exit_request'],
    ...['kvm_arch_vcpu_load', 'kvm_arch_vcpu_put', 'process_nmi', 'kvm_inject_nmi', 'kvm_apicv_activated'],
    ...['vcpu_block', 'kvm_emulate_halt_noskip', 'kvm_emulate_halt', 'kvm_emulate_ap_reset_hold'],
    { name: '__kvm_emulate_halt', granted: { lapic_in_kernel: 1 } },
  ]),
];

/** Functions and macros of the kernel that a model without these subsystems leaves out, and what they answer then. */
export const ABSENT: Readonly<Record<string, string>> = {
  // Xen, PMU, TSCs that differ, WBINVD, protection keys, async page faults, side channels
  kvm_xen_msr_enabled: '0',
  kvm_xen_runstate_set_preempted: '(void)0',
  kvm_xen_has_pending_events: '0',
  kvm_is_exception_pending: '0',
  kvm_x86_has_wbinvd_exit: '0',
  smp_call_function_single: '0',
  wbinvd: '(void)0',
  kvm_hv_has_stimer_pending: '0',
  kvm_check_tsc_unstable: '0',
  mark_tsc_unstable: '(void)0',
  kvm_compute_l1_tsc_offset: '0',
  kvm_vcpu_write_tsc_offset: '(void)0',
  adjust_tsc_offset_host: '(void)0',
  rdtsc: '0',
  need_emulate_wbinvd: '0',
  read_pkru: '0',
  kvm_async_pf_vcpu_init: '(void)0',
  task_pid_nr: '0',
  sched_smt_active: '0',
  indirect_branch_prediction_barrier: '(void)0',
  svm_srso_vm_init: '(void)0',
  // VMCS and VMCB as the hardware has them
  vmx_vcpu_load_vmcs: '(void)0',
  vmcb_mark_dirty: '(void)0',
  avic_vm_init: '0',
};

/** What the model takes for granted, as assignments for vCPU `i`. */
export const CONSTANTS: Readonly<Record<'x86' | 'arm64' | 's390', readonly string[]>> = {
  x86: ['K->arch.use_master_clock = 1', 'svm_data__per_cpu[i].current_vmcb = 0'],
  arm64: [],
  s390: [],
};
