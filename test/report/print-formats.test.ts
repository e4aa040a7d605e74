// SPDX-License-Identifier: GPL-2.0-only
/** Each tracepoint as the kernel prints it: its TP_printk() is taken from the tree and compiled, and the texts compared. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as svm from '../../src/arch/x86/svm.js';
import * as vmx from '../../src/arch/x86/vmx.js';
import { findTree } from '../../src/native/find-tree.js';
import { ARM64_FORMATS, PRINT_FORMATS, printed } from '../../src/report/print-formats.js';
import { because, missing } from '../native/tree.js';

type Value = string | number | boolean;
type Sample = Readonly<Record<string, Value>>;

const U64 = ['0x0', '0x41', '0xfee00300', '0xffffffffffffffff'];
const FLAG = [false, true];
const U32 = [0, 1, 0x41, 0x8000_c041, 0xffff_ffff];
const SMALL = [0, 1, 3, 10, 255];
const MODES = [0, 0x100, 0x200, 0x300, 0x400, 0x500, 0x600, 0x700];
const NAME = ['swapper/0', 'CPU 1/KVM'];
const REGISTERS = Array.from({ length: 66 }, (_, i) => i * 0x10);
const EXITS = (from: object, prefix: string): number[] =>
  Object.entries(from).flatMap(([name, value]) => (name.startsWith(prefix) ? [value as number] : []));

const S390_INTERRUPTS = [0xffff_1004, 0xffff_1201, 0xffff_1202];
const PSW = { id: [0, 7, 123], pswmask: U64, pswaddr: U64 };
const task = { comm: NAME, pid: [0, 7, 4711], prio: [120, -1] };
const entry = ['0x0', '0x1a041', '0xff0000000000bfff', '0x0300000000010931'];

/** What to try of each field; as many samples as the longest list. */
const FIELDS: Readonly<Record<string, Readonly<Record<string, readonly Value[]>>>> = {
  sched_waking: { ...task, target_cpu: [0, 12, 345] },
  sched_wakeup: { ...task, target_cpu: [0, 12, 345] },
  sched_wakeup_new: { ...task, target_cpu: [0, 12, 345] },
  sched_switch: {
    ...{
      prev_comm: NAME,
      prev_pid: [0, 3],
      prev_prio: [120, -1],
      next_comm: NAME,
      next_pid: [3, 4],
      next_prio: [99, 0],
    },
    prev_state: ['R', 'R+', 'S', 'D', 'T', 't', 'X', 'Z', 'P', 'I'],
  },
  sched_migrate_task: { ...task, orig_cpu: [0, 1], dest_cpu: [3, 100] },
  sched_stat_runtime: { comm: NAME, pid: [7], runtime: ['0', '4000000', '18446744073709551615'] },
  ipi_send_cpu: { cpu: [0, 3], callsite: ['kvm_vcpu_kick'], callback: ['generic_smp_call_function_single_interrupt'] },
  ipi_send_cpumask: { cpumask: ['1,3'], callsite: ['smp_call_function_many_cond'], callback: ['g'] },
  kvm_userspace_exit: { reason: [0, 3, 5, 7, 8, 10, 26, 32], errno: [0, 0, 0, 0, 0, 0, 0, 0, -4, -11, -5] },
  kvm_vcpu_wakeup: { ns: [0, 1, 200_000], waited: FLAG, valid: [true, true, false] },
  kvm_halt_poll_ns: { grow: FLAG, vcpu_id: SMALL, new: [0, 10_000], old: [20_000, 0] },
  kvm_msi_set_irq: { address: ['0xfee0100c', '0x12345600fee0f000', '0xfee00004'], data: ['0x41', '0xc731', '0x8130'] },
  kvm_ioapic_set_irq: { e: entry, pin: [0, 23], coalesced: FLAG },
  kvm_ioapic_delayed_eoi_inj: { e: entry },
  kvm_entry: { vcpu_id: SMALL, rip: U64, immediate_exit: FLAG },
  kvm_exit: {
    exit_reason: [...EXITS(vmx, 'EXIT_REASON_'), ...EXITS(svm, 'SVM_EXIT_')],
    isa: [...EXITS(vmx, 'EXIT_REASON_').map(() => 1), ...EXITS(svm, 'SVM_EXIT_').map(() => 2)],
    ...{ guest_rip: U64, info1: U64, info2: U64, intr_info: U32, error_code: U32, vcpu_id: SMALL },
  },
  kvm_hypercall: { nr: ['0xb', '0x5'], a0: U64, a1: U64, a2: U64, a3: U64 },
  kvm_hv_hypercall: {
    ...{ code: [8, 0x5c], fast: FLAG, var_cnt: SMALL, rep_cnt: SMALL, rep_idx: SMALL, ingpa: U64, outgpa: U64 },
  },
  kvm_hv_hypercall_done: { result: U64 },
  kvm_hv_send_ipi: { vector: U32, processor_mask: U64 },
  kvm_apic: { rw: [0, 1], reg: REGISTERS, val: U64 },
  kvm_apic_ipi: { icr_low: [...U32, 0x4_4041, 0x8_0500, 0xc_0841, ...MODES], dest_id: U32 },
  kvm_apic_accept_irq: { apicid: U32, dm: MODES, tm: [0, 1, 0x8000], vec: SMALL },
  kvm_apicv_accept_irq: { apicid: U32, dm: MODES, tm: [0, 1, 0x8000], vec: SMALL },
  kvm_eoi: { apicid: U32, vector: [-1, 0x41] },
  kvm_pv_eoi: { apicid: U32, vector: [-1, 0x41] },
  kvm_inj_virq: { vector: SMALL, soft: FLAG, reinjected: [false, false, true] },
  kvm_inj_exception: {
    ...{ exception: Array.from({ length: 20 }, (_, i) => i), has_error: FLAG, error_code: U32 },
    reinjected: [false, false, true],
  },
  kvm_msr: { write: [0, 1], ecx: U32, data: U64, exception: FLAG },
  kvm_write_tsc_offset: { vcpu_id: SMALL, previous_tsc_offset: ['0', '5'], next_tsc_offset: ['18446744073709551615'] },
  kvm_cr: { rw: [0, 1], cr: [8], val: U64 },
  kvm_wait_lapic_expire: { vcpu_id: SMALL, delta: [-1, 0, 1, 5000] },
  kvm_hv_timer_state: { vcpu_id: SMALL, hv_timer_in_use: [0, 1] },
  kvm_apicv_inhibit_changed: { reason: [0, 2, 11], set: FLAG, inhibits: [0, 1, 4, 5, 0xfff, 0x1100] },
  kvm_smm_transition: { vcpu_id: SMALL, smbase: ['0x30000', '0x0'], entering: FLAG },
  kvm_avic_incomplete_ipi: { vcpu: SMALL, icrh: [0, ...U32], icrl: U32, id: [0, 1, 2], index: [0, 3, 511] },
  kvm_avic_unaccelerated_access: { vcpu: SMALL, offset: REGISTERS, ft: FLAG, rw: [true, true, false], vec: SMALL },
  kvm_avic_kick_vcpu_slowpath: { icrh: [0, ...U32], icrl: U32, index: [0, 3] },
  kvm_avic_doorbell: { vcpuid: SMALL, apicid: SMALL },
  kvm_ple_window_update: { vcpu_id: SMALL, old: [4096, 8192, 0], new: [8192, 4096, 0] },
  kvm_pv_tlb_flush: { vcpu_id: SMALL, need_flush_tlb: FLAG },
  kvm_wfx_arm64: { is_wfe: FLAG, vcpu_pc: U64 },
  kvm_hvc_arm64: { vcpu_pc: U64, r0: U64, imm: [0, 1, 0xffff] },
  kvm_timer_update_irq: { vcpu_id: SMALL, irq: [27, 26], level: [0, 1] },
  vgic_update_irq_pending: { vcpu_id: SMALL, irq: [27, 1, 8192], level: [0, 1] },
  kvm_s390_sie_enter: { ...PSW, cpuflags: [0, 0x800880, 0x8000_0000] },
  kvm_s390_sie_exit: { ...PSW, icptcode: [0, 4, 0x10, 0x14, 0x1c] },
  kvm_s390_intercept_instruction: { ...PSW, instruction: ['0x8310000000000000', '0xae13000000000000'] },
  kvm_s390_handle_sigp: { ...PSW, order_code: [1, 2, 3, 18, 21, 0x63], cpu_addr: [0, 7, 0xffff], parameter: U32 },
  kvm_s390_inject_vcpu: { id: SMALL, inttype: S390_INTERRUPTS, parm: [0, 7, 63], parm64: U64 },
  kvm_s390_deliver_interrupt: { id: SMALL, inttype: S390_INTERRUPTS, data0: [0, 7, 63], data1: U64 },
  kvm_s390_handle_diag: {
    ...PSW,
    code: [0x10, 0x44, 0x9c, 0x204, 0x258, 0x288, 0x308, 0x500, 0x501, 0x999],
  },
};

