// SPDX-License-Identifier: GPL-2.0-only
/**
 * How the kernel prints each tracepoint: TP_printk() of include/trace/events and arch/x86/kvm/trace.h, over an event's
 * fields. test/report/print-formats.test.ts compiles the kernel's own and compares.
 */
import type { trace_event } from '../trace/trace-event.js';

type Fields = trace_event['fields'];
type Print = (f: Fields) => string;
type Symbols = Readonly<Record<number, string>>;

const big = (f: Fields, name: string): bigint => BigInt(f[name] as string | number);
const num = (f: Fields, name: string): number => Number(f[name]);
const u32 = (f: Fields, name: string): number => Number(BigInt.asUintN(32, big(f, name)));
/** %llx */
const x = (f: Fields, name: string): string => BigInt.asUintN(64, big(f, name)).toString(16);
/** %x */
const x32 = (f: Fields, name: string): string => u32(f, name).toString(16);
/** %#x: 0 is without a prefix */
const alt = (value: number, width = 0): string =>
  value === 0 ? '0'.padStart(width, '0') : `0x${value.toString(16).padStart(Math.max(0, width - 2), '0')}`;

/** __print_symbolic() */
const symbol = (value: number, symbols: Symbols): string => symbols[value] ?? `0x${value.toString(16)}`;

/** __print_flags() with "|" */
function flags(value: number, names: readonly string[]): string {
  const set = names.filter((_, i) => (value & (1 << i)) !== 0);
  const rest = names.reduce((left, _, i) => left & ~(1 << i), value) >>> 0;
  return [...set, ...(rest === 0 ? [] : [`0x${rest.toString(16)}`])].join('|');
}

const DELIVERY = ['Fixed', 'LowPrio', 'SMI', 'Res3', 'NMI', 'INIT', 'SIPI', 'ExtINT'];
const SHORTHAND = ['dst', 'self', 'all', 'all-but-self'];
const INHIBITS = [
  ...['DISABLED', 'HYPERV', 'ABSENT', 'BLOCKIRQ', 'PHYSICAL_ID_ALIASED', 'APIC_ID_MODIFIED', 'APIC_BASE_MODIFIED'],
  ...['NESTED', 'IRQWIN', 'PIT_REINJ', 'SEV', 'LOGICAL_ID_ALIASED'],
];

const prefixed = (prefix: string, names: Symbols): Symbols =>
  Object.fromEntries(Object.entries(names).map(([value, name]) => [value, `${prefix}${name}`]));

