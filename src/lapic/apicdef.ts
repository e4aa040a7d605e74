// SPDX-License-Identifier: GPL-2.0-only
/** arch/x86/include/asm/apicdef.h, and the constants of arch/x86/kvm/lapic.h and lapic.c (6.12.117). */

export const IO_APIC_DEFAULT_PHYS_BASE = 0xfec0_0000;
export const APIC_DEFAULT_PHYS_BASE = 0xfee0_0000;

export const APIC_ID = 0x20;
export const APIC_LVR = 0x30;
export const APIC_LVR_DIRECTED_EOI = 1 << 24;
export const APIC_TASKPRI = 0x80;
export const APIC_ARBPRI = 0x90;
export const APIC_PROCPRI = 0xa0;
export const APIC_EOI = 0xb0;
export const APIC_RRR = 0xc0;
export const APIC_LDR = 0xd0;
export const APIC_LDR_MASK = 0xff00_0000;
export const GET_APIC_LOGICAL_ID = (x: number): number => (x >>> 24) & 0xff;
export const APIC_DFR = 0xe0;
export const APIC_DFR_CLUSTER = 0x0fff_ffff;
export const APIC_DFR_FLAT = 0xffff_ffff;
export const APIC_SPIV = 0xf0;
export const APIC_SPIV_DIRECTED_EOI = 1 << 12;
export const APIC_SPIV_APIC_ENABLED = 1 << 8;
export const APIC_ISR = 0x100;
export const APIC_ISR_NR = 8;
export const APIC_TMR = 0x180;
export const APIC_IRR = 0x200;
export const APIC_ESR = 0x280;
export const APIC_LVTCMCI = 0x2f0;
export const APIC_ICR = 0x300;
export const APIC_DEST_SELF = 0x4_0000;
export const APIC_DEST_ALLINC = 0x8_0000;
export const APIC_DEST_ALLBUT = 0xc_0000;
export const APIC_INT_LEVELTRIG = 0x8000;
export const APIC_INT_ASSERT = 0x4000;
export const APIC_ICR_BUSY = 0x1000;
export const APIC_DEST_LOGICAL = 0x800;
export const APIC_DEST_PHYSICAL = 0;
export const APIC_DM_FIXED = 0x000;
export const APIC_DM_LOWEST = 0x100;
export const APIC_DM_SMI = 0x200;
export const APIC_DM_REMRD = 0x300;
export const APIC_DM_NMI = 0x400;
export const APIC_DM_INIT = 0x500;
export const APIC_DM_STARTUP = 0x600;
export const APIC_DM_EXTINT = 0x700;
export const APIC_VECTOR_MASK = 0xff;
export const APIC_ICR2 = 0x310;
export const GET_XAPIC_DEST_FIELD = (x: number): number => (x >>> 24) & 0xff;
export const APIC_LVTT = 0x320;
export const APIC_LVTTHMR = 0x330;
export const APIC_LVTPC = 0x340;
export const APIC_LVT0 = 0x350;
export const APIC_LVT1 = 0x360;
export const APIC_LVTERR = 0x370;
export const APIC_LVT_TIMER_ONESHOT = 0;
export const APIC_LVT_TIMER_PERIODIC = 1 << 17;
export const APIC_LVT_TIMER_TSCDEADLINE = 2 << 17;
export const APIC_LVT_MASKED = 1 << 16;
export const APIC_LVT_LEVEL_TRIGGER = 1 << 15;
export const APIC_LVT_REMOTE_IRR = 1 << 14;
export const APIC_INPUT_POLARITY = 1 << 13;
export const APIC_SEND_PENDING = 1 << 12;
export const APIC_MODE_MASK = 0x700;
export const GET_APIC_DELIVERY_MODE = (x: number): number => (x >>> 8) & 7;
export const SET_APIC_DELIVERY_MODE = (x: number, y: number): number => ((x & ~APIC_MODE_MASK) | (y << 8)) >>> 0;
export const APIC_MODE_EXTINT = 7;
export const APIC_TMICT = 0x380;
export const APIC_TMCCT = 0x390;
export const APIC_TDCR = 0x3e0;
export const APIC_SELF_IPI = 0x3f0;
/** first MSR of the x2APIC's registers */
export const APIC_BASE_MSR = 0x800;
export const XAPIC_ENABLE = 1 << 11;
export const X2APIC_ENABLE = 1 << 10;

