// SPDX-License-Identifier: GPL-2.0-only
/**
 * Operations on local APICs, as the model and the kernel's own C code are driven side by side: one entry point each.
 *
 * `cpu` is the vCPU, by index; -1 for none. Offsets are those of the register page. `r` is what the function returns.
 */

/** Bits of CREATE's flags: what KVM, its module and the guest's CPUID are like. */
export const APIC_FLAGS = {
  ICR_SPLIT: 1,
  X2APIC: 2,
  TSC_DEADLINE: 4,
  SPLIT_IRQCHIP: 8,
  APICV: 16,
  HASHING: 32,
  X2APIC_FORMAT: 64,
  NO_BROADCAST_QUIRK: 128,
  CMCI: 256,
  ADVANCE_TIMER: 512,
  HV_TIMER: 1024,
  INTEL: 2048,
  PI_INJECT: 4096,
  MWAIT_IN_GUEST: 8192,
  HLT_IN_GUEST: 16384,
  /** the module has sync_pir_to_irr */
  POSTING: 32768,
  /** the module has update_cr8_intercept */
  CR8_INTERCEPT: 65536,
  NO_LINT0_QUIRK: 1 << 17,
  NO_HOLE_QUIRK: 1 << 18,
  /** every vCPU is runnable from the start */
  RUNNING: 1 << 19,
} as const;

/**
 *   CREATE id, flags, a, b     a VM of id vCPUs; a kHz of TSC; b: id of the first | step between ids << 16 | MAXPHYADDR << 32
 *   ADD_VCPU a                 a vCPU of id a, by hot add
 *   ADVANCE a                  the clock moves on by a ns; FIRE: the vCPU's hrtimer fires if it is due
 *   MMIO_READ id, a            id bytes at guest address a; MMIO_WRITE id, a, b writes b
 *   RDMSR id, flags            kvm_get_msr_common(); flags 1: by the host. WRMSR id, flags, a
 *   FASTPATH id, a             handle_fastpath_set_msr_irqoff()
 *   SET_CR8 a, GET_CR8         kvm_lapic_set_tpr(), kvm_lapic_get_cr8()
 *   GET_INTERRUPT ...          kvm_cpu_get_interrupt(), kvm_cpu_has_interrupt(), kvm_cpu_has_injectable_intr(),
 *                              kvm_apic_has_interrupt(), kvm_apic_accept_pic_intr()
 *   EOI, EOI_ACCELERATED a     kvm_lapic_set_eoi(), kvm_apic_set_eoi_accelerated(a)
 *   NODECODE id                kvm_apic_write_nodecode(id)
 *   HV_READ id, HV_WRITE id, a kvm_hv_vapic_msr_read() and _write() of the register at id
 *   STAGE id, a                word id of the staged page is a; GET_STATE fills the page, SET_STATE sets from it
 *   EVENTS, GET_MP_STATE, SET_MP_STATE a
 *   MSI a, b, flags            address a (high half above), data b; flags 1: level 0. MSI_INATOMIC, SINGLE_VCPU: likewise
 *   DELIVER a, b               kvm_irq_delivery_to_apic(): a vector | mode | level << 32 | hint << 33; b destination |
 *                              logical << 32 | shorthand << 36 | level trigger << 56. DEST_VCPUS: kvm_bitmap_or_dest_vcpus()
 *   MATCH id, a, flags         kvm_apic_match_dest() from vCPU id to a; flags: shorthand, 4: logical
 *   COMPARE id                 kvm_apic_compare_prio()
 *   LOCAL id, NMI_WATCHDOG     kvm_apic_local_deliver(id), kvm_apic_nmi_wd_deliver()
 *   PV_IPI id, flags, a, b     kvm_pv_send_ipi(): min id, ICR flags & 0x7fffffff, flags >> 31: 64 bits, bitmaps a and b
 *   PENDING_TIMER, INJECT_TIMER, HV_EXPIRED, TO_HV_TIMER, TO_SW_TIMER, RESTART_HV_TIMER, MIGRATE, WAIT_EXPIRE
 *   PV_EOI_MEMORY a, flags     the guest's byte is a; flags 1: it faults. VAPIC_ADDR a, VAPIC_MEMORY a
 *   SYNC_FROM, SYNC_TO         kvm_lapic_sync_from_vapic(), kvm_lapic_sync_to_vapic()
 *   INHIBIT id, a              kvm_set_or_clear_apicv_inhibit(id, a); UPDATE_APICV: __kvm_vcpu_update_apicv()
 *   POST a                     a device posts vector a; SYNC_PIR: kvm_apic_update_irr(); CLEAR_IRR a
 *   SCAN_IOAPIC                vcpu_scan_ioapic()
 *   IOAPIC_READ id, a, IOAPIC_WRITE id, a, b, IOAPIC_IRQ id, flags, a   pin id, level a; flags: line_status | source << 1
 *   MCG a                      MCG_CMCI_P on or off; MODE id, a: vcpu->mode a, wants_to_run id; SMM a
 *   CPUID flags                KVM_SET_CPUID2; QUIRKS a; TSC_OFFSET a; EXTINT a: an external vector, or -1
 *   PARAM id, a                vector_hashing, pi_inject_timer, min_timer_period_us, x2apic_format, apic_bus_cycle_ns
 *   ROUTE id, a, b             an MSI route of GSI id
 *   TAKE_REQUESTS a            clears bits of vcpu->requests; RESET a: kvm_lapic_reset(); UPDATE_PPR
 *   NMI a                      kvm_inject_nmi(), or process_nmi() for 0; REPORT_TPR a; FREE: kvm_free_lapic()
 */
