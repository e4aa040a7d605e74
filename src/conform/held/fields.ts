// SPDX-License-Identifier: GPL-2.0-only
/** The state that held functions read and write: where the model has it, and where C has it. */

import { u64 } from '../../lib/types.js';
import type { CField } from '../../native/extract/emit.js';
import type { Value } from '../../native/extract/engine.js';
import type { kernel_state_x86 } from '../../vmlinux/vmlinux-x86.js';

export const NR_VCPUS = 6;
export const NR_CPUS = 4;
export const NR_TASKS = 8;

/** One word of state. */
export interface Field extends CField {
  get(m: kernel_state_x86): Value;
  set(m: kernel_state_x86, value: Value): void;
  /** values to draw from; any of the C type's otherwise */
  readonly menu?: readonly Value[];
}

type Node = Record<string, unknown>;

/** Follows a path of names and indices to the object that holds its last step. */
function holder(m: kernel_state_x86, path: readonly string[]): Node {
  let at = m as unknown as Node;
  for (let i = 0; i < path.length - 1; i++) at = at[path[i]!] as Node;
  return at;
}

function field(name: string, path: string, lvalue: string, more: Partial<Field> = {}): Field {
  const steps = path.split('.');
  const last = steps[steps.length - 1]!;
  return {
    name,
    lvalue,
    get(m) {
      const value = holder(m, steps)[last];
      return typeof value === 'boolean' ? Number(value) : (value as Value);
    },
    set(m, value) {
      const at = holder(m, steps);
      // u64 and s64 are numbers and BigInts at run time; boolean stays boolean
      at[last] =
        typeof at[last] === 'boolean'
          ? value !== 0
          : typeof value === 'bigint' || !Number.isSafeInteger(value)
            ? (u64(BigInt(value)) as unknown)
            : value;
    },
    ...more,
  };
}

interface More {
  readonly menu?: readonly Value[];
  readonly pointer?: 'task' | 'vcpu' | 'pid';
  readonly bit?: number;
  readonly read?: string;
  readonly write?: string;
}

const numbered = (text: string, i: number): string => text.replaceAll(/\bV\b/g, `V(${i})`).replaceAll('#', String(i));

/** Of every vCPU: path in the model below m.vcpu[i], C lvalue with V for the vCPU and # for its number. */
const vcpu = (path: string, lvalue = `V->${path}`, more: More = {}): Field[] =>
  Array.from({ length: NR_VCPUS }, (_, i) =>
    field(`vcpu[${i}].${path}`, `vcpu.${i}.${path}`, numbered(lvalue, i), {
      ...more,
      ...(more.read !== undefined && { read: numbered(more.read, i) }),
      ...(more.write !== undefined && { write: numbered(more.write, i) }),
      ...(more.bit === -1 && { bit: i }),
    }),
  );

const one = (path: string, lvalue: string, more: More = {}): Field[] => [field(path, path, lvalue, more)];
const perCpu = (path: string, lvalue: string, more: More = {}): Field[] =>
  Array.from({ length: NR_CPUS }, (_, i) =>
    field(`${path}[${i}]`, `${path}.${i}`, lvalue.replace('#', String(i)), more),
  );
const perTask = (path: string, lvalue: string, more: More = {}): Field[] =>
  Array.from({ length: NR_TASKS }, (_, i) =>
    field(`task[${i}].${path}`, `task.${i}.${path}`, lvalue.replace('#', String(i)), more),
  );

// counters are numbers in the model, exact up to 2^53
const COUNTER = { menu: [0, 1, 41, 2 ** 32 - 1, 2 ** 52] };
const stats = (...names: string[]): Field[] => names.flatMap((name) => vcpu(`stat.${name}`, undefined, COUNTER));
const genericStats = (...names: string[]): Field[] =>
  names.flatMap((name) => vcpu(`stat.${name}`, `V->stat.generic.${name}`, name.endsWith('_ns') ? {} : COUNTER));
const params = (group: string, ...names: string[]): Field[] => names.flatMap((name) => one(`${group}.${name}`, name));

