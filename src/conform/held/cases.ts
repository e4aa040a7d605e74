// SPDX-License-Identifier: GPL-2.0-only
/**
 * Which mirrored functions are held against their C text alone, and what of each the model leaves out.
 *
 * A function is called with the same state, arguments and answers on both sides; whatever it calls that is mirrored,
 * too, is a stand-in. So each function is held by itself, and its callees by themselves.
 */

import type { kvm_vcpu } from '../../arch/x86/kvm_host.js';
import type { Value } from '../../native/extract/engine.js';
import type { kernel_state_x86, vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import type { HeldParameters } from './fields.js';

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
  readonly call?: (k: vmlinux_x86, m: kernel_state_x86, args: readonly Value[]) => unknown;
  /** parameters that are smp_processor_id(), by C's name */
  readonly here?: readonly string[];
  /** what C asks and the model takes for granted: never compared, and always answered this */
  readonly granted?: Readonly<Record<string, number>>;
  /** so many times the calls of others, because it has so many more ways to go */
  readonly weight?: number;
  /** nobody writes what it reads while it runs: the order of its reads is not compared */
  readonly alone?: boolean;
  /** SVM or VMX only */
  readonly vendor?: 'vmx' | 'svm';
  /** fields that are not compared, because the model does not keep them */
  readonly ignores?: readonly string[];
}

const v = (m: kernel_state_x86, id: Value): kvm_vcpu => m.vcpu[Number(id)]!;
const of = (file: string, list: readonly (string | Omit<Case, 'file'>)[]): Case[] =>
  list.map((one) => (typeof one === 'string' ? { file, name: one } : { file, ...one }));

const held = (m: kernel_state_x86) => (m as kernel_state_x86 & { held: HeldParameters }).held;

const POLL = {
  // with a signal pending or not; what is fixed is the turn of the loop that the model leaves out
  fixed: (call: string, nth: number) => (call === 'kvm_vcpu_check_block' && nth % 2 === 1 ? 0 : undefined),
};

const onVmx = (name: string): Omit<Case, 'file'> => ({ name, vendor: 'vmx' });
const onSvm = (name: string): Omit<Case, 'file'> => ({ name, vendor: 'svm' });