const EXCEPTION = prefixed('#', {
  ...{ 0: 'DE', 1: 'DB', 3: 'BP', 4: 'OF', 5: 'BR', 6: 'UD', 7: 'NM', 8: 'DF', 10: 'TS', 11: 'NP', 12: 'SS' },
  ...{ 13: 'GP', 14: 'PF', 16: 'MF', 17: 'AC', 18: 'MC' },
});
const REGISTER = prefixed('APIC_', {
  ...{ 32: 'ID', 48: 'LVR', 128: 'TASKPRI', 144: 'ARBPRI', 160: 'PROCPRI', 176: 'EOI', 192: 'RRR' },
  ...{ 208: 'LDR', 224: 'DFR', 240: 'SPIV', 256: 'ISR', 384: 'TMR', 512: 'IRR', 640: 'ESR' },
  ...{ 768: 'ICR', 784: 'ICR2', 800: 'LVTT', 816: 'LVTTHMR', 832: 'LVTPC', 848: 'LVT0' },
  ...{ 864: 'LVT1', 880: 'LVTERR', 896: 'TMICT', 912: 'TMCCT', 992: 'TDCR', 1008: 'SELF_IPI' },
  ...{ 1024: 'EFEAT', 1040: 'ECTRL' },
});
/** what the model exits to userspace with; kvm_trace_exit_reason of 6.12 has none for AP_RESET_HOLD */
const USERSPACE = prefixed('KVM_EXIT_', {
  ...{ 0: 'UNKNOWN', 3: 'HYPERCALL', 5: 'HLT', 7: 'IRQ_WINDOW_OPEN', 8: 'SHUTDOWN', 10: 'INTR', 26: 'IOAPIC_EOI' },
});
/** VMX_EXIT_REASONS and SVM_EXIT_REASONS, those that the model exits with */
const VMX_EXIT: Symbols = {
  ...{ 1: 'EXTERNAL_INTERRUPT', 7: 'INTERRUPT_WINDOW', 8: 'NMI_WINDOW', 12: 'HLT', 18: 'VMCALL', 31: 'MSR_READ' },
  ...{ 32: 'MSR_WRITE', 40: 'PAUSE_INSTRUCTION', 43: 'TPR_BELOW_THRESHOLD', 44: 'APIC_ACCESS', 45: 'EOI_INDUCED' },
  ...{ 49: 'EPT_MISCONFIG', 52: 'PREEMPTION_TIMER', 56: 'APIC_WRITE' },
};
const SVM_EXIT: Symbols = {
  ...{ 24: 'write_cr8', 65: 'DB excp', 96: 'interrupt', 100: 'vintr', 116: 'iret', 119: 'pause', 120: 'hlt' },
  ...{ 124: 'msr', 129: 'hypercall', 1024: 'npf', 1025: 'avic_incomplete_ipi' },
  ...{ 1026: 'avic_unaccelerated_access' },
};
const DIAGNOSE: Symbols = {
  16: 'DIAG (0x10) release pages',
  68: 'DIAG (0x44) time slice end',
  156: 'DIAG (0x9c) time slice end directed',
  516: 'DIAG (0x204) logical-cpu utilization',
  600: 'DIAG (0x258) page-reference services',
  648: 'DIAG (0x288) watchdog functions',
  776: 'DIAG (0x308) ipl functions',
  1280: 'DIAG (0x500) KVM virtio functions',
  1281: 'DIAG (0x501) KVM breakpoint',
};
const EINTR = 4;

const delivery = (mode: number): string => DELIVERY[(mode >> 8) & 7];
const level = (set: boolean): string => (set ? 'level' : 'edge');
const logical = (set: boolean): string => (set ? 'logical' : 'physical');
const rw = (write: unknown): string => (write ? 'write' : 'read');

const wakeup: Print = (f) =>
  `comm=${f.comm} pid=${f.pid} prio=${f.prio} target_cpu=${String(f.target_cpu).padStart(3, '0')}`;
const accepted: Print = (f) =>
  `apicid ${x32(f, 'apicid')} vec ${f.vec} (${delivery(num(f, 'dm'))}|${level(num(f, 'tm') !== 0)})`;
const ended: Print = (f) => `apicid ${x32(f, 'apicid')} vector ${f.vector}`;
/** entries of the redirection table */
function entry(f: Fields): string {
  const e = BigInt.asUintN(64, big(f, 'e'));
  const low = Number(e & 0xffff_ffffn);
  const masked = (low & (1 << 16)) === 0 ? '' : '|masked';
  const mode = `${delivery(low)}|${logical((low & (1 << 11)) !== 0)}|${level((low & (1 << 15)) !== 0)}${masked}`;
  return `dst ${(e >> 56n).toString(16)} vec ${low & 0xff} (${mode})`;
}

const SCHED: Readonly<Record<string, Print>> = {
  sched_waking: wakeup,
  sched_wakeup: wakeup,
  sched_wakeup_new: wakeup,
  sched_switch: (f) =>
    `prev_comm=${f.prev_comm} prev_pid=${f.prev_pid} prev_prio=${f.prev_prio} prev_state=${f.prev_state} ==> ` +
    `next_comm=${f.next_comm} next_pid=${f.next_pid} next_prio=${f.next_prio}`,
  sched_migrate_task: (f) => `comm=${f.comm} pid=${f.pid} prio=${f.prio} orig_cpu=${f.orig_cpu} dest_cpu=${f.dest_cpu}`,
  sched_stat_runtime: (f) => `comm=${f.comm} pid=${f.pid} runtime=${f.runtime} [ns]`,
  ipi_send_cpu: (f) => `cpu=${f.cpu} callsite=${f.callsite} callback=${f.callback}`,
  ipi_send_cpumask: (f) => `cpumask=${f.cpumask} callsite=${f.callsite} callback=${f.callback}`,
};

