// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/s390/include/asm/kvm_host.h, ptrace.h, ctlreg.h, sigp.h, irq.h (6.12.117): s390's half of KVM's structures, as plain values.
 *
 * Mirrored: what diagnoses, SIGP, the enabled wait, and an external interrupt on its way to a vCPU read or write.
 * MODEL: of the guest's registers there are the PSW's mask and address, sixteen general ones, control register 0 and the clock
 * comparator. The TOD clock counts ns, and guest and host read the same. No I/O and no machine checks, no GISA, no SIGP
 * interpretation (sclp.has_sigpif is 0), no CPU timer, no protected guests; every vCPU is started and stays so.
 */
import type * as virt from '../../kvm/kvm_host.js';
import {
  and,
  type bool,
  not,
  or,
  shl,
  toNumber,
  U64_MAX,
  type u8,
  type u16,
  type u32,
  u64,
  ZERO,
} from '../../lib/types.js';
import type { vmlinux_s390 } from '../../vmlinux/vmlinux-s390.js';

/** bits of sie_block->cpuflags */
export const CPUSTAT_STOPPED = 0x8000_0000;
export const CPUSTAT_WAIT = 0x1000_0000;
export const CPUSTAT_STOP_INT = 0x0400_0000;
export const CPUSTAT_IO_INT = 0x0200_0000;
export const CPUSTAT_EXT_INT = 0x0100_0000;
export const CPUSTAT_RUNNING = 0x0080_0000;
export const CPUSTAT_SM = 0x0000_0080;
export const CPUSTAT_ZARCH = 0x0000_0800;

/** sie_block->lctl */
export const LCTL_CR0 = 0x8000;

/** sie_block->icptcode: why SIE was left; 0 for an interrupt of the host */
export const ICPT_INST = 0x04;
export const ICPT_EXTREQ = 0x10;
export const ICPT_EXTINT = 0x14;
export const ICPT_WAIT = 0x1c;

/** arch/s390/include/uapi/asm/ptrace.h */
export const PSW_MASK_IO: u64 = u64(0x0200_0000_0000_0000n);
export const PSW_MASK_EXT: u64 = u64(0x0100_0000_0000_0000n);
export const PSW_MASK_MCHECK: u64 = u64(0x0004_0000_0000_0000n);
export const PSW_MASK_WAIT: u64 = u64(0x0002_0000_0000_0000n);
export const PSW_MASK_PSTATE: u64 = u64(0x0001_0000_0000_0000n);
export const PSW_MASK_CC: u64 = u64(0x0000_3000_0000_0000n);

/** arch/s390/include/asm/ctlreg.h */
export const CR0_CLOCK_COMPARATOR_SIGN: u64 = u64(2n ** 53n);
export const CR0_EMERGENCY_SIGNAL_SUBMASK: u64 = u64(1 << 14);
export const CR0_EXTERNAL_CALL_SUBMASK: u64 = u64(1 << 13);
export const CR0_CLOCK_COMPARATOR_SUBMASK: u64 = u64(1 << 11);
export const CR0_CPU_TIMER_SUBMASK: u64 = u64(1 << 10);

/** arch/s390/include/asm/irq.h: external interruption codes */
export const EXT_IRQ_CLK_COMP = 0x1004;
export const EXT_IRQ_CPU_TIMER = 0x1005;
export const EXT_IRQ_EMERGENCY_SIG = 0x1201;
export const EXT_IRQ_EXTERNAL_CALL = 0x1202;

/** enum irq_types: bits of local_int.pending_irqs, in the reverse order of their priorities */
export const IRQ_PEND_RESTART = 1;
export const IRQ_PEND_SIGP_STOP = 2;
export const IRQ_PEND_EXT_CPU_TIMER = 18;
export const IRQ_PEND_EXT_CLOCK_COMP = 19;
export const IRQ_PEND_EXT_EXTERNAL = 20;
export const IRQ_PEND_EXT_EMERGENCY = 21;
/** of them, those that are modelled; IRQ_PEND_EXT_MASK has more */
export const PENDING_EXT: u32 =
  (1 << IRQ_PEND_EXT_CPU_TIMER) |
  (1 << IRQ_PEND_EXT_CLOCK_COMP) |
  (1 << IRQ_PEND_EXT_EXTERNAL) |
  (1 << IRQ_PEND_EXT_EMERGENCY);

/** arch/s390/include/uapi/asm/kvm.h: kvm_s390_irq.type */
export const KVM_S390_INT_CLOCK_COMP = 0xffff_1004;
export const KVM_S390_INT_EMERGENCY = 0xffff_1201;
export const KVM_S390_INT_EXTERNAL_CALL = 0xffff_1202;