export const GENERIC_CASES: readonly Case[] = [
  ...of('virt/kvm/kvm_main.c', [
    {
      name: 'kvm_vcpu_on_spin',
      weight: 6,
      answers: {
        kvm_vcpu_yield_to: [1, 0, 0, -3, -3, -3],
        kvm_vcpu_is_blocking: [0, 0, 0, 1],
        kvm_vcpu_eligible_for_directed_yield: [0, 1, 1, 1],
      },
      state: { ready: [1, 1, 1, 0] },
      races: [
        ['kvm_vcpu_yield_to', 'ready'],
        ['kvm_vcpu_yield_to', 'preempted'],
        ['kvm_vcpu_yield_to', 'last_boosted_vcpu'],
        ['kvm_vcpu_is_blocking', 'preempted'],
      ],
    },
    {
      name: 'kvm_vcpu_eligible_for_directed_yield',
      races: [['kvm_vcpu_set_dy_eligible', 'spin_loop.dy_eligible']],
    },
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
    { name: 'kvm_vcpu_kick', plain: ['cpu_online'], races: [['kvm_arch_vcpu_should_kick', 'cpu']] },
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
    'kvm_make_all_cpus_request',
    {
      name: 'kvm_make_vcpu_request',
      call: (k, m, [id, req, , cpu]) => {
        const kicked: number[] = [];
        k.kvm_make_vcpu_request(v(m, id!), Number(req), kicked, Number(cpu));
        held(m).kicked = kicked.reduce((mask, one) => mask | (1 << one), 0);
      },
    },
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
    ...['kvm_clear_interrupt_queue', 'kvm_pause_in_guest', 'kvm_is_exception_pending', 'kvm_clear_exception_queue'],
  ]),
  ...of('arch/x86/kvm/vmx/vmx.c', [
    { name: 'grow_ple_window', as: 'vmx_grow_ple_window', vendor: 'vmx' },
    { name: 'shrink_ple_window', as: 'vmx_shrink_ple_window', vendor: 'vmx' },
    { name: 'handle_pause', vendor: 'vmx' },
    { name: 'vmx_vcpu_load', vendor: 'vmx' },
    { name: 'vmx_vm_init', vendor: 'vmx' },
    ...['vmx_vcpu_put', 'vmx_deliver_posted_interrupt', 'vmx_deliver_interrupt', 'vmx_nmi_allowed'].map(onVmx),
    ...['vmx_interrupt_allowed', 'handle_interrupt_window', 'handle_nmi_window', 'handle_external_interrupt'].map(
      onVmx,
    ),
  ]),
  ...of('arch/x86/kvm/svm/svm.c', [
    { name: 'grow_ple_window', as: 'svm_grow_ple_window', vendor: 'svm' },
    { name: 'shrink_ple_window', as: 'svm_shrink_ple_window', vendor: 'svm' },
    { name: 'pause_interception', vendor: 'svm' },
    { name: 'svm_vcpu_load', vendor: 'svm' },
    { name: 'svm_vm_init', vendor: 'svm' },
    ...['svm_vcpu_put', 'svm_get_cpl', 'svm_complete_interrupt_delivery', 'svm_deliver_interrupt'].map(onSvm),
    ...['svm_nmi_allowed', 'svm_interrupt_allowed', 'svm_get_nmi_mask', 'intr_interception'].map(onSvm),
    ...['interrupt_window_interception', 'svm_set_nmi_mask', 'iret_interception'].map(onSvm),
    ...['svm_inject_nmi', 'svm_handle_exit_irqoff'].map(onSvm),
  ]),
  ...of('arch/x86/kvm/svm/avic.c', [
    ...['avic_vcpu_blocking', 'avic_vcpu_unblocking', 'avic_refresh_virtual_apic_mode'].map(onSvm),
    ...['avic_refresh_apicv_exec_ctrl', 'avic_apicv_post_state_restore'].map(onSvm),
  ]),
  ...of('arch/x86/include/asm/posted_intr.h', [
    { name: 'pi_test_and_set_pir', vendor: 'vmx' },
    ...['pi_test_and_set_on', 'pi_test_and_clear_sn', 'pi_is_pir_empty'].map(onVmx),
  ]),
  ...of('arch/x86/kvm/vmx/posted_intr.c', [
    { name: 'vmx_vcpu_pi_load', vendor: 'vmx', granted: { lapic_in_kernel: 1 } },
    ...['vmx_vcpu_pi_put', 'pi_enable_wakeup_handler', 'vmx_needs_pi_wakeup', 'pi_has_pending_interrupt'].map(onVmx),
  ]),
  ...of('arch/x86/kvm/x86.c', [
    ...['kvm_arch_dy_has_pending_interrupt', 'kvm_arch_vcpu_preempted_in_kernel', 'kvm_arch_dy_runnable'],
    ...['kvm_arch_vcpu_in_kernel', 'kvm_arch_vcpu_should_kick', 'kvm_arch_no_poll', 'kvm_arch_interrupt_allowed'],
    ...['kvm_arch_vcpu_runnable', 'kvm_vcpu_running', 'kvm_vcpu_exit_request'],
    {
      // nothing, mostly, so that it comes to ask for interrupts
      name: 'kvm_vcpu_has_events',
      answers: { kvm_is_exception_pending: [0, 0, 0, 1], kvm_test_request: [0, 0, 0, 1] },
      state: { pv_unhalted: [0, 0, 0, 1] },
    },
    ...['kvm_arch_vcpu_put', 'process_nmi', 'kvm_inject_nmi', 'kvm_apicv_activated'],
    ...['vcpu_block', 'kvm_emulate_halt_noskip', 'kvm_emulate_halt', 'kvm_emulate_ap_reset_hold'],
    { name: '__kvm_emulate_halt', granted: { lapic_in_kernel: 1 } },
    ...[
      'kvm_steal_time_set_preempted',
      'record_steal_time',
      'kvm_vcpu_apicv_activated',
      'kvm_set_or_clear_apicv_inhibit',
    ],
    ...['handle_fastpath_hlt', 'vcpu_run', 'exception_class', 'kvm_inject_exception', 'kvm_complete_insn_gp'],
    ...['kvm_queue_exception', 'kvm_queue_exception_e', 'kvm_requeue_exception', 'kvm_requeue_exception_e'],
    ...['kvm_service_local_tlb_flush_requests', 'kvm_vcpu_flush_tlb_all', 'kvm_skip_emulated_instruction'],
    ...['kvm_emulate_wrmsr', 'handle_fastpath_set_msr_irqoff'],
    { name: 'kvm_multiple_exception', args: { nr: [0, 1, 6, 8, 10, 13, 14], has_payload: [0], payload: [0] } },
    { name: 'kvm_vcpu_update_apicv', granted: { lapic_in_kernel: 1, apic_x2apic_mode: 0 } },
    { name: '__kvm_vcpu_update_apicv', granted: { lapic_in_kernel: 1 } },
    // the CPU that it is on may change while the timer is set anew
    { name: 'kvm_arch_vcpu_load', races: [['kvm_lapic_restart_hv_timer', 'cpu']] },
    {
      name: 'kvm_check_and_inject_events',
      answers: {
        kvm_x86_smi_allowed: [1, 1, 0, -16],
        kvm_x86_nmi_allowed: [1, 1, 0, -16, -5],
        kvm_x86_interrupt_allowed: [1, 1, 0, -16, -5],
        kvm_cpu_get_interrupt: [-1, 32, 0x40, 255],
      },
      call: (k, m, [id]) => {
        const immediate = { exit: false };
        const r = k.kvm_check_and_inject_events(v(m, id!), immediate);
        held(m).exit = Number(immediate.exit);
        return r;
      },
    },
  ]),
  ...of('arch/x86/kvm/smm.c', ['kvm_smm_changed', 'process_smi']),
];