/** arch/x86/include/asm/msr-index.h */
export const MSR_IA32_APICBASE = 0x1b;
export const MSR_IA32_APICBASE_BSP = 1 << 8;
export const MSR_IA32_APICBASE_ENABLE = 1 << 11;
export const MSR_IA32_TSC_DEADLINE = 0x6e0;

/** arch/x86/kvm/lapic.h */
export const KVM_APIC_INIT = 0;
export const KVM_APIC_SIPI = 1;
export const APIC_SHORT_MASK = 0xc_0000;
export const APIC_DEST_NOSHORT = 0;
export const APIC_DEST_MASK = 0x800;
export const APIC_BROADCAST = 0xff;
export const X2APIC_BROADCAST = 0xffff_ffff;

/** enum lapic_mode: the two mode bits of MSR_IA32_APICBASE */
export const LAPIC_MODE_DISABLED = 0;
export const LAPIC_MODE_INVALID = X2APIC_ENABLE;
export const LAPIC_MODE_XAPIC = MSR_IA32_APICBASE_ENABLE;
export const LAPIC_MODE_X2APIC = MSR_IA32_APICBASE_ENABLE | X2APIC_ENABLE;

/** enum lapic_lvt_entry */
export const LVT_TIMER = 0;
export const LVT_THERMAL_MONITOR = 1;
export const LVT_PERFORMANCE_COUNTER = 2;
export const LVT_LINT0 = 3;
export const LVT_LINT1 = 4;
export const LVT_ERROR = 5;
export const LVT_CMCI = 6;
export const KVM_APIC_MAX_NR_LVT_ENTRIES = 7;
export const APIC_LVTx = (x: number): number => (x === LVT_CMCI ? APIC_LVTCMCI : APIC_LVTT + 0x10 * x);

/** arch/x86/kvm/lapic.c */
export const APIC_VERSION = 0x14;
export const LAPIC_MMIO_LENGTH = 1 << 12;
export const MAX_APIC_VECTOR = 256;
export const APIC_VECTORS_PER_REG = 32;
export const LAPIC_TIMER_ADVANCE_ADJUST_MIN = 100;
export const LAPIC_TIMER_ADVANCE_ADJUST_MAX = 10_000;
export const LAPIC_TIMER_ADVANCE_NS_INIT = 1000;
export const LAPIC_TIMER_ADVANCE_NS_MAX = 5000;
export const LAPIC_TIMER_ADVANCE_ADJUST_STEP = 8;
export const LVT_MASK = APIC_LVT_MASKED | APIC_SEND_PENDING | APIC_VECTOR_MASK;
export const LINT_MASK = LVT_MASK | APIC_MODE_MASK | APIC_INPUT_POLARITY | APIC_LVT_REMOTE_IRR | APIC_LVT_LEVEL_TRIGGER;
/** enum of apic_map_dirty */
export const CLEAN = 0;
export const UPDATE_IN_PROGRESS = 1;
export const DIRTY = 2;
/** apic_lvt_mask[]: what of an LVT entry can be written; the timer's mode bits come on top at run time */
export const apic_lvt_mask: readonly number[] = [
  LVT_MASK,
  LVT_MASK | APIC_MODE_MASK,
  LVT_MASK | APIC_MODE_MASK,
  LINT_MASK,
  LINT_MASK,
  LVT_MASK,
  LVT_MASK | APIC_MODE_MASK,
];
/** reserved bits of the low half of an x2APIC ICR: 31:20, 17:16, 13 */
export const X2APIC_ICR_RESERVED_BITS = 0xfff3_2000;

/** arch/x86/include/uapi/asm/kvm_para.h */
export const KVM_PV_EOI_ENABLED = 1;
export const KVM_PV_EOI_DISABLED = 0;
/** include/uapi/linux/kvm_para.h: hypercalls and their errors, positive as there */
export const KVM_EPERM = 1;
export const KVM_EINVAL = 22;
export const KVM_ENOSYS = 1000;

/** arch/x86/kvm/ioapic.h */
export const IOAPIC_NUM_PINS = 24;
export const IOAPIC_VERSION_ID = 0x11;
export const IOAPIC_EDGE_TRIG = 0;
export const IOAPIC_LEVEL_TRIG = 1;
export const RTC_GSI = 8;