const TASKS = [-1, 0, 1, 2, 3, 4, 5, 6, 7];
const GENERIC: readonly Field[] = [
  ...vcpu('cpu', 'V->cpu', { menu: [-1, 0, 1, 2, 3] }),
  ...vcpu('pid', 'V->pid', { pointer: 'pid', menu: TASKS }),
  ...vcpu('mode', 'V->mode', { menu: [0, 1, 2, 3] }),
  ...vcpu('requests'),
  ...vcpu('wait', 'V->wait.task', { pointer: 'task', menu: TASKS }),
  ...['wants_to_run', 'preempted', 'ready', 'scheduled_out'].flatMap((name) => vcpu(name)),
  ...vcpu('spin_loop.in_spin_loop'),
  ...vcpu('spin_loop.dy_eligible'),
  ...vcpu('halt_poll_ns'),
  ...vcpu('valid_wakeup'),
  ...vcpu('run.exit_reason', 'V->run->exit_reason'),
  ...genericStats('halt_successful_poll', 'halt_attempted_poll', 'halt_poll_invalid', 'halt_wakeup'),
  ...genericStats('halt_poll_success_ns', 'halt_poll_fail_ns', 'halt_wait_ns'),
  ...vcpu('stat.blocking', 'V->stat.generic.blocking', { menu: [0, 1] }),
  ...one('kvm.0.last_boosted_vcpu', 'K->last_boosted_vcpu', { menu: [0, 1, 2, 3, 4, 7] }),
  ...one('kvm.0.max_halt_poll_ns', 'K->max_halt_poll_ns'),
  ...one('kvm.0.override_halt_poll_ns', 'K->override_halt_poll_ns'),
  ...params('kvm_params', 'halt_poll_ns', 'halt_poll_ns_grow', 'halt_poll_ns_grow_start', 'halt_poll_ns_shrink'),
  ...perCpu('kvm_running_vcpu', 'kvm_running_vcpu__per_cpu[#]', { pointer: 'vcpu', menu: [-1, 0, 1, 2, 3] }),
  ...perTask('__state', 'extract_tasks[#].__state', { menu: [0, 1, 2, 4] }),
  ...perTask('on_rq', 'extract_tasks[#].on_rq', { menu: [0, 1, 2] }),
  ...one('held.kicked', 'extract_scratch[2][0]', { menu: [0] }),
  ...perTask('preempt_notifier', 'extract_notifiers[#]', { menu: [-1, 0, 1, 2, 3] }),
];

/** Parameters of the model that are state in C. */
export interface HeldParameters {
  jiffies: Value;
  /** out of kvm_check_and_inject_events() */
  exit: number;
  /** out of kvm_make_vcpu_request(): the CPUs to kick, a bit each */
  kicked: number;
}