/** Ids of SMCCC: versions, features, PSCI and what lies beside it, stolen time, KVM's own; without TRNG, PTP and PSCI 0.1. */
const SMCCC_IDS = [
  ...[0x8000_0000, 0x8000_0001, 0x8400_0000, 0x8400_001f, 0x8400_0020, 0xc400_0003, 0xc500_0020, 0xc500_0021],
  ...[0xc500_0022, 0x8600_0000, 0x8600_ff01, 0x8600_0002, 0xc600_0020, 0x0400_0001, 0xffff_ffff],
];

export const ARM64_CASES: readonly Case[] = [
  ...of('arch/arm64/kvm/arm.c', [
    ...['kvm_vcpu_should_clear_twi', 'kvm_vcpu_should_clear_twe', 'kvm_arch_vcpu_load', 'kvm_arch_vcpu_put'],
    ...['kvm_arch_vcpu_runnable', 'kvm_arch_vcpu_in_kernel', 'kvm_arch_vcpu_should_kick', 'kvm_vcpu_wfi'],
    ...['check_vcpu_requests', 'kvm_vcpu_exit_request'],
  ]),
  ...of('arch/arm64/include/asm/kvm_emulate.h', [
    ...['vcpu_mode_priv', 'vcpu_clear_wfx_traps', 'vcpu_set_wfx_traps', 'kvm_incr_pc'],
  ]),
  ...of('arch/arm64/kvm/arch_timer.c', [...['kvm_cpu_has_pending_timer', 'vcpu_has_wfit_active', 'wfit_delay_ns']]),
  ...of('arch/arm64/kvm/vgic/vgic.c', ['kvm_vgic_load', 'kvm_vgic_put']),
  ...of('arch/arm64/kvm/vgic/vgic-v3.c', ['vgic_v3_load', 'vgic_v3_put']),
  ...of('arch/arm64/kvm/vgic/vgic-mmio-v3.c', ['vgic_supports_direct_msis']),
  ...of('arch/arm64/kvm/handle_exit.c', ['kvm_handle_wfx']),
  ...of('include/kvm/arm_hypercalls.h', ['smccc_get_function', 'smccc_get_arg1', 'smccc_set_retval']),
  ...of('arch/arm64/kvm/hypercalls.c', [
    { name: 'kvm_smccc_default_allowed', args: { func_id: SMCCC_IDS } },
    { name: 'kvm_smccc_test_fw_bmap', args: { func_id: SMCCC_IDS } },
  ]),
  ...of('virt/kvm/kvm_main.c', [
    ...['kvm_arch_dy_runnable', 'kvm_arch_vcpu_preempted_in_kernel', 'kvm_arch_dy_has_pending_interrupt'],
  ]),
];

/** Emergency signals, external calls, timers, a stop and a restart. */
const PENDING = [0, 1 << 20, 1 << 21, 3 << 20, 1 << 19, 1 << 18, 1 << 2, 1 << 1];
const DIAGNOSES = [0x44, 0x9c, 0x44, 0x9c, 0, 0x77, 0x501, 0xffff];