const KVM: Readonly<Record<string, Print>> = {
  kvm_userspace_exit: (f) => {
    const errno = num(f, 'errno');
    const what = errno >= 0 ? symbol(num(f, 'reason'), USERSPACE) : errno === -EINTR ? 'restart' : 'error';
    return `reason ${what} (${errno < 0 ? -errno : num(f, 'reason')})`;
  },
  kvm_vcpu_wakeup: (f) => `${f.waited ? 'wait' : 'poll'} time ${f.ns} ns, polling ${f.valid ? 'valid' : 'invalid'}`,
  kvm_halt_poll_ns: (f) => `vcpu ${f.vcpu_id}: halt_poll_ns ${f.new} (${f.grow ? 'grow' : 'shrink'} ${f.old})`,
  kvm_msi_set_irq: (f) => {
    const address = BigInt.asUintN(64, big(f, 'address'));
    const data = Number(big(f, 'data') & 0xffff_ffffn);
    const dst = ((address >> 12n) & 0xffn) | ((address >> 32n) & 0xffff_ff00n);
    const mode = `${delivery(data)}|${logical((address & 4n) !== 0n)}|${level((data & (1 << 15)) !== 0)}`;
    return `dst ${dst.toString(16)} vec ${data & 0xff} (${mode}${(address & 8n) === 0n ? '' : '|rh'})`;
  },
  kvm_ioapic_set_irq: (f) => `pin ${f.pin} ${entry(f)}${f.coalesced ? ' (coalesced)' : ''}`,
  kvm_ioapic_delayed_eoi_inj: entry,
};

function exit(f: Fields): string {
  const reason = u32(f, 'exit_reason');
  const what = f.isa === 1 ? symbol(reason & 0xffff, VMX_EXIT) : symbol(reason, SVM_EXIT);
  const info = `info1 0x${x(f, 'info1').padStart(16, '0')} info2 0x${x(f, 'info2').padStart(16, '0')}`;
  const codes = `intr_info 0x${x32(f, 'intr_info').padStart(8, '0')} error_code 0x${x32(f, 'error_code').padStart(8, '0')}`;
  return `vcpu ${f.vcpu_id} reason ${what} rip 0x${x(f, 'guest_rip')} ${info} ${codes}`;
}