const flags = (...names: string[]): Field[] => names.flatMap((name) => vcpu(`arch.${name}`));
const X86: readonly Field[] = [
  ...vcpu('arch.mp_state', 'V->arch.mp_state', { menu: [0, 1, 2, 3, 4, 9] }),
  ...flags('pv.pv_unhalted', 'nmi_injected', 'smi_pending', 'interrupt.injected', 'interrupt.soft', 'interrupt.nr'),
  ...['pending', 'injected', 'has_error_code'].flatMap((name) => flags(`exception.${name}`)),
  ...vcpu('arch.exception.vector', undefined, { menu: [0, 1, 6, 8, 13, 14] }),
  ...vcpu('arch.exception.error_code'),
  ...vcpu('arch.smbase'),
  ...vcpu('arch.hflags', undefined, { menu: [0, 2, 4, 6] }),
  ...['rax', 'rcx', 'rdx'].flatMap((name) =>
    vcpu(`arch.regs.${name}`, `V->arch.regs[VCPU_REGS_${name.toUpperCase()}]`, {
      ...(name === 'rcx' && { menu: [0x830, 0x6e0, 0x10] }),
    }),
  ),
  ...vcpu('arch.nmi_queued', 'V->arch.nmi_queued.counter', { menu: [0, 1, 2, 3, 255] }),
  ...vcpu('arch.nmi_pending', 'V->arch.nmi_pending', { menu: [0, 1, 2] }),
  ...vcpu('arch.smi_count', 'V->arch.smi_count', COUNTER),
  ...flags('preempted_in_kernel', 'at_instruction_boundary', 'apf.halted', 'msr_kvm_poll_control'),
  ...flags('apic_attention', 'apic_base', 'st.preempted'),
  ...vcpu('arch.st.msr_val', 'V->arch.st.msr_val', { menu: [0, 1] }),
  ...vcpu('arch.apic.apicv_active', 'V->arch.apic->apicv_active'),
  ...vcpu('arch.pending_ioapic_eoi', 'V->arch.pending_ioapic_eoi', { menu: [0, 31, 32, 255] }),
  ...vcpu('arch.ple_window', 'VMX(#).ple_window'),
  ...vcpu('arch.ple_window_dirty', 'VMX(#).ple_window_dirty'),
  ...vcpu('arch.vmcs.hv_deadline_tsc', 'VMX(#).hv_deadline_tsc'),
  ...vcpu('arch.pi_desc.nv', 'VMX(#).pi_desc.nv', { menu: [0xf2, 0xf1, 0] }),
  ...vcpu('arch.pi_desc.ndst', 'VMX(#).pi_desc.ndst', { menu: [0, 1, 2, 3] }),
  ...vcpu('arch.pi_desc.on', 'VMX(#).pi_desc.control', { menu: [0, 1], bit: 0 }),
  ...vcpu('arch.pi_desc.sn', 'VMX(#).pi_desc.control', { menu: [0, 1], bit: 1 }),
  ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap((w) =>
    vcpu(`arch.pi_desc.pir.${w}`, `((u32 *)VMX(#).pi_desc.pir)[${w}]`, { menu: [0, 0, 0, 1, 0x8000_0000] }),
  ),
  ...vcpu('arch.vmcb.pause_filter_count', 'SVM(#).vmcb->control.pause_filter_count'),
  ...vcpu('arch.nmi_masked', 'SVM(#).nmi_masked'),
  ...vcpu('arch.vmcb.awaiting_iret_completion', 'SVM(#).awaiting_iret_completion'),
  ...vcpu('arch.cpl', 'SVM(#).vmcb->save.cpl', { menu: [0, 3] }),
  ...['preempted', 'version', 'steal'].flatMap((name) =>
    vcpu(`arch.st.page.${name}`, `((struct kvm_steal_time *)extract_steal[#])->${name}`),
  ),
  ...vcpu('arch.st.last_steal'),
  ...perTask('sched_info.run_delay', 'extract_tasks[#].sched_info.run_delay'),
  ...one('kvm.0.arch.enable_apicv', 'enable_apicv'),
  ...one('held.exit', 'extract_scratch[1][0]', {
    read: '*(bool *)extract_scratch[1] != 0',
    write: '*(bool *)extract_scratch[1] = v',
    menu: [0],
  }),
  ...one('kvm.0.arch.pause_in_guest', 'K->arch.pause_in_guest'),
  ...one('kvm.0.arch.apicv_inhibit_reasons', 'K->arch.apicv_inhibit_reasons', { menu: [0, 0, 1, 4, 0x7ff] }),
  ...stats('directed_yield_attempted', 'directed_yield_successful', 'preemption_reported', 'preemption_other'),
  ...stats(
    'tlb_flush',
    'halt_exits',
    'hypercalls',
    'irq_injections',
    'nmi_injections',
    'req_event',
    'exits',
    'irq_exits',
  ),
  ...stats('irq_window_exits', 'nmi_window_exits', 'signal_exits'),
  ...params('kvm_x86_params', 'ple_gap', 'ple_window', 'ple_window_grow', 'ple_window_shrink', 'ple_window_max'),
  ...params('kvm_x86_params', 'pause_filter_count', 'pause_filter_thresh', 'pause_filter_count_grow'),
  ...params('kvm_x86_params', 'pause_filter_count_shrink', 'pause_filter_count_max'),
];