/** Of arm64, what x86 has under the same name. */
const ARM64_FIELDS: Readonly<Record<string, Record<string, readonly (string | number | boolean)[]>>> = {
  kvm_entry: { vcpu_pc: U64 },
  kvm_exit: { ret: [0, 2, 2, 1], esr_ec: [0, 1, 0x18, 0], vcpu_pc: U64 },
};

const STATES: Readonly<Record<string, number>> = {
  ...{ R: 0, 'R+': 0x100, S: 1, D: 2, T: 4, t: 8, X: 0x10, Z: 0x20, P: 0x40, I: 0x80 },
};

function samples(event: string, from = FIELDS): Sample[] {
  const fields = Object.entries(from[event] ?? {});
  const n = Math.max(...fields.map(([, values]) => values.length));
  return Array.from({ length: n }, (_, i) =>
    Object.fromEntries(fields.map(([name, values]) => [name, values[i % values.length]!])),
  );
}

// ---- the kernel's text ---------------------------------------------------------------------------------------------

/** From the opening parenthesis at `at` to the one that closes it. */
function inParentheses(text: string, at: number): string {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === '(') depth++;
    if (text[i] === ')' && --depth === 0) return text.slice(at + 1, i);
  }
  throw new Error('no closing parenthesis');
}

const plain = (text: string): string => text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll('\\\n', '\n');

