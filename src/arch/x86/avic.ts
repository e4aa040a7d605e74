// SPDX-License-Identifier: GPL-2.0-only
/**
 * arch/x86/kvm/svm/avic.c (6.12.117): AMD's virtual interrupt controller, as far as IPIs, doorbells and the tables go.
 *
 * Not mirrored: interrupt remapping (IOMMU), GA log, nested guests. What the hardware itself does is the machine's.
 */

import {
  APIC_BROADCAST,
  APIC_DEST_MASK,
  APIC_DEST_NOSHORT,
  APIC_DEST_PHYSICAL,
  APIC_DFR,
  APIC_DFR_FLAT,
  APIC_EOI,
  APIC_ESR,
  APIC_ICR,
  APIC_ICR_BUSY,
  APIC_ID,
  APIC_INT_LEVELTRIG,
  APIC_LDR,
  APIC_LVT0,
  APIC_LVT1,
  APIC_LVTERR,
  APIC_LVTPC,
  APIC_LVTT,
  APIC_LVTTHMR,
  APIC_MODE_MASK,
  APIC_RRR,
  APIC_SHORT_MASK,
  APIC_SPIV,
  APIC_TDCR,
  APIC_TMICT,
  APIC_VECTOR_MASK,
  GET_APIC_LOGICAL_ID,
  GET_XAPIC_DEST_FIELD,
  X2APIC_BROADCAST,
} from '../../lapic/apicdef.js';
import type { kvm_lapic } from '../../lapic/lapic.js';
import { EINVAL } from '../../lib/errno.js';
import type { u32 } from '../../lib/types.js';
import { NULL } from '../../sched/sched.js';
import type { vmlinux_x86 } from '../../vmlinux/vmlinux-x86.js';
import { KVM_REQ_TLB_FLUSH_CURRENT, type kvm, type kvm_vcpu } from './kvm_host.js';

/** arch/x86/include/asm/svm.h: enum avic_ipi_failure_cause */
export const AVIC_IPI_FAILURE_INVALID_INT_TYPE = 0;
export const AVIC_IPI_FAILURE_TARGET_NOT_RUNNING = 1;
export const AVIC_IPI_FAILURE_INVALID_TARGET = 2;
export const AVIC_IPI_FAILURE_INVALID_BACKING_PAGE = 3;
export const AVIC_IPI_FAILURE_INVALID_IPI_VECTOR = 4;

const AVIC_LOGICAL_ID_ENTRY_GUEST_PHYSICAL_ID_MASK = 0xff;
const AVIC_LOGICAL_ID_ENTRY_VALID_MASK = 1 << 31;
const AVIC_MAX_PHYSICAL_ID = 0xfe;
const X2AVIC_MAX_PHYSICAL_ID = 0x1ff;

/** arch/x86/kvm/svm/avic.c: avic_init_backing_page(): -EINVAL for a vCPU that the physical ID table has no entry for. */
export function avic_init_backing_page(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  const id = vcpu.vcpu_id;
  if ((!this.m.kvm_x86_params.x2avic && id > AVIC_MAX_PHYSICAL_ID) || id > X2AVIC_MAX_PHYSICAL_ID) return -EINVAL;
  return 0;
}

/** arch/x86/kvm/svm/avic.c: avic_init_vcpu() */
export function avic_init_vcpu(this: vmlinux_x86, vcpu: kvm_vcpu): number {
  if (!this.m.kvm[vcpu.kvm].arch.enable_apicv) return 0;
  const ret = this.avic_init_backing_page(vcpu);
  if (ret !== 0) return ret;
  vcpu.arch.vmcb.dfr_reg = APIC_DFR_FLAT;
  return ret;
}

/** arch/x86/kvm/svm/avic.c: avic_activate_vmcb(). MODEL: the VMCB's AVIC_ENABLE and X2APIC_MODE are apicv_active. */
export function avic_activate_vmcb(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.intercept_cr8_write = false;
  this.kvm_make_request(KVM_REQ_TLB_FLUSH_CURRENT, vcpu);
}

/** arch/x86/kvm/svm/avic.c: avic_deactivate_vmcb() */
export function avic_deactivate_vmcb(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  vcpu.arch.vmcb.intercept_cr8_write = true;
}

/** arch/x86/kvm/svm/avic.c: avic_init_vmcb() */
export function avic_init_vmcb(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (this.kvm_vcpu_apicv_active(vcpu)) this.avic_activate_vmcb(vcpu);
  else this.avic_deactivate_vmcb(vcpu);
}