const REGS = 'V->arch.ctxt.regs';
const vcpuFlag = (path: string, flag: string): Field[] =>
  vcpu(path, 'V->arch.sflags', {
    read: `vcpu_get_flag(V, ${flag}) != 0`,
    write: `if (v) vcpu_set_flag(V, ${flag}); else vcpu_clear_flag(V, ${flag})`,
  });
const ARM64: readonly Field[] = [
  ...vcpu('arch.hcr_el2', 'V->arch.hcr_el2', { menu: [0, 0x40, 0x80, 0x2000, 0x4000, 0x60c0] }),
  ...vcpu('arch.priv', `${REGS}.pstate`, {
    read: `(${REGS}.pstate & PSR_MODE_MASK) != PSR_MODE_EL0t`,
    write: `${REGS}.pstate = v ? PSR_MODE_EL1h : PSR_MODE_EL0t`,
  }),
  // the register that the syndromes below name
  ...vcpu('arch.rt', `${REGS}.regs[4]`),
  ...[0, 1, 2, 3].flatMap((i) => vcpu(`arch.regs.${i}`, `${REGS}.regs[${i}]`)),
  ...vcpu('arch.pc', `${REGS}.pc`, { menu: [0, 0x1000, 0x7fff_fffc] }),
  ...vcpuFlag('arch.in_wfi', 'IN_WFI'),
  ...vcpuFlag('arch.in_wfit', 'IN_WFIT'),
  ...vcpu('arch.vgic_cpu.its_vpe.vlpi_count', 'V->arch.vgic_cpu.vgic_v3.its_vpe.vlpi_count.counter', {
    menu: [0, 1, 5],
  }),
  ...vcpu('arch.wfe_exit_stat', 'V->stat.wfe_exit_stat', COUNTER),
  ...vcpu('arch.wfi_exit_stat', 'V->stat.wfi_exit_stat', COUNTER),
  ...vcpu('arch.hvc_exit_stat', 'V->stat.hvc_exit_stat', COUNTER),
  ...one('kvm.0.arch.smccc_feat.std_hyp_bmap', 'K->arch.smccc_feat.std_hyp_bmap', { menu: [0, 1] }),
  ...one('kvm.0.arch.smccc_feat.vendor_hyp_bmap', 'K->arch.smccc_feat.vendor_hyp_bmap', { menu: [0, 1, 2, 3] }),
  ...one('kvm_arm64_params.kvm_wfi_trap_policy', 'kvm_wfi_trap_policy', { menu: [0, 1, 2] }),
  ...one('kvm_arm64_params.kvm_wfe_trap_policy', 'kvm_wfe_trap_policy', { menu: [0, 1, 2] }),
  ...vcpu('arch.fault.esr_el2', 'V->arch.fault.esr_el2', {
    menu: [0, 1, 2, 3, 4, 5, 6, 7].map((iss) => iss | (4 << 5)),
  }),
  ...vcpu('arch.increment_pc', 'V->arch.iflags', {
    read: 'vcpu_get_flag(V, INCREMENT_PC) != 0',
    write: 'if (v) vcpu_set_flag(V, INCREMENT_PC); else vcpu_clear_flag(V, INCREMENT_PC)',
  }),
  ...vcpu('arch.vgic_cpu.its_vpe.resident', 'V->arch.vgic_cpu.vgic_v3.its_vpe.resident'),
  ...vcpu('arch.vgic_cpu.its_vpe.pending_last', 'V->arch.vgic_cpu.vgic_v3.its_vpe.pending_last'),
  ...one('kvm.0.arch.nassgireq', 'K->arch.vgic.nassgireq'),
  ...one('kvm.0.arch.has_its', 'K->arch.vgic.has_its'),
  ...one('kvm_vgic_global_state.has_gicv4', 'kvm_vgic_global_state.has_gicv4'),
  ...one('kvm_vgic_global_state.has_gicv4_1', 'kvm_vgic_global_state.has_gicv4_1'),
];