/** TP_STRUCT__entry and TP_printk of an event, without their names. */
function eventOf(texts: readonly string[], event: string): { struct: string; printk: string } {
  const head = new RegExp(`(?:TRACE_EVENT|TRACE_EVENT_KVM_EXIT|DECLARE_EVENT_CLASS)\\(\\s*(?:${event})\\s*,`);
  for (const text of texts) {
    const found = head.exec(text);
    if (found === null) continue;
    const body = inParentheses(text, text.indexOf('(', found.index));
    const part = (name: string) => inParentheses(body, body.indexOf('(', body.indexOf(name)));
    const own = body.includes('VCPU_TP_PRINTK') ? 'VCPU_TP_PRINTK' : 'TP_printk';
    return { struct: part('TP_STRUCT__entry'), printk: `${own}(${part(own)})` };
  }
  throw new Error(`no TRACE_EVENT(${event})`);
}

/** The definition of a macro, with the lines that continue it. */
const macro = (text: string, name: string): string =>
  new RegExp(`^#define\\s+${name}\\b(?:.*\\\\\\n)*.*$`, 'm').exec(text)?.[0] ?? `#error "no ${name}"`;

const PRELUDE = `
#include <stdio.h>
#include <stdbool.h>
#include <string.h>
typedef unsigned char u8, __u8; typedef unsigned short u16, __u16; typedef unsigned int u32, __u32;
typedef unsigned long long u64, __u64; typedef long long s64, __s64; typedef int pid_t; typedef int s32, __s32;
#define EINTR 4
#define BIT(n) (1UL << (n))
#define TASK_COMM_LEN 16
#define __field(t, n) t n;
#define __array(t, n, len) t n[len];
#define __cpumask(n) char n[64];
#define __get_cpumask(n) __entry->n
#define VCPU_FIELD_COMMON int id; unsigned long pswmask; unsigned long pswaddr;
#define TP_printk(fmt, args...) fmt, args
struct symbol { unsigned long value; const char *name; };
static const char *symbolic(unsigned long value, const struct symbol *s)
{
  static char text[4][32]; static int at; at = (at + 1) % 4;
  for (; s->name; s++) if (s->value == value) return s->name;
  sprintf(text[at], "0x%lx", value);
  return text[at];
}
static const char *with_flags(unsigned long value, const char *between, const struct symbol *s)
{
  static char text[512]; text[0] = 0;
  for (; s->name; s++) {
    if (!s->value || (value & s->value) != s->value) continue;
    value &= ~s->value;
    if (text[0]) strcat(text, between);
    strcat(text, s->name);
  }
  if (value) sprintf(text + strlen(text), "%s0x%lx", text[0] ? between : "", value);
  return text;
}
#define __print_symbolic(v, args...) symbolic(v, (struct symbol[]){ args, { 0, 0 } })
#define __print_flags(v, between, args...) with_flags(v, between, (struct symbol[]){ args, { 0, 0 } })
`;