/** arch/x86/kvm/svm/avic.c: avic_ring_doorbell() */
export function avic_ring_doorbell(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  // RACE: the vCPU may move meanwhile; then it enters anew, and looks at its IRR on the way.
  const cpu = vcpu.cpu;
  if (cpu === this.m.cpu) return;
  // MODEL: it arrives at once
  if (this.guestOn(cpu) === vcpu.id) this.evaluateVirtualInterrupt(vcpu);
  this.trace_kvm_avic_doorbell(vcpu.vcpu_id, cpu);
}

/** arch/x86/kvm/svm/avic.c: avic_kick_vcpu() */
export function avic_kick_vcpu(this: vmlinux_x86, vcpu: kvm_vcpu, icrl: u32): void {
  vcpu.arch.apic.irr_pending = true;
  this.svm_complete_interrupt_delivery(vcpu, icrl & APIC_MODE_MASK, icrl & APIC_INT_LEVELTRIG, icrl & APIC_VECTOR_MASK);
}

/** arch/x86/kvm/svm/avic.c: avic_kick_vcpu_by_physical_id() */
export function avic_kick_vcpu_by_physical_id(this: vmlinux_x86, kvm: kvm, physical_id: u32, icrl: u32): void {
  const target_vcpu = this.kvm_get_vcpu_by_id(kvm, physical_id);
  if (target_vcpu === NULL) return;
  this.avic_kick_vcpu(this.m.vcpu[target_vcpu], icrl);
}

/** arch/x86/kvm/svm/avic.c: avic_kick_vcpu_by_logical_id(): without a table the x2APIC's index is the id. */
export function avic_kick_vcpu_by_logical_id(
  this: vmlinux_x86,
  kvm: kvm,
  avic_logical_id_table: readonly u32[] | null,
  logid_index: u32,
  icrl: u32,
): void {
  let physical_id = logid_index;
  if (avic_logical_id_table !== null) {
    const logid_entry = avic_logical_id_table[logid_index];
    if ((logid_entry & AVIC_LOGICAL_ID_ENTRY_VALID_MASK) === 0) return;
    physical_id = logid_entry & AVIC_LOGICAL_ID_ENTRY_GUEST_PHYSICAL_ID_MASK;
  }
  this.avic_kick_vcpu_by_physical_id(kvm, physical_id, icrl);
}

/** arch/x86/kvm/svm/avic.c: avic_kick_target_vcpus_fast(): 0, or -EINVAL when a scan is needed. */
export function avic_kick_target_vcpus_fast(
  this: vmlinux_x86,
  kvm: kvm,
  source: kvm_lapic,
  icrl: u32,
  icrh: u32,
  index: u32,
): number {
  const dest_mode = icrl & APIC_DEST_MASK;
  const x2apic = this.apic_x2apic_mode(source);

  if ((icrl & APIC_SHORT_MASK) !== APIC_DEST_NOSHORT) return -EINVAL;

  const dest = x2apic ? icrh : GET_XAPIC_DEST_FIELD(icrh);

  if (dest_mode === APIC_DEST_PHYSICAL) {
    if (x2apic && dest === X2APIC_BROADCAST) return -EINVAL;
    if (!x2apic && dest === APIC_BROADCAST) return -EINVAL;
    if (this.warnOn(dest !== index, 'avic_kick_target_vcpus_fast: index')) return -EINVAL;

    this.avic_kick_vcpu_by_physical_id(kvm, dest, icrl);
    return 0;
  }

  let bitmap: u32;
  let cluster: u32;
  if (x2apic) {
    bitmap = dest & 0xffff;
    cluster = (dest >>> 16) << 4;
  } else if (this.kvm_lapic_get_reg(source, APIC_DFR) === APIC_DFR_FLAT) {
    bitmap = dest;
    cluster = 0;
  } else {
    bitmap = dest & 0xf;
    cluster = (dest >>> 4) << 2;
  }
  if (bitmap === 0) return 0;

  const avic_logical_id_table = x2apic ? null : kvm.arch.avic_logical_id_table;
  for (let i = 0; i < 16; i++) {
    if ((bitmap & (1 << i)) !== 0) this.avic_kick_vcpu_by_logical_id(kvm, avic_logical_id_table, cluster + i, icrl);
  }
  return 0;
}