export const S390_CASES: readonly Case[] = [
  ...of('arch/s390/kvm/diag.c', [
    '__diag_time_slice_end',
    { name: '__diag_time_slice_end_directed', answers: { kvm_vcpu_yield_to: [1, 0, -3] } },
    'diag9c_forwarding_overrun',
    { name: 'kvm_s390_handle_diag', answers: { kvm_s390_get_base_disp_rs: DIAGNOSES } },
  ]),
  ...of('arch/s390/kvm/kvm-s390.c', [
    ...['kvm_arch_vcpu_put', 'kvm_arch_vcpu_load', 'kvm_arch_vcpu_runnable', 'kvm_arch_vcpu_in_kernel'],
  ]),
  ...of('arch/s390/kvm/kvm-s390.h', [
    ...['kvm_s390_set_cpuflags', 'kvm_s390_clear_cpuflags', 'kvm_s390_test_cpuflags', 'is_vcpu_stopped'],
    'kvm_s390_set_psw_cc',
  ]),
  ...of('arch/s390/kvm/interrupt.c', [
    ...['psw_extint_disabled', 'psw_ioint_disabled', 'psw_mchk_disabled', 'psw_interrupts_disabled'],
    ...['ckc_interrupts_enabled', 'ckc_irq_pending', 'cpu_timer_interrupts_enabled', 'cpu_timer_irq_pending'],
    ...['kvm_cpu_has_pending_timer', 'pending_irqs_no_gisa'],
    { name: 'pending_irqs', answers: { pending_irqs_no_gisa: PENDING } },
    { name: 'deliverable_irqs', answers: { pending_irqs: PENDING } },
    ...['kvm_s390_is_stop_irq_pending', 'kvm_s390_is_restart_irq_pending'],
    { name: 'kvm_s390_vcpu_has_irq', answers: { deliverable_irqs: PENDING } },
    { name: 'set_intercept_indicators_ext', answers: { pending_irqs_no_gisa: PENDING } },
    ...['__set_cpu_idle', '__unset_cpu_idle', '__calculate_sltime'],
    ...['kvm_s390_vcpu_wakeup', '__reset_intercept_indicators'],
    ...['set_intercept_indicators', '__inject_ckc'],
  ]),
  ...of('arch/s390/kvm/sigp.c', ['kvm_s390_handle_sigp']),
  ...of('arch/s390/kvm/intercept.c', ['handle_instruction']),
  ...of('virt/kvm/kvm_main.c', [
    ...['kvm_arch_dy_runnable', 'kvm_arch_vcpu_preempted_in_kernel', 'kvm_arch_dy_has_pending_interrupt'],
    ...['update_halt_poll_stats'],
    { name: 'kvm_vcpu_halt', answers: { kvm_vcpu_check_block: [0, 0, 0, -4] }, ...POLL },
  ]),
  ...of('include/linux/kvm_host.h', ['vcpu_valid_wakeup']),
];

/** Functions of C that the model has under another name. */
export const ALIASES: PerArchitecture<Readonly<Record<string, string>>> = {
  x86: { __xfer_to_guest_mode_work_pending: 'xfer_to_guest_mode_work_pending' },
  arm64: {},
  s390: {},
};

/** Those whose arguments are not compared, because the model's have none. */
export const NO_ARGUMENTS: ReadonlySet<string> = new Set(['ktime_get']);

/** Functions and macros of the kernel that a model without these subsystems leaves out, and what they answer then. */
type PerArchitecture<T> = Readonly<Record<'x86' | 'arm64' | 's390', T>>;