const TEXT_FIELDS = ['comm', 'prev_comm', 'next_comm', 'callsite', 'callback', 'cpumask'];

function initialiser(sample: Sample): string {
  const one = ([name, value]: [string, Value]): string => {
    if (name === 'prev_state') return `.${name} = ${STATES[String(value)]}`;
    if (TEXT_FIELDS.includes(name)) return `.${name} = ${JSON.stringify(value)}`;
    if (typeof value === 'string') return `.${name} = ${value}ULL`;
    return `.${name} = ${Number(value)}`;
  };
  return Object.entries(sample).map(one).join(', ');
}

describe.skipIf(missing !== null)(`tracepoints${because}`, () => {
  it('every one that is recorded is printed as its TP_printk() has it', async () => {
    const { dir } = await findTree();
    const read = (path: string): string => readFileSync(join(dir, path), 'utf8');
    const [x86, kvm, sched, ipi] = [
      ...['arch/x86/kvm/trace.h', 'include/trace/events/kvm.h', 'include/trace/events/sched.h'].map(read),
      read('include/trace/events/ipi.h'),
    ] as [string, string, string, string];
    const [host, apicdef, uapi] = ['include/asm/kvm_host.h', 'include/asm/apicdef.h', 'include/uapi/asm/svm.h'].map(
      (path) => read(`arch/x86/${path}`),
    ) as [string, string, string];
    const [arm, s390] = [read('arch/arm64/kvm/trace_handle_exit.h'), read('arch/s390/kvm/trace.h')];
    const [sie, injected] = [read('arch/s390/include/uapi/asm/sie.h'), read('arch/s390/kvm/trace-s390.h')];
    const [run, vgic] = ['trace_arm.h', 'vgic/trace.h'].map((path) => plain(read(`arch/arm64/kvm/${path}`))) as [
      string,
      string,
    ];
    const exit = plain(macro(x86, 'TRACE_EVENT_KVM_EXIT'))
      .replace(/^#define.*\n/, '')
      .replace('(name,', '(kvm_exit,');
    const texts = [exit, ...[x86, kvm, sched, ipi, arm, s390, injected].map(plain), run, vgic];

    const define = (text: string, ...names: string[]): string[] => names.map((name) => macro(text, name));
    const values = (text: string, prefix: string): string[] =>
      [...text.matchAll(new RegExp(`^#define\\s+${prefix}\\w*\\s+\\S.*$`, 'gm'))].flatMap(([line]) =>
        line!.endsWith('\\') ? [] : [line!],
      );
    const inhibits = /enum kvm_apicv_inhibit \{[\s\S]*?\};/.exec(host)![0];
    const states = ['TASK_INTERRUPTIBLE', 'TASK_UNINTERRUPTIBLE', '__TASK_STOPPED', '__TASK_TRACED', 'EXIT_DEAD'];
    const program = [
      PRELUDE,
      ...values(apicdef, 'APIC_'),
      ...define(x86, 'AREG', 'kvm_trace_symbol_apic', 'KVM_ISA_VMX', 'KVM_ISA_SVM', 'kvm_print_exit_reason'),
      ...define(x86, 'EXS', 'kvm_trace_sym_exc', 'kvm_apic_dst_shorthand', 'kvm_print_apicv_inhibit_reasons'),
      ...define(kvm, 'ERSN', 'kvm_trace_exit_reason', 'kvm_deliver_mode'),
      ...values(read('include/uapi/linux/kvm.h'), 'KVM_EXIT_'),
      ...values(read('arch/x86/include/uapi/asm/vmx.h'), 'EXIT_REASON_'),
      ...define(read('arch/x86/include/uapi/asm/vmx.h'), 'VMX_EXIT_REASONS', 'VMX_EXIT_REASON_FLAGS'),
      ...values(read('arch/x86/include/uapi/asm/vmx.h'), 'VMX_EXIT_REASONS_'),
      ...values(uapi, 'SVM_'),
      ...define(uapi, 'SVM_EXIT_REASONS'),
      ...values(read('arch/x86/include/asm/trapnr.h'), 'X86_TRAP_'),
      ...values(read('arch/x86/include/uapi/asm/kvm.h'), '\\w+_VECTOR'),
      inhibits,
      ...define(host, '__APICV_INHIBIT_REASON', 'APICV_INHIBIT_REASONS'),
      ...define(sie, 'diagnose_codes', 'sigp_order_codes', 'sie_intercept_code', 'exit_code_ipa0', 'exit_code'),
      ...define(sie, 'icpt_insn_codes', 'INSN_DECODE_IPA0', 'INSN_DECODE', 'icpt_insn_decoder'),
      ...values(read('arch/s390/include/uapi/asm/kvm.h'), 'KVM_S390_(?:INT_[A-Z]|SIGP|PROGRAM|RESTART|MCHK)'),
      ...define(injected, 'kvm_s390_int_type', 'get_irq_name'),
      ...define(s390, 'VCPU_TP_PRINTK'),
      ...states.flatMap((name) => values(read('include/linux/sched.h'), `${name}\\b`)),
      ...['EXIT_ZOMBIE', 'TASK_PARKED', 'TASK_DEAD'].flatMap((n) => values(read('include/linux/sched.h'), `${n}\\b`)),
      '#define TASK_REPORT_MAX 0x100',
      '#define UL(n) n##UL',
      ...values(read('arch/arm64/include/asm/esr.h'), 'ESR_ELx_EC_'),
      ...values(read('arch/arm64/include/asm/kvm_asm.h'), 'ARM_EXCEPTION_'),
      '#define HVC_STUB_ERR 0xbadca11',
      ...define(read('arch/arm64/include/asm/kvm_asm.h'), 'kvm_arm_exception_type'),
      ...define(read('arch/arm64/include/asm/kvm_arm.h'), 'ECN', 'kvm_arm_exception_class'),
    ];
    const lines: string[] = [];
    const ours: string[] = [];
    const all = [
      ...Object.keys(PRINT_FORMATS).map((event) => ({ event, where: texts, id: event, from: FIELDS })),
      ...Object.keys(ARM64_FORMATS).map((event) => ({ event, where: [run], id: `arm64_${event}`, from: ARM64_FIELDS })),
    ];
    for (const { event, where, id, from } of all) {
      const name = /^sched_wak/.test(event) ? 'sched_wakeup_template' : event;
      const { struct, printk } = eventOf(where, name);
      const pointers = struct.replaceAll(/__field\(\s*void \*\s*,/g, '__field(const char *,');
      program.push(`struct ${id} { ${pointers} };`);
      for (const sample of samples(event, from)) {
        lines.push(
          `{ struct ${id} e = { ${initialiser(sample)} }, *__entry = &e; ` +
            `printf(${printk.replaceAll('%pS', '%s')}); putchar('\\n'); }`,
        );
        ours.push(printed({ system: 'kvm', event, cpu: 0, ts: '0', fields: sample }));
      }
    }
    const work = mkdtempSync(join(tmpdir(), 'kvmodel-printk-'));
    try {
      writeFileSync(join(work, 'p.c'), [...program, 'int main(void) {', ...lines, 'return 0; }', ''].join('\n'));
      execFileSync('gcc', ['-w', '-O0', '-o', join(work, 'p'), join(work, 'p.c')], { encoding: 'utf8' });
      const theirs = execFileSync(join(work, 'p'), { encoding: 'utf8' }).trimEnd().split('\n');
      expect(ours).toEqual(theirs);
      expect(ours.length).toBeGreaterThan(300);
    } finally {
      rmSync(work, { recursive: true });
    }
  });

  it('every event that a mirrored function emits has its format, and no format is idle', () => {
    expect(Object.keys(FIELDS).sort()).toEqual(Object.keys(PRINT_FORMATS).sort());
    const sources = [
      'trace/sched.ts',
      'trace/kvm.ts',
      'trace/kvm_x86.ts',
      'trace/kvm_arm64.ts',
      'trace/kvm_s390.ts',
    ].map((path) => readFileSync(new URL(`../../src/${path}`, import.meta.url), 'utf8'));
    const emitted = sources.flatMap((text) =>
      [...text.matchAll(/(?:emit\(\w+, |hit\(\w+, |wakeup\(\w+, |event: )'(\w+)'/g)].map((found) => found[1]!),
    );
    expect(emitted.length).toBeGreaterThan(35);
    expect(emitted.filter((event) => PRINT_FORMATS[event] === undefined)).toEqual([]);
  });
});

it('what is not the kernel’s is printed as names and values', () => {
  expect(printed({ system: 'warn', event: 'WARN_ON', cpu: 0, ts: '0', fields: { where: 'x' } })).toBe('where=x');
});
