// SPDX-License-Identifier: GPL-2.0-only
/** arch/s390/kvm/trace.h, trace-s390.h (6.12.117): fields under the kernel's names. */
import type { kvm_vcpu } from '../arch/s390/kvm_host.js';
import { toBigInt, type u8, type u16, type u32 } from '../lib/types.js';
import type { vmlinux_s390 } from '../vmlinux/vmlinux-s390.js';

type Fields = Readonly<Record<string, string | number | boolean>>;

const hex = (n: number | bigint): string => `0x${n.toString(16)}`;

function emit(k: vmlinux_s390, event: string, fields: Fields): void {
  if (k.tp !== null) k.tp({ system: 'kvm', event, cpu: k.m.cpu, ts: toBigInt(k.m.sched_clock).toString(), fields });
}

/** VCPU_FIELD_COMMON */
function common({ vcpu_id, arch }: kvm_vcpu): Fields {
  const { mask, addr } = arch.sie_block.gpsw;
  return { id: vcpu_id, pswmask: hex(toBigInt(mask)), pswaddr: hex(addr) };
}

/** arch/s390/kvm/trace.h: kvm_s390_sie_enter() */
export function trace_kvm_s390_sie_enter(this: vmlinux_s390, vcpu: kvm_vcpu, cpuflags: u32): void {
  if (this.tp !== null) emit(this, 'kvm_s390_sie_enter', { ...common(vcpu), cpuflags });
}

/** arch/s390/kvm/trace.h: kvm_s390_sie_exit() */
export function trace_kvm_s390_sie_exit(this: vmlinux_s390, vcpu: kvm_vcpu, icptcode: u8): void {
  if (this.tp !== null) emit(this, 'kvm_s390_sie_exit', { ...common(vcpu), icptcode });
}

/** arch/s390/kvm/trace.h: kvm_s390_intercept_instruction() */
export function trace_kvm_s390_intercept_instruction(this: vmlinux_s390, vcpu: kvm_vcpu, ipa: u16, ipb: u32): void {
  if (this.tp === null) return;
  emit(this, 'kvm_s390_intercept_instruction', {
    ...common(vcpu),
    instruction: hex((BigInt(ipa) << 48n) | (BigInt(ipb) << 16n)),
  });
}

/** arch/s390/kvm/trace.h: kvm_s390_handle_diag() */
export function trace_kvm_s390_handle_diag(this: vmlinux_s390, vcpu: kvm_vcpu, code: u16): void {
  if (this.tp !== null) emit(this, 'kvm_s390_handle_diag', { ...common(vcpu), code });
}

/** arch/s390/kvm/trace.h: kvm_s390_handle_sigp() */
export function trace_kvm_s390_handle_sigp(
  this: vmlinux_s390,
  vcpu: kvm_vcpu,
  order_code: u8,
  cpu_addr: u16,
  parameter: u32,
): void {
  if (this.tp !== null) emit(this, 'kvm_s390_handle_sigp', { ...common(vcpu), order_code, cpu_addr, parameter });
}

/** arch/s390/kvm/trace-s390.h: kvm_s390_inject_vcpu() */
export function trace_kvm_s390_inject_vcpu(this: vmlinux_s390, id: u32, type: u32, parm: u32, parm64: number): void {
  if (this.tp !== null) emit(this, 'kvm_s390_inject_vcpu', { id, inttype: type, parm, parm64: hex(parm64) });
}

/** arch/s390/kvm/trace-s390.h: kvm_s390_deliver_interrupt() */
export function trace_kvm_s390_deliver_interrupt(
  this: vmlinux_s390,
  id: u32,
  type: u32,
  data0: number,
  data1: number,
): void {
  if (this.tp !== null)
    emit(this, 'kvm_s390_deliver_interrupt', { id, inttype: type, data0: hex(data0), data1: hex(data1) });
}