/** arch/x86/kvm/svm/avic.c: avic_kick_target_vcpus() */
export function avic_kick_target_vcpus(
  this: vmlinux_x86,
  kvm: kvm,
  source: kvm_lapic,
  icrl: u32,
  icrh: u32,
  index: u32,
): void {
  const dest = this.apic_x2apic_mode(source) ? icrh : GET_XAPIC_DEST_FIELD(icrh);

  if (this.avic_kick_target_vcpus_fast(kvm, source, icrl, icrh, index) === 0) return;

  this.trace_kvm_avic_kick_vcpu_slowpath(icrh, icrl, index);

  for (const id of kvm.vcpus) {
    const vcpu = this.m.vcpu[id];
    if (this.kvm_apic_match_dest(vcpu, source, icrl & APIC_SHORT_MASK, dest, icrl & APIC_DEST_MASK)) {
      this.avic_kick_vcpu(vcpu, icrl);
    }
  }
}

/** arch/x86/kvm/svm/avic.c: avic_incomplete_ipi_interception(): the exit's information as parameters. */
export function avic_incomplete_ipi_interception(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  icrl: u32,
  icrh: u32,
  id: u32,
  index: u32,
): number {
  const apic = vcpu.arch.apic;

  this.trace_kvm_avic_incomplete_ipi(vcpu.vcpu_id, icrh, icrl, id, index);

  switch (id) {
    case AVIC_IPI_FAILURE_INVALID_TARGET:
    case AVIC_IPI_FAILURE_INVALID_INT_TYPE:
      if ((icrl & APIC_ICR_BUSY) !== 0) this.kvm_apic_write_nodecode(vcpu, APIC_ICR);
      else this.kvm_apic_send_ipi(apic, icrl, icrh);
      break;
    case AVIC_IPI_FAILURE_TARGET_NOT_RUNNING:
      // Hardware has set the bits in the targets' IRRs.
      this.avic_kick_target_vcpus(this.m.kvm[vcpu.kvm], apic, icrl, icrh, index);
      break;
    case AVIC_IPI_FAILURE_INVALID_BACKING_PAGE:
      this.warnOn(true, 'avic_incomplete_ipi_interception: invalid backing page');
      break;
    case AVIC_IPI_FAILURE_INVALID_IPI_VECTOR:
      break;
    default:
      break; // an error in the host's log
  }
  return 1;
}

/** arch/x86/kvm/svm/avic.c: avic_get_logical_id_entry(): the index in the table; -1 for NULL. */
export function avic_get_logical_id_entry(this: vmlinux_x86, _vcpu: kvm_vcpu, ldr_reg: u32, flat: boolean): number {
  let ldr = GET_APIC_LOGICAL_ID(ldr_reg);
  let cluster = 0;
  if (!flat) {
    cluster = ldr >>> 4;
    if (cluster >= 0xf) return -1;
    ldr &= 0xf;
  }
  if (ldr === 0 || (ldr & (ldr - 1)) !== 0) return -1;

  const index = 31 - Math.clz32(ldr);
  if (this.warnOn(index > 7, 'avic_get_logical_id_entry: index')) return -1;
  return index + (cluster << 2);
}

/** arch/x86/kvm/svm/avic.c: avic_ldr_write() */
export function avic_ldr_write(this: vmlinux_x86, vcpu: kvm_vcpu, g_physical_id: number, ldr: u32): void {
  const flat = this.kvm_lapic_get_reg(vcpu.arch.apic, APIC_DFR) === APIC_DFR_FLAT;
  const entry = this.avic_get_logical_id_entry(vcpu, ldr, flat);
  if (entry < 0) return;

  const table = this.m.kvm[vcpu.kvm].arch.avic_logical_id_table;
  let new_entry = table[entry];
  new_entry &= ~AVIC_LOGICAL_ID_ENTRY_GUEST_PHYSICAL_ID_MASK;
  new_entry |= g_physical_id & AVIC_LOGICAL_ID_ENTRY_GUEST_PHYSICAL_ID_MASK;
  new_entry |= AVIC_LOGICAL_ID_ENTRY_VALID_MASK;
  table[entry] = new_entry >>> 0;
}

/** arch/x86/kvm/svm/avic.c: avic_invalidate_logical_id_entry() */
export function avic_invalidate_logical_id_entry(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const svm = vcpu.arch.vmcb;
  const flat = svm.dfr_reg === APIC_DFR_FLAT;

  if (this.apic_x2apic_mode(vcpu.arch.apic)) return;

  const entry = this.avic_get_logical_id_entry(vcpu, svm.ldr_reg, flat);
  if (entry < 0) return;
  const table = this.m.kvm[vcpu.kvm].arch.avic_logical_id_table;
  table[entry] = (table[entry] & ~AVIC_LOGICAL_ID_ENTRY_VALID_MASK) >>> 0;
}