export const ABSENT: PerArchitecture<Readonly<Record<string, string>>> & { all: Readonly<Record<string, string>> } = {
  all: { kvm_async_pf_vcpu_init: '(void)0', task_pid_nr: '0' },
  x86: {
    // Xen, PMU, TSCs that differ, WBINVD, protection keys, async page faults, side channels
    kvm_xen_msr_enabled: '0',
    kvm_xen_runstate_set_preempted: '(void)0',
    kvm_xen_has_pending_events: '0',
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
    sched_smt_active: '0',
    indirect_branch_prediction_barrier: '(void)0',
    svm_srso_vm_init: '(void)0',
    // VMCS and VMCB as the hardware has them
    vmx_vcpu_load_vmcs: '(void)0',
    vmcb_mark_dirty: '(void)0',
    avic_vm_init: '0',
    vmx_prepare_switch_to_host: '(void)0',
    vmx_deliver_nested_posted_interrupt: '-1',
    exec_controls_clearbit: '(void)0',
    list_del: '(void)0',
    list_add_tail: '(void)0',
    'cpu_physical_id(cpu)': 'cpu',
    svm_prepare_host_switch: '(void)0',
    copy_to_user_nofault: '(*(u8 *)&st->preempted = preempted, 0)',
    kvm_memslots: '((struct kvm_memslots *)extract_opaque)',
    kvm_is_error_hva: '0',
    mark_page_dirty_in_slot: '(void)0',
    user_access_begin: '1',
    user_access_end: '(void)0',
    'unsafe_put_user(x, p, label)': '*(p) = (x)',
    'unsafe_get_user(x, p, label)': '(x) = *(p)',
    dm_request_for_irq_injection: '0',
    kvm_xen_runstate_set_running: '(void)0',
    kvm_xen_inject_pending_events: '(void)0',
    is_guest_mode: '0',
    nested_exit_on_nmi: '0',
    nested_exit_on_intr: '0',
    exception_type: '0',
    kvm_deliver_exception_payload: '(void)0',
    kvm_update_dr7: '(void)0',
    kvm_get_rflags: '0',
    __kvm_set_rflags: '(void)0',
    kvm_gfn_to_hva_cache_init: '0',
    kvm_x86_flush_tlb_all: '(void)0',
    kvm_x86_get_rflags: '0',
    kvm_rip_read: '0',
    'kvm_rcx_read(vcpu)': '(vcpu)->arch.regs[VCPU_REGS_RCX]',
    kvm_msr_user_space: '0',
    kvm_mmu_reset_context: '(void)0',
    kvm_pmu_trigger_event: '(void)0',
    is_protmode: '1',
    avic_set_pi_irte_mode: '0',
  },
  arm64: {
    // vgic, timers, FP, PMU, debug, nested guests, pointer authentication
    kvm_arm_vmid_update: '(void)0',
    kvm_arm_vmid_clear_active: '(void)0',
    kvm_call_hyp: '(void)0',
    has_vhe: '0',
    vcpu_has_nv: '0',
    kvm_arch_vcpu_load_fp: '(void)0',
    kvm_arch_vcpu_put_fp: '(void)0',
    kvm_vcpu_pmu_restore_guest: '(void)0',
    kvm_vcpu_pmu_restore_host: '(void)0',
    kvm_arm_is_pvtime_enabled: '0',
    vcpu_set_pauth_traps: '(void)0',
    kvm_arch_vcpu_load_debug_state_flags: '(void)0',
    kvm_arch_vcpu_put_debug_state_flags: '(void)0',
    cpumask_test_cpu: '1',
    cpus_have_final_cap: '1',
    is_hyp_ctxt: '0',
    timer_get_offset: '0',
    vcpu_vtimer: 'NULL',
    vcpu_mode_is_32bit: '0',
    // a difference of the counter is a time
    'cyclecounter_cyc2ns(cc, cycles, mask, frac)': 'cycles',
    irqchip_in_kernel: '1',
    vgic_initialized: '1',
    static_branch_unlikely: '1',
    kvm_dirty_ring_check_request: '0',
    check_nested_vcpu_requests: '(void)0',
    vcpu_can_run: '1',
  },
  s390: {
    // single steps, floating interrupts and GISA, machine checks, protected guests, I/O
    'atomic_or(i, v)': '((v)->counter |= (i))',
    'atomic_andnot(i, v)': '((v)->counter &= ~(i))',
    guestdbg_enabled: '0',
    guestdbg_sstep_enabled: '0',
    disable_iscs: '(active_mask)',
    kvm_s390_pv_cpu_get_handle: '0',
    gisa_get_ipm_or_restore_iam: '0',
    set_intercept_indicators_io: '(void)0',
    set_intercept_indicators_mchk: '(void)0',
    set_intercept_indicators_stop: '(void)0',
    kvm_s390_vsie_kick: '(void)0',
    kvm_vcpu_srcu_read_lock: '(void)0',
    kvm_vcpu_srcu_read_unlock: '(void)0',
    'tod_to_ns(x)': 'x',
    kvm_is_ucontrol: '0',
    should_handle_per_ifetch: '0',
    handle_sigp_order_in_user_space: '0',
    test_kvm_facility: '1',
    VCPU_EVENT: '(void)0',
    gmap_enable: '(void)0',
    gmap_disable: '(void)0',
    gmap_get_enabled: 'NULL',
    is_vcpu_idle: '1',
    diag_release_pages: '0',
    __diag_page_ref_service: '0',
    __diag_ipl_functions: '0',
    __diag_virtio_hypercall: '0',
  },
};

/** What the model takes for granted, as assignments for vCPU `i`. */
export const CONSTANTS: Readonly<Record<'x86' | 'arm64' | 's390', readonly string[]>> = {
  x86: [
    'K->arch.use_master_clock = 1',
    'svm_data__per_cpu[i].current_vmcb = 0',
    'V(i)->arch.st.cache.hva = (unsigned long)extract_steal[i]',
    'V(i)->arch.st.cache.memslot = (void *)extract_opaque',
    'x2apic_mode = 1',
    'enable_vnmi = 1',
  ],
  arm64: ['K->arch.mmu.last_vcpu_ran = (void *)extract_opaque', 'V(i)->arch.hw_mmu = &K->arch.mmu'],
  s390: [],
};
