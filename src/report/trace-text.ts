// SPDX-License-Identifier: GPL-2.0-only
/** A tracepoint in one short phrase, for the column `did` of transcripts. */
import type { trace_event } from '../trace/trace-event.js';

/** arch/x86/include/uapi/asm/vmx.h, without EXIT_REASON_; KVM_ISA_VMX is 1 */
const VMX: Readonly<Record<number, string>> = {
  0: 'EXCEPTION_NMI',
  1: 'EXTERNAL_INTERRUPT',
  2: 'TRIPLE_FAULT',
  7: 'INTERRUPT_WINDOW',
  8: 'NMI_WINDOW',
  10: 'CPUID',
  12: 'HLT',
  18: 'VMCALL',
  28: 'CR_ACCESS',
  30: 'IO_INSTRUCTION',
  31: 'MSR_READ',
  32: 'MSR_WRITE',
  40: 'PAUSE_INSTRUCTION',
  43: 'TPR_BELOW_THRESHOLD',
  44: 'APIC_ACCESS',
  45: 'EOI_INDUCED',
  48: 'EPT_VIOLATION',
  49: 'EPT_MISCONFIG',
  52: 'PREEMPTION_TIMER',
  56: 'APIC_WRITE',
};

/** arch/x86/include/uapi/asm/svm.h, without SVM_EXIT_; KVM_ISA_SVM is 2 */
const SVM: Readonly<Record<number, string>> = {
  24: 'write_cr8',
  96: 'interrupt',
  97: 'nmi',
  100: 'vintr',
  114: 'cpuid',
  119: 'pause',
  120: 'hlt',
  123: 'io',
  124: 'msr',
  127: 'shutdown',
  129: 'vmmcall',
  1024: 'npf',
  1025: 'avic_incomplete_ipi',
  1026: 'avic_unaccelerated_access',
};

/**
 * `sched_switch A [R] ==> B`, `kvm_exit vcpu 0 reason HLT`, `sched_wakeup comm=B`: pids and priorities are left out where a
 * name says it, and of entries and exits what is not modelled.
 */
export function traceText(event: trace_event): string {
  // a guest's kernel: the CPU is a vCPU
  if (event.vm !== undefined) return `${event.vm}/${event.cpu}: ${hostTraceText(event)}`;
  return hostTraceText(event);
}

/** `TRAP WFx`, `IRQ` */
function arm64Reason(f: trace_event['fields']): string {
  if (Number(f['ret']) !== 2) return Number(f['ret']) === 0 ? 'IRQ' : 'SERROR';
  const ec = Number(f['esr_ec']);
  return `TRAP ${ec === 1 ? 'WFx' : ec === 24 ? 'SYS64' : `0x${ec.toString(16)}`}`;
}

function hostTraceText(event: trace_event): string {
  const f = event.fields;
  switch (event.event) {
    case 'sched_switch':
      return `sched_switch ${f['prev_comm']} [${f['prev_state']}] ==> ${f['next_comm']}`;
    case 'kvm_exit': {
      if (f['esr_ec'] !== undefined) return `kvm_exit ${arm64Reason(f)}`;
      const reason = Number(f['exit_reason']);
      const name = (Number(f['isa']) === 1 ? VMX : SVM)[reason] ?? `0x${reason.toString(16)}`;
      const info = ['0', '0x0'].includes(String(f['info1'])) ? '' : ` info1 ${f['info1']}`;
      return `kvm_exit vcpu ${f['vcpu_id']} reason ${name}${info}`;
    }
    case 'kvm_entry':
      if (f['vcpu_pc'] !== undefined) return `kvm_entry PC ${f['vcpu_pc']}`;
      return `kvm_entry vcpu ${f['vcpu_id']}${f['immediate_exit'] === true ? ' [immediate exit]' : ''}`;
    default: {
      const fields = Object.entries(f)
        .filter(([field]) => !/(^|_)(pid|prio)$|^psw(mask|addr)$/.test(field))
        .map(([field, value]) => `${field}=${value}`);
      return [event.event, ...fields].join(' ');
    }
  }
}