/** arch/s390/include/asm/sigp.h */
export const SIGP_SENSE = 1;
export const SIGP_EXTERNAL_CALL = 2;
export const SIGP_EMERGENCY_SIGNAL = 3;
export const SIGP_SET_ARCHITECTURE = 18;
export const SIGP_SENSE_RUNNING = 21;
export const SIGP_CC_ORDER_CODE_ACCEPTED = 0;
export const SIGP_CC_STATUS_STORED = 1;
export const SIGP_CC_BUSY = 2;
export const SIGP_CC_NOT_OPERATIONAL = 3;
export const SIGP_STATUS_STOPPED: u64 = u64(0x40);
export const SIGP_STATUS_EXT_CALL_PENDING: u64 = u64(0x80);
export const SIGP_STATUS_INVALID_PARAMETER: u64 = u64(0x100);
export const SIGP_STATUS_NOT_RUNNING: u64 = u64(0x400);

/** struct kvm_s390_sie_block, as far as it is read or written. */
export interface kvm_s390_sie_block {
  cpuflags: u32;
  gpsw: { mask: u64; addr: number };
  gcr0: u64;
  ckc: u64;
  lctl: u16;
  icptcode: u8;
  /** the instruction that was intercepted: its first halfword */
  ipa: u16;
  /** of an external interrupt that was intercepted */
  eic: u16;
}

/** struct kvm_s390_local_interrupt. `extcall`: who sent the external call; emergency signals are kept by their senders. */
export interface kvm_s390_local_interrupt {
  pending_irqs: u32;
  extcall: u16;
  sigp_emerg_pending: number[];
}

/** arch/s390/include/asm/kvm_host.h: struct kvm_vcpu_stat, what is counted of the above. */
export interface s390_stat {
  exit_null: number;
  exit_external_request: number;
  exit_external_interrupt: number;
  exit_instruction: number;
  exit_wait_state: number;
  exit_userspace: number;
  halt_no_poll_steal: number;
  inject_ckc: number;
  inject_external_call: number;
  inject_emergency_signal: number;
  deliver_ckc: number;
  deliver_external_call: number;
  deliver_emergency_signal: number;
  instruction_sigp_sense: number;
  instruction_sigp_sense_running: number;
  instruction_sigp_external_call: number;
  instruction_sigp_emergency: number;
  instruction_sigp_arch: number;
  instruction_diagnose_44: number;
  instruction_diagnose_9c: number;
  diag_9c_ignored: number;
  diag_9c_forward: number;
  instruction_diagnose_other: number;
}

/** The lowcore's old PSW of an external interrupt: what LPSWE at the end of its handler brings back. */
export interface guest_irq_frame {
  vector: number;
  mask: u64;
}

/** arch/s390/include/asm/kvm_host.h: struct kvm_vcpu_arch. */
export interface kvm_vcpu_arch {
  sie_block: kvm_s390_sie_block;
  local_int: kvm_s390_local_interrupt;
  /** run->s.regs.gprs */
  gprs: u64[];
  /** the second operand's address of the instruction that was intercepted: base and displacement. MODEL: ipb has no more */
  base_disp: u64;
  /** hrtimer of a vCPU in an enabled wait */
  ckc_timer: number;
  stat: s390_stat;
  /** what runs in place of the handler of the host's interrupt that SIE was left for */
  exit: { handler: string; args: number[]; vector: number };
  /** ours: when the guest last left SIE for its wait, so that it does so once in any one ns */
  waited_at: u64;
  /** the guest's own pcpu.ec_mask: what its CPU is called for by SIGP */
  ec_mask: u32;
  /** interrupts that the CPU has delivered to the guest and that the guest's code has not begun to serve, in order */
  taken: number[];
  irq_frames: guest_irq_frame[];
}

/** arch/s390/include/asm/kvm_host.h: struct kvm_arch. */
export interface kvm_arch {
  /** bits of gisa_int.kicked_mask, by vcpu_idx */
  kicked_mask: u32;
  /** by vcpu_idx */
  idle_mask: u32;
}

/** include/linux/kvm_host.h: struct kvm_vcpu on s390. */
export interface kvm_vcpu extends virt.kvm_vcpu {
  arch: kvm_vcpu_arch;
}

/** include/linux/kvm_host.h: struct kvm on s390. */
export interface kvm extends virt.kvm {
  arch: kvm_arch;
}

/** Parameters of the module. */
export interface kvm_s390_params {
  /** forwarded yields a second; below HZ none, as the division leaves 0 */
  diag9c_forwarding_hz: u32;
  /** percent of the host's own stolen time from which on a vCPU does not poll */
  halt_poll_max_steal: u8;
}

/** s390 KVM's part of the machine. */
export interface kvm_s390_state {
  kvm: kvm[];
  vcpu: kvm_vcpu[];
  kvm_s390_params: kvm_s390_params;
  /** arch/s390/kvm/diag.c: its static variables, one pair for the whole host */
  diag9c: { forward_cnt: number; cur_slice: u64 };
  /** what the host's own hypervisor does: bit per CPU that it has taken away, and CPUs of which smp_yield_cpu() has told it */
  lpar: { lpar_preempted: u32 };
  yielded_to: number[];
}