const X86: Readonly<Record<string, Print>> = {
  kvm_entry: (f) => `vcpu ${f.vcpu_id}, rip 0x${x(f, 'rip')}${f.immediate_exit ? '[immediate exit]' : ''}`,
  kvm_exit: exit,
  kvm_hypercall: (f) =>
    `nr 0x${x(f, 'nr')} a0 0x${x(f, 'a0')} a1 0x${x(f, 'a1')} a2 0x${x(f, 'a2')} a3 0x${x(f, 'a3')}`,
  kvm_hv_hypercall: (f) =>
    `code 0x${x32(f, 'code')} ${f.fast ? 'fast' : 'slow'} var_cnt 0x${x32(f, 'var_cnt')} ` +
    `rep_cnt 0x${x32(f, 'rep_cnt')} idx 0x${x32(f, 'rep_idx')} in 0x${x(f, 'ingpa')} out 0x${x(f, 'outgpa')}`,
  kvm_hv_hypercall_done: (f) => `result 0x${x(f, 'result')}`,
  kvm_hv_send_ipi: (f) => `vector ${x32(f, 'vector')} processor_mask 0x${x(f, 'processor_mask')}`,
  kvm_apic: (f) => `apic_${rw(f.rw)} ${symbol(num(f, 'reg'), REGISTER)} = 0x${x(f, 'val')}`,
  kvm_apic_ipi: (f) => {
    const low = u32(f, 'icr_low');
    const mode = `${delivery(low)}|${logical((low & (1 << 11)) !== 0)}|${(low & (1 << 14)) === 0 ? 'de-assert' : 'assert'}`;
    const how = `${level((low & (1 << 15)) !== 0)}|${SHORTHAND[(low >> 18) & 3]}`;
    return `dst ${x32(f, 'dest_id')} vec ${low & 0xff} (${mode}|${how})`;
  },
  kvm_apic_accept_irq: accepted,
  kvm_apicv_accept_irq: accepted,
  kvm_eoi: ended,
  kvm_pv_eoi: ended,
  kvm_inj_virq: (f) => `${f.soft ? 'Soft/INTn' : 'IRQ'} 0x${x32(f, 'vector')}${f.reinjected ? ' [reinjected]' : ''}`,
  kvm_inj_exception: (f) => {
    const code = f.has_error ? ` (0x${x32(f, 'error_code')})` : '';
    return `${symbol(num(f, 'exception'), EXCEPTION)}${code}${f.reinjected ? ' [reinjected]' : ''}`;
  },
  kvm_msr: (f) => `msr_${rw(f.write)} ${x32(f, 'ecx')} = 0x${x(f, 'data')}${f.exception ? ' (#GP)' : ''}`,
  kvm_write_tsc_offset: (f) => `vcpu=${f.vcpu_id} prev=${f.previous_tsc_offset} next=${f.next_tsc_offset}`,
  kvm_cr: (f) => `cr_${rw(f.rw)} ${x32(f, 'cr')} = 0x${x(f, 'val')}`,
  kvm_wait_lapic_expire: (f) => `vcpu ${f.vcpu_id}: delta ${f.delta} (${num(f, 'delta') < 0 ? 'early' : 'late'})`,
  kvm_hv_timer_state: (f) => `vcpu_id ${x32(f, 'vcpu_id')} hv_timer ${x32(f, 'hv_timer_in_use')}`,
  kvm_apicv_inhibit_changed: (f) => {
    const inhibits = u32(f, 'inhibits');
    const names = inhibits === 0 ? '' : ` ${flags(inhibits, INHIBITS)}`;
    return `${f.set ? 'set' : 'cleared'} reason=${f.reason}, inhibits=0x${inhibits.toString(16)}${names}`;
  },
  kvm_smm_transition: (f) =>
    `vcpu ${f.vcpu_id}: ${f.entering ? 'entering' : 'leaving'} SMM, smbase 0x${x(f, 'smbase')}`,
  kvm_avic_incomplete_ipi: (f) =>
    `vcpu=${f.vcpu}, icrh:icrl=${alt(u32(f, 'icrh'), 10)}:${x32(f, 'icrl').padStart(8, '0')}, ` +
    `id=${f.id}, index=${f.index}`,
  kvm_avic_unaccelerated_access: (f) =>
    `vcpu=${f.vcpu}, offset=${alt(u32(f, 'offset'))}(${symbol(u32(f, 'offset'), REGISTER)}), ` +
    `${f.ft ? 'trap' : 'fault'}, ${rw(f.rw)}, vec=${alt(u32(f, 'vec'))}`,
  kvm_avic_kick_vcpu_slowpath: (f) =>
    `icrh:icrl=${alt(u32(f, 'icrh'), 8)}:${x32(f, 'icrl').padStart(8, '0')}, index=${f.index}`,
  kvm_avic_doorbell: (f) => `vcpuid=${f.vcpuid}, apicid=${f.apicid}`,
  kvm_ple_window_update: (f) =>
    `vcpu ${f.vcpu_id} old ${f.old} new ${f.new} (${num(f, 'old') < num(f, 'new') ? 'growed' : 'shrinked'})`,
  kvm_pv_tlb_flush: (f) => `vcpu ${f.vcpu_id} need_flush_tlb ${f.need_flush_tlb ? 'true' : 'false'}`,
};

const ARM_EXCEPTION: Symbols = { 0: 'IRQ', 1: 'SERROR', 2: 'TRAP' };
const ESR_CLASS: Symbols = { 0: 'UNKNOWN', 1: 'WFx', 24: 'SYS64' };
const pc = (f: Fields): string => x(f, 'vcpu_pc').padStart(16, '0');

/** Those of arm64 that x86 has under the same name, with other fields. */
export const ARM64_FORMATS: Readonly<Record<string, Print>> = {
  kvm_entry: (f) => `PC: 0x${pc(f)}`,
  kvm_exit: (f) =>
    `${symbol(num(f, 'ret'), ARM_EXCEPTION)}: HSR_EC: 0x${x32(f, 'esr_ec').padStart(4, '0')} ` +
    `(${symbol(num(f, 'esr_ec'), ESR_CLASS)}), PC: 0x${pc(f)}`,
};