/** arch/x86/kvm/svm/avic.c: avic_handle_ldr_update() */
export function avic_handle_ldr_update(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const svm = vcpu.arch.vmcb;
  const ldr = this.kvm_lapic_get_reg(vcpu.arch.apic, APIC_LDR);
  const id = this.kvm_xapic_id(vcpu.arch.apic);

  if (this.apic_x2apic_mode(vcpu.arch.apic)) return;
  if (ldr === svm.ldr_reg) return;

  this.avic_invalidate_logical_id_entry(vcpu);

  svm.ldr_reg = ldr;
  this.avic_ldr_write(vcpu, id, ldr);
}

/** arch/x86/kvm/svm/avic.c: avic_handle_dfr_update() */
export function avic_handle_dfr_update(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const svm = vcpu.arch.vmcb;
  const dfr = this.kvm_lapic_get_reg(vcpu.arch.apic, APIC_DFR);

  if (svm.dfr_reg === dfr) return;

  this.avic_invalidate_logical_id_entry(vcpu);
  svm.dfr_reg = dfr;
}

/** arch/x86/kvm/svm/avic.c: avic_unaccel_trap_write() */
export function avic_unaccel_trap_write(this: vmlinux_x86, vcpu: kvm_vcpu, offset: u32): number {
  switch (offset) {
    case APIC_LDR:
      this.avic_handle_ldr_update(vcpu);
      break;
    case APIC_DFR:
      this.avic_handle_dfr_update(vcpu);
      break;
    case APIC_RRR:
      return 1;
    default:
      break;
  }
  this.kvm_apic_write_nodecode(vcpu, offset);
  return 1;
}

const TRAPS: readonly u32[] = [
  APIC_ID,
  APIC_EOI,
  APIC_RRR,
  APIC_LDR,
  APIC_DFR,
  APIC_SPIV,
  APIC_ESR,
  APIC_ICR,
  APIC_LVTT,
  APIC_LVTTHMR,
  APIC_LVTPC,
  APIC_LVT0,
  APIC_LVT1,
  APIC_LVTERR,
  APIC_TMICT,
  APIC_TDCR,
];

/** arch/x86/kvm/svm/avic.c: is_avic_unaccelerated_access_trap(): else it is a fault, before the access. */
export function is_avic_unaccelerated_access_trap(this: vmlinux_x86, offset: u32): boolean {
  return TRAPS.includes(offset);
}

/** arch/x86/kvm/svm/avic.c: avic_unaccelerated_access_interception(): the exit's information as parameters. */
export function avic_unaccelerated_access_interception(
  this: vmlinux_x86,
  vcpu: kvm_vcpu,
  offset: u32,
  vector: u32,
  write: boolean,
): number {
  const trap = this.is_avic_unaccelerated_access_trap(offset);

  this.trace_kvm_avic_unaccelerated_access(vcpu.vcpu_id, offset, trap, write, vector);
  if (trap) {
    this.warnOn(!write, 'avic_unaccelerated_access_interception: trap on a read');
    return this.avic_unaccel_trap_write(vcpu, offset);
  }
  return this.emulateApicAccess(vcpu);
}

/** arch/x86/kvm/svm/avic.c: avic_apicv_post_state_restore() */
export function avic_apicv_post_state_restore(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  this.avic_handle_dfr_update(vcpu);
  this.avic_handle_ldr_update(vcpu);
}

/** arch/x86/kvm/svm/avic.c: avic_refresh_virtual_apic_mode() */
export function avic_refresh_virtual_apic_mode(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  if (!this.lapic_in_kernel(vcpu) || !this.m.kvm[vcpu.kvm].arch.enable_apicv) return;
  if (this.kvm_vcpu_apicv_active(vcpu)) {
    this.avic_apicv_post_state_restore(vcpu);
    this.avic_activate_vmcb(vcpu);
  } else {
    this.avic_deactivate_vmcb(vcpu);
  }
}

/** arch/x86/kvm/svm/avic.c: avic_refresh_apicv_exec_ctrl(): without IOMMU. */
export function avic_refresh_apicv_exec_ctrl(this: vmlinux_x86, vcpu: kvm_vcpu): void {
  const activated = this.kvm_vcpu_apicv_active(vcpu);
  if (!this.m.kvm[vcpu.kvm].arch.enable_apicv) return;
  this.avic_refresh_virtual_apic_mode(vcpu);
  if (activated) this.avic_vcpu_load(vcpu, vcpu.cpu);
  else this.avic_vcpu_put(vcpu);
}