/** The module as loaded: forwarding is off. */
export function newKvmS390Params(): kvm_s390_params {
  return { diag9c_forwarding_hz: 0, halt_poll_max_steal: 10 };
}

function newStat(): s390_stat {
  return {
    ...{ exit_null: 0, exit_external_request: 0, exit_external_interrupt: 0, exit_instruction: 0, exit_wait_state: 0 },
    ...{ exit_userspace: 0, halt_no_poll_steal: 0, inject_ckc: 0, inject_external_call: 0, inject_emergency_signal: 0 },
    ...{ deliver_ckc: 0, deliver_external_call: 0, deliver_emergency_signal: 0, instruction_sigp_sense: 0 },
    ...{ instruction_sigp_sense_running: 0, instruction_sigp_external_call: 0, instruction_sigp_emergency: 0 },
    ...{ instruction_sigp_arch: 0, instruction_diagnose_44: 0, instruction_diagnose_9c: 0, diag_9c_ignored: 0 },
    ...{ diag_9c_forward: 0, instruction_diagnose_other: 0 },
  };
}

/** What a kernel that has booted is enabled for: external interrupts and those submasks. */
const CR0_OF_A_KERNEL = or(or(CR0_EMERGENCY_SIGNAL_SUBMASK, CR0_EXTERNAL_CALL_SUBMASK), CR0_CLOCK_COMPARATOR_SUBMASK);
/** PSW of a kernel that has booted: enabled for everything, in supervisor state. */
export const KERNEL_PSW: u64 = or(or(PSW_MASK_IO, PSW_MASK_EXT), PSW_MASK_MCHECK);
/** The lowcore's new PSW of external interrupts: masked. */
export const EXT_NEW_PSW: u64 = ZERO;

/** The zeroed page of a vCPU's SIE block; kvm_arch_vcpu_create() sets it up. MODEL: its guest's kernel has booted. */
export function newVcpuArch(this: vmlinux_s390, _vcpu: virt.vcpu_ptr): kvm_vcpu_arch {
  return {
    sie_block: {
      cpuflags: 0,
      gpsw: { mask: KERNEL_PSW, addr: 0 },
      gcr0: CR0_OF_A_KERNEL,
      ckc: U64_MAX,
      lctl: 0,
      icptcode: 0,
      ipa: 0,
      eic: 0,
    },
    local_int: { pending_irqs: 0, extcall: 0, sigp_emerg_pending: [] },
    gprs: new Array<u64>(16).fill(ZERO),
    base_disp: ZERO,
    ckc_timer: -1,
    stat: newStat(),
    exit: { handler: '', args: [], vector: 0 },
    waited_at: U64_MAX,
    ec_mask: 0,
    taken: [],
    irq_frames: [],
  };
}

/** A VM's s390 half as KVM_CREATE_VM leaves it. */
export function newKvmArch(): kvm_arch {
  return { kicked_mask: 0, idle_mask: 0 };
}

/** ns of the clock at which the comparator interrupts the guest in SIE: behind its time; null when it does not. */
export function comparatorAt(this: void, vcpu: kvm_vcpu): number | null {
  const { ckc, gpsw } = vcpu.arch.sie_block;
  return ckc === U64_MAX || and(gpsw.mask, PSW_MASK_EXT) === ZERO ? null : toNumber(ckc) + 1;
}

/** arch/s390/kvm/kvm-s390.h: kvm_s390_set_cpuflags() */
export function kvm_s390_set_cpuflags(this: vmlinux_s390, vcpu: kvm_vcpu, flags: u32): void {
  vcpu.arch.sie_block.cpuflags = (vcpu.arch.sie_block.cpuflags | flags) >>> 0;
}

/** arch/s390/kvm/kvm-s390.h: kvm_s390_clear_cpuflags() */
export function kvm_s390_clear_cpuflags(this: vmlinux_s390, vcpu: kvm_vcpu, flags: u32): void {
  vcpu.arch.sie_block.cpuflags = (vcpu.arch.sie_block.cpuflags & ~flags) >>> 0;
}

/** arch/s390/kvm/kvm-s390.h: kvm_s390_test_cpuflags() */
export function kvm_s390_test_cpuflags(this: vmlinux_s390, vcpu: kvm_vcpu, flags: u32): bool {
  return (vcpu.arch.sie_block.cpuflags & flags) >>> 0 === flags;
}

/** arch/s390/kvm/kvm-s390.h: kvm_s390_get_base_disp_rs(). `ar` is NULL for all that is modelled. */
export function kvm_s390_get_base_disp_rs(this: vmlinux_s390, vcpu: kvm_vcpu): u64 {
  return vcpu.arch.base_disp;
}

/** arch/s390/kvm/kvm-s390.h: kvm_s390_set_psw_cc() */
export function kvm_s390_set_psw_cc(this: vmlinux_s390, vcpu: kvm_vcpu, cc: number): void {
  const { gpsw } = vcpu.arch.sie_block;
  gpsw.mask = or(and(gpsw.mask, not(PSW_MASK_CC)), shl(u64(cc), 44));
}