export const APIC_OPS = [
  ...['CREATE', 'ADD_VCPU', 'ADVANCE', 'FIRE', 'MMIO_READ', 'MMIO_WRITE', 'RDMSR', 'WRMSR', 'FASTPATH', 'SET_CR8'],
  ...['GET_CR8', 'GET_INTERRUPT', 'HAS_INTERRUPT', 'HAS_INJECTABLE', 'APIC_HAS', 'ACCEPT_PIC', 'EOI'],
  ...['EOI_ACCELERATED', 'NODECODE', 'HV_WRITE', 'HV_READ', 'GET_STATE', 'STAGE', 'SET_STATE', 'EVENTS'],
  ...['GET_MP_STATE', 'SET_MP_STATE', 'MSI', 'MSI_INATOMIC', 'SINGLE_VCPU', 'DEST_VCPUS', 'DELIVER', 'LOCAL'],
  ...['NMI_WATCHDOG', 'PV_IPI', 'PENDING_TIMER', 'INJECT_TIMER', 'HV_EXPIRED', 'TO_HV_TIMER', 'TO_SW_TIMER'],
  ...['RESTART_HV_TIMER', 'MIGRATE', 'WAIT_EXPIRE', 'PV_EOI_MEMORY', 'VAPIC_ADDR', 'VAPIC_MEMORY', 'SYNC_FROM'],
  ...['SYNC_TO', 'INHIBIT', 'UPDATE_APICV', 'POST', 'SYNC_PIR', 'CLEAR_IRR', 'SCAN_IOAPIC', 'IOAPIC_READ'],
  ...['IOAPIC_WRITE', 'IOAPIC_IRQ', 'MCG', 'MODE', 'SMM', 'CPUID', 'QUIRKS', 'PARAM', 'TSC_OFFSET', 'EXTINT', 'ROUTE'],
  ...['TAKE_REQUESTS', 'RESET', 'UPDATE_PPR', 'NMI', 'MATCH', 'COMPARE', 'REPORT_TPR', 'FREE'],
] as const;
export type ApicOpName = (typeof APIC_OPS)[number];

/** One operation; 64-bit values are safe integers or BigInts. */
export interface ApicOperation {
  readonly op: ApicOpName;
  readonly cpu: number;
  readonly id: number;
  readonly flags: number;
  readonly a: number | bigint;
  readonly b: number | bigint;
}

/** An operation; what is left out is 0. */
export function apicOp(op: ApicOpName, given: Partial<Omit<ApicOperation, 'op'>> = {}): ApicOperation {
  return { op, cpu: given.cpu ?? 0, id: given.id ?? 0, flags: given.flags ?? 0, a: given.a ?? 0, b: given.b ?? 0 };
}

/** Calls out of the APICs, in the order of the protocol (src/native/c/lapic/protocol.h). */
export const APIC_CALLS = [
  ...['KICK', 'REQUEST_ALL', 'REQUEST_MASK', 'DELIVER_INTERRUPT', 'SYNC_PIR_TO_IRR', 'HWAPIC_IRR_UPDATE'],
  ...['HWAPIC_ISR_UPDATE', 'UPDATE_CR8_INTERCEPT', 'SET_VIRTUAL_APIC_MODE', 'REFRESH_APICV', 'APICV_PRE_RESTORE'],
  ...['APICV_POST_RESTORE', 'SET_HV_TIMER', 'CANCEL_HV_TIMER', 'DELIVER_SIPI', 'HRTIMER_START', 'HRTIMER_CANCEL'],
  ...['DELAY', 'VCPU_RESET', 'PV_EOI_READ', 'PV_EOI_WRITE', 'PIC_READ_IRQ'],
] as const;

/** Returned for an operation that does not apply: no such vCPU, no IOAPIC. */
export const APIC_BAD_OP = -22;
/** Returned by RESTART_HV_TIMER when there is none in use. */
export const APIC_IDLE = -16;
export const APIC_MAX_VCPUS = 16;

/** `c1 WRMSR id=830 a=c500`: numbers in hexadecimal. */
export function apicOpText(op: ApicOperation): string {
  const hex = (x: number | bigint): string => (x < 0 ? `-${(-x).toString(16)}` : x.toString(16));
  const parts = [`c${op.cpu} ${op.op}`];
  for (const name of ['id', 'flags', 'a', 'b'] as const) if (op[name] !== 0) parts.push(`${name}=${hex(op[name])}`);
  return parts.join(' ');
}