const SIE = 'V->arch.sie_block';
const s390Stats = ['instruction_diagnose_44', 'instruction_diagnose_9c', 'diag_9c_ignored', 'diag_9c_forward'];
const S390: readonly Field[] = [
  ...[...s390Stats, 'instruction_diagnose_other'].flatMap((name) =>
    vcpu(`arch.stat.${name}`, `V->stat.${name}`, COUNTER),
  ),
  ...['exit_external_request', 'exit_instruction', 'exit_wait_state', 'halt_no_poll_steal', 'inject_ckc'].flatMap(
    (name) => vcpu(`arch.stat.${name}`, `V->stat.${name}`, COUNTER),
  ),
  ...['sense', 'sense_running', 'external_call', 'emergency', 'arch'].flatMap((name) =>
    vcpu(`arch.stat.instruction_sigp_${name}`, `V->stat.instruction_sigp_${name}`, COUNTER),
  ),
  ...[0, 1, 2, 3].flatMap((i) =>
    vcpu(`arch.gprs.${i}`, `V->run->s.regs.gprs[${i}]`, { menu: [0, 1, 2, 3, 4, -1, 2 ** 32 + 1, 2 ** 31] }),
  ),
  // of the PSW's mask, the high word: enabled for I/O and external interrupts, machine checks, wait, problem state
  ...vcpu('arch.sie_block.gpsw.mask', `${SIE}->gpsw.mask`, {
    menu: [0x03040000, 0x03060000, 0x03050000, 0x01000000, 0x02000000, 0x00040000, 0].map(
      (high) => BigInt(high) << 32n,
    ),
  }),
  ...vcpu('arch.sie_block.cpuflags', `${SIE}->cpuflags.counter`, {
    read: `(u32)${SIE}->cpuflags.counter`,
    write: `${SIE}->cpuflags.counter = v`,
    menu: [0, 0x80_0880, 0x8000_0880, 0x1100_0000, 0xffff_ffff],
  }),
  ...vcpu('arch.sie_block.gcr0', `${SIE}->gcr[0]`, {
    menu: [0x6800, 0x4000, 0x2000, 0x800, 0x400, 0, 2 ** 53 + 0x800],
  }),
  ...vcpu('arch.sie_block.ckc', `${SIE}->ckc`, { menu: [0, 1_000, 2_000, 2 ** 52] }),
  ...vcpu('arch.sie_block.lctl', `${SIE}->lctl`, { menu: [0, 0x8000] }),
  ...vcpu('arch.sie_block.icptcode', `${SIE}->icptcode`, { menu: [4, 0x10, 0x1c] }),
  ...vcpu('arch.sie_block.ipa', `${SIE}->ipa`, { menu: [0x8300, 0x8310, 0x8321, 0xae01, 0xae13, 0xae23] }),
  ...vcpu('arch.local_int.pending_irqs', 'V->arch.local_int.pending_irqs', {
    menu: [0, 1 << 20, 1 << 21, 3 << 20, 1 << 19, 1 << 18, 1 << 2, 1 << 1],
  }),
  ...one('kvm.0.arch.kicked_mask', 'K->arch.gisa_int.kicked_mask[0]', { menu: [0, 1, 2, 6, 63] }),
  ...one('kvm.0.arch.idle_mask', 'K->arch.idle_mask[0]', { menu: [0, 1, 2, 6, 63] }),
  ...params('kvm_s390_params', 'diag9c_forwarding_hz', 'halt_poll_max_steal').map((f) =>
    f.name.endsWith('hz') ? { ...f, menu: [0, 1, 99, 100, 999, 1000, 1001, 100_000] } : { ...f, menu: [0, 1, 10] },
  ),
  ...one('diag9c.forward_cnt', 'forward_cnt', { menu: [-1, 0, 1, 2, 1000, -(2 ** 31) + 1] }),
  ...one('diag9c.cur_slice', 'cur_slice'),
  ...one('held.jiffies', 'extract_jiffies'),
];

export const FIELDS: Readonly<Record<'x86' | 'arm64' | 's390', readonly Field[]>> = {
  x86: [...GENERIC, ...X86],
  arm64: [...GENERIC, ...ARM64],
  s390: [...GENERIC, ...S390],
};