/** VCPU_TP_PRINTK */
const psw = (f: Fields): string =>
  `${String(f.id).padStart(2, '0')}[${x(f, 'pswmask').padStart(16, '0')}-${x(f, 'pswaddr').padStart(16, '0')}]: `;
const INTERCEPT: Symbols = {
  0: 'Host interruption',
  4: 'Instruction',
  16: 'External request',
  20: 'External interruption',
  28: 'Wait state',
};
const INSTRUCTION: Symbols = { 131: 'DIAG', 174: 'SIGP' };
const SIGP: Symbols = {
  1: 'SIGP sense',
  2: 'SIGP external call',
  3: 'SIGP emergency signal',
  18: 'SIGP set architecture',
  21: 'SIGP sense running',
};
const INT_TYPE: Symbols = {
  [0xffff1004]: 'clock comparator',
  [0xffff1201]: 'sigp emergency',
  [0xffff1202]: 'sigp ext call',
};

const OTHERS: Readonly<Record<string, Print>> = {
  kvm_timer_update_irq: (f) => `VCPU: ${f.vcpu_id}, IRQ ${f.irq}, level ${Number(f.level)}`,
  vgic_update_irq_pending: (f) => `VCPU: ${f.vcpu_id}, IRQ ${f.irq}, level: ${Number(f.level)}`,
  kvm_wfx_arm64: (f) => `guest executed wf${f.is_wfe ? 'e' : 'i'} at: 0x${x(f, 'vcpu_pc').padStart(16, '0')}`,
  kvm_hvc_arm64: (f) =>
    `HVC at 0x${x(f, 'vcpu_pc').padStart(16, '0')} (r0: 0x${x(f, 'r0').padStart(16, '0')}, imm: 0x${x(f, 'imm')})`,
  kvm_s390_sie_enter: (f) => `${psw(f)}entering sie flags ${x32(f, 'cpuflags')}`,
  kvm_s390_sie_exit: (f) => `${psw(f)}exit sie icptcode ${f.icptcode} (${symbol(num(f, 'icptcode'), INTERCEPT)})`,
  kvm_s390_intercept_instruction: (f) =>
    `${psw(f)}intercepted instruction ${x(f, 'instruction').padStart(16, '0')} ` +
    `(${symbol(Number(BigInt(f.instruction as string) >> 56n), INSTRUCTION)})`,
  kvm_s390_handle_sigp: (f) =>
    `${psw(f)}handle sigp order ${x32(f, 'order_code').padStart(2, '0')} (${symbol(num(f, 'order_code'), SIGP)}), ` +
    `cpu address ${x32(f, 'cpu_addr').padStart(4, '0')}, parameter ${x32(f, 'parameter').padStart(8, '0')}`,
  kvm_s390_inject_vcpu: (f) =>
    `inject (vcpu ${f.id}): type:${x32(f, 'inttype')} (${symbol(num(f, 'inttype'), INT_TYPE)}) ` +
    `parm:${x32(f, 'parm')} parm64:${x(f, 'parm64')}`,
  kvm_s390_deliver_interrupt: (f) =>
    `deliver interrupt (vcpu ${f.id}): type:${x32(f, 'inttype')} (${symbol(num(f, 'inttype'), INT_TYPE)}) ` +
    `data:${x(f, 'data0').padStart(8, '0')} ${x(f, 'data1').padStart(16, '0')}`,
  kvm_s390_handle_diag: (f) =>
    `${psw(f)}handle diagnose call ${x32(f, 'code').padStart(4, '0')} (${symbol(num(f, 'code'), DIAGNOSE)})`,
};

/** By event. What is not the kernel's has none: it is printed as `name=value`. */
export const PRINT_FORMATS: Readonly<Record<string, Print>> = { ...SCHED, ...KVM, ...X86, ...OTHERS };

/** The event's text behind its name and colon. */
export function printed(event: trace_event): string {
  const print =
    (event.fields['vcpu_pc'] === undefined ? undefined : ARM64_FORMATS[event.event]) ?? PRINT_FORMATS[event.event];
  if (print !== undefined) return print(event.fields);
  return Object.entries(event.fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
