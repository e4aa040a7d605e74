// SPDX-License-Identifier: GPL-2.0-only
/** Which files of a tree an architecture's functions, macros and structures are looked up in, and its configuration. */

export interface Architecture {
  readonly name: 'x86' | 'arm64' | 's390';
  /** where names are looked for that a function's own file does not have; the first that has them wins */
  readonly order: readonly string[];
  readonly configuration: ReadonlyMap<string, string>;
}

const set = (...names: string[]): [string, string][] => names.map((name) => [name, '1']);

const GENERIC = [
  'include/linux/kvm_host.h',
  'include/linux/kvm_types.h',
  'include/uapi/linux/kvm.h',
  'include/linux/entry-kvm.h',
  'include/linux/rcuwait.h',
  'include/linux/ktime.h',
  'include/trace/events/kvm.h',
];
const FILES = ['virt/kvm/kvm_main.c', 'kernel/entry/kvm.c', 'kernel/exit.c', 'kernel/rcu/update.c'];
const CONFIG = set(
  '__KERNEL__',
  'CONFIG_SMP',
  'CONFIG_64BIT',
  'CONFIG_KVM',
  'CONFIG_HAVE_KVM_CPU_RELAX_INTERCEPT',
  'CONFIG_PREEMPT_NOTIFIERS',
);

export const ARCHITECTURES: readonly Architecture[] = [
  {
    name: 'x86',
    order: [
      ...[
        'kvm_host',
        'kvm_para',
        'kvm_vcpu_regs',
        'vmx',
        'svm',
        'apicdef',
        'posted_intr',
        'irq_vectors',
        'cpufeatures',
        'processor',
        'msr-index',
      ].map((h) => `arch/x86/include/asm/${h}.h`),
      ...['kvm', 'kvm_para', 'vmx', 'svm', 'processor-flags'].map((h) => `arch/x86/include/uapi/asm/${h}.h`),
      ...['x86', 'lapic', 'irq', 'cpuid', 'kvm_cache_regs', 'smm', 'hyperv', 'xen', 'trace', 'mmu', 'pmu'].map(
        (h) => `arch/x86/kvm/${h}.h`,
      ),
      ...['kvm_emulate', 'governed_features', 'ioapic'].map((h) => `arch/x86/kvm/${h}.h`),
      ...['vmx', 'posted_intr', 'capabilities', 'vmx_ops', 'x86_ops', 'vmcs', 'nested', 'run_flags', 'common'].map(
        (h) => `arch/x86/kvm/vmx/${h}.h`,
      ),
      ...['svm', 'svm_ops'].map((h) => `arch/x86/kvm/svm/${h}.h`),
      ...GENERIC,
      ...['x86', 'vmx/vmx', 'vmx/main', 'vmx/posted_intr', 'svm/svm', 'svm/avic', 'irq', 'smm', 'cpuid'].map(
        (f) => `arch/x86/kvm/${f}.c`,
      ),
      ...FILES,
    ],
    configuration: new Map([
      ...CONFIG,
      ...set('CONFIG_X86', 'CONFIG_X86_64', 'CONFIG_KVM_SMM', 'CONFIG_KVM_ASYNC_PF', 'CONFIG_HAVE_KVM_NO_POLL'),
      ...set('CONFIG_HAVE_KVM_IRQCHIP', 'CONFIG_HAVE_KVM_IRQ_ROUTING', 'CONFIG_KVM_INTEL'),
    ]),
  },
  {
    name: 'arm64',
    order: [
      ...['kvm_host', 'kvm_emulate', 'kvm_arm', 'esr', 'kvm_asm', 'ptrace'].map((h) => `arch/arm64/include/asm/${h}.h`),
      ...['kvm', 'ptrace'].map((h) => `arch/arm64/include/uapi/asm/${h}.h`),
      ...['arm', 'arm_vgic', 'arch_timer', 'arm_hypercalls', 'arm_psci'].map((h) => `include/kvm/${h}.h`),
      'include/linux/arm-smccc.h',
      ...['include/kvm/arm_arch_timer.h', 'include/linux/irqchip/arm-gic-v4.h', 'arch/arm64/kvm/trace_handle_exit.h'],
      ...['vgic/vgic.h', 'trace_arm.h', 'vgic/trace.h'].map((f) => `arch/arm64/kvm/${f}`),
      ...[
        'arm',
        'handle_exit',
        'hypercalls',
        'arch_timer',
        'vgic/vgic',
        'vgic/vgic-v3',
        'vgic/vgic-v4',
        'vgic/vgic-mmio-v3',
      ].map((f) => `arch/arm64/kvm/${f}.c`),
      ...GENERIC,
      ...FILES,
    ],
    configuration: new Map([...CONFIG, ...set('CONFIG_ARM64', 'CONFIG_HAVE_KVM_IRQCHIP')]),
  },
  {
    name: 's390',
    order: [
      ...['kvm_host', 'ptrace', 'spinlock', 'ctlreg', 'sigp'].map((h) => `arch/s390/include/asm/${h}.h`),
      ...['kvm', 'ptrace'].map((h) => `arch/s390/include/uapi/asm/${h}.h`),
      ...['kvm-s390', 'trace', 'trace-s390'].map((h) => `arch/s390/kvm/${h}.h`),
      ...['diag', 'kvm-s390', 'interrupt', 'intercept', 'sigp'].map((f) => `arch/s390/kvm/${f}.c`),
      ...GENERIC,
      ...FILES,
    ],
    configuration: new Map([
      ...CONFIG,
      ...set(
        '__s390x__',
        'CONFIG_S390',
        'CONFIG_KVM_ASYNC_PF',
        'CONFIG_HAVE_KVM_INVALID_WAKEUPS',
        'CONFIG_HAVE_KVM_NO_POLL',
      ),
    ]),
  },
];
